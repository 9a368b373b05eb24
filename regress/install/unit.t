#!/usr/bin/env bash
# The systemd unit: is read without complaint, orders without a cycle, and the
# daemon starts and bans under what the unit allows.  systemd is not needed as
# process 1: its directives are read from the unit and done by hand, and what
# is left of them (system calls, address families) is checked on a trace.
. "$(dirname "$0")/../lib.sh"
need_refract
need systemd-analyze setpriv prlimit strace

# The unit as installed, with this build's programs.
mkdir -p "$T/units"
unit=$T/units/refractd.service
sed -e "s,@sbindir@,$OBJ/sbin,; s,@bindir@,$OBJ/bin," \
    -e 's,@sysconfdir@,/etc,; s,@localstatedir@,/var,g' \
    "$TOP/etc/refractd.service" >"$unit"
# directive NAME: its values
directive() { sed -n "s/^$1=//p" "$unit" | xargs; }

out=$(systemd-analyze verify --man=no "$unit" 2>&1)
is "systemd-analyze verify" $? 0
is "and has nothing to say" "$out" ""

# Where cloud-init runs between the network and sysinit.target, a unit that
# comes before the network and has the default dependencies is a cycle.
cat >"$T/units/cloud.service" <<EOF
[Unit]
DefaultDependencies=no
After=net.service
Before=sysinit.target
[Service]
ExecStart=/bin/true
EOF
cat >"$T/units/net.service" <<EOF
[Unit]
DefaultDependencies=no
After=network-pre.target
Wants=refractd.service cloud.service sysinit.target
[Service]
ExecStart=/bin/true
EOF
cycle() {
	SYSTEMD_UNIT_PATH=$T/units: systemd-analyze verify --man=no \
	    "$T/units/net.service" "$T/units/cloud.service" "$unit" 2>&1 |
	    grep -i cycle
}
is "no ordering cycle with cloud-init" "$(cycle)" ""
sed -i.bak '/^DefaultDependencies=/d' "$unit"
like "and this test would see one" "$(cycle)" '[Cc]ycle'
mv "$unit.bak" "$unit"

is "restarts at once" "$(directive Restart) $(directive RestartSec)" \
    "always 100ms"
is "and without a limit" "$(directive StartLimitIntervalSec)" 0
for d in PrivateUsers PrivateNetwork PrivateTmp ProtectProc \
    MemoryDenyWriteExecute; do
	ok "$d is left out and explained" grep -q "^# .*$d" "$unit"
	is "$d is left out" "$(directive $d)" ""
done

# --- The daemon under it ---------------------------------------------------

machine host
caps=$(directive CapabilityBoundingSet | tr ' ' '\n' |
    sed 's/^CAP_//' | tr 'A-Z\n' 'a-z ')
# shellcheck disable=SC2086
bounding=-all$(printf ',+%s' $caps)

# What ProtectSystem=strict, ReadWritePaths and ProtectKernelTunables mean.
confine() {
	local d
	set -e
	mkdir -p /var/lib/refract
	chown _refractl:_refractl /var/lib/refract
	chmod 700 /var/lib/refract
	for d; do mount --bind "$d" "$d"; done
	mount -o remount,bind,ro /
	mount -o remount,bind,ro /var/lib
	mount --bind /proc/sys /proc/sys
	mount -o remount,bind,ro /proc/sys
}
# shellcheck disable=SC2046
ok "the unit's file system" on host bash -c "$(declare -f confine)
    confine \"\$@\"" confine "$T" $(directive ReadWritePaths | tr -d - |
    tr ' ' '\n' | grep -vx /run)
nok "is read-only" on host touch /etc/refract.test
nok "beside the ledger's directory too" on host mkdir /var/lib/other

log=$T/access.log
: >"$log"
refract_conf <<EOF
log bans "$T/bans.log"
watch "xray" {
	source file "$log"
	format xray
	limit 1 address per user within 5s
	ban newest for 1m on tcp port 443
}
EOF
nofile=$(directive LimitNOFILE)
# Where this machine's own limit cannot be raised, as high as it goes.
prlimit --nofile="$nofile:$nofile" true 2>/dev/null || nofile=$(ulimit -Hn)
confined=(prlimit --nofile="$nofile:$nofile" setpriv --no-new-privs
    --inh-caps=-all --bounding-set "$bounding")
REFRACT_AS=(strace -D -f -qq -o "$T/trace" "${confined[@]}")
ok "starts under the unit's restrictions" refract_start
is "with the unit's limit of descriptors" \
    "$(on host awk '/^Max open files/ { print $4 }' \
    "/proc/$(spawn_pid refractd)/limits")" "$nofile"
xray_line "$log" 198.51.100.1:1000 alice
xray_line "$log" 198.51.100.2:1000 alice
soon "bans under them" 60 in_set refract4p 198.51.100.2,tcp:443
like "rules and sets stand" "$(on host iptables-save -t raw)" refract4p
ok "ExecReload is answered" on host "${confined[@]}" "$OBJ/bin/refractctl" reload
sed -i 's/ban newest/ban nobody/' "$REFRACT_CONF"
nok "and a refused one fails" on host "${confined[@]}" \
    "$OBJ/bin/refractctl" reload
is "stops" "$(refract_stop)$?" 0
like "said so to the service manager" "$(cat "$T/notify.out")" STOPPING=1

# The rest of the unit, on what all processes did, iptables included.
expand() {
	local s
	for s; do
		case $s in
		@*) # shellcheck disable=SC2046
			expand $(systemd-analyze syscall-filter "$s" |
			    sed -n 's/^    \([-@a-z0-9_]*\)$/\1/p') ;;
		*) echo "$s" ;;
		esac
	done
}
# shellcheck disable=SC2046
expand $(directive SystemCallFilter) | sort -u >"$T/allowed"
sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' "$T/trace" | sort -u >"$T/called"
ok "the trace shows the children at work" grep -qx chroot "$T/called"
is "SystemCallFilter allows every call" \
    "$(comm -13 "$T/allowed" "$T/called")" ""
families=$(directive RestrictAddressFamilies | tr ' ' '|')
is "RestrictAddressFamilies allows every socket" \
    "$(grep -oE '[0-9]+ +socket(pair)?\([A-Z0-9_]*' "$T/trace" |
    grep -vE "($families)\$")" ""
is "RestrictNamespaces: no process wants one" \
    "$(grep -E '\b(unshare|setns|clone3?)\(.*CLONE_NEW' "$T/trace")" ""
is "PrivateDevices has every device that is opened" \
    "$(grep -oE 'open(at)?\([^"]*"/dev/[^"]*"' "$T/trace" |
    grep -vE '"/dev/(null|urandom|random|log|tty)"')" ""
is "RestrictSUIDSGID: no such file is made" \
    "$(grep -E 'chmod.*, 0[4267][0-7]{3}\)' "$T/trace")" ""
done_testing
