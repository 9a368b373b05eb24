#!/usr/bin/env python3
"""A seeded log of one busy server, written as time goes by, with all that
logrotate does to logs.

    writer.py SEED LINES RATE DIR BASE CTL...

Two watches read it: DIR/a.log is rotated; DIR/b.log and DIR/c.log are one
watch of two files.  The stamps are BASE and what the seed says, so two runs
differ in nothing but BASE.  CTL is refractctl: some things are done to a log
only when all of it was read, and (twice) only when the ledger has it too.
Progress goes to DIR/progress.
"""
import json
import os
import random
import subprocess
import sys
import time

seed, lines, rate = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
top, base = sys.argv[4], int(sys.argv[5])
ctl = sys.argv[6:]
rnd = random.Random(seed)
A, B, C = (os.path.join(top, n + ".log") for n in "abc")
OPS = ["rename", "copytruncate", "rename", "compress", "recreate", "rename",
       "late", "rename"]


def stamp(us):
    t = base + us // 1000000
    return time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(t)) + \
        ".%06d" % (us % 1000000)


class Log:
    def __init__(self, path):
        self.path = path
        self.open()

    def open(self):
        self.f = os.open(self.path,
                         os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def write(self, text):
        os.write(self.f, text.encode())


def shown(what, name, value):
    """{name: value} of refractctl show, empty while nobody is there."""
    try:
        out = subprocess.run(ctl + ["-j", "show", what], timeout=60,
                             capture_output=True).stdout
        return {r[name]: r[value] for r in json.loads(out)}
    except (ValueError, KeyError, subprocess.TimeoutExpired):
        return {}


def counted():
    """Lines of watch a that are counted, or -1 while nobody is there."""
    return shown("watches", "watch", "lines").get("a", -1)


def ledger():
    """What it has committed, if nothing waits for it, or None."""
    now = shown("metrics", "name", "value")
    if now.get("refract_ledger_waiting", 1) == 0:
        return now.get("refract_ledger_commits_total")


def generation():
    try:
        return open(os.path.join(top, "starts")).read()
    except OSError:
        return ""


def wait_read(n, committed=False):
    end = time.time() + 120
    while time.time() < end:
        born = generation()
        if counted() == n:
            if not committed:
                return
            # Nothing is written meanwhile: it is quiet, several times longer
            # than the parser keeps what it has read.
            quiet = ledger()
            for _ in range(10):
                time.sleep(0.25)
                if ledger() != quiet:
                    quiet = None
            if quiet is not None and counted() == n and generation() == born:
                return
        time.sleep(0.05)
    sys.exit("the daemon did not read all of the log: %d of %d" %
             (counted(), n))


def line(us, addr, user):
    return "%s from %s:%d accepted tcp:www%d.example.com:443 " \
        "[in >> direct] email: %s\n" % (
            stamp(us), addr, rnd.randrange(1024, 65535),
            rnd.randrange(1000), user)


def rotate(op, log, n, k):
    """The k-th rotation, after n lines."""
    name = "%s.%d" % (log.path, k)
    if op in ("rename", "late"):
        old = log.f
        os.rename(log.path, name)
        if op == "late":
            # the writer goes on in the old file for a while
            os.write(old, line.last.encode())
        log.open()
        os.close(old)
        return op == "late"
    if op == "copytruncate":
        wait_read(n)
        with open(log.path, "rb") as f, open(name, "wb") as g:
            g.write(f.read())
        os.truncate(log.path, 0)
    elif op == "compress":
        wait_read(n, committed=True)
        for old in range(1, k):
            if os.path.exists("%s.%d" % (log.path, old)):
                subprocess.run(["gzip", "-f", "%s.%d" % (log.path, old)])
    elif op == "recreate":
        wait_read(n, committed=True)
        os.close(log.f)
        os.unlink(log.path)
        log.open()
    return False


def main():
    a, b, c = Log(A), Log(B), Log(C)
    us = n = na = k = 0
    every = lines // (len(OPS) + 1)
    slack = time.time() - base
    while n < lines:
        us += rnd.randrange(1, 2000000 // rate)
        user = "u%d@example.org" % rnd.randrange(lines // 100 + 20)
        home = sum(map(ord, user)) * 7919
        addr = "10.%d.%d.%d" % (home // 65536 % 256, home // 256 % 256,
                                home % 256)
        if rnd.random() < 0.04:
            addr = "198.18.%d.%d" % (rnd.randrange(256), rnd.randrange(256))
        text = line(us, addr, user)
        pick = rnd.random()
        if pick < 0.8:
            a.write(text)
            na += 1
        else:
            (b if pick < 0.9 else c).write(text)
        n += 1
        if n % every == 0 and k < len(OPS):
            k += 1
            us += 1000
            line.last = line(us, addr, user)
            if rotate(OPS[k - 1], a, na, k):
                na += 1
        if n % 50 == 0:
            ahead = us / 1e6 - (time.time() - base - slack)
            if ahead > 0:
                time.sleep(ahead)
            with open(os.path.join(top, "progress"), "w") as f:
                f.write("%d\n" % n)
    with open(os.path.join(top, "progress"), "w") as f:
        f.write("done %d %d %d\n" % (n, na, us))


main()
