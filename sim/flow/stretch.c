/*
 * Many steps at once, in closed form, where nothing can happen in between: the batch is constant,
 * so step i takes first + i * growth. Exact stepping uses the same anchor and formula, one step at
 * a time.
 */
#include "base/check.h"
#include "flow/flow.h"

#define ONE_NS (INT64_C(1) << TICK_SHIFT)

/* From the last tokens to those of the first step, which go out at `base`. */
static tick_t first_gap(const struct replica *r, ns_t last, ns_t base)
{
	return r->stream == 0 ? gap_ticks(r->anchor - last) + r->first : gap_ticks(base - last);
}

/*
 * Token gaps of the first step where they are not one step long: decoding sequences stood still
 * while prompts went first, or a sequence emitted its first token in an earlier step.
 */
static void note_uneven_gaps(struct sim *s, struct replica *r, ns_t base)
{
	const uint32_t old = r->n_decoding - r->n_fresh;
	const bool queued = base > replica_boundary(r, 1);
	bool even = !queued && (old == 0 || r->last_decode == r->anchor);
	for (uint32_t i = 0; even && i < r->n_fresh; i++) {
		even = r->fresh[i].emitted == r->anchor;
	}
	r->gap_noted = !even;
	if (even) {
		return;
	}
	uint32_t old_measured = old - r->n_warm;
	for (uint32_t i = 0; i < r->n_fresh; i++) {
		const tick_t gap = first_gap(r, r->fresh[i].emitted, base);
		if (s->cluster.requests.at[r->fresh[i].request].warmup) {
			old_measured++; /* it is one of n_warm, but not old */
		} else {
			request_log_gaps(s->log, r->service, gap, 0, 1, 1);
		}
	}
	const tick_t gap = first_gap(r, r->last_decode, base);
	request_log_gaps(s->log, r->service, gap, 0, 1, old_measured);
}

/* The second token of sequences that have one comes at the end of the first step. */
static void date_second_tokens(struct sim *s, struct replica *r, ns_t base)
{
	const bool each = s->services[r->service].options.stream_interval == 1;
	for (uint32_t i = 0; i < r->n_fresh; i++) {
		const int64_t rank = (int64_t)r->n_decoding - r->n_fresh + i + 1;
		struct request *const q = &s->cluster.requests.at[r->fresh[i].request];
		if (q->generated == 1 && each) { /* else it was preempted and computed again */
			q->second = ns_after(base, rank * r->stream);
		}
	}
	r->n_fresh = 0;
}

/* Gaps and second tokens that the first step of the stretch brings; its end must be known. */
static void note_first(struct sim *s, struct replica *r)
{
	const ns_t end = replica_boundary(r, 1);
	const ns_t base = end > r->front ? end : r->front;
	if (r->n_fresh > 0 || r->last_decode != r->anchor || base > end) {
		note_uneven_gaps(s, r, base);
		date_second_tokens(s, r, base);
	}
}

void stretch_begin(struct sim *s, struct replica *r, const struct step_shape *shape, int64_t limit)
{
	struct step_cost cost;
	perf_step(replica_perf(s, r), shape, &cost);
	r->anchor = s->events.now;
	/* boundaries must differ, or several would share a nanosecond with what comes between */
	r->first = cost.step > ONE_NS ? cost.step : ONE_NS;
	r->growth = cost.growth;
	r->gpu_first = cost.gpu;
	r->gpu_growth = cost.gpu_growth;
	r->done = 0;
	r->prompt_step = shape->chunks > 0;
	r->decode_step = shape->decodes > 0;
	r->gap_noted = false;
	limit = cost.until < limit ? cost.until : limit;
	if (r->decode_step) {
		const int64_t finish = replica_next_finish(r) - r->iteration;
		limit = finish < limit ? finish : limit;
		limit = kv_cache_steps(&r->kv, r->n_decoding, r->iteration, limit);
		if (r->group == GROUP_NONE) { /* else a neighbour may slow it down yet */
			note_first(s, r);
		}
	}
	if (r->group != GROUP_NONE) {
		share_note(s, r, shape, cost.host);
	}
	sim_assert(limit >= 1);
	r->limit = limit;
	r->changed = false;
}

/* Every sequence of the batch emitted a token now. */
static void note_gaps(struct sim *s, const struct replica *r)
{
	for (uint32_t i = 0; i < r->n_decoding; i++) {
		gaps_note(s->gaps, r->heap[i].request, false, r->last_decode);
	}
}

/* The tokens of the steps up to `to` go out: their gaps are noted. */
static void deliver(struct sim *s, struct replica *r, int64_t to)
{
	const int64_t skip = r->done == 0 && r->gap_noted ? 1 : 0;
	const int64_t steps = to - r->done - skip;
	if (r->stream > 0) {
		front_advance(s, r, to);
		return;
	}
	/* a neighbour may cut a stretch later than at the boundary */
	r->last_decode = r->group == GROUP_NONE ? s->events.now : replica_boundary(r, to);
	if (steps > 0) {
		request_log_gaps(s->log, r->service, r->first + r->growth * (r->done + skip),
		                 r->growth, steps, r->n_decoding - r->n_warm);
	}
}

void stretch_advance(struct sim *s, struct replica *r, int64_t to)
{
	const int64_t steps = to - r->done;
	sim_assert(steps >= 1 && to <= r->limit);
	if (r->decode_step) {
		if (r->group != GROUP_NONE && r->done == 0) {
			note_first(s, r);
		}
		deliver(s, r, to);
		if (r->kv.grows) {
			kv_cache_take(&r->kv, kv_cache_growth(&r->kv, r->iteration, steps));
		}
		r->iteration += steps;
		r->context += (tokens_t)r->n_decoding * steps;
		if (s->gaps != NULL) {
			note_gaps(s, r);
		}
	}
	r->done = to;
}

void stretch_end(struct replica *r)
{
	const int64_t pairs = r->done * (r->done - 1) / 2;
	const i128_t busy = replica_ticks(r, r->done);
	r->totals.busy += busy;
	r->totals.gpu += (i128_t)r->done * r->gpu_first + (i128_t)pairs * r->gpu_growth;
	r->totals.prompt += r->prompt_step ? busy : 0;
	r->done = 0;
	r->first = 0;
	r->growth = 0;
	r->gpu_first = 0;
	r->gpu_growth = 0;
}
