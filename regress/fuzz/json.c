/* LINK: refract-parser/json.o */
/*
 * The JSON reader on any bytes: what it finds lies where it may, a line that
 * is cut anywhere is broken, and reading it twice says the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(int good)
{
	if (!good)
		abort();
}

static int
is_in(const char *p, size_t n, const char *from, size_t len)
{
	return p >= from && n <= len && p + n <= from + len;
}

static void
check(const struct json_want *w, const char *p, size_t n, const char *buf,
    size_t room)
{
	if (w->p != NULL)
		need(is_in(w->p, w->n, p, n) || is_in(w->p, w->n, buf, room));
}

/* Without a byte behind it that could be read. */
static char *
copy(const uint8_t *data, size_t size)
{
	char	*p;

	need((p = malloc(size == 0 ? 1 : size)) != NULL);
	memcpy(p, data, size);
	return p;
}

static void
check_line(const char *p, size_t n)
{
	static struct json_line	 out;
	static const struct wire_watch w = {
		.json_field = "log", .json_time = "a.b", .json_addr = "c"
	};

	if (n > LINE_MAX_LEN || json_line(&w, p, n, &out) != 0)
		return;
	need(is_in(out.message, out.message_len, p, n) ||
	    is_in(out.message, out.message_len, out.buf, sizeof(out.buf)));
	need(memchr(out.message, '\n', out.message_len) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_want	 w[JSON_WANTS] = {
		{ "log", NULL, 0 }, { "a.b", NULL, 0 }, { "c", NULL, 0 },
		{ "a.b.c", NULL, 0 }
	}, again = { "a.b", NULL, 0 };
	char			*p = copy(data, size), *buf = copy(data, size);
	char			*part;
	size_t			 i;
	int			 status;

	status = json_find(p, size, w, JSON_WANTS, buf, size);
	for (i = 0; i < JSON_WANTS; i++)
		check(&w[i], p, size, buf, size);
	if (status == 0) {
		/* Its values need no more room than it has. */
		need(json_find(p, size, &again, 1, buf, size) == 0);
		need((again.p == NULL) == (w[1].p == NULL) &&
		    again.n == w[1].n);
		for (i = 0; i < size && data[size - 1] == '}'; i++) {
			part = copy(data, i);
			need(json_find(part, i, w, JSON_WANTS, buf, size) ==
			    -1);
			free(part);
			i += size / 16;
		}
	}
	check_line(p, size);
	free(p);
	free(buf);
	return 0;
}
