/* Lists, the heap of finishing sequences and the arithmetic of a stretch of steps. */
#include "state/replica.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define NEAR_STEPS 16 /* up to here growth is small enough to step to the boundary */
#define RANK_MASK ((UINT32_C(1) << FINISH_RANK_BITS) - 1)

void replica_init(struct replica *r)
{
	memset(r, 0, sizeof(*r));
	r->waiting.head = r->waiting.tail = REQUEST_NONE;
	r->prefilling.head = r->prefilling.tail = REQUEST_NONE;
	r->state = REPLICA_IDLE;
	r->group = GROUP_NONE;
}

void replica_fini(struct replica *r)
{
	free(r->heap);
	free(r->fresh);
	kv_cache_fini(&r->kv);
}

static void sift_up(struct finish_entry *heap, uint32_t i, struct finish_entry e)
{
	while (i > 0 && e.key < heap[(i - 1) / 2].key) {
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = e;
}

static void sift_down(struct finish_entry *heap, uint32_t n, uint32_t i, struct finish_entry e)
{
	for (;;) {
		uint32_t child = 2 * i + 1;
		if (child >= n) {
			break;
		}
		child += child + 1 < n && heap[child + 1].key < heap[child].key;
		if (e.key <= heap[child].key) {
			break;
		}
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = e;
}

void replica_push_finish(struct replica *r, int64_t iteration, uint32_t rank, uint32_t request)
{
	if (r->n_decoding == r->heap_cap) {
		r->heap_cap = r->heap_cap == 0 ? 16 : 2 * r->heap_cap;
		r->heap = mem_resize(r->heap, r->heap_cap, sizeof(*r->heap));
	}
	const uint64_t low = rank & RANK_MASK;
	const struct finish_entry e = {(uint64_t)iteration << FINISH_RANK_BITS | low, request};
	sift_up(r->heap, r->n_decoding, e);
	r->n_decoding++;
}

/* Admissions since this rank; ranks wrap, their distance within a batch does not. */
static uint32_t age(const struct replica *r, uint64_t rank)
{
	return (r->admissions - (uint32_t)rank) & RANK_MASK;
}

uint32_t replica_older(const struct replica *r, uint32_t rank)
{
	const uint32_t own = age(r, rank);
	uint32_t older = 0;
	for (uint32_t i = 0; i < r->n_decoding; i++) {
		older += age(r, r->heap[i].key) > own;
	}
	return older;
}

uint32_t replica_pop_finish(struct replica *r)
{
	sim_assert(r->n_decoding > 0);
	const uint32_t request = r->heap[0].request;
	r->n_decoding--;
	if (r->n_decoding > 0) {
		sift_down(r->heap, r->n_decoding, 0, r->heap[r->n_decoding]);
	}
	return request;
}

uint32_t replica_pop_newest(struct replica *r)
{
	uint32_t newest = 0;
	sim_assert(r->n_decoding > 0);
	for (uint32_t i = 1; i < r->n_decoding; i++) {
		if (age(r, r->heap[i].key) < age(r, r->heap[newest].key)) {
			newest = i;
		}
	}
	const uint32_t request = r->heap[newest].request;
	r->n_decoding--;
	if (newest < r->n_decoding) {
		const struct finish_entry last = r->heap[r->n_decoding];
		if (newest > 0 && last.key < r->heap[(newest - 1) / 2].key) {
			sift_up(r->heap, newest, last);
		} else {
			sift_down(r->heap, r->n_decoding, newest, last);
		}
	}
	return request;
}

void replica_add_fresh(struct replica *r, uint32_t request, ns_t emitted)
{
	if (r->n_fresh == r->fresh_cap) {
		r->fresh_cap = r->fresh_cap == 0 ? 16 : 2 * r->fresh_cap;
		r->fresh = mem_resize(r->fresh, r->fresh_cap, sizeof(*r->fresh));
	}
	r->fresh[r->n_fresh++] = (struct fresh_entry){request, emitted};
}

ns_t replica_drop_fresh(struct replica *r, uint32_t request)
{
	uint32_t kept = 0;
	ns_t emitted = -1;
	for (uint32_t i = 0; i < r->n_fresh; i++) {
		if (r->fresh[i].request == request) {
			emitted = r->fresh[i].emitted;
		} else {
			r->fresh[kept++] = r->fresh[i];
		}
	}
	r->n_fresh = kept;
	return emitted;
}

int64_t replica_boundary_after(const struct replica *r, ns_t t)
{
	sim_assert(t >= r->anchor);
	const i128_t wanted = (i128_t)(t - r->anchor)
	                      << TICK_SHIFT; /* smallest k with S(k) >= wanted */
	const double x = (double)wanted;
	int64_t k = (int64_t)(x / (double)r->first);
	if (k > NEAR_STEPS &&
	    r->growth > 0) { /* root of the quadratic, in a form without cancellation */
		const double b = (double)r->first - 0.5 * (double)r->growth;
		k = (int64_t)(2.0 * x / (b + __builtin_sqrt(b * b + 2.0 * (double)r->growth * x)));
	}
	while (k > 0 && replica_ticks(r, k - 1) >= wanted) {
		k--;
	}
	while (replica_ticks(r, k) < wanted) {
		k++;
	}
	return k;
}
