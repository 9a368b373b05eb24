/*
 * What a watch may ask and decide: the same rules hold a ban that the
 * enforcer is asked for, and a decision that a restart would apply.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "conf.h"
#include "msg.h"

#define HOUR	3600000

static struct conf		*conf;
static struct wire_watch	*w;
static struct wire_ban		 ban;	/* as the watch says */

static int
setup(void **state)
{
	struct conf_watch	*cw = conf_watch_new();

	(void)state;
	conf = conf_new();
	w = &cw->w;
	w->hash = 5;
	w->bans = 1;
	w->ban = HOUR;
	w->nports = 2;
	w->ports[0] = (struct wire_port){ 443, IPPROTO_TCP, 0 };
	w->ports[1] = (struct wire_port){ 53, IPPROTO_UDP, 0 };
	TAILQ_INSERT_TAIL(&conf->watches, cw, entry);
	memset(&ban, 0, sizeof(ban));
	ban.id.watch = 5;
	ban.start = wall_now();
	ban.end = ban.start + HOUR;
	prefix_parse(&ban.prefix, "192.0.2.9");
	ban.offender = ban.prefix;
	ban.proto = IPPROTO_TCP;
	ban.port = 443;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	conf_free(conf);
	return 0;
}

static int
decides(void)
{
	return conf_watch_decides(conf, &ban, w->ports, w->nports);
}

/* Both say the same, of all but ports. */
static int
both(void)
{
	assert_int_equal(conf_watch_bans(conf, &ban), decides());
	return decides();
}

static void
test_whom(void **state)
{
	(void)state;
	assert_true(both());
	prefix_parse(&ban.prefix, "192.0.0.0/8");
	assert_false(both());
	prefix_parse(&ban.prefix, "192.0.2.10");
	assert_false(both());
	w->ban_prefix = 1;
	w->group4 = 24;
	prefix_parse(&ban.prefix, "192.0.2.0/24");
	assert_true(both());
	ban.flags = BANF_PREFIX;
	assert_false(both());
	assert_false(conf_watch_bans(NULL, &ban));
}

static void
test_how_long(void **state)
{
	(void)state;
	ban.end += 2 * HOUR;
	assert_false(both());
	w->growth_max = 3 * HOUR;
	assert_true(both());
	ban.end = WALL_FOREVER;
	assert_false(both());
	w->ban = SPAN_FOREVER;
	w->growth_max = 0;
	assert_true(both());
}

static void
test_which(void **state)
{
	(void)state;
	ban.id.watch = 0;	/* the operator's */
	assert_false(both());
	ban.id.watch = 6;
	assert_false(both());
	ban.id.watch = 5;
	w->bans = 0;		/* it only runs commands */
	assert_false(both());
}

static void
test_ports(void **state)
{
	struct wire_port	other = { 22, IPPROTO_TCP, 0 };

	(void)state;
	assert_true(conf_watch_decides(conf, &ban, w->ports, 1));
	assert_false(conf_watch_decides(conf, &ban, &other, 1));
	assert_false(conf_watch_decides(conf, &ban, NULL, 0));
	assert_false(conf_watch_decides(conf, &ban, w->ports, UINT32_MAX));
	ban.port = 22;
	assert_false(conf_watch_bans(conf, &ban));
	ban.port = ban.proto = 0;	/* the whole host */
	assert_false(conf_watch_bans(conf, &ban));
	w->nports = 0;
	assert_true(both());
	assert_false(conf_watch_decides(conf, &ban, &other, 1));
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	static const struct CMUnitTest	tests[] = {
		TEST(test_whom),
		TEST(test_how_long),
		TEST(test_which),
		TEST(test_ports)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
