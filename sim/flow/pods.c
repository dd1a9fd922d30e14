/* The cluster as its scheduler sees it: nodes, projects as queues, replicas and workers as pods. */
#include <string.h>

#include "base/check.h"
#include "flow/life.h"
#include "flow/node_level.h"
#include "flow/schedule.h"

#define MIB_STEP 100      /* a GPU's memory counts in such steps, as Run:ai does */
#define MOST_PODS 1000000 /* of a node: parts of GPUs set the limit */
#define GPU_CPU 1000      /* per GPU, of nodes and of pods: GPUs decide where these fit */
#define GPU_MEMORY INT64_C(1000000000)
#define AGE_STEP (60 * NS_PER_S / 1000)

static void add_nodes(struct sim *s, struct snapshot *p)
{
	for (uint32_t i = 0; i < s->cluster.n_nodes; i++) {
		const struct node *const node = &s->cluster.nodes[i];
		const bytes_t memory = scenario_gpu_memory(&s->sc->nodes[node->kind]);
		const struct sched_node n = {
			.name = mem_printf("%010u", i), /* ordered by name as here */
			.gpus = node->n,
			.gpu_mib = (memory >> 20) / MIB_STEP * MIB_STEP,
			.cpu = s->sc->native ? node->n * GPU_CPU : 0,
			.memory = s->sc->native ? node->n * GPU_MEMORY : 0,
			.max_pods = MOST_PODS,
		};
		vec_push(&p->nodes, n);
	}
	snapshot_complete(p);
}

static void add_queues(const struct scenario *sc, struct snapshot *p)
{
	for (size_t i = 0; i < sc->n_projects; i++) {
		const struct scenario_project *const project = &sc->projects[i];
		const struct sched_queue q = {
			.name = mem_strdup(project->name),
			.parent = project->parent == PROJECT_NONE ? SCHED_NONE
		                                                  : (uint32_t)project->parent,
			.priority = project->priority,
			.order = (int64_t)i,
			.quota = {{project->quota_ppm, SCHED_UNLIMITED, SCHED_UNLIMITED}},
			.limit = {{project->limit_ppm, SCHED_UNLIMITED, SCHED_UNLIMITED}},
			.weight = project->over_quota_weight,
			.preempt_min_runtime = sc->min_runtime,
			.reclaim_min_runtime = sc->min_runtime,
		};
		vec_push(&p->queues, q);
	}
}

void pods_open(struct sim *s)
{
	add_nodes(s, &s->schedule->pods);
	add_queues(s->sc, &s->schedule->pods);
	s->schedule->gpu_of = mem_new(s->schedule->pods.n_groups, sizeof(uint32_t));
}

/* A job of which `min` pods run, or none; its pods follow. */
static void add_job(struct snapshot *p, const struct sched_job *job, int64_t min)
{
	struct sched_job j = *job;
	const struct sched_set set = {.job = (uint32_t)p->jobs.n, .min = min};
	j.first_task = (uint32_t)p->tasks.n;
	j.first_set = (uint32_t)p->sets.n;
	j.n_sets = 1;
	vec_push(&p->jobs, j);
	vec_push(&p->sets, set);
}

static void add_pod(struct snapshot *p, const struct sched_ask *ask, uint32_t node, int64_t order,
                    const uint16_t *groups)
{
	struct sched_task t = {
		.job = (uint32_t)p->jobs.n - 1,
		.set = (uint32_t)p->sets.n - 1,
		.order = order,
		.ask = *ask,
		.status = node == NODE_NONE ? SCHED_PENDING : SCHED_RUNNING,
		.node = node == NODE_NONE ? SCHED_NONE : node,
	};
	if (groups != NULL) {
		memcpy(t.groups, groups, (size_t)ask->devices * sizeof(*groups));
	}
	vec_push(&p->tasks, t);
	p->jobs.at[t.job].n_tasks++;
}

/*
 * Whole GPUs. Kubernetes' own scheduler goes by CPU and memory: a pod asks for the part of a node's
 * that its GPUs are of the node's.
 */
static struct sched_ask whole(const struct sim *s, int64_t gpus)
{
	return (struct sched_ask){
		.gpus = gpus,
		.cpu = s->sc->native ? gpus * GPU_CPU : 0,
		.memory = s->sc->native ? gpus * GPU_MEMORY : 0,
	};
}

/* A part of a GPU, as a replica asks for it. */
static struct sched_ask part(const struct scenario_service *spec,
                             const struct scenario_nodes *nodes)
{
	struct sched_ask ask = {.fraction = spec->fraction_ppm};
	if (ask.fraction == 0) { /* memory, or a slice */
		ask.mib = scenario_request(spec, nodes) >> 20;
	}
	return ask;
}

/* Of the memory of a GPU of that kind, ppm. */
static int64_t part_of(const struct sim *s, const struct replica *r)
{
	const struct scenario_nodes *const nodes = &s->sc->nodes[r->gpu_kind];
	const struct scenario_service *const spec = s->services[r->service].spec;
	const i128_t request = scenario_request(spec, nodes);
	return (int64_t)(request * SHARE_WHOLE / scenario_gpu_memory(nodes));
}

int64_t pods_charge(const struct sim *s, uint32_t replica)
{
	const struct replica *const r = &s->cluster.replicas[replica];
	const struct scenario_service *const spec = s->services[r->service].spec;
	return spec->gpus_per_replica *
	       (spec->fraction_ppm == SHARE_WHOLE ? SHARE_WHOLE : part_of(s, r));
}

/* The place for a shared GPU that stands for this one: those that failed have none. */
static uint16_t place_on_node(const struct cluster *c, const struct node *node, uint32_t gpu)
{
	uint32_t place = 0;
	for (uint32_t i = node->first; i < gpu; i++) {
		place += c->gpus[i].faults == 0;
	}
	return (uint16_t)place;
}

/* Parts of many GPUs are one pod for each so many of them: nobody may evict them. */
static void add_parts(struct sim *s, struct snapshot *p, uint32_t replica)
{
	const struct replica *const r = &s->cluster.replicas[replica];
	const struct cluster *const c = &s->cluster;
	uint32_t n;
	const uint32_t *const gpus = cluster_booked_of(c, replica, &n);
	const struct node *const node = &c->nodes[c->gpus[gpus[0]].node];
	uint32_t *const of = &s->schedule->gpu_of[p->nodes.at[c->gpus[gpus[0]].node].first_group];
	for (uint32_t i = 0; i < n; i += SCHED_DEVICES) {
		struct sched_ask ask =
			part(s->services[r->service].spec, &s->sc->nodes[r->gpu_kind]);
		uint16_t groups[SCHED_DEVICES];
		for (; ask.devices < SCHED_DEVICES && i + ask.devices < n; ask.devices++) {
			groups[ask.devices] = place_on_node(c, node, gpus[i + ask.devices]);
			of[groups[ask.devices]] = gpus[i + ask.devices];
		}
		add_pod(p, &ask, c->gpus[gpus[0]].node, 0, groups);
	}
}

/* One that has no GPUs yet; they may be any. */
static void add_pending(struct sim *s, struct snapshot *p, uint32_t replica)
{
	const struct scenario_service *const spec =
		s->services[s->cluster.replicas[replica].service].spec;
	struct sched_ask ask = whole(s, spec->gpus_per_replica);
	if (spec->fraction_ppm != SHARE_WHOLE) {
		ask = part(spec, &s->sc->nodes[0]);
		ask.devices = spec->gpus_per_replica;
	}
	add_pod(p, &ask, NODE_NONE, 0, NULL);
}

static void add_replica(struct sim *s, struct snapshot *p, uint32_t replica)
{
	const struct cluster *const c = &s->cluster;
	const struct replica *const r = &c->replicas[replica];
	const struct scenario_service *const spec = s->services[r->service].spec;
	const struct life_slot *const slot = s->life != NULL ? &s->life->slots[replica] : NULL;
	const struct sched_job job = {
		.queue = (uint32_t)spec->project,
		.priority = spec->priority,
		.preemptible = spec->preemptible,
		.age = (s->events.now - (slot != NULL ? slot->wanted : 0)) / AGE_STEP,
		.running_for = s->events.now - (slot != NULL ? slot->bound_at : 0),
	};
	const size_t first = p->tasks.n;
	add_job(p, &job, 1);
	vec_push(&s->schedule->replicas, replica);
	if (c->seats[replica].n_gpus == 0) {
		add_pending(s, p, replica);
	} else if (spec->fraction_ppm == SHARE_WHOLE) {
		const struct sched_ask ask = whole(s, spec->gpus_per_replica);
		const uint32_t gpu = c->places[c->seats[replica].first];
		add_pod(p, &ask, c->gpus[gpu].node, 0, NULL);
	} else {
		add_parts(s, p, replica);
	}
	for (size_t i = first; slot != NULL && slot->state == LIFE_DRAINING && i < p->tasks.n;
	     i++) {
		p->tasks.at[i].status = SCHED_RELEASING;
	}
}

static void add_training(struct sim *s, struct snapshot *p, uint32_t index)
{
	struct schedule *const d = s->schedule;
	const struct scenario_job *const spec = &s->sc->jobs[index];
	const struct job *const j = &d->jobs[index];
	const struct sched_ask ask = whole(s, spec->gpus_per_worker);
	const struct sched_job job = {
		.queue = (uint32_t)spec->project,
		.priority = spec->priority,
		.preemptible = spec->preemptible,
		.age = (s->events.now - j->submitted) / AGE_STEP,
		.stale_for = j->short_since == NS_NEVER ? 0 : s->events.now - j->short_since,
		.running_for = j->state == JOB_RUNNING ? j->ran + s->events.now - j->now : 0,
	};
	add_job(p, &job, j->least);
	for (uint32_t i = 0; i < j->most; i++) {
		const struct worker w = {index, i};
		add_pod(p, &ask, d->nodes[index][i], j->most - i, NULL);
		vec_push(&d->workers, w);
	}
}

/*
 * Workers are counted by node, not by GPU: where no replica is, one GPU is as good as another, and
 * the first that comes to a new place for a shared GPU says which one that is.
 */
void pods_gpus(struct sim *s, uint32_t replica, const struct sched_decision *place, uint32_t *gpus)
{
	const struct cluster *const c = &s->cluster;
	const struct scenario_service *const spec = s->services[c->replicas[replica].service].spec;
	uint32_t *const of =
		&s->schedule->gpu_of[s->schedule->pods.nodes.at[place->node].first_group];
	const bool shares = spec->fraction_ppm != SHARE_WHOLE;
	for (uint32_t i = 0; i < spec->gpus_per_replica; i++) {
		gpus[i] = shares ? of[place->groups[i]] : NODE_NONE;
		if (gpus[i] == NODE_NONE) {
			gpus[i] = node_level_idle(c, place->node, gpus, i);
			sim_assert(gpus[i] != NODE_NONE);
		}
		if (shares) {
			of[place->groups[i]] = gpus[i];
		}
	}
	gpu_sort(gpus, (uint32_t)spec->gpus_per_replica);
}

bool pods_have_room(const struct sim *s, uint32_t replica, const struct sched_decision *place,
                    int64_t idle)
{
	const struct cluster *const c = &s->cluster;
	const struct node *const node = &c->nodes[place->node];
	const struct scenario_service *const spec = s->services[c->replicas[replica].service].spec;
	const uint32_t *const of =
		&s->schedule->gpu_of[s->schedule->pods.nodes.at[place->node].first_group];
	const bool shares = spec->fraction_ppm != SHARE_WHOLE;
	const bytes_t request = scenario_request(spec, &s->sc->nodes[node->kind]);
	int64_t whole = 0;
	for (int64_t i = 0; i < spec->gpus_per_replica; i++) {
		const uint32_t gpu = shares ? of[place->groups[i]] : NODE_NONE;
		const struct gpu *const g = gpu != NODE_NONE ? &c->gpus[gpu] : NULL;
		whole += g == NULL || g->residents == 0;
		if (g != NULL &&
		    (g->faults > 0 || g->whole || g->requested + request > g->memory)) {
			return false;
		}
	}
	return whole <= idle;
}

/* GPUs that failed are not there until they are mended. */
static void count_gpus(struct sim *s)
{
	struct snapshot *const p = &s->schedule->pods;
	int64_t gpus = 0;
	for (uint32_t i = 0; i < s->cluster.n_nodes; i++) {
		const struct node *const node = &s->cluster.nodes[i];
		int64_t *const there = &p->nodes.at[i].gpus;
		*there = 0;
		for (uint32_t k = node->first; k < node->first + node->n; k++) {
			*there += s->cluster.gpus[k].faults == 0;
		}
		gpus += *there;
	}
	p->total.of[SCHED_GPU] = gpus * SHARE_WHOLE;
	if (s->schedule->history != NULL) {
		history_offer(s->schedule->history, &p->total, s->events.now);
	}
}

void pods_build(struct sim *s)
{
	struct schedule *const d = s->schedule;
	struct snapshot *const p = &d->pods;
	p->jobs.n = 0;
	p->tasks.n = 0;
	p->sets.n = 0;
	d->workers.n = 0;
	d->replicas.n = 0;
	for (uint32_t i = 0; i < p->n_groups; i++) {
		d->gpu_of[i] = NODE_NONE;
	}
	if (s->faults != NULL) {
		count_gpus(s);
	}
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		if (s->cluster.seats[i].n_gpus > 0 ||
		    (s->life != NULL && s->life->slots[i].state == LIFE_PENDING)) {
			add_replica(s, p, i);
		}
	}
	for (size_t i = 0; i < d->open.n; i++) {
		add_training(s, p, d->open.at[i]);
	}
	snapshot_rank_jobs(p);
	for (uint32_t i = 0; d->history != NULL && i < p->queues.n; i++) {
		p->queues.at[i].used_ppm = history_used_ppm(d->history, i, s->events.now);
	}
}
