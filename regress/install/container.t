#!/usr/bin/env bash
# The container: what the image needs is in it, and the daemon does its work
# as process 1 with exactly Docker's default capabilities and NET_ADMIN, its
# log directory mounted read-only.
. "$(dirname "$0")/../lib.sh"
need_refract
need setpriv dpkg ldd

docker_default="CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID
    SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE"
compose=$TOP/etc/compose.yaml

is "compose.yaml adds one capability" \
    "$(sed -n '/cap_add:/,/^    [a-z]/s/^      - //p' "$compose")" NET_ADMIN
like "and the host's network" "$(cat "$compose")" 'network_mode: host'
like "logs are read-only" "$(cat "$compose")" '/var/log/xray:/var/log/xray:ro'
like "health is asked by refractctl" "$(cat "$compose")" \
    '"CMD", "refractctl", "show"'
for f in common refractd refract-parser refract-enforcer refract-mux etc \
    Makefile .ci; do
	ok "$f is copied to be built" grep -Eq "^COPY.* $f( |\$)" \
	    "$TOP/etc/Containerfile"
done

# Every library of the programs belongs to a package of the second stage.
libs() {
	ldd "$OBJ"/sbin/* "$OBJ"/bin/* "$OBJ"/libexec/refract/* |
	    sed -n 's/.* => \(\/[^ ]*\).*/\1/p' | sort -u | while read -r l; do
		dpkg -S "$(readlink -f "$l")" 2>/dev/null ||
		    dpkg -S "$l" || dpkg -S "${l#/usr}"
	done 2>/dev/null | cut -d: -f1 | sort -u
}
if grep -q '^ID=debian' /etc/os-release && [[ -z ${SANITIZE-} ]] &&
    ! ldd "$OBJ/sbin/refractd" | grep -q asan; then
	# What these need is theirs to say.
	is "the image has every library" "$(libs | while read -r p; do
		grep -qw -- "$p" "$TOP/etc/Containerfile" && continue
		case $p in
		libc6|libgcc-s1|libmd0|libcap-ng0|libtinfo6) ;;
		*) echo "$p" ;;
		esac; done)" ""
else
	skip 1 "libraries" "not Debian, or a sanitized build"
fi

# --- It runs ---------------------------------------------------------------

machine host
# shellcheck disable=SC2086
bounding=-all$(printf ',+%s' $docker_default NET_ADMIN | tr A-Z a-z)
mkdir "$T/xray"
echo >"$T/xray/access.log"
chown -R nobody:nogroup "$T/xray"
chmod 700 "$T/xray"
chmod 600 "$T/xray/access.log"
on host mkdir -p /var/lib/refract
on host mount --bind "$T/xray" "$T/xray"
on host mount -o remount,bind,ro "$T/xray"
nok "the log directory is read-only" on host touch "$T/xray/access.log"

refract_conf <<EOF
watch "xray" {
	source file "$T/xray/access.log"
	format xray
	limit 1 address per user within 5s
	ban newest for 1m on tcp port 443
}
EOF
# As an engine does it: process 1 of its own processes.
cat >"$T/pid1" <<'EOF'
#!/bin/bash
# Starts the command as process 1, passes SIGTERM on and ends as it does.
unshare -p -f --mount-proc --kill-child=KILL "$@" &
child=$!
trap 'kill -TERM "$(cat /proc/$child/task/$child/children)"' TERM
while kill -0 $child 2>/dev/null; do wait $child; status=$?; done
exit $status
EOF
chmod 755 "$T/pid1"
REFRACT_AS=("$T/pid1" setpriv --no-new-privs --inh-caps=-all
    --bounding-set "$bounding")
ok "starts with Docker's default capabilities and NET_ADMIN" refract_start
ok "refractctl show is a health check" ctl show
xray_line "$T/xray/access.log" 198.51.100.1:1000 alice
xray_line "$T/xray/access.log" 198.51.100.2:1000 alice
xray_line "$T/xray/access.log" '[2001:db8::1]:1000' bob
xray_line "$T/xray/access.log" '[2001:db8:0:1::2]:1000' bob
soon "reads a log that only its writer may read, and bans" 60 \
    in_set refract4p 198.51.100.2,tcp:443
soon "IPv6 too" 60 in_set refract6p 2001:db8:0:1::/64,tcp:443
is "stops as process 1" "$(refract_stop)$?" 0
nok "refractctl says that it does not run" ctl show

# Without what the first process needs: refused by name.
REFRACT_AS=(setpriv --no-new-privs --inh-caps=-all --bounding-set
    "${bounding/,+net_admin/}")
nok "does not start without NET_ADMIN" refract_start
soon "and says so" 60 logged 'NET_ADMIN'
done_testing
