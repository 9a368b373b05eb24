/*
 * Logs that root opens for writing: whoever may write a directory on the way
 * has them go nowhere but to files of his own.
 */
/* LINK: refractd/paths.o refractd/walk.o */
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fdstore.h"
#include "paths.h"

#define OTHER	65534	/* somebody who is not root */

static char	dir[64], why[512];

int
fdstore_on(void)
{
	return 0;
}

int
fdstore_take(const char *name)
{
	(void)name;
	return -1;
}

void
fdstore_keep(const char *name, int fd)
{
	(void)name;
	(void)fd;
}

void
fdstore_forget(const char *name)
{
	(void)name;
}

static const char *
in(const char *name)
{
	static char	 path[4][128];
	static unsigned	 turn;
	char		*p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

/* A file that has something in it, so that its group stays. */
static void
make(const char *name)
{
	int	fd = open(in(name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, "x\n", 2), 2);
	close(fd);
}

static int
setup(void **state)
{
	(void)state;
	strlcpy(dir, "/tmp/refract-paths.XXXXXX", sizeof(dir));
	if (mkdtemp(dir) == NULL || mkdir(in("root"), 0755) == -1 ||
	    mkdir(in("his"), 0755) == -1)
		return -1;
	make("root/secret");
	/* Who is not root cannot play it. */
	if (geteuid() == 0 && chown(in("his"), OTHER, OTHER) == -1)
		return -1;
	return 0;
}

static void
need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static int
teardown(void **state)
{
	static const char *const	names[] = {
		"his/log", "his/to", "root/log", "root/to", "root/secret",
		"root/other", "his", "root"
	};
	size_t				i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(in(names[i]));
	return rmdir(dir);
}

/* 0, or -1 and why. */
static int
try(const char *name)
{
	int	fd;

	*why = '\0';
	if ((fd = paths_log("log bans", in(name), why, sizeof(why))) == -1)
		return -1;
	close(fd);
	return 0;
}

static void
test_files(void **state)
{
	(void)state;
	need_root();
	make("his/log");
	assert_int_equal(try("his/log"), 0);
	make("root/log");
	assert_int_equal(try("root/log"), 0);
	/* As a backup of links makes it. */
	assert_int_equal(link(in("root/log"), in("root/other")), 0);
	assert_int_equal(try("root/log"), 0);
	assert_int_equal(try("root/none/log/"), -1);
}

static void
test_hard_link(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(link(in("root/secret"), in("his/log")), 0);
	assert_int_equal(try("his/log"), -1);
	assert_non_null(strstr(why, "another name"));
	/* In a directory of root's that its group may write. */
	assert_int_equal(chmod(in("root"), 0775), 0);
	assert_int_equal(try("root/secret"), -1);
}

static void
test_symbolic_links(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(symlink(in("root/secret"), in("his/log")), 0);
	assert_int_equal(try("his/log"), -1);
	/* A directory, which his leads away to. */
	assert_int_equal(symlink(in("root"), in("his/to")), 0);
	assert_int_equal(lchown(in("his/to"), OTHER, OTHER), 0);
	assert_int_equal(try("his/to/secret"), -1);
	assert_non_null(strstr(why, "root did not make"));
	assert_int_equal(try("his/to/new/log"), -1);
	assert_int_equal(access(in("root/new"), F_OK), -1);
	/* Where root's own leads is root's choice. */
	assert_int_equal(symlink(in("his"), in("root/to")), 0);
	assert_int_equal(unlink(in("his/log")), 0);
	make("his/log");
	assert_int_equal(try("root/to/log"), 0);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	static const struct CMUnitTest	tests[] = {
		TEST(test_files),
		TEST(test_hard_link),
		TEST(test_symbolic_links)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
