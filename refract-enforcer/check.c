/*
 * refract-enforcer -n: what the enforcer and the rules will do is done once,
 * in a network namespace that ends with this process.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sched.h>
#include <string.h>

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

/* Ask for all there is; in a new namespace that is nothing. */
static void
check_dump(const char *feature, int bus, int type, size_t size)
{
	static struct nl	nl;

	if (nl_open(&nl, bus, 0, NULL) == -1 || nl_ask(&nl, nl_begin(&nl, type,
	    NLM_F_DUMP, 0, size), NULL, NULL) == -1)
		lacks(0, feature, strerror(errno));
}

int
check_main(void)
{
	struct msg_rules m = { 0 };
	struct entry	 e = { .port = 443, .proto = 6, .timeout = 60 };
	char		 text[TEXT_LEN];
	size_t		 done;
	int		 id;

	if (unshare(CLONE_NEWNET) == -1) {
		lacks(1, "network namespaces", strerror(errno));
		return 1;
	}
	if (sets_open(NULL, NULL) == -1 || sets_name("") == -1)
		lacks(1, "ipset", sets_error());
	for (id = 0; missing == 0 && id < SET_MAX; id++) {
		prefix_parse(&e.prefix, id % 2 ? "2001:db8::/64" : "192.0.2.1");
		if (sets_stand(id, SET_ROOM) == -1)
			lacks(1, sets[id].type, sets_error());
		else if (entries_send(id, sets[id].name, 1, &e, 1, &done) == -1)
			lacks(1, sets[id].type, strerror(errno));
	}
	check_dump("sock_diag", NETLINK_SOCK_DIAG, TCPDIAG_GETSOCK,
	    sizeof(struct inet_diag_req));
	check_dump("conntrack", NETLINK_NETFILTER, NL_TYPE(CTNETLINK,
	    IPCTNL_MSG_CT_GET), NL_NF);
	for (; m.action <= ACTION_REJECT; m.action++) {
		if (rules_change(&m, 1, text) == -1 ||
		    rules_change(&m, 0, text) == -1)
			lacks(1, "rules", text);
		else if (*text != '\0')
			missing |= 0;	/* said already */
	}
	return missing;
}
