/* A pool of blocks, one by one. */
#include "naive_prefix.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

#define NOWHERE SIZE_MAX

static void list_last(struct plain_cache *c, size_t block)
{
	const size_t before = c->at[c->n].before;
	c->at[block].before = before;
	c->at[block].after = c->n;
	c->at[before].after = c->at[c->n].before = block;
	c->spare++;
}

static void unlist(struct plain_cache *c, size_t block)
{
	const struct plain_block *const b = &c->at[block];
	c->at[b->before].after = b->after;
	c->at[b->after].before = b->before;
	c->spare--;
}

struct plain_cache *plain_cache_new(int64_t blocks, int64_t block_tokens)
{
	struct plain_cache *const c = mem_new(1, sizeof(*c));
	c->at = mem_new((size_t)blocks + 1, sizeof(*c->at));
	c->n = (size_t)blocks;
	c->block = block_tokens;
	c->at[c->n].before = c->at[c->n].after = c->n;
	for (size_t i = 0; i < c->n; i++) {
		list_last(c, i);
	}
	return c;
}

void plain_cache_free(struct plain_cache *c)
{
	if (c != NULL) {
		for (size_t i = 0; i < PLAIN_DRAWERS; i++) {
			free(c->drawers[i].blocks.at);
		}
		free(c->at);
		free(c);
	}
}

/* FNV-1a over the eight bytes of a number. */
static uint64_t add(uint64_t h, uint64_t number)
{
	for (int i = 0; i < 8; i++) {
		h = (h ^ (number >> (8 * i) & 255)) * UINT64_C(1099511628211);
	}
	return h;
}

/* Token by token, so that no arithmetic about parts and borders is shared with the other engine. */
struct plain_text *plain_text_open(const struct plain_cache *c, const struct arrival *a)
{
	struct plain_text *const t = mem_new(1, sizeof(*t));
	const int64_t all = (int64_t)a->input_tokens + a->output_tokens;
	uint64_t h = UINT64_C(14695981039346656037);
	int64_t token = 0;
	for (uint32_t p = 0; p < a->n_parts; p++) {
		for (int64_t i = 0; i < a->parts[p].tokens && token < all; i++) {
			h = add(add(h, a->parts[p].name), (uint64_t)i);
			if (++token % c->block == 0) {
				vec_push(&t->keys, h);
			}
		}
	}
	return t;
}

void plain_text_close(struct plain_text *t)
{
	if (t != NULL) {
		free(t->keys.at);
		free(t->held.at);
		free(t);
	}
}

static struct plain_drawer *drawer(struct plain_cache *c, uint64_t key)
{
	return &c->drawers[(key >> 20) % PLAIN_DRAWERS];
}

static size_t find(struct plain_cache *c, uint64_t key)
{
	const struct plain_drawer *const d = drawer(c, key);
	for (size_t i = 0; i < d->blocks.n; i++) {
		if (c->at[d->blocks.at[i]].key == key) {
			return d->blocks.at[i];
		}
	}
	return NOWHERE;
}

static void forget(struct plain_cache *c, size_t block)
{
	struct plain_drawer *const d = drawer(c, c->at[block].key);
	size_t i = 0;
	while (d->blocks.at[i] != block) {
		i++;
	}
	d->blocks.at[i] = d->blocks.at[--d->blocks.n];
}

int64_t plain_find(struct plain_cache *c, const struct plain_text *t, int64_t tokens, int64_t *held)
{
	int64_t found = 0;
	*held = 0;
	while (found < tokens / c->block && (size_t)found < t->keys.n) {
		const size_t i = find(c, t->keys.at[found]);
		if (i == NOWHERE) {
			break;
		}
		*held += c->at[i].readers > 0;
		found++;
	}
	return found;
}

void plain_take(struct plain_cache *c, struct plain_text *t, int64_t found, int64_t fresh)
{
	for (int64_t k = 0; k < found; k++) {
		const size_t i = find(c, t->keys.at[k]);
		if (c->at[i].readers++ == 0) {
			unlist(c, i);
		}
		vec_push(&t->held, i);
		t->named++;
	}
	for (int64_t k = 0; k < fresh; k++) {
		sim_assert(c->spare > 0);
		const size_t i = c->at[c->n].after;
		unlist(c, i);
		if (c->at[i].known) {
			forget(c, i);
		}
		c->at[i] = (struct plain_block){.readers = 1};
		vec_push(&t->held, i);
	}
}

void plain_computed(struct plain_cache *c, struct plain_text *t, int64_t tokens)
{
	while (!t->copies && t->named < (size_t)(tokens / c->block) && t->named < t->keys.n) {
		const uint64_t key = t->keys.at[t->named];
		t->copies = find(c, key) != NOWHERE;
		if (!t->copies) {
			const size_t i = t->held.at[t->named++];
			c->at[i].known = true;
			c->at[i].key = key;
			vec_push(&drawer(c, key)->blocks, i);
		}
	}
}

void plain_give(struct plain_cache *c, struct plain_text *t)
{
	for (size_t k = t->held.n; k-- > 0;) {
		if (--c->at[t->held.at[k]].readers == 0) {
			list_last(c, t->held.at[k]);
		}
	}
	t->held.n = 0;
	t->named = 0;
	t->copies = false;
}
