/* LINK: refractd/f2b.o refractd/f2b_filter.o refractd/f2b_ini.o */
/* LINK: refractd/f2b_parse.o refractd/f2b_read.o refractd/f2b_expand.o */
/* LINK: refractd/f2b_regex.o refractd/f2b_text.o */
/*
 * A filter of fail2ban's on any bytes: options, a NUL, and the file.  Either
 * it is refused with a reason, or all that comes of it is text without the
 * reader's own marks, each with its place.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "f2b.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static char	path[] = "/tmp/refract-fuzz-ini-XXXXXX.conf";
static int	fd = -1;

static void
need(int good)
{
	if (!good)
		abort();
}

static void
clean(void)
{
	unlink(path);
}

static void
write_file(const uint8_t *p, size_t n)
{
	if (fd == -1) {
		need((fd = mkstemps(path, 5)) != -1);
		atexit(clean);
	}
	need(ftruncate(fd, 0) == 0);
	need(pwrite(fd, p, n, 0) == (ssize_t)n);
}

static void
check_text(const char *s)
{
	need(s != NULL && strpbrk(s, "\001\002") == NULL);
}

static void
check_list(const struct f2b_regexes *r)
{
	size_t	i;

	need(r->n <= F2B_REGEX_MAX);
	for (i = 0; i < r->n; i++) {
		check_text(r->list[i].text);
		need(*r->list[i].text != '\0');
		need(r->list[i].where != NULL && *r->list[i].where != '\0');
	}
}

static void
check_filter(const struct f2b_filter *f)
{
	size_t	i;

	need(f->fail.n > 0 && f->prefix.n <= 1);
	check_list(&f->fail);
	check_list(&f->ignore);
	check_list(&f->prefix);
	for (i = 0; i < f->dates.n; i++)
		check_text(f->dates.list[i].text);
	for (i = 0; i < f->njournal; i++)
		check_text(f->journal[i]);
	need(f->maxlines >= 1 && f->maxlines <= F2B_LINES_MAX);
	need(f->usedns <= F2B_DNS_RAW);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct f2b_args		 a = { .name = path };
	struct f2b_filter	 f;
	const uint8_t		*nul = memchr(p, '\0', n);
	char			 options[128], why[512] = "";

	if (nul != NULL && (size_t)(nul - p) < sizeof(options)) {
		memcpy(options, p, nul - p + 1);
		/* Bytes that a configuration cannot have. */
		if (strpbrk(options, "\001\002") == NULL)
			a.options = options;
		n -= nul + 1 - p;
		p = nul + 1;
	}
	write_file(p, n);
	if (f2b_load(&a, &f, why, sizeof(why)) == 0)
		check_filter(&f);
	else
		need(*why != '\0' && f.fail.n == 0);
	need(f.nfiles >= 1 || strncmp(why, "filter ", 7) == 0);
	f2b_free(&f);
	return 0;
}
