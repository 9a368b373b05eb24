/* LINK: refractd/notify.o */
/*
 * What a service manager hears of us, on a socket like its own.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "clock.h"
#include "log.h"
#include "notify.h"

static struct event_base	*base;
static int			 manager;
static char			 heard[1024];

static const char *
hear(void)
{
	ssize_t	n = recv(manager, heard, sizeof(heard) - 1, MSG_DONTWAIT);

	heard[n < 0 ? 0 : n] = '\0';
	return heard;
}

static void
said(void **state)
{
	long long	usec;

	(void)state;
	assert_string_equal(hear(), "");
	notify_ready();
	assert_string_equal(hear(), "READY=1\n");
	notify_status("watches %d", 3);
	assert_string_equal(hear(), "STATUS=watches 3\n");
	notify_reloading();
	assert_int_equal(sscanf(hear(), "RELOADING=1\nMONOTONIC_USEC=%lld\n",
	    &usec), 1);
	assert_true(usec / 1000 <= mono_now().ms &&
	    usec / 1000 > mono_now().ms - 60000);
	notify_stopping();
	assert_string_equal(hear(), "STOPPING=1\n");
}

static void
watched(void **state)
{
	mono_t	start = mono_now();
	int	n = 0;

	(void)state;
	while (n < 3 && mono_since(start, mono_now()) < 60000) {
		event_base_loop(base, EVLOOP_ONCE);
		if (strcmp(hear(), "WATCHDOG=1\n") == 0)
			n++;
	}
	assert_int_equal(n, 3);
	/* every 50 ms of the 100 that were asked for */
	assert_true(mono_since(start, mono_now()) >= 100);
}

static void
not_for_children(void **state)
{
	(void)state;
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	assert_null(getenv("WATCHDOG_PID"));
}

/* A manager that does not read must not hold us up. */
static void
deaf(void **state)
{
	int	i;

	(void)state;
	for (i = 0; i < 10000; i++)
		notify_status("%0400d", i);
	while (*hear() != '\0')
		continue;
	close(manager);
	notify_ready();
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(said),
		cmocka_unit_test(watched),
		cmocka_unit_test(not_for_children),
		cmocka_unit_test(deaf),
	};
	struct sockaddr_un	sun = { .sun_family = AF_UNIX };
	char			name[64], pid[32];
	int			n;

	log_init(LOG_TO_STDERR, "notify");
	n = snprintf(name, sizeof(name), "@refract-notify-%d", (int)getpid());
	memcpy(sun.sun_path + 1, name + 1, n - 1);
	manager = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (manager == -1 || bind(manager, (struct sockaddr *)&sun,
	    offsetof(struct sockaddr_un, sun_path) + n) == -1)
		return 1;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "100000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	if ((base = event_base_new()) == NULL)
		return 1;
	notify_init(base);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
