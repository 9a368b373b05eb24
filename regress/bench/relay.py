# The load of bench/relay: a server on 10.9.0.1 port 900, and a client of the
# plain mux (port 901) and of the relay's server (902), one after the other.
import hashlib
import os
import signal
import socket
import statistics
import struct
import sys
import time

BULK = 1 << 30
runs, count = int(sys.argv[1]), int(sys.argv[2])
schedstat = '/proc/%s/schedstat' % sys.argv[3]
port = 0


def answer(c):
    buf = bytearray(1 << 20)
    if c.recv(1, socket.MSG_PEEK) == b'\x01':
        c.recv(49, socket.MSG_WAITALL)
    if c.recv(1) == b'b':
        n = 0
        while n < BULK:
            n += c.recv_into(buf)
    c.sendall(b'!')
    c.recv(1)
    c.close()


def serve():
    s = socket.create_server(('10.9.0.1', 900), backlog=4096)
    while True:
        answer(s.accept()[0])


def header():
    global port
    port += 1
    return (b'\x01\x01\x20' + hashlib.sha256(b'bench').digest() + b'\x04' +
            bytes([10, 9, 0, 1]) + struct.pack('>H', 900) + b'\x04' +
            bytes([10, 8, port // 50000 % 256, 1]) +
            struct.pack('>H', 2000 + port % 50000))


def go(p, kind):
    s = socket.create_connection(('127.0.0.1', p))
    s.sendall(header() + kind)
    return s


def heard(s, p):
    if s.recv(1) != b'!':
        sys.exit('port %d: no answer' % p)
    s.close()


def rate(p):
    began = time.time()
    for _ in range(count):
        heard(go(p, b'c'), p)
    return count / (time.time() - began)


# What the worker worked for it: others on this machine do not matter.
def work(p):
    with open(schedstat) as f:
        before = int(f.read().split()[0])
    rate(p)
    with open(schedstat) as f:
        return count * 1e6 / (int(f.read().split()[0]) - before)


def bulk(p):
    data = bytes(1 << 20)
    s = go(p, b'b')
    began = time.time()
    for _ in range(BULK >> 20):
        s.sendall(data)
    heard(s, p)
    return BULK * 8 / (time.time() - began) / 1e9


child = os.fork()
if child == 0:
    serve()
time.sleep(0.3)
try:
    for name, fn, unit in (('new connections', rate, '/s'),
                           ('new connections of a worker at work', work,
                            '/ms'),
                           ('bulk', bulk, 'Gbit/s')):
        got = {901: [], 902: []}
        for i in range(runs):
            for p in (901, 902) if i % 2 else (902, 901):
                got[p].append(fn(p))
        a, b = (statistics.median(got[p]) for p in (901, 902))
        print('%s: mux %.1f %s, relay %.1f %s, ratio %.2f (goal 0.95)' %
              (name, a, unit, b, unit, b / a), flush=True)
finally:
    os.kill(child, signal.SIGKILL)
