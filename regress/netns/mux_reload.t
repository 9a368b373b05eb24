#!/usr/bin/env bash
# Reloads of the mux in full flow: no client sees one.  Other routes, listeners
# that come and go, other numbers of workers, files that are refused; those
# who are connected stay with what they began with.  LONG=1: 100 reloads.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3
[[ -x $OBJ/libexec/refract/refract-mux ]] || skip_all "the mux is not built"
machine host

MUX=$TOP/regress/netns/mux.py
RELOADS=12
[[ -n ${LONG-} ]] && RELOADS=100
serve() {
	spawn host "$1" python3 "$MUX" serve "${@:2}" &&
	    wait_for 60 grep -q up "$T/$1.out"
}
workers() { on host pgrep -xc refract-mux; }
has_workers() { [[ $(workers) -eq $1 ]]; }
label() { on host python3 "$MUX" end "$1" 5353482d322e302d half | cut -d' ' -f2; }

# conf WORKERS SERVER [MORE]
conf() {
	refract_conf <<-EOT
		workers $1
		drain 30s
		listen "flow" on 127.0.0.1 tcp port 3000 {
			connections 100000, per address none
			ssh to 127.0.0.1 port $2
		}
		$3
	EOT
}
extra='listen "extra" on 127.0.0.1 tcp port 3001 {
	ssh to 127.0.0.1 port 3101
}'

serve old ssh=3101
serve new new=3102
conf 2 3101
ok "it starts" refract_start || { echo "Bail out! it does not start"; exit 1; }
conn_line() { grep -c "$1" "$T/flow.out"; }

# Who connects, says and hears something, closes, without an end; and who
# stays connected all the time and moves bytes.
cat >"$T/flow.py" <<'EOP'
import socket, sys, threading, time
errors, done, stop = [], [0], threading.Event()
def short():
    while not stop.is_set():
        try:
            s = socket.create_connection(('127.0.0.1', 3000), 30)
            s.sendall(b'SSH-2.0-x')
            s.shutdown(socket.SHUT_WR)
            got = b''
            while True:
                b = s.recv(4096)
                if not b:
                    break
                got += b
            if got not in (b'ssh\nSSH-2.0-x', b'new\nSSH-2.0-x'):
                errors.append('got %r' % got)
            done[0] += 1
            s.close()
        except OSError as e:
            errors.append(str(e))
def long():
    try:
        s = socket.create_connection(('127.0.0.1', 3000), 60)
        s.sendall(b'SSH-2.0-')
        label = s.recv(4)
        n = s.recv(8)
        while not stop.is_set():
            s.sendall(b'z' * 10000)
            left = 10000
            while left:
                b = s.recv(left)
                if not b:
                    errors.append('a long one was closed')
                    return
                left -= len(b)
            time.sleep(0.01)
    except OSError as e:
        errors.append('a long one: ' + str(e))
ts = [threading.Thread(target=short) for _ in range(4)] + \
     [threading.Thread(target=long) for _ in range(20)]
for t in ts:
    t.start()
print('up', flush=True)
sys.stdin.readline()
stop.set()
for t in ts:
    t.join(60)
print('done', done[0], 'errors', len(errors), errors[:3], flush=True)
EOP
mkfifo "$T/flow.in"
# shellcheck disable=SC2016
spawn host flow bash -c 'exec python3 "$1" <"$0"' "$T/flow.in" "$T/flow.py"
exec {flow}<>"$T/flow.in"
wait_for 60 grep -q up "$T/flow.out"

failed=0
for ((i = 0; i < RELOADS; i++)); do
	n=$((i % 4 + 1))
	conf "$n" $((3101 + i % 2)) "$( ((i % 3 == 1)) && echo "$extra")"
	ctl reload >"$T/reload.out" 2>&1 || { : $((failed++)); note "$(<"$T/reload.out")"; }
	nap 0.1
done
is "$RELOADS reloads with other numbers of workers, routes, listeners" "$failed" 0

conf 3 3102 "$extra"
ok "a listener comes" ctl reload
soon "... and is served" 60 test "$(label 3001)" = ssh
is "new connections take the new route" "$(label 3000)" new
refract_conf <<-EOT
	workers 3
	listen "flow" on 127.0.0.1 tcp port 3000 {
		ssh to pool "there is none"
	}
EOT
nok "a bad file is refused" ctl reload
is "... and nothing has changed" "$(label 3000) $(label 3001)" "new ssh"
spawn host taken socat TCP4-LISTEN:3002,bind=127.0.0.1 /dev/null
wait_for 60 listening host 3002
conf 3 3102 "${extra/3001/3002}"
nok "a port that another program has refuses the reload" ctl reload
like "... with its name" "$(tail -5 "$T/refractd.err")" 'port 3002'
is "... and nothing has changed" "$(label 3000) $(label 3001)" "new ssh"
conf 3 3102
ok "a listener goes" ctl reload
soon "... and its port is free" 60 not listening host 3001

echo end >&"$flow"
soon "all clients end" 60 grep -q "done" "$T/flow.out"
line=$(grep "done" "$T/flow.out")
note "$line"
like "no client saw an error" "$line" ' errors 0 '
soon "workers that are not needed any more have gone" 60 has_workers 3
ok "it stops" refract_stop
unlike "nothing broke" "$(<"$T/refractd.err")" 'died|assert|Sanitizer|killed'
done_testing
