/*
 * Protocols whose clients begin with words.
 */
#include "probe.h"

#define TAG_MAX		32	/* of IMAP; RFC 9051 knows no limit */

/* A command in any case, then a blank or the end of the line. */
static enum rp_answer
command(const uint8_t *p, size_t n, const char *word)
{
	size_t	i;

	for (i = 0; word[i] != '\0'; i++) {
		if (i == n)
			return RP_MORE;
		if (upper(p[i]) != (uint8_t)word[i])
			return RP_NO;
	}
	if (i == n)
		return RP_MORE;
	return p[i] == ' ' || p[i] == '\r' || p[i] == '\n' ? RP_YES : RP_NO;
}

/* Two letters, upper case. */
static unsigned int
two(const char *p)
{
	return ((unsigned int)(uint8_t)p[0] << 8 | (uint8_t)p[1]) & 0xdfdf;
}

/* The list ends with NULL: yes for one is yes, else more for one is more. */
static enum rp_answer
commands(const uint8_t *p, size_t n, const char *const *list)
{
	enum rp_answer	answer = RP_NO, one;
	unsigned int	begin = n > 1 ? two((const char *)p) : 0;

	for (; *list != NULL; list++) {
		if (n > 1 && two(*list) != begin)
			continue;
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

/*
 * What a server greets with, when that is who speaks here; a syslog message of
 * 220 bytes has its priority there.
 */
static enum rp_answer
ftp_greeting(const uint8_t *p, size_t n)
{
	enum rp_answer	answer = begins(p, n, LITERAL("220 "));

	if (answer == RP_YES)
		return n == 4 ? RP_MORE : p[4] == '<' ? RP_NO : RP_YES;
	if (answer == RP_NO)
		answer = begins(p, n, LITERAL("220-"));
	return answer;
}

enum rp_answer
probe_ftp(const uint8_t *p, size_t n, struct rp_info *info)
{
	static const char *const	list[] = { "USER", "AUTH TLS",
	    "AUTH TLS-C", "AUTH TLS-P", "AUTH SSL", "FEAT", "HOST", "SYST",
	    "OPTS", "PBSZ", "ADAT", "LANG", NULL };

	(void)info;
	if (n > 0 && p[0] == '2')
		return ftp_greeting(p, n);
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

/* RFC 5034: alone, or with a mechanism that there is. */
static enum rp_answer
pop3_auth(const uint8_t *p, size_t n)
{
	static const char *const	list[] = { "PLAIN", "LOGIN",
	    "CRAM-MD5", "DIGEST-MD5", "NTLM", "GSSAPI", "EXTERNAL",
	    "ANONYMOUS", "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-1",
	    "SCRAM-SHA-256", "SCRAM-SHA-512", NULL };

	if (n == 0)
		return RP_MORE;
	if (p[0] == ' ')
		return commands(p + 1, n - 1, list);
	return p[0] == '\n' ? RP_YES : begins(p, n, LITERAL("\r\n"));
}

enum rp_answer
probe_pop3(const uint8_t *p, size_t n, struct rp_info *info)
{
	static const char *const	list[] = { "CAPA", "STLS", "APOP",
	    "USER", NULL };
	enum rp_answer			answer;

	(void)info;
	if ((answer = begins_nocase(p, n, LITERAL("AUTH"))) == RP_YES)
		return pop3_auth(p + 4, n - 4);
	return answer == RP_MORE ? RP_MORE : commands(p, n, list);
}

/* ASTRING-CHAR of RFC 9051 9, but "+". */
static int
is_tag(unsigned int c)
{
	switch (c) {
	case '(':
	case ')':
	case '{':
	case '%':
	case '*':
	case '"':
	case '\\':
	case '+':
		return 0;
	}
	return c > ' ' && c < 0x7f;
}

/* A tag, and one of the commands that may come first. */
enum rp_answer
probe_imap(const uint8_t *p, size_t n, struct rp_info *info)
{
	static const char *const	list[] = { "CAPABILITY", "LOGIN",
	    "AUTHENTICATE", "STARTTLS", "ID", "NOOP", "LOGOUT", "ENABLE",
	    NULL };
	size_t				i;

	(void)info;
	if (n > TAG_MAX && memchr(p, ' ', TAG_MAX + 1) == NULL)
		return RP_NO;
	for (i = 0; i < n && p[i] != ' '; i++)
		if (i == TAG_MAX || !is_tag(p[i]))
			return RP_NO;
	if (i == n)
		return RP_MORE;
	return i == 0 ? RP_NO : commands(p + i + 1, n - i - 1, list);
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

static int
is_letter(unsigned int c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/*
 * "0 NAME 17": a meta connection's ID request.  "?" goes before the key of an
 * invitation, "^" before a control cookie.
 */
enum rp_answer
probe_tinc(const uint8_t *p, size_t n, struct rp_info *info)
{
	enum rp_answer	answer;
	size_t		i, from = 2;

	(void)info;
	if ((answer = begins(p, n, LITERAL("0 "))) != RP_YES)
		return answer;
	if (n > 2 && (p[2] == '?' || p[2] == '^'))
		from = 3;
	for (i = from; i < n && p[i] != ' '; i++)
		if (i == from + 128 || !(is_digit(p[i]) || p[i] == '_' ||
		    p[i] == '-' || is_letter(p[i])))
			return RP_NO;
	if (i < n && i == from)
		return RP_NO;
	if (i + 1 >= n)
		return RP_MORE;
	return is_digit(p[i + 1]) ? RP_YES : RP_NO;
}

/* How many digits stand at i, no more than most + 1, and what they say. */
static size_t
digits(const uint8_t *p, size_t n, size_t i, size_t most, unsigned int *value)
{
	size_t	from = i;

	for (*value = 0; i < n && i - from <= most && is_digit(p[i]); i++)
		*value = *value * 10 + (unsigned int)(p[i] - '0');
	return i - from;
}

/* RFC 6587: [length SP] "<" priority ">", whose highest is 191. */
enum rp_answer
probe_syslog(const uint8_t *p, size_t n, struct rp_info *info)
{
	unsigned int	value;
	size_t		i, len;

	(void)info;
	if ((i = digits(p, n, 0, 5, &value)) > 5)
		return RP_NO;
	if (i == n)
		return RP_MORE;
	if (i > 0 && (p[0] == '0' || p[i++] != ' '))
		return RP_NO;
	if (i == n)
		return RP_MORE;
	if (p[i++] != '<')
		return RP_NO;
	if ((len = digits(p, n, i, 3, &value)) > 3 || value > 191)
		return RP_NO;
	if (i + len == n)
		return RP_MORE;
	return len > 0 && p[i + len] == '>' ? RP_YES : RP_NO;
}

/* "*" count CRLF, then a bulk string; or an inline command that is common. */
enum rp_answer
probe_redis(const uint8_t *p, size_t n, struct rp_info *info)
{
	static const char *const	list[] = { "PING", "AUTH", "HELLO",
	    "INFO", "SELECT", "COMMAND", "CLIENT", "QUIT", "ECHO", NULL };
	unsigned int			value;
	size_t				len;

	(void)info;
	if (n == 0)
		return RP_MORE;
	if (p[0] != '*')
		return commands(p, n, list);
	if ((len = digits(p, n, 1, 7, &value)) > 7)
		return RP_NO;
	if (len + 1 == n)
		return RP_MORE;
	if (value == 0)
		return RP_NO;
	return begins(p + 1 + len, n - 1 - len, LITERAL("\r\n$"));
}

enum rp_answer
probe_bittorrent(const uint8_t *p, size_t n, struct rp_info *info)
{
	(void)info;
	return begins(p, n, LITERAL("\023BitTorrent protocol"));
}
