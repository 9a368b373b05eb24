#!/usr/bin/env bash
# Pools end to end: balancing, checks against real servers, names of a real
# DNS server, what is shown and logged, and what an operator may do.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 curl openssl nginx dnsmasq jq
[[ -x $OBJ/libexec/refract/refract-mux ]] || skip_all "the mux is not built"
machine host
on host mount --bind "$T" /mnt

POOL=$TOP/regress/netns/pool.py
# back NAME [NAME=PORT...]: servers that say their names, in one process
back() {
	spawn host "$1" python3 "$POOL" serve "${@:2}" &&
	    wait_for 60 grep -q up "$T/$1.out"
}
ask() { on host python3 "$POOL" ask 127.0.0.1 "$@"; }
# by PORT N FROM...: who answered each of these
by() { BY=1 ask "$@"; }
state() { ctl -j show pools | jq -r --arg m "$1" \
    '.[] | select(.pool == "web" and .member == $m) | .state'; }
in_state() { [[ $(state "$1") == "$2" ]]; }
# How often refractd's log has this.
times() { grep -Ec -- "$1" "$T/refractd.err"; }
metric() { ctl -j show metrics | jq -r --arg n "$1" \
    '.[] | select(.name == $n) | .value'; }
well() { running refractd && ! logged 'died|fatal'; }
reload() { ctl reload; }

for i in a b c; do
	back "srv_$i" "$i=700$((36#$i - 9))"
done
back srv_u "u=$T/u.sock"

# --- Balancing -------------------------------------------------------------

# conf STATEMENTS...: of the pool
conf() {
	refract_conf <<-X
	workers 2
	log bans "$T/audit.log"
	log connections "$T/access.log" ${FORM-}
	status on 127.0.0.1 port 9440
	pool "web" {
	    $1
	}
	listen "in" on 127.0.0.1 tcp port 7000 {
	    per address none
	    peek 64 bytes within 5s
	    http to pool "web"
	    contains "hello" to pool "web"
	    otherwise to 127.0.0.1 port 7003
	}
	${2-}
	X
}
THREE='member 127.0.0.1 port 7001
member 127.0.0.1 port 7002
member 127.0.0.1 port 7003'
A='127.0.0.1 port 7001'
B='127.0.0.1 port 7002'
C='127.0.0.1 port 7003'

conf "$THREE
check none"
ok 'the daemon starts' refract_start -v || done_testing
is 'roundrobin, whichever worker takes them' "$(ask 7000 90)" 'a=30 b=30 c=30'
conf 'member 127.0.0.1 port 7001 weight 3
member 127.0.0.1 port 7002
member 127.0.0.1 port 7003 backup
check none'
ok 'a reload' reload
is '... weights, and nobody asks a backup' "$(ask 7000 80)" 'a=60 b=20'
conf "$THREE
balance first
check none"
ok 'a reload' reload
is '... first' "$(ask 7000 10)" 'a=10'
conf "$THREE
balance random
check none"
ok 'a reload' reload
like '... random' "$(ask 7000 90)" '^a=[0-9]+ b=[0-9]+ c=[0-9]+$'
conf "$THREE
balance least
check none"
ok 'a reload' reload
like '... least' "$(ask 7000 30)" '^a=[0-9]+ b=[0-9]+ c=[0-9]+$'

# --- One leaves ------------------------------------------------------------

FROM=()
for i in {1..60}; do FROM+=("127.1.0.$i"); done
conf "$THREE
balance source-address
check none
passive 2"
ok 'a reload' reload
BEFORE=$(by 7000 60 "${FROM[@]}")
is 'source-address: each has his own' "$(by 7000 60 "${FROM[@]}")" "$BEFORE"
like '... all three are somebody'\''s' "$BEFORE" '=a.*=b|=b.*=a'
signal srv_b KILL; reap srv_b
AFTER=$(by 7000 60 "${FROM[@]}")
unlike 'one is killed: nobody is refused' "$AFTER" 'reset|nothing|Error'
unlike '... nor sent there' "$AFTER" '=b'
others() { tr ' ' '\n' <<<"$BEFORE" | grep -v '=b' | while read -r w; do
	grep -qw -- "$w" <<<"$1" || echo "$w"; done; }
is '... the others'\'' clients stay where they are' "$(others "$AFTER")" ''
is '... and it is said, once' "$(times "pool web: $B is down")" 1
ok '... shown' in_state "$B" down
like '... why' "$(<"$T/refractd.err")" "$B is down: Connection refused"
ask 7000 60 "${FROM[@]}" >/dev/null
is '... also after more of them' "$(times "pool web: $B is down")" 1
back srv_b b=7002
again() { by 7000 60 "${FROM[@]}" >/dev/null; in_state "$B" up; }
soon 'it is back: tried again without checks' 60 again
is '... and said, once' "$(times "pool web: $B is up")" 1
is '... its clients are its own again' "$(by 7000 60 "${FROM[@]}")" "$BEFORE"

# --- Checks ----------------------------------------------------------------

spawn host tls openssl s_server -quiet -accept 7010 -cert "$T/cert" \
    -key "$T/cert" 2>/dev/null || :
on host openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x \
    -keyout "$T/cert" -out "$T/crt" 2>/dev/null && cat "$T/crt" >>"$T/cert"
spawn host tls openssl s_server -quiet -accept 7010 -cert "$T/cert" \
    -key "$T/cert"
cat >"$T/nginx.conf" <<-X
	daemon off; error_log $T/nginx.log; pid $T/nginx.pid; user root;
	events { }
	http {
	    access_log off;
	    client_body_temp_path $T; proxy_temp_path $T;
	    fastcgi_temp_path $T; uwsgi_temp_path $T; scgi_temp_path $T;
	    server {
	        listen 127.0.0.1:7011;
	        location = /good { return 204; }
	        location = /bad { return 503; }
	        location / { root $T/www; }
	    }
	}
X
spawn host nginx nginx -c "$T/nginx.conf"
spawn host banner socat TCP-LISTEN:7012,fork,reuseaddr \
    "SYSTEM:echo 220 ready; cat"
spawn host mute socat TCP-LISTEN:7013,fork,reuseaddr 'SYSTEM:sleep 600'
for p in 7010 7011 7012 7013; do wait_for 60 listening host $p; done
# checked POOL CHECK MEMBER...
checked() {
	local m
	echo "pool \"$1\" {"
	for m in "${@:3}"; do echo "member $m"; done
	echo "check $2 every 1s timeout 1s rise 2 fall 2"
	echo '}'
	echo "listen \"$1\" on 127.0.0.1 tcp port $((PORT++)) {"
	echo "otherwise to pool \"$1\""
	echo '}'
}
PORT=7100
M=127.0.0.1
CHECKS=$(checked tcp tcp "$M port 7001" "$M port 7009" "\"$T/u.sock\"" \
    "\"$T/none.sock\""
checked tls tls "$M port 7010" "$M port 7012" "$M port 7013"
checked http 'http "/good"' "$M port 7011" "$M port 7012" "$M port 7008"
checked bad 'http "/bad"' "$M port 7011"
checked exact 'http "/bad" expect 503' "$M port 7011"
checked send 'send "hello\n" expect "a"' "$M port 7001" "$M port 7002"
checked banner 'send "" expect "220 "' "$M port 7012" "$M port 7013")
conf "$THREE
check tcp every 1s timeout 1s rise 2 fall 2" "$CHECKS"
if ! ok 'a reload with checks of all kinds' reload; then
	diag "$(ctl reload 2>&1)"
fi
pool_state() { ctl -j show pools | jq -r --arg p "$1" --arg m "$2" \
    '.[] | select(.pool == $p and .member == $m) | .state'; }
in_pool() { [[ $(pool_state "$1" "$2") == "$3" ]]; }
soon 'tcp: nobody there' 60 in_pool tcp "$M port 7009" down
soon 'unix: nobody there' 60 in_pool tcp "$T/none.sock" down
soon 'tls: who says something else' 60 in_pool tls "$M port 7012" down
soon 'tls: who says nothing' 60 in_pool tls "$M port 7013" down
soon 'http: who is none' 60 in_pool http "$M port 7012" down
soon 'http: a status that is bad' 60 in_pool bad "$M port 7011" down
soon 'send, expect: another answer' 60 in_pool send "$M port 7002" down
soon 'banner: who says nothing' 60 in_pool banner "$M port 7013" down
nap 3
is 'tcp: one that is there' "$(pool_state tcp "$A")" up
is 'unix: one that is there' "$(pool_state tcp "$T/u.sock")" up
is 'tls: openssl' "$(pool_state tls "$M port 7010")" up
is 'http: nginx' "$(pool_state http "$M port 7011")" up
is 'http: the status that is expected' "$(pool_state exact "$M port 7011")" up
is 'send, expect: its answer' "$(pool_state send "$A")" up
is 'banner' "$(pool_state banner "$M port 7012")" up
like 'why is told' "$(<"$T/refractd.err")" \
    "pool tls: $M port 7012 is down: it answers something else"
like '... of each' "$(<"$T/refractd.err")" \
    "pool tls: $M port 7013 is down: Connection timed out"
is '... once, for all checks' "$(times 'pool tls: .* port 7013 is down')" 1
is 'a unix socket gets connections' "$(ask 7100 6)" 'a=3 u=3'

# Rise and fall.
signal srv_a KILL; reap srv_a
soon 'one is killed, its check fails' 60 in_state "$A" down
unlike '... and nobody was refused' "$(ask 7000 20)" 'reset|nothing|a='
back srv_a a=7001
soon 'it comes back, its check passes' 60 in_state "$A" up
is '... said once' "$(times "pool web: $A is up")" 1
unlike '... nothing of it in show' "$(ctl show)" 'pool web: no member'
soon '... and it gets some again' 60 eval '[[ $(ask 7000 9) == *a=3* ]]'

# --- All down --------------------------------------------------------------

NOBODY="member 127.0.0.1 port 7008
member 127.0.0.1 port 7009
check tcp every 1s timeout 1s fall 1"
conf "$NOBODY"
ok 'a pool of nobody' reload
soon '... is down' 60 in_state '127.0.0.1 port 7009' down
soon '... both' 60 in_state '127.0.0.1 port 7008' down
is '... goes to otherwise' "$(ask 7000 20)" 'c=20'
is '... said once' "$(times 'pool web: no member is up')" 1
like '... and in show' "$(ctl show)" 'notice +pool web: no member is up'
conf "$NOBODY
when down reset"
ok 'or' reload
soon '... is down' 60 in_state '127.0.0.1 port 7008' down
is '... is reset at once' "$(ask 7000 5)" 'reset=5'

# --- What the operator says ------------------------------------------------

conf "$THREE
check tcp every 1s"
ok 'a reload' reload
wait_for 60 in_state "$A" up
keep() { # PORT of whom it is connected to
	ctl -j show connections | jq -r '.[0].member'
}
python_keep='
import socket, sys, time
s = socket.create_connection(("127.0.0.1", 7000)); s.sendall(b"hello\n")
print(s.recv(100).decode().strip(), flush=True)
s.settimeout(60)
try:
    s.sendall(b"hello\n"); s.recv(100)
    print("gone" if s.recv(100) == b"" else "said", flush=True)
except ConnectionResetError:
    print("reset", flush=True)
'
spawn host keep python3 -c "$python_keep"
wait_for 60 grep -q . "$T/keep.out"
one() { [[ $(ctl -j show connections | jq length) -eq 1 ]]; }
soon 'a connection is shown' 60 one
NAME=$(keep)
like '... with its member' "$NAME" '^127\.0\.0\.1 port 700[123]$'
like '... and all the rest' "$(ctl -j show connections)" \
    '"from":"127.0.0.1","from_port":[0-9]+,"listener":"in".*"state":"relay"'
ok 'drain' ctl pool drain web "$NAME"
soon '... it is shown' 60 in_state "$NAME" drains
unlike '... gets no new ones' "$(ask 7000 30)" "$(head -1 "$T/keep.out")="
ok '... but keeps those it has' one
ok '... over a reload' reload
is '... too' "$(state "$NAME")" drains
like '... an audit line' "$(<"$T/audit.log")" "pool.* web: $NAME is draining"
ok 'disable' ctl pool disable web "${NAME%% *}"
soon '... ends them' 60 grep -q reset "$T/keep.out"
all_off() { in_state "$A" disabled && in_state "$B" disabled &&
    in_state "$C" disabled; }
soon '... all that are named so' 60 all_off
ok 'enable the pool' ctl pool enable web
all_up() { in_state "$A" up && in_state "$B" up && in_state "$C" up; }
soon '... all of them' 60 all_up
is '... they are asked again' "$(ask 7000 9)" 'a=3 b=3 c=3'
nok 'no such pool' ctl pool drain none
like '... is told' "$(ctl pool drain none 2>&1)" 'there is no pool "none"'
like 'no such member' "$(ctl pool drain web 10.1.1.1 2>&1)" \
    'there is no such member in the pool: "10.1.1.1"'
user() { on host setpriv --reuid=65534 --regid="$(getent group refract |
    cut -d: -f3)" --clear-groups "$OBJ/bin/refractctl" "$@"; }
ok 'the group may look' user show pools
nok '... and not change' user pool drain web
is '... nothing is' "$(state "$A")" up

# --- What is seen ----------------------------------------------------------

spawn host monitor "$OBJ/bin/refractctl" -j monitor mux
spawn host monitor2 "$OBJ/bin/refractctl" monitor
nap 0.5
SAY=$'GET /hello HTTP/1.1\r\nHost: Example.com\r\n\r\n' ask 7000 1 127.0.0.9 >/dev/null
soon 'monitor mux: a connection that ended' 60 \
    grep -q '"from":"127.0.0.9"' "$T/monitor.out"
LINE=$(grep '"from":"127.0.0.9"' "$T/monitor.out")
is '... what it was' "$(jq -r '"\(.record) \(.listener) \(.protocol) \(.name) \(.pool) \(.to) \(.to_port)"' <<<"$LINE")" \
    'connection in http Example.com web 127.0.0.1 7000'
# The client may be gone with bytes unread, which is a reset.
like '... how it ended' "$(jq -r .end <<<"$LINE")" '^(closed|client)$'
soon '... and it is in the access log' 60 \
    grep -q ' from 127.0.0.9:' "$T/access.log"
like '... in a line' "$(grep ' from 127.0.0.9:' "$T/access.log")" \
    '^20[0-9-]+T[0-9:.]+[+Z].* listen "in" from 127\.0\.0\.9:[0-9]+ to 127\.0\.0\.1:7000 protocol "?http"? name "Example\.com" route ".*" pool "web" member "127\.0\.0\.1 port 700[123]" server 127\.0\.0\.1:700[123] lasted [0-9.]+s waited [0-9.]+s in [0-9]+ out [0-9]+ end "(closed|client)"$'
is '... not in a monitor of all' "$(grep -c 127.0.0.9 "$T/monitor2.out")" 0
signal monitor; signal monitor2
like 'show listeners' "$(ctl show listeners)" \
    $'in +[0-9]+ +[0-9]+ +0 +[0-9.]+[BKM] +[0-9.]+[BKM] 127\.0\.0\.1 port 7000\n +ended: closed [0-9]+'
like 'show routes' "$(ctl -j show routes)" \
    '"listener":"in".*"route":"contains [^,]*","to":"web","connect_p50_us":[1-9]'
like 'show pools' "$(ctl show pools)" 'web .* up +127\.0\.0\.1 port 7001'
METRICS=$(on host curl -sS http://127.0.0.1:9440/metrics)
like '/metrics: listeners' "$METRICS" \
    $'\nrefract_listener_connections_total\{listener="in"\} [1-9]'
like '... how they ended' "$METRICS" \
    'refract_listener_ended_total\{listener="in",why="closed"\} [1-9]'
like '... members' "$METRICS" \
    'refract_member_up\{pool="web",member="127.0.0.1 port 7001"\} 1'
is '... each kind once' "$(grep '^# TYPE' <<<"$METRICS" | sort | uniq -d)" ''
if type -P promtool >/dev/null; then
	ok '... promtool finds nothing' promtool check metrics <<<"$METRICS"
fi
PAGE=$(on host curl -sS http://127.0.0.1:9440/)
like 'the page: listeners and pools' "$PAGE" \
    '<h2>Listeners</h2>.*<td>in</td>.*<h2>Pools</h2>.*port 7001'

# --- The access log --------------------------------------------------------

mv "$T/access.log" "$T/access.1"
ask 7000 1 127.0.0.10 >/dev/null
soon 'a log that was moved is written on' 60 grep -q 127.0.0.10: "$T/access.1"
ok 'reopen' ctl reopen
ask 7000 1 127.0.0.11 >/dev/null
soon '... begins a new one' 60 grep -q 127.0.0.11: "$T/access.log"
nok '... and leaves the old one' grep -q 127.0.0.11: "$T/access.1"
FORM=json
conf "$THREE"
ok 'as JSON' reload
HOSTILE=$'GET / HTTP/1.1\r\nHost: a"\\\x1b[31m<b>\xff\r\n\r\n'
SAY=$HOSTILE ask 7000 1 127.0.0.12 >/dev/null
soon '... a hostile name' 60 grep -q 127.0.0.12 "$T/access.log"
J=$(grep 127.0.0.12 "$T/access.log")
is '... is one line of JSON' "$(jq -r .from <<<"$J")" 127.0.0.12
unlike '... without a byte that is not printable' "$J" $'[\x01-\x1f\x7f-\xff]'
FORM=
on host mkdir /run/small
on host mount -t tmpfs -o size=64k small /run/small
conf "$THREE"
sed -i "s,log connections.*,log connections \"/run/small/log\"," "$REFRACT_CONF"
ok 'on a small disk' reload
ask 7000 600 >/dev/null
full() { [[ $(metric refract_access_lines_dropped_total) -gt 0 ]]; }
soon '... what it does not take is counted' 60 full
is '... said once' "$(times 'log connections: lines are lost')" 1
is '... and nobody waits' "$(ask 7000 9)" 'a=3 b=3 c=3'
sed -i "s,log connections.*,log connections none," "$REFRACT_CONF"
ok 'no log' reload
before=$(metric refract_access_lines_total)
ask 7000 9 >/dev/null
is '... no line' "$(metric refract_access_lines_total)" "$before"

# --- Names -----------------------------------------------------------------

echo 'nameserver 127.0.0.53' >"$T/resolv.conf"
echo '127.0.0.1 localhost' >"$T/hosts"
on host mount --bind "$T/resolv.conf" /etc/resolv.conf
on host mount --bind "$T/hosts" /etc/hosts
# names LINE...: what the DNS server knows, from now on
names() {
	printf '%s\n' "$@" >"$T/names"
	! running dns || signal dns HUP
}
dns() {
	spawn host dns dnsmasq -k --no-resolv --no-hosts --bind-interfaces \
	    --listen-address="${1:-127.0.0.53}" --user=root --local-ttl=1 \
	    --pid-file= --addn-hosts="$T/names" --local=/test/ --log-queries \
	    --log-facility=-
	wait_for 60 eval '[[ -n $(on host ss -Hlnu "sport = :53") ]]'
}
spawn host v6 python3 "$POOL" serve a=7021
on host ip addr add 127.0.0.21/32 dev lo
on host ip addr add 127.0.0.22/32 dev lo
on host ip addr add 2001:db8::21/128 dev lo nodad
for i in 1 2; do
	spawn host "n$i" socat "TCP4-LISTEN:7020,bind=127.0.0.2$i,fork,reuseaddr" \
	    "SYSTEM:read l; echo n$i"
done
spawn host n6 socat "TCP6-LISTEN:7020,bind=[2001:db8::21],fork,reuseaddr" \
    'SYSTEM:read l; echo n6'
conf 'member "db.test" port 7020 ttl 1s to 2s
member "db.test" port 7099 backup
check none'
names '127.0.0.21 db.test'
dns
ok 'a name' reload
addrs() { ctl -j show pools | jq -r '.[0].addresses'; }
is_now() { [[ $(addrs) == "$1" ]]; }
soon '... is resolved' 60 is_now 127.0.0.21
is '... and used' "$(ask 7000 4)" 'n1=4'
names '127.0.0.22 db.test'
soon 'a change is followed' 60 is_now 127.0.0.22
is '... by both workers' "$(ask 7000 8)" 'n2=8'
names '127.0.0.21 db.test' '127.0.0.22 db.test' '2001:db8::21 db.test'
soon 'several, of both families' 60 is_now \
    '127.0.0.21, 127.0.0.22, 2001:db8::21'
like '... each gets some' "$(ask 7000 18)" '^n1=[1-9] n2=[1-9] n6=[1-9]$'
signal dns KILL; reap dns
soon 'a dead resolver is said' 60 logged \
    'name db\.test: .*: the last answer is kept'
is '... its last answer is kept' "$(addrs)" \
    '127.0.0.21, 127.0.0.22, 2001:db8::21'
# A8: nothing on the way of a connection waits for it.
like '... and connections do not wait' "$(ask 7000 18)" \
    '^n1=[1-9] n2=[1-9] n6=[1-9]$'
ok '... nor a reload' reload
is '... which forgets nothing' "$(addrs)" \
    '127.0.0.21, 127.0.0.22, 2001:db8::21'
names '127.0.0.22 db.test'
dns
soon 'it is back' 60 is_now 127.0.0.22
is '... said once each' "$(times 'the last answer is kept') $(times \
    'name db.test: resolved again')" '1 1'
names '127.0.0.99 other.test'
soon 'a name that is no more' 60 is_now null
soon '... is said' 60 logged 'name db\.test: there is no such name'
is '... and shown' "$(state 'db.test port 7020')" unknown
is '... its pool is down' "$(ask 7000 3)" 'c=3'
names '127.0.0.21 db.test'
soon '... until it is there again' 60 is_now 127.0.0.21
queries() { grep -ic 'query\[A\] db.test' "$T/dns.out" "$T/dns.err" |
    awk -F: '{ n += $2 } END { print n }'; }
n=$(queries)
nap 3
n=$(($(queries) - n))
ok "asked once for both members, by its time to live: $n in 3 s" \
    test $n -ge 1 -a $n -le 4

# Another name server, told by the file, written in place.
signal dns; reap dns
names '127.0.0.22 db.test'
dns 127.0.0.54
echo 'nameserver 127.0.0.54' >"$T/resolv.conf"
soon 'another name server' 60 is_now 127.0.0.22
# ... and /etc/hosts before it.
echo '127.0.0.21 db.test' >>"$T/hosts"
soon '/etc/hosts comes first' 60 is_now 127.0.0.21
echo '127.0.0.1 localhost' >"$T/hosts"
soon '... and goes again' 60 is_now 127.0.0.22
# A worker that comes later is told too.
sed -i 's/^workers 2/workers 3/' "$REFRACT_CONF"
ok 'one more worker' reload
is '... knows it' "$(ask 7000 12)" 'n2=12'
# Answers that are none.
signal dns; reap dns
spawn host junk socat UDP4-RECVFROM:53,bind=127.0.0.54,fork \
    'SYSTEM:head -c 300 /dev/urandom'
nap 4
ok 'garbage for answers' well
is '... changes nothing' "$(addrs)" 127.0.0.22
ok 'all is well' well
ok 'it stops' refract_stop
done_testing
