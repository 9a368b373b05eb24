#!/usr/bin/env bash
# The relay, both ends: a LAN whose traffic is redirected, a relay client, a
# relay server, and a destination that sees the LAN's own addresses and ports.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 iptables ip6tables jq setpriv
. "$(dirname "$0")/relay.sh"
edge_routes
serve dest server 7000
spawn edge record python3 "$RELAY" record 7010
wait_for 60 grep -q up "$T/record.out"

EDGE=$T/edge.conf NEAR=$T/near.conf
cat >"$EDGE" <<-END
	log connections "/run/access.log" json
	relay server "edge" on { 10.2.0.2, fd02::2 } port 21829 {
		client "lan" sources { 10.1.0.0/24, fd01::/64 }
		client "signed" key "0123456789abcdef0123" sources 10.1.0.0/24
	}
	relay server "other" on 10.2.0.2 port 21830 {
		client any
		with proxy v2
	}
END
cat >"$NEAR" <<-END
	log connections "/run/access.log" json
	relay client "lan" on * port 9001 redirect {
		server 10.2.0.2 port 21829 auth "lan"
		timeout 1m
	}
	relay client "signed" on * port 9002 redirect {
		server 10.2.0.2 port 21829 auth "signed" key "0123456789abcdef0123" local 10.2.0.1 interface "n1" mark 0x1234
	}
	relay client "clear" on * port 9003 tproxy {
		server fd02::2 port 21829 auth "lan"
	}
	relay client "pool" on * port 9004 redirect {
		server 10.2.0.2 port 21829 auth "lan"
		server 10.2.0.2 port 21830 auth "any"
		balance first
		check tcp every 100ms timeout 10s rise 1 fall 1
	}
	relay client "wire" on * port 9005 redirect {
		server 10.2.0.2 port 7010 auth "lan"
	}
END
ok 'the server starts' start edge "$EDGE" 21829
ok 'the client starts' start near "$NEAR" 9001
wait_for 60 listening near 9005

ask() { on lan python3 "$RELAY" ask <<<"$1"; }
# redirect PORT: all that comes from lan goes there now.
redirect() {
	local m
	for m in iptables ip6tables; do
		on near "$m" -t nat -F PREROUTING
		[[ -z $1 ]] || on near "$m" -t nat -A PREROUTING -i n0 -p tcp \
		    -j REDIRECT --to-ports "$1"
	done
}

# --- Redirected ------------------------------------------------------------

redirect 9001
is 'the destination sees the addresses and ports of the LAN' "$(ask '4|10.1.0.2|40001|10.3.0.2|7000
6|fd01::2|40002|fd03::2|7000
again|10.1.0.2|40001|10.3.0.2|7000')" '4|10.1.0.2 40001 hellobye
6|fd01::2 40002 hellobye
again|10.1.0.2 40001 hellobye'
is 'nobody redirected it: dropped' "$(on near python3 "$RELAY" \
    ask <<<'4|127.0.0.1|0|127.0.0.1|9001
6|::1|0|::1|9001
own|10.2.0.1|0|10.2.0.1|9001')" '4|reset
6|reset
own|reset'
redirect 9005
ask 'wire|10.1.0.2|40003|10.3.0.2|7000' >/dev/null
token=$(printf lan | sha256sum | cut -d' ' -f1)
is 'on the wire it is what the original sends' "$(sed -n 2p "$T/record.out")" \
    "010120${token}040a0300021b58040a0100029c43$(printf hello | xxd -p)"
ask 'wire|fd01::2|40003|fd03::2|7000' >/dev/null
fd0x() { printf 'fd%02x%026x%02x' "$1" 0 2; }
is '... with IPv6, too' "$(sed -n 3p "$T/record.out")" \
    "010120${token}10$(fd0x 3)1b5810$(fd0x 1)9c43$(printf hello | xxd -p)"

on near iptables -t mangle -A OUTPUT -o n1 -s 10.2.0.1 -p tcp \
    --dport 21829 -m mark --mark 0x1234 -j ACCEPT
redirect 9002
is 'signed, from a local address, by an interface, with a mark' \
    "$(ask 'x|10.1.0.2|40004|10.3.0.2|7000')" 'x|10.1.0.2 40004 hellobye'
unlike '... which its packets have' "$(on near iptables -t mangle -nvxL OUTPUT |
    grep 'mark match 0x1234')" '^ *0 '

# --- Several servers -------------------------------------------------------

redirect 9004
# The second's answer has a PROXY header in it.
first() { ask 'x|10.1.0.2|40005|10.3.0.2|7000' | grep -q 'hellobye$'; }
second() { ask 'x|10.1.0.2|40006|10.3.0.2|7000' | grep -q 'QUIT.*hello'; }
soon 'the first of two servers' 60 first
on edge iptables -A INPUT -p tcp --dport 21829 -j REJECT --reject-with tcp-reset
ok 'it dies: the next takes over at once' second
soon '... and it is known' 60 grep -q '10.2.0.2 port 21829 is down' "$T/near.d.err"
on edge iptables -F INPUT
soon 'it is back' 60 first

nok 'a check is no refusal' said edge 'relay server'

# --- TPROXY ----------------------------------------------------------------

redirect ''
for m in iptables ip6tables; do
	on near "$m" -t mangle -A PREROUTING -i n0 -p tcp -j TPROXY \
	    --on-port 9003 --tproxy-mark 1
done
for f in -4 -6; do
	on near ip "$f" rule add fwmark 1 lookup 77
	on near ip "$f" route add local default dev lo table 77
done
is 'TPROXY' "$(ask '4|10.1.0.2|40007|10.3.0.2|7000
6|fd01::2|40008|fd03::2|7000')" '4|10.1.0.2 40007 hellobye
6|fd01::2 40008 hellobye'

# --- What is shown ---------------------------------------------------------

# show MACHINE ARGS...
show() { on "$1" "$OBJ/bin/refractctl" "${@:2}"; }
conn lan kept 10.1.0.2 40009 10.3.0.2 7000
rows() {
	show "$1" -j show connections | jq -r '.[] | "\(.from) \(.from_port) " +
	    "\(.to) \(.to_port) \(.server) \(.server_port) \(.via)"'
}
is 'the server shows all four addresses' "$(rows edge)" \
    '10.1.0.2 40009 10.3.0.2 7000 10.3.0.2 7000 fd02::1'
is '... and the client' "$(rows near)" \
    '10.1.0.2 40009 10.3.0.2 7000 fd02::2 21829 fd02::1'
like '... as text' "$(show edge show connections)" \
    '10\.1\.0\.2:40009.*to 10\.3\.0\.2:7000.*via \[fd02::1\]:'
conn_close kept
logged_all() {
	on "$1" jq -es '.[] | select(.from_port == 40009 and .to == "10.3.0.2" and
	    .via == "fd02::1")' /run/access.log
}
soon 'the access log has them, the server'\''s' 60 logged_all edge
soon '... and the client'\''s' 60 logged_all near
config=$(show edge show config)
like 'show config tells root tokens and keys' "$config" \
    'client "signed" key "0123456789abcdef0123"'
group=$(getent group refract | cut -d: -f3)
member() {
	on edge setpriv --reuid 65534 --regid "$group" --clear-groups \
	    "$OBJ/bin/refractctl" show config
}
config=$(member 2>&1)
like '... and a member of the group that there are some' "$config" \
    'client "\*\*\*" key "\*\*\*"'
unlike '... and no more' "$config" '"lan" sources|0123456789'
done_testing
