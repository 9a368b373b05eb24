#!/usr/bin/env bash
# The status page with the real daemon: what it says and to whom, clients that
# behave badly, and listeners that come and go with a reload.
. "$(dirname "$0")/../lib.sh"
need_refract
need curl jq python3 socat
machine host

LOG=$T/access.log
: >"$LOG"
PORT=9440
URL=http://127.0.0.1:$PORT
# The name is hostile too.
conf() {
	refract_conf <<-EOT
		watch "xray" {
			source file "$LOG"
			format xray
			ban newest for 1h on tcp port 443
		}
		watch "<i>&\"\\\\x" {
			source file "$T/other.log"
			format xray
			dry run
		}
		$*
	EOT
}
get() { on host curl -sS -m 60 "$@"; }
code() { get -o /dev/null -w '%{http_code}' "$@"; }
head_of() { get -D - -o /dev/null "$@" | tr -d '\r'; }
page() { get -o "$T/page.html" "$URL/$1"; }
reload() { ctl reload; }
listens() { [[ -n $(on host ss -Hlnt "src $1 and sport = :$2") ]]; }
all_is_well() { running refractd && ctl show >/dev/null; }
# well_formed FILE: every element that is opened is closed, in order; nothing
# runs and nothing comes from elsewhere.
well_formed() {
	python3 - "$1" <<-'EOT'
		import html.parser, sys
		VOID = {'meta', 'link', 'br', 'path', 'rect'}
		BAD = {'script', 'iframe', 'object', 'img', 'style', 'form'}
		class Page(html.parser.HTMLParser):
		    stack, seen = [], set()
		    def handle_starttag(self, tag, attrs):
		        self.seen.add(tag)
		        if tag in BAD:
		            sys.exit('<%s>' % tag)
		        for k, v in attrs:
		            if k.startswith('on') or k == 'style':
		                sys.exit('%s=' % k)
		            if k in ('href', 'src') and v[0] not in '/#':
		                sys.exit('%s=%s' % (k, v))
		        if tag not in VOID:
		            self.stack.append(tag)
		    def handle_startendtag(self, tag, attrs):
		        self.handle_starttag(tag, attrs)
		        if tag not in VOID:
		            self.stack.pop()
		    def handle_endtag(self, tag):
		        if not self.stack or self.stack.pop() != tag:
		            sys.exit('</%s> at %s' % (tag, self.getpos()))
		p = Page()
		p.feed(open(sys.argv[1]).read())
		p.close()
		if p.stack or not {'html', 'body', 'table', 'svg'} <= p.seen:
		    sys.exit('open: %s, seen: %s' % (p.stack, p.seen))
	EOT
}

conf "status on 127.0.0.1 port $PORT"
ok 'the daemon starts' refract_start || done_testing
ok 'it listens on loopback' listens 127.0.0.1 $PORT
nok '... and nowhere else' listens 0.0.0.0 $PORT

# --- The page ---
HOSTILE='<script>alert(1)</script>&"x'
xray_line "$LOG" 203.0.113.7:1000 "$HOSTILE"
xray_line "$LOG" 203.0.113.8:1000 "$HOSTILE"
soon 'somebody is banned' 60 in_set refract4p 203.0.113.8,tcp:443
is '/: 200' "$(code "$URL/")" 200
ok '/: fetched' page ''
ok '/: well-formed, no script, nothing from elsewhere' \
    well_formed "$T/page.html"
P=$(<"$T/page.html")
like '... healthy' "$P" '<p class="state good">healthy</p>'
like '... who is banned' "$P" '<td>203\.0\.113\.8</td><td>tcp/443</td>'
like '... a hostile user is text' "$P" \
    '&#60;script&#62;alert\(1\)&#60;/script&#62;&#38;&#34;x</td>'
like '... and so is a hostile watch' "$P" '<h3>&#60;i&#62;&#38;&#34;'
for process in parent rules enforcer ledger control parser; do
	like "... the $process" "$P" "<td>$process</td><td class=\"right\">[0-9]"
done
like '... drawings' "$P" '<figure class="offences">.*<svg viewBox'
H=$(head_of "$URL/")
like 'its type' "$H" 'Content-Type: text/html; charset=utf-8'
like '... it is never stored' "$H" 'Cache-Control: no-store'
like '... what it may load' "$H" \
    "Content-Security-Policy: default-src 'none'; style-src 'self';"
like 'the style sheet' "$(head_of "$URL/style.css")" 'Content-Type: text/css'

# What is wrong is at the top.
ok 'an operator bans too' ctl ban 203.0.113.77 for 1h
LEDGER=$(child_pid 'refractd: ledger')
on host kill -STOP "$LEDGER"
page ''
like 'who does not answer is at the top' "$(<"$T/page.html")" \
    '<p class="state bad">NEEDS ATTENTION.*<li>ledger: does not answer</li>'
on host kill -CONT "$LEDGER"
healthy() { page '' && grep -q 'class="state good"' "$T/page.html"; }
soon '... until he does' 60 healthy

# --- Many bans: pages of 200 ---
for i in {1..60}; do
	xray_line "$LOG" 198.51.100.1:1000 "many$i"
	for j in {2..5}; do
		xray_line "$LOG" "198.51.$i.$j:1000" "many$i"
	done
done
bans() { [[ $(ctl -j show bans | jq length) -eq $1 ]]; }
soon '242 bans' 60 bans 242
page ''
rows() { grep -c '<td>tcp/443</td>\|<td>203.0.113.77</td>' "$1"; }
is 'the first page has 200' "$(rows "$T/page.html")" 200
NEXT=$(grep -o '?from=[0-9]*' "$T/page.html")
like '... and a way to the next' "$NEXT" '^\?from=[0-9]+$'
page "$NEXT"
is '... which has the rest' "$(rows "$T/page.html")" 42
unlike '... and is the last' "$(<"$T/page.html")" 'from='
unlike '... and does not reload itself' "$(<"$T/page.html")" 'http-equiv'

# --- /metrics ---
ok '/metrics' get -o "$T/metrics" "$URL/metrics"
like '... its type' "$(head_of "$URL/metrics")" \
    'Content-Type: text/plain; version=0\.0\.4'
# Control counts who asks, so its own numbers differ.
numbers() {
	get "$URL/metrics" >"$T/metrics" &&
	    awk '/^[a-z_]+ / && !/control|status|monitor|audit|access_lines/' "$T/metrics" |
		sort >"$T/web" &&
	    ctl -j show metrics | jq -r '.[] | select(.process != "control") |
		"\(.name) \(.value)"' | sort >"$T/ctl" &&
	    cmp "$T/web" "$T/ctl"
}
soon '... the numbers of show metrics' 60 numbers
is '... every one of them' "$(ctl -j show metrics | jq length)" \
    "$(grep -c '^refract_[a-z_]* ' "$T/metrics")"
is '... each with its kind' "$(ctl -j show metrics |
    jq -r '.[] | "\(.name) \(.kind)"' | sort)" \
    "$(awk '/^# TYPE/ && !/_watch_|build_info/ { print $3, $4 }' \
    "$T/metrics" | sort)"
like '... by watch' "$(<"$T/metrics")" \
    $'\nrefract_watch_lines_total\\{watch="xray"\\} 302\n'
like '... a hostile name is a label' "$(<"$T/metrics")" \
    'refract_watch_users\{watch="<i>&\\"\\\\.*x"\} 0'
like '... what runs' "$(<"$T/metrics")" \
    'refract_build_info\{version="[0-9.]+",build="[0-9a-f]+"\} 1'
if type -P promtool >/dev/null; then
	check_metrics() { promtool check metrics <"$T/metrics"; }
	ok '... promtool finds nothing' check_metrics
	is '... not a word' "$(promtool check metrics <"$T/metrics" 2>&1)" ''
else
	skip 2 'promtool' 'promtool is not installed'
fi

# --- What is not answered ---
is 'another path: 404' "$(code "$URL/none")" 404
is 'a path in a file system: 404' \
    "$(code --path-as-is "$URL/../../etc/passwd")" 404
is 'an odd question: 404' "$(code "$URL/?from=1x")" 404
is 'POST: 405' "$(code -d x=1 "$URL/")" 405
like '... and what is allowed' "$(head_of -d x=1 "$URL/")" 'Allow: GET, HEAD'
for method in PUT DELETE OPTIONS TRACE PATCH; do
	is "$method: 405" "$(code -X $method "$URL/")" 405
done
is 'HEAD: 200' "$(code -I "$URL/")" 200
is '... without a body' "$(printf 'HEAD /metrics HTTP/1.0\r\n\r\n' |
    on host socat -t 3 - "TCP:127.0.0.1:$PORT" | sed '1,/^\r$/d')" ''
like '... but with its length' "$(head_of -I "$URL/metrics")" \
    'Content-Length: [1-9]'
is 'a foreign name on loopback: 403' \
    "$(code -H 'Host: rebound.example.com' "$URL/")" 403
is 'localhost: 200' "$(code -H "Host: localhost:$PORT" "$URL/")" 200
like 'a header without an end is refused' \
    "$(code -H "X: $(printf '%9000s' '' | tr ' ' x)" "$URL/")" '^(400|413)$'
like 'a body without an end too' \
    "$(head -c 100000 /dev/zero | code --data-binary @- "$URL/" 2>&1)" \
    '413|405|000'
for bytes in 'garbage\r\n\r\n' '\x16\x03\x01\x02\x00\x01\x00' '\x00\x00' \
    'GET /\x00 HTTP/1.1\r\n\r\n' 'GET  HTTP/9.9\r\n\r\n' \
    'GET http:// HTTP/1.1\r\nHost:\r\n\r\n' 'CONNECT x:1 HTTP/1.1\r\n\r\n'; do
	printf '%b' "$bytes" |
	    on host socat -t 0.3 - "TCP:127.0.0.1:$PORT" >/dev/null 2>&1
	ok "after ${bytes@Q} all is well" all_is_well
done

# --- Many, and slow ones ---
slow() {
	local i
	for ((i = 0; i < $1; i++)); do
		spawn host "slow$i" socat -u "SYSTEM:printf \"GET / HT\"; \
		    sleep 600" "TCP:127.0.0.1:$PORT" || return 1
	done
}
many() {
	on host bash -c '
		for i in {1..200}; do
			curl -sS -m 60 -o /dev/null -w "%{http_code}\n" \
			    "$0/" &
		done 2>&1
		wait' "$URL"
}
is '200 at once are all served' "$(many | sort | uniq -c | xargs)" '200 200'
ok '10 that do not end their line' slow 10
is '... the others are served' "$(code "$URL/")" 200
ok '... and so is refractctl' ctl show
no_slow() { [[ $(on host ss -Hnt state established "sport = :$PORT" |
    wc -l) -eq 0 ]]; }
soon '... and they are closed' 60 no_slow
ok 'all is well' all_is_well

# --- A picture ---
if type -P chromium >/dev/null; then
	picture() {
		on host timeout 60 chromium --headless --no-sandbox \
		    --disable-gpu --user-data-dir="$T/chromium" \
		    --window-size=1200,1600 --screenshot="$T/page.png" "$URL/"
	}
	ok 'a browser shows it' picture
	ok '... and it is not empty' python3 - "$T/page.png" <<-'EOT'
		import struct, sys, zlib
		d = open(sys.argv[1], 'rb').read()
		w, h, depth, kind = struct.unpack('>IIBB', d[16:26])
		i, data = 8, b''
		while i < len(d):
		    n = struct.unpack('>I', d[i:i + 4])[0]
		    if d[i + 4:i + 8] == b'IDAT':
		        data += d[i + 8:i + 8 + n]
		    i += n + 12
		lines = zlib.decompress(data)
		step = w * {2: 3, 6: 4}[kind] + 1
		drawn = sum(any(lines[y * step + 1:(y + 1) * step])
		    for y in range(h))
		sys.exit(0 if w >= 1000 and drawn > h // 4 else
		    '%d x %d, %d lines drawn' % (w, h, drawn))
	EOT
else
	skip 2 'a browser shows it' 'chromium is not installed'
fi

# --- Reload ---
code_on() { [[ $(code "http://$1/metrics" 2>/dev/null) == "$2" ]]; }
inode() { on host ss -Hlnte "src 127.0.0.1 and sport = :$PORT" |
    grep -o 'ino:[0-9]*'; }
INODE=$(inode)
conf "status on 127.0.0.1 port $PORT" $'\n' 'status on ::1 port 9441'
ok 'a reload adds one' reload
ok '... it answers' code_on '[::1]:9441' 200
is '... the other is the same socket' "$(inode)" "$INODE"
spawn host taken socat TCP-LISTEN:9442,bind=127.0.0.1,fork PIPE
wait_for 60 listens 127.0.0.1 9442
conf "status on 127.0.0.1 port 9443" $'\n' 'status on 127.0.0.1 port 9442'
nok 'a port in use refuses the reload' reload
like '... with that cause' "$(reload 2>&1)" \
    'status on 127\.0\.0\.1 port 9442: Address already in use'
ok '... and nothing has changed' code_on 127.0.0.1:$PORT 200
nok '... what would have been is not there' listens 127.0.0.1 9443
conf 'status on 127.0.0.1 port 9443'
ok 'a reload moves it' reload
ok '... it answers there' code_on 127.0.0.1:9443 200
nok '... and not here' listens 127.0.0.1 $PORT
nok '... nor there' listens '[::1]' 9441
conf 'status on 0.0.0.0 port 9444' $'\n' 'status on :: port 9444'
ok 'an address that is not loopback' reload
soon '... with a warning' 60 \
    logged 'warning: status on 0\.0\.0\.0: other hosts'
ok '... answers' code_on 127.0.0.1:9444 200
ok '... IPv6 too' code_on '[::1]:9444' 200
# A peer whose address has a zone: nobody may ask the kernel for its name.
on host ip addr add fe80::1/64 dev lo nodad
is '... a link-local peer' "$(code 'http://[fe80::1%25lo]:9444/metrics')" 200
ok '... and all is well' all_is_well
conf
ok 'a reload removes all' reload
nok '... none is there' listens 0.0.0.0 9444
ok 'all is well' all_is_well
ok 'it stops' refract_stop
conf 'status on 127.0.0.1 port 9442'
nok 'a port in use is no start' refract_start 2>/dev/null
soon '... and why is told' 60 logged 'port 9442: Address already in use'
done_testing
