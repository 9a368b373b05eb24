/*
 * Sets, by libipset.  It is only ever given binary data: its text parser
 * opens files.  Headers are read by libmnl, because libipset 7.17 loses step
 * with the kernel after listing a set that is not there.
 */
#include <sys/socket.h>

#include <libipset/data.h>
#include <libipset/session.h>
#include <libipset/types.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "nl.h"
#include "sets.h"

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
		strlcpy(error, text != NULL && *text != '\0' ? text :
		    "the kernel does not know this type", sizeof(error));
		error[strcspn(error, "\n")] = '\0';
	}
	ipset_session_report_reset(session);
	ipset_data_reset(ipset_session_data(session));
	return result < 0 ? -1 : 0;
}

const char *
sets_error(void)
{
	return error;
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
sets_open(void (*done)(int, const struct entry *, int),
    void (*missing)(enum set_id))
{
	enum set_id	i;

	ipset_load_types();
	if ((session = ipset_session_init(no_output, NULL)) == NULL ||
	    nl_open(&reader, NETLINK_NETFILTER, 0, NULL) == -1 ||
	    entries_open(done, missing) == -1)
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
	int			 i, n = 0;

	for (i = 0; i < 2 * SET_MAX; i++)
		n |= snprintf(i < SET_MAX ? sets[i].name :
		    sets[i - SET_MAX].temp, SET_NAME_LEN, "refract%d%s%s%s",
		    i % 2 == 0 ? 4 : 6, kinds[i / 2], *instance == '\0' ? "" :
		    "-", instance) >= SET_NAME_LEN;
	return n ? -1 : 0;
}

enum set_id
sets_which(const struct prefix *p, int with_port)
{
	return (with_port ? SET_PORT4 : SET_NET4) + (p->family == AF_INET6);
}

static int
create(enum set_id id, const char *name, uint32_t maxelem)
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

/* Destroy one, or swap two. */
static int
command(enum ipset_cmd cmd, const char *name, const char *other)
{
	ipset_session_data_set(session, IPSET_SETNAME, name);
	if (other != NULL)
		ipset_session_data_set(session, IPSET_OPT_SETNAME2, other);
	return outcome(ipset_cmd(session, cmd, 0));
}

static int
read_header(const struct nlmsghdr *nlh, void *arg)
{
	struct set_header	*h = arg;
	const struct nlattr	*type, *family;

#define HEADER(...)							\
	nl_get(nlh, NL_NF, NL_PATH(__VA_ARGS__))
	h->maxelem = nl_be32(HEADER(IPSET_ATTR_DATA, IPSET_ATTR_MAXELEM));
	h->refs = nl_be32(HEADER(IPSET_ATTR_DATA, IPSET_ATTR_REFERENCES));
	h->elements = nl_be32(HEADER(IPSET_ATTR_DATA, IPSET_ATTR_ELEMENTS));
	type = HEADER(IPSET_ATTR_TYPENAME);
	family = HEADER(IPSET_ATTR_FAMILY);
	h->fits = type != NULL && family != NULL &&
	    HEADER(IPSET_ATTR_DATA, IPSET_ATTR_TIMEOUT) != NULL &&
	    strcmp(mnl_attr_get_str(type), sets[h->fits].type) == 0 &&
	    mnl_attr_get_u8(family) == sets[h->fits].family;
	return MNL_CB_OK;
}

int
sets_header(enum set_id id, const char *name, struct set_header *h)
{
	struct nlmsghdr	*nlh;

	*h = (struct set_header){ .fits = id };
	nlh = nl_begin(&reader, NL_TYPE(IPSET, IPSET_CMD_LIST),
	    NLM_F_DUMP, sets[id].family, NL_NF);
	mnl_attr_put_u8(nlh, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL);
	mnl_attr_put_strz(nlh, IPSET_ATTR_SETNAME, name);
	mnl_attr_put_u32(nlh, IPSET_ATTR_FLAGS, htonl(IPSET_FLAG_LIST_HEADER));
	return nl_ask(&reader, nlh, read_header, h);
}

int
sets_stand(enum set_id id, uint32_t maxelem)
{
	struct set_header	h;

	if (sets_header(id, sets[id].name, &h) == -1)
		return create(id, sets[id].name, maxelem) == -1 ? -1 : 1;
	/* A stranger of our name goes, unless a rule holds it. */
	if (!h.fits && (command(IPSET_CMD_DESTROY, sets[id].name, NULL) == -1 ||
	    create(id, sets[id].name, maxelem) == -1))
		return -1;
	return !h.fits;
}

int
sets_exchange(enum set_id id, uint32_t maxelem, const struct entry *list,
    size_t n)
{
	const char	*temp = sets[id].temp;
	size_t		 done;
	int		 r;

	command(IPSET_CMD_DESTROY, temp, NULL);
	r = create(id, temp, maxelem) == -1 ||
	    entries_send(id, temp, 1, list, n, &done) == -1 ||
	    sets_stand(id, maxelem) == -1 ||
	    command(IPSET_CMD_SWAP, temp, sets[id].name) == -1;
	command(IPSET_CMD_DESTROY, temp, NULL);
	return r ? -1 : 0;
}

int
sets_destroy(void)
{
	struct set_header	h;
	const char		*name;
	mono_t			start = mono_now();
	int			i, total = 0;

	/* -T gives a configuration only if there is an instance to name. */
	if (*sets[0].name == '\0')
		sets_name("");
	for (i = 0; i <= 2 * SET_MAX; i++) {
		name = i < SET_MAX ? sets[i].name : i < 2 * SET_MAX ?
		    sets[i - SET_MAX].temp : "refract_banned_users";
		if (sets_header(SET_NET4, name, &h) == -1)
			continue;
		while (command(IPSET_CMD_DESTROY, name, NULL) == -1) {
			if (mono_since(start, mono_now()) > LET_GO)
				return -1;
			poll(NULL, 0, 10);
		}
		total++;
	}
	return total;
}
