# The sample logs of the installed fail2ban's own tests, for fail_stock.c: its
# filters with their options, the lines, and what is expected of each, read as
# fail2ban/tests/samplestestcase.py does; and of lines that say nothing, what
# fail2ban itself finds.  Records end with a NUL and have
# fields between 0x1f; a field that is not said is "-".  Nothing of fail2ban's
# is in here.
#
#	fail_stock.py DIR	an empty directory, for filters of the tests
#	fail_stock.py DIR all	each filter over the lines of all logs, as
#				fail2ban itself judges them
import glob
import json
import logging
import os
import re
import sys
import time

import fail2ban
from fail2ban.client.filterreader import FilterReader
from fail2ban.server.filter import Filter as Theirs
from fail2ban.server.mytime import MyTime

ETC = "/etc/fail2ban"
CONFIG = os.path.join(ETC, "filter.d")
NOW = 1124013600  # of fail2ban's tests
TESTS = os.path.join(os.path.dirname(fail2ban.__file__), "tests")
LOGS = os.path.join(TESTS, "files/logs")
COMMENT = re.compile(r"^#+ ?(failJSON|(?:file|filter)Options|addFILE):(.+)$")

os.environ["TZ"] = "Europe/Zurich"
time.tzset()
MyTime.setTime(NOW)
MyTime.setAlternateNow(NOW)
logging.disable(logging.CRITICAL)
seen = set()


def out(*fields):
    text = "\x1f".join(fields) + "\0"
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))


def epoch(text):
    whole = text.partition(".")[0]
    return str(int(time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))))


class Filter:
    """A filter under test in all its forms, and the state of its files."""

    def __init__(self, name, path):
        self.name = name
        self.path = path
        self.forms = {}
        self.common = {}
        self.now = []
        self.blocked = False

    def form(self, options):
        said = {k: str(v) for k, v in options.items()
                if not k.startswith("test.")}
        title = options.get("test.filter-name") or str(said or "")
        if title not in self.forms:
            self.forms[title] = str(len(self.forms))
            out("filter", self.name, self.forms[title], self.path,
                ", ".join('%s="%s"' % o for o in said.items()))
        return self.forms[title], options

    def choose(self, said):
        name = self.name  # conditions use it
        self.now = []
        self.blocked = False
        for own in said if isinstance(said, list) else [said]:
            options = dict(self.common, **own)
            if options.get("test.condition"):
                self.blocked = not eval(options["test.condition"])
            if not self.blocked:
                self.now.append(self.form(options))

    def line(self, where, line, expected, bare):
        name = self.name
        if not self.now:
            self.now = [self.form({})]
        for form, opts in self.now:
            if expected.get("constraint") and not eval(expected["constraint"]):
                continue
            journal = opts.get("logtype") == "journal"
            text = (opts.get("test.prefix-line") or "") * journal + line
            values = []
            for key in ("host", "user", "users", "attempts", "dns"):
                value = expected.get(key, "-")
                if isinstance(value, list):
                    value = " ".join(sorted(value))
                if value is None:
                    value = "none" if key == "dns" else "-"
                values.append(str(value))
            said = expected.get("time")
            kind = "bare" if bare else "said"
            out("line", name, form, where, "again" if where in seen else kind,
                "journal" if journal else "file",
                "match" if expected.get("match") else "none",
                epoch(said) if said else "-", *values, text)
            seen.add(where)

    def read(self, log):
        path = os.path.join(LOGS, log)
        files = []
        with open(path, encoding="utf-8", errors="surrogateescape",
                  newline="\n") as f:
            lines = enumerate(f, 1)
            for number, line in lines:
                said = COMMENT.match(line)
                expected = {}
                if said:
                    value = json.loads(said.group(2))
                    if said.group(1) == "fileOptions":
                        self.common = value
                        continue
                    if said.group(1) == "filterOptions":
                        self.choose(value)
                        continue
                    if said.group(1) == "addFILE":
                        files.append(value)
                        continue
                    expected = value
                    number, line = next(lines)
                elif self.blocked or line.startswith("#") or not line.strip():
                    continue
                if not self.blocked:
                    self.line("%s:%d" % (log, number), line.rstrip("\r\n"),
                              expected, not said)
        return files

    def run(self):
        files = [self.name]
        for log in files:
            files += self.read(log)


def theirs(name, options):
    """fail2ban's filter, as its own tests have it."""
    reader = FilterReader(name, "jail", dict(options), basedir=ETC)
    reader.read()
    reader.getOptions({})
    flt = Theirs(None)
    flt.returnRawHost = True
    flt.checkFindTime = False
    take = {"prefregex": lambda v: setattr(flt, "prefRegex", v),
            "addfailregex": flt.addFailRegex,
            "addignoreregex": flt.addIgnoreRegex,
            "maxlines": flt.setMaxLines,
            "datepattern": flt.setDatePattern}
    for cmd in reader.convert():
        if cmd[2] in take:
            for value in cmd[3] if cmd[0] == "multi-set" else [cmd[3]]:
                take[cmd[2]](value)
    return flt


def judge(ours, options, path):
    """A log without annotations: expected is what fail2ban finds."""
    flt = theirs(ours.name, options)
    ours.now = [ours.form(options)]
    with open(path, encoding="utf-8", errors="surrogateescape",
              newline="\n") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\r\n")
            said = {}
            for _, who, when, fail in flt.processLine(line):
                said = {"match": True, "host": str(who),
                        "user": fail.get("user")}
                if when:
                    said["time"] = time.strftime("%Y-%m-%dT%H:%M:%S",
                                                 time.localtime(when))
            ours.line("%s:%d" % (os.path.relpath(path, LOGS), number), line,
                      said, True)


def mirror(top):
    """Filters of the tests include a file of the source tree."""
    deep = os.path.join(top, "1/2/3/4/5/6/7")
    os.makedirs(deep)
    os.makedirs(os.path.join(top, "config"))
    os.symlink(CONFIG, os.path.join(top, "config/filter.d"))
    theirs = os.path.join(TESTS, "config/filter.d")
    for f in os.listdir(theirs):
        if f.startswith("zzz-") and f.endswith(".conf"):
            os.symlink(os.path.join(theirs, f), os.path.join(deep, f))
    return deep


def filters(directory):
    for f in sorted(os.listdir(directory)):
        stem, suffix = os.path.splitext(f)
        if suffix == ".conf" and not f.endswith("common.conf"):
            yield stem, os.path.join(directory, f)


def annotated(top):
    for directory in (CONFIG, mirror(top)):
        for stem, path in filters(directory):
            if os.path.exists(os.path.join(LOGS, stem)):
                Filter(stem, path).run()
            else:
                out("untested", stem)
    sshd = Filter("sshd", os.path.join(CONFIG, "sshd.conf"))
    sshd.forms["aside"] = "0"
    for path in sorted(glob.glob(os.path.join(LOGS, "bsd/*"))):
        judge(sshd, {}, path)


def crossed(top):
    """All lines of all logs as one, for each filter."""
    log = os.path.join(top, "all")
    with open(log, "wb") as to:
        for path in sorted(filter(os.path.isfile, glob.glob(LOGS + "/*"))):
            with open(path, "rb") as f:
                for line in f:
                    if line.strip() and not line.startswith(b"#"):
                        to.write(line.rstrip(b"\r\n") + b"\n")
    for stem, path in filters(CONFIG):
        judge(Filter(stem, path), {}, log)


(crossed if sys.argv[2:] == ["all"] else annotated)(sys.argv[1])
