/*
 * What a cycle of the scheduler decided, done: replicas and workers go where they were sent, leave,
 * or are promised the place of others for the next cycle; and what faults take from workers.
 */
#include "flow/assign.h"

#include <stdlib.h>

#include "base/check.h"
#include "flow/life.h"

/* Whole GPUs of a node that nobody holds. */
static int64_t idle_on(const struct sim *s, uint32_t node)
{
	return (int64_t)s->cluster.nodes[node].idle - s->schedule->at_work[node];
}

/* A worker goes to a node, or to none. Its job has yet to settle. */
static void move(struct sim *s, struct worker w, uint32_t node)
{
	struct schedule *const d = s->schedule;
	const int64_t gpus = s->sc->jobs[w.job].gpus_per_worker;
	uint32_t *const at = &d->nodes[w.job][w.index];
	if (*at != NODE_NONE) {
		d->at_work[*at] -= gpus;
	}
	if (node != NODE_NONE) {
		d->at_work[node] += gpus;
	}
	*at = node;
}

void assign_leave_all(struct sim *s, uint32_t job)
{
	for (uint32_t i = 0; i < s->schedule->jobs[job].most; i++) {
		move(s, (struct worker){job, i}, NODE_NONE);
	}
}

/* The workers of a job have moved; its end moves with them. */
static void settle(struct sim *s, uint32_t index, int64_t workers)
{
	struct job *const j = &s->schedule->jobs[index];
	const struct scenario_job *const spec = &s->sc->jobs[index];
	if (workers != j->workers) {
		schedule_charge(s, spec->project,
		                (workers - j->workers) * spec->gpus_per_worker * SHARE_WHOLE);
		job_set_workers(j, workers, s->events.now);
		event_set(&s->events, entity_job(s, index), job_end(j), PHASE_STEP_DONE);
		fault_job_recovered(s, index);
	}
}

/* A pending replica starts where it was sent. */
static void bind_replica(struct sim *s, uint32_t replica, const struct sched_decision *place)
{
	const uint32_t service = s->cluster.replicas[replica].service;
	const int64_t n = s->services[service].spec->gpus_per_replica;
	uint32_t *const gpus = mem_new((size_t)n, sizeof(*gpus));
	pods_gpus(s, replica, place, gpus);
	life_bind(s, replica, gpus);
	free(gpus);
}

/* --- promises ---------------------------------------------------------------------------------
 */

static bool keep_replica(struct sim *s, const struct promise *p)
{
	const bool wants = s->life->slots[p->replica].state == LIFE_PENDING;
	if (wants && pods_have_room(s, p->replica, &p->place, idle_on(s, p->place.node))) {
		bind_replica(s, p->replica, &p->place);
		return true;
	}
	return false;
}

/* The n workers of one job that were promised a place go there, or none of them. */
static bool keep_workers(struct sim *s, const struct promise *p, size_t n)
{
	struct schedule *const d = s->schedule;
	const uint32_t job = p->worker.job;
	size_t kept = 0;
	if (d->nodes[job] == NULL) {
		return false;
	}
	while (kept < n && idle_on(s, p[kept].place.node) >= s->sc->jobs[job].gpus_per_worker) {
		move(s, p[kept].worker, p[kept].place.node);
		kept++;
	}
	if (kept == n) {
		settle(s, job, d->jobs[job].workers + (int64_t)n);
		return true;
	}
	while (kept > 0) {
		move(s, p[--kept].worker, NODE_NONE);
	}
	return false;
}

bool assign_promised(struct sim *s)
{
	struct schedule *const d = s->schedule;
	bool any = false;
	for (size_t i = 0, n; i < d->promises.n; i += n) {
		const struct promise *const p = &d->promises.at[i];
		n = 1;
		while (p->is_worker && i + n < d->promises.n && p[n].is_worker &&
		       p[n].worker.job == p->worker.job) {
			n++;
		}
		any = (p->is_worker ? keep_workers(s, p, n) : keep_replica(s, p)) || any;
	}
	d->promises.n = 0;
	return any;
}

/* Is a replica still leaving the node? Workers leave at once. */
static bool is_being_left(const struct sim *s, uint32_t node)
{
	const struct life *const l = s->life;
	for (size_t i = 0; l != NULL && i < l->coming.n; i++) {
		uint32_t n;
		const uint32_t *const gpus = cluster_gpus_of(&s->cluster, l->coming.at[i], &n);
		if (l->slots[l->coming.at[i]].state == LIFE_DRAINING &&
		    s->cluster.gpus[gpus[0]].node == node) {
			return true;
		}
	}
	return false;
}

/* True: it may be kept in the next cycle; else replicas that leave say when there is one. */
static bool note_promise(struct sim *s, const struct promise *p)
{
	if (p->place.status != SCHED_PIPELINED) {
		return false;
	}
	vec_push(&s->schedule->promises, *p);
	return !is_being_left(s, p->place.node);
}

/* --- results of a cycle -----------------------------------------------------------------------
 */

/* Replicas leave whose GPUs others get. Before anybody comes. */
static bool evict_replicas(struct sim *s, const struct sched_result *r)
{
	struct schedule *const d = s->schedule;
	bool any = false;
	for (size_t i = 0; i < d->replicas.n; i++) {
		const uint32_t task = d->pods.jobs.at[i].first_task;
		if (d->pods.tasks.at[task].status == SCHED_RUNNING &&
		    r->tasks[task].status != SCHED_RUNNING) {
			life_evict(s, d->replicas.at[i]);
			any = true;
		}
	}
	return any;
}

/* Pending replicas that were given a place start there; the others stay where they are. */
static bool place_replicas_of(struct sim *s, const struct sched_result *r)
{
	struct schedule *const d = s->schedule;
	bool changed = false;
	for (size_t i = 0; i < d->replicas.n; i++) {
		const struct sched_job *const j = &d->pods.jobs.at[i];
		const struct sched_decision *const t = &r->tasks[j->first_task];
		const struct promise promise = {.replica = d->replicas.at[i], .place = *t};
		if (d->pods.tasks.at[j->first_task].status != SCHED_PENDING) {
			continue;
		}
		if (t->status == SCHED_BINDING) {
			bind_replica(s, promise.replica, t);
			changed = true;
		}
		changed = note_promise(s, &promise) || changed;
	}
	return changed;
}

/* Workers go where the cycle sends them; who was promised a place waits for the next cycle. */
static bool place_workers(struct sim *s, const struct sched_result *r)
{
	struct schedule *const d = s->schedule;
	const size_t first = d->pods.tasks.n - d->workers.n;
	const size_t first_job = d->replicas.n;
	bool changed = false;
	int64_t *const workers = mem_new(d->open.n, sizeof(*workers));
	for (size_t i = 0; i < d->workers.n; i++) {
		const struct worker w = d->workers.at[i];
		const struct sched_decision *const t = &r->tasks[first + i];
		const bool there = t->status == SCHED_BINDING || t->status == SCHED_RUNNING;
		const uint32_t node = there ? t->node : NODE_NONE;
		const struct promise promise = {.is_worker = true, .worker = w, .place = *t};
		changed = changed || d->nodes[w.job][w.index] != node;
		move(s, w, node);
		changed = note_promise(s, &promise) || changed;
		workers[d->pods.tasks.at[first + i].job - first_job] += there;
	}
	for (size_t i = 0; i < d->open.n; i++) {
		d->why[d->open.at[i]] = r->jobs[first_job + i];
		settle(s, d->open.at[i], workers[i]);
	}
	free(workers);
	return changed;
}

/* No GPU is given twice, and none that failed. */
static void verify(const struct sim *s)
{
	for (uint32_t i = 0; i < s->cluster.n_nodes; i++) {
		sim_assert(s->schedule->at_work[i] >= 0 && idle_on(s, i) >= 0);
	}
}

bool assign(struct sim *s, const struct sched_result *r)
{
	const bool evicted = evict_replicas(s, r);
	bool changed = place_replicas_of(s, r) || evicted;
	changed = place_workers(s, r) || changed;
	if (evicted) {
		life_settle(s);
	}
	verify(s);
	return changed;
}

/* --- faults -----------------------------------------------------------------------------------
 */

/* May a worker hold it? No replica is booked on it or sits there, and it works. */
static bool is_free(const struct gpu *g)
{
	return g->residents == 0 && g->sitters == 0 && g->faults == 0;
}

/*
 * Workers are counted by node: those on one hold the last of its GPUs that no replica holds, the
 * oldest job's first. The place of a GPU among those of workers; -1: it is none of theirs.
 */
static int64_t place_among_workers(const struct sim *s, uint32_t node, uint32_t gpu)
{
	const struct cluster *const c = &s->cluster;
	const struct node *const at = &c->nodes[node];
	int64_t from = 0;
	for (uint32_t i = gpu; i < at->first + at->n; i++) {
		from += is_free(&c->gpus[i]);
	}
	const int64_t place = s->schedule->at_work[node] - from;
	return is_free(&c->gpus[gpu]) && place >= 0 ? place : -1;
}

uint32_t assign_worker_on(const struct sim *s, uint32_t node, uint32_t gpu, uint32_t *job)
{
	const struct schedule *const d = s->schedule;
	int64_t place = place_among_workers(s, node, gpu);
	for (size_t i = 0; i < d->open.n && place >= 0; i++) {
		*job = d->open.at[i];
		for (uint32_t w = 0; w < d->jobs[*job].most; w++) {
			if (d->nodes[*job][w] == node) {
				place -= s->sc->jobs[*job].gpus_per_worker;
			}
			if (place < 0) {
				return w;
			}
		}
	}
	return WORKER_NONE;
}

int64_t assign_fail(struct sim *s, uint32_t job, uint32_t node, uint32_t worker)
{
	struct schedule *const d = s->schedule;
	int64_t lost = 0;
	for (uint32_t w = 0; w < d->jobs[job].most; w++) {
		if (d->nodes[job][w] == node && (worker == WORKER_NONE || worker == w)) {
			move(s, (struct worker){job, w}, NODE_NONE);
			lost++;
		}
	}
	settle(s, job, d->jobs[job].workers - lost);
	return lost;
}
