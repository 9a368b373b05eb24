/*
 * What `<name>` in the argument of a command stands for.  Values come from log
 * lines: they went through vis(3) in the parser, and what got past that as a
 * control byte does not get past here.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "run_argv.h"

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
	else if (is(name, len, "net") && v->net->family != 0)
		put_value(t, prefix_print(v->net, buf));
}

size_t
run_argv_tag(const char *s)
{
	size_t	n;

	if (*s != '<' || (!isalpha((unsigned char)s[1]) && s[1] != '_'))
		return 0;
	for (n = 2; isalnum((unsigned char)s[n]) ||
	    (s[n] != '\0' && strchr("_.-", s[n]) != NULL); n++)
		;
	return s[n] == '>' ? n + 1 : 0;
}

size_t
run_argv_escapes(const char *s)
{
	size_t	n = strspn(s, "\\");

	return run_argv_tag(s + n) > 0 ? n : 0;
}

size_t
run_argv_fill(char *out, size_t size, const char *args, size_t len,
    const struct run_values *v)
{
	struct text	 t = { out, 0, size, 0 };
	const char	*end = args + len;
	size_t		 i, escapes, n;

	while (args < end && !t.cut) {
		escapes = run_argv_escapes(args);
		for (i = 0; i < escapes / 2; i++)
			put(&t, "\\", 1);
		args += escapes;
		n = run_argv_tag(args);
		if (n > 0 && escapes % 2 == 0)
			put_named(&t, v, args + 1, n - 2);
		else if (n > 0)
			put(&t, args, n);
		else
			put(&t, args, n = 1);
		args += n;
	}
	return t.cut ? 0 : t.len;
}
