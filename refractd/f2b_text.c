/*
 * Text that grows, and lists of strings.  See f2b_text.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "f2b_text.h"
#include "log.h"

static void
text_room(struct f2b_text *t, size_t n)
{
	size_t	 room = t->room == 0 ? 256 : t->room;
	char	*s;

	while (room < t->len + n + 1)
		room *= 2;
	if (room == t->room)
		return;
	if ((s = realloc(t->s, room)) == NULL)
		fatal("fail2ban's files");
	t->s = s;
	t->room = room;
}

void
text_put(struct f2b_text *t, const char *s, size_t n)
{
	if (n > TEXT_MAX - t->len) {
		t->full = 1;
		return;
	}
	text_room(t, n);
	memcpy(t->s + t->len, s, n);
	t->len += n;
	t->s[t->len] = '\0';
}

void
text_str(struct f2b_text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

void
text_printf(struct f2b_text *t, const char *fmt, ...)
{
	va_list	 ap;
	char	*s;
	int	 n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n == -1)
		fatal("fail2ban's files");
	text_put(t, s, n);
	free(s);
}

char *
text_take(struct f2b_text *t)
{
	char	*s;

	text_put(t, "", 0);
	s = t->s;
	memset(t, 0, sizeof(*t));
	return s;
}

void
text_clear(struct f2b_text *t)
{
	free(t->s);
	memset(t, 0, sizeof(*t));
}

char *
text_dup(const char *s, size_t n)
{
	char	*p;

	if ((p = strndup(s, n)) == NULL)
		fatal("fail2ban's files");
	return p;
}

void
text_add(char ***list, size_t *n, char *s)
{
	char	**p;

	if ((p = reallocarray(*list, *n + 1, sizeof(*p))) == NULL)
		fatal("fail2ban's files");
	*list = p;
	p[(*n)++] = s;
}

void
text_list_free(char **list, size_t n)
{
	while (n > 0)
		free(list[--n]);
	free(list);
}
