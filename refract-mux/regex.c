/*
 * See regex.h.
 */
#define PCRE2_CODE_UNIT_WIDTH	8
#include <pcre2.h>

#include <stdio.h>
#include <stdlib.h>

#include "log.h"
#include "msg.h"
#include "regex.h"

#define MATCH_LIMIT	100000
#define DEPTH_LIMIT	1000
#define HEAP_LIMIT	1024	/* KiB */

struct regex {
	pcre2_code		*code;
	pcre2_match_data	*md;
	int			 anchored;
};

static pcre2_match_context *
limits(void)
{
	static pcre2_match_context	*ctx;

	if (ctx != NULL)
		return ctx;
	if ((ctx = pcre2_match_context_create(NULL)) == NULL)
		fatal("regex");
	pcre2_set_match_limit(ctx, MATCH_LIMIT);
	pcre2_set_depth_limit(ctx, DEPTH_LIMIT);
	pcre2_set_heap_limit(ctx, HEAP_LIMIT);
	return ctx;
}

struct regex *
regex_new(const char *s, size_t n, char *why)
{
	struct regex	*r;
	PCRE2_UCHAR	 text[128];
	uint32_t	 options;
	int		 error;
	PCRE2_SIZE	 at;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		fatal("regex");
	r->code = pcre2_compile((PCRE2_SPTR)s, n, 0, &error, &at, NULL);
	if (r->code == NULL) {
		pcre2_get_error_message(error, text, sizeof(text));
		snprintf(why, TEXT_LEN, "regex \"%.*s\": %s at %zu",
		    n > 200 ? 200 : (int)n, s, (char *)text, (size_t)at);
		free(r);
		return NULL;
	}
	if ((r->md = pcre2_match_data_create(1, NULL)) == NULL)
		fatal("regex");
	pcre2_pattern_info(r->code, PCRE2_INFO_ALLOPTIONS, &options);
	r->anchored = (options & PCRE2_ANCHORED) != 0;
	return r;
}

void
regex_free(struct regex *r)
{
	if (r == NULL)
		return;
	pcre2_match_data_free(r->md);
	pcre2_code_free(r->code);
	free(r);
}

/* A limit that is hit is no match. */
enum rp_answer
regex_match(const struct regex *r, const void *p, size_t n)
{
	int	rc;

	rc = pcre2_match(r->code, p, n, 0, PCRE2_PARTIAL_SOFT, r->md,
	    limits());
	if (rc >= 0)
		return RP_YES;
	if (rc == PCRE2_ERROR_PARTIAL)
		return RP_MORE;
	if (rc == PCRE2_ERROR_NOMATCH)
		return r->anchored ? RP_NO : RP_MORE;
	return RP_NO;
}
