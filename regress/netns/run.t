#!/usr/bin/env bash
# Commands of watches: when they run, what they are given, as whom, and what
# is left of them after a crash.  A command writes a line for each time that
# it ran, and those are counted.
# shellcheck disable=SC2034,SC2016
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 jq
machine host
LOG=$T/text.log
: >"$LOG"
mkdir -m 777 "$T/out"
RAN=$T/out/ran
SAY=$T/say
cat >"$SAY" <<-EOT
	#!/bin/bash
	{ printf '%s' "\$(id -un)"; printf ' [%s]' "\$@"; echo; } >>"$RAN"
EOT
# slow NAME SECONDS: says when it begins and when it ends.
cat >"$T/slow" <<-EOT
	#!/bin/bash
	echo "begin \$1" >>"$RAN"
	sleep "\$2"
	echo "end \$1" >>"$RAN"
EOT
chmod 755 "$SAY" "$T/slow"

# conf [STATEMENTS OF THE WATCH]: TOP has those above it.
conf() {
	refract_conf <<-EOT
		${TOP_CONF-}
		watch "ssh" {
			source file "$LOG"
			pattern "user" "[^ ]*"
			match "bad <user> from <addr>"
			after ${AFTER-1} matches within 1m
			$1
		}
		log bans "$T/bans.log"
	EOT
}
bad() { echo "bad ${2-bob} from $1" >>"$LOG"; }
# ran TEXT: how many lines have it.
ran() {
	[[ -e $RAN ]] || { echo 0; return; }
	grep -cF -- "$1" "$RAN"
}
# has N TEXT: exactly so many lines have it.
has() { [[ $(ran "$2") -eq $1 ]]; }
begin() { rm -f "$RAN" "$T/bans.log"; on host rm -rf /var/lib/refract; : >"$LOG"; refract_start; }
pending() { ctl -j show pending | jq 'length'; }
waits() { [[ $(pending) -eq $1 ]]; }
states() { ctl -j why "$1" | jq -r '.commands | map(.state) | join(" ")'; }
in_states() { [[ $(states "$1") == "$2" ]]; }
# die: all of it at once, as a power cut would.
die() {
	on host pkill -9 -x refractd
	wait_for 60 not running refractd
	wait_for 60 not on host pgrep -f libexec/refract
}

# --- What it is given, and as whom ---
conf "ban for 1h
	run { \"$SAY\", \"now\", \"<addr>\", \"<watch>\", \"<count>\", \"<user>\", \"<none>\" }" 2>/dev/null
nok 'a value that nothing captures is an error' \
    on host "$OBJ/sbin/refractd" -n -f "$REFRACT_CONF"
AFTER=2 conf "ban for 1h
	run { \"$SAY\", \"now\", \"<addr>\", \"<watch>\", \"<count>\", \"<user>\" }
	run { \"$SAY\", \"match=<match>\", \"a  b\", \"'\\\"\", \"\$(id)\", \"-x\", \"l\\nm\" }
	run { \"$SAY\", \"undo\", \"<addr>\" } delay 1h
	run { \"$SAY\", \"due\", \"<addr>\" } delay 1s inet6 only
	run { \"$SAY\", \"six\" } inet6 only
	run { \"$SAY\", \"standing\" } on ban
	run { \"$SAY\", \"lifted\" } on unban"
begin
is 'it starts' $? 0
bad 203.0.113.1 bob
bad 203.0.113.1 bob
soon 'it runs' 60 has 1 '_refractx [now] [203.0.113.1] [ssh] [2] [bob]'
soon 'with its values' 60 has 1 \
    "[match=bad bob from 203.0.113.1] [a  b] ['\"] [\$(id)] [-x] [l"
ok 'a newline is one' grep -qx 'm\]' "$RAN"
ok 'never as root' not grep -q root "$RAN"
soon 'and when the ban stands' 60 has 1 '[standing]'
is 'not for another family' "$(ran '[six]')" 0
is 'not the undo yet' "$(ran '[undo]')" 0
like 'which is shown' "$(ctl show pending)" "$SAY\", \"undo\", \"203.0.113.1\""
is 'also to scripts' "$(ctl -j show pending | jq -r '.[] |
    select(.on == "offence") | [.address, .watch, .state] | join(" ")')" \
    '203.0.113.1 ssh pending'
is 'the ban stays' "$(in_set refract4 203.0.113.1; echo $?)" 0
is 'and its end has not come' "$(ran '[lifted]')" 0
bad 203.0.113.2 '$(reboot)'
bad 203.0.113.2 '$(reboot)'
soon 'nothing is understood by anybody' 60 has 1 '[203.0.113.2] [ssh] [2] [$(reboot)]'
bad 203.0.113.3 '--help;'
bad 203.0.113.3 '--help;'
soon 'a dash stays where it is' 60 has 1 '[--help;]'
bad 203.0.113.4 $'x\x01\\y'
bad 203.0.113.4 $'x\x01\\y'
soon 'what is not text is escaped' 60 has 1 '[x\001\\y]'
bad 2001:db8::1 ''
bad 2001:db8::1 ''
soon 'an empty value is an empty argument' 60 has 1 '[2001:db8::1] [ssh] [2] []'
soon 'the other family has its own' 60 has 1 '[six]'
soon 'and what is due runs' 60 has 1 '_refractx [due] [2001:db8::1]'

# --- why, unban, flush ---
why=$(ctl why 203.0.113.1)
like 'why: the ban' "$why" 'In force'
like 'why: the lines' "$why" 'bad bob from 203.0.113.1'
like 'why: the pattern' "$why" "counted 2"
like 'why: the commands' "$why" "$SAY"
is 'why, for scripts' "$(ctl -j why 203.0.113.1 | jq -r '[(.bans | length),
    (.decisions | length), (.lines | length), (.commands | length)] |
    join(" ")')" '1 1 2 5'
is 'why of nobody' "$(ctl why 198.51.100.99)" 'nothing is known of it'
is 'for scripts too' "$(ctl -j why 198.51.100.99 |
    jq -r '[.bans, .decisions, .lines, .commands] | flatten | length')" 0
ctl unban 203.0.113.1 >/dev/null
soon 'an unban is the end of the ban' 60 has 1 '[lifted]'
bad 203.0.113.9
bad 203.0.113.9
soon 'another' 60 has 1 '[203.0.113.9] [ssh]'
like 'unban says so' "$(ctl unban 203.0.113.9)" '1 pending command runs now'
soon 'its undo runs at once' 60 has 1 '[undo] [203.0.113.9]'
ok 'the log has it' logged 'out of nowhere|up: version'
refract_stop
is 'it stops' $? 0

# --- Pending commands: restart, flush, trigger ---
conf "run { \"$SAY\", \"mail\", \"<addr>\" } once
	run { \"$SAY\", \"undo\", \"<addr>\" } delay 1h"
begin
bad 203.0.113.1
bad 203.0.113.2
bad 203.0.113.3
soon 'without a ban too' 60 has 3 '[mail]'
soon 'all wait' 60 waits 3
bad 203.0.113.1
nap 0.6
is 'an offence again puts them off' "$(pending)" 3
refract_stop
refract_start
soon 'after a restart they wait' 60 waits 3
is 'and nothing has run twice' "$(wc -l <"$RAN")" 3
like 'flush' "$(ctl flush 203.0.113.1)" '^1 pending command runs now$'
soon 'runs it' 60 has 1 '[undo] [203.0.113.1]'
is 'for scripts' "$(ctl -j flush watch ssh value bob | jq .count)" 2
soon 'runs the others' 60 has 3 '[undo]'
nok 'flush of a watch that is not there' ctl flush watch nobody
like 'the audit log has it' "$(cat "$T/bans.log")" 'request flush.*by .root'
ctl trigger ssh addr=203.0.113.77 user=eve >/dev/null
soon 'a match by hand' 60 has 1 '[mail] [203.0.113.77]'
like 'is in the audit log' "$(cat "$T/bans.log")" 'request trigger'
nok 'of a watch that is not there' ctl trigger nobody addr=203.0.113.77
nok 'of no address' ctl trigger ssh addr=203.0.113 user=eve
on host setpriv --reuid nobody --regid refract --clear-groups \
    "$OBJ/bin/refractctl" show pending >"$T/member.out" 2>&1
is 'the group may see them' $? 0
nok 'and not flush them' on host setpriv --reuid nobody --regid refract \
    --clear-groups "$OBJ/bin/refractctl" flush
soon 'one waits' 60 waits 1

# --- A reload that takes a command out; dry run ---
conf "run { \"$SAY\", \"mail\", \"<addr>\" } once"
ctl reload >/dev/null
soon 'it is skipped' 60 waits 0
ok 'and said' logged '1 pending command is skipped'
conf "dry run
	ban for 1h
	run { \"$SAY\", \"dry\", \"<addr>\" }"
ctl reload >/dev/null
ctl log verbose >/dev/null
bad 203.0.113.50
soon 'a dry run says what it would run' 60 logged 'dry run: would run .*dry.*203.0.113.50'
soon 'and shows it' 60 in_states 203.0.113.50 skipped
is 'but does not run it' "$(ran '[dry]')" 0
refract_stop

# --- At exit, start and stop ---
TOP_CONF="start { \"$SAY\", \"start 1\" }
start { \"$SAY\", \"start 2\" }
stop { \"$SAY\", \"stop 1\" }
stop { \"/bin/false\" }
stop { \"$SAY\", \"stop 2\" }
commands at most 1" \
conf "run { \"$SAY\", \"undo\", \"<addr>\" } delay 1h also at exit
	run { \"$SAY\", \"never\", \"<addr>\" } delay 1h"
begin
is 'with start commands it starts' $? 0
for i in 1 2 3; do bad "203.0.113.$i"; done
soon 'all wait' 60 waits 6
refract_stop
is 'it stops well' $? 0
is 'in order' "$(sed 's/_refractx //; s/203.*//' "$RAN" | uniq -c |
    tr -s ' \n' ' ')" ' 1 [start 1] 1 [start 2] 3 [undo] [ 1 [stop 1] 1 [stop 2] '
ok 'what fails at the stop is said' logged 'stop \{ /bin/false \}: exit status 1'
TOP_CONF="start { \"/bin/false\" }" conf ''
spawn host refractd "$OBJ/sbin/refractd" -d -f "$REFRACT_CONF"
reap refractd
is 'a start command that fails refuses the start' $? 1
ok 'with its name and status' logged 'start \{ /bin/false \}: exit status 1'

# --- Time, and how many ---
TOP_CONF='commands at most 2' \
conf "run { \"$T/slow\", \"<addr>\", \"1\" }"
begin
for i in 1 2 3 4 5; do bad "203.0.113.$i"; done
soon 'all of them run' 60 has 5 end
most=$(awk '/begin/ { if (++n > m) m = n } /end/ { n-- } END { print m }' "$RAN")
is 'two at a time, never more' "$most" 2
cat >"$T/fork" <<-EOT
	#!/bin/bash
	trap '' TERM
	sleep 1000 &
	sleep 1000
	echo survived >>"$RAN"
EOT
chmod 755 "$T/fork"
conf "run { \"$T/fork\", \"<addr>\" } timeout 1s"
ctl reload >/dev/null
bad 203.0.113.20
soon 'what takes too long runs' 60 on host pgrep -u _refractx -x sleep
soon 'is said to' 60 logged 'fork: its time is over'
soon 'and is ended, with all its children' 60 not on host pgrep -u _refractx -x sleep
is 'without an end of its own' "$(ran survived)" 0
soon 'that is a failure' 60 in_states 203.0.113.20 failed
cat >"$T/kill" <<-EOT
	#!/bin/bash
	for p in \$(pgrep refract); do
		kill -0 "\$p" 2>/dev/null && echo "may \$(ps -o args= -p "\$p")"
		echo tried
	done >>"$RAN"
EOT
chmod 755 "$T/kill"
conf "run { \"$T/kill\" }"
ctl reload >/dev/null
bad 203.0.113.21
tried() { [[ $(ran tried) -ge $(on host pgrep -c refract) ]]; }
soon 'a command looks for who guards' 60 tried
is 'and may signal none of them' "$(grep may "$RAN")" ''
refract_stop

# --- kill -9 ---
TOP_CONF='commands at most 50' conf "run { \"$T/slow\", \"most <addr>\", \"2\" }
	run { \"$T/slow\", \"least <addr>\", \"2\" } at least once
	run { \"$SAY\", \"later\", \"<addr>\" } delay 1h"
begin
# before
bad 203.0.113.1
die
refract_start
nap 0.5
b=$(ran 'begin most')
like 'before: at most once' "$b" '^[01]$'
rm -f "$RAN"
# during
bad 203.0.113.2
soon 'both run' 60 has 1 'begin least 203.0.113.2'
soon 'both run' 60 has 1 'begin most 203.0.113.2'
die
refract_start
soon 'during: what runs at least once runs again' 60 has 2 'begin least 203.0.113.2'
soon 'to its end' 60 has 1 'end least 203.0.113.2'
is 'what runs at most once does not' "$(ran 'begin most 203.0.113.2')" 1
ok 'and that is said' logged 'it is not run again'
# after
bad 203.0.113.3
soon 'both end' 60 has 1 'end most 203.0.113.3'
soon 'both end' 60 has 1 'end least 203.0.113.3'
soon 'and that is on the disk' 60 in_states 203.0.113.3 'done done pending'
die
refract_start
nap 3
is 'after: nothing runs again' "$(ran 'begin most 203.0.113.3') $(ran 'begin least 203.0.113.3')" '1 1'
soon 'what waits still waits' 60 in_states 203.0.113.3 'done done pending'
for i in {1..10}; do
	bad "203.0.113.$((100 + i))"
	nap "0.$((RANDOM % 4))"
	die
	refract_start
done
least() {
	local i
	for i in {1..10}; do
		[[ $(ran "begin least 203.0.113.$((100 + i))") -ge 1 ]] || return
	done
}
soon 'ten deaths: what runs at least once did' 60 least
nap 1
n=$(grep -c 'begin most 203.0.113.1[01]' "$RAN")
twice=$(grep 'begin most' "$RAN" | sort | uniq -d | wc -l)
is "what runs at most once did so $n times of 10: none twice" "$twice" 0
refract_stop
done_testing
