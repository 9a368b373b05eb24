/*
 * Entries of sets, by libmnl, the same for all types and families: batches
 * with IPSET_ATTR_ADT, whose errors name the element (IPSET_ATTR_LINENO).
 * See linux/netfilter/ipset/ip_set.h.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <libipset/linux_ip_set.h>
#include <string.h>

#include "args.h"
#include "child.h"
#include "nl.h"
#include "sets.h"

#define BATCH_MAX	1000		/* elements in one message ... */
#define BATCH_BYTES	64000		/* ... of a length that is 16 bit */

static struct queue {
	struct entry	list[BATCH_MAX];
	size_t		n;
	int		add;
} queues[SET_BANS];

static struct nl	 writer;
static struct event	*turn_end;
static void		(*done_cb)(int, const struct entry *, int);
static void		(*missing_cb)(enum set_id);

static void
on_turn_end(EVENT_ARGS)
{
	entries_flush();
}

int
entries_open(void (*done)(int, const struct entry *, int),
    void (*missing)(enum set_id))
{
	done_cb = done;
	missing_cb = missing;
	if (child_base != NULL && (turn_end = event_new(child_base, -1, 0,
	    on_turn_end, NULL)) == NULL)
		return -1;
	return nl_open(&writer, NETLINK_NETFILTER, 0, NULL);
}

uint32_t
entries_timeout(wall_t end, wall_t now)
{
	wall_t	left = end - now;

	if (end == WALL_FOREVER)
		return 0;
	left = left <= 0 ? 1 : (left + 999) / 1000;
	return left < TIMEOUT_MAX ? left : TIMEOUT_MAX;
}

static void
put_entry(struct nlmsghdr *h, enum set_id id, const struct entry *e,
    uint32_t line)
{
	struct nlattr	*data = mnl_attr_nest_start(h, IPSET_ATTR_DATA), *ip;
	int		 v4 = e->prefix.family == AF_INET;

#define NET(type)	(IPSET_ATTR_##type | NLA_F_NET_BYTEORDER)
	ip = mnl_attr_nest_start(h, IPSET_ATTR_IP);
	mnl_attr_put(h, v4 ? NET(IPADDR_IPV4) : NET(IPADDR_IPV6), v4 ? 4 : 16,
	    e->prefix.addr);
	mnl_attr_nest_end(h, ip);
	mnl_attr_put_u8(h, IPSET_ATTR_CIDR, e->prefix.plen);
	if (sets[id].with_port) {
		mnl_attr_put_u16(h, NET(PORT), htons(e->port));
		mnl_attr_put_u8(h, IPSET_ATTR_PROTO, e->proto);
	}
	mnl_attr_put_u32(h, NET(TIMEOUT), htonl(e->timeout));
	mnl_attr_put_u32(h, NET(LINENO), htonl(line));
	mnl_attr_nest_end(h, data);
}

/* Which element of the batch the kernel refused, from 1; 0: it did not say. */
static uint32_t
refused_line(void)
{
	const struct nlmsghdr	*h = (const void *)writer.in;

	return h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq != writer.seq ?
	    0 : nl_be32(nl_get(h, sizeof(struct nlmsgerr) + NL_NF,
	    NL_PATH(IPSET_ATTR_LINENO)));
}

int
entries_send(enum set_id id, const char *name, int add, const struct entry *e,
    size_t n, size_t *done)
{
	struct nlmsghdr	*h;
	struct nlattr	*adt;
	uint32_t	 line;
	size_t		 i;

	for (*done = 0; *done < n; *done += i) {
		h = nl_begin(&writer, NL_TYPE(IPSET, add ?
		    IPSET_CMD_ADD : IPSET_CMD_DEL), NLM_F_ACK,
		    sets[id].family, NL_NF);
		mnl_attr_put_u8(h, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL);
		mnl_attr_put_strz(h, IPSET_ATTR_SETNAME, name);
		mnl_attr_put_u32(h, IPSET_ATTR_LINENO, 0);
		adt = mnl_attr_nest_start(h, IPSET_ATTR_ADT);
		for (i = 0; i < BATCH_MAX && *done + i < n &&
		    h->nlmsg_len < BATCH_BYTES; i++)
			put_entry(h, id, &e[*done + i], i + 1);
		mnl_attr_nest_end(h, adt);
		if (nl_ask(&writer, h, NULL, NULL) == -1) {
			line = refused_line();
			*done += line == 0 ? 0 : line - 1;
			return -1;
		}
	}
	return 0;
}

/*
 * One queue to its set.  Those before an element that fails are in, those
 * after it were not tried.
 */
static void
flush_queue(enum set_id id)
{
	struct queue	*q = &queues[id];
	size_t		 at, done, i;
	int		 error, again = 1;

	for (at = 0; at < q->n; at += error != 0) {
		error = entries_send(id, sets[id].name, q->add, &q->list[at],
		    q->n - at, &done) == -1 ? errno : 0;
		for (i = 0; i < done; i++)
			done_cb(q->add, &q->list[at + i], 0);
		at += done;
		if (error == ENOENT && again-- > 0) {
			missing_cb(id);
			at--;
		} else if (error != 0)
			done_cb(q->add, &q->list[at], error);
	}
	q->n = 0;
}

void
entries_put(enum set_id id, int add, const struct entry *e)
{
	struct queue	*q = &queues[id];

	if (q->n == BATCH_MAX || (q->n > 0 && q->add != add))
		flush_queue(id);
	q->add = add;
	q->list[q->n++] = *e;
	event_active(turn_end, EV_TIMEOUT, 0);
}

void
entries_flush(void)
{
	enum set_id	i;

	for (i = 0; i < SET_BANS; i++)
		flush_queue(i);
}
