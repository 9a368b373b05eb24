#!/usr/bin/env python3
"""Datagrams by hand, for flow.t."""
import os
import select
import socket
import sys
import time


UDP_SEGMENT = 103


def train(s, count, size, peer=None):
    """Numbered datagrams, and a short one, as one call (linux/udp.h)."""
    data = b"".join((b"echo %04d " % i).ljust(size, b".")
                    for i in range(count)) + b"echo last"
    s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
    if peer:
        s.sendto(data, peer)
    else:
        s.send(data)
    s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)


def serve(pairs):
    """LABEL=PORT...: says its label, what it was told, and who told it."""
    socks = {}
    for pair in pairs:
        label, port = pair.split("=")
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.bind(("127.0.0.1", int(port)))
        socks[s] = label
    print("up", flush=True)
    while True:
        for s in select.select(list(socks), [], [])[0]:
            data, peer = s.recvfrom(65536)
            text = data.decode("latin-1")
            if text.startswith("silent"):
                continue
            if text.startswith("spoof"):
                # From a port that was never asked.
                o = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                o.sendto(b"SPOOFED", peer)
            if text.startswith("echo train"):
                train(s, int(text.split()[2]), int(text.split()[3]), peer)
                continue
            if text.startswith("big"):
                s.sendto(b"x" * 60000, peer)
                continue
            s.sendto(("%s %s %d" % (socks[s], text[:40], peer[1])).encode(
                "latin-1"), peer)


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def ask(host, port, texts, bind=None, limit=10.0):
    """Each in turn from one socket; what came back and from where.  bind:
    an address, or it and a port; limit:SECONDS is for what follows; new: from
    a new socket."""
    s = socket.socket(family(host), socket.SOCK_DGRAM)
    if bind:
        address, _, own = bind.partition("@")
        s.bind((address, int(own or 0)))
    for text in texts:
        data = bytes.fromhex(text[4:]) if text.startswith("hex:") else \
            text.encode()
        if text.startswith("limit:"):
            limit = float(text[6:])
            continue
        if text == "new":
            s = socket.socket(family(host), socket.SOCK_DGRAM)
            continue
        s.sendto(data, (host, int(port)))
        s.settimeout(limit)
        try:
            data, peer = s.recvfrom(65536)
        except OSError as e:
            print("none", type(e).__name__, flush=True)
            continue
        if len(data) > 1000:
            data = b"%d bytes" % len(data)
        print(peer[0], data.decode("latin-1"), flush=True)


def trains(host, port, way, count, size):
    """A train each way: what came back, in its order, and how long."""
    count, size = int(count), int(size)
    s = socket.socket(family(host), socket.SOCK_DGRAM)
    s.connect((host, int(port)))
    s.settimeout(10)
    s.send(b"echo first")
    s.recv(65536)
    if way == "to":
        train(s, count, size)
        wanted = ["echo echo %04d" % i for i in range(count)]
    else:
        s.send(b"echo train %d %d" % (count, size))
        wanted = ["echo %04d" % i for i in range(count)]
    got = []
    try:
        while len(got) <= count:
            got.append(s.recv(65536))
    except OSError:
        pass
    texts = [g.decode("latin-1") for g in got]
    good = len(got) == count + 1 and all(
        t.startswith(w) for t, w in zip(texts, wanted))
    if way == "from":
        good = good and {len(g) for g in got[:-1]} == {size}
    print(len(got), good and "last" in texts[-1], flush=True)


def many(host, port, n, text, keep):
    """A flow each: how many were answered, and from how many ports of ours."""
    socks, ports = [], set()
    for _ in range(int(n)):
        s = socket.socket(family(host), socket.SOCK_DGRAM)
        s.setblocking(False)
        socks.append(s)
    for i in range(0, len(socks), 100):
        for s in socks[i:i + 100]:
            s.sendto(text.encode(), (host, int(port)))
        end = time.time() + 2
        waiting = set(socks[i:i + 100])
        while waiting and time.time() < end:
            p = select.poll()
            by = {s.fileno(): s for s in waiting}
            for f in by:
                p.register(f, select.POLLIN)
            for f, _ in p.poll(200):
                ports.add(by[f].recv(65536).split()[-1])
                waiting.discard(by[f])
    print(len(ports), flush=True)
    time.sleep(float(keep))


def bound(host, port, n, first, text, limit=10):
    """From ports `first` on, one after the other: how many are answered."""
    answered = 0
    for i in range(int(n)):
        s = socket.socket(family(host), socket.SOCK_DGRAM)
        s.bind((host, int(first) + i))
        s.settimeout(float(limit))
        s.sendto(text.encode(), (host, int(port)))
        try:
            answered += s.recv(65536).startswith(b"echo")
        except OSError:
            pass
        s.close()
    print(answered, flush=True)


def crowd(host, port, n, text, end):
    """Flows that go on until a file is there: how many lost no answer."""
    socks = [socket.socket(family(host), socket.SOCK_DGRAM)
             for _ in range(int(n))]
    ports = [set() for _ in socks]
    last = False
    while not last:
        last = os.path.exists(end)
        for s, seen in zip(socks, ports):
            s.settimeout(10)
            s.sendto(text.encode(), (host, int(port)))
            try:
                seen.add(s.recv(65536).split()[-1])
            except OSError:
                seen.add("lost")
        print("up", flush=True)
        time.sleep(0.02)
    print("answered", sum("lost" not in p for p in ports), flush=True)


def stay(host, port, text, every, bind=None):
    """Says it again and again: a line for each answer, until it is ended."""
    s = socket.socket(family(host), socket.SOCK_DGRAM)
    if bind:
        s.bind((bind, 0))
    while True:
        s.sendto(text.encode(), (host, int(port)))
        s.settimeout(1)
        try:
            print(s.recv(65536).decode("latin-1"), flush=True)
        except OSError:
            print("none", flush=True)
        time.sleep(float(every))


def main(argv):
    if argv[0] == "serve":
        serve(argv[1:])
    elif argv[0] == "ask":
        ask(argv[1], argv[2], argv[3:])
    elif argv[0] == "from":
        ask(argv[2], argv[3], argv[4:], bind=argv[1])
    elif argv[0] == "many":
        many(*argv[1:])
    elif argv[0] == "trains":
        trains(*argv[1:])
    elif argv[0] == "bound":
        bound(*argv[1:])
    elif argv[0] == "crowd":
        crowd(*argv[1:])
    elif argv[0] == "stay":
        stay(*argv[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
