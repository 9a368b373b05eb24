#!/usr/bin/env bash
# What went wrong once when somebody tried: each stays right.
# shellcheck disable=SC2034
. "$(dirname "$0")/../lib.sh"
need_refract
machine host

LOG=$T/access.log
: >"$LOG"
conf() {
	refract_conf <<-EOT
		watch "xray" {
			source file "$LOG"
			format xray
		}
		$*
	EOT
}

# --- A host with a blocklist of 20,000 rules of its own ---
conf
{
	echo '*filter'
	for ((i = 0; i < 20000; i++)); do
		echo "-A INPUT -s 10.9.$((i / 250)).$((i % 250))/32 -p tcp -m tcp" \
		    "--dport 22 -m comment --comment blocklist -j DROP"
	done
	echo COMMIT
} >"$T/rules"
on host iptables-restore --noflush <"$T/rules"
ok 'many rules of others: it starts' refract_start
is 'ours stand before them' "$(on host iptables -t raw -S PREROUTING |
    grep -c refract4)" 2
is 'and theirs stay' "$(on host iptables -S INPUT | grep -c blocklist)" 20000
on host iptables -F INPUT

# --- Everybody ---
for all in 0.0.0.0/0 ::/0 2001:db8::/0; do
	like "$all is refused" "$(ctl ban "$all" 2>&1)" 'length 0 is everybody'
done
is 'and was no decision' "$(ctl show history)" 'no history'
ctl ban 192.0.2.0/24 for 1h >/dev/null
its_owner() { ctl show history | grep -Eq '192.0.2.0/24 .* operator root'; }
soon 'whose ban it was' 60 its_owner
ok 'it stops' refract_stop

# --- Rules that do not stand are not only in the log ---
show_says() { ctl show | tr -s ' \n' '  ' | grep -q "$1"; }
if [[ -L /etc/alternatives/ip6tables ]]; then
	cp -a /etc/alternatives "$T/alternatives"
	ln -sfn /bin/false "$T/alternatives/ip6tables"
	on host mount --bind "$T/alternatives" /etc/alternatives
	ok 'without ip6tables: it starts' refract_start
	soon 'show says that IPv6 is not guarded' 60 \
	    show_says 'NEEDS ATTENTION.*IPv6 is not guarded'
	ln -sfn /bin/false "$T/alternatives/iptables"
	on host nft flush ruleset
	soon 'rules that cannot be put back: show says so' 60 \
	    show_says 'notice rules: iptables'
	on host umount /etc/alternatives
	on host nft add table ip other	# news of a change
	soon 'they are back: show is content' 60 show_says '^refract healthy'
	refract_stop
else
	skip 4 'without ip6tables' 'there is no /etc/alternatives'
fi

# --- The ledger takes no directory that is another's ---
mkdir -p "$T/busy/sub" "$T/empty"
chmod 755 "$T/busy" "$T/empty"
conf "state \"$T/busy\""
like 'state: a directory in use is refused' \
    "$(on host "$OBJ/sbin/refractd" -d -f "$REFRACT_CONF" 2>&1)" \
    'busy: belongs to root and is not empty'
is 'and left as it was' "$(stat -c '%a %U' "$T/busy")" '755 root'
conf "state \"$T/empty\""
ok 'an empty one is taken' refract_start
is 'it is the ledger'\''s' "$(stat -c '%a %U' "$T/empty")" '700 _refractl'
refract_stop
ok 'and again' refract_start
refract_stop

# --- A capability that is missing is named, by -n too ---
conf
for cap in setuid sys_chroot kill chown; do
	run=(setpriv --bounding-set "-$cap" "$OBJ/sbin/refractd")
	want="missing capability CAP_${cap^^}"
	like "without $cap: a start says so" \
	    "$(on host "${run[@]}" -d -f "$REFRACT_CONF" 2>&1)" "$want"
	like "without $cap: -n says so" \
	    "$(on host "${run[@]}" -n -f "$REFRACT_CONF" 2>&1)" "$want"
	nok "without $cap: -n fails" \
	    on host "${run[@]}" -n -f "$REFRACT_CONF"
done
like 'one that it can do without: -n says so' \
    "$(on host setpriv --bounding-set -net_bind_service \
    "$OBJ/sbin/refractd" -n -f "$REFRACT_CONF" 2>&1)" \
    'without capability .*CAP_NET_BIND_SERVICE'
done_testing
