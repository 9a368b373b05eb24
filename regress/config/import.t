#!/usr/bin/env bash
# refractctl import fail2ban: a directory of our own with all that jails can
# say, and Debian's as the package has it; what is printed is understood by
# refractd, says what the jails say, and all that is left out is told.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need python3
install -m 755 "$OBJ/bin/refractctl" "$T/refractctl"

# import NAME DIRECTORY: what it prints in NAME.conf, what it says in NAME.told
import() {
	local status
	./refractctl import fail2ban "$2" >"$1.conf" 2>"$1.err"
	status=$?
	sed "s/^refractctl: //; s,$T,/tmp,g" "$1.err" >"$1.told"
	sed "s,$T,/tmp,g" "$1.conf" >"$1.plain"
	return "$status"
}

# watch NAME CONF: the inside of a watch as -nv prints it
watch() {
	sed -n "/^watch \"$1\" {/,/^}/p" "$2"
}

# --- Ours ---

nok "jails that cannot be read: the exit status says it" \
    import ours "$T/fail2ban"
is "what jails mean" "$(cat ours.plain)" "$(cat fail2ban/expected.conf)"
is "what is not carried over is told" "$(cat ours.told)" \
    "$(cat fail2ban/expected.told)"
ok "refractd understands it" read_conf ours -f ours.conf
is "each comment in it is told, and the other way round" \
    "$(grep -o '# .*' ours.plain | sed 1,3d | cut -c3- | sort)" \
    "$(sed 's/^[a-z]*: //' ours.told | sort)"

# Each command is a shell's text; what an attacker chose is never part of it.
# argv.py FILE N VALUE...: the Nth command's arguments, each with a NUL, its
# values replaced; without N: how many there are that a shell cannot read.
cat >argv.py <<'PY'
import re
import subprocess
import sys

def arguments(line, values):
    escapes = {"n": "\n", "t": "\t"}
    for s in re.findall(r'"((?:[^"\\]|\\.)*)"', line.split(" }")[0]):
        s = re.sub(r"\\(.)", lambda m: escapes.get(m[1], m[1]), s)
        yield values.pop(0) if values and s.startswith("<") else s

runs = [line for line in open(sys.argv[1]) if line.startswith("\trun ")]
if len(sys.argv) > 2:
    for s in arguments(runs[int(sys.argv[2])], sys.argv[3:]):
        sys.stdout.write(s + "\0")
else:
    scripts = [list(arguments(line, []))[2] for line in runs]
    print(sum(subprocess.call(["sh", "-n", "-c", s]) != 0 for s in scripts),
          "of", len(scripts))
PY
# run_argv N VALUE...: the Nth command with values in the place of its own
run_argv() {
	local args
	mapfile -d '' args < <(python3 argv.py ours.conf "$@")
	"${args[@]}"
}
# shellcheck disable=SC2016
is "a command of an action, with hostile values" \
    "$(run_argv 0 '2001:db8::1' 7 '$(id)' "'; id; \"\`id\`")" \
    "2001:db8::1
web
7 \"x\"
root
\$(id)
'; id; \"\`id\`

129600"
is "its actionunban" "$(run_argv 1 192.0.2.1)" "192.0.2.1 of $(hostname)"

# --- Numbers beyond ours, paths from somewhere, text that looks like names ---

mkdir odd
cp -R fail2ban/{filter.d,action.d} odd
cat >odd/jail.conf <<'EOF'
[DEFAULT]
enabled = true
filter = door
logpath = /var/log/odd.log
          relative.log
[long]
findtime = 10y
bantime = 1000y
maxretry = 99999999999999999999
action = iptables-allports
[short]
findtime = 0
bantime = 0.5
maxretry = -1
action = say
[nowhere]
filter = nowhere
logpath = relative.log
EOF
cat >odd/filter.d/nowhere.conf <<'EOF'
[Definition]
failregex = ^x <HOST>
EOF
cat >odd/action.d/say.conf <<'EOF'
[Definition]
actionban = echo '</w>' \<word> <ip>
EOF
nok "a jail that reads nothing is left out" import odd odd
ok "refractd understands the others" read_conf odd -f odd.conf
is "within what can be said" "$(grep -E '^	(after|ban)' odd.conf)" \
'	after 1000 matches within 366d
	ban for 10y
	after 1 match within 1s'
# shellcheck disable=SC2016
is "no name where there was none" "$(python3 argv.py odd.conf 0 192.0.2.1 |
    tr '\0' '\n')" "/bin/sh
-c
ip=\$1
echo '</w>' \\\\\<word> \"\${ip}\"
say
192.0.2.1"

# --- As Debian has it, sshd enabled ---

if [[ ! -f /etc/fail2ban/jail.conf ]]; then
	skip 9 "Debian's jails" "fail2ban is not installed"
	done_testing
	exit
fi
mkdir stock
cp -R /etc/fail2ban/{jail.conf,paths-*.conf,filter.d,action.d} stock
mkdir stock/jail.d
printf '[sshd]\nenabled = true\nlogpath = %s/auth.log\n' "$T" \
    >stock/jail.d/sshd.conf
chmod -R u+rw,go-w,a+rX stock

ok "Debian's configuration" import debian "$T/stock"
is "no log: the journal" "$(watch sshd debian.plain)" \
'watch "sshd" {
	# no file of its logpath is there: the journal, as the filter'"'"'s journalmatch says
	source journal { "_SYSTEMD_UNIT=sshd.service", "+", "_COMM=sshd" }
	match fail2ban "/tmp/stock/filter.d/sshd"
	group inet 32 inet6 128
	after 5 matches within 10m
	ban for 10m on tcp port 22
}'
is "... which is told" "$(cat debian.told)" \
    "sshd: no file of its logpath is there: the journal, as the filter's journalmatch says"
ok "refractd understands it" read_conf debian -f debian.conf
: >auth.log
import debian "$T/stock"
is "a log that is there is read" "$(grep source debian.plain)" \
    $'\tsource file "/tmp/auth.log"'

# Every jail that there is, with mail to somebody.
printf '[DEFAULT]\nenabled = true\naction = %%(action_mwl)s\n' \
    >stock/jail.local
ok "all jails" import all "$T/stock"
ok "refractd understands all of them" read_conf all -f all.conf
jails=$(grep -c '^\[[a-z0-9]' stock/jail.conf)
is "each jail is a watch" "$(grep -c '^watch' all.conf)" "$jails"
note "$jails jails of Debian's"
is "each command is one that a shell reads" "$(python3 argv.py all.conf)" \
    "0 of $(grep -c '^	run ' all.conf)"
done_testing
