/*
 * A configuration that is parsed, and its messages to a child: what tests of
 * both share.
 */
#ifndef CONF_FRAME_H
#define CONF_FRAME_H

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "channel.h"
#include "conf.h"
#include "imsg.h"
#include "log.h"
#include "msg.h"
#include "parse.h"

#define MESSAGES	128

static const struct handler	none[] = { { 0, NULL } };
static struct event_base	*base;

static struct conf *
parse(const char *text)
{
	struct parse_args	 args = { .statements = &text,
				    .nstatements = 1 };
	struct conf		*c;

	c = parse_config(&args);
	assert_non_null(c);
	c->generation = 1;
	return c;
}

/* The messages that `to` is sent, as they arrive. */
struct message {
	uint32_t	 type;
	size_t		 len;
	uint64_t	 data[IMSG_MAX / 8];
};

static struct message	messages[MESSAGES];
static size_t		nmessages;

static void
drain(struct imsgbuf *buf)
{
	struct imsg	imsg;

	while (imsg_read(buf) > 0)
		while (imsg_get(buf, &imsg) == 1) {
			assert_true(nmessages < MESSAGES);
			messages[nmessages].type = imsg.hdr.type;
			messages[nmessages].len = imsg.len;
			memcpy(messages[nmessages].data, imsg.data, imsg.len);
			nmessages++;
		}
}

static void
send_to(const struct conf *c, enum role to)
{
	struct channel	*ch;
	struct imsgbuf	*buf;
	int		 fds[2];

	nmessages = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	proc_set_role(ROLE_PARENT);
	proc_set_state(STATE_RUNNING);
	ch = channel_new(base, fds[0], to, none);
	buf = imsg_new(fds[1]);
	conf_send(ch, c, to);
	while (channel_queued(ch) > 0) {
		drain(buf);
		channel_drain(ch, 1);
	}
	drain(buf);
	channel_free(ch);
	imsg_free(buf);
}

static struct conf *
receive_all(void)
{
	struct conf	*c = NULL;
	size_t		 i;

	for (i = 0; i < nmessages; i++) {
		assert_null(c);
		c = conf_receive(messages[i].type, messages[i].data,
		    messages[i].len);
	}
	return c;
}

/* What a child does with what it was sent: 0 took it, 1 fatal. */
static int
outcome(void)
{
	pid_t	pid;
	int	status, fd;

	fflush(NULL);
	if ((pid = fork()) == 0) {
		if ((fd = open("/dev/null", O_WRONLY)) != -1)
			dup2(fd, STDERR_FILENO);
		_exit(receive_all() == NULL ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static struct message *
find(uint32_t type)
{
	size_t	i;

	for (i = 0; i < nmessages; i++)
		if (messages[i].type == type)
			return &messages[i];
	return NULL;
}

#define same_list(type, a, b) do {					\
	struct type	*x_, *y_;					\
									\
	y_ = TAILQ_FIRST(b);						\
	TAILQ_FOREACH(x_, a, entry) {					\
		assert_non_null(y_);					\
		assert_memory_equal(&x_->w, &y_->w, sizeof(x_->w));	\
		y_ = TAILQ_NEXT(y_, entry);				\
	}								\
	assert_null(y_);						\
} while (0)

#endif
