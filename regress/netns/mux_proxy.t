#!/usr/bin/env bash
# PROXY headers with those who read and write them: nginx, HAProxy, v2ray (as
# Xray: acceptProxyProtocol), and one refract behind another.
. "$(dirname "$0")/../lib.sh"
need_refract
need nginx haproxy v2ray curl openssl python3 xxd

# client --- host (refract, servers) --- inner (refract, servers)
machine client
machine host
machine inner
link client c0 "10.9.0.2/24 10.9.0.3/24 fd09::2/64" host h0 "10.9.0.1/24 fd09::1/64"
link host h1 "10.9.1.1/24" inner i0 "10.9.1.2/24"

# --- Servers that say what they believe ------------------------------------

cat >"$T/nginx.conf" <<-END
	daemon off;
	pid $T/nginx.pid;
	error_log stderr;
	events { }
	http {
		access_log off;
		client_body_temp_path $T/n1;
		proxy_temp_path $T/n2;
		fastcgi_temp_path $T/n3;
		uwsgi_temp_path $T/n4;
		scgi_temp_path $T/n5;
		server {
			listen 127.0.0.1:7001 proxy_protocol;
			set_real_ip_from 127.0.0.1;
			real_ip_header proxy_protocol;
			return 200 "\$remote_addr \$proxy_protocol_port \$proxy_protocol_server_addr \$proxy_protocol_server_port\n";
		}
	}
END
cat >"$T/haproxy.cfg" <<-'END'
	defaults
		mode http
		timeout connect 10s
		timeout client 60s
		timeout server 60s
	frontend web
		bind 127.0.0.1:7002 accept-proxy
		bind 10.9.1.2:7002 accept-proxy
		http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port] %[fc_pp_authority] %[fc_pp_unique_id]\n"
END
# As refract.conf(5) says it, with what is needed for a server around it.
cat >"$T/v2ray.json" <<-END
	{ "log": { "access": "$T/access.log", "loglevel": "warning" },
	  "inbounds": [ { "listen": "127.0.0.1", "port": 7003,
	      "protocol": "dokodemo-door",
	      "settings": { "address": "127.0.0.1", "port": 7009 },
	      "streamSettings": { "network": "tcp",
		  "tcpSettings": { "acceptProxyProtocol": true },
		  "sockopt": { "acceptProxyProtocol": true } } } ],
	  "outbounds": [ { "protocol": "freedom" } ] }
END
spawn host nginx nginx -c "$T/nginx.conf" -p "$T"
grep -v 10.9.1.2 "$T/haproxy.cfg" >"$T/host.cfg"
grep -v '127\.0\.0\.1' "$T/haproxy.cfg" >"$T/inner.cfg"
spawn host haproxy haproxy -db -f "$T/host.cfg"
spawn inner haproxy2 haproxy -db -f "$T/inner.cfg"
spawn host v2ray v2ray -config "$T/v2ray.json"
echo_service host echo 7009
# What comes, as it comes.
spawn host raw socat -u TCP4-LISTEN:7004,fork,reuseaddr \
    "OPEN:$T/raw,creat,append"
for p in 7001 7002 7003 7004; do wait_for 60 listening host $p; done
wait_for 60 listening inner 7002

refract_conf <<-END
	workers 1
	listen "nginx" on { 10.9.0.1, fd09::1 } tcp port { 81, 443 } {
		http to 127.0.0.1 port 7001 with proxy v1
		tls to 127.0.0.1 port 7004 with proxy v2
	}
	listen "haproxy" on { 10.9.0.1, fd09::1 } tcp port 82 {
		http to 127.0.0.1 port 7002 with proxy v2
	}
	listen "xray" on { 10.9.0.1, fd09::1 } tcp port 83 {
		otherwise to 127.0.0.1 port 7003 with proxy v2
	}
	listen "chain" on { 10.9.0.1, fd09::1 } tcp port { 84, 86 } {
		http to 10.9.1.2 port 84 with proxy v2
		otherwise to 10.9.1.2 port 85 with proxy v1
	}
END
cat >"$T/inner.conf" <<-END
	workers 2
	listen "behind" on 10.9.1.2 tcp port 84 {
		expect proxy from 10.9.1.1
		http to 10.9.1.2 port 7002 with proxy v2
	}
	listen "limited" on 10.9.1.2 tcp port 85 {
		expect proxy from { 10.9.1.1, 10.9.1.2 }
		per address 1
		peek within 5s
		otherwise to 10.9.1.2 port 7009
	}
END
chmod 600 "$T/inner.conf"
echo_service inner echo2 7009
ok 'it starts' refract_start
spawn inner second "$OBJ/sbin/refractd" -d -v -f "$T/inner.conf"
soon 'so does the one behind it' 60 listening inner 85

ask() { on client curl -s -m 60 "${@:2}" "http://$1/"; }
soon 'v2ray and all are there' 60 listening host 7003

# --- Out -------------------------------------------------------------------

like 'nginx, version 1' "$(ask 10.9.0.1:81 --local-port 40001)" \
    '^10\.9\.0\.2 40001 10\.9\.0\.1 81$'
like '... IPv6' "$(ask '[fd09::1]:81' --local-port 40002)" \
    '^fd09::2 40002 fd09::1 81$'
like 'HAProxy, version 2, and what is said beyond addresses' \
    "$(ask 10.9.0.1:82 --local-port 40003 -H 'Host: www.example')" \
    '^10\.9\.0\.2 40003 10\.9\.0\.1 82 www\.example [0-9a-f]{16}-[0-9]+$'
like '... IPv6' "$(ask '[fd09::1]:82' --local-port 40004 -H 'Host: a')" \
    '^fd09::2 40004 fd09::1 82 a [0-9a-f]{16}-[0-9]+$'
ok 'v2ray, as Xray' conn client c1 10.9.0.2 40005 10.9.0.1 83
soon '... has it in its log' 60 grep -q '10\.9\.0\.2:40005 accepted' \
    "$T/access.log"
conn_close c1
ok '... IPv6' conn client c2 fd09::2 40006 fd09::1 83
soon '... has it in its log' 60 grep -q '\[fd09::2\]:40006 accepted' \
    "$T/access.log"
conn_close c2

on client openssl s_client -connect 10.9.0.1:443 -servername b.example \
    -alpn h2,http/1.1 </dev/null >"$T/ssl" 2>&1 &
hello=$!
soon 'a hello with its header' 60 grep -q b.example "$T/raw"
nap 0.2
like 'ALPN, name and id stand in it, then the hello itself' \
    "$(xxd -p "$T/raw" | tr -d '\n')" \
    "^0d0a0d0a000d0a515549540a2111[0-9a-f]{4}0a0900020a090001[0-9a-f]{4}01bb0100026832020009$(printf b.example | xxd -p)0500[0-9a-f]{2}([0-9a-f]{2})+160301"
kill "$hello" 2>/dev/null

# --- Two in a row ----------------------------------------------------------

one=$(ask 10.9.0.1:84 --local-port 40010 -H 'Host: c.example')
like 'the last one knows client, what he dialled, name and id' "$one" \
    '^10\.9\.0\.2 40010 10\.9\.0\.1 84 c\.example [0-9a-f]{16}-[0-9]+$'
like '... over IPv6 to us, IPv4 behind us' \
    "$(ask '[fd09::1]:84' --local-port 40011 -H 'Host: c')" \
    '^fd09::2 40011 fd09::1 84 c '
direct=$(ask 10.9.0.1:82 -H 'Host: c.example')
direct=${direct##* } one=${one##* }
is 'the id is the first one'\''s' "${one%-*}" "${direct%-*}"

ok 'limits count who is there: the first' \
    conn client l1 10.9.0.2 40020 10.9.0.1 86
nok 'a second of his is refused' conn client l2 10.9.0.2 40021 10.9.0.1 86 3
ok 'somebody else is not' conn client l3 10.9.0.3 40022 10.9.0.1 86
conn_close l1
again() { conn client l4 10.9.0.2 "$((RANDOM % 9000 + 41000))" 10.9.0.1 86 3; }
soon 'when the first has gone he may' 60 again
conn_close l3
conn_close l4

# --- In --------------------------------------------------------------------

say() { on "$1" python3 -c '
import socket, sys
data = sys.argv[3].encode("latin-1").decode("unicode_escape")
try:
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 30)
    s.sendall(data.encode("latin-1"))
    print(s.recv(1000))
except OSError as e:
    print(type(e).__name__)
' "${@:2}"; }
line='PROXY TCP4 192.0.2.7 198.51.100.9 1000 2000\r\n'
http='GET / HTTP/1.0\r\n\r\n'
on client ip route add 10.9.1.0/24 via 10.9.0.1
on inner ip route add 10.9.0.0/24 via 10.9.1.1
on host sysctl -qw net.ipv4.ip_forward=1
is 'who is not trusted is refused' "$(say client 10.9.1.2 84 "$line$http")" \
    ConnectionResetError
like 'who is trusted is believed' "$(say host 10.9.1.2 84 "$line$http")" \
    '192\.0\.2\.7 1000 198\.51\.100\.9 2000'
is 'what is no header is refused' "$(say host 10.9.1.2 84 "$http")" \
    ConnectionResetError
is 'nor is a bad one taken' \
    "$(say host 10.9.1.2 84 "${line/192.0.2.7/192.0.2.07}$http")" \
    ConnectionResetError
like 'UNKNOWN is the connection itself' \
    "$(say host 10.9.1.2 84 "PROXY UNKNOWN\\r\\n$http")" '10\.9\.1\.1 '
like 'TLVs go on, a checksum is checked' "$(say host 10.9.1.2 84 \
    '\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x19\xc0\x00\x02\x07\xc6\x33\x64\x09\xdc\x04\x01\xbb\x05\x00\x03xyz\x02\x00\x01d\x04\x00\x00'"$http")" \
    '192\.0\.2\.7 56324 198\.51\.100\.9 443 d xyz'
is '... a wrong one is refused' "$(say host 10.9.1.2 84 \
    '\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x13\xc0\x00\x02\x07\xc6\x33\x64\x09\xdc\x04\x01\xbb\x03\x00\x04\xda\xec\xff\x8f'"$http")" \
    ConnectionResetError
ok 'both are still there' listening inner 84
ok 'it stops' refract_stop
done_testing
