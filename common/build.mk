# What every directory's Makefile ends with.
#
#	LIB	= name		a static library, lib$(LIB).a, of SRCS
#	SBIN	= prog ...	programs for sbin, each of SRCS_prog
#	BIN	= prog ...	for bin
#	LIBEXEC	= prog ...	for libexec/refract
#	LDLIBS_prog		its libraries; PKGS_prog its pkg-config names
#
# Everything that is built lies under $(O), laid out as it is installed, and
# refractd finds its helpers beside itself (../libexec/refract).  Another
# variant is another O: make O=obj-asan SANITIZE=address,undefined CC=clang

TOP	:= $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)
HERE	:= $(patsubst $(TOP)/%,%,$(CURDIR))
O	?= obj
OUT	:= $(TOP)/$(O)
OBJ	:= $(OUT)/$(HERE)
VERSION	= 0.1.0
# Where the programs look; the top Makefile builds anew when they change.
SYSCONFDIR ?= /etc
LOCALSTATEDIR ?= /var

CFLAGS	?= -O2 -g
WARN	= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	  -Wcast-qual -Wvla
HARDEN	= -fPIE -fstack-protector-strong -fno-strict-aliasing
ifdef SANITIZE
SAN	= -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -DSANITIZED
else
HARDEN	+= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
CPPFLAGS += -D_GNU_SOURCE -DLIBBSD_NETBSD_VIS \
	  -DSYSCONFDIR='"$(SYSCONFDIR)"' -DLOCALSTATEDIR='"$(LOCALSTATEDIR)"' \
	  -I$(TOP)/common -I$(OUT)/common \
	  -I$(OBJ) \
	  $(shell pkg-config --cflags libbsd-overlay)
ALL_CFLAGS = -std=gnu11 $(CPPFLAGS) $(WARN) $(HARDEN) $(SAN) $(WERROR) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(SAN) $(LDFLAGS)
COMMON_LIBS = $(OUT)/common/libcommon.a \
	  $(shell pkg-config --libs libbsd-overlay libevent_core libseccomp \
	    libcap-ng)

PROGS	= $(SBIN:%=$(OUT)/sbin/%) $(BIN:%=$(OUT)/bin/%) \
	  $(LIBEXEC:%=$(OUT)/libexec/refract/%)
ALLSRCS = $(SRCS) $(foreach p,$(SBIN) $(BIN) $(LIBEXEC),$(SRCS_$(p)))
objs	= $(patsubst %.y,$(OBJ)/%.o,$(patsubst %.c,$(OBJ)/%.o,$(1)))

all: $(if $(LIB),$(OBJ)/lib$(LIB).a) $(PROGS)

$(OBJ)/lib$(LIB).a: $(call objs,$(SRCS))
	rm -f $@ && $(AR) rcs $@ $^

define prog
$(1)/$(2): $$(call objs,$$(SRCS_$(2))) $(OUT)/common/libcommon.a
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(call objs,$$(SRCS_$(2))) \
	    $$(LDLIBS_$(2)) $$(if $$(PKGS_$(2)),$$(shell \
	    pkg-config --libs $$(PKGS_$(2)))) $$(COMMON_LIBS)
endef
$(foreach p,$(SBIN),$(eval $(call prog,$(OUT)/sbin,$(p))))
$(foreach p,$(BIN),$(eval $(call prog,$(OUT)/bin,$(p))))
$(foreach p,$(LIBEXEC),$(eval $(call prog,$(OUT)/libexec/refract,$(p))))

# By its whole path: two Makefiles may build the same object, and what one of
# them writes into its .d is read by the other.
$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fmacro-prefix-map=$(TOP)/= -MMD -MP -c -o $@ \
	    $(abspath $<)

$(OBJ)/%.o: $(OBJ)/%.c
	$(CC) $(ALL_CFLAGS) -I. -MMD -MP -c -o $@ $<

# Not make's own way, which would leave parse.c among the sources.
%.c: %.y

$(OBJ)/%.c: %.y
	@mkdir -p $(@D)
	bison -Wall -Werror=conflicts-sr -Werror=conflicts-rr \
	    --defines=$(@:.c=.tab.h) -o $@ $<

.SECONDARY:
.PHONY: all
-include $(patsubst %.o,%.d,$(call objs,$(ALLSRCS)))
