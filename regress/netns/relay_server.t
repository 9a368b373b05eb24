#!/usr/bin/env bash
# A relay's server, asked by hand: a full list of clients, every rule with its
# refusal and the reason in the log, limits, bans.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 jq
. "$(dirname "$0")/relay.sh"
for a in 169.254.9.9/32 10.3.9.9/32 224.1.1.1/32; do
	[[ $a == 224* ]] || addr dest d0 "$a"
	on edge ip route add "${a%/*}" via 10.3.0.2
done
KEY=0123456789abcdef0123
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
edge_routes
unlike '... and nothing when nothing is' "$(check)" 'not local|ip route'

serve dest server 7000
serve edge own 7001
# A port that somebody has.
spawn edge taken socat -u TCP4-LISTEN:42030,bind=10.1.0.7,reuseaddr,ip-freebind -
wait_for 60 listening edge 42030

EDGE=$T/edge.conf
{
	echo 'workers 2'
	echo 'relay server "edge" on 10.2.0.2 port 21829 {'
	echo '	header within 1m'
	echo '	client "lan" sources { 10.1.0.0/24, fd01::/64 }'
	echo '	client "" sources 10.1.0.66'
	echo '	client "all"'
	echo '	client "two" connections 2'
	echo "	client \"signed\" key \"$KEY\" sources 10.1.0.0/24"
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
		}
		relay server "strict" on 10.2.0.2 port 21831 {
			client "x"
			destination allow { 10.3.0.2, 10.2.0.2, 127.0.0.1 }
			transparent
		}
		relay server "wide" on 10.2.0.2 port 21832 {
			client "x"
			destination allow { 0.0.0.0/1, 128.0.0.0/1, ::/1, 8000::/1 }
		}
		relay server "guarded" on 10.2.0.2 port 21833 {
			client "x"
			offence token 3 times within 1h ban for 10m
		}
		relay server "hasty" on 10.2.0.2 port 21835 {
			client "x"
			header within 1s
		}
		relay server "noisy" on fd02::2 port 21834 {
			client "x"
			offence unknown 3 times within 1h ban for 10m
		}
	END
} >"$EDGE"
ok 'it starts, with 10,000 clients' start edge "$EDGE" 21829 || { diag "$(tail -5 "$T/edge.d.err")"; done_testing; }
wait_for 60 listening edge 21834
header() { on near python3 "$RELAY" header "$1"; }

is 'signed before the server'\''s start: it may have been taken then' \
    "$(header 10.2.0.2 <<<"x|21829 to=10.3.0.2,7000 from=10.1.0.7,41000 key=$KEY at=-58")" \
    'x|reset'
ok '... and said' said edge 'a signature from before this server'

# --- Who may ----------------------------------------------------------------

# Lines NAME|PORT OPTIONS|what comes back.
good() {
	local name wanted
	header 10.2.0.2 < <(cut -d'|' -f1-2 <<<"$1") >"$T/good"
	while IFS='|' read -r name _ wanted; do
		is "$name" "$(sed -n "s/^$name|//p" "$T/good")" "$wanted"
	done <<<"$1"
}
good "by hand|21829 to=10.3.0.2,7000 from=10.1.0.7,41001 token=lan|10.1.0.7 41001 hellobye
a v4-mapped source|21829 to=10.3.0.2,7000 from=10.1.0.7,41002 token=lan mapped|10.1.0.7 41002 hellobye
IPv6|21829 to=fd03::2,7000 from=fd01::7,41003 token=lan|fd01::7 41003 hellobye
byte by byte|21829 to=10.3.0.2,7000 from=10.1.0.7,41004 token=lan slow|10.1.0.7 41004 hellobye
the blank token|21829 to=10.3.0.2,7000 from=10.1.0.66,41005|10.1.0.66 41005 hellobye
the last of 10,000|21829 to=10.3.0.2,7000 from=10.1.0.245,41006 token=token_9994|10.1.0.245 41006 hellobye
from a transparent socket|21831 to=10.3.0.2,7000 from=10.1.0.7,41007 token=x|10.1.0.7 41007 hellobye
its own address, which is listed|21831 to=10.2.0.2,7001 from=10.1.0.7,41008 token=x|10.1.0.7 41008 hellobye
loopback, which is listed|21831 to=127.0.0.1,7001 from=10.1.0.7,41009 token=x|10.1.0.7 41009 hellobye
all are allowed|21832 to=10.3.0.2,7000 from=10.1.0.7,41010 token=x|10.1.0.7 41010 hellobye
signed|21829 to=10.3.0.2,7000 from=10.1.0.7,41011 key=$KEY|10.1.0.7 41011 hellobye
signed by a clock that goes fast|21829 to=10.3.0.2,7000 from=10.1.0.7,41012 key=$KEY at=40|10.1.0.7 41012 hellobye"
any() { header 10.2.0.2 <<<"any|21830 to=10.3.0.2,7000 $1 auth=$2"; }
like 'no client is asked for, a header of PROXY' \
    "$(any from=10.1.0.7,41020 00)" '10\.1\.0\.7 41020 .*QUIT.*hello'
like 'an auth of none' "$(any from=10.1.0.7,41021 '')" '10\.1\.0\.7 41021 '
like 'an auth of 255 bytes' \
    "$(any from=10.1.0.7,41022 "$(printf '%0510d' 0)")" '10\.1\.0\.7 41022 '
like 'any port: another below 1024' "$(any from=10.1.0.7,99 00)" \
    '10\.1\.0\.7 [0-9]{4,5} .*hello'
like 'any port: another for one that is taken' \
    "$(any from=10.1.0.7,42030 00)" '10\.1\.0\.7 [0-9]{4,5} .*hello'
unlike '... really' "$(any from=10.1.0.7,42030 00)" ' 42030 '

# --- Who may not, and why ---------------------------------------------------

# Lines NAME|PORT OPTIONS|the reason: in this order the log has them.
IFS= read -r -d '' CASES <<END
a token that nobody has|21829 to=10.3.0.2,7000 from=10.1.0.7,42001 token=nobody|no client has this token
an auth of one byte|21829 to=10.3.0.2,7000 from=10.1.0.7,42001 auth=00|no client has this token
no auth|21829 to=10.3.0.2,7000 from=10.1.0.7,42001 auth=|no client has this token
a source of others|21829 to=10.3.0.2,7000 from=10.4.0.7,42002 token=lan|this client may not have this source
the blank one's other source|21829 to=10.3.0.2,7000 from=10.1.0.67,42002 token=|this client may not have this source
a source that is folded|21829 to=10.3.0.2,7000 from=10.4.0.7,42002 token=lan mapped|this client may not have this source
loopback's source|21829 to=10.3.0.2,7000 from=127.0.0.1,42002 token=all|such a source is nobody's
another version|21829 to=10.3.0.2,7000 from=10.1.0.7,42003 token=lan version=3|another version
another opcode|21829 to=10.3.0.2,7000 from=10.1.0.7,42004 token=lan opcode=2|another opcode
a length of an address|21829 to=10.3.0.2,7000 from=10.1.0.7,42004 token=lan spoil=35|an address that is neither 4 nor 16 bytes
half of it and no more|21829 to=10.3.0.2,7000 from=10.1.0.7,42004 token=lan cut=40 leave|half a header
port 0|21829 to=10.3.0.2,0 from=10.1.0.7,42005 token=lan|the destination's port is 0
loopback|21829 to=127.0.0.1,7001 from=10.1.0.7,42005 token=lan|SPECIAL
all of loopback|21829 to=127.9.9.9,7001 from=10.1.0.7,42005 token=lan|SPECIAL
loopback, mapped|21829 to=::ffff:127.0.0.1,7001 from=10.1.0.7,42005 token=lan|SPECIAL
loopback, IPv6|21829 to=::1,7001 from=fd01::7,42005 token=lan|SPECIAL
nowhere|21829 to=0.0.0.0,7001 from=10.1.0.7,42005 token=lan|SPECIAL
nowhere, mapped|21829 to=::ffff:0.0.0.0,7001 from=10.1.0.7,42005 token=lan|SPECIAL
nowhere, IPv6|21829 to=::,7001 from=fd01::7,42005 token=lan|SPECIAL
link-local|21829 to=169.254.9.9,7000 from=10.1.0.7,42006 token=lan|SPECIAL
link-local, IPv6|21829 to=fe80::1,7000 from=fd01::7,42006 token=lan|SPECIAL
multicast|21829 to=224.1.1.1,7000 from=10.1.0.7,42006 token=lan|SPECIAL
multicast, IPv6|21829 to=ff02::1,7000 from=fd01::7,42006 token=lan|SPECIAL
broadcast|21829 to=255.255.255.255,7000 from=10.1.0.7,42006 token=lan|SPECIAL
a broadcast address|21829 to=10.3.0.255,7000 from=10.1.0.7,42006 token=lan|OWN
where it listens|21829 to=10.2.0.2,7001 from=10.1.0.7,42007 token=lan|OWN
its other address|21829 to=10.3.0.1,7001 from=10.1.0.7,42007 token=lan|OWN
the same, mapped|21829 to=::ffff:10.3.0.1,7001 from=10.1.0.7,42007 token=lan|OWN
its own, IPv6|21829 to=fd03::1,7001 from=fd01::7,42007 token=lan|OWN
loopback, where all are allowed|21832 to=127.0.0.1,7001 from=10.1.0.7,42007 token=x|SPECIAL
its own, where all are allowed|21832 to=10.3.0.1,7001 from=10.1.0.7,42007 token=x|OWN
one that is denied|21829 to=10.3.9.9,7000 from=10.1.0.7,42008 token=lan|the destination is denied
one that is not allowed|21831 to=10.3.9.9,7000 from=10.1.0.7,42009 token=x|the destination is not one that is allowed
two families|21829 to=fd03::2,7000 from=10.1.0.7,42010 token=lan|source and destination are of different families
a port below 1024|21829 to=10.3.0.2,7000 from=10.1.0.7,99 token=lan|the source's port is below 1024 (\`any port' takes another): Permission denied
the same, transparent|21831 to=10.3.0.2,7000 from=10.1.0.7,99 token=x|the source's port is below 1024 (\`any port' takes another): Permission denied
a port that is taken|21829 to=10.3.0.2,7000 from=10.1.0.7,42030 token=lan|the source's port is in use here (\`any port' takes another): Address already in use
nobody listens there|21829 to=10.3.0.2,7999 from=10.1.0.7,42011 token=lan|the destination: Connection refused
no way back|21829 to=10.3.0.2,7000 from=10.77.0.7,42012 token=all|no way (is the source's prefix local on this host? see refract.conf(5)): Network is unreachable
a token where a key is asked for|21829 to=10.3.0.2,7000 from=10.1.0.7,42013 token=signed|no client has this token
a key that nobody has|21829 to=10.3.0.2,7000 from=10.1.0.7,42014 key=fedcba98765432100000|no client has this key
a signature that is wrong|21829 to=10.3.0.2,7000 from=10.1.0.7,42014 key=$KEY spoil=60|a wrong signature
another destination than was signed|21829 to=10.3.0.2,7000 from=10.1.0.7,42014 key=$KEY spoil=38|a wrong signature
a signature of long ago|21829 to=10.3.0.2,7000 from=10.1.0.7,42015 key=$KEY at=-90|a signature of another time (do both clocks agree?)
a signature to come|21829 to=10.3.0.2,7000 from=10.1.0.7,42015 key=$KEY at=90|a signature of another time (do both clocks agree?)
END
CASES=${CASES//|SPECIAL/|the destination is loopback, link-local, multicast or nobody\'s}
CASES=${CASES//|OWN/|the destination is this host, or a broadcast address of its}
CASES=${CASES%$'\n'}
before=$(wc -l <"$T/edge.d.err")
header 10.2.0.2 < <(cut -d'|' -f1-2 <<<"$CASES") >"$T/refused"
is 'each is reset' "$(grep -c '|reset$' "$T/refused")" "$(wc -l <<<"$CASES")"
is '... and the log says why, in their order' \
    "$(tail -n +$((before + 1)) "$T/edge.d.err" |
    sed -n 's/.*relay server [a-z]*: [^ ]* port [0-9]*: //p' |
    sed 's/^[^ ]* port [0-9]* to [^ ]* port [0-9]*: //')" \
    "$(cut -d'|' -f3 <<<"$CASES")"

is 'a signed header is good once' "$(header 10.2.0.2 <<<"x|21829 to=10.3.0.2,7000 \
    from=10.1.0.7,42020 key=$KEY times=3")" 'x|10.1.0.7 42020 hellobye
x|reset
x|reset'
ok '... and said' said edge 'a signed header for the second time'
like 'who stops in the middle is let go' "$(header 10.2.0.2 \
    <<<'x|21835 to=10.3.0.2,7000 from=10.1.0.7,42031 token=x cut=20')" \
    '^x\|( *closed|reset)$'
ok '... and said' said edge 'no header in time'

# --- Limits ----------------------------------------------------------------

mkfifo "$T/hold.in"
spawn near hold bash -c 'exec python3 "$1" hold 10.2.0.2 <"$2"' - "$RELAY" "$T/hold.in"
exec {hold}>"$T/hold.in"
open() { echo "$1|21829 to=10.3.0.2,7000 from=10.1.0.7,$2 token=two" >&"$hold"; }
held() { [[ $(<"$T/hold.out") == "$1" ]]; }
open 1 43001; open 2 43002; open 3 43003
soon 'a client may have two connections' 60 held $'1|10.1.0.7\n2|10.1.0.7\n3|reset'
ok '... and said' said edge 'this client has too many connections'
like 'others do not count' "$(header 10.2.0.2 <<<'x|21829 to=10.3.0.2,7000 from=10.1.0.7,43004 token=all')" hellobye
echo 'close|0' >&"$hold"
room() {
	header 10.2.0.2 <<<'x|21829 to=10.3.0.2,7000 from=10.1.0.7,43005 token=two' |
	    grep -q hellobye
}
soon 'one that ends makes room' 60 room
exec {hold}>&-

# --- Bans -------------------------------------------------------------------

in_edge() { on edge ipset -q test "$@"; }
bad='x|21833 to=10.3.0.2,7000 from=10.1.0.7,44001 token=bad'
header 10.2.0.2 <<<"$bad"$'\n'"$bad" >/dev/null
noise='x|21834 to=10.3.0.2,7000 from=10.1.0.7,44001 token=x version=9'
header fd02::2 <<<"$noise"$'\n'"$noise" >/dev/null
header 10.2.0.2 <<<'x|21833 to=10.3.0.9,7000 from=10.1.0.7,44001 token=x' >/dev/null
nok 'two bad tokens, and a good one: no ban' in_edge refract4 10.2.0.1
header 10.2.0.2 <<<"$bad" >/dev/null
soon 'three bad tokens are banned for' 60 in_edge refract4 10.2.0.1
nok 'two that are no header: no ban' in_edge refract6 fd02::1
header fd02::2 <<<"$noise" >/dev/null
soon 'three that are none are banned for' 60 in_edge refract6 fd02::1
done_testing
