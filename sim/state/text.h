/*
 * Texts of the requests in flight that others may share, cut into KV blocks: each text is a list of
 * runs, and block i of a run is the same as block i of every run with that key.
 */
#ifndef ALIQUOT_STATE_TEXT_H
#define ALIQUOT_STATE_TEXT_H

#include <stdint.h>

#include "spec/prompt.h"

#define TEXT_NONE 0 /* nothing to share: no text is kept */

struct text_run {
	uint64_t key;     /* of everything up to its first block, and what it is made of */
	int32_t first, n; /* blocks [first, first + n) of the text */
};

struct text {
	struct text_run *runs; /* in order, from block 0 on, without gaps */
	uint32_t n, cap;
	uint32_t next; /* free list */
};

/* Addressed by small integers from 1; places and their memory are used again. */
struct text_pool {
	struct text *at;
	uint32_t cap, free;
};

void text_pool_init(struct text_pool *pool);
void text_pool_fini(struct text_pool *pool);

/*
 * The text made of `n` parts, in blocks of `block` tokens; a block that lies in several parts is a
 * run of its own, what follows the last part is not shared. TEXT_NONE when no block is whole.
 */
uint32_t text_take(struct text_pool *pool, const struct prompt_part *parts, uint32_t n,
                   int32_t block);
void text_give(struct text_pool *pool, uint32_t text);

/* Blocks of a text that can be shared. */
static inline int64_t text_blocks(const struct text *t)
{
	return (int64_t)t->runs[t->n - 1].first + t->runs[t->n - 1].n;
}

#endif
