#!/usr/bin/env python3
# First bytes of real programs whose servers are not for a test, and clients
# that no small package has.
#
#	mux_real.py first HOST PORT	who answers each: "name label"
#	mux_real.py xmpp HOST PORT DOMAIN USER PASSWORD [tls]	log in, bind
#	mux_real.py dns HOST PORT NAME	ask over TCP
import base64
import re
import socket
import ssl
import struct
import sys
import threading


def adb(command, a, b, data):
    n = struct.unpack('<I', command)[0]
    return struct.pack('<6I', n, a, b, len(data), sum(data),
                       n ^ 0xffffffff) + data


def rdp(user):
    # TPKT, X.224 connection request, cookie, RDP_NEG_REQ with TLS and CredSSP
    body = b'\xe0\0\0\0\0\0Cookie: mstshash=' + user + b'\r\n' + \
        b'\x01\0\x08\0\x03\0\0\0'
    return b'\x03\0' + struct.pack('>HB', len(body) + 5, len(body)) + body


def minecraft(host, port):
    body = b'\0\xfb\x05' + bytes([len(host)]) + host + \
        struct.pack('>H', port) + b'\x01'
    return bytes([len(body)]) + body + b'\x01\0'


FIRST = {
    # mstsc; xfreerdp without a name
    'rdp': rdp(b'Administr'),
    'rdp_short': bytes.fromhex('030000130ee000000000000100080001000000'),
    # adb 34 to a device
    'adb': adb(b'CNXN', 0x01000001, 0x100000,
               b'host::features=shell_v2,cmd,stat_v2,ls_v2,fixed_push_mkdir,'
               b'apex,abb,fixed_push_symlink_timestamp,abb_exec'),
    'adb_tls': adb(b'STLS', 0x01000000, 0, b''),
    # 1.20.1's server list; 1.6's ping, as in refractium's benchmark
    'minecraft': minecraft(b'mc.example.com', 443),
    'minecraft_old': bytes.fromhex('fe01fa000b') +
    'MC|PingHost'.encode('utf-16-be'),
    'tinc': b'0 laptop 17.7\n',
    # rsyslog: by length and by line; logger -T
    'syslog': b'61 <34>1 2003-10-11T22:14:15.003Z mymachine su - ID47 - '
              b'failed',
    'syslog_line': b'<13>Oct 11 22:14:15 mymachine su: \'su root\' failed\n',
    'bittorrent': b'\x13BitTorrent protocol' + bytes.fromhex(
        '0000000000100005') + bytes(range(20)) + b'-TR3000-0123456789ab',
    # curl --socks4a
    'socks4': b'\x04\x01\0\x50\0\0\0\x01\0example.com\0',
    'sip': b'OPTIONS sip:100@192.0.2.1 SIP/2.0\r\n'
           b'Via: SIP/2.0/TCP 192.0.2.9:5060;branch=z9hG4bK-1\r\n\r\n',
    'proxy': b'PROXY TCP4 192.0.2.9 192.0.2.1 4711 443\r\nGET / HTTP/1.1\r\n',
    'unknown': b'\x7f\x7f what is this?',
}


def connect(host, port):
    s = socket.create_connection((host, int(port)), 60)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def rest(s):
    out = b''
    while True:
        b = s.recv(65536)
        if not b:
            return out
        out += b


def one(host, port, name, out):
    try:
        s = connect(host, port)
        s.sendall(FIRST[name])
        s.shutdown(socket.SHUT_WR)
        label, _, echo = rest(s).partition(b'\n')
        out[name] = label.decode() if echo == FIRST[name] else 'other bytes'
    except OSError as e:
        out[name] = str(e)


def first(host, port):
    out = {}
    threads = [threading.Thread(target=one, args=(host, port, n, out),
                                daemon=True) for n in FIRST]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    for n in FIRST:
        print(n, out.get(n, 'no answer'))


def xmpp(host, port, domain, user, password, tls=''):
    # Made before: who is silent for long is joined with who speaks first.
    c = ssl.create_default_context()
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    c.set_alpn_protocols(['xmpp-client'])
    s = connect(host, port)
    if tls:
        s = c.wrap_socket(s, server_hostname=domain)
    got = b''

    def until(what):
        nonlocal got
        while not re.search(what, got):
            b = s.recv(65536)
            if not b:
                raise SystemExit('closed: %r' % got)
            got += b

    def stream():
        nonlocal got
        got = b''
        s.sendall(b"<?xml version='1.0'?><stream:stream to='%s' "
                  b"xmlns='jabber:client' version='1.0' xmlns:stream="
                  b"'http://etherx.jabber.org/streams'>" % domain.encode())
        until(rb'</stream:features>')
    stream()
    plain = base64.b64encode(b'\0%s\0%s' % (user.encode(), password.encode()))
    s.sendall(b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' "
              b"mechanism='PLAIN'>" + plain + b'</auth>')
    until(rb'<success|<failure')
    stream()
    s.sendall(b"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:"
              b"xmpp-bind'><resource>r</resource></bind></iq>")
    until(rb'<jid>[^<]*</jid>')
    print(re.search(rb'<jid>([^<]*)', got).group(1).decode())
    s.sendall(b'</stream:stream>')
    rest(s)


def dns(host, port, name):
    s = connect(host, port)
    q = b'\x12\x34\x01\0\0\x01\0\0\0\0\0\0' + b''.join(
        bytes([len(w)]) + w for w in name.encode().split(b'.')) + \
        b'\0\0\x01\0\x01'
    s.sendall(struct.pack('>H', len(q)) + q)
    got = b''
    while len(got) < 2 or len(got) < 2 + struct.unpack('>H', got[:2])[0]:
        b = s.recv(4096)
        if not b:
            break
        got += b
    print(socket.inet_ntoa(got[-4:]))


if __name__ == '__main__':
    globals()[sys.argv[1]](*sys.argv[2:])
