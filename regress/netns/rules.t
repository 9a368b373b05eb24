#!/usr/bin/env bash
# refract-enforcer -R: rules first in their chains, each once, nobody else's
# touched, none left; with iptables-nft and with iptables-legacy.
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_root
need ipset iptables ip6tables
. "$(dirname "$0")/harness.sh"

# saved MACHINE TABLE [6]: its rules, as one may put them in again.
saved() {
	on "$1" env PATH="$P" "ip${3-}tables" -t "$2" -S | grep '^-A'
}
ours() { saved "$@" | grep -Ec -- '--comment "?refract[" -]'; }

every_set() {
	local f
	for f in 4 6; do
		on "$1" ipset create "refract$f$2" hash:net family "inet${f/4/}" timeout 0
		on "$1" ipset create "refract${f}n$2" hash:net family "inet${f/4/}" timeout 0
		on "$1" ipset create "refract${f}p$2" hash:net,port family "inet${f/4/}" timeout 0
	done
}

try() {
	local m=$1 v
	P=$T/$1:$PATH
	mkdir "$T/$m"
	for v in iptables ip6tables; do
		for s in '' -restore -save; do
			ln -s "$(type -P "$v-$m$s")" "$T/$m/$v$s" || return 1
		done
	done
	machine "$m"
	every_set "$m" '' || return 1
	every_set "$m" -two
	HARNESS_AS=(env "PATH=$P")
	harness "$m" "r$m" -R || return 1
	for v in '' 6; do
		on "$m" env PATH="$P" "ip${v}tables" -t raw -A PREROUTING -p udp \
		    --dport 999 -m comment --comment "refraction" -j DROP
		on "$m" env PATH="$P" "ip${v}tables" -A INPUT -p tcp --dport 998 -j ACCEPT
		on "$m" env PATH="$P" "ip${v}tables" -A FORWARD -p tcp --dport 997 -j ACCEPT
	done

	h "r$m" 'rules install drop local'
	ok "$m: installed" said "r$m" 'M_RULES_OUTCOME 0 code 0 count 0 $'
	for v in '' 6; do
		is "$m: IPv${v:-4}: two in PREROUTING" "$(ours "$m" raw "$v")" 2
		is "$m: IPv${v:-4}: one in FORWARD" "$(ours "$m" filter "$v")" 1
		is "$m: IPv${v:-4}: first" "$(saved "$m" raw "$v" | head -2 |
		    grep -c 'LOCAL .*! --match-set refract.n src .*--match-set refract.p* src')" 2
		is "$m: IPv${v:-4}: others' stay" "$(saved "$m" raw "$v" |
		    grep -c refraction)" 1
		like "$m: IPv${v:-4}: a container's end is reset" \
		    "$(saved "$m" filter "$v" | grep refract)" \
		    'refract.n dst .*refract. dst -j REJECT --reject-with tcp-reset'
	done
	before=$(saved "$m" raw; saved "$m" filter; saved "$m" raw 6)
	h "r$m" 'rules install drop local'
	ok "$m: again" said "r$m" 'code 0'
	is "$m: nothing has changed" \
	    "$(saved "$m" raw; saved "$m" filter; saved "$m" raw 6)" "$before"
	on "$m" env PATH="$P" iptables -t raw -I PREROUTING -p udp --dport 996 -j ACCEPT
	on "$m" env PATH="$P" iptables -t raw -D PREROUTING 2
	h "r$m" 'rules install drop local'
	ok "$m: after others" said "r$m" 'code 0'
	is "$m: first again, each once" "$(saved "$m" raw | head -2 |
	    grep -c refract4) $(ours "$m" raw)" '2 2'
	h "r$m" 'rules install drop forward'
	ok "$m: hook forward" said "r$m" 'code 0'
	unlike "$m: to everybody" "$(saved "$m" raw)" LOCAL
	is "$m: no rule is left of hook local" "$(ours "$m" raw)" 2
	h "r$m" 'rules install reject local'
	ok "$m: action reject" said "r$m" 'code 0'
	is "$m: none in raw" "$(ours "$m" raw) $(ours "$m" raw 6)" '0 0'
	is "$m: INPUT and FORWARD" "$(ours "$m" filter) $(ours "$m" filter 6)" '9 9'
	like "$m: reject: first" "$(saved "$m" filter | grep INPUT | head -1)" \
	    'refract4 src -j REJECT --reject-with tcp-reset'
	is "$m: the set is referred to" "$(on "$m" ipset list -t refract4p |
	    sed -n 's/References: //p')" 4

	h "r$m" 'rules install drop local two'
	ok "$m: an instance" said "r$m" 'code 0'
	like "$m: with sets of its own" "$(saved "$m" raw)" 'refract4p-two src,dst'
	is "$m: beside the other" "$(ours "$m" filter)" 10
	h "r$m" 'rules remove drop local two'
	ok "$m: an instance goes" said "r$m" 'code 0'
	is "$m: alone" "$(ours "$m" filter)" 9
	h "r$m" "rules install drop local x\`id\`"
	ok "$m: a bad name" said "r$m" 'code 1 .*name'
	h "r$m" 'rules install drop local nosuchset'
	ok "$m: sets that are not there" said "r$m" 'code 1 .*iptables'

	on "$m" ipset create refract_banned_users hash:ip
	on "$m" env PATH="$P" iptables -I INPUT -p tcp --dport 443 -m set \
	    --match-set refract_banned_users src -j DROP
	h "r$m" 'rules remove drop local'
	ok "$m: removed" said "r$m" 'code 0'
	is "$m: nothing is left" \
	    "$(saved "$m" raw; saved "$m" raw 6; saved "$m" filter; saved "$m" filter 6)" \
	    "-A PREROUTING -p udp -m udp --dport 996 -j ACCEPT
-A PREROUTING -p udp -m udp --dport 999 -m comment --comment refraction -j DROP
-A PREROUTING -p udp -m udp --dport 999 -m comment --comment refraction -j DROP
-A INPUT -p tcp -m tcp --dport 998 -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 997 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 998 -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 997 -j ACCEPT"
	h "r$m" 'rules remove drop local'
	ok "$m: removed twice" said "r$m" 'code 0'

	# Drift, as the enforcer sees it with this variant.
	HARNESS_AS=(env)
	harness "$m" "e$m"
	h "e$m" conf
	h "e$m" 'restore 192.0.2.80 1h'
	h "e$m" restored
	ok "$m: sets made by others are used, and made larger" said "e$m" 'count 1'
	h "r$m" 'rules install drop local'
	ok "$m: installed once more" said "r$m" 'code 0'
	mark "e$m"
	on "$m" env PATH="$P" iptables -t raw -F
	ok "$m: flushed: seen" said "e$m" M_RULES_DRIFT
	h "r$m" 'rules install drop local'
	ok "$m: flushed: healed" said "r$m" 'code 0'
	mark "e$m"
	on "$m" env PATH="$P" ip6tables -D FORWARD 1
	ok "$m: one rule: seen" said "e$m" M_RULES_DRIFT
	h "r$m" 'rules remove drop local'
	said "r$m" 'code 0' >/dev/null
	h_end "e$m"
	HARNESS_AS=(env "PATH=$P")

	# Without ip6tables: a notice.
	rm "$T/$m/ip6tables"
	printf '#!/bin/sh\nexit 1\n' >"$T/$m/ip6tables"
	chmod +x "$T/$m/ip6tables"
	h "r$m" 'rules install drop local'
	ok "$m: without IPv6: a notice" said "r$m" 'code 0 count 0 IPv6 is not guarded'
	is "$m: and IPv4 is guarded" "$(ours "$m" raw)" 2
	# One that hangs has a limit.
	printf '#!/bin/sh\nexec sleep 60\n' >"$T/$m/ip6tables"
	h "r$m" 'rules remove drop local'
	ok "$m: one that hangs" said "r$m" 'code 0 count 0 IPv6'
	h "r$m" stop
	ok "$m: ends by itself" said "r$m" 'exit: 0'
}
for m in nft legacy; do
	if type -P "iptables-$m" >/dev/null; then
		ok "$m: begins" true
		try "$m" || fail "$m: could not be set up"
	else
		skip 1 "$m" "iptables-$m is not installed"
	fi
done
done_testing
