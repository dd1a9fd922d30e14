/* One replica's iterations: start a batch, end a step, emit tokens, close requests. */
#include "base/check.h"
#include "flow/scale.h"

static int64_t request_tokens(const struct request *q)
{
	return (int64_t)q->input + q->output;
}

/* When the front end hands over a request that comes now. */
static ns_t ready_at(const struct sim *s, const struct replica *r)
{
	const ns_t now = s->events.now;
	const ns_t free = r->stream > 0 ? front_at(r, now) : now;
	return ns_after(free > now ? free : now, perf_entry(replica_perf(s, r)));
}

/*
 * A request waits and is the only one: does it have to wait for a place, or can it not enter at the
 * next boundary? Then it is kept out from there on, however many are looked at until it may.
 */
static void note_wait(struct sim *s, struct replica *r, const struct engine_options *o)
{
	const struct request *const q = &s->cluster.requests.at[r->waiting.head];
	if (replica_batch(r) >= (uint64_t)o->max_num_seqs) {
		batch_note_block(s, r, BLOCK_SEQS);
		return;
	}
	if (r->state != REPLICA_RUNNING || r->shared) { /* it is looked at when its step ends */
		return;
	}
	const int64_t next = replica_boundary_after(r, s->events.now + 1);
	if (batch_entry(s, r) > next) {
		const ns_t at = replica_boundary(r, next);
		batch_note_block(s, r, q->admitted > at ? BLOCK_FRONT : BLOCK_AHEAD);
		r->blocked_since = at;
	}
}

bool engine_enqueue(struct sim *s, uint32_t replica, uint32_t request)
{
	struct replica *const r = &s->cluster.replicas[replica];
	const struct engine_options *const o = &s->services[r->service].options;
	struct service *const service = &s->cluster.services[r->service];
	const ns_t now = s->events.now;
	if (o->queue_limit > 0 && r->waiting.n >= (uint64_t)o->queue_limit) {
		return false;
	}
	struct request *const q = &s->cluster.requests.at[request];
	q->admitted = ready_at(s, r);
	request_list_push_back(&r->waiting, &s->cluster.requests, request);
	service_count(service, now, 0, 1);
	service_load_add(service, r->index, request_tokens(q));
	if (r->waiting.n > r->totals.waiting_max) {
		r->totals.waiting_max = r->waiting.n;
	}
	if (r->waiting.n == 1) {
		note_wait(s, r, o);
	}
	if (r->state == REPLICA_IDLE) {
		r->state = REPLICA_STARTING;
		event_set(&s->events, replica, ns_after(q->admitted, start_warm(s, r, q)),
		          PHASE_ENGINE_START);
	} else if (r->state == REPLICA_RUNNING && r->waiting.n == 1 &&
	           replica_batch(r) < (uint64_t)o->max_num_seqs && r->planned > r->done + 1) {
		/* it may enter before the stretch ends: the stretch is cut there */
		const int64_t boundary = batch_entry(s, r);
		if (boundary < r->planned) {
			r->planned = boundary > r->done ? boundary : r->done + 1;
			event_hasten(&s->events, replica, replica_boundary(r, r->planned),
			             PHASE_STEP_DONE);
		}
	}
	if (s->swap != NULL) {
		swap_queued(s, replica);
	}
	return true;
}

void engine_record(const struct replica *r, const struct request *q, ns_t end,
                   struct request_record *out)
{
	*out = (struct request_record){
		.id = q->id,
		.arrival = q->arrival,
		.admitted = q->admitted,
		.end = end,
		.input_tokens = q->input,
		.output_tokens = q->output,
		.cached_tokens = q->cached,
		.replica = r->index,
		.user = q->user,
		.service = (uint16_t)r->service,
		.preemptions = q->preemptions,
		.warmup = q->warmup,
	};
}

void engine_release(struct sim *s, const struct replica *r, uint32_t index, ns_t answer)
{
	struct request_pool *const pool = &s->cluster.requests;
	const struct request *const q = &pool->at[index];
	struct service *const service = &s->cluster.services[r->service];
	service_count(service, s->events.now, -1, 0);
	service->stays += s->events.now - q->arrival;
	service->left++;
	service_load_remove(service, r->index, request_tokens(q));
	if (s->scalers != NULL) {
		scale_left(s, r);
	}
	answered(s, q, answer);
	if (q->text != TEXT_NONE) {
		text_give(&s->cluster.texts, q->text);
	}
	request_give(pool, index);
}

/* The answer is out at `end`. */
static void log_answer(struct sim *s, const struct replica *r, uint32_t index, ns_t end)
{
	const struct request *const q = &s->cluster.requests.at[index];
	struct request_record record;
	engine_record(r, q, end, &record);
	record.first = q->output > 0 ? q->first : end;
	record.second = q->second;
	record.outcome = REQUEST_FINISHED;
	request_log_add(s->log, &record);
	if (s->scalers != NULL) {
		scale_answered(s, r->service, &record);
	}
	if (s->gaps != NULL && q->output > 0) {
		size_t n;
		const ns_t *const gaps = gaps_of(s->gaps, index, &n);
		request_log_add_gaps(s->log, gaps, n);
	}
}

/* A sequence is complete: last token delivered at `end`. */
static void finish(struct sim *s, struct replica *r, uint32_t index, ns_t end)
{
	struct request *const q = &s->cluster.requests.at[index];
	int64_t length = q->context;
	if (q->decoding) {
		length += r->iteration - q->joined;
		kv_cache_leave(&r->kv, length, r->iteration);
		r->context -= length;
		r->n_warm -= q->warmup;
	}
	prefix_computed(s, r, q, length);
	prefix_leave(r, q, kv_cache_blocks(&r->kv, r->kv.grows ? length : request_tokens(q)));
	if (r->group != GROUP_NONE) {
		memory_shrink(s, r);
	}
	if (end <= s->stop) { /* else its last token is still in the front end */
		log_answer(s, r, index, end);
	}
	engine_release(s, r, index, end);
}

/* Tokens after which something of q is to be noted: a response that is dated, or its end. */
static int32_t next_note(const struct engine_options *o, const struct request *q)
{
	const int64_t n = q->first == 0 ? o->stream_interval : 2 * o->stream_interval;
	return o->stream_interval > 1 && q->second == 0 && n < q->output ? (int32_t)n : q->output;
}

/* Date the response that ends with the token just delivered, if one does. */
static void date_response(const struct engine_options *o, struct request *q, int64_t emitted,
                          ns_t delivered)
{
	if (q->first == 0 && (emitted >= o->stream_interval || emitted == q->output)) {
		q->first = delivered;
	} else if (q->second == 0 && (emitted >= 2 * o->stream_interval || emitted == q->output)) {
		q->second = delivered;
	}
}

/*
 * The prompt of q is complete: it emits a token, delivered at `delivered` of a step whose tokens go
 * out from `base` on, and decodes on, or is finished.
 */
static void end_prompt(struct sim *s, struct replica *r, uint32_t index, ns_t base, ns_t delivered)
{
	const struct engine_options *const o = &s->services[r->service].options;
	struct request *const q = &s->cluster.requests.at[index];
	q->generated++;
	if (s->gaps != NULL) {
		gaps_note(s->gaps, index, q->generated == 1, base);
	}
	if (q->generated > 1) {
		request_log_gaps(s->log, r->service, gap_ticks(base - q->stalled), 0, 1,
		                 !q->warmup);
	}
	date_response(o, q, q->generated, delivered);
	if (q->generated == q->output) {
		finish(s, r, index, delivered);
		return;
	}
	q->decoding = true;
	r->n_warm += q->warmup;
	q->joined = r->iteration;
	r->context += q->context;
	kv_cache_join(&r->kv, q->context, r->iteration);
	replica_push_finish(r, r->iteration + next_note(o, q) - q->generated, q->rank, index);
	replica_add_fresh(r, index, base);
}

/* When the tokens of the step just done begin to go out. */
static ns_t step_base(const struct replica *r, ns_t now)
{
	if (r->decode_step) {
		return r->last_decode;
	}
	return r->front > now ? r->front : now;
}

/* A prompt is complete; the front end, where there is one, takes its token after those before. */
static void deliver_prompt(struct sim *s, struct replica *r, uint32_t index, ns_t base)
{
	const ns_t now = s->events.now;
	if (s->cluster.requests.at[index].output == 0) {
		finish(s, r, index, now);
	} else if (r->stream > 0) {
		end_prompt(s, r, index, base, front_send(s, r, base));
	} else {
		end_prompt(s, r, index, base, now);
	}
}

/* The chunks of a prompt step are done; decoding sequences emitted before them. */
static void end_chunks(struct sim *s, struct replica *r)
{
	struct request_pool *const pool = &s->cluster.requests;
	const ns_t base = step_base(r, s->events.now);
	uint32_t i = r->prefilling.head;
	while (i != REQUEST_NONE && pool->at[i].chunk > 0) {
		struct request *const q = &pool->at[i];
		const uint32_t next = q->next;
		q->prefilled += q->chunk;
		q->chunk = 0;
		if (q->prefilled == q->context) {
			request_list_remove(&r->prefilling, pool, i);
			deliver_prompt(s, r, i, base);
		}
		i = next;
	}
}

/* Sequences whose last token, or whose next response, is out: the last ones leave. */
static bool end_finished(struct sim *s, struct replica *r)
{
	const struct engine_options *const o = &s->services[r->service].options;
	int64_t gone = 1; /* they leave in order of admission, so each counts before the next */
	bool left = false;
	while (replica_next_finish(r) <= r->iteration) {
		const uint32_t index = replica_pop_finish(r);
		struct request *const q = &s->cluster.requests.at[index];
		const int64_t emitted = q->generated + r->iteration - q->joined;
		ns_t delivered = s->events.now;
		if (r->stream > 0) {
			delivered = ns_after(r->last_decode,
			                     (replica_older(r, q->rank) + gone) * r->stream);
		}
		date_response(o, q, emitted, delivered);
		if (emitted < q->output) {
			replica_push_finish(r, r->iteration + next_note(o, q) - emitted, q->rank,
			                    index);
		} else {
			gone++;
			left = true;
			finish(s, r, index, delivered);
		}
	}
	return left;
}

/* The next batch is composed at `at`: now, or when the front end has handed over the next request.
 */
static void plan_start(struct sim *s, struct replica *r, uint32_t replica, ns_t at)
{
	if (at == s->events.now && event_is_alone(&s->events, replica)) {
		s->events.count++;
		engine_start(s, replica);
	} else {
		r->state = REPLICA_STARTING;
		event_set(&s->events, replica, at, PHASE_ENGINE_START);
	}
}

/* The next batch of a replica without one, but with requests. */
static void plan_next_batch(struct sim *s, struct replica *r, uint32_t replica)
{
	const ns_t now = s->events.now;
	const struct request *const head = &s->cluster.requests.at[r->waiting.head];
	plan_start(s, r, replica,
	           head->preemptions == 0 && head->admitted > now ? head->admitted : now);
}

/* Nothing is in work; where replicas are swapped, it may leave its GPUs. */
static void be_idle(struct sim *s, struct replica *r, uint32_t replica)
{
	r->state = REPLICA_IDLE;
	event_set(&s->events, replica, NS_NEVER, PHASE_STEP_DONE);
	if (r->leaving && r->waiting.n == 0) { /* else it yields, and comes back for them */
		life_drained(s, replica);
	}
	if (s->swap != NULL) {
		swap_idle(s, replica);
		if (r->state == REPLICA_IDLE && r->waiting.n > 0) { /* it yielded in vain */
			plan_next_batch(s, r, replica);
		}
	}
}

void engine_step_done(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	const ns_t now = s->events.now;
	if (r->group != GROUP_NONE) {
		share_pause(s, r);
	}
	stretch_advance(s, r, r->planned);
	if (r->decode_step && replica_next_finish(r) <= r->iteration) {
		r->changed = end_finished(s, r) || r->changed;
	}
	if (r->prompt_step) {
		end_chunks(s, r);
		r->changed = true;
	}
	if (replica_batch(r) > 0) {
		plan_start(s, r, replica, now);
		return;
	}
	stretch_end(r);
	if (r->waiting.n > 0 && !r->yields) {
		plan_next_batch(s, r, replica);
	} else {
		be_idle(s, r, replica);
	}
}

/* The boundary to stop at: the limit, or earlier where the next request may enter by then. */
static int64_t plan_end(const struct sim *s, const struct replica *r)
{
	if (s->options.exact || (replica_wants_memory(r) && memory_is_fresh(s, r))) {
		return r->done + 1;
	}
	if (r->blocked == BLOCK_FRONT || r->blocked == BLOCK_AHEAD) {
		const int64_t entry = batch_entry(s, r);
		return entry > r->done && entry < r->limit ? entry : r->limit;
	}
	return r->limit;
}

/* A replica is idle again; false: nobody waits for it, or who does is not ready. */
static bool wakes(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	const ns_t now = s->events.now;
	if (r->state != REPLICA_IDLE || r->waiting.n == 0) {
		return false;
	}
	const struct request *const head = &s->cluster.requests.at[r->waiting.head];
	const bool ready = head->preemptions > 0 || head->admitted <= now;
	const ns_t at = ns_after(ready ? now : head->admitted, start_warm(s, r, head));
	if (at <= now) {
		return true;
	}
	plan_start(s, r, replica, at);
	return false;
}

/* A killed replica is there again; false as wakes(). */
static bool start_again(struct sim *s, uint32_t replica)
{
	kill_over(s, replica);
	event_set(&s->events, replica, NS_NEVER, PHASE_STEP_DONE);
	if (s->swap != NULL) {
		swap_started(s, replica);
	}
	return wakes(s, replica);
}

/* Compose the batch and begin its steps. */
static void begin_steps(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	struct step_shape shape = {0};
	const bool same = !r->changed && r->done > 0 && r->done < r->limit;
	const bool preempted = !same && batch_make_room(s, r);
	const bool prompts = !preempted && batch_plan(s, r, &shape);
	if (!same || prompts) {
		const bool decodes_wait = prompts && s->services[r->service].options.batching ==
		                                             BATCHING_PREFILL_FIRST;
		shape.decodes = decodes_wait ? 0 : r->n_decoding;
		shape.context = decodes_wait ? 0 : r->context;
		stretch_end(r);
		/* after a preemption the waiting ones are looked at again one step later */
		stretch_begin(s, r, &shape, prompts || preempted ? 1 : INT64_MAX);
	}
	r->planned = plan_end(s, r);
	r->state = REPLICA_RUNNING;
	if (r->group != GROUP_NONE && share_begin(s, r)) {
		return;
	}
	event_set(&s->events, replica, replica_boundary(r, r->planned), PHASE_STEP_DONE);
}

void engine_start(struct sim *s, uint32_t replica)
{
	const enum replica_state state = (enum replica_state)s->cluster.replicas[replica].state;
	const bool begins = state == REPLICA_DOWN   ? start_again(s, replica)
	                    : state == REPLICA_AWAY ? swap_event(s, replica) && wakes(s, replica)
	                                            : true;
	if (begins) {
		begin_steps(s, replica);
	}
}
