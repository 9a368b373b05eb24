#!/usr/bin/env bash
# Whom `protect sessions` spares: an address that somebody is logged in from,
# as utmp and logind know it.  An open connection to sshd protects nobody: who
# is guessing a password is banned in the middle of it.
# shellcheck disable=SC2119
. "$(dirname "$0")/../lib.sh"
need_refract
need ssh sshd ssh-keygen python3

V4=203.0.113
V6=2001:db8:0
HOST=$T/host.log
PORT=$T/port.log
machine host
machine net
ok 'a network' link host eth0 "$V4.1/24 $V6:1::1/48" net eth0 \
    "$V4.7/24 $V4.8/24 $V4.9/24 $V4.10/24 $V6:7::7/48 $V6:9::9/48"
: >"$HOST"
: >"$PORT"
refract_conf <<EOT
ban { protect sessions }
watch "host" {
	source file "$HOST"
	format xray
	ban newest for 10m
}
watch "port" {
	source file "$PORT"
	format xray
	ban newest for 10m on tcp port 443
}
EOT

# logged_in ADDR ...: what utmp says, all of it.
logged_in() {
	on host python3 - "$@" <<-'EOT'
	import struct, sys
	with open("/run/utmp.new", "wb") as f:
	    for host in sys.argv[1:]:
	        f.write(struct.pack("=hxxi32s4s32s256shhiii16s20s", 7, 1,
	            b"pts/0", b"ts/0", b"admin", host.encode(),
	            0, 0, 0, 1700000000, 0, b"", b""))
	EOT
	on host mv /run/utmp.new /run/utmp
}
# twice LOG USER FIRST SECOND: a line of each.
twice() {
	xray_line "$1" "$3" "$2"
	xray_line "$1" "$4" "$2"
}
history_of() { ctl show history "$1"; }
# spared ADDR: it is known by now that somebody is logged in from there.
spared() {
	local out
	out=$(ctl ban "$1" for 10m 2>&1)
	ctl unban "$1" >/dev/null 2>&1
	[[ $out == *protected* || $out == *'logged in'* ]]
}

ssh-keygen -q -t ed25519 -N '' -f "$T/key"
on host mkdir /run/sshd
cat >"$T/sshd_config" <<EOT
HostKey $T/key
PidFile none
PasswordAuthentication yes
LoginGraceTime 600
PermitRootLogin yes
EOT
spawn host sshd "$(type -P sshd)" -D -e -f "$T/sshd_config"
ok 'sshd' wait_for 60 listening host 22
logged_in $V4.9
ok 'refractd starts' refract_start || done_testing

# --- Somebody who is asked for a password just now ---
cat >"$T/askpass" <<EOT
#!/bin/sh
echo "\$*" >>"$T/asked"
exec sleep 600
EOT
chmod 755 "$T/askpass"
spawn net guesser env DISPLAY=:0 SSH_ASKPASS="$T/askpass" \
    SSH_ASKPASS_REQUIRE=force ssh -F none -b $V4.8 \
    -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o PreferredAuthentications=password,keyboard-interactive root@$V4.1
soon 'the guesser is asked for a password' 60 grep -qi password "$T/asked"
twice "$HOST" guess $V4.7:1 $V4.8:2
soon 'he is banned in mid-guess' 60 in_set refract4 $V4.8
soon 'his connection is gone' 60 eval \
    '[[ -z $(on host ss -Hnt state established "dst [::ffff:$V4.8] or dst $V4.8") ]]'

# --- Somebody who is logged in ---
twice "$HOST" admin $V4.7:3 $V4.9:4
soon 'who is logged in is spared' 60 eval \
    'history_of $V4.9 | grep -q protected'
nok 'and is not in the set' in_set refract4 $V4.9
nok 'the operator cannot do it either' ctl ban $V4.9
nok 'so it is not in the set' in_set refract4 $V4.9
twice "$PORT" admin $V4.7:5 $V4.9:6
soon 'a ban on a port is not a lock-out' 60 in_set refract4p "$V4.9,tcp:443"

# --- logind, IPv6, and a login while we run ---
on host mkdir -p /run/systemd/sessions
on host sh -c "cat >/run/systemd/sessions/.5" <<EOT
UID=0
ACTIVE=1
STATE=active
REMOTE=1
REMOTE_HOST=$V6:9::9
CLASS=user
EOT
on host mv /run/systemd/sessions/.5 /run/systemd/sessions/5
soon 'it is seen' 60 spared "$V6:9::9"
twice "$HOST" admin6 "[$V6:7::7]:7" "[$V6:9::9]:8"
soon 'a login while we run, IPv6' 60 eval \
    'history_of $V6:9::9 | grep -q protected'
nok 'its /64 is not in the set' in_set refract6 "$V6:9::/64"

# --- And logged out ---
logged_in $V4.10
on host rm /run/systemd/sessions/5
soon 'that is seen' 60 spared $V4.10
ctl forgive $V4.9 >/dev/null
xray_line "$HOST" $V4.7:9 admin
xray_line "$HOST" $V4.9:10 admin
soon 'who has logged out is banned' 60 in_set refract4 $V4.9
nok 'who is logged in now is not' ctl ban $V4.10

is 'stop' "$(refract_stop; echo $?)" 0
done_testing
