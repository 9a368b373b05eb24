#!/usr/bin/env bash
# Flows of datagrams: how many there may be, of one address, in a second; bans;
# a port of its own for each of many.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3
[[ -x $OBJ/libexec/refract/refract-mux ]] || skip_all "the mux is not built"
machine host
machine peer
link host h0 10.9.0.1/24 peer p0 10.9.0.2/24
on peer ip addr add 10.9.0.4/24 dev p0

FLOW=$TOP/regress/netns/flow.py
flow() { on "$1" timeout 60 python3 "$FLOW" "${@:2}"; }
ask() { flow peer ask 10.9.0.1 "$@"; }
flows_of() {
	ctl show listeners 2>/dev/null | awk -v l="$1" '$1 == l { print $2 }'
}
refract_conf <<-EOT
	workers 2
	drain 1s
	listen "front" on * udp port 53 {
		per address none
		idle 1h
		bytes "echo" to 127.0.0.1 port 7101
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
spawn host s1 python3 "$FLOW" serve echo=7101
wait_for 60 grep -q up "$T/s1.out"
ok "refractd starts" refract_start || { done_testing; exit 1; }

ask 54 limit:0.1 n1 new n2 new n3 new n4 new n5 new n6 >/dev/null
# The idlest of the worker that a client is with, which has none maybe.
soon "with too many flows the idlest goes, and new ones are taken" 60 \
    eval '[[ $(ask 54 limit:1 n7) == *" echo n7 "* ]]'
is "... and there are no more than that" "$(flows_of few)" 3
is "no more for one address" \
    "$(ask 55 n1 new n2 new n3 new limit:0.3 n4 | cut -d' ' -f 2,3)" \
    "$(printf 'echo n%d\n' 1 2 3; echo TimeoutError)"
like "... and for another one there are" \
    "$(flow peer from 10.9.0.4 10.9.0.1 55 n5)" ' echo n5'
out=$(flow peer many 10.9.0.1 56 20 hello 0)
ok "a rate of flows" test "$out" -ge 4 -a "$out" -le 12

spawn peer victim python3 "$FLOW" stay 10.9.0.1 57 'echo x' 0.1
soon "a flow of who will be banned" 60 grep -q echo "$T/victim.out"
ask 57 limit:0.01 unknown new unknown new unknown >/dev/null
soon "who says what nobody wants is banned" 60 in_set refract4 10.9.0.2
soon "... and his flows end at once" 60 eval '[[ $(flows_of ban) == 0 ]]'
signal victim KILL
ctl unban 10.9.0.2 >/dev/null

on host sysctl -qw net.ipv4.ip_local_port_range="20000 60999"
is "4000 flows have 4000 ports" \
    "$(ulimit -n 8192; flow peer many 10.9.0.1 53 4000 'echo m' 0)" 4000
ok "it stops" refract_stop
done_testing
