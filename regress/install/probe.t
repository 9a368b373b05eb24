#!/usr/bin/env bash
# librefract-probe as a product: what make install-probe puts where, and the
# example, built against it by pkg-config alone, shared and static.
. "$(dirname "$0")/../lib.sh"
command -v pkg-config >/dev/null || skip_all "there is no pkg-config"

D=$T/dest
export PREFIX=/opt/probe
root=$D$PREFIX
# Who links it would need the sanitizers too; the usual build is what is shipped.
! grep -q __asan_init "$OBJ/sbin/refractd" || skip_all "a sanitized build"
mk() {
	make -s -C "$TOP" O="${OBJ##*/}" DESTDIR="$D" "$@" >"$T/make.out" 2>&1 ||
	    { diag "$(cat "$T/make.out")"; return 1; }
}
pc() {
	PKG_CONFIG_PATH=$root/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$D \
	    pkg-config "$@" refract-probe
}
# Beside flags that others like, to see that the header stands them.
build() {
	local out=$1; shift
	${CC:-cc} -O1 -Wall -Wextra -Werror -pedantic -std=c11 \
	    -D_POSIX_C_SOURCE=200809L -o "$out" \
	    "$root/share/examples/refract/probe-example.c" "$@"
}
who() { LD_LIBRARY_PATH=$root/lib "$T/shared"; }

ok "make install-probe" mk install-probe
for f in include/refract-probe.h include/refract-probe-udp.h \
    lib/librefract-probe.a lib/pkgconfig/refract-probe.pc \
    share/man/man3/refract-probe.3 share/man/man3/refract-probe-udp.3 \
    share/examples/refract/probe-example.c; do
	is "$f" "$(stat -c %a "$root/$f")" 644
done
is "the shared library has a number" \
    "$(readlink "$root/lib/librefract-probe.so")" librefract-probe.so.1
like "and says it" "$(readelf -d "$root/lib/librefract-probe.so.1")" \
    'SONAME.*librefract-probe\.so\.1\]'
is "pkg-config knows the version" "$(pc --modversion)" \
    "$(sed -n 's/^VERSION[^=]*= *//p' "$TOP/common/build.mk")"
is "and where it will be" "$(pc --variable=libdir)" "$D$PREFIX/lib"
is "no path is left to be filled in" "$(grep -rIE '@[a-z]+@' "$D")" ""

# Exactly the functions of the headers, in both libraries.
names() { sort -u | tr '\n' ' '; }
declared=$(cat "$root"/include/*.h | ${CC:-cc} -fpreprocessed -dD -E -P - |
    grep -oE '\brp_[a-z0-9_]+\(' | tr -d '(' | names)
is "the shared library has what the headers say and no more" \
    "$(nm -D --defined-only "$root/lib/librefract-probe.so.1" |
    awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | names)" "$declared"
is "the static library too" \
    "$(nm -g --defined-only "$root/lib/librefract-probe.a" |
    awk 'NF == 3 { print $3 }' | names)" "$declared"
is "no data is exported" \
    "$(nm -D --defined-only "$root/lib/librefract-probe.so.1" |
    awk '$2 != "T" && $2 != "A"')" ""

# shellcheck disable=SC2046
ok "the example, shared" build "$T/shared" $(pc --cflags --libs)
# shellcheck disable=SC2046
ok "the example, static" build "$T/static" $(pc --cflags) \
    -Wl,-Bstatic $(pc --libs) -Wl,-Bdynamic -lnettle
like "the first needs the library" "$(readelf -d "$T/shared")" \
    'NEEDED.*librefract-probe\.so\.1'
unlike "the other does not" "$(readelf -d "$T/static")" librefract-probe

is "ssh" "$(printf 'SSH-2.0-x\r\n' | who)" ssh
is "its own" "$(printf 'KNOCK 7 8 9\n' | who)" knock
is "http" "$(printf 'GET /a HTTP/1.1\r\nHost: x.example\r\n\r\n' | who)" \
    "http method GET host x.example path /a"
is "byte by byte" "$(for c in K N O C K ' ' 7; do
	printf %s "$c"; sleep 0.01; done | who)" knock
is "neither" "$(printf 'who knows\n' | who)" unknown
is "nothing" "$(who </dev/null)" unknown
is "static" "$(printf 'EHLO a\r\n' | "$T/static")" smtp
hello=$'\x16\x03\x01'
is "the beginning of a hello" "$(printf %s "$hello" | who)" unknown
is "a hello" "$(printf '%b' '\0026\003\001\0000\0272\001\0000\0000\0266' \
    '\003\003' "$(printf 'r%.0s' {1..32})" '\0000\0000\002\0000\0057\001' \
    '\0000\0000\0213\0000\0000\0000\0017\0000\0015\0000\0000' \
    '\0012google.com' | who)" "tls sni google.com"

# As a C++ program sees it.
if command -v "${CXX:-c++}" >/dev/null; then
	printf '#include <refract-probe-udp.h>\nint main() { return 0; }\n' \
	    >"$T/a.cc"
	# shellcheck disable=SC2046
	ok "the headers in C++" "${CXX:-c++}" -Wall -Wextra -Werror \
	    -o "$T/a" "$T/a.cc" $(pc --cflags)
fi

ok "make uninstall" mk uninstall
is "takes it away" "$(find "$root" -type f -o -type l)" ""
done_testing
