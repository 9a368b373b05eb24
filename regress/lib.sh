# shellcheck shell=bash
# What the shell tests share: TAP, waiting, small machines made of namespaces,
# and refractd inside one of them.  Source it first, from bash:
#
#	. "$(dirname "$0")/../lib.sh"
#
# A "machine" is a set of namespaces (network, mounts, processes) held by one
# process.  It has its own /run and /var/lib, so tests that run at the same
# time never meet, and when its holder ends (at exit, at a failure, or because
# this shell was killed) the kernel ends everything in it.  Nothing is named
# outside of it, so nothing can be left behind.
#
# Sets: TOP (the tree), OBJ (what was built), T (a directory for this test).

export LC_ALL=C
umask 022
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
OBJ=${REFRACT_OBJ:-$TOP/${O:-obj}}
PATH=$PATH:/usr/sbin:/sbin
T=$(mktemp -d "${TMPDIR:-/tmp}/refract.XXXXXX") || exit 1
chmod 755 "$T"

declare -A MACHINE_PID MACHINE_HOLD SPAWN_NS CONN_FD
exec {NAP_FD}<> <(:)

lib_cleanup() {
	local m
	trap - EXIT
	for m in "${!MACHINE_HOLD[@]}"; do
		kill -9 "${MACHINE_HOLD[$m]}"
	done 2>/dev/null
	# A nsenter that stopped with its child would never reap it, and the
	# machine could not end.
	for m in $(jobs -p); do
		pkill -9 -P "$m"
	done 2>/dev/null
	wait 2>/dev/null
	rm -rf "$T"
}
trap lib_cleanup EXIT
trap 'exit 1' INT TERM HUP

# --- TAP -------------------------------------------------------------------

TAP_RUN=0
TAP_FAILED=0

# plan N: how many results come.  Or done_testing at the end.
plan() { echo "1..$1"; TAP_PLAN=$1; }

note() { printf '# %s\n' "${*//$'\n'/$'\n'# }"; }
diag() { note "$@" >&2; }

pass() { echo "ok $((++TAP_RUN)) - $*"; }
fail() {
	echo "not ok $((++TAP_RUN)) - $*"
	: $((TAP_FAILED++))
	diag "failed at ${BASH_SOURCE[-1]##*/}:${BASH_LINENO[-2]}"
	return 1
}

# ok NAME CMD...: CMD succeeds.  nok NAME CMD...: it fails.  CMD runs in this
# shell, so it may start what later commands use.
ok() {
	local name=$1
	shift
	if "$@" >"$T/ok.out" 2>&1; then pass "$name"; return 0; fi
	fail "$name"; diag "$* said: $(<"$T/ok.out")"; return 1
}
nok() {
	local name=$1
	shift
	if ! "$@" >"$T/ok.out" 2>&1; then pass "$name"; return 0; fi
	fail "$name"; diag "$* succeeded: $(<"$T/ok.out")"; return 1
}
# is NAME GOT WANTED
is() {
	if [[ $2 == "$3" ]]; then pass "$1"; return 0; fi
	fail "$1"; diag "     got: $2" ; diag "  wanted: $3"; return 1
}
# like NAME TEXT EXTENDED-REGEX; unlike
like() {
	if [[ $2 =~ $3 ]]; then pass "$1"; return 0; fi
	fail "$1"; diag "     got: $2"; diag "  wanted: /$3/"; return 1
}
unlike() {
	if ! [[ $2 =~ $3 ]]; then pass "$1"; return 0; fi
	fail "$1"; diag "     got: $2"; diag "unwanted: /$3/"; return 1
}
# soon NAME SECONDS CMD...: CMD succeeds before SECONDS are over.
soon() {
	local name=$1 limit=$2
	shift 2
	if wait_for "$limit" "$@"; then pass "$name"; return 0; fi
	fail "$name"; diag "not within $limit s: $*"; return 1
}
# skip N NAME WHY
skip() {
	local i
	for ((i = 0; i < $1; i++)); do
		echo "ok $((++TAP_RUN)) - $2 # SKIP $3"
	done
}
skip_all() { echo "1..0 # SKIP $*"; exit 0; }

done_testing() {
	[[ -n ${TAP_PLAN-} ]] || echo "1..$TAP_RUN"
	exit $((TAP_FAILED != 0))
}

need_root() { [[ $EUID -eq 0 ]] || skip_all "needs root"; }
# need CMD...: programs without which the whole test makes no sense.
need() {
	local c
	for c; do
		type -P "$c" >/dev/null || skip_all "$c is not installed"
	done
}

# --- Waiting ---------------------------------------------------------------
#
# A limit is for what never comes: 60 seconds, however fast it should be, for
# the machine may be slow and busy.  Only who waits to see that nothing comes
# says less.

# nap SECONDS, without a process.
nap() { read -r -t "$1" -u "$NAP_FD" _ || :; }

# wait_for SECONDS CMD...: try until CMD succeeds; 1 if it never did.
wait_for() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/./} < end)) || return 1
		nap 0.01
	done
}
# not CMD...: for wait_for and soon.
not() { ! "$@"; }

# --- Machines --------------------------------------------------------------

# machine NAME: make one.  Loopback is up; /run and /var/lib are its own.
machine() {
	local name=$1 fd line
	exec {fd}< <(exec setpriv --pdeathsig KILL \
	    unshare -m -n -p -f --kill-child --mount-proc \
	    env --ignore-signal=CHLD bash -c '
		mount -t tmpfs -o mode=0755 run /run &&
		mount -t tmpfs -o mode=0755 lib /var/lib &&
		mkdir /run/lock /run/systemd &&
		ip link set lo up && echo up && exec sleep infinity' 2>&1)
	MACHINE_HOLD[$name]=$!
	if ! read -r line <&"$fd" || [[ $line != up ]]; then
		echo "Bail out! cannot make a machine of namespaces: $line"
		exit 1
	fi
	exec {fd}<&-
	read -r line _ <"/proc/$!/task/$!/children"
	MACHINE_PID[$name]=$line
}

# machine_end NAME: and everything in it.
machine_end() {
	kill -9 "${MACHINE_HOLD[$1]}"
	wait "${MACHINE_HOLD[$1]}" 2>/dev/null
	unset "MACHINE_HOLD[$1]" "MACHINE_PID[$1]"
}

# on NAME CMD...: run CMD there (its directory is /, so use absolute paths).
on() {
	local pid=${MACHINE_PID[$1]}
	shift
	nsenter -t "$pid" -m -n -p -- "$@"
}

# link A IFA "ADDR/LEN ..." B IFB "ADDR/LEN ...": a cable between two machines.
link() {
	local a
	ip link add "$2" netns "${MACHINE_PID[$1]}" type veth \
	    peer name "$5" netns "${MACHINE_PID[$4]}" || return 1
	for a in $3; do addr "$1" "$2" "$a" || return 1; done
	for a in $6; do addr "$4" "$5" "$a" || return 1; done
	on "$1" ip link set "$2" up && on "$4" ip link set "$5" up
}
# addr NAME INTERFACE ADDR/LEN: one more address, usable at once.
addr() {
	if [[ $3 == *:* ]]; then
		on "$1" ip addr add "$3" dev "$2" nodad
	else
		on "$1" ip addr add "$3" dev "$2"
	fi
}

# spawn MACHINE NAME CMD...: in the background; $T/NAME.out, .err, .pid (its
# number inside the machine) and, when it has ended, .status.
spawn() {
	local m=$1 name=$2
	shift 2
	rm -f "$T/$name.pid" "$T/$name.status"
	# shellcheck disable=SC2016
	{
		nsenter -t "${MACHINE_PID[$m]}" -m -n -p -- bash -c '
		    echo $$ >"$0.new" && mv "$0.new" "$0" && exec "$@"' \
		    "$T/$name.pid" "$@" >"$T/$name.out" 2>"$T/$name.err" \
		    </dev/null
		echo $? >"$T/$name.status"
	} 2>/dev/null &
	SPAWN_NS[$name]=$m
	wait_for 60 test -s "$T/$name.pid"
}
spawn_pid() { cat "$T/$1.pid"; }
# signal NAME [SIGNAL]: to the process itself.
signal() { on "${SPAWN_NS[$1]}" kill -"${2:-TERM}" "$(spawn_pid "$1")"; }
running() { [[ -e $T/$1.pid && ! -s $T/$1.status ]]; }
# reap NAME: its exit status; 124 if it would not end.
reap() {
	wait_for 60 not running "$1" || return 124
	return "$(<"$T/$1.status")"
}

# --- Services and connections ----------------------------------------------

# listening MACHINE PORT
listening() { [[ -n $(on "$1" ss -Hlnt "sport = :$2") ]]; }

# echo_service MACHINE NAME PORT: real TCP, IPv4 and IPv6, says back what it
# is told.  A pipe that takes a page takes no more, and socat, which writes a
# whole block, would then wait for itself.
echo_service() {
	spawn "$1" "$2" socat -b 4096 "TCP6-LISTEN:$3,fork,reuseaddr,ipv6only=0" PIPE &&
	    wait_for 60 listening "$1" "$3"
}

# conn MACHINE NAME FROM FROM-PORT TO TO-PORT [SECONDS]: open a connection and
# keep it; succeeds when the service has answered a first time.  $T/NAME.out is what
# came back, $T/NAME.err how it ended.
conn() {
	local from=$3 to=$5 proto=TCP4 fd
	[[ $3 == *:* ]] && from="[$3]" to="[$5]" proto=TCP6
	rm -f "$T/$2.in" && mkfifo "$T/$2.in" || return 1
	# shellcheck disable=SC2016
	spawn "$1" "$2" bash -c 'exec socat -d -t 0.1 - "$1" <"$0"' "$T/$2.in" \
	    "$proto:$to:$6,bind=$from:$4,reuseaddr,connect-timeout=60" ||
	    return 1
	exec {fd}<>"$T/$2.in"
	CONN_FD[$2]=$fd
	conn_works "$2" "${7:-60}"
}
# conn_works NAME [SECONDS]: it carries a word and brings it back.  It does
# not once it has ended.
conn_works() {
	local word=w$RANDOM$RANDOM
	echo "$word" >&"${CONN_FD[$1]}"
	wait_for "${2:-60}" conn_said_or_gone "$1" "$word" &&
	    grep -q "$word" "$T/$1.out"
}
conn_said_or_gone() { grep -q "$2" "$T/$1.out" || ! running "$1"; }
# conn_reset NAME: it was ended by a reset.
conn_reset() { grep -qi 'reset by peer' "$T/$1.err"; }
conn_close() {
	local fd=${CONN_FD[$1]}
	signal "$1" 2>/dev/null
	exec {fd}>&-
}

# xray_line FILE FROM EMAIL [TO]: a line as Xray writes it now.  FROM is
# ADDR:PORT with IPv6 in brackets.
xray_line() {
	local t=$EPOCHREALTIME d
	printf -v d '%(%Y/%m/%d %H:%M:%S)T' "${t%.*}"
	printf '%s.%s from %s accepted %s [in >> direct] email: %s\n' \
	    "$d" "${t#*.}" "$2" "${4:-tcp:example.com:443}" "$3" >>"$1"
}

# --- refractd --------------------------------------------------------------

# The machine it runs on, and its configuration.
REFRACT_ON=host
# What starts it: setpriv with fewer capabilities, strace.
REFRACT_AS=()
REFRACT_CONF=$T/refract.conf

# refract_conf: read the configuration from standard input.
refract_conf() { cat >"$REFRACT_CONF"; chmod 600 "$REFRACT_CONF"; }

# refract_start [OPTIONS]: start it and wait until it says READY=1 (stored
# bans stand).  Its log is $T/refractd.err.
refract_start() {
	refract_notify || return 1
	spawn "$REFRACT_ON" refractd env NOTIFY_SOCKET="$T/notify" \
	    "${REFRACT_AS[@]}" "$OBJ/sbin/refractd" -d -f "$REFRACT_CONF" "$@" || return 1
	wait_for 60 refract_ready_or_gone
	refract_ready && return 0
	diag "refractd did not become ready:" "$(tail -20 "$T/refractd.err")"
	return 1
}
refract_notify() {
	if running notify; then
		signal notify 2>/dev/null
		reap notify
	fi
	rm -f "$T/notify"
	spawn "$REFRACT_ON" notify socat -u "UNIX-RECV:$T/notify,mode=666" - &&
	    wait_for 60 test -S "$T/notify"
}
refract_ready() { grep -q 'READY=1' "$T/notify.out" && running refractd; }
refract_ready_or_gone() { refract_ready || ! running refractd; }

# refract_stop: as the service manager does; its exit status.
refract_stop() { signal refractd TERM && reap refractd; }

# ctl ARGS...: refractctl on that machine.
ctl() { on "$REFRACT_ON" "$OBJ/bin/refractctl" "$@"; }

# child_pid NAME: of a child of refractd (refract-parser, refract-enforcer, or
# its title: ledger, control, rules), inside the machine.
child_pid() {
	on "$REFRACT_ON" pgrep -f -P "$(spawn_pid refractd)" -- "$1" | head -1
}
# logged REGEX: refractd's log has it.
logged() { grep -Eq -- "$1" "$T/refractd.err"; }

# in_set SET ELEMENT...: the kernel's set holds it.
in_set() { on "$REFRACT_ON" ipset -q test "$@"; }
# set_timeout SET ELEMENT: the seconds it has left, as the kernel says.
set_timeout() {
	on "$REFRACT_ON" ipset list "$1" |
	    awk -v e="$2" '$1 == e && $2 == "timeout" { print $3 }'
}

# Before a test runs the daemon: root, the programs, the build.
need_refract() {
	need_root
	need ipset iptables ip ss socat nsenter unshare setpriv
	[[ -x $OBJ/sbin/refractd ]] || skip_all "refractd is not built"
}
