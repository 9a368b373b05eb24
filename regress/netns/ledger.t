#!/usr/bin/env bash
# The ledger on a disk that is full, read-only, or damaged: the guard goes on,
# says so, and catches up.  And what history shows, and what it forgets.
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 jq
machine host
STATE=/var/lib/refract
DB=$STATE/ledger.db
LOG=$T/access.log
: >"$LOG"
conf() {
	refract_conf <<-EOT
		watch "xray" {
			source file "$LOG"
			format xray
			ban newest for ${BAN-10m} on tcp port 443
		}
		$*
	EOT
}
# offend N: user N is seen at two addresses; the second, 203.0.113.N, goes.
offend() {
	xray_line "$LOG" "198.51.100.$1:1000" "user$1"
	xray_line "$LOG" "203.0.113.$1:1000" "user$1"
}
banned() { in_set refract4p "203.0.113.$1,tcp:443"; }
recorded() { [[ $(ctl show history) == *"203.0.113.$1"* ]]; }
count() { ctl -j show history "$@" | grep -o '"address":' | wc -l; }
trouble() { [[ $(ctl -j show | jq -r '.ledger // ""') == *"$1"* ]]; }
well() { [[ $(ctl -j show | jq -r '.ledger // "well"') == well ]]; }
sql() {
	on host python3 -c 'import sqlite3, sys
d = sqlite3.connect(sys.argv[1])
for r in d.execute(sys.argv[2]): print(*r)
d.commit()' "$DB" "$1"
}

# --- A small disk that fills ---
on host mkdir -p "$STATE"
on host mount -t tmpfs -o size=512k,mode=0700 state "$STATE"
conf
refract_start
is 'on a small disk it starts' $? 0
offend 1
soon 'a ban' 60 banned 1
soon 'is recorded' 60 recorded 1
on host sh -c "cat /dev/zero >$STATE/rest 2>/dev/null"
offend 2
soon 'with the disk full the ban is made' 60 banned 2
# what fits into the free part of the journal's last page fits
fill_up() {
	local i
	for ((i = 0; i < 40; i++)); do
		ctl ban "192.0.2.$((RANDOM % 250 + 1))" for 1h >/dev/null
	done
	trouble 'full'
}
soon 'and show says that the disk is full' 60 fill_up
soon 'so does the log' 60 logged 'ledger: .*full.*guarding goes on'
offend 3
soon 'guarding goes on' 60 banned 3
nok 'though it is not recorded yet' recorded 3
ok 'all processes are the same' running refractd
on host rm "$STATE/rest"
soon 'with room again all is well' 60 well
soon 'the log says so' 60 logged 'ledger: written again'
soon 'and what waited is recorded' 60 recorded 3
ok 'every one of them' recorded 2
refract_stop
is 'it stops' $? 0
sql 'PRAGMA integrity_check' >"$T/check"
is 'the file is whole' "$(cat "$T/check")" ok

# --- Read-only ---
on host mount -o remount,ro "$STATE"
refract_start
is 'on a read-only disk it starts' $? 0
soon 'and says so' 60 trouble 'readonly'
soon 'in the log too' 60 logged 'ledger: .*readonly.*guarding goes on'
ok 'bans stand' banned 3
offend 4
soon 'and are made' 60 banned 4
on host mount -o remount,rw "$STATE"
soon 'writable again, it catches up' 60 well
soon 'with what waited' 60 recorded 4
ok 'and what was there' recorded 1
refract_stop

# --- Cut off, bits flipped: before a start ---
asides() { on host sh -c "ls $DB.corrupt-* 2>/dev/null | grep -vc wal"; }
# damage KIND
damage() {
	on host python3 - "$DB" "$1" <<-'EOT'
		import os, random, sys
		path, kind = sys.argv[1:]
		size = os.path.getsize(path)
		if kind == "cut":
		    os.truncate(path, size // 2 + 100)
		    sys.exit(0)
		random.seed(4711)
		with open(path, "r+b") as f:
		    for at in range(4096, size, 200):
		        f.seek(at)
		        byte = f.read(1)[0]
		        f.seek(at)
		        f.write(bytes([byte ^ 1 << random.randrange(8)]))
	EOT
}
n=0
for kind in cut flipped; do
	damage $kind
	: $((++n))
	refract_start
	is "$kind: it starts" $? 0
	is "$kind: the file is moved aside" "$(asides)" $n
	soon "$kind: the log says where" 60 logged \
	    "ledger: moved to .*ledger.db.corrupt-.*Z.*; a new ledger"
	ok "$kind: bans stay" banned 3
	offend $((10 + n))
	soon "$kind: and are recorded anew" 60 recorded $((10 + n))
	ok "$kind: all is well" well
	refract_stop
	is "$kind: the new one is whole" "$(sql 'PRAGMA quick_check')" ok
done

# --- Bits flipped while it runs ---
# more than SQLite keeps in memory
on host mount -o remount,size=64m "$STATE"
sql "INSERT INTO decision (watch, file, offset, part, starts, ends, prefix,
    offender, ports, flags, outcome, subject)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION SELECT i + 1 FROM n LIMIT 40000)
    SELECT 1, 1, i, 0, 1, strftime('%s') * 1000, x'0420c0000201', x'', x'', 0, 1, 'x' FROM n"
on host cp -p "$DB" "$STATE/copy"
for kind in flipped cut; do
	on host cp -p "$STATE/copy" "$DB"
	refract_start
	damage $kind
	: $((++n))
	ctl show history >/dev/null
	offend $((20 + n))
	soon "$kind while it runs: moved aside" 60 \
	    eval '[[ $(asides) == "$n" ]]'
	soon "$kind: guarding goes on" 60 banned $((20 + n))
	soon "$kind: and is recorded" 60 recorded $((20 + n))
	soon "$kind: all is well" 60 well
	is "$kind: by the same processes" \
	    "$(grep -c READY=1 "$T/notify.out")" 1
	refract_stop
done
on host sh -c "rm -f $DB.corrupt*"

# --- Removed while it runs ---
conf 'ledger { keep 4s }'
refract_start
on host rm "$DB"
soon 'removed while it runs: the log says so' 60 \
    logged 'ledger.db: somebody has removed'
offend 29
soon 'guarding goes on' 60 banned 29
soon 'and is recorded' 60 recorded 29
refract_stop
conf
refract_start
ok 'in a file that stays' recorded 29
refract_stop

# --- History, by address, user, watch, time ---
refract_start
offend 31
nap 1.1
since=$(date +%Y-%m-%dT%H:%M:%S)
offend 32
offend 33
soon 'three more' 60 recorded 33
is 'by address' "$(count 203.0.113.31)" 1
is 'by prefix' "$(count 203.0.113.32/31)" 2
is 'by user' "$(count user user32)" 1
is 'by watch' "$(count watch xray)" 4
is 'by another watch' "$(count watch other)" 0
is 'since then' "$(count since "$since")" 2
is 'since then, by address' "$(count 203.0.113.31 since "$since")" 0
is 'since then, by user' "$(count user user33 since "$since")" 1
is 'since then, by watch' "$(count watch xray since "$since")" 2
is 'within the last hour' "$(count since 1h)" 4
refract_stop

# --- What is old is forgotten ---
BAN=3s conf 'ledger { keep 6s }'
refract_start
offend 41
soon 'a short ban' 60 recorded 41
ctl ban 203.0.113.99 for 1h >/dev/null
soon 'is forgotten when it is old' 60 not recorded 41
ok 'one in force is not' recorded 99
ok 'nor is one that was' recorded 33
refract_stop

# --- Schemas ---
old=$(sql 'PRAGMA user_version')
sql 'PRAGMA user_version = 4711'
out=$(on host "$OBJ/sbin/refractd" -d -f "$REFRACT_CONF" 2>&1)
is 'a newer schema is refused' $? 1
like 'and the log says why' "$out" \
    'ledger.db: it has schema 4711 and this refractd knows .*newer refractd'
is 'and the file is left alone' "$(asides) $(sql 'PRAGMA user_version')" \
    '0 4711'
sql "PRAGMA user_version = $old"
refract_start
is 'put right, it starts' $? 0
ok 'with all of it' recorded 33
refract_stop

done_testing
