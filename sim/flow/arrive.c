/* A request arrives: it is created, routed and queued, or refused and counted. */
#include "base/check.h"
#include "flow/scale.h"

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
	answered(s, q, ns_after(s->events.now, s->sc->loads[q->load].retry));
	s->cluster.services[service].stays += s->events.now - q->arrival; /* at the door */
	s->cluster.services[service].left++;
	if (q->text != TEXT_NONE) {
		text_give(&s->cluster.texts, q->text);
	}
	request_give(&s->cluster.requests, index);
}

/* Can this replica hold the request in memory of its own? */
static bool holds(const struct sim *s, uint32_t replica, const struct request *q)
{
	const struct replica *const r = &s->cluster.replicas[replica];
	const int64_t own = r->group == GROUP_NONE ? r->kv.capacity : s->cluster.seats[replica].own;
	return kv_cache_blocks(&r->kv, (int64_t)q->input + q->output) <= own;
}

/* The first replica from the chosen one on that can hold a request, of those that are up or of all.
 */
static uint32_t next_replica(const struct sim *s, const struct service *v, const struct request *q,
                             uint32_t chosen, bool up)
{
	uint32_t from = 0;
	while (from + 1 < v->n_open && service_open(v, from) < chosen) {
		from++;
	}
	for (uint32_t i = 0; i < v->n_open; i++) {
		const uint32_t replica = v->first + service_open(v, (from + i) % v->n_open);
		const bool down = s->cluster.replicas[replica].state == REPLICA_DOWN;
		if (!(up && down) && holds(s, replica, q)) {
			return replica;
		}
	}
	return REQUEST_NONE;
}

/*
 * The replica that gets the request: the chosen one, or where that is down, is not sent any or its
 * GPUs are too small the next that is not; while all are down, requests wait for their start.
 * REQUEST_NONE when the request is longer than the context or every KV cache.
 */
static uint32_t find_replica(const struct sim *s, uint32_t service, const struct request *q,
                             uint32_t chosen)
{
	const struct service *const v = &s->cluster.services[service];
	if ((int64_t)q->input + q->output > s->services[service].context) {
		return REQUEST_NONE;
	}
	if (service_lets_in(v, chosen) &&
	    s->cluster.replicas[v->first + chosen].state != REPLICA_DOWN &&
	    holds(s, v->first + chosen, q)) {
		return v->first + chosen;
	}
	const uint32_t up = next_replica(s, v, q, chosen, true);
	return up != REQUEST_NONE ? up : next_replica(s, v, q, chosen, false);
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

void send_in(struct sim *s, uint32_t service, uint32_t request)
{
	struct request *const q = &s->cluster.requests.at[request];
	const uint32_t chosen = route(s, service, q);
	const uint32_t replica = find_replica(s, service, q, chosen);
	s->cluster.services[service].too_long += replica == REQUEST_NONE && !q->warmup;
	if (replica == REQUEST_NONE || !engine_enqueue(s, replica, request)) {
		refuse(s, request, service, chosen);
	} else if (s->scalers != NULL) {
		scale_sent(s, &s->cluster.replicas[replica]);
	}
}

/* Nobody is there: the request waits at the door, unless it is longer than any answer. */
static void stop_at_door(struct sim *s, uint32_t service, uint32_t request)
{
	const struct request *const q = &s->cluster.requests.at[request];
	if ((int64_t)q->input + q->output > s->services[service].context) {
		s->cluster.services[service].too_long += !q->warmup;
		refuse(s, request, service, 0);
	} else {
		door_wait(s, service, request);
	}
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
	q->load = load;
	q->warmup = a.warmup;
	if (a.n_parts > 0 && s->services[service].prefix_cache) {
		s->services[service].shared = true;
		q->text = text_take(&s->cluster.texts, a.parts, a.n_parts,
		                    (int32_t)s->services[service].options.kv_block_tokens);
	}
	s->cluster.services[service].submitted += !a.warmup;
	s->cluster.services[service].warmup += a.warmup;
	if (s->cluster.services[service].n_open > 0) {
		send_in(s, service, index);
	} else {
		stop_at_door(s, service, index);
	}
	if (s->scalers != NULL) {
		scale_arrived(s, service, &a);
	}
	plan_next(s, load);
}
