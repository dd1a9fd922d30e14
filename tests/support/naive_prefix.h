/*
 * The plain prefix cache: every block of the pool on its own, one list of the free ones, drawers of
 * known blocks searched from end to end. Shares nothing with state/prefix_cache.c but the rules of
 * vLLM V1. For models without a state per sequence.
 */
#ifndef ALIQUOT_TESTS_SUPPORT_NAIVE_PREFIX_H
#define ALIQUOT_TESTS_SUPPORT_NAIVE_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "workload/workload.h"

struct plain_block {
	uint64_t key; /* of all text up to its end; valid only when known */
	bool known;   /* can be found */
	int64_t readers;
	size_t before, after; /* in the ring of free blocks; valid only without readers */
};

#define PLAIN_DRAWERS 1024

struct plain_drawer { /* known blocks, by key */
	VEC(size_t) blocks;
};

struct plain_cache {
	struct plain_block *at; /* [n + 1]: the last is the ring's begin and end */
	size_t n;
	int64_t block; /* tokens */
	struct plain_drawer drawers[PLAIN_DRAWERS];
	int64_t spare; /* blocks without readers: a ring from at[n].after on, next to be used first
	                */
};

/* What one sequence has of the cache. */
struct plain_text {
	VEC(uint64_t) keys; /* of its blocks, as far as others may share them */
	VEC(size_t) held;   /* its blocks, first of the text first */
	size_t named;       /* of which so many can be found */
	bool copies;        /* the block after those is found elsewhere: it ends there */
};

struct plain_cache *plain_cache_new(int64_t blocks, int64_t block_tokens);
void plain_cache_free(struct plain_cache *c);

/* Caller ends it with plain_text_close, which takes NULL. */
struct plain_text *plain_text_open(const struct plain_cache *c, const struct arrival *a);
void plain_text_close(struct plain_text *t);

/* Blocks of the first `tokens` that would be found; *held of them have readers. */
int64_t plain_find(struct plain_cache *c, const struct plain_text *t, int64_t tokens,
                   int64_t *held);

/* Take the first `found` blocks as they are, and `fresh` others. */
void plain_take(struct plain_cache *c, struct plain_text *t, int64_t found, int64_t fresh);

/* The first `tokens` tokens are computed. */
void plain_computed(struct plain_cache *c, struct plain_text *t, int64_t tokens);

/* Give everything back. */
void plain_give(struct plain_cache *c, struct plain_text *t);

#endif
