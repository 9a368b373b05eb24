/* LINK: refract-parser/syslog_line.o */
/*
 * Any datagram becomes one line at most, which lies where it may and ends
 * where its message ends.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "syslog_line.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(int good)
{
	if (!good)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct syslog_line	 l;
	char			*p, *buf;

	need((p = malloc(size + 1)) != NULL);
	need((buf = malloc(size + SYSLOG_ROOM)) != NULL);
	memcpy(p, data, size);
	syslog_line(p, size, buf, &l);
	if (l.len > 0) {
		need(memchr(l.line, '\n', l.len) == l.line + l.len - 1);
		need(memchr(l.line, '\0', l.len) == NULL);
		need(l.message >= l.line && l.message_len > 0 &&
		    l.message + l.message_len == l.line + l.len);
		need((l.line >= p && l.line + l.len <= p + size + 1) ||
		    (l.line == buf && l.len <= size + SYSLOG_ROOM));
	}
	free(p);
	free(buf);
	return 0;
}
