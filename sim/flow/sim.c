/* Builds a run from a scenario, moves time, and adds up the results. */
#include "flow/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "flow/node_level.h"
#include "flow/scale.h"
#include "flow/schedule.h"

#define PROGRESS_EVERY 65536 /* events between progress lines */

static void context_line(const void *arg, char *buf, size_t size)
{
	const struct sim *const s = arg;
	snprintf(buf, size, "simulated time %.9f s, event %lld, scenario %s, routing %s",
	         ns_to_seconds(s->events.now), (long long)s->events.count, s->sc->name,
	         s->sc->n_services > 0 ? s->services[0].routing->head.name : "none");
}

static bool open_loads(struct sim *s)
{
	const struct scenario *const sc = s->sc;
	bool ok = true;
	s->loads = mem_new(sc->n_loads, sizeof(struct workload *));
	for (size_t i = 0; i < sc->n_loads; i++) {
		const struct scenario_load *const load = &sc->loads[i];
		const struct llm_spec *const llm = sc->services[load->service].llm;
		s->loads[i] = workload_open(load, llm, sc->seed, i, s->err);
		ok = s->loads[i] != NULL && ok;
	}
	return ok;
}

static void open_series(struct sim *s)
{
	s->series = mem_new(s->sc->n_services, sizeof(*s->series));
	for (size_t i = 0; i < s->sc->n_services; i++) {
		s->series[i][SIM_RUNNING] = series_new();
		s->series[i][SIM_WAITING] = series_new();
		s->series[i][SIM_MEMORY] =
			scenario_shares_gpu(&s->sc->services[i]) ? series_new() : NULL;
		s->series[i][SIM_READY] = s->life != NULL ? series_new() : NULL;
		s->series[i][SIM_STARTING] = s->life != NULL ? series_new() : NULL;
		s->series[i][SIM_AWAY] = node_level_spreads(s, i) ? series_new() : NULL;
	}
}

struct sim *sim_new(const struct scenario *sc, const struct sim_options *options, struct err *err)
{
	struct sim *const s = mem_new(1, sizeof(*s));
	s->sc = sc;
	s->options = *options;
	s->options.exact = options->exact || options->keep_gaps;
	s->options.keep_records = options->keep_records || options->keep_gaps;
	s->gaps = options->keep_gaps ? gaps_new() : NULL;
	s->err = err;
	if (!bind_services(s) || !open_loads(s)) {
		sim_free(s);
		return NULL;
	}
	s->log = request_log_new(sc->n_services, s->options.keep_records);
	for (size_t i = 0; i < sc->n_services; i++) {
		request_log_set_limits(s->log, i, sc->services[i].slo, sc->services[i].n_slo);
	}
	event_list_init(&s->events, entity_cycle(s) + sc->scheduled);
	for (uint32_t i = 0; i < sc->n_loads; i++) {
		struct workload *const w = s->loads[i];
		event_set(&s->events, entity_load(s, i), w->ops->peek(w), PHASE_ARRIVAL);
		s->failed = s->failed || w->failed;
	}
	s->stop = sc->stop_after < NS_HORIZON ? sc->stop_after : NS_HORIZON;
	event_set(&s->events, entity_stop(s), s->stop, PHASE_STOP);
	if (s->life != NULL) {
		life_begin(s);
		faults_begin(s);
	}
	if (s->scalers != NULL) {
		scale_begin(s);
	}
	if (options->keep_series) {
		open_series(s);
		s->sample_every = SAMPLE_FIRST;
		event_set(&s->events, entity_sampler(s), 0, PHASE_SAMPLE);
	}
	if (sc->scheduled && !schedule_open(s)) {
		sim_free(s);
		return NULL;
	}
	return s;
}

void sim_free(struct sim *s)
{
	if (s == NULL) {
		return;
	}
	for (size_t i = 0; i < s->sc->n_services && s->series != NULL; i++) {
		for (int k = 0; k < SIM_SERIES; k++) {
			series_free(s->series[i][k]);
		}
	}
	free(s->series);
	for (size_t i = 0; i < s->sc->n_loads && s->loads != NULL; i++) {
		if (s->loads[i] != NULL) {
			s->loads[i]->ops->close(s->loads[i]);
		}
	}
	free(s->loads);
	schedule_close(s);
	request_log_free(s->log);
	gaps_free(s->gaps);
	event_list_fini(&s->events);
	scale_free(s);
	faults_free(s);
	life_free(s);
	unbind_services(s);
	free(s);
}

static void report_progress(const struct sim *s)
{
	if (s->options.progress != NULL) {
		const struct sim_progress p = {s->events.now, s->events.count, s->arrived,
		                               s->cluster.requests.in_use};
		s->options.progress(s->options.progress_arg, &p);
	}
}

static void fetch_lines(const void *at, size_t lines)
{
	for (size_t i = 0; i < lines; i++) {
		__builtin_prefetch((const char *)at + 64 * i);
	}
}

/*
 * The entity after the present one is most likely a loser of the last matches of the winner tree.
 * With many replicas their memory is far: fetch it while this event is handled. Changes no result.
 */
static void fetch_ahead(const struct sim *s)
{
	const struct cluster *const c = &s->cluster;
	const u128_t *const node = s->events.node;
	const uint32_t half = node[2] > node[3] ? 2 : 3; /* the loser of the final */
	const uint32_t semi = 2 * (half ^ 1);
	const uint32_t second = (uint32_t)node[half];
	const uint32_t third = (uint32_t)node[semi + (node[semi + 1] > node[semi])];
	if (third < c->n_replicas) {
		fetch_lines(&c->replicas[third], 5);
	}
	if (second < c->n_replicas) { /* fetched when it was third, so that its heap is known */
		const struct replica *const r = &c->replicas[second];
		if (r->n_decoding > 0) {
			fetch_lines(r->heap, 4);
			fetch_lines(r->kv.growing, 1);
			fetch_lines(&c->requests.at[r->heap[0].request], 2);
		}
	}
}

/* An event that is no part of the run: it is not counted, nor moves the end of the run. */
static bool uncounted(struct sim *s)
{
	s->events.count--;
	return true;
}

/* Would nothing ever move any more, in a run that has no end? */
static bool is_over(const struct sim *s)
{
	return s->life != NULL && s->sc->stop_after > NS_HORIZON &&
	       (s->life->over || life_is_stuck(s));
}

/* Replicas come, go and fail as long as there is something to answer, and anybody who may. */
static bool timer(struct sim *s, uint32_t entity)
{
	if (!anything_left(s)) {
		event_set(&s->events, entity, NS_NEVER, PHASE_LIFE);
		return uncounted(s);
	}
	s->ended = s->events.now;
	if (entity == entity_timer(s, TIMER_FAULTS)) {
		faults_event(s);
	} else if (entity == entity_timer(s, TIMER_SCALE)) {
		scale_event(s);
	} else {
		life_event(s);
	}
	if (is_over(s)) {
		s->life->over = true;
		for (int i = 0; i < TIMERS; i++) {
			event_set(&s->events, entity_timer(s, (enum timer)i), NS_NEVER, PHASE_LIFE);
		}
	}
	return true;
}

/* The run ends while requests are in it; not so where it has no end and nothing would move. */
static bool ends_early(const struct sim *s)
{
	return anything_left(s) && !is_over(s);
}

/* One event; false when the run is over. */
static bool step(struct sim *s)
{
	const struct event e = event_take(&s->events);
	fetch_ahead(s);
	if (e.entity < s->cluster.n_replicas) {
		if (e.phase == PHASE_STEP_DONE) {
			engine_step_done(s, e.entity);
		} else {
			engine_start(s, e.entity);
		}
	} else if (e.entity < entity_sampler(s)) {
		arrive(s, e.entity - s->cluster.n_replicas);
	} else if (e.entity >= entity_job(s, 0)) {
		if (!schedule_event(s, &e)) {
			s->events.count--;
			return true; /* it looked, and changed nothing */
		}
	} else if (e.entity >= entity_group(s, 0)) {
		share_event(s, e.entity - entity_group(s, 0));
	} else if (e.entity > entity_stop(s)) {
		return timer(s, e.entity);
	} else if (e.entity == entity_sampler(s)) {
		sample(s);
		return uncounted(s);
	}
	if (e.phase != PHASE_STOP || ends_early(s)) {
		s->ended = e.at;
	} else {
		s->events.count--; /* it was over before: the end time is no event of it */
	}
	return e.phase != PHASE_STOP && !s->failed;
}

/* The steps that were over when the run was stopped count, as they do when every step is an event.
 */
static void end_running_stretch(struct sim *s, struct replica *r)
{
	if (r->state == REPLICA_RUNNING && !r->shared) {
		const int64_t over = replica_boundary_after(r, s->ended + 1) - 1;
		const int64_t to = over < r->planned - 1 ? over : r->planned - 1;
		if (to > r->done) {
			stretch_advance(s, r, to);
		}
	}
}

/* Close the books of the replicas at the time of the last event. */
static void end_replicas(struct sim *s)
{
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		struct replica *const r = &s->cluster.replicas[i];
		end_running_stretch(s, r);
		stretch_end(r);
		batch_note_block(s, r, BLOCK_NONE);
	}
}

/* The engines may be done before the last tokens are out. */
static void end_deliveries(struct sim *s)
{
	const ns_t drained = front_drained(s);
	if (s->cluster.requests.in_use == 0 && drained > s->ended) {
		s->ended = drained < s->stop ? drained : s->stop;
	}
}

/* Close the integrals of the services. */
static void end_services(struct sim *s)
{
	for (uint32_t i = 0; i < s->cluster.n_services; i++) {
		service_count(&s->cluster.services[i], s->ended, 0, 0);
		if (s->life != NULL) {
			life_account(s, i, s->ended);
		}
		if (s->node_level != NULL) {
			node_level_account(s, i, s->ended);
		}
	}
}

/* Looked at after each event: a cycle of a large cluster's scheduler takes long. */
static bool is_interrupted(const struct sim *s)
{
	return s->options.interrupt != NULL && *s->options.interrupt != 0;
}

bool sim_run(struct sim *s)
{
	int64_t next_look = PROGRESS_EVERY;
	check_set_context(context_line, s);
	while (!s->failed && event_peek(&s->events).at != NS_NEVER) {
		if (!step(s)) {
			break;
		}
#ifdef ALIQUOT_DEBUG
		cluster_verify(&s->cluster);
		flow_verify(s);
#endif
		if (s->events.count >= next_look) {
			next_look = s->events.count + PROGRESS_EVERY;
			report_progress(s);
		}
		if (is_interrupted(s)) {
			s->incomplete = true;
			break;
		}
	}
	end_replicas(s);
	if (s->sc->stop_after > NS_HORIZON && (anything_left(s) || front_drained(s) > NS_HORIZON)) {
		s->incomplete = true; /* it would go on beyond the horizon */
	}
	end_deliveries(s);
	end_services(s);
	schedule_end(s);
#ifdef ALIQUOT_DEBUG
	cluster_verify_little(&s->cluster, s->ended);
#endif
	check_set_context(NULL, NULL);
	return !s->failed;
}

const struct request_log *sim_log(const struct sim *s)
{
	return s->log;
}

const struct series *sim_series(const struct sim *s, size_t service, enum sim_series which)
{
	return s->series != NULL ? s->series[service][which] : NULL;
}
