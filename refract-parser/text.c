/*
 * Outside bytes to printable text.  Names of users are often not ASCII, so
 * UTF-8 stays, except for what moves a terminal's cursor or turns text round.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* Length of the valid UTF-8 character at p and its code; 0: none. */
static size_t
decode(const uint8_t *p, size_t n, uint32_t *code)
{
	static const uint32_t	least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t			len, i;

	if (p[0] < 0x80) {
		*code = p[0];
		return 1;
	}
	len = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 :
	    p[0] < 0xf5 ? 4 : 0;
	if (len == 0 || len > n)
		return 0;
	*code = p[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	if (*code < least[len] || *code > 0x10ffff ||
	    (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return len;
}

/* No controls (C0, C1), and none that change the direction of text. */
static int
is_plain(uint32_t c)
{
	return c >= 0x20 && c != '\\' && (c < 0x7f || c >= 0xa0) &&
	    c != 0x061c && c != 0xfeff && (c < 0x200b || c > 0x200f) &&
	    (c < 0x2028 || c > 0x202e) && (c < 0x2060 || c > 0x206f);
}

void
text_vis(char *dst, size_t size, const void *src, size_t n)
{
	const uint8_t	*p = src;
	char		 octal[5];
	uint32_t	 code;
	size_t		 len, used;

	for (used = 0; n > 0; p += len, n -= len) {
		len = decode(p, n, &code);
		if (len > 0 && is_plain(code)) {
			if (used + len >= size)
				break;
			memcpy(dst + used, p, len);
			used += len;
			continue;
		}
		len = 1;
		snprintf(octal, sizeof(octal), *p == '\\' ? "\\\\" : "\\%03o",
		    *p);
		if (used + strlen(octal) >= size)
			break;
		memcpy(dst + used, octal, strlen(octal));
		used += strlen(octal);
	}
	dst[used] = '\0';
}
