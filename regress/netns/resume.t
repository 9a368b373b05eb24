#!/usr/bin/env bash
# Exactly once: one seeded log, written as time goes by and rotated in every
# way, once undisturbed, and then while processes are killed at random moments.
# Each run must decide, count and remember the very same.
#
#	SEED=n LINES_TOTAL=n RATE=n RUNS=n KILLS=n prove resume.t
#
# A seed that fails is replayed by SEED=n.  LONG=1 (make torture): 200,000
# lines, 50 runs.
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_refract
need sqlite3 python3 gzip

SEED=${SEED:-$((RANDOM * 32768 + RANDOM))}
if [[ -n ${LONG-} ]]; then
	: "${LINES_TOTAL:=200000}" "${RATE:=12000}" "${RUNS:=50}" "${KILLS:=4}"
else
	: "${LINES_TOTAL:=20000}" "${RATE:=4000}" "${RUNS:=2}" "${KILLS:=4}"
fi
note "SEED=$SEED LINES_TOTAL=$LINES_TOTAL RATE=$RATE RUNS=$RUNS KILLS=$KILLS"

conf() {
	refract_conf <<-EOT
		watch "a" {
			source file "$D/a.log"
			format xray
			limit 1 address per user within 1s
			ban newest for 10m on tcp port 443
		}
		watch "bc" {
			source file "$D/b.log"
			source file "$D/c.log"
			format xray
			limit 1 address per user within 20s
			ban oldest for 10m
		}
	EOT
}

# The processes of the daemon, inside the machine.
pids() { on host pgrep -f 'refract(d|-parser|-enforcer)' | sort -n; }
nobody() { [[ -z $(pids) ]]; }

start() {
	refract_start -v || return 1
	cat "$T/refractd.err" >>"$D/log" 2>/dev/null
	echo "$((++STARTS))" >"$D/starts.new" && mv "$D/starts.new" "$D/starts"
}

# One of them, or all; which is the seed's choice.
VICTIMS=(refract-parser refract-enforcer ledger control rules parent all)
kill_one() {
	local v=${VICTIMS[$((RANDOM % ${#VICTIMS[@]}))]} pid
	case $v in
	all)	pid=$(pids) ;;
	parent)	pid=$(spawn_pid refractd) ;;
	*)	pid=$(child_pid "$v") ;;
	esac
	KILLED+=" $v@$(cat "$D/progress" 2>/dev/null)"
	# shellcheck disable=SC2086
	on host kill -9 $pid 2>/dev/null
	reap refractd
	wait_for 60 nobody
	cat "$T/refractd.err" >>"$D/log"
}

# What is in the ledger, without what differs between runs: the base of all
# stamps, and inodes (files are numbered as decisions met them).
dump() {
	on host sqlite3 -batch /var/lib/refract/ledger.db "
	    SELECT 'decision', w.name, d.offset, d.part, d.starts - $BASE,
		d.ends - $BASE, hex(d.prefix), hex(d.ports), d.outcome,
		d.lifted, d.subject, substr(e.text, 27),
		(SELECT count(DISTINCT f.file) FROM decision f
		    WHERE f.watch = d.watch AND f.starts < d.starts
		    AND f.file <> d.file)
	    FROM decision d JOIN watch w ON w.hash = d.watch
	    LEFT JOIN evidence e ON e.decision = d.id
	    ORDER BY w.name, d.starts, d.offset, d.part;
	    SELECT 'stats', w.name, lines, bytes, matches, unparsed, offences,
		forwarded, masked, skewed, lost, last - $BASE
	    FROM watch_stats s JOIN watch w ON w.hash = s.watch
	    ORDER BY w.name;
	    SELECT 'position', offset, size, last - ${BASE}000, name
	    FROM position WHERE ino <> 0 AND flags = 0 ORDER BY name;
	    SELECT 'state', w.name, s.name, part, hex(sightings)
	    FROM state s JOIN watch w ON w.hash = s.watch
	    ORDER BY 2, 3, 4" | sed "s,$D/,," | sightings
}
# Addresses of users, by struct wire_sighting.
sightings() {
	python3 -c '
import struct, sys
for line in sys.stdin:
    f = line.rstrip("\n").split("|")
    if f[0] == "state":
        f[4] = [(a.hex(), last - int(sys.argv[1]), age, port, v6) for
            a, last, age, port, v6, _ in
            struct.iter_unpack("<16sqIHBB", bytes.fromhex(f[4]))]
    print(*f, sep="|")' "$BASE"
}

# run NAME KILLS
run() {
	local n=$2 end ms
	D=$T/$1
	mkdir "$D"
	STARTS=0 KILLED=
	machine host
	conf
	RANDOM=$((SEED % 32768 + 1))
	for ((end = 0; end < RUN_NO; end++)); do : "$RANDOM"; done
	: >"$D/a.log"; : >"$D/b.log"; : >"$D/c.log"
	start || return 1
	BASE=$(($(date +%s) - 1))
	python3 "$TOP/regress/netns/writer.py" "$SEED" "$LINES_TOTAL" "$RATE" \
	    "$D" "$BASE" nsenter -t "${MACHINE_PID[host]}" -m -n -p -- \
	    "$OBJ/bin/refractctl" >"$D/writer.out" 2>&1 &
	local writer=$!
	BASE=${BASE}000
	while kill -0 "$writer" 2>/dev/null; do
		nap 0.1
		((n > 0)) || continue
		# so that they fall where lines are written
		ms=$((RANDOM % (LINES_TOTAL * 1000 / RATE / ($2 + 1)) + 100))
		nap "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
		kill -0 "$writer" 2>/dev/null || break
		kill_one
		: $((n--))
		start || { kill "$writer"; wait "$writer"; return 1; }
	done
	wait "$writer" || { diag "writer: $(<"$D/writer.out")"; return 1; }
	wait_for 60 all_read || diag "read: $(ctl show watches)"
	if [[ -n $KILLED ]]; then note "$1: killed$KILLED"; fi
	refract_stop || return 1
	cat "$T/refractd.err" >>"$D/log"
	dump >"$D/dump"
	machine_end host
}
all_read() {
	[[ $(ctl -j show watches | python3 -c '
import json, sys
print(sum(w["lines"] for w in json.load(sys.stdin)))') == \
	    $((LINES_TOTAL + LATE)) ]]
}
LATE=1		# lines that the writer puts in beyond its count

RUN_NO=0
ok 'undisturbed' run calm 0 || { diag "$(tail -20 "$D/log")"; done_testing; }
note "$(grep -c '^decision' "$T/calm/dump") decisions," \
    "$(grep -c '^state' "$T/calm/dump") states"
is 'every line was counted' "$(awk -F'|' '/^stats/ { n += $3 } END { print n }' \
    "$T/calm/dump")" "$((LINES_TOTAL + LATE))"
is 'nothing was lost' "$(awk -F'|' '/^stats/ { n += $11 } END { print n }' \
    "$T/calm/dump")" 0
ok 'there is something to compare' test \
    "$(grep -c '^decision' "$T/calm/dump")" -gt 100

for ((RUN_NO = 1; RUN_NO <= RUNS; RUN_NO++)); do
	if ! ok "run $RUN_NO is over" run "run$RUN_NO" "$KILLS"; then
		diag "$(tail -20 "$D/log")"
		done_testing
	fi
	if cmp -s "$T/calm/dump" "$D/dump"; then
		pass "run $RUN_NO: the same decisions, counters and history"
		rm -rf "$D"
	else
		fail "run $RUN_NO: the same decisions, counters and history"
		diag "SEED=$SEED killed:$KILLED"
		diag "$(diff "$T/calm/dump" "$D/dump" | head -30)"
		diag "$(grep -v 'would be\|banned' "$D/log" | tail -60)"
		[[ -z ${KEEP-} ]] || cp -r "$T" "$KEEP"
	fi
done
done_testing
