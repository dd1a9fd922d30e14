/*
 * Prefix caching of one replica, as vLLM V1 does it: computed blocks of a shared text are found
 * again by what they and everything before them hold, however many requests read them they are held
 * once, and when nobody does they wait, free, in the order in which all free blocks are used again,
 * each sequence's last block first.
 *
 * Blocks are kept in spans, pieces of a run that are read and free together; a span is split where
 * a reader needs less of it. So the cost follows spans, not blocks. Free blocks that hold nothing
 * shared are counted only, as numbers between the spans of the queue.
 */
#ifndef ALIQUOT_STATE_PREFIX_CACHE_H
#define ALIQUOT_STATE_PREFIX_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "state/kv_cache.h"
#include "state/text.h"

#define SPAN_NONE UINT32_MAX

struct span {
	uint64_t key;      /* of the run */
	int64_t anonymous; /* while free: blocks that are used again before it, after the one before
	                    */
	int32_t offset, n; /* blocks [offset, offset + n) of the run */
	uint32_t parent;   /* the span before it in the text, or SPAN_NONE */
	uint32_t readers;  /* requests that hold it; those of a parent are no fewer */
	uint32_t next, prev; /* queue of free spans; `next` also of unused places */
	uint32_t chain;      /* of one bucket */
};

struct prefix_cache {
	struct span *at;
	uint32_t cap, n, unused;
	uint32_t *buckets; /* [n_buckets], a power of two */
	uint32_t n_buckets;
	uint32_t first, last; /* free spans, next to be used again first */
	int64_t idle;         /* blocks in free spans */
	int64_t queued;       /* the same, and the anonymous ones between them */
	int64_t held;         /* blocks in spans that have readers */
};

struct prefix_cache *prefix_cache_new(void);
void prefix_cache_free(struct prefix_cache *p);

/* What a text would find of its first `limit` blocks. */
struct prefix_hit {
	int64_t blocks; /* found */
	int64_t held;   /* of which others read at present: they take no free block */
};
struct prefix_hit prefix_cache_find(const struct prefix_cache *p, const struct text *text,
                                    int64_t limit);

/*
 * A request reads the first `blocks` blocks, all of them found: the free ones are taken from the
 * cache's free blocks. Returns the last span, whose parents are the others; SPAN_NONE for none.
 */
uint32_t prefix_cache_hold(struct kv_cache *kv, const struct text *text, int64_t blocks);

/*
 * Blocks [from, to) of the text, taken by a request that holds the blocks before up to span `last`,
 * are computed: from now on they can be found. Ends early at a block that was found otherwise.
 * Returns how many blocks the request holds now, and moves *last.
 */
int64_t prefix_cache_store(struct kv_cache *kv, const struct text *text, int64_t from, int64_t to,
                           uint32_t *last);

/* The reader of everything up to `last` leaves; its other blocks must have been given back. */
void prefix_cache_release(struct kv_cache *kv, uint32_t last);

/* The next `blocks` free blocks are used again: what they held is forgotten. */
void prefix_cache_reuse(struct prefix_cache *p, int64_t blocks);

/*
 * Check the laws of spans and queue: readers, as counted by the caller per span (`readers`, by
 * index), and free blocks add up. Asserts.
 */
void prefix_cache_verify(const struct kv_cache *kv, const uint32_t *readers);

#endif
