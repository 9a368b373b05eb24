/*
 * See control_resolve.h.  One entry a name, whoever uses it; a question for A
 * and one for AAAA at the same time, by libevent's evdns over UDP.
 */
#include <sys/queue.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/dns.h>
#include <event2/event.h>

#include "args.h"
#include "channel.h"
#include "child.h"
#include "conf.h"
#include "control_monitor.h"
#include "control_resolve.h"
#include "log.h"
#include "msg.h"
#include "timer.h"

#define DNS_PORT	53

struct name;

/* A question under way; its answer comes even if the name has gone. */
struct question {
	struct name		*name;		/* NULL: nobody asks any more */
	int			 family;
	struct evdns_request	*req;
};

struct name {
	TAILQ_ENTRY(name)	 entry;
	char			 host[MUX_HOST_LEN];
	span_t			 ttl_min, ttl_max;
	int			 used;
	struct event		*timer;		/* asks again */
	struct question		*asked[2];	/* NULL: no answer is due */
	struct answer		 got[2];	/* of this round */
	struct answer		 kept[2];	/* what is believed */
	struct prefix		 addrs[MUX_RESOLVED_MAX];	/* told */
	unsigned int		 n;
	enum verdict		 said;		/* to the operator */
};

struct host {
	TAILQ_ENTRY(host)	 entry;
	struct msg_host		 m;
};

TAILQ_HEAD(names, name);
TAILQ_HEAD(hosts, host);

static struct names		 names = TAILQ_HEAD_INITIALIZER(names);
static struct hosts		 hosts = TAILQ_HEAD_INITIALIZER(hosts);
static struct hosts		 coming = TAILQ_HEAD_INITIALIZER(coming);
static struct event_base	*base;
static struct evdns_base	*dns;
static struct msg_resolver	 servers;
static int			 have_servers;

static void	ask(struct name *);

void
resolve_init(struct event_base *b)
{
	base = b;
}

/* --- Telling ------------------------------------------------------------- */

static void
tell_member(struct channel *ch, uint32_t slot, const struct name *n)
{
	struct msg_mux_resolved	m;

	memset(&m, 0, sizeof(m));
	m.member = slot;
	m.n = n->n;
	memcpy(m.addrs, n->addrs, n->n * sizeof(*m.addrs));
	channel_send(ch, M_MUX_RESOLVED, 0, &m, sizeof(m));
}

static struct name *
name_find(const char *host)
{
	struct name	*n;

	TAILQ_FOREACH(n, &names, entry)
		if (strcasecmp(n->host, host) == 0)
			break;
	return n;
}

/* Of this name (NULL: of all) to this worker. */
static void
tell(struct channel *ch, const struct name *only)
{
	struct conf_pool	*p;
	struct conf_member	*m;
	struct name		*n;

	if (ch == NULL || child_conf() == NULL)
		return;
	TAILQ_FOREACH(p, &child_conf()->mux.pools, entry)
		TAILQ_FOREACH(m, &p->members, entry)
			if (m->w.kind == MEMBER_NAME &&
			    (n = name_find(m->w.name)) != NULL &&
			    (only == NULL || n == only))
				tell_member(ch, m->w.slot, n);
}

static void
tell_all(const struct name *only)
{
	unsigned int	i;

	for (i = 0; i < MUX_WORKERS_MAX; i++)
		tell(child_worker(i), only);
}

void
resolve_tell(struct channel *ch)
{
	tell(ch, NULL);
}

unsigned int
resolve_addrs(const struct wire_member *w, const struct prefix **list)
{
	const struct name	*n;

	if (w->kind != MEMBER_NAME || (n = name_find(w->name)) == NULL)
		return 0;
	*list = n->addrs;
	return n->n;
}

static void
say(const char *text, int bad)
{
	struct wire_notice	m;

	if (bad)
		log_warnx("%s", text);
	else
		log_notice("%s", text);
	memset(&m, 0, sizeof(m));
	m.at = wall_now();
	m.kind = NOTICE_MUX;
	strlcpy(m.text, text, sizeof(m.text));
	monitor_notice(&m);
}

/* Once when it begins and once when it is over. */
static void
say_verdict(struct name *n, enum verdict v, int error)
{
	char	text[TEXT_LEN];

	if (n->said == v)
		return;
	switch (v) {
	case ANSWER_GOOD:
		snprintf(text, sizeof(text), "name %s: resolved again",
		    n->host);
		break;
	case ANSWER_NONE:
		snprintf(text, sizeof(text), "name %s: there is no such name, "
		    "or it has no address", n->host);
		break;
	case ANSWER_FAILED:
		snprintf(text, sizeof(text), "name %s: %s%s", n->host,
		    have_servers && servers.n == 0 ? "there is no name server"
		    : evdns_err_to_string(error), n->n > 0 ?
		    ": the last answer is kept" : "");
		break;
	}
	n->said = v;
	say(text, v != ANSWER_GOOD);
}

/* --- A round of questions ------------------------------------------------ */

static void
use(struct name *n, const struct prefix *list, unsigned int count)
{
	char		text[TEXT_LEN], addr[PREFIX_STRLEN];
	unsigned int	i;

	if (count == n->n && memcmp(list, n->addrs, count * sizeof(*list)) ==
	    0)
		return;
	memcpy(n->addrs, list, count * sizeof(*list));
	n->n = count;
	text[0] = '\0';
	for (i = 0; i < count; i++) {
		strlcat(text, i == 0 ? "" : ", ", sizeof(text));
		strlcat(text, prefix_print(&list[i], addr), sizeof(text));
	}
	log_info("name %s: %s", n->host, count == 0 ? "no address" : text);
	tell_all(n);
}

static span_t
clamp(const struct name *n, span_t ttl)
{
	if (ttl < n->ttl_min)
		ttl = n->ttl_min;
	if (ttl > n->ttl_max)
		ttl = n->ttl_max;
	return ttl < 1000 ? 1000 : ttl;
}

/* When to ask again. */
static span_t
next_time(const struct name *n)
{
	span_t	ttl = SPAN_FOREVER;
	int	i, failed = 0;

	for (i = 0; i < 2; i++) {
		if (n->got[i].verdict == ANSWER_GOOD && n->got[i].ttl < ttl)
			ttl = n->got[i].ttl;
		failed |= n->got[i].verdict == ANSWER_FAILED;
	}
	if (ttl == SPAN_FOREVER)
		return failed ? RESOLVE_FAILED_MS : RESOLVE_NONE_MS;
	ttl = clamp(n, ttl);
	return failed && ttl > RESOLVE_FAILED_MS ? RESOLVE_FAILED_MS : ttl;
}

static void
round_over(struct name *n, int error)
{
	struct prefix	list[MUX_RESOLVED_MAX];
	unsigned int	count;
	enum verdict	v = ANSWER_NONE;
	int		i;

	for (i = 0; i < 2; i++)
		if (n->got[i].verdict != ANSWER_FAILED)
			n->kept[i] = n->got[i];
	if (n->got[0].verdict == ANSWER_GOOD ||
	    n->got[1].verdict == ANSWER_GOOD)
		v = ANSWER_GOOD;
	else if (n->got[0].verdict == ANSWER_FAILED ||
	    n->got[1].verdict == ANSWER_FAILED)
		v = ANSWER_FAILED;
	say_verdict(n, v, error);
	count = answers_join(list, &n->kept[0], &n->kept[1]);
	use(n, list, count);
	timer_set(n->timer, next_time(n));
}

static void
answered(struct name *n, int which, int error)
{
	free(n->asked[which]);
	n->asked[which] = NULL;
	if (n->asked[!which] == NULL)
		round_over(n, error);
}

static void
on_answer(int result, char type, int count, int ttl, void *list, void *arg)
{
	struct question	*q = arg;
	struct name	*n = q->name;
	int		 which = q->family == AF_INET6;

	if (n == NULL) {
		free(q);
		return;
	}
	answer_read(&n->got[which], q->family, result, type, count, ttl,
	    list);
	answered(n, which, result);
}

static void
ask_one(struct name *n, int which)
{
	struct question	*q;

	memset(&n->got[which], 0, sizeof(n->got[which]));
	n->got[which].verdict = ANSWER_FAILED;
	if ((q = calloc(1, sizeof(*q))) == NULL)
		fatal("name %s", n->host);
	q->name = n;
	q->family = which == 0 ? AF_INET : AF_INET6;
	n->asked[which] = q;
	q->req = which == 0 ?
	    evdns_base_resolve_ipv4(dns, n->host, 0, on_answer, q) :
	    evdns_base_resolve_ipv6(dns, n->host, 0, on_answer, q);
	if (q->req == NULL)
		answered(n, which, DNS_ERR_UNKNOWN);
}

static void
forget_questions(struct name *n)
{
	struct question	*q;
	int		 i;

	for (i = 0; i < 2; i++) {
		if ((q = n->asked[i]) == NULL)
			continue;
		n->asked[i] = NULL;
		q->name = NULL;
		evdns_cancel_request(dns, q->req);
	}
}

/* /etc/hosts comes first, as for everybody on this host. */
static int
ask_hosts(struct name *n)
{
	struct host	*h;

	TAILQ_FOREACH(h, &hosts, entry)
		if (strcasecmp(h->m.name, n->host) == 0)
			break;
	if (h == NULL)
		return 0;
	memset(n->kept, 0, sizeof(n->kept));
	n->said = ANSWER_GOOD;
	use(n, h->m.addrs, h->m.n);
	return 1;
}

static void
ask(struct name *n)
{
	event_del(n->timer);
	forget_questions(n);
	if (!have_servers || ask_hosts(n))
		return;
	if (servers.n == 0 || dns == NULL) {
		n->got[0].verdict = n->got[1].verdict = ANSWER_FAILED;
		round_over(n, DNS_ERR_SHUTDOWN);
		return;
	}
	/* The second may be answered before we are back. */
	ask_one(n, 0);
	ask_one(n, 1);
}

static void
on_timer(EVENT_ARGS)
{
	ask(arg);
}

/* --- Who is asked -------------------------------------------------------- */

void
resolve_host(const struct msg_host *m)
{
	struct host	*h;

	if ((h = malloc(sizeof(*h))) == NULL)
		fatal("hosts");
	h->m = *m;
	TAILQ_INSERT_TAIL(&coming, h, entry);
}

static void
add_server(const struct prefix *p)
{
	struct sockaddr_storage	ss;
	char			addr[PREFIX_STRLEN];
	socklen_t		len = addr_to_sockaddr(p, DNS_PORT, &ss);

	if (evdns_base_nameserver_sockaddr_add(dns, (struct sockaddr *)&ss,
	    len, 0) != 0)
		log_warnx("name server %s: not usable",
		    prefix_print(p, addr));
}

static void
add_search(void)
{
	char	 list[SEARCH_LEN], *p = list, *domain;

	evdns_base_search_clear(dns);
	strlcpy(list, servers.search, sizeof(list));
	while ((domain = strsep(&p, " ")) != NULL)
		if (*domain != '\0')
			evdns_base_search_add(dns, domain);
	evdns_base_search_ndots_set(dns, (int)servers.ndots);
}

/*
 * A name server that does not answer is asked again with the next question,
 * and the others are asked at once: evdns' own way of probing a dead one would
 * ask the world for a name that is none of our business.
 */
static void
set_options(void)
{
	static const char *const	options[][2] = {
		{ "timeout:", "2" }, { "attempts:", "4" },
		{ "max-timeouts:", "255" }, { "randomize-case:", "1" }
	};
	size_t				i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		evdns_base_set_option(dns, options[i][0], options[i][1]);
}

/* libevent's own words: what they mean for a name is said where it fails. */
static void
on_log(int warning, const char *text)
{
	(void)warning;
	log_debug("resolver: %s", log_vis(text, strlen(text)));
}

static void
ask_servers(void)
{
	unsigned int	i;

	evdns_set_log_fn(on_log);
	if (dns == NULL && (dns = evdns_base_new(base, 0)) == NULL)
		fatalx("resolver: out of memory");
	evdns_base_clear_nameservers_and_suspend(dns);
	set_options();
	for (i = 0; i < servers.n; i++)
		add_server(&servers.addrs[i]);
	add_search();
	evdns_base_resume(dns);
}

static void
hosts_clear(struct hosts *list)
{
	struct host	*h;

	while ((h = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, h, entry);
		free(h);
	}
}

void
resolve_servers(const struct msg_resolver *m)
{
	struct name	*n;

	hosts_clear(&hosts);
	TAILQ_CONCAT(&hosts, &coming, entry);
	servers = *m;
	have_servers = 1;
	TAILQ_FOREACH(n, &names, entry)
		forget_questions(n);
	if (!TAILQ_EMPTY(&names) || dns != NULL)
		ask_servers();
	TAILQ_FOREACH(n, &names, entry)
		ask(n);
}

/* --- Which names --------------------------------------------------------- */

static struct name *
name_new(const struct wire_member *w)
{
	struct name	*n;

	if ((n = calloc(1, sizeof(*n))) == NULL ||
	    (n->timer = evtimer_new(base, on_timer, n)) == NULL)
		fatal("name %s", w->name);
	strlcpy(n->host, w->name, sizeof(n->host));
	TAILQ_INSERT_TAIL(&names, n, entry);
	return n;
}

static void
name_free(struct name *n)
{
	forget_questions(n);
	TAILQ_REMOVE(&names, n, entry);
	event_free(n->timer);
	free(n);
}

/* Several members of one name: the shortest of their limits. */
static void
name_use(const struct wire_member *w)
{
	struct name	*n = name_find(w->name);

	if (n == NULL)
		n = name_new(w);
	if (!n->used || w->ttl_min < n->ttl_min)
		n->ttl_min = w->ttl_min;
	if (!n->used || w->ttl_max < n->ttl_max)
		n->ttl_max = w->ttl_max;
	n->used = 1;
}

void
resolve_commit(const struct conf *c)
{
	struct conf_pool	*p;
	struct conf_member	*m;
	struct name		*n, *next;

	TAILQ_FOREACH(n, &names, entry)
		n->used = 0;
	TAILQ_FOREACH(p, &c->mux.pools, entry)
		TAILQ_FOREACH(m, &p->members, entry)
			if (m->w.kind == MEMBER_NAME)
				name_use(&m->w);
	TAILQ_FOREACH_SAFE(n, &names, entry, next)
		if (!n->used)
			name_free(n);
	if (dns == NULL && have_servers && !TAILQ_EMPTY(&names))
		ask_servers();
	TAILQ_FOREACH(n, &names, entry)
		if (n->asked[0] == NULL && n->asked[1] == NULL &&
		    !evtimer_pending(n->timer, NULL))
			ask(n);
	tell_all(NULL);
}

void
resolve_stop(void)
{
	struct name	*n;

	while ((n = TAILQ_FIRST(&names)) != NULL)
		name_free(n);
}
