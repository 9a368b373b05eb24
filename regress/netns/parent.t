#!/usr/bin/env bash
# The parent: start, barrier, deaths, reload, stop, and what stays behind.
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_refract
machine host

LOG=$T/access.log
conf() {
	refract_conf <<-EOT
		watch "xray" {
			source file "$LOG"
			format xray
		}
		log bans "$T/bans.log"
		$*
	EOT
}
# gone PID
gone() { ! on host kill -0 "$1" 2>/dev/null; }
leftover() { on host sh -c 'ls /run/refract | grep -vx -e empty -e refractd.lock'; }
suite() { on host pgrep -f '^refractd|^refract-|/refractd ' | tr '\n' ' '; }

: >"$LOG"
conf

# --- One is started, and only one ---
refract_start
is 'it starts' $? 0
pid=$(spawn_pid refractd)
is 'the pid file' "$(on host cat /run/refract/refractd.pid)" "$pid"
nok 'a second one does not start' \
    on host "$OBJ/sbin/refractd" -d -f "$REFRACT_CONF"
like 'and says who is there' \
    "$(on host "$OBJ/sbin/refractd" -d -f "$REFRACT_CONF" 2>&1)" \
    "already running \(pid $pid\)"
like 'nothing is removed while it runs' \
    "$(on host "$OBJ/sbin/refractd" -T -f "$REFRACT_CONF" 2>&1)" \
    "is running \(pid $pid\)"
like 'the service manager hears the counts' "$(cat "$T/notify.out")" \
    'STATUS=guarding: watches 1, logs 1, generation 1'
is 'the control socket' \
    "$(on host stat -c '%a %U %G' /run/refract/control.sock)" \
    '660 root refract'
is 'the audit log' "$(stat -c '%a %U %G' "$T/bans.log")" '640 root refract'

# --- What the children are given ---
for child in rules refract-enforcer ledger control refract-parser; do
	p=$(child_pid "$child")
	is "$child: environment" \
	    "$(on host cat "/proc/$p/environ" | tr '\0' '\n' | cut -d= -f1 |
	    sort | tr '\n' ' ')" 'PATH TZ '
	is "$child: standard descriptors" \
	    "$(on host readlink "/proc/$p/fd/0" "/proc/$p/fd/1" |
	    tr '\n' ' ')" '/dev/null /dev/null '
	is "$child: out of the terminal's group" \
	    "$(on host ps -o sid= -p "$p" | tr -d ' ')" "$p"
done
caps=$(on host sed -n 's/^CapBnd:\t*//p' "/proc/$pid/status")
is 'the parent has no NET_ADMIN and no NET_RAW' $((0x$caps & 0x3000)) 0
nok 'nor SYS_ADMIN' test $((0x$caps >> 21 & 1)) = 1

# --- Reload ---
ok 'reload' ctl reload
like 'is answered' "$(ctl reload)" 'reloaded: generation 3'
wait_for 60 grep -q generation\ 3 "$T/notify.out"
like 'the service manager is told the time' "$(cat "$T/notify.out")" \
    'RELOADING=1.MONOTONIC_USEC=[0-9]+.*READY=1'
before=$(ctl show config)
conf 'ban { prefix inet 33 }'
nok 'a wrong configuration is refused' ctl reload
like 'with its file and line' "$(ctl reload 2>&1)" "refract.conf:[0-9]+: "
conf 'state "/var/lib/other"'
like 'state needs a restart' "$(ctl reload 2>&1)" 'state: .*needs a restart'
conf 'instance "other"'
like 'instance needs a restart' "$(ctl reload 2>&1)" 'needs a restart'
conf 'control "/run/other.sock"'
like 'the control path needs a restart' "$(ctl reload 2>&1)" \
    'control: .*needs a restart'
ln -s "$LOG" "$T/link"
conf "watch \"more\" { source file \"$T/link\"; format xray }"
like 'a log that cannot be opened' "$(ctl reload 2>&1)" \
    'watch more: .*/link is a symbolic link'
is 'nothing has changed' "$(ctl show config)" "$before"
: >"$T/more.log"
conf "watch \"more\" { source file \"$T/more.log\"; format xray }"
ok 'a watch more' ctl reload
like 'is shown' "$(ctl show config)" 'watch "more"'
conf
signal refractd HUP
soon 'SIGHUP reloads too' 60 eval '! ctl show config | grep -q more'
refusals() { grep -c 'nothing has changed' "$T/refractd.err"; }
n=$(refusals)
echo 'x' >>"$T/refract.conf"
signal refractd HUP
soon 'and says what is wrong in the log' 60 eval '[[ $(refusals) -gt $n ]]'
conf

# --- Logs of our own ---
mv "$T/bans.log" "$T/bans.log.1"
ok 'reopen' ctl reopen
ok 'makes the log anew' test -f "$T/bans.log"
mv "$T/bans.log" "$T/bans.log.2"
signal refractd USR1
soon 'SIGUSR1 too' 60 test -f "$T/bans.log"

# --- A child that does not answer ---
p=$(child_pid ledger)
on host kill -STOP "$p"
reloads() { grep -c RELOADING "$T/notify.out"; }
n=$(reloads)
signal refractd HUP
wait_for 60 eval '[[ $(reloads) -gt $n ]]'
like 'a second reload is told of the first' "$(ctl reload 2>&1)" 'under way'
n=$(grep -c 'reloaded: generation' "$T/refractd.err")
on host kill -CONT "$p"
soon 'the first one ends well' 60 \
    eval '[[ $(grep -c "reloaded: generation" "$T/refractd.err") -gt $n ]]'

descriptors() { on host ls "/proc/$pid/fd" | wc -l; }
ctl reload >/dev/null
before=$(descriptors)
for _ in 1 2 3 4 5 6 7 8 9 10; do ctl reload >/dev/null; done
is 'reloads leave no descriptors behind' "$(descriptors)" "$before"

# --- Stop ---
refract_stop
is 'it stops' $? 0
is 'nobody is left' "$(suite)" ''
is 'nothing is left in /run' "$(leftover)" ''
like 'the service manager was told' "$(cat "$T/notify.out")" 'STOPPING=1'

refract_start
p=$(child_pid control)
on host kill -STOP "$p"
refract_stop
is 'a child that hangs does not hold up the end' $? 1
soon 'and is named' 60 logged 'control .* does not stop: killed after 5 s'
is 'nothing of it is left' "$(suite)$(leftover)" ''

# --- Deaths ---
for child in rules refract-enforcer ledger control refract-parser; do
	refract_start || break
	p=$(child_pid "$child")
	on host kill -9 "$p"
	reap refractd
	is "$child killed: the suite ends" $? 1
	soon "$child killed: the cause is named" 60 \
	    logged "$child \(pid $p\) died: killed by signal 9 \(Killed\)"
	is "$child killed: nobody is left" "$(suite)" ''
	is "$child killed: nothing is left in /run" "$(leftover)" ''
done
ok 'the kernel keeps its sets' on host ipset list -n refract4

refract_start
p=$(child_pid ledger)
signal refractd KILL
soon 'the parent killed: the children end' 60 gone "$p"
soon 'all of them' 60 eval '[[ -z $(suite) ]]'
refract_start
is 'and it starts again, over the socket that stayed' $? 0
p=$(child_pid control)
on host kill -TERM "$p"
nap 0.2
ok 'a child does not heed SIGTERM' running refractd
refract_stop

# --- People who are logged in ---
conf 'ban { protect sessions }'
on host mkdir -p /run/systemd/sessions
refract_start
on host sh -c 'echo REMOTE_HOST=192.0.2.77 >/run/systemd/sessions/1'
protected() {
	local out
	out=$(ctl ban 192.0.2.77 for 1m 2>&1)
	ctl unban 192.0.2.77 >/dev/null 2>&1
	[[ $out == *protected* || $out == *'logged in'* ]]
}
soon 'an address with a session is not banned' 60 protected
on host rm /run/systemd/sessions/1
soon 'when the session is over it is' 60 eval '! protected'
refract_stop
conf

# --- A child of another build ---
mkdir -p "$T/obj/sbin" "$T/obj/libexec/refract"
cp "$OBJ/sbin/refractd" "$T/obj/sbin"
cp "$OBJ/libexec/refract/"* "$T/obj/libexec/refract"
cat >"$T/obj/libexec/refract/refract-parser" <<EOF2
#!/bin/sh
exec "$OBJ/libexec/refract/refract-parser" "\$@" -B other
EOF2
chmod 755 "$T/obj/libexec/refract/refract-parser"
out=$(on host "$T/obj/sbin/refractd" -d -f "$REFRACT_CONF" 2>&1)
like 'a child of another build is refused' "$out" 'restart needed'
rm "$T/obj/libexec/refract/refract-parser"
out=$(on host "$T/obj/sbin/refractd" -d -f "$REFRACT_CONF" 2>&1)
like 'a missing helper is named' "$out" 'refract-parser: No such file'
is 'and nobody is left' "$(suite)" ''

# --- Into the background ---
# a /dev of its own, for a /dev/log of its own
on host sh -c 'mkdir /run/dev && mount -t tmpfs dev /run/dev &&
    cp -a /dev/null /dev/zero /dev/random /dev/urandom /run/dev &&
    mount --move /run/dev /dev'
# whose queue is so long that nothing is dropped
on host sysctl -qw net.unix.max_dgram_qlen=1000
spawn host syslog socat -u UNIX-RECV:/dev/log -
wait_for 60 on host test -S /dev/log
out=$(on host "$OBJ/sbin/refractd" -f "$REFRACT_CONF" 2>&1)
is 'in the background' $? 0
like 'it says that it is up' "$out" 'up: version'
p=$(on host cat /run/refract/refractd.pid)
ok 'it runs' on host kill -0 "$p"
ok 'and serves' ctl show
soon 'syslogd hears it' 60 grep -q "<..*refractd\[$p\]: up: version" \
    "$T/syslog.out"
signal syslog
reap syslog
on host rm -f /dev/log
mv "$T/syslog.out" "$T/syslog.1"
spawn host syslog socat -u UNIX-RECV:/dev/log -
wait_for 60 on host test -S /dev/log
ctl log verbose >/dev/null
on host kill -HUP "$p"
soon 'also after it was restarted' 60 grep -q 'reloaded: generation 2' \
    "$T/syslog.out"
on host kill -TERM "$p"
soon 'it stops' 60 gone "$p"
soon 'and says so' 60 grep -q 'stopped' "$T/syslog.out"
conf 'state "/var/lib/nowhere/refract"'
out=$(on host "$OBJ/sbin/refractd" -f "$REFRACT_CONF" 2>&1)
is 'a start that fails' $? 1
like 'says why' "$out" '/var/lib/nowhere/refract: No such file'
conf

# --- The control socket ---
on host python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/run/refract/control.sock")' ||
    note 'no python3'
refract_start
is 'a stale control socket is replaced' $? 0
refract_stop
spawn host squatter socat -u UNIX-LISTEN:/run/refract/control.sock,fork -
wait_for 60 on host test -S /run/refract/control.sock
out=$(on host "$OBJ/sbin/refractd" -d -f "$REFRACT_CONF" 2>&1)
like 'one that somebody answers on is not' "$out" 'somebody answers'
ok 'and stays' on host test -S /run/refract/control.sock
signal squatter
reap squatter

# --- Two instances ---
refract_start
conf 'instance "two"' >/dev/null
ok 'another instance runs beside it' \
    eval 'on host "$OBJ/sbin/refractd" -f "$REFRACT_CONF" -e "state \"/var/lib/two\"" 2>"$T/two.err"'
two=$(on host cat /run/refract/refractd-two.pid)
ok 'with sets of its own' on host ipset list -n refract4-two
on host kill "$two"
soon 'it ends' 60 gone "$two"
ok 'the first one is still there' ctl show
refract_stop

# --- Every trace ---
on host "$OBJ/sbin/refractd" -T -f "$REFRACT_CONF" >"$T/two.err" 2>&1
is 'the traces of the other instance are removed' $? 0
is 'and gone' "$(on host ipset list -n | grep -c two)" 0
ok 'the first has its sets' on host ipset list -n refract4
conf
on host ipset create refract_banned_users hash:net,port
on host iptables -I INPUT -m set --match-set refract_banned_users src,dst -j DROP
ok 'all traces' on host "$OBJ/sbin/refractd" -T -f "$REFRACT_CONF"
is 'no set is left' "$(on host ipset list -n)" ''
is 'no rule is left' "$(for i in iptables ip6tables; do
	for t in raw filter; do on host $i -t $t -S; done; done |
	grep -v '^-P')" ''
ok 'once more, when there is nothing' \
    on host "$OBJ/sbin/refractd" -T -f "$REFRACT_CONF"

done_testing
