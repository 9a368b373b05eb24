/*
 * A datagram of syslog: RFC 5424, RFC 3164, and what programs send in their
 * place.  It becomes a line as a log file has it: "STAMP host ident[pid]:
 * message", where what is not said is not there.
 */
#ifndef SYSLOG_LINE_H
#define SYSLOG_LINE_H

#include <stddef.h>

struct syslog_line {
	const char	*line;		/* in the datagram, or in buf */
	size_t		 len;		/* with its newline; 0: empty */
	const char	*message;	/* behind "ident: ", to the same end */
	size_t		 message_len;
	int		 stamped;	/* it says when it was written */
};

/*
 * p is written to, and p[n] too.  buf is needed for RFC 5424 and must be as
 * long as the datagram and SYSLOG_ROOM more.
 */
#define SYSLOG_ROOM	8
void	 syslog_line(char *p, size_t n, char *buf, struct syslog_line *out);

#endif
