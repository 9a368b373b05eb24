/*
 * The positions of the last run, and rules to know rotated logs by.  Names
 * from the ledger are compared with what lies in a directory, never opened.
 */
#include <sys/queue.h>

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "msg.h"
#include "rotated.h"

#define POSITIONS_MAX	16384
#define WILDCARDS	"*?[\\"

struct position {
	STAILQ_ENTRY(position)	 entry;
	struct msg_position	 m;
};

static STAILQ_HEAD(, position)	 list = STAILQ_HEAD_INITIALIZER(list);
static unsigned int		 n_list;

static const char *const packed[] = {
	".gz", ".bz2", ".xz", ".lzma", ".zst", ".lz4", ".lzo", ".br", ".Z",
	".zip", ".7z"
};

void
rotated_position(const struct msg_position *m)
{
	struct position	*p;

	if (n_list >= POSITIONS_MAX)
		return;
	if ((p = malloc(sizeof(*p))) == NULL)
		fatal("logs");
	p->m = *m;
	STAILQ_INSERT_TAIL(&list, p, entry);
	n_list++;
}

void
rotated_clear(void)
{
	struct position	*p;

	while ((p = STAILQ_FIRST(&list)) != NULL) {
		STAILQ_REMOVE_HEAD(&list, entry);
		free(p);
	}
	n_list = 0;
}

static int
is_of(const struct position *p, uint64_t watch, uint64_t source)
{
	return p->m.watch == watch && p->m.source == source;
}

int
rotated_known(uint64_t watch, uint64_t source)
{
	struct position	*p;

	STAILQ_FOREACH(p, &list, entry)
		if (is_of(p, watch, source))
			return 1;
	return 0;
}

static const char *
last_component(const char *path)
{
	const char	*slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static int
is_packed(const char *name)
{
	size_t	i, n = strlen(name), len;

	for (i = 0; i < sizeof(packed) / sizeof(packed[0]); i++) {
		len = strlen(packed[i]);
		if (n > len && strcmp(name + n - len, packed[i]) == 0)
			return 1;
	}
	return 0;
}

/*
 * "access.log.1" and "access.log-20261121" come from "access.log", and so does
 * "access-20261121.log" (logrotate's `extension`).
 */
static int
is_named_after(const char *name, const char *base)
{
	size_t		 n = strlen(base), stem, ext;
	const char	*dot = strrchr(base, '.');

	if (n == 0 || strpbrk(base, WILDCARDS) != NULL)
		return 0;
	if (strncmp(name, base, n) == 0)
		return name[n] != '\0' && !isalnum((unsigned char)name[n]);
	if (dot == NULL || dot == base)
		return 0;
	stem = (size_t)(dot - base);
	ext = n - stem;
	n = strlen(name);
	return n > stem + ext && strncmp(name, base, stem) == 0 &&
	    !isalnum((unsigned char)name[stem]) &&
	    strcmp(name + n - ext, dot) == 0;
}

/* It was written to after we had looked at what bears its first name. */
static int
is_newer(const struct position *p, const struct stat *st)
{
	return st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec >
	    p->m.modified;
}

enum rotated
rotated_is(uint64_t watch, uint64_t source, const char *pattern,
    const char *name, const struct stat *st)
{
	struct position	*p;
	enum rotated	 is = ROTATED_NOT;
	int		 named = 0, newer = 1;

	STAILQ_FOREACH(p, &list, entry) {
		if (!is_of(p, watch, source))
			continue;
		if (p->m.ino != 0 && p->m.dev == st->st_dev &&
		    p->m.ino == st->st_ino)
			return ROTATED_IS;
		if (is_named_after(name, last_component(p->m.ino != 0 ?
		    p->m.name : pattern))) {
			named = 1;
			newer &= is_newer(p, st);
		}
	}
	if (named && newer && !is_packed(name))
		is = ROTATED_MAYBE;
	return is;
}

void
rotated_boot(char *buf, size_t size)
{
	ssize_t	n;
	int	fd;

	memset(buf, 0, size);
	if ((fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY |
	    O_CLOEXEC)) == -1)
		return;
	if ((n = read(fd, buf, size - 1)) < 0)
		n = 0;
	close(fd);
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}
