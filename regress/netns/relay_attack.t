#!/usr/bin/env bash
# A worker of the mux that was taken over asks the enforcer for sockets: it
# gets those that a listener needs, and no other mark, no transparent ones.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3
machine host

refract_conf <<-END
	workers 1
	relay client "lan" on 127.0.0.1 port 9001 redirect {
		server 127.0.0.9 port 9 auth "x" mark 0x1234
		check none
	}
END
ok 'it starts' refract_start

# What M_MUX_CLEAR is, as the compiler counts.
type_of() {
	python3 - "$TOP/common/msg.h" "$1" <<-'END'
	import re, sys
	text = re.sub(r'(?s)/\*.*?\*/', '', open(sys.argv[1]).read())
	n = 0
	for name, at in re.findall(r'(\w+)(?:\s*=\s*(\w+))?\s*,?',
	                           text.split('enum msg_type {')[1].split('}')[0]):
	    n = int(at, 0) if at else n + 1
	    if name == sys.argv[2]:
	        print(n)
	END
}
CLEAR=$(type_of M_MUX_CLEAR)

# ask KIND MARK COUNT: in the worker's name, on its own channel; how many the
# enforcer made, by what it sends back.
ask() {
	on host python3 - "$(child_pid '^refract-mux')" \
	    "$(child_pid '^refract-enforcer')" "$CLEAR" "$@" <<-'END'
	import ctypes, os, re, signal, socket, struct, subprocess, sys
	mux, enforcer, clear, kind, mark, count = (int(x, 0) for x in sys.argv[1:])
	rows = subprocess.run(['ss', '-xpH'], capture_output=True,
	                      text=True).stdout.splitlines()
	ends = {}
	for row in rows:
	    w = row.split()
	    ends[w[5]] = (w[7], [tuple(map(int, x)) for x in
	                  re.findall(r'pid=(\d+),fd=(\d+)', row)])
	fds = [f for peer, users in ends.values() for p, f in users
	       if p == mux and any(q == enforcer for q, _ in
	                           ends.get(peer, (0, []))[1])]
	pidfd = os.pidfd_open(mux)
	os.kill(mux, signal.SIGSTOP)
	fd = ctypes.CDLL(None).syscall(438, pidfd, fds[0], 0)
	s = socket.socket(fileno=fd)
	s.setblocking(True)
	s.settimeout(60)
	body = struct.pack('=IIIIiI', kind, socket.AF_INET, 1, count, 0, mark)
	s.send(struct.pack('=IIII', clear, 16 + len(body), 0, 7) + body)
	got, passed, made, n = b'', [], [], 0
	while n < count:
	    data, more, _, _ = socket.recv_fds(s, 65536, 64)
	    got += data
	    passed += more
	    while len(got) >= 16 and len(got) >= struct.unpack_from('=I', got, 4)[0]:
	        _, size, flags, ours = struct.unpack_from('=IIII', got)
	        got = got[size:]
	        o = socket.socket(fileno=passed.pop(0)) if flags else None
	        if ours != 7:		# what the worker itself asked for
	            continue
	        n += 1
	        if o:
	            made.append('mark 0x%x transparent %d' % (
	                o.getsockopt(1, 36), o.getsockopt(0, 19)))
	print(', '.join(made) or 'none')
	os.kill(mux, signal.SIGCONT)
	END
}

is 'a mark that a server has' "$(ask 4 0x1234 1)" \
    'mark 0x1234 transparent 0'
is 'another mark' "$(ask 4 0x1 1)" none
is 'no mark at all' "$(ask 4 0 1)" none
is 'transparent sockets, that no route needs' "$(ask 3 0 2)" none
ok 'which is said' logged 'the mux asks for what no listener needs: .* 0x1$'
refract_conf <<-END
	workers 1
	listen "clear" on 127.0.0.1 tcp port 9002 {
		otherwise to 127.0.0.9 port 9 transparent
	}
END
signal refractd HUP
soon 'a route that is transparent' 60 listening host 9002
soon 'gets them' 60 eval '[[ $(ask 3 0 1) == "mark 0x0 transparent 1" ]]'
is 'still no other mark' "$(ask 4 0x1 1)" none
ok 'it stops' refract_stop
done_testing
