#!/usr/bin/env bash
# make install and uninstall, into a directory: every path, nothing of the
# operator's touched.  What is installed is run from there by unit.t and
# container.t.
. "$(dirname "$0")/../lib.sh"
need_root
[[ -x $OBJ/sbin/refractd ]] || skip_all "refractd is not built"

D=$T/dest
mk() {
	make -s -C "$TOP" O="${OBJ##*/}" DESTDIR="$D" "$@" >"$T/make.out" 2>&1 ||
	    { diag "$(cat "$T/make.out")"; return 1; }
}
files() { (cd "$D" && find . -type f -o -type l | sort); }
mode() { stat -c %a "$D$1"; }

ok "make install with DESTDIR" mk install INIT=lsb
for f in sbin/refractd bin/refractctl libexec/refract/refract-parser \
    libexec/refract/refract-enforcer libexec/refract/refract-mux; do
	is "$f is a program" "$(mode "/usr/local/$f")" 755
done
for f in share/man/man5/refract.conf.5 share/man/man8/refractd.8 \
    share/man/man8/refractctl.8 share/man/man8/refract-parser.8 \
    share/man/man8/refract-enforcer.8 share/man/man8/refract-mux.8 \
    lib/systemd/system/refractd.service \
    lib/sysusers.d/refract.conf lib/tmpfiles.d/refract.conf \
    share/examples/refract/refract.conf share/examples/refract/Containerfile \
    share/examples/refract/compose.yaml share/examples/refract/xray.logrotate
do
	is "$f" "$(mode "/usr/local/$f")" 644
done
is "refract.conf is root's alone" "$(mode /etc/refract.conf)" 600
is "the init script can be run" "$(mode /etc/init.d/refractd)" 755
is "options of the service" "$(mode /etc/default/refract)" 644
is "logrotate" "$(mode /etc/logrotate.d/refract)" 644
ok "a place for logs" test -d "$D/var/log/refract"
is "nothing lies elsewhere" "$(files | grep -vE '^\./(usr/local|etc)/')" ""
is "no path is left to be filled in" "$(grep -rlE '@[a-z]+dir@' "$D")" ""
like "the unit starts what is installed" \
    "$(cat "$D/usr/local/lib/systemd/system/refractd.service")" \
    'ExecStart=/usr/local/sbin/refractd -d'

# Once more, over what the operator has changed.
echo '# mine' >>"$D/etc/refract.conf"
echo '# mine' >>"$D/etc/default/refract"
echo '# mine' >>"$D/etc/logrotate.d/refract"
cp -a "$D/etc" "$T/etc"
mkdir -p "$D/var/lib/refract" && echo decisions >"$D/var/lib/refract/ledger.db"
ok "make install again" mk install INIT=lsb
for f in refract.conf default/refract logrotate.d/refract; do
	ok "/etc/$f is untouched" cmp "$T/etc/$f" "$D/etc/$f"
done
ok "the new refract.conf lies beside it" test -f "$D/etc/refract.conf.new"
is "and nothing else does" "$(files | grep '\.new$')" "./etc/refract.conf.new"

# An unchanged file gains no copy.
cp "$D/etc/refract.conf.new" "$D/etc/refract.conf"
ok "make install over the shipped refract.conf" mk install INIT=lsb
nok "no refract.conf.new" test -e "$D/etc/refract.conf.new"

ok "make uninstall" mk uninstall
is "configuration, options and ledger stay, and nothing else" "$(files)" \
    "./etc/default/refract
./etc/refract.conf
./var/lib/refract/ledger.db"

# Other paths reach everything, the programs too: these are another build.
rm -rf "$D"
other=(O="obj-paths-$$" PREFIX=/opt/refract SYSCONFDIR=/opt/refract/etc
    LOCALSTATEDIR=/opt/refract/var)
ok "make install with other paths" mk install "${other[@]}" CFLAGS=-O0 \
    INIT=openrc
rm -rf "$TOP/obj-paths-$$"
is "nothing lies elsewhere" "$(files | grep -v '^\./opt/refract/')" ""
# A container has paths of its own.
is "no text names the usual places" "$(cd "$D" && grep -rnIE . . |
    grep -vE '/(Containerfile|compose.yaml):|/man/man[58]/' |
    sed 's,/opt/refract,,g' | grep -E '/usr/local/(s?bin|lib)' )" ""
is "nor the manuals" "$(cd "$D" && grep -rnIE . . |
    sed 's,/opt/refract/\(etc\|var\),,g' |
    grep -vE '/(Containerfile|compose.yaml):' |
    grep -E '/etc/(refract|default)|/var/(lib|log)/refract')" ""
like "OpenRC's script" "$(head -1 "$D/opt/refract/etc/init.d/refractd")" \
    openrc-run
ok "refractd finds its files" grep -q /opt/refract/etc/refract.conf \
    "$D/opt/refract/share/man/man8/refractd.8"
like "the programs too" "$("$D/opt/refract/sbin/refractd" -n 2>&1)" \
    /opt/refract/etc/refract.conf
ok "make uninstall with other paths" mk uninstall "${other[@]}"
is "only configuration stays" "$(files)" "./opt/refract/etc/default/refract
./opt/refract/etc/refract.conf"

ok "INIT=none" mk install INIT=none
nok "installs no init script" test -e "$D/etc/init.d"
done_testing
