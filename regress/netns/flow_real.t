#!/usr/bin/env bash
# QUIC and WireGuard by real programs, behind a router that gives them another
# port, and another address, in the middle; said again by who is not their
# client; older than we are.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 openssl conntrack iptables
[[ -x $OBJ/libexec/refract/refract-mux ]] || skip_all "the mux is not built"
have() {
	local c
	for c; do type -P "$c" >/dev/null || return 1; done
}
machine host
machine nat
machine peer
machine m1
machine m2
link nat n0 10.9.1.1/24 peer p0 10.9.1.2/24
link nat n1 "10.9.0.2/24 10.9.0.3/24 10.9.0.9/24" host h0 10.9.0.1/24
link host h1 10.9.11.1/24 m1 e0 10.9.11.2/24
link host h2 10.9.12.1/24 m2 e0 10.9.12.2/24
on peer ip route add default via 10.9.1.1
on nat sysctl -qw net.ipv4.ip_forward=1

# The router: who was one is another now.  It says nothing of what is not there.
at=20000
outside() {
	on nat sh -c "iptables -w -t nat $1 -s 10.9.1.2 -o n1 -p udp \
	    -j SNAT --to-source $2:$at-$((at + 9)) && conntrack -F"
}
# move PORT|ADDRESS: and which it is
here=10.9.0.2
move() {
	[[ $1 == port ]] || case $here in
	10.9.0.2) here=10.9.0.3 ;;
	*) here=10.9.0.2 ;;
	esac
	: $((at += 10))
	outside "-R POSTROUTING 1" "$here"
}
on nat iptables -w -A FORWARD -p icmp -j DROP
outside "-A POSTROUTING" "$here" >"$T/out" 2>&1 ||
    skip_all "no NAT here: $(tail -1 "$T/out")"

conf() {
	refract_conf <<-EOT
		workers 4
		drain 0s
		pool "quic" { $1 }
		pool "wg" { $2 }
		listen "front" on * udp port 443 {
			per address none
			idle 30s
			quic sni "a.test" to pool "quic"
			wireguard to pool "wg" idle 3m
			dns to 127.0.0.1 port 7253
		}
	EOT
}
quic=('member 127.0.0.1 port 7201' 'member 127.0.0.1 port 7202'
    'member 127.0.0.1 port 7203')
wg=('member 10.9.11.2 port 51820' 'member 10.9.12.2 port 51820')
conf "$(printf '%s; ' "${quic[@]}")" "$(printf '%s; ' "${wg[@]}")"
ok "refractd starts" refract_start || { done_testing; exit 1; }

bound() { [[ -n $(on host ss -Hlnu "sport = :$1") ]]; }
client() { on peer timeout 60 "$@"; }

# listen_in N: from now on.  say_again: N of what was said, by a forged address.
listen_in() {
	rm -f "$T/go"
	spawn nat again "$TOP/regress/netns/flow_real.py" n1 10.9.0.9 \
	    10.9.0.1 443 "$1" "$T/go"
	wait_for 60 grep -q up "$T/again.out"
}
say_again() {
	wait_for 60 grep -q heard "$T/again.out"
	touch "$T/go"
	reap again
}

# --- QUIC ------------------------------------------------------------------

if have gtlsclient gtlsserver; then
	mkdir "$T/web" "$T/got"
	head -c 300000 /dev/urandom >"$T/web/file"
	head -c 6000000 /dev/urandom >"$T/up"
	printf '127.0.0.1 localhost\n10.9.0.1 a.test\n' >"$T/hosts"
	on peer mount --bind "$T/hosts" /etc/hosts
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -keyout "$T/key" -out "$T/crt" -subj /CN=a.test \
	    -days 3 2>/dev/null
	chmod 644 "$T/key"
	for p in 7201 7202 7203; do
		spawn host "q$p" gtlsserver -q -d "$T/web" 127.0.0.1 $p \
		    "$T/key" "$T/crt"
	done
	for p in 7201 7202 7203; do wait_for 60 bound $p; done
	# speed RATE: an upload takes its time, until all has been done to it.
	speed() {
		on nat tc qdisc replace dev n1 root tbf rate "$1" \
		    burst 64k latency 50ms
	}
	sent() { on nat awk '$1 == "n1:" { print $10 }' /proc/net/dev; }
	has_sent() { (($(sent) > $1)); }
	# An upload, which its client drives, then a download.
	up() {
		rm -f "$T/got/file"
		speed 8mbit
		before=$(sent)
		spawn peer get timeout 60 gtlsclient -q -d "$T/up" \
		    --exit-on-all-streams-close --download="$T/got" "$@" \
		    a.test 443 https://a.test/file
	}
	# after KB: so much of it has been sent
	after() { wait_for 60 has_sent $((before + $1 * 1000)); }
	came() {
		running get && speed 2gbit && reap get &&
		    cmp "$T/web/file" "$T/got/file"
	}
	# moving WHAT: three times in the middle
	moving() {
		local kb
		up
		for kb in 100 200 300; do
			after "$kb" && move "$1" || return 1
		done
		after 400 && came
	}
	ok "QUIC: a router that changes its client's port" moving port
	ok "QUIC: ... and its address" moving address
	# Its other id is known once it has been answered.
	from_two() { (($(on nat conntrack -L -p udp | wc -l) == 2)); }
	move port >"$T/out" 2>&1
	up --change-local-addr=50ms
	soon "QUIC: a client that goes to another port" 60 from_two
	after 300
	ok "QUIC: ... and then is given another address" move address
	after 400
	ok "QUIC: ... goes on" came
	listen_in 100
	up
	after 300
	say_again
	ok "QUIC: what is said again from a forged address" came
	is "QUIC: ... is nobody's" "$(tail -1 "$T/again.out")" \
	    'said 100 answers 0'
else
	skip 7 "QUIC" "ngtcp2 is not installed"
fi

# --- WireGuard -------------------------------------------------------------

if have wireguard-go wg && [[ -c /dev/net/tun ]]; then
	# One key, as servers of one pool have; who answers is one of them.
	for k in server client other; do
		wg genkey >"$T/$k.wg" 2>/dev/null
		wg pubkey <"$T/$k.wg" >"$T/$k.pub"
	done
	# tunnel MACHINE KEY ADDRESS WG-SET-ARGUMENTS...
	tunnel() {
		spawn "$1" "wg_$1" env LOG_LEVEL=verbose wireguard-go -f wg0
		wait_for 60 on "$1" wg show wg0
		on "$1" wg set wg0 private-key "$T/$2.wg" "${@:4}"
		on "$1" ip addr add "$3" dev wg0
		on "$1" ip link set wg0 up
	}
	for m in m1 m2; do
		tunnel $m server 10.8.0.1/24 listen-port 51820 \
		    peer "$(<"$T/client.pub")" allowed-ips 10.8.0.2/32
		echo_service $m echo_$m 7
	done
	tunnel peer client 10.8.0.2/24 peer "$(<"$T/server.pub")" \
	    endpoint 10.9.0.1:443 allowed-ips 10.8.0.1/32
	# A connection through it, which another member would not know.
	ok "WireGuard: a tunnel" conn peer c 10.8.0.2 4001 10.8.0.1 7
	moves() {
		local i
		for i in 1 2 3; do
			move "$1" && conn_works c || return 1
		done
	}
	ok "WireGuard: a router that changes its client's port" moves port
	ok "WireGuard: ... and its address" moves address
	# What it has agreed on is void: it does so once more.
	handshakes() { grep -c 'handshake response' "$T/wg_$1.out"; }
	rekey() {
		on "$1" wg set wg0 private-key "$T/other.wg"
		on "$1" wg set wg0 private-key "$T/$2.wg"
	}
	before=$(handshakes peer)
	rekey peer client
	ok "WireGuard: new keys, by the client" conn_works c
	is "WireGuard: ... there are some" "$(handshakes peer)" $((before + 1))
	ok "WireGuard: ... and another port and address" moves address
	theirs() { cat "$T/wg_m1.out" "$T/wg_m2.out" | grep -c "$1"; }
	rekey m1 server
	rekey m2 server
	before=$(theirs 'handshake response')
	ok "WireGuard: new keys, by the server" conn_works c
	is "WireGuard: ... there are some" "$(theirs 'handshake response')" \
	    $((before + 1))
	ok "WireGuard: ... and another port and address" moves address
	if [[ -n ${LONG:-} ]]; then
		# After two minutes, with the next packet.
		before=$(handshakes peer)
		renewed() {
			conn_works c
			nap 1
			(($(handshakes peer) > before))
		}
		soon "WireGuard: new keys, by themselves" 200 renewed
		ok "WireGuard: ... and another address" moves address
	fi
	listen_in 5
	for i in 1 2 3 4 5; do conn_works c; done
	ends() { on m1 wg show wg0 endpoints; on m2 wg show wg0 endpoints; }
	was=$(ends)
	say_again
	is "WireGuard: what is said again from a forged address is nobody's" \
	    "$(tail -1 "$T/again.out")" 'said 5 answers 0'
	is "WireGuard: ... and its client is where he was" "$(ends)" "$was"
	ok "WireGuard: ... and goes on" conn_works c
else
	skip 12 "WireGuard" "wireguard-go, wg or /dev/net/tun is missing"
fi

# --- A flow is older than we are -------------------------------------------

if [[ -e $T/web/file && -e $T/client.pub ]]; then
	m=10.9.11.2
	[[ $(on m1 wg show wg0 endpoints) != *none* ]] || m=10.9.12.2
	conf "member 127.0.0.1 port 7201" "member $m port 51820"
	ok "one member each" ctl reload
	up
	after 100
	ok "it stops in the middle" refract_stop
	ok "... and starts" refract_start
	ok "QUIC goes on" came
	ok "WireGuard goes on" conn_works c
else
	skip 5 "older flows" "there are none"
fi
unlike "nothing broke" "$(<"$T/refractd.err")" 'died|assert|Sanitizer'
ok "it stops" refract_stop
done_testing
