#!/usr/bin/env bash
# What ships: every example of refract.conf(5), its defaults and its grammar,
# and the refract.conf of etc/.  In the manual a comment before each display
# says what it is:
#	.\" TEST: file		a whole configuration
#	.\" TEST: defaults	what -nv prints for one watch
#	.\" TEST: mux-defaults	the same for a listener and a pool
#	.\" TEST: grammar	the BNF
#	.\" TEST: table		statements, each after a "Ta Ic"
#	.\" TEST: mux		the same, of listeners and pools
#	.\" TEST: other		another program's configuration
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need mandoc

page=$TOP/refractd/refract.conf.5

# Each display into display.N, and its kind as line N of kinds.
awk '
	/^\.\\" TEST: / { kind = $3 }
	/^\.Bd -literal/ { n++; print kind == "" ? "none" : kind; on = 1
	    kind = ""; printf "" >("display." n); next }
	/^\.Ed/ { on = 0 }
	on { gsub(/\\e/, "\\"); sub(/^\\&/, ""); print >("display." n) }
' "$page" >kinds

n=0
while read -r kind; do
	n=$((n + 1))
	case $kind in
	file)
		ok "example $n is a configuration" \
		    read_conf out -f "display.$n"
		is "... without a warning" "$(cat out.said)" "configuration OK"
		;;
	defaults)
		is "the defaults are as the manual says" \
		    "$(cat "display.$n")" "$(cat minimal.ok)"
		defaults=$n
		;;
	mux-defaults)
		is "the defaults of the mux are as the manual says" \
		    "$(cat "display.$n")" \
		    "$(sed -n '/^drain/,$p' mux-minimal.ok)"
		;;
	grammar) grammar=$n ;;
	other) ;;
	*) fail "display $n says what it is" ;;
	esac
done <kinds
ok "there are defaults and a grammar" test -n "$defaults" -a -n "$grammar"

# What other programs' keys are here: each statement is one.
sed -n '/^\.\\" TEST: table/,/^\.El/s/^\.It .* Ta Ic //p' "$page" |
    sed 's/\\(dq/"/g; s/\\e/\\/g' >statements
while read -r s; do
	case $s in
	pattern*|start*|stop*|commands*|state*|ledger*|include*|name\ =*)
		printf '%s\n' "$s" ;;
	match*|source*)
		printf 'watch "w" { source stdin; match "<user> <addr>"\n'
		printf '\tpattern "user" "x"; ban for 1m\n%s }\n' "$s" ;;
	ban*)
		printf 'watch "w" { source stdin; match "<addr>"\n%s }\n' "$s" ;;
	*)
		printf 'watch "w" { source stdin; match "<user> <addr>"\n'
		printf '\tpattern "user" "x"; ban for 10m\n%s }\n' "$s" ;;
	esac >row.conf
	[[ $s == *fail2ban* && ! -e /etc/fail2ban/filter.d/sshd.conf ]] &&
	    skip 1 "$s" "fail2ban is not installed" && continue
	ok "$s" read_conf row -f row.conf
done <statements
sed -n '/^\.\\" TEST: mux$/,/^\.El/s/^\.It .* Ta Ic //p' "$page" |
    sed 's/\\(dq/"/g; s/\\e/\\/g' >statements
while read -r s; do
	case $s in
	listen*|pool*|log*|workers*|hot*)
		printf '%s\n' "$s" ;;
	member*|balance*|check*)
		printf 'pool "p" { member 192.0.2.1 port 80\n%s }\n' "$s" ;;
	*)
		printf 'tap "t" to "/run/t"\nlisten "l" on 192.0.2.1 tcp port 1 {\n'
		printf 'postgres drop\n%s }\n' "$s" ;;
	esac >row.conf
	ok "$s" read_conf row -f row.conf
	is "... without a warning" "$(cat row.said)" "configuration OK"
done <statements
for key in bind peek_buffer_size peek_timeout_ms max_connections \
    max_connections_per_ip hot_reload fallback_tcp fallback_udp sni patterns \
    forward_to transport hooks; do
	like "refractium's $key is in the manual" \
	    "$(sed -n '/^\.Ss refractium/,/^\.El/p' "$page")" "$key"
done
for key in listen_port listen_address_v4 listen_ipv6 tcp_backlog \
    tcp_max_connections tcp_target load_balance udp_ idle_lifetime \
    dns_cache_min_ttl tcp_send_proxy_protocol tcp_recv_proxy_protocol \
    tcp_trusted_proxies target server_names alpn ech wireguard quic; do
	like "rpxy-l4's $key is in the manual" \
	    "$(sed -n '/^\.Ss rpxy-l4/,/^\.El/p' "$page")" "$key"
done
for key in foreground inetd timeout on-timeout user chroot pidfile transparent \
    syslog_facility logfile verbose is_udp is_unix keepalive max_connections \
    proxyprotocol service udp_timeout fork tfo_ok resolve_on_forward log_level \
    sni_hostnames alpn_protocols regex_patterns minlength --ssh --tls --http \
    --openvpn --tinc --xmpp --socks5 --adb --syslog --msrdp --teamspeak \
    --wireguard --anyprot; do
	like "sslh's $key is in the manual" \
	    "$(sed -n '/^\.Ss sslh/,/^\.El/p' "$page")" "$key"
done
# Every protocol has its line.
sed -n 's/^ROW([A-Z0-9_]*, "\([^"]*\)", \(TCP\|BOTH\),.*/\1/p' \
    "$TOP/refract-mux/probe/rows.h" | sort >have
sed -n '/^\.Ss Protocols/,/^\.El/s/^\.It Ic //p' "$page" |
    tr -s ', ' '\n' | sort >said
is "every protocol is in the manual" "$(cat said)" "$(cat have)"
for key in patterns regex ignore ignoreregex ignorecidr ipv4mask ipv6mask \
    cmd retry retryperiod duplicate struct fields after onexit oneshot \
    ipv4only ipv6only start stop concurrency state_directory \
    state_rotation_interval plugins definitions; do
	like "reaction's $key is in the manual" \
	    "$(sed -n '/^\.Ss reaction/,/^\.El/p' "$page")" "$key"
done

# The grammar has every keyword, and no other.
sed -n '/^static const struct keyword keywords/,/^};/s/^\t{ "\([^"]*\)".*/\1/p' \
    "$TOP/refractd/keywords.h" | sort -u >have
grep -o '"[a-z0-9-]*"' "display.$grammar" | tr -d '"' | sort -u |
    grep . >said
is "the grammar has every keyword" "$(comm -23 have said)" ""
is "... and no other" "$(comm -13 have said)" ""
sed -n '/^static const struct keyword keywords/,/^};/s/^\t{ "\([^"]*\)".*/\1/p' \
    "$TOP/refractd/keywords.h" >order
is "keywords are in the order that bsearch(3) needs" "$(cat order)" \
    "$(LC_ALL=C sort order)"
is "mandoc finds nothing wrong" \
    "$(mandoc -Tlint "$page" 2>&1 | grep -v 'referenced manual not found' |
	grep -v 'outdated mandoc.db')" ""

# etc/refract.conf: the original, without flags.
cp "$TOP/etc/refract.conf" shipped.conf
for f in relay-client relay-server; do
	cp "$TOP/etc/$f.conf" . && chmod 644 "$f.conf"
	ok "the shipped $f.conf is good" read_conf out -f "$f.conf"
	is "... without a warning" "$(cat out.said)" "configuration OK"
done
ok "the shipped refract.conf is good" read_conf out -f shipped.conf
is "... without a warning" "$(cat out.said)" "configuration OK"
is "... and is the original's rule" "$(sed '/^log bans/d' out.out)" \
    "$(sed '/^log bans/d' minimal.ok)"
like "... with a log" "$(cat out.out)" 'log bans "/var/log/refract/bans.log"'
cp out.out first
ok "... what it prints reads as itself" read_conf out -f first
is "... exactly" "$(cat out.out)" "$(cat first)"
ok "... its macros give way to -D" read_conf out -f shipped.conf \
    -D proto=udp -D dport=8443 -D window=10s -D timeout=2h \
    -D access_log=/a.log -D block_log=/b.log
is "... all of them" \
    "$(grep -E 'log|limit|ban newest' out.out | tr -d '\t')" \
    'log bans "/b.log"
source file "/a.log" from end
limit 1 address per user within 10s
ban newest for 2h on udp port 8443'
# What is commented out there is an example, too.
sed 's/^\(	*\)#\([a-z	}]\)/\1\2/' shipped.conf |
    sed 's,table <office> file .*,table <office> { 192.0.2.1 },
	s/admin group "adm"/admin group "root"/' >uncommented
chmod 644 uncommented
ok "... its examples are good" read_conf out -f uncommented
is "... without a warning" "$(cat out.said)" "configuration OK"
like "... the watch of sshd is there" "$(cat out.out)" 'watch "sshd"'

# README.md: what is indented and opens a brace is a configuration, in parts.
awk '
	/^    / { part = part substr($0, 5) "\n"; next }
	/^$/ { if (part) part = part "\n"; next }
	{ if (part ~ /\{\n/) print part; part = "" }
' "$TOP/README.md" >readme.conf
ok "README.md has four or more" \
    test "$(grep -cE '^(watch|listen|pool)' readme.conf)" -ge 4
ok "... and they are good" read_conf out -f readme.conf
is "... without a warning" "$(cat out.said)" "configuration OK"
done_testing
