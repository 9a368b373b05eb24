/*
 * Entries of the journal, read piece by piece.  A field lies whole in what is
 * fed, or is so long that it is passed over; nothing here grows.
 */
#include <sys/types.h>

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"

#define NAME_MAX_FIELD	64	/* journald's own bound */
#define PREFIX_MAX	(3 * JOURNAL_FIELD + 8)

enum field {
	F_CURSOR, F_TIME, F_IDENT, F_COMM, F_SYSLOG_PID, F_PID, F_HOST,
	F_KEPT,			/* so many are kept as they are */
	F_MESSAGE,
	F_OTHER
};

static const char *const names[] = {
	[F_CURSOR] = "__CURSOR",
	[F_TIME] = "__REALTIME_TIMESTAMP",
	[F_IDENT] = "SYSLOG_IDENTIFIER",
	[F_COMM] = "_COMM",
	[F_SYSLOG_PID] = "SYSLOG_PID",
	[F_PID] = "_PID",
	[F_HOST] = "_HOSTNAME",
	[F_KEPT] = NULL,
	[F_MESSAGE] = "MESSAGE"
};

struct journal {
	uint64_t	 skip;		/* bytes of a value to pass over */
	int		 to_newline;	/* the rest of a field is passed over */
	int		 lost;		/* to the next empty line */
	int		 begun;		/* fields of an entry were here */
	int		 has_message, too_long;
	size_t		 len[F_KEPT];
	char		 kept[F_KEPT][JOURNAL_FIELD];
	size_t		 n;		/* of the message, which is at ... */
#define MESSAGE_AT	PREFIX_MAX	/* ... in: */
	char		 text[PREFIX_MAX + 2 * LINE_MAX_LEN + 1];
};

struct journal *
journal_new(void)
{
	return calloc(1, sizeof(struct journal));
}

void
journal_free(struct journal *j)
{
	free(j);
}

/* Of an entry nothing is left for the next one. */
static void
clear(struct journal *j)
{
	memset(j->len, 0, sizeof(j->len));
	j->n = 0;
	j->begun = j->has_message = j->too_long = 0;
}

/* Fields. */

static enum field
field_of(const char *name, size_t n)
{
	enum field	f;

	for (f = 0; f < F_OTHER; f++)
		if (names[f] != NULL && strlen(names[f]) == n &&
		    memcmp(names[f], name, n) == 0)
			return f;
	return F_OTHER;
}

static int
is_name(const char *p, size_t n)
{
	size_t	i;

	if (n == 0 || n > NAME_MAX_FIELD)
		return 0;
	for (i = 0; i < n; i++)
		if (!isupper((unsigned char)p[i]) && p[i] != '_' &&
		    !isdigit((unsigned char)p[i]))
			return 0;
	return 1;
}

static void
keep_message(struct journal *j, const char *p, size_t n)
{
	char	*to = j->text + MESSAGE_AT;
	size_t	 i;

	if (n > LINE_MAX_LEN) {
		j->too_long = 1;
		return;
	}
	for (i = 0; i < n; i++) {
		if (p[i] == '\n') {
			*to++ = '\\';
			*to++ = 'n';
		} else
			*to++ = p[i];
	}
	j->n = (size_t)(to - (j->text + MESSAGE_AT));
}

/* If there are several of a name, the first one counts. */
static void
keep(struct journal *j, enum field f, const char *p, size_t n)
{
	if (f == F_MESSAGE) {
		if (!j->has_message)
			keep_message(j, p, n);
		j->has_message = 1;
	} else if (f < F_KEPT && j->len[f] == 0) {
		if (n >= JOURNAL_FIELD)
			n = f == F_CURSOR ? 0 : JOURNAL_FIELD - 1;
		memcpy(j->kept[f], p, n);
		j->len[f] = n;
	}
}

/* Entries. */

/* A field with what ends it, if it is there and is one line. */
static size_t
put(char *to, const struct journal *j, enum field f, const char *end)
{
	size_t	n = j->len[f], i;

	if (n == 0)
		return 0;
	for (i = 0; i < n; i++)
		to[i] = isprint((unsigned char)j->kept[f][i]) ?
		    j->kept[f][i] : '?';
	memcpy(to + n, end, strlen(end));
	return n + strlen(end);
}

/* "host ident[pid]: ", as far as it is known. */
static size_t
make_prefix(const struct journal *j, char *to)
{
	enum field	ident = j->len[F_IDENT] > 0 ? F_IDENT : F_COMM;
	enum field	pid = j->len[F_SYSLOG_PID] > 0 ? F_SYSLOG_PID : F_PID;
	size_t		n;

	n = put(to, j, F_HOST, " ");
	if (j->len[ident] == 0)
		return n;
	n += put(to + n, j, ident, "");
	if (j->len[pid] > 0) {
		to[n++] = '[';
		n += put(to + n, j, pid, "]");
	}
	memcpy(to + n, ": ", 2);
	return n + 2;
}

static void
make_line(struct journal *j, struct journal_entry *e)
{
	char	prefix[PREFIX_MAX];
	size_t	n = make_prefix(j, prefix);

	if (!j->has_message || j->too_long)
		return;
	memcpy(j->text + MESSAGE_AT - n, prefix, n);
	j->text[MESSAGE_AT + j->n] = '\n';
	e->line = j->text + MESSAGE_AT - n;
	e->message = j->text + MESSAGE_AT;
	e->message_len = j->n + 1;
	e->len = n + e->message_len;
}

static uint64_t
hash(const char *p, size_t n)
{
	uint64_t	h = 0xcbf29ce484222325ULL;

	while (n-- > 0)
		h = (h ^ (uint8_t)*p++) * 0x100000001b3ULL;
	return h == 0 ? 1 : h;
}

/*
 * "s=ID;i=NUMBER;...": entries of one sequence are numbered as they are
 * written, so that is what place and name of an entry are.
 */
static void
make_identity(struct journal_entry *e)
{
	const char	*i = strstr(e->cursor, ";i=");
	char		*end;
	uint64_t	 number;

	if (*e->cursor == '\0')
		return;
	if (i != NULL && strncmp(e->cursor, "s=", 2) == 0 &&
	    (number = strtoull(i + 3, &end, 16)) > 0 && *end == ';' &&
	    number <= INT64_MAX) {
		e->identity = hash(e->cursor, (size_t)(i - e->cursor));
		e->number = number;
	} else {
		e->identity = hash(e->cursor, strlen(e->cursor));
		e->number = 1;
	}
}

static stamp_t
make_time(struct journal *j)
{
	uint64_t	 us;
	char		*end;

	j->kept[F_TIME][j->len[F_TIME]] = '\0';
	if (!isdigit((unsigned char)j->kept[F_TIME][0]))
		return 0;
	us = strtoull(j->kept[F_TIME], &end, 10);
	return *end == '\0' && us <= INT64_MAX / 1000 ? (stamp_t)us : 0;
}

static void
end_entry(struct journal *j, void (*fn)(void *, const struct journal_entry *),
    void *arg)
{
	struct journal_entry	e;

	if (j->begun && !j->lost) {
		memset(&e, 0, sizeof(e));
		j->kept[F_CURSOR][j->len[F_CURSOR]] = '\0';
		e.cursor = j->kept[F_CURSOR];
		if (strlen(e.cursor) != j->len[F_CURSOR] ||
		    !cursor_valid(e.cursor))
			e.cursor = "";
		e.at = make_time(j);
		e.too_long = j->too_long;
		make_identity(&e);
		make_line(j, &e);
		fn(arg, &e);
	}
	clear(j);
	j->lost = 0;
}

/* Feeding. */

static uint64_t
length_of(const char *p)
{
	uint64_t	n = 0;
	int		i;

	for (i = 7; i >= 0; i--)
		n = n << 8 | (uint8_t)p[i];
	return n;
}

/*
 * Behind NAME and its newline; head bytes are both.  How many bytes of all
 * were used, 0 if more are needed, -1: it is not the format.
 */
static ssize_t
take_binary(struct journal *j, const char *p, size_t n, size_t head)
{
	enum field	f = field_of(p, head - 1);
	uint64_t	len;

	if (n - head < 8)
		return 0;
	len = length_of(p + head);
	head += 8;
	if (len > JOURNAL_VALUE_MAX)
		return -1;
	if (f == F_OTHER || len > LINE_MAX_LEN) {
		if (f == F_MESSAGE)
			j->has_message = j->too_long = 1;
		j->skip = len;
		j->to_newline = 1;
		return (ssize_t)head;
	}
	if (n - head < len + 1)
		return 0;
	if (p[head + len] != '\n')
		return -1;
	keep(j, f, p + head, len);
	return (ssize_t)(head + len + 1);
}

/* A field that begins at p. */
static ssize_t
take_field(struct journal *j, const char *p, size_t n)
{
	size_t		 most = n > NAME_MAX_FIELD + 1 ? NAME_MAX_FIELD + 1 : n;
	size_t		 name = 0, line;
	const char	*nl;

	while (name < most && p[name] != '=' && p[name] != '\n')
		name++;
	if (name == n)
		return name > NAME_MAX_FIELD ? -1 : 0;
	if (!is_name(p, name))
		return -1;
	if (p[name] == '\n')
		return take_binary(j, p, n, name + 1);
	if ((nl = memchr(p, '\n', n)) == NULL) {
		if (n < JOURNAL_NEED)
			return 0;
		if (field_of(p, name) == F_MESSAGE)
			j->has_message = j->too_long = 1;
		j->to_newline = 1;
		return (ssize_t)n;
	}
	line = (size_t)(nl - p);
	keep(j, field_of(p, name), p + name + 1, line - name - 1);
	return (ssize_t)(line + 1);
}

/* What is passed over: how much of p. */
static size_t
pass_over(struct journal *j, const char *p, size_t n)
{
	const char	*nl;
	size_t		 used;

	if (j->skip > 0) {
		used = j->skip < n ? (size_t)j->skip : n;
		j->skip -= used;
		return used;
	}
	if ((nl = memchr(p, '\n', n)) == NULL)
		return n;
	j->to_newline = 0;
	return (size_t)(nl - p) + 1;
}

size_t
journal_feed(struct journal *j, const char *p, size_t n,
    void (*fn)(void *, const struct journal_entry *), void *arg,
    uint64_t *broken)
{
	size_t	used = 0;
	ssize_t	len;

	while (used < n) {
		if (j->skip > 0 || j->to_newline) {
			used += pass_over(j, p + used, n - used);
		} else if (p[used] == '\n') {
			end_entry(j, fn, arg);
			used++;
		} else if (j->lost) {
			j->to_newline = 1;
		} else {
			j->begun = 1;
			if ((len = take_field(j, p + used, n - used)) == 0)
				break;
			if (len == -1) {
				(*broken)++;
				j->lost = 1;
			} else
				used += (size_t)len;
		}
	}
	return used;
}
