#!/usr/bin/env bash
# JSON lines: Docker's json-file logs with xray in them, whose path changes with
# each container; fields, times and addresses of other programs' logs; and
# standard input as a source.
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_refract
need jq
plan 24

machine host
D=$T/docker
mkdir -p "$D/aaa" "$D/bbb"
banned() { in_set refract4 "$1"; }
watches() { ctl -j show watches | jq --arg w "$1" ".[] | select(.watch == \$w).$2"; }
is_now() { [[ $(watches "$1" "$2") == "$3" ]]; }

# docker FILE ADDR USER: as Docker writes what Xray writes
docker() {
	jq -nc --arg l "$(date '+%Y/%m/%d %H:%M:%S') from $2:5 accepted tcp:h:443 [in >> out] email: $3"$'\n' \
	    --arg t "$(date -u +%FT%T.%NZ)" \
	    '{log: $l, stream: "stdout", time: $t}' >>"$1"
}
put() { printf '%s\n' "$2" >>"$T/$1"; }
ago() { date -u -d "-$1 seconds" +%FT%TZ; }

: >"$T/app.json"
: >"$T/nested.json"
docker "$D/aaa/aaa-json.log" 192.0.2.1 bob
refract_conf <<-EOT
	watch "docker" {
		source file "$D/*/*-json.log"
		json field "log"
		format xray
		limit 1 address per user within 10s
		ban newest for 10m
	}
	watch "app" {
		source file "$T/app.json"
		json field "msg"
		json time "ts"
		json addr "client.ip"
		match "login failed for <user>"
		pattern "user" "[a-z]+"
		after 2 matches within 10m
		key { addr }
		ban for 1h
	}
	watch "whole" {
		source file "$T/nested.json" from start
		json time "t"
		match "\"src\":\"<addr>\""
		after 1 match within 10m
		ban for 1h
	}
	watch "in" {
		source stdin
		match "from <addr>"
		after 1 match within 10m
		ban for 1h
	}
EOT
# Opening a fifo waits for its other end.
mkfifo "$T/stdin"
: >"$T/lines"
spawn host writer bash -c "exec tail -n +1 -f $T/lines >$T/stdin"
# shellcheck disable=SC2016
REFRACT_AS=(bash -c 'exec "$@" <"$0"' "$T/stdin")
ok "starts" refract_start -v
REFRACT_AS=()

# --- Docker ----------------------------------------------------------------

docker "$D/aaa/aaa-json.log" 192.0.2.2 bob
docker "$D/aaa/aaa-json.log" 192.0.2.3 bob
soon "xray's lines in a container's log" 60 banned 192.0.2.3
nok "those that were there do not count" banned 192.0.2.2
mkdir "$D/ccc"
docker "$D/ccc/ccc-json.log" 192.0.2.4 eve
docker "$D/ccc/ccc-json.log" 192.0.2.5 eve
soon "and in that of the next container" 60 banned 192.0.2.5
echo '{"log":"2026/11/21 10:00:00 from 192.0.2.6:5 acc' >>"$D/ccc/ccc-json.log"
echo 'no JSON' >>"$D/ccc/ccc-json.log"
docker "$D/ccc/ccc-json.log" 192.0.2.4 eve
soon "what is broken is counted" 60 is_now docker unparsed 2
is "and the rest read" "$(watches docker lines)" 7

# --- Fields ----------------------------------------------------------------

put app.json '{"ts":"'"$(ago 0)"'","msg":"login failed for root","client":{"ip":"198.51.100.1"}}'
put app.json '{"ts":"'"$(ago 0)"'","msg":"login failed for root","client":{"ip":"198.51.100.2"}}'
put app.json '{"ts":"'"$(ago 0)"'","msg":"login failed for bob","client":{"ip":"198.51.100.1"}}'
soon "the address of one field, the words of another" 60 banned 198.51.100.1
nok "each for itself" banned 198.51.100.2
put app.json '{"ts":"'"$(ago 0)"'","client":{"ip":"198.51.100.3"},"msg":"x","note":"login failed for a"}'
put app.json '{"ts":"'"$(ago 0)"'","client":{"ip":"198.51.100.3"},"note":{"msg":"login failed for a"}}'
put app.json '{"ts":"'"$(ago 0)"'","client":{"ip":"no address"},"msg":"login failed for a"}'
put app.json '{"ts":"'"$(ago 0)"'","client.ip":"2001:db8::1","msg":"login failed for \u0062ob"}'
put app.json '{"ts":'"$(date +%s).25"',"client.ip":"2001:db8::2","msg":"login failed for bob"}'
soon "escapes, times in seconds, keys with dots; a /64 is one" 60 \
    in_set refract6 2001:db8::
nok "no other field is looked at" banned 198.51.100.3
is "each is a line" "$(watches app lines)" 8

# --- The line itself -------------------------------------------------------

put nested.json '{"t":"'"$(ago 0)"'","event":{"src":"203.0.113.1"}}'
soon "without a field the line is what is matched" 60 banned 203.0.113.1
put nested.json '{"t":"'"$(ago 0)"'","event":{"src":"203.0.113.2"}'
put nested.json '{"t":"'"$(ago 0)"'","event":{"src":"203.0.113.3"}}'
soon "and goes on" 60 banned 203.0.113.3
nok "a line cut short is not believed" banned 203.0.113.2

# --- Standard input --------------------------------------------------------

put lines "from 192.0.2.77"
soon "standard input" 60 banned 192.0.2.77
ok "reload" ctl reload
put lines "from 192.0.2.78"
soon "goes on over a reload" 60 banned 192.0.2.78
signal writer
soon "its end is seen" 60 logged 'stdin: read to its end'
ok "and is not the daemon's" running refractd
ok "stops" refract_stop

# A file on standard input is read by its own stamps, to its end.
{
	echo "$(ago 3000) from 192.0.2.80"
	echo "$(ago 3000) from 192.0.2.81"
	echo "$(ago 60) from 192.0.2.82"
} >"$T/stdin.log"
# shellcheck disable=SC2016
REFRACT_AS=(bash -c 'exec "$@" <"$0"' "$T/stdin.log")
sed -i '/source stdin/,/^}/s/1h/30m/' "$REFRACT_CONF"
ok "starts with a file" refract_start -v
soon "a ban that is not over" 60 banned 192.0.2.82
nok "and one that is" banned 192.0.2.80
signal refractd KILL
reap refractd
sed -i '/source stdin/a source stdin' "$REFRACT_CONF"
nok "standard input is one source" on host "$OBJ/sbin/refractd" -n -f "$REFRACT_CONF"
