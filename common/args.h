/* The parameters of callbacks, most of which look at few of them. */
#ifndef ARGS_H
#define ARGS_H

#define UNUSED		__attribute__((__unused__))
#define EVENT_ARGS	UNUSED int fd, UNUSED short what, UNUSED void *arg
#define MSG_ARGS	UNUSED struct channel *ch, UNUSED uint32_t id,	\
			UNUSED const void *data, UNUSED size_t len,	\
			UNUSED int fd
#endif
