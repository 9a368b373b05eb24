/*
 * Rows as text for people and as JSON for scripts.  One table of columns
 * (ctl_columns.c) says what a row has; both forms are made from it, here, by
 * refractctl for its output, by the control role for the audit log and the
 * status page.
 */
#ifndef CTL_OUTPUT_H
#define CTL_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "ctl_buf.h"

enum coltype {
	COL_STR,		/* outside bytes */
	COL_SAFE,		/* went through vis(3) where it came from */
	COL_WORD,		/* one of our own words, never quoted */
	COL_NUM,		/* unsigned, by its size */
	COL_ERRNO,		/* 0: none */
	COL_BOOL,
	COL_PREFIX,
	COL_OFFENDER,		/* of a wire_ban, if it is not the prefix */
	COL_SERVICE,		/* of a wire_ban: tcp/443 */
	COL_TIME,		/* wall_t, short: 13:45:00 or Nov 21 13:45 */
	COL_STAMP,		/* wall_t, RFC 3339 with milliseconds */
	COL_LEFT,		/* wall_t: time until then */
	COL_AGE,		/* wall_t: time since then */
	COL_LENGTH,		/* of a wire_ban: from start to end */
	COL_SIZE,		/* bytes: 12.3M */
	COL_ID,			/* decision_id */
	COL_ROLE,
	COL_STATE,		/* enum proc_state */
	COL_OUTCOME,		/* enum ban_outcome */
	COL_KIND,		/* enum notice_kind */
	COL_ADDRS,		/* of a row_user */
	COL_HEALTH,		/* of a row_summary */
	COL_TROUBLE,		/* text; "": good */
	COL_NOTICES,		/* of a row_summary */
	COL_C_NAME, COL_C_KIND, COL_C_ROLE, COL_C_HELP,	/* of a counter */
	COL_RUN_STATE,		/* enum run_state */
	COL_WHEN,		/* enum run_when */
	COL_STATUS,		/* wait(2)'s, of a row_pending that is over */
	COL_ENDPOINT,		/* struct endpoint */
	COL_USEC,		/* microseconds: 1.5ms; 0: none */
	COL_MSEC,		/* milliseconds: 1.5s; UINT64_MAX: none */
	COL_MEMBER,		/* enum member_state */
	COL_ENDED,		/* ended[] of a row_listener */
	COL_RECORD,		/* its title, JSON only: what kind of row */
	COL_MAX
};

#define COLF_JSON	0x01	/* not in the text */
#define COLF_TEXT	0x02	/* not in JSON */
#define COLF_SOME	0x04	/* not in the text if 0 */
#define COLF_BELOW	0x08	/* table: on lines of its own below the row */
#define COLF_RIGHT	0x10	/* table: to the right */

struct column {
	const char	*title;	/* text: heading or label */
	const char	*key;	/* JSON */
	enum coltype	 type;
	uint16_t	 off, size;
	uint8_t		 width;	/* table; 0: the rest of the 80 */
	uint8_t		 flags;
};

enum layout {
	LAYOUT_TABLE,		/* a heading, a line a row */
	LAYOUT_BLOCK,		/* a line a column, an empty line between */
	LAYOUT_LINE,		/* one line, words before the values */
	LAYOUT_TEXT		/* row_text: as it is */
};

struct rowtype {
	size_t			 size;
	enum layout		 layout;
	const struct column	*columns;	/* ends with title NULL */
	const char		*none;		/* text when there is no row */
	int			 single;	/* JSON: the object, no array */
};

/* refractctl why: several kinds of rows, one after the other. */
struct why_part {
	uint32_t	 what;		/* enum show_what */
	const char	*key;		/* JSON */
	const char	*title;		/* text */
};
#define WHY_PARTS	4
extern const struct why_part why_parts[WHY_PARTS];

/* By enum show_what; NULL if there is no such row. */
const struct rowtype *row_type(uint32_t what);

/* Rows have passed msg_check(): their lengths and strings are good. */
void	 row_heading(struct obuf *, const struct rowtype *);
void	 row_text(struct obuf *, const struct rowtype *, const void *row,
	    wall_t now);
void	 row_json(struct obuf *, const struct rowtype *, const void *row,
	    wall_t now);

#define OUT_WIDTH	80

/* One field: its cell of text; its "key":value in JSON (ctl_field.c). */
void	 field_text(struct obuf *, const struct column *, const void *row,
	    wall_t now, int quote);
void	 field_json(struct obuf *, const struct column *, const void *row,
	    wall_t now);

#endif
