/*
 * The date formats that fail2ban knows without being told, read by hand.
 */
#ifndef DATEFORM_H
#define DATEFORM_H

#include <stddef.h>

#include "datemoment.h"

enum date_form {
	FORM_ISO,		/* 2026-11-21 16:53:01.5 +0100 */
	FORM_ASCTIME,		/* Sat Nov 21 16:53:01.5 2026, syslog's too */
	FORM_YEAR_INSIDE,	/* Sat Nov 21 2026 16:53:01.5 */
	FORM_DAY_FIRST,		/* 21/11/2026 16:53:01, 21-11-26 */
	FORM_COMMON_LOG,	/* 21/Nov/2026:16:53:01.5 +0100 */
	FORM_CPANEL,		/* 11/21/2026:16:53:01 */
	FORM_MONTH_FIRST,	/* 11-21-2026 16:53:01.5 */
	FORM_EPOCH,		/* 1795280000.123 */
	FORM_TIME,		/* 16:53:01 */
	FORM_ANGLES,		/* <11/21/26@16:53:01> */
	FORM_MYSQL,		/* 261121 16:53:01 */
	FORM_TOMCAT,		/* Nov 21, 2026 4:53:01 PM */
	FORM_ASSP,		/* Nov-21-26 16:53:01 */
	FORM_COMPACT,		/* 20261121T165301.5 +0100 */
	FORM_ZONE_NAME,		/* CET Sat Nov 21 16:53:01 2026 */
	FORM_ZONE_OFFSET,	/* +01:00 Sat Nov 21 16:53:01 2026 */
	FORM_TAI64N,		/* @4000000041f4104f00000000 */
	FORM_COUNT
};

struct date_span {
	size_t		start, end;	/* what is cut */
	enum date_form	form;
	int		begin;		/* it stands at the begin of the line */
};

/*
 * 1: found, 0: not.  At the begin of a line, after two bytes at most that are
 * not of a word; or anywhere, the leftmost.
 */
int	 dateform_begin(const char *, size_t, struct date_parts *,
	    struct date_span *);
int	 dateform_search(const char *, size_t, struct date_parts *,
	    struct date_span *);
/* In the words of a datepattern; NULL: it cannot be said with %-codes. */
const char *dateform_pattern(enum date_form);
/* An example, for people. */
const char *dateform_name(enum date_form);

#endif
