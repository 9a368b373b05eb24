#!/usr/bin/env python3
"""Connect to ADDRESS PORT from FROM, over and over, until told to end: prints
how many tries there were, how many got through, and why the last did not."""
import signal
import socket
import sys
import time

source, address, port, wait = sys.argv[1:5]
tries = through = 0
over = []
last = "none"
signal.signal(signal.SIGTERM, lambda number, frame: over.append(1))
print("knocking", flush=True)
while not over:
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    s.settimeout(float(wait))
    s.bind((source, 0))
    tries += 1
    try:
        s.connect((address, int(port)))
        through += 1
    except OSError as error:
        last = str(error)
    s.close()
    time.sleep(0.005)      # a listener's queue is short
print("tries %d through %d error %s" % (tries, through, last), flush=True)
