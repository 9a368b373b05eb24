/*
 * The table of privileges, and the way down.
 *
 * The order matters.  Bounding set and securebits need CAP_SETPCAP, so they
 * go first; SECBIT_NO_SETUID_FIXUP lets the capabilities live through the
 * change of ids, so that each later step has what it needs; the ids change
 * before the chroot, so that a root directory which only the role's user may
 * enter can be entered without CAP_DAC_READ_SEARCH; then all capabilities but
 * the row's go, then no_new_privs, Landlock and, last, seccomp.
 *
 * The parent and rules run other programs: they keep root's rule that exec
 * gives what the bounding set holds, and the bounding set is their row.
 *
 * SANDBOX_EMPTY is root's, empty and made by the parent: nobody whom it
 * imprisons can put something into it.
 */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/capability.h>
#include <linux/securebits.h>

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter.h"
#include "landlock.h"
#include "log.h"
#include "sandbox.h"

#define CAP(name)	(UINT64_C(1) << CAP_##name)
#define NET_CAPS	(CAP(NET_ADMIN) | CAP(NET_RAW))
#define DEMOTE_CAPS	(CAP(SETUID) | CAP(SETGID) | CAP(SETPCAP))
#define STATE_DIR	LOCALSTATEDIR "/lib/refract"

/* The parent cannot be without these ... */
#define PARENT_CAPS	(CAP(CHOWN) | CAP(KILL) | CAP(SETUID) | CAP(SETGID) | \
			 CAP(SETPCAP) | CAP(SYS_CHROOT))
/* ... and can, with less reach, without these. */
#define PARENT_MAYBE	(CAP(DAC_READ_SEARCH) | CAP(NET_BIND_SERVICE) | \
			 CAP(SYS_RESOURCE))

struct sandbox {
	const char		*user;
	const char		*root;	/* NULL: stays where it is */
	uint64_t		 caps;	/* kept */
	int			 exec;	/* runs programs as root */
	enum landlock_level	 landlock;
};

static const struct sandbox boxes[ROLE_MAX] = {
	[ROLE_PARENT] = { "root", NULL, PARENT_CAPS | PARENT_MAYBE, 1,
	    LANDLOCK_NOTHING },
	[ROLE_RULES] = { "root", NULL, NET_CAPS, 1, LANDLOCK_PROGRAMS },
	[ROLE_ENFORCER] = { "_refracte", SANDBOX_EMPTY, CAP(NET_ADMIN), 0,
	    LANDLOCK_NOTHING },
	[ROLE_LEDGER] = { "_refractl", STATE_DIR, 0, 0, LANDLOCK_ROOT_DIR },
	[ROLE_CONTROL] = { "_refract", SANDBOX_EMPTY, 0, 0,
	    LANDLOCK_NOTHING },
	[ROLE_PARSER] = { "_refractp", SANDBOX_EMPTY, 0, 0,
	    LANDLOCK_NOTHING },
	[ROLE_MUX] = { "_refractm", SANDBOX_EMPTY, 0, 0, LANDLOCK_NETWORK }
};

struct caps {
	uint64_t	permitted, effective, inheritable;
};

static uint64_t	parent_caps;	/* what sandbox_parent() kept */

static const struct sandbox *
box_of(enum role role)
{
	if (role >= ROLE_MAX || boxes[role].user == NULL)
		fatalx("sandbox: no row for %s", role_name(role));
	return &boxes[role];
}

const char *
sandbox_user(enum role role)
{
	return box_of(role)->user;
}

static struct caps
caps_get(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &head, d) == -1)
		fatal("capget");
	return (struct caps){
		.permitted = (uint64_t)d[1].permitted << 32 | d[0].permitted,
		.effective = (uint64_t)d[1].effective << 32 | d[0].effective,
		.inheritable = (uint64_t)d[1].inheritable << 32 |
		    d[0].inheritable
	};
}

/* Permitted and effective; nothing is ever inheritable. */
static int
caps_set(uint64_t caps)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	uint32_t low = (uint32_t)caps, high = (uint32_t)(caps >> 32);
	struct __user_cap_data_struct d[2] = {
		{ .permitted = low, .effective = low },
		{ .permitted = high, .effective = high }
	};

	return (int)syscall(SYS_capset, &head, d);
}

static uint64_t
bounding_get(void)
{
	uint64_t set = 0;
	int cap, r;

	for (cap = 0; cap < 64; cap++) {
		if ((r = prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) == -1)
			break;	/* the kernel's last one */
		if (r == 1)
			set |= UINT64_C(1) << cap;
	}
	return set;
}

static void
bounding_trim(uint64_t keep)
{
	uint64_t drop = bounding_get() & ~keep;
	int cap;

	for (cap = 0; cap < 64; cap++)
		if ((drop & (UINT64_C(1) << cap)) != 0 &&
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			fatal("sandbox: bounding set");
}

/* "CAP_NET_ADMIN CAP_NET_RAW" */
static const char *
caps_print(uint64_t caps)
{
	static char buf[1024];
	const char *name;
	size_t len;
	unsigned int cap;

	buf[0] = '\0';
	for (cap = 0; cap < 64; cap++) {
		if ((caps & (UINT64_C(1) << cap)) == 0)
			continue;
		name = capng_capability_to_name(cap);
		len = strlen(buf);
		strlcat(buf, len == 0 ? "CAP_" : " CAP_", sizeof(buf));
		strlcat(buf, name != NULL ? name : "?", sizeof(buf));
		for (; buf[len] != '\0'; len++)
			if (buf[len] >= 'a' && buf[len] <= 'z')
				buf[len] -= 'a' - 'A';
	}
	return buf;
}

static void
caps_require(enum role role, uint64_t need)
{
	uint64_t missing = need & ~caps_get().permitted;

	if (geteuid() != 0)
		fatalx("%s must be started by root", role_name(role));
	if (missing != 0)
		fatalx("missing capability %s: %s cannot do without",
		    caps_print(missing), role_name(role));
}

/*
 * Bits that change what ids and exec do to capabilities, and the locks of
 * all of them: what was not chosen cannot be chosen later.
 */
static void
lock_securebits(const struct sandbox *box)
{
	unsigned long bits = SECBIT_KEEP_CAPS_LOCKED |
	    SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED |
	    SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
	    SECBIT_NO_SETUID_FIXUP_LOCKED;

	if (!box->exec)
		bits |= SECBIT_NOROOT;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1 ||
	    prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) == -1)
		fatal("sandbox: securebits");
}

static struct passwd *
user_of(const struct sandbox *box)
{
	struct passwd *pw;

	errno = 0;
	if ((pw = getpwnam(box->user)) == NULL) {
		if (errno != 0)
			fatal("user %s", box->user);
		fatalx("user %s does not exist (see refract.sysusers)",
		    box->user);
	}
	return pw;
}

static void
change_ids(const struct passwd *pw)
{
	if (setgroups(pw->pw_uid != 0, &pw->pw_gid) == -1 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == -1 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == -1)
		fatal("sandbox: becoming %s", pw->pw_name);
}

/* Nobody but root, or the role's own user, may change the directory. */
static void
change_root(const char *root, uid_t owner)
{
	struct stat st;

	if (stat(root, &st) == -1)
		fatal("root directory %s", root);
	if (!S_ISDIR(st.st_mode) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
	    st.st_uid != owner)
		fatalx("root directory %s: must be a directory of uid %u that "
		    "nobody else may write", root, (unsigned int)owner);
	if (chroot(root) == -1 || chdir("/") == -1)
		fatal("root directory %s", root);
}

static void
keep_caps(uint64_t caps)
{
	if (caps_set(caps) == -1)
		fatal("sandbox: capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		fatal("sandbox: no_new_privs");
}

void
sandbox_enter_ids(enum role role, const char *root)
{
	const struct sandbox *box = box_of(role);
	const struct passwd *pw;
	uid_t owner;

	caps_require(role, box->caps | DEMOTE_CAPS |
	    (box->root != NULL ? CAP(SYS_CHROOT) : 0));
	pw = user_of(box);
	bounding_trim(box->caps);
	lock_securebits(box);
	change_ids(pw);
	if (box->root != NULL) {
		owner = box->landlock == LANDLOCK_ROOT_DIR ? pw->pw_uid : 0;
		change_root(root != NULL ? root : box->root, owner);
	}
	keep_caps(box->caps);
	landlock_enter(box->landlock);
}

/* The capabilities are the row's and no way leads to others. */
static void
prove_caps(const struct sandbox *box, uint64_t caps)
{
	struct caps now = caps_get();
	uint64_t more = caps | CAP(SYS_ADMIN);

	if (now.permitted != caps || now.effective != caps ||
	    now.inheritable != 0)
		fatalx("sandbox: has capabilities %s",
		    caps_print(now.permitted | now.effective |
		    now.inheritable));
	if ((bounding_get() & ~caps) != 0)
		fatalx("sandbox: the bounding set is not trimmed");
	if (caps_set(more) != -1)
		fatalx("sandbox: could raise a capability");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		fatalx("sandbox: no_new_privs is not set");
	if ((caps & CAP(SETPCAP)) == 0 &&
	    prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) != -1)
		fatalx("sandbox: could unlock %s's securebits", box->user);
}

/* Neither root's id nor root's files can be had again. */
static void
prove_prison(const struct sandbox *box)
{
	static const char *const paths[] = {
		"/etc/passwd", "/proc/self/status", "../etc/passwd"
	};
	size_t i;

	if (setresuid(-1, 0, -1) != -1 || setuid(0) != -1 ||
	    setresgid(-1, 0, -1) != -1 || geteuid() == 0)
		fatalx("sandbox: %s could become root", box->user);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (open(paths[i], O_RDONLY | O_CLOEXEC) != -1)
			fatalx("sandbox: %s could open %s", box->user,
			    paths[i]);
	if (chroot(".") != -1)
		fatalx("sandbox: %s could chroot", box->user);
}

void
sandbox_enter_filter(enum role role)
{
	const struct sandbox *box = box_of(role);

	prove_caps(box, box->caps);
	if (!box->exec)
		prove_prison(box);
	filter_enter(role);
}

void
sandbox_enter_caller(enum role role)
{
	const struct sandbox *box = box_of(role);
	struct caps now;

	keep_caps(0);
	landlock_enter(box->landlock);
	now = caps_get();
	if (now.permitted != 0 || now.effective != 0 ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		fatalx("sandbox: privileges are left");
	if (setuid(0) != -1 || geteuid() == 0)
		fatalx("sandbox: could become root");
	filter_enter(role);
}

int
sandbox_parent_check(void)
{
	uint64_t missing = PARENT_CAPS & ~caps_get().permitted;

	if (missing == 0)
		return 0;
	log_warnx("missing capability %s: parent cannot do without",
	    caps_print(missing));
	return -1;
}

/*
 * A container's root has CAP_DAC_OVERRIDE where ours wants the lesser
 * CAP_DAC_READ_SEARCH: then logs of others are read with that.
 */
void
sandbox_parent_notice(void)
{
	uint64_t have = caps_get().permitted;
	uint64_t missing = PARENT_MAYBE & ~have;

	if ((have & CAP(DAC_OVERRIDE)) != 0)
		missing &= ~CAP(DAC_READ_SEARCH);
	if (missing != 0)
		log_notice("started without capability %s",
		    caps_print(missing));
}

void
sandbox_parent(void)
{
	uint64_t have = caps_get().permitted;

	caps_require(ROLE_PARENT, PARENT_CAPS);
	sandbox_parent_notice();
	parent_caps = have & (PARENT_CAPS | PARENT_MAYBE | NET_CAPS);
	if ((have & CAP(DAC_READ_SEARCH)) == 0)
		parent_caps |= have & CAP(DAC_OVERRIDE);
	bounding_trim(parent_caps);
	keep_caps(parent_caps);
	prove_caps(box_of(ROLE_PARENT), parent_caps);
	filter_enter(ROLE_PARENT);
}

void
sandbox_parent_drop_net(void)
{
	parent_caps &= ~NET_CAPS;
	bounding_trim(parent_caps);
	if (caps_set(parent_caps) == -1)
		fatal("sandbox: capabilities");
	prove_caps(box_of(ROLE_PARENT), parent_caps);
}
