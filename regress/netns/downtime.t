#!/usr/bin/env bash
# What happens to logs while refract is down: each case by itself.  Nothing is
# missed, nothing counts twice, and what is gone is said to be.
# shellcheck disable=SC2034,SC2016
. "$(dirname "$0")/../lib.sh"
need_refract
need sqlite3 python3 gzip

V4=203.0.113
DB=/var/lib/refract/ledger.db
# The second watch is for this test: see committed().
conf() {
	refract_conf <<-EOT
		watch "x" {
			source file "$LOG"
			format xray
			limit 1 address per user within 1h
			ban newest for ${BAN:-10m} on tcp port 443
		}
		watch "mark" {
			source file "$D/mark.log"
			format xray
		}
	EOT
}

# begin NAME: a machine of its own, refract up with an empty log.
begin() {
	note "$1"
	CASE=$1
	D=$T/${1// /-}
	mkdir "$D"
	LOG=$D/access.log
	: >"$LOG"
	: >"$D/mark.log"
	machine host
	conf
	refract_start -v || { fail "$CASE: starts"; return 1; }
}
finish() {
	running refractd && refract_stop
	machine_end host
}
# seen LAST-BYTE USER [FILE] [SECONDS-AGO]
seen() {
	local t=$((EPOCHSECONDS - ${4:-0}))
	printf '%(%Y/%m/%d %H:%M:%S)T.%06d from %s accepted %s email: %s\n' \
	    "$t" $((++SEEN)) "$V4.$1:1" 'tcp:h:443 [in >> out]' "$2" \
	    >>"${3:-$LOG}"
}
SEEN=0
watched() {
	ctl -j show watches | python3 -c '
import json, sys
print(*[w[sys.argv[1]] for w in json.load(sys.stdin) if w["watch"] == "x"])' "$1"
}
lines_are() { [[ $(watched lines) == "$1" ]]; }
history() { ctl -j show history watch x | python3 -c '
import json, sys
print(*sorted(r["offender"].split(".")[3] for r in json.load(sys.stdin)))'; }
history_is() { [[ $(history) == "$1" ]]; }
# committed: what happened to logs before is in the ledger.  An offence of
# another watch goes there with, or after, all that was read before it.
committed() {
	local user=mark$((++SEEN))
	xray_line "$D/mark.log" 198.51.100.1:1 "$user"
	# one who serves no ban of before
	xray_line "$D/mark.log" "198.51.100.$((SEEN % 250 + 2)):1" "$user"
	wait_for 60 eval "ctl -j show history user $user | grep -q offender"
}
# down HOW: committed, then it is down.
down() {
	committed || diag "$CASE: not committed"
	if [[ $1 == stop ]]; then refract_stop; return; fi
	on host kill -9 "$(spawn_pid refractd)"
	reap refractd
	wait_for 60 eval '! on host pgrep -f "refract(d|-)"'
}
# up LINES HISTORY: it has counted this and decided that, no more.
up() {
	refract_start -v || { fail "$CASE: starts again"; return; }
	soon "$CASE: lines" 60 lines_are "$1"
	soon "$CASE: decisions" 60 history_is "$2"
	nap 0.3
	is "$CASE: no more of them" "$(watched lines) $(history)" "$1 $2"
}
lost() { is "$CASE: lost" "$(watched lost)" "$1"; }

# --- The same file ---
if begin 'grown'; then
	seen 1 al; seen 2 al; seen 1 bo
	soon "$CASE: before" 60 history_is 2
	down kill
	seen 3 bo; seen 2 al
	up 5 '2 3'
	is "$CASE: who serves a ban is not banned again" \
	    "$(watched offences)" 2
	is "$CASE: the first start read from the end" \
	    "$(grep -c 'access.log.*left' "$T/refractd.err")" 1
	lost 0
	finish
fi

if begin 'half a line at the stop'; then
	seen 1 al
	seen 2 al
	line=$(tail -1 "$LOG")
	printf '%s' "${line/$V4.2/$V4.9}" >>"$LOG"
	soon "$CASE: before" 60 history_is 2
	down stop
	echo >>"$LOG"
	up 3 '2 9'
	finish
fi

# --- Renamed ---
if begin 'renamed'; then
	seen 1 al
	wait_for 60 lines_are 1
	down kill
	seen 2 al
	mv "$LOG" "$LOG.1"
	seen 3 al "$LOG.1"
	seen 4 al
	up 4 '2 3 4'
	lost 0
	seen 5 al "$LOG.1"
	soon "$CASE: the old one is followed still" 60 history_is '2 3 4 5'
	finish
fi

if begin 'renamed three times'; then
	seen 1 al
	wait_for 60 lines_are 1
	down stop
	for i in 3 2 1; do
		seen $((10 + i)) al
		[[ ! -e $LOG.2 ]] || mv "$LOG.2" "$LOG.3"
		[[ ! -e $LOG.1 ]] || mv "$LOG.1" "$LOG.2"
		mv "$LOG" "$LOG.1"
	done
	seen 5 al
	up 5 '11 12 13 5'
	is "$CASE: in the order of time" "$(ctl -j show history watch x | python3 -c '
import json, sys
print(*[r["offender"].split(".")[3] for r in json.load(sys.stdin)])')" \
	    '13 12 11 5'
	lost 0
	finish
fi

if begin 'by date, with the extension'; then
	seen 1 al
	wait_for 60 lines_are 1
	down kill
	mv "$LOG" "$D/access-20261121.log"
	seen 2 al "$D/access-20261121.log"
	seen 3 al "$D/access-20261122.log"
	seen 4 al
	up 4 '2 3 4'
	lost 0
	finish
fi

if begin 'an old log that was read before'; then
	seen 1 al
	wait_for 60 lines_are 1
	mv "$LOG" "$LOG.1"
	nap 0.1
	seen 2 al
	soon "$CASE: before" 60 history_is 2
	down kill
	cp "$LOG.1" "$LOG.2"	# newer than all, and its lines are not
	up 2 2
	finish
fi

# --- Cut ---
if begin 'copytruncate'; then
	seen 1 al
	wait_for 60 lines_are 1
	down kill
	seen 2 al
	cp "$LOG" "$LOG.1"
	truncate -s 0 "$LOG"
	seen 3 al
	up 3 '2 3'
	lost 0
	finish
fi

if begin 'copytruncate, compressed'; then
	seen 1 al
	seen 1 bo
	wait_for 60 lines_are 2
	printf 'half a line' >>"$LOG"
	seen 1 bo "$D/other"
	committed
	seen 1 bo	# "half a line" is a part of this one
	wait_for 60 lines_are 3
	printf '12345' >>"$LOG"
	nap 0.3
	seen 2 al
	wait_for 60 lines_are 4
	printf '1234567' >>"$LOG"
	down kill
	seen 9 al
	gzip -c "$LOG" >"$LOG.1.gz"
	truncate -s 0 "$LOG"
	seen 3 al
	refract_start -v
	soon "$CASE: lines" 60 lines_are 5
	lost 7
	like "$CASE: said" "$(<"$T/refractd.err")" \
	    'access.log as it was read is gone .*could not be read'
	like "$CASE: shown" "$(ctl show watches)" 'could not be read'
	like "$CASE: counted" "$(ctl show metrics)" \
	    'refract_log_gaps_total +1'
	finish
fi

if begin 'recreated with the same inode'; then
	seen 1 al
	seen 1 bo
	wait_for 60 lines_are 2
	down stop
	inode=$(stat -c %i "$LOG")
	rm "$LOG"
	for ((i = 0; i < 2000; i++)); do
		: >"$D/new.$i"
		[[ $(stat -c %i "$D/new.$i") != "$inode" ]] || break
	done
	mv "$D/new.$((i < 2000 ? i : 0))" "$LOG"
	if ((i == 2000)); then skip 1 "$CASE: it is" 'inodes are new here'
	else is "$CASE: it is" "$(stat -c %i "$LOG")" "$inode"; fi
	seen 2 bo
	seen 3 al
	seen 3 cy
	up 5 '2 3'
	like "$CASE: said" "$(<"$T/refractd.err")" 'could not be read'
	finish
fi

if begin 'gone'; then
	seen 1 al
	wait_for 60 lines_are 1
	printf 'half of it' >>"$LOG"
	seen 1 al "$D/other"
	nap 0.3
	seen 1 al
	wait_for 60 lines_are 2
	down kill
	rm "$LOG"
	refract_start -v
	soon "$CASE: said" 60 logged 'could not be read'
	down kill
	seen 2 al
	up 3 2
	unlike "$CASE: said once" "$(<"$T/refractd.err")" 'could not be read'
	finish
fi

if begin 'a log that comes while nobody looks'; then
	rm "$LOG"
	down kill
	seen 1 al
	seen 2 al
	up 2 2
	finish
fi

# --- Power cuts: what was not synced is gone ---
if begin 'the end of the log lost'; then
	seen 1 al; seen 2 al
	wait_for 60 history_is 2
	cp "$LOG" "$D/synced"
	seen 3 al; seen 4 al
	soon "$CASE: before" 60 history_is '2 3 4'
	down kill
	cp --no-preserve=all "$D/synced" "$D/x" && cat "$D/x" >"$LOG"
	up 4 '2 3 4'
	seen 5 al
	soon "$CASE: goes on" 60 history_is '2 3 4 5'
	is "$CASE: counted" "$(watched lines)" 5
	down kill
	seen 6 al
	up 6 '2 3 4 5 6'
	finish
fi

if begin 'the end of the log lost, and written on'; then
	seen 1 al; seen 2 al
	wait_for 60 history_is 2
	cp "$LOG" "$D/synced"
	seen 3 al; seen 4 al
	wait_for 60 history_is '2 3 4'
	down kill
	cat "$D/synced" >"$LOG"
	nap 1
	seen 5 al; seen 6 al; seen 7 al
	up 7 '2 3 4 5 6 7'
	finish
fi

if begin 'the state of before'; then
	seen 1 al; seen 2 al
	wait_for 60 history_is 2
	committed
	on host bash -c 'mkdir /run/old && cp /var/lib/refract/* /run/old'
	seen 3 al; seen 1 bo; seen 4 bo
	wait_for 60 history_is '2 3 4'
	down kill
	on host bash -c 'rm -r /var/lib/refract/* &&
	    cp /run/old/* /var/lib/refract && chown _refractl: /var/lib/refract/*'
	up 5 '2 3 4'
	is "$CASE: matches" "$(watched matches)" 5
	finish
fi

# --- Judged by their own time ---
if BAN=300s begin 'a ban that is over'; then
	down stop
	seen 1 al '' 900
	seen 2 al '' 899
	seen 1 bo '' 2
	seen 3 bo '' 1
	up 4 '2 3'
	nok "$CASE: not applied" in_set refract4p "$V4.2,tcp:443"
	ok "$CASE: the other is" in_set refract4p "$V4.3,tcp:443"
	like "$CASE: shown" "$(ctl show history "$V4.2")" 'over|past'
	left=$(set_timeout refract4p "$V4.3,tcp:443")
	ok "$CASE: it ends by the log's clock" test "${left:-999}" -le 299
	finish
fi

if begin 'lifted before it was read'; then
	seen 1 al
	wait_for 60 lines_are 1
	down stop
	nap 1
	seen 2 al
	seen 3 al
	nap 1.1
	on host sqlite3 "$DB" "INSERT INTO forgiven (at, prefix, subject)
	    VALUES ($EPOCHSECONDS$(printf %03d 0), x'0420CB007102', '')"
	nap 0.1
	up 3 '2 3'
	nok "$CASE: not applied" in_set refract4p "$V4.2,tcp:443"
	ok "$CASE: the other is" in_set refract4p "$V4.3,tcp:443"
	like "$CASE: shown" "$(ctl show history "$V4.2")" 'lifted'
	finish
fi

# --- Without its memory ---
if begin 'the ledger cannot be read'; then
	seen 1 al
	wait_for 60 lines_are 1
	down stop
	on host bash -c 'mv /var/lib/refract/ledger.db /run/kept &&
	    mkdir /var/lib/refract/ledger.db'
	seen 2 al
	ok "$CASE: starts" refract_start -v
	soon "$CASE: said" 60 logged 'read as at a first start'
	wait_for 60 logged 'what is written from now on'
	seen 1 bo
	seen 3 bo
	soon "$CASE: guards" 60 in_set refract4p "$V4.3,tcp:443"
	on host rmdir /var/lib/refract/ledger.db
	soon "$CASE: catches up" 60 history_is 3
	down kill
	seen 4 bo
	up 3 '3 4'
	finish
fi
done_testing
