#!/usr/bin/env python3
"""Backends and clients for mux_pool.t.

pool.py serve [unix:]NAME=PORT...   each says its name to whoever says a line
pool.py ask ADDR PORT N [FROM...]   N connections, one after the other, from
                                    these in turn: who answered, counted
"""
import asyncio
import collections
import os
import socket
import sys


async def serve(args):
    def handler(name):
        async def talk(reader, writer):
            try:
                while await reader.readline():
                    writer.write(name.encode() + b'\n')
                    await writer.drain()
                writer.close()
            except OSError:
                pass
        return talk
    servers = []
    for a in args:
        name, port = a.split('=', 1)
        if port.startswith('/'):
            servers.append(await asyncio.start_unix_server(
                handler(name), port))
            os.chmod(port, 0o666)
        else:
            servers.append(await asyncio.start_server(
                handler(name), None, int(port)))
    print('up', flush=True)
    await asyncio.gather(*(s.serve_forever() for s in servers))


def ask_one(addr, port, source, say):
    try:
        with socket.create_connection(
                (addr, port), 10, (source, 0) if source else None) as s:
            s.settimeout(10)
            s.sendall(say)
            return s.makefile('rb').readline().decode().strip() or 'nothing'
    except ConnectionResetError:
        return 'reset'
    except OSError as e:
        return type(e).__name__


def ask(addr, port, n, *sources):
    say = os.environb.get(b'SAY', b'hello\n')
    got = collections.Counter()
    by = {}
    for i in range(int(n)):
        source = sources[i % len(sources)] if sources else None
        who = ask_one(addr, int(port), source, say)
        got[who] += 1
        by[source] = who
    if os.environ.get('BY'):
        print(' '.join('%s=%s' % x for x in sorted(by.items())))
    else:
        print(' '.join('%s=%d' % x for x in sorted(got.items())))


if sys.argv[1] == 'serve':
    asyncio.run(serve(sys.argv[2:]))
else:
    ask(*sys.argv[2:])
