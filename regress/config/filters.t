#!/usr/bin/env bash
# Filters of fail2ban in the language: found, read, refused with their place;
# what their journalmatch is for.  What they mean is unit/f2b*.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

cat >good.conf <<'EOF'
[Definition]
failregex = ^refused <F-USER>\S+</F-USER> from <HOST>$
            ^<F-FAULT>\w+</F-FAULT> of <HOST>$
journalmatch = _SYSTEMD_UNIT=one.service + _COMM=two
EOF
cat >bad.conf <<'EOF'
[Definition]
failregex = ^refused (from <HOST>$
EOF
cat >empty.conf <<'EOF'
[Definition]
ignoreregex = x
EOF
chmod 644 ./*.conf

w() {	# w STATEMENTS: a watch of these
	printf 'watch "w" { %s }\n' "$1" >w.conf
	read_conf out -f w.conf
}

ok "a filter by its path" w \
    "source stdin; match fail2ban \"$T/good.conf\"; ban for 1m"
like "... is printed as it was written" "$(cat out.out)" \
    "match fail2ban \"$T/good.conf\""
nok "with a date that is none" w \
    "source stdin; match fail2ban \"$T/good.conf[datepattern='%%Y(']\""
like "... is told" "$(cat out.said)" \
    "found \"%%Y\\(\", expected a date's format: missing closing"
ok "with a mode and a weight" w "source stdin; ban for 1m
	match fail2ban \"$T/good.conf\" mode \"normal\" weight 3"
like "... both printed" "$(cat out.out)" \
    "match fail2ban \"$T/good.conf\" mode \"normal\" weight 3"
cp out.out first
ok "... what is printed reads as itself" read_conf again -f first
is "... exactly" "$(cat again.out)" "$(cat first)"
ok "what it captures may be named" w "source stdin
	match fail2ban \"$T/good.conf\"; ban for 1m; key { addr, user }
	ignore <user> \"root\"
	run { \"/bin/true\", \"<user>\", \"<fault>\" } user \"nobody\""
nok "what it does not may not" w "source stdin
	match fail2ban \"$T/good.conf\"; ban for 1m
	run { \"/bin/true\", \"<pid>\" } user \"nobody\""
like "... by its name" "$(cat out.said)" 'w.conf:3: found <pid> in an argument'

ok "a journal without matches takes the filter's" w \
    "source journal; match fail2ban \"$T/good.conf\"; ban for 1m"
like "... all of them" "$(cat out.out)" \
    'source journal \{ "one.service", "\+", "_COMM=two" \} from end'
is "... without a warning" "$(cat out.said)" "configuration OK"
ok "one with matches keeps its own" w \
    "source journal \"x\"; match fail2ban \"$T/good.conf\"; ban for 1m"
like "... alone" "$(cat out.out)" 'source journal \{ "x.service" \} from end'

nok "a regex that is none is refused" w \
    "source stdin; match fail2ban \"$T/bad.conf\"; ban for 1m"
like "... where it stands" "$(cat out.said)" \
    "$T/bad.conf:2: found a regex that is none"
nok "a filter without a failregex is refused" w \
    "source stdin; match fail2ban \"$T/empty.conf\"; ban for 1m"
nok "a filter that is not there is refused" w \
    "source stdin; match fail2ban \"$T/none.conf\"; ban for 1m"
like "... at the place of its name" "$(cat out.said)" 'w.conf:1: .*none.conf'
nok "so is one of fail2ban's that is not there" w \
    'source stdin; match fail2ban "no-such-filter"; ban for 1m'
if [[ -e /etc/fail2ban/filter.d/sshd.conf ]]; then
	ok "sshd" w 'source journal; ban for 1m
	match fail2ban "sshd" mode "aggressive"
	match fail2ban "nginx-botsearch"'
	like "... has the journal's matches" "$(cat out.out)" \
	    'source journal \{ "sshd.service", "\+", "_COMM=sshd", "\+", '
	bad=
	for f in /etc/fail2ban/filter.d/*.conf; do
		n=$(basename "$f" .conf)
		[[ $n == *common ]] && continue
		w "source stdin; match fail2ban \"$n\"; ban for 1m" ||
		    bad="$bad $n: $(head -n 1 out.said)"
	done
	is "every filter of the package is taken" "$bad" ""
else
	skip 3 "fail2ban's own filters" "fail2ban is not installed"
fi
done_testing
