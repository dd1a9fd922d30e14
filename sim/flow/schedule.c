/* Events of training: a job comes, a cycle places and evicts, a job is done. */
#include "flow/schedule.h"

#include <stdlib.h>

#include "base/check.h"
#include "flow/assign.h"
#include "flow/life.h"
#include "flow/node_level.h"

#define USAGE_EVERY                                                                  \
	(60 * NS_PER_S) /* where time counts, KAI's: from one look at it to the next \
	                 */
#define MILLI 1000      /* ppm of a GPU in a thousandth of one */

/* --- what projects hold ------------------------------------------------------------------------
 */

/* Add up what a project held until `now`. */
static void add_up(struct held *h, ns_t now)
{
	h->area += (i128_t)h->ppm * (now - h->since);
	h->service_area += (i128_t)h->service * (now - h->since);
	h->since = now;
}

void schedule_charge(struct sim *s, size_t project, int64_t ppm)
{
	const ns_t now = s->events.now;
	for (; project != PROJECT_NONE; project = s->sc->projects[project].parent) {
		struct held *const h = &s->schedule->held[project];
		add_up(h, now);
		h->ppm += ppm;
		sim_assert(h->ppm >= 0);
		if (s->schedule->history != NULL) {
			const struct sched_amount held = {{h->ppm, 0, 0}};
			history_hold(s->schedule->history, (uint32_t)project, &held, now);
		}
		if (h->series != NULL) {
			series_add(h->series, now, h->ppm / MILLI);
		}
	}
}

void schedule_hold(struct sim *s, uint32_t replica, int sign)
{
	const int64_t ppm = sign * pods_charge(s, replica);
	size_t project = s->services[s->cluster.replicas[replica].service].spec->project;
	schedule_charge(s, project, ppm);
	for (; project != PROJECT_NONE; project = s->sc->projects[project].parent) {
		s->schedule->held[project].service += ppm;
	}
}

static void hold_replicas(struct sim *s)
{
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		if (s->cluster.seats[i].n_gpus > 0) {
			schedule_hold(s, i, 1);
		}
	}
}

/* --- cycles -----------------------------------------------------------------------------------
 */

/* A cycle at the first multiple of the period from `from` on that had none yet. */
static void wake_at(struct sim *s, ns_t from)
{
	const ns_t period = s->sc->period;
	const ns_t into = from % period;
	ns_t at = into == 0 ? from : ns_after(from, period - into);
	at = at == s->schedule->looked ? ns_after(at, period) : at;
	if (at < event_at(&s->events, entity_cycle(s))) {
		event_set(&s->events, entity_cycle(s), at, PHASE_SCHEDULE);
	}
}

void schedule_wake(struct sim *s)
{
	wake_at(s, s->events.now);
}

/* Is a worker at work that may have to leave, or somebody else's use to be forgotten? */
static bool anyone_works(const struct schedule *d)
{
	for (size_t i = 0; i < d->open.n; i++) {
		if (d->jobs[d->open.at[i]].workers > 0) {
			return true;
		}
	}
	return false;
}

static bool anyone_waits(const struct sim *s)
{
	const struct schedule *const d = s->schedule;
	if (s->life != NULL && s->life->pending > 0) {
		return true;
	}
	for (size_t i = 0; i < d->open.n; i++) {
		const struct job *const j = &d->jobs[d->open.at[i]];
		if (j->workers < j->most) {
			return true;
		}
	}
	return false;
}

/*
 * Time alone may change the next answer: gangs that keep some pods in vain are looked at again when
 * their time of grace is over, use and protected runs once a minute.
 */
static void wake_later(struct sim *s)
{
	const struct schedule *const d = s->schedule;
	const bool counts = d->history != NULL || s->sc->min_runtime > 0;
	if (counts && anyone_waits(s) && anyone_works(d)) {
		wake_at(s, ns_after(s->events.now, USAGE_EVERY));
	}
	for (size_t i = 0; i < d->open.n; i++) {
		const ns_t since = d->jobs[d->open.at[i]].short_since;
		const ns_t over = since != NS_NEVER ? ns_after(since, SCHED_STALE_GRACE) : NS_NEVER;
		if (over != NS_NEVER && over > s->events.now) {
			wake_at(s, over);
		}
	}
}

/* One cycle; false: it changed nothing, and another would not either before something happens. */
static bool run_cycle(struct sim *s)
{
	static const enum sched_action actions[] = {
		SCHED_ALLOCATE, SCHED_CONSOLIDATE, SCHED_RECLAIM, SCHED_PREEMPT, SCHED_EVICT_STALE,
	};
	struct schedule *const d = s->schedule;
	struct sched_result r;
	d->looked = s->events.now;
	event_set(&s->events, entity_cycle(s), NS_NEVER, PHASE_SCHEDULE);
	const bool kept = assign_promised(s);
	if (!anyone_waits(s)) {
		node_level_workers(s);
		unplaced_note(s, NULL);
		return kept;
	}
	pods_build(s);
	sched_cycle(&d->pods, &d->options, actions, sizeof(actions) / sizeof(*actions), &r);
	const bool changed = assign(s, &r) || kept;
	node_level_workers(s);
	unplaced_note(s, &r);
	sched_result_fini(&r);
	if (changed) {
		schedule_wake(s);
	}
	wake_later(s);
	return changed;
}

/* --- jobs -------------------------------------------------------------------------------------
 */

static void submit(struct sim *s, uint32_t index)
{
	struct schedule *const d = s->schedule;
	struct job *const j = &d->jobs[index];
	job_submit(j, s->events.now);
	event_set(&s->events, entity_job(s, index), NS_NEVER, PHASE_ARRIVAL);
	d->rejected[index] = job_refusal(s, index);
	if (d->rejected[index] != NULL) {
		j->state = JOB_REJECTED;
		return;
	}
	d->nodes[index] = mem_new((size_t)j->most, sizeof(**d->nodes));
	for (int64_t i = 0; i < j->most; i++) {
		d->nodes[index][i] = NODE_NONE;
	}
	vec_push(&d->open, index);
	schedule_wake(s);
}

static void finish(struct sim *s, uint32_t index)
{
	struct schedule *const d = s->schedule;
	struct job *const j = &d->jobs[index];
	const struct scenario_job *const spec = &s->sc->jobs[index];
	size_t at = 0;
	schedule_charge(s, spec->project, -j->workers * spec->gpus_per_worker * SHARE_WHOLE);
	assign_leave_all(s, index);
	job_advance(j, s->events.now);
	sim_assert(j->state == JOB_FINISHED);
	fault_job_recovered(s, index);
	event_set(&s->events, entity_job(s, index), NS_NEVER, PHASE_STEP_DONE);
	free(d->nodes[index]);
	d->nodes[index] = NULL;
	while (d->open.at[at] != index) {
		at++;
	}
	for (d->open.n--; at < d->open.n; at++) {
		d->open.at[at] = d->open.at[at + 1];
	}
	if (anyone_waits(s)) {
		schedule_wake(s);
	}
}

bool schedule_event(struct sim *s, const struct event *e)
{
	if (e->entity == entity_cycle(s)) {
		return run_cycle(s);
	}
	const uint32_t index = e->entity - entity_job(s, 0);
	if (s->schedule->jobs[index].state == JOB_EXPECTED) {
		submit(s, index);
	} else {
		finish(s, index);
	}
	return true;
}

/* Jobs wait, and replicas will leave, or be there, or be wanted. */
static bool may_get_room(const struct sim *s)
{
	const struct life *const l = s->life;
	bool may = false;
	for (size_t i = 0; l != NULL && i < l->coming.n; i++) {
		may = may || l->slots[l->coming.at[i]].state != LIFE_PENDING;
	}
	return s->schedule->open.n > 0 && l != NULL &&
	       (may || l->change_at != NS_NEVER || faults_will_mend(s));
}

bool schedule_goes_on(const struct sim *s)
{
	if (s->schedule == NULL) {
		return false;
	}
	for (size_t i = 0; i < s->sc->n_jobs; i++) {
		const enum job_state state = s->schedule->jobs[i].state;
		if (state == JOB_RUNNING ||
		    (state == JOB_EXPECTED && s->sc->jobs[i].submit != NS_NEVER)) {
			return true;
		}
	}
	return event_at(&s->events, entity_cycle(s)) != NS_NEVER || may_get_room(s);
}

/* --- begin and end ----------------------------------------------------------------------------
 */

/* Who says which GPUs workers get; NULL: KAI's own scores, for binpack and spread. */
static const struct placement_policy *placement_of(const struct sim *s)
{
	const bool kais = s->placement == &placement_binpack || s->placement == &placement_spread;
	return kais || s->sc->native ? NULL : s->placement;
}

static void open_history(struct sim *s)
{
	const struct scenario_history *const h = &s->sc->history;
	struct schedule *const d = s->schedule;
	if (h->k_milli > 0) {
		const struct history_options options = {
			.kind = h->tumbling ? HISTORY_TUMBLING : HISTORY_SLIDING,
			.window = h->window,
			.half_life = h->half_life,
		};
		d->history = history_new(&options, (uint32_t)s->sc->n_projects);
		history_offer(d->history, &d->pods.total, 0);
	}
}

/* A cycle does not know that a model does not fit on some of the nodes. */
static bool fit_everywhere(struct sim *s)
{
	bool ok = true;
	for (size_t i = 0; i < s->sc->n_services && s->life != NULL; i++) {
		for (size_t k = 0; k < s->sc->n_nodes; k++) {
			if (s->services[i].perf[k] == NULL && s->sc->nodes[k].count > 0) {
				char *const where = mem_printf("%s: services.%s", s->sc->file,
				                               s->sc->services[i].name);
				err_add(s->err, ERR_INFEASIBLE, where,
				        "its model does not fit on %s: where \"jobs\" or "
				        "\"projects\" are, replicas that come and go must fit on "
				        "every node",
				        s->sc->nodes[k].name);
				free(where);
				ok = false;
			}
		}
	}
	return ok;
}

bool schedule_open(struct sim *s)
{
	const struct scenario *const sc = s->sc;
	struct schedule *const d = mem_new(1, sizeof(*d));
	s->schedule = d;
	d->looked = -1;
	d->options = (struct sched_options){
		.native = sc->native,
		.priority = s->priority,
		.placement = placement_of(s),
		.seed = sc->seed,
		.spread_nodes = s->placement == &placement_spread,
		.k_milli = sc->history.k_milli,
		.max_consolidated = SCHED_CONSOLIDATED,
		.stale_grace = SCHED_STALE_GRACE,
	};
	d->jobs = mem_new(sc->n_jobs, sizeof(*d->jobs));
	d->nodes = mem_new(sc->n_jobs, sizeof(*d->nodes));
	d->why = mem_new(sc->n_jobs, sizeof(*d->why));
	d->rejected = mem_new(sc->n_jobs, sizeof(*d->rejected));
	d->held = mem_new(sc->n_projects, sizeof(*d->held));
	d->at_work = mem_new(s->cluster.n_nodes, sizeof(*d->at_work));
	d->unplaced = mem_new(sc->n_services, sizeof(*d->unplaced));
	for (uint32_t i = 0; i < sc->n_jobs; i++) {
		const struct scenario_job *const spec = &sc->jobs[i];
		job_init(&d->jobs[i], spec->workers, spec->min_workers, spec->work,
		         spec->checkpoint_every);
		event_set(&s->events, entity_job(s, i), spec->submit, PHASE_ARRIVAL);
	}
	for (size_t i = 0; i < sc->n_projects && s->options.keep_series; i++) {
		d->held[i].series = series_new();
	}
	pods_open(s);
	open_history(s);
	hold_replicas(s);
	return fit_everywhere(s) && quota_check(s);
}

void schedule_close(struct sim *s)
{
	struct schedule *const d = s->schedule;
	if (d == NULL) {
		return;
	}
	for (size_t i = 0; i < s->sc->n_jobs; i++) {
		free(d->nodes[i]);
		free(d->rejected[i]);
	}
	for (size_t i = 0; i < s->sc->n_projects; i++) {
		series_free(d->held[i].series);
	}
	history_free(d->history);
	snapshot_fini(&d->pods);
	free(d->jobs);
	free(d->nodes);
	free(d->open.at);
	free(d->why);
	free(d->rejected);
	free(d->held);
	free(d->at_work);
	free(d->unplaced);
	free(d->gpu_of);
	free(d->promises.at);
	free(d->replicas.at);
	free(d->workers.at);
	free(d);
}

void schedule_end(struct sim *s)
{
	struct schedule *const d = s->schedule;
	if (d == NULL) {
		return;
	}
	for (size_t i = 0; i < d->open.n; i++) {
		job_advance(&d->jobs[d->open.at[i]], s->ended);
	}
	unplaced_end(s);
	for (size_t i = 0; i < s->sc->n_projects; i++) {
		struct held *const h = &d->held[i];
		add_up(h, s->ended);
		if (h->series != NULL) {
			series_add(h->series, s->ended, h->ppm / MILLI);
		}
	}
}

const struct series *sim_project_series(const struct sim *s, size_t project)
{
	return s->schedule != NULL ? s->schedule->held[project].series : NULL;
}
