#!/usr/bin/env python3
# pcapng.py FILE: what a tap wrote, by the words of the draft, without
# Wireshark: one line "sections N packets N dropped N drops N whole N", where
# dropped is the sum of epb_dropcount, drops the last isb_ifdrop, and whole is
# 1 if the file ends with a block's end.
import struct
import sys

data = open(sys.argv[1], 'rb').read()
at, sections, packets, dropped, drops = 0, 0, 0, 0, 0


def options(raw):
    at = 0
    while at + 4 <= len(raw):
        code, n = struct.unpack_from('=HH', raw, at)
        if code == 0:
            return
        yield code, raw[at + 4:at + 4 + n]
        at += 4 + (n + 3) // 4 * 4


while at + 12 <= len(data):
    kind, n = struct.unpack_from('=II', data, at)
    if n % 4 or n < 12 or at + n > len(data):
        break
    if struct.unpack_from('=I', data, at + n - 4)[0] != n:
        sys.exit('block at %d: its lengths differ' % at)
    body = data[at + 8:at + n - 4]
    if kind == 0x0a0d0d0a:
        sections += 1
    elif kind == 6:
        packets += 1
        caught = struct.unpack_from('=I', body, 12)[0]
        for code, value in options(body[20 + (caught + 3) // 4 * 4:]):
            if code == 4:
                dropped += struct.unpack('=Q', value)[0]
    elif kind == 5:
        for code, value in options(body[12:]):
            if code == 5:
                drops = struct.unpack('=Q', value)[0]
    at += n
print('sections %d packets %d dropped %d drops %d whole %d' %
      (sections, packets, dropped, drops, at == len(data)))
