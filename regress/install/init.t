#!/usr/bin/env bash
# The scripts for systems without systemd.  The LSB script starts, asks and
# stops a real daemon; OpenRC's is read by a shell with openrc-run's place
# taken by this test.
. "$(dirname "$0")/../lib.sh"
need_refract

machine host
mkdir -p "$T/etc/default"
fill() {
	sed -e "s,@sbindir@,$OBJ/sbin,; s,@bindir@,$OBJ/bin," \
	    -e "s,@sysconfdir@,$T/etc,g" "$TOP/etc/$1" >"$T/$1"
	chmod 755 "$T/$1"
}
refract_conf <<EOF
watch "xray" {
	source file "$T/access.log"
	format xray
	limit 1 address per user within 5s
	ban newest for 1m on tcp port 443
}
EOF
cat >"$T/etc/default/refract" <<EOF
REFRACTD_OPTS="-f $REFRACT_CONF"
REFRACTCTL_OPTS=""
EOF

fill refractd.lsb
rc() { on host "$T/refractd.lsb" "$@"; }
status() { rc status >/dev/null 2>&1; echo $?; }

is "status before the start: 3" "$(status)" 3
ok "start" timeout 60 nsenter -t "${MACHINE_PID[host]}" -m -n -p \
    "$T/refractd.lsb" start
is "status: 0" "$(status)" 0
ok "the daemon answers" ctl show
pid=$(on host cat /run/refract/refractd.pid)
ok "start again is good" rc start
is "and starts nothing" "$(on host cat /run/refract/refractd.pid)" "$pid"
ok "reload" rc reload
ok "restart" rc restart
is "status: 0" "$(status)" 0
nok "it is another one" test "$(on host cat /run/refract/refractd.pid)" = "$pid"
ok "stop" rc stop
is "status: 3" "$(status)" 3
is "no process is left" "$(on host pgrep -l refract)" ""
ok "stop again is good" rc stop
ok "start" rc start
on host kill -9 "$(on host cat /run/refract/refractd.pid)"
wait_for 60 not on host pgrep refract
is "status after kill -9: dead, with its file left" "$(status)" 1
ok "start after kill -9" rc start
ok "stop" rc stop
rc nonsense >/dev/null 2>&1
is "usage" $? 2

fill refractd.openrc
like "OpenRC: options, in the foreground" "$(bash -c '. "$1"
    echo "$command $command_args $supervisor"' - "$T/refractd.openrc")" \
    "/sbin/refractd -d -f $REFRACT_CONF supervise-daemon"
ok "OpenRC: checkconfig" on host bash -c '. "$1"; checkconfig' - \
    "$T/refractd.openrc"
done_testing
