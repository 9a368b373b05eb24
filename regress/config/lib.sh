# shellcheck shell=bash
# What the tests of the language share: a copy of the examples that belongs to
# the caller, and refractd -nv as somebody who is not root, so that only the
# language is checked and not the host.

cp -R "$TOP/regress/config/"* "$T"
install -m 755 "$OBJ/sbin/refractd" "$T/refractd"
chmod -R u+rw,go-w,a+rX "$T"
cd "$T" || exit 1

AS=()
[[ $EUID -eq 0 ]] &&
    AS=(setpriv --reuid nobody --regid nogroup --clear-groups)

# read_conf NAME OPTION...: what it prints in NAME.out, what it says in
# NAME.said; its exit status.
read_conf() {
	local name=$1 status
	shift
	"${AS[@]}" ./refractd -nv "$@" >"$name.out" 2>"$name.raw"
	status=$?
	sed 's/^refractd: //' "$name.raw" >"$name.said"
	return "$status"
}
