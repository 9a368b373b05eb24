/*
 * See ownlogs.h.
 */
#include <unistd.h>

#include "channel.h"
#include "conf.h"
#include "control_access.h"
#include "msg.h"
#include "ownlogs.h"
#include "paths.h"

static void
forget(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

void
ownlogs_close(struct ownlogs *l)
{
	forget(&l->audit);
	forget(&l->connections);
}

int
ownlogs_open(struct ownlogs *l, const struct conf *c, char *why, size_t len)
{
	l->connections = -1;
	l->audit = paths_log("log bans", c->audit_path, why, len);
	if (l->audit == -1)
		return -1;
	l->connections = paths_log("log connections", c->access_path, why,
	    len);
	if (l->connections != -1)
		return 0;
	ownlogs_close(l);
	return -1;
}

void
ownlogs_pass(struct ownlogs *l, const struct conf *c, struct channel *control)
{
	uint32_t	form = c->access_path == NULL ? ACCESS_NOWHERE :
			    c->access_json ? ACCESS_AS_JSON : ACCESS_AS_LINE;

	channel_send_fd(control, M_AUDIT_LOG, 0, l->audit, NULL, 0);
	channel_send_fd(control, M_ACCESS_LOG, 0, l->connections, &form,
	    sizeof(form));
	l->audit = l->connections = -1;
}
