#!/usr/bin/env bash
# What the mux is accepted by: a list of which test proves which point, and
# the tests of those that no other has.  LONG=1 (make torture): ten times as
# many bytes, fifty times as much garbage.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3
[[ -x $OBJ/libexec/refract/refract-mux ]] || skip_all "the mux is not built"

WORK=$TOP/regress/netns/mux_accept.py
BYTES=1000000000 GARBAGE=2000
[[ -n ${LONG-} ]] && BYTES=10000000000 GARBAGE=100000
# A sanitizer's memory is not ours.
SANITIZED=$(grep -c __asan_init "$OBJ/libexec/refract/refract-mux")

# --- What proves what ------------------------------------------------------
#
# point|file|the test's name in it, or its function.  "Same input" is the
# comparison of products: each of its lines has the one right answer here.

while IFS='|' read -r point file name; do
	ok "$point: $file" grep -qF -- "$name" "$TOP/regress/$file"
done <<'EOT'
A1 no input crashes a probe|fuzz/probe.c|LLVMFuzzerTestOneInput
A1 nor a PROXY header|fuzz/proxy.c|LLVMFuzzerTestOneInput
A1 nor a name server's answer|fuzz/answer.c|LLVMFuzzerTestOneInput
A1 lengths that lie|unit/probe_tls.c|static void
A1 anything by the wire|netns/mux_accept.t|garbage: each came to an end
A2 same input: hello, 1 record|netns/mux.py|'hello':
A2 same input: hello in 2 TLS records|netns/mux.py|'hello_two_records':
A2 same input: cut inside SNI, 2 segments|netns/mux.py|'hello_cut_in_sni':
A2 same input: SNI behind 1216-byte extension|netns/mux.py|'sni_far':
A2 same input: SNI upper case|netns/mux.py|'sni_upper':
A2 same input: SNI trailing dot|netns/mux.py|'sni_dot':
A2 same input: SNI "a.example.com\0.evil"|netns/mux.py|'sni_nul':
A2 same input: half-close by client|netns/mux.t|half-close by the client: the answer comes
A2 same input: silent client|netns/mux.t|who is silent is answered after 1 s
A2 same input: hello + early data|netns/mux.py|'early_data':
A2 CCS behind a hello|netns/mux.py|'ccs':
A2 no extensions|netns/mux.py|'no_sni':
A2 post-quantum lengths|netns/mux.py|'hello_long':
A2 records of any length|netns/mux.py|'hello_small_records':
A2 real hellos: curl, openssl|netns/mux_real.t|openssl s_client: a hello of 8 KB
A3 idle cost|netns/mux_offence.t|nobody is woken for who says nothing
A3 closed at once|netns/mux.t|their descriptors are closed
A4 64 descriptors|netns/mux.t|200 who come at once are all served
A4 they come back|netns/mux_accept.t|all descriptors came back
A6 time of silence|netns/mux.t|after 0.5 s, before 2 s
A6 server that speaks first|netns/mux_real.t|vsftpd, which speaks first
A7 reload under load|netns/mux_reload.t|no client saw an error
A7 bad file|netns/mux_reload.t|a bad file is refused
A8 DNS dead later|netns/mux_pool.t|... and connections do not wait
A8 DNS dead at the start|netns/mux_accept.t|no name server: all are answered
A9 both ways, hashed|netns/mux_accept.t|bytes by hash, both ways
A9 backpressure|netns/mux.t|who never reads holds no memory of ours
A10 probes|bench/probe|bench
A10 beside peers|bench/mux|haproxy
A11 sandbox|unit/sandbox.c|ROLE_MUX
A11 sandbox of the running one|sandbox/live.t|killed mux
A11 no file, no directory|netns/mux_accept.t|nothing open but sockets
EOT

# --- A machine whose name server is dead from the start --------------------

machine host
work() { on host timeout 3600 python3 "$WORK" "$@"; }
server() {
	spawn host "$1" python3 "$WORK" "${@:2}" &&
	    wait_for 60 grep -q up "$T/$1.out"
}
echo 'nameserver 127.0.0.99' >"$T/resolv.conf"
on host mount --bind "$T/resolv.conf" /etc/resolv.conf
spawn host hole socat -u UDP4-RECV:53,bind=127.0.0.99 /dev/null
asked() { [[ -n $(on host ss -Hlnu 'sport = :53') ]]; }
wait_for 60 asked
server quiet quiet 7001
server sink sink 7002

refract_conf <<-EOT
	workers 2
	pool "named" {
		member "nobody.test" port 7001
		check none
		when down reset
	}
	listen "literal" on 127.0.0.1 tcp port 8001 {
		connections 20000, per address none
		ssh to 127.0.0.1 port 7001
		http to "other.test" port 7001
	}
	listen "named" on 127.0.0.1 tcp port 8002 {
		ssh to pool "named"
	}
	listen "flows" on 127.0.0.1 tcp port 8003 {
		ssh to 127.0.0.1 port 7002
	}
	listen "all" on 127.0.0.1 tcp port 8004 {
		per address none
		peek within 2s
		tls sni "a.test" alpn "h2" to 127.0.0.1 port 7001
		http host "a.test" to 127.0.0.1 port 7001
		http2 drop
		ssh to 127.0.0.1 port 7001
		$(printf '%s drop\n' ftp socks4 socks5 smtp imap pop3 xmpp \
		    openvpn tinc rdp adb mqtt postgres mysql redis bittorrent \
		    syslog minecraft proxy dns sip)
		contains "XYZZY" drop
		regex "^[a-z]+ [0-9]+" drop
		otherwise to 127.0.0.1 port 7001
	}
EOT
ok 'it starts without a name server' refract_start ||
    { echo "Bail out! it does not start"; exit 1; }

pids() { on host pgrep -x refract-mux; }
sum_of() {
	local p
	for p in $(pids); do
		on host awk -v f="$1:" '$1 == f { print $2 }' "/proc/$p/status"
	done | awk '{ n += $1 } END { print n }'
}
all_open() {
	local p
	for p in $(pids); do
		on host ls "/proc/$p/fd"
	done | wc -l
}
settled() { [[ $(all_open) -le $1 ]]; }
base=$(all_open)

got=$(work each 8001 300)
note "300 connections to an address, name server dead: slowest ${got#* }"
is 'no name server: all are answered' "${got% * ms}" 300
is 'a pool of no address: reset, not kept waiting' \
    "$(work each 8002 20 | cut -d' ' -f1)" 0
signal hole; reap hole
got=$(work each 8001 300)
note "name server's port closed: slowest ${got#* }"
is 'nobody there at all: all are answered' "${got% * ms}" 300
nok 'libevent does not speak for itself' logged '^\[(msg|warn|err|debug)\]'

# --- What a worker has beside its standard output ------------------------

opened() {
	local p
	for p in $(pids); do
		on host find "/proc/$p/fd" -type l ! -name [012] -printf '%l\n'
	done | sed 's/:.*//' | sort -u | paste -sd' '
}
note "open: $(opened)"
is 'nothing open but sockets, epoll and shared memory' \
    "$(opened | tr ' ' '\n' | grep -vE '^(socket|anon_inode|pipe|/memfd)$')" ''
p=$(pids | head -1)
like 'its root is an empty directory' \
    "$(on host readlink "/proc/$p/root")" '^/run/refract/empty'
is '... which it is in' "$(on host readlink "/proc/$p/cwd")" \
    "$(on host readlink "/proc/$p/root")"
is '... and which is empty' "$(on host ls -A "/proc/$p/root/")" ''

# --- Bytes -----------------------------------------------------------------

before=$(sum_of VmRSS)
got=$(work flows 8003 8 $BYTES $RANDOM)
is "$BYTES bytes by hash, both ways, with half-closes and stalls" \
    "$got" "ok $BYTES"
is '... no server saw anything else' "$(grep -v '^up$' "$T/sink.out")" ''
after=$(sum_of VmHWM)
note "memory of both workers: $before KiB before, $after KiB at most"
if ((SANITIZED)); then
	skip 1 'memory stays flat' 'a sanitizer has its own'
else
	ok 'memory stays flat' test $((after - before)) -lt 8192
fi
soon 'all descriptors came back' 60 settled "$base"

# --- 10,000 who say nothing ------------------------------------------------

idle=10000
[[ $(ulimit -Hn) == unlimited || $(ulimit -Hn) -gt 12000 ]] || idle=1000
before=$(sum_of VmRSS)
mkfifo "$T/crowd.in"
# shellcheck disable=SC2016
spawn host crowd bash -c 'exec python3 "$1" crowd 8001 "$2" <"$0"' \
    "$T/crowd.in" "$WORK" $idle
exec {crowd}<>"$T/crowd.in"
soon "$idle connections" 120 grep -q there "$T/crowd.out"
each=$((($(sum_of VmRSS) - before) * 1024 / idle))
note "each of $idle idle connections: $each bytes"
if ((SANITIZED)); then
	skip 1 'an idle one has less than 1 KiB' 'a sanitizer has its own'
else
	ok 'an idle one has less than 1 KiB' test "$each" -lt 1024
fi
is 'others are served beside them' "$(work each 8001 20 | cut -d' ' -f1)" 20
echo >&"$crowd"
soon 'every one still carries a word' 120 grep -qx all "$T/crowd.out"
reap crowd
soon 'all descriptors came back' 60 settled "$base"

# --- Garbage ---------------------------------------------------------------

seed=$RANDOM
note "seed $seed"
is 'garbage: each came to an end' "$(work garbage 8004 $GARBAGE $seed)" $GARBAGE
is 'nobody died of it' "$(pids | wc -l)" 2
soon 'all descriptors came back' 60 settled "$base"

unlike 'nothing broke' "$(<"$T/refractd.err")" 'died|assert|Sanitizer'
ok 'it stops' refract_stop
done_testing
