/*
 * Who speaks on standard input?  Prints the protocol and what is known of it,
 * with a probe of its own beside those of the library.
 *
 *	cc -o example example.c $(pkg-config --cflags --libs refract-probe)
 *	printf 'KNOCK 7 8 9\n' | ./example
 */
#include <refract-probe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KNOCK	1000

/* "KNOCK " and a digit. */
static enum rp_answer
knock(const uint8_t *p, size_t n, struct rp_info *info, void *ctx)
{
	const char	*word = ctx;
	size_t		 i;

	for (i = 0; word[i] != '\0'; i++) {
		if (i == n)
			return RP_MORE;
		if (p[i] != (uint8_t)word[i])
			return RP_NO;
	}
	if (i == n)
		return RP_MORE;
	if (p[i] < '0' || p[i] > '9')
		return RP_NO;
	info->complete = 1;
	return RP_YES;
}

static struct rp_registry *
protocols(void)
{
	static char		 word[] = "KNOCK ";
	struct rp_registry	*r = rp_new();

	if (r == NULL || rp_add_own(r, KNOCK, knock, word, "K", 1) == -1 ||
	    rp_add_all(r) == -1) {
		fprintf(stderr, "example: no registry\n");
		exit(1);
	}
	return r;
}

/* Whatever a client may have put there. */
static void
show(const char *what, const struct rp_slice *s)
{
	size_t	i;

	if (s->n == 0)
		return;
	printf(" %s ", what);
	for (i = 0; i < s->n; i++)
		putchar(s->p[i] > ' ' && s->p[i] < 0x7f ? s->p[i] : '?');
}

static void
show_all(const uint8_t *p, size_t n, struct rp_info *info)
{
	char	ja4[RP_JA4_LEN];

	printf("%s", info->proto == KNOCK ? "knock" : rp_name(info->proto));
	if (info->proto == RP_HTTP)
		rp_http_details(p, n, info);
	show("sni", &info->sni);
	if (rp_alpn_has(&info->alpn, "h2", 2))
		printf(" alpn h2");
	if (info->proto == RP_TLS && rp_ja4(p, n, 0, ja4) == 0)
		printf(" ja4 %s", ja4);
	show("method", &info->method);
	show("host", &info->host);
	show("path", &info->path);
	putchar('\n');
}

int
main(void)
{
	static uint8_t		 buf[65536];
	struct rp_registry	*r = protocols();
	struct rp_info		 info;
	enum rp_answer		 answer;
	size_t			 n = 0;
	ssize_t			 got;

	/* To the end: a hello may say more than that it is one. */
	do {
		got = read(STDIN_FILENO, buf + n, sizeof(buf) - n);
		if (got > 0)
			n += (size_t)got;
		answer = rp_identify(r, buf, n, got <= 0, &info);
	} while (got > 0 && (answer == RP_MORE ||
	    (answer == RP_YES && !info.complete)));
	if (answer == RP_YES)
		show_all(buf, n, &info);
	else
		printf("unknown\n");
	rp_free(r);
	return answer != RP_YES;
}
