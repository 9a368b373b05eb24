#!/usr/bin/env bash
# refractctl and the control role with the real daemon: what is shown, what is
# changed, who may, and clients that behave badly.
. "$(dirname "$0")/../lib.sh"
need_refract
need jq setpriv socat python3
machine host

LOG=$T/access.log
AUDIT=$T/bans.log
SOCK=/run/refract/control.sock
conf() {
	refract_conf <<-EOT
		watch "xray" {
			source file "$LOG"
			format xray
			limit 1 address per user within 5s
			ban newest for 1h on tcp port 443
		}
		log bans "$AUDIT" $*
	EOT
}
# as GROUPS CMD...: as nobody, in these groups
as() {
	local groups=(--clear-groups)
	[[ -z $1 ]] || groups=(--groups "$1")
	shift
	on host setpriv --reuid 65534 --regid 65534 "${groups[@]}" "$@"
}
member() { as refract "$OBJ/bin/refractctl" "$@"; }
status() { "$@" >/dev/null 2>&1; echo $?; }
json() { ctl -j "$@" | jq -e . ; }
clients() { [[ $(ctl -j show | jq .clients) -eq $1 ]]; }
banned() { ctl -j show bans "$1" | jq -e 'length > 0'; }
# A ban of the watch: USER FIRST SECOND
offend() {
	xray_line "$LOG" "$2:1000" "$1"
	xray_line "$LOG" "$3:1000" "$1"
}

# --- Without a daemon ---
is 'not running: 3' "$(status ctl show)" 3
is 'no command: 2' "$(status ctl)" 2
is 'wrong word: 2' "$(status ctl shows)" 2
like 'the candidates are listed' "$(ctl show x 2>&1)" \
    'expected bans, history, users, watches'
like 'ambiguous words are named' "$(ctl re 2>&1)" 'reload, reopen'

: >"$LOG"
conf
ok 'the daemon starts' refract_start

# --- Show ---
like 'the summary says that all is well' "$(ctl show)" '^refract +healthy'
is 'no bans' "$(ctl show bans)" 'no bans'
is 'no bans, for scripts' "$(ctl -j show bans | jq -c .)" '[]'
for what in '' bans history users watches processes config metrics; do
	# shellcheck disable=SC2086
	ok "show $what: JSON" json show $what
	# shellcheck disable=SC2086
	is "show $what: 80 columns" "$(ctl show $what | awk 'length > 80')" ''
done
is 'six processes' "$(ctl -j show processes | jq -c '[.[].process] | sort')" \
    '["control","enforcer","ledger","parent","parser","rules"]'
is 'the summary knows them' "$(ctl -j show | jq .processes)" 6
like 'the configuration' "$(ctl show config)" 'watch "?xray"? \{'
is 'the same in JSON' "$(ctl -j show config | jq -r .config)" \
    "$(ctl show config)"
is 'words may be short' "$(ctl s conf)" "$(ctl show config)"
is 'every counter' "$(ctl -j show metrics | jq -c '[.[].process] | unique')" \
    '["control","enforcer","ledger","parser"]'

# --- The operator bans ---
ok 'ban' ctl ban 203.0.113.7 for 1h on tcp port 443 reason he knows why
ok 'it is in the set' in_set refract4p 203.0.113.7,tcp:443
is 'it is shown' "$(ctl -j show bans 203.0.113.7 |
    jq -c '.[] | [.address, .protocol, .port, .watch, .user]')" \
    '["203.0.113.7","tcp",443,"operator","root"]'
like 'the audit log has it' "$(tail -n 1 "$AUDIT")" \
    '^[0-9-]+T[0-9:.]+[+-][0-9:]+ ban 203\.0\.113\.7 tcp/443 until .* by "root" note "he knows why"'
recorded() { ctl -j show history 203.0.113.7 |
    jq -e '.[0].result == "applied" and .[0].evidence == "he knows why"'; }
soon 'the history has it' 60 recorded
is 'by the name that the tables give it' \
    "$(ctl -j show history watch operator | jq -r '.[0].address')" 203.0.113.7
ok 'ban an IPv6 address' ctl ban 2001:db8:1::7 for 1h
ok 'its /64 is in the set' in_set refract6 2001:db8:1::/64
is 'the exact address is kept' \
    "$(ctl -j show bans 2001:db8:1::/64 | jq -r '.[0].offender')" 2001:db8:1::7
ok 'ban one IPv6 address' ctl ban 2001:db8:2::7/128
is 'it alone' "$(ctl -j show bans 2001:db8:2::/64 | jq -r '.[].address')" \
    2001:db8:2::7
is 'for ever' "$(ctl -j show bans 2001:db8:2::/64 | jq -r '.[].until')" forever
is 'the never-table is refused' "$(status ctl ban 127.0.0.1)" 1
like 'and said' "$(ctl ban 127.0.0.1 2>&1)" 'may never be banned'
ok 'unban' ctl unban 203.0.113.7
nok 'it is gone from the set' in_set refract4p 203.0.113.7,tcp:443
like 'the audit log has who did it' "$(tail -n 1 "$AUDIT")" \
    ' request unban 203\.0\.113\.7 by "root"'
like 'and that it was lifted' "$(tail -n 2 "$AUDIT" | head -n 1)" \
    ' unban 203\.0\.113\.7 tcp/443'
ok 'unban all' ctl unban all
is 'nobody is banned' "$(ctl show bans)" 'no bans'

# --- A watch bans ---
spawn host monitor "$OBJ/bin/refractctl" -j monitor
wait_for 60 clients 2
offend bob 198.51.100.1 203.0.113.8
offend eve 198.51.100.1 203.0.113.9
soon 'a watch bans' 60 banned 203.0.113.8
soon 'and another' 60 banned 203.0.113.9
soon 'the audit log has user and watch' 60 grep -q \
    'ban 203\.0\.113\.8 tcp/443 watch "xray" user "bob" until ' "$AUDIT"
soon 'the monitor saw it' 60 jq -es \
    'any(.action == "ban" and .address == "203.0.113.8" and .user == "bob")' \
    "$T/monitor.out"
is 'the users' "$(ctl -j show users user bob |
    jq -c '.[] | [.user, .watch]')" '["bob","xray"]'
ok 'forgive one user' ctl forgive user bob
nok 'his ban is lifted' banned 203.0.113.8
ok 'not the other one' banned 203.0.113.9
is 'his addresses are forgotten' "$(ctl show users user bob)" 'no users'
is 'nobody of that name: nothing happens' "$(ctl -j forgive user nobody |
    jq .count)" 0
ok 'still not the other one' banned 203.0.113.9
ok 'forgive an address' ctl forgive 203.0.113.9
nok 'it is lifted' banned 203.0.113.9

# --- Kill ---
addr host lo 192.0.2.1/32
addr host lo 192.0.2.2/32
echo_service host echo 443
ok 'a connection' conn host victim 192.0.2.2 5555 192.0.2.1 443
like 'kill says how many' "$(ctl kill 192.0.2.2)" '[1-9]'
soon 'it is reset' 60 conn_reset victim
is 'and nobody is banned' "$(ctl show bans)" 'no bans'

# --- Who may ---
like 'a member of the group may look' "$(member show)" healthy
is 'and change nothing' "$(status member ban 203.0.113.7)" 1
like 'and is told so' "$(member unban all 2>&1)" \
    'not allowed: uid 65534 may show and monitor only'
for c in 'kill 203.0.113.7' 'forgive all' reload reopen 'log brief'; do
	# shellcheck disable=SC2086
	is "nor $c" "$(status member $c)" 1
done
is 'others do not get in' "$(status as '' "$OBJ/bin/refractctl" show)" 1
conf && sed -i '1i control "/run/refract/control.sock" admin group "nogroup"' \
    "$REFRACT_CONF"
ok 'another group may be let in' ctl reload
ok 'and then its members may change' member ban 203.0.113.7
conf
ok 'and no longer' ctl reload
is 'as before' "$(status member ban 203.0.113.7)" 1
ok 'back' ctl unban all

# --- Many answers, and none read ---
for ((i = 0; i < 300; i++)); do
	offend "user$i" 198.51.100.1 "203.0.$((100 + i / 250)).$((i % 250))"
done
all_banned() { [[ $(ctl -j show bans | jq length) -eq 300 ]]; }
soon '300 bans, by pages' 60 all_banned
is 'each once' "$(ctl -j show bans | jq '[.[].address] | unique | length')" 300
is 'in text too' "$(ctl show bans | grep -c tcp/443)" 300
is 'who goes away in the middle harms nobody' \
    "$(ctl show bans | head -n 1 | cut -d' ' -f1)" ADDRESS
soon 'and is gone' 60 clients 2

signal monitor STOP
for ((i = 0; i < 40; i++)); do
	ctl unban all
	ctl kill 203.0.113.7
	for ((j = 0; j < 25; j++)); do
		offend "many$i-$j" 198.51.100.1 "203.0.$i.$j"
	done
done >/dev/null
dropped() { ctl -j show metrics | jq -e \
    '.[] | select(.name == "refract_monitor_dropped_total").value > 0'; }
soon 'a monitor that does not read misses some' 60 dropped
signal monitor CONT
soon 'and is told how many' 60 grep -Eq '"text":"[0-9]+ dropped' \
    "$T/monitor.out"
ok 'all that it was told is JSON' jq -es 'length > 100' "$T/monitor.out"
signal monitor
reap monitor

# --- 64 at once, and one more ---
for ((i = 0; i < 64; i++)); do
	as refract "$OBJ/bin/refractctl" monitor >/dev/null 2>&1 &
done
soon '64 clients at once, and root' 60 clients 65
is 'no more of them' "$(status member show)" 1
like 'it is told why' "$(member show 2>&1)" 'too many clients'
ok 'root is served' ctl show bans
on host pkill -f 'bin/refractctl monitor'
soon 'all are gone' 60 clients 1
ok 'there is room again' member show

# --- Garbage ---
pid=$(child_pid control)
for ((i = 0; i < 20; i++)); do
	on host socat -u OPEN:/dev/urandom,readbytes=2000 "UNIX-CONNECT:$SOCK" \
	    2>/dev/null
	printf 'GET / HTTP/1.1\r\n\r\n' |
	    on host socat -t 0 - "UNIX-CONNECT:$SOCK" >/dev/null 2>&1
done
# All at once: they are not kept for long.
# shellcheck disable=SC2016
spawn host half python3 -c 'import socket, sys, time
all = [socket.socket(socket.AF_UNIX) for i in range(30)]
for s in all:
    s.connect(sys.argv[1])
    s.send(b"\1\2\3")
time.sleep(600)' "$SOCK"
soon 'half messages wait' 60 clients 31
ok 'and hinder nobody' ctl show bans
soon 'not for ever' 60 clients 1
is 'the same process serves' "$(child_pid control)" "$pid"
like 'all is still well' "$(ctl show)" healthy

# --- Our own log ---
mv "$AUDIT" "$AUDIT.1"
ok 'reopen' ctl reopen
ok 'a new file' test -f "$AUDIT"
conf json
ok 'from now on as JSON' ctl reload
ctl ban 203.0.113.77 for 1m >/dev/null
is 'the same keys as in monitor' \
    "$(grep '^{' "$AUDIT" | jq -r 'select(.action == "ban") | .address')" \
    203.0.113.77
is 'mode and owner' "$(stat -c '%a %U %G' "$AUDIT")" '640 root refract'

# --- The end ---
spawn host last "$OBJ/bin/refractctl" monitor
wait_for 60 clients 2
refract_stop
is 'it stops, whoever is connected' $? 0
reap last
is 'the monitor sees it' $? 1
is 'not running: 3' "$(status ctl show)" 3

done_testing
