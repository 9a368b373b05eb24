/*
 * The parameters of callbacks, most of which look at few of them.
 */
#ifndef ARGS_H
#define ARGS_H

#define UNUSED		__attribute__((__unused__))
/* event2/event.h: event_callback_fn */
#define EVENT_ARGS	UNUSED evutil_socket_t fd, UNUSED short what,	\
			UNUSED void *arg
/* channel.h: msg_handler */
#define MSG_ARGS	UNUSED struct channel *ch, UNUSED uint32_t id,	\
			UNUSED const void *data, UNUSED size_t len,	\
			UNUSED int fd

#endif
