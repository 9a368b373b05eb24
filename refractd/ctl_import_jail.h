/*
 * The parts of the import: jails as they are read, values as they are said.
 */
#ifndef CTL_IMPORT_JAIL_H
#define CTL_IMPORT_JAIL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "clock.h"
#include "conf.h"
#include "f2b.h"
#include "f2b_ini.h"

/* What a jail does with an address. */
struct action {
	char		*name;
	struct ini_opts	 opts;		/* what its file comes to */
	int		 native;	/* it blocks: refract's own ban does */
};

struct jail {
	char		*name;
	char		*filter;	/* without its options */
	struct ini_opts	 given;		/* the filter's options */
	struct ini_opts	 opts;		/* the jail's */
	struct f2b_filter f2b;		/* as refract reads it */
	struct action	*actions;
	size_t		 nactions;
	int		 journal;	/* 1: no log file, but the journal */
	int		 bad;		/* not readable: why says it */
	char		 why[INI_WHY_LEN];
};

struct import {
	const char	*dir;
	struct ini	 ini;		/* jail.conf and so on */
	struct jail	*jails;
	size_t		 njails;
	int		 failed;
};

/* Read jail.conf and all jails that are enabled: 0, or -1, ini.why. */
int	 jails_read(struct import *);
void	 jails_free(struct import *);
/* "" if it is not said. */
const char *jail_get(const struct jail *, const char *);
int	 import_bool(const char *);

/*
 * One line that something is not as it was: a comment, indented if there is a
 * jail, and on standard error.
 */
void	 import_note(const struct jail *, const char *, ...)
	    __attribute__((__format__(printf, 2, 3)));
/* A string of refract.conf(5), quotes included. */
void	 import_quote(const char *);

/* fail2ban's times: "10m", "1d 12h", 600, -1 for ever; 0 or -1. */
int	 import_span(span_t *, const char *);

/* What a ban is of; n 0: of everything. */
struct ports {
	struct {
		uint16_t	lo, hi;
	}	 v[BAN_PORTS_MAX];
	size_t	 n;
	int	 tcp, udp;
	char	 why[256];		/* what was left out, or "" */
};

void	 import_ports(struct ports *, const char *ports, const char *proto);

/* The statements of a jail's watch: bans and commands. */
void	 import_ban(const struct jail *);
void	 import_runs(const struct jail *);

#endif
