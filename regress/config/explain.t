#!/usr/bin/env bash
# refractd -t: what a watch makes of lines, for people and as JSON, as anybody
# and as root, in the parser's sandbox.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
need jq

export TZ=UTC
install -d "$T/sbin" "$T/libexec/refract"
install -m 755 "$OBJ/sbin/refractd" "$T/sbin/"
install -m 755 "$OBJ/libexec/refract/refract-parser" "$T/libexec/refract/"
cd "$T" || exit 1

AS=()
[[ $EUID -eq 0 ]] &&
    AS=(setpriv --reuid nobody --regid nogroup --clear-groups)
# explain WATCH ...: as somebody who is not root
explain() { "${AS[@]}" sbin/refractd -f refract.conf -t "$@"; }

cat >refract.conf <<-'EOF'
	pattern "user" "[a-z0-9._-]+"
	watch "ssh" {
		source file "/var/log/auth.log"
		match "Failed password for (?:invalid user )?<user> from <addr> port"
		match "Invalid user <user> from <addr>" weight 2
		ignore "from 10[.]0[.]"
		cancel "Accepted .* from <addr>"
		exempt 192.0.2.99
		zone "+01:00"
		after 3 matches within 10m
		ban for 48h on tcp port 22
		run { "/bin/echo", "<addr>", "<watch>", "<user>", "<count>" } delay 1h
	}
	watch "xray" {
		source file "/var/log/xray.log"
		format xray
		zone "UTC"
	}
	watch "json" {
		source file "/x"
		json field "msg"; json time "ts"; json addr "ip"
		match "bad user <user>"
		ban for 1m
	}
EOF
printf '%s\n' \
    '2024-02-29 16:53:01 sshd: Failed password for root from 192.0.2.7 port 22' \
    '2024-02-29 16:53:02 sshd: Failed password for bob from 10.0.0.1 port 22' \
    '2024-02-29 16:53:03 sshd: Failed password for bob from 192.0.2.99 port 22' \
    '2024-02-29 16:53:04 sshd: nothing of "that" kind \ and '$'\x1b[31m' \
    '2024-02-29 16:53:05 sshd: Accepted password for x from 192.0.2.8 port 1' \
    '2024-02-29 16:53:06 sshd: Invalid user eve from 192.0.2.7' \
    'sshd: Invalid user eve from 192.0.2.7' \
    '2024-02-29 16:53:08 sshd: Invalid user eve from 192.0.2.7' >auth.log

# A | in front stands for a tab.
sed 's,^|,\t,' >wanted <<-'EOF'
	auth.log:1: 2024-02-29 16:53:01 sshd: Failed password for root from 192.0.2.7 port 22
	|time 2024-02-29T15:53:01.000+00:00 from "2024-02-29 16:53:01"
	|match by refract.conf:4: addr 192.0.2.7, user root
	|count 192.0.2.7: 1 of 3
	auth.log:2: 2024-02-29 16:53:02 sshd: Failed password for bob from 10.0.0.1 port 22
	|time 2024-02-29T15:53:02.000+00:00 from "2024-02-29 16:53:02"
	|ignored by refract.conf:4: addr 10.0.0.1, user bob
	auth.log:3: 2024-02-29 16:53:03 sshd: Failed password for bob from 192.0.2.99 port 22
	|time 2024-02-29T15:53:03.000+00:00 from "2024-02-29 16:53:03"
	|exempt by refract.conf:4: addr 192.0.2.99, user bob
	auth.log:4: 2024-02-29 16:53:04 sshd: nothing of "that" kind \\ and \033[31m
	|time 2024-02-29T15:53:04.000+00:00 from "2024-02-29 16:53:04"
	|no match
	auth.log:5: 2024-02-29 16:53:05 sshd: Accepted password for x from 192.0.2.8 port 1
	|time 2024-02-29T15:53:05.000+00:00 from "2024-02-29 16:53:05"
	|cancel by refract.conf:7: addr 192.0.2.8
	|forget 192.0.2.8
	auth.log:6: 2024-02-29 16:53:06 sshd: Invalid user eve from 192.0.2.7
	|time 2024-02-29T15:53:06.000+00:00 from "2024-02-29 16:53:06"
	|match by refract.conf:5: addr 192.0.2.7, user eve
	|count 192.0.2.7: 3 of 3
	|effect would be banned 192.0.2.7 for 2d on tcp 22, run /bin/echo 192.0.2.7 ssh eve 3 after 1h
	auth.log:7: sshd: Invalid user eve from 192.0.2.7
	|time 2024-02-29T15:53:06.000+00:00, the line has none
	|match by refract.conf:5: addr 192.0.2.7, user eve
	|count 192.0.2.7: 2 of 3
	auth.log:8: 2024-02-29 16:53:08 sshd: Invalid user eve from 192.0.2.7
	|time 2024-02-29T15:53:08.000+00:00 from "2024-02-29 16:53:08"
	|match by refract.conf:5: addr 192.0.2.7, user eve
	|count 192.0.2.7: 4 of 3
	|effect none, that of an earlier line is under way

	8 lines: 4 matched, 1 missed, 2 ignored or exempt, 1 cancelled, 0 not counted
	2 with an effect, 1 without a date, 0 limits hit
	patterns:
	|       3  refract.conf:4  Failed password for (?:invalid user )?<user> from <addr> port
	|       3  refract.conf:5  Invalid user <user> from <addr>
	|       1  refract.conf:7  Accepted .* from <addr>
	dates:
	|       7  ^2026-11-21 16:53:01[.5][ +0100]
EOF

# Text.

explain ssh auth.log >out 2>err
is "status" "$?" 0
is "nothing else is said" "$(<err)" ""
is "each line, and all of them" "$(<out)" "$(<wanted)"
explain ssh <auth.log >out 2>err
is "standard input" "$(<out)" "$(sed 's/^auth.log:/stdin:/' wanted)"
cp auth.log copy.log
explain ssh - auth.log <copy.log >out
is "two files, one after the other" "$(grep -c '^[as][^ ]*: ' out)" 16
like "... counted as one" "$(<out)" "16 lines:"

# JSON.

explain ssh -j auth.log >out
ok "every line is JSON" jq -e . out
is "lines and a summary" "$(jq -s 'length' out)" 9
is "... of which the sixth" "$(jq -sc '.[5]' out)" \
    '{"file":"auth.log","number":6,"line":"2024-02-29 16:53:06 sshd: Invalid user eve from 192.0.2.7","time":"2024-02-29T15:53:06.000+00:00","date":"2024-02-29 16:53:06","format":"^2026-11-21 16:53:01[.5][ +0100]","matches":[{"result":"counted","pattern":"refract.conf:5","values":{"addr":"192.0.2.7","user":"eve"},"key":"192.0.2.7","count":3,"of":3,"effect":"would be banned 192.0.2.7 for 2d on tcp 22, run /bin/echo 192.0.2.7 ssh eve 3 after 1h"}]}'
is "... and the summary" "$(jq -sc '.[8]' out)" \
    '{"summary":{"lines":8,"matched":4,"missed":1,"ignored":2,"cancelled":1,"not_counted":0,"effects":2,"without_date":1,"limits":0,"patterns":[{"hits":3,"pattern":"refract.conf:4","written":"Failed password for (?:invalid user )?<user> from <addr> port"},{"hits":3,"pattern":"refract.conf:5","written":"Invalid user <user> from <addr>"},{"hits":1,"pattern":"refract.conf:7","written":"Accepted .* from <addr>"}],"dates":[{"lines":7,"format":"^2026-11-21 16:53:01[.5][ +0100]"}]}}'

# Other formats.

printf '%s\n' \
    '2026/01/30 17:03:38.1 from 192.0.2.1:1 accepted tcp:a.b:443 [in >> out] email: u' \
    '2026/01/30 17:03:39 from 192.0.2.2:1 accepted tcp:a.b:443 [in >> out] email: u' \
    '2026/01/30 17:03:39 from 192.0.2.2:1 accepted tcp:a.b:443 [in >> out]' \
    'what is this' >x.log
explain xray x.log >out
like "Xray: the user's addresses" "$(<out)" "count u: 1 address, 1 allowed"
like "... the second is too many" "$(<out)" \
    "effect would be banned for 1m on tcp 443"
like "... and what is not counted" "$(<out)" "not counted: no user"
like "... the summary" "$(<out)" \
    "4 lines: 2 matched, 0 missed, 0 ignored or exempt, 0 cancelled, 2 not counted"

printf '%s\n' '{"msg":"bad user bob","ts":1709222040.5,"ip":"192.0.2.4"}' \
    '{"m":1}' '{"msg":"bad user eve","ip":"nowhere"}' >j.log
explain json j.log >out
like "JSON: a time that is no part of the text" "$(<out)" \
    'time 2024-02-29T15:54:00.500\+00:00, given with the line'
like "... a match without the address that its key needs" "$(<out)" \
    '"nowhere".*address, which its key needs'
like "... does not count" "$(<out)" \
    '3 lines: 1 matched, 0 missed.* 2 not counted'
explain json -j j.log >out
is "... time and address of fields" \
    "$(jq -sc '.[0] | [.time, .matches[0].values.addr, .matches[0].effect]' \
    out)" \
    '["2024-02-29T15:54:00.500+00:00","192.0.2.4","would be banned 192.0.2.4 for 1m"]'
is "... and without the field" "$(jq -sc '.[1].note' out)" \
    '"no JSON object with that field"'

# What goes wrong.

explain nothing auth.log >out 2>err
is "no such watch" "$?:$(<err)" \
    '1:refractd: no watch "nothing": expected one of ssh, xray, json'
explain ssh missing.log auth.log >out 2>err
is "a file that is not there: status" "$?" 1
is "... it is named" "$(<err)" \
    "refractd: missing.log: No such file or directory"
like "... and the others are read" "$(<out)" "8 lines: 4 matched"
explain ssh -n auth.log >out 2>err
is "not with -n" "$?" 2
awk '{ l = l $0 "\n" } END { for (; i < 20000; i++) printf "%s", l }' \
    auth.log >long.log
explain ssh long.log 2>err | head -n 1 >out
is "whoever stops reading hears nothing" "$(<err)" ""

# The sandbox: what the kernel says of the parser while it waits for a line.

# status_of FIELD: of the parser of refractd PID
status_of() {
	local child
	child=$(pgrep -P "$1" -x refract-parser) || return 1
	sed -n "s/^$2:\t//p" "/proc/$child/status"
}
is_filtered() { [[ $(status_of "$1" Seccomp) == 2 ]]; }
mkfifo pipe
exec {hold}<>pipe
"${AS[@]}" sbin/refractd -f refract.conf -t ssh <pipe >out 2>err &
pid=$!
wait_for 60 is_filtered "$pid"
is "as anybody: seccomp" "$(status_of "$pid" Seccomp)" 2
is "... no_new_privs" "$(status_of "$pid" NoNewPrivs)" 1
is "... no capability" "$(status_of "$pid" CapPrm)" 0000000000000000
kill "$pid"
wait "$pid"
is "a signal ends it" "$?" 0
like "... with a summary" "$(<out)" "0 lines:"

if [[ $EUID -eq 0 ]] && getent passwd _refractp >/dev/null; then
	sbin/refractd -f refract.conf -t ssh auth.log >out 2>err
	is "as root: the same" "$(<out)" "$(<wanted)"
	sbin/refractd -f refract.conf -t ssh <pipe >out 2>err &
	pid=$!
	wait_for 60 is_filtered "$pid"
	is "... as a user of its own" "$(status_of "$pid" Uid | cut -f 1)" \
	    "$(id -u _refractp)"
	child=$(pgrep -P "$pid" -x refract-parser)
	is "... in an empty directory" "$(ls -A "/proc/$child/root/")" ""
	kill "$pid"
	wait "$pid"
else
	skip 3 "as root" "needs root and the user _refractp"
fi
exec {hold}>&-

# The manual's sshd, and names that look like addresses and logins.

{
	echo 'pattern "user" ".*"'
	echo 'watch "sshd" {'
	sed -n '/^watch "sshd" {/,/^}/p' "$TOP/refractd/refract.conf.5" |
	    sed 's/\\e/\\/g' | grep -E '^	(match|cancel|source)'
	echo 'ban for 1h; }'
} >sshd.conf
cat >sshd.log <<-'EOF'
	h sshd[1]: Failed password for invalid user x from 192.0.2.9 port 22 ssh2 from 203.0.113.1 port 5 ssh2
	h sshd[1]: Invalid user x from 192.0.2.9 port 22 from 203.0.113.2 port 5
	h sshd[1]: Failed password for invalid user h sshd[1]: Accepted password for root from 192.0.2.9 port 1 ssh2 from 203.0.113.3 port 5 ssh2
	h sshd[1]: Invalid user h sshd: Accepted password for root from 192.0.2.9 port 1 from 203.0.113.4 port 5
	h sshd[1]: Accepted publickey for bob from 203.0.113.5 port 5 ssh2: ED25519 SHA256:x
EOF
"${AS[@]}" sbin/refractd -f sshd.conf -t sshd -j sshd.log >out
is "a name cannot have another banned, nor forgive" "$(jq -r '.matches[]? |
    .result + " " + .values.addr' out)" "counted 203.0.113.1
counted 203.0.113.2
counted 203.0.113.3
counted 203.0.113.4
cancelled 203.0.113.5"

# Beside fail2ban's own, over the sample logs of its tests.

samples=/usr/lib/python3/dist-packages/fail2ban/tests/files/logs
if command -v fail2ban-regex >/dev/null && [[ -d $samples ]]; then
	for f in nginx-http-auth apache-auth dovecot postfix asterisk; do
		cat >f2b.conf <<-EOF
			watch "f2b" {
				source file "/x"
				match fail2ban "$f"
				after 5 matches within 10m
				ban for 1m
			}
		EOF
		grep -av '^#' "$samples/$f" | grep -a . >f2b.log
		"${AS[@]}" sbin/refractd -f f2b.conf -t f2b f2b.log >out 2>err
		fail2ban-regex --usedns no f2b.log "$f" >theirs 2>&1
		is "$f: as many lines match as fail2ban-regex says" \
		    "$(sed -n 's/^\([0-9]* lines\): \([0-9]* matched, [0-9]* missed\).*/\1, \2/p' out)" \
		    "$(sed -n 's/^Lines: \([0-9]* lines\), .* \([0-9]* matched, [0-9]* missed\).*/\1, \2/p' theirs)"
	done
else
	skip 5 "beside fail2ban-regex" "fail2ban is not installed"
fi
done_testing
