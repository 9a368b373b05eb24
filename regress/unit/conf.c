/*
 * What a configuration is: ids over reloads, its way through a channel into
 * the same structs, and that a child takes nothing else.
 */
/* LINK: refractd/parse.o refractd/lex.o refractd/input.o refractd/report.o */
/* LINK: refractd/listen.o refractd/relay.o refractd/routes.o */
/* LINK: refractd/pools.o */
/* LINK: refractd/print_mux.o refractd/overlap.o refractd/token.o */
/* LINK: refractd/read.o */
/* LINK: refractd/build.o refractd/tables.o refractd/watch.o refractd/text.o */
/* LINK: refractd/regex.o refractd/source.o refractd/command.o */
/* LINK: refractd/datefield.o refractd/dateform.o refractd/datemoment.o */
/* LINK: refractd/dateform_name.o */
/* LINK: refractd/datepattern.o refractd/logtime.o refractd/zone.o */
/* LINK: refractd/print.o refractd/print_watch.o refractd/print_out.o */
/* LINK: refractd/f2b.o refractd/f2b_filter.o refractd/f2b_ini.o */
/* LINK: refractd/f2b_parse.o refractd/f2b_read.o refractd/f2b_expand.o */
/* LINK: refractd/f2b_regex.o refractd/f2b_text.o */
/* LIBS: -lnettle -lpcre2-8 */
#include <sys/stat.h>

#include "conf_frame.h"

static const char	whole[] =
    "instance \"edge\"\n"
    "table <big> file \"big\"\n"
    "table <unused> { 192.0.2.3 }\n"
    "ban { never { 192.0.2.1, 2001:db8::/32 }; max 77; action reject }\n"
    "watch \"a\" { format xray; source file /a /b; limit 2 for { \"x\" }\n"
    "  limit none for \"y*\"; exempt { <big>, 192.0.2.9, user \"z\" }\n"
    "  only inbound \"in-*\"; zone \"UTC\"; dry run; grace 2s\n"
    "  ban all for forever on tcp port { 1, 2 } on udp port 3 }\n"
    "watch \"b\" { format xray; ban for 5m }\n"
    "table <spared> { 192.0.2.4 }\n"
    "pattern \"user\" \"[a-z]+\"\n"
    "watch \"t\" { source stdin; source journal \"ssh\"\n"
    "  source command { \"/bin/true\", \"x\" } user \"nobody\"\n"
    "  source syslog on \"/run/x\"; json addr \"a.b\"; key { addr, user }\n"
    "  match \"<user> from <addr>\" weight 3; match \"(?<user>x) <addr>\"\n"
    "  ignore \"local\"; cancel \"welcome <user> <addr>\"\n"
    "  ignore <user> \"root\"; ignore <user> matching \"t.*\"\n"
    "  ignore <addr> <spared>; after 3 matches within 1h\n"
    "  ban prefix for 1h growing by 1.5 to 4w together\n"
    "  run { \"/bin/true\", \"<addr>\" } user \"nobody\"\n"
    "  run { \"/bin/true\", \"-\" } delay 1h also at exit user \"nobody\" }\n"
    "status on 127.0.0.1 port 9440; status on ::1 port 9441\n";

/* A directory with a table that takes several messages. */
static int
setup(void **state)
{
	char	dir[] = "/tmp/refract-conf.XXXXXX";
	FILE	*f;
	int	 i;

	(void)state;
	base = event_base_new();
	if (base == NULL || mkdtemp(dir) == NULL || chdir(dir) == -1 ||
	    (f = fopen("big", "w")) == NULL)
		return -1;
	for (i = 0; i < 2500; i++)
		fprintf(f, "10.%d.%d.0/25\n", i / 256, i % 256);
	return fclose(f);
}

static int
teardown(void **state)
{
	char	dir[64];

	(void)state;
	event_base_free(base);
	if (getcwd(dir, sizeof(dir)) == NULL)
		return -1;
	return unlink("big") | rmdir(dir);
}

#define same_texts(type, a, b) do {					\
	struct type	*t_, *u_;					\
									\
	same_list(type, a, b);						\
	u_ = TAILQ_FIRST(b);						\
	TAILQ_FOREACH(t_, a, entry) {					\
		assert_int_equal(t_->len, u_->len);			\
		assert_memory_equal(t_->text, u_->text, t_->len);	\
		u_ = TAILQ_NEXT(u_, entry);				\
	}								\
} while (0)

static void
same_watches(const struct conf *a, const struct conf *b)
{
	struct conf_watch	*x, *y;

	same_list(conf_watch, &a->watches, &b->watches);
	y = TAILQ_FIRST(&b->watches);
	TAILQ_FOREACH(x, &a->watches, entry) {
		same_list(conf_source, &x->sources, &y->sources);
		same_list(conf_limit, &x->limits, &y->limits);
		same_list(conf_exempt, &x->exempts, &y->exempts);
		same_list(conf_inbound, &x->inbounds, &y->inbounds);
		same_list(conf_filter, &x->filters, &y->filters);
		same_texts(conf_pattern, &x->patterns, &y->patterns);
		same_texts(conf_ignore, &x->ignores, &y->ignores);
		same_texts(conf_run, &x->runs, &y->runs);
		assert_int_equal(x->tzlen, y->tzlen);
		y = TAILQ_NEXT(y, entry);
	}
}

static void
same_table(const struct conf *a, const struct conf *b, uint32_t id)
{
	struct conf_table	*x = conf_table_byid(a, id);
	struct conf_table	*y = conf_table_byid(b, id);

	assert_non_null(x);
	assert_non_null(y);
	assert_string_equal(x->w.name, y->w.name);
	assert_int_equal(x->prefixes.n, y->prefixes.n);
	assert_memory_equal(x->prefixes.list, y->prefixes.list,
	    x->prefixes.n * sizeof(struct prefix));
}

static void
test_parser_gets_all(void **state)
{
	struct conf	*c = parse(whole), *r;

	(void)state;
	send_to(c, ROLE_PARSER);
	r = receive_all();
	assert_non_null(r);
	assert_int_equal(r->generation, 1);
	assert_memory_equal(&c->global, &r->global, sizeof(c->global));
	same_watches(c, r);
	same_table(c, r, c->global.never);
	same_table(c, r, conf_table_byname(c, "big")->w.id);
	assert_int_equal(conf_table_byname(r, "big")->prefixes.n, 2500);
	assert_null(conf_table_byname(r, "unused"));
	conf_free(r);
	conf_free(c);
}

static void
test_enforcer_gets_what_bans(void **state)
{
	struct conf		*c = parse(whole), *r;
	struct conf_watch	*w;

	(void)state;
	send_to(c, ROLE_ENFORCER);
	r = receive_all();
	assert_non_null(r);
	same_list(conf_watch, &c->watches, &r->watches);
	same_table(c, r, c->global.never);
	assert_null(conf_table_byname(r, "big"));
	TAILQ_FOREACH(w, &r->watches, entry)
		assert_true(TAILQ_EMPTY(&w->patterns) &&
		    TAILQ_EMPTY(&w->ignores) && TAILQ_EMPTY(&w->runs) &&
		    TAILQ_EMPTY(&w->sources) &&
		    TAILQ_EMPTY(&w->limits) && TAILQ_EMPTY(&w->exempts) &&
		    TAILQ_EMPTY(&w->inbounds));
	conf_free(r);
	conf_free(c);
}

static void
test_control_gets_status_pages(void **state)
{
	struct conf	*c = parse(whole), *r;

	(void)state;
	send_to(c, ROLE_CONTROL);
	r = receive_all();
	assert_non_null(r);
	same_list(conf_watch, &c->watches, &r->watches);
	same_list(conf_status, &c->statuses, &r->statuses);
	assert_int_equal(TAILQ_FIRST(&r->statuses)->w.port, 9440);
	conf_free(r);
	conf_free(c);
}

static void
test_ledger_gets_commands_and_no_tables(void **state)
{
	struct conf		*c = parse(whole), *r;
	struct conf_watch	*w;

	(void)state;
	send_to(c, ROLE_LEDGER);
	r = receive_all();
	assert_non_null(r);
	assert_true(TAILQ_EMPTY(&r->tables));
	assert_int_equal(r->global.never, 0);
	same_list(conf_watch, &c->watches, &r->watches);
	w = conf_watch_byname(r, "t");
	same_texts(conf_run, &conf_watch_byname(c, "t")->runs, &w->runs);
	assert_false(TAILQ_EMPTY(&w->runs));
	assert_true(TAILQ_EMPTY(&w->patterns) && TAILQ_EMPTY(&w->ignores));
	conf_free(r);
	conf_free(c);
}

/* A filter's own regexes come after it; the language needs files for it. */
static void
test_filters_arrive(void **state)
{
	struct conf		*c = parse(whole), *r;
	struct conf_watch	*w = conf_watch_byname(c, "t");
	struct conf_filter	*f;
	struct conf_pattern	*p;
	struct message		*m;

	(void)state;
	f = calloc(1, sizeof(*f));
	p = calloc(1, sizeof(*p));
	assert_true(f != NULL && p != NULL);
	f->w.id = conf_new_id();
	f->w.watch = p->w.watch = w->w.id;
	f->w.maxlines = f->w.weight = 1;
	strlcpy(f->w.name, "sshd", sizeof(f->w.name));
	TAILQ_INSERT_TAIL(&w->filters, f, entry);
	p->w.id = conf_new_id();
	p->w.kind = PATTERN_FAIL;
	p->w.filter = f->w.id;
	p->text = strdup("a(?<ip4>b)");
	p->len = strlen(p->text) + 1;
	TAILQ_INSERT_TAIL(&w->patterns, p, entry);
	send_to(c, ROLE_PARSER);
	r = receive_all();
	assert_non_null(r);
	same_watches(c, r);
	conf_free(r);
	assert_int_equal(outcome(), 0);
	m = find(M_CONF_FILTER);
	((struct wire_filter *)m->data)->maxlines = FILTER_LINES_MAX + 1;
	assert_int_equal(outcome(), 1);
	((struct wire_filter *)m->data)->maxlines = 1;
	((struct wire_filter *)m->data)->weight = 0;
	assert_int_equal(outcome(), 1);
	((struct wire_filter *)m->data)->weight = 1;
	assert_int_equal(outcome(), 0);
	/* Its pattern names one that is not there. */
	((struct wire_filter *)m->data)->id += 1000;
	assert_int_equal(outcome(), 1);
	conf_free(c);
}

static int
was_read(const char *name)
{
	const char *const	*files;
	size_t			 i, n;

	files = parse_files(&n);
	for (i = 0; i < n; i++)
		if (strcmp(files[i], name) == 0)
			return 1;
	return 0;
}

/* What a filter is made of is watched, also what may come to be. */
static void
test_filter_is_read(void **state)
{
	struct conf		*c;
	struct conf_watch	*w;
	struct conf_pattern	*p;
	FILE			*f;
	char			 path[256], local[260], text[512];

	(void)state;
	assert_non_null(getcwd(path, sizeof(path) - 8));
	strlcat(path, "/x.conf", sizeof(path));
	strlcpy(local, path, sizeof(local));
	memcpy(strrchr(local, '.'), ".local", sizeof(".local"));
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("[Definition]\nfailregex = ^no <HOST>$\n"
	    "ignoreregex = ^no 1\n", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0644), 0);
	snprintf(text, sizeof(text), "watch \"f\" { source stdin\n"
	    "match fail2ban \"%s\" weight 2; ban for 1m }", path);
	c = parse(text);
	assert_true(was_read(path));
	assert_true(was_read(local));
	w = conf_watch_byname(c, "f");
	assert_int_equal(w->w.format, FORMAT_TEXT);
	p = TAILQ_FIRST(&w->patterns);
	assert_int_equal(p->w.kind, PATTERN_FAIL);
	assert_int_equal(p->w.filter, TAILQ_FIRST(&w->filters)->w.id);
	assert_int_equal(p->w.weight, 2);
	assert_non_null(strstr(p->w.where, "/x.conf:2"));
	p = TAILQ_NEXT(p, entry);
	assert_int_equal(p->w.kind, PATTERN_FAIL_IGNORE);
	conf_free(c);
	assert_int_equal(unlink(path), 0);
}

/* The ledger's rows of commands hang on this number. */
static void
test_command_numbers(void **state)
{
	struct conf	*c = parse("watch \"w\" { source stdin; match \"x\"\n"
			    "run { \"/bin/true\", \"<watch>\" } delay 1h "
			    "user \"nobody\"\n"
			    "run { \"/bin/true\", \"<watch>\" } delay 2h "
			    "user \"nobody\" }");
	struct conf_run	*r = TAILQ_FIRST(&TAILQ_FIRST(&c->watches)->runs);

	(void)state;
	assert_true(r->w.hash == 0x4ec3dfebc99cb7feULL);
	assert_true(TAILQ_NEXT(r, entry)->w.hash != r->w.hash);
	assert_int_equal(r->w.argc, 2);
	assert_int_equal(r->len, sizeof("/bin/true\0<watch>"));
	conf_free(c);
}

static void
test_ids_survive(void **state)
{
	struct conf		*old = parse(whole), *new = parse(whole), *more;
	struct conf_watch	*w;
	struct conf_source	*s;

	(void)state;
	assert_true(conf_watch_byname(old, "a")->w.id !=
	    conf_watch_byname(new, "a")->w.id);
	conf_adopt_ids(new, old);
	same_watches(old, new);
	assert_int_equal(old->global.never, new->global.never);
	same_table(old, new, conf_table_byname(old, "big")->w.id);

	more = parse("watch \"b\" { format xray }\n"
	    "watch \"c\" { format xray; source file /b /a }\n"
	    "watch \"a\" { format xray; source file /b /c }\n");
	conf_adopt_ids(more, new);
	assert_int_equal(more->global.never, 0);
	w = conf_watch_byname(more, "a");
	assert_int_equal(w->w.id, conf_watch_byname(old, "a")->w.id);
	s = TAILQ_FIRST(&conf_watch_byname(old, "a")->sources);
	assert_int_equal(TAILQ_FIRST(&w->sources)->w.id,
	    TAILQ_NEXT(s, entry)->w.id);
	w = conf_watch_byname(more, "c");
	assert_null(conf_watch_byid(old, w->w.id));
	assert_true(TAILQ_FIRST(&w->sources)->w.watch == w->w.id);
	conf_adopt_ids(more, NULL);
	conf_free(old);
	conf_free(new);
	conf_free(more);
}

static void
test_names(void **state)
{
	struct conf	*c = parse(whole);

	(void)state;
	/* The numbers of FNV-1a: decisions of years ago hang on them. */
	assert_true(watch_hash("") == 0xcbf29ce484222325ULL);
	assert_true(watch_hash("a") == 0xaf63dc4c8601ec8cULL);
	assert_true(watch_hash("foobar") == 0x85944171f73967e8ULL);
	assert_ptr_equal(conf_watch_byhash(c, watch_hash("b")),
	    conf_watch_byname(c, "b"));
	assert_null(conf_watch_byname(c, "c"));
	assert_null(conf_watch_byhash(c, 1));
	assert_null(conf_table_byname(c, ""));
	assert_null(conf_table_byid(c, 0));
	conf_free(c);
}

/* One byte or more of one message wrong, and all else right. */
#define CASE(type, st, field, ...)					\
	{ #st "." #field, type, offsetof(struct st, field),		\
	    sizeof(((struct st *)NULL)->field), __VA_ARGS__ }

static const struct {
	const char	*name;
	uint32_t	 type;
	size_t		 offset, size;
	uint64_t	 value;
} wrong[] = {
	CASE(M_CONF_GLOBAL, wire_global, max, 0),
	CASE(M_CONF_GLOBAL, wire_global, max, BAN_ENTRIES_MAX + 1),
	CASE(M_CONF_GLOBAL, wire_global, action, 2),
	CASE(M_CONF_GLOBAL, wire_global, hook, 2),
	CASE(M_CONF_GLOBAL, wire_global, plen4, 33),
	CASE(M_CONF_GLOBAL, wire_global, plen4, 0),
	CASE(M_CONF_GLOBAL, wire_global, plen6, 129),
	CASE(M_CONF_GLOBAL, wire_global, protect_sessions, 2),
	CASE(M_CONF_GLOBAL, wire_global, audit_json, 2),
	CASE(M_CONF_GLOBAL, wire_global, zero, 1),
	CASE(M_CONF_GLOBAL, wire_global, ledger_keep, LEDGER_KEEP_MAX + 1),
	CASE(M_CONF_GLOBAL, wire_global, ledger_max, LEDGER_MAX_MOST + 1),
	CASE(M_CONF_GLOBAL, wire_global, never, 4000000),
	CASE(M_CONF_TABLE, wire_table, id, 0),
	CASE(M_CONF_TABLE, wire_table, count, 2499),
	CASE(M_CONF_TABLE, wire_table, count, 2501),
	CASE(M_CONF_TABLE, wire_table, count, CONF_PREFIXES_MAX + 1),
	CASE(M_CONF_PREFIXES, wire_prefixes, table, 4000000),
	{ "prefix.family", M_CONF_PREFIXES, sizeof(struct wire_prefixes), 1,
	    77 },
	{ "prefix.plen", M_CONF_PREFIXES, sizeof(struct wire_prefixes) + 1, 1,
	    33 },
	{ "prefix host bits", M_CONF_PREFIXES,
	    sizeof(struct wire_prefixes) + 5, 1, 127 },
	CASE(M_CONF_WATCH, wire_watch, id, 0),
	CASE(M_CONF_WATCH, wire_watch, hash, 1),
	CASE(M_CONF_WATCH, wire_watch, name, 0),
	CASE(M_CONF_WATCH, wire_watch, limit, CONF_LIMIT_MAX + 1),
	CASE(M_CONF_WATCH, wire_watch, window, 0),
	CASE(M_CONF_WATCH, wire_watch, grace, (uint64_t)-1),
	CASE(M_CONF_WATCH, wire_watch, ban, 0),
	CASE(M_CONF_WATCH, wire_watch, format, 0),
	CASE(M_CONF_WATCH, wire_watch, victim, 3),
	CASE(M_CONF_WATCH, wire_watch, together, 2),
	CASE(M_CONF_WATCH, wire_watch, trust_forwarded, 2),
	CASE(M_CONF_WATCH, wire_watch, dry_run, 2),
	CASE(M_CONF_WATCH, wire_watch, group4, 33),
	CASE(M_CONF_WATCH, wire_watch, group6, 0),
	CASE(M_CONF_WATCH, wire_watch, nports, BAN_PORTS_MAX + 1),
	CASE(M_CONF_WATCH, wire_watch, nports, 2),
	CASE(M_CONF_WATCH, wire_watch, ports[0].port, 0),
	CASE(M_CONF_WATCH, wire_watch, ports[0].proto, 1),
	CASE(M_CONF_WATCH, wire_watch, ports[0].zero, 1),
	CASE(M_CONF_SOURCE, wire_source, id, 0),
	CASE(M_CONF_SOURCE, wire_source, watch, 4000000),
	CASE(M_CONF_SOURCE, wire_source, from_start, 2),
	CASE(M_CONF_SOURCE, wire_source, zero, 1),
	CASE(M_CONF_SOURCE, wire_source, path[0], 'x'),
	CASE(M_CONF_SOURCE, wire_source, kind, SOURCE_STDIN + 1),
	CASE(M_CONF_WATCH, wire_watch, growth_max, (uint64_t)-1),
	CASE(M_CONF_WATCH, wire_watch, growth_by, 999),
	CASE(M_CONF_WATCH, wire_watch, growth_by, GROWTH_MAX + 1),
	CASE(M_CONF_WATCH, wire_watch, after, 0),
	CASE(M_CONF_WATCH, wire_watch, after, AFTER_MAX + 1),
	CASE(M_CONF_WATCH, wire_watch, growth_together, 2),
	CASE(M_CONF_WATCH, wire_watch, duplicate, 3),
	CASE(M_CONF_WATCH, wire_watch, bans, 2),
	CASE(M_CONF_WATCH, wire_watch, ban_prefix, 2),
	CASE(M_CONF_WATCH, wire_watch, json, 2),
	CASE(M_CONF_WATCH, wire_watch, nkeys, 1),
	CASE(M_CONF_WATCH, wire_watch, nkeys, WATCH_KEYS_MAX + 1),
	CASE(M_CONF_WATCH, wire_watch, keys[3], 'x'),
	CASE(M_CONF_WATCH, wire_watch, zero2, 1),
	CASE(M_CONF_WATCH, wire_watch, zero3, 1),
	CASE(M_CONF_PATTERN, wire_pattern, id, 0),
	CASE(M_CONF_PATTERN, wire_pattern, watch, 4000000),
	CASE(M_CONF_PATTERN, wire_pattern, filter, 1),
	CASE(M_CONF_PATTERN, wire_pattern, weight, 0),
	CASE(M_CONF_PATTERN, wire_pattern, weight, WEIGHT_MAX + 1),
	CASE(M_CONF_PATTERN, wire_pattern, kind, 0),
	CASE(M_CONF_PATTERN, wire_pattern, kind, PATTERN_FAIL),
	CASE(M_CONF_PATTERN, wire_pattern, kind, PATTERN_FAIL_DATE + 1),
	{ "a string within a regex", M_CONF_PATTERN,
	    sizeof(struct wire_pattern) + 1, 1, 0 },
	CASE(M_CONF_IGNORE, wire_ignore, watch, 4000000),
	CASE(M_CONF_IGNORE, wire_ignore, kind, 0),
	CASE(M_CONF_IGNORE, wire_ignore, kind, IGNORE_TABLE),
	CASE(M_CONF_IGNORE, wire_ignore, table, 1),
	CASE(M_CONF_IGNORE, wire_ignore, name[0], 0),
	CASE(M_CONF_IGNORE, wire_ignore, zero, 1),
	CASE(M_CONF_RUN, wire_run, watch, 4000000),
	CASE(M_CONF_RUN, wire_run, id, 0),
	CASE(M_CONF_RUN, wire_run, hash, 0),
	CASE(M_CONF_RUN, wire_run, delay, (uint64_t)-1),
	CASE(M_CONF_RUN, wire_run, timeout, 0),
	CASE(M_CONF_RUN, wire_run, argc, 1),
	CASE(M_CONF_RUN, wire_run, argc, 3),
	CASE(M_CONF_RUN, wire_run, when, RUN_UNBAN + 1),
	CASE(M_CONF_RUN, wire_run, at_exit, 2),
	CASE(M_CONF_RUN, wire_run, once, 2),
	CASE(M_CONF_RUN, wire_run, at_least_once, 2),
	CASE(M_CONF_RUN, wire_run, family, 1),
	CASE(M_CONF_RUN, wire_run, zero, 1),
	CASE(M_CONF_RUN, wire_run, user[0], 0),
	CASE(M_CONF_RUN, wire_run, group[0], 0),
	CASE(M_CONF_LIMIT, wire_limit, watch, 4000000),
	CASE(M_CONF_LIMIT, wire_limit, limit, CONF_LIMIT_MAX + 1),
	CASE(M_CONF_LIMIT, wire_limit, pattern[0], 0),
	CASE(M_CONF_EXEMPT, wire_exempt, watch, 4000000),
	CASE(M_CONF_EXEMPT, wire_exempt, table, 4000000),
	CASE(M_CONF_EXEMPT, wire_exempt, kind, EXEMPT_PREFIX),
	CASE(M_CONF_EXEMPT, wire_exempt, kind, EXEMPT_USER),
	CASE(M_CONF_EXEMPT, wire_exempt, kind, 3),
	CASE(M_CONF_EXEMPT, wire_exempt, zero, 1),
	CASE(M_CONF_INBOUND, wire_inbound, watch, 4000000),
	CASE(M_CONF_INBOUND, wire_inbound, pattern[0], 0),
	{ "generation 0", M_CONF_BEGIN, 0, 4, 0 },
	{ "other generation", M_CONF_END, 0, 4, 2 },
};

static void
no_status_page(const void *data, size_t len)
{
	struct message	*m = find(M_CONF_STATUS), good;

	assert_non_null(m);
	good = *m;
	memcpy(m->data, data, len);
	assert_int_equal(outcome(), 1);
	*m = good;
}

static void
test_wrong_status_pages_are_fatal(void **state)
{
	struct conf		*c = parse(whole);
	struct wire_status	 w = TAILQ_FIRST(&c->statuses)->w, bad;

	(void)state;
	send_to(c, ROLE_CONTROL);
	assert_int_equal(outcome(), 0);
	bad = w;
	bad.port = 0;
	no_status_page(&bad, sizeof(bad));
	bad = w;
	bad.addr.plen = 31;
	no_status_page(&bad, sizeof(bad));
	bad = w;
	bad.addr.family = 77;
	no_status_page(&bad, sizeof(bad));
	/* The second one again. */
	no_status_page(&TAILQ_LAST(&c->statuses, conf_statuses)->w, sizeof(w));
	assert_int_equal(outcome(), 0);
	conf_free(c);
}

static void
test_wrong_values_are_fatal(void **state)
{
	struct conf	*c = parse(whole);
	struct message	*m, good;
	uint64_t	 value[16] = { 0 };
	size_t		 i;

	(void)state;
	send_to(c, ROLE_PARSER);
	assert_int_equal(outcome(), 0);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_non_null(m = find(wrong[i].type));
		good = *m;
		value[0] = wrong[i].value;
		memcpy((char *)m->data + wrong[i].offset, value,
		    wrong[i].size);
		if (outcome() != 1)
			fail_msg("%s = %llu was taken", wrong[i].name,
			    (unsigned long long)wrong[i].value);
		*m = good;
	}
	conf_free(c);
}

static void
test_wrong_lengths_are_fatal(void **state)
{
	struct conf	*c = parse(whole);
	size_t		 i;

	(void)state;
	send_to(c, ROLE_PARSER);
	for (i = 0; i < nmessages; i++) {
		messages[i].len--;
		assert_int_equal(outcome(), 1);
		messages[i].len += 2;
		assert_int_equal(outcome(), 1);
		messages[i].len--;
	}
	assert_int_equal(outcome(), 0);
	conf_free(c);
}

/* Nothing left out, nothing twice, nothing before its time. */
static void
test_wrong_order_is_fatal(void **state)
{
	struct conf	*c = parse(whole);
	struct message	*m, tmp;
	size_t		 i;

	(void)state;
	send_to(c, ROLE_PARSER);
	for (i = 0; i + 1 < nmessages; i++) {
		m = &messages[i];
		if (m[0].type == m[1].type || (m[0].type >= M_CONF_SOURCE &&
		    m[1].type != M_CONF_WATCH))
			continue;
		if (m[0].type == M_CONF_GLOBAL ||
		    m[1].type == M_CONF_END)
			continue;	/* any place after BEGIN is good */
		tmp = m[0];
		m[0] = m[1];
		m[1] = tmp;
		if (outcome() != 1)
			fail_msg("%s before %s was taken",
			    msg_name(m[0].type), msg_name(m[1].type));
		tmp = m[0];
		m[0] = m[1];
		m[1] = tmp;
	}
	find(M_CONF_GLOBAL)->type = M_CONF_BEGIN;
	assert_int_equal(outcome(), 1);
	conf_free(c);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_parser_gets_all),
		cmocka_unit_test(test_enforcer_gets_what_bans),
		cmocka_unit_test(test_control_gets_status_pages),
		cmocka_unit_test(test_wrong_status_pages_are_fatal),
		cmocka_unit_test(test_ledger_gets_commands_and_no_tables),
		cmocka_unit_test(test_filters_arrive),
		cmocka_unit_test(test_filter_is_read),
		cmocka_unit_test(test_command_numbers),
		cmocka_unit_test(test_ids_survive),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_wrong_values_are_fatal),
		cmocka_unit_test(test_wrong_lengths_are_fatal),
		cmocka_unit_test(test_wrong_order_is_fatal),
	};

	log_init(LOG_TO_STDERR, "conf");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
