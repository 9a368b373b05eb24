#!/usr/bin/env bash
# Flows of datagrams end to end: whose they are, runs of them, how they end,
# reload.  Limits and bans are in flow_limits.t.
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
			bytes "drop" drop
			contains "needle" to 127.0.0.1 port 7104
			regex "^[0-9]+$" to 127.0.0.1 port 7105
			${EXTRA-}
		}
		listen "short" on 10.9.0.1 udp port 54 {
			idle 1h
			otherwise to 127.0.0.1 port 7101 idle 1s
		}
	EOT
}
conf
serve s1 echo=7101 second=7103 needle=7104 digits=7105
serve s2 first=7102
ok "refractd starts" refract_start || { done_testing; exit 1; }

out=$(ask 53 'echo hello' new 'a needle here' new 12345 new echo big)
like "a datagram goes where its bytes say" "$out" \
    '^10\.9\.0\.1 echo echo hello '
like "contains" "$out" ' needle a needle here '
like "regex" "$out" ' digits 12345 '
like "a datagram of 60000 bytes" "$out" '60000 bytes'
like "the answer leaves from the address that was asked" \
    "$(flow peer ask 10.9.0.3 53 'echo hi')" '^10\.9\.0\.3 echo'
is "drop, no route; a regex has the datagram as it is" \
    "$(ask 53 limit:0.3 drop new who new 12345x)" \
    "$(printf 'none TimeoutError\n%.0s' 1 2 3)"
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
out=$(ask 53 'echo 1' 'echo 2' 'drop 3' spoof)
is "a flow keeps its member and its port" \
    "$(awk '{ print $2, $NF }' <<<"$out" | sort -u | wc -l)" 1
like "... whatever it says later" "$out" 'drop 3'
unlike "an answer from a third port is not passed on" "$out" SPOOFED

# Idle.
short() {
	flow peer from 10.9.0.2@20001 10.9.0.1 54 "$1" | awk '{ print $NF }'
}
first=$(short 1)
soon "an idle flow ends" 60 eval '[[ $(flows_of short) == 0 ]]'
nok "... the next datagram is a new one" test "$first" = "$(short 2)"

# A member that goes.
like "a pool's first member" "$(ask 53 'two 1')" ' first two 1'
signal s2 KILL
reap s2
ask 53 limit:0.1 'two 2' >/dev/null
soon "nobody is there: it is marked by its host's answer" 60 \
    logged 'pool two: 127.0.0.1 port 7102 is down'
like "... and its flows go to another" "$(ask 53 'two 3')" ' second two 3'
if [[ -n ${LONG:-} ]]; then
	serve s2 first=7102
	soon "it is back, and tried again" 60 \
	    eval '[[ $(ask 53 "two 4") == *first* ]]'
fi

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
