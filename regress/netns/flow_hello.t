#!/usr/bin/env bash
# A QUIC hello of 4 KB, as post-quantum keys make it, in three datagrams: in
# every order, with some lost and some twice.  It is held until it says its
# name, then all of it goes on, in the order in which it came; what is held is
# bounded, in number, time and memory.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3
[[ -x $OBJ/libexec/refract/refract-mux ]] || skip_all "the mux is not built"
flight=$OBJ/regress/netns/quic_flight
[[ -x $flight ]] || skip_all "quic_flight is not built"
machine host
machine peer
link host h0 10.9.0.1/24 peer p0 10.9.0.2/24

routes() {
	cat <<-EOT
		quic sni "one.example" to 10.9.0.2 port 7301
		quic sni "two.example" to 10.9.0.2 port 7302
	EOT
}
refract_conf <<-EOT
	workers 2
	drain 0s
	listen "front" on 10.9.0.1 udp port 443 {
		per address none
		peek within 5m
		$(routes)
		otherwise to 10.9.0.2 port 7303
	}
	listen "brief" on 10.9.0.1 udp port 444 {
		peek within 100ms
		$(routes)
	}
	listen "small" on 10.9.0.1 udp port 445 {
		peek within 5m
		peek memory 64K
		$(routes)
	}
EOT
"$flight" one.example >"$T/one"
"$flight" two.example 2 >"$T/two"
flows_of() {
	ctl show listeners 2>/dev/null | awk -v l="$1" '$1 == l { print $2 }'
}
# said FLIGHT PORT SCENARIO...
said() {
	on peer timeout 120 "$TOP/regress/netns/flow_hello.py" "$T/$1" \
	    10.9.0.1 "$2" 10.9.0.2 "${@:3}"
}
ok "refractd starts" refract_start || { done_testing; exit 1; }

# "two" is QUIC version 2.
orders=("0 1 2" "0 2 1" "1 0 2" "1 2 0" "2 0 1" "2 1 0")
for v in one two; do
	is "every order: $v" "$(said $v 443 "${orders[@]}")" \
	    "$(printf "$v: %s answered\n" "${orders[@]}")"
done
is "nothing goes on before the name is known" \
    "$(said one 443 "0 2 | 1" "2 | 1 | 0")" \
    "$(printf 'one: %s answered\n' "0 2 1" "2 1 0")"
is "one is lost, and all are said again" \
    "$(said one 443 "0 2 0 1 2" "1 2 1 2 0")" \
    "$(printf 'one: %s answered\n' "0 2 0 1 2" "1 2 1 2 0")"
is "each comes twice, or more often" \
    "$(said two 443 "0 0 1 1 2 2" "2 2 2 0 0 0 1 1 1")" \
    "$(printf 'two: %s answered\n' "0 0 1 1 2 2" "2 2 2 0 0 0 1 1 1")"

# More than can be held: it goes where what has no name goes.
many=$(printf '0 %.0s' {1..16})
is "16 datagrams are held, the next one is lost and decides" \
    "$(said one 443 "${many}1 2 =17")" "other: ${many}2 answered"
is "... with its name, if that was the one" \
    "$(said one 443 "${many:2}1 | 2 2 =17")" "one: ${many:2}1 2 answered"

# It says nothing more, in time.
rest() {
	spawn peer "$1" "$TOP/regress/netns/flow_hello.py" "$T/one" 10.9.0.1 \
	    "$2" 10.9.0.2 "$3" && wait_for 60 grep -q there "$T/$1.out"
}
rest late 444 "0 1 wait:$T/go 2 | =0"
was_slow() {
	ctl show listeners | grep -A 2 '^brief' | grep -q 'ended: slow 1'
}
soon "a hello that does not end is forgotten" 60 was_slow
touch "$T/go"
reap late
is "... its end alone is nobody's" "$(tail -1 "$T/late.out")" ": "

# Each takes about 20 KiB.
rest held 445 "@0 0 wait:$T/first @1 0 @2 0 @3 0 @4 0 wait:$T/all @0 1 2 =3"
soon "a hello is held" 60 eval '[[ $(flows_of small) == 1 ]]'
touch "$T/first"
limited() {
	ctl show listeners | grep -A 2 '^small' | grep -q 'ended: limit 2'
}
soon "... of five in all two are too many for the memory" 60 limited
is "... so three are" "$(flows_of small)" 3
touch "$T/all"
reap held
is "... who is held goes on" "$(tail -1 "$T/held.out")" \
    "one: 0 1 2 answered"
is "... and there is room again" "$(said one 445 "2 1 0")" \
    "one: 2 1 0 answered"
ok "it stops" refract_stop
done_testing
