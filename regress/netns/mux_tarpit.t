#!/usr/bin/env bash
# A tarpit holds a thousand connections of a worker and no more, and each that
# goes makes room for another.
. "$(dirname "$0")/../lib.sh"
need_refract
machine host
refract_conf <<-EOT
	workers 1
	listen "pit" on 127.0.0.1 tcp port 2010 {
		connections 5000, per address none
		socks5 tarpit
		http to 127.0.0.1 port 1
	}
EOT
ok 'it starts' refract_start

# hold N BEYOND: so many say what leads to the tarpit; how many of them were
# closed when that many were, or after a long time.
cat >"$T/hold.py" <<-'EOT'
	import select, socket, sys
	n, beyond = int(sys.argv[1]), int(sys.argv[2])
	p, held = select.poll(), []
	for i in range(n):
	    s = socket.create_connection(("127.0.0.1", 2010), 60)
	    s.send(b"\x05\x01\x00")
	    p.register(s, select.POLLIN)
	    held.append(s)
	closed = 0
	while closed < beyond:
	    gone = p.poll(45000)
	    if not gone:
	        break
	    closed += len(gone)
	    for fd, _ in gone:
	        p.unregister(fd)
	print(closed)
EOT
nobody() { ctl show connections | grep -q 'no connections'; }
is 'beyond a thousand they are closed' \
    "$(on host python3 "$T/hold.py" 1050 50)" 50
soon 'they go' 60 nobody
is 'there is room again' "$(on host python3 "$T/hold.py" 1020 20)" 20
ok 'it stops' refract_stop
done_testing
