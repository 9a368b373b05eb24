#!/usr/bin/env bash
# One account, one address: from the line in Xray's log to the dead connection,
# and what the operator sees of it; over a restart and over a reboot too.
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_refract

LOG=$T/access.log
SHORT=$T/short.log
: >"$LOG"
: >"$SHORT"
conf() {
	refract_conf <<-EOT
		watch "xray" {
			source file "$LOG"
			format xray
			limit 1 address per user within 1h
			ban newest for 10m on tcp port 443
		}
		watch "short" {
			source file "$SHORT"
			format xray
			limit 1 address per user within 1h
			ban newest for 5s on tcp port 443
		}
		log bans "$T/bans.log"
		$*
	EOT
}
conf
V4=203.0.113
V6=2001:db8:0
machine host
machine home
ok 'a network' link host eth0 "$V4.1/24 $V6:1::1/48" \
    home eth0 "$V4.7/24 $V4.8/24 $V4.9/24 $V6:7::7/48 $V6:8::8/48"
ok 'a service' echo_service host service 443
ok 'another service' echo_service host other 444
ok 'refractd starts' refract_start || done_testing

# meets FROM [PORT [SECONDS]]: somebody there gets through to the service, at
# the first try.
meets() {
	local from=$1 to=$V4.1 proto=TCP4 limit=${3:-60}
	[[ $1 == *:* ]] && from=[$1] to="[$V6:1::1]" proto=TCP6
	echo knock | on home timeout "$limit" socat -t "$limit" - \
	    "$proto:$to:${2:-443},bind=$from,connect-timeout=$limit" |
	    grep -q knock
}
# shut_out FROM [PORT]: he does not.
shut_out() { ! meets "$1" "${2:-443}" 0.7; }
# seen LOG FROM PORT [USER]: a line of the one account
seen() {
	local at=$2
	[[ $2 == *:* ]] && at="[$2]"
	xray_line "$1" "$at:$3" "${4:-alice@example}"
}

# --- IPv4 ---
ok 'the first connects' conn home one "$V4.7" 5001 "$V4.1" 443
ok 'the second connects' conn home two "$V4.8" 5002 "$V4.1" 443
ok 'and once more' conn home two_b "$V4.8" 5003 "$V4.1" 443
ok 'and to another port' conn home two_c "$V4.8" 5004 "$V4.1" 444
seen "$LOG" "$V4.7" 5001
seen "$LOG" "$V4.8" 5002
soon 'the second is in the set' 60 in_set refract4p "$V4.8,tcp:443"
nok 'the first is not' in_set refract4p "$V4.7,tcp:443"
soon 'its connection is reset' 60 conn_reset two
soon 'the one that no line told of too' 60 conn_reset two_b
ok 'the other port is not touched' conn_works two_c
ok 'the first goes on' conn_works one
ok 'the first may connect anew' meets "$V4.7"
ok 'the second may not' shut_out "$V4.8"
ok 'but to the other port' meets "$V4.8" 444

# --- IPv6: by the /64 ---
ok 'IPv6: the first connects' conn home six "$V6:7::7" 6001 "$V6:1::1" 443
ok 'IPv6: the second connects' conn home sixb "$V6:8::8" 6002 "$V6:1::1" 443
seen "$LOG" "$V6:7::7" 6001
nap 0.2
nok 'a dual-stack device is one device' in_set refract6p "$V6:7::/64,tcp:443"
seen "$LOG" "$V6:8::8" 6002
soon 'IPv6: the second is in the set' 60 in_set refract6p "$V6:8::/64,tcp:443"
soon 'IPv6: its connection is reset' 60 conn_reset sixb
ok 'IPv6: the first goes on' conn_works six
ok 'IPv6: the first may connect anew' meets "$V6:7::7"
ok 'IPv6: the second may not' shut_out "$V6:8::8"

# --- What is shown ---
out=$(ctl show bans)
like 'show bans: who' "$out" "$V4\\.8 .*tcp/443 .*xray .*alice@example"
like 'show bans: the /64' "$out" "$V6:8::/64 "
unlike 'show bans: not the first' "$out" "$V4\\.7 "
# json KEY VALUE: of the bans, as a script reads them.
json() {
	ctl -j show "$@" | python3 -c '
import json, sys
for r in json.load(sys.stdin):
    if r["address"] == sys.argv[1]:
        print(r["protocol"], r["port"], r["watch"], r["user"], r["offender"],
            0 < r.get("left_ms", 1) <= 600000)' "$V4.8"
}
is 'the same for scripts' "$(json bans)" \
    "tcp 443 xray alice@example $V4.8 True"
like 'show' "$(ctl show)" 'bans +2'
soon 'the audit log has a line' 60 \
    grep -q "$V4\\.8.*alice@example" "$T/bans.log"
soon 'the history has the line of the log' 60 \
    eval 'ctl show history | grep -q "from $V4.8:5002 accepted"'
out=$(ctl show history "$V4.8")
like 'the history has the outcome' "$out" 'applied'
unlike 'of that address' "$out" "$V6"
like 'the history of a user' "$(ctl show history user alice@example)" "$V6:8::"
unlike 'of another user' "$(ctl show history user bob)" "$V4"
like 'the history of a watch' "$(ctl show history watch xray)" "$V4"
unlike 'of another watch' "$(ctl show history watch short)" "$V4"
unlike 'the history of tomorrow' \
    "$(ctl show history since 2100-01-01)" "$V4"

# --- Lifting, and operator's bans ---
ok 'unban' ctl unban "$V4.8"
nok 'it is out of the set' in_set refract4p "$V4.8,tcp:443"
ok 'it may connect again' meets "$V4.8"
soon 'the audit log says so' 60 grep -q 'unban\|lift' "$T/bans.log"
ok 'the operator bans' ctl ban "$V4.9" for 1h reason a test
ok 'the whole host' in_set refract4 "$V4.9"
ok 'it gets nowhere' shut_out "$V4.9" 444
soon 'the reason is in the history' 60 \
    eval 'ctl show history "$V4.9" | grep -q "a test"'

# --- Expiry ---
seen "$SHORT" "$V4.7" 5101 carol
seen "$SHORT" "$V4.8" 5102 carol
soon 'a short ban' 60 in_set refract4p "$V4.8,tcp:443"
soon 'ends by itself' 60 not in_set refract4p "$V4.8,tcp:443"
ok 'and it may connect again' meets "$V4.8"
soon 'as the history knows' 60 \
    eval 'ctl show history user carol | grep -q expired'
soon 'and show bans' 60 eval '! ctl show bans | grep -q carol'

# --- Reload: bans and users stay ---
conf 'ban { max 5000 }'
seen "$LOG" "$V4.7" 5200
ok 'reload' ctl reload
ok 'the ban stays' in_set refract6p "$V6:8::/64,tcp:443"
seen "$LOG" "$V4.8" 5201
soon 'the account is remembered' 60 in_set refract4p "$V4.8,tcp:443"
ok 'the first goes on' conn_works one
echo 'nonsense here' >>"$REFRACT_CONF"
nok 'a wrong configuration is refused' ctl reload
like 'with file and line' "$(ctl reload 2>&1)" 'refract\.conf:[0-9]+:'
ok 'and bans stay' in_set refract4p "$V4.8,tcp:443"
conf

# --- Restart: the kernel's bans stay, and are known again ---
ctl ban 198.51.100.7 for 2h reason lifted later >/dev/null
ctl ban 198.51.100.8 for ever >/dev/null 2>&1 ||
    ctl ban 198.51.100.8 >/dev/null
ctl unban 198.51.100.7 >/dev/null
is 'stop' "$(refract_stop; echo $?)" 0
ok 'stopped: the ban stays' in_set refract4p "$V4.8,tcp:443"
ok 'and holds' shut_out "$V4.8"
nap 1
ok 'start' refract_start
ok 'the ban is there' in_set refract4p "$V4.8,tcp:443"
like 'it is shown with its user' "$(ctl show bans)" "$V4\\.8 .*alice@example"
like 'it is shown once' "$(ctl show bans | grep -c "$V4\\.8 ")" '^1$'
like 'all of them' "$(ctl show)" 'bans +4'

# --- Reboot: the kernel has forgotten everything ---
reboot() {
	refract_stop
	on host sh -c 'for i in iptables ip6tables; do
		$i -t raw -F; $i -F; done; ipset destroy'
}
ok 'reboot' reboot
is 'no set is left' "$(on host ipset list -n)" ''
nap 1
ok 'start' refract_start
ok 'restored: IPv4' in_set refract4p "$V4.8,tcp:443"
ok 'restored: IPv6' in_set refract6p "$V6:8::/64,tcp:443"
ok 'restored: the operator'\''s' in_set refract4 "$V4.9"
ok 'restored: for ever' in_set refract4 198.51.100.8
nok 'not what was lifted' in_set refract4 198.51.100.7
nok 'not what has ended' eval 'ctl show bans | grep -q carol'
left=$(set_timeout refract6p "$V6:8::/64,tcp:443")
ok "with the time it had left ($left s)" test "${left:-0}" -gt 0 -a \
    "${left:-0}" -lt 600
ok 'and it holds' shut_out "$V4.8"
ok 'the first is let in' meets "$V4.7"
like 'the history is whole' "$(ctl show history)" 'carol'

# --- Forgiven is forgiven ---
ok 'forgive' ctl forgive all
nok 'no ban' in_set refract4p "$V4.8,tcp:443"
ok 'reboot' reboot
ok 'start' refract_start
is 'nothing comes back' "$(ctl -j show bans | tr -d ' \n')" '[]'
nok 'the operator'\''s neither' in_set refract4 "$V4.9"
like 'nothing is in force' "$(ctl show)" 'bans +0'

is 'stop' "$(refract_stop; echo $?)" 0
done_testing
