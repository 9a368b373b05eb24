/* LINK: refract-parser/xray.o refract-parser/logtime.o */
/* LINK: refract-parser/zone.o refract-parser/text.o */
/*
 * The line grammar on any bytes: every slice lies in the line, a line read
 * twice reads the same, its dates are read without harm, and what is shown of
 * it is printable.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "logtime.h"
#include "text.h"
#include "xray.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(int good)
{
	if (!good)
		abort();
}

static void
check_slice(const struct slice *s, const char *p, size_t n)
{
	if (s->n > 0)
		need(s->p >= p && s->n <= n && s->p + s->n <= p + n);
}

static int
same(const struct slice *a, const struct slice *b)
{
	return a->n == b->n && (a->n == 0 || a->p == b->p);
}

static void
check_accepted(const struct xray_line *l, const char *p)
{
	need(l->date.n >= 19 && l->date.p - p <= XRAY_PREFIX_MAX);
	need(prefix_valid(&l->source) && prefix_is_host(&l->source));
	need(l->from.p > l->date.p && l->from.n >= sizeof("[::]:1") - 1);
	/* The source is what FROM says and nothing behind it. */
	need(memcmp(l->from.p + l->from.n, " accepted ", 10) == 0);
	need(l->rest.p > l->from.p);
	if (l->email.n > 0)
		need(l->email.p >= l->rest.p + l->rest.n);
}

static void
check_time(const struct xray_line *l)
{
	static struct zone	*zone;
	struct logtime		 lt;
	logtime_t		 at;
	char			 why[ZONE_WHY_LEN];

	if (zone == NULL)
		need((zone = zone_new("UTC", NULL, 0, why)) != NULL);
	logtime_init(&lt, zone);
	if (logtime_parse(&lt, l->date.p, l->date.n, 0, 0, &at) == 0)
		need(at >= 0);
}

static void
check_text(const uint8_t *data, size_t size)
{
	char	buf[64];
	size_t	i;

	text_vis(buf, sizeof(buf), data, size);
	need(strlen(buf) < sizeof(buf));
	for (i = 0; buf[i] != '\0'; i++)
		need((uint8_t)buf[i] >= 0x20 && buf[i] != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xray_line	 l, m;
	struct slice		 inbound;
	char			*p;

	/* Without a byte behind it that could be read. */
	need((p = malloc(size == 0 ? 1 : size)) != NULL);
	memcpy(p, data, size);
	need(xray_parse(&l, p, size) == l.kind);
	check_slice(&l.date, p, size);
	check_slice(&l.from, p, size);
	check_slice(&l.rest, p, size);
	check_slice(&l.email, p, size);
	inbound = xray_inbound(&l);
	check_slice(&inbound, p, size);
	if (l.kind == XRAY_ACCEPTED)
		check_accepted(&l, p);
	if (l.date.n > 0)
		check_time(&l);
	need(xray_parse(&m, p, size) == l.kind && same(&l.from, &m.from) &&
	    same(&l.email, &m.email) && same(&l.rest, &m.rest) &&
	    l.port == m.port);
	check_text(data, size);
	free(p);
	return 0;
}
