/*
 * Everything the enforcer and the rules will do is done once, in a network
 * namespace that ends with this process.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/inet_diag.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "check.h"
#include "entries.h"
#include "log.h"
#include "nl.h"
#include "rules.h"

static int	missing;

static void
lacks(int needed, const char *feature, const char *why)
{
	log_warnx("%s: %s: %s", needed ? "missing" : "notice", feature, why);
	missing |= needed;
}

static void
check_sets(void)
{
	static const char *const prefixes[] = { "192.0.2.1", "2001:db8::/64" };
	struct entry	e = { .port = 443, .proto = 6, .timeout = 60 };
	enum set_id	id;
	size_t		done;

	for (id = 0; id < SET_MAX; id++) {
		(void)prefix_parse(&e.prefix, prefixes[id % 2]);
		if (sets_stand(id, 1024) == -1)
			lacks(1, sets[id].type, sets_error());
		else if (entries_send(id, sets[id].name, 1, &e, 1, &done) == -1)
			lacks(1, sets[id].type, strerror(errno));
	}
}

/* Ask for all there is; in a new namespace that is nothing. */
static void
check_dump(const char *feature, int bus, int nf, int type, size_t size)
{
	struct nl	 nl;
	struct nlmsghdr	*h;

	if (nl_open(&nl, bus, 0) == -1) {
		lacks(0, feature, strerror(errno));
		return;
	}
	h = nf ? nl_begin_nf(&nl, nl_out, nf, type, NLM_F_DUMP, 0) :
	    nl_begin(&nl, nl_out, type, NLM_F_DUMP);
	if (size > 0)
		(void)mnl_nlmsg_put_extra_header(h, size);
	if (nl_ask(&nl, h, NULL, NULL) == -1)
		lacks(0, feature, strerror(errno));
}

int
check_main(void)
{
	struct msg_rules	rules = { 0 };
	char			text[TEXT_LEN];

	if (unshare(CLONE_NEWNET) == -1) {
		lacks(1, "network namespaces", strerror(errno));
		return 1;
	}
	if (sets_open() == -1 || sets_name("") == -1)
		lacks(1, "ipset", sets_error());
	else if (entries_open(NULL, NULL) == -1)
		lacks(1, "nfnetlink", strerror(errno));
	else
		check_sets();
	check_dump("sock_diag", NETLINK_SOCK_DIAG, 0, TCPDIAG_GETSOCK,
	    sizeof(struct inet_diag_req));
	check_dump("conntrack", NETLINK_NETFILTER, NFNL_SUBSYS_CTNETLINK,
	    IPCTNL_MSG_CT_GET, 0);
	for (rules.action = ACTION_DROP; rules.action <= ACTION_REJECT;
	    rules.action++) {
		if (rules_install(&rules, text) == -1 ||
		    rules_remove(&rules, text) == -1)
			lacks(1, rules.action == ACTION_DROP ?
			    "iptables (drop)" : "iptables (reject)", text);
		else if (*text != '\0')
			lacks(0, "ip6tables", text);
	}
	return missing;
}
