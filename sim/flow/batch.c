/* Composes a replica's next step: who is preempted, whose prompt goes on, who is admitted. */
#include "base/check.h"
#include "flow/flow.h"

/* A sequence that decoded stops: what it emitted becomes part of the context to compute again. */
static int64_t stop_decoding(struct replica *r, struct request *q, uint32_t index)
{
	const int64_t emitted = r->iteration - q->joined;
	const int64_t length = q->context + emitted;
	const ns_t fresh = replica_drop_fresh(r, index);
	kv_cache_leave(&r->kv, length, r->iteration);
	r->context -= length;
	r->n_warm -= q->warmup;
	q->generated += (int32_t)emitted;
	q->context = q->input + q->generated;
	q->stalled = fresh >= 0 ? fresh : r->last_decode;
	q->decoding = false;
	return length;
}

/* The newest sequence gives its blocks back and waits at the front, to be computed again. */
static void preempt_newest(struct sim *s, struct replica *r)
{
	struct request_pool *const pool = &s->cluster.requests;
	const bool prompt = r->prefilling.n > 0; /* those were admitted after all that decode */
	sim_assert(replica_batch(r) > 1); /* a lone sequence fits, or was refused at the door */
	const uint32_t victim = prompt ? r->prefilling.tail : replica_pop_newest(r);
	struct request *const q = &pool->at[victim];
	int64_t length = q->context;
	if (prompt) {
		request_list_remove(&r->prefilling, pool, victim);
	} else {
		length = stop_decoding(r, q, victim);
		prefix_computed(s, r, q, length);
	}
	q->prefilled = 0;
	if (q->preemptions < UINT16_MAX) {
		q->preemptions++;
	}
	prefix_leave(r, q, kv_cache_blocks(&r->kv, length));
	request_list_push_front(&r->waiting, pool, victim);
	service_count(&s->cluster.services[r->service], s->events.now, -1, 1);
	r->totals.preemptions++;
}

/* An elastic pool grows so that `blocks` fit, and one more token of every sequence. */
static bool room_for(struct sim *s, struct replica *r, int64_t blocks)
{
	if (r->group == GROUP_NONE) {
		return false;
	}
	const struct seat *const seat = &s->cluster.seats[r - s->cluster.replicas];
	const int64_t all = r->kv.used + blocks + kv_cache_growth(&r->kv, r->iteration, 1);
	const bool grown = memory_grow(s, r, all);
	/* what is inside the request is always granted */
	sim_assert(grown || seat->step == 0 || all > seat->own);
	return grown;
}

bool batch_make_room(struct sim *s, struct replica *r)
{
	bool preempted = false;
	while (!kv_cache_fits_growing(&r->kv, 0, r->n_decoding, r->iteration)) {
		if (!room_for(s, r, 0)) {
			preempt_newest(s, r);
			preempted = true;
		}
	}
	return preempted;
}

/* Give the prompt of q its next chunk, at most `room` tokens. */
static int64_t take_chunk(struct sim *s, struct replica *r, struct request *q, int64_t room,
                          struct step_shape *shape)
{
	const int64_t rest = q->context - q->prefilled;
	const int64_t chunk = rest < room ? rest : room;
	q->chunk = (int32_t)chunk;
	shape->chunks++;
	shape->finishing += chunk == rest && q->output > 0;
	shape->prompt += chunk;
	shape->cached += q->prefilled;
	shape->pairs2 += chunk * (2 * (int64_t)q->prefilled + chunk);
	prefix_computed(s, r, q, q->prefilled + chunk);
	return chunk;
}

/* Blocks a request has once it is admitted. */
static int64_t admission_blocks(const struct replica *r, const struct request *q)
{
	return kv_cache_blocks(&r->kv, r->kv.grows ? q->context : (int64_t)q->input + q->output);
}

int64_t batch_entry(const struct sim *s, const struct replica *r)
{
	const struct request *const q = &s->cluster.requests.at[r->waiting.head];
	const ns_t ready = q->preemptions == 0 ? q->admitted : r->anchor;
	if (s->services[r->service]
	            .options.schedule_ahead) { /* the step after one that begins later */
		return ready < r->anchor ? 1 : replica_boundary_after(r, ready + 1) + 1;
	}
	return ready <= r->anchor ? 0 : replica_boundary_after(r, ready);
}

/* Blocks that the head of the waiting list must find free. */
static int64_t head_blocks(const struct sim *s, const struct replica *r)
{
	const struct request *const q = &s->cluster.requests.at[r->waiting.head];
	return admission_blocks(r, q) - prefix_held(s, r, q);
}

/* Why the head of the waiting list cannot enter now. */
static enum replica_block head_block(const struct sim *s, const struct replica *r, int64_t room,
                                     const struct step_shape *shape)
{
	const struct bound_service *const service = &s->services[r->service];
	const struct engine_options *const o = &service->options;
	const struct request *const q = &s->cluster.requests.at[r->waiting.head];
	const bool first = shape->chunks == 0;
	if (r->yields && replica_batch(r) > shape->admitted) {
		return BLOCK_SWAP;
	}
	if (replica_batch(r) >= (uint64_t)o->max_num_seqs) {
		return BLOCK_SEQS;
	}
	if (q->preemptions == 0 && q->admitted > s->events.now) {
		return BLOCK_FRONT;
	}
	if (o->schedule_ahead && q->preemptions == 0 && replica_batch(r) > shape->admitted &&
	    q->admitted >= replica_boundary(r, r->done - 1)) {
		return BLOCK_AHEAD;
	}
	if (room <= 0 || (o->prefill_cut == PREFILL_CUT_WHOLE_PROMPT && !first)) {
		return BLOCK_PROMPTS;
	}
	return kv_cache_fits_growing(&r->kv, head_blocks(s, r), r->n_decoding, r->iteration)
	               ? BLOCK_NONE
	               : BLOCK_KV;
}

/*
 * The KV cache has no room for the head of the waiting list: an elastic one may grow. If not, is it
 * as large as it may be, or do others hold what it might borrow? What sequences take of it between
 * two looks does not count, so that fast-forward says the same.
 */
static enum replica_block find_memory(struct sim *s, struct replica *r)
{
	const struct request *const q = &s->cluster.requests.at[r->waiting.head];
	const struct seat *const seat = &s->cluster.seats[r - s->cluster.replicas];
	if (room_for(s, r, head_blocks(s, r))) {
		return BLOCK_NONE;
	}
	return r->group != GROUP_NONE && r->kv.capacity + admission_blocks(r, q) <= seat->most
	               ? BLOCK_LENT
	               : BLOCK_KV;
}

static struct request *admit_head(struct sim *s, struct replica *r, struct step_shape *shape)
{
	struct request_pool *const pool = &s->cluster.requests;
	const uint32_t index = r->waiting.head;
	struct request *const q = &pool->at[index];
	request_list_remove(&r->waiting, pool, index);
	request_list_push_back(&r->prefilling, pool, index);
	const int64_t found = prefix_admit(s, r, q);
	kv_cache_take(&r->kv, admission_blocks(r, q) - found);
	if (q->preemptions == 0) {
		q->admitted = s->events.now;
	}
	q->rank = r->admissions++;
	if (replica_batch(r) > r->totals.running_max) {
		r->totals.running_max = replica_batch(r);
	}
	shape->admitted++;
	shape->images += q->preemptions == 0 ? q->images : 0; /* what was encoded is kept */
	service_count(&s->cluster.services[r->service], s->events.now, 1, -1);
	return q;
}

void batch_note_block(struct sim *s, struct replica *r, enum replica_block why)
{
	const ns_t now = s->events.now;
	r->totals.blocked[r->blocked] += now > r->blocked_since ? now - r->blocked_since : 0;
	r->blocked = (uint8_t)why;
	r->blocked_since = now;
}

/* Prompt tokens the step may hold. */
static int64_t prompt_room(const struct engine_options *o, const struct replica *r)
{
	const bool decodes_first = o->batching == BATCHING_CHUNKED_PREFILL;
	const int64_t room =
		o->max_num_batched_tokens - (decodes_first ? (int64_t)r->n_decoding : 0);
	if (o->prefill_cut == PREFILL_CUT_TOKENS) {
		return o->max_prefill_tokens_per_step < room ? o->max_prefill_tokens_per_step
		                                             : room;
	}
	return decodes_first ? room : INT64_MAX; /* alone in its step, a prompt is never cut */
}

bool batch_plan(struct sim *s, struct replica *r, struct step_shape *shape)
{
	const struct engine_options *const o = &s->services[r->service].options;
	struct request_pool *const pool = &s->cluster.requests;
	if (r->prefilling.n == 0 && r->waiting.n == 0 && r->blocked == BLOCK_NONE) {
		return false;
	}
	int64_t room = prompt_room(o, r);
	for (uint32_t i = r->prefilling.head; i != REQUEST_NONE && room > 0; i = pool->at[i].next) {
		room -= take_chunk(s, r, &pool->at[i], room, shape);
		if (o->prefill_cut == PREFILL_CUT_WHOLE_PROMPT) {
			break;
		}
	}
	enum replica_block why = BLOCK_NONE;
	while (r->waiting.n > 0) {
		why = head_block(s, r, room, shape);
		why = why == BLOCK_KV ? find_memory(s, r) : why;
		if (why != BLOCK_NONE) {
			break;
		}
		struct request *const q = admit_head(s, r, shape);
		room -= take_chunk(s, r, q, room, shape);
	}
	if (why == BLOCK_AHEAD && r->blocked == BLOCK_FRONT && shape->admitted == 0) {
		why = BLOCK_FRONT; /* it would not be asked about here but by exact stepping */
	}
	if (why != r->blocked || why != BLOCK_NONE) {
		batch_note_block(s, r, why);
	}
	return shape->chunks > 0;
}
