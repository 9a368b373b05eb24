#!/usr/bin/env bash
# A flood of offenders, each a key and a ban of his own: every one is decided,
# recorded once and told how it went, and the log is read to its end.
#
#	KEYS=n prove flood.t		LONG=1: a million
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_refract
need sqlite3 python3

[[ -z ${LONG:-} ]] || : "${KEYS:=1000000}"
: "${KEYS:=30000}"
note "KEYS=$KEYS"

machine host
refract_conf <<-EOT
	ban { max 1048576 }
	watch "flood" {
		source file "$T/log"
		match "bad user from <addr>"
		after 2 matches within 1h
		ban for 1h
	}
EOT
: >"$T/log"

# Each address twice, and between the two all others.
flood() {
	python3 -c '
import sys, time
n = int(sys.argv[1])
stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
for turn in range(2):
    for i in range(n):
        print("%s bad user from 11.%d.%d.%d" % (stamp, i >> 16, i >> 8 & 255,
            i & 255))' "$KEYS" >>"$T/log"
}
offences() {
	ctl -j show watches | python3 -c '
import json, sys
print(sum(w["offences"] for w in json.load(sys.stdin)))'
}
all_offended() { [[ $(offences) == "$KEYS" ]]; }
sql() { on host sqlite3 -batch /var/lib/refract/ledger.db "$1"; }

ok 'starts' refract_start || done_testing
ok 'a flood' flood
soon 'every key has offended' $((60 + KEYS / 1000)) all_offended ||
    diag "$(offences) of $KEYS"
memory=$(on host awk '/VmHWM/ { print $2 }' "/proc/$(child_pid ledger)/status")
ok 'stops' refract_stop
note "the ledger's memory: $memory KiB at the most"
is 'each is recorded once' "$(sql 'SELECT count(*), count(DISTINCT prefix)
    FROM decision')" "$KEYS|$KEYS"
is 'and it is known how it went' \
    "$(sql 'SELECT count(*) FROM decision WHERE outcome = 0')" 0
is 'the log was read to its end' "$(sql 'SELECT lines FROM watch_stats')" \
    $((KEYS * 2))
nok 'nothing was dropped' logged 'not recorded|dropped|does not answer'
done_testing
