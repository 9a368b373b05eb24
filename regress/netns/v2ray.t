#!/usr/bin/env bash
# With a real core: Debian's v2ray as server and as both clients, one VMess
# account, two addresses, IPv4 and IPv6.  The server listens on both families
# with one socket, and makes its log itself, after refractd has started.
# shellcheck disable=SC2119
. "$(dirname "$0")/../lib.sh"
need_refract
need v2ray curl

ID=b831381d-6324-4d53-ad4f-8cda48b30811
V4=203.0.113
V6=2001:db8:0
LOG=$T/access.log

machine host
machine one
machine two
on host ip link add lan type bridge
on host ip link set lan up
addr host lan $V4.1/24
addr host lan $V6:1::1/48
ok 'the first client' link host to-one '' one eth0 "$V4.7/24 $V6:7::7/48"
ok 'the second client' link host to-two '' two eth0 "$V4.8/24 $V6:8::8/48"
on host ip link set to-one master lan
on host ip link set to-two master lan

cat >"$T/server.json" <<EOT
{ "log": { "access": "$LOG", "error": "$T/v2ray.log",
	"loglevel": "warning" },
  "inbounds": [ { "tag": "in", "port": 443, "listen": "::",
      "protocol": "vmess", "settings": { "clients": [
	  { "id": "$ID", "alterId": 0, "email": "bob@example" },
	  { "id": "c831381d-6324-4d53-ad4f-8cda48b30811", "alterId": 0,
	    "email": "eve@example" } ] } } ],
  "outbounds": [ { "tag": "out", "protocol": "freedom" } ] }
EOT
# client MACHINE NAME SERVER ID: 1080 is SOCKS, 1081 leads to the echo service
client() {
	cat >"$T/$2.json" <<-EOT
	{ "log": { "loglevel": "none" },
	  "inbounds": [
	    { "port": 1080, "listen": "127.0.0.1", "protocol": "socks",
	      "settings": { "udp": false } },
	    { "port": 1081, "listen": "127.0.0.1", "protocol": "dokodemo-door",
	      "settings": { "address": "127.0.0.1", "port": 7,
		"network": "tcp" } } ],
	  "outbounds": [ { "protocol": "vmess", "settings": { "vnext": [
	    { "address": "$3", "port": 443,
	      "users": [ { "id": "${4:-$ID}", "alterId": 0 } ] } ] } } ] }
	EOT
	spawn "$1" "$2" v2ray -config "$T/$2.json" &&
	    wait_for 60 listening "$1" 1081
}
# page MACHINE [SECONDS]: what curl gets through its tunnel.
page() {
	on "$1" curl -s -m "${2:-60}" --socks5 127.0.0.1:1080 http://127.0.0.1:80/
}
# resets MACHINE: connections that ended there by a reset, so far.
resets() { on "$1" nstat -asz TcpEstabResets | awk '/^Tcp/ { print $2 }'; }

refract_conf <<EOT
watch "v2ray" {
	source file "$LOG"
	format xray
	limit 1 address per user within 1h
	ban newest for 10m on tcp port 443
}
EOT
ok 'refractd starts before there is a log' refract_start || done_testing
ok 'an echo service' echo_service host echo 7
printf '%s\n' '#!/bin/sh' 'read -r _' \
    'printf "HTTP/1.0 200 OK\r\n\r\nthe page"' >"$T/page"
chmod 755 "$T/page"
spawn host web socat TCP4-LISTEN:80,fork,reuseaddr "EXEC:$T/page"
ok 'a web server' wait_for 60 listening host 80
spawn host v2ray v2ray -config "$T/server.json"
ok 'the core' wait_for 60 listening host 443

# both FAMILY SERVER SECOND SET
both() {
	local before
	ok "$1: the first client's core" client one "one$1" "$2"
	ok "$1: the second client's core" client two "two$1" "$2"
	is "$1: the first gets a page" "$(page one)" 'the page'
	ok "$1: and holds a connection" \
	    conn one "first$1" 127.0.0.1 5001 127.0.0.1 1081
	before=$(resets two)
	# the line is there before the first byte comes back: so is the ban
	conn two "second$1" 127.0.0.1 5001 127.0.0.1 1081 1
	soon "$1: it is in the kernel's set" 60 in_set "$4" "$3,tcp:443"
	soon "$1: its connection was reset" 60 \
	    eval "(( \$(resets two) > $before ))"
	nok "$1: it carries nothing any more" conn_works "second$1" 1
	is "$1: it gets no page" "$(page two 3)" ''
	ok "$1: the first goes on" conn_works "first$1"
	is "$1: and gets its page" "$(page one)" 'the page'
	like "$1: the operator sees who" "$(ctl show bans)" \
	    "$3 .*v2ray .*bob@example"
	signal "one$1"
	signal "two$1"
	reap "one$1"
	reap "two$1"
}
both IPv4 "$V4.1" "$V4.8" refract4p
# what he has is forgotten, so that the first is the first once more
ctl forgive all >/dev/null
both IPv6 "$V6:1::1" "$V6:8::/64" refract6p

note "$(head -3 "$LOG")"
ctl unban all >/dev/null
ok 'another account' client two eve "$V4.1" \
    c831381d-6324-4d53-ad4f-8cda48b30811
ok 'and the first' client one bob "$V4.1"
is 'both get pages: one' "$(page one)" 'the page'
is 'both get pages: two' "$(page two)" 'the page'
is 'nobody is banned' "$(ctl -j show bans | tr -d ' \n')" '[]'
like 'no line was misread' "$(ctl -j show watches)" '"unparsed": *0'
refract_stop
is 'it stops' $? 0
done_testing
