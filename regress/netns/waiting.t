#!/usr/bin/env bash
# What fail2ban's filters wait for: connections whose first lines were read
# before a reload, a stop or a kill, and the last ones after it.  The decisions
# are those of a run that nobody disturbs.
. "$(dirname "$0")/../lib.sh"
need_refract
need sqlite3
[[ -e /etc/fail2ban/filter.d/sshd.conf ]] || skip_all 'no fail2ban'

conf() {
	refract_conf <<-EOT
		watch "sshd" {
			source file "$D/auth"
			match fail2ban "sshd"
			duplicate rerun
			ban for $1
		}
	EOT
}

export TZ=UTC
N=0
# say PID TEXT: of a connection
say() {
	printf '%(%Y-%m-%dT%H:%M:%S)TZ host sshd[%d]: %s\n' \
	    "$((BASE + N))" "$1" "$2" >>"$D/auth"
	N=$((N + 1))
}
from() { say "$1" "Connection from 192.0.2.$1 port 4000 on 192.0.2.254 port 22"; }
many() { say "$1" 'Disconnecting: Too many authentication failures [preauth]'; }

# metric NAME: of those of the whole
metric() { ctl show metrics | awk -v n="refract_$1_total" '$1 == n { print $2 }'; }
read_all() { [[ $(metric lines) == "$N" ]]; }
db() { on host sqlite3 -batch /var/lib/refract/ledger.db "$1"; }
pids() { on host pgrep -f 'refract(d|-parser|-enforcer)' | sort -n; }
nobody() { [[ -z $(pids) ]]; }
more_commits() {
	say 999 'Server listening'
	[[ $(metric ledger_commits) -ge $1 ]]
}

committed() { [[ $(metric ledger_commits) -ge 1 ]]; }

# What was read is in the ledger: two commits may be on their way before it.
kept() {
	wait_for 60 read_all || return 1
	wait_for 60 more_commits $(($(metric ledger_commits) + 3))
}
killed() {
	kept || return 1
	# shellcheck disable=SC2046
	on host kill -9 $(pids)
	reap refractd
	wait_for 60 nobody
	# Or there was nothing to lose.
	[[ $(db 'SELECT count(*) FROM waiting') -ge $1 ]] && refract_start
}
killed_parser() {
	kept || return 1
	on host kill -9 "$(child_pid refract-parser)"
	reap refractd
	wait_for 60 nobody
	refract_start
}
stopped() { kept && refract_stop && refract_start; }
reloaded() { kept && conf "$1" && ctl reload >/dev/null; }
none() { wait_for 60 read_all; }

# run NAME STEP...: each step comes between the lines of some connections.
run() {
	D=$T/$1
	mkdir "$D"
	: >"$D/auth"
	machine host
	conf 1h
	N=0
	BASE=$(date +%s)
	refract_start || return 1
	wait_for 60 committed || return 1
	from 1
	from 2
	from 3
	$2 || return 1
	many 1				# an offence
	say 2 'Accepted publickey for bob from 192.0.2.2 port 4000 ssh2'
	from 4
	$3 || return 1
	many 3
	many 2				# of nobody any more
	many 5				# of nobody yet
	$4 || return 1
	many 4
	many 4				# and again
	from 5
	$5 || return 1
	say 3 'Disconnected from 192.0.2.3 port 4000 [preauth]'
	many 3
	wait_for 60 read_all || diag "$(ctl show metrics)"
	refract_stop || return 1
	db "SELECT d.prefix, d.subject, d.count, d.vals, e.text,
	    (SELECT count(*) FROM line l WHERE l.decision = d.id)
	    FROM decision d JOIN evidence e ON e.decision = d.id
	    ORDER BY d.offset" | sed 's/20..-..-..T..:..:..Z/DATE/g' >"$D/dump"
	machine_end host
}
ok 'undisturbed' run calm none none none none || done_testing
is 'failures of several lines, and one of a line alone' \
    "$(grep -o '192[.0-9]*|1|addr' "$T/calm/dump" | cut -d'|' -f1 | xargs)" \
    '192.0.2.1 192.0.2.3 192.0.2.4 192.0.2.4 192.0.2.5'
is 'the lines of a connection are its evidence' \
    "$(grep -c 'DATE.*DATE' "$T/calm/dump")" 4

same() {
	cmp -s "$T/calm/dump" "$D/dump" && return
	diff "$T/calm/dump" "$D/dump"
	tail -20 "$T/refractd.err"
	return 1
}
ok 'killed, reloaded and stopped' \
    run ends 'killed 3' 'reloaded 2h' killed_parser stopped || done_testing
ok 'the same' same
done_testing
