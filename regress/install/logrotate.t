#!/usr/bin/env bash
# What is installed for logrotate is read by it, rotates, and tells refractd.
. "$(dirname "$0")/../lib.sh"
need_root
need logrotate unshare

sed -e "s,@localstatedir@,$T/var,g" -e "s,@bindir@,$T,g" \
    -e "s,/run/refract,$T,g" "$TOP/etc/refract.logrotate" >"$T/conf"
sed "s,/var/log/xray,$T/xray,g" "$TOP/etc/xray.logrotate" >"$T/xray.conf"
chmod 644 "$T/conf" "$T/xray.conf"
mkdir -p "$T/var/log/refract" "$T/xray"
echo one >"$T/var/log/refract/bans.log"
echo one >"$T/xray/access.log"
printf '#!/bin/sh\necho "$*" >>%s/asked\n' "$T" >"$T/refractctl"
printf '#!/bin/sh\necho "$*" >>%s/xray.asked\n' "$T" >"$T/xray.cmd"
mkdir "$T/bin" && mv "$T/xray.cmd" "$T/bin/xray"
chmod 755 "$T/refractctl" "$T/bin/xray"

for f in conf xray.conf; do
	out=$(logrotate -d -s "$T/state" "$T/$f" 2>&1)
	is "$f: is read (logrotate -d)" $? 0
	unlike "$f: without an error" "$out" 'error:|unknown option'
done

ok "rotates without a daemon" logrotate -f -s "$T/state" "$T/conf"
ok "the log was renamed" test -e "$T/var/log/refract/bans.log.1"
nok "nobody was asked" test -e "$T/asked"

socat -u "UNIX-LISTEN:$T/control.sock" - >/dev/null 2>&1 &
wait_for 60 test -S "$T/control.sock"
echo two >"$T/var/log/refract/bans.log"
ok "rotates with a daemon" logrotate -f -s "$T/state" "$T/conf"
is "which is asked to open its logs again, once" "$(cat "$T/asked")" reopen
kill $! 2>/dev/null

ok "Xray's logs rotate" env PATH="$T/bin:$PATH" \
    logrotate -f -s "$T/state" "$T/xray.conf"
is "and Xray is told" "$(cat "$T/xray.asked")" \
    "api restartlogger --server=127.0.0.1:10085"
done_testing
