/*
 * Block accounting of one replica's KV cache. Growth of all decoding sequences is counted by
 * residue: a sequence takes a block at the decode iterations where its length is a multiple of the
 * block, so class (length - iteration) mod block stays the same while it decodes, and k iterations
 * cost O(block).
 */
#ifndef ALIQUOT_STATE_KV_CACHE_H
#define ALIQUOT_STATE_KV_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/units.h"

#define KV_BLOCK_MAX 256 /* tokens */

struct prefix_cache;

struct kv_cache {
	int64_t capacity, used, peak; /* blocks */
	int64_t state_blocks;         /* blocks one sequence's state takes besides its tokens */
	int64_t least;                /* tokens for which every sequence takes room; 0: its own */
	uint32_t block_tokens;        /* a power of two, up to KV_BLOCK_MAX */
	uint32_t shift;               /* log2(block_tokens) */
	bool grows;                   /* false: full reservation, decoding takes nothing */
	uint16_t *growing;            /* [block_tokens]: decoding sequences per residue class */
	int64_t n_growing;            /* their sum */
	struct prefix_cache
		*prefix; /* blocks found again; NULL where texts have nothing to share */
};

/* block_tokens must be a power of two. */
void kv_cache_init(struct kv_cache *kv, int64_t capacity, int64_t state_blocks,
                   int64_t block_tokens, bool grows);
void kv_cache_fini(struct kv_cache *kv);

/* Blocks that hold this many tokens of one sequence, its state included. */
static inline int64_t kv_cache_blocks(const struct kv_cache *kv, int64_t tokens)
{
	const int64_t room = tokens > kv->least ? tokens : kv->least;
	return ((room + kv->block_tokens - 1) >> kv->shift) + kv->state_blocks;
}

static inline bool kv_cache_fits(const struct kv_cache *kv, int64_t blocks)
{
	return kv->used + blocks <= kv->capacity;
}

/* Take blocks whatever they hold: those that are read again. Asserts that they are free. */
static inline void kv_cache_take_cached(struct kv_cache *kv, int64_t blocks)
{
	sim_assert(blocks >= 0 && kv_cache_fits(kv, blocks));
	kv->used += blocks;
	if (kv->used > kv->peak) {
		kv->peak = kv->used;
	}
}

/* The prefix cache loses what is in the next `blocks` free blocks. */
void kv_cache_reuse(struct kv_cache *kv, int64_t blocks);

/* Take blocks, those first that have been free for longest, to write to them. */
static inline void kv_cache_take(struct kv_cache *kv, int64_t blocks)
{
	if (kv->prefix != NULL) {
		kv_cache_reuse(kv, blocks);
	}
	kv_cache_take_cached(kv, blocks);
}

/* Give blocks back; asserts that they were taken. */
static inline void kv_cache_give(struct kv_cache *kv, int64_t blocks)
{
	sim_assert(blocks >= 0 && blocks <= kv->used);
	kv->used -= blocks;
}

/* A sequence of `length` tokens starts or stops decoding at `iteration`. */
void kv_cache_join(struct kv_cache *kv, int64_t length, int64_t iteration);
void kv_cache_leave(struct kv_cache *kv, int64_t length, int64_t iteration);

/* Blocks that the decoding sequences take in `steps` iterations from `iteration` on. */
int64_t kv_cache_growth(const struct kv_cache *kv, int64_t iteration, int64_t steps);

/* Enough free blocks for `blocks` and one more iteration of the decoding sequences. */
bool kv_cache_fits_growing(const struct kv_cache *kv, int64_t blocks, int64_t n_decoding,
                           int64_t iteration);

/* The most iterations, up to `limit`, that fit in the free blocks. */
int64_t kv_cache_steps(const struct kv_cache *kv, int64_t n_decoding, int64_t iteration,
                       int64_t limit);

#endif
