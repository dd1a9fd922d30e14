/* Block accounting by residue class. */
#include "state/kv_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "state/prefix_cache.h"

void kv_cache_init(struct kv_cache *kv, int64_t capacity, int64_t state_blocks,
                   int64_t block_tokens, bool grows)
{
	sim_assert(capacity >= 0 && block_tokens >= 1 && block_tokens <= KV_BLOCK_MAX);
	sim_assert((block_tokens & (block_tokens - 1)) == 0);
	memset(kv, 0, sizeof(*kv));
	kv->capacity = capacity;
	kv->state_blocks = state_blocks;
	kv->block_tokens = (uint32_t)block_tokens;
	while ((INT64_C(1) << kv->shift) < block_tokens) {
		kv->shift++;
	}
	kv->grows = grows;
	kv->growing = mem_new((size_t)block_tokens, sizeof(*kv->growing));
}

void kv_cache_fini(struct kv_cache *kv)
{
	free(kv->growing);
	kv->growing = NULL;
	prefix_cache_free(kv->prefix);
	kv->prefix = NULL;
}

void kv_cache_reuse(struct kv_cache *kv, int64_t blocks)
{
	if (kv->prefix->idle > 0) {
		prefix_cache_reuse(kv->prefix, blocks);
	}
}

static uint32_t residue(const struct kv_cache *kv, int64_t length, int64_t iteration)
{
	return (uint32_t)(length - iteration) & (kv->block_tokens - 1);
}

void kv_cache_join(struct kv_cache *kv, int64_t length, int64_t iteration)
{
	kv->growing[residue(kv, length, iteration)]++;
	kv->n_growing++;
}

void kv_cache_leave(struct kv_cache *kv, int64_t length, int64_t iteration)
{
	uint16_t *const n = &kv->growing[residue(kv, length, iteration)];
	sim_assert(*n > 0);
	(*n)--;
	kv->n_growing--;
}

/* Sequences whose length is a multiple of the block at this iteration: each takes a block then. */
static int64_t takers(const struct kv_cache *kv, int64_t iteration)
{
	return kv->growing[residue(kv, 0, iteration)];
}

/* Blocks taken in `steps` iterations, fewer than a round. */
static int64_t takers_of(const struct kv_cache *kv, int64_t iteration, int64_t steps)
{
	int64_t blocks = 0;
	for (int64_t i = 0; i < steps; i++) {
		blocks += takers(kv, iteration + i);
	}
	return blocks;
}

int64_t kv_cache_growth(const struct kv_cache *kv, int64_t iteration, int64_t steps)
{
	if (!kv->grows) {
		return 0;
	}
	/* in a whole round every sequence takes one block */
	const int64_t whole = (steps >> kv->shift) * kv->n_growing;
	const int64_t rest = steps & (kv->block_tokens - 1);
	if (2 * rest <= kv->block_tokens) {
		return whole + takers_of(kv, iteration, rest);
	}
	return whole + kv->n_growing - takers_of(kv, iteration + rest, kv->block_tokens - rest);
}

bool kv_cache_fits_growing(const struct kv_cache *kv, int64_t blocks, int64_t n_decoding,
                           int64_t iteration)
{
	/* at worst every sequence takes a block: no need to look who does */
	return kv_cache_fits(kv, blocks + n_decoding) ||
	       kv_cache_fits(kv, blocks + kv_cache_growth(kv, iteration, 1));
}

int64_t kv_cache_steps(const struct kv_cache *kv, int64_t n_decoding, int64_t iteration,
                       int64_t limit)
{
	if (!kv->grows || n_decoding == 0) {
		return limit;
	}
	const int64_t free_blocks = kv->capacity - kv->used;
	/* in k steps no sequence crosses more than ceil(k / block) boundaries */
	const int64_t rounds_free = free_blocks / n_decoding;
	if (rounds_free >= (limit >> kv->shift) + 1) {
		return limit;
	}
	int64_t steps = rounds_free << kv->shift; /* whole rounds fit for certain */
	int64_t left = free_blocks - rounds_free * n_decoding;
	while (steps < limit) {
		left -= takers(kv, iteration + steps);
		if (left < 0) {
			break;
		}
		steps++;
	}
	return steps < limit ? steps : limit;
}
