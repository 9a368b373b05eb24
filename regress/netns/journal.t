#!/usr/bin/env bash
# source journal: real journalctl on a real journal, which another program
# writes to meanwhile.  Exactly once: what runs is killed at random moments, and
# each entry counts, and none counts twice.
#
#	SEED=n COUNT=n RATE=n KILLS=n prove journal.t
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_refract
need journalctl sqlite3 jq python3
REMOTE=/lib/systemd/systemd-journal-remote
[[ -x $REMOTE ]] || skip_all "systemd-journal-remote is not installed"
SEED=${SEED:-$((RANDOM * 32768 + RANDOM))}
COUNT=${COUNT:-3000}
RATE=${RATE:-300}
KILLS=${KILLS:-8}
note "SEED=$SEED COUNT=$COUNT RATE=$RATE KILLS=$KILLS"
RANDOM=$((SEED % 32768))
plan 36

machine host
J=$T/j
mkdir "$J"
BOOT=11111111111111111111111111111111
MACHINE=$(cat /etc/machine-id 2>/dev/null)

us() { echo "${EPOCHREALTIME/./}"; }
# write: export text into the journal
write() { $REMOTE -o "$J/t.journal" - >/dev/null 2>"$T/remote.err"; chmod 644 "$J/t.journal"; }
# entry MICROSECONDS MESSAGE [FIELD=VALUE...]
entry() {
	printf '__REALTIME_TIMESTAMP=%s\n__MONOTONIC_TIMESTAMP=%s\n' "$1" "$1"
	printf '_BOOT_ID=%s\n_MACHINE_ID=%s\n_PID=77\n' "$BOOT" "$MACHINE"
	printf '_HOSTNAME=h\nMESSAGE=%s\n' "$2"
	shift 2
	((!$#)) || printf '%s\n' "$@"
	echo
}
ssh=(_SYSTEMD_UNIT=ssh.service SYSLOG_IDENTIFIER=sshd)
bad() { entry "$(us)" "bad $1" "${ssh[@]}" | write; }
banned() { in_set refract4 "$1"; }
sql() { on host sqlite3 -batch /var/lib/refract/ledger.db "$1"; }
watches() { ctl -j show watches | jq --arg w "$1" ".[] | select(.watch == \$w).$2"; }
journalctls() { on host pgrep -f 'journalctl --output=export'; }

conf() {
	refract_conf <<-EOT
		watch "j" {
			source journal "ssh" file "$J/t.journal" ${1-}
			match "sshd\\[77\\]: bad <addr>"
			after 1 match within 1h
			ban for 2h
		}
	EOT
}

# --- Where it begins -------------------------------------------------------

entry $(($(us) - 60000000)) "bad 192.0.2.1" "${ssh[@]}" | write
conf
ok "starts" refract_start -v
soon "journalctl runs" 60 journalctls
is "as _refractx, in the journal's group" \
    "$(on host ps -o user:20=,supgrp:40= -p "$(journalctls)" |
	tr -s ' ,' '\n' | sort | xargs)" "_refractx _refractx systemd-journal"
bad 192.0.2.2
soon "what is written from now on counts" 60 banned 192.0.2.2
nok "what was there before does not" banned 192.0.2.1
entry "$(us)" "bad 192.0.2.3" _SYSTEMD_UNIT=other.service \
    SYSLOG_IDENTIFIER=sshd | write
bad 192.0.2.4
soon "a unit's entries count" 60 banned 192.0.2.4
nok "another's do not" banned 192.0.2.3
ok "stops" refract_stop
is "journalctl has gone" "$(journalctls)" ""

# --- While it is down ------------------------------------------------------

t=$(($(us) - 30000000))
entry $t "bad 192.0.2.5" "${ssh[@]}" | write
ok "starts again" refract_start -v
soon "what was written meanwhile counts" 60 banned 192.0.2.5
is "once, as all before" "$(watches j matches)" 3
ok "stops again" refract_stop
is "by its own time" "$(sql "SELECT starts FROM decision
    ORDER BY starts LIMIT 1")" $((t / 1000))
like "its evidence is a line of syslog's style" \
    "$(sql 'SELECT text FROM evidence')" '^h sshd\[77\]: bad 192.0.2.2'

# --- When it ends ----------------------------------------------------------

refract_start -v
wait_for 60 journalctls
old=$(journalctls)
on host kill -9 "$old"
bad 192.0.2.6
soon "journalctl is started again" 60 journalctls
soon "and nothing is lost" 60 banned 192.0.2.6
is "or doubled" "$(watches j matches)" 4
like "the log says that it ended" "$(<"$T/refractd.err")" \
    'watch j: journal ssh.service.*: it ended: killed by signal 9'
old=$(journalctls)
ok "reload" ctl reload
is "it goes on as it is" "$(journalctls)" "$old"
conf "from start"
refract_conf <<-EOT
	watch "other" {
		source journal { "_SYSTEMD_UNIT=other.service", "+", "_PID=78" } directory "$J" from start
		match "bad <addr>"
		ban for 2h
	}
EOT
ok "reload to another source" ctl reload
soon "the old one has gone" 60 not on host kill -0 "$old"
soon "from start: what was there counts" 60 banned 192.0.2.3
is "and nothing else" "$(watches other matches)" 1
refract_stop

# --- This host's own, over a reboot ----------------------------------------

on host mount -t tmpfs -o mode=755 log /var/log
on host mkdir /var/log/journal
V=/proc/${MACHINE_PID[host]}/root/var/log/journal/$MACHINE
O=/proc/${MACHINE_PID[host]}/root/var/log/journal/99999999999999999999999999999999
own() { mkdir -p "$V" && J=$V write && mv "$V/t.journal" "$V/system.journal"; }
refract_conf <<-EOT
	watch "own" {
		source journal { "_SYSTEMD_UNIT=other.service", "+", "ssh" }
		match "bad <addr>"
		ban for 2h
	}
EOT
if [[ -z $MACHINE ]]; then
	skip 4 "this host's own journal" "it has no machine-id"
else
	refract_start
	entry "$(us)" "bad 192.0.2.21" "${ssh[@]}" | own
	soon "this host's own journal, when there is one" 70 banned 192.0.2.21
	refract_stop
	{
		entry "$(us)" "bad 192.0.2.22" "${ssh[@]}"
		BOOT=22222222222222222222222222222222
		entry "$(us)" "bad 192.0.2.23" "${ssh[@]}"
	} >"$T/entries"
	mv "$V/system.journal" "$V/t.journal"
	own <"$T/entries"
	mkdir "$O"
	MACHINE=${O##*/} entry "$(us)" "bad 192.0.2.24" "${ssh[@]}" | J=$O write
	refract_start
	soon "what this boot has written" 60 banned 192.0.2.23
	soon "and the one before, after we had stopped" 60 banned 192.0.2.22
	nok "but not another machine" banned 192.0.2.24
	refract_stop
fi

# --- Exactly once ----------------------------------------------------------

machine_end host
machine host
rm -f "$J"/*
refract_conf <<-EOT
	watch "many" {
		source journal "ssh.service" file "$J/t.journal" from start
		match "^h sshd\\[\\d+\\]: Failed password from <addr> port"
		after 3 matches within 1h
		ban for 2h
	}
EOT
python3 "$TOP/regress/netns/journal_writer.py" "$SEED" "$COUNT" "$RATE" |
    $REMOTE -o "$J/t.journal" - >"$T/remote.out" 2>&1 &
writer=$!
wait_for 60 test -s "$J/t.journal"
chmod 644 "$J/t.journal"
pids() { on host pgrep -f 'refract(d|-parser|-enforcer)|journalctl' | sort -n; }
nobody() { [[ -z $(pids) ]]; }
VICTIMS=(refract-parser journalctl ledger parent all refract-enforcer)
killed=
started=0
for ((i = 0; i < KILLS; i++)); do
	running refractd || { refract_start && : $((started++)); }
	nap "$((RANDOM % 2)).$((RANDOM % 900 + 100))"
	v=${VICTIMS[$((RANDOM % ${#VICTIMS[@]}))]}
	case $v in
	all)	pid=$(pids) ;;
	parent)	pid=$(spawn_pid refractd) ;;
	journalctl) pid=$(journalctls) ;;
	*)	pid=$(child_pid "$v") ;;
	esac
	killed+=" $v"
	# shellcheck disable=SC2086
	on host kill -9 $pid 2>/dev/null
	if [[ $v != journalctl ]]; then
		reap refractd 10
		wait_for 60 nobody || break
	fi
done
note "killed:$killed"
running refractd || { refract_start && : $((started++)); }
wait $writer
all_read() { (($(watches many matches) >= COUNT)); }
soon "all is read in the end" 60 all_read
ok "stops" refract_stop
is "every entry counted, and none twice" \
    "$(sql 'SELECT lines, matches FROM watch_stats')" "$COUNT|$COUNT"
is "each address is banned once" \
    "$(sql 'SELECT count(*), count(DISTINCT prefix) FROM decision')" \
    "$((COUNT / 3))|$((COUNT / 3))"
# What journalctl says of the same file: the third of each address.
journalctl --file="$J/t.journal" -o json --output-fields=MESSAGE \
    _SYSTEMD_UNIT=ssh.service | python3 -c '
import json, re, sys
seen = {}
for line in sys.stdin:
    e = json.loads(line)
    m = e["MESSAGE"]
    if isinstance(m, list):
        m = bytes(m).decode()
    a = re.search(r"from (\S+)", m).group(1)
    seen[a] = seen.get(a, 0) + 1
    if seen[a] == 3:
        n = int(re.search(r";i=([0-9a-f]+)", e["__CURSOR"]).group(1), 16)
        print(a, n, int(e["__REALTIME_TIMESTAMP"]) // 1000)' |
    sort >"$T/wanted"
sql 'SELECT subject, offset, starts FROM decision' | tr '|' ' ' | sort >"$T/got"
is "at its third entry and time, as journalctl says" \
    "$(diff "$T/wanted" "$T/got" | head -5)" ""
is "in one sequence" "$(sql 'SELECT count(DISTINCT file) FROM decision')" 1
like "the cursor is in the ledger" "$(sql 'SELECT name FROM position')" \
    '^s=[0-9a-f]+;i='
note "starts: $started"
