/*
 * A configuration as text that parses to the same, every default visible.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "parse.h"
#include "print_out.h"

static const char *
table_text(const struct conf_table *t)
{
	return t->text == NULL ? "" : t->text;
}

static void
print_table(struct out *o, const struct conf_table *t)
{
	char	head[NAME_MAX_LEN + 16];

	snprintf(head, sizeof(head), "table <%s>", t->w.name);
	out_list(o, head, table_text(t), "");
}

static void
print_ban(struct out *o, const struct conf *c)
{
	const struct wire_global	*g = &c->global;
	struct conf_table		*t;

	out_text(o, "ban {\n");
	if ((t = conf_table_byid(c, g->never)) != NULL)
		out_list(o, "never", table_text(t), "\t");
	out_format(o, "\tprefix inet %u inet6 %u\n", g->plen4, g->plen6);
	out_format(o, "\tprotect sessions %s\n",
	    out_yesno(g->protect_sessions));
	out_format(o, "\taction %s\n",
	    g->action == ACTION_DROP ? "drop" : "reject");
	out_format(o, "\thook %s\n",
	    g->hook == HOOK_LOCAL ? "local" : "forward");
	out_format(o, "\tmax %u\n", g->max);
	out_text(o, "}\n");
}

static void
print_ledger(struct out *o, const struct wire_global *g)
{
	out_text(o, "ledger {\n\tkeep ");
	if (g->ledger_keep == 0)
		out_text(o, "forever");
	else
		out_span(o, g->ledger_keep * (span_t)1000);
	out_text(o, "\n\tmax ");
	if (g->ledger_max == 0)
		out_text(o, "none");
	else
		out_size(o, g->ledger_max);
	out_text(o, "\n}\n");
}

static void
print_global(struct out *o, const struct conf *c)
{
	if (*c->global.instance != '\0')
		out_format(o, "instance \"%s\"\n", c->global.instance);
	out_text(o, "state ");
	out_quoted(o, c->state_dir);
	out_text(o, "\ncontrol ");
	out_quoted(o, c->control_path);
	if (c->admin_group != NULL) {
		out_text(o, " admin group ");
		out_quoted(o, c->admin_group);
	}
	out_format(o, "\nhot reload %s", out_yesno(c->hot_reload));
	out_text(o, "\nlog bans ");
	if (c->audit_path == NULL)
		out_text(o, "none");
	else {
		out_quoted(o, c->audit_path);
		out_text(o, c->global.audit_json ? " json" : "");
	}
	out_text(o, "\n");
}

static void
print_commands(struct out *o, const struct conf *c)
{
	struct conf_command	*cmd;

	if (c->run_max_said)
		out_format(o, "commands at most %u\n", c->run_max);
	else
		out_text(o, "commands at most cpus\n");
	TAILQ_FOREACH(cmd, &c->start, entry)
		print_command(o, "start", cmd);
	TAILQ_FOREACH(cmd, &c->stop, entry)
		print_command(o, "stop", cmd);
}

/* Without a mux its defaults are nothing to anybody. */
static int
has_mux(const struct conf *c)
{
	return !TAILQ_EMPTY(&c->mux.listeners) ||
	    !TAILQ_EMPTY(&c->mux.pools) || !TAILQ_EMPTY(&c->mux.taps) ||
	    c->mux.workers != 0 || c->mux.drain != MUX_DRAIN_DEFAULT ||
	    c->access_path != NULL;
}

static void
print_mux(struct out *o, const struct conf *c)
{
	struct conf_tap		*t;
	struct conf_pool	*p;
	struct conf_listener	*l;

	if (!has_mux(c))
		return;
	if (c->mux.workers != 0)
		out_format(o, "workers %u\n", c->mux.workers);
	out_text(o, "drain ");
	out_span(o, c->mux.drain);
	out_text(o, "\nlog connections ");
	if (c->access_path == NULL)
		out_text(o, "none");
	else {
		out_quoted(o, c->access_path);
		out_text(o, c->access_json ? " json" : "");
	}
	out_text(o, "\n");
	TAILQ_FOREACH(t, &c->mux.taps, entry)
		print_tap(o, t);
	TAILQ_FOREACH(p, &c->mux.pools, entry)
		if (!p->direct)
			print_pool(o, p);
	TAILQ_FOREACH(l, &c->mux.listeners, entry)
		print_listener(o, c, l);
}

static void
print_statuses(struct out *o, const struct conf *c)
{
	struct conf_status	*s;
	char			 addr[PREFIX_STRLEN];

	TAILQ_FOREACH(s, &c->statuses, entry)
		out_format(o, "status on %s port %u\n",
		    prefix_print(&s->w.addr, addr), s->w.port);
}

void
conf_print(const struct conf *c, void (*emit)(void *, const char *),
    void *arg)
{
	struct out		 o = { .emit = emit, .arg = arg };
	struct conf_table	*t;
	struct conf_watch	*w;

	print_global(&o, c);
	print_commands(&o, c);
	print_statuses(&o, c);
	print_ledger(&o, &c->global);
	TAILQ_FOREACH(t, &c->tables, entry)
		if (*t->w.name != '\0')
			print_table(&o, t);
	print_ban(&o, c);
	print_defines(&o, &c->defines, "");
	TAILQ_FOREACH(w, &c->watches, entry)
		print_watch(&o, c, w);
	print_mux(&o, c);
	out_flush(&o);
}
