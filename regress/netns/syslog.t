#!/usr/bin/env bash
# source syslog: udp and unix sockets, both standards, xray behind them; who
# owns the socket, and what becomes of it at a reload and at the end.
. "$(dirname "$0")/../lib.sh"
need_refract
need jq logger
plan 34

machine host
S=/run/refract/test.sock

banned() { in_set refract4 "$1"; }
# udp PORT TEXT, unix TEXT: a datagram
udp() { printf '%s' "$2" | on host socat -u - "UDP4-SENDTO:127.0.0.1:$1"; }
unix() { printf '%s' "$1" | on host socat -u - "UNIX-SENDTO:$S"; }
stamp() { date "+%b %e %H:%M:%S"; }
bound() { [[ -n $(on host ss -Hlnu "sport = :$1") ]]; }
# inode PORT: of the socket that is bound there
inode() { on host ss -Hlnue "sport = :$1" | sed -n 's/.* ino:\([0-9]*\) .*/\1/p'; }
lines() { ctl -j show watches | jq --arg w "$1" '.[] | select(.watch == $w).lines'; }

watch() {
	cat <<-EOT
		watch "$1" {
			$2
			match "app(\\[\\d+\\])?: bad <addr>"
			after 1 match within 1m
			ban for 10m
		}
	EOT
}

{
	watch u "source syslog on 127.0.0.1 udp port 514"
	watch s "source syslog on \"$S\""
	watch six "source syslog on ::1 udp port 514"
	cat <<-EOT
		watch "x" {
			source syslog on 127.0.0.1 udp port 5141
			format xray
			limit 1 address per user within 10s
			ban newest for 10m
		}
	EOT
} | refract_conf
ok "starts" refract_start -v
ok "a port below 1024 is bound" bound 514
is "the socket is everybody's to write to" \
    "$(on host stat -c '%a %U' $S)" "666 root"
is "nobody has it but the parser and its parent" \
    "$(on host ss -Hlnup "sport = :514" | grep -o 'pid=[0-9]*' | sort -u | wc -l)" 2

# --- What comes in ---------------------------------------------------------

udp 514 "<34>$(stamp) h app[7]: bad 192.0.2.1"
soon "RFC 3164 by udp" 60 banned 192.0.2.1
udp 514 "<34>1 $(date -u +%FT%T.123Z) h app 7 - [x y=\"z\"] bad 192.0.2.2"
soon "RFC 5424" 60 banned 192.0.2.2
udp 514 "app: bad 192.0.2.3"
soon "nothing but the text" 60 banned 192.0.2.3
udp 514 $'<34>app: bad 192.0.2.4\n'
soon "with a newline" 60 banned 192.0.2.4
unix "<34>$(stamp) app[7]: bad 192.0.2.5"
soon "by the unix socket" 60 banned 192.0.2.5
ok "logger" on host setpriv --reuid nobody --clear-groups \
    logger -u $S -t app "bad 192.0.2.6"
soon "of somebody who is not root" 60 banned 192.0.2.6
printf '<34>app: bad 192.0.2.7' | on host socat -u - "UDP6-SENDTO:[::1]:514"
soon "by IPv6" 60 banned 192.0.2.7
udp 514 $'<34>app: good\napp: bad 192.0.2.8'
udp 514 "<34>$(stamp) h app: bad 192.0.2.9"
soon "a datagram behind one with a newline in it" 60 banned 192.0.2.9
for a in 1 2; do
	udp 5141 "<34>$(stamp) h xray[5]: $(date '+%Y/%m/%d %H:%M:%S') from 198.51.100.$a:443 accepted tcp:h:443 [in >> out] email: bob"
done
soon "xray's lines behind a syslog header" 60 banned 198.51.100.2
nok "only the newest" banned 198.51.100.1
nok "an old stamp" banned 192.0.2.10
udp 514 "<34>Jan  1 00:00:00 h app: bad 192.0.2.10"
soon "counts as now" 60 banned 192.0.2.10
is "each datagram is one line, whatever is in it" "$(lines u)" 7

# --- Reload ----------------------------------------------------------------

ino=$(inode 514)
{
	watch other "source syslog on 127.0.0.1 udp port 514"
	watch s "source syslog on \"$S\""
} | refract_conf
ok "the port goes to another watch" ctl reload
is "with its socket" "$(inode 514 | head -1)" "${ino%%$'\n'*}"
nok "what is not there any more is closed" bound 5141
udp 514 "<34>app: bad 192.0.2.11"
soon "it is read there" 60 banned 192.0.2.11
is "and only there" "$(lines other)" 1
unix "<34>app: bad 192.0.2.12"
soon "what stays is read on" 60 banned 192.0.2.12
before=$(ctl show config)
{
	watch a "source syslog on 127.0.0.1 udp port 514"
	watch b "source syslog on 127.0.0.1 udp port 514"
} | refract_conf
nok "one socket is one watch's" ctl reload
is "nothing has changed" "$(ctl show config)" "$before"
ok "stops" refract_stop
nok "the unix socket goes with it" on host test -e $S

# --- Where it may not be ---------------------------------------------------

refused() {
	watch a "source syslog on \"$1\"" | refract_conf
	on host "$OBJ/sbin/refractd" -d -f "$REFRACT_CONF"
}
on host mkdir -m 777 /run/open
nok "not where others may write" refused /run/open/s
on host touch /run/file
nok "not in the place of a file" refused /run/file
ok "which is left alone" on host test -f /run/file
spawn host busy socat -u UNIX-RECV:/run/busy -
wait_for 60 on host test -S /run/busy
nok "not where somebody listens" refused /run/busy
ok "who is left alone" on host test -S /run/busy
signal busy KILL
reap busy
watch s "source syslog on \"/run/busy\"" | refract_conf
ok "in the place of a dead socket" refract_start
refract_stop
