/*
 * A resolver's answer as evdns hands it over, and the files that say who is
 * asked: whatever they are, what comes of them can be a message.
 */
/* LINK: refractd/control_answer.o refractd/nameservers_parse.o */
/* LIBS: -levent_extra */
#include <sys/socket.h>

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control_resolve.h"
#include "msg.h"
#include "nameservers.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(const char *fault)
{
	if (fault != NULL)
		abort();
}

/* Result, type, how many, and the addresses. */
static const uint8_t *
read_answer(struct answer *a, int family, const uint8_t *p, const uint8_t *end)
{
	size_t	len = family == AF_INET ? 4 : 16, n;
	int	count, ttl;

	if (end - p < 7)
		return end;
	memcpy(&ttl, p + 3, sizeof(ttl));
	count = (int8_t)p[2];
	n = count > 0 ? (size_t)count * len : 0;
	if ((size_t)(end - p - 7) < n)
		return end;
	answer_read(a, family, (int8_t)p[0], p[1], count, ttl, p + 7);
	if ((a->verdict == ANSWER_GOOD) != (a->n > 0) || a->ttl < 0)
		abort();
	return p + 7 + n;
}

static void
fuzz_answers(const uint8_t *p, size_t n)
{
	struct msg_mux_resolved	 m = { .member = 1 };
	struct answer		 a = { .verdict = ANSWER_FAILED };
	struct answer		 b = { .verdict = ANSWER_FAILED };
	const uint8_t		*end = p + n;

	p = read_answer(&a, AF_INET, p, end);
	read_answer(&b, AF_INET6, p, end);
	m.n = answers_join(m.addrs, &a, &b);
	must(check_mux_resolved(&m, sizeof(m)));
}

static void
fuzz_files(const char *text)
{
	struct msg_resolver	r;
	struct msg_host		h = { .name = "db" };

	resolv_parse(&r, text);
	must(check_resolver(&r, sizeof(r)));
	hosts_parse(&h, text);
	must(check_host(&h, sizeof(h)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	*text;

	if (size == 0)
		return 0;
	if (data[0] & 1) {
		fuzz_answers(data + 1, size - 1);
		return 0;
	}
	if ((text = strndup((const char *)data + 1, size - 1)) == NULL)
		return 0;
	fuzz_files(text);
	free(text);
	return 0;
}
