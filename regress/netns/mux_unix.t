#!/usr/bin/env bash
# Backends behind unix sockets, which the parent connects: in use, busy, gone,
# replaced; PROXY headers to them.
. "$(dirname "$0")/../lib.sh"
need_refract
need python3 nginx curl
machine host
on host mkdir /run/backends

# backend NAME: says its name, then back what it is told; its queue is short
backend() {
	spawn host "$1" python3 -c '
import os, socket, sys, threading
def talk(c):
    try:
        c.sendall(sys.argv[1].encode() + b"\n")
        while True:
            data = c.recv(65536)
            if not data:
                break
            c.sendall(data)
    except OSError:
        pass
    c.close()
path = "/run/backends/" + sys.argv[1]
if os.path.exists(path):
    os.unlink(path)
s = socket.socket(socket.AF_UNIX)
s.bind(path)
os.chmod(path, 0o600)
s.listen(4)
print("up", flush=True)
while True:
    c = s.accept()[0]
    threading.Thread(target=talk, args=(c,), daemon=True).start()
' "$1" && wait_for 60 grep -q up "$T/$1.out"
}
backend one
backend two
# It takes nobody, and its queue has room for one.
spawn host full python3 -c '
import os, socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("/run/backends/full")
s.listen(0)
c = []
for i in range(3):
    try:
        a = socket.socket(socket.AF_UNIX)
        a.setblocking(False)
        a.connect("/run/backends/full")
        c.append(a)
    except BlockingIOError:
        break
print("full", flush=True)
while not os.path.exists("/run/backends/go"):
    time.sleep(0.05)
for a in c:
    a.close()
while True:
    a = s.accept()[0]
    try:
        a.sendall(b"full\n")
    except OSError:
        pass
    a.close()
'
wait_for 60 grep -q full "$T/full.out"
cat >"$T/nginx.conf" <<-END
	daemon off;
	pid $T/nginx.pid;
	error_log stderr;
	events { }
	http {
		access_log off;
		client_body_temp_path $T/n1;
		proxy_temp_path $T/n2;
		fastcgi_temp_path $T/n3;
		uwsgi_temp_path $T/n4;
		scgi_temp_path $T/n5;
		server {
			listen unix:/run/backends/nginx proxy_protocol;
			return 200 "\$proxy_protocol_addr \$proxy_protocol_port\n";
		}
	}
END
spawn host nginx nginx -c "$T/nginx.conf" -p "$T"
wait_for 60 on host test -S /run/backends/nginx

conf() {
	refract_conf <<-END
		workers 2
		pool "busy" {
			member "/run/backends/full"
			member "/run/backends/two"
			balance first
			check none
			passive 3
		}
		pool "checked" {
			member "/run/backends/later"
			check tcp every 1s rise 1 fall 1
		}
		listen "plain" on 127.0.0.1 tcp port 8000 {
			per address none
			otherwise to "$1"
		}
		listen "busy" on 127.0.0.1 tcp port 8001 {
			otherwise to pool "busy"
		}
		listen "full" on 127.0.0.1 tcp port 8002 {
			connect 1s
			otherwise to "/run/backends/full"
		}
		listen "later" on 127.0.0.1 tcp port 8003 {
			otherwise to pool "checked"
		}
		listen "web" on 127.0.0.1 tcp port 8004 {
			http to "/run/backends/nginx" with proxy v2
		}
	END
}
conf /run/backends/one
ok 'it starts' refract_start

# ask PORT: the first line that comes, or how it ended
ask() {
	on host python3 -c '
import socket, sys
try:
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
    s.sendall(b"x\n")
    print(s.makefile().readline().strip())
except OSError as e:
    print(type(e).__name__)
' "$1"
}
is 'a backend behind a unix socket' "$(ask 8000)" one
ok 'it carries' conn host long 127.0.0.1 40001 127.0.0.1 8000
all() {
	on host python3 -c '
import socket
all, good = [], 0
for i in range(300):
    s = socket.create_connection(("127.0.0.1", 8000), 60)
    s.sendall(b"%d\n" % i)
    all.append(s)
for i, s in enumerate(all):
    f = s.makefile()
    good += f.readline() == "one\n" and f.readline() == "%d\n" % i
print(good)
'
}
# More than its queue holds.
is '300 at once, each has its own' "$(all)" 300
like 'a PROXY header to one' \
    "$(on host curl -s -m 60 --local-port 40002 http://127.0.0.1:8004/)" \
    '^127\.0\.0\.1 40002$'

for i in 1 2 3 4 5; do ask 8001; done >"$T/busy"
is 'where one is full the next is taken' "$(sort -u "$T/busy")" two
is 'where there is no next, and no room in time, it is told' "$(ask 8002)" \
    ConnectionResetError
on host touch /run/backends/go
freed() { [[ $(ask 8002) == full ]]; }
soon 'when it has room it is taken again' 60 freed
again() { [[ $(ask 8001) == full ]]; }
soon 'and first' 60 again

is 'one that is not there' "$(ask 8003)" ConnectionResetError
backend later
later() { [[ $(ask 8003) == later ]]; }
soon 'is found when it comes' 60 later
signal later
on host rm -f /run/backends/later
gone() { [[ $(ask 8003) == ConnectionResetError ]]; }
soon 'and missed when it goes' 60 gone

conf /run/backends/two
ok 'a reload to another' ctl reload
is 'leads there' "$(ask 8000)" two
ok 'who was there stays there' conn_works long
conn_close long
ok 'it stops' refract_stop
done_testing
