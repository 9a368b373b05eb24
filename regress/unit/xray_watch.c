/* LINK: refract-parser/watch.o refract-parser/decide.o */
/* LINK: refract-parser/decided.o */
/* LINK: refract-parser/checkpoint.o refract-parser/resume.o */
/* LINK: refract-parser/warn.o refract-parser/show.o refract-parser/rule.o */
/* LINK: refract-parser/users.o refract-parser/slab.o */
/* LINK: refract-parser/siphash.o refract-parser/logtime.o */
/* LINK: refract-parser/zone.o refract-parser/text.o refract-parser/xray.o */
/* LINK: refract-parser/access.o refract-parser/line.o */
/* LINK: refract-parser/line_new.o refract-parser/count.o */
/* LINK: refract-parser/evidence.o refract-parser/grow.o */
/* LINK: refract-parser/fail.o refract-parser/fail_pending.o */
/* LINK: refract-parser/fail_window.o refract-parser/json.o */
/* LINK: refract-parser/pattern.o refract-parser/literal.o */
/* LINK: refract-parser/litset.o refract-parser/finder.o */
/* LINK: refract-parser/date.o refract-parser/datefield.o */
/* LINK: refract-parser/dateform.o refract-parser/datemoment.o */
/* LINK: refract-parser/dateform_name.o */
/* LINK: refract-parser/datepattern.o */
/* LINK: refract-parser/trace.o */
/* LIBS: -lpcre2-8 */
/*
 * From a line to what is sent: bans, decisions, notices, answers.  The
 * channels are arrays here; the rest is what the parser really runs.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include <cmocka.h>
#include <event2/event.h>

#include "checkpoint.h"
#include "child.h"
#include "counter.h"
#include "decide.h"
#include "log.h"
#include "resume.h"
#include "stream.h"
#include "show.h"
#include "users.h"
#include "watch.h"

#define SENT_MAX	20000
#define NOW		1769792618000LL		/* 2026/01/30 17:03:38 UTC */

/* What the parser links and this test plays. */
struct channel {
	enum role	 role;
};

static struct channel		 enforcer = { ROLE_ENFORCER };
static struct channel		 control = { ROLE_CONTROL };
static struct channel		 ledger = { ROLE_LEDGER };
static int			 no_ledger;
static struct wire_ban		 bans[SENT_MAX];
static struct msg_decision	*decisions;
static struct wire_notice	 notices[64];
static unsigned int		 nbans, ndecisions, nnotices, nends;
static unsigned int		 resumed, sent_then;
static uint64_t			 checkpoint, committed;
static char			 rows[64][2048];
static unsigned int		 nrows;
static struct msg_show		 show_end;
static struct msg_outcome	 outcome;
static struct event_base	*base;
static struct conf		*conf;
static struct conf_watch	*cw;
static struct watch		*w;
static uint64_t			 offset;
static wall_t			 now;
static int			 live, stopped;

#define STATES_MAX	64
static struct {
	struct wire_state	head;
	struct wire_sighting	list[STATE_SIGHTINGS];
}				 states[STATES_MAX];
static size_t			 state_len[STATES_MAX];
static struct msg_stats		 stats;
static unsigned int		 nstates, nclears, ncuts, npositions, nresumes;
static int			 went;

struct channel *
child_channel(enum role role, int bulk)
{
	switch (role) {
	case ROLE_ENFORCER:
		return &enforcer;
	case ROLE_CONTROL:
		return &control;
	case ROLE_LEDGER:
		return bulk && !no_ledger ? &ledger : NULL;
	default:
		return NULL;
	}
}

enum role
channel_peer(const struct channel *ch)
{
	(void)ch;
	return ROLE_CONTROL;
}

void
channel_send(struct channel *ch, uint32_t type, uint32_t id, const void *data,
    size_t len)
{
	(void)id;
	switch (type) {
	case M_BAN:
		assert_ptr_equal(ch, &enforcer);
		assert_int_equal(len, sizeof(bans[0]));
		memcpy(&bans[nbans++ % SENT_MAX], data, len);
		break;
	case M_CHECKPOINT:
		assert_ptr_equal(ch, &ledger);
		memcpy(&checkpoint, data, sizeof(checkpoint));
		break;
	case M_DECISION:
		memcpy(&decisions[ndecisions++], data, len);
		break;
	case M_CHECKPOINT_END:
		assert_memory_equal(data, &checkpoint, sizeof(checkpoint));
		nends++;
		break;
	case M_STATE_CLEAR:
		nclears++;
		break;
	case M_CUT:
		ncuts++;
		break;
	case M_STATE:
		assert_true(len <= sizeof(states[0]));
		assert_true(nstates < STATES_MAX);
		memcpy(&states[nstates], data, len);
		state_len[nstates++] = len;
		break;
	case M_WATCH_STATS:
		memcpy(&stats, data, len);
		break;
	case M_POSITION:
		npositions++;
		break;
	case M_RESUME:
		nresumes++;
		break;
	case M_NOTICE:
		assert_ptr_equal(ch, &control);
		memcpy(&notices[nnotices++ % 64], data, len);
		break;
	case M_SHOW_END:
		memcpy(&show_end, data, len);
		break;
	case M_RESULT:
		memcpy(&outcome, data, len);
		break;
	default:
		assert_int_equal(type, M_COUNTERS);
		break;
	}
}

void
channel_send2(struct channel *ch, uint32_t type, uint32_t id, const void *a,
    size_t alen, const void *b, size_t blen)
{
	(void)ch;
	(void)id;
	(void)a;
	(void)alen;
	assert_int_equal(type, M_ROW);
	assert_true(blen <= sizeof(rows[0]));
	memcpy(rows[nrows++ % 64], b, blen);
}

uint64_t
block_identity(const struct block *b)
{
	(void)b;
	return 77;
}

const char *
block_name(const struct block *b)
{
	(void)b;
	return "/var/log/xray/access.log";
}

stamp_t
file_last(const struct file *f)
{
	(void)f;
	return 0;
}

unsigned int
follow_count(void)
{
	return 1;
}

unsigned int
follow_count_source(uint32_t source)
{
	(void)source;
	return 1;
}

void
follow_resume(void)
{
	resumed++;
	sent_then = ndecisions;
}

void
follow_hold(void)
{
}

void
follow_go(void)
{
	went = 1;
}

void
follow_boot(const char *id)
{
	(void)id;
}

void
follow_position(const struct msg_position *p)
{
	(void)p;
}

void
follow_positions(int all, void (*fn)(const struct msg_position *))
{
	struct msg_position	p = { .offset = offset };

	(void)all;
	fn(&p);
}

unsigned int
stream_count_source(uint32_t source)
{
	(void)source;
	return 0;
}

void
stream_resume(void)
{
}

void
stream_hold(void)
{
}

void
stream_go(void)
{
}

void
stream_position(const struct msg_position *p)
{
	(void)p;
}

void
stream_positions(int all, void (*fn)(const struct msg_position *))
{
	(void)all;
	(void)fn;
}

size_t
channel_queued(const struct channel *ch)
{
	(void)ch;
	return 0;
}

int
channel_full(const struct channel *ch)
{
	(void)ch;
	return 0;
}

int
channel_drain(struct channel *ch, int ms)
{
	(void)ch;
	(void)ms;
	return 0;
}

void
channel_cork(struct channel *ch)
{
	(void)ch;
}

void
channel_uncork(struct channel *ch)
{
	(void)ch;
}

static void
commit(void)
{
	char	why[TEXT_LEN];

	if (watch_prepare(conf, why) == -1)
		fail_msg("%s", why);
	watch_commit(conf);
	w = TAILQ_FIRST(&watches);
}

static struct conf *
new_conf(struct conf_watch **watch)
{
	struct conf		*c = conf_new();
	struct conf_source	*s = calloc(1, sizeof(*s));

	assert_non_null(s);
	c->generation = 1;
	*watch = conf_watch_new();
	strlcpy((*watch)->w.name, "xray", sizeof((*watch)->w.name));
	(*watch)->w.hash = watch_hash("xray");
	strlcpy((*watch)->w.zone, "UTC", sizeof((*watch)->w.zone));
	s->w.id = 5;
	strlcpy(s->w.path, "/var/log/xray/access.log", sizeof(s->w.path));
	TAILQ_INSERT_TAIL(&(*watch)->sources, s, entry);
	TAILQ_INSERT_TAIL(&c->watches, *watch, entry);
	return c;
}

static int
setup(void **state)
{
	(void)state;
	assert_int_equal(users_init(10000), 0);
	base = event_base_new();
	decide_init();
	checkpoint_init(base);
	decisions = calloc(SENT_MAX, sizeof(*decisions));
	assert_non_null(decisions);
	checkpoint = committed = 0;
	nbans = ndecisions = nnotices = nends = nrows = resumed = sent_then = 0;
	nstates = nclears = ncuts = npositions = nresumes = 0;
	went = 0;
	no_ledger = 0;
	offset = 0;
	now = NOW;
	live = 1;
	conf = new_conf(&cw);
	return 0;
}

static int
teardown(void **state)
{
	struct conf	*old = conf;

	(void)state;
	decide_clear();
	checkpoint_clear();
	conf = conf_new();
	watch_commit(conf);		/* no watches */
	conf_free(old);
	conf_free(conf);
	users_clear();
	event_base_free(base);
	free(decisions);
	return 0;
}

static void
give(const char *text)
{
	struct block	b = {
		.p = text, .n = strlen(text), .offset = offset,
		.live_from = live ? 0 : UINT64_MAX, .now = now
	};

	watch_lines(w, &b);
	offset += b.n;
}

/* A line of now + ms. */
static void
seen(const char *user, const char *from, int64_t ms)
{
	char		text[512], date[40];
	struct tm	tm;
	time_t		t = (NOW + ms) / 1000;

	gmtime_r(&t, &tm);
	strftime(date, sizeof(date), "%Y/%m/%d %H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03d000 from %s accepted tcp:h:443 "
	    "[IN >> direct] email: %s\n", date, (int)((NOW + ms) % 1000), from,
	    user);
	if (live)
		now = NOW + ms;
	give(text);
}

/* The ledger commits, and what waited for it goes, until nothing does. */
static void
settle(void)
{
	mono_t	start;
	int	n;

	do {
		while (committed < checkpoint)
			checkpoint_committed(++committed);
		start = mono_now();
		for (n = 0; n < 100 || mono_since(start, mono_now()) < 300;
		    n++) {
			event_base_loop(base, EVLOOP_NONBLOCK);
			usleep(1000);
		}
	} while (committed < checkpoint);
}

static void
test_ban(void **state)
{
	struct wire_ban	*b = &bans[0];
	char		 text[PREFIX_STRLEN];

	(void)state;
	commit();
	seen("bob", "203.0.113.9:5678", 0);
	assert_int_equal(nbans, 0);
	seen("bob", "203.0.113.10:5679", 100);
	assert_int_equal(nbans, 1);
	assert_string_equal(prefix_print(&b->prefix, text), "203.0.113.10");
	assert_string_equal(prefix_print(&b->offender, text), "203.0.113.10");
	assert_int_equal(b->peer_port, 5679);
	assert_int_equal(b->proto, IPPROTO_TCP);
	assert_int_equal(b->port, 443);
	assert_int_equal(b->start, NOW + 100);
	assert_int_equal(b->end, NOW + 60100);
	assert_string_equal(b->subject, "bob");
	assert_int_equal(b->id.watch, watch_hash("xray"));
	assert_int_equal(b->id.file, 77);
	assert_int_equal(b->id.offset, offset);
	assert_int_equal(b->id.part, 0);
	assert_int_equal(nnotices, 1);
	assert_int_equal(notices[0].kind, NOTICE_OFFENCE);
	assert_non_null(strstr(notices[0].text, "203.0.113.10"));
	assert_non_null(strstr(notices[0].text, "bob"));
	settle();
	assert_int_equal(ndecisions, 1);
	assert_memory_equal(&decisions[0].ban.id, &b->id, sizeof(b->id));
	assert_int_equal(decisions[0].nports, 1);
	assert_string_equal(decisions[0].watch, "xray");
	assert_non_null(strstr(decisions[0].evidence, "email: bob"));
	assert_int_equal(w->stats.offences, 1);
	assert_int_equal(w->stats.matches, 2);
	assert_int_equal(w->stats.lines, 2);
}

static void
test_prefix_and_ports(void **state)
{
	char	text[PREFIX_STRLEN];

	(void)state;
	cw->w.nports = 2;
	cw->w.ports[1] = (struct wire_port){ 8443, IPPROTO_UDP, 0 };
	commit();
	seen("bob", "[2001:db8:1::1]:1", 0);
	seen("bob", "[2001:db8:2::7]:2", 1);
	assert_int_equal(nbans, 2);
	assert_string_equal(prefix_print(&bans[0].prefix, text),
	    "2001:db8:2::/64");
	assert_string_equal(prefix_print(&bans[0].offender, text),
	    "2001:db8:2::7");
	assert_int_equal(bans[0].flags, BANF_MORE);
	assert_int_equal(bans[0].port, 443);
	assert_int_equal(bans[1].flags, 0);
	assert_int_equal(bans[1].port, 8443);
	assert_int_equal(bans[1].proto, IPPROTO_UDP);
	assert_memory_equal(&bans[0].id, &bans[1].id, sizeof(bans[0].id));
	settle();
	assert_int_equal(ndecisions, 1);
	assert_int_equal(decisions[0].nports, 2);
}

static void
test_whole_host_forever(void **state)
{
	(void)state;
	cw->w.nports = 0;
	memset(cw->w.ports, 0, sizeof(cw->w.ports));
	cw->w.ban = SPAN_FOREVER;
	commit();
	seen("bob", "203.0.113.9:1", 0);
	seen("bob", "203.0.113.10:2", 1);
	seen("bob", "203.0.113.10:2", 4000);
	assert_int_equal(nbans, 1);
	assert_int_equal(bans[0].port, 0);
	assert_int_equal(bans[0].proto, 0);
	assert_true(bans[0].end == WALL_FOREVER);
}

/* An offender who goes on is extended twice a period, not with each line. */
static void
test_repeat(void **state)
{
	int64_t	ms;

	(void)state;
	commit();
	for (ms = 0; ms <= 120000; ms += 100) {
		seen("bob", "203.0.113.9:1", ms);
		seen("bob", "203.0.113.10:2", ms + 50);
	}
	assert_int_equal(nbans, 5);
	assert_int_equal(bans[1].start - bans[0].start, 30000);
	settle();
	assert_int_equal(ndecisions, 5);
}

/* Lifted by the operator: the next offence is one again. */
static void
test_forgive(void **state)
{
	struct msg_target	t = { .zero = { 0 } };

	(void)state;
	commit();
	seen("bob", "203.0.113.9:1", 0);
	seen("bob", "203.0.113.10:2", 1);
	seen("bob", "203.0.113.10:2", 2);
	assert_int_equal(nbans, 1);
	assert_int_equal(addr_parse(&t.prefix, "203.0.113.10", 12), 0);
	show_handlers[2].fn(&control, 0, &t, sizeof(t), -1);
	seen("bob", "203.0.113.10:2", 3);
	assert_int_equal(nbans, 2);
	/* The user forgiven: whoever comes first owns the account. */
	memset(&t, 0, sizeof(t));
	strlcpy(t.user, "bob", sizeof(t.user));
	show_handlers[2].fn(&control, 9, &t, sizeof(t), -1);
	assert_int_equal(outcome.code, 0);
	assert_int_equal(outcome.count, 1);
	seen("bob", "203.0.113.10:2", 4);
	assert_int_equal(nbans, 2);
	seen("bob", "203.0.113.9:1", 5);
	assert_int_equal(nbans, 3);
}

/* `oldest`: what is left of the old one's connections is not a new offence. */
static void
test_oldest_dying(void **state)
{
	char	text[PREFIX_STRLEN];

	(void)state;
	cw->w.victim = BAN_OLDEST;
	commit();
	seen("bob", "203.0.113.9:1", 0);
	seen("bob", "203.0.113.10:2", 1);
	assert_string_equal(prefix_print(&bans[0].prefix, text),
	    "203.0.113.9");
	assert_int_equal(bans[0].peer_port, 1);
	seen("bob", "203.0.113.9:1", 2);
	seen("bob", "203.0.113.10:2", 3);
	assert_int_equal(nbans, 1);
	seen("bob", "203.0.113.9:1", 60001);	/* the ban is over */
	seen("bob", "203.0.113.10:1", 60002);
	assert_int_equal(nbans, 2);
}

static void
add_limit(const char *pattern, uint32_t limit)
{
	struct conf_limit	*l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->w.limit = limit;
	strlcpy(l->w.pattern, pattern, sizeof(l->w.pattern));
	TAILQ_INSERT_TAIL(&cw->limits, l, entry);
}

static struct conf_exempt *
add_exempt(uint8_t kind)
{
	struct conf_exempt	*e = calloc(1, sizeof(*e));

	assert_non_null(e);
	e->w.kind = kind;
	TAILQ_INSERT_TAIL(&cw->exempts, e, entry);
	return e;
}

static void
two_addresses(const char *user, unsigned int expected)
{
	nbans = 0;
	seen(user, "203.0.113.9:1", 0);
	seen(user, "203.0.113.10:2", 1);
	if (nbans != expected)
		fail_msg("%s: %u bans, expected %u", user, nbans, expected);
}

static void
test_limits_and_exempts(void **state)
{
	struct conf_exempt	*e;

	(void)state;
	add_limit("family-*", 2);
	add_limit("free*", 0);
	add_limit("free-but", 1);	/* the first that matches wins */
	e = add_exempt(EXEMPT_USER);
	strlcpy(e->w.pattern, "vip?", sizeof(e->w.pattern));
	commit();
	two_addresses("family-smith", 0);
	two_addresses("free", 0);
	two_addresses("free-but", 0);
	two_addresses("vip1", 0);
	two_addresses("bob [x]", 1);
}

static void
test_exempt_prefix(void **state)
{
	struct conf_exempt	*e;

	(void)state;
	e = add_exempt(EXEMPT_PREFIX);
	assert_int_equal(prefix_parse(&e->w.prefix, "203.0.113.8/30"), 0);
	commit();
	two_addresses("bob", 0);	/* neither counted nor banned */
	seen("bob", "203.0.113.12:1", 2);
	assert_int_equal(nbans, 0);
	seen("bob", "203.0.113.13:1", 3);
	assert_int_equal(nbans, 1);
}

static void
test_inbound(void **state)
{
	struct conf_inbound	*i = calloc(1, sizeof(*i));

	(void)state;
	assert_non_null(i);
	strlcpy(i->w.pattern, "vless*", sizeof(i->w.pattern));
	TAILQ_INSERT_TAIL(&cw->inbounds, i, entry);
	commit();
	two_addresses("bob", 0);
	give("2026/01/30 17:03:38 from 203.0.113.1:1 accepted tcp:h:443 "
	    "[vless-1 >> direct] email: al\n"
	    "2026/01/30 17:03:38 from 203.0.113.2:1 accepted tcp:h:443 "
	    "[vless-2 -> direct] email: al\n"
	    "2026/01/30 17:03:38 from 203.0.113.3:1 accepted tcp:h:443 "
	    "[direct] email: al\n");
	assert_int_equal(nbans, 1);
}

static void
test_forwarded(void **state)
{
	struct conf	*old;

	(void)state;
	commit();
	seen("bob", "203.0.113.9:0", 0);
	seen("bob", "203.0.113.10:0", 1);
	seen("bob", "203.0.113.11:3", 2);
	assert_int_equal(nbans, 0);	/* they own nothing either */
	assert_int_equal(w->stats.forwarded, 2);
	assert_int_equal(nnotices, 1);
	assert_int_equal(notices[0].sticky, 1);
	assert_non_null(strstr(warn_text(w), "trust forwarded"));
	/* A reload takes it back, and says it again if it is still so. */
	old = conf;
	conf = new_conf(&cw);
	commit();
	conf_free(old);
	assert_int_equal(nnotices, 2);
	assert_int_equal(notices[1].sticky, 1);
	assert_string_equal(notices[1].text, "");
	assert_string_equal(warn_text(w), "");
	seen("bob", "203.0.113.9:0", 3);
	assert_int_equal(nnotices, 3);
}

static void
test_trusted(void **state)
{
	(void)state;
	cw->w.trust_forwarded = 1;
	commit();
	seen("bob", "203.0.113.9:0", 0);
	seen("bob", "203.0.113.10:0", 1);
	assert_int_equal(nbans, 1);
	assert_int_equal(bans[0].peer_port, 0);
	assert_int_equal(w->stats.forwarded, 0);
}

static void
test_masked(void **state)
{
	(void)state;
	commit();
	seen("bob", "203.0.*.*:1", 0);
	seen("bob", "203.1.*.*:1", 1);
	assert_int_equal(nbans, 0);
	assert_int_equal(w->stats.masked, 2);
	assert_int_equal(nnotices, 1);
	assert_non_null(strstr(notices[0].text, "impossible"));
}

/* No email, no user: strangers do not share one. */
static void
test_no_email(void **state)
{
	(void)state;
	commit();
	give("2026/01/30 17:03:38 from 203.0.113.1:1 accepted tcp:h:443\n"
	    "2026/01/30 17:03:38 from 203.0.113.2:1 accepted tcp:h:443\n");
	assert_int_equal(nbans, 0);
	assert_int_equal(w->stats.matches, 0);
	assert_int_equal(users_count(), 0);
}

/* A live line whose stamp is hours off counts as now, said once. */
static void
test_skew(void **state)
{
	char	text[512];
	int	i;

	(void)state;
	commit();
	for (i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "2026/01/30 20:03:%02d from "
		    "203.0.113.%d:1 accepted tcp:h:1 [a >> b] email: bob\n",
		    38 + i, 9 + i % 2);
		now = NOW + i * 1000;
		give(text);
	}
	assert_int_equal(nbans, 1);
	assert_int_equal(bans[0].start, NOW + 1000);
	assert_int_equal(w->stats.skewed, 4);
	assert_int_equal(nnotices, 2);		/* and the offence */
	assert_non_null(strstr(warn_text(w), "\"+03:00\""));
	assert_non_null(strstr(warn_text(w), "3h ahead"));
	/* By its stamps these are a second apart; by our clock ten. */
	now = NOW + 20000;
	give("2026/01/30 20:10:00 from 203.0.113.20:1 accepted tcp:h:1 "
	    "[a >> b] email: al\n");
	now = NOW + 30000;
	give("2026/01/30 20:10:01 from 203.0.113.21:1 accepted tcp:h:1 "
	    "[a >> b] email: al\n");
	assert_int_equal(nbans, 1);
}

/* Caught up on: judged by its stamp; what is over is only recorded. */
static void
test_catch_up(void **state)
{
	(void)state;
	commit();
	live = 0;
	seen("bob", "203.0.113.9:1", -100000);
	seen("bob", "203.0.113.10:1", -99000);
	assert_int_equal(nbans, 0);
	assert_int_equal(w->stats.offences, 1);
	settle();
	assert_int_equal(ndecisions, 1);
	assert_int_equal(decisions[0].past, 1);
	assert_int_equal(decisions[0].ban.start, NOW - 99000);
	assert_int_equal(decisions[0].ban.end, NOW - 39000);
	seen("bob", "203.0.113.9:1", -31000);
	seen("bob", "203.0.113.10:1", -30000);
	assert_int_equal(nbans, 1);		/* half of it is left */
	assert_int_equal(bans[0].end, NOW + 30000);
	settle();
	assert_int_equal(decisions[1].past, 0);
	/* From the future: not for longer than from now. */
	seen("al", "203.0.113.11:1", 3600000);
	seen("al", "203.0.113.12:1", 3600001);
	assert_int_equal(nbans, 2);
	assert_int_equal(bans[1].end, NOW + 60000);
	assert_int_equal(w->stats.skewed, 0);
}

/* Several users from one private address: PROXY protocol is missing. */
static void
test_proxy(void **state)
{
	(void)state;
	commit();
	seen("a", "203.0.113.9:1", 0);
	seen("b", "203.0.113.9:2", 1);
	seen("c", "203.0.113.9:3", 2);
	seen("d", "203.0.113.9:3", 2);
	assert_int_equal(nnotices, 0);		/* a public one is CGNAT */
	seen("a1", "172.17.0.1:1", 3);
	seen("a1", "172.17.0.1:2", 6000);
	seen("a1", "172.17.0.1:3", 12000);
	seen("b1", "172.17.0.1:4", 12001);
	assert_int_equal(nnotices, 0);
	seen("c1", "172.17.0.1:5", 12002);
	seen("d1", "172.17.0.1:6", 12003);
	assert_int_equal(nnotices, 1);
	assert_non_null(strstr(warn_text(w), "172.17.0.1"));
	assert_non_null(strstr(warn_text(w), "PROXY protocol"));
}

static void
test_protected(void **state)
{
	struct conf_table	*t = calloc(1, sizeof(*t));
	struct prefix		 p;

	(void)state;
	assert_non_null(t);
	t->w.id = 3;
	prefixset_init(&t->prefixes);
	assert_int_equal(prefix_parse(&p, "203.0.113.9"), 0);
	assert_int_equal(prefixset_add(&t->prefixes, &p), 0);
	prefixset_build(&t->prefixes);
	TAILQ_INSERT_TAIL(&conf->tables, t, entry);
	conf->global.never = 3;
	commit();
	seen("a", "203.0.113.9:1", 0);
	seen("b", "203.0.113.9:2", 1);
	seen("c", "203.0.113.9:3", 2);
	assert_int_equal(nnotices, 1);
	assert_non_null(strstr(warn_text(w), "203.0.113.9"));
}

/* Checkpoints: two on their way at most, all in order, none lost. */
static void
test_checkpoints(void **state)
{
	char		 addr[32], user[32];
	unsigned int	 i;

	(void)state;
	commit();
	for (i = 0; i < 5000; i++) {
		snprintf(user, sizeof(user), "u%u", i);
		snprintf(addr, sizeof(addr), "9.9.%u.%u:1", i / 250, i % 250);
		seen(user, "203.0.113.9:1", i);
		seen(user, addr, i);
	}
	assert_int_equal(nbans, 5000);
	assert_true(checkpoint <= 2);
	assert_int_equal(nends, checkpoint);
	assert_true(ndecisions < 5000);
	for (; i < 8000 && !checkpoint_full(); i++) {
		snprintf(user, sizeof(user), "u%u", i);
		snprintf(addr, sizeof(addr), "9.9.%u.%u:1", i / 250, i % 250);
		seen(user, "203.0.113.9:1", i);
		seen(user, addr, i);
	}
	assert_true(checkpoint_full());
	settle();
	assert_int_equal(ndecisions, i);
	/* Reading went on when all was sent, so that a cut was due. */
	assert_int_equal(sent_then, i);
	while (--i > 0)
		assert_true(decisions[i].ban.id.offset >
		    decisions[i - 1].ban.id.offset);
	assert_int_equal(checkpoint_full(), 0);
	assert_true(resumed > 0);
}

/* A handler of what the ledger says. */
static void
told(uint32_t type, const void *data, size_t len)
{
	const struct handler	*h;

	for (h = resume_handlers; h->type != type; h++)
		assert_non_null(h->fn);
	h->fn(&ledger, 0, data, len, -1);
}

/* All is gone but what the ledger was told, and comes back from there. */
static void
restart(void)
{
	static const struct msg_outcome	good;
	static const struct msg_boot	boot = { "boot" };
	struct conf			*old = conf;
	unsigned int			 i, n;

	settle();
	n = nstates;
	checkpoint_clear();
	decide_clear();
	conf = conf_new();
	watch_commit(conf);
	conf_free(old);
	conf_free(conf);
	users_clear();
	assert_int_equal(users_init(10000), 0);
	decide_init();
	checkpoint_init(base);
	checkpoint = committed = 0;
	conf = new_conf(&cw);
	commit();
	resume_begin();
	went = 0;
	told(M_WATCH_STATS, &stats, sizeof(stats));
	for (i = 0; i < n; i++)
		told(M_STATE, &states[i], state_len[i]);
	resume_files(&boot);
	assert_false(went);
	told(M_RESUME_DONE, &good, sizeof(good));
	assert_true(went);
}

static void
begin(void)
{
	static const struct msg_outcome	good;
	static const struct msg_boot	boot = { "boot" };

	commit();
	resume_begin();
	assert_int_equal(nresumes, 1);
	resume_files(&boot);
	told(M_RESUME_DONE, &good, sizeof(good));
	assert_true(went);
}

/* The owner stays the owner, counters go on, nobody is told of twice. */
static void
test_resume(void **state)
{
	struct wire_served	served = { 0 };

	(void)state;
	begin();
	seen("bob", "203.0.113.9:1", 0);
	seen("bob", "203.0.113.10:2", 100);
	seen("al", "[2001:db8:7::1]:3", 200);
	settle();
	assert_int_equal(nclears, 1);
	assert_true(ncuts >= 1);
	assert_int_equal(nstates, 2);
	assert_true(npositions > 0);
	assert_int_equal(nbans, 1);
	restart();
	assert_int_equal(w->stats.lines, 3);
	assert_int_equal(w->stats.matches, 3);
	assert_int_equal(w->stats.offences, 1);
	assert_int_equal(w->last, NOW + 200);
	served.watch = watch_hash("xray");
	served.start = bans[0].start;
	served.end = bans[0].end;
	served.prefix = bans[0].prefix;
	told(M_RESUME_BAN, &served, sizeof(served));
	seen("bob", "203.0.113.9:1", 300);
	seen("bob", "203.0.113.10:2", 400);	/* he serves */
	assert_int_equal(nbans, 1);
	seen("bob", "203.0.113.11:2", 500);
	assert_int_equal(nbans, 2);
	seen("al", "[2001:db8:8::1]:3", 600);
	assert_int_equal(nbans, 3);
	assert_int_equal(w->stats.lines, 7);
}

/* A long ban that was refused is decided again after a minute. */
static void
test_refused_ban(void **state)
{
	struct wire_event	e = { .outcome = BAN_PROTECTED };

	(void)state;
	cw->w.ban = 28LL * 86400 * 1000;
	begin();
	seen("bob", "203.0.113.9:1", 0);
	seen("bob", "203.0.113.10:2", 100);
	assert_int_equal(nbans, 1);
	e.ban = bans[0];
	decide_refused(&e);
	seen("bob", "203.0.113.9:1", 59000);
	seen("bob", "203.0.113.10:2", 59900);
	assert_int_equal(nbans, 1);
	seen("bob", "203.0.113.9:1", 60200);
	seen("bob", "203.0.113.10:2", 60300);
	assert_int_equal(nbans, 2);
	seen("bob", "203.0.113.9:1", 130000);
	seen("bob", "203.0.113.10:2", 130100);	/* that one was made */
	assert_int_equal(nbans, 2);
}

/* Changed: told.  Not changed: not told.  Over: left out. */
static void
test_states(void **state)
{
	(void)state;
	begin();
	settle();
	seen("bob", "203.0.113.9:1", 0);
	settle();
	assert_int_equal(nstates, 1);
	assert_int_equal(states[0].head.name_len, 3);
	assert_string_equal(states[0].head.name, "bob");
	assert_int_equal(states[0].list[0].last, NOW);
	assert_int_equal(states[0].list[0].port, 1);
	seen("al", "203.0.113.9:1", 100);
	settle();
	assert_int_equal(nstates, 2);
	assert_string_equal(states[1].head.name, "al");
	seen("old", "203.0.113.9:1", 200);
	seen("new", "203.0.113.9:1", 200000);
	settle();
	assert_int_equal(nstates, 3);
	assert_string_equal(states[2].head.name, "new");
	assert_true(stats.keep > NOW && stats.keep < NOW + 200000);
	assert_int_equal(nclears, 1);
	assert_true(ncuts >= 1);
	told(M_LEDGER_FRESH, NULL, 0);
	settle();
	assert_int_equal(nclears, 2);
	assert_true(ncuts >= 2);
	assert_int_equal(nstates, 4);
}

/* Hundreds of addresses come in parts, and long names keep theirs. */
static void
test_large_state(void **state)
{
	char		 addr[32], name[300];
	unsigned int	 i;

	(void)state;
	cw->w.limit = 600;
	begin();
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (i = 0; i < 600; i++) {
		snprintf(addr, sizeof(addr), "9.9.%u.%u:1", i / 250, i % 250);
		seen(name, addr, i);
	}
	settle();
	assert_int_equal(nstates, 2);
	assert_int_equal(states[1].head.part, 1);
	restart();
	cw->w.limit = 600;
	assert_int_equal(users_count(), 1);
	seen(name, "9.9.0.1:1", 700);
	assert_int_equal(users_count(), 1);
}

/* A ban that was lifted after its line, which is read only now. */
static void
test_lifts(void **state)
{
	struct msg_lift	lift = { .at = NOW + 1000 };

	(void)state;
	begin();
	seen("bob", "203.0.113.9:1", 0);
	restart();
	assert_int_equal(prefix_parse(&lift.target.prefix, "203.0.113.10"), 0);
	told(M_RESUME_LIFT, &lift, sizeof(lift));
	live = 0;
	now = NOW + 5000;
	seen("bob", "203.0.113.10:2", 100);
	assert_int_equal(w->stats.offences, 1);
	assert_int_equal(nbans, 0);		/* lifted */
	seen("bob", "203.0.113.11:2", 200);
	assert_int_equal(nbans, 1);		/* another */
	seen("bob", "203.0.113.9:1", 1100);
	seen("bob", "203.0.113.10:2", 1200);
	assert_int_equal(nbans, 2);		/* done again, after it */
}

static void
test_no_memory(void **state)
{
	struct msg_outcome	bad = { .code = 1, .text = "it is broken" };
	static const struct msg_boot	boot = { "boot" };

	(void)state;
	commit();
	resume_begin();
	told(M_RESUME_DONE, &bad, sizeof(bad));
	assert_false(went);
	resume_files(&boot);
	assert_true(went);
	assert_int_equal(notices[0].kind, NOTICE_LEDGER);
	assert_non_null(strstr(notices[0].text, "it is broken"));
}

static void
set_stopped(void)
{
	stopped = 1;
}

static void
test_stop(void **state)
{
	(void)state;
	commit();
	two_addresses("a", 1);
	two_addresses("b", 0);		/* the same address, banned already */
	seen("c", "203.0.113.9:1", 2);
	seen("c", "203.0.113.12:1", 3);
	checkpoint_stop(set_stopped);
	assert_int_equal(ndecisions, 2);
	assert_int_equal(checkpoint, 1);
	assert_false(stopped);
	checkpoint_committed(1);
	assert_true(stopped);
}

/* State lives over a reload; what was changed counts from then on. */
static void
test_reload(void **state)
{
	struct conf	*old = conf;

	(void)state;
	commit();
	seen("bob", "203.0.113.9:1", 0);
	conf = new_conf(&cw);
	cw->w.window = 60000;
	cw->w.ban = 3600000;
	commit();
	conf_free(old);
	assert_int_equal(w->stats.lines, 1);
	seen("bob", "203.0.113.10:1", 30000);
	assert_int_equal(nbans, 1);
	assert_int_equal(bans[0].end - bans[0].start, 3600000);
	old = conf;
	conf = new_conf(&cw);
	cw->w.window = 60000;
	add_limit("bob", 2);
	commit();
	conf_free(old);
	seen("bob", "203.0.113.11:1", 30001);
	assert_int_equal(nbans, 1);
}

static void
test_refused(void **state)
{
	struct conf	*old = conf;
	char		 why[TEXT_LEN];

	(void)state;
	commit();
	conf = new_conf(&cw);
	strlcpy(cw->w.zone, "Mars/Olympus", sizeof(cw->w.zone));
	assert_int_equal(watch_prepare(conf, why), -1);
	assert_non_null(strstr(why, "Mars/Olympus"));
	strlcpy(cw->w.zone, "UTC", sizeof(cw->w.zone));
	cw->w.limit = RULE_LIMIT_MAX + 1;
	assert_int_equal(watch_prepare(conf, why), -1);
	assert_non_null(strstr(why, "1001"));
	cw->w.limit = 1;
	commit();
	conf_free(old);
}

static void
show(uint32_t what, uint64_t cursor, uint32_t max, uint8_t by,
    const char *name)
{
	struct msg_show	m = {
		.what = what, .cursor = cursor, .max = max, .by = by
	};

	nrows = 0;
	strlcpy(m.name, name, sizeof(m.name));
	show_handlers[0].fn(&control, 1, &m, sizeof(m), -1);
}

static void
test_show(void **state)
{
	struct row_user		u;
	struct row_watch	r;

	(void)state;
	cw->w.limit = 2;
	commit();
	seen("alice", "203.0.113.9:1", 0);
	seen("alice", "[2001:db8::9]:1", 1);
	seen("bob", "203.0.113.10:1", 2);
	seen("c\x1b[31m", "203.0.113.11:1", 3);
	give("garbage\n");
	show(SHOW_USERS, 0, 2, SHOW_BY_NONE, "");
	assert_int_equal(nrows, 2);
	assert_int_not_equal(show_end.cursor, 0);
	memcpy(&u, rows[0], sizeof(u));
	assert_string_equal(u.user, "alice");
	assert_string_equal(u.watch, "xray");
	assert_int_equal(u.naddrs, 2);
	assert_int_equal(u.limit, 2);
	assert_int_equal(u.seen[1], NOW + 1);
	show(SHOW_USERS, show_end.cursor, 2, SHOW_BY_NONE, "");
	assert_int_equal(nrows, 1);
	assert_int_equal(show_end.cursor, 0);
	memcpy(&u, rows[0], sizeof(u));
	assert_string_equal(u.user, "c\\033[31m");
	show(SHOW_USERS, 0, 10, SHOW_BY_USER, "bob");
	assert_int_equal(nrows, 1);
	show(SHOW_USERS, 0, 10, SHOW_BY_WATCH, "other");
	assert_int_equal(nrows, 0);
	show(SHOW_WATCHES, 0, 10, SHOW_BY_NONE, "");
	assert_int_equal(nrows, 1);
	memcpy(&r, rows[0], sizeof(r));
	assert_string_equal(r.name, "xray");
	assert_int_equal(r.lines, 5);
	assert_int_equal(r.unparsed, 1);
	assert_int_equal(r.users, 3);
	assert_int_equal(r.files, 1);
	show_handlers[1].fn(&control, 1, NULL, 0, -1);
	assert_int_equal(counters[COUNT_PARSER_USERS], 3);
}

/* No ledger: guarding goes on, nothing is kept for nobody. */
static void
test_no_ledger(void **state)
{
	(void)state;
	no_ledger = 1;
	commit();
	two_addresses("bob", 1);
	assert_int_equal(ndecisions, 0);
	assert_int_equal(checkpoint_full(), 0);
}

#define T(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		T(test_ban), T(test_prefix_and_ports),
		T(test_whole_host_forever), T(test_repeat), T(test_forgive),
		T(test_oldest_dying), T(test_limits_and_exempts),
		T(test_exempt_prefix), T(test_inbound), T(test_forwarded),
		T(test_trusted), T(test_masked), T(test_no_email),
		T(test_skew), T(test_catch_up), T(test_proxy),
		T(test_protected), T(test_checkpoints), T(test_reload),
		T(test_refused), T(test_show), T(test_no_ledger),
		T(test_stop), T(test_resume), T(test_refused_ban),
		T(test_states), T(test_large_state), T(test_lifts),
		T(test_no_memory)
	};

	log_init(LOG_TO_STDERR, "xray_watch");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
