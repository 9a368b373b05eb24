/*
 * What `<name>` in the argument of a command stands for.  Values come from log
 * lines: they went through vis(3) in the parser, and what got past that as a
 * control byte does not get past here.
 */
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "ctl_buf.h"
#include "run_argv.h"

#define NAME_LEN	64	/* longer is no name */

struct text {
	char	*p;
	size_t	 len, size;
	int	 cut;
};

static void
put(struct text *t, const char *s, size_t len)
{
	if (len > t->size - t->len) {
		t->cut = 1;
		return;
	}
	memcpy(t->p + t->len, s, len);
	t->len += len;
}

static void
put_value(struct text *t, const char *s)
{
	char	octal[8];

	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= ' ' && *s != 0x7f)
			put(t, s, 1);
		else
			put(t, octal, (size_t)snprintf(octal, sizeof(octal),
			    "\\%03o", (unsigned char)*s));
}

/* NULL: it was not captured. */
static const char *
captured(const struct run_values *v, const char *name, size_t len)
{
	const char	*s = v->values, *end = s + v->len, *value;

	while (s < end) {
		value = s + strlen(s) + 1;
		if (strlen(s) == len && memcmp(s, name, len) == 0)
			return value;
		s = value + strlen(value) + 1;
	}
	return NULL;
}

static int
is(const char *name, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(name, word, len) == 0;
}

static void
put_named(struct text *t, const struct run_values *v, const char *name,
    size_t len)
{
	char		 buf[PREFIX_STRLEN];
	const char	*s;

	if (is(name, len, "watch"))
		put_value(t, v->watch);
	else if (is(name, len, "count")) {
		snprintf(buf, sizeof(buf), "%u", v->count);
		put_value(t, buf);
	} else if ((s = captured(v, name, len)) != NULL)
		put_value(t, s);
	else if (is(name, len, "addr") && v->addr->family != 0)
		put_value(t, prefix_print(v->addr, buf));
}

/* The length of the name in "<name>...", 0 if it begins with none. */
static size_t
name_length(const char *s)
{
	size_t	n;

	if (*s != '<')
		return 0;
	n = strspn(s + 1, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	return n < NAME_LEN && s[n + 1] == '>' ? n : 0;
}

size_t
run_argv_fill(char *out, size_t size, const char *args, size_t len,
    const struct run_values *v)
{
	struct text	 t = { out, 0, size, 0 };
	const char	*end = args + len;
	size_t		 n;

	while (args < end && !t.cut)
		if ((n = name_length(args)) != 0) {
			put_named(&t, v, args + 1, n);
			args += n + 2;
		} else
			put(&t, args++, 1);
	return t.cut ? 0 : t.len;
}

void
run_argv_print(struct obuf *o, const char *args, size_t len)
{
	const char	*end = args + len, *sep = "{ ";

	for (; args < end; args += strlen(args) + 1) {
		obuf_str(o, sep);
		obuf_vis(o, args, strlen(args), OBUF_DONE | OBUF_QUOTE);
		sep = ", ";
	}
	obuf_str(o, " }");
}
