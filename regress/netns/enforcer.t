#!/usr/bin/env bash
# refract-enforcer with the real kernel: what a ban does to packets, sockets
# and flows, whom it spares, and what happens when others change our sets.
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_root
need ipset iptables ip6tables ip ss socat conntrack nft
. "$(dirname "$0")/harness.sh"

V4=203.0.113
V6=2001:db8:0
machine host
machine home
machine box
ok 'a network' link host wan "$V4.1/24 $V6:1::1/48" \
    home lan "$V4.7/24 $V4.8/24 $V4.9/24 $V6:7::7/48 $V6:8::8/48 $V6:9::9/48"
ok 'a container' link host box0 "10.9.0.1/24 fd09::1/64" \
    box eth0 "10.9.0.2/24 fd09::2/64"
on host sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
on box ip route add default via 10.9.0.1
on box ip -6 route add default via fd09::1
ok 'a service' echo_service host service 443
ok 'another service' echo_service host other 444
ok 'a service in the container' echo_service box inner 8443

# meets FROM [PORT [SECONDS]]: somebody there gets through at the first try.
meets() {
	local to=$V4.1 proto=TCP4 from=$1 limit=${3:-60}
	[[ $1 == *:* ]] && to="[$V6:1::1]" proto=TCP6 from="[$1]"
	[[ $(on home timeout "$limit" socat -t "$limit" - \
	    "$proto:$to:${2:-443},bind=$from,connect-timeout=$limit" \
	    <<<hello) == hello ]]
}
# shut_out FROM [PORT]: he does not.
shut_out() { ! meets "$1" "${2:-443}" 1.5; }
count() { on host ipset list -t "$1" | sed -n 's/^Number of entries: //p'; }
counts() { [[ $(count "$1") == "$2" ]]; }
max_of() { on host ipset list -t "$1" | grep -q "maxelem $2 "; }
refs() { on host ipset list -t "$1" | sed -n 's/^References: //p'; }

harness host rules -R
harness host enf
h enf 'never 198.51.100.0/24 2001:db8:ffff::/48'
h enf 'watch web 10m tcp/443 udp/5353'
h enf 'watch host 4w'
h enf 'watch trial dry'
h enf conf
ok 'configured' said enf 'M_CONF_DONE'
is 'six sets' "$(on host ipset list -n | sort | paste -sd' ')" \
    'refract4 refract4n refract4p refract6 refract6n refract6p'
h rules 'rules install drop local'
ok 'the rules' said rules 'M_RULES_OUTCOME 0 code 0'
h enf restored
ok 'nothing is stored' said enf 'M_RESTORED 0 code 0 count 0'
is 'rules refer to the sets' "$(refs refract4) $(refs refract4p) $(refs refract4n) $(refs refract6) $(refs refract6p) $(refs refract6n)" \
    '2 1 3 2 1 3'

# --- One port ---
ok 'one connects' conn home a "$V4.7" 5001 "$V4.1" 443
ok 'and again' conn home a2 "$V4.7" 5002 "$V4.1" 443
ok 'and to another port' conn home a3 "$V4.7" 5003 "$V4.1" 444
ok 'another connects' conn home b "$V4.8" 5001 "$V4.1" 443
h enf "ban parser $V4.7 from $V4.7 5001 port tcp/443 subject alice"
ok 'applied' said enf "ledger: applied 0 0 $V4.7 tcp/443 alice 600s"
ok 'control hears it too' said enf "control: applied 0 0 $V4.7 tcp/443"
REFRACT_ON=host
ok 'in the set' in_set refract4p "$V4.7,tcp:443"
soon 'reset (v4-mapped, exact)' 60 conn_reset a
soon 'reset (v4-mapped, found)' 60 conn_reset a2
ok 'told how many' said enf "killed 2 0 $V4.7 tcp/443"
ok 'the other port is not touched' conn_works a3
ok 'nor is the other address' conn_works b
ok 'it gets no further' shut_out "$V4.7"
ok 'but to the other port' meets "$V4.7" 444

# --- IPv6, the whole host, by /64 ---
ok 'IPv6 connects' conn home s "$V6:7::7" 5001 "$V6:1::1" 443
ok 'IPv6 connects to another port' conn home s2 "$V6:7::7" 5002 "$V6:1::1" 444
ok 'IPv6: another connects' conn home s3 "$V6:8::8" 5002 "$V6:1::1" 444
h enf "ban parser $V6:7::/64 from $V6:7::7 5001 watch host for 4w"
soon 'IPv6: reset' 60 conn_reset s
soon 'IPv6: reset on every port' 60 conn_reset s2
ok 'IPv6: the other goes on' conn_works s3
ok 'IPv6: it gets no further' shut_out "$V6:7::7" 444
is 'four weeks: the most that the kernel can count' \
    "$(on host ipset list refract6 | sed -n "s/^$V6:7::.64 timeout \(2147[0-4]..\).*/yes/p")" yes
h enf "show"
ok 'four weeks: and really four weeks' said enf "row $V6:7::/64 all  2419200s"
h enf "ban control 192.0.2.1 for forever prefix"
ok 'for ever' said enf 'ledger: applied 0 0 192.0.2.1 all  forever'
ok 'for ever: no timeout' eval \
    'on host ipset list refract4 | grep -q "^192.0.2.1 timeout 0"'

# --- A connection that is half open ---
on home iptables -A INPUT -p tcp --sport 444 --tcp-flags SYN,ACK SYN,ACK -j DROP
spawn home half socat - "TCP4:$V4.1:444,bind=$V4.9:5009,connect-timeout=9"
half_open() { [[ -n $(on host ss -Hnt state syn-recv "dst $V4.9") ]]; }
soon 'half open' 60 half_open
h enf "ban control $V4.9 from $V4.9"
soon 'half open: ended' 60 not half_open
on home iptables -F INPUT
h enf "unban $V4.9"
ok 'unban' said enf 'M_RESULT [0-9]+ code 0 count 1 1 ban lifted'
ok 'unban: it gets through again' meets "$V4.9" 444

# --- udp, in conntrack; a redirected port; a service in a container ---
on host iptables -t mangle -A PREROUTING -m conntrack --ctstate INVALID -j DROP
on host ip6tables -t mangle -A PREROUTING -m conntrack --ctstate INVALID -j DROP
on host iptables -t nat -A PREROUTING -p tcp --dport 4443 -j REDIRECT --to-ports 444
for t in iptables ip6tables; do
	to=10.9.0.2:8443
	[[ $t == ip6tables ]] && to='[fd09::2]:8443'
	on host "$t" -t nat -A PREROUTING -i wan -p tcp --dport 8080 -j DNAT \
	    --to-destination "$to"
done
spawn host udp socat -u "UDP4-RECV:5353" -
on home bash -c "echo hello >/dev/udp/$V4.1/5353"
flows() { on host conntrack -L -p "$1" 2>/dev/null | grep -c "src=$2 .*dport=$3"; }
has_flow() { [[ $(flows "$@") -gt 0 ]]; }
soon 'udp: a flow' 60 has_flow udp "$V4.7" 5353
h enf "ban parser $V4.7 from $V4.7 port udp/5353"
soon 'udp: gone' 60 not has_flow udp "$V4.7" 5353
ok 'udp: told' said enf "killed 1 0 $V4.7 udp/5353"

ok 'redirected: connects' conn home r "$V4.9" 5010 "$V4.1" 4443
h enf "ban control $V4.9 from $V4.9 port tcp/4443"
soon 'redirected: the flow is gone' 60 not has_flow tcp "$V4.9" 4443
nok 'redirected: it carries nothing more' conn_works r 1
ok 'redirected: the dialled port is shut' shut_out "$V4.9" 4443

ok 'container: connects' conn home d "$V4.8" 5011 "$V4.1" 8080
ok 'container: IPv6 connects' conn home d6 "$V6:8::8" 5011 "$V6:1::1" 8080
h enf "ban control $V4.8 from $V4.8 port tcp/8080"
h enf "ban control $V6:8::/64 from $V6:8::8 port tcp/8080"
soon 'container: the flow is gone' 60 not has_flow tcp "$V4.8" 8080
soon 'container: IPv6: the flow is gone' 60 not has_flow tcp "$V6:8::8" 8080
nok 'container: it carries nothing more' conn_works d 1
ok 'container: the dialled port is shut' shut_out "$V4.8" 8080
ok 'container: IPv6: the dialled port is shut' shut_out "$V6:8::8" 8080
ok 'container: others get through' meets "$V4.9" 8080
ok 'container: IPv6: others get through' meets "$V6:9::9" 8080
ok 'container: a whole host' conn home w "$V4.9" 5012 "$V4.1" 8080
inside() { [[ -n $(on box ss -Hnt state established "dst $V4.9") ]]; }
ok 'container: its end is there' inside
h enf "ban control $V4.9 from $V4.9"
soon 'container: the flow of the host is gone' 60 not has_flow tcp "$V4.9" 8080
ok 'container: the whole host is shut out' shut_out "$V4.9" 8080

# --- Who is spared ---
refuses() { h enf "$1"; ok "spared: $2" said enf "control: never 0 0 $3 "; }
refuses 'ban control 127.0.0.1' loopback 127.0.0.1
refuses "ban control $V4.1" 'our own' "$V4.1"
refuses 'ban control 10.9.0.1' 'our own, another interface' 10.9.0.1
refuses 'ban control ff02::1' multicast ff02::1
refuses 'ban control 198.51.100.9' 'the configuration'\''s' 198.51.100.9
refuses "ban control 198.51.0.0/16 from 198.51.100.9" 'an offender who is' 198.51.0.0/16
on host ip route add default via "$V4.254"
on host ip -6 route add default via "$V6:1::fe" dev wan
soon 'the kernel knows the default gateway' 60 in_set refract4n "$V4.254"
refuses "ban control $V4.254" 'the default gateway' "$V4.254"
soon 'IPv6: the kernel knows it' 60 in_set refract6n "$V6:1::fe"
refuses "ban control $V6:1::fe" 'IPv6: the default gateway' "$V6:1::fe"
h enf 'ban control 192.0.2.44 from 192.0.2.44'
ok 'not ours yet' said enf 'control: applied 0 0 192.0.2.44'
on host ip addr add 192.0.2.44/32 dev lo
soon 'ours now: the kernel knows' 60 in_set refract4n 192.0.2.44
h enf 'unban 192.0.2.44'
refuses 'ban control 192.0.2.44' 'a new address of ours' 192.0.2.44
on host ip addr del 192.0.2.44/32 dev lo
soon 'not ours any more' 60 not in_set refract4n 192.0.2.44

h enf "unban $V4.8"
h enf "never 198.51.100.0/24 2001:db8:ffff::/48 $V4.8 $V6:8::8"
h enf conf
ok 'configured anew' said enf 'M_CONF_DONE'
ok 'a new never-table' in_set refract4n "$V4.8"
ok 'a protected one connects' conn home p "$V4.8" 5020 "$V4.1" 444
ok 'IPv6: a protected one connects' conn home p6 "$V6:8::8" 5020 "$V6:1::1" 444
ok 'IPv6: another connects' conn home o6 "$V6:9::9" 5020 "$V6:1::1" 444
h enf "ban control 2001:db8::/32 prefix"
soon 'IPv6: the other is reset' 60 conn_reset o6
ok 'IPv6: told how many' said enf 'control: killed [0-9]+ 0 2001:db8::/32'
ok 'IPv6: the protected one goes on' conn_works p6
h enf "ban control $V4.0/24 prefix"
ok 'a prefix over protected addresses is applied' said enf "applied 0 0 $V4.0/24"
soon 'others are reset' 60 conn_reset a3
ok 'told how many (prefix)' said enf "control: killed [0-9]+ 0 $V4.0/24"
ok 'the protected one goes on' conn_works p
ok 'it shuts others out' shut_out "$V4.7" 444
ok 'and spares the protected one' meets "$V4.8" 444
ok 'IPv6: it shuts others out' shut_out "$V6:9::9" 444
h enf "unban $V6:8::8"
h enf "ban control 2001:db8::/32 prefix"
ok 'IPv6: and spares the protected one' meets "$V6:8::8" 444
h enf "kill $V4.8"
soon 'an operator ends even his connections' 60 conn_reset p
h enf "unban $V4.9"
ok 'lifting an address lifts what covers it' said enf "lifted 0 0 $V4.0/24"
h enf 'unban all'
soon 'all lifted' 60 counts refract6 0
h enf 'ban control 192.0.2.30 subject alice'
h enf 'ban control 192.0.2.31 subject bob'
said enf 'applied 0 0 192.0.2.31' >/dev/null
h enf 'unban user alice'
ok 'lifting a user'\''s bans' said enf 'M_RESULT [0-9]+ code 0 count 1'
ok 'lifts no other'\''s' in_set refract4 192.0.2.31
nok 'but his' in_set refract4 192.0.2.30
h enf 'unban all'
soon 'all lifted again' 60 counts refract4 0

h enf 'global protect'
h enf conf
h enf "sessions $V4.7"
h enf "ban parser $V4.7 from $V4.7 watch host"
ok 'somebody is logged in from there' said enf "control: protected 0 0 $V4.7 all"
h enf "ban parser $V4.7 from $V4.7 port tcp/443"
ok 'but ports are' said enf "applied 0 0 $V4.7 tcp/443"

# --- What a sibling may ask ---
denied() { h enf "$1"; ok "denied: $2" said enf "control: $4 0 1 $3 "; }
denied "ban parser $V4.0/24 from $V4.7 port tcp/443" 'a wider prefix' "$V4.0/24" failed
denied "ban parser $V4.9 from $V4.9 port tcp/444" 'another port' "$V4.9 tcp/444" failed
denied "ban parser $V4.9 from $V4.9 port tcp/443 for 12m" 'a longer time' "$V4.9 tcp/443" failed
denied "ban parser $V4.9 from $V4.9 port tcp/443 for forever" 'for ever' "$V4.9 tcp/443" failed
denied "ban parser $V4.9 from $V4.9 watch nobody" 'an unknown watch' "$V4.9 all" failed
denied "ban parser $V4.8/32 from 192.0.2.3 port tcp/443" 'not the offender' "$V4.8 tcp/443" failed
denied "ban control 0.0.0.0/0 prefix" 'everybody' '0.0.0.0/0 all' failed
h enf "ban parser $V4.9 from $V4.9 watch trial"
ok 'a dry run' said enf "control: dry 0 0 $V4.9"
nok 'a dry run does nothing' in_set refract4 "$V4.9"
h enf 'unban all'
start=$EPOCHSECONDS
h enf 'burst control 60000'
h enf counters
ok 'a burst of bans is over' said enf 'refract_bans=' 200
# 20,000 at once and 5,000 a second are not too fast.
if (((EPOCHSECONDS - start + 1) * 5000 < 40000)); then
	ok 'asking too fast' grep -q 'control: rate 0 0' "$T/enf.out"
	ok 'is counted' h_heard enf 'refract_bans_refused_rate_total=[0-9]{2,}'
else
	skip 2 'asking too fast' 'this machine is too slow for that'
fi
h enf 'unban all'
ok 'all is lifted' said enf 'M_RESULT [0-9]+ code 0 count [0-9]{4,} [0-9]{4,} bans lifted'
soon 'all is out of the kernel' 60 counts refract4 0

# --- Bounds and growth ---
h enf 'global max 3'
h enf conf
for i in 1 2 3 4; do h enf "ban control 192.0.2.$i"; done
ok 'full' said enf 'control: full 0 0 192.0.2.4'
h enf 'ban control 192.0.2.3 for 20m'
ok 'full: but longer' said enf 'control: extended 0 0 192.0.2.3'
h enf 'ban control 192.0.2.3 for 5m'
ok 'never shorter' said enf 'control: kept 0 0 192.0.2.3'
h enf 'global max 2000000'
h enf conf
soon 'grown' 60 max_of refract4 2000000
ok 'with all that was in it' in_set refract4 192.0.2.2
is 'and rules refer to it' "$(refs refract4)" 2
h enf 'ban control 192.0.2.4'
ok 'not full' said enf 'control: applied 0 0 192.0.2.4'
h enf 'global instance other'
h enf send
ok 'another instance is refused' said enf 'refused instance: '
h enf 'global instance'

# --- Drift ---
# heals NAME: what the parent does when it is told.
heals() {
	ok "$1: seen" said enf 'M_RULES_DRIFT'
	h rules 'rules install drop local'
	soon "$1: healed" 60 eval \
	    '[[ $(refs refract4) == 2 && $(refs refract6p) == 1 ]]'
	mark enf
}
mark enf
on host nft flush ruleset
heals 'nft flush ruleset'
on host iptables -t raw -F
heals 'iptables -F'
on host ip6tables -t raw -D PREROUTING 1
heals 'one rule'
on host ipset flush refract4
soon 'ipset flush: healed' 60 in_set refract4 192.0.2.2
soon 'ipset flush: all of it' 60 counts refract4 4
on host ipset del refract4 192.0.2.1
soon 'ipset del: healed' 60 in_set refract4 192.0.2.1
soon 'drift is told' 60 grep -q 'notice sets: 1 bans were gone' "$T/enf.out"
on host ipset flush refract4n
soon 'the never-set: healed' 60 in_set refract4n 127.0.0.1
mark enf
# The kernel lets go of the sets a moment after the rules.
on host nft flush ruleset
wait_for 60 on host ipset destroy
ok 'ipset destroy: seen' said enf 'M_RULES_DRIFT'
soon 'ipset destroy: the sets' 60 in_set refract4 192.0.2.2
soon 'ipset destroy: the never-sets' 60 in_set refract6n ::1
h rules 'rules install drop local'
soon 'ipset destroy: the rules' 60 eval '[[ $(refs refract4) == 2 ]]'
h enf counters
ok 'drift is counted' said enf 'refract_drift_total=[0-9]+'

# --- Ends, and starting again ---
h enf 'ban control 192.0.2.50 for 1500ms'
ok 'a short one' said enf 'control: applied 0 0 192.0.2.50'
soon 'ends in the kernel' 60 not in_set refract4 192.0.2.50
ok 'and it is told' said enf 'ledger: expired 0 0 192.0.2.50'
h enf 'ban control 192.0.2.60 for 1h'
soon 'one more' 60 in_set refract4 192.0.2.60
h_end enf
ok 'dead: the kernel keeps its bans' in_set refract4 192.0.2.60
on host ipset add refract4 192.0.2.70 timeout 600
harness host enf
h enf 'watch web 10m tcp/443'
h enf conf
h enf 'restore 192.0.2.80 10m'
h enf 'restore 192.0.2.80 20m'
h enf 'restore 127.0.0.1 20m'
h enf 'restore 2001:db8:5::/64 forever tcp/443'
h enf restored
ok 'again: stored bans stand' said enf 'M_RESTORED 0 code 0 count 2 2 stored bans stand, 1 do not'
ok 'again: IPv6' in_set refract6p '2001:db8:5::/64,tcp:443'
h enf show
ok 'again: what is stored is known' said enf 'row 192.0.2.80 all stored +1200s'
ok 'again: what nobody recorded is kept' in_set refract4 192.0.2.60
soon 'again: and reported' 60 \
    grep -q 'entries that nobody recorded are kept' "$T/enf.err"
h enf 'unban 192.0.2.70'
soon 'again: and can be lifted' 60 not in_set refract4 192.0.2.70
ok 'again: alone' in_set refract4 192.0.2.60
h enf 'show 1'
ok 'a page' said enf 'end [1-9]'
h enf 'kill 192.0.2.80'
ok 'kill' said enf 'M_RESULT [0-9]+ code 0 count 0 0 connections'
h enf 'kill all'
ok 'kill needs an address' said enf 'M_RESULT [0-9]+ code 1'

# --- A sibling that sends what it must not ---
h enf 'raw ledger 26 0'
ok 'a bad message ends the process' said enf 'exit: 1|died'
h_end enf

# --- Nothing is left ---
on host ipset create refract_banned_users hash:ip
on host iptables -A INPUT -p tcp --dport 443 -m set \
    --match-set refract_banned_users src -j DROP
harness host enf
h enf send
h rules 'rules remove drop local'
h enf destroy
ok 'destroyed' said enf 'M_SETS_GONE 0 code 0 count 7'
is 'no set is left' "$(on host ipset list -n)" ''
is 'no rule is left' "$(on host sh -c 'iptables-save; ip6tables-save' | grep -c refract)" 0
h enf stop
ok 'ends by itself' said enf 'exit: 0'
done_testing
