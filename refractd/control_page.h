/*
 * The status page for people, as HTML, and for Prometheus, as text.
 */
#ifndef CONTROL_PAGE_H
#define CONTROL_PAGE_H

#include "msg.h"

struct evbuffer;
struct snap;

/* This host's name, for the title; before the sandbox. */
void	 page_init(void);
void	 page_html(struct evbuffer *, const struct snap *);
extern const char page_style[];		/* its style sheet */

/*
 * Prometheus' text format 0.0.4: the counters that were answered, what was
 * built, and the numbers of each watch.
 */
void	 page_metrics(struct evbuffer *, const struct snap *);
/* A label's value: what is printable, with \ and " escaped. */
void	 metrics_label(struct evbuffer *, const char *);

/* Printable text inside HTML, attributes in double quotes included. */
void	 html_text(struct evbuffer *, const char *);

#endif
