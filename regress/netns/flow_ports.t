#!/usr/bin/env bash
# Ports towards members: half of the host's, of each source if there are any;
# what becomes of flows at the bound, and when the host has none left.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3
[[ -x $OBJ/libexec/refract/refract-mux ]] || skip_all "the mux is not built"
machine host
on host ip addr add 10.9.1.1/32 dev lo
on host ip addr add 10.9.1.2/32 dev lo

FLOW=$TOP/regress/netns/flow.py
LOW=30000 HIGH=30199
flow() { on host timeout 60 python3 "$FLOW" "$@"; }
# As many ports as the host gives out, in a process whose own are elsewhere.
range() { on host sysctl -qw net.ipv4.ip_local_port_range="$1 $2"; }
flows_of() {
	ctl show listeners 2>/dev/null | awk -v l="$1" '$1 == l { print $2 }'
}
# Flows of N clients, whose ports are not the host's to give out.
clients() { flow bound 127.0.0.1 "$1" "$2" 40000 'echo c'; }
# Address and port of each socket towards a member.
sockets() { on host ss -Hanu "dport = :$1" | awk '{ print $4 }'; }

range $LOW $HIGH
conf() {
	refract_conf <<-EOT
		workers 1
		drain 1s
		pool "two" {
			member 127.0.0.1 port 7101
			sources { 10.9.1.1, 10.9.1.2 }
			check none
		}
		listen "one" on 127.0.0.1 udp port 53 {
			per address none; idle 1h
			otherwise to 127.0.0.1 port 7101
		}
		listen "two" on 127.0.0.1 udp port 54 {
			per address none; idle 1h
			otherwise to pool "two"
		}
		listen "web" on 127.0.0.1 tcp port 55 {
			otherwise to pool "two"
		}
	EOT
}
conf
spawn host s1 python3 "$FLOW" serve echo=7101
wait_for 60 grep -q up "$T/s1.out"
ok "refractd starts" refract_start || { done_testing; exit 1; }

is "150 clients are answered, the last ones in place of the idlest" \
    "$(clients 53 150)" 150
is "... and half of the host's ports stay the host's" "$(flows_of one)" 100
is "a socket of its own for each" "$(sockets 7101 | sort -u | wc -l)" 100

is "with two sources 250 clients are answered" "$(clients 54 250)" 250
is "... and twice as many flows stand" "$(flows_of two)" 200
is "... from both of them" \
    "$(sockets 7101 | sed -n 's/^\(10.9.1.*\):.*/\1/p' | sort -u | xargs)" \
    "10.9.1.1 10.9.1.2"
if [[ $(printf '%s\n' 6.3 "$(uname -r)" | sort -V | head -1) == 6.3 ]]; then
	is "... of the upper half" "$(sockets 7101 | grep '^10.9.1' |
	    awk -F: '{ print ($2 >= 30100) }' | sort -u)" 1
else
	skip 1 "... of the upper half" "Linux 6.3 is the first that can"
fi

# Connections are bound to them too.
cat >"$T/who.py" <<-'EOT'
	import socket
	l = socket.create_server(("127.0.0.1", 7101))
	print("up", flush=True)
	while True:
	    c, peer = l.accept()
	    c.recv(100)
	    c.sendall(peer[0].encode() + b"\n")
	    c.close()
EOT
spawn host s2 python3 "$T/who.py"
wait_for 60 grep -q up "$T/s2.out"
like "a connection comes from one of them" \
    "$(on host timeout 20 bash -c 'exec 3<>/dev/tcp/127.0.0.1/55; echo x >&3; cat <&3')" \
    '^10\.9\.1\.[12]$'

# All others are somebody else's: new flows are refused, and nothing else.
ok "a reload with the flows there are" ctl reload
is "... keeps them" "$(flows_of one)" 100
ok "it stops" refract_stop

cat >"$T/hog.py" <<-'EOT'
	import signal, socket
	held = []
	try:
	    while True:
	        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	        s.bind(("0.0.0.0", 0))
	        held.append(s)
	except OSError:
	    print("up", len(held), flush=True)
	signal.pause()
EOT
spawn host hog python3 "$T/hog.py"
wait_for 60 grep -q up "$T/hog.out"
ok "it starts where others have all ports" refract_start
is "no port is left: nobody is answered" \
    "$(flow bound 127.0.0.1 53 3 41000 'echo x' 0.3)" 0
is "... nor with sources" \
    "$(flow bound 127.0.0.1 54 3 42000 'echo x' 0.3)" 0
signal hog KILL
reap hog
is "they are free again: so are new clients" "$(clients 53 20)" 20
is "... and with sources" "$(clients 54 20)" 20
ok "it stops once more" refract_stop
done_testing
