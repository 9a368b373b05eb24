#!/usr/bin/env python3
"""A service manager, as far as sd_notify(3) and its descriptor store go.

    manager.py NOTIFY-SOCKET [--no-store] COMMAND...

Starts COMMAND at once.  SIGUSR1: stop it (SIGTERM) and wait.  SIGUSR2: start
it again, with what is in the store.  SIGTERM: stop it and end.  What it says
is printed, a line each; our own lines begin with "# ".
"""
import array
import os
import selectors
import signal
import socket
import subprocess
import sys

args = sys.argv[1:]
path = args.pop(0)
store_on = args[0] != "--no-store"
if not store_on:
    args.pop(0)
store = {}          # name -> descriptors
child = None


def say(text):
    print(text, flush=True)


def same(a, b):
    """The kernel's kcmp(2) would say so; an inode does for sockets."""
    return os.fstat(a).st_ino == os.fstat(b).st_ino


def start():
    global child
    names = [n for n in store for _ in store[n]]
    fds = [fd for n in store for fd in store[n]]
    env = dict(os.environ, NOTIFY_SOCKET=path)
    if store_on:
        env["FDSTORE"] = "16"

    def before_exec():
        # Out of the way first, then to 3, 4, ...
        high = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i, inheritable=True)
            os.close(fd)
        if fds:
            os.environ["LISTEN_PID"] = str(os.getpid())

    if fds:
        env["LISTEN_FDS"] = str(len(fds))
        env["LISTEN_FDNAMES"] = ":".join(names)
        # LISTEN_PID is the child's own number: a shell knows it.
        command = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"] + args
    else:
        command = args
    child = subprocess.Popen(command, env=env, close_fds=False,
                             preexec_fn=before_exec)
    say("# started %d with %s" % (child.pid, " ".join(names) or "nothing"))


def stop():
    global child
    if child is not None:
        child.terminate()
        pump(0)
        say("# ended with %d" % child.wait())
        pump(0)
        child = None


def keep(name, fds):
    kept = store.setdefault(name, [])
    for fd in fds:
        if any(same(fd, k) for k in kept):
            os.close(fd)
        else:
            kept.append(fd)
            say("# keeps " + name)


def received(data, fds):
    fields = dict(line.split("=", 1) for line in data.decode().splitlines()
                  if "=" in line)
    for key, value in fields.items():
        say("%s=%s" % (key, value))
    name = fields.get("FDNAME", "stored")
    if fields.get("FDSTORE") == "1" and store_on:
        keep(name, fds)
    else:
        for fd in fds:
            os.close(fd)
    if fields.get("FDSTOREREMOVE") == "1":
        for fd in store.pop(name, []):
            os.close(fd)
        say("# forgets " + name)


def pump(timeout):
    while selector.select(timeout):
        data, anc, _, _ = sock.recvmsg(8192, socket.CMSG_SPACE(4 * 16),
                                       socket.MSG_DONTWAIT
                                       | socket.MSG_CMSG_CLOEXEC)
        fds = array.array("i")
        for level, kind, payload in anc:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[:len(payload) // 4 * 4])
        received(data, list(fds))
        timeout = 0


asked = []
for s in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
    signal.signal(s, lambda number, frame: asked.append(number))
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind(path)
os.chmod(path, 0o666)
selector = selectors.DefaultSelector()
selector.register(sock, selectors.EVENT_READ)
start()
while True:
    while asked:
        number = asked.pop(0)
        if number != signal.SIGUSR2:
            stop()
        if number == signal.SIGTERM:
            sys.exit(0)
        if number == signal.SIGUSR2 and child is None:
            start()
    pump(0.05)
