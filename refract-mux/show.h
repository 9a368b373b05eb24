/*
 * What a worker answers control, and what control tells it.
 */
#ifndef SHOW_H
#define SHOW_H

#include "channel.h"

/* Handlers for messages of control. */
extern const struct handler	show_handlers[];

#endif
