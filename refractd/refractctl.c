/*
 * refractctl: asks the control role over its socket and prints what it says.
 * Words are ctl_parse.c's, output is ctl_print.c's; here is the conversation.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl_import.h"
#include "ctl_parse.h"
#include "ctl_print.h"
#include "imsg.h"
#include "msg.h"

#define SOCKET_PATH	"/run/refract/control.sock"
#define ANSWER_MS	120000	/* nothing at all for so long: give up */

enum status { DONE, FAILED, USAGE, NOT_RUNNING };

union message {
	struct msg_show		show;
	struct ctl_ban		ban;
	struct msg_target	target;
	struct msg_flush	flush;
	struct msg_trigger	trigger;
	struct ctl_pool		pool;
	uint32_t		number;
};

static void __attribute__((__noreturn__))
usage(void)
{
	char text[2048];
	struct obuf o = OBUF(text);

	obuf_clear(&o);
	ctl_usage(&o);
	fputs("usage: refractctl [-j] [-s socket] command [argument ...]\n\n"
	    "commands, each word as short as is clear:\n", stderr);
	fputs(text, stderr);
	exit(USAGE);
}

static int
not_there(const char *path)
{
	int error = errno;

	if (error == ENOENT || error == ECONNREFUSED) {
		warnx("refractd is not running (%s: %s)", path,
		    strerror(error));
		return NOT_RUNNING;
	}
	if (error == EACCES || error == EPERM)
		warnx("%s: only root and the group refract may talk to "
		    "refractd", path);
	else
		warnx("%s: %s", path, strerror(error));
	return FAILED;
}

/* Connected, or -1 with the exit status in *status. */
static int
ctl_connect(const char *path, int *status)
{
	struct sockaddr_un sun;
	int fd;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		errx(USAGE, "%s: longer than a socket's name may be", path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		err(FAILED, "socket");
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == -1) {
		*status = not_there(path);
		close(fd);
		return -1;
	}
	return fd;
}

static size_t
fill_show(struct msg_show *show, const struct ctl_request *req)
{
	show->what = req->what;
	show->prefix = req->prefix;
	show->since = req->since;
	show->by = (uint8_t)req->by;
	/* Whose decisions have no watch; the tables call it so. */
	if (req->by != SHOW_BY_WATCH || strcmp(req->name, "operator") != 0)
		memcpy(show->name, req->name, sizeof(show->name));
	return sizeof(*show);
}

static size_t
fill_ban(struct ctl_ban *ban, const struct ctl_request *req)
{
	ban->prefix = req->prefix;
	ban->port = req->port;
	ban->proto = req->proto;
	ban->flags = req->slash ? BANF_PREFIX : 0;
	ban->duration = req->span;
	memcpy(ban->reason, req->reason, sizeof(ban->reason));
	return sizeof(*ban);
}

static size_t
fill_target(struct msg_target *target, const struct ctl_request *req)
{
	target->prefix = req->prefix;
	target->port = req->port;
	target->proto = req->proto;
	memcpy(target->user, req->name, sizeof(target->user));
	return sizeof(*target);
}

static size_t
fill_flush(struct msg_flush *flush, const struct ctl_request *req)
{
	flush->prefix = req->prefix;
	memcpy(flush->watch, req->name, sizeof(flush->watch));
	memcpy(flush->value, req->value, sizeof(flush->value));
	return sizeof(*flush);
}

static size_t
fill_trigger(struct msg_trigger *trigger, const struct ctl_request *req)
{
	memcpy(trigger->watch, req->name, sizeof(trigger->watch));
	memcpy(trigger->values, req->values, req->values_len);
	trigger->values_len = (uint32_t)req->values_len;
	return sizeof(*trigger);
}

static size_t
fill_pool(struct ctl_pool *pool, const struct ctl_request *req)
{
	pool->admin = req->number;
	strlcpy(pool->name, req->name, sizeof(pool->name));
	strlcpy(pool->member, req->member, sizeof(pool->member));
	return sizeof(*pool);
}

/* The message for a request: its length. */
static size_t
fill_message(union message *m, const struct ctl_request *req)
{
	memset(m, 0, sizeof(*m));
	switch (req->type) {
	case C_SHOW:
		return fill_show(&m->show, req);
	case C_BAN:
		return fill_ban(&m->ban, req);
	case C_UNBAN:
	case C_FORGIVE:
	case C_KILL:
		return fill_target(&m->target, req);
	case C_FLUSH:
		return fill_flush(&m->flush, req);
	case C_TRIGGER:
		return fill_trigger(&m->trigger, req);
	case C_POOL:
		return fill_pool(&m->pool, req);
	case C_MONITOR:
	case C_VERBOSE:
		m->number = req->number;
		return sizeof(m->number);
	default:
		return 0;
	}
}

static void
ctl_send(struct imsgbuf *buf, const struct ctl_request *req)
{
	union message m;
	size_t len = fill_message(&m, req);
	struct pollfd pfd = { imsg_fd(buf), POLLOUT, 0 };
	int ret;

	if (imsg_compose(buf, req->type, 0, -1, len > 0 ? &m : NULL, len) ==
	    -1)
		err(FAILED, "request");
	/* Who closes at once may have said why: that is read all the same. */
	while ((ret = imsg_flush(buf)) == 1)
		if (poll(&pfd, 1, ANSWER_MS) <= 0)
			errx(FAILED, "refractd does not answer");
	if (ret == -1 && errno != EPIPE && errno != ECONNRESET)
		err(FAILED, "request");
}

/* One message.  1: it was the last; 0; -1: standard output failed. */
static int
ctl_message(struct printer *p, const struct imsg *imsg)
{
	static uint64_t copy[IMSG_MAX / sizeof(uint64_t)];
	const char *why;

	if (imsg->len > 0)
		memcpy(copy, imsg->data, imsg->len);
	if (msg_check(imsg->hdr.type, ROLE_CONTROL, ROLE_CLIENT, STATE_ANY,
	    copy, imsg->len, imsg->fd != -1, &why) == -1)
		errx(FAILED, "refractd sent %s: %s (of another version?)",
		    msg_name(imsg->hdr.type), why);
	switch (imsg->hdr.type) {
	case M_ROW:
		return print_row(p, copy, imsg->len);
	case M_RESULT:
		print_result(p, (const void *)copy);
		return 0;
	default:
		return 1;
	}
}

/* Messages until the end of the answer: 1, or 0 if more must come. */
static int
ctl_messages(struct imsgbuf *buf, struct printer *p)
{
	struct imsg imsg;
	int got, done = 0;

	while (done == 0 && (got = imsg_get(buf, &imsg)) == 1)
		done = ctl_message(p, &imsg);
	if (done == -1) {
		if (errno != EPIPE)
			warn("standard output");
		exit(FAILED);
	}
	if (done == 0 && got == -1)
		errx(FAILED, "refractd sent garbage");
	return done;
}

static void
ctl_wait(struct imsgbuf *buf, int ms)
{
	struct pollfd pfd = { imsg_fd(buf), POLLIN, 0 };

	switch (poll(&pfd, 1, ms)) {
	case 0:
		errx(FAILED, "refractd does not answer");
	case -1:
		if (errno != EINTR)
			err(FAILED, "poll");
	}
}

/* The whole answer: the exit status. */
static int
ctl_answer(struct imsgbuf *buf, struct printer *p)
{
	int lost = 0;
	ssize_t n;

	while (ctl_messages(buf, p) == 0) {
		ctl_wait(buf, p->form == PRINT_STREAM ? -1 : ANSWER_MS);
		n = imsg_read(buf);
		if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR)) {
			lost = 1;
			break;
		}
	}
	if (print_end(p) == -1 && errno != EPIPE)
		err(FAILED, "standard output");
	if (lost && p->code == 0)
		errx(FAILED, "refractd closed the connection");
	return p->code;
}

static void
choose_form(struct printer *p, const struct ctl_request *req)
{
	p->what = req->what;
	p->form = req->type == C_SHOW && req->what == SHOW_WHY ? PRINT_PARTS :
	    req->type == C_SHOW ? PRINT_ROWS :
	    req->type == C_MONITOR ? PRINT_STREAM : PRINT_RESULT;
}

int
main(int argc, char **argv)
{
	const char *path = SOCKET_PATH;
	struct ctl_request req;
	struct printer printer = { .json = 0 };
	struct imsgbuf *buf;
	char text[512];
	struct obuf why = OBUF(text);
	int ch, fd, status;

	while ((ch = getopt(argc, argv, "+js:")) != -1) {
		switch (ch) {
		case 'j':
			printer.json = 1;
			break;
		case 's':
			path = optarg;
			break;
		default:
			usage();
		}
	}
	if (optind == argc)
		usage();
	tzset();
	signal(SIGPIPE, SIG_IGN);
	obuf_clear(&why);
	if (ctl_parse(&req, argc - optind, argv + optind, wall_now(), &why) ==
	    -1)
		errx(USAGE, "%s", text);
	if (req.import)
		return import_fail2ban(req.dir);
	choose_form(&printer, &req);
	if ((fd = ctl_connect(path, &status)) == -1)
		return status;
	if ((buf = imsg_new(fd)) == NULL)
		err(FAILED, "buffer");
	ctl_send(buf, &req);
	status = ctl_answer(buf, &printer);
	imsg_free(buf);
	return status;
}
