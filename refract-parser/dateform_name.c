/*
 * The date formats of dateform.c in words: fail2ban's, and people's.
 */
#include "dateform.h"

const char *
dateform_pattern(enum date_form form)
{
	static const char	*patterns[FORM_COUNT] = {
		[FORM_ISO] = "%ExY(?<_sep>[./-])%m\\k<_sep>%d(?:T| {1,2})"
		    "%H:%M:%S(?:[,.]%f)?(?:\\s*%z)?",
		[FORM_ASCTIME] = "(?:%a )?%b %d %k:%M:%S(?:[.]%f)?(?: %ExY)?",
		[FORM_YEAR_INSIDE] = "(?:%a )?%b %d %ExY %k:%M:%S(?:[.]%f)?",
		[FORM_DAY_FIRST] = "%d(?<_sep>[/-])%m\\k<_sep>(?:%ExY|%Exy) "
		    "%k:%M:%S",
		[FORM_COMMON_LOG] = "%d(?<_sep>[/-])%b\\k<_sep>%ExY[: ]?"
		    "%H:%M:%S(?:[.]%f)?(?: %z)?",
		[FORM_CPANEL] = "%m/%d/%ExY:%H:%M:%S",
		[FORM_MONTH_FIRST] = "%m-%d-%ExY %k:%M:%S(?:[.]%f)?",
		[FORM_TIME] = "%H:%M:%S",
		[FORM_ANGLES] = "^<%m/%d/%Exy@%H:%M:%S>",
		[FORM_MYSQL] = "%Exy%Exm%Exd {1,2}%H:%M:%S",
		[FORM_TOMCAT] = "%b %d, %ExY %I:%M:%S %p",
		[FORM_ASSP] = "^%b-%d-%Exy %k:%M:%S",
		[FORM_COMPACT] = "%ExY%Exm%Exd(?:T| {1,2})%ExH%ExM%ExS"
		    "(?:[,.]%f)?(?:\\s*%z)?",
		[FORM_ZONE_NAME] = "(?:%Z )?(?:%a )?%b %d %k:%M:%S"
		    "(?:[.]%f)?(?: %ExY)?",
		[FORM_ZONE_OFFSET] = "(?:%z )?(?:%a )?%b %d %k:%M:%S"
		    "(?:[.]%f)?(?: %ExY)?",
	};

	return patterns[form];
}

const char *
dateform_name(enum date_form form)
{
	static const char	*names[FORM_COUNT] = {
		[FORM_ISO] = "2026-11-21 16:53:01[.5][ +0100]",
		[FORM_ASCTIME] = "[Sat ]Nov 21 16:53:01[.5][ 2026]",
		[FORM_YEAR_INSIDE] = "[Sat ]Nov 21 2026 16:53:01[.5]",
		[FORM_DAY_FIRST] = "21/11/2026 16:53:01",
		[FORM_COMMON_LOG] = "21/Nov/2026:16:53:01[.5][ +0100]",
		[FORM_CPANEL] = "11/21/2026:16:53:01",
		[FORM_MONTH_FIRST] = "11-21-2026 16:53:01[.5]",
		[FORM_EPOCH] = "1795280000[.123]",
		[FORM_TIME] = "16:53:01",
		[FORM_ANGLES] = "<11/21/26@16:53:01>",
		[FORM_MYSQL] = "261121 16:53:01",
		[FORM_TOMCAT] = "Nov 21, 2026 4:53:01 PM",
		[FORM_ASSP] = "Nov-21-26 16:53:01",
		[FORM_COMPACT] = "20261121T165301[.5][+0100]",
		[FORM_ZONE_NAME] = "CET [Sat ]Nov 21 16:53:01[.5][ 2026]",
		[FORM_ZONE_OFFSET] = "+01:00 [Sat ]Nov 21 16:53:01[.5][ 2026]",
		[FORM_TAI64N] = "@4000000041f4104f00000000"
	};

	return names[form];
}
