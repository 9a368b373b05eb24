# What fail2ban itself makes of its filters, for f2b_stock.c: records that end
# with a NUL, of fields between 0x1f: kind, filter, options, text.  It runs
# the installed fail2ban and holds nothing of it.
import json
import logging
import os
import re
import sys

logging.disable(logging.CRITICAL)
import fail2ban
from fail2ban.client.filterreader import FilterReader
from fail2ban.server import failregex

DIR = "/etc/fail2ban"
LOGS = os.path.join(os.path.dirname(fail2ban.__file__), "tests/files/logs")
# The same addresses and names in words of our own.
OURS = [
    (failregex.R_HOST[failregex.RI_IPV4],
     r"(?:::f{4,6}:)?(?P<ip4>\d{1,3}(?:\.\d{1,3}){3})"),
    (failregex.R_HOST[failregex.RI_IPV6],
     r"(?P<ip6>(?:[\da-fA-F]{1,4}::?|::){1,7}(?:[\da-fA-F]{1,4}|(?<=:):))"),
    (failregex.R_HOST[failregex.RI_DNS], r"(?P<dns>[\w.^-]*\w)"),
]


def out(*fields):
    sys.stdout.write("\x1f".join(fields) + "\0")


def final(regex, dns):
    text = failregex.Regex._resolveHostTag(regex, useDns=dns)
    for theirs, ours in OURS:
        text = text.replace(theirs, ours)
    return text


def lines(stream):
    """The commands that fail2ban's client would send to its server."""
    for cmd in stream:
        if cmd[0] == "multi-set":
            for value in cmd[3]:
                yield cmd[2], value
        elif cmd[2] == "addjournalmatch":
            yield cmd[2], "\x1e".join(cmd[3:])
        else:
            yield cmd[2], str(cmd[3])


def one(name, options):
    said = ", ".join('%s="%s"' % o for o in options.items())
    reader = FilterReader(name, "jail", dict(options), basedir=DIR)
    if not reader.read():
        return
    reader.applyAutoOptions("")
    try:
        reader.getOptions(None)
        stream = reader.convert()
    except Exception:
        out("error", name, said)
        return
    out("filter", name, said)
    for what, text in lines(stream):
        if what == "prefregex" and text.strip() == "":
            continue
        if what in ("addfailregex", "addignoreregex", "prefregex"):
            text = final(text, options.get("usedns", "no"))
        if what == "datepattern":
            for line in filter(None, map(str.strip, text.split("\n"))):
                out(what, name, said, line)
        else:
            out(what, name, said, text)


def modes(path):
    """Every X of options that are called something-X for mode=X."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    found = set(re.findall(r"^mode\s*=\s*(\w+)", text, re.M))
    if "<mode>" in text:
        found |= set(re.findall(r"^(?:mdre|mdpr|prefregex|_?failregex)-(\w+)",
                                text, re.M))
    return sorted(found)


def tested(name):
    """The options that fail2ban's own tests of the filter use."""
    try:
        with open(os.path.join(LOGS, name), encoding="utf-8") as f:
            text = f.read()
    except OSError:
        return
    for said in re.findall(r"^# ?filterOptions: ?(.*)$", text, re.M):
        said = json.loads(said)
        for options in said if isinstance(said, list) else [said]:
            yield {k: str(v) for k, v in options.items()
                   if not k.startswith("test.")}


for f in sorted(os.listdir(os.path.join(DIR, "filter.d"))):
    name, suffix = os.path.splitext(f)
    if suffix != ".conf":
        continue
    variants = [{}, {"usedns": "yes"}]
    variants += [{"logtype": t} for t in ("short", "journal", "rfc5424")]
    variants += [{"mode": m}
                 for m in modes(os.path.join(DIR, "filter.d", f))]
    variants += tested(name)
    seen = []
    for v in variants:
        if v not in seen:
            seen.append(v)
            one(name, v)
