#!/usr/bin/env bash
# The relay, both ends: a LAN whose traffic is redirected, a relay client, a
# relay server, and a destination that sees the LAN's own addresses and ports.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 iptables ip6tables
RELAY=$TOP/regress/netns/relay.py
machine lan
machine near
machine edge
machine dest
link lan l0 "10.1.0.2/24 fd01::2/64" near n0 "10.1.0.1/24 fd01::1/64"
link near n1 "10.2.0.1/24 fd02::1/64" edge e0 "10.2.0.2/24 fd02::2/64"
link edge e1 "10.3.0.1/24 fd03::1/64" dest d0 "10.3.0.2/24 fd03::2/64"
on lan ip route add default via 10.1.0.1
on lan ip -6 route add default via fd01::1
on dest ip route add default via 10.3.0.1
on dest ip -6 route add default via fd03::1
addr dest d0 169.254.9.9/32
addr dest d0 10.3.9.9/32
on edge ip route add 169.254.9.9 via 10.3.0.2
on edge ip route add 10.3.9.9 via 10.3.0.2
cat >"$T/check.conf" <<-END
	relay server "check" on 10.2.0.2 port 21829 {
		client "x" sources { 10.1.0.0/24, fd01::/64 }
	}
END
chmod 600 "$T/check.conf"
check() { on edge "$OBJ/sbin/refractd" -n -f "$T/check.conf" 2>&1; }
missing=$(check)
like 'refractd -n says what is missing' "$missing" \
    'ip route add local 10\.1\.0\.0/24 dev lo'
like '... and for IPv6' "$missing" 'ip -6 rule add to fd01::/64 ipproto tcp'
# Answers come back to this host.
on edge ip route add local 10.1.0.0/24 dev lo
on edge ip -6 route add local fd01::/64 dev lo table 30
on edge ip -6 rule add to fd01::/64 ipproto tcp lookup 30
unlike '... and nothing when nothing is' "$(check)" 'not local|ip route'
for m in iptables ip6tables; do
	on near "$m" -t nat -A PREROUTING -i n0 -p tcp -j REDIRECT --to-ports 9001
done
spawn dest server python3 "$RELAY" serve 7000
wait_for 60 grep -q up "$T/server.out" || skip_all "no server"
spawn edge own python3 "$RELAY" serve 7001
wait_for 60 grep -q up "$T/own.out"

EDGE=$T/edge.conf NEAR=$T/near.conf
{
	echo 'workers 2'
	echo 'relay server "edge" on 10.2.0.2 port 21829 {'
	echo '	header within 1s'
	echo '	timeout 5s'
	echo '	client "lan" sources { 10.1.0.0/24, fd01::/64 }'
	echo '	client "" sources 10.1.0.66'
	echo '	client "all"'
	echo '	client "two" connections 2'
	echo '	client "signed" key "0123456789abcdef0123" sources 10.1.0.0/24'
	echo '	destination deny 10.3.9.9'
	for ((i = 0; i < 9995; i++)); do
		echo "	client \"token $i\" sources { 10.1.0.$((i % 250 + 1)), fd01::$i }"
	done
	echo '}'
	cat <<-END
		relay server "any" on 10.2.0.2 port 21830 {
			client any
			any port
			with proxy v2
			offence token 3 times within 1m ban for 10m
		}
		relay server "strict" on 10.2.0.2 port 21831 {
			client "x"
			destination allow { 10.3.0.2, 10.2.0.2 }
			offence token 3 times within 1m ban for 10m
			transparent
		}
	END
} >"$EDGE"
cat >"$NEAR" <<-END
	workers 2
	relay client "lan" on * port 9001 redirect {
		server 10.2.0.2 port 21829 auth "lan"
		timeout 1m
	}
	relay client "signed" on * port 9002 redirect {
		server 10.2.0.2 port 21829 auth "signed" key "0123456789abcdef0123" local 10.2.0.1 interface "n1" mark 0x1234
	}
	relay client "clear" on * port 9003 tproxy {
		server 10.2.0.2 port 21829 auth "all"
	}
END
chmod 600 "$EDGE" "$NEAR"
# start MACHINE NAME
start() {
	spawn "$1" "$1.d" "$OBJ/sbin/refractd" -d -f "$2" &&
	    wait_for 60 listening "$1" "$3"
}
ok 'the server starts, with 10,000 clients' start edge "$EDGE" 21829
ok 'the client starts' start near "$NEAR" 9001
wait_for 60 listening near 9003

ask() { on lan python3 "$RELAY" ask "$@"; }
header() { on near python3 "$RELAY" header 10.2.0.2 "$@"; }
said() { wait_for 10 grep -q -- "$1" "$T/edge.d.err"; }

# --- Through both ----------------------------------------------------------

is 'IPv4: the destination sees the address and port of the LAN' \
    "$(ask 10.1.0.2 40001 10.3.0.2 7000)" '10.1.0.2 40001 hellobye'
is 'IPv6' "$(ask fd01::2 40002 fd03::2 7000)" 'fd01::2 40002 hellobye'
is 'the same port at once again' \
    "$(ask 10.1.0.2 40001 10.3.0.2 7000)" '10.1.0.2 40001 hellobye'
like 'nobody redirected it: dropped' \
    "$(on near python3 "$RELAY" ask 127.0.0.1 0 127.0.0.1 9001)" \
    '^(ConnectionResetError| reset)$'
on near iptables -t nat -R PREROUTING 1 -i n0 -p tcp -j REDIRECT --to-ports 9002
is 'signed, from a local address, by an interface, with a mark' \
    "$(ask 10.1.0.2 40003 10.3.0.2 7000)" '10.1.0.2 40003 hellobye'
on near iptables -t nat -F PREROUTING
on near iptables -t mangle -A PREROUTING -i n0 -p tcp -j TPROXY \
    --on-port 9003 --tproxy-mark 1
on near ip rule add fwmark 1 lookup 77
on near ip route add local 0.0.0.0/0 dev lo table 77
is 'TPROXY' "$(ask 10.1.0.2 40004 10.3.0.2 7000)" '10.1.0.2 40004 hellobye'

# --- The server ------------------------------------------------------------

is 'by hand' "$(header 21829 to=10.3.0.2,7000 from=10.1.0.7,41001 token=lan)" \
    '10.1.0.7 41001 hellobye'
is 'a v4-mapped source' "$(header 21829 to=10.3.0.2,7000 \
    from=10.1.0.7,41002 token=lan mapped)" '10.1.0.7 41002 hellobye'
is 'byte by byte' "$(header 21829 to=10.3.0.2,7000 from=10.1.0.7,41003 \
    token=lan slow)" '10.1.0.7 41003 hellobye'
is 'the blank token' "$(header 21829 to=10.3.0.2,7000 from=10.1.0.66,41004)" \
    '10.1.0.66 41004 hellobye'
is 'the last of 10,000' "$(header 21829 to=10.3.0.2,7000 from=10.1.0.245,41005 \
    'token=token 9994')" '10.1.0.245 41005 hellobye'
is 'no client is asked for' "$(header 21830 to=10.3.0.2,7000 \
    from=10.1.0.7,41006 auth=00 | tr -dc 'a-zA-Z0-9 .' | grep -c 41006)" 1
is 'from a transparent socket' "$(header 21831 to=10.3.0.2,7000 \
    from=10.1.0.7,41007 token=x)" '10.1.0.7 41007 hellobye'
is 'its own address, if that is allowed' "$(header 21831 to=10.2.0.2,7001 \
    from=10.1.0.7,41008 token=x)" '10.1.0.7 41008 hellobye'

# refused NAME REASON PORT OPTIONS...
refused() {
	local name=$1 why=$2
	shift 2
	is "refused: $name" "$(header "$@")" reset
	ok "... and said: $why" said "$why"
}
refused 'a token that nobody has' 'no client has this token' 21829 \
    to=10.3.0.2,7000 from=10.1.0.7,42001 token=nobody
refused 'an auth of one byte' 'no client has this token' 21829 \
    to=10.3.0.2,7000 from=10.1.0.7,42001 auth=00
refused 'a source that is not the client'\''s' 'may not have this source' \
    21829 to=10.3.0.2,7000 from=10.4.0.7,42002 token=lan
refused 'a blank token'\''s other source' 'may not have this source' \
    21829 to=10.3.0.2,7000 from=10.1.0.67,42002 token=
refused 'another version' 'another version' 21829 \
    to=10.3.0.2,7000 from=10.1.0.7,42003 token=lan version=3
refused 'another opcode' 'another opcode' 21829 \
    to=10.3.0.2,7000 from=10.1.0.7,42004 token=lan opcode=2
refused 'loopback' 'loopback, link-local' 21829 \
    to=127.0.0.1,7001 from=10.1.0.7,42005 token=lan
refused 'nowhere' 'loopback, link-local' 21829 \
    to=0.0.0.0,7001 from=10.1.0.7,42005 token=lan
refused 'link-local' 'loopback, link-local' 21829 \
    to=169.254.9.9,7000 from=10.1.0.7,42006 token=lan
refused 'the server itself' 'the destination is this host' 21829 \
    to=10.3.0.1,7001 from=10.1.0.7,42007 token=lan
refused 'the server itself, IPv6' 'the destination is this host' 21829 \
    to=fd03::1,7001 from=fd01::7,42007 token=lan
refused 'a destination that is denied' 'the destination is denied' 21829 \
    to=10.3.9.9,7000 from=10.1.0.7,42008 token=lan
refused 'a destination that is not allowed' 'not one that is allowed' 21831 \
    to=10.3.9.9,7000 from=10.1.0.7,42009 token=x
refused 'two families' 'different families' 21829 \
    to=fd03::2,7000 from=10.1.0.7,42010 token=lan
refused 'a port below 1024' 'below 1024' 21829 \
    to=10.3.0.2,7000 from=10.1.0.7,99 token=lan
refused 'the same, from a transparent socket' 'below 1024' 21831 \
    to=10.3.0.2,7000 from=10.1.0.7,99 token=x
refused 'nobody listens there' 'the destination: Connection refused' 21829 \
    to=10.3.0.2,7999 from=10.1.0.7,42011 token=lan
refused 'a source without a way back' 'no way\|Network is unreachable' 21829 \
    to=10.3.0.2,7000 from=10.77.0.7,42012 token=all
refused 'a token where a key is asked for' 'no client has this token' 21829 \
    to=10.3.0.2,7000 from=10.1.0.7,42013 token=signed
refused 'a key that nobody has' 'no client has this key' 21829 \
    to=10.3.0.2,7000 from=10.1.0.7,42014 key=fedcba98765432100000
refused 'a signature of another time' 'of another time' 21829 \
    to=10.3.0.2,7000 from=10.1.0.7,42015 key=0123456789abcdef0123 at=-90
like 'any port: another is used below 1024' "$(header 21830 to=10.3.0.2,7000 \
    from=10.1.0.7,99 auth=00 | tr -dc 'a-zA-Z0-9 .')" '10.1.0.7 [0-9]{4,5}'

is 'a signed header is good once' "$(header 21829 to=10.3.0.2,7000 \
    from=10.1.0.7,42020 key=0123456789abcdef0123 times=3 | tr '\n' ,)" \
    '10.1.0.7 42020 hellobye,reset,reset,'
ok '... and said' said 'for the second time'

on edge python3 -c '
import socket, time
s = socket.socket()
s.setsockopt(0, 15, 1)
s.bind(("10.1.0.7", 42030))
s.listen()
print("up", flush=True)
time.sleep(100)' >"$T/taken.out" &
wait_for 10 grep -q up "$T/taken.out"
refused 'a port that is taken' 'in use here' 21829 \
    to=10.3.0.2,7000 from=10.1.0.7,42030 token=lan
like 'who stops in the middle is let go' "$(header 21829 to=10.3.0.2,7000 \
    from=10.1.0.7,42031 token=lan cut=20)" '^(closed|reset) 1 s$'
ok '... and said' said 'no header in time'

# --- Limits ----------------------------------------------------------------

for i in 1 2; do
	spawn near "hold$i" python3 "$RELAY" header 10.2.0.2 21829 \
	    to=10.3.0.2,7000 "from=10.1.0.7,4300$i" token=two hold=60
	wait_for 10 grep -q 10.1 "$T/hold$i.out"
done
refused 'a third connection of a client' 'too many connections' 21829 \
    to=10.3.0.2,7000 from=10.1.0.7,43003 token=two
rows=$(on edge "$OBJ/bin/refractctl" -j show connections)
like 'show connections has all four addresses' "$rows" \
    '10\.1\.0\.7.*10\.3\.0\.2.*10\.2\.0\.1'
signal hold1; reap hold1
soon 'one that ends makes room' 10 bash -c "[[ \$(nsenter -t ${MACHINE_PID[near]} \
    -m -n -p -- python3 $RELAY header 10.2.0.2 21829 to=10.3.0.2,7000 \
    from=10.1.0.7,43004 token=two) == '10.1.0.7 43004 hellobye' ]]"
is 'idle for too long' "$(on near python3 "$RELAY" header 10.2.0.2 21829 \
    to=10.3.0.2,7000 from=10.1.0.7,43005 token=lan hold=7)" 10.1.0.7
ok '... and said' said 'idle for too long'
config=$(on edge "$OBJ/bin/refractctl" show config)
unlike 'tokens are not shown' "$config" 'token 17"'
like '... but that there are some' "$config" 'client "\*\*\*" key "\*\*\*"'
for i in 1 2 3; do
	header 21831 to=10.3.0.2,7000 from=10.1.0.7,44001 token=bad >/dev/null
done
soon 'bad tokens are banned for' 10 on edge ipset -q test refract4 10.2.0.1
done_testing
