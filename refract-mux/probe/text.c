/*
 * Protocols whose clients begin with words.
 */
#include "probe.h"

#define LITERAL(s)	(s), sizeof(s) - 1

/* A command in any case, then a blank or the end of the line. */
static enum rp_answer
command(const uint8_t *p, size_t n, const char *word)
{
	size_t		len = strlen(word);
	enum rp_answer	answer = begins_nocase(p, n, word, len);

	if (answer != RP_YES)
		return answer;
	if (n == len)
		return RP_MORE;
	return p[len] == ' ' || p[len] == '\r' || p[len] == '\n' ? RP_YES :
	    RP_NO;
}

/* The list ends with NULL: yes for one is yes, else more for one is more. */
static enum rp_answer
commands(const uint8_t *p, size_t n, const char *const *list)
{
	enum rp_answer	answer = RP_NO, one;

	for (; *list != NULL; list++) {
		if ((one = command(p, n, *list)) == RP_YES)
			return RP_YES;
		if (one == RP_MORE)
			answer = RP_MORE;
	}
	return answer;
}

static int
is_digit(unsigned int c)
{
	return c >= '0' && c <= '9';
}

enum rp_answer
probe_ssh(const uint8_t *p, size_t n, struct rp_info *info)
{
	enum rp_answer	answer;

	(void)info;
	if ((answer = begins(p, n, LITERAL("SSH-2.0-"))) != RP_NO)
		return answer;
	return begins(p, n, LITERAL("SSH-1.99-"));
}

enum rp_answer
probe_ftp(const uint8_t *p, size_t n, struct rp_info *info)
{
	static const char *const	list[] = { "USER", "AUTH", "FEAT",
	    "HOST", "SYST", "OPTS", "PBSZ", "ADAT", "LANG", NULL };
	enum rp_answer			answer;

	(void)info;
	/* A server's greeting, when that is who speaks here. */
	if ((answer = begins(p, n, LITERAL("220 "))) != RP_NO ||
	    (answer = begins(p, n, LITERAL("220-"))) != RP_NO)
		return answer;
	return commands(p, n, list);
}

enum rp_answer
probe_smtp(const uint8_t *p, size_t n, struct rp_info *info)
{
	static const char *const	list[] = { "EHLO", "HELO", "LHLO",
	    NULL };

	(void)info;
	return commands(p, n, list);
}

enum rp_answer
probe_pop3(const uint8_t *p, size_t n, struct rp_info *info)
{
	static const char *const	list[] = { "CAPA", "STLS", "APOP",
	    "USER", "AUTH", NULL };

	(void)info;
	return commands(p, n, list);
}

/* A tag of RFC 9051 9 and one of the commands that may come first. */
enum rp_answer
probe_imap(const uint8_t *p, size_t n, struct rp_info *info)
{
	static const char *const	list[] = { "CAPABILITY", "LOGIN",
	    "AUTHENTICATE", "STARTTLS", "ID", "NOOP", "LOGOUT", "ENABLE",
	    NULL };
	size_t				i;

	(void)info;
	for (i = 0; i < n && i <= 32; i++) {
		if (p[i] == ' ')
			return i == 0 ? RP_NO : commands(p + i + 1,
			    n - i - 1, list);
		if (p[i] < '!' || p[i] > '~' ||
		    memchr("(){%*\"\\+", p[i], 8) != NULL)
			return RP_NO;
	}
	return i > 32 ? RP_NO : RP_MORE;
}

/* <?xml ...?> if it likes, then the stream's opening tag. */
enum rp_answer
probe_xmpp(const uint8_t *p, size_t n, struct rp_info *info)
{
	enum rp_answer	 answer;
	const uint8_t	*q;

	(void)info;
	if ((answer = begins(p, n, LITERAL("<?xml "))) == RP_YES) {
		if ((q = memchr(p, '>', n < 256 ? n : 256)) == NULL)
			return n < 256 ? RP_MORE : RP_NO;
		for (q++; q < p + n && (*q == ' ' || *q == '\r' ||
		    *q == '\n' || *q == '\t'); q++)
			if (q - p > 512)
				return RP_NO;
		n -= (size_t)(q - p);
		p = q;
	} else if (answer == RP_MORE && n > 1)
		return RP_MORE;
	return begins(p, n, LITERAL("<stream:stream"));
}

/* "0 NAME 17": a meta connection's ID request. */
enum rp_answer
probe_tinc(const uint8_t *p, size_t n, struct rp_info *info)
{
	size_t	i;

	(void)info;
	if (begins(p, n, LITERAL("0 ")) != RP_YES)
		return begins(p, n, LITERAL("0 "));
	for (i = 2; i < n && i < 130; i++) {
		if (p[i] == ' ')
			break;
		if (!is_digit(p[i]) && p[i] != '_' && p[i] != '^' &&
		    !((p[i] | 32) >= 'a' && (p[i] | 32) <= 'z'))
			return RP_NO;
	}
	if (i == n)
		return RP_MORE;
	if (i == 130 || i == 2)
		return RP_NO;
	return i + 1 == n ? RP_MORE : is_digit(p[i + 1]) ? RP_YES : RP_NO;
}

/* RFC 6587: [length SP] "<" priority ">". */
enum rp_answer
probe_syslog(const uint8_t *p, size_t n, struct rp_info *info)
{
	size_t	i = 0, from;

	(void)info;
	while (i < n && i < 6 && is_digit(p[i]))
		i++;
	if (i == n)
		return n < 6 ? RP_MORE : RP_NO;
	if (i > 0 && (p[0] == '0' || p[i++] != ' '))
		return RP_NO;
	if (i == n)
		return RP_MORE;
	if (p[i++] != '<')
		return RP_NO;
	for (from = i; i < n && i - from < 4 && is_digit(p[i]); i++)
		;
	if (i == n)
		return i - from < 4 ? RP_MORE : RP_NO;
	return p[i] == '>' && i > from && i - from <= 3 ? RP_YES : RP_NO;
}

/* "*" count CRLF, then a bulk string; or an inline command that is common. */
enum rp_answer
probe_redis(const uint8_t *p, size_t n, struct rp_info *info)
{
	static const char *const	list[] = { "PING", "AUTH", "HELLO",
	    "INFO", "SELECT", "COMMAND", "CLIENT", "QUIT", "ECHO", NULL };
	size_t				i;

	(void)info;
	if (n == 0)
		return RP_MORE;
	if (p[0] != '*')
		return commands(p, n, list);
	for (i = 1; i < n && i < 8 && is_digit(p[i]); i++)
		;
	if (i == n)
		return n < 8 ? RP_MORE : RP_NO;
	if (i == 1)
		return RP_NO;
	return begins(p + i, n - i, LITERAL("\r\n$"));
}

enum rp_answer
probe_bittorrent(const uint8_t *p, size_t n, struct rp_info *info)
{
	(void)info;
	return begins(p, n, LITERAL("\023BitTorrent protocol"));
}
