/*
 * fail2ban's ini files: what Python's configparser reads, with fail2ban's
 * includes, conditional sections and interpolations.
 *
 * Each line of a value begins with a mark of the place that it was read at,
 * which goes with the text wherever it is interpolated: ini_where() reads it,
 * ini_plain() takes the marks out.
 */
#ifndef F2B_INI_H
#define F2B_INI_H

#include <stddef.h>
#include <stdint.h>

#define INI_FILES_MAX	256		/* read for one thing, includes too */
#define INI_FILE_SIZE	1048576		/* bytes of a file */
#define INI_LINES_MAX	65535		/* lines of values, all files */
#define INI_DEPTH_MAX	10		/* of %()s in %()s, as in Python */
#define INI_WORK_MAX	(64 * 1024 * 1024)	/* bytes interpolated */
#define INI_WHY_LEN	512

/* Options in the order in which they came to be. */
struct ini_opt {
	char	*name, *value;
};

struct ini_opts {
	struct ini_opt	*v;
	size_t		 n;
};

const char	*ini_opts_get(const struct ini_opts *, const char *);
void		 ini_opts_set(struct ini_opts *, const char *, const char *);
void		 ini_opts_merge(struct ini_opts *, const struct ini_opts *);
void		 ini_opts_free(struct ini_opts *);

struct ini_section {
	char		*name;
	struct ini_opts	 opts;
};

struct ini_sections {
	struct ini_section	*v;
	size_t			 n;
	struct ini_opts		 defaults;	/* [DEFAULT] */
};

struct ini_section	*ini_section(const struct ini_sections *, const char *);
struct ini_section	*ini_section_make(struct ini_sections *, const char *);
void			 ini_sections_free(struct ini_sections *);

struct ini_place {
	uint32_t	file : 31;	/* of ini.files */
	uint32_t	alone : 1;	/* nothing but %(x)s or <x> */
	uint32_t	line;
};

struct ini {
	struct ini_sections	 merged;	/* "KNOWN/x" has what x was */
	char			**files;	/* read or looked for */
	size_t			 nfiles;
	struct ini_place	*places;
	size_t			 nplaces;
	size_t			 work;
	char			 why[INI_WHY_LEN];	/* the first error */
};

void	 ini_init(struct ini *);
void	 ini_free(struct ini *);
/* -1, with the place of the text (NULL: none known) and what is said. */
int	 ini_error(struct ini *, const char *text, const char *, ...)
	    __attribute__((__format__(printf, 3, 4)));

/*
 * Read BASE.conf, each .conf in BASE.d, BASE.local, each .local in BASE.d; or
 * one file by its name and the .local beside it; each with what it includes.
 * 0 or -1; nothing there at all is an error.
 */
int	 ini_read(struct ini *, const char *base);
int	 ini_read_file(struct ini *, const char *path);

/*
 * The option of the section or of [DEFAULT], interpolated; vars come before
 * what the section has.  1 and the value, to be freed; 0: it has none; -1.
 */
int	 ini_get(struct ini *, const char *section, const char *option,
	    const struct ini_opts *vars, char **value);
/* Put <tags> of the options into each other and those of [section]. */
int	 ini_tags(struct ini *, const char *section,
	    const struct ini_opts *vars, struct ini_opts *);

#define INI_MARK_LEN	6		/* 0x01, four digits, 0x02 */
#define INI_MARK	'\001'
#define INI_MARK_END	'\002'

/* "file:line" of the text's first line, or NULL; static, the next is another */
const char	*ini_where(const struct ini *, const char *text);
/* In place, without the marks; returns it. */
char		*ini_plain(char *);

/* Used between the parts: a file's own sections, 0 or -1 (f2b_parse.c). */
int	 ini_parse(struct ini *, uint32_t file, const char *, size_t,
	    struct ini_sections *);
int	 ini_lookup(struct ini *, const struct ini_sections *,
	    const char *section, const char *option, const struct ini_opts *,
	    char **);

#endif
