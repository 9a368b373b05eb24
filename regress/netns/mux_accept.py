#!/usr/bin/env python3
# Long work for the mux.
#
#	mux_accept.py sink PORT			serves flows
#	mux_accept.py flows PORT N BYTES SEED	N of them at a time, BYTES in
#						all: "ok BYTES" or what is wrong
#	mux_accept.py crowd PORT N		N that stay: "there", and after
#						a line of input "all" if every
#						one still carries a word
#	mux_accept.py garbage PORT N SEED	N who say anything: how many
#						came to an end
#	mux_accept.py each PORT N		one after the other: how many
#						were answered
import hashlib
import os
import random
import resource
import selectors
import socket
import struct
import sys
import threading
import time

HOST = '127.0.0.1'
HELLO = b'SSH-2.0-'
BLOCK = os.urandom(1 << 20)


def connect(port):
    return socket.create_connection((HOST, int(port)), 60)


def take(s, n):
    out = b''
    while len(out) < n:
        b = s.recv(n - len(out))
        if not b:
            raise OSError('it ended after %d of %d' % (len(out), n))
        out += b
    return out


def stalls(r):
    if r.random() < 0.004:
        time.sleep(r.choice((0.001, 0.02, 0.1)))


def send(s, size, seed, fails):
    """SIZE bytes, their hash, and an end."""
    r, sha = random.Random(seed), hashlib.sha256()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while size:
            at = r.randrange(len(BLOCK) - 1)
            n = min(size, r.choice((1, 700, 16384, 262144)), len(BLOCK) - at)
            s.sendall(memoryview(BLOCK)[at:at + n])
            sha.update(memoryview(BLOCK)[at:at + n])
            size -= n
            stalls(r)
        s.sendall(sha.digest())
        s.shutdown(socket.SHUT_WR)
    except OSError as e:
        fails.append('send: %s' % e)


def receive(s, size, seed, fails):
    r, sha = random.Random(seed), hashlib.sha256()
    buf = memoryview(bytearray(1 << 18))
    try:
        while size:
            n = s.recv_into(buf, min(size, len(buf)))
            if n == 0:
                raise OSError('an end with %d to come' % size)
            sha.update(buf[:n])
            size -= n
            stalls(r)
        if take(s, 32) != sha.digest():
            fails.append('other bytes')
        if s.recv(1):
            fails.append('bytes behind the end')
    except OSError as e:
        fails.append('receive: %s' % e)


def both(s, out, back, seed):
    """Each way has its own size, so one half is closed long before."""
    fails = []
    t = threading.Thread(target=send, args=(s, out, seed, fails))
    t.start()
    receive(s, back, seed + 1, fails)
    t.join()
    s.close()
    return fails


def serve_one(s):
    _, up, down, seed = struct.unpack('>8sQQQ', take(s, 32))
    return both(s, down, up, seed + 2)


def sink(port):
    """A process for each: who fails resets its client."""
    import signal
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.create_server((HOST, int(port)), backlog=512) as listener:
        print('up', flush=True)
        while True:
            s, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                fails = serve_one(s)
                if fails:
                    print(*fails, flush=True)
                os._exit(0)
            s.close()


def flow(port, size, seed):
    r = random.Random(seed)
    up = r.choice((0, 1, size // 50, size // 2, size - 1, size))
    s = connect(port)
    s.settimeout(600)
    s.sendall(struct.pack('>8sQQQ', HELLO, up, size - up, seed))
    return both(s, up, size - up, seed)


def flows(port, n, total, seed):
    n, total = int(n), int(total)
    pipes = []
    for i in range(n):
        r, w = os.pipe()
        if os.fork() == 0:
            rnd, left, bad = random.Random(int(seed) + i), total // n, []
            while left and not bad:
                size = min(left, rnd.choice((100, 100000, 20000000, 80000000)))
                bad = flow(port, size, rnd.randrange(1 << 40))
                left -= size
            os.write(w, b'; '.join(f.encode() for f in bad))
            os._exit(0)
        os.close(w)
        pipes.append(r)
    said = b''.join(os.read(r, 4096) for r in pipes)
    print(said.decode() if said else 'ok %d' % (total // n * n))


def many(n):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = min(int(n) + 100, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))


def quiet(port):
    """Echoes, for as many as come, in one process."""
    many(20000)
    sel = selectors.DefaultSelector()
    listener = socket.create_server((HOST, int(port)), backlog=4096)
    sel.register(listener, selectors.EVENT_READ)
    print('up', flush=True)
    while True:
        for key, _ in sel.select():
            s = key.fileobj
            if s is listener:
                sel.register(s.accept()[0], selectors.EVENT_READ)
                continue
            try:
                b = s.recv(4096)
                if b:
                    s.sendall(b)
                    continue
            except OSError:
                pass
            sel.unregister(s)
            s.close()


def crowd(port, n):
    many(n)
    socks = []
    for _ in range(int(n)):
        s = connect(port)
        s.sendall(HELLO)
        socks.append(s)
    for s in socks:
        take(s, len(HELLO))
    print('there', flush=True)
    sys.stdin.readline()
    good = 0
    for s in socks:
        s.sendall(b'word')
    for s in socks:
        good += take(s, 4) == b'word'
    print('all' if good == len(socks) else good, flush=True)


BEGINS = (b'', b'GET / HTTP/1.1\r\n', b'\x16\x03\x01', b'SSH-', b'\x05\x01',
          b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
          b'\x10\x20\0\x04MQTT',
          b'\0\0\0\x08\x04\xd2\x16\x2f', b'PROXY ', b'\x03\0\0\x13\x0e\xe0',
          b'PRI * HTTP/2.0\r\n\r\n', b'<?xml version=', b'*1\r\n$4\r\n')


def garbage(port, n, seed):
    done, lock = [0], threading.Lock()

    def talk(which):
        r = random.Random(int(seed) * 1000 + which)
        for _ in range(int(n) // 20):
            try:
                s = connect(port)
                size = r.choice((0, 1, 40, 1500, 70000))
                what = bytearray(r.choice(BEGINS) + r.randbytes(size))
                if what and r.random() < 0.5:
                    what[r.randrange(min(len(what), 64))] = r.randrange(256)
                while what:
                    cut = r.randrange(1, len(what) + 1)
                    s.sendall(what[:cut])
                    del what[:cut]
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except (ConnectionResetError, BrokenPipeError):
                pass
            except OSError as e:
                if e.errno != 107:      # ENOTCONN: reset before our end
                    print(e, flush=True)
                    continue
            with lock:
                done[0] += 1
            s.close()
    ts = [threading.Thread(target=talk, args=(i,)) for i in range(20)]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    print(done[0])


def each(port, n):
    good, slowest = 0, 0
    for _ in range(int(n)):
        start = time.monotonic()
        try:
            with connect(port) as s:
                s.sendall(HELLO)
                good += take(s, len(HELLO)) == HELLO
        except OSError:
            pass
        slowest = max(slowest, time.monotonic() - start)
    print(good, '%.1f ms' % (slowest * 1000))


if __name__ == '__main__':
    globals()[sys.argv[1]](*sys.argv[2:])
