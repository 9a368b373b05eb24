#!/bin/sh
# Make the users of the file given (sysusers.d(5), the lines "g" and "u" only)
# by systemd-sysusers, or where that is not by what there is: useradd(8) of
# most distributions, or adduser of BusyBox.
set -eu
file=$1

if command -v systemd-sysusers >/dev/null 2>&1 && [ -z "${NO_SYSUSERS-}" ]; then
	case $file in
	/*) ;;
	*) file=$PWD/$file ;;
	esac
	exec systemd-sysusers "$file"
fi

nologin=/sbin/nologin
[ -x /usr/sbin/nologin ] && nologin=/usr/sbin/nologin

add_group() {
	if command -v groupadd >/dev/null 2>&1; then
		groupadd -r "$1"
	else
		addgroup -S "$1"
	fi
}
add_user() {
	if command -v useradd >/dev/null 2>&1; then
		useradd -r -M -d / -s "$nologin" -g "$1" -c "$2" "$1"
	else
		adduser -S -D -H -h / -s "$nologin" -G "$1" -g "$2" "$1"
	fi
}

while read -r type name _ rest; do
	case $type in
	g|u) ;;
	*) continue ;;
	esac
	grep -q "^$name:" /etc/group || add_group "$name"
	[ "$type" = u ] || continue
	gecos=${rest#\"}
	grep -q "^$name:" /etc/passwd || add_user "$name" "${gecos%%\"*}"
done <"$file"
