# shellcheck shell=bash
# For tests of refract-enforcer alone: a harness plays its parent and siblings
# (enforcer_harness.c says what it understands).  Source it after lib.sh.

flock "$OBJ" make -s -C "$TOP/regress/netns" O="${OBJ##*/}" TESTS=enforcer_harness >&2 ||
    skip_all "the harness does not build"
[[ -x $OBJ/libexec/refract/refract-enforcer ]] ||
    skip_all "refract-enforcer is not built"

declare -A H_FD H_MARK

# harness MACHINE NAME [-R]: start one.  HARNESS_AS: what starts it (env).
HARNESS_AS=(env)
harness() {
	local fd
	on "$1" mkdir -p /run/refract/empty
	rm -f "$T/$2.in" && mkfifo "$T/$2.in" || return 1
	# shellcheck disable=SC2016
	spawn "$1" "$2" "${HARNESS_AS[@]}" bash -c 'exec "$1" ${3:+"$3"} "$2" <"$0"' "$T/$2.in" \
	    "$OBJ/regress/netns/enforcer_harness" \
	    "$OBJ/libexec/refract/refract-enforcer" ${3:+"$3"} || return 1
	exec {fd}<>"$T/$2.in"
	H_FD[$2]=$fd
	H_MARK[$2]=1
	wait_for 60 grep -q M_READY "$T/$2.out"
}

# h NAME COMMAND: tell it something; what it said before does not count.
h() {
	mark "$1"
	echo "$2" >&"${H_FD[$1]}"
}
mark() { H_MARK[$1]=$(($(wc -l <"$T/$1.out") + 1)); }
h_heard() { tail -n +"${H_MARK[$1]}" "$T/$1.out" | grep -Eq -- "$2"; }
# said NAME REGEX [SECONDS]: it says so, since the last command.
said() { wait_for "${3:-60}" h_heard "$1" "$2" || { tail -n +"${H_MARK[$1]}" "$T/$1.out" | tail -15; tail -5 "$T/$1.err"; return 1; }; }
# h_end NAME: kill it and what it plays with.
h_end() {
	local fd=${H_FD[$1]}
	exec {fd}>&-
	signal "$1" KILL 2>/dev/null
	reap "$1"
	wait_for 60 not on "$REFRACT_ON" pgrep -x refract-enforce -f libexec/refract/refract-enforcer$
}
