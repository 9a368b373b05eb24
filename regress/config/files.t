#!/usr/bin/env bash
# What is asked of a configuration's files, and what comes from outside them.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

refused() {
	local what=$1 why=$2
	shift 2
	nok "$what is refused" read_conf out "$@"
	is "... and why is told" "$(cat out.said)" "$why"
}

cp minimal.in mine.conf
for mode in 666 664 646; do
	chmod "$mode" mine.conf
	refused "mode $mode" "mine.conf: found mode 0$mode, expected a file \
that only its owner can write (chmod go-w)" -f mine.conf
done
chmod 644 mine.conf
ok "mode 644 is good" read_conf out -f mine.conf

echo 'include "mine.conf"' >outer.conf
chmod 666 mine.conf
refused "an include that others may write" "outer.conf:1: mine.conf: found \
mode 0666, expected a file that only its owner can write (chmod go-w)" \
    -f outer.conf
echo 'table <t> file "mine.conf"' >outer.conf
nok "a table's file that others may write is refused" \
    read_conf out -f outer.conf
chmod 644 mine.conf

refused "a missing file" "none.conf: No such file or directory" -f none.conf
refused "a directory" "tables.d: found something else, expected a regular \
file" -f tables.d
mkfifo fifo
refused "a fifo" "fifo: found something else, expected a regular file" -f fifo

if [[ $EUID -eq 0 ]]; then
	chown 12345 mine.conf
	refused "another's file" "mine.conf: found owner 12345, expected root \
or the caller" -f mine.conf
	chown nobody mine.conf
	ok "the caller's own file is good" read_conf out -f mine.conf
	nok "... but not for root" ./refractd -n -f mine.conf
	like "... and why is told" "$(./refractd -n -f mine.conf 2>&1)" \
	    'mine.conf: found owner [0-9]+, expected root$'
	chown 0 mine.conf
else
	skip 5 "owners" "needs root"
fi

# Standard input, and statements without a file.
ok "- is standard input" read_conf out -f - <<<'watch "w" { format xray }'
like "... and is read" "$(cat out.out)" 'watch "w"'
refused "an error there" 'stdin:2: found "x", expected ban, commands, control, '\
'drain, hot, include, instance, ledger, listen, log, pattern, pool, relay, '\
'start, state, status, stop, table, tap, watch, workers or a macro name = value' \
    -f - <<<$'\nx'
ok "-e stands in for the file" read_conf out -e 'watch "w" { format xray }'
is "... and is the same" "$(sed 's/"w"/"xray"/' out.out)" "$(cat minimal.ok)"
refused "an error there" '-e statement 2:2: found "y", expected no, yes, '\
'end of the statement or "}"' -e 'state "/x"' -e $'ban {\nprotect sessions y }'

# self: the addresses of now.
ok "self is read" read_conf out -e 'table <me> { self }'
like "... and printed as self" "$(cat out.out)" 'table <me> \{ self \}'

# A word that nothing expects never comes alone: the nearest is named.
while read -r wrong right; do
	read_conf out -e "$wrong \"x\" { }" || :
	like "$wrong: did you mean $right?" "$(cat out.said)" \
	    "\(did you mean \"$right\"\?\)"
done <<-END
	wacth watch
	tabel table
	contol control
	instnace instance
	incldue include
END
read_conf out -e 'zzzzzz "x"' || :
unlike "what is like nothing is not guessed at" "$(cat out.said)" 'did you'

# Bounds.
head -c 5000 /dev/zero | tr '\0' x >long
refused "a word of 5000 characters" "long:1: found more than 4096 characters \
in a word, expected fewer" -f long
{ printf 'a0 = xxxxxxxxxxxxxxxx\n'
for i in {1..20}; do
	# shellcheck disable=SC2016
	printf 'a%d = $a%d$a%d\n' "$i" $((i - 1)) $((i - 1))
done; } >grow
nok "macros that double do not fill the memory" read_conf out -f grow
{ echo 'table <t> {'
seq 0 1048576 | awk '{ printf "10.%d.%d.%d/%d\n", $1/65536%256, $1/256%256,
    $1%256, 32 }'; echo '}'; } >many
refused "a prefix too many" "many:1048578: found more than 1048576 prefixes \
in all tables, expected fewer" -f many

done_testing
