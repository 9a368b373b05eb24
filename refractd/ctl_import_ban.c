/*
 * What a jail does when it has counted enough: its native actions become a
 * ban, its bantime.increment a growing one.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_import_jail.h"
#include "f2b_text.h"

#define BANTIME_MAX	(3650 * 24 * 3600 * 1000LL)	/* of the language */
#define MULTIPLIERS_MAX	64

struct growth {
	double	by;			/* 0: does not grow */
	double	most;			/* times the first; 0: no bound */
};

static const char *
action_get(const struct action *a, const struct jail *j, const char *key)
{
	const char *v = ini_opts_get(&a->opts, key);

	return v != NULL ? v : jail_get(j, key);
}

/* Some block an address altogether, whatever ports they were given. */
static int
is_allports(const struct action *a)
{
	static const char *const whole[] = { "route", "hostsdeny",
	    "shorewall", "apf", "symbiosis", "xt_recent", "allports" };
	const char	*type = ini_opts_get(&a->opts, "type");
	size_t		 i;

	if (type != NULL && strcmp(type, "allports") == 0)
		return 1;
	for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		if (strstr(a->name, whole[i]) != NULL)
			return 1;
	return 0;
}

static void
put_on(struct f2b_text *t, const char *proto, const struct ports *p)
{
	const char	*sep = "";
	size_t		 i;

	text_printf(t, " on %s port %s", proto, p->n > 1 ? "{ " : "");
	for (i = 0; i < p->n; i++) {
		text_printf(t, "%s%u", sep, p->v[i].lo);
		if (p->v[i].hi != p->v[i].lo)
			text_printf(t, ":%u", p->v[i].hi);
		sep = ", ";
	}
	text_str(t, p->n > 1 ? " }" : "");
}

/* Where the ban is, of all native actions together: to be freed. */
static char *
bans_on(const struct jail *j)
{
	struct f2b_text	 t = { 0 };
	const struct action *a;
	struct ports	 p;
	int		 whole = 0;

	for (a = j->actions; a < j->actions + j->nactions; a++) {
		if (!a->native)
			continue;
		memset(&p, 0, sizeof(p));
		if (!is_allports(a))
			import_ports(&p, action_get(a, j, "port"),
			    action_get(a, j, "protocol"));
		if (*p.why != '\0')
			import_note(j, "%s: %s", a->name, p.why);
		whole |= p.n == 0;
		if (p.n > 0 && p.tcp)
			put_on(&t, "tcp", &p);
		if (p.n > 0 && p.udp)
			put_on(&t, "udp", &p);
	}
	if (whole)
		text_clear(&t);
	return text_take(&t);
}

/* "1 2 4 8": what it grows by, exactly if it is always the same. */
static void
grows_by_list(const struct jail *j, const char *list, struct growth *g)
{
	double		 v[MULTIPLIERS_MAX];
	char		*copy = text_dup(list, strlen(list)), *p = copy, *word;
	size_t		 n = 0, i;

	while ((word = strsep(&p, " ")) != NULL && n < MULTIPLIERS_MAX)
		if (*word != '\0' && (v[n] = strtod(word, NULL)) >= 1)
			n++;
	free(copy);
	if (n < 2 || v[n - 1] <= v[0])
		return;
	g->by = pow(v[n - 1] / v[0], 1.0 / (double)(n - 1));
	g->most = v[n - 1];
	for (i = 1; i < n; i++)
		if (fabs(v[i] / v[i - 1] - g->by) > 0.001) {
			import_note(j, "bantime.multipliers: the steps are not "
			    "these, the way from the first to the last is");
			return;
		}
}

/* The formula that fail2ban has, or its example of another. */
static void
grows_by_formula(const struct jail *j, double factor, struct growth *g)
{
	const char *formula = jail_get(j, "bantime.formula");

	g->by = 2;
	if (strstr(formula, "math.exp") != NULL && factor > 0)
		g->by = exp(factor);
	else if (*formula != '\0' && strstr(formula, "<<") == NULL)
		import_note(j, "bantime.formula: bans double instead");
	else if (factor != 1)
		import_note(j, "bantime.factor: bans double, without it");
}

static struct growth
growth_of(const struct jail *j)
{
	const char	*list = jail_get(j, "bantime.multipliers");
	const char	*factor = jail_get(j, "bantime.factor");
	struct growth	 g = { 0, 0 };

	if (!import_bool(jail_get(j, "bantime.increment")))
		return g;
	if (*list != '\0')
		grows_by_list(j, list, &g);
	else
		grows_by_formula(j, *factor == '\0' ? 1 : strtod(factor, NULL),
		    &g);
	if (*jail_get(j, "bantime.rndtime") != '\0')
		import_note(j, "bantime.rndtime: bans are as long as is said "
		    "here, nothing is added");
	return g;
}

/* How long at most: what is said, or what the multipliers come to. */
static span_t
growth_end(const struct jail *j, const struct growth *g, span_t first)
{
	const char	*said = jail_get(j, "bantime.maxtime");
	span_t		 most = SPAN_FOREVER, maxtime;

	if (g->most > 0)
		most = (span_t)((double)first * g->most + 0.5);
	if (*said == '\0')
		return most;
	if (import_span(&maxtime, said) == -1)
		import_note(j, "bantime.maxtime %s is not understood", said);
	else if (maxtime < most)
		most = maxtime;
	return most;
}

static void
put_growth(const struct jail *j, const struct growth *g, span_t first,
    struct f2b_text *t)
{
	span_t	most = growth_end(j, g, first);
	char	buf[SPAN_STRLEN];

	if (most <= first)
		return;
	text_str(t, " growing");
	if (fabs(g->by - 2) > 0.0005)
		text_printf(t, " by %g", round(g->by * 1000) / 1000);
	if (most <= BANTIME_MAX)
		text_printf(t, " to %s", span_print(most, buf));
	if (import_bool(jail_get(j, "bantime.overalljails")))
		text_str(t, " together");
}

static int
has_native(const struct jail *j)
{
	size_t	i;

	for (i = 0; i < j->nactions; i++)
		if (j->actions[i].native)
			return 1;
	return 0;
}

static span_t
bantime(const struct jail *j)
{
	const char	*said = jail_get(j, "bantime");
	span_t		 span;

	if (*said != '\0' && import_span(&span, said) == 0 && span > 0) {
		if (span == SPAN_FOREVER || span <= BANTIME_MAX)
			return span < 1000 ? 1000 : span;
		import_note(j, "bantime %s: ten years are the most", said);
		return BANTIME_MAX;
	}
	if (*said != '\0')
		import_note(j, "bantime %s is not understood: 10 minutes",
		    said);
	return 600000;
}

void
import_ban(const struct jail *j)
{
	struct f2b_text	 t = { 0 };
	struct growth	 g;
	span_t		 first;
	char		*on, buf[SPAN_STRLEN];

	if (!has_native(j)) {
		import_note(j, "none of its actions is a ban");
		return;
	}
	first = bantime(j);
	g = growth_of(j);
	text_printf(&t, "\tban for %s", span_print(first, buf));
	if (g.by > 1 && first != SPAN_FOREVER)
		put_growth(j, &g, first, &t);
	on = bans_on(j);
	printf("%s%s\n", t.s, on);
	text_clear(&t);
	free(on);
}
