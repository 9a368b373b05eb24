/* LINK: refract-parser/date.o refract-parser/datefield.o */
/* LINK: refract-parser/dateform.o refract-parser/datemoment.o */
/* LINK: refract-parser/dateform_name.o */
/* LINK: refract-parser/datepattern.o */
/* LINK: refract-parser/logtime.o refract-parser/zone.o */
/* LIBS: -lpcre2-8 */
/*
 * Dates in any bytes: what is cut lies in the line, a detector that has read
 * everything finds what a new one finds, a line that is cut behind its date has
 * the same date.  What is before a first byte of 0 is a pattern.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "date.h"

#define NOW	1795280100000LL

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct zone	*zone;
static struct date	*old;

static void
need(int good)
{
	if (!good)
		abort();
}

struct answer {
	int		found;
	logtime_t	at;
	size_t		start, end;
};

static struct answer
find(struct date *d, const char *p, size_t n)
{
	struct answer	a = { 0 };

	a.found = date_find(d, p, n, 0, NOW, 0, &a.at, &a.start, &a.end);
	if (a.found != DATE_NONE)
		need(a.start <= a.end && a.end <= n);
	if (a.found == DATE_FOUND) {
		need(a.start < a.end);
		need(date_name(d, date_used(d)) != NULL);
		need(date_micros(d) >= 0 && date_micros(d) < 1000);
	} else {
		a.at = 0;
		if (a.found == DATE_NONE)
			a.start = a.end = 0;
	}
	return a;
}

static int
same(const struct answer *a, const struct answer *b)
{
	return a->found == b->found && a->at == b->at &&
	    a->start == b->start && a->end == b->end;
}

static void
check_default(const char *p, size_t n)
{
	struct date	*d;
	struct answer	 a, b;
	logtime_t	 at;
	char		 why[DATE_WHY_LEN];

	need((d = date_new(NULL, 0, zone, why)) != NULL);
	a = find(old, p, n);
	b = find(d, p, n);
	need(same(&a, &b));
	if (a.found == DATE_FOUND)
		need(find(d, p, a.end).found == DATE_FOUND);
	(void)date_parse_text(d, p, n, 0, NOW, 0, &at);
	date_free(d);
}

static void
check_pattern(const char *pattern, const char *p, size_t n)
{
	struct date	*d;
	struct answer	 a, b;
	char		 why[DATE_WHY_LEN];

	if ((d = date_new(&pattern, 1, zone, why)) == NULL) {
		need(strlen(why) > 0);
		return;
	}
	a = find(d, p, n);
	b = find(d, p, n);
	need(same(&a, &b));
	date_free(d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	*p, why[ZONE_WHY_LEN], pattern[256];
	size_t	 n;

	if (zone == NULL) {
		need((zone = zone_new("UTC", NULL, 0, why)) != NULL);
		need((old = date_new(NULL, 0, zone, why)) != NULL);
	}
	n = strnlen((const char *)data, size);
	if (n < size && n < sizeof(pattern)) {
		memcpy(pattern, data, n + 1);
		data += n + 1;
		size -= n + 1;
	} else
		pattern[0] = '\0';
	/* Without a byte behind it that could be read. */
	need((p = malloc(size == 0 ? 1 : size)) != NULL);
	memcpy(p, data, size);
	check_default(p, size);
	if (pattern[0] != '\0')
		check_pattern(pattern, p, size);
	free(p);
	return 0;
}
