#!/usr/bin/env bash
# Transparent routes: a backend, on another host or on this one, sees the
# client's own address and port; what brings its answers back is what
# refractd -n prints.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3
machine client
machine host
machine backend
link client c0 "10.9.0.2/24 fd09::2/64" host h0 "10.9.0.1/24 fd09::1/64"
link host h1 "10.9.1.1/24 fd0b::1/64" backend b0 "10.9.1.2/24 fd0b::2/64"
on backend ip route add default via 10.9.1.1
on backend ip -6 route add default via fd0b::1
on client ip route add default via 10.9.0.1

# Says whom it talks to, then back what it is told.
server() {
	spawn "$1" "$2" python3 -c '
import socket, sys, threading
def talk(c, a):
    c.sendall(("%s %d\n" % (a[0], a[1])).encode())
    while True:
        data = c.recv(65536)
        if not data:
            break
        c.sendall(data)
    c.close()
s = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6,
    dualstack_ipv6=True)
print("up", flush=True)
while True:
    c, a = s.accept()
    a = (a[0].replace("::ffff:", ""), a[1])
    threading.Thread(target=talk, args=(c, a), daemon=True).start()
' "$3" && wait_for 60 grep -q up "$T/$2.out"
}
server backend far 7000
server host near 7001

refract_conf <<-END
	workers 2
	listen "four" on 10.9.0.1 tcp port { 8000, 8001 } {
		per address none
		otherwise to 10.9.1.2 port 7000 transparent
	}
	listen "six" on fd09::1 tcp port 8000 {
		otherwise to fd0b::2 port 7000 transparent
	}
	listen "here" on 10.9.0.1 tcp port 8002 {
		otherwise to 127.0.0.1 port 7001 transparent
	}
	listen "mixed" on fd09::1 tcp port 8003 {
		otherwise to 10.9.1.2 port 7000 transparent
	}
END
on host "$OBJ/sbin/refractd" -n -f "$REFRACT_CONF" >"$T/check" 2>&1
like 'refractd -n says what is needed' "$(<"$T/check")" \
    'ip rule add from 10\.9\.1\.2 ipproto tcp sport 7000 table'
ok 'it starts' refract_start

# peer FROM PORT TO PORT: what the backend says
peer() {
	on client python3 -c '
import socket, sys
six = ":" in sys.argv[1]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.settimeout(float(sys.argv[5]))
try:
    s.bind((sys.argv[1], int(sys.argv[2])))
    s.connect((sys.argv[3], int(sys.argv[4])))
    s.sendall(b"hello")
    text = b""
    while not text.endswith(b"hello"):
        data = s.recv(1000)
        if not data:
            break
        text += data
    print(text.decode())
except OSError as e:
    print(type(e).__name__)
' "$@" "${5:-60}"
}
like 'without the way back nobody is reached' \
    "$(peer 10.9.0.2 40000 10.9.0.1 8000 3)" 'Timeout|Reset|timeout'
sed -n 's/^#	\(ip .*\)/\1/p' "$T/check" | sed 's/#.*//' >"$T/way"
while read -r line; do
	# shellcheck disable=SC2086
	on host $line || fail "$line"
done <"$T/way"

is 'IPv4: address and port are the client'\''s' \
    "$(peer 10.9.0.2 40001 10.9.0.1 8000)" $'10.9.0.2 40001\nhello'
is 'IPv6' "$(peer fd09::2 40002 fd09::1 8000)" $'fd09::2 40002\nhello'
is 'a backend on this host' "$(peer 10.9.0.2 40003 10.9.0.1 8002)" \
    $'10.9.0.2 40003\nhello'
like 'of another family it is ours' "$(peer fd09::2 40004 fd09::1 8003)" \
    '^10\.9\.1\.1 [0-9]+.hello$'

# The same client port towards the same backend, twice.
spawn client twice python3 -c '
import socket
all = []
for port in (8000, 8001):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(60)
    s.bind(("10.9.0.2", 40010))
    s.connect(("10.9.0.1", port))
    s.sendall(b"hello")
    all.append(s)
    print(s.recv(100).split(b"\n")[0].decode(), flush=True)
'
reap twice
like 'a port that cannot be had is another one' "$(<"$T/twice.out")" \
    '^10\.9\.0\.2 40010.10\.9\.0\.2 [0-9]+$'
unlike 'really' "$(sed 1d "$T/twice.out")" ' 40010$'
ok 'which is said' logged 'port 40010 of a client cannot be had'
is 'a low port is another one too' \
    "$(peer 10.9.0.2 900 10.9.0.1 8000 | sed 's/ .*//')" $'10.9.0.2\nhello'

# More than the stock.
many() {
	on client python3 -c '
import socket, sys
all, good = [], 0
for i in range(400):
    s = socket.create_connection(("10.9.0.1", 8000), 60)
    s.sendall(b"x")
    all.append((s, s.getsockname()))
for s, (addr, port) in all:
    want = ("%s %d\n" % (addr, port)).encode()
    text = b""
    while len(text) < len(want):
        data = s.recv(100)
        if not data:
            break
        text += data
    good += text.startswith(want)
print(good)
'
}
is '400 at once, each as himself' "$(many)" 400
ok 'it stops' refract_stop
done_testing
