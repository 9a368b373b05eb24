#!/usr/bin/env bash
# Each process of a running refractd, made to do what its row does not allow:
# it is refused or killed, and a killed one ends the suite with its name.
. "$(dirname "$0")/../lib.sh"
need_refract

INJECT=$OBJ/regress/sandbox/inject
[[ -x $INJECT ]] || skip_all "regress/sandbox/inject is not built"

LOG=$T/access.log
: >"$LOG"
refract_conf <<-EOT
	watch "xray" {
		source file "$LOG"
		format xray
		ban newest for 10m on tcp port 443
	}
	listen "front" on 127.0.0.1 tcp port 443 {
		ssh to 127.0.0.1 port 22
	}
EOT
machine host

# Who is called what in the list of processes.
declare -A PROCESS=([rules]='^refractd: rules' [ledger]='^refractd: ledger'
	[control]='^refractd: control' [enforcer]=^refract-enforcer
	[parser]=^refract-parser [mux]=^refract-mux)

# A sanitizer's report needs these answered, by an error: see common/filter.c.
SANITIZED=
if grep -q __asan_init "$OBJ/sbin/refractd"; then
	SANITIZED=' open openat ioctl clone prctl readlink readlinkat '
fi

start() { running refractd || refract_start; }

# inject ROLE CALL [ARGS]: what came of it.  SIBLING is the control process.
inject() {
	local pid
	pid=$(child_pid "${PROCESS[$1]}") || return 1
	shift
	on host timeout 60 "$INJECT" "$pid" "${@/SIBLING/$SIBLING}"
}
sibling() { SIBLING=$(child_pid "${PROCESS[$1]}") && [[ -n $SIBLING ]]; }

# killed ROLE CALL [ARGS]: that kills it, and refractd ends and says who died.
killed() {
	local role=$1 name="$1 dies of ${*:2}"
	if [[ $SANITIZED == *" $2 "* ]]; then refused "$@"; return; fi
	start || { fail "$name: refractd starts"; return; }
	sibling "$([[ $role == control ]] && echo parser || echo control)"
	is "$name" "$(inject "$@")" 'killed by SIGSYS'
	wait_for 60 not running refractd
	nok "... and refractd ends" running refractd
	soon "... naming it" 60 logged "$role.*(died|killed).*signal 31"
}
# refused ROLE CALL [ARGS]: an error, and it lives on.
refused() {
	local name="$1 is refused ${*:2}"
	start || { fail "$name: refractd starts"; return; }
	sibling control
	like "$name" "$(inject "$@")" '^error '
}

for role in enforcer control parser mux; do
	killed $role openat -100 /etc/passwd 0
	killed $role socket 2 3 255
	killed $role execve /bin/true 0 0
	killed $role setuid 0
	killed $role kill SIBLING 9
	killed $role clone 17 0 0 0 0
	killed $role capset 0 0
done
killed control mmap 0 4096 7 0x22 -1 0
killed enforcer mprotect 0 4096 5
killed mux mprotect 0 4096 5
killed mux listen 0 5
killed mux socket 16 3 0
killed mux pipe2 0 0
killed parser memfd_create x 0
killed parser inotify_rm_watch 0 0

refused ledger openat -100 /etc/passwd 0
refused ledger openat -100 ../../etc/passwd 0
refused ledger openat -100 /proc/self/status 0
killed ledger socket 1 1 0
killed ledger execve /bin/true 0 0
killed ledger setuid 0
killed ledger kill SIBLING 9
killed ledger mmap 0 4096 7 0x22 -1 0

refused rules kill SIBLING 9
refused rules ptrace 0x4206 SIBLING 0 0
refused rules openat -100 /etc/refract-test 0x41 0600
refused rules socket 1 1 0
refused rules setresuid 1 1 1
refused rules mount none /tmp tmpfs 0 0
refused rules chroot /tmp
refused rules bpf 0 0 0
refused rules unshare 0x10000000
start
ok 'after all of that it still stops in order' refract_stop
is 'and leaves no process' "$(on host pgrep -c refract || :)" 0
done_testing
