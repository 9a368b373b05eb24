# refract: one make for the whole tree.  See README.md.
DIRS	= common refractd refract-parser refract-enforcer

all:
	@set -e; for d in $(DIRS); do $(MAKE) -C $$d all; done

clean:
	rm -rf obj obj-*

.PHONY: all clean
