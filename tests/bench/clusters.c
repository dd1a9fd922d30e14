/* A made-up cluster for the scheduling cycle, and the openb trace for placement. */
#include "clusters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"
#include "policy/registry.h"
#include "sched/cycle.h"
#include "sched/inflate.h"

#define FOLDER "../shared/conformance/openb/"
#define NODE_LIST FOLDER "openb_node_list_gpu_node.csv"
#define POD_LIST FOLDER "openb_pod_list_default.csv"

enum { REPEATS = 3, NODES = 1250, GPUS = 8, QUEUES = 20, WAITING = 1000 };

static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- the scheduling cycle ---------------------------------------------------------------------
 */

static void add_nodes_and_queues(struct snapshot *s)
{
	for (int i = 0; i < NODES; i++) {
		const struct sched_node node = {.name = mem_printf("node%04d", i),
		                                .gpus = GPUS,
		                                .gpu_mib = 80000,
		                                .cpu = 128000,
		                                .memory = INT64_C(1000000000000),
		                                .max_pods = 110};
		vec_push(&s->nodes, node);
	}
	snapshot_complete(s);
	for (int i = 0; i <= QUEUES; i++) { /* the first is above the others */
		const int64_t quota =
			i == 0 ? SCHED_UNLIMITED : INT64_C(1000000) * NODES * GPUS / QUEUES;
		const struct sched_queue queue = {
			.name = mem_printf("queue%d", i),
			.parent = i == 0 ? SCHED_NONE : 0,
			.order = i,
			.weight = 1000,
			.quota = {{quota, SCHED_UNLIMITED, SCHED_UNLIMITED}},
			.limit = {{SCHED_UNLIMITED, SCHED_UNLIMITED, SCHED_UNLIMITED}}};
		vec_push(&s->queues, queue);
	}
}

/* Mostly single pods of 1 to 8 GPUs or a quarter of one, some gangs. Returns the GPUs. */
static int64_t add_job(struct snapshot *s, struct rng *rng, uint32_t queue)
{
	const uint32_t id = (uint32_t)s->jobs.n;
	const uint32_t pods = rng_below(rng, 4) > 0 ? 1 : 1 + (uint32_t)rng_below(rng, 4);
	const uint64_t size = rng_below(rng, 10);
	struct sched_ask ask = {.cpu = 4000, .memory = INT64_C(16000000000)};
	ask.gpus = size < 3 ? 0 : size < 7 ? 1 : size < 9 ? 2 : GPUS;
	ask.devices = ask.gpus == 0;
	ask.fraction = ask.gpus == 0 ? 250000 : 0;
	const struct sched_job job = {.name = mem_printf("job%u", id),
	                              .queue = queue,
	                              .priority = 25 * (int64_t)rng_below(rng, 4),
	                              .preemptible = true,
	                              .age = 1000000 - (int64_t)id,
	                              .first_task = (uint32_t)s->tasks.n,
	                              .n_tasks = pods,
	                              .first_set = (uint32_t)s->sets.n,
	                              .n_sets = 1};
	const struct sched_set set = {.name = mem_strdup(""), .job = id, .min = pods};
	for (uint32_t i = 0; i < pods; i++) {
		const struct sched_task task = {.name = mem_printf("job%u-%u", id, i),
		                                .job = id,
		                                .set = job.first_set,
		                                .ask = ask,
		                                .node = SCHED_NONE};
		vec_push(&s->tasks, task);
	}
	vec_push(&s->sets, set);
	vec_push(&s->jobs, job);
	return pods * (ask.gpus > 0 ? ask.gpus : 1);
}

static double cycle(struct snapshot *s, const enum sched_action *actions, size_t n,
                    struct sched_result *r)
{
	static const struct sched_options options = {.max_consolidated = SCHED_CONSOLIDATED,
	                                             .stale_grace = SCHED_STALE_GRACE};
	const double start = cpu_s();
	sched_cycle(s, &options, actions, n, r);
	return cpu_s() - start;
}

/* Seconds of two cycles, once `full_pct` of the GPUs are held by the first `holders` queues. */
static void run_cycles(int64_t full_pct, uint32_t holders, double seconds[2])
{
	static const enum sched_action all[] = {SCHED_ALLOCATE, SCHED_CONSOLIDATE, SCHED_RECLAIM,
	                                        SCHED_PREEMPT, SCHED_EVICT_STALE};
	struct rng *const rng = rng_new(1, "jobs");
	struct snapshot s = {.n_groups = 0};
	struct sched_result r;
	add_nodes_and_queues(&s);
	for (int64_t held = 0; held < full_pct * NODES * GPUS / 100;) {
		held += add_job(&s, rng, 1 + (uint32_t)rng_below(rng, holders));
	}
	const uint32_t running = (uint32_t)s.tasks.n;
	for (int i = 0; i < WAITING; i++) {
		add_job(&s, rng, 1 + (uint32_t)rng_below(rng, QUEUES));
	}
	snapshot_rank_jobs(&s);
	for (size_t t = running; t < s.tasks.n; t++) {
		s.tasks.at[t].status = SCHED_FAILED; /* not yet there */
	}
	cycle(&s, all, 1, &r);
	for (int i = 0; i < 2; i++) {
		sched_carry_over(&s, &r);
		sched_result_fini(&r);
		for (size_t t = running; i == 0 && t < s.tasks.n; t++) {
			s.tasks.at[t].status = SCHED_PENDING;
		}
		const double took = cycle(&s, all, SCHED_ACTIONS, &r);
		seconds[i] = took < seconds[i] ? took : seconds[i];
	}
	sched_result_fini(&r);
	snapshot_fini(&s);
	rng_free(rng);
}

/* --- placement --------------------------------------------------------------------------------
 */

/* The nodes of a trace so many times. */
static void repeat_nodes(struct openb *o, uint32_t times)
{
	o->nodes = mem_resize(o->nodes, (size_t)o->n_nodes * times, sizeof(*o->nodes));
	for (uint32_t i = 1; i < times; i++) {
		memcpy(&o->nodes[(size_t)i * o->n_nodes], o->nodes, o->n_nodes * sizeof(*o->nodes));
	}
	o->n_nodes *= times;
	o->gpus *= times;
}

/* Seconds to place pods that ask for a share of the GPUs; all of the trace at least. */
static double place(const struct openb *o, const char *policy, double arrive, uint32_t *placed)
{
	const struct inflate_ask ask = {o, placement_find(policy), arrive, 42};
	double best = 1e9;
	for (int i = 0; i < REPEATS; i++) {
		struct inflate_look looks[INFLATE_MOST];
		size_t n;
		const double start = cpu_s();
		*placed = inflate(&ask, 2.0 * arrive, looks, &n);
		const double took = cpu_s() - start;
		best = took < best ? took : best;
	}
	return best;
}

static void measure_placement(struct cluster_speed *out)
{
	struct err *const err = err_new();
	struct openb *const trace = openb_read(NODE_LIST, POD_LIST, false, err);
	sim_assert(trace != NULL);
	uint32_t placed;
	out->fgd_s = place(trace, "fgd", 0.1, &placed);
	out->binpack_s = place(trace, "binpack", 0.1, &placed);
	for (int i = 0; i < 3; i++) {
		repeat_nodes(trace, i == 0 ? 1 : 4);
		const double s = place(trace, "binpack", 1.0, &placed);
		out->ns_per_pod[i] = 1e9 * s / placed;
	}
	openb_free(trace);
	err_free(err);
}

void measure_clusters(struct cluster_speed *out)
{
	double allocate[] = {1e9, 1e9}, reclaim[] = {1e9, 1e9};
	for (int i = 0; i < REPEATS; i++) {
		run_cycles(90, QUEUES, allocate);
		run_cycles(100, QUEUES / 2, reclaim);
	}
	*out = (struct cluster_speed){
		allocate[0], reclaim[0], reclaim[1], access(POD_LIST, R_OK) == 0, 0.0, 0.0, {0.0}};
	if (out->has_trace) {
		measure_placement(out);
	}
}
