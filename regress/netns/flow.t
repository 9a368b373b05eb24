#!/usr/bin/env bash
# Flows of datagrams end to end: whose they are, how they end, limits, bans,
# reload; real programs behind one port.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 xxd
[[ -x $OBJ/libexec/refract/refract-mux ]] || skip_all "the mux is not built"
machine host
machine peer
link host h0 10.9.0.1/24 peer p0 10.9.0.2/24
on host ip addr add 10.9.0.3/24 dev h0
on peer ip addr add 10.9.0.4/24 dev p0

FLOW=$TOP/regress/netns/flow.py
flow() { on "$1" timeout 60 python3 "$FLOW" "${@:2}"; }
ask() { flow peer ask 10.9.0.1 "$@"; }
serve() {
	spawn host "$1" python3 "$FLOW" serve "${@:2}" &&
	    wait_for 60 grep -q up "$T/$1.out"
}
pids() { on host pgrep -x refract-mux; }
flows_of() {
	ctl show listeners 2>/dev/null | awk -v l="$1" '$1 == l { print $2 }'
}

conf() {
	refract_conf <<-EOT
		workers ${WORKERS:-2}
		drain 1s
		pool "two" {
			member 127.0.0.1 port 7102
			member 127.0.0.1 port 7103 backup
			passive 1
		}
		listen "front" on * udp port 53 {
			per address none
			idle 20s
			dns to 127.0.0.1 port 7100
			bytes "echo" to 127.0.0.1 port 7101
			bytes "two" to pool "two"
			bytes "told" to 127.0.0.1 port 7101 with proxy v2
			bytes "short" to 127.0.0.1 port 7101 idle 1s
			bytes "drop" drop
			contains "needle" to 127.0.0.1 port 7104
			regex "^[0-9]+$" to 127.0.0.1 port 7105
			${EXTRA-}
		}
		listen "few" on 10.9.0.1 udp port 54 {
			connections 3
			otherwise to 127.0.0.1 port 7101
		}
		listen "each" on 10.9.0.1 udp port 55 {
			per address 3
			otherwise to 127.0.0.1 port 7101
		}
		listen "rate" on 10.9.0.1 udp port 56 {
			rate 5 per second
			otherwise to 127.0.0.1 port 7101
		}
		listen "ban" on 10.9.0.1 udp port 57 {
			bytes "echo" to 127.0.0.1 port 7101
			offence unknown 3 times within 1m ban for 1h
		}
	EOT
}
conf
serve s1 echo=7101 second=7103 needle=7104 digits=7105
serve s2 first=7102
ok "refractd starts" refract_start || { done_testing; exit 1; }

like "a datagram goes where its bytes say" "$(ask 53 'echo hello')" \
    '^10\.9\.0\.1 echo echo hello '
like "the answer leaves from the address that was asked" \
    "$(flow peer ask 10.9.0.3 53 'echo hi')" '^10\.9\.0\.3 echo'
like "contains" "$(ask 53 'a needle here')" ' needle a needle'
like "regex" "$(ask 53 '12345')" ' digits 12345 '
like "a regex has the datagram as it is" "$(ask 53 '12345x')" '^none'
is "drop" "$(ask 53 drop)" "none TimeoutError"
is "no route" "$(ask 53 'who')" "none TimeoutError"
like "a datagram of 60000 bytes" "$(ask 53 'echo' 'big')" '60000 bytes'
# The PROXY protocol: ver_cmd 21, fam 12 (IPv4, datagrams), both addresses.
out=$(ask 53 'told 1' 'told 2' | xxd -p | tr -d '\n')
like "a header in front of the first datagram" "$out" \
    '0d0a0d0a000d0a515549540a2112[0-9a-f]{4,6}0a0900020a090001[0-9a-f]{4,8}0035'
like "... and of no other" "$out" \
    "$(printf '\n10.9.0.1 echo told 2 ' | xxd -p | tr -d '\n')"

# Runs of datagrams, which the kernel hands over as one.
for way in to from; do
	is "a run of datagrams, $way the server, comes apart where it was" \
	    "$(flow peer trains 10.9.0.1 53 $way 30 1000)" "31 True"
done
on host ip link set h0 mtu 1280
on peer ip link set p0 mtu 1280
is "a run of datagrams too large for the path goes one by one" \
    "$(flow peer trains 10.9.0.1 53 from 12 1400)" "13 True"
on host ip link set h0 mtu 1500
on peer ip link set p0 mtu 1500
out=$(ask 53 'echo 1' 'echo 2' 'drop 3')
is "a flow keeps its member and its port" \
    "$(awk '{ print $2, $NF }' <<<"$out" | sort -u | wc -l)" 1
like "... whatever it says later" "$out" 'drop 3'
is "an answer from a third port is not passed on" \
    "$(ask 53 'echo' 'spoof' | grep -c SPOOFED)" 0

# Idle.
out=$(ask 53 'short 1' sleep:2.5 'short 2' | awk '{ print $NF }' | sort -u |
    wc -l)
is "an idle flow ends: the next datagram is a new one" "$out" 2

# A member that goes.
like "a pool's first member" "$(ask 53 'two 1')" ' first two 1'
signal s2 KILL
reap s2
ask 53 'two 2' >/dev/null
like "nobody is there: it is marked by its host's answer" \
    "$(ask 53 'two 3')" ' second two 3'
ok "... and that is said" logged 'pool two: 127.0.0.1 port 7102 is down'
serve s2 first=7102
soon "it is back, and tried again" 60 eval '[[ $(ask 53 "two 4") == *first* ]]'

# Limits.
for i in 1 2 3 4 5 6; do
	ask 54 "n$i" >/dev/null
done
# The idlest of the worker that a client is with, which has none maybe.
soon "with too many flows the idlest goes, and new ones are taken" 60 \
    eval '[[ $(ask 54 n7) == *" echo n7 "* ]]'
is "... and there are no more than that" "$(flows_of few)" 3
for i in 1 2 3; do
	ask 55 "n$i" >/dev/null
done
is "no more for one address" "$(ask 55 'n4')" "none TimeoutError"
like "... and for another one there are" \
    "$(flow peer from 10.9.0.4 10.9.0.1 55 n5)" ' echo n5'
out=$(flow peer many 10.9.0.1 56 20 hello 0)
ok "a rate of flows" test "$out" -ge 4 -a "$out" -le 12

# Bans.
spawn peer victim python3 "$FLOW" stay 10.9.0.1 57 'echo x' 0.1
soon "a flow of who will be banned" 60 grep -q echo "$T/victim.out"
for i in 1 2 3; do
	on peer timeout 10 python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b'unknown', ('10.9.0.1', 57))"
done
soon "who says what nobody wants is banned" 60 in_set refract4 10.9.0.2
soon "... and his flows end at once" 60 eval '[[ $(flows_of ban) == 0 ]]'
signal victim KILL
ctl unban 10.9.0.2 >/dev/null

# Many.
on host sysctl -qw net.ipv4.ip_local_port_range="20000 60999"
is "4000 flows have 4000 ports" \
    "$(ulimit -n 8192; flow peer many 10.9.0.1 53 4000 'echo m' 0)" 4000

# Reload.
spawn peer stay python3 "$FLOW" stay 10.9.0.1 53 'echo stay' 0.05
wait_for 60 grep -q echo "$T/stay.out"
port=$(awk '/echo/ { print $NF; exit }' "$T/stay.out")
EXTRA='bytes "new" to 127.0.0.1 port 7101' conf
ok "reload" ctl reload
like "a new route is there" "$(ask 53 'new 1')" ' echo new 1'
WORKERS=4 EXTRA='bytes "new" to 127.0.0.1 port 7101' conf
ok "reload with more workers" ctl reload
n=$(wc -l <"$T/stay.out")
export n
soon "the flow goes on" 60 eval '(( $(wc -l <"$T/stay.out") > n + 10 ))'
is "... from the same port, and nothing was lost" \
    "$(awk '{ print $NF }' "$T/stay.out" | sort -u)" "$port"
signal stay KILL
spawn peer crowd python3 "$FLOW" crowd 10.9.0.1 53 24 'echo crowd' "$T/end"
wait_for 60 grep -q up "$T/crowd.out"
WORKERS=1 EXTRA='bytes "new" to 127.0.0.1 port 7101' conf
ok "reload with one worker" ctl reload
like "it is there for new flows" "$(ask 53 'new 2')" ' echo new 2'
WORKERS=3 EXTRA='bytes "new" to 127.0.0.1 port 7101' conf
ok "... and with three" ctl reload
like "they are there for new flows" "$(ask 53 'new 3')" ' echo new 3'
: >"$T/end"
reap crowd
is "whoever was with a worker that went was answered by another" \
    "$(tail -1 "$T/crowd.out")" "answered 24"
ok "it stops" refract_stop
done_testing
