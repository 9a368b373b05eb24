/*
 * Sets, by libipset.  It is only ever given binary data: its text parser
 * opens files.  Headers are read by libmnl, because libipset 7.17 loses step
 * with the kernel after listing a set that is not there.
 */
#include <arpa/inet.h>
#include <sys/socket.h>

#include <libipset/data.h>
#include <libipset/session.h>
#include <libipset/types.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "clock.h"
#include "nl.h"
#include "sets.h"

/* The set of the Go program that came before. */
#define ORIGINAL_SET	"refract_banned_users"
#define LET_GO		1000	/* ms until a removed rule frees its sets */

struct set	sets[SET_MAX] = {
	{ .type = "hash:net", .family = AF_INET },
	{ .type = "hash:net", .family = AF_INET6 },
	{ .type = "hash:net,port", .family = AF_INET, .with_port = 1 },
	{ .type = "hash:net,port", .family = AF_INET6, .with_port = 1 },
	{ .type = "hash:net", .family = AF_INET },
	{ .type = "hash:net", .family = AF_INET6 }
};

static struct ipset_session	*session;
static struct nl		 reader;
static char			 error[256] = "nfnetlink is missing";

static int
no_output(UNUSED struct ipset_session *s, UNUSED void *arg,
    UNUSED const char *fmt, ...)
{
	return 0;
}

/* Keep libipset's words, and start afresh. */
static int
outcome(int result)
{
	const char	*text = ipset_session_report_msg(session);

	if (result < 0) {
		(void)strlcpy(error, text != NULL && *text != '\0' ? text :
		    "the kernel does not know this type", sizeof(error));
		error[strcspn(error, "\n")] = '\0';
	}
	ipset_session_report_reset(session);
	ipset_data_reset(ipset_session_data(session));
	return result < 0 ? -1 : 0;
}

/* Asks the kernel the first time. */
static const struct ipset_type *
find_type(enum set_id id)
{
	ipset_session_data_set(session, IPSET_OPT_TYPENAME, sets[id].type);
	ipset_session_data_set(session, IPSET_OPT_FAMILY, &sets[id].family);
	return ipset_type_get(session, IPSET_CMD_CREATE);
}

int
sets_open(void)
{
	enum set_id	i;

	ipset_load_types();
	if ((session = ipset_session_init(no_output, NULL)) == NULL ||
	    nl_open(&reader, NETLINK_NETFILTER, 0) == -1)
		return -1;
	for (i = 0; i < SET_BANS; i++) {
		if (outcome(find_type(i) == NULL ? -1 : 0) == -1)
			return -1;
	}
	return 0;
}

int
sets_name(const char *instance)
{
	static const char	*kinds[] = { "", "p", "n", "T", "P", "N" };
	const char		*dash = *instance == '\0' ? "" : "-";
	int			 i, n = 0;

	for (i = 0; i < 2 * SET_MAX; i++) {
		n |= snprintf(i < SET_MAX ? sets[i].name :
		    sets[i - SET_MAX].temp, SET_NAME_LEN, "refract%d%s%s%s",
		    i % 2 == 0 ? 4 : 6, kinds[i / 2], dash, instance) >=
		    SET_NAME_LEN;
	}
	return n ? -1 : 0;
}

enum set_id
sets_which(const struct prefix *p, int with_port)
{
	return (with_port ? SET_PORT4 : SET_NET4) + (p->family == AF_INET6);
}

const char *
sets_error(void)
{
	return error;
}

int
sets_create(enum set_id id, const char *name, uint32_t maxelem)
{
	uint32_t		 hashsize = maxelem / 2, timeout = 0;
	const struct ipset_type	*type;

	if ((type = find_type(id)) == NULL)
		return outcome(-1);
	ipset_session_data_set(session, IPSET_SETNAME, name);
	ipset_session_data_set(session, IPSET_OPT_TYPE, type);
	ipset_session_data_set(session, IPSET_OPT_MAXELEM, &maxelem);
	ipset_session_data_set(session, IPSET_OPT_HASHSIZE, &hashsize);
	ipset_session_data_set(session, IPSET_OPT_TIMEOUT, &timeout);
	return outcome(ipset_cmd(session, IPSET_CMD_CREATE, 0));
}

int
sets_swap(const char *a, const char *b)
{
	ipset_session_data_set(session, IPSET_SETNAME, a);
	ipset_session_data_set(session, IPSET_OPT_SETNAME2, b);
	return outcome(ipset_cmd(session, IPSET_CMD_SWAP, 0));
}

int
sets_destroy(const char *name)
{
	ipset_session_data_set(session, IPSET_SETNAME, name);
	return outcome(ipset_cmd(session, IPSET_CMD_DESTROY, 0));
}

static int
read_header(const struct nlmsghdr *nlh, void *arg)
{
	struct set_header	*h = arg;
	const struct set	*s = h->set;
	const struct nlattr	*type, *family;

#define DATA(x)	nl_get(nlh, NL_NF, NL_PATH(IPSET_ATTR_DATA, IPSET_ATTR_##x))
	h->maxelem = nl_be32(DATA(MAXELEM));
	h->refs = nl_be32(DATA(REFERENCES));
	h->elements = nl_be32(DATA(ELEMENTS));
	type = nl_get(nlh, NL_NF, NL_PATH(IPSET_ATTR_TYPENAME));
	family = nl_get(nlh, NL_NF, NL_PATH(IPSET_ATTR_FAMILY));
	h->fits = type != NULL && family != NULL && DATA(TIMEOUT) != NULL &&
	    strcmp(mnl_attr_get_str(type), s->type) == 0 &&
	    mnl_attr_get_u8(family) == s->family;
	return MNL_CB_OK;
}

int
sets_header(enum set_id id, const char *name, struct set_header *h)
{
	struct nlmsghdr	*nlh;

	*h = (struct set_header){ .set = &sets[id] };
	nlh = nl_begin_nf(&reader, nl_out, NFNL_SUBSYS_IPSET, IPSET_CMD_LIST,
	    NLM_F_DUMP, sets[id].family);
	mnl_attr_put_u8(nlh, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL);
	mnl_attr_put_strz(nlh, IPSET_ATTR_SETNAME, name);
	mnl_attr_put_u32(nlh, IPSET_ATTR_FLAGS, htonl(IPSET_FLAG_LIST_HEADER));
	return nl_ask(&reader, nlh, read_header, h);
}

int
sets_stand(enum set_id id, uint32_t maxelem)
{
	struct set_header	h;

	if (sets_header(id, sets[id].name, &h) == 0) {
		if (h.fits)
			return 0;
		/* A stranger of our name: goes, unless a rule holds it. */
		if (sets_destroy(sets[id].name) == -1)
			return -1;
	}
	return sets_create(id, sets[id].name, maxelem) == -1 ? -1 : 1;
}

static int
destroy(const char *name)
{
	struct set_header	h;
	mono_t			start = mono_now();

	if (sets_header(SET_NET4, name, &h) == -1)
		return 0;
	while (sets_destroy(name) == -1) {
		if (mono_since(start, mono_now()) > LET_GO)
			return -1;
		(void)poll(NULL, 0, 10);
	}
	return 1;
}

int
sets_destroy_all(void)
{
	int		n, total = 0, failed = 0;
	enum set_id	i;

	for (i = 0; i < SET_MAX; i++) {
		failed |= (n = destroy(sets[i].name)) == -1;
		total += n == 1;
		failed |= destroy(sets[i].temp) == -1;
	}
	failed |= (n = destroy(ORIGINAL_SET)) == -1;
	return failed ? -1 : total + (n == 1);
}
