#!/usr/bin/env bash
# One port for real programs, each with its own server behind it: their own
# clients come through it and get what they came for.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 curl openssl nginx
[[ -x $OBJ/libexec/refract/refract-mux ]] || skip_all "the mux is not built"
machine host
machine peer
link host h0 "10.9.0.1/24 fd09::1/64" peer p0 "10.9.0.2/24 fd09::2/64"

here=$TOP/regress/netns
# What a server that is not root reads and writes
mkdir -m 755 "$T/pub" && mkdir -m 777 "$T/open"
# have PROGRAM...: all are installed
have() {
	local c
	for c; do
		type -P "$c" >/dev/null || return 1
	done
}
# up NAME PORT: its server is there
up() {
	wait_for 60 listening host "$2" && return
	diag "$1 does not listen: $(tail -5 "$T/$1.err" "$T/$1.out")"
	return 1
}
client() { on peer timeout 60 "$@"; }

head -c 5000000 /dev/urandom >"$T/pub/big"
BIG=$(sha256sum <"$T/pub/big")
on host openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -days 2 -subj /CN=refract.test -keyout "$T/key" -out "$T/cert" 2>/dev/null

# --- The port --------------------------------------------------------------

LABELS=(rdp adb minecraft tinc syslog bittorrent socks4 sip proxy otherwise)
refract_conf <<-EOT
	workers 2
	log connections "$T/access.log"
	listen "front" on { 10.9.0.1, fd09::1 } tcp port 443 {
		per address none
		peek within 5s
		tls sni "web.test" alpn "h2" to 127.0.0.1 port 7443
		tls sni "web.test" to 127.0.0.1 port 7444
		tls sni "imap.test" to 127.0.0.1 port 7993
		tls sni "pop.test" to 127.0.0.1 port 7995
		tls sni "smtp.test" to 127.0.0.1 port 7465
		tls alpn "xmpp-client" to 127.0.0.1 port 7223
		tls alpn "mqtt" to 127.0.0.1 port 7884
		tls sni "redis.test" to "$T/open/redis.sock"
		tls to 127.0.0.1 port 7445
		http2 to 127.0.0.1 port 7081
		http to 127.0.0.1 port 7080
		ssh to 127.0.0.1 port 7022
		xmpp to 127.0.0.1 port 7222
		mqtt to 127.0.0.1 port 7883
		postgres to 127.0.0.1 port 7432
		redis to 127.0.0.1 port 7379
		socks5 to 127.0.0.1 port 7108
		openvpn to 127.0.0.1 port 7194
		dns to 127.0.0.1 port 7053
		rdp to 127.0.0.1 port 7300
		adb to 127.0.0.1 port 7301
		minecraft to 127.0.0.1 port 7302
		tinc to 127.0.0.1 port 7303
		syslog to 127.0.0.1 port 7304
		bittorrent to 127.0.0.1 port 7305
		socks4 to 127.0.0.1 port 7306
		sip to 127.0.0.1 port 7307
		proxy to 127.0.0.1 port 7308
		# On a busy machine those who do not may be slow to say a word.
		speaks first to 127.0.0.1 port 7021 after 1s
		otherwise to 127.0.0.1 port 7309
	}
	# Where one server speaks first, one port has one of them.
	listen "mysql" on 10.9.0.1 tcp port 3306 {
		http to 127.0.0.1 port 7080
		speaks first to 127.0.0.1 port 7330
	}
	listen "smtp" on 10.9.0.1 tcp port 25 {
		tls to 127.0.0.1 port 7465
		smtp to 127.0.0.1 port 7025
		speaks first to 127.0.0.1 port 7025
	}
	listen "imap" on 10.9.0.1 tcp port 143 {
		tls to 127.0.0.1 port 7993
		speaks first to 127.0.0.1 port 7143
	}
	listen "pop3" on 10.9.0.1 tcp port 110 {
		tls to 127.0.0.1 port 7995
		speaks first to 127.0.0.1 port 7110
	}
	# Passive data of FTP: all of a port is one server's.
	listen "data1" on 10.9.0.1 tcp port 7201 { otherwise to 127.0.0.1 port 7201 }
	listen "data2" on 10.9.0.1 tcp port 7202 { otherwise to 127.0.0.1 port 7202 }
EOT
is 'the port is as it should be' \
    "$(on host "$OBJ/sbin/refractd" -n -f "$REFRACT_CONF" 2>&1 | grep front)" ''
ok 'it starts' refract_start || { echo "Bail out! it does not start"; exit 1; }

# --- The web ---------------------------------------------------------------

on host mkdir -p /var/lib/nginx
cat >"$T/nginx.conf" <<EOT
daemon off; pid $T/nginx.pid; error_log $T/nginx.log; user root;
events { }
http {
	access_log off;
	add_header Behind \$server_port;
	ssl_certificate $T/cert; ssl_certificate_key $T/key;
	root $T/pub;
	server { listen 7080; }
	server { listen 7081 http2; }
	server { listen 7443 ssl http2; }
	server { listen 7444 ssl; }
	server { listen 7445 ssl; }
}
EOT
spawn host nginx nginx -p "$T" -c "$T/nginx.conf"
up nginx 7445
# web URL OPTIONS...: the protocol, which server it was, and what came
web() {
	client curl -sSk -D "$T/head" -o "$T/body" -w '%{http_version} ' \
	    --resolve 'web.test:443:10.9.0.1' "${@:2}" "$1" 2>&1
	echo "$(sed -n 's/\r$//; s/^[Bb]ehind: //p' "$T/head")" \
	    "$(sha256sum <"$T/body")"
}
is 'curl: HTTP/1.1' "$(web http://10.9.0.1:443/big)" "1.1 7080 $BIG"
is 'curl: HTTP/1.1 over IPv6' "$(web 'http://[fd09::1]:443/big')" \
    "1.1 7080 $BIG"
is 'curl: HTTP/2 with prior knowledge' \
    "$(web http://10.9.0.1:443/big --http2-prior-knowledge)" "2 7081 $BIG"
is 'curl: HTTP/2 by ALPN' "$(web https://web.test/big)" "2 7443 $BIG"
is 'curl: the same name, HTTP/1.1 by ALPN' \
    "$(web https://web.test/big --http1.1)" "1.1 7444 $BIG"
is 'curl: the same name, no ALPN' \
    "$(web https://web.test/big --no-alpn)" "1.1 7444 $BIG"
is 'curl: no name' "$(web https://10.9.0.1:443/big)" "1.1 7445 $BIG"
is 'curl: another name' "$(web https://other.test:443/big \
    --resolve 'other.test:443:10.9.0.1')" "1.1 7445 $BIG"
s_client() {
	client openssl s_client -connect 10.9.0.1:443 "$@" \
	    </dev/null 2>&1 | tr -d '\0'
}
like 'openssl s_client: TLS 1.3, a name in capitals' \
    "$(s_client -servername WEB.test -alpn h2)" 'ALPN protocol: h2'
like 'openssl s_client: TLS 1.2' "$(s_client -servername web.test -tls1_2)" \
    'CN = refract\.test'
like 'openssl s_client: a hello of 8 KB' "$(s_client -servername web.test \
    -alpn "$(printf 'nobody-%s,' {1..700})h2")" 'ALPN protocol: h2'

# --- Shells and files ------------------------------------------------------

if have sshd ssh sftp ssh-keygen; then
	on host mkdir -p /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$T/hostkey"
	ssh-keygen -q -t ed25519 -N '' -f "$T/id"
	cat >"$T/sshd.conf" <<-EOT
		Port 7022
		ListenAddress 127.0.0.1
		HostKey $T/hostkey
		AuthorizedKeysFile $T/id.pub
		StrictModes no
		PermitRootLogin yes
		PidFile none
		Subsystem sftp internal-sftp
	EOT
	spawn host sshd "$(type -P sshd)" -D -e -f "$T/sshd.conf"
	up sshd 7022
	SSH=(-i "$T/id" -o StrictHostKeyChecking=no -o LogLevel=ERROR
	    -o UserKnownHostsFile=/dev/null)
	is 'ssh' "$(client ssh -p 443 "${SSH[@]}" root@10.9.0.1 \
	    "sha256sum <$T/pub/big" </dev/null)" "$BIG"
	echo "get $T/pub/big $T/got.sftp" >"$T/batch"
	ok 'sftp' client sftp -q -P 443 "${SSH[@]}" -b "$T/batch" root@10.9.0.1
	ok '... brings what it should' cmp "$T/pub/big" "$T/got.sftp"
	spawn peer tunnel ssh -N -p 443 "${SSH[@]}" -L 7999:127.0.0.1:7080 \
	    root@10.9.0.1
	wait_for 60 listening peer 7999
	is 'ssh: a tunnel through it' "$(client curl -sS \
	    http://127.0.0.1:7999/big | sha256sum)" "$BIG"
	signal tunnel
else
	skip 4 'ssh and sftp' 'OpenSSH is not installed'
fi

if have vsftpd; then
	on host mkdir -p /run/vsftpd/empty
	cat >"$T/vsftpd.conf" <<-EOT
		listen=YES
		listen_port=7021
		background=NO
		anonymous_enable=YES
		no_anon_password=YES
		anon_root=$T/ftp
		ftp_username=ftp
		write_enable=YES
		anon_upload_enable=YES
		anon_umask=022
		seccomp_sandbox=NO
		isolate=NO
		isolate_network=NO
		secure_chroot_dir=/run/vsftpd/empty
		pasv_min_port=7201
		pasv_max_port=7202
		pasv_address=10.9.0.1
		ssl_enable=YES
		allow_anon_ssl=YES
		force_local_data_ssl=NO
		force_local_logins_ssl=NO
		require_ssl_reuse=NO
		ssl_ciphers=HIGH
		rsa_cert_file=$T/cert
		rsa_private_key_file=$T/key
	EOT
	mkdir -m 755 "$T/ftp" && mkdir -m 777 "$T/ftp/in"
	cp "$T/pub/big" "$T/ftp/big"
	spawn host vsftpd vsftpd "$T/vsftpd.conf"
	up vsftpd 7021
	ftp() { client curl -sSk "$@"; }
	is 'vsftpd, which speaks first: passive' \
	    "$(ftp --ftp-pasv ftp://10.9.0.1:443/big | sha256sum)" "$BIG"
	ok 'vsftpd: upload' ftp -T "$T/pub/big" ftp://10.9.0.1:443/in/up
	ok '... brings what it should' cmp "$T/pub/big" "$T/ftp/in/up"
	is 'vsftpd: AUTH TLS, on both connections' "$(ftp --ssl-reqd \
	    --ftp-pasv ftp://10.9.0.1:443/big | sha256sum)" "$BIG"
else
	skip 4 'FTP' 'vsftpd is not installed'
fi

if have microsocks; then
	spawn host microsocks microsocks -i 127.0.0.1 -p 7108
	up microsocks 7108
	is 'socks5: to an address' "$(client curl -sS --socks5 10.9.0.1:443 \
	    http://127.0.0.1:7080/big | sha256sum)" "$BIG"
	is 'socks5: to a name' "$(client curl -sS --socks5-hostname \
	    10.9.0.1:443 http://localhost:7080/big | sha256sum)" "$BIG"
else
	skip 2 'socks5' 'microsocks is not installed'
fi

# --- Talk ------------------------------------------------------------------

if have prosody prosodyctl; then
	on host install -d -o prosody /var/lib/prosody /run/prosody
	install -m 644 "$T/cert" "$T/key" "$T/open"
	cat >"$T/prosody.lua" <<-EOT
		modules_enabled = { "saslauth", "tls", "roster", "disco" }
		modules_disabled = { "s2s" }
		interfaces = { "127.0.0.1" }
		c2s_ports = { 7222 }
		c2s_direct_tls_ports = { 7223 }
		c2s_require_encryption = false
		allow_unencrypted_plain_auth = true
		authentication = "internal_plain"
		data_path = "/var/lib/prosody"
		pidfile = "/run/prosody/pid"
		log = { info = "*console" }
		ssl = { certificate = "$T/open/cert"; key = "$T/open/key" }
		VirtualHost "xmpp.test"
	EOT
	as=(setpriv --reuid prosody --regid prosody --clear-groups)
	on host "${as[@]}" prosodyctl --config "$T/prosody.lua" \
	    register anna xmpp.test secret >"$T/register" 2>&1 </dev/null
	spawn host prosody "${as[@]}" prosody -F --config "$T/prosody.lua"
	up prosody 7222
	is 'XMPP: log in' "$(client "$here/mux_real.py" xmpp 10.9.0.1 443 \
	    xmpp.test anna secret 2>&1)" anna@xmpp.test/r
	like 'XMPP: STARTTLS' \
	    "$(s_client -starttls xmpp -xmpphost xmpp.test)" 'CN = refract\.test'
	is 'XMPP: TLS at once, by ALPN' "$(client "$here/mux_real.py" xmpp \
	    10.9.0.1 443 xmpp.test anna secret tls 2>&1)" anna@xmpp.test/r
else
	skip 3 'XMPP' 'prosody is not installed'
fi

if have mosquitto mosquitto_pub mosquitto_sub; then
	cat >"$T/mosquitto.conf" <<-EOT
		user root
		allow_anonymous true
		listener 7883 127.0.0.1
		listener 7884 127.0.0.1
		certfile $T/cert
		keyfile $T/key
	EOT
	spawn host mosquitto mosquitto -c "$T/mosquitto.conf"
	up mosquitto 7884
	spawn peer sub timeout 60 stdbuf -oL mosquitto_sub -h 10.9.0.1 \
	    -p 443 -t a/b -C 4 -d
	wait_for 60 grep -q 'Subscribed' "$T/sub.out"
	for v in 31 311 5; do
		client mosquitto_pub -h 10.9.0.1 -p 443 -V mqttv$v -t a/b \
		    -m "word $v"
	done
	client mosquitto_pub -h 10.9.0.1 -p 443 --cafile "$T/cert" --insecure \
	    --tls-alpn mqtt -t a/b -m 'word tls' 2>"$T/pub.err"
	reap sub
	is 'MQTT: three versions and TLS publish, one subscribes' \
	    "$(grep -o '^word.*' "$T/sub.out" | paste -sd,)" \
	    'word 31,word 311,word 5,word tls'
else
	skip 1 'MQTT' 'mosquitto is not installed'
fi

if have openvpn && [[ -c /dev/net/tun ]]; then
	fingerprint() {
		openssl x509 -in "$1" -noout -fingerprint -sha256 |
		    cut -d= -f2
	}
	for i in server client; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
		    -nodes -days 2 -subj "/CN=$i" -keyout "$T/vpn.$i.key" \
		    -out "$T/vpn.$i.crt" 2>/dev/null
	done
	openvpn --genkey secret "$T/vpn.static"
	# vpn MACHINE server|client OTHER OPTIONS...
	vpn() {
		spawn "$1" "vpn_$2" openvpn --dev tun --cert "$T/vpn.$2.crt" \
		    --key "$T/vpn.$2.key" --verb 3 --data-ciphers AES-256-GCM \
		    --peer-fingerprint "$(fingerprint "$T/vpn.$3.crt")" "${@:4}"
	}
	for w in TLS tls-auth tls-crypt; do
		extra=()
		[[ $w == TLS ]] || extra=("--$w" "$T/vpn.static")
		vpn host server client --proto tcp-server --port 7194 \
		    --local 127.0.0.1 --tls-server --dh none \
		    --ifconfig 10.8.0.1 10.8.0.2 "${extra[@]}"
		up vpn_server 7194
		vpn peer client server --proto tcp-client \
		    --remote 10.9.0.1 443 --nobind --tls-client \
		    --ifconfig 10.8.0.2 10.8.0.1 "${extra[@]}"
		soon "OpenVPN over TCP, $w: a tunnel" 60 grep -q \
		    'Initialization Sequence Completed' "$T/vpn_client.out"
		is '... carries' "$(client curl -sS --retry 5 \
		    --retry-connrefused http://10.8.0.1:7080/big |
		    sha256sum)" "$BIG"
		signal vpn_client; reap vpn_client
		signal vpn_server; reap vpn_server
	done
else
	skip 6 'OpenVPN' 'openvpn or /dev/net/tun is missing'
fi

# --- Stores ----------------------------------------------------------------

if have redis-server redis-cli; then
	spawn host redis redis-server --port 7379 --bind 127.0.0.1 --save '' \
	    --dir "$T/open" --unixsocket "$T/open/redis.sock" \
	    --unixsocketperm 777
	up redis 7379
	rcli() { client redis-cli -h 10.9.0.1 -p 443 "$@"; }
	is 'redis: what is set' "$(rcli -x set big <"$T/pub/big")" OK
	is '... is got' "$(rcli strlen big)" 5000000
	is 'redis: a thousand commands' "$(yes 'INCR n' | head -1000 |
	    rcli | tail -1)" 1000
	is 'redis: words by hand' "$(client sh -c "printf 'PING\r\nQUIT\r\n' |
	    socat -t 60 - TCP:10.9.0.1:443" | tr -d '\r' | paste -sd' ')" \
	    '+PONG +OK'
else
	skip 4 'redis' 'redis is not installed'
fi

for pg in /usr/lib/postgresql/*/bin; do :; done
if [[ -x $pg/initdb ]] && have psql; then
	install -d -m 700 -o postgres "$T/pg"
	as=(setpriv --reuid postgres --regid postgres --clear-groups)
	on host "${as[@]}" "$pg/initdb" -N -A trust -D "$T/pg" >/dev/null 2>&1
	install -m 600 -o postgres "$T/cert" "$T/pg/server.crt"
	install -m 600 -o postgres "$T/key" "$T/pg/server.key"
	spawn host postgres "${as[@]}" "$pg/postgres" -D "$T/pg" -F -p 7432 \
	    -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c ssl=on
	up postgres 7432
	wait_for 60 on host psql -qAt -h 127.0.0.1 -p 7432 -U postgres \
	    -c 'select 1'
	sql() {
		client psql -qAt "host=10.9.0.1 port=443 user=postgres $1" \
		    -c "${2-select ssl from pg_stat_ssl where pid=pg_backend_pid()}" \
		    2>&1
	}
	is 'PostgreSQL: plain' "$(sql sslmode=disable)" f
	is 'PostgreSQL: SSLRequest' "$(sql sslmode=require)" t
	is 'PostgreSQL: what psql does by itself' "$(sql '')" t
	is 'PostgreSQL: a megabyte' "$(sql '' \
	    "select repeat('x', 1000000)" | wc -c)" 1000001
	spawn peer sleeper psql -qAt "host=10.9.0.1 port=443 user=postgres" \
	    -c 'select pg_sleep(60)'
	sleeps() { sql '' "select 'n=' || count(*) from pg_stat_activity
	    where query = 'select pg_sleep(60)'" | grep -q 'n=1'; }
	wait_for 60 sleeps
	signal sleeper INT
	soon 'PostgreSQL: a cancel request' 60 grep -q 'user request' \
	    "$T/sleeper.err"
else
	skip 5 'PostgreSQL' 'postgresql is not installed'
fi

if have mariadbd mariadb; then
	mkdir -m 700 "$T/my"
	spawn host mariadbd mariadbd --no-defaults --user=root \
	    --skip-grant-tables --datadir="$T/my" --port=7330 \
	    --skip-networking=0 --bind-address=127.0.0.1 \
	    --socket="$T/my/sock" --innodb-log-file-size=4M
	up mariadbd 7330
	is 'MySQL, which speaks first' "$(client mariadb --no-defaults \
	    --protocol=tcp -h 10.9.0.1 -P 3306 -N -e 'select 6 * 7' 2>&1)" 42
	is '... with a web server on the same port' \
	    "$(web http://10.9.0.1:3306/big)" "1.1 7080 $BIG"
else
	skip 2 'MySQL' 'mariadb is not installed'
fi

# --- Mail ------------------------------------------------------------------

printf 'Subject: one\r\n\r\nbehind one port\r\n' >"$T/letter"
if have aiosmtpd; then
	# A port of its own for each: without TLS or with STARTTLS, and TLS.
	smtpd() {
		spawn host "$1" aiosmtpd -n -c aiosmtpd.handlers.Mailbox \
		    -l "127.0.0.1:$2" "${@:3}" "$T/open/mail"
		up "$1" "$2"
	}
	smtpd smtp 7025 --tlscert "$T/cert" --tlskey "$T/key" --no-requiretls
	smtpd smtps 7465 --smtpscert "$T/cert" --smtpskey "$T/key"
	mail() {
		client curl -sSk --mail-from "$1@refract.test" \
		    --mail-rcpt nobody@refract.test -T "$T/letter" "${@:2}"
	}
	came() { grep -qrs "^X-MailFrom: $1@" "$T/open/mail/new"; }
	ok 'SMTP, which speaks first' mail a smtp://10.9.0.1:25
	ok '... the letter came' came a
	ok 'SMTP: STARTTLS' mail b --ssl-reqd smtp://10.9.0.1:25
	ok '... the letter came' came b
	ok 'SMTP: TLS at once, on the same port' mail c smtps://10.9.0.1:25
	ok '... the letter came' came c
	ok 'SMTP: TLS by its name, on the port of all' mail d \
	    --resolve smtp.test:443:10.9.0.1 smtps://smtp.test:443
	ok '... the letter came' came d
	like 'openssl s_client: SMTP' "$(client openssl s_client -starttls smtp \
	    -connect 10.9.0.1:25 </dev/null 2>&1)" 'CN = refract\.test'
else
	skip 9 'SMTP' 'aiosmtpd is not installed'
fi

if have dovecot; then
	mkdir -p "$T/open/box/new" "$T/open/box/cur" "$T/open/box/tmp"
	cp "$T/letter" "$T/open/box/new/1.1.x"
	chmod -R a+rwX "$T/open/box"
	on host mkdir -p /var/lib/dovecot
	cat >"$T/dovecot.conf" <<-EOT
		base_dir = /run/dovecot
		state_dir = /run/dovecot
		log_path = $T/dovecot.log
		protocols = imap pop3
		listen = 127.0.0.1
		mail_location = maildir:$T/open/box
		first_valid_uid = 1
		disable_plaintext_auth = no
		ssl = yes
		ssl_cert = <$T/cert
		ssl_key = <$T/key
		passdb {
			driver = static
			args = password=secret
		}
		userdb {
			driver = static
			args = uid=nobody gid=nogroup home=$T/open
		}
		service imap-login {
			inet_listener imap {
				port = 7143
			}
			inet_listener imaps {
				port = 7993
			}
		}
		service pop3-login {
			inet_listener pop3 {
				port = 7110
			}
			inet_listener pop3s {
				port = 7995
			}
		}
	EOT
	spawn host dovecot dovecot -F -c "$T/dovecot.conf"
	up dovecot 7995
	# letters URL OPTIONS...: what is in the first
	letters() {
		client curl -sSk -u anna:secret "${@:2}" \
		    --resolve imap.test:443:10.9.0.1 \
		    --resolve pop.test:443:10.9.0.1 "$1" 2>&1 | tr -d '\r'
	}
	while IFS=, read -r what url more; do
		like "$what" "$(letters "$url" ${more:+"$more"})" \
		    'behind one port'
	done <<-EOT
		IMAP: the server speaks first,imap://10.9.0.1:143/INBOX;MAILINDEX=1
		IMAP: STARTTLS,imap://10.9.0.1:143/INBOX;MAILINDEX=1,--ssl-reqd
		IMAP: TLS at once,imaps://10.9.0.1:143/INBOX;MAILINDEX=1
		IMAP: TLS by its name,imaps://imap.test:443/INBOX;MAILINDEX=1
		POP3: the server speaks first,pop3://10.9.0.1:110/1
		POP3: STLS,pop3://10.9.0.1:110/1,--ssl-reqd
		POP3: TLS at once,pop3s://10.9.0.1:110/1
		POP3: TLS by its name,pop3s://pop.test:443/1
	EOT
	for i in imap:143 pop3:110; do
		like "openssl s_client: ${i%:*}" "$(client openssl s_client \
		    -starttls "${i%:*}" -connect "10.9.0.1:${i#*:}" \
		    </dev/null 2>&1 | tr -d '\0')" 'CN = refract\.test'
	done
else
	skip 10 'IMAP and POP3' 'dovecot is not installed'
fi

# --- Those whose first bytes were recorded ---------------------------------

if have dnsmasq; then
	spawn host dns dnsmasq -k -C /dev/null --no-resolv --no-hosts -p 7053 \
	    --bind-interfaces --listen-address 127.0.0.1 -u root \
	    --pid-file= --address /one.test/192.0.2.77
	up dns 7053
	is 'DNS over TCP' "$(client "$here/mux_real.py" dns 10.9.0.1 443 \
	    one.test)" 192.0.2.77
else
	skip 1 'DNS over TCP' 'dnsmasq is not installed'
fi

specs=() port=7300
for l in "${LABELS[@]}"; do
	specs+=("$l=$((port++))")
done
spawn host labels python3 "$here/mux.py" serve "${specs[@]}"
wait_for 60 grep -q up "$T/labels.out"
while read -r name who; do
	want=${name%%_*}
	[[ $want != unknown ]] || want=otherwise
	is "first bytes: $name" "$who" "$want"
done < <(client "$here/mux_real.py" first 10.9.0.1 443)

# --- What is left ----------------------------------------------------------

unlike 'nothing broke' "$(<"$T/refractd.err")" 'died|assert|Sanitizer'
ok 'it stops' refract_stop
done_testing
