# What unit/Makefile and fuzz/Makefile end with: each NAME.c becomes a program
# of that name under $(O).  Beyond libcommon a test names what it needs itself:
#
#	/* LINK: refract-parser/xray.o refract-parser/users.o */
#	/* LIBS: -lsqlite3 */
#
# and the directories of LINK are searched for headers too.  The caller sets
#	TEST_LDLIBS		added when a test is linked
#	VARIANT			variables for the Makefiles of what is linked

TESTS	?= $(patsubst %.c,%,$(wildcard *.c))

all:

include ../../common/build.mk

# $(call named,WORD,test): what a comment of the test says
named	= $(shell sed -n 's,^/\* $(1): \(.*\) \*/$$,\1,p' $(2).c)
LINKED	= $(sort $(foreach t,$(TESTS),$(call named,LINK,$(t))))
LINKDIRS = common $(sort $(filter-out common,$(patsubst %/,%,$(dir $(LINKED)))))

# First what others own, by their own Makefiles, then the tests.
all: linked
	@$(MAKE) --no-print-directory tests

linked:
	@set -e; $(foreach d,$(LINKDIRS),$(MAKE) --no-print-directory \
	    -C $(TOP)/$(d) $(VARIANT) $(if $(filter common,$(d)),all) \
	    $(patsubst %,$(OUT)/%,$(filter $(d)/%,$(LINKED)));)

tests: $(TESTS:%=$(OBJ)/%)

define test
$(OBJ)/$(1).o: CPPFLAGS += $$(addprefix -I$(TOP)/,$$(patsubst %/,%,$$(sort \
    $$(dir $$(call named,LINK,$(1))))))
$(OBJ)/$(1): $(OBJ)/$(1).o $$(patsubst %,$(OUT)/%,$$(call named,LINK,$(1))) \
    $(OUT)/common/libcommon.a
	$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o,$$^) \
	    $$(call named,LIBS,$(1)) $$(COMMON_LIBS) $$(TEST_LDLIBS)
endef
$(foreach t,$(TESTS),$(eval $(call test,$(t))))

-include $(TESTS:%=$(OBJ)/%.d)

.PHONY: all linked tests check
