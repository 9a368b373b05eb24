#!/usr/bin/env bash
# QUIC by real programs: ngtcp2's client and server through one port, by name
# and version, with a client whose address changes in the middle; DTLS; DNS.
. "$(dirname "$0")/../lib.sh"
need_refract
need gtlsclient gtlsserver openssl
machine host
machine peer
link host h0 10.9.0.1/24 peer p0 10.9.0.2/24

cd "$T" || exit 1
mkdir a b out
head -c 8000000 /dev/urandom >a/big
head -c 30000 /dev/urandom >b/small
printf '127.0.0.1 localhost\n10.9.0.1 a.test b.test gone.test\n' >hosts
on peer mount --bind "$T/hosts" /etc/hosts
cp a/big b/big
openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out crt \
    -subj /CN=a.test -days 3 2>/dev/null
chmod 644 key

refract_conf <<-EOT
	workers 4
	drain 0s
	pool "a" {
		member 127.0.0.1 port 7201
		member 127.0.0.1 port 7204
		check quic every 1s
	}
	pool "b" { member 127.0.0.1 port 7202; check quic every 1s }
	pool "gone" { member 127.0.0.1 port 7299; check quic every 1s }
	pool "dns" { member 127.0.0.1 port 7253; check dns every 1s }
	listen "q" on * udp port 443 {
		per address none
		quic sni "a.test" alpn "h3" to pool "a"
		quic sni "b.test" to pool "b"
		quic sni "gone.test" to pool "gone"
		dtls sni "d.test" to 127.0.0.1 port 7203
		dns to pool "dns"
	}
EOT
spawn host qa gtlsserver -q -d "$T/a" 127.0.0.1 7201 "$T/key" "$T/crt"
spawn host qc gtlsserver -q -d "$T/a" 127.0.0.1 7204 "$T/key" "$T/crt"
spawn host qb gtlsserver -q -d "$T/b" 127.0.0.1 7202 "$T/key" "$T/crt"
bound() { [[ -n $(on host ss -Hlnu "sport = :$1") ]]; }
for p in 7201 7202 7204; do wait_for 60 bound $p; done
ok "refractd starts" refract_start || { done_testing; exit 1; }

# get NAME FILE [OPTIONS]
get() {
	rm -rf "$T/out"/*
	on peer timeout "${limit:-90}" gtlsclient -q --exit-on-all-streams-close \
	    --download="$T/out" "${@:3}" "$1" 443 \
	    "https://$1/$2" >"$T/client.out" 2>&1
	cmp "$T/out/$2" "$T/$([[ $1 == a.test ]] && echo a || echo b)/$2"
}
ok "version 1, by its name" get a.test big
ok "another name" get b.test small
# It waits for what does not come.
limit=2
nok "a name's files are its own" get a.test small
unset limit
# What ngtcp2 had before version 2 got its number.
ok "version 2" get b.test small --version=0x709a50c4
# With an id that its server had sent encrypted.
ok "a client that goes to another port in the middle" \
    get a.test big --change-local-addr=30ms
soon "a check finds out who does not speak QUIC" 20 \
    logged 'pool gone: 127.0.0.1 port 7299 is down'
nok "... and who does is not down" logged 'pool [ab]: .* is down'

if type -P dnsmasq >/dev/null && type -P python3 >/dev/null; then
	spawn host dns dnsmasq -k -p 7253 -a 127.0.0.1 -I lo -z -R -h \
	    -C /dev/null -u root -A /x.test/192.0.2.7
	soon "a DNS server is up by its check" 20 \
	    logged 'pool dns: 127.0.0.1 port 7253 is up'
	out=$(on peer python3 "$TOP/regress/netns/flow.py" ask 10.9.0.1 443 \
	    limit:0.3 hex:12340100000100000000000001780474657374 limit:10 \
	    hex:123401000001000000000000017804746573740000010001 |
	    tr -d '\0')
	like "what is no query is not taken, and a query is answered" "$out" \
	    '10\.9\.0\.1 .*x.test'
else
	skip 2 "a DNS server" "dnsmasq is not installed"
fi

spawn host dtls openssl s_server -dtls -accept 127.0.0.1:7203 -key "$T/key" \
    -cert "$T/crt" -quiet
wait_for 20 bound 7203
out=$( (sleep 2) | on peer timeout 20 openssl s_client -dtls -connect \
    10.9.0.1:443 -servername d.test 2>&1)
like "DTLS by its name" "$out" 'subject=CN = a.test'
ok "it stops" refract_stop
done_testing
