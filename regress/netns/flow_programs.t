#!/usr/bin/env bash
# Datagrams of real programs through one port: DNS, OpenVPN; and what looks
# like QUIC or WireGuard in the middle.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 openssl
[[ -x $OBJ/libexec/refract/refract-mux ]] || skip_all "the mux is not built"
have() {
	local c
	for c; do type -P "$c" >/dev/null || return 1; done
}
machine host
machine peer
link host h0 10.9.0.1/24 peer p0 10.9.0.2/24
bound() { [[ -n $(on host ss -Hlnu "sport = :$1") ]]; }
client() { on peer timeout 60 "$@"; }

refract_conf <<-EOT
	workers 2
	drain 0s
	listen "front" on 10.9.0.1 udp port 443 {
		quic to 127.0.0.1 port 7401
		wireguard to 127.0.0.1 port 7402
		openvpn to 127.0.0.1 port 7194
		dns to 127.0.0.1 port 7253
		otherwise to 127.0.0.1 port 7403
	}
EOT
ok "refractd starts" refract_start || { done_testing; exit 1; }

spawn host looks python3 "$TOP/regress/netns/flow.py" serve quic=7401 wg=7402 \
    other=7403
wait_for 60 grep -q up "$T/looks.out"
# looks HEX: whose it is
looks() {
	client python3 "$TOP/regress/netns/flow.py" ask 10.9.0.1 443 "hex:$1" |
	    cut -d' ' -f2
}
some=$(printf '%064d' 0)
is "what looks like QUIC is QUIC's" "$(looks "40$some")" quic
is "what looks like WireGuard is WireGuard's" \
    "$(looks "04000000${some:0:56}")" wg
is "what looks like neither is another's" "$(looks "00$some")" other

# --- Others ----------------------------------------------------------------

if have dnsmasq kdig; then
	spawn host dns dnsmasq -k -p 7253 -a 127.0.0.1 -I lo -z -R -h \
	    -C /dev/null -u root -A /x.test/192.0.2.7
	wait_for 60 bound 7253
	kdig() { client kdig @10.9.0.1 -p 443 +short "$@"; }
	is "DNS" "$(kdig x.test)" 192.0.2.7
	is "DNS: cookies, padding, a name server's identity" \
	    "$(kdig +cookie +padding +nsid +dnssec x.test)" 192.0.2.7
else
	skip 2 "DNS" "dnsmasq or kdig is not installed"
fi

if have openvpn && [[ -c /dev/net/tun ]]; then
	openvpn --genkey secret "$T/static"
	for i in server client; do
		openssl req -x509 -newkey ec -pkeyopt \
		    ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$i" \
		    -keyout "$T/vpn.$i.key" -out "$T/vpn.$i.crt" 2>/dev/null
	done
	# vpn MACHINE server|client OTHER OPTIONS...
	vpn() {
		spawn "$1" "vpn_$2" openvpn --dev tun --proto udp --verb 3 \
		    --cert "$T/vpn.$2.crt" --key "$T/vpn.$2.key" \
		    --data-ciphers AES-256-GCM --peer-fingerprint "$(openssl \
		    x509 -in "$T/vpn.$3.crt" -noout -fingerprint -sha256 |
		    cut -d= -f2)" "${@:4}"
	}
	is_up() { grep -q 'Sequence Completed' "$T/vpn_client.out"; }
	carries() {
		[[ $(echo word | client socat -t 5 - \
		    TCP4:10.7.0.1:7,connect-timeout=5) == word ]]
	}
	echo_service host echo 7
	for w in TLS tls-auth tls-crypt; do
		extra=()
		[[ $w == TLS ]] || extra=("--$w" "$T/static")
		vpn host server client --port 7194 --local 127.0.0.1 \
		    --tls-server --dh none --ifconfig 10.7.0.1 10.7.0.2 \
		    "${extra[@]}"
		wait_for 60 bound 7194
		vpn peer client server --remote 10.9.0.1 443 --nobind \
		    --tls-client --ifconfig 10.7.0.2 10.7.0.1 "${extra[@]}"
		soon "OpenVPN, $w: a tunnel" 60 is_up
		soon "... carries" 60 carries
		signal vpn_client; reap vpn_client
		signal vpn_server; reap vpn_server
	done
else
	skip 6 "OpenVPN" "openvpn or /dev/net/tun is missing"
fi

unlike "nothing broke" "$(<"$T/refractd.err")" 'died|assert|Sanitizer'
ok "it stops" refract_stop
done_testing
