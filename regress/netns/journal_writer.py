#!/usr/bin/env python3
"""Entries for systemd-journal-remote, in the export format, as time goes by.

    journal_writer.py SEED COUNT RATE

Addresses 10.x.y.z come three times each, at random places; every fifth entry
is of another unit, and some are binary.
"""
import random
import struct
import sys
import time

seed, count, rate = (int(a) for a in sys.argv[1:])
rnd = random.Random(seed)
addrs = [n // 3 for n in range(count)]
rnd.shuffle(addrs)
out = sys.stdout.buffer


def put(unit, message, n):
    now = time.time_ns() // 1000
    out.write(b"__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n"
              b"_BOOT_ID=11111111111111111111111111111111\n"
              b"_SYSTEMD_UNIT=%s\nSYSLOG_IDENTIFIER=sshd\n_PID=%d\n"
              b"_HOSTNAME=h\n" % (now, now, unit, n))
    if n % 7 == 0:
        message += b"\nsecond line"
        out.write(b"MESSAGE\n%s%s\n" % (struct.pack("<Q", len(message)),
                                        message))
    else:
        out.write(b"MESSAGE=%s\n" % message)
    out.write(b"\n")
    out.flush()


start = time.time()
for n, a in enumerate(addrs):
    put(b"ssh.service", b"Failed password from 10.%d.%d.%d port 5" %
        (a >> 16, a >> 8 & 255, a & 255), n)
    if n % 5 == 0:
        put(b"other.service", b"Failed password from 10.255.0.1 port 5", n)
    late = start + n / rate - time.time()
    if late > 0:
        time.sleep(late)
