#!/usr/bin/env bash
# What a relay carries: ends of one side, idle times, a flow while both ends
# read their configurations again.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 iptables
. "$(dirname "$0")/relay.sh"
edge_routes
serve dest server 7000
EDGE=$T/edge.conf NEAR=$T/near.conf
edge_conf() {
	cat >"$EDGE" <<-END
		relay server "edge" on 10.2.0.2 port 21829 {
			$1
		}
		relay server "idle" on 10.2.0.2 port 21830 {
			client any
			timeout 4s
		}
	END
}
near_conf() {
	cat >"$NEAR" <<-END
		relay client "lan" on 10.1.0.1 port 9001 redirect {
			server 10.2.0.2 port 21829 auth "$1"
		}
	END
}
edge_conf 'client "lan" sources 10.1.0.0/24'
near_conf lan
ok 'the server starts' start edge "$EDGE" 21829
ok 'the client starts' start near "$NEAR" 9001
on near iptables -t nat -A PREROUTING -i n0 -p tcp -j REDIRECT --to-ports 9001

# --- Idle: begun together, the order of their ends counts ------------------

spawn near idle python3 "$RELAY" idle 10.2.0.2 21830

# --- One side's end ---------------------------------------------------------

ask() { on lan python3 "$RELAY" "$@"; }
is 'the client ends, the destination still talks' \
    "$(ask ask <<<'x|10.1.0.2|40001|10.3.0.2|7000')" 'x|10.1.0.2 40001 hellobye'
is 'the destination ends' "$(ask half 10.1.0.2 10.3.0.2 7000)" end
soon '... and the client still talks' 60 grep -q 'heard 300000' "$T/server.out"

# --- A flow, and reloads ----------------------------------------------------

mkfifo "$T/stream.in"
spawn lan stream bash -c 'exec python3 "$1" stream 10.1.0.2 10.3.0.2 7000 <"$2"' \
    - "$RELAY" "$T/stream.in"
exec {stream}>"$T/stream.in"
flows() { (($(wc -l <"$T/stream.out") > $1)); }
soon 'it flows' 60 flows 0
reload() { on "$1" "$OBJ/bin/refractctl" reload >/dev/null; }
for i in 1 2 3; do
	n=$(wc -l <"$T/stream.out")
	ok "reload $i of the server" reload edge
	ok '... and of the client' reload near
	soon '... it flows' 60 flows "$n"
done
# Now it could not begin any more.
edge_conf 'client "other" sources 10.1.0.0/24'
near_conf third
ok 'other tokens' reload edge
ok '... at both ends' reload near
n=$(wc -l <"$T/stream.out")
soon '... it flows' 60 flows "$n"
is 'a new one is refused' "$(ask ask <<<'x|10.1.0.2|40002|10.3.0.2|7000')" 'x|reset'
echo >&"$stream"
exec {stream}>&-
reap stream
is 'all of it came back as it went' "$(tail -1 "$T/stream.out")" whole

reap idle
is 'both silent: ended; the destination talks: it lives' "$(<"$T/idle.out")" \
    $'silent: ended\nspoken to: alive\nspoken to no more: ended'
ok '... and said' said edge 'idle for too long'
done_testing
