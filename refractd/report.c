/*
 * Errors and warnings of the language: logged, counted, and kept as text.
 * Nothing is decided here.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "report.h"

#define NEAR_MAX	32		/* longer words are not compared */

static struct {
	char	*text;
	size_t	 len;
	size_t	 count;
} errors;

void
report_reset(void)
{
	free(errors.text);
	memset(&errors, 0, sizeof(errors));
}

static void
keep(const char *line)
{
	size_t	 n = strlen(line);
	char	*p;

	if ((p = realloc(errors.text, errors.len + n + 2)) == NULL)
		fatal("configuration");
	memcpy(p + errors.len, line, n);
	errors.len += n;
	p[errors.len++] = '\n';
	p[errors.len] = '\0';
	errors.text = p;
}

static char *
compose(const struct place *at, const char *kind, const char *fmt, va_list ap)
{
	char	*what, *line;
	int	 n;

	if (vasprintf(&what, fmt, ap) == -1)
		fatal("configuration");
	if (at->line == 0)
		n = asprintf(&line, "%s: %s%s", at->file, kind, what);
	else
		n = asprintf(&line, "%s:%d: %s%s", at->file, at->line, kind,
		    what);
	if (n == -1)
		fatal("configuration");
	free(what);
	return line;
}

void
report_error(const struct place *at, const char *fmt, ...)
{
	va_list	 ap;
	char	*line;

	if (errors.count++ >= REPORT_ERRORS_MAX)
		return;
	va_start(ap, fmt);
	line = compose(at, "", fmt, ap);
	va_end(ap);
	log_warnx("%s", line);
	keep(line);
	free(line);
	if (errors.count == REPORT_ERRORS_MAX) {
		log_warnx("too many errors");
		keep("too many errors");
	}
}

void
report_warning(const struct place *at, const char *fmt, ...)
{
	va_list	 ap;
	char	*line;

	va_start(ap, fmt);
	line = compose(at, "warning: ", fmt, ap);
	va_end(ap);
	log_warnx("%s", line);
	free(line);
}

size_t
report_count(void)
{
	return errors.count;
}

int
report_enough(void)
{
	return errors.count >= REPORT_ERRORS_MAX;
}

const char *
report_text(void)
{
	return errors.text == NULL ? "" : errors.text;
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Edit distance: a letter more, less or another; two swapped count as one. */
static size_t
distance(const char *a, const char *b)
{
	size_t	d[NEAR_MAX + 1][NEAR_MAX + 1];
	size_t	i, j, m = strlen(a), n = strlen(b);

	for (i = 0; i <= m; i++)
		d[i][0] = i;
	for (j = 0; j <= n; j++)
		d[0][j] = j;
	for (i = 1; i <= m; i++)
		for (j = 1; j <= n; j++) {
			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
			    d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				d[i][j] = min3(d[i][j], d[i][j],
				    d[i - 2][j - 2] + 1);
		}
	return d[m][n];
}

const char *
report_nearest(const char *s, const char *const *words, size_t n)
{
	const char	*best = NULL;
	size_t		 i, d, len, least;

	if ((len = strlen(s)) < 2 || len > NEAR_MAX)
		return NULL;
	least = len < 6 ? 2 : 3;
	for (i = 0; i < n; i++) {
		if (strlen(words[i]) > NEAR_MAX)
			continue;
		if ((d = distance(s, words[i])) < least && d < len - 1) {
			least = d;
			best = words[i];
		}
	}
	return best;
}
