/* Cuts shared texts into runs of whole KV blocks. */
#include "state/text.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

void text_pool_init(struct text_pool *pool)
{
	memset(pool, 0, sizeof(*pool));
}

void text_pool_fini(struct text_pool *pool)
{
	for (uint32_t i = 0; i < pool->cap; i++) {
		free(pool->at[i].runs);
	}
	free(pool->at);
	text_pool_init(pool);
}

static void grow(struct text_pool *pool)
{
	const uint32_t cap = pool->cap == 0 ? 64 : 2 * pool->cap;
	sim_assert(cap > pool->cap);
	pool->at = mem_resize(pool->at, cap, sizeof(*pool->at));
	memset(pool->at + pool->cap, 0, (cap - pool->cap) * sizeof(*pool->at));
	/* lowest first; place 0 is nobody's */
	for (uint32_t i = cap; i-- > (pool->cap == 0 ? 1 : pool->cap);) {
		pool->at[i].next = pool->free;
		pool->free = i;
	}
	pool->cap = cap;
}

static void add_run(struct text *t, uint64_t key, int64_t first, int64_t n)
{
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? 4 : 2 * t->cap;
		t->runs = mem_resize(t->runs, t->cap, sizeof(*t->runs));
	}
	t->runs[t->n++] = (struct text_run){key, (int32_t)first, (int32_t)n};
}

/* Where the cutting stands. */
struct cutter {
	struct text *text;
	int64_t block;
	int64_t at;     /* tokens before the next part */
	uint64_t chain; /* of all blocks cut so far */
	uint64_t begun; /* of the block that earlier parts began */
};

static void cut_run(struct cutter *c, uint64_t key, int64_t first, int64_t n)
{
	add_run(c->text, key, first, n);
	c->chain = prompt_mix(key, (uint64_t)n);
	c->begun = c->chain;
}

/* One part of `tokens`: the rest of the begun block, whole blocks, and the begin of another. */
static void cut_part(struct cutter *c, uint64_t name, int64_t tokens)
{
	const int64_t end = c->at + tokens;
	int64_t begin = c->at;
	if (begin % c->block != 0) {
		const int64_t first = begin / c->block;
		const int64_t border = (first + 1) * c->block;
		c->begun = prompt_mix(prompt_mix(c->begun, name), (uint64_t)(begin % c->block));
		if (end < border) {
			c->at = end;
			return;
		}
		cut_run(c, c->begun, first, 1);
		begin = border;
	}
	const int64_t whole = (end - begin) / c->block;
	if (whole > 0) {
		/* where in the part they begin, the chain knows */
		cut_run(c, prompt_mix(c->chain, name), begin / c->block, whole);
	}
	if (end % c->block != 0) {
		c->begun = prompt_mix(prompt_mix(c->chain, name), (uint64_t)(end - c->at));
	}
	c->at = end;
}

uint32_t text_take(struct text_pool *pool, const struct prompt_part *parts, uint32_t n,
                   int32_t block)
{
	if (pool->free == TEXT_NONE) {
		grow(pool);
	}
	const uint32_t index = pool->free;
	struct text *const t = &pool->at[index];
	struct cutter c = {.text = t, .block = block};
	t->n = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (parts[i].tokens > 0) {
			cut_part(&c, parts[i].name, parts[i].tokens);
		}
	}
	if (t->n == 0) {
		return TEXT_NONE;
	}
	pool->free = t->next;
	return index;
}

void text_give(struct text_pool *pool, uint32_t text)
{
	sim_assert(text != TEXT_NONE && text < pool->cap);
	pool->at[text].next = pool->free;
	pool->free = text;
}
