#!/usr/bin/env python3
"""Who hears a client's datagrams and says them again, for flow_real.t."""
import os
import select
import socket
import sys
import time

ETH_P_ALL = 3


def udp_of(frame, port):
    """Payload of an IPv4 datagram to this port, or nothing."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 17:
        return b""
    at = 14 + (frame[14] & 15) * 4
    if int.from_bytes(frame[at + 2:at + 4], "big") != port:
        return b""
    return frame[at + 8:at + int.from_bytes(frame[at + 4:at + 6], "big")]


def is_late(data):
    """Of a flow that there is: QUIC's short header, WireGuard's data."""
    return len(data) > 20 and data[0] & 0x80 == 0


def hear(interface, port, count):
    """The first ones that leave here."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                        socket.htons(ETH_P_ALL))
    tap.bind((interface, 0))
    print("up", flush=True)
    heard = []
    while len(heard) < count:
        data = udp_of(tap.recv(65536), port)
        if is_late(data):
            heard.append(data)
    print("heard", flush=True)
    return heard


def again(interface, source, host, port, count, go):
    """Once there is a file `go`, each once more, from another address."""
    said = hear(interface, int(port), int(count))
    while not os.path.exists(go):
        time.sleep(0.01)
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.bind((source, 0))
    for data in said:
        out.sendto(data, (host, int(port)))
    answers = 0
    while select.select([out], [], [], 0.3)[0]:
        answers += len(out.recv(65536)) > 0
    print("said %d answers %d" % (len(said), answers), flush=True)


if __name__ == "__main__":
    again(*sys.argv[1:])
