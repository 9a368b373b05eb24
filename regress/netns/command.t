#!/usr/bin/env bash
# source command: who runs it and with what, its lines and its complaints, that
# it is started again when it ends and goes when the daemon does.
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_refract
plan 41

machine host
D=$T/d
mkdir "$D" && chmod 777 "$D"
for f in pids argv env who left; do : >"$D/$f" && chmod 666 "$D/$f"; done

conf() {
	refract_conf <<-EOT
		watch "c" {
			source command { "$D/prog", "two words", "" } $1
			match "from <addr>"
			after 2 matches within 1m
			ban for 10m
		}
	EOT
}
prog() { cat >"$D/prog.new" && chmod 755 "$D/prog.new" && mv "$D/prog.new" "$D/prog"; }
# runs: how often it was started; the number of the last one
runs() { wc -l <"$D/pids"; }
ran() { (($(runs) >= $1)); }
last() { tail -1 "$D/pids"; }
banned() { in_set refract4 "$1"; }

# --- Who it is -------------------------------------------------------------

prog <<'EOT'
#!/bin/bash
D=$(dirname "$0")
echo $$ >>"$D/pids"
printf '%s\n' "$#" "$@" >"$D/argv"
env | sort >"$D/env"
{
	echo "cwd $PWD"
	echo "ids $(id -u) $(id -g) $(id -Gn)"
	echo "umask $(umask)"
	echo "files $(ulimit -n)"
} >"$D/who"
echo "complaint $(printf 'with \001 in it')" >&2
echo "from 192.0.2.1"
echo "from 192.0.2.1"
exec sleep 1000
EOT
conf
export REFRACT_SECRET=x
ok "starts" refract_start -v
soon "what it says counts" 60 banned 192.0.2.1
soon "it runs" 60 ran 1
is "its arguments are the configuration's" "$(tr '\n' '|' <"$D/argv")" \
    "2|two words||"
who=$(<"$D/who")
is "nothing of our environment" "$(grep -vE '^(PWD|SHLVL|_)=' "$D/env")" \
    $'HOME=/\nLANG=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin'
like "runs in /" "$who" "cwd /"$'\n'
uid=$(id -u _refractx) gid=$(id -g _refractx)
like "is _refractx, with its groups" "$who" "ids $uid $gid _refractx"$'\n'
pid=$(last)
is "has the three standard descriptors" \
    "$(on host ls "/proc/$pid/fd" | tr '\n' ' ')" "0 1 2 "
is "reads nothing" "$(on host readlink "/proc/$pid/fd/0")" /dev/null
like "has a usual umask" "$who" "umask 0022"
like "and a usual number of descriptors" "$who" "files 1024"
who=$(on host cat "/proc/$pid/status")
for c in Inh Prm Eff Bnd Amb; do
	like "has no capability: Cap$c" "$who" "Cap$c:[[:space:]]*0{16}"
done
like "and gets none by exec" "$who" "NoNewPrivs:[[:space:]]*1"
# But for two that the C library keeps to itself, if the test was given so.
like "ignores no signal" "$who" "SigIgn:[[:space:]]*(0{16}|0000000180000000)"
like "leads a group and a session of its own" "$who" \
    "NSpgid:[[:space:]]*$pid.*NSsid:[[:space:]]*$pid"
soon "its complaints are logged, made printable" 60 \
    logged 'watch c: command .*: complaint with .001 in it'

# --- A reload --------------------------------------------------------------

ok "reload" ctl reload
is "it runs on over a reload" "$(runs) $(on host kill -0 "$pid" && echo runs)" \
    "1 runs"
conf 'user "nobody"'
ok "reload with another user" ctl reload
soon "it is started anew" 60 ran 2
soon "and the old one ends" 60 not on host kill -0 "$pid"
pid=$(last)
is "as that user" "$(on host stat -c %U "/proc/$pid")" nobody

# --- It ends ---------------------------------------------------------------

on host kill -9 "$pid"
soon "it is started again when it ends" 60 ran 3
like "and the log says why" "$(<"$T/refractd.err")" \
    'command .*it ended: killed by signal 9 \(Killed\): it is started again'
killed=${EPOCHREALTIME/./}
on host kill "$(last)"
soon "and again" 60 ran 4
ok "not at once when it ends soon" \
    test $((${EPOCHREALTIME/./} - killed)) -gt 1500000
# What it leaves behind goes with it.
prog <<'EOT'
#!/bin/bash
D=$(dirname "$0")
echo $$ >>"$D/pids"
sleep 1001 &
echo $! >"$D/left"
echo "from 192.0.2.2"
exit 7
EOT
on host kill "$(last)"
soon "the next one" 60 ran 5
soon "its exit status is logged" 60 logged 'it ended: exit status 7'
left=$(<"$D/left")
soon "what it left running is killed" 60 not on host kill -0 "$left"
nok "one match is not two" banned 192.0.2.2
ok "stops" refract_stop

# --- The end ---------------------------------------------------------------

prog <<'EOT'
#!/bin/bash
trap '' TERM
D=$(dirname "$0")
echo $$ >>"$D/pids"
sleep 1002 &
(setsid sleep 1003 &)
while :; do sleep 1; done
EOT
: >"$D/pids"
conf
refract_start -v
wait_for 60 ran 1
pid=$(last)
ok "stops though it ignores SIGTERM" refract_stop
nok "it is gone" on host kill -0 "$pid"
is "and whoever it started" "$(on host pgrep -f 'sleep 1002')" ""
is "also who left its process group" "$(on host pgrep -f 'sleep 1003')" ""

# --- Refused ---------------------------------------------------------------

conf 'user "root"'
nok "never as root" on host "$OBJ/sbin/refractd" -n -f "$REFRACT_CONF"
conf 'user "nobody-of-this-name"'
nok "not as nobody knows who" on host "$OBJ/sbin/refractd" -n -f "$REFRACT_CONF"
