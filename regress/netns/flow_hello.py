#!/usr/bin/env python3
"""Clients and the members that they are sent to, in one, for flow_hello.t and
flow_tap.t: what is said in which order, and what came of it where.

    flow_hello.py FLIGHT HOST PORT MEMBER SCENARIO...

FLIGHT has a datagram in hex a line; MEMBER is an address, whose ports 7301 to
7303 are "one", "two" and "other".  A scenario has a client of its own: the
numbers of its datagrams in their order, | to see that nothing has come yet,
=N if of all so far only N come, @N for the N-th of several clients, wait:FILE
until there is a FILE.  Each gives a line: whose it was, what came there, and
"answered" if the client then had an answer."""
import os
import select
import socket
import sys
import time

NAMES = {7301: "one", 7302: "two", 7303: "other"}
LIMIT = 60
NOTHING = 0.3


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def members(host):
    socks = {}
    for port, name in NAMES.items():
        s = socket.socket(family(host), socket.SOCK_DGRAM)
        s.bind((host, port))
        socks[s] = name
    return socks


def came(socks, flight, n):
    """Up to n datagrams: (whose, which, from whom)."""
    got = []
    while len(got) < n:
        ready = select.select(list(socks), [], [], LIMIT)[0]
        if not ready:
            break
        data, peer = ready[0].recvfrom(65536)
        which = flight.index(data) if data in flight else "?"
        got.append((socks[ready[0]], str(which), (ready[0], peer)))
    return got


def until(path):
    print("there", flush=True)
    while not os.path.exists(path):
        time.sleep(0.01)


def client(clients, front, n):
    if n not in clients:
        clients[n] = socket.socket(family(front[0]), socket.SOCK_DGRAM)
    return clients[n]


def say(words, front, flight, socks, clients):
    """The last client, how many datagrams come, and what was wrong."""
    c, said, wrong = client(clients, front, "0"), 0, ""
    for word in words:
        if word == "|":
            if select.select(list(socks), [], [], NOTHING)[0]:
                wrong = " early"
        elif word[0] == "=":
            said = int(word[1:])
        elif word[0] == "@":
            c = client(clients, front, word[1:])
        elif word.startswith("wait:"):
            until(word[5:])
        else:
            c.sendto(flight[int(word)], front)
            said += 1
    return c, said, wrong


def answer(c, front, socks, ends):
    for s, peer in ends:
        s.sendto(b"answer of " + socks[s].encode(), peer)
    if not ends or not select.select([c], [], [], LIMIT)[0]:
        return ""
    return " answered" if c.recvfrom(65536)[1][:2] == front else " elsewhere"


def play(words, front, flight, socks):
    clients = {}
    c, said, end = say(words, front, flight, socks, clients)
    got = came(socks, flight, said)
    ends = {g[2] for g in got}
    end += answer(c, front, socks, ends)
    if len(ends) > 1:
        end += " by several"
    if select.select(list(socks), [], [], 0)[0]:
        end += " and more came"
    print("%s: %s%s" % ("+".join(sorted({g[0] for g in got})),
                        " ".join(g[1] for g in got), end), flush=True)


def main(flight, host, port, member, *scenarios):
    with open(flight, encoding="ascii") as f:
        datagrams = [bytes.fromhex(line) for line in f]
    socks = members(member)
    for s in scenarios:
        play(s.split(), (host, int(port)), datagrams, socks)


if __name__ == "__main__":
    main(*sys.argv[1:])
