/*
 * From a path that the configuration names, wildcards and all, to directories
 * that must be watched and to files that can be opened without being fooled.
 * Nothing is remembered here.
 */
#ifndef WALK_H
#define WALK_H

#include <sys/stat.h>

#include <stddef.h>

struct walk {
	/*
	 * Called before dirfd is searched for `next`, the next component of
	 * the pattern: whoever watches it from here misses nothing.
	 */
	void	(*dir)(void *, int dirfd, const char *next);
	/* `name` fits the last component; it may be anything, or gone. */
	void	(*file)(void *, int dirfd, const char *name, const char *path);
	/* A directory that may not be entered. */
	void	(*refused)(void *, const char *path, const char *why);
};

/*
 * Every directory and file on the way of an absolute pattern (glob(7)).  A
 * symbolic link to a directory is followed if root made it, none to a file.
 */
void	 walk(const char *pattern, const struct walk *, void *);

/*
 * The directory that a file of an absolute path lies in, by the same rule
 * about links; *name is the file's.  A descriptor, or -1 and in *why what is
 * wrong, or NULL and errno.
 */
int	 walk_dir_of(const char *path, const char **name, const char **why);

/*
 * Open a log: a regular file behind no link, not writable by everybody, and in
 * a directory where everybody may write only if it is root's.  Never blocks.
 * A descriptor, or -1 with the reason in why, which is empty if the file is
 * gone.
 */
int	 walk_open(int dirfd, const char *name, char *why, size_t len);

#endif
