#!/usr/bin/env python3
"""Write lines of an Xray access log to FILE until told to end: RATE a second,
every hundredth by an account that is seen at a second address.  Prints how
many there were, and how many second addresses."""
import datetime
import os
import signal
import sys
import time

path, rate = sys.argv[1], int(sys.argv[2])
over = []
signal.signal(signal.SIGTERM, lambda number, frame: over.append(1))
log = open(path, "a", buffering=1)
lines = second = 0


def line(address, user):
    global lines
    log.write("%s from %s:4711 accepted tcp:example.com:443 [in >> direct] "
              "email: %s\n" % (datetime.datetime.now().strftime(
                  "%Y/%m/%d %H:%M:%S.%f"), address, user))
    lines += 1


print("pouring", flush=True)
begun = time.monotonic()
while not over:
    line("198.51.100.%d" % (lines % 200 + 1), "user%d" % (lines % 200))
    if lines % 100 == 50:
        second += 1
        user = "shared%d-%d" % (os.getpid(), second)
        line("198.51.100.250", user)
        line("10.9.%d.%d" % (second >> 8 & 255, second & 255), user)
    behind = lines / rate - (time.monotonic() - begun)
    if behind > 0.005:
        time.sleep(behind)
print("lines %d second %d" % (lines, second), flush=True)
