#!/usr/bin/env bash
# Flows whose worker a reload takes away, or whose shard it gives to another
# one: they go on as they are.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3
[[ -x $OBJ/libexec/refract/refract-mux ]] || skip_all "the mux is not built"
machine host
machine peer
link host h0 10.9.0.1/24 peer p0 10.9.0.2/24

FLOW=$TOP/regress/netns/flow.py
MOVE=$TOP/regress/netns/flow_move.py
N=${CLIENTS:-24}
workers() { on host pgrep -xc refract-mux; }
has_workers() { [[ $(workers) -eq $1 ]]; }
flows() {
	ctl show listeners 2>/dev/null | awk -v l="$1" '$1 == l { print $2 }'
}
has_flows() { [[ $(flows front) == "$all" ]]; }
ids() {
	ctl -j show connections | sed 's/[,{]/\n/g' |
	    sed -n 's/^ *"id": *\([0-9]*\).*/\1/p' | sort -n
}

conf() {
	refract_conf <<-EOT
		workers $1
		drain 1s
		listen "front" on * udp port 53 {
			per address 200
			idle 2m
			bytes "echo" to 127.0.0.1 port 7101
			bytes "told" to 127.0.0.1 port 7102 with proxy v2
		}
		listen "tcp" on * tcp port 54 {
			otherwise to 127.0.0.1 port 7101
		}
	EOT
}
conf 2
spawn host s python3 "$FLOW" serve echo=7101 told=7102 &&
    wait_for 60 grep -q up "$T/s.out"
ok "refractd starts" refract_start || { done_testing; exit 1; }

spawn peer crowd python3 "$MOVE" 10.9.0.1 53 "$N" 'echo crowd' "$T/end"
spawn peer told python3 "$MOVE" 10.9.0.1 53 4 'told x' "$T/end"
wait_for 60 grep -q up "$T/crowd.out"
wait_for 60 grep -q up "$T/told.out"
all=$((N + 4))
is "a flow for each" "$(flows front)" "$all"
before=$(ids)
for n in 4 1 3 2; do
	conf $n
	ok "reload with $n workers" ctl reload
	soon "... and the others have gone" 60 has_workers $n
	soon "... and no flow has" 60 has_flows
done
is "each is known by what it was called" "$(ids)" "$before"
# Faster than flows move.
for n in 1 4 2 3 1; do
	conf $n
	ctl reload >/dev/null || echo "# reload with $n workers failed"
done
soon "after many reloads at once there is one worker" 60 has_workers 1
soon "... with all flows" 60 has_flows
is "... that are known by the same numbers" "$(ids)" "$before"
: >"$T/end"
reap crowd
reap told
is "all clients were answered, each from one port" \
    "$(tail -1 "$T/crowd.out")" "kept $N headers 0"
is "... and whose flow it is was said once" "$(tail -1 "$T/told.out")" \
    "kept 4 headers 4"
is "none has ended, and none was counted twice" \
    "$(ctl -j show listeners | sed 's/[,{]/\n/g' |
	sed -n 's/^ *"total": *\([0-9]*\).*/\1/p' | head -1)" "$all"
ok "it stops" refract_stop
done_testing
