/*
 * resolv.conf(5) and hosts(5), as far as evdns needs them.
 */
#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "nameservers.h"

#define NDOTS_MAX	15
#define BLANKS		" \t\r"

/* The next line without its comment, in buf; NULL: none is left. */
static char *
next_line(const char **text, char *buf, size_t size, const char *comments)
{
	size_t	n;

	if (**text == '\0')
		return NULL;
	n = strcspn(*text, "\n");
	if (n < size)
		memcpy(buf, *text, n);
	buf[n < size ? n : 0] = '\0';
	buf[strcspn(buf, comments)] = '\0';
	*text += n + ((*text)[n] == '\n');
	return buf;
}

static char *
next_word(char **line)
{
	char	*word;

	while ((word = strsep(line, BLANKS)) != NULL && *word == '\0')
		continue;
	return word;
}

static void
add_server(struct msg_resolver *m, const char *word)
{
	struct prefix	*p = &m->addrs[m->n];

	if (word != NULL && m->n < NAMESERVERS_MAX &&
	    prefix_parse(p, word) == 0 && prefix_is_host(p))
		m->n++;
	else
		memset(p, 0, m->n < NAMESERVERS_MAX ? sizeof(*p) : 0);
}

static void
set_search(struct msg_resolver *m, char **line)
{
	char	*word;

	m->search[0] = '\0';
	while ((word = next_word(line)) != NULL) {
		if (strlen(m->search) + strlen(word) + 2 > sizeof(m->search))
			break;
		if (*m->search != '\0')
			strlcat(m->search, " ", sizeof(m->search));
		strlcat(m->search, word, sizeof(m->search));
	}
}

static void
set_options(struct msg_resolver *m, char **line)
{
	const char	*error;
	char		*word;
	long long	 n;

	while ((word = next_word(line)) != NULL) {
		if (strncmp(word, "ndots:", 6) != 0)
			continue;
		n = strtonum(word + 6, 0, INT32_MAX, &error);
		if (error == NULL)
			m->ndots = n > NDOTS_MAX ? NDOTS_MAX : (uint32_t)n;
	}
}

void
resolv_parse(struct msg_resolver *m, const char *text)
{
	char	 buf[SEARCH_LEN], *line, *word;

	memset(m, 0, sizeof(*m));
	m->ndots = 1;
	while ((line = next_line(&text, buf, sizeof(buf), "#;")) != NULL) {
		if ((word = next_word(&line)) == NULL)
			continue;
		if (strcmp(word, "nameserver") == 0)
			add_server(m, next_word(&line));
		else if (strcmp(word, "search") == 0 ||
		    strcmp(word, "domain") == 0)
			set_search(m, &line);
		else if (strcmp(word, "options") == 0)
			set_options(m, &line);
	}
	/* As libc does. */
	if (m->n == 0)
		m->n = prefix_parse(&m->addrs[0], "127.0.0.1") == 0;
}

static int
has_name(char **line, const char *name)
{
	char	*word;

	while ((word = next_word(line)) != NULL)
		if (strcasecmp(word, name) == 0)
			return 1;
	return 0;
}

unsigned int
hosts_parse(struct msg_host *m, const char *text)
{
	struct prefix	 p;
	char		 buf[4096], *line, *word;

	m->n = 0;
	while (m->n < MUX_RESOLVED_MAX &&
	    (line = next_line(&text, buf, sizeof(buf), "#")) != NULL) {
		if ((word = next_word(&line)) == NULL ||
		    prefix_parse(&p, word) == -1 || !prefix_is_host(&p) ||
		    !has_name(&line, m->name))
			continue;
		m->addrs[m->n++] = p;
	}
	return m->n;
}
