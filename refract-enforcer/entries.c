/*
 * Entries of sets, by libmnl: batches with IPSET_ATTR_ADT, whose errors name
 * the element (IPSET_ATTR_LINENO).  See linux/netfilter/ipset/ip_set.h.
 */
#include <arpa/inet.h>
#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <libipset/linux_ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <stddef.h>
#include <string.h>

#include "args.h"
#include "child.h"
#include "entries.h"
#include "nl.h"

#define ADT_BYTES	64000	/* a nested attribute's length: 16 bit */

static struct queue {
	struct entry	list[ENTRIES_BATCH];
	size_t		n;
	int		add;
} queues[SET_BANS];

static struct nl	 writer, dumper;
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
	return nl_open(&writer, NETLINK_NETFILTER, 0) == -1 ||
	    nl_open(&dumper, NETLINK_NETFILTER, 0) == -1 ? -1 : 0;
}

uint32_t
entries_timeout(wall_t end, wall_t now)
{
	wall_t	left;

	if (end == WALL_FOREVER)
		return 0;
	left = end > now ? (end - now + 999) / 1000 : 1;
	return left < ENTRY_TIMEOUT_MAX ? left : ENTRY_TIMEOUT_MAX;
}

static void
put_entry(struct nlmsghdr *h, enum set_id id, const struct entry *e,
    uint32_t line)
{
	struct nlattr	*data = mnl_attr_nest_start(h, IPSET_ATTR_DATA), *ip;
	int		 v4 = e->prefix.family == AF_INET;

	ip = mnl_attr_nest_start(h, IPSET_ATTR_IP);
	mnl_attr_put(h, (v4 ? IPSET_ATTR_IPADDR_IPV4 : IPSET_ATTR_IPADDR_IPV6) |
	    NLA_F_NET_BYTEORDER, v4 ? 4 : 16, e->prefix.addr);
	mnl_attr_nest_end(h, ip);
	mnl_attr_put_u8(h, IPSET_ATTR_CIDR, e->prefix.plen);
	if (sets[id].with_port) {
		mnl_attr_put_u16(h, IPSET_ATTR_PORT | NLA_F_NET_BYTEORDER,
		    htons(e->port));
		mnl_attr_put_u8(h, IPSET_ATTR_PROTO, e->proto);
	}
	mnl_attr_put_u32(h, IPSET_ATTR_TIMEOUT | NLA_F_NET_BYTEORDER,
	    htonl(e->timeout));
	mnl_attr_put_u32(h, IPSET_ATTR_LINENO | NLA_F_NET_BYTEORDER,
	    htonl(line));
	mnl_attr_nest_end(h, data);
}

/* The answer to one batch: 0 or an error, and which element it is about. */
static int
read_ack(uint32_t *line)
{
	const struct nlmsghdr	*h = (const void *)nl_in;
	const struct nlmsgerr	*err = mnl_nlmsg_get_payload(h);
	ssize_t			 n;

	do {
		n = mnl_socket_recvfrom(writer.sock, nl_in, sizeof(nl_in));
		if (n == -1)
			return errno;
	} while (!mnl_nlmsg_ok(h, n) || h->nlmsg_type != NLMSG_ERROR ||
	    h->nlmsg_seq != writer.seq);
	*line = err->error == 0 ? 0 : nl_be32(nl_get(h, sizeof(*err) + NL_NF,
	    NL_PATH(IPSET_ATTR_LINENO)));
	return -err->error;
}

int
entries_send(enum set_id id, const char *name, int add, const struct entry *e,
    size_t n, size_t *done)
{
	struct nlmsghdr	*h;
	struct nlattr	*adt;
	uint32_t	 line = 0;
	size_t		 i;

	for (*done = 0; *done < n; *done += i) {
		h = nl_begin_nf(&writer, nl_out, NFNL_SUBSYS_IPSET,
		    add ? IPSET_CMD_ADD : IPSET_CMD_DEL, NLM_F_ACK,
		    sets[id].family);
		mnl_attr_put_u8(h, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL);
		mnl_attr_put_strz(h, IPSET_ATTR_SETNAME, name);
		mnl_attr_put_u32(h, IPSET_ATTR_LINENO, 0);
		adt = mnl_attr_nest_start(h, IPSET_ATTR_ADT);
		for (i = 0; i < ENTRIES_BATCH && *done + i < n &&
		    h->nlmsg_len < ADT_BYTES; i++)
			put_entry(h, id, &e[*done + i], i + 1);
		mnl_attr_nest_end(h, adt);
		if (nl_send(&writer, h) == -1)
			return -1;
		if ((errno = read_ack(&line)) != 0) {
			*done += line == 0 ? 0 : line - 1;
			return -1;
		}
	}
	return 0;
}

int
entries_exchange(enum set_id id, uint32_t maxelem, const struct entry *list,
    size_t n)
{
	const char	*temp = sets[id].temp;
	size_t		 done;
	int		 r;

	(void)sets_destroy(temp);
	r = sets_create(id, temp, maxelem) == -1 ||
	    entries_send(id, temp, 1, list, n, &done) == -1 ||
	    sets_stand(id, maxelem) == -1 ||
	    sets_swap(temp, sets[id].name) == -1 ? -1 : 0;
	(void)sets_destroy(temp);
	return r;
}

/*
 * One queue to its set.  Those before an element that fails are in, those
 * after it were not tried.
 */
static void
flush_queue(enum set_id id)
{
	struct queue	*q = &queues[id];
	size_t		 at, done, i, n = q->n;
	int		 error, again = 1;

	for (at = 0; at < n; at += error != 0) {
		error = entries_send(id, sets[id].name, q->add, &q->list[at],
		    n - at, &done) == -1 ? errno : 0;
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

	if (q->n == ENTRIES_BATCH || (q->n > 0 && q->add != add))
		flush_queue(id);
	q->add = add;
	q->list[q->n++] = *e;
	if (turn_end != NULL)
		event_active(turn_end, EV_TIMEOUT, 0);
}

void
entries_flush(void)
{
	enum set_id	i;

	for (i = 0; i < SET_BANS; i++) {
		if (queues[i].n > 0)
			flush_queue(i);
	}
}

struct reading {
	enum set_id	 id;
	entry_fn	 found;
};

static void
read_entry(const struct nlattr *element, const struct reading *r)
{
	const struct nlattr	*tb[IPSET_ATTR_CADT_MAX + 1] = { 0 };
	struct nlattr		*a;
	struct entry		 e = { 0 };

	mnl_attr_for_each_nested(a, element) {
		if (mnl_attr_get_type(a) <= IPSET_ATTR_CADT_MAX)
			tb[mnl_attr_get_type(a)] = a;
	}
	if (tb[IPSET_ATTR_IP] == NULL || tb[IPSET_ATTR_CIDR] == NULL)
		return;
	a = mnl_attr_get_payload(tb[IPSET_ATTR_IP]);
	e.prefix.family = sets[r->id].family;
	e.prefix.plen = mnl_attr_get_u8(tb[IPSET_ATTR_CIDR]);
	memcpy(e.prefix.addr, mnl_attr_get_payload(a),
	    prefix_bits(e.prefix.family) / 8);
	if (sets[r->id].with_port) {
		e.port = ntohs(mnl_attr_get_u16(tb[IPSET_ATTR_PORT]));
		e.proto = mnl_attr_get_u8(tb[IPSET_ATTR_PROTO]);
	}
	e.timeout = nl_be32(tb[IPSET_ATTR_TIMEOUT]);
	r->found(r->id, &e);
}

static int
read_entries(const struct nlmsghdr *h, void *arg)
{
	struct nlattr	*a, *element;

	mnl_attr_for_each(a, h, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(a) != IPSET_ATTR_ADT)
			continue;
		mnl_attr_for_each_nested(element, a)
			read_entry(element, arg);
	}
	return MNL_CB_OK;
}

int
entries_fd(void)
{
	return nl_fd(&dumper);
}

int
entries_dump(enum set_id id)
{
	struct nlmsghdr	*h = nl_begin_nf(&dumper, nl_out, NFNL_SUBSYS_IPSET,
	    IPSET_CMD_LIST, NLM_F_DUMP, sets[id].family);

	mnl_attr_put_u8(h, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL);
	mnl_attr_put_strz(h, IPSET_ATTR_SETNAME, sets[id].name);
	return nl_send(&dumper, h);
}

int
entries_read(enum set_id id, entry_fn found)
{
	struct reading	 r = { id, found };

	return nl_read(&dumper, read_entries, &r);
}
