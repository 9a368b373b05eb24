#!/usr/bin/env bash
# Reloads: good ones while lines pour in and clients hold connections, bad ones
# of every kind, and those that nobody asked for (hot reload).
# With LONG=1: 500 good ones and 110 bad ones.
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 jq
HERE=$TOP/regress/netns
if [[ -n ${LONG-} ]]; then GOOD=500 BAD=110; else GOOD=20 BAD=11; fi
machine host
machine peer
link host eth0 '192.0.2.1/24' peer eth0 '192.0.2.7/24 192.0.2.8/24'
echo_service host service 443
LOG=$T/access.log
: >"$LOG"
: >"$T/second.log"
# conf [STATEMENTS]: the file is put in its place at once, as an editor does.
conf() {
	cat >"$T/new.conf" <<-EOT
		watch "xray" {
			source file "$LOG"
			format xray
			limit 1 address per user within 1h
			ban newest for ${BAN-1h} on tcp port 443
		}
		log bans "$T/bans.log"
		$*
	EOT
	chmod 600 "$T/new.conf"
	mv "$T/new.conf" "$REFRACT_CONF"
}
watch() { ctl -j show watches | jq -r ".[] | select(.watch == \"xray\") | .$1"; }
reloads() { grep -c 'reloaded: generation' "$T/refractd.err"; }

conf
refract_start
is 'it starts' $? 0

# --- Under load ---
ctl ban 192.0.2.7 for 2h >/dev/null
conn peer held 192.0.2.8 5000 192.0.2.1 443
spawn host pour python3 "$HERE/pour.py" "$LOG" 2000
for ((i = 0; i < 5; i++)); do
	spawn host "monitor$i" "$OBJ/bin/refractctl" monitor
done
# shellcheck disable=SC2016
spawn host asking bash -c 'n=0; bad=0
	over() { echo asked $n bad $bad; exit; }
	trap over TERM
	while :; do
		"$1" -j show bans >/dev/null && "$1" show >/dev/null || : $((bad++))
		: $((n++))
	done' - "$OBJ/bin/refractctl"
spawn peer banned python3 "$HERE/knock.py" 192.0.2.7 192.0.2.1 443 0.02
wait_for 60 eval '[[ $(watch lines) -gt 500 ]]'
failed=0
for ((i = 0; i < GOOD; i++)); do
	case $((i % 4)) in
	0) BAN=2h conf 'ban { never 192.0.2.99 }' ;;
	1) conf "watch \"second\" { source file \"$T/second.log\"; format xray }" ;;
	2) conf "table <t> { 192.0.2.200 }; watch \"xray2\" {
		format xray; exempt <t>; limit none; limit 3 for \"a*\"
		source file \"$LOG\" }" ;;
	3) conf 'ban { action drop; protect sessions }' ;;
	esac
	ctl reload >"$T/reload.out" 2>&1 || {
		: $((failed++))
		note "$(cat "$T/reload.out")"
	}
done
conf
ctl reload >/dev/null || : $((failed++))
is "$((GOOD + 1)) reloads, none failed" $failed 0
is 'each was one' "$(reloads)" $((GOOD + 1))
signal pour
reap pour
[[ $(tail -1 "$T/pour.out") =~ lines\ ([0-9]+)\ second\ ([0-9]+) ]]
lines=${BASH_REMATCH[1]} second=${BASH_REMATCH[2]}
note "$(tail -1 "$T/pour.out")"
soon 'every line was read' 60 eval '[[ $(watch lines) == "$lines" ]]'
is 'once' "$(watch lines)" "$lines"
is 'and counted' "$(watch matches)" "$lines"
is 'every second address is an offence' "$(watch offences)" "$second"
in_kernel() { on host ipset list refract4p | grep -c '^10\.9\.'; }
soon 'and banned' 60 eval '[[ $(in_kernel) == "$second" ]]'
soon 'and recorded' 60 eval \
    '[[ $(ctl -j show history watch xray | jq length) == "$second" ]]'
ok 'the ban from before stands' in_set refract4 192.0.2.7
ok 'the connection from before works' conn_works held
conn_close held
signal asking
reap asking
like 'clients ask, and none had an error' "$(cat "$T/asking.out")" \
    'asked [1-9][0-9]* bad 0'
signal banned
reap banned
like 'who is banned never got through' "$(tail -1 "$T/banned.out")" \
    'tries [0-9]{2,} through 0 '
alive=0
for ((i = 0; i < 5; i++)); do
	running "monitor$i" && : $((alive++))
	signal "monitor$i"
done
is 'monitors are still connected' $alive 5
is 'the service manager hears the end of each' \
    "$(grep -c READY=1 "$T/notify.out")" \
    $(($(grep -c RELOADING=1 "$T/notify.out") + 1))
is 'by the same processes' "$(grep -c 'up: version' "$T/refractd.err")" 1

# --- Bad ones ---
conf
# a zone that the parent takes for one and the parser does not
cp -r /usr/share/zoneinfo "$T/zones" 2>/dev/null || mkdir "$T/zones"
{ printf TZif2; head -c 200 /dev/urandom; } >"$T/zones/Nowhere"
on host mount --bind "$T/zones" /usr/share/zoneinfo
ln -s "$LOG" "$T/link"
mkdir "$T/dir"
spawn host squatter socat TCP4-LISTEN:9441,fork,bind=127.0.0.1 -
wait_for 60 listening host 9441
state() {
	ctl show config
	ctl -j show watches
	ctl -j show users | jq -S .
	ctl -j show bans | jq -S 'map(del(.left_ms))'
	ctl -j show history | jq -S .
	ctl -j show processes | jq -S 'map(del(.pss_bytes, .rss_bytes))'
	on host ipset list | sed 's/ timeout [0-9]*//; /^Size in memory/d' | sort
	on host iptables-save | grep '^-'
	ls -R "$T" | grep -v 'ok.out\|state'
}
bad() {
	local wanted
	case $1 in
	0) conf 'watch {'; wanted='refract.conf:[0-9]+: found .*expected' ;;
	1) conf 'watch "w" { format xray; exempt <nobody> }'
		wanted='refract.conf:[0-9]+: found table <nobody>' ;;
	2) conf "watch \"w\" { source file \"$T/link\"; format xray }"
		wanted='watch w: .*link is a symbolic link' ;;
	3) conf "watch \"w\" { source file \"$T/dir\"; format xray }"
		wanted='watch w: .*dir is ' ;;
	4) conf 'watch "w" { format xray; zone "Nowhere" }'
		wanted='watch w: .*Nowhere' ;;
	5) conf "include \"$T/missing\""
		wanted='refract.conf:[0-9]+: .*missing: No such file' ;;
	6) conf 'state "/var/lib/elsewhere"'; wanted='state: .*restart' ;;
	7) conf 'instance "other"'; wanted='instance: .*restart' ;;
	8) conf "table <t> file \"$T/dir\""
		wanted='refract.conf:[0-9]+: .*regular file' ;;
	9) conf; chmod 666 "$REFRACT_CONF"
		wanted='refract.conf: found mode 0666' ;;
	10) conf 'status on 127.0.0.1 port 9441'
		wanted='status on 127.0.0.1 port 9441: Address already in use' ;;
	esac
	ctl reload >"$T/reload.out" 2>&1
	[[ $? -eq 1 && $(cat "$T/reload.out") =~ $wanted ]] && return
	note "kind $1: $(cat "$T/reload.out")"
	return 1
}
# The ledger and the kernel may still be at work on the last lines.
settled() {
	state >"$T/state.before"
	sleep 1
	state >"$T/state.after"
	cmp -s "$T/state.before" "$T/state.after"
}
ok 'all is quiet' wait_for 60 settled
failed=0 changed=0
for ((i = 0; i < BAD; i++)); do
	bad $((i % 11)) || : $((failed++))
	[[ $i -ge $((BAD - 11)) ]] || continue
	state >"$T/state.after"
	cmp -s "$T/state.before" "$T/state.after" && continue
	: $((changed++))
	note "kind $((i % 11)): $(diff "$T/state.before" "$T/state.after" | head -5)" >&2
done
is "$BAD bad reloads, each refused with its reason" $failed 0
is 'and nothing has changed' $changed 0
is 'the log says so each time' \
    "$(grep -c 'nothing has changed' "$T/refractd.err")" "$BAD"
like 'the last one is in show' "$(ctl -j show | jq -r '.notices[]')" \
    'reload: .*9441'
conf
ok 'a good one' ctl reload
is 'ends the notice' "$(ctl -j show | jq '.notices | length')" 0
signal squatter

# --- One while another is under way ---
n=$(reloads)
p=$(child_pid ledger)
on host kill -STOP "$p"
signal refractd HUP
soon 'one waits' 60 eval '[[ $(ctl reload 2>&1) == *"under way"* ]]'
conf 'ban { max 6999 }'
signal refractd HUP
soon 'another is asked for' 60 logged 'one is under way: another follows'
on host kill -CONT "$p"
soon 'and follows' 60 eval '[[ $(reloads) == $((n + 2)) ]]'
ok 'with what is in the file now' eval 'ctl show config | grep -q "max 6999"'
conf
ctl reload >/dev/null

# --- What is large and empty stays where it is ---
anon() { on host awk '/^RssAnon/ { print $2 }' "/proc/$1/status"; }
p=$(child_pid ^refract-enforcer)
before=$(anon "$p")
for ((i = 0; i < 5; i++)); do
	ctl reload >/dev/null
done
if grep -q __asan_init "$OBJ/libexec/refract/refract-enforcer"; then
	skip 1 'reloads cost the enforcer no memory' 'a sanitized build'
else
	ok 'reloads cost the enforcer no memory' \
	    test $(($(anon "$p") - before)) -lt 4096
fi

# --- Hot reload ---
n=$(reloads)
mkdir "$T/conf.d"
echo 198.51.100.200 >"$T/office"
hot() { conf "hot reload; include \"$T/conf.d/*.conf\"
	table <office> file \"$T/office\"
	$*"; }
more() { [[ $(reloads) -gt $n ]] && n=$(reloads); }
shown() { ctl show config | grep -q -- "$1"; }
hot
nap 0.5
is 'not before it is on' "$(reloads)" "$n"
ok 'on' ctl reload
n=$(reloads)
hot 'ban { max 7000 }'
soon 'a new file in its place' 60 shown 'max 7000'
sed -i 's/7000/7001/' "$REFRACT_CONF"
soon 'an editor' 60 shown 'max 7001'
python3 - "$REFRACT_CONF" <<-'EOT'
	import sys
	t = open(sys.argv[1]).read().replace("7001", "7002")
	open(sys.argv[1], "w").write(t)
EOT
soon 'written in place' 60 shown 'max 7002'
echo 'watch "third" { source file "'"$T/second.log"'"; format xray }' \
    >"$T/conf.d/a.conf"
soon 'a file that is included from now on' 60 shown 'watch "third"'
rm "$T/conf.d/a.conf"
soon 'and not any more' 60 not shown 'watch "third"'
n=$(reloads)
echo 198.51.100.201 >"$T/office.new"
mv "$T/office.new" "$T/office"
soon 'the file of a table' 60 more
rm -r "$T/conf.d"
soon 'a directory that goes' 60 more
nap 0.3
mkdir "$T/conf.d"
echo 'ban { action drop }' >"$T/conf.d/b.conf"
soon 'and comes' 60 more
rm "$T/conf.d/b.conf"
mv "$REFRACT_CONF" "$T/real.conf"
ln -s real.conf "$REFRACT_CONF"
nap 0.5
sed -i 's/7002/7003/' "$T/real.conf"
soon 'behind a link' 60 shown 'max 7003'
rm "$REFRACT_CONF"
hot 'ban { max 7004 }'
soon 'in the place of a link' 60 shown 'max 7004'
nap 0.5
n=$(reloads)
# so fast that a slow machine makes a burst of it too
hot 'ban { max 8049 }'
python3 - "$REFRACT_CONF" <<-'EOT'
	import os, sys
	conf = sys.argv[1]
	text = open(conf).read()
	for i in range(50):
	    with open(conf + ".new", "w") as f:
	        os.chmod(conf + ".new", 0o600)
	        f.write(text.replace("8049", str(8000 + i)))
	    os.rename(conf + ".new", conf)
EOT
soon 'the last of many' 60 shown 'max 8049'
nap 0.3
note "$(($(reloads) - n)) reloads for 50 changes"
ok 'a burst is not one each' test $(($(reloads) - n)) -lt 25
hot 'ban { max none }'
soon 'an error is in show' 60 eval \
    '[[ $(ctl -j show | jq -r ".notices[]") == *"refract.conf:"*"max"* || $(ctl -j show) == *"found \\\"none\\\""* ]]'
ok 'and changes nothing' shown 'max 8049'
hot 'ban { max 7005 }'
soon 'until it is put right' 60 shown 'max 7005'
n=$(reloads)
conf
soon 'off' 60 shown 'hot reload no'
soon 'off: all of it' 60 more
conf 'ban { max 7006 }'
nap 0.5
is 'is off' "$(reloads)" "$n"
refract_stop
is 'it stops' $? 0

# --- On from the start ---
hot
refract_start
hot 'ban { max 7007 }'
soon 'on from the start' 60 shown 'max 7007'
refract_stop

done_testing
