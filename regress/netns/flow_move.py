#!/usr/bin/env python3
"""flow_move.py HOST PORT N TEXT END: N flows that go on until END is there."""
import os
import socket
import sys
import time


def main(host, port, n, text, end):
    """
    How many were always answered, and to one port of ours; how often a PROXY
    header was in front.
    """
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
             for _ in range(int(n))]
    ports = [set() for _ in socks]
    headers = 0
    last = False
    while not last:
        last = os.path.exists(end)
        for s, seen in zip(socks, ports):
            s.settimeout(10)
            s.sendto(text.encode(), (host, int(port)))
            try:
                data = s.recv(65536)
                seen.add(data.split()[-1])
                headers += b"QUIT" in data
            except OSError:
                seen.add("lost")
        print("up", flush=True)
        time.sleep(0.02)
    print("kept", sum(len(p) == 1 and "lost" not in p for p in ports),
          "headers", headers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
