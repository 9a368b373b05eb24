/*
 * What each level of Landlock handles and allows, by the kernel's ABI.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "landlock.h"
#include "log.h"

/* The same numbers on every architecture. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset	444
#define SYS_landlock_add_rule		445
#define SYS_landlock_restrict_self	446
#endif

#define CREATE_VERSION	1u	/* LANDLOCK_CREATE_RULESET_VERSION */
#define RULE_BENEATH	1	/* LANDLOCK_RULE_PATH_BENEATH */

/* include/uapi/linux/landlock.h: LANDLOCK_ACCESS_FS_* */
#define FS_EXECUTE	(1u << 0)
#define FS_WRITE_FILE	(1u << 1)
#define FS_READ_FILE	(1u << 2)
#define FS_READ_DIR	(1u << 3)
#define FS_REMOVE_FILE	(1u << 5)
#define FS_MAKE_REG	(1u << 8)
#define FS_ALL_ABI1	((1u << 13) - 1)
#define FS_REFER	(1u << 13)	/* ABI 2 */
#define FS_TRUNCATE	(1u << 14)	/* ABI 3 */
#define FS_IOCTL_DEV	(1u << 15)	/* ABI 5 */
#define NET_TCP		3u		/* ABI 4: bind, connect */
#define SCOPE_ALL	3u		/* ABI 6: abstract sockets, signals */

struct ruleset {
	uint64_t	fs, net, scoped;
};

struct beneath {
	uint64_t	allowed;
	int32_t		fd;
} __attribute__((__packed__));

static const struct rule {
	enum landlock_level	 level;
	const char		*path;
	uint32_t		 fs;
} rules[] = {
	{ LANDLOCK_ROOT_DIR, "/", FS_READ_FILE | FS_WRITE_FILE |
	    FS_READ_DIR | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE },
	{ LANDLOCK_PROGRAMS, "/", FS_READ_FILE | FS_READ_DIR | FS_EXECUTE },
	{ LANDLOCK_PROGRAMS, "/run", FS_MAKE_REG },	/* xtables.lock */
	{ LANDLOCK_PROGRAMS, "/dev/null", FS_WRITE_FILE }
};

static struct ruleset
handled_by(int abi, enum landlock_level level)
{
	struct ruleset set = { .fs = FS_ALL_ABI1 };

	if (abi >= 2)
		set.fs |= FS_REFER;
	if (abi >= 3)
		set.fs |= FS_TRUNCATE;
	/* Even bind(2) to port 0 would be refused. */
	if (abi >= 4 && level != LANDLOCK_NETWORK)
		set.net = NET_TCP;
	if (abi >= 5)
		set.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		set.scoped = SCOPE_ALL;
	return set;
}

static void
add_rule(int fd, const struct rule *rule, uint64_t handled)
{
	struct beneath beneath = { .allowed = rule->fs & handled };

	if ((beneath.fd = open(rule->path, O_PATH | O_CLOEXEC)) == -1) {
		if (errno == ENOENT)
			return;
		fatal("landlock: %s", rule->path);
	}
	if (syscall(SYS_landlock_add_rule, fd, RULE_BENEATH, &beneath, 0) ==
	    -1)
		fatal("landlock: rule for %s", rule->path);
	close(beneath.fd);
}

void
landlock_enter(enum landlock_level level)
{
	struct ruleset set;
	size_t i;
	int abi, fd;

	abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    CREATE_VERSION);
	if (abi == -1) {
		log_info("landlock: not on this kernel");
		return;
	}
	set = handled_by(abi, level);
	if ((fd = (int)syscall(SYS_landlock_create_ruleset, &set, sizeof(set),
	    0)) == -1)
		fatal("landlock");
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].level == level)
			add_rule(fd, &rules[i], set.fs);
	if (syscall(SYS_landlock_restrict_self, fd, 0) == -1)
		fatal("landlock: restrict");
	close(fd);
	log_debug("landlock: ABI %d", abi);
}
