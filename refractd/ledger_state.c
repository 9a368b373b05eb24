/*
 * What a restart goes on with, in SQL: positions, rule state and counters of
 * watches, lifts and bans that still matter to the parser.  The messages are
 * stored column by column, so that sqlite3(1) shows what is there; but for a
 * filter's connections (`waiting`), of which only the parser knows what they
 * say.
 *
 * A decision may go ahead of the cut that its line belongs to.  Until that cut
 * is here it is in the table `ahead`; if it never comes, as the parser died,
 * the parser's next run reads the line again, and is told what was decided.
 */
#include <sys/socket.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "ledger_sql.h"
#include "ledger_state.h"

enum statement {
	S_CLEAR_POSITION, S_CLEAR_STATE, S_CLEAR_STATS,
	S_DROP_POSITION, S_POSITION, S_DROP_STATE, S_STATE, S_PRUNE, S_STATS,
	S_GET_STATS, S_GET_POSITIONS, S_GET_STATES, S_OLDEST, S_GET_SERVED,
	S_GET_LIFTS, S_GET_GROWTH, S_LINE,
	S_AHEAD, S_CUT, S_GET_AHEAD, S_PRUNE_AHEAD,
	S_CLEAR_WAITING, S_DROP_WAITING, S_WAITING, S_GET_WAITING,
	S_MAX
};

static const char *const sql[S_MAX] = {
	[S_CLEAR_POSITION] = "DELETE FROM position",
	[S_CLEAR_STATE] = "DELETE FROM state",
	[S_CLEAR_STATS] = "DELETE FROM watch_stats",
	[S_DROP_POSITION] = "DELETE FROM position WHERE watch = ?1"
	    " AND dev = ?2 AND ino = ?3 AND (ino <> 0 OR source = ?4)",
	[S_POSITION] = "INSERT INTO position (watch, dev, ino, source,"
	    " identity, head, before, offset, size, last, modified, flags,"
	    " boot, name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
	    " ?11, ?12, ?13, ?14)",
	[S_DROP_STATE] = "DELETE FROM state WHERE watch = ?1 AND name = ?2",
	[S_STATE] = "INSERT OR REPLACE INTO state (watch, name, part,"
	    " touched, sightings) VALUES (?1, ?2, ?3, ?4, ?5)",
	[S_PRUNE] = "DELETE FROM state WHERE watch = ?1 AND touched < ?2",
	[S_STATS] = "INSERT OR REPLACE INTO watch_stats (watch, lines, bytes,"
	    " matches, unparsed, offences, forwarded, masked, skewed, lost,"
	    " ignored, cancelled, limits, last) VALUES (?1, ?2, ?3, ?4, ?5,"
	    " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
	[S_GET_STATS] = "SELECT watch, lines, bytes, matches, unparsed,"
	    " offences, forwarded, masked, skewed, lost, ignored, cancelled,"
	    " limits, last FROM watch_stats",
	[S_GET_POSITIONS] = "SELECT watch, dev, ino, source, identity, head,"
	    " before, offset, size, last, modified, flags, boot, name"
	    " FROM position ORDER BY modified",
	[S_GET_STATES] = "SELECT watch, touched, name, part, sightings"
	    " FROM state WHERE (watch, touched, name, part) >"
	    " (?1, ?2, ?3, ?4) ORDER BY watch, touched, name, part LIMIT ?5",
	[S_OLDEST] = "SELECT min(last) FROM watch_stats WHERE last > 0",
	/*
	 * Whatever came of it, the watch takes it for served; but what is
	 * ahead begins only when its line is read again.
	 */
	[S_GET_SERVED] = "SELECT ends, id, watch, starts, prefix, kind, subject"
	    " FROM decision WHERE (ends, id) > (?1, ?2) AND watch <> 0"
	    " AND (lifted = 0 OR lifted >= ?3)"
	    " AND id NOT IN (SELECT decision FROM ahead)"
	    " ORDER BY ends, id LIMIT ?4",
	[S_GET_LIFTS] = "SELECT at, prefix, subject, growth FROM forgiven"
	    " WHERE at >= ?1 ORDER BY at, id",
	/* The last one's subject: a bare column goes with max(). */
	[S_GET_GROWTH] = "SELECT watch, prefix, count(*), max(starts), subject"
	    " FROM decision WHERE watch <> 0 AND kind = 0 AND NOT EXISTS"
	    " (SELECT 1 FROM forgiven WHERE growth <> 0 AND at >= starts"
	    " AND (forgiven.prefix IS NULL OR overlap(forgiven.prefix,"
	    " decision.prefix)) AND forgiven.subject IN"
	    " ('', decision.subject)) GROUP BY watch, prefix"
	    " ORDER BY 4 DESC LIMIT ?1",
	/* Its decision was written before it; read again it says less. */
	[S_LINE] = "INSERT OR IGNORE INTO line (decision, number, at, text)"
	    " SELECT id, ?5, ?6, ?7 FROM decision WHERE watch = ?1"
	    " AND file = ?2 AND offset = ?3 AND part = ?4",
	[S_AHEAD] = "INSERT OR REPLACE INTO ahead VALUES (?1, ?2)",
	[S_CUT] = "DELETE FROM ahead WHERE run = ?1",
	[S_GET_AHEAD] = "SELECT watch, file, offset, part, starts, ends"
	    " FROM ahead JOIN decision ON id = decision"
	    " ORDER BY id DESC LIMIT ?1",
	[S_PRUNE_AHEAD] = "DELETE FROM ahead WHERE decision NOT IN"
	    " (SELECT id FROM decision WHERE starts >= ?1)",
	[S_CLEAR_WAITING] = "DELETE FROM waiting",
	[S_DROP_WAITING] = "DELETE FROM waiting WHERE watch = ?1"
	    " AND filter = ?2 AND slot = ?3",
	[S_WAITING] = "INSERT OR REPLACE INTO waiting (watch, filter, slot,"
	    " place, connection) VALUES (?1, ?2, ?3, ?4, ?5)",
	[S_GET_WAITING] = "SELECT connection FROM waiting"
	    " ORDER BY watch, filter, place"
};

static sqlite3_stmt	*stmts[S_MAX];
static int64_t		 this_run;	/* of the parser, which is ours */

enum db_status
state_prepare(sqlite3 *db)
{
	int	i, rc = SQLITE_OK;

	while (this_run == 0)
		arc4random_buf(&this_run, sizeof(this_run));
	for (i = 0; i < S_MAX && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(db, sql[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &stmts[i], NULL);
	return rc == SQLITE_OK ? DB_OK : db_fail("prepare", rc);
}

void
state_finalize(void)
{
	int	i;

	for (i = 0; i < S_MAX; i++) {
		(void)sqlite3_finalize(stmts[i]);
		stmts[i] = NULL;
	}
}

static enum db_status
run(enum statement which)
{
	sqlite3_stmt	*s = stmts[which];
	int		 rc;

	rc = sqlite3_step(s);
	(void)sqlite3_reset(s);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? DB_OK :
	    db_fail("write", rc);
}

static void
bind_u64(sqlite3_stmt *s, int i, uint64_t n)
{
	(void)sqlite3_bind_int64(s, i, (sqlite3_int64)n);
}

static uint64_t
read_u64(sqlite3_stmt *s, int i)
{
	return (uint64_t)sqlite3_column_int64(s, i);
}

static void
read_text(sqlite3_stmt *s, int i, char *buf, size_t size)
{
	const char	*text = (const char *)sqlite3_column_text(s, i);

	(void)strlcpy(buf, text == NULL ? "" : text, size);
}

/* --- Writing --- */

static enum db_status
write_clear(void)
{
	enum db_status	status;

	if ((status = run(S_CLEAR_POSITION)) == DB_OK &&
	    (status = run(S_CLEAR_STATE)) == DB_OK &&
	    (status = run(S_CLEAR_WAITING)) == DB_OK)
		status = run(S_CLEAR_STATS);
	return status;
}

static void
bind_place(sqlite3_stmt *s, const struct msg_position *p)
{
	bind_u64(s, 1, p->watch);
	bind_u64(s, 2, p->dev);
	bind_u64(s, 3, p->ino);
	bind_u64(s, 4, p->source);
}

static enum db_status
write_position(const struct msg_position *p)
{
	sqlite3_stmt	*s = stmts[S_POSITION];
	enum db_status	 status;

	bind_place(stmts[S_DROP_POSITION], p);
	if ((status = run(S_DROP_POSITION)) != DB_OK ||
	    p->flags & POSITION_GONE)
		return status;
	bind_place(s, p);
	bind_u64(s, 5, p->identity);
	bind_u64(s, 6, p->head);
	bind_u64(s, 7, p->before);
	bind_u64(s, 8, p->offset);
	bind_u64(s, 9, p->size);
	(void)sqlite3_bind_int64(s, 10, p->last);
	(void)sqlite3_bind_int64(s, 11, p->modified);
	(void)sqlite3_bind_int(s, 12, (int)p->flags);
	(void)sqlite3_bind_text(s, 13, p->boot, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(s, 14, p->name, -1, SQLITE_STATIC);
	return run(S_POSITION);
}

/* The first part takes the place of all that was there. */
static enum db_status
write_state(const struct wire_state *m, size_t len)
{
	sqlite3_stmt	*s = stmts[S_STATE], *drop = stmts[S_DROP_STATE];
	enum db_status	 status = DB_OK;

	if (m->part == 0) {
		bind_u64(drop, 1, m->watch);
		(void)sqlite3_bind_blob(drop, 2, m->name, m->name_len,
		    SQLITE_STATIC);
		status = run(S_DROP_STATE);
	}
	if (status != DB_OK || len == sizeof(*m))
		return status;
	bind_u64(s, 1, m->watch);
	(void)sqlite3_bind_blob(s, 2, m->name, m->name_len, SQLITE_STATIC);
	(void)sqlite3_bind_int64(s, 3, m->part);
	(void)sqlite3_bind_int64(s, 4, m->touched);
	(void)sqlite3_bind_blob(s, 5, m + 1, (int)(len - sizeof(*m)),
	    SQLITE_STATIC);
	return run(S_STATE);
}

static enum db_status
write_waiting(const struct wire_waiting *m, size_t len)
{
	enum statement	 which = m->id == 0 ? S_DROP_WAITING : S_WAITING;
	sqlite3_stmt	*s = stmts[which];

	bind_u64(s, 1, m->watch);
	bind_u64(s, 2, m->filter);
	(void)sqlite3_bind_int64(s, 3, m->slot);
	if (which == S_WAITING) {
		bind_u64(s, 4, m->order);
		(void)sqlite3_bind_blob(s, 5, m, (int)len, SQLITE_STATIC);
	}
	return run(which);
}

static enum db_status
write_stats(const struct msg_stats *m)
{
	sqlite3_stmt	*s = stmts[S_STATS];
	enum db_status	 status;
	int		 i;

	bind_u64(s, 1, m->watch);
	for (i = 0; i < WATCH_COUNTS; i++)
		bind_u64(s, 2 + i, m->counts[i]);
	(void)sqlite3_bind_int64(s, 2 + WATCH_COUNTS, m->last);
	if ((status = run(S_STATS)) != DB_OK)
		return status;
	bind_u64(stmts[S_PRUNE], 1, m->watch);
	(void)sqlite3_bind_int64(stmts[S_PRUNE], 2, m->keep);
	return run(S_PRUNE);
}

static enum db_status
write_line(const struct msg_evidence *m)
{
	sqlite3_stmt	*s = stmts[S_LINE];

	bind_u64(s, 1, m->id.watch);
	bind_u64(s, 2, m->id.file);
	bind_u64(s, 3, m->id.offset);
	(void)sqlite3_bind_int64(s, 4, m->id.part);
	(void)sqlite3_bind_int64(s, 5, m->number);
	(void)sqlite3_bind_int64(s, 6, m->at);
	(void)sqlite3_bind_text(s, 7, m->text, -1, SQLITE_STATIC);
	return run(S_LINE);
}

enum db_status
state_ahead(int64_t row)
{
	(void)sqlite3_bind_int64(stmts[S_AHEAD], 1, row);
	(void)sqlite3_bind_int64(stmts[S_AHEAD], 2, this_run);
	return run(S_AHEAD);
}

enum db_status
state_prune(int64_t before)
{
	(void)sqlite3_bind_int64(stmts[S_PRUNE_AHEAD], 1, before);
	return run(S_PRUNE_AHEAD);
}

/* All that this run has decided is in the cut that is being written. */
static enum db_status
write_cut(void)
{
	(void)sqlite3_bind_int64(stmts[S_CUT], 1, this_run);
	return run(S_CUT);
}

enum db_status
state_write(uint32_t type, const void *data, size_t len)
{
	switch (type) {
	case M_STATE_CLEAR:
		return write_clear();
	case M_POSITION:
		return write_position(data);
	case M_STATE:
		return write_state(data, len);
	case M_WAITING:
		return write_waiting(data, len);
	case M_EVIDENCE:
		return write_line(data);
	case M_CUT:
		return write_cut();
	default:
		return write_stats(data);
	}
}

/* --- Reading: what could not have been written is left out --- */

enum db_status
state_stats(void (*fn)(const struct msg_stats *))
{
	sqlite3_stmt	*s = stmts[S_GET_STATS];
	struct msg_stats m;
	int		 rc, i;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		memset(&m, 0, sizeof(m));
		m.watch = read_u64(s, 0);
		for (i = 0; i < WATCH_COUNTS; i++)
			m.counts[i] = read_u64(s, 1 + i);
		m.last = sqlite3_column_int64(s, 1 + WATCH_COUNTS);
		if (m.last >= 0)
			fn(&m);
	}
	(void)sqlite3_reset(s);
	return rc == SQLITE_DONE ? DB_OK : db_fail("read", rc);
}

enum db_status
state_positions(void (*fn)(const struct msg_position *))
{
	sqlite3_stmt		*s = stmts[S_GET_POSITIONS];
	struct msg_position	 p;
	int			 rc;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		memset(&p, 0, sizeof(p));
		p.watch = read_u64(s, 0);
		p.dev = read_u64(s, 1);
		p.ino = read_u64(s, 2);
		p.source = read_u64(s, 3);
		p.identity = read_u64(s, 4);
		p.head = read_u64(s, 5);
		p.before = read_u64(s, 6);
		p.offset = read_u64(s, 7);
		p.size = read_u64(s, 8);
		p.last = sqlite3_column_int64(s, 9);
		p.modified = sqlite3_column_int64(s, 10);
		p.flags = read_u64(s, 11) &
		    (POSITION_MOVED | POSITION_CURSOR);
		read_text(s, 12, p.boot, sizeof(p.boot));
		read_text(s, 13, p.name, sizeof(p.name));
		if (p.offset <= INT64_MAX && p.size <= INT64_MAX &&
		    p.last >= 0 && (!(p.flags & POSITION_CURSOR) ||
		    cursor_valid(p.name)))
			fn(&p);
	}
	(void)sqlite3_reset(s);
	return rc == SQLITE_DONE ? DB_OK : db_fail("read", rc);
}

/* One row of `state` into the cursor, which is the message too: its length. */
static size_t
read_state(sqlite3_stmt *s, struct state_cursor *c)
{
	struct wire_state	*m = &c->head;
	int			 len = sqlite3_column_bytes(s, 2);
	int			 n = sqlite3_column_bytes(s, 4);
	const void		*name = sqlite3_column_blob(s, 2);
	const void		*list = sqlite3_column_blob(s, 4);

	memset(m, 0, sizeof(*m));
	m->watch = read_u64(s, 0);
	m->touched = sqlite3_column_int64(s, 1);
	m->part = (uint32_t)sqlite3_column_int64(s, 3);
	if (len < 0 || len >= (int)sizeof(m->name))
		len = sizeof(m->name) - 1;
	if (name != NULL)
		memcpy(m->name, name, (size_t)len);
	m->name_len = (uint8_t)len;
	if (n < 0 || (size_t)n > sizeof(c->list))
		n = 0;
	if (list != NULL)
		memcpy(c->list, list, (size_t)n);
	return sizeof(*m) + (size_t)n;
}

enum db_status
state_states(struct state_cursor *c, unsigned int max, unsigned int *n,
    void (*fn)(const void *, size_t))
{
	sqlite3_stmt	*s = stmts[S_GET_STATES];
	size_t		 len;
	int		 rc;

	bind_u64(s, 1, c->begun ? c->head.watch : (uint64_t)INT64_MIN);
	(void)sqlite3_bind_int64(s, 2, c->head.touched);
	(void)sqlite3_bind_blob(s, 3, c->head.name, c->head.name_len,
	    SQLITE_TRANSIENT);
	(void)sqlite3_bind_int64(s, 4, c->begun ? (int64_t)c->head.part :
	    -1);
	(void)sqlite3_bind_int64(s, 5, max);
	for (*n = 0; (rc = sqlite3_step(s)) == SQLITE_ROW; ++*n) {
		c->begun = 1;
		len = read_state(s, c);
		if (state_fault(&c->head, len) == NULL)
			fn(&c->head, len);
	}
	(void)sqlite3_reset(s);
	return rc == SQLITE_DONE ? DB_OK : db_fail("read", rc);
}

const char *
state_fault(const struct wire_state *m, size_t len)
{
	const char	*why;

	(void)msg_check(M_STATE, ROLE_LEDGER, ROLE_PARSER, STATE_ANY, m, len,
	    0, &why);
	return why;
}

enum db_status
state_oldest(int64_t *last)
{
	sqlite3_stmt	*s = stmts[S_OLDEST];
	int		 rc;

	*last = INT64_MAX;
	if ((rc = sqlite3_step(s)) == SQLITE_ROW &&
	    sqlite3_column_type(s, 0) == SQLITE_INTEGER)
		*last = sqlite3_column_int64(s, 0);
	(void)sqlite3_reset(s);
	return rc == SQLITE_ROW ? DB_OK : db_fail("read", rc);
}

static uint64_t
subject_hash(sqlite3_stmt *s, int i)
{
	char	subject[SUBJECT_LEN];

	read_text(s, i, subject, sizeof(subject));
	return watch_hash(subject);
}

enum db_status
state_growth(unsigned int max, void (*fn)(const struct wire_growth *))
{
	sqlite3_stmt		*s = stmts[S_GET_GROWTH];
	struct wire_growth	 g;
	int			 rc;

	(void)sqlite3_bind_int64(s, 1, max);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		memset(&g, 0, sizeof(g));
		g.watch = read_u64(s, 0);
		sql_read_prefix(s, 1, &g.prefix);
		g.count = (uint32_t)sqlite3_column_int64(s, 2);
		g.last = sqlite3_column_int64(s, 3);
		g.subject = subject_hash(s, 4);
		if (g.prefix.family != 0 && g.last >= 0)
			fn(&g);
	}
	(void)sqlite3_reset(s);
	return rc == SQLITE_DONE ? DB_OK : db_fail("read", rc);
}

enum db_status
state_decided(unsigned int max, void (*fn)(const struct wire_decided *))
{
	sqlite3_stmt		*s = stmts[S_GET_AHEAD];
	struct wire_decided	 d;
	int			 rc;

	(void)sqlite3_bind_int64(s, 1, max);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		memset(&d, 0, sizeof(d));
		d.id.watch = read_u64(s, 0);
		d.id.file = read_u64(s, 1);
		d.id.offset = read_u64(s, 2);
		d.id.part = (uint32_t)sqlite3_column_int64(s, 3);
		d.start = sqlite3_column_int64(s, 4);
		d.end = sqlite3_column_int64(s, 5);
		if (d.start >= 0 && d.end >= 0)
			fn(&d);
	}
	(void)sqlite3_reset(s);
	return rc == SQLITE_DONE ? DB_OK : db_fail("read", rc);
}

enum db_status
state_waiting(void (*fn)(const void *, size_t))
{
	static uint64_t	 m[(sizeof(struct wire_waiting) + WAITING_TEXT +
			    WAITING_USERS + WAITING_LINES) / 8 + 1];
	sqlite3_stmt	*s = stmts[S_GET_WAITING];
	const void	*data;
	const char	*why;
	int		 rc, n;

	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		data = sqlite3_column_blob(s, 0);
		n = sqlite3_column_bytes(s, 0);
		if (data == NULL || n < 0 || (size_t)n > sizeof(m))
			continue;
		memcpy(m, data, (size_t)n);
		if (msg_check(M_WAITING, ROLE_LEDGER, ROLE_PARSER, STATE_ANY,
		    m, (size_t)n, 0, &why) == 0)
			fn(m, (size_t)n);
	}
	(void)sqlite3_reset(s);
	return rc == SQLITE_DONE ? DB_OK : db_fail("read", rc);
}

enum db_status
state_served(struct served_cursor *c, unsigned int max, unsigned int *n,
    void (*fn)(const struct wire_served *))
{
	sqlite3_stmt		*s = stmts[S_GET_SERVED];
	struct wire_served	 w;
	int			 rc;

	(void)sqlite3_bind_int64(s, 1, c->ends);
	(void)sqlite3_bind_int64(s, 2, c->row);
	(void)sqlite3_bind_int64(s, 3, c->oldest);
	(void)sqlite3_bind_int64(s, 4, max);
	for (*n = 0; (rc = sqlite3_step(s)) == SQLITE_ROW; ++*n) {
		memset(&w, 0, sizeof(w));
		w.end = c->ends = sqlite3_column_int64(s, 0);
		c->row = sqlite3_column_int64(s, 1);
		w.watch = read_u64(s, 2);
		w.start = sqlite3_column_int64(s, 3);
		sql_read_prefix(s, 4, &w.prefix);
		if (sqlite3_column_int(s, 5) & DECISION_NO_BAN)
			w.subject = subject_hash(s, 6);
		if ((w.prefix.family != 0 || w.subject != 0) &&
		    w.start >= 0 && w.end >= 0)
			fn(&w);
	}
	(void)sqlite3_reset(s);
	return rc == SQLITE_DONE ? DB_OK : db_fail("read", rc);
}

enum db_status
state_lifts(int64_t since, void (*fn)(const struct msg_lift *))
{
	sqlite3_stmt	*s = stmts[S_GET_LIFTS];
	struct msg_lift	 m;
	int		 rc;

	(void)sqlite3_bind_int64(s, 1, since);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		memset(&m, 0, sizeof(m));
		m.at = sqlite3_column_int64(s, 0);
		sql_read_prefix(s, 1, &m.target.prefix);
		read_text(s, 2, m.target.user, sizeof(m.target.user));
		m.target.growth = sqlite3_column_int(s, 3) != 0;
		/* A damaged prefix must not become everybody. */
		if (m.at >= 0 && (m.target.prefix.family != 0 ||
		    sqlite3_column_type(s, 1) == SQLITE_NULL))
			fn(&m);
	}
	(void)sqlite3_reset(s);
	return rc == SQLITE_DONE ? DB_OK : db_fail("read", rc);
}
