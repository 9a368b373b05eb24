#!/usr/bin/env bash
# Taps of datagrams: what Wireshark's tshark reads from one is what went
# through, datagram by datagram, both ways, between the client and what it
# spoke to, with the name that decided.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 tshark xxd
[[ -x $OBJ/libexec/refract/refract-mux ]] || skip_all "the mux is not built"
flight=$OBJ/regress/netns/quic_flight
[[ -x $flight ]] || skip_all "quic_flight is not built"
machine host
machine peer
link host h0 "10.9.0.1/24 fd00:9::1/64" peer p0 "10.9.0.2/24 fd00:9::2/64"

refract_conf <<-EOT
	workers 1
	drain 0s
	tap "all" to "/run/all.sock"
	listen "front" on * udp port 443 {
		per address none
		peek within 5m
		quic sni "one.example" to 10.9.0.2 port 7301 tap "all"
		quic sni "two.example" to 10.9.0.2 port 7302
		otherwise to 10.9.0.2 port 7303 tap "all"
	}
EOT
"$flight" one.example >"$T/one"
"$flight" two.example >"$T/two"
printf 'no hello' | xxd -p >>"$T/two"
spawn host all socat -u UNIX-LISTEN:/run/all.sock,fork \
    "OPEN:$T/all.pcapng,creat,append"
wait_for 60 on host test -S /run/all.sock
ok "refractd starts" refract_start -v
soon "its tap finds a reader" 60 logged 'tap all: it has a reader'

# said FLIGHT HOST SCENARIO...
said() {
	on peer timeout 120 "$TOP/regress/netns/flow_hello.py" "$T/$1" \
	    "$2" 443 10.9.0.2 "${@:3}"
}
# of FILTER FIELD...: of each packet
of() {
	local f fields=()
	for f in "${@:2}"; do fields+=(-e "$f"); done
	tshark -r "$T/all.pcapng" -o udp.check_checksum:TRUE \
	    -o ip.check_checksum:TRUE -d udp.port==443,data -Y "$1" \
	    -T fields "${fields[@]}" 2>/dev/null
}
packets() { (($(of udp frame.number | wc -l) == $1)); }

is "who is not tapped" "$(said two 10.9.0.1 "0 1 2")" "two: 0 1 2 answered"
is "who is: a hello in three, of which one comes late and one twice" \
    "$(said one 10.9.0.1 "0 2 2 1 0")" "one: 0 2 2 1 0 answered"
soon "its datagrams are in the file, and no others" 60 packets 6
is "... in the order in which they came, byte by byte" \
    "$(of 'udp.dstport == 443' udp.payload)" \
    "$(for i in 1 3 3 2 1; do sed -n ${i}p "$T/one"; done)"
is "... and what it was answered" \
    "$(of 'udp.srcport == 443' udp.payload | xxd -r -p)" "answer of one"
port=$(of 'udp.dstport == 443' udp.srcport | sort -u)
is "the ends are the client and what it spoke to" \
    "$(of udp ip.src udp.srcport ip.dst udp.dstport | sort | uniq -c | xargs)" \
    "1 10.9.0.1 443 10.9.0.2 $port 5 10.9.0.2 $port 10.9.0.1 443"
like "a comment says which flow it is, and its name" \
    "$(of udp frame.comment)" \
    'listen "front", route "quic[^,]*", protocol quic, name one\.example'
is "... once" "$(of udp frame.comment | grep -c .)" 1

is "IPv6, and what has no name" \
    "$(said two fd00:9::1 "3")" "other: 3 answered"
soon "... is there too" 60 packets 8
is "... between its ends" \
    "$(of ipv6 ipv6.src ipv6.dst | sort -u | xargs)" \
    "fd00:9::1 fd00:9::2 fd00:9::2 fd00:9::1"
like "... by its route" "$(of ipv6 frame.comment)" \
    'route "otherwise", protocol unknown'
is "tshark finds nothing to complain about" \
    "$(of '_ws.malformed || udp.checksum.status == "Bad" ||
    ip.checksum.status == "Bad" || udp.length.bad' frame.number)" ""
is "Wireshark sees QUIC, and its name" \
    "$(tshark -r "$T/all.pcapng" -Y 'tls.handshake.type == 1' -T fields \
    -e tls.handshake.extensions_server_name 2>/dev/null)" one.example
like "the file is whole" \
    "$("$TOP/regress/netns/pcapng.py" "$T/all.pcapng")" \
    '^sections 1 packets 8 dropped 0 drops 0 whole 1$'
ok "it stops" refract_stop
done_testing
