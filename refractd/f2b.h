/*
 * fail2ban's filter.d files, read as they are: its ini files with what they
 * include, their interpolations, and their regexes made into PCRE2's.  Only
 * text comes out of here; nothing is compiled (no libpcre2), nothing is
 * logged.  Files are root's, but every size is bounded.
 *
 * The regexes are for PCRE2 without UTF, with PCRE2_DUPNAMES and LF newlines;
 * with PCRE2_MULTILINE if maxlines > 1.  What they are matched against is a
 * line without its date, and a "\n" at its end.
 *
 * Their named groups, as fail2ban names them (lower case):
 *	ip4 ip6 dns	an address, a host's name (usedns other than no)
 *	cidr		the length after an address
 *	fid		the failure's id, if it is not an address
 *	fport		a port
 *	mlfid		what lines of one connection have in common
 *	nofail		set: not a failure, but its values are kept
 *	mlfgained	set: access was gained, what is pending is no failure
 *	mlfforget	set: the connection has ended, forget its mlfid
 *	content		of prefregex: what the failregexes are matched against
 *	user		the user
 *	skiplines0 ...	lines in between, which are left for other regexes
 *	alt_X, alt_X_1	X, if X is not set or empty
 *	tuple_X ...	X is all of them together
 * and whatever <F-NAME> the filter has, and groups of its author's own.
 * The failure's id is the first that is set of fid, ip4, ip6, dns.
 */
#ifndef F2B_H
#define F2B_H

#include <stddef.h>

#define F2B_DIR		"/etc/fail2ban"
#define F2B_REGEX_MAX	512	/* failregexes of a filter, and ignoreregexes */
#define F2B_LINES_MAX	1000	/* maxlines */

enum f2b_dns {
	F2B_DNS_NO,		/* <HOST> is an address */
	F2B_DNS_YES,		/* or a name, to be looked up */
	F2B_DNS_WARN,		/* the same with a warning */
	F2B_DNS_RAW		/* or a name, which is the id */
};

struct f2b_args {
	/* "sshd", "sshd[mode=ddos]", "/a/path/x.conf" (options too) */
	const char	*name;
	const char	*mode;		/* NULL: not said */
	/* `x="y", z=1` as within the []; NULL: none; these win over name's */
	const char	*options;
	const char	*dir;		/* NULL: F2B_DIR */
	int		 journal;	/* 1: the lines are the journal's */
};

struct f2b_regex {
	char	*text;
	char	*written;		/* with fail2ban's tags */
	char	*where;			/* "file:line" */
};

struct f2b_regexes {
	struct f2b_regex	*list;
	size_t			 n;
};

struct f2b_filter {
	char			*name;	/* "sshd[mode=aggressive]" */
	struct f2b_regexes	 fail;
	struct f2b_regexes	 ignore;
	struct f2b_regexes	 prefix;	/* one or none */
	struct f2b_regexes	 dates;	/* as they are written */
	unsigned int		 maxlines;	/* 1: not said */
	enum f2b_dns		 usedns;
	/* journald's matches, with "+" between those that are alternatives */
	char			**journal;
	size_t			 njournal;
	/* What was read, or would have been if it were there. */
	char			**files;
	size_t			 nfiles;
};

/*
 * 0, or -1 with "file:line: what was found" in why; the filter, which has only
 * its files then, is the caller's (f2b_free) in both cases.
 */
int	 f2b_load(const struct f2b_args *, struct f2b_filter *, char *why,
	    size_t);
/* Also of one that is all zero. */
void	 f2b_free(struct f2b_filter *);

#endif
