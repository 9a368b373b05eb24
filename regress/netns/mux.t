#!/usr/bin/env bash
# The TCP mux end to end: real programs and hand-made bytes behind one port,
# what ends a connection and how, limits, bans.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 curl openssl nginx ssh-keygen
[[ -x $OBJ/libexec/refract/refract-mux ]] || skip_all "the mux is not built"
machine host
machine peer
link host h0 10.9.0.1/24 peer p0 10.9.0.2/24

MUX=$TOP/regress/netns/mux.py
mux() { on host python3 "$MUX" "$@"; }
# serve NAME LABEL=PORT...: servers that say who they are
serve() {
	spawn host "$1" python3 "$MUX" serve "${@:2}" &&
	    wait_for 60 grep -q up "$T/$1.out"
}
has() { grep -q "${@:2}" "$T/$1.out"; }
pids() { on host pgrep -x refract-mux; }
# all_have FIELD: sum over the workers of a number of /proc/PID/status
all_have() {
	local p sum=0 n
	for p in $(pids); do
		n=$(on host awk -v f="$1:" '$1 == f { print $2 }' "/proc/$p/status")
		sum=$((sum + n))
	done
	echo "$sum"
}
all_open() {
	local p sum=0
	for p in $(pids); do
		sum=$((sum + $(on host ls "/proc/$p/fd" | wc -l)))
	done
	echo "$sum"
}
settled() { [[ $(all_open) -le $1 ]]; }

conf() {
	refract_conf <<-EOT
		workers ${WORKERS:-2}
		drain 2s
		pool "two" {
			member 127.0.0.1 port 7102 weight 256
			member 127.0.0.1 port 7103
			check none
			passive 1
		}
		pool "none" {
			member 127.0.0.1 port 7999
			check none
			when down reset
		}
		listen "front" on * tcp port 443 {
			per address none
			# Who comes byte by byte is slow on a busy machine.
			peek 1024 bytes within 5s
			http host "h.example.com" to 127.0.0.1 port 7004
			http to 127.0.0.1 port 7001
			http2 to 127.0.0.1 port 7005
			tls sni "*.example.com" alpn "h2" to 127.0.0.1 port 7006
			tls sni "a.example.com" to 127.0.0.1 port 7007
			tls sni { "c.test", "*.example.org" } to 127.0.0.1 port 7008
			tls sni { "nginx.test", "h2.test" } to 127.0.0.1 port 7443
			tls to 127.0.0.1 port 7009
			ssh to "$T/ssh.sock"
			bytes "\x01\x02\x03" to 127.0.0.1 port 7010
			contains "MAGIC" to 127.0.0.1 port 7011
			timeout to 127.0.0.1 port 7012
			otherwise to 127.0.0.1 port 7013
		}
		listen "sshd" on 127.0.0.1 tcp port 22 {
			peek within 1s
			http to 127.0.0.1 port 7442
			ssh to 127.0.0.1 port 7022
			timeout to 127.0.0.1 port 7022
		}
		listen "early" on 127.0.0.1 tcp port 2001 {
			peek within 500ms
			http reset
			timeout to 127.0.0.1 port 7012
		}
		listen "middle" on 127.0.0.1 tcp port 2002 {
			peek within 1s
			http reset
			timeout to 127.0.0.1 port 7012
		}
		listen "late" on 127.0.0.1 tcp port 2003 {
			peek within 2s
			http reset
			timeout to 127.0.0.1 port 7012
		}
		listen "first" on 127.0.0.1 tcp port 2004 {
			peek within 10s
			http to 127.0.0.1 port 7001
			speaks first to 127.0.0.1 port 7012 after 200ms
		}
		listen "pair" on 127.0.0.1 tcp port 2005 {
			per address none
			ssh to pool "two"
		}
		listen "few" on 127.0.0.1 tcp port 2006 {
			connections 20, per address none
			ssh to 127.0.0.1 port 7101
		}
		listen "each" on 127.0.0.1 tcp port 2007 {
			connections 100, per address 5
			ssh to 127.0.0.1 port 7101
		}
		listen "rate" on 127.0.0.1 tcp port 2008 {
			rate 5 per second
			ssh to 127.0.0.1 port 7101
		}
		listen "times" on 127.0.0.1 tcp port 2009 {
			idle 2s
			half closed 1s
			peek within 500ms
			ssh to 127.0.0.1 port 7101
			http drop
			tls reset
			socks5 tarpit
			smtp to pool "none"
			imap to 127.0.0.1 port 7105
		}
		listen "wide" on 127.0.0.1 tcp port 2010 {
			per address none
			ssh to 127.0.0.1 port 7101
		}
		listen "slow" on 127.0.0.1 tcp port 2011 {
			bandwidth 1M
			ssh to 127.0.0.1 port 7101
		}
		listen "brief" on 127.0.0.1 tcp port 2013 {
			ssh to 127.0.0.1 port 7107
		}
		listen "ban" on 10.9.0.1 tcp port 2012 {
			peek within 500ms
			ssh to 127.0.0.1 port 7101
			offence unknown 3 times within 1m ban for 10m
		}
	EOT
}

# --- Servers ---------------------------------------------------------------

serve labels http=7001 host=7004 http2=7005 h2=7006 a=7007 wild=7008 tls=7009 \
    ssh="$T/ssh.sock" bytes=7010 magic=7011 timeout=7012 otherwise=7013 \
    ssh=7101 || skip_all "no servers"
on host openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -days 2 -subj /CN=nginx.test -keyout "$T/key" -out "$T/cert" 2>/dev/null
cat >"$T/nginx.conf" <<EOT
daemon off; pid $T/nginx.pid; error_log $T/nginx.log; user root;
events { }
http {
	access_log off;
	server {
		listen 7443 ssl http2; listen 7442;
		ssl_certificate $T/cert; ssl_certificate_key $T/key;
		root $T/www;
	}
}
EOT
mkdir -p "$T/www"
head -c 20000000 /dev/urandom >"$T/www/big"
sum=$(sha256sum <"$T/www/big")
on host mkdir -p /var/lib/nginx
spawn host nginx nginx -p "$T" -c "$T/nginx.conf"
wait_for 60 listening host 7443

conf
ok "it starts" refract_start || { echo "Bail out! it does not start"; exit 1; }

# --- Who is behind one port ------------------------------------------------

mux route 443 >"$T/route"
while read -r name result; do
	like "first bytes: $name" "$result" '^ok '
done <"$T/route"
WORKERS=2

get() { on host curl -sS -m 60 -k --resolve "$1:443:127.0.0.1" "${@:3}" "https://$1/$2" | sha256sum; }
is "curl: TLS and HTTP/1.1" "$(get nginx.test big --http1.1)" "$sum"
is "curl: TLS and HTTP/2" "$(get h2.test big --http2)" "$sum"
is "curl: IPv6" "$(on host curl -sS -m 60 -k --resolve 'nginx.test:443:[::1]' https://nginx.test/big | sha256sum)" "$sum"
is "curl: plain" "$(on host curl -sS -m 60 http://127.0.0.1:22/big | sha256sum)" "$sum"
s_client() { on host timeout 60 openssl s_client -connect 127.0.0.1:443 "$@" </dev/null 2>/dev/null; }
like "openssl s_client: SNI and ALPN" "$(s_client -servername nginx.test -alpn h2 | tr -d "\0")" 'ALPN protocol: h2'
like "openssl s_client: TLS 1.2" "$(s_client -servername nginx.test -tls1_2 | tr -d "\0")" 'CN = nginx.test'

if type -P sshd >/dev/null; then
	on host mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$T/hostkey"
	ssh-keygen -q -t ed25519 -N '' -f "$T/id"
	cp "$T/id.pub" "$T/authorized"
	cat >"$T/sshd.conf" <<-EOT
		Port 7022
		ListenAddress 127.0.0.1
		HostKey $T/hostkey
		AuthorizedKeysFile $T/authorized
		StrictModes no
		PermitRootLogin yes
		PidFile none
		Subsystem sftp internal-sftp
	EOT
	spawn host sshd "$(type -P sshd)" -D -f "$T/sshd.conf"
	wait_for 60 listening host 7022
	SSH=(-i "$T/id" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR)
	is "ssh" "$(on host ssh "${SSH[@]}" root@127.0.0.1 'echo "$((6 * 7))"')" 42
	is "ssh: 20 MB in" "$(on host ssh "${SSH[@]}" root@127.0.0.1 sha256sum <"$T/www/big")" "$sum"
	echo "get $T/www/big $T/got" | on host sftp -q "${SSH[@]}" -b - root@127.0.0.1 >/dev/null 2>&1
	is "sftp" "$(sha256sum <"$T/got")" "$sum"
else
	skip 3 "ssh" "sshd is not installed"
fi

# --- Silence ---------------------------------------------------------------

# Who waits for longer comes later, so that a slow machine changes no order.
is "who is silent is answered after 1 s: after 0.5 s, before 2 s" \
    "$(mux order 2001 2002 2003)" "2001 2002 2003"
is "a server that speaks first is waited for shortly" "$(mux order 2004 2001)" "2004 2001"
is "... and a client that speaks has its route" \
    "$(mux end 2004 474554202f20485454502f312e310d0a0d0a half | cut -d' ' -f1-2)" "closed http"

# --- Bytes -----------------------------------------------------------------

is "200 MB there and back, with stalls, and both halves closed" \
    "$(mux big 2010 200000000 1)" "ok 200000000"
is "half-close by the client: the answer comes" "$(mux end 2009 5353482d322e302d half)" "closed ssh SSH-2.0-"

# --- Ends ------------------------------------------------------------------

is "drop" "$(mux end 2009 474554202f20485454502f312e310d0a)" "reset "
is "reset" "$(mux end 2009 160301002a01000026030300)" "reset "
is "nothing said, no route for it: closed" "$(mux end 2009)" "closed "
is "unknown bytes: closed" "$(mux end 2010 ffffffff)" "reset "
is "idle: closed" "$(mux end 2009 5353482d322e302d)" "closed ssh SSH-2.0-"
is "tarpit: until the idle time is over" "$(mux end 2009 050100)" "reset "
is "no member takes it: reset" "$(mux end 2009 45484c4f20780d0a)" "reset "
spawn host r1 python3 "$MUX" resets 7105
wait_for 60 has r1 up
on host python3 - <<-'EOT'
	import socket, struct
	s = socket.create_connection(('127.0.0.1', 2009))
	s.sendall(b'a1 CAPABILITY\r\n')
	s.recv(100)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
	s.close()
EOT
soon "a client's reset reaches the server" 60 has r1 reset

spawn host brief python3 "$MUX" brief 7107
wait_for 60 has brief up
how_ended() { ctl show listeners | sed -n "/^$1 /,/ended:/s/.*ended: //p"; }
is "a client goes with bytes unread once the server has ended" \
    "$(mux leave 2013)" left
soon "... which is an end like others" 60 eval '[[ $(how_ended brief) ]]'
is "... and not a reset" "$(how_ended brief)" "closed 1"

serve m1 ssh=7102
serve m2 ssh=7103
spawn host flow python3 "$MUX" flow 2005
soon "a connection flows" 60 has flow flows
signal m1 KILL
soon "kill -9 of its member in full flow: the client sees it" 60 has flow -e reset -e closed
is "the next one is retried with the other member" "$(mux hold 2005 10)" 10
ok "the log says which member is down" logged 'pool two: 127.0.0.1 port 7102 is down'

# --- Limits, of all workers together ---------------------------------------

is "20 connections of all workers" "$(mux hold 2006 40)" 20
is "5 of an address" "$(mux hold 2007 30)" 5
is "... and of another" "$(mux hold 2007 30 127.0.0.2)" 5
# A slow machine takes some seconds for 40, and so gets more of them.
got=$(mux hold 2008 40)
like "new ones a second" "$got" '^([5-9]|[123][0-9])$'
is "when they have gone others may come" "$(mux hold 2006 20)" 20

before=$(all_have VmRSS)
spawn host stuck python3 "$MUX" stuck 2010 200
wait_for 60 has stuck stuck
after=$(all_have VmRSS)
note "200 who never read: $before KiB, then $after KiB"
# AddressSanitizer keeps what was freed.
if grep -q __asan_init "$OBJ/libexec/refract/refract-mux"; then
	skip 1 "who never reads holds no memory of ours" "a sanitized build"
else
	ok "who never reads holds no memory of ours" \
	    test $((after - before)) -lt 20000
fi
signal stuck KILL
reap stuck

spawn host held env KEEP=1 python3 "$MUX" hold 2010 40
wait_for 60 has held 40
rows=$(ctl -j show connections | tr '{' '\n' | grep '"wide"')
# different FIELD: how many values it has
different() { grep -o "\"$1\":[0-9]*" <<<"$rows" | sort -u | wc -l; }
is "40 connections of two workers: as many numbers" \
    "$(different id) $(different worker)" "$(wc -l <<<"$rows") 2"
signal held KILL
reap held

start=${EPOCHREALTIME/./}
is "bandwidth: 3 MB" "$(mux big 2011 3000000 2)" "ok 3000000"
took=$((${EPOCHREALTIME/./} - start))
ok "... take 3 s at 1 MB/s, or longer" test "$took" -gt 2500000

base=$(all_open)
is "500 at once" "$(mux crowd 2010 500 1)" 500
soon "their descriptors are closed" 60 settled "$base"

# --- Bans ------------------------------------------------------------------

from_peer() { on peer python3 "$MUX" "$@"; }
spawn peer held socat -d -u "SYSTEM:echo SSH-2.0-x; sleep 600" TCP4:10.9.0.1:2012
wait_for 60 on host sh -c "ss -Hnt state established 'sport = :2012' | grep -q 10.9.0.2"
for _ in 1 2 3; do
	from_peer end 2012 ffffffff '' 10.9.0.1 >/dev/null 2>&1 || :
done
soon "who speaks what nobody knows is banned" 60 in_set refract4 10.9.0.2
soon "... and his connections end" 60 on host sh -c "! ss -Hnt state established 'sport = :2012' | grep -q 10.9.0.2"
like "... and it is in the history" "$(ctl show history)" '10\.9\.0\.2'
like "... under the listener's name" "$(ctl show bans)" 'ban'
ok "unban" ctl unban 10.9.0.2

# --- The end ---------------------------------------------------------------

spawn host last socat -d -u "SYSTEM:echo SSH-2.0-x; sleep 600" TCP4:127.0.0.1:2010
wait_for 60 on host sh -c "ss -Hnt state established 'sport = :7101' | grep -q 127.0.0.1"
ok "it stops when the drain's time is over" refract_stop
unlike "nothing broke" "$(<"$T/refractd.err")" 'died|assert|Sanitizer'

# Few descriptors, and checks that hold as many as they may: none of them is a
# client's, and one that the parent passes always has room.
spawn host mute python3 "$MUX" mute 7106
wait_for 60 has mute up
members() { printf 'member 127.0.0.%d port 7106\n' $(seq 40); }
refract_conf <<-EOT
	workers 1
	pool "mute" {
		$(members)
		check send "x" expect "y" every 1s timeout 10s
	}
	listen "wide" on 127.0.0.1 tcp port 2010 {
		per address none
		ssh to 127.0.0.1 port 7101
		http to pool "mute"
	}
	listen "unix" on 127.0.0.1 tcp port 2011 {
		per address none
		ssh to "$T/ssh.sock"
	}
EOT
REFRACT_AS=(prlimit --nofile=64:64)
ok "64 descriptors" refract_start
checked() { [[ $(on host ss -Hnt state established 'dport = :7106' | wc -l) -ge $1 ]]; }
soon "checks are under way" 60 checked 4
is "200 who come at once are all served" "$(mux crowd 2010 200 0.05)" 200
is "... also by a unix socket" "$(mux crowd 2011 200 0.05)" 200
ok "it stops" refract_stop
unlike "nothing broke" "$(<"$T/refractd.err")" 'died|assert|Sanitizer'
done_testing
