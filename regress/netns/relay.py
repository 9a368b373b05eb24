#!/usr/bin/env python3
# What tests of the relay say and hear.
#
#   relay.py serve PORT...            says whom it talks to, then what it is told
#   relay.py ask                      lines NAME|FROM|FPORT|TO|TPORT: through
#       whatever redirects it
#   relay.py header SERVER            lines NAME|PORT OPTION=VALUE ...: a header
#       by hand: to, from, token (or auth=hex), key, at (seconds from now), cut,
#       mapped, and so on
#   relay.py hold SERVER              the same, and each is kept open, until
#       close|N ends the Nth
#   relay.py stream FROM TO TPORT     says things and hears them, and how many
#       when standard input ends
#   relay.py half FROM TO TPORT       goes on after the destination's end
#   relay.py idle SERVER PORT         two connections, one with words of the
#       destination only
#   relay.py record PORT              what the next one says, in hexadecimal
#
# Each line is answered by NAME|what came of it.
import hashlib
import hmac
import os
import select
import socket
import struct
import sys
import threading
import time

LIMIT = 60


def text(data):
    return ''.join(chr(b) if 32 <= b < 127 else ' ' for b in data)


def talk(c, a):
    c.sendall(('%s %d\n' % (a[0].replace('::ffff:', ''), a[1])).encode())
    try:
        while True:
            data = c.recv(65536)
            if not data:
                c.sendall(b'bye')
                break
            if data == b'talk':
                speak(c)
            elif data == b'half':
                half_of(c)
                break
            c.sendall(data)
    except OSError:
        pass
    c.close()


# It alone says something now and then, until it is told to end.
def speak(c):
    while not select.select([c], [], [], 0.2)[0]:
        c.sendall(b'.')


# It says no more, and how much it still hears.
def half_of(c):
    n = 0
    c.sendall(b'end')
    c.shutdown(socket.SHUT_WR)
    while True:
        data = c.recv(65536)
        if not data:
            break
        n += len(data)
    print('heard %d' % n, flush=True)


def accept(s):
    while True:
        threading.Thread(target=talk, args=s.accept(), daemon=True).start()


def serve(*ports):
    for port in ports:
        s = socket.create_server(('::', int(port)), family=socket.AF_INET6,
                                 dualstack_ipv6=True, backlog=512)
        threading.Thread(target=accept, args=(s,), daemon=True).start()
    print('up', flush=True)
    time.sleep(3600)


# What comes back until the word is there, and after our end.
def hear(s, word=b'hello'):
    data = b''
    try:
        while word not in data:
            more = s.recv(1000)
            if not more:
                return text(data) + ' closed'
            data += more
        s.shutdown(socket.SHUT_WR)
        while True:
            more = s.recv(1000)
            if not more:
                break
            data += more
    except ConnectionResetError:
        return text(data) + ' reset'
    except socket.timeout:
        return text(data) + ' silent'
    return ' '.join(text(data).split())


def from_here(host, hport):
    s = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(LIMIT)
    s.bind((host, int(hport)))
    return s


def ask():
    for line in sys.stdin.read().splitlines():
        name, host, hport, to, tport = line.split('|')
        s = from_here(host, hport)
        try:
            s.connect((to, int(tport)))
            s.sendall(b'hello')
            print('%s|%s' % (name, hear(s).strip()), flush=True)
        except (BrokenPipeError, ConnectionResetError):
            print('%s|reset' % name, flush=True)
        except OSError as e:
            print('%s|%s' % (name, e.__class__.__name__), flush=True)
        s.close()


def packed(addr, mapped):
    host, port = addr.rsplit(',', 1)
    if ':' in host:
        raw = socket.inet_pton(socket.AF_INET6, host)
    else:
        raw = socket.inet_aton(host)
        if mapped:
            raw = bytes(10) + b'\xff\xff' + raw
    return bytes([len(raw)]) + raw + struct.pack('>H', int(port))


def build(o):
    tail = packed(o['to'], 0) + packed(o['from'], 'mapped' in o)
    if 'key' in o:
        key = o['key'].encode()
        ident = hmac.new(key, b'refract relay key', hashlib.sha256).digest()
        at = int((time.time() + float(o.get('at', 0))) * 1000)
        h = b'\x02\x01' + ident[:8] + struct.pack('>q', at) + \
            os.urandom(16) + tail
        return h + hmac.new(key, h, hashlib.sha256).digest()
    auth = hashlib.sha256(o.get('token', '').replace('_', ' ').encode())
    auth = auth.digest()
    if 'auth' in o:
        auth = bytes.fromhex(o['auth'])
    return bytes([int(o.get('version', 1)), int(o.get('opcode', 1)),
                  len(auth)]) + auth + tail


# A byte is another one: the signature is wrong then.
def spoilt(h, o):
    at = int(o.get('spoil', -1))
    return h if at < 0 else h[:at] + bytes([h[at] ^ 1]) + h[at + 1:]


def options(rest):
    port, *words = rest.split()
    o = dict((x + '=').split('=')[:2] for x in words)
    return port, o, spoilt(build(o), o)


def connect(server, port):
    s = socket.create_connection((server, int(port)), LIMIT)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


# Byte by byte: the header, then all the rest.
def slowly(s, h):
    for i in range(len(h)):
        s.sendall(h[i:i + 1])
        time.sleep(0.002)
    s.sendall(b'hello')


def once(s, h, o):
    try:
        if 'cut' in o:
            s.sendall(h[:int(o['cut'])])
            if 'leave' in o:
                s.shutdown(socket.SHUT_WR)
        elif 'slow' in o:
            slowly(s, h)
        else:
            s.sendall(h + b'hello')
        return hear(s).strip()
    except (BrokenPipeError, ConnectionResetError):
        return 'reset'


def header(server):
    for line in sys.stdin.read().splitlines():
        name, rest = line.split('|')
        port, o, h = options(rest)
        for _ in range(int(o.get('times', 1))):
            s = connect(server, port)
            print('%s|%s' % (name, once(s, h, o)), flush=True)
            s.close()


def hold(server):
    kept = []
    for line in sys.stdin:
        name, rest = line.rstrip('\n').split('|')
        if name == 'close':
            kept[int(rest)].close()
            continue
        port, _, h = options(rest)
        s = connect(server, port)
        s.sendall(h + b'hello')
        try:
            got = text(s.recv(1000))
        except ConnectionResetError:
            got = 'reset'
        print('%s|%s' % (name, got.split()[0]), flush=True)
        kept.append(s)


def listen(s, into):
    while True:
        data = s.recv(1 << 20)
        if not data:
            break
        into[0].update(data)
        into[1] += len(data)
        if into[1] > 1 << 20:
            print('flows', flush=True)


def stream(host, to, port):
    s = from_here(host, 0)
    s.connect((to, int(port)))
    first = b''
    while not first.endswith(b'\n'):
        first += s.recv(1)
    heard, said = [hashlib.sha256(), 0], [hashlib.sha256(), 0]
    t = threading.Thread(target=listen, args=(s, heard))
    t.start()
    while not select.select([sys.stdin], [], [], 0)[0]:
        data = os.urandom(100000)
        s.sendall(data)
        said[0].update(data)
        said[1] += len(data)
        time.sleep(0.005)
    s.shutdown(socket.SHUT_WR)
    said[0].update(b'bye')
    t.join()
    same = said[0].digest() == heard[0].digest()
    print('whole' if same else 'said %d, heard %d' % (said[1], heard[1]))


# All that comes, until the end.
def drain(s):
    data = b''
    while True:
        more = s.recv(65536)
        if not more:
            return data
        data += more


def half(host, to, port):
    s = from_here(host, 0)
    s.connect((to, int(port)))
    s.sendall(b'half')
    print(text(drain(s)).split()[-1], flush=True)
    s.sendall(bytes(300000))
    s.close()


def ends(s):
    try:
        drain(s)
    except ConnectionResetError:
        pass


def idle(server, port):
    kept = []
    for n in (1, 2):
        h = options('0 to=10.3.0.2,7000 from=10.1.0.7,%d' % (45000 + n))[2]
        kept.append(connect(server, port))
        kept[-1].sendall(h)
        kept[-1].recv(1000)
    silent, spoken_to = kept
    spoken_to.sendall(b'talk')
    ends(silent)
    print('silent: ended', flush=True)
    spoken_to.setblocking(False)
    try:
        while spoken_to.recv(1000):
            pass
        print('spoken to: ended', flush=True)
    except BlockingIOError:
        print('spoken to: alive', flush=True)
    spoken_to.setblocking(True)
    spoken_to.sendall(b'.')
    ends(spoken_to)
    print('spoken to no more: ended', flush=True)


def record(port):
    s = socket.create_server(('::', int(port)), family=socket.AF_INET6,
                             dualstack_ipv6=True)
    print('up', flush=True)
    while True:
        c = s.accept()[0]
        data = b''
        while b'hello' not in data:
            more = c.recv(1000)
            if not more:
                break
            data += more
        print(data.hex(), flush=True)
        c.sendall(b'hello')
        c.close()


if __name__ == '__main__':
    globals()[sys.argv[1]](*sys.argv[2:])
