/*
 * Which ini files are read, and in what order: a file's `before` includes, the
 * file, its `after` includes, each with the .local beside it.  What comes
 * later wins; what it replaces stays as "KNOWN/section".
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "f2b_ini.h"
#include "f2b_text.h"
#include "log.h"

#define INCLUDES	"INCLUDES"

/* A file that was parsed; `there` if it exists. */
struct parsed {
	char			*path;
	struct ini_sections	 own;
	int			 there;
};

/* Those that are being included now, from the innermost out. */
struct chain {
	const struct chain	*outer;
	const char		*path;
};

struct loader {
	struct ini	*ini;
	struct parsed	**files;
	size_t		 nfiles;
	struct parsed	**order;	/* as they are merged */
	size_t		 norder;
};

static int
check_file(struct ini *ini, int fd, const char *path, size_t *size)
{
	struct stat	st;

	if (fstat(fd, &st) == -1)
		return ini_error(ini, NULL, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ini_error(ini, NULL, "%s: found something else, "
		    "expected a regular file", path);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return ini_error(ini, NULL, "%s: found mode %04o of user %u, "
		    "expected a file that only root can write", path,
		    (unsigned int)st.st_mode & 07777, (unsigned int)st.st_uid);
	if (st.st_size > INI_FILE_SIZE)
		return ini_error(ini, NULL, "%s: found %lld bytes, expected at "
		    "most %d", path, (long long)st.st_size, INI_FILE_SIZE);
	*size = (size_t)st.st_size;
	return 0;
}

/* One byte more than it has is one too many. */
static char *
read_whole(struct ini *ini, int fd, const char *path, size_t size, size_t *len)
{
	char	*buf;
	ssize_t	 n = 0;

	if ((buf = malloc(size + 1)) == NULL)
		fatal("fail2ban's files");
	for (*len = 0; *len <= size; *len += n) {
		n = read(fd, buf + *len, size + 1 - *len);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			break;
	}
	if (n == 0)
		return buf;
	ini_error(ini, NULL, "%s: %s", path, n > 0 ?
	    "it changes while it is read" : strerror(errno));
	free(buf);
	return NULL;
}

/* A file that is not there is empty. */
static int
parse_file(struct ini *ini, struct parsed *f)
{
	char	*buf = NULL;
	size_t	 size = 0, len;
	int	 fd, status = -1;

	text_add(&ini->files, &ini->nfiles, text_dup(f->path,
	    strlen(f->path)));
	fd = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd == -1 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd == -1)
		return ini_error(ini, NULL, "%s: %s", f->path,
		    strerror(errno));
	f->there = 1;
	if (check_file(ini, fd, f->path, &size) == 0 &&
	    (buf = read_whole(ini, fd, f->path, size, &len)) != NULL)
		status = ini_parse(ini, ini->nfiles - 1, buf, len, &f->own);
	free(buf);
	close(fd);
	return status;
}

/* Each file is read once, however often it is included. */
static struct parsed *
get_file(struct loader *l, const char *path)
{
	struct parsed	**p, *f;
	size_t		  i;

	for (i = 0; i < l->nfiles; i++)
		if (strcmp(l->files[i]->path, path) == 0)
			return l->files[i];
	if (l->nfiles >= INI_FILES_MAX) {
		ini_error(l->ini, NULL, "%s: found more than %d files, "
		    "expected fewer", path, INI_FILES_MAX);
		return NULL;
	}
	if ((p = reallocarray(l->files, i + 1, sizeof(*p))) == NULL ||
	    (f = calloc(1, sizeof(*f))) == NULL)
		fatal("fail2ban's files");
	l->files = p;
	p[l->nfiles++] = f;
	f->path = text_dup(path, strlen(path));
	return parse_file(l->ini, f) == -1 ? NULL : f;
}

static int collect(struct loader *, const char *, const struct chain *);

static int
in_chain(const struct chain *c, const char *path)
{
	for (; c != NULL; c = c->outer)
		if (strcmp(c->path, path) == 0)
			return 1;
	return 0;
}

/* x.conf -> x.local; to be freed. */
static char *
local_of(const char *path)
{
	const char	*slash = strrchr(path, '/');
	const char	*dot = strrchr(slash == NULL ? path : slash, '.');
	struct f2b_text	 t = { 0 };

	text_put(&t, path, dot == NULL ? strlen(path) : (size_t)(dot - path));
	text_str(&t, ".local");
	return text_take(&t);
}

static int
collect_local(struct loader *l, const char *path, const struct chain *c)
{
	char	*local = local_of(path);
	int	 status = 0;

	if (strcmp(local, path) != 0)
		status = collect(l, local, c);
	free(local);
	return status;
}

/* One name of `before` or `after`, beside the file that includes it. */
static int
include_one(struct loader *l, const struct parsed *f, const char *name,
    const struct chain *c)
{
	const char	*slash = strrchr(f->path, '/');
	struct f2b_text	 t = { 0 };
	char		*path;
	int		 status = 0;

	if (*name != '/' && slash != NULL)
		text_put(&t, f->path, slash + 1 - f->path);
	text_str(&t, name);
	path = text_take(&t);
	if (*name != '\0' && !in_chain(c->outer, path)) {
		status = collect(l, path, c);
		if (status == 0)
			status = collect_local(l, path, c);
	}
	free(path);
	return status;
}

static int
include(struct loader *l, const struct parsed *f, const char *which,
    const struct chain *c)
{
	char	*list, *p, *name;
	int	 status;

	status = ini_lookup(l->ini, &f->own, INCLUDES, which, NULL, &list);
	if (status != 1)
		return status;
	ini_plain(list);
	status = 0;
	for (p = list; status == 0 && (name = strsep(&p, "\n")) != NULL;)
		status = include_one(l, f, name, c);
	free(list);
	return status;
}

static int
append(struct loader *l, struct parsed *f)
{
	struct parsed **p;

	if (l->norder >= INI_FILES_MAX)
		return ini_error(l->ini, NULL, "%s: found more than %d files, "
		    "expected fewer", f->path, INI_FILES_MAX);
	p = reallocarray(l->order, l->norder + 1, sizeof(*p));
	if (p == NULL)
		fatal("fail2ban's files");
	l->order = p;
	p[l->norder++] = f;
	return 0;
}

/* A file that includes one that includes it is not read for ever. */
static int
collect(struct loader *l, const char *path, const struct chain *outer)
{
	struct chain	 c = { outer, path };
	struct parsed	*f;

	if ((f = get_file(l, path)) == NULL)
		return -1;
	if (!f->there)
		return 0;
	if (include(l, f, "before", &c) == -1 || append(l, f) == -1)
		return -1;
	return include(l, f, "after", &c);
}

/* "Init?family=inet6" -> "Init", and its options are "x?family=inet6". */
static const char *
condition_of(const char *name, size_t *len)
{
	const char *q = strchr(name, '?');

	*len = strlen(name);
	if (q == NULL || q == name || q[1] == '\0')
		return "";
	*len = q - name;
	return q;
}

/* What the section has, and the file sets again, is kept. */
static void
keep_known(struct ini_sections *all, const struct ini_section *old,
    const struct ini_opts *new)
{
	struct ini_opts	 was = { 0 };
	struct f2b_text	 name = { 0 };
	size_t		 i;

	for (i = 0; i < old->opts.n; i++)
		if (ini_opts_get(new, old->opts.v[i].name) != NULL)
			ini_opts_set(&was, old->opts.v[i].name,
			    old->opts.v[i].value);
	text_printf(&name, "KNOWN/%s", old->name);
	ini_opts_merge(&ini_section_make(all, name.s)->opts, &was);
	text_clear(&name);
	ini_opts_free(&was);
}

static void
merge_section(struct ini_sections *all, const struct ini_section *s)
{
	struct ini_opts	 opts = { 0 };
	struct f2b_text	 t = { 0 };
	size_t		 i, len;
	const char	*condition = condition_of(s->name, &len);
	char		*name = text_dup(s->name, len);

	for (i = 0; i < s->opts.n; i++) {
		text_printf(&t, "%s%s", s->opts.v[i].name, condition);
		ini_opts_set(&opts, t.s, s->opts.v[i].value);
		text_clear(&t);
	}
	if (ini_section(all, name) != NULL)
		keep_known(all, ini_section(all, name), &opts);
	ini_opts_merge(&ini_section_make(all, name)->opts, &opts);
	ini_opts_free(&opts);
	free(name);
}

static void
merge(struct ini *ini, const struct parsed *f)
{
	size_t	i;

	ini_opts_merge(&ini->merged.defaults, &f->own.defaults);
	for (i = 0; i < f->own.n; i++)
		merge_section(&ini->merged, &f->own.v[i]);
}

static void
loader_free(struct loader *l)
{
	while (l->nfiles > 0) {
		l->nfiles--;
		free(l->files[l->nfiles]->path);
		ini_sections_free(&l->files[l->nfiles]->own);
		free(l->files[l->nfiles]);
	}
	free(l->files);
	free(l->order);
}

/* The names are in order; each brings its .local, unless that is one too. */
static int
load(struct ini *ini, char *const *names, size_t n)
{
	struct loader	 l = { .ini = ini };
	size_t		 i, j;
	char		*local;
	int		 status = 0;

	for (i = 0; i < n && status == 0; i++) {
		status = collect(&l, names[i], NULL);
		local = local_of(names[i]);
		for (j = 0; j < n && strcmp(names[j], local) != 0; j++)
			;
		if (j == n && status == 0)
			status = collect(&l, local, NULL);
		free(local);
	}
	if (status == 0 && l.norder == 0)
		status = ini_error(ini, NULL, "%s: %s", names[0],
		    strerror(ENOENT));
	for (i = 0; i < l.norder && status == 0; i++)
		merge(ini, l.order[i]);
	loader_free(&l);
	return status;
}

static void
add_glob(char ***names, size_t *n, const char *base, const char *suffix)
{
	struct f2b_text	 t = { 0 };
	glob_t		 g;
	size_t		 i;

	text_printf(&t, "%s.d/*.%s", base, suffix);
	if (glob(t.s, 0, NULL, &g) == 0) {
		for (i = 0; i < g.gl_pathc; i++)
			text_add(names, n, text_dup(g.gl_pathv[i],
			    strlen(g.gl_pathv[i])));
		globfree(&g);
	}
	text_clear(&t);
}

static void
add_name(char ***names, size_t *n, const char *base, const char *suffix)
{
	struct f2b_text	t = { 0 };

	text_printf(&t, "%s.%s", base, suffix);
	text_add(names, n, text_take(&t));
}

int
ini_read(struct ini *ini, const char *base)
{
	char	**names = NULL;
	size_t	  n = 0;
	int	  status;

	add_name(&names, &n, base, "conf");
	add_glob(&names, &n, base, "conf");
	add_name(&names, &n, base, "local");
	add_glob(&names, &n, base, "local");
	status = load(ini, names, n);
	text_list_free(names, n);
	return status;
}

int
ini_read_file(struct ini *ini, const char *path)
{
	char *name = text_dup(path, strlen(path));
	int status = load(ini, &name, 1);

	free(name);
	return status;
}
