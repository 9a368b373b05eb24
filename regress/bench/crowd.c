/*
 * Many open connections on loopback, held until the end of standard input:
 *
 *	crowd CONNECTIONS	each is two sockets; prints "ready"
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <err.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EACH	4000	/* connections of one process: descriptors are few */

static void
hold(int n, int number, int done)
{
	struct sockaddr_in	a = { .sin_family = AF_INET };
	int			l, c;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(10000 + number);
	if ((l = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(l, (struct sockaddr *)&a, sizeof(a)) == -1 ||
	    listen(l, 4096) == -1)
		err(1, "listen");
	for (; n > 0; n--) {
		if ((c = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
		    connect(c, (struct sockaddr *)&a, sizeof(a)) == -1 ||
		    accept(l, NULL, NULL) == -1)
			err(1, "connect");
	}
	if (write(done, "", 1) == -1)
		err(1, "write");
	for (;;)
		(void)pause();
}

int
main(int argc, char **argv)
{
	struct rlimit	 rl;
	int		 n = argc > 1 ? atoi(argv[1]) : 40000, i, done[2];
	int		 workers = (n + EACH - 1) / EACH;
	char		 c;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	if (pipe(done) == -1)
		err(1, "pipe");
	for (i = 0; i < workers; i++) {
		if (fork() == 0)
			hold(n - i * EACH < EACH ? n - i * EACH : EACH, i,
			    done[1]);
	}
	(void)close(done[1]);
	for (i = 0; i < workers; i++) {
		if (read(done[0], &c, 1) != 1)
			errx(1, "a worker died");
	}
	printf("ready\n");
	(void)fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
