/*
 * What fails (the scenario's faults): GPUs and nodes lose who is on them and take nobody until they
 * are mended, links and starts get slower. Of each it is noted what was lost, and how long it took
 * until as many replicas were ready, and workers of jobs at work, as before.
 */
#include <stdlib.h>

#include "base/check.h"
#include "flow/assign.h"
#include "flow/life.h"
#include "flow/node_level.h"

struct broken { /* what is not mended yet */
	const struct scenario_fault *fault;
	uint32_t node, gpu; /* gpu: of the cluster; NODE_NONE: all of the node's */
	ns_t until;
};

struct hit {                     /* a service that lost replicas */
	size_t note;             /* number of the fault */
	uint32_t service, ready; /* before it */
};

struct job_hit { /* a job that lost workers */
	size_t note;
	uint32_t job;
	int64_t workers; /* before it */
};

struct fault_note { /* what one did */
	int kind;
	uint32_t node, gpu;
	ns_t at;
	ns_t recovery; /* NS_NEVER: not yet */
	int64_t replicas, lost, workers;
	double lost_work;   /* of jobs, GPUs times nanoseconds */
	uint32_t hit, back; /* services and jobs that lost some, and that have as many again */
};

static const char *const fault_names[] = {"gpu", "node", "link", "slow_start"};

struct faults {
	struct rng **rng; /* of each fault of the scenario */
	ns_t *next;
	VEC(struct broken) broken;
	VEC(struct fault_note) notes;
	VEC(struct hit) hits; /* of those that have not recovered */
	VEC(struct job_hit) job_hits;
};

static void plan(struct sim *s)
{
	const struct faults *const f = s->faults;
	ns_t next = NS_NEVER;
	for (size_t i = 0; i < s->sc->n_faults; i++) {
		next = f->next[i] < next ? f->next[i] : next;
	}
	for (size_t i = 0; i < f->broken.n; i++) {
		next = f->broken.at[i].until < next ? f->broken.at[i].until : next;
	}
	event_set(&s->events, entity_timer(s, TIMER_FAULTS), next, PHASE_LIFE);
}

/* The next of faults that come by chance; at least a nanosecond later. */
static ns_t draw_next(struct faults *f, size_t i, const struct scenario_fault *fault, ns_t after)
{
	const double span = rng_exponential(f->rng[i]) * (double)fault->every;
	const ns_t least = span < (double)NS_HORIZON ? (ns_t)span : NS_HORIZON;
	return ns_after(after, least > 0 ? least : 1);
}

/* --- where ---------------------------------------------------------------------------------------
 */

static uint32_t draw_node(struct sim *s, size_t i, const struct scenario_fault *fault)
{
	const struct cluster *const c = &s->cluster;
	uint32_t first = 0, n = c->n_nodes;
	if (fault->group >= 0) {
		first = cluster_first_of(c, (uint32_t)fault->group);
		n = (uint32_t)s->sc->nodes[fault->group].count;
	}
	return fault->node >= 0 ? first + (uint32_t)fault->node
	                        : first + (uint32_t)rng_below(s->faults->rng[i], n);
}

static uint32_t draw_gpu(struct sim *s, size_t i, const struct scenario_fault *fault, uint32_t node)
{
	const struct node *const at = &s->cluster.nodes[node];
	return fault->gpu >= 0 ? at->first + (uint32_t)fault->gpu
	                       : at->first + (uint32_t)rng_below(s->faults->rng[i], at->n);
}

static bool is_hit(const struct sim *s, uint32_t replica, const struct broken *b)
{
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	return n > 0 && s->cluster.gpus[gpus[0]].node == b->node &&
	       (b->gpu == NODE_NONE || cluster_sits_on(&s->cluster, replica, b->gpu) ||
	        cluster_is_booked_on(&s->cluster, replica, b->gpu));
}

/* --- what ----------------------------------------------------------------------------------------
 */

static bool hits_service(const struct sim *s, const struct service *v, const struct broken *b)
{
	for (uint32_t i = v->first; i < v->first + v->n; i++) {
		if (is_hit(s, i, b)) {
			return true;
		}
	}
	return false;
}

static void note_hit(struct sim *s, uint32_t service)
{
	struct faults *const f = s->faults;
	const struct hit hit = {f->notes.n - 1, service, life_count(s, service, LIFE_READY)};
	vec_push(&f->hits, hit);
	f->notes.at[hit.note].hit++;
}

/* Services that are about to lose replicas, with those that are ready. */
static void note_hits(struct sim *s, const struct broken *b)
{
	for (uint32_t i = 0; i < s->cluster.n_services; i++) {
		if (hits_service(s, &s->cluster.services[i], b)) {
			note_hit(s, i);
		}
	}
}

static int64_t lost(const struct sim *s)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < s->cluster.n_services; i++) {
		n += s->cluster.services[i].lost;
	}
	return (int64_t)n;
}

/* A job loses one worker on the node, or all that it has there (WORKER_NONE). */
static void strike_job(struct sim *s, uint32_t index, const struct broken *b, uint32_t worker)
{
	struct faults *const f = s->faults;
	struct fault_note *const note = &f->notes.at[f->notes.n - 1];
	const struct job *const j = &s->schedule->jobs[index];
	const struct job_hit hit = {f->notes.n - 1, index, j->workers};
	const i128_t before = j->lost;
	const int64_t lost = assign_fail(s, index, b->node, worker);
	note->workers += lost;
	note->lost_work += (double)(j->lost - before) * (double)s->sc->jobs[index].gpus_per_worker;
	if (lost > 0) {
		vec_push(&f->job_hits, hit);
		note->hit++;
	}
}

static void strike_jobs(struct sim *s, const struct broken *b)
{
	uint32_t job;
	if (b->gpu != NODE_NONE) {
		const uint32_t worker = assign_worker_on(s, b->node, b->gpu, &job);
		if (worker != WORKER_NONE) {
			strike_job(s, job, b, worker);
		}
		return;
	}
	for (size_t i = 0; i < s->schedule->open.n; i++) {
		strike_job(s, s->schedule->open.at[i], b, WORKER_NONE);
	}
}

/* Whoever is on a GPU or a node loses it. */
static void strike(struct sim *s, const struct broken *b)
{
	struct fault_note *const note = &s->faults->notes.at[s->faults->notes.n - 1];
	const int64_t before = lost(s);
	if (s->schedule != NULL) { /* a GPU that replicas hold is no worker's */
		strike_jobs(s, b);
	}
	note_hits(s, b);
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		if (is_hit(s, i, b)) {
			life_release(s, i);
			note->replicas++;
		}
	}
	note->lost = lost(s) - before;
	note->recovery = note->hit > 0 ? NS_NEVER : 0;
}

static void break_gpus(struct sim *s, const struct broken *b, bool mend)
{
	const struct node *const at = &s->cluster.nodes[b->node];
	for (uint32_t i = at->first; i < at->first + at->n; i++) {
		if (b->gpu != NODE_NONE && b->gpu != i) {
			continue;
		}
		if (mend) {
			cluster_mend(&s->cluster, i);
		} else {
			cluster_break(&s->cluster, i);
		}
	}
}

/* A node is as slow as the slowest of what slows it. */
static void slow_down(struct sim *s, uint32_t node)
{
	int64_t link = SHARE_WHOLE, start = SHARE_WHOLE;
	for (size_t i = 0; i < s->faults->broken.n; i++) {
		const struct broken *const b = &s->faults->broken.at[i];
		int64_t *const speed = b->fault->kind == FAULT_LINK ? &link : &start;
		const bool slows =
			b->fault->kind == FAULT_LINK || b->fault->kind == FAULT_SLOW_START;
		if (slows && b->node == node && b->fault->factor_ppm < *speed) {
			*speed = b->fault->factor_ppm;
		}
	}
	start_slow(s, node, link, start);
}

static void fail(struct sim *s, size_t i)
{
	const struct scenario_fault *const fault = &s->sc->faults[i];
	struct faults *const f = s->faults;
	struct broken b = {fault, draw_node(s, i, fault), NODE_NONE,
	                   ns_after(s->events.now, fault->span)};
	if (fault->kind == FAULT_GPU) {
		b.gpu = draw_gpu(s, i, fault, b.node);
	}
	const struct fault_note note = {
		.kind = fault->kind, .node = b.node, .gpu = b.gpu, .at = s->events.now};
	vec_push(&f->notes, note);
	if (fault->kind == FAULT_GPU || fault->kind == FAULT_NODE) {
		node_level_rebook(s, b.gpu);
		strike(s, &b);
		break_gpus(s, &b, false);
		node_level_workers(s);
	}
	vec_push(&f->broken, b);
	slow_down(s, b.node);
}

/* The first of those that are mended now; false: there is none. */
static bool mend_one(struct sim *s)
{
	struct faults *const f = s->faults;
	for (size_t i = 0; i < f->broken.n; i++) {
		const struct broken b = f->broken.at[i];
		if (b.until > s->events.now) {
			continue;
		}
		f->broken.n--;
		for (size_t k = i; k < f->broken.n; k++) {
			f->broken.at[k] = f->broken.at[k + 1];
		}
		if (b.fault->kind == FAULT_GPU || b.fault->kind == FAULT_NODE) {
			break_gpus(s, &b, true);
		}
		slow_down(s, b.node);
		return true;
	}
	return false;
}

void faults_event(struct sim *s)
{
	struct faults *const f = s->faults;
	while (mend_one(s)) {
	}
	for (size_t i = 0; i < s->sc->n_faults; i++) {
		if (f->next[i] <= s->events.now) {
			const struct scenario_fault *const fault = &s->sc->faults[i];
			fail(s, i);
			f->next[i] =
				fault->every > 0 ? draw_next(f, i, fault, s->events.now) : NS_NEVER;
		}
	}
	life_settle(s);
	for (uint32_t i = 0; i < s->cluster.n_services; i++) {
		fault_recovered(s, i);
	}
	plan(s);
}

/* --- afterwards ----------------------------------------------------------------------------------
 */

/* One that it hit has as many as before. */
static void be_back(struct sim *s, struct fault_note *note)
{
	note->back++;
	note->recovery = note->back == note->hit ? s->events.now - note->at : NS_NEVER;
}

void fault_job_recovered(struct sim *s, uint32_t job)
{
	struct faults *const f = s->faults;
	const struct job *const j = &s->schedule->jobs[job];
	size_t kept = 0;
	for (size_t i = 0; f != NULL && i < f->job_hits.n; i++) {
		const struct job_hit hit = f->job_hits.at[i];
		if (hit.job == job && (j->state == JOB_FINISHED || j->workers >= hit.workers)) {
			be_back(s, &f->notes.at[hit.note]);
		} else {
			f->job_hits.at[kept++] = hit;
		}
	}
	if (f != NULL) {
		f->job_hits.n = kept;
	}
}

bool faults_will_mend(const struct sim *s)
{
	const struct faults *const f = s->faults;
	for (size_t i = 0; f != NULL && i < f->broken.n; i++) {
		const struct broken *const b = &f->broken.at[i];
		if (b->until != NS_NEVER &&
		    (b->fault->kind == FAULT_GPU || b->fault->kind == FAULT_NODE)) {
			return true;
		}
	}
	return false;
}

bool faults_may_come(const struct sim *s)
{
	for (size_t i = 0; s->faults != NULL && i < s->sc->n_faults; i++) {
		if (s->faults->next[i] != NS_NEVER) {
			return true;
		}
	}
	return false;
}

void fault_recovered(struct sim *s, uint32_t service)
{
	struct faults *const f = s->faults;
	size_t kept = 0;
	if (f == NULL) {
		return;
	}
	const struct life_service *const v = &s->life->services[service];
	for (size_t i = 0; i < f->hits.n; i++) {
		const struct hit hit = f->hits.at[i];
		const uint32_t enough = hit.ready < v->wanted ? hit.ready : v->wanted;
		if (hit.service == service && v->count[LIFE_READY] >= enough) {
			be_back(s, &f->notes.at[hit.note]);
		} else {
			f->hits.at[kept++] = hit;
		}
	}
	f->hits.n = kept;
}

void faults_summarise(const struct sim *s, struct summary *out)
{
	const struct faults *const f = s->faults;
	if (f == NULL) {
		return;
	}
	out->faults = mem_new(f->notes.n, sizeof(*out->faults));
	for (size_t i = 0; i < f->notes.n && f->notes.at[i].at <= s->ended; i++) {
		const struct fault_note *const note = &f->notes.at[i];
		const struct node *const node = &s->cluster.nodes[note->node];
		out->faults[out->n_faults++] = (struct fault_summary){
			.kind = fault_names[note->kind],
			.nodes = s->sc->nodes[node->kind].name,
			.node = note->node - cluster_first_of(&s->cluster, node->kind),
			.gpu = note->gpu == NODE_NONE ? -1 : (int64_t)(note->gpu - node->first),
			.at = note->at,
			.replicas = note->replicas,
			.lost = note->lost,
			.workers = note->workers,
			.lost_work = note->lost_work / 3600e9,
			.recovery = note->recovery,
		};
	}
}

void faults_begin(struct sim *s)
{
	if (s->sc->n_faults == 0) {
		return;
	}
	struct faults *const f = mem_new(1, sizeof(*f));
	s->faults = f;
	f->rng = mem_new(s->sc->n_faults, sizeof(struct rng *));
	f->next = mem_new(s->sc->n_faults, sizeof(*f->next));
	for (size_t i = 0; i < s->sc->n_faults; i++) {
		const struct scenario_fault *const fault = &s->sc->faults[i];
		char *const name = mem_printf("faults.%zu", i);
		f->rng[i] = rng_new(s->sc->seed, name);
		f->next[i] = fault->at;
		free(name);
		if (fault->every > 0) {
			f->next[i] = draw_next(f, i, fault, fault->at);
		}
	}
	plan(s);
}

void faults_free(struct sim *s)
{
	if (s->faults == NULL) {
		return;
	}
	for (size_t i = 0; i < s->sc->n_faults; i++) {
		rng_free(s->faults->rng[i]);
	}
	free(s->faults->rng);
	free(s->faults->next);
	free(s->faults->broken.at);
	free(s->faults->notes.at);
	free(s->faults->hits.at);
	free(s->faults->job_hits.at);
	free(s->faults);
}
