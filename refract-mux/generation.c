/*
 * A configuration at work: see mux.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "msg.h"
#include "mux.h"
#include "relay_side.h"

struct generations	 generations = TAILQ_HEAD_INITIALIZER(generations);
struct generation	*mux_current;

static void
generation_free(struct generation *g)
{
	unsigned int	i;

	TAILQ_REMOVE(&generations, g, entry);
	for (i = 0; i < g->nlisteners; i++) {
		routes_clear(&g->listeners[i].routes);
		relay_listener_free(g->listeners[i].relay);
	}
	for (i = 0; i < g->npools; i++)
		pool_free(g->pools[i]);
	free(g->listeners);
	free(g->pools);
	conf_free(g->conf);
	free(g);
}

void
generation_hold(struct generation *g)
{
	g->refs++;
}

void
generation_release(struct generation *g)
{
	if (--g->refs == 0)
		generation_free(g);
}

static struct pool *
pool_of(uint32_t id, void *arg)
{
	struct generation	*g = arg;
	unsigned int		 i;

	for (i = 0; i < g->npools; i++)
		if (g->pools[i]->w->id == id)
			return g->pools[i];
	return NULL;
}

/* What is known of names goes on. */
static void
keep_names(struct pool *p)
{
	struct member	*m, *old;
	unsigned int	 i, k;

	for (i = 0; i < p->n; i++) {
		m = &p->members[i];
		if (m->w->kind != MEMBER_NAME || mux_current == NULL)
			continue;
		for (k = 0; k < mux_current->npools; k++)
			if ((old = pool_member(mux_current->pools[k],
			    m->w->slot)) != NULL)
				pool_resolved(m, old->addrs, old->naddrs);
	}
}

static void
build_pools(struct generation *g)
{
	struct conf_pool	*p;
	unsigned int		 n = 0;

	TAILQ_FOREACH(p, &g->conf->mux.pools, entry)
		n++;
	if ((g->pools = calloc(n + 1, sizeof(*g->pools))) == NULL)
		fatal("pools");
	TAILQ_FOREACH(p, &g->conf->mux.pools, entry)
		keep_names(g->pools[g->npools++] = pool_new(p));
}

static int
build_listeners(struct generation *g, char *why)
{
	struct conf_listener	*c;
	struct conf_table	*t;
	struct listener		*l;
	unsigned int		 n = 0;

	TAILQ_FOREACH(c, &g->conf->mux.listeners, entry)
		n++;
	if ((g->listeners = calloc(n + 1, sizeof(*g->listeners))) == NULL)
		fatal("listeners");
	TAILQ_FOREACH(c, &g->conf->mux.listeners, entry) {
		l = &g->listeners[g->nlisteners++];
		l->c = c;
		l->w = &c->w;
		l->gen = g;
		l->shared = shared_listener(c->w.slot);
		if ((t = conf_table_byid(g->conf, c->w.trusted)) != NULL)
			l->trusted = &t->prefixes;
		if (routes_build(&l->routes, c, g->conf, pool_of, g, why) ==
		    -1)
			return -1;
		if (c->w.kind != LISTEN_MUX)
			l->relay = relay_listener_new(c, g->conf);
	}
	return 0;
}

struct generation *
generation_new(struct conf *conf, char *why)
{
	struct generation	*g;

	if ((g = calloc(1, sizeof(*g))) == NULL)
		fatal("configuration");
	TAILQ_INSERT_HEAD(&generations, g, entry);
	g->refs = 1;
	g->number = conf->generation;
	g->conf = conf_new();
	g->conf->generation = conf->generation;
	g->conf->global = conf->global;
	g->conf->mux.drain = conf->mux.drain;
	TAILQ_CONCAT(&g->conf->tables, &conf->tables, entry);
	TAILQ_CONCAT(&g->conf->mux.listeners, &conf->mux.listeners, entry);
	TAILQ_CONCAT(&g->conf->mux.pools, &conf->mux.pools, entry);
	TAILQ_CONCAT(&g->conf->mux.taps, &conf->mux.taps, entry);
	build_pools(g);
	if (build_listeners(g, why) == -1) {
		generation_free(g);
		return NULL;
	}
	return g;
}
