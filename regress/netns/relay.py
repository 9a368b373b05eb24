#!/usr/bin/env python3
# What tests of the relay say and hear.
#
#   relay.py serve PORT               says whom it talks to, then what it is told
#   relay.py ask FROM FPORT TO TPORT  through whatever redirects it
#   relay.py header SERVER PORT OPTION=VALUE ...   a header by hand: to, from,
#       token (or auth=hex), key, at (seconds from now), cut, mapped, and so on
import hashlib
import hmac
import os
import socket
import struct
import sys
import threading
import time


def talk(c, a):
    c.sendall(('%s %d\n' % (a[0].replace('::ffff:', ''), a[1])).encode())
    try:
        while True:
            data = c.recv(65536)
            if not data:
                c.sendall(b'bye')
                break
            c.sendall(data)
    except OSError:
        pass
    c.close()


def serve(port):
    s = socket.create_server(('::', int(port)), family=socket.AF_INET6,
                             dualstack_ipv6=True, backlog=512)
    print('up', flush=True)
    while True:
        threading.Thread(target=talk, args=s.accept(), daemon=True).start()


def hear(s, word=b'hello'):
    text = b''
    try:
        while word not in text:
            data = s.recv(1000)
            if not data:
                return text.decode(errors='replace') + ' closed'
            text += data
        s.shutdown(socket.SHUT_WR)
        while True:
            data = s.recv(1000)
            if not data:
                break
            text += data
    except ConnectionResetError:
        return text.decode(errors='replace') + ' reset'
    except socket.timeout:
        return text.decode(errors='replace') + ' silent'
    return ' '.join(text.decode(errors='replace').split())


def ask(host, hport, to, tport, timeout='10'):
    s = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(float(timeout))
    s.bind((host, int(hport)))
    try:
        s.connect((to, int(tport)))
        s.sendall(b'hello')
        print(hear(s))
    except OSError as e:
        print(e.__class__.__name__)


def packed(text, mapped):
    host, port = text.rsplit(',', 1)
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
    auth = hashlib.sha256(o.get('token', '').encode()).digest()
    if 'auth' in o:
        auth = bytes.fromhex(o['auth'])
    return bytes([int(o.get('version', 1)), int(o.get('opcode', 1)),
                  len(auth)]) + auth + tail


def once(server, port, h, o):
    s = socket.create_connection((server, int(port)), 10)
    s.settimeout(float(o.get('timeout', 10)))
    if 'cut' in o:
        s.sendall(h[:int(o['cut'])])
        began = time.time()
        text = hear(s)
        print(text.strip(), '%.0f s' % (time.time() - began))
        return
    if 'slow' in o:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(h)):
            s.sendall(h[i:i + 1])
            time.sleep(0.005)
        s.sendall(b'hello')
    else:
        s.sendall(h + b'hello')
    if 'hold' in o:
        print(s.recv(1000).decode().split()[0], flush=True)
        time.sleep(float(o['hold']))
        return
    print(hear(s).strip(), flush=True)


def header(server, port, *options):
    o = dict((x + '=').split('=')[:2] for x in options)
    h = build(o)
    for _ in range(int(o.get('times', 1))):
        once(server, port, h, o)


if __name__ == '__main__':
    globals()[sys.argv[1]](*sys.argv[2:])
