#!/usr/bin/env python3
# Both ends of the mux for its tests.
#
#   mux.py serve LABEL=PORT|LABEL=/path ...   each says its label, then all
#                                             that it is told, back
#   mux.py route PORT ...                     the table of first bytes: a line
#                                             for each, "name label bytes"
#   mux.py CASE ARGS...                       see the end
import os
import random
import select
import socket
import struct
import sys
import threading
import time

HOST = '127.0.0.1'


def connect(port, host=HOST, timeout=30):
    s = socket.create_connection((host, int(port)), timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def rest(s):
    out = b''
    while True:
        try:
            b = s.recv(65536)
        except ConnectionResetError:
            return out, 'reset'
        if not b:
            return out, 'closed'
        out += b


# --- A ClientHello, to be cut and bent -------------------------------------

def ext(kind, body):
    return struct.pack('>HH', kind, len(body)) + body


def sni(name):
    return ext(0, struct.pack('>HBH', len(name) + 3, 0, len(name)) + name)


def alpn(*names):
    body = b''.join(bytes([len(n)]) + n for n in names)
    return ext(16, struct.pack('>H', len(body)) + body)


def hello(*exts):
    e = b''.join(exts)
    body = b'\x03\x03' + bytes(range(32)) + b'\x00' + b'\x00\x04\x13\x01\xc0\x2f'
    body += b'\x01\x00' + (struct.pack('>H', len(e)) + e if e else b'')
    return b'\x01' + struct.pack('>I', len(body))[1:] + body


def records(msg, *sizes):
    out = b''
    for n in sizes:
        out += b'\x16\x03\x01' + struct.pack('>H', len(msg[:n])) + msg[:n]
        msg = msg[n:]
    if msg:
        out += b'\x16\x03\x01' + struct.pack('>H', len(msg)) + msg
    return out


def pieces(data, *at):
    out, last = [], 0
    for n in at:
        out.append(data[last:n])
        last = n
    return out + [data[last:]]


A = hello(sni(b'a.example.com'))
CUT = records(A).index(b'example')
FAR = hello(ext(0xfafa, b'\0' * 1216), sni(b'a.example.com'))
# As long as post-quantum key shares make one, and longer than `peek`.
LONG = hello(ext(51, b'\0' * 9000), sni(b'a.example.com'))
HUGE = hello(*[ext(0xfa00 + i, b'\0' * 6500) for i in range(9)],
             sni(b'a.example.com'))

# name: bytes as they are sent, what is answered
TABLE = {
    'http': ([b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'], 'http'),
    'http_host': ([b'GET / HTTP/1.1\r\nHost: h.example.com:80\r\n\r\n'], 'host'),
    'http_host_bytes': (pieces(b'GET / HTTP/1.1\r\nHost: h.example.com\r\n\r\n',
                               *range(1, 39)), 'host'),
    'http2': ([b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], 'http2'),
    'ssh': ([b'SSH-2.0-OpenSSH_9.2\r\n'], 'ssh'),
    'ssh_bytes': (pieces(b'SSH-2.0-x\r\n', 1, 2, 3, 4, 5), 'ssh'),
    'hello': ([records(A)], 'a'),
    'hello_two_records': ([records(A, 40)], 'a'),
    'hello_small_records': ([records(A, *[7] * 10)], 'a'),
    'hello_cut_in_sni': (pieces(records(A), CUT + 3), 'a'),
    'hello_bytes': (pieces(records(A), *range(1, len(records(A)))), 'a'),
    'sni_far': ([records(FAR)], 'a'),
    'sni_far_cut': (pieces(records(FAR), 600, 1230), 'a'),
    'hello_long': (pieces(records(LONG), 1400, 2800, 4200, 9050), 'a'),
    'hello_huge': (pieces(records(HUGE, 16000, 16000, 16000), 20000, 40000), 'a'),
    'sni_upper': ([records(hello(sni(b'A.EXAMPLE.COM')))], 'a'),
    'sni_dot': ([records(hello(sni(b'a.example.com.')))], 'a'),
    'sni_nul': ([records(hello(sni(b'a.example.com\0.evil')))], 'tls'),
    'sni_wild': ([records(hello(sni(b'b.c.example.org')))], 'wild'),
    'sni_other': ([records(hello(sni(b'example.net')))], 'tls'),
    'sni_alpn': ([records(hello(sni(b'z.example.com'), alpn(b'h2')))], 'h2'),
    'sni_no_alpn': ([records(hello(sni(b'z.example.com'), alpn(b'foo')))], 'tls'),
    'no_sni': ([records(hello())], 'tls'),
    'early_data': ([records(A) + b'\x17\x03\x03\x00\x05abcde'], 'a'),
    'ccs': ([records(A) + b'\x14\x03\x03\x00\x01\x01'], 'a'),
    'own_bytes': ([b'\x01\x02\x03rest'], 'bytes'),
    'own_bytes_cut': ([b'\x01', b'\x02', b'\x03'], 'bytes'),
    'contains': ([b'hello MAGIC word'], 'magic'),
    'contains_cut': ([b'hello MA', b'GIC word'], 'magic'),
    'unknown': ([b'\xff\xfe\xfd' + b'\0' * 1100], 'otherwise'),
    'half_http': ([b'GE'], 'otherwise'),
    'silent': ([], 'timeout'),
}


def one(port, name, out):
    sent, want = TABLE[name]
    s = connect(port)
    for i, b in enumerate(sent):
        if i:
            time.sleep(0.02 if len(sent) < 20 else 0.001)
        s.sendall(b)
    if want == 'timeout' or name == 'half_http':
        # The end of the stream would decide: it says nothing instead.
        got = b''
        while b'\n' not in got or len(got) < len(want) + 1 + len(b''.join(sent)):
            b = s.recv(65536)
            if not b:
                break
            got += b
    else:
        s.shutdown(socket.SHUT_WR)
        got, _ = rest(s)
    label, _, echo = got.partition(b'\n')
    good = label == want.encode() and echo == b''.join(sent)
    out[name] = '%s %s%s' % ('ok' if good else 'wrong',
                             label.decode(errors='replace'),
                             '' if echo == b''.join(sent) else ' bytes differ')


def route(port):
    out, threads = {}, []
    for name in TABLE:
        t = threading.Thread(target=one, args=(port, name, out), daemon=True)
        t.start()
        threads.append(t)
    for t in threads:
        t.join(60)
    for name in TABLE:
        print(name, out.get(name, 'wrong: no answer'))


# --- Servers ---------------------------------------------------------------

def echo(c, label):
    try:
        c.sendall(label + b'\n')
        while True:
            b = c.recv(65536)
            if not b:
                break
            c.sendall(b)
        c.shutdown(socket.SHUT_WR)
        c.close()
    except OSError:
        c.close()


def accept(s, label):
    while True:
        c, _ = s.accept()
        threading.Thread(target=echo, args=(c, label), daemon=True).start()


def serve(*specs):
    for spec in specs:
        label, _, where = spec.partition('=')
        if where.startswith('/'):
            s = socket.socket(socket.AF_UNIX)
            s.bind(where)
            os.chmod(where, 0o666)
        else:
            s = socket.socket(socket.AF_INET6)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            s.bind(('::', int(where)))
        s.listen(512)
        threading.Thread(target=accept, args=(s, label.encode()),
                         daemon=True).start()
    print('up', flush=True)
    threading.Event().wait()


# --- Cases -----------------------------------------------------------------

def order(*ports):
    """Silent on all: in which order they are answered."""
    socks = {connect(p): p for p in ports}
    seen = []
    while len(seen) < len(ports):
        for s in select.select([s for s in socks if socks[s] not in seen],
                               [], [], 30)[0]:
            s.recv(1)
            seen.append(socks[s])
    print(*seen)


def big(port, size, seed):
    """SIZE bytes there and back, with stalls: what comes is what went."""
    s, size = connect(port), int(size)
    rnd = random.Random(int(seed))
    block = rnd.randbytes(1 << 20)
    s.sendall(b'SSH-2.0-')
    head = b''
    while len(head) < 4 + 8:
        head += s.recv(12 - len(head))

    def write():
        r, left = random.Random(int(seed) + 1), size
        while left:
            n = min(left, r.randrange(1, 1 << 20))
            s.sendall(block[:n])
            left -= n
            if r.random() < 0.02:
                time.sleep(0.05)
        s.shutdown(socket.SHUT_WR)
    threading.Thread(target=write, daemon=True).start()
    r, left, ok, got = random.Random(int(seed) + 1), size, True, 0
    while left:
        n = min(left, r.randrange(1, 1 << 20))
        have = bytearray()
        while len(have) < n:
            b = s.recv(min(n - len(have), 1 << 18))
            if not b:
                break
            have += b
        ok = ok and have == block[:n]
        got += len(have)
        left -= n
        if r.random() < 0.01:
            time.sleep(0.05)
    ok = ok and s.recv(1) == b''
    print('ok' if ok else 'wrong', got)


def crowd(port, n, keep):
    """N at once, each says something and KEEP s later nothing more: how many
    were answered, in the end."""
    n, done, lock = int(n), [], threading.Lock()

    def client():
        try:
            s = connect(port, timeout=60)
            s.sendall(b'SSH-2.0-x')
            if s.recv(4) == b'ssh\n':
                time.sleep(float(keep))
                s.shutdown(socket.SHUT_WR)
                got, how = rest(s)
                if how == 'closed':
                    with lock:
                        done.append(1)
        except OSError:
            pass
    threads = [threading.Thread(target=client, daemon=True) for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    print(len(done))


def hold(port, n, source=''):
    """Open N one after the other, and say how many carry something."""
    good, keep = 0, []
    for _ in range(int(n)):
        try:
            s = socket.create_connection((HOST, int(port)), 30,
                                         (source, 0) if source else None)
            keep.append(s)
            s.sendall(b'SSH-2.0-x')
            good += s.recv(4) == b'ssh\n'
        except OSError:
            pass
    print(good, flush=True)
    if sys.stdin.isatty() or os.environ.get('KEEP'):
        time.sleep(3600)


def end(port, what='', how='', host=HOST):
    """Say it (hex): how it ends, and what came."""
    s = connect(port, host)
    s.sendall(bytes.fromhex(what))
    if how == 'half':
        s.shutdown(socket.SHUT_WR)
    try:
        got, why = rest(s)
    except socket.timeout:
        got, why = b'', 'open'
    print(why, got.decode(errors='replace').replace('\n', ' ').strip())


def reset(port):
    """Reset it in the middle: who serves us sees a reset too."""
    s = connect(port)
    s.sendall(b'SSH-2.0-x')
    s.recv(100)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()


def resets(port):
    """A server that says how its one client ended."""
    s = socket.create_server((HOST, int(port)))
    print('up', flush=True)
    c, _ = s.accept()
    try:
        while c.recv(100):
            c.sendall(b'x\n')
        print('closed', flush=True)
    except ConnectionResetError:
        print('reset', flush=True)


def brief(port):
    """A server that says its word and ends."""
    s = socket.create_server((HOST, int(port)))
    print('up', flush=True)
    while True:
        c, _ = s.accept()
        c.recv(100)
        c.sendall(b'bye' * 1000)
        c.shutdown(socket.SHUT_WR)
        rest(c)


def leave(port):
    """Close what the server has ended, all of it unread: a reset."""
    s = connect(port)
    s.sendall(b'SSH-2.0-x')
    p = select.poll()
    p.register(s, select.POLLRDHUP)
    print('left' if p.poll(60000) else 'no end')
    s.close()


def mute(port):
    """A server that says nothing, ever."""
    s = socket.create_server(('', int(port)), backlog=512)
    print('up', flush=True)
    threading.Event().wait()
    s.close()


def flow(port):
    """Send and receive until it ends; say how."""
    s = connect(port)
    s.sendall(b'SSH-2.0-')
    threading.Thread(target=lambda: [s.sendall(b'y' * 65536)
                                     for _ in iter(int, 1)],
                     daemon=True).start()
    n = 0
    try:
        while True:
            b = s.recv(65536)
            if not b:
                how = 'closed'
                break
            n += len(b)
            if n > 1 << 22:
                print('flows', flush=True)
                n = -1 << 60
    except OSError:
        how = 'reset'
    print(how, flush=True)


def stuck(port, n):
    """N who send all they can and never read."""
    socks, total = [], 0
    for _ in range(int(n)):
        s = connect(port)
        s.sendall(b'SSH-2.0-')
        s.setblocking(False)
        socks.append(s)
    quiet = time.monotonic() + 2
    while time.monotonic() < quiet:
        for s in select.select([], socks, [], 0.5)[1]:
            try:
                total += s.send(b'z' * 65536)
                quiet = time.monotonic() + 2
            except BlockingIOError:
                pass
    print('stuck', total, flush=True)
    time.sleep(3600)


if __name__ == '__main__':
    globals()[sys.argv[1]](*sys.argv[2:])
