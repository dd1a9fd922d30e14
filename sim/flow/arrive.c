/* A request arrives: it is created, routed and queued, or refused and counted. */
#include "base/check.h"
#include "flow/flow.h"

static void plan_next(struct sim *s, uint32_t load)
{
	struct workload *const w = s->loads[load];
	event_set(&s->events, entity_load(s, load), w->ops->peek(w), PHASE_ARRIVAL);
	s->failed = s->failed || w->failed;
}

void answered(struct sim *s, const struct request *q, ns_t at)
{
	struct workload *const w = s->loads[q->load];
	if (w->ops->finished != NULL) {
		w->ops->finished(w, q->user, at);
		plan_next(s, q->load);
	}
}

static void refuse(struct sim *s, uint32_t index, uint32_t service, uint32_t replica)
{
	const struct request *const q = &s->cluster.requests.at[index];
	const struct request_record record = {
		.id = q->id,
		.arrival = q->arrival,
		.end = s->events.now,
		.input_tokens = q->input,
		.output_tokens = q->output,
		.replica = replica,
		.user = q->user,
		.service = (uint16_t)service,
		.outcome = REQUEST_REJECTED,
		.warmup = q->warmup,
	};
	request_log_add(s->log, &record);
	answered(s, q, s->events.now + s->sc->loads[q->load].retry);
	request_give(&s->cluster.requests, index);
}

/* Longer than the model's context, or than the whole KV cache of the replica: it could never run.
 */
static bool never_fits(const struct sim *s, const struct replica *r, const struct request *q)
{
	const int64_t tokens = (int64_t)q->input + q->output;
	return tokens > s->services[r->service].context ||
	       kv_cache_blocks(&r->kv, tokens) > r->kv.capacity;
}

static uint32_t route(struct sim *s, uint32_t service, const struct request *q)
{
	struct bound_service *const b = &s->services[service];
	const struct view view = {&s->cluster, s->events.now, b->routing_rng};
	const struct route_ask ask = {service, q->input, q->output};
	const uint32_t chosen = b->routing->route(b->routing_self, &view, &ask);
	sim_assert(verify_route(&s->cluster, &ask, chosen));
	return chosen;
}

void arrive(struct sim *s, uint32_t load)
{
	struct workload *const w = s->loads[load];
	const uint32_t service = (uint32_t)s->sc->loads[load].service;
	struct arrival a;
	if (!w->ops->next(w, &a)) {
		plan_next(s, load);
		return;
	}
	sim_assert(a.at == s->events.now);
	const uint32_t index = request_take(&s->cluster.requests);
	struct request *const q = &s->cluster.requests.at[index];
	q->id = s->arrived++;
	q->arrival = a.at;
	q->input = a.input_tokens;
	q->context = a.input_tokens;
	q->output = a.output_tokens;
	q->images = (uint16_t)a.images;
	q->user = a.user;
	q->load = (uint16_t)load;
	q->warmup = a.warmup;
	s->cluster.services[service].submitted += !a.warmup;
	s->cluster.services[service].warmup += a.warmup;
	const uint32_t replica = s->cluster.services[service].first + route(s, service, q);
	const bool too_long = never_fits(s, &s->cluster.replicas[replica], q);
	s->cluster.services[service].too_long += too_long && !a.warmup;
	if (too_long || !engine_enqueue(s, replica, index)) {
		refuse(s, index, service, s->cluster.replicas[replica].index);
	}
	plan_next(s, load);
}
