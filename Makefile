# refract: one make for the whole tree.  See README.md.
#
#	make			build, into obj/
#	make demo		deps, build, see it work
#	make check		deps, users, build, every test
#	make install		PREFIX, DESTDIR, SYSCONFDIR, LOCALSTATEDIR, INIT
#	make install-probe	the library librefract-probe alone
#	make uninstall		all but configuration and ledger
#	make lint fuzz bench torture clean
#
# Another variant is another O, which the tests follow:
#	make check O=obj-asan SANITIZE=address,undefined CC=clang

DIRS	= common refractd refract-parser refract-enforcer refract-mux/probe \
	  $(patsubst %/Makefile,%,$(wildcard refract-mux/Makefile))
O	?= obj
OUT	:= $(CURDIR)/$(O)
JOBS	?= $(shell nproc 2>/dev/null || echo 2)

PREFIX	?= /usr/local
SYSCONFDIR ?= /etc
LOCALSTATEDIR ?= /var
SBINDIR	= $(PREFIX)/sbin
BINDIR	= $(PREFIX)/bin
LIBEXECDIR = $(PREFIX)/libexec
LIBDIR	= $(PREFIX)/lib
INCLUDEDIR = $(PREFIX)/include
MANDIR	= $(PREFIX)/share/man
EXAMPLEDIR = $(PREFIX)/share/examples/refract
# The init script: lsb, openrc or none; systemd's unit is always there.
INIT	?= $(if $(wildcard /sbin/openrc-run),openrc,lsb)

export SYSCONFDIR LOCALSTATEDIR
PATHS	= $(SYSCONFDIR) $(LOCALSTATEDIR)

# The programs know these paths: others are another build.
all:
	@mkdir -p $(O); echo "$(PATHS)" | cmp -s - $(O)/paths || { \
	    rm -rf $(DIRS:%=$(O)/%); \
	    echo "$(PATHS)" >$(O)/paths; }
	@set -e; for d in $(DIRS); do \
	    $(MAKE) --no-print-directory -C $$d all; done

deps:
	@.ci/deps build

users:
	@etc/users.sh etc/refract.sysusers

demo:
	@.ci/deps demo
	@$(BUILD) users all
	@REFRACT_OBJ=$(OUT) regress/demo

# --- Tests -----------------------------------------------------------------

FUZZ_SECONDS ?= 3
FUZZ	?= yes
# Seconds for one test: what hangs fails, with its name.
TEST_LIMIT ?= 600
# More at once than processors: tests wait more than they compute.
TEST_JOBS ?= $(shell expr 2 \* $(JOBS))
# The long ones begin first, so that all end together.
FIRST	= regress/fuzz/fuzz.t regress/install/install.t \
	  $(patsubst %,regress/netns/%.t,downtime control mux_pool mux flow \
	    mux_offence resume enforcer ledger run mux_proxy rules flow_quic \
	    mux_real attacks relay)
EVERY	= $(patsubst %.c,$(OUT)/%,$(wildcard regress/unit/*.c)) \
	  $(wildcard regress/config/*.t regress/sandbox/*.t \
	    regress/netns/*.t regress/install/*.t) \
	  $(if $(filter yes,$(FUZZ)),regress/fuzz/fuzz.t)
TESTS	= $(filter $(EVERY),$(FIRST)) $(filter-out $(FIRST),$(EVERY))
PROVE	= REFRACT_OBJ=$(OUT) FUZZ_SECONDS=$(FUZZ_SECONDS) prove --timer \
	  -j$(TEST_JOBS) --exec 'timeout -k 10 $(TEST_LIMIT)'
# All processors build, unless the caller has said how many.
BUILD	= $(MAKE) --no-print-directory \
	  $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

check: test-deps
	@$(BUILD) users all tests
	$(PROVE) $(TESTS)

test-deps:
	@test "$$(id -u)" -eq 0 || { \
	    echo "the tests need root: sudo make $(MAKECMDGOALS)" >&2; exit 1; }
	@.ci/deps test

tests: all
	@set -e; for d in $(filter-out %/fuzz/, \
	    $(dir $(wildcard regress/*/Makefile))); do \
	    $(MAKE) --no-print-directory -C $$d all; done
	@$(MAKE) --no-print-directory -C regress/sandbox
ifeq ($(FUZZ),yes)
	@$(MAKE) --no-print-directory -C regress/fuzz
endif

lint:
	@.ci/lint

fuzz: test-deps
	@$(MAKE) --no-print-directory -C regress/fuzz check FUZZ_SECONDS=60

bench: test-deps users all
	@set -e; for b in $(wildcard regress/bench/*); do \
	    test -x $$b && test -f $$b || continue; \
	    REFRACT_OBJ=$(OUT) $$b; done

# The long forms: LONG=1 reaches every test, and what is too long for check.
torture:
	@$(MAKE) --no-print-directory check LONG=1 FUZZ_SECONDS=120 \
	    TEST_LIMIT=7200 \
	    TESTS="$(TESTS) $(wildcard regress/torture/*.t)"

# --- Installing ------------------------------------------------------------

D	= $(DESTDIR)
VERSION	= $(shell sed -n 's/^VERSION[^=]*= *//p' common/build.mk)
# The library librefract-probe.
PROBE	= refract-mux/probe
PROBE_H	= $(PROBE)/refract-probe.h $(PROBE)/refract-probe-udp.h
# The paths in texts, as they are on this machine.
SUBST	= sed -e 's,/etc/\(refract\|default\),@sysconfdir@/\1,g' \
	  -e 's,/var/\(lib\|log\)/refract,@localstatedir@/\1/refract,g' \
	  -e 's,@sbindir@,$(SBINDIR),g' -e 's,@bindir@,$(BINDIR),g' \
	  -e 's,@prefix@,$(PREFIX),g' -e 's,@libdir@,$(LIBDIR),g' \
	  -e 's,@includedir@,$(INCLUDEDIR),g' -e 's,@version@,$(VERSION),g' \
	  -e 's,@sysconfdir@,$(SYSCONFDIR),g' \
	  -e 's,@localstatedir@,$(LOCALSTATEDIR),g'
# $(call put,MODE,FROM,TO): a text, its paths filled in
put	= $(SUBST) $(2) >$(3).tmp && chmod $(1) $(3).tmp && mv $(3).tmp $(3)
# $(call once,MODE,FROM,TO): only if the operator has none
once	= test -e $(3) || { $(call put,$(1),$(2),$(3)); }
# $(call beside,MODE,FROM,TO): never over the operator's; the new one beside it
beside	= if [ ! -e $(3) ]; then $(call put,$(1),$(2),$(3)); \
	  else $(call put,$(1),$(2),$(3).new); \
	    ! cmp -s $(3) $(3).new || rm $(3).new; fi
MAN	= $(wildcard $(DIRS:%=%/*.[58]))

# The library alone.
install-probe:
	$(MAKE) --no-print-directory -C $(PROBE) all
	install -d $(D)$(INCLUDEDIR) $(D)$(LIBDIR)/pkgconfig \
	    $(D)$(EXAMPLEDIR) $(D)$(MANDIR)/man3
	install -m 644 $(PROBE_H) $(D)$(INCLUDEDIR)
	install -m 644 $(O)/$(PROBE)/librefract-probe.a $(D)$(LIBDIR)
	install -m 755 $(O)/$(PROBE)/librefract-probe.so.1 $(D)$(LIBDIR)
	ln -sf librefract-probe.so.1 $(D)$(LIBDIR)/librefract-probe.so
	$(call put,644,$(PROBE)/refract-probe.pc.in,$(D)$(LIBDIR)/pkgconfig/refract-probe.pc)
	install -m 644 $(PROBE)/example.c $(D)$(EXAMPLEDIR)/probe-example.c
	$(call put,644,$(PROBE)/refract-probe.3,$(D)$(MANDIR)/man3/refract-probe.3)
	$(call put,644,$(PROBE)/refract-probe-udp.3,$(D)$(MANDIR)/man3/refract-probe-udp.3)

install: all install-probe
	install -d $(D)$(SBINDIR) $(D)$(BINDIR) $(D)$(LIBEXECDIR)/refract \
	    $(D)$(MANDIR)/man5 $(D)$(MANDIR)/man8 $(D)$(EXAMPLEDIR) \
	    $(D)$(LIBDIR)/systemd/system $(D)$(LIBDIR)/sysusers.d \
	    $(D)$(LIBDIR)/tmpfiles.d $(D)$(SYSCONFDIR)/default \
	    $(D)$(SYSCONFDIR)/logrotate.d $(D)$(LOCALSTATEDIR)/log/refract
	install -m 755 $(O)/sbin/* $(D)$(SBINDIR)
	install -m 755 $(O)/bin/* $(D)$(BINDIR)
	install -m 755 $(O)/libexec/refract/* $(D)$(LIBEXECDIR)/refract
	@set -e; for m in $(MAN); do \
	    to=$(D)$(MANDIR)/man$${m##*.}/$${m##*/}; \
	    echo "install $$to"; \
	    $(call put,644,$$m,$$to); done
	$(call put,644,etc/refractd.service,$(D)$(LIBDIR)/systemd/system/refractd.service)
	$(call put,644,etc/refract.sysusers,$(D)$(LIBDIR)/sysusers.d/refract.conf)
	$(call put,644,etc/refract.tmpfiles,$(D)$(LIBDIR)/tmpfiles.d/refract.conf)
	install -m 644 etc/Containerfile etc/compose.yaml $(D)$(EXAMPLEDIR)
	for f in refract.conf relay-client.conf relay-server.conf \
	    xray.logrotate; do \
	    $(call put,644,etc/$$f,$(D)$(EXAMPLEDIR)/$$f) || exit 1; done
	$(call beside,600,etc/refract.conf,$(D)$(SYSCONFDIR)/refract.conf)
	$(call once,644,etc/refract.default,$(D)$(SYSCONFDIR)/default/refract)
	$(call once,644,etc/refract.logrotate,$(D)$(SYSCONFDIR)/logrotate.d/refract)
ifneq ($(INIT),none)
	install -d $(D)$(SYSCONFDIR)/init.d
	$(call put,755,etc/refractd.$(INIT),$(D)$(SYSCONFDIR)/init.d/refractd)
endif
ifeq ($(DESTDIR),)
	etc/users.sh etc/refract.sysusers
	ldconfig || :
	test ! -d /run/systemd/system || systemctl daemon-reload
	@echo
	@echo "Edit $(SYSCONFDIR)/refract.conf, try it: refractd -n; then start:"
	@echo "systemctl enable --now refractd, or service refractd start"
endif

# Stops refractd, takes its rules and sets out of the kernel, then its files.
# The configuration, the ledger and the users, who own it, stay.
uninstall:
ifeq ($(DESTDIR),)
	if [ -d /run/systemd/system ]; then \
	    systemctl disable --now refractd || :; \
	elif [ -x $(SYSCONFDIR)/init.d/refractd ]; then \
	    $(SYSCONFDIR)/init.d/refractd stop || :; fi
	if [ -x $(SBINDIR)/refractd ]; then $(SBINDIR)/refractd -T || :; fi
endif
	rm -f $(D)$(SBINDIR)/refractd $(D)$(BINDIR)/refractctl
	rm -rf $(D)$(LIBEXECDIR)/refract $(D)$(EXAMPLEDIR)
	rm -f $(PROBE_H:$(PROBE)/%=$(D)$(INCLUDEDIR)/%) \
	    $(D)$(MANDIR)/man3/refract-probe.3 \
	    $(D)$(MANDIR)/man3/refract-probe-udp.3 \
	    $(D)$(LIBDIR)/librefract-probe.* \
	    $(D)$(LIBDIR)/pkgconfig/refract-probe.pc
	for m in $(MAN); do rm -f $(D)$(MANDIR)/man$${m##*.}/$${m##*/}; done
	rm -f $(D)$(LIBDIR)/systemd/system/refractd.service \
	    $(D)$(LIBDIR)/sysusers.d/refract.conf \
	    $(D)$(LIBDIR)/tmpfiles.d/refract.conf \
	    $(D)$(SYSCONFDIR)/init.d/refractd \
	    $(D)$(SYSCONFDIR)/logrotate.d/refract
ifeq ($(DESTDIR),)
	test ! -d /run/systemd/system || systemctl daemon-reload
endif

clean:
	rm -rf obj obj-*

.PHONY: all deps users demo check test-deps tests lint fuzz bench torture \
	install install-probe uninstall clean
