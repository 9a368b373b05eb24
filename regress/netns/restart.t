#!/usr/bin/env bash
# A restart: whom it keeps out, who waits, and what a service manager's
# descriptor store is for.  manager.py plays the service manager.
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 jq
HERE=$TOP/regress/netns
machine host
machine peer
link host eth0 '192.0.2.1/24 2001:db8::1/64' \
    peer eth0 '192.0.2.7/24 192.0.2.8/24 2001:db8::7/64'
echo_service host service 443
LOG=$T/access.log
: >"$LOG"
conf() {
	refract_conf <<-EOT
		watch "xray" {
			source file "$LOG"
			format xray
			ban newest for 1h on tcp port 443
		}
		log bans "$T/bans.log"
		$*
	EOT
}
# manage [--no-store]: start the manager, and refractd under it.
manage() {
	local no=()
	[[ ${1-} == --no-store ]] && no=("$1")
	rm -f "$T/notify"
	spawn host manager python3 "$HERE/manager.py" "$T/notify" \
	    "${no[@]}" "$OBJ/sbin/refractd" -d -f "$REFRACT_CONF"
	ups=0
	up
}
# up: once more than before.
up() {
	: $((++ups))
	wait_for 60 eval '[[ $(grep -c READY=1 "$T/manager.out") -ge $ups ]]'
}
said() { grep -c -- "$1" "$T/manager.out"; }
down() {
	local n
	n=$(said '# ended')
	signal manager USR1
	wait_for 60 eval '[[ $(said "# ended") -gt $n ]]'
}
again() { signal manager USR2; up; }

# --- What is kept ---
conf
manage
is 'the control socket is kept' "$(said '# keeps control')" 1
like 'and not watched for hanging up' "$(cat "$T/manager.out")" 'FDPOLL=0'
ctl ban 192.0.2.7 for 1h >/dev/null
down
like 'it ended well' "$(cat "$T/manager.out")" '# ended with 0'
ok 'the name of the socket is still there' \
    on host test -S /run/refract/control.sock
spawn host waiting "$OBJ/bin/refractctl" show bans
nap 0.3
ok 'who connects now waits' running waiting
again
like 'it is handed over' "$(cat "$T/manager.out")" 'with control'
soon 'who waited is answered' 60 not running waiting
is 'well' "$(cat "$T/waiting.status")" 0
like 'with the ban from before' "$(cat "$T/waiting.out")" 192.0.2.7
is 'it is kept once' "$(said '# keeps control')" 1

# --- Nobody gets through meanwhile ---
spawn peer banned python3 "$HERE/knock.py" 192.0.2.7 192.0.2.1 443 0.01
spawn peer other python3 "$HERE/knock.py" 192.0.2.8 192.0.2.1 443 50
spawn host pour python3 "$HERE/pour.py" "$LOG" 10000
n=$([[ -n ${LONG-} ]] && echo 30 || echo 4)
for ((i = 0; i < n; i++)); do
	down
	again
done
is "$n restarts under load" "$(said '# ended with 0')" $((n + 1))
nap 0.3
signal pour
reap pour
signal banned
reap banned
signal other
reap other
note "banned: $(tail -1 "$T/banned.out"); other: $(tail -1 "$T/other.out")"
like 'the banned address tried' "$(cat "$T/banned.out")" \
    'tries [0-9]{2,} '
like 'and never got through' "$(cat "$T/banned.out")" 'through 0 '
like 'another always did' "$(cat "$T/other.out")" \
    'tries ([0-9]+) through [1-9]'
[[ $(tail -1 "$T/other.out") =~ tries\ ([0-9]+)\ through\ ([0-9]+) ]]
is 'without one failure' "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}"

# --- And nothing was lost: the last lines, offences, records ---
[[ $(tail -1 "$T/pour.out") =~ lines\ ([0-9]+)\ second\ ([0-9]+) ]]
lines=${BASH_REMATCH[1]} second=${BASH_REMATCH[2]}
note "$(tail -1 "$T/pour.out")"
watch() { ctl -j show watches | jq -r ".[0].$1"; }
soon 'every line was read' 60 eval '[[ $(watch lines) == "$lines" ]]'
is 'every second address is an offence' "$(watch offences)" "$second"
in_kernel() { on host ipset list refract4p | grep -c '^10\.9\.'; }
soon 'every one is banned' 60 eval '[[ $(in_kernel) == "$second" ]]'
history() { ctl -j show history watch xray | jq length; }
soon 'and recorded' 60 eval '[[ $(history) == "$second" ]]'
is 'and is in the log of bans' \
    "$(grep -o ' 10\.9\.[0-9.]*' "$T/bans.log" | sort -u | wc -l)" "$second"

# --- What is not wanted any more ---
down
conf 'control "/run/refract/other.sock"'
again
is 'a socket with another name is not taken' "$(said '# forgets control')" 1
ok 'the new one serves' ctl -s /run/refract/other.sock show
signal manager
reap manager

# --- The status page's socket is kept as well ---
conf 'status on 127.0.0.1 port 9440'
on host rm -f /run/refract/*.sock
manage
if wait_for 60 listening host 9440; then
	like 'the page is kept' "$(cat "$T/manager.out")" \
	    '# keeps status-127.0.0.1-9440'
	down
	ok 'it listens while nobody is there' listening host 9440
	spawn host page curl -s http://127.0.0.1:9440/metrics
	nap 0.3
	again
	soon 'who waited is answered' 60 not running page
	like 'with the page' "$(cat "$T/page.out")" refract_bans
	conf
	ok 'a reload without it' ctl reload
	soon 'forgets it' 60 eval '[[ $(said "# forgets status") == 1 ]]'
else
	fail 'the page is kept'
fi
signal manager
reap manager

# --- Without a store ---
on host rm -f /run/refract/*.sock
conf
manage --no-store
down
nok 'without a store the socket goes' \
    on host test -e /run/refract/control.sock
signal manager
reap manager

# --- Another build ---
mkdir -p "$T/obj/sbin" "$T/obj/libexec/refract"
cp "$OBJ/sbin/refractd" "$T/obj/sbin"
cp "$OBJ/libexec/refract/"* "$T/obj/libexec/refract"
build=$("$OBJ/sbin/refractd" -V | sed 's/.*(build \(.*\))/\1/')
other=$(tr 0-9a-f 1-9a-f0 <<<"$build")
keep=$OBJ
OBJ=$T/obj
refract_start
OBJ=$keep
# as an upgrade does: a new file in the place of the one that runs
cp "$T/obj/libexec/refract/refract-parser" "$T/obj/parser"
sed -i "s/$build/$other/" "$T/obj/parser"
mv "$T/obj/parser" "$T/obj/libexec/refract/refract-parser"
ok 'who runs is not disturbed by a new binary' ctl reload
refract_stop
out=$(on host "$T/obj/sbin/refractd" -d -f "$REFRACT_CONF" 2>&1)
like 'a child of another build is refused' "$out" \
    "refract-parser is build $other and this is $build: restart needed"
is 'and nobody is left' "$(on host pgrep -f '^refractd|^refract-')" ''

done_testing
