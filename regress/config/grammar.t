#!/usr/bin/env bash
# The language by example.  NAME.in is read with the options of NAME.args (one
# a line); then either it is refused with exactly NAME.err, or it is printed
# as NAME.ok, warnings as in NAME.warn, and what was printed reads as itself.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

good() {
	local name=$1 args=()
	[[ -f $name.args ]] && mapfile -t args <"$name.args"
	read_conf "$name" -f "$name.in" "${args[@]}" || :
	is "$name: accepted" "$(cat "$name.said")" \
	    "$([[ -f $name.warn ]] && cat "$name.warn"; echo 'configuration OK')"
	is "$name: printed" "$(sed "s,\"$T/,\"," "$name.out")" \
	    "$(cat "$name.ok")"
	read_conf again -f "$name.out" || :
	is "$name: what is printed reads as itself" \
	    "$(cat again.out)" "$(cat "$name.out")"
}

bad() {
	local name=$1 args=()
	[[ -f $name.args ]] && mapfile -t args <"$name.args"
	nok "$name: refused" read_conf "$name" -f "$name.in" "${args[@]}"
	is "$name: every error is told" "$(cat "$name.said")" \
	    "$(cat "$name.err")"
}

for f in *.in; do
	if [[ $f == tzdata.in && ! -e /usr/share/zoneinfo/Europe/Berlin ]]; then
		skip 3 "a zone by name" "tzdata is not installed"
		continue
	fi
	if [[ -f ${f%.in}.err ]]; then
		bad "${f%.in}"
	else
		good "${f%.in}"
	fi
done

is "the defaults, said, change nothing" "$(cat defaults.ok)" \
    "$(cat minimal.ok)"
done_testing
