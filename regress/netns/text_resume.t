#!/usr/bin/env bash
# Exactly once, for watches of text: one seeded log of matches and cancels,
# written as time goes by, once undisturbed and then while processes are
# killed at random moments.  Each run must decide and count the very same, and
# bans that grow must be as long.  See resume.t for files that are rotated.
#
#	SEED=n LINES_TOTAL=n RATE=n RUNS=n KILLS=n prove text_resume.t
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_refract
need sqlite3 python3

SEED=${SEED:-$((RANDOM * 32768 + RANDOM))}
[[ -z ${LONG:-} ]] || : "${LINES_TOTAL:=16000}" "${RUNS:=20}" "${KILLS:=5}"
: "${LINES_TOTAL:=8000}" "${RATE:=4000}" "${RUNS:=1}" "${KILLS:=3}"
note "SEED=$SEED LINES_TOTAL=$LINES_TOTAL RATE=$RATE RUNS=$RUNS KILLS=$KILLS"

conf() {
	refract_conf <<-EOT
		pattern "user" "[a-z]+"
		watch "grow" {
			source file "$D/log"
			match "bad <user> from <addr>"
			match "worse <user> from <addr>" weight 2
			cancel "good [a-z]+ from <addr>"
			after 4 matches within 5s
			ban for 1s growing by 2 to 1h
		}
		watch "keys" {
			source file "$D/log"
			match "(bad|worse) <user> from <addr>"
			key { user, addr }
			after 3 matches within 20s
			duplicate rerun
			ban for 3s growing by 1.5 to 1d on tcp port 22
		}
	EOT
}

cat >"$T/writer.py" <<'EOT'
import datetime, random, sys, time
seed, total, rate, path, base = sys.argv[1:]
total, rate, base = int(total), int(rate), int(base)
r = random.Random(int(seed))
with open(path, "ab", buffering=0) as f:
    for i in range(total):
        at = base + i / rate
        stamp = base - 20 + 10 * i / rate    # a faster clock, near enough
        d = datetime.datetime.fromtimestamp(stamp, datetime.timezone.utc)
        addr = "10.0.%d.%d" % (r.randrange(4), r.choice((1, 2, 3, 9)))
        if r.random() < .1:
            addr = "2001:db8:%d::%d" % (r.randrange(4), r.randrange(9))
        what = r.choice("bad bad bad bad worse good some other".split())
        user = r.choice(("root", "admin", "x" * 200))
        line = "%s,%03dZ %s %s from %s\n" % (d.strftime("%Y-%m-%dT%H:%M:%S"),
            d.microsecond // 1000, what, user, addr)
        f.write(line.encode())
        if i % 40 == 0 and at > time.time():
            time.sleep(at - time.time())
EOT

pids() { on host pgrep -f 'refract(d|-parser|-enforcer)' | sort -n; }
nobody() { [[ -z $(pids) ]]; }

VICTIMS=(refract-parser refract-parser ledger parent all)
kill_one() {
	local v=${VICTIMS[$((RANDOM % ${#VICTIMS[@]}))]} pid
	case $v in
	all)	pid=$(pids) ;;
	parent)	pid=$(spawn_pid refractd) ;;
	*)	pid=$(child_pid "$v") ;;
	esac
	KILLED+=" $v"
	# shellcheck disable=SC2086
	on host kill -9 $pid 2>/dev/null
	reap refractd
	wait_for 60 nobody
	cat "$T/refractd.err" >>"$D/err"
}

# Without what differs between runs: inodes, which lines are at hand, and
# whether a ban was over when it was read of.
dump() {
	on host sqlite3 -batch /var/lib/refract/ledger.db "
	    SELECT 'decision', w.name, d.offset, d.part, d.starts - $BASE,
		d.ends - d.starts, hex(d.prefix),
		d.kind, d.count, d.subject, hex(d.vals), substr(e.text, 25)
	    FROM decision d JOIN watch w ON w.hash = d.watch
	    LEFT JOIN evidence e ON e.decision = d.id
	    ORDER BY w.name, d.offset, d.part;
	    SELECT 'stats', w.name, lines, bytes, matches, unparsed, offences,
		ignored, cancelled, limits, lost, last - $BASE
	    FROM watch_stats s JOIN watch w ON w.hash = s.watch
	    ORDER BY w.name;
	    SELECT 'state', w.name, hex(s.name), part, hex(sightings)
	    FROM state s JOIN watch w ON w.hash = s.watch
	    ORDER BY 2, 3, 4" | python3 -c '
import struct, sys
for line in sys.stdin:
    f = line.rstrip("\n").split("|")
    if f[0] == "state":
        f[4] = [(a.hex(), last - int(sys.argv[1]), weight, v6) for
            a, last, _, weight, v6, _ in
            struct.iter_unpack("<16sqIHBB", bytes.fromhex(f[4]))]
    print(*f, sep="|")' "$BASE"
}
all_read() {
	[[ $(ctl -j show watches | python3 -c '
import json, sys
print(sum(w["lines"] for w in json.load(sys.stdin)))') == \
	    $((LINES_TOTAL * 2)) ]]
}

committed() { [[ $(ctl show metrics) =~ ledger_commits_total' '+[1-9] ]]; }

# run NAME KILLS
run() {
	local n=$2 ms writer
	D=$T/$1
	mkdir "$D"
	KILLED=
	machine host
	conf
	: >"$D/log"
	refract_start || return 1
	# A log that nobody knows yet is begun at its end.
	wait_for 60 committed || return 1
	BASE=$(date +%s)
	python3 "$T/writer.py" "$SEED" "$LINES_TOTAL" "$RATE" "$D/log" \
	    "$BASE" >"$D/writer.out" 2>&1 &
	writer=$!
	BASE=${BASE}000
	while kill -0 "$writer" 2>/dev/null; do
		nap 0.1
		((n > 0)) || continue
		# Often at once, while it catches up.
		ms=$((RANDOM % (RANDOM % 2 ? 200 :
		    LINES_TOTAL * 1000 / RATE / ($2 + 1))))
		nap "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
		kill -0 "$writer" 2>/dev/null || break
		kill_one
		: $((n--))
		refract_start || { kill "$writer"; wait "$writer"; return 1; }
	done
	wait "$writer" || { diag "writer: $(<"$D/writer.out")"; return 1; }
	wait_for 60 all_read || diag "read: $(ctl show watches)"
	if [[ -n $KILLED ]]; then note "$1: killed$KILLED"; fi
	refract_stop || return 1
	dump >"$D/dump"
	machine_end host
}

ok 'undisturbed' run calm 0 || done_testing
note "$(grep -c '^decision' "$T/calm/dump") decisions," \
    "$(grep -c '^state' "$T/calm/dump") states," \
    "$(awk -F'|' '/^decision/ { print $6 }' "$T/calm/dump" | sort -u | wc -l)" \
    "lengths of bans"
ok 'there is something to compare' test \
    "$(grep -c '^decision' "$T/calm/dump")" -gt 100
ok 'bans grew' test "$(awk -F'|' '/^decision\|grow/ && $6 > 1000' \
    "$T/calm/dump" | wc -l)" -gt 10
ok 'and were cancelled' test "$(awk -F'|' '/^stats\|grow/ { print $9 }' \
    "$T/calm/dump")" -gt 10

# The worst kill there is, made by hand: all was decided, and the ledger has
# nothing else than what it had when the log was empty.
read_log() {
	refract_start && wait_for 60 all_read && refract_stop && dump >"$D/$1"
}
without_cut() {
	local t
	D=$T/again
	mkdir "$D"
	machine host
	conf
	: >"$D/log"
	refract_start && wait_for 60 committed && refract_stop || return 1
	on host cp /var/lib/refract/ledger.db "$D/empty.db" || return 1
	BASE=$(($(date +%s) - 10))
	python3 "$T/writer.py" "$SEED" "$LINES_TOTAL" "$RATE" "$D/log" \
	    "$BASE" || return 1
	BASE+=000
	read_log once || return 1
	on host sqlite3 -batch /var/lib/refract/ledger.db "
	    ATTACH '$D/empty.db' AS empty;
	    $(for t in position state watch_stats; do
		echo "DELETE FROM $t; INSERT INTO $t SELECT * FROM empty.$t;"
	    done)
	    INSERT INTO ahead SELECT id, 1 FROM decision" || return 1
	read_log again || return 1
	machine_end host
	diff "$D/once" "$D/again"
}
ok 'decided ahead of a cut that never came: the same again' without_cut

for ((r = 1; r <= RUNS; r++)); do
	if ! ok "run $r is over" run "run$r" "$KILLS"; then
		diag "$(tail -20 "$T/refractd.err")"
		done_testing
	fi
	if cmp -s "$T/calm/dump" "$D/dump"; then
		pass "run $r: the same decisions, lengths, counters and state"
	else
		fail "run $r: the same decisions, lengths, counters and state"
		diag "SEED=$SEED killed:$KILLED"
		diag "$(diff "$T/calm/dump" "$D/dump" | head -30)"
	fi
done
done_testing
