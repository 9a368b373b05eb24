/*
 * Times and ports as fail2ban writes them, strings as refract.conf(5) does.
 */
#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl_import_jail.h"
#include "f2b_text.h"

#define YEAR	(86400.0 * (3 * 365 + 366) / 4)

static const struct {
	const char	*unit;		/* how it begins; the longer first */
	double		 seconds;
} units[] = {
	{ "mo",	YEAR / 12 },
	{ "m",	60 },
	{ "s",	1 },
	{ "h",	3600 },
	{ "d",	86400 },
	{ "w",	7 * 86400 },
	{ "y",	YEAR }
};

static const char *
skip_blank(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* "10m": where it ends, NULL if it is none. */
static const char *
span_term(const char *p, double *sum)
{
	char	*end;
	double	 n = strtod(p, &end);
	size_t	 i, len;

	if (end == p || !(n >= 0 && n < 1e12))
		return NULL;
	for (p = skip_blank(end); *p == '*'; p = skip_blank(end)) {
		p = skip_blank(p + 1);
		n *= strtod(p, &end);
		if (end == p)
			return NULL;
	}
	for (len = 0; isalpha((unsigned char)p[len]); len++)
		;
	for (i = 0; len > 0 && i < sizeof(units) / sizeof(units[0]); i++)
		if (strncmp(p, units[i].unit, strlen(units[i].unit)) == 0)
			break;
	if (i == sizeof(units) / sizeof(units[0]))
		return NULL;
	*sum += len > 0 ? n * units[i].seconds : n;
	p = skip_blank(p + len);
	return *p == '+' ? skip_blank(p + 1) : p;
}

int
import_span(span_t *span, const char *p)
{
	double	sum = 0;

	p = skip_blank(p);
	if (*p == '-' && isdigit((unsigned char)p[1])) {
		*span = SPAN_FOREVER;
		return 0;
	}
	if (*p == '\0')
		return -1;
	while (*p != '\0')
		if ((p = span_term(p, &sum)) == NULL)
			return -1;
	if (!(sum < 1e12))
		return -1;
	*span = (span_t)(sum * 1000 + 0.5);
	return 0;
}

/* A number, or a name of services(5): 0 or -1. */
static int
one_port(const char *s, const char *proto, uint16_t *port)
{
	const char	*wrong;
	struct servent	*se;

	*port = (uint16_t)strtonum(s, 0, UINT16_MAX, &wrong);
	if (wrong == NULL)
		return 0;
	if ((se = getservbyname(s, proto)) == NULL &&
	    (se = getservbyname(s, NULL)) == NULL)
		return -1;
	*port = ntohs((uint16_t)se->s_port);
	return 0;
}

/* "ssh" or "80:89": 1 if it is every port there is, 0, or -1. */
static int
port_word(struct ports *p, char *word, size_t *total)
{
	const char	*proto = p->tcp ? "tcp" : "udp";
	char		*dash;
	uint16_t	 lo, hi;

	if (strcasecmp(word, "all") == 0 || strcasecmp(word, "any") == 0)
		return 1;
	dash = strchr(word, ':');
	if (dash == NULL && isdigit((unsigned char)*word))
		dash = strchr(word, '-');
	if (dash != NULL)
		*dash++ = '\0';
	if (one_port(word, proto, &lo) == -1)
		return -1;
	hi = lo;
	if (dash != NULL && one_port(dash, proto, &hi) == -1)
		return -1;
	if (lo <= 1 && hi == UINT16_MAX)
		return 1;
	if (lo == 0 || hi < lo)
		return -1;
	*total += (size_t)(hi - lo + 1) * (p->tcp + p->udp);
	if (*total <= BAN_PORTS_MAX) {
		p->v[p->n].lo = lo;
		p->v[p->n++].hi = hi;
	}
	return 0;
}

static void
port_words(struct ports *p, char *list)
{
	char	*word;
	size_t	 total = 0;
	int	 status = 0;

	while (status == 0 && (word = strsep(&list, ", \t\n")) != NULL) {
		if (*word != '\0')
			status = port_word(p, word, &total);
		if (status == -1)
			snprintf(p->why, sizeof(p->why), "port %.64s is not "
			    "known here: the ban is of all ports", word);
	}
	if (status == 0 && total > BAN_PORTS_MAX) {
		snprintf(p->why, sizeof(p->why), "a ban names at most %d "
		    "ports, these are %zu: it is of all ports",
		    BAN_PORTS_MAX, total);
		status = -1;
	}
	if (status != 0)
		p->n = 0;
}

void
import_ports(struct ports *p, const char *ports, const char *proto)
{
	char	*list;

	memset(p, 0, sizeof(*p));
	p->tcp = strstr(proto, "tcp") != NULL || *proto == '\0';
	p->udp = strstr(proto, "udp") != NULL;
	if (!p->tcp && !p->udp) {
		if (strcmp(proto, "all") != 0)
			snprintf(p->why, sizeof(p->why), "protocol %.64s is "
			    "neither tcp nor udp: the ban is of everything",
			    proto);
		return;
	}
	list = text_dup(ports, strlen(ports));
	port_words(p, list);
	free(list);
}

void
import_quote(const char *s)
{
	putchar('"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if (*s == '\n')
			fputs("\\n", stdout);
		else if (*s == '\t')
			fputs("\\t", stdout);
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			printf("\\x%02x", (unsigned char)*s);
		else
			putchar(*s);
	}
	putchar('"');
}
