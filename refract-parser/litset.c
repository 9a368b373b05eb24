/*
 * Sets of strings: put one behind the other, joined, judged.  Whatever would
 * grow beyond its bound is given up for something that is known less well.
 */
#include <ctype.h>
#include <string.h>

#include "litset.h"

/* What logs are full of: whatever is in here is not rare. */
static const char usual[] = " from  for  user  port  to  by  with  at  in  of "
    " and  the  not  is  host  root  client  server  address  session  login "
    " password  Connection  connection  connect  connected  closed  error "
    " authentication  auth  failed  failure  Failed  invalid  Invalid  unknown "
    " access  request  message  status  HTTP/1.1\" HTTP/2.0\" [] \"GET /"
    "(sshd: sshd[ kernel: systemd[ [error]  error:  warning:  info:  debug: "
    " Mozilla/5.0 .html .php HTTP/1.0 user= host= code= reason= "
    "= uid=0 euid=0 pam_unix rhost= ruser= tty= logname=  opened  session): "
    " 127.0.0.1  192.168. 10.0.0. 00:00:00 2026-01-01T Jan  Feb  Mar  Apr "
    " May  Jun  Jul  Aug  Sep  Oct  Nov  Dec  Mon  Tue  Wed  Thu  Fri ";

#define SIDES_MAX	12		/* longer ones are rare */

static unsigned int
rarity(uint8_t c)
{
	static const char	common[] = "etaoinsr", rare[] = "jkqvxz";

	if (c == ' ')
		return 2;
	if (c >= 0x80 || c < ' ')
		return 8;
	if (islower(c))
		return strchr(common, c) != NULL ? 3 :
		    strchr(rare, c) != NULL ? 6 : 4;
	if (isdigit(c) || strchr(".:-/[]=", c) != NULL)
		return 4;
	return 6;
}

unsigned int
literal_rarity(const uint8_t *p, size_t n)
{
	unsigned int	sum = 0;
	size_t		i;

	for (i = 0; i < n; i++)
		sum += rarity(p[i]);
	return memmem(usual, sizeof(usual) - 1, p, n) == NULL ? sum : sum / 4;
}

static size_t
half(const struct literal *l)
{
	return (l->len + 1u) / 2;
}

static unsigned int
weigh(const uint8_t *p, size_t n)
{
	return n < LITERAL_MIN ? 0 : literal_rarity(p, n);
}

/* Both sides of the cut are compared, wherever it is. */
static unsigned int
weigh_sides(const uint8_t *p, size_t n)
{
	unsigned int	worst = 0, w;
	size_t		k;

	if (n < LITERAL_MIN)
		return 0;
	if (n > SIDES_MAX)
		return literal_rarity(p, n);
	for (k = 1; k < n; k++) {
		w = literal_rarity(p, k) + literal_rarity(p + k, n - k);
		if (k == 1 || w < worst)
			worst = w;
	}
	return worst;
}

static unsigned int
weigh_literal(const struct literal *l, int cut)
{
	unsigned int	a, b;

	if (cut == LITERALS_SIDES)
		return weigh_sides(l->text, l->len);
	if (!cut)
		return weigh(l->text, l->len);
	a = weigh(l->text, half(l));
	b = weigh(l->text + l->len - half(l), half(l));
	return a < b ? a : b;
}

/* 0: of no use.  A set is as good as its worst, and better when small. */
static unsigned int
score(const struct literals *set, int cut)
{
	unsigned int	worst = 0, w;
	size_t		i, n;

	if (set->n > LITERALS_MAX / (cut == LITERALS_CUT ? 2 : 1))
		return 0;
	for (i = 0; i < set->n; i++) {
		if ((w = weigh_literal(&set->l[i], cut)) == 0)
			return 0;
		if (i == 0 || w < worst)
			worst = w;
	}
	for (n = set->n; n > 1 && worst > 2; n /= 2)
		worst -= 2;
	return worst;
}

static int
same(const struct literal *a, const struct literal *b)
{
	return a->len == b->len && a->fold == b->fold &&
	    memcmp(a->text, b->text, a->len) == 0;
}

static int
set_add(struct literals *set, const struct literal *l, size_t max)
{
	size_t	i;

	for (i = 0; i < set->n; i++)
		if (same(&set->l[i], l))
			return 0;
	if (set->n == max)
		return -1;
	set->l[set->n++] = *l;
	return 0;
}

/* Into a; -1, a being spoilt then, if they are more than max. */
static int
set_union(struct literals *a, const struct literals *b, size_t max)
{
	size_t	i;

	for (i = 0; i < b->n; i++)
		if (set_add(a, &b->l[i], max) == -1)
			return -1;
	return 0;
}

static void
set_copy(struct literals *to, const struct literals *from)
{
	to->n = from->n;
	memcpy(to->l, from->l, from->n * sizeof(*from->l));
}

static void
set_empty(struct literals *set)
{
	set->n = 1;
	set->l[0].len = set->l[0].fold = 0;
}

static int
join(struct literal *to, const struct literal *a, const struct literal *b)
{
	if (a->len + b->len > LITERAL_MAX)
		return -1;
	*to = *a;
	memcpy(to->text + a->len, b->text, b->len);
	to->len = (uint8_t)(a->len + b->len);
	to->fold |= b->fold;
	return 0;
}

/* Each of a with each of b behind it; -1, a as it was, if it does not fit. */
static int
set_product(struct literals *a, const struct literals *b)
{
	struct literals	out = { .n = 0 };
	struct literal	l;
	size_t		i, k;

	if (a->n * b->n > EXACT_MAX)
		return -1;
	for (i = 0; i < a->n; i++)
		for (k = 0; k < b->n; k++)
			if (join(&l, &a->l[i], &b->l[k]) == -1 ||
			    set_add(&out, &l, EXACT_MAX) == -1)
				return -1;
	set_copy(a, &out);
	return 0;
}

static void
offer(struct part *p, const struct literals *set, int cut)
{
	unsigned int	s = score(set, cut);

	if (s <= p->score)
		return;
	set_copy(&p->best, set);
	p->score = s;
}

void
part_settle(struct part *p, int cut)
{
	offer(p, &p->tail, cut);
}

void
part_empty(struct part *p)
{
	p->whole = 1;
	p->best.n = 0;
	p->score = 0;
	set_empty(&p->tail);
}

void
part_unknown(struct part *p)
{
	part_empty(p);
	p->whole = 0;
}

/* A newline is none: what is scanned is a line. */
void
part_byte(struct part *p, uint8_t c, int fold)
{
	part_empty(p);
	p->whole = c != '\n';
	p->tail.l[0].len = (uint8_t)p->whole;
	p->tail.l[0].fold = fold && isalpha(c);
	p->tail.l[0].text[0] = c;
}

void
part_class(struct part *p, const uint8_t *bits, int fold)
{
	struct literal	l = { .len = 1 };
	unsigned int	c;

	part_empty(p);
	p->tail.n = 0;
	for (c = 0; c < 256; c++) {
		if ((bits[c / 8] & 1u << c % 8) == 0)
			continue;
		l.text[0] = (uint8_t)c;
		l.fold = fold && isalpha((int)c);
		if (c == '\n' || set_add(&p->tail, &l, EXACT_MAX / 4) == -1) {
			part_unknown(p);
			return;
		}
	}
	if (p->tail.n == 0)
		part_unknown(p);
}

void
part_and(struct part *a, const struct part *b, int cut)
{
	if (b->score > a->score) {
		set_copy(&a->best, &b->best);
		a->score = b->score;
	}
	if (b->whole && b->tail.n > 1)
		offer(a, &a->tail, cut);
	if (b->whole && set_product(&a->tail, &b->tail) == 0)
		return;
	offer(a, &a->tail, cut);
	set_copy(&a->tail, &b->tail);
	a->whole = 0;
}

void
part_or(struct part *a, struct part *b, int cut)
{
	struct literals	both;

	set_copy(&both, &a->tail);
	if (a->whole && b->whole &&
	    set_union(&both, &b->tail, EXACT_MAX) == 0) {
		set_copy(&a->tail, &both);
		a->score = 0;
		return;
	}
	part_settle(a, cut);
	part_settle(b, cut);
	if (a->score == 0 || b->score == 0 ||
	    set_union(&a->best, &b->best, LITERALS_MAX) == -1)
		a->best.n = 0;
	a->score = a->best.n == 0 ? 0 : score(&a->best, cut);
	a->whole = 0;
	set_copy(&both, &a->tail);
	if (set_union(&both, &b->tail, EXACT_MAX) == 0)
		set_copy(&a->tail, &both);
	else
		set_empty(&a->tail);
}

/* The part at least once: its first repetitions and its last. */
static void
repeat_more(struct part *p, uint32_t min, uint32_t max, int cut)
{
	struct literals	once;
	uint32_t	i;

	set_copy(&once, &p->tail);
	for (i = 1; i < min; i++)
		if (set_product(&p->tail, &once) == -1)
			break;
	if (i == max)
		return;
	part_settle(p, cut);
	p->whole = 0;
}

void
part_repeat(struct part *p, uint32_t min, uint32_t max, int cut)
{
	static const struct literal nothing;

	if (min == 0 &&
	    (!p->whole || max != 1 || p->tail.n > EXACT_MAX / 4))
		part_unknown(p);
	else if (min == 0) {
		set_add(&p->tail, &nothing, EXACT_MAX);
		p->score = 0;
	} else if (p->whole && max > 1)
		repeat_more(p, min, max, cut);
}

/* A string that a piece was cut out of has one of its halves whole. */
void
literals_cut(struct literals *set)
{
	struct literals	halves = { .n = 0 };
	struct literal	l;
	size_t		i;

	for (i = 0; i < set->n; i++) {
		l = set->l[i];
		l.len = (uint8_t)half(&l);
		set_add(&halves, &l, LITERALS_MAX);
		memcpy(l.text, set->l[i].text + set->l[i].len - l.len, l.len);
		set_add(&halves, &l, LITERALS_MAX);
	}
	set_copy(set, &halves);
}
