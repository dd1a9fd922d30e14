/* The plain per-iteration engine. Knows nothing of flow/ or state/. */
#include "naive.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/vec.h"
#include "event/event.h"
#include "perf/perf.h"
#include "workload/workload.h"
#include "naive_prefix.h"
#include "naive_share.h"

struct seq {
	size_t id;
	uint32_t user, load;
	int64_t input, output, context, prefilled, chunk, generated, length, blocks;
	struct plain_text *text; /* NULL without a prefix cache */
	ns_t ready;              /* the front end has handed it over; 0: long ago */
};

struct rep {
	VEC(struct seq) waiting; /* front at `head` */
	size_t head;
	VEC(struct seq) batch; /* in order of admission */
	int64_t free_blocks;
	struct plain_cache *cache; /* NULL: blocks are only counted */
	ns_t anchor;
	struct step_cost cost;
	int64_t steps; /* since the anchor */
	bool changed, decoding, running;
	ns_t began; /* of the last step */
	ns_t front; /* the front end is free */
};

struct naive {
	const struct scenario *sc;
	const struct scenario_service *service;
	const struct engine_options *o;
	struct perf *perf;
	struct memory_plan plan;
	struct rep *reps;
	uint32_t n_reps, turn;
	struct plain_gpu *gpus; /* NULL: replicas have GPUs of their own */
	uint32_t per_gpu;
	struct event_list events;
	struct workload **loads;
	VEC(struct naive_request) requests;
	struct naive_result *out;
};

static int64_t blocks_of(const struct naive *n, int64_t tokens)
{
	const int64_t least = n->o->kv_reservation == KV_CONTEXT ? n->service->llm->context : 0;
	const int64_t room = tokens > least ? tokens : least;
	return (room + n->o->kv_block_tokens - 1) / n->o->kv_block_tokens + n->plan.state_blocks;
}

static bool full_reservation(const struct naive *n)
{
	return n->o->kv_reservation != KV_ON_DEMAND;
}

static void plan_load(struct naive *n, uint32_t load)
{
	event_set(&n->events, n->n_reps + load, n->loads[load]->ops->peek(n->loads[load]),
	          PHASE_ARRIVAL);
}

static void answered(struct naive *n, const struct seq *q, ns_t at)
{
	if (n->loads[q->load]->ops->finished != NULL) {
		n->loads[q->load]->ops->finished(n->loads[q->load], q->user, at);
		plan_load(n, q->load);
	}
}

static uint32_t route(struct naive *n)
{
	if (strcmp(n->service->routing.name, "round_robin") == 0) {
		const uint32_t chosen = n->turn;
		n->turn = (n->turn + 1) % n->n_reps;
		return chosen;
	}
	uint32_t best = 0;
	size_t least = SIZE_MAX;
	for (uint32_t i = 0; i < n->n_reps; i++) {
		const size_t load = n->reps[i].waiting.n - n->reps[i].head + n->reps[i].batch.n;
		if (load < least) {
			least = load;
			best = i;
		}
	}
	return best;
}

static void arrive(struct naive *n, uint32_t load)
{
	struct arrival a;
	if (!n->loads[load]->ops->next(n->loads[load], &a)) {
		plan_load(n, load);
		return;
	}
	struct seq q = {.id = n->requests.n,
	                .user = a.user,
	                .load = load,
	                .input = a.input_tokens,
	                .output = a.output_tokens,
	                .context = a.input_tokens};
	const struct naive_request record = {.arrival = a.at};
	vec_push(&n->requests, record);
	struct rep *const r = &n->reps[route(n)];
	const size_t waiting = r->waiting.n - r->head;
	if (q.input + q.output > n->service->llm->context ||
	    blocks_of(n, q.input + q.output) > n->plan.blocks ||
	    (n->o->queue_limit > 0 && waiting >= (size_t)n->o->queue_limit)) {
		n->requests.at[q.id].rejected = true;
		answered(n, &q, a.at + n->sc->loads[load].retry);
	} else {
		if (r->cache != NULL) {
			q.text = plain_text_open(r->cache, &a);
		}
		q.ready = (r->front > a.at ? r->front : a.at) + perf_entry(n->perf);
		vec_push(&r->waiting, q);
		if (!r->running) {
			r->running = true;
			r->changed = true;
			event_set(&n->events, (uint32_t)(r - n->reps), q.ready, PHASE_ENGINE_START);
		}
	}
	plan_load(n, load);
}

static bool decodes(const struct seq *q)
{
	return q->prefilled == q->context;
}

/* Blocks that the decoding sequences need for their next token. */
static int64_t growth(const struct naive *n, const struct rep *r)
{
	int64_t blocks = 0;
	for (size_t i = 0; i < r->batch.n && !full_reservation(n); i++) {
		const struct seq *const q = &r->batch.at[i];
		blocks += decodes(q) && blocks_of(n, q->length + 1) > q->blocks;
	}
	return blocks;
}

static void give_back(struct rep *r, struct seq *q)
{
	r->free_blocks += q->blocks;
	if (r->cache != NULL) {
		plain_give(r->cache, q->text);
		r->free_blocks = r->cache->spare;
	}
}

static void computed(struct rep *r, struct seq *q, int64_t tokens)
{
	if (r->cache != NULL) {
		plain_computed(r->cache, q->text, tokens);
	}
}

static bool make_room(struct naive *n, struct rep *r)
{
	bool preempted = false;
	while (growth(n, r) > r->free_blocks) {
		struct seq q = r->batch.at[--r->batch.n];
		give_back(r, &q);
		q.context = q.input + q.generated;
		q.prefilled = 0;
		q.length = 0;
		q.blocks = 0;
		q.ready = 0;
		sim_assert(r->batch.n > 0);
		if (r->head == 0) {
			vec_push(&r->waiting, q);
			memmove(r->waiting.at + 1, r->waiting.at,
			        (r->waiting.n - 1) * sizeof(*r->waiting.at));
			r->head = 1;
		}
		r->waiting.at[--r->head] = q;
		n->out->preemptions++;
		preempted = true;
	}
	return preempted;
}

static int64_t give_chunk(struct rep *r, struct seq *q, int64_t room, struct step_shape *shape)
{
	const int64_t rest = q->context - q->prefilled;
	q->chunk = rest < room ? rest : room;
	shape->chunks++;
	shape->finishing += q->chunk == rest && q->output > 0;
	shape->prompt += q->chunk;
	shape->cached += q->prefilled;
	shape->pairs2 += q->chunk * (2 * q->prefilled + q->chunk);
	computed(r, q, q->prefilled + q->chunk);
	return q->chunk;
}

static void plan_prompts(struct naive *n, struct rep *r, struct step_shape *shape)
{
	const bool first_prompts = n->o->batching == BATCHING_PREFILL_FIRST;
	const bool whole = n->o->prefill_cut == PREFILL_CUT_WHOLE_PROMPT;
	int64_t decoding = 0;
	for (size_t i = 0; i < r->batch.n; i++) {
		decoding += decodes(&r->batch.at[i]);
	}
	int64_t room = n->o->max_num_batched_tokens - (first_prompts ? 0 : decoding);
	if (!whole && n->o->max_prefill_tokens_per_step < room) {
		room = n->o->max_prefill_tokens_per_step;
	}
	if (whole && first_prompts) {
		room = INT64_MAX;
	}
	for (size_t i = 0; i < r->batch.n && room > 0 && !(whole && shape->chunks > 0); i++) {
		if (!decodes(&r->batch.at[i])) {
			room -= give_chunk(r, &r->batch.at[i], room, shape);
		}
	}
	const int64_t reserve = growth(n, r);
	const bool stepped = r->batch.n > 0; /* there was a step to plan ahead of */
	while (r->head < r->waiting.n && room > 0 && !(whole && shape->chunks > 0) &&
	       r->batch.n < (size_t)n->o->max_num_seqs) {
		struct seq q = r->waiting.at[r->head];
		if (q.ready > n->events.now ||
		    (n->o->schedule_ahead && stepped && q.ready >= r->began)) {
			break;
		}
		const int64_t blocks =
			blocks_of(n, full_reservation(n) ? q.input + q.output : q.context);
		int64_t held = 0;
		const int64_t found =
			r->cache != NULL ? plain_find(r->cache, q.text, q.context - 1, &held) : 0;
		if (blocks - held + reserve > r->free_blocks) {
			break;
		}
		r->head++;
		r->free_blocks -= blocks;
		q.blocks = blocks;
		if (r->cache != NULL) {
			plain_take(r->cache, q.text, found, blocks - found);
			r->free_blocks = r->cache->spare;
			q.prefilled = found * n->o->kv_block_tokens;
		}
		if (!n->requests.at[q.id].begun) {
			n->requests.at[q.id].begun = true;
			n->requests.at[q.id].admitted = n->events.now;
			n->requests.at[q.id].cached = q.prefilled;
		}
		shape->admitted++;
		shape->images += n->sc->loads[q.load].images;
		room -= give_chunk(r, &q, room, shape);
		vec_push(&r->batch, q);
	}
	if (r->head > 4096 && r->head * 2 > r->waiting.n) {
		memmove(r->waiting.at, r->waiting.at + r->head,
		        (r->waiting.n - r->head) * sizeof(*r->waiting.at));
		r->waiting.n -= r->head;
		r->head = 0;
	}
}

static ns_t boundary(const struct rep *r, int64_t k)
{
	const i128_t ticks = (i128_t)k * r->cost.step + (i128_t)k * (k - 1) / 2 * r->cost.growth;
	return r->anchor + (ns_t)(ticks >> TICK_SHIFT);
}

static void plan_gpu(struct naive *n, uint32_t gpu)
{
	event_set(&n->events, n->n_reps + (uint32_t)n->sc->n_loads + gpu,
	          plain_gpu_next(&n->gpus[gpu]), PHASE_STEP_DONE);
}

/* The running step of a replica goes on beside those of its neighbours. */
static void share(struct naive *n, struct plain_gpu *g, uint32_t id)
{
	struct rep *const r = &n->reps[id];
	const int64_t k = r->steps;
	const i128_t begin = (i128_t)k * r->cost.step + (i128_t)k * (k - 1) / 2 * r->cost.growth;
	const tick_t step = r->cost.step + k * r->cost.growth;
	const tick_t host = r->cost.host, gpu = r->cost.gpu + k * r->cost.gpu_growth;
	struct plain_step s = {.on = true};
	s.host_end = r->anchor + (ns_t)((begin + host) >> TICK_SHIFT);
	const ns_t from = s.host_end > n->events.now ? s.host_end : n->events.now;
	s.work = (tick_t)(begin + host + gpu - ((i128_t)(from - r->anchor) << TICK_SHIFT));
	s.least = step > host + gpu ? r->anchor + (ns_t)((begin + step) >> TICK_SHIFT)
	                            : boundary(r, k) + 1;
	g->steps[id % n->per_gpu] = s;
	g->on++;
	r->anchor = boundary(r, k);
	r->steps = 0;
	r->changed = true;
	event_set(&n->events, id, NS_NEVER, PHASE_STEP_DONE);
}

/* A step begins: false: its replica has the GPU to itself. */
static bool start_shared(struct naive *n, uint32_t id)
{
	struct plain_gpu *const g = &n->gpus[id / n->per_gpu];
	const uint32_t first = id - id % n->per_gpu;
	if (g->on == 0 && g->alone < 0 && !g->slow) {
		g->alone = (int)(id - first);
		return false;
	}
	plain_gpu_move(g, n->events.now);
	if (g->alone >= 0) {
		share(n, g, first + (uint32_t)g->alone);
		g->alone = -1;
	}
	share(n, g, id);
	plan_gpu(n, id / n->per_gpu);
	return true;
}

static void start(struct naive *n, uint32_t id)
{
	struct rep *const r = &n->reps[id];
	struct step_shape shape = {0};
	const bool preempted = make_room(n, r);
	if (!preempted) {
		plan_prompts(n, r, &shape);
	}
	r->decoding = !(shape.chunks > 0 && n->o->batching == BATCHING_PREFILL_FIRST);
	for (size_t i = 0; i < r->batch.n && r->decoding; i++) {
		if (decodes(&r->batch.at[i])) {
			shape.decodes++;
			shape.context += r->batch.at[i].length;
		}
	}
	if (r->changed || preempted || shape.chunks > 0 || r->steps == r->cost.until) {
		perf_step(n->perf, &shape, &r->cost);
		r->anchor = n->events.now;
		r->steps = 0;
	}
	r->changed = preempted || shape.chunks > 0;
	if (n->gpus == NULL || !start_shared(n, id)) {
		event_set(&n->events, id, boundary(r, r->steps + 1), PHASE_STEP_DONE);
	}
}

/* One token of q leaves through the front end after the step at `now`; true when it was the last.
 */
static bool emit(struct naive *n, struct rep *r, struct seq *q, ns_t now)
{
	struct naive_request *const record = &n->requests.at[q->id];
	const int64_t interval = n->o->stream_interval;
	q->generated++;
	r->front = (r->front > now ? r->front : now) + perf_stream(n->perf);
	if (q->generated == (interval < q->output ? interval : q->output)) {
		record->first = r->front;
		r->changed =
			r->changed || interval > 1; /* a response that is dated ends a stretch */
	} else if (q->generated > interval &&
	           q->generated == (2 * interval < q->output ? 2 * interval : q->output)) {
		record->second = r->front;
		r->changed = r->changed || interval > 1;
	}
	record->end = r->front;
	return q->generated >= q->output;
}

static bool advance(struct naive *n, struct rep *r, struct seq *q, ns_t now)
{
	if (q->chunk == 0) {
		if (!decodes(q) || !r->decoding) {
			return false;
		}
		q->length++;
		if (!full_reservation(n) && blocks_of(n, q->length) > q->blocks) {
			q->blocks++;
			r->free_blocks--;
			if (r->cache != NULL) {
				plain_take(r->cache, q->text, 0, 1);
			}
		}
		computed(r, q, q->length);
		return emit(n, r, q, now);
	}
	q->prefilled += q->chunk;
	q->chunk = 0;
	if (!decodes(q)) {
		return false;
	}
	q->length = q->context;
	if (q->output == 0) {
		n->requests.at[q->id].first = now;
		n->requests.at[q->id].end = now;
		return true;
	}
	return emit(n, r, q, now);
}

static void step_done(struct naive *n, uint32_t id)
{
	struct rep *const r = &n->reps[id];
	const ns_t now = n->events.now;
	size_t kept = 0;
	n->out->steps++;
	if (n->gpus != NULL && n->gpus[id / n->per_gpu].alone == (int)(id % n->per_gpu)) {
		n->gpus[id / n->per_gpu].alone = -1;
	}
	r->began = boundary(r, r->steps);
	r->steps++;
	for (size_t i = 0; i < r->batch.n; i++) {
		struct seq *const q = &r->batch.at[i];
		if (advance(n, r, q, now)) {
			give_back(r, q);
			plain_text_close(q->text);
			r->changed = true;
			answered(n, q, n->requests.at[q->id].end);
		} else {
			r->batch.at[kept++] = *q;
		}
	}
	r->batch.n = kept;
	r->running = kept > 0 || r->head < r->waiting.n;
	ns_t next = r->running ? now : NS_NEVER;
	if (kept == 0 && r->running && r->waiting.at[r->head].ready > now) {
		next = r->waiting.at[r->head].ready;
	}
	event_set(&n->events, id, next, PHASE_ENGINE_START);
}

/* The first step on this GPU that is over. */
static void shared_step_done(struct naive *n, uint32_t gpu)
{
	plain_gpu_move(&n->gpus[gpu], n->events.now);
	const int i = plain_gpu_take(&n->gpus[gpu]);
	sim_assert(i >= 0);
	plan_gpu(n, gpu);
	step_done(n, gpu * n->per_gpu + (uint32_t)i);
}

/* As many replicas on a GPU as fit; returns the number of GPUs that are shared. */
static uint32_t open_gpus(struct naive *n)
{
	if (n->service->fraction_ppm == SHARE_WHOLE) {
		return 0;
	}
	n->per_gpu = (uint32_t)(SHARE_WHOLE / n->service->fraction_ppm);
	const uint32_t n_gpus = (n->n_reps + n->per_gpu - 1) / n->per_gpu;
	n->gpus = mem_new(n_gpus, sizeof(*n->gpus));
	for (uint32_t i = 0; i < n_gpus; i++) {
		n->gpus[i] = plain_gpu_of(n->sc, n->service, n->per_gpu);
	}
	return n_gpus;
}

static void open_all(struct naive *n)
{
	struct llm_shape shape;
	n->service = &n->sc->services[0];
	n->o = &n->service->options;
	n->n_reps = (uint32_t)n->service->replicas;
	llm_spec_shape(n->service->llm, (enum precision)n->service->precision,
	               (enum precision)n->service->kv_precision, &shape);
	perf_memory(scenario_visible(n->service, &n->sc->nodes[0]), &shape, n->o,
	            n->service->tensor_parallel, &n->plan);
	const struct perf_ask ask = {
		.gpu = n->sc->nodes[0].gpu,
		.llm = &shape,
		.costs = &n->service->costs[0].constants,
		.weights = (enum precision)n->service->precision,
		.overlap = n->o->overlap,
		.tensor_parallel = n->service->tensor_parallel,
		.max_seqs = n->o->max_num_seqs,
	};
	n->perf = perf_new(&ask);
	bool caches = false;
	for (size_t i = 0; i < n->sc->n_loads; i++) {
		caches = caches || (n->o->prefix_cache && load_shares(&n->sc->loads[i]));
	}
	n->reps = mem_new(n->n_reps, sizeof(*n->reps));
	for (uint32_t i = 0; i < n->n_reps; i++) {
		n->reps[i].free_blocks = n->plan.blocks;
		n->reps[i].cache =
			caches ? plain_cache_new(n->plan.blocks, n->o->kv_block_tokens) : NULL;
	}
	n->loads = mem_new(n->sc->n_loads, sizeof(struct workload *));
	const uint32_t n_gpus = open_gpus(n);
	event_list_init(&n->events, n->n_reps + (uint32_t)n->sc->n_loads + n_gpus);
	struct err *const err = err_new();
	for (uint32_t i = 0; i < n->sc->n_loads; i++) {
		n->loads[i] = workload_open(&n->sc->loads[i], n->service->llm, n->sc->seed, i, err);
		sim_assert(n->loads[i] != NULL);
		plan_load(n, i);
	}
	err_free(err);
}

/* Of those still there at the end. */
static void close_texts(struct rep *r)
{
	for (size_t i = r->head; i < r->waiting.n; i++) {
		plain_text_close(r->waiting.at[i].text);
	}
	for (size_t i = 0; i < r->batch.n; i++) {
		plain_text_close(r->batch.at[i].text);
	}
}

void naive_run(const struct scenario *sc, struct naive_result *out)
{
	struct naive n = {.sc = sc, .out = out};
	memset(out, 0, sizeof(*out));
	open_all(&n);
	for (;;) {
		const struct event e = event_take(&n.events);
		if (e.at == NS_NEVER || e.at >= sc->stop_after) {
			break;
		}
		if (e.entity >= n.n_reps + sc->n_loads) {
			shared_step_done(&n, e.entity - n.n_reps - (uint32_t)sc->n_loads);
		} else if (e.entity >= n.n_reps) {
			arrive(&n, e.entity - n.n_reps);
		} else if (e.phase == PHASE_STEP_DONE) {
			step_done(&n, e.entity);
		} else {
			start(&n, e.entity);
		}
	}
	for (uint32_t i = 0; i < sc->n_loads; i++) {
		n.loads[i]->ops->close(n.loads[i]);
	}
	for (uint32_t i = 0; i < n.n_reps; i++) {
		close_texts(&n.reps[i]);
		plain_cache_free(n.reps[i].cache);
		free(n.reps[i].waiting.at);
		free(n.reps[i].batch.at);
	}
	free(n.reps);
	free(n.loads);
	free(n.gpus);
	perf_free(n.perf);
	event_list_fini(&n.events);
	out->requests = n.requests.at;
	out->n = n.requests.n;
}
