#!/usr/bin/env bash
# The users of the suite, made by systemd-sysusers or by what there is without
# it, in an /etc of this test's own.
. "$(dirname "$0")/../lib.sh"
need_root
need unshare useradd groupadd

# in_etc WAY CMD...: an /etc with files that know nobody of refract.
in_etc() {
	local dir=$T/$1
	shift
	if [[ ! -d $dir ]]; then
		mkdir -p "$dir"
		grep -v refract /etc/passwd >"$dir/passwd"
		grep -v refract /etc/group >"$dir/group"
		grep -v refract /etc/shadow >"$dir/shadow"
		grep -v refract /etc/gshadow >"$dir/gshadow"
		cp /etc/login.defs "$dir"
		[[ ! -e /etc/nsswitch.conf ]] || cp /etc/nsswitch.conf "$dir"
	fi
	# shellcheck disable=SC2016
	unshare -m bash -c 'mount --bind "$0" /etc && exec "$@"' "$dir" "$@"
}
names() { awk -F: '/^_?refract/ { print $1 }' "$T/$1/$2" | sort | xargs; }
wanted="_refract _refracte _refractl _refractm _refractp _refractx"

check_way() {
	local way=$1 name _ uid gid home shell
	shift
	ok "$way: makes the users" in_etc "$way" "$@"
	ok "$way: and again, changing nothing" in_etc "$way" "$@"
	is "$way: users" "$(names "$way" passwd)" "$wanted"
	is "$way: groups" "$(names "$way" group)" "$wanted refract"
	while IFS=: read -r name _ uid gid _ home shell; do
		[[ $name == _refract* ]] || continue
		ok "$way: $name is a system user" test "$uid" -gt 0 -a "$uid" -lt 1000
		is "$way: $name's group is its own" \
		    "$(awk -F: -v g="$gid" '$3 == g { print $1 }' \
		    "$T/$way/group")" "$name"
		like "$way: $name cannot log in" "$shell" '/nologin$'
		is "$way: $name has no home" "$home" /
	done <"$T/$way/passwd"
	is "$way: no two share an id" "$(cut -d: -f3 "$T/$way/passwd" |
	    sort | uniq -d)" ""
}

if type -P systemd-sysusers >/dev/null; then
	check_way sysusers "$TOP/etc/users.sh" "$TOP/etc/refract.sysusers"
else
	skip 29 "systemd-sysusers" "it is not installed"
fi
check_way useradd env NO_SYSUSERS=1 "$TOP/etc/users.sh" \
    "$TOP/etc/refract.sysusers"
is "every user of the sandbox's table is made, and who runs commands" \
    "$(grep -oh '"_refract[a-z]*"' "$TOP/common/sandbox.c" \
    "$TOP/refractd/spawn.h" | tr -d '"' | sort -u |
    grep -vxFf <(awk '$1 == "u" { print $2 }' "$TOP/etc/refract.sysusers"))" ""
done_testing
