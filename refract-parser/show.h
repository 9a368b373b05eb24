/*
 * What the parser answers control: users and watches by page, counters, and
 * forgiving.
 */
#ifndef SHOW_H
#define SHOW_H

#include "channel.h"

/* Handlers for messages of control. */
extern const struct handler	show_handlers[];

#endif
