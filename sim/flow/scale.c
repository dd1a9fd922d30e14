/*
 * Autoscalers at work: what a service is doing is told to its policy at the times it asked for, and
 * what it answers is wanted from then on. Also the hard limit of requests at one replica: who has
 * that many is sent no more, and further requests wait at the door; while no activator is in the
 * path there is no door, and they wait at the replica that they were sent to.
 */
#include "flow/scale.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

static void fail(struct sim *s, const struct scenario_policy *written, const char *why)
{
	char *const where = mem_printf("%s: %s", s->sc->file, written->path);
	err_add(s->err, ERR_INPUT, where, "%s", why);
	free(where);
}

static bool bind_one(struct sim *s, uint32_t service)
{
	const struct scenario_service *const spec = &s->sc->services[service];
	const struct scenario_policy *const written = &spec->autoscaler.policy;
	struct scaler *const c = &s->scalers[service];
	c->policy = autoscaler_find(written->name);
	if (c->policy == NULL) {
		bind_fail_policy(s, "autoscaler", written);
		return false;
	}
	c->self = bind_policy(s, &c->policy->head, written, false);
	if (c->self == NULL) {
		return false;
	}
	*(struct autoscale_settings *)c->self = (struct autoscale_settings){
		.min = spec->autoscaler.min,
		.max = spec->autoscaler.max,
		.initial = spec->initial,
		.hard_limit = spec->autoscaler.hard_limit,
		.timeout = spec->start_timeout,
	};
	const char *const why = c->policy->wrong != NULL ? c->policy->wrong(c->self) : NULL;
	if (why != NULL) {
		fail(s, written, why);
		return false;
	}
	c->room = mem_new(1, 1 + (c->policy->room != NULL ? c->policy->room(c->self) : 0));
	return true;
}

bool scale_bind(struct sim *s)
{
	bool ok = true, any = false;
	for (size_t i = 0; i < s->sc->n_services; i++) {
		any = any || s->sc->services[i].autoscaler.policy.name != NULL;
	}
	s->scalers = any ? mem_new(s->sc->n_services, sizeof(*s->scalers)) : NULL;
	for (uint32_t i = 0; any && i < s->sc->n_services; i++) {
		ok = (s->sc->services[i].autoscaler.policy.name == NULL || bind_one(s, i)) && ok;
	}
	return ok;
}

void scale_free(struct sim *s)
{
	for (size_t i = 0; s->scalers != NULL && i < s->sc->n_services; i++) {
		free(s->scalers[i].self);
		free(s->scalers[i].room);
		free(s->scalers[i].changes.at);
	}
	free(s->scalers);
}

/* --- the hard limit ------------------------------------------------------------------------------
 */

static uint32_t requests_at(const struct replica *r)
{
	return r->waiting.n + replica_batch(r);
}

static bool is_below(const struct sim *s, const struct replica *r)
{
	const int64_t limit = s->services[r->service].spec->autoscaler.hard_limit;
	return limit == 0 || requests_at(r) < limit;
}

bool scale_holds_back(const struct sim *s, uint32_t service)
{
	const struct scaler *const c = &s->scalers[service];
	return !c->policy->bypasses || c->answer.activator;
}

void scale_sent(struct sim *s, struct replica *r)
{
	if (!is_below(s, r) && scale_holds_back(s, r->service)) {
		r->full = true;
		service_keep_out(&s->cluster.services[r->service], r->index);
		service_load_close(&s->cluster.services[r->service], r->index);
	}
}

void scale_left(struct sim *s, const struct replica *r)
{
	if (r->full) { /* others may go in once everything of this nanosecond has left */
		s->scalers[r->service].relieved = true;
		event_hasten(&s->events, entity_timer(s, TIMER_SCALE), s->events.now, PHASE_LIFE);
	}
}

/* Replicas that are below the limit again, or all, take who waits at the door. */
static void relieve(struct sim *s, uint32_t service)
{
	struct service *const v = &s->cluster.services[service];
	const bool all = !scale_holds_back(s, service);
	for (uint32_t i = v->first; i < v->first + v->n; i++) {
		struct replica *const r = &s->cluster.replicas[i];
		if (r->full && (all || is_below(s, r))) {
			r->full = false;
			service_let_in(v, r->index);
			service_load_open(v, r->index);
		}
	}
	s->scalers[service].relieved = false;
	door_open(s, service);
}

/* The activator came into the path, or left it. */
static void change_path(struct sim *s, uint32_t service)
{
	const struct service *const v = &s->cluster.services[service];
	if (!scale_holds_back(s, service)) {
		relieve(s, service);
		return;
	}
	for (uint32_t i = v->first; i < v->first + v->n; i++) {
		struct replica *const r = &s->cluster.replicas[i];
		if (s->life->slots[i].state == LIFE_READY && !r->full) {
			scale_sent(s, r);
		}
	}
}

/* --- what happens --------------------------------------------------------------------------------
 */

void scale_arrived(struct sim *s, uint32_t service, const struct arrival *a)
{
	struct scaler *const c = &s->scalers[service];
	c->seen.input += (uint64_t)a->input_tokens;
	c->seen.output += (uint64_t)a->output_tokens;
	if (c->policy != NULL && c->answer.poke) {
		c->poked = true;
		event_hasten(&s->events, entity_timer(s, TIMER_SCALE), s->events.now, PHASE_LIFE);
	}
}

void scale_answered(struct sim *s, uint32_t service, const struct request_record *record)
{
	struct autoscale_ask *const seen = &s->scalers[service].seen;
	const int64_t after = record->output_tokens > 1 ? record->output_tokens - 1 : 0;
	seen->answered++;
	seen->latency += record->end - record->arrival;
	seen->ttft += record->first - record->arrival;
	seen->gaps += record->end - record->first;
	seen->n_gaps += (uint64_t)after;
}

/* --- decisions -----------------------------------------------------------------------------------
 */

static void note_change(struct sim *s, uint32_t service, uint32_t from)
{
	struct scaler *const c = &s->scalers[service];
	const struct scale_change change = {
		.at = s->events.now,
		.from = from,
		.to = c->answer.replicas,
		.ready = life_count(s, service, LIFE_READY),
		.reason = autoscale_reason_name(c->answer.reason),
	};
	vec_push(&c->changes, change);
}

static void decide(struct sim *s, uint32_t service)
{
	struct scaler *const c = &s->scalers[service];
	struct service *const v = &s->cluster.services[service];
	const struct scale_model model = {s, service};
	const struct view view = {&s->cluster, s->events.now, NULL};
	const uint32_t wanted = s->life->services[service].wanted;
	service_count(v, s->events.now, 0, 0);
	c->seen.wanted = wanted;
	c->seen.ready = c->seen.measured = life_count(s, service, LIFE_READY);
	c->seen.running = c->seen.ready + start_running(s, service);
	c->seen.in_flight = v->running + v->waiting;
	c->seen.poked = c->poked && s->events.now < c->answer.next;
	c->seen.busy = v->running_area + v->waiting_area;
	c->seen.arrived = v->submitted + v->warmup;
	c->seen.room = c->room;
	c->seen.predict = c->policy->predicts ? scale_predict : NULL;
	c->seen.predict_arg = &model;
	c->poked = false;
	const bool held = scale_holds_back(s, service);
	c->policy->decide(c->self, &view, &c->seen, &c->answer);
	sim_assert(c->answer.replicas <= v->n && c->answer.next > s->events.now);
	if (c->answer.replicas != wanted) {
		note_change(s, service, wanted);
	}
	/* those that were not ready in time are tried again */
	if (c->answer.replicas != wanted || life_count(s, service, LIFE_FAILED) > 0) {
		life_want(s, service, c->answer.replicas);
	}
	if (held != scale_holds_back(s, service)) {
		change_path(s, service);
	}
}

static void plan(struct sim *s)
{
	ns_t next = NS_NEVER;
	for (size_t i = 0; i < s->sc->n_services; i++) {
		const struct scaler *const c = &s->scalers[i];
		next = c->policy != NULL && c->answer.next < next ? c->answer.next : next;
	}
	event_set(&s->events, entity_timer(s, TIMER_SCALE), next, PHASE_LIFE);
}

void scale_event(struct sim *s)
{
	for (uint32_t i = 0; i < s->sc->n_services; i++) {
		const struct scaler *const c = &s->scalers[i];
		if (c->relieved) {
			relieve(s, i);
		}
		if (c->policy != NULL && (c->poked || c->answer.next <= s->events.now)) {
			decide(s, i);
		}
	}
	plan(s);
}

void scale_begin(struct sim *s)
{
	for (uint32_t i = 0; i < s->sc->n_services; i++) {
		if (s->scalers[i].policy != NULL) {
			decide(s, i);
		}
	}
	plan(s);
}
