/* One replica's iterations: start a batch, end a step, emit tokens, close requests. */
#include "base/check.h"
#include "flow/flow.h"

static int64_t request_tokens(const struct request *q)
{
	return (int64_t)q->input + q->output;
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
	request_list_push_back(&r->waiting, &s->cluster.requests, request);
	service_count(service, now, 0, 1);
	service_load_add(service, r->index, request_tokens(&s->cluster.requests.at[request]));
	if (r->waiting.n > r->totals.waiting_max) {
		r->totals.waiting_max = r->waiting.n;
	}
	if (r->waiting.n == 1 && replica_batch(r) >= (uint64_t)o->max_num_seqs) {
		batch_note_block(s, r, BLOCK_SEQS);
	}
	if (r->state == REPLICA_IDLE) {
		r->state = REPLICA_STARTING;
		event_set(&s->events, replica, now, PHASE_ENGINE_START);
	} else if (r->state == REPLICA_RUNNING && r->waiting.n == 1 &&
	           replica_batch(r) < (uint64_t)o->max_num_seqs && r->planned > r->done + 1) {
		/* it may enter at the next boundary: the stretch is cut there */
		const int64_t boundary = replica_boundary_after(r, now);
		if (boundary < r->planned) {
			r->planned = boundary > r->done ? boundary : r->done + 1;
			event_hasten(&s->events, replica, replica_boundary(r, r->planned),
			             PHASE_STEP_DONE);
		}
	}
	return true;
}

/* A sequence is complete: last token delivered at `end`. */
static void finish(struct sim *s, struct replica *r, uint32_t index, ns_t end)
{
	struct request_pool *const pool = &s->cluster.requests;
	struct request *const q = &pool->at[index];
	struct service *const service = &s->cluster.services[r->service];
	int64_t length = q->context;
	if (q->decoding) {
		length += r->iteration - q->joined;
		kv_cache_leave(&r->kv, length, r->iteration);
		r->context -= length;
		r->n_warm -= q->warmup;
	}
	prefix_computed(s, r, q, length);
	prefix_leave(r, q, kv_cache_blocks(&r->kv, r->kv.grows ? length : request_tokens(q)));
	service_count(service, s->events.now, -1, 0);
	service->stays += s->events.now - q->arrival;
	service->left++;
	service_load_remove(service, r->index, request_tokens(q));
	const struct request_record record = {
		.id = q->id,
		.arrival = q->arrival,
		.admitted = q->admitted,
		.first = q->output > 0 ? q->first : end,
		.second = q->output > 1 ? q->second : 0,
		.end = end,
		.input_tokens = q->input,
		.output_tokens = q->output,
		.cached_tokens = q->cached,
		.replica = r->index,
		.user = q->user,
		.service = (uint16_t)r->service,
		.preemptions = q->preemptions,
		.outcome = REQUEST_FINISHED,
		.warmup = q->warmup,
	};
	request_log_add(s->log, &record);
	if (s->gaps != NULL && q->output > 0) {
		size_t n;
		const ns_t *const gaps = gaps_of(s->gaps, index, &n);
		request_log_add_gaps(s->log, gaps, n);
	}
	answered(s, q, end);
	if (q->text != TEXT_NONE) {
		text_give(&s->cluster.texts, q->text);
	}
	request_give(pool, index);
}

/* The prompt of q is complete: it emits a token and decodes on, or is finished. */
static void end_prompt(struct sim *s, struct replica *r, uint32_t index, int64_t rank)
{
	struct request *const q = &s->cluster.requests.at[index];
	const ns_t now = s->events.now;
	const ns_t delivered = ns_after(now, perf_stream_delay(replica_perf(s, r), rank));
	if (q->output == 0) {
		finish(s, r, index, now);
		return;
	}
	q->generated++;
	if (s->gaps != NULL) {
		gaps_note(s->gaps, index, q->generated == 1, now);
	}
	if (q->generated == 1) {
		q->first = delivered;
	} else {
		request_log_gaps(s->log, r->service, gap_ticks(now - q->stalled), 0, 1, !q->warmup);
		q->second = q->generated == 2 ? delivered : q->second;
	}
	if (q->generated == q->output) {
		finish(s, r, index, delivered);
		return;
	}
	q->decoding = true;
	r->n_warm += q->warmup;
	q->joined = r->iteration;
	r->context += q->context;
	kv_cache_join(&r->kv, q->context, r->iteration);
	replica_push_finish(r, r->iteration + q->output - q->generated, q->rank, index);
	replica_add_fresh(r, index, now);
}

/* The chunks of a prompt step are done; `decoded` sequences emitted before them. */
static void end_chunks(struct sim *s, struct replica *r, int64_t decoded)
{
	struct request_pool *const pool = &s->cluster.requests;
	int64_t rank = decoded;
	uint32_t i = r->prefilling.head;
	while (i != REQUEST_NONE && pool->at[i].chunk > 0) {
		struct request *const q = &pool->at[i];
		const uint32_t next = q->next;
		q->prefilled += q->chunk;
		q->chunk = 0;
		if (q->prefilled == q->context) {
			request_list_remove(&r->prefilling, pool, i);
			end_prompt(s, r, i, ++rank);
		}
		i = next;
	}
}

/* Sequences that emitted their last token leave. */
static void end_finished(struct sim *s, struct replica *r)
{
	const struct perf *const perf = replica_perf(s, r);
	const bool streams = perf_streams(perf);
	int64_t gone = 1; /* they leave in order of admission, so each counts before the next */
	while (replica_next_finish(r) <= r->iteration) {
		const uint32_t index = replica_pop_finish(r);
		ns_t end = s->events.now;
		if (streams) {
			const uint32_t rank = s->cluster.requests.at[index].rank;
			end = ns_after(end,
			               perf_stream_delay(perf, replica_older(r, rank) + gone++));
		}
		finish(s, r, index, end);
	}
}

void engine_step_done(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	const int64_t decoded = r->decode_step ? r->n_decoding : 0;
	stretch_advance(s, r, r->planned);
	if (r->decode_step && replica_next_finish(r) <= r->iteration) {
		end_finished(s, r);
		r->changed = true;
	}
	if (r->prompt_step) {
		end_chunks(s, r, decoded);
		r->changed = true;
	}
	if (replica_batch(r) == 0 && r->waiting.n == 0) {
		stretch_end(r);
		r->state = REPLICA_IDLE;
		event_set(&s->events, replica, NS_NEVER, PHASE_STEP_DONE);
	} else if (event_is_alone(&s->events, replica)) {
		s->events.count++;
		engine_start(s, replica);
	} else {
		r->state = REPLICA_STARTING;
		event_set(&s->events, replica, s->events.now, PHASE_ENGINE_START);
	}
}

void engine_start(struct sim *s, uint32_t replica)
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
	r->planned = s->options.exact ? r->done + 1 : r->limit;
	r->state = REPLICA_RUNNING;
	event_set(&s->events, replica, replica_boundary(r, r->planned), PHASE_STEP_DONE);
}
