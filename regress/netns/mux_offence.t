#!/usr/bin/env bash
# A listener's offences: who offends once too often is banned as if a log had
# said so, by all workers together; and what slow clients cost.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3
machine host
machine client
link host h0 "10.9.0.1/24 fd09::1/64" client c0 "10.9.0.2/24 fd09::2/64"
for i in $(seq 10 29) 99; do addr client c0 "10.9.0.$i/24"; done
on host ip route add fd0a::/16 via fd09::2
for i in 10 11 12 13; do addr client c0 "fd0a::$i/128"; done
on client ip -6 route add fd09::1 dev c0 2>/dev/null
echo_service host echo 7000

conf() {
	refract_conf <<-END
		workers 2
		log bans "$T/bans.log"
		ban { never 10.9.0.99 }
		listen "front" on { 10.9.0.1, fd09::1 } tcp port 8000 {
			per address none
			peek within 300ms
			ssh to 127.0.0.1 port 7000
			offence unknown 3 times within 1h ban for 10m
			offence slow 2 times within 1h ban for 1h
		}
		listen "quiet" on 10.9.0.1 tcp port 8001 {
			per address none
			otherwise to 127.0.0.1 port 7000
		}
		listen "few" on 10.9.0.1 tcp port 8002 {
			per address 1
			otherwise to 127.0.0.1 port 7000
			offence limit 2 times within 1h ban for 2h
		}
		listen "patient" on 10.9.0.1 tcp port 8003 {
			per address none
			peek within 4s
			tls to 127.0.0.1 port 7000
			offence slow 3000 times within 1h ban for 1h
		}
	END
}
conf
ok 'it starts' refract_start

# say FROM TO PORT BYTES: and wait until we are cut off.
say() {
	on client python3 -c '
import socket, sys
six = ":" in sys.argv[1]
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
s.settimeout(30)
try:
    s.bind((sys.argv[1], 0))
    s.connect((sys.argv[2], int(sys.argv[3])))
    s.sendall(sys.argv[4].encode())
    while s.recv(1000):
        pass
except socket.timeout:
    sys.exit(1)
except OSError:
    pass
' "$@"
}
unknown() { say "$1" "${2:-10.9.0.1}" 8000 garbage; }

# --- Counted by all workers together ---------------------------------------

early=0
for i in $(seq 10 19); do
	unknown "10.9.0.$i"
	unknown "10.9.0.$i"
	in_set refract4 "10.9.0.$i" && : $((early++))
done
is 'two of three times: nobody is banned' "$early" 0
unknown 10.9.0.2
unknown 10.9.0.2
# The third time, wherever it is: his connections in every worker end.
for i in 1 2 3 4 5 6; do
	conn client "k$i" 10.9.0.2 "$((40000 + i))" 10.9.0.1 8001
done
ok 'other connections of his' conn_works k1
unknown 10.9.0.2
soon 'the third time he is in the set' 60 in_set refract4 10.9.0.2
left=$(set_timeout refract4 10.9.0.2)
ok 'for as long as the listener says' test "$left" -gt 540 -a "$left" -le 600
dead() { ! running "$1"; }
for i in 1 2 3 4 5 6; do
	soon "connection $i of his has ended" 60 dead "k$i"
done
none() { [[ -z $(on host ss -Hnt state established "src 10.9.0.1 dst 10.9.0.2") ]]; }
soon 'the host has none left' 60 none
late=0
for i in $(seq 10 19); do
	unknown "10.9.0.$i"
	wait_for 60 in_set refract4 "10.9.0.$i" || : $((late++))
done
is 'so was everybody else, the third time' "$late" 0

like 'show bans names the listener' "$(ctl show bans | grep '10\.9\.0\.2 ')" \
    front
soon 'why does' 60 eval 'ctl why 10.9.0.2 | grep -q front'
like 'and what he did' "$(ctl why 10.9.0.2)" 'no route for what it said'
like 'the audit log has it' "$(grep '10\.9\.0\.2[^0-9]' "$T/bans.log")" front
ok 'the daemon says so too' logged 'listen front: 10\.9\.0\.2: .*3 times'

# --- IPv6 by prefix, who is never banned, slow, limit ----------------------

unknown fd0a::10 fd09::1
unknown fd0a::11 fd09::1
nok 'IPv6: two of one prefix' in_set refract6 fd0a::12
unknown fd0a::12 fd09::1
soon 'the third, of any address in it' 60 in_set refract6 fd0a::13
like 'the prefix is banned' "$(ctl show bans)" 'fd0a::/64 '
for i in 1 2 3 4 5; do unknown 10.9.0.99; done
nok 'never is never' in_set refract4 10.9.0.99
soon 'which the audit log says' 60 grep -q '10\.9\.0\.99' "$T/bans.log"

say 10.9.0.20 10.9.0.1 8000 ''
nok 'slow: once' in_set refract4 10.9.0.20
say 10.9.0.20 10.9.0.1 8000 S
soon 'half a word is slow, too' 60 in_set refract4 10.9.0.20

ok 'one at a time' conn client one 10.9.0.21 40021 10.9.0.1 8002
say 10.9.0.21 10.9.0.1 8002 x
ok 'a second is refused, once' conn_works one
say 10.9.0.21 10.9.0.1 8002 x
soon 'twice is once too often' 60 in_set refract4 10.9.0.21
left=$(set_timeout refract4 10.9.0.21)
ok 'its own time' test "$left" -gt 7000 -a "$left" -le 7200
soon 'the first has ended with it' 60 dead one

# --- It outlives us --------------------------------------------------------

is 'it stops' "$(refract_stop; echo $?)" 0
on host ipset flush refract4
on host ipset flush refract6
ok 'it starts again' refract_start
soon 'bans stand again' 60 in_set refract4 10.9.0.2
ok 'all of them' in_set refract4 10.9.0.21
ok 'IPv6 too' in_set refract6 fd0a::13
like 'with the listener'\''s name' "$(ctl show bans | grep '10\.9\.0\.2 ')" \
    front
ok 'unban' ctl unban 10.9.0.2
nok 'lifts it' in_set refract4 10.9.0.2
ok 'he may come again' conn client back 10.9.0.2 40030 10.9.0.1 8001
conn_close back

# --- Slow ones cost them more than us --------------------------------------

spawn client loris python3 -c '
import resource, socket, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
all = []
for i in range(1000):
    s = socket.create_connection(("10.9.0.1", 8003))
    s.send(b"\x16")
    all.append(s)
print("open", flush=True)
for s in all:
    s.settimeout(60)
    try:
        while s.recv(100):
            pass
    except ConnectionResetError:
        pass
print("closed", flush=True)
'
pids() { on host pgrep -x refract-mux; }
# turns: how often workers were woken; ticks: CPU, in hundredths of a second
turns() {
	local p
	for p in $(pids); do
		on host awk '/^voluntary_ctxt/ { print $2 }' "/proc/$p/status"
	done | awk '{ n += $1 } END { print n }'
}
ticks() {
	local p
	for p in $(pids); do
		on host awk '{ print $14 + $15 }' "/proc/$p/stat"
	done | awk '{ n += $1 } END { print n }'
}
before=$(turns) used=$(ticks)
soon '1,000 connections of a byte each' 60 grep -q open "$T/loris.out"
open=$(turns)
nap 1.5
silent=$(turns)
soon 'are closed in time' 60 grep -q closed "$T/loris.out"
after=$(turns)
note "woken $((open - before)) times while they came," \
    "$((silent - open)) while they said nothing in 1.5 s," \
    "$((after - silent)) until they were closed;" \
    "CPU $(($(ticks) - used)) hundredths of a second"
ok 'nobody is woken for who says nothing' test $((silent - open)) -lt 200
ok 'nor often for one' test $((after - before)) -lt 6000
ok 'it stops' refract_stop
done_testing
