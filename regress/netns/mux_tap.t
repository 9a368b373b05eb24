#!/usr/bin/env bash
# Taps: what Wireshark's tshark reads from one is what went through, byte by
# byte; a reader that is slow, stuck or gone slows nobody.
. "$(dirname "$0")/../lib.sh"
need_refract
need tshark openssl python3 xxd
here=$(cd "$(dirname "$0")" && pwd)

machine host

# A service that says one thing and takes another.
head -c 300000 /dev/urandom >"$T/down"
head -c 200000 /dev/urandom >"$T/up"
cat >"$T/service" <<-'END'
	#!/bin/sh
	cat "$1/down" && cat >"$1/got" && mv "$1/got" "$1/got.all"
END
chmod 755 "$T/service"
spawn host service socat TCP4-LISTEN:7000,fork,reuseaddr \
    "EXEC:$T/service $T"
echo_service host echo 7001
on host mkdir -m 1777 /run/taps /run/last

refract_conf <<-END
	workers 1
	tap "all" to "/run/all.sock"
	tap "stuck" to "/run/stuck.sock"
	tap "last" run { "/bin/sh", "-c",
	    "cat >/run/last/pcapng; sleep 0.5; : >/run/last/whole" }
	tap "command" run { "/bin/sh", "-c", "exec cat >/run/taps/\$\$" }
	listen "front" on { 127.0.0.1, ::1 } tcp port 8000 {
		tls to 127.0.0.1 port 7001 tap "all"
		otherwise to 127.0.0.1 port 7000 tap "all"
	}
	listen "slow" on 127.0.0.1 tcp port 8001 {
		otherwise to 127.0.0.1 port 7001 tap "stuck"
	}
	listen "end" on 127.0.0.1 tcp port 8003 {
		otherwise to 127.0.0.1 port 7001 tap "last"
	}
	listen "fed" on 127.0.0.1 tcp port 8002 {
		otherwise to 127.0.0.1 port 7001 tap "command"
	}
END

spawn host all socat -u UNIX-LISTEN:/run/all.sock,fork \
    "OPEN:$T/all.pcapng,creat,append"
wait_for 60 on host test -S /run/all.sock
# It takes the connection and reads nothing until it is told to.
spawn host stuck python3 -c '
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind("/run/stuck.sock")
s.listen()
c = s.accept()[0]
print("there", flush=True)
while not os.path.exists(sys.argv[1] + "/go"):
    time.sleep(0.05)
out = open(sys.argv[1] + "/stuck.pcapng", "wb")
while True:
    data = c.recv(65536)
    if not data:
        break
    out.write(data)
    out.flush()
' "$T"
wait_for 60 on host test -S /run/stuck.sock

ok 'it starts' refract_start -v
soon 'a tap finds its reader' 60 logged 'tap all: it has a reader'

# --- Bytes -----------------------------------------------------------------

shark() { tshark -r "$1" "${@:2}" 2>/dev/null; }
# stream FILE NUMBER SIDE: the bytes of one side, 0 the client's.
stream() {
	shark "$1" -q -z "follow,tcp,raw,$2" | awk -v side="$3" '
	    /^=/ { next } /^(Follow|Filter|Node)/ { next }
	    side == 0 && /^[0-9a-f]/ { print }
	    side == 1 && /^\t/ { print substr($0, 2) }' | xxd -r -p
}
exchange() { on host socat -t 60 - "$1" <"$T/up" >"$T/came"; }

ok 'a connection is not changed by a tap' exchange TCP4:127.0.0.1:8000
soon 'all of it arrived' 60 cmp "$T/got.all" "$T/up"
ok 'in both directions' cmp "$T/came" "$T/down"
whole() { [[ $(shark "$1" -Y 'tcp.flags.fin == 1' | wc -l) -ge $2 ]]; }
soon 'both FINs are in the file' 60 whole "$T/all.pcapng" 2
stream "$T/all.pcapng" 0 0 >"$T/side0"
stream "$T/all.pcapng" 0 1 >"$T/side1"
ok 'what the client said, byte by byte' cmp "$T/side0" "$T/up"
ok 'what the server said, byte by byte' cmp "$T/side1" "$T/down"
is 'tshark finds nothing to complain about' \
    "$(shark "$T/all.pcapng" -o tcp.check_checksum:TRUE \
    -o ip.check_checksum:TRUE -Y 'tcp.analysis.flags || _ws.malformed ||
    tcp.checksum.status == "Bad" || ip.checksum.status == "Bad"')" ''
is 'the ends are the client and what it dialled' \
    "$(shark "$T/all.pcapng" -Y 'tcp.flags == 0x002' -T fields -e ip.src \
    -e ip.dst -e tcp.dstport)" $'127.0.0.1\t127.0.0.1\t8000'
like 'a comment says which connection it is' \
    "$(shark "$T/all.pcapng" -Y 'frame.number == 1' -T fields \
    -e frame.comment)" \
    'connection [0-9]+, listen "front", route "otherwise", protocol unknown'
like 'stamps are of now, in nanoseconds' \
    "$(shark "$T/all.pcapng" -c 1 -T fields -e frame.time_epoch)" \
    "^${EPOCHSECONDS%?????}[0-9]{5}\.[0-9]{9}$"
like 'the file is whole' "$("$here/pcapng.py" "$T/all.pcapng")" \
    '^sections 1 packets [0-9]+ dropped 0 drops 0 whole 1$'

on host openssl s_client -connect '[::1]:8000' -servername a.example \
    </dev/null >"$T/ssl" 2>&1
soon 'IPv6 too' 60 whole "$T/all.pcapng" 4
like 'with its name' "$(shark "$T/all.pcapng" -Y 'ipv6' -c 1000 -T fields \
    -e frame.comment)" 'protocol tls, name a\.example'
is 'Wireshark sees the hello' "$(shark "$T/all.pcapng" -d tcp.port==8000,tls \
    -Y 'ipv6 && tls.handshake.type == 1 && tcp.dstport == 8000' -T fields \
    -e tls.handshake.extensions_server_name)" a.example

# --- Readers that come and go ----------------------------------------------

ok 'a connection' conn host c1 127.0.0.1 40001 127.0.0.1 8002
first=$(on host ls /run/taps)
like 'a command reads one' "$first" '^[0-9]+$'
is 'as nobody special' "$(on host stat -c %U "/run/taps/$first")" _refractx
ok 'it ends' on host kill -9 "$first"
soon 'that is seen' 60 logged 'tap command: its reader is gone'
ok 'the connection does not mind' conn_works c1
two() { [[ $(on host ls /run/taps | wc -l) -eq 2 ]]; }
soon 'it is started again' 60 two
second=$(on host ls /run/taps | grep -v "^$first\$")
ok 'the connection goes on' conn_works c1
conn_close c1
on_file() { on host cat "/run/taps/$second" >"$T/second.pcapng"; }
ended() { on_file; whole "$T/second.pcapng" 2; }
soon 'the second one has the end' 60 ended
like 'a file from its beginning, that says whose bytes these are' \
    "$(shark "$T/second.pcapng" -c 1 -T fields -e frame.comment)" \
    'listen "fed", route "otherwise"'

# --- A stuck reader --------------------------------------------------------

soon 'the stuck reader is there' 60 grep -q there "$T/stuck.out"
# It reads while it writes: two who only write would wait for each other.
through() {
	on host timeout 120 python3 -c '
import socket, threading
s = socket.create_connection(("127.0.0.1", 8001))
def say():
    s.sendall(bytes(50000000))
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=say).start()
n = 0
while True:
    d = s.recv(1 << 16)
    if not d:
        break
    n += len(d)
print(n)'
}
is 'it slows nobody: 50 MB, there and back' "$(through)" 50000000
lost() { ctl show metrics | awk '/tap_records_lost/ { print $2 }'; }
like 'what it lost is counted' "$(lost)" '^[1-9][0-9]*$'
touch "$T/go"
wait_for 60 test -s "$T/stuck.pcapng"
said() {
	on host socat -t 1 - TCP4:127.0.0.1:8001 </dev/null
	line=$("$here/pcapng.py" "$T/stuck.pcapng")
	[[ $line =~ dropped\ ([0-9]+)\ drops\ ([0-9]+)\ whole\ 1 ]] &&
	    ((BASH_REMATCH[1] > 0 && BASH_REMATCH[1] == BASH_REMATCH[2]))
}
soon 'and said in the file, where it is missing' 60 said
# A few were lost while "command" had no reader.
ok 'as many as are counted' test "$(lost)" -ge "${BASH_REMATCH[1]}"
is 'tshark reads it' "$(shark "$T/stuck.pcapng" >/dev/null; echo $?)" 0

# --- Reload ----------------------------------------------------------------

ok 'a connection' conn host c2 127.0.0.1 40002 127.0.0.1 8002
sed -i '/tap "command"/s/ tap "command"$//; /^tap "command"/d' "$REFRACT_CONF"
ok 'a reload without that tap' ctl reload
ok 'who is tapped goes on' conn_works c2
conn_close c2
gone() { ! on host kill -0 "$second"; }
soon 'and then its command ends' 60 gone
ok 'it stops' refract_stop
ok '... not before a command has finished' on host test -e /run/last/whole
done_testing
