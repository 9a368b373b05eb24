#!/usr/bin/env bash
# What a listener says of its sockets, in the kernel: interface, backlog,
# keepalive, user timeout, fast open; what long hellos may hold together; and
# the command line that needs no file.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3
[[ -x $OBJ/libexec/refract/refract-mux ]] || skip_all "the mux is not built"
machine host
machine peer
link host h0 "10.9.0.1/24 fd09::1/64" peer p0 "10.9.0.2/24 fd09::2/64"

# serve NAME PORT COMMAND
serve() {
	spawn host "$1" socat "TCP6-LISTEN:$2,fork,reuseaddr,ipv6only=0" \
	    "SYSTEM:$3" && wait_for 60 listening host "$2"
}
# ask MACHINE ADDRESS BYTES: who answers
ask() {
	# shellcheck disable=SC2059
	printf "$3" | on "$1" socat -t 60 - "$2" 2>/dev/null | head -1
}
serve http 8080 'echo http; cat'
serve ssh 22 'echo ssh; cat'
serve clock 8090 'while echo tick; do sleep 0.1; done'

# --- No file -----------------------------------------------------------------

refract_notify
# shellcheck disable=SC2016
spawn host refractd env NOTIFY_SOCKET="$T/notify" "$OBJ/sbin/refractd" -d -e \
    'listen "x" on * tcp port 80 { http to 127.0.0.1 port 8080; ssh to 127.0.0.1 port 22 }'
soon 'statements alone start it' 60 refract_ready
is 'IPv4' "$(ask peer TCP4:10.9.0.1:80 'GET / HTTP/1.0\r\n\r\n')" http
is 'IPv6' "$(ask peer 'TCP6:[fd09::1]:80' 'SSH-2.0-x\r\n')" ssh
is 'what is not named does not pass' "$(ask peer TCP4:10.9.0.1:80 '\377')" ''
ok 'it stops' refract_stop

# The socket of a socket unit, known by its backlog.
refract_notify
# shellcheck disable=SC2016
spawn host refractd env NOTIFY_SOCKET="$T/notify" python3 -c '
import os, socket, sys
s = socket.create_server(("10.9.0.1", 83), backlog=9)
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1",
    LISTEN_FDNAMES="unit")
os.execv(sys.argv[1], sys.argv[1:])' "$OBJ/sbin/refractd" -d -e \
    'listen "unit" on 10.9.0.1 tcp port 83 { ssh to 127.0.0.1 port 22 }'
soon 'a socket unit, by its name' 60 refract_ready
is '... is served' "$(ask peer TCP4:10.9.0.1:83 'SSH-2.0-x\r\n')" ssh
is '... as it came' "$(on host ss -Hlnt 'sport = :83' | awk '{ print $3 }')" 9
ok '... and ends' refract_stop

# --- The kernel's part -------------------------------------------------------

for m in host peer; do
	on "$m" sysctl -qw net.ipv4.tcp_fastopen=3
done
refract_conf <<'EOT'
workers 2
drain 0s
listen "opts" on interface "h0" tcp port 81 {
	backlog 7
	keepalive 2h
	user timeout 1s
	fast open yes
	per address none
	ssh to 127.0.0.1 port 22
	http to 127.0.0.1 port 8090
}
listen "hello" on 127.0.0.1 tcp port 82 {
	peek within 5m
	peek memory 64K
	tls sni "a.test" to 127.0.0.1 port 8080
	otherwise to 127.0.0.1 port 22
}
EOT
ok 'it starts' refract_start
is 'interface: who comes by it' "$(ask peer TCP4:10.9.0.1:81 'SSH-2.0-x\r\n')" \
    ssh
is '... and nobody else' "$(ask host TCP4:127.0.0.1:81 'SSH-2.0-x\r\n')" ''
is 'backlog' "$(on host ss -Hlnt 'sport = :81' | awk '{ print $3 }' | sort -u)" 7

passive() {
	on host awk '$1 == "TcpExt:" { if (n++) print $i; else
	    for (i = 2; $i != "TCPFastOpenPassive"; i++) continue }' \
	    /proc/net/netstat
}
# The first time it gets a cookie, and then it has one.
fast() {
	on peer python3 -c '
import socket
for i in range(2):
    s = socket.socket()
    s.sendto(b"SSH-2.0-x\r\n", socket.MSG_FASTOPEN, ("10.9.0.1", 81))
    s.recv(100)
    s.close()'
	(($(passive) > 0))
}
soon 'fast open' 60 fast

printf 'GET / HTTP/1.0\r\n\r\n' >"$T/get"
spawn peer held socat "SYSTEM:cat $T/get; exec cat >/dev/null" \
    TCP4:10.9.0.1:81,sourceport=40001
spawn peer quiet socat "SYSTEM:echo SSH-2.0-x; sleep 600" \
    TCP4:10.9.0.1:81,sourceport=40002
of() { on host ss -Hnto state established "sport = :81 and dport = :$1"; }
soon 'bytes on their way to one' 60 eval '[[ -n $(of 40001) ]]'
soon 'keepalive' 60 eval '[[ $(of 40002) =~ keepalive,1[0-9]+min ]]'
# Bytes that stay unacknowledged: the kernel alone would try for a quarter of
# an hour.
on peer iptables -I INPUT -p tcp --sport 81 -j DROP
soon 'user timeout' 60 eval '[[ -z $(of 40001) ]]'
ok '... not of one who owes nothing' test -n "$(of 40002)"

# --- What long hellos hold together ------------------------------------------

is 'one long hello has room, the next is unknown at once, a short one passes' \
    "$(on host python3 - <<'EOT'
import select, socket, struct
def hello(pad):
    ext = struct.pack('!HH', 21, pad) + bytes(pad) + \
        struct.pack('!HHHBH', 0, 11, 9, 0, 6) + b'a.test'
    body = b'\3\3' + bytes(32) + b'\0\0\2\x13\1\1\0' + \
        struct.pack('!H', len(ext)) + ext
    left, out = b'\1' + struct.pack('!I', len(body))[1:] + body, b''
    while left:
        out += b'\x16\3\1' + struct.pack('!H', len(left[:16000])) + left[:16000]
        left = left[16000:]
    return out
def say(b):
    s = socket.create_connection(('127.0.0.1', 82), 60)
    s.sendall(b)
    return s
def who(s):
    return s.makefile('rb').readline().decode().strip()
two = [say(hello(50000)[:-1]), say(hello(50000)[:-1])]
unknown = select.select(two, [], [], 60)[0][0]
two.remove(unknown)
third = who(say(hello(10)))
two[0].sendall(hello(50000)[-1:])
print(who(unknown), third, who(two[0]))
EOT
)" 'ssh http http'
ok 'it stops' refract_stop
done_testing
