#!/usr/bin/env bash
# Lines of text: passwords guessed at a real sshd, pages guessed at a real
# nginx, and written lines for what they rarely say; from the line to the set
# and the dead connection.
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_refract
need ssh curl jq python3 sqlite3
SSHD=$(type -P sshd) || skip_all "sshd is not installed"
NGINX=$(type -P nginx) || skip_all "nginx is not installed"

L=$T/log
mkdir "$L" "$T/www"
: >"$L/sshd"; : >"$L/key"; : >"$L/weight"; : >"$L/grow"; : >"$L/dry"
: >"$L/prefix"; : >"$L/run"; : >"$L/ignored"; : >"$L/values"
: >"$L/one"; : >"$L/two"; : >"$L/ever"
refract_conf <<EOT
table <office> { 203.0.113.99 }
pattern "user" "[a-z0-9._-]+"
watch "sshd" {
	source file "$L/sshd"
	match "Failed password for (invalid user )?<user> from <addr> port"
	cancel "Accepted publickey for <user> from <addr>"
	key { addr }
	after 3 matches within 1m
	ban for 10m on tcp port 22
}
watch "nginx" {
	source file "$L/access"
	match "^<addr> .* \"GET [^\"]*\" 404 "
	after 5 matches within 1m
	ban for 10m
}
watch "key" {
	source file "$L/key"
	match "bad <user> from <addr>"
	key { addr, user }
	after 2 matches within 1m
	ban for 10m
}
watch "weight" {
	source file "$L/weight"
	match "terrible from <addr>" weight 3
	match "bad from <addr>"
	after 4 matches within 1m
	ban for 10m
}
watch "grow" {
	source file "$L/grow"
	match "bad from <addr>"
	ban for 20s growing by 3 to 1h
}
watch "one" {
	source file "$L/one"
	match "bad from <addr>"
	ban for 20s growing by 3 to 1h together
}
watch "two" {
	source file "$L/two"
	match "bad from <addr>"
	ban for 20s growing by 3 to 1h together
}
watch "ever" {
	source file "$L/ever"
	match "bad from <addr>"
	ban for forever
}
watch "copied" {
	source file "$L/copied*.log"
	match "bad from <addr>"
	after 3 matches within 30s
	ban for 1h
}
watch "dry" {
	source file "$L/dry"
	match "bad from <addr>"
	ban for 10m
	dry run
}
watch "prefix" {
	source file "$L/prefix"
	match "bad from <addr>"
	group inet 24 inet6 64
	after 2 matches within 1m
	ban prefix for 10m
}
watch "ignored" {
	source file "$L/ignored"
	match "bad <user> from <addr>"
	ignore "but harmless"
	ignore <user> "bob"
	ignore <user> matching "test.*"
	ignore <addr> <office>
	exempt 203.0.113.98
	ban for 10m
}
EOT
V4=203.0.113
V6=2001:db8:0
machine host
machine home
ok 'a network' link host eth0 "$V4.1/24 $V6:1::1/48" \
    home eth0 "$V4.7/24 $V4.8/24 $V4.9/24 $V6:7::7/48 $V6:8::8/48"

# sshd that takes passwords and knows nobody's
ssh-keygen -q -t ed25519 -N '' -f "$T/hostkey"
ssh-keygen -q -t ed25519 -N '' -f "$T/userkey"
mkdir -p "$T/auth" && cp "$T/userkey.pub" "$T/auth/keys"
cat >"$T/sshd_config" <<EOT
Port 22
HostKey $T/hostkey
UsePAM no
PasswordAuthentication yes
PermitRootLogin yes
AuthorizedKeysFile $T/auth/keys
StrictModes no
PidFile none
EOT
printf '#!/bin/sh\necho wrong\n' >"$T/askpass"
chmod 755 "$T/askpass"
on host mkdir -p /run/sshd
ok 'sshd' spawn host sshd "$SSHD" -D -f "$T/sshd_config" -E "$L/sshd"
wait_for 60 listening host 22

cat >"$T/nginx.conf" <<EOT
daemon off;
master_process off;
user root;
pid $T/nginx.pid;
error_log $L/error;
events { }
http {
	access_log $L/access;
	client_body_temp_path $T/body;
	proxy_temp_path $T/proxy;
	fastcgi_temp_path $T/fastcgi;
	uwsgi_temp_path $T/uwsgi;
	scgi_temp_path $T/scgi;
	server { listen 80; listen [::]:80; root $T/www; }
}
EOT
: >"$T/www/index.html"
ok 'nginx' spawn host nginx "$NGINX" -c "$T/nginx.conf" -e "$L/error"
wait_for 60 listening host 80
ok 'a service' echo_service host service 443
ok 'refractd starts' refract_start || done_testing

# guess FROM USER: one wrong password
guess() {
	on home env SSH_ASKPASS="$T/askpass" SSH_ASKPASS_REQUIRE=force \
	    setsid -w ssh -b "$1" -o PreferredAuthentications=password \
	    -o NumberOfPasswordPrompts=1 -o StrictHostKeyChecking=no \
	    -o UserKnownHostsFile=/dev/null -o ConnectTimeout=3 \
	    -o IdentityFile=none "$2@$V4.1" true </dev/null >/dev/null 2>&1
}
# knows FROM: logs in by a key
knows() {
	on home ssh -b "$1" -i "$T/userkey" -o BatchMode=yes \
	    -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
	    -o ConnectTimeout=3 "root@$V4.1" true </dev/null >/dev/null 2>&1
}
write() { printf '%s %s\n' "$(date '+%F %T.%3N')" "$2" >>"$L/$1"; }
count() { ctl -j show matches | python3 -c '
import json, sys
print(sum(r["count"] for r in json.load(sys.stdin) if r["watch"] == sys.argv[1]))' "$1"; }
counts() { [[ $(count "$1") == "$2" ]]; }
decisions() {
	ctl -j show history watch "$1" | python3 -c '
import json, sys
print(len(json.load(sys.stdin)))'
}

# --- sshd ---
ok 'a connection of the guesser' conn home ssh "$V4.7" 5001 "$V4.1" 443
guess "$V4.7" root
guess "$V4.7" nobody1
soon 'two guesses are counted' 60 counts sshd 2
nok 'and ban nobody yet' in_set refract4p "$V4.7,tcp:22"
guess "$V4.7" root
soon 'the third bans' 60 in_set refract4p "$V4.7,tcp:22"
soon 'and nothing is counted any more' 60 counts sshd 0
nok 'he cannot try again' guess "$V4.7" root
ok 'another port is open to him' conn_works ssh
conn_close ssh
like 'history says what it was made of' \
    "$(ctl show history watch sshd)" 'Failed password'

# --- cancel ---
guess "$V4.8" root
guess "$V4.8" root
soon 'two more of another' 60 counts sshd 2
ok 'who then logs in' knows "$V4.8"
soon 'has none any more' 60 counts sshd 0
guess "$V4.8" root
soon 'and begins anew' 60 counts sshd 1
nok 'so he is not banned' in_set refract4p "$V4.8,tcp:22"

# --- nginx ---
get() { on home curl -s -o /dev/null -m 2 --interface "$1" "http://$2/$3"; }
ok 'a connection of the scanner' conn home scan "$V4.9" 5002 "$V4.1" 443
ok 'a connection of somebody else' conn home other "$V4.8" 5003 "$V4.1" 443
for i in 1 2 3 4; do get "$V4.9" "$V4.1" "nothing$i"; done
ok 'a page that is there' get "$V4.9" "$V4.1" index.html
soon 'four are counted' 60 counts nginx 4
get "$V4.9" "$V4.1" wp-login.php
soon 'the fifth bans' 60 in_set refract4 "$V4.9"
soon 'his connection is dead' 60 not conn_works scan 1
ok "the other's lives" conn_works other
for i in 1 2 3 4 5; do get "$V6:8::8" "[$V6:1::1]" "no$i"; done
soon 'the same over IPv6: the /64' 60 in_set refract6 "$V6:8::/64"
conn_close scan; conn_close other

# --- keys ---
write key "bad alice from $V4.20"
write key "bad bob from $V4.20"
write key "bad alice from $V4.21"
soon 'three keys' 60 counts key 3
nok 'none has two' in_set refract4 "$V4.20"
like 'shown by their values' "$(ctl show matches)" "$V4.20 alice"
write key "bad bob from $V4.20"
soon 'one has' 60 in_set refract4 "$V4.20"
nok 'the other not' in_set refract4 "$V4.21"

# --- weights ---
write weight "bad from $V4.30"
write weight "bad from $V4.31"
write weight "bad from $V4.30"
write weight "terrible from $V4.31"
soon 'one and three are four' 60 in_set refract4 "$V4.31"
nok 'two are two' in_set refract4 "$V4.30"

# --- growing ---
# grown NAME LEAST MOST: a line, and how long the ban of it is
grown() {
	local left
	write grow "bad from $V4.40"
	soon "$1" 60 in_set refract4 "$V4.40"
	left=$(set_timeout refract4 "$V4.40")
	ok "$1 is of $2 to $3 seconds" test "$left" -ge "$2" -a "$left" -le "$3"
}
lift() {
	ok "$1" ctl "$1" "$V4.40"
	nok "... lifts it" in_set refract4 "$V4.40"
}
write ever "bad from $V4.42"
soon 'a ban for ever' 60 in_set refract4 "$V4.42"
write one "bad from $V4.41"
soon 'a ban of one watch' 60 in_set refract4 "$V4.41"
ctl unban "$V4.41" >/dev/null
soon 'is lifted' 60 not in_set refract4 "$V4.41"
write two "bad from $V4.41"
soon 'that of another grows with it' 60 in_set refract4 "$V4.41"
left=$(set_timeout refract4 "$V4.41")
ok '... to a minute' test "$left" -gt 20 -a "$left" -le 60
grown 'a first ban' 1 20
lift unban
grown 'a second one' 30 60
refract_stop
ok 'refractd starts again' refract_start
lift unban
grown 'a third one, after a restart,' 90 180
lift forgive
grown 'the next ban' 1 20
lift forgive
refract_stop
ok 'refractd starts once more' refract_start
is 'who is banned for ever still is' "$(set_timeout refract4 "$V4.42")" 0
grown 'and the next' 1 20

# --- A log whose lines say nothing, and not when ---
last() { ctl -j show watches | jq '.[] | select(.watch == "dry") | .last != null'; }
is 'no line yet' "$(last)" false
write dry "nothing of that kind"
soon 'when the last one was written' 60 eval '[[ $(last) == true ]]'

# --- dry run ---
write dry "bad from $V4.50"
soon 'a dry run is decided' 60 eval '[[ $(decisions dry) == 1 ]]'
nok 'and bans nobody' in_set refract4 "$V4.50"
like 'as history says' "$(ctl show history watch dry)" 'dry run'

# --- ban prefix ---
write prefix "bad from 198.51.100.3"
write prefix "bad from 198.51.100.77"
soon 'two addresses of a prefix ban it' 60 in_set refract4 198.51.100.0/24

# --- ignore, exempt ---
write ignored "bad bob from $V4.60"
write ignored "bad tester from $V4.61"
write ignored "bad mallory from $V4.62, but harmless"
write ignored "bad mallory from $V4.98"
write ignored "bad mallory from $V4.99"
write ignored "bad mallory from $V4.63"
soon 'who is not ignored is banned' 60 in_set refract4 "$V4.63"
for i in 60 61 62 98 99; do
	nok "$V4.$i is not" in_set refract4 "$V4.$i"
done

# --- by hand ---
patterns() { ctl -j show patterns watch ignored | jq -c '.[0] | .matched'; }
is 'of each regex is known how often it matched' "$(patterns)" 6
ok 'a match by hand' ctl trigger key addr="$V4.70" user=carol
soon 'is an offence' 60 in_set refract4 "$V4.70"

# --- a log that is copied to where logs are watched ---
# old AGO ADDR: a line of then
old() { printf '%s bad from %s\n' "$(date -d "-$1 sec" '+%F %T.%3N')" "$2"; }
for i in 7650 7649 7648; do old "$i" "$V4.90"; done >"$T/copied"
for i in 7600 7500 7400; do old "$i" "$V4.91"; done >>"$T/copied"
for i in 605 604 603; do old "$i" "$V4.92"; done >>"$T/copied"
opened() { ctl -j show watches | jq '.[] | select(.watch == "copied") | .files'; }
: >"$L/copied1.log"
soon 'a copy begins' 60 eval '[[ $(opened) == 1 ]]'
cat "$T/copied" >>"$L/copied1.log"
soon 'matches of one moment count together' 60 in_set refract4 "$V4.92"
left=$(set_timeout refract4 "$V4.92")
ok '... and are banned from then on' test "$left" -gt 1 -a "$left" -le 2997
nok 'those of different ones do not' in_set refract4 "$V4.91"
nok 'a ban that is over is not carried out' in_set refract4 "$V4.90"
soon '... and both are recorded' 60 eval '[[ $(decisions copied) == 2 ]]'
like '... as what it is' "$(ctl show history "$V4.90")" 'past, for 1h'
for i in 1 2 3; do write copied1.log "bad from $V4.93"; done
soon 'what is then written is live' 60 in_set refract4 "$V4.93"
ok '... and bans from now on' test "$(set_timeout refract4 "$V4.93")" -gt 2997

# --- unban by key ---
write key "bad dave from $V4.80"
soon 'a match of a key, and two from before the restarts' 60 counts key 3
ok 'a key is forgiven by its name' ctl forgive user "$V4.80 dave"
soon 'and its match is gone' 60 counts key 2
ok 'refractd stops' refract_stop

# --- the ledger ---
db() { on host sqlite3 -batch /var/lib/refract/ledger.db "$1"; }
is 'the lines before a decision are kept' "$(db "SELECT count(*) FROM line
    WHERE text LIKE 'Failed password%'")" 2
is 'and what it captured, had counted to, and by which pattern' "$(db "
    SELECT count(*) FROM decision WHERE instr(vals, 'user') > 0 AND count = 3
    AND pattern LIKE '%refract.conf:%'")" 1
done_testing
