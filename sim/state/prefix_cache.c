/* Spans of shared blocks: a hash table over their begin, a tree by parents, a queue of free ones.
 */
#include "state/prefix_cache.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

#define FIRST_SPANS 64

struct prefix_cache *prefix_cache_new(void)
{
	struct prefix_cache *const p = mem_new(1, sizeof(*p));
	p->unused = p->first = p->last = SPAN_NONE;
	return p;
}

void prefix_cache_free(struct prefix_cache *p)
{
	if (p != NULL) {
		free(p->at);
		free(p->buckets);
		free(p);
	}
}

static uint32_t bucket(const struct prefix_cache *p, uint64_t key, int32_t offset)
{
	return (uint32_t)prompt_mix(key, (uint64_t)offset) & (p->n_buckets - 1);
}

static uint32_t find(const struct prefix_cache *p, uint64_t key, int32_t offset)
{
	if (p->n == 0) {
		return SPAN_NONE;
	}
	uint32_t i = p->buckets[bucket(p, key, offset)];
	while (i != SPAN_NONE && (p->at[i].key != key || p->at[i].offset != offset)) {
		i = p->at[i].chain;
	}
	return i;
}

static void link_span(struct prefix_cache *p, uint32_t i)
{
	uint32_t *const head = &p->buckets[bucket(p, p->at[i].key, p->at[i].offset)];
	p->at[i].chain = *head;
	*head = i;
}

static void unlink_span(struct prefix_cache *p, uint32_t i)
{
	uint32_t *at = &p->buckets[bucket(p, p->at[i].key, p->at[i].offset)];
	while (*at != i) {
		at = &p->at[*at].chain;
	}
	*at = p->at[i].chain;
}

/* Twice the places, and as many buckets. */
static void grow(struct prefix_cache *p)
{
	const uint32_t cap = p->cap == 0 ? FIRST_SPANS : 2 * p->cap;
	sim_assert(cap > p->cap);
	p->at = mem_resize(p->at, cap, sizeof(*p->at));
	p->buckets = mem_resize(p->buckets, cap, sizeof(*p->buckets));
	p->n_buckets = cap;
	for (uint32_t b = 0; b < cap; b++) {
		p->buckets[b] = SPAN_NONE;
	}
	for (uint32_t i = 0; i < p->cap; i++) { /* all are in use, or it would not grow */
		link_span(p, i);
	}
	for (uint32_t i = cap; i-- > p->cap;) {
		p->at[i].next = p->unused;
		p->unused = i;
	}
	p->cap = cap;
}

static uint32_t new_span(struct prefix_cache *p, const struct span *like)
{
	if (p->unused == SPAN_NONE) {
		grow(p);
	}
	const uint32_t i = p->unused;
	p->unused = p->at[i].next;
	p->at[i] = *like;
	p->n++;
	link_span(p, i);
	return i;
}

/* Into the queue behind span `before`. */
static void enqueue(struct prefix_cache *p, uint32_t i, uint32_t before)
{
	struct span *const s = &p->at[i];
	s->prev = before;
	s->next = before == SPAN_NONE ? p->first : p->at[before].next;
	*(s->prev == SPAN_NONE ? &p->first : &p->at[s->prev].next) = i;
	*(s->next == SPAN_NONE ? &p->last : &p->at[s->next].prev) = i;
	p->idle += s->n;
	p->queued += s->n + s->anonymous;
}

/* Out of the queue; the anonymous blocks before it stay where they are. */
static void dequeue(struct prefix_cache *p, uint32_t i)
{
	const struct span *const s = &p->at[i];
	p->idle -= s->n;
	p->queued -= s->n;
	if (s->next == SPAN_NONE) {
		p->queued -= s->anonymous; /* behind the last span they are not counted */
		p->last = s->prev;
	} else {
		p->at[s->next].anonymous += s->anonymous;
		p->at[s->next].prev = s->prev;
	}
	*(s->prev == SPAN_NONE ? &p->first : &p->at[s->prev].next) = s->next;
}

/*
 * Split span i after its first n blocks. The tail keeps the place, so that its readers and children
 * need not be told; returns the head.
 */
static uint32_t split(struct prefix_cache *p, uint32_t i, int32_t n)
{
	struct span like = p->at[i];
	like.n = n;
	like.anonymous = 0;
	unlink_span(p, i);
	p->at[i].offset += n;
	p->at[i].n -= n;
	link_span(p, i);
	const uint32_t head = new_span(p, &like);
	p->at[i].parent = head;
	if (like.readers == 0) { /* the tail is used again first */
		p->idle -= n;
		p->queued -= n;
		enqueue(p, head, i);
	}
	return head;
}

/* A place in a text. */
struct cursor {
	const struct text_run *run, *end;
	int32_t offset;
};

static struct cursor begin(const struct text *text)
{
	return (struct cursor){text->runs, text->runs + text->n, 0};
}

/* Go on by n blocks of the present run. */
static void forward(struct cursor *c, int32_t n)
{
	c->offset += n;
	if (c->offset == c->run->n) {
		c->run++;
		c->offset = 0;
	}
}

static int32_t least(int64_t a, int64_t b, int64_t c)
{
	const int64_t ab = a < b ? a : b;
	return (int32_t)(ab < c ? ab : c);
}

struct prefix_hit prefix_cache_find(const struct prefix_cache *p, const struct text *text,
                                    int64_t limit)
{
	struct prefix_hit hit = {0};
	struct cursor c = begin(text);
	while (hit.blocks < limit && c.run < c.end) {
		const uint32_t i = find(p, c.run->key, c.offset);
		if (i == SPAN_NONE) {
			break;
		}
		const int32_t n = least(p->at[i].n, c.run->n - c.offset, limit - hit.blocks);
		hit.blocks += n;
		hit.held += p->at[i].readers > 0 ? n : 0;
		forward(&c, n);
	}
	return hit;
}

uint32_t prefix_cache_hold(struct kv_cache *kv, const struct text *text, int64_t blocks)
{
	struct prefix_cache *const p = kv->prefix;
	struct cursor c = begin(text);
	uint32_t last = SPAN_NONE;
	while (blocks > 0) {
		uint32_t i = find(p, c.run->key, c.offset);
		sim_assert(i != SPAN_NONE);
		const int32_t n = least(p->at[i].n, c.run->n - c.offset, blocks);
		if (n < p->at[i].n) {
			i = split(p, i, n);
		}
		if (p->at[i].readers++ == 0) {
			dequeue(p, i);
			p->held += n;
			kv_cache_take_cached(kv, n);
		}
		blocks -= n;
		forward(&c, n);
		last = i;
	}
	return last;
}

int64_t prefix_cache_store(struct kv_cache *kv, const struct text *text, int64_t from, int64_t to,
                           uint32_t *last)
{
	struct prefix_cache *const p = kv->prefix;
	for (uint32_t r = 0; r < text->n && from < to; r++) {
		const struct text_run *const run = &text->runs[r];
		const int64_t offset = from - run->first;
		if (offset >= run->n) {
			continue;
		}
		if (find(p, run->key, (int32_t)offset) != SPAN_NONE) {
			break; /* computed twice: the second copy is nobody else's */
		}
		const struct span like = {
			.key = run->key,
			.offset = (int32_t)offset,
			.n = least(run->n - offset, to - from, INT32_MAX),
			.parent = *last,
			.readers = 1,
		};
		*last = new_span(p, &like);
		p->held += like.n;
		from += like.n;
	}
	return from;
}

void prefix_cache_release(struct kv_cache *kv, uint32_t last)
{
	struct prefix_cache *const p = kv->prefix;
	for (uint32_t i = last; i != SPAN_NONE; i = p->at[i].parent) {
		struct span *const s = &p->at[i];
		sim_assert(s->readers > 0);
		if (--s->readers == 0) {
			s->anonymous = kv->capacity - kv->used - p->queued;
			enqueue(p, i, p->last);
			p->held -= s->n;
			kv_cache_give(kv, s->n);
		}
	}
}

static int64_t lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void prefix_cache_reuse(struct prefix_cache *p, int64_t blocks)
{
	while (blocks > 0 && p->first != SPAN_NONE) {
		const uint32_t i = p->first;
		struct span *const s = &p->at[i];
		const int64_t anonymous = lesser(blocks, s->anonymous);
		const int64_t shared = lesser(blocks - anonymous, s->n);
		s->anonymous -= anonymous;
		s->n -= (int32_t)shared;
		blocks -= anonymous + shared;
		p->queued -= anonymous + shared;
		p->idle -= shared;
		if (s->n == 0) {
			dequeue(p, i);
			unlink_span(p, i);
			s->next = p->unused;
			p->unused = i;
			p->n--;
		}
	}
}

/* Spans in the queue, in both directions; returns how many. */
static uint32_t verify_queue(const struct kv_cache *kv)
{
	const struct prefix_cache *const p = kv->prefix;
	int64_t idle = 0, queued = 0;
	uint32_t n = 0, before = SPAN_NONE;
	for (uint32_t i = p->first; i != SPAN_NONE; i = p->at[i].next) {
		const struct span *const s = &p->at[i];
		sim_assert(s->prev == before && s->readers == 0 && s->n > 0 && s->anonymous >= 0);
		idle += s->n;
		queued += s->n + s->anonymous;
		before = i;
		n++;
	}
	sim_assert(p->last == before && p->idle == idle && p->queued == queued);
	sim_assert(queued <= kv->capacity - kv->used);
	return n;
}

/* A span is read by those who read it, and what comes before it in the text is there too. */
static void verify_span(const struct prefix_cache *p, uint32_t i, uint32_t readers)
{
	const struct span *const s = &p->at[i];
	sim_assert(s->readers == readers);
	if (s->parent != SPAN_NONE) {
		const struct span *const parent = &p->at[s->parent];
		sim_assert(parent->readers >= s->readers);
		sim_assert(find(p, parent->key, parent->offset) == s->parent);
	}
}

void prefix_cache_verify(const struct kv_cache *kv, const uint32_t *readers)
{
	const struct prefix_cache *const p = kv->prefix;
	const uint32_t idle = verify_queue(kv);
	uint32_t n = 0, free_spans = 0;
	int64_t held = 0;
	for (uint32_t b = 0; b < p->n_buckets; b++) {
		for (uint32_t i = p->buckets[b]; i != SPAN_NONE; i = p->at[i].chain) {
			verify_span(p, i, readers[i]);
			held += readers[i] > 0 ? p->at[i].n : 0;
			free_spans += readers[i] == 0;
			n++;
		}
	}
	sim_assert(n == p->n && free_spans == idle && held == p->held);
}
