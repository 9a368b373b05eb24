/*
 * A ring of lines.
 */
#include <string.h>

#include "evidence.h"
#include "text.h"

#define NUMBER_MAX	0x7fffffffu	/* as a sighting can hold it */

static struct {
	uint32_t	number;		/* 0: nothing is here */
	uint32_t	hash;
	logtime_t	at;
	uint32_t	n;
	char		text[EVIDENCE_LEN - 1];
} ring[EVIDENCE_LINES];

static uint32_t	last;

uint32_t
evidence_put(uint32_t hash, logtime_t at, const char *p, size_t n)
{
	uint32_t	i;

	last = last == NUMBER_MAX ? 1 : last + 1;
	i = last % EVIDENCE_LINES;
	ring[i].number = last;
	ring[i].hash = hash;
	ring[i].at = at;
	ring[i].n = (uint32_t)(n < sizeof(ring[i].text) ? n :
	    sizeof(ring[i].text));
	memcpy(ring[i].text, p, ring[i].n);
	return last;
}

int
evidence_get(uint32_t number, uint32_t hash, struct msg_evidence *e)
{
	uint32_t	i = number % EVIDENCE_LINES;

	if (number == 0 || ring[i].number != number || ring[i].hash != hash)
		return 0;
	e->at = ring[i].at < 0 ? 0 : ring[i].at;
	text_vis(e->text, sizeof(e->text), ring[i].text, ring[i].n);
	return 1;
}
