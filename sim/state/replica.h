/*
 * One running copy of a service: who waits, who is in the batch, its KV cache, and the stretch of
 * equal steps it is in. Holds and links; decides and times nothing (flow/engine.c does).
 */
#ifndef ALIQUOT_STATE_REPLICA_H
#define ALIQUOT_STATE_REPLICA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"
#include "state/kv_cache.h"
#include "state/request.h"

/* Who finishes next: a binary heap over (decode iteration of the last token, admission). */
struct finish_entry {
	uint64_t key; /* iteration << FINISH_RANK_BITS | rank */
	uint32_t request;
};
#define FINISH_RANK_BITS 26

enum replica_state {
	REPLICA_IDLE,     /* no step running, none planned */
	REPLICA_STARTING, /* composes its next batch in this nanosecond */
	REPLICA_RUNNING,  /* inside a stretch of steps */
	REPLICA_AWAY,     /* swapped, on its way, or warming up; flow/swap.c */
	REPLICA_DOWN,     /* its process was killed; it starts again at its event */
};

/* A sequence whose prompt ended and that has not decoded since. */
struct fresh_entry {
	uint32_t request;
	ns_t emitted; /* when the tokens of that step began to go out */
};

/* Why the head of the waiting list was not admitted. */
enum replica_block {
	BLOCK_NONE,
	BLOCK_SEQS,
	BLOCK_KV,
	BLOCK_LENT, /* as KV, but others hold the memory that it might borrow */
	BLOCK_PROMPTS,
	BLOCK_FRONT, /* the front end has not handed it over yet */
	BLOCK_SWAP,  /* the replica is not on its GPU, or about to leave it */
	BLOCK_AHEAD, /* the step that begins was planned before it came */
	BLOCK_COUNT
};

struct replica_totals {
	ns_t blocked[BLOCK_COUNT]; /* time the head of the waiting list waited for each reason */
	i128_t busy, gpu, prompt;  /* ticks in steps, of the GPU, in steps with prompt tokens */
	i128_t slowed;             /* of the busy ones, by which others made its steps longer */
	int64_t preemptions;
	uint32_t running_max, waiting_max;
};

#define GROUP_NONE UINT32_MAX

struct replica {
	/* the stretch: boundary k is at anchor + S(k) >> TICK_SHIFT, S(k) = k first + growth k
	 * (k-1) / 2 */
	ns_t anchor;
	tick_t first, growth;
	tick_t gpu_first, gpu_growth;
	int64_t done;      /* steps completed since the anchor */
	int64_t planned;   /* boundary of the pending event */
	int64_t limit;     /* boundary at which the batch is composed anew at the latest */
	int64_t iteration; /* decode iterations ever completed */
	tokens_t context;  /* K: KV tokens of the decoding sequences, at boundary `done` */
	ns_t last_decode;  /* when the last tokens of the decoding sequences began to go out */
	ns_t front;        /* the front end is free from then on */
	ns_t stream;       /* its time per token; 0: it takes none */
	uint32_t group;    /* of those that share GPUs; GROUP_NONE: nobody else is on its own */
	uint32_t member;   /* its number there */
	uint32_t n_decoding;
	uint32_t n_fresh; /* decoding sequences that have not decoded since their prompt */
	uint32_t n_warm;  /* decoding sequences of warm-up requests: their gaps are not measured */
	uint32_t admissions; /* next rank */
	uint8_t state;       /* enum replica_state */
	bool changed;        /* the batch is not what the stretch was computed for */
	bool prompt_step;    /* the running step holds prompt chunks: one step only */
	bool decode_step;    /* decoding sequences take part in the running steps */
	bool gap_noted;      /* the token gaps of the first step are in the log already */
	bool yields;         /* admits nobody, so that another replica can have its GPU */
	bool shared;         /* its step is timed by its group: flow/share.c */
	uint8_t blocked; /* enum replica_block, since blocked_since, which may be a boundary to come
	                  */
	ns_t blocked_since;
	struct finish_entry *heap; /* [n_decoding] */
	struct fresh_entry *fresh; /* [n_fresh] */
	uint32_t heap_cap, fresh_cap;
	struct request_list waiting;
	struct request_list prefilling; /* admitted, prompt not finished, in order of admission */
	struct kv_cache kv;
	/* who it is */
	uint32_t service, index; /* within the service */
	uint32_t gpu_kind;       /* index of scenario.nodes */
	bool cold;               /* its process is new: the first request warms it up */
	bool full;               /* it has as many requests as it may, and is sent no more */
	bool leaving;            /* it goes when its last request has left */
	struct replica_totals totals;
};

void replica_init(struct replica *r);
void replica_fini(struct replica *r);

/* A sequence emits its last token `iteration`; it is found again by replica_pop_finished. */
void replica_push_finish(struct replica *r, int64_t iteration, uint32_t rank, uint32_t request);

/* Earliest last iteration, INT64_MAX when none decodes. */
static inline int64_t replica_next_finish(const struct replica *r)
{
	return r->n_decoding > 0 ? (int64_t)(r->heap[0].key >> FINISH_RANK_BITS) : INT64_MAX;
}

/* Is the head of the waiting list kept out for want of blocks? */
static inline bool replica_wants_memory(const struct replica *r)
{
	return r->blocked == BLOCK_KV || r->blocked == BLOCK_LENT;
}

/* Sequences in the batch. */
static inline uint32_t replica_batch(const struct replica *r)
{
	return r->n_decoding + r->prefilling.n;
}

/* Decoding sequences admitted before the one with this rank. */
uint32_t replica_older(const struct replica *r, uint32_t rank);

/* Take the sequence on top of the heap. */
uint32_t replica_pop_finish(struct replica *r);

/* Take the decoding sequence that was admitted last (preemption; linear). There must be one. */
uint32_t replica_pop_newest(struct replica *r);

void replica_add_fresh(struct replica *r, uint32_t request, ns_t emitted);

/* Take it out if it is there; returns when it emitted its first token, or -1. */
ns_t replica_drop_fresh(struct replica *r, uint32_t request);

/* Ticks from the anchor to boundary k. */
static inline i128_t replica_ticks(const struct replica *r, int64_t k)
{
	return (i128_t)k * r->first + (i128_t)(k * (k - 1) / 2) * r->growth; /* k < 2^31 */
}

/* Time of boundary k; NS_NEVER beyond the horizon. */
static inline ns_t replica_boundary(const struct replica *r, int64_t k)
{
	const i128_t span = replica_ticks(r, k) >> TICK_SHIFT;
	return span <= NS_HORIZON ? ns_after(r->anchor, (ns_t)span) : NS_NEVER;
}

/* First boundary at or after t; t must not be before the anchor. */
int64_t replica_boundary_after(const struct replica *r, ns_t t);

#endif
