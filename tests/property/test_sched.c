/*
 * The scheduler on random clusters, by each priority and placement policy and as Kubernetes does
 * it: nothing is overcommitted, nobody leaves who may not or need not, limits, quotas and gangs
 * hold, and neither the order of nodes, queues and jobs in the input nor a second run changes an
 * answer.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/registry.h"
#include "sched/cycle.h"
#include "test_run.h"

enum { SNAPSHOTS = 300, CYCLES = 6 };

static const enum sched_action all[] = {
	SCHED_ALLOCATE, SCHED_CONSOLIDATE, SCHED_RECLAIM, SCHED_PREEMPT, SCHED_EVICT_STALE,
};

static struct sched_options options = {.max_consolidated = SCHED_CONSOLIDATED,
                                       .stale_grace = SCHED_STALE_GRACE};

static uint32_t state;

static int64_t draw(int64_t below)
{
	state = state * 1664525U + 1013904223U;
	return (int64_t)(state >> 8) % below;
}

/* --- random snapshots -------------------------------------------------------------------------
 */

static void add_nodes(struct snapshot *s, bool backwards)
{
	const int64_t n = 1 + draw(6);
	for (int64_t i = 0; i < n; i++) {
		const struct sched_node node = {
			.gpus = draw(5),
			.gpu_mib = 1000 * (1 + draw(3)),
			.cpu = 4000 + 1000 * draw(8),
			.memory = INT64_C(16000000000),
			.max_pods = 4 + draw(20),
			.name = mem_printf("node%lld", (long long)i),
		};
		vec_push(&s->nodes, node);
	}
	for (size_t i = 0; backwards && i < s->nodes.n / 2; i++) {
		const struct sched_node other = s->nodes.at[i];
		s->nodes.at[i] = s->nodes.at[s->nodes.n - 1 - i];
		s->nodes.at[s->nodes.n - 1 - i] = other;
	}
	snapshot_complete(s);
}

static void add_queue(struct snapshot *s, uint32_t parent)
{
	const struct sched_queue q = {
		.name = mem_printf("queue%zu", s->queues.n),
		.parent = parent,
		.priority = 100 + draw(2),
		.order = (int64_t)s->queues.n,
		.weight = 1000 * draw(3),
		.quota = {{draw(4) == 0 ? SCHED_UNLIMITED : 1000000 * draw(5), SCHED_UNLIMITED,
	                   SCHED_UNLIMITED}},
		.limit = {{draw(4) == 0 ? 1000000 * (1 + draw(5)) : SCHED_UNLIMITED,
	                   SCHED_UNLIMITED, SCHED_UNLIMITED}},
	};
	vec_push(&s->queues, q);
}

static struct sched_ask random_ask(void)
{
	struct sched_ask a = {.cpu = 500 + 500 * draw(3), .memory = 1000000000};
	switch (draw(5)) {
	case 0:
		a.devices = 1 + (draw(8) == 0);
		a.fraction = 100000 * (1 + draw(9));
		break;
	case 1:
		a.devices = 1;
		a.mib = 100 + 100 * draw(15);
		break;
	case 2:
		break;
	default:
		a.gpus = 1 + draw(3);
	}
	return a;
}

static void add_job(struct snapshot *s, uint32_t queue)
{
	const uint32_t id = (uint32_t)s->jobs.n;
	const struct sched_ask ask = random_ask();
	const int64_t priority = 25 * draw(6);
	struct sched_job job = {
		.name = mem_printf("job%u", id),
		.queue = queue,
		.priority = priority,
		.preemptible = priority < 100,
		.age = draw(1000) * 100 + id, /* all different */
		.first_task = (uint32_t)s->tasks.n,
		.n_tasks = 1 + (uint32_t)draw(3),
		.first_set = (uint32_t)s->sets.n,
		.n_sets = 1,
	};
	const struct sched_set set = {
		.name = mem_strdup(""), .job = id, .min = 1 + draw(job.n_tasks)};
	for (uint32_t i = 0; i < job.n_tasks; i++) {
		const struct sched_task task = {
			.name = mem_printf("job%u-%u", id, i),
			.job = id,
			.set = job.first_set,
			.ask = ask,
			.node = SCHED_NONE,
			/* half of the jobs come later */
			.status = id % 2 == 0 ? SCHED_PENDING : SCHED_FAILED,
		};
		vec_push(&s->tasks, task);
	}
	vec_push(&s->sets, set);
	vec_push(&s->jobs, job);
}

/* Queues that differ by age alone, so that ties decide. */
static void make_alike(struct snapshot *s)
{
	for (size_t q = 0; q < s->queues.n; q++) {
		struct sched_queue *const queue = &s->queues.at[q];
		queue->priority = 100;
		queue->weight = 1000;
		queue->limit.of[SCHED_GPU] = SCHED_UNLIMITED;
		queue->quota.of[SCHED_GPU] = queue->parent == SCHED_NONE ? SCHED_UNLIMITED : 0;
	}
}

static void make(struct snapshot *s, uint32_t seed, bool backwards)
{
	state = seed * 7919U + 1U;
	memset(s, 0, sizeof(*s));
	add_nodes(s, backwards);
	const uint32_t departments = 1 + (uint32_t)draw(2);
	for (uint32_t d = 0; d < departments; d++) {
		add_queue(s, SCHED_NONE);
		s->queues.at[d].quota.of[SCHED_GPU] = SCHED_UNLIMITED;
	}
	const uint32_t leaves = 1 + (uint32_t)draw(4);
	for (uint32_t q = 0; q < leaves; q++) {
		add_queue(s, (uint32_t)draw(departments));
	}
	const int64_t jobs = 2 + draw(14);
	for (int64_t j = 0; j < jobs; j++) {
		add_job(s, departments + (uint32_t)draw(leaves));
	}
	if (seed % 2 == 0) {
		make_alike(s);
	}
	snapshot_rank_jobs(s);
}

/* The new places of n things, drawn. Caller frees. */
static uint32_t *shuffled(size_t n)
{
	uint32_t *const to = mem_new(n, sizeof(*to));
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t k = (uint32_t)draw(i + 1);
		to[i] = to[k];
		to[k] = i;
	}
	return to;
}

static void shuffle_queues(struct snapshot *s)
{
	uint32_t *const to = shuffled(s->queues.n);
	struct sched_queue *const queues = mem_new(s->queues.n, sizeof(*queues));
	for (size_t q = 0; q < s->queues.n; q++) {
		queues[to[q]] = s->queues.at[q];
		if (queues[to[q]].parent != SCHED_NONE) {
			queues[to[q]].parent = to[queues[to[q]].parent];
		}
	}
	for (size_t j = 0; j < s->jobs.n; j++) {
		s->jobs.at[j].queue = to[s->jobs.at[j].queue];
	}
	memcpy(s->queues.at, queues, s->queues.n * sizeof(*queues));
	free(queues);
	free(to);
}

/* Of jobs the pods stay in their order: it decides who is placed first. */
static void shuffle_jobs(struct snapshot *s)
{
	uint32_t *const from = shuffled(s->jobs.n);
	const struct snapshot old = *s;
	memset(&s->jobs, 0, sizeof(s->jobs));
	memset(&s->tasks, 0, sizeof(s->tasks));
	memset(&s->sets, 0, sizeof(s->sets));
	for (uint32_t j = 0; j < old.jobs.n; j++) {
		struct sched_job job = old.jobs.at[from[j]];
		struct sched_set set = old.sets.at[job.first_set];
		set.job = j;
		for (uint32_t t = job.first_task; t < job.first_task + job.n_tasks; t++) {
			struct sched_task task = old.tasks.at[t];
			task.job = j;
			task.set = (uint32_t)s->sets.n;
			vec_push(&s->tasks, task);
		}
		job.first_task = (uint32_t)s->tasks.n - job.n_tasks;
		job.first_set = (uint32_t)s->sets.n;
		vec_push(&s->sets, set);
		vec_push(&s->jobs, job);
	}
	snapshot_rank_jobs(s);
	free(old.jobs.at);
	free(old.tasks.at);
	free(old.sets.at);
	free(from);
}

/* Kubernetes does not know parts of GPUs. */
static void make_whole(struct snapshot *s)
{
	for (size_t t = 0; t < s->tasks.n; t++) {
		struct sched_ask *const ask = &s->tasks.at[t].ask;
		ask->gpus += ask->devices;
		ask->devices = ask->fraction = ask->mib = 0;
	}
}

static void let_late_jobs_in(struct snapshot *s)
{
	for (size_t t = 0; t < s->tasks.n; t++) {
		if (s->tasks.at[t].status == SCHED_FAILED) {
			s->tasks.at[t].status = SCHED_PENDING;
		}
	}
}

/* --- what must hold ---------------------------------------------------------------------------
 */

static bool holds(enum sched_status status)
{
	return status == SCHED_BINDING || status == SCHED_RUNNING || status == SCHED_PIPELINED;
}

struct load {
	int64_t gpus, cpu, memory, pods;
};

static void add_load(const struct snapshot *s, size_t task, uint32_t node, const uint16_t *groups,
                     struct load *loads, int64_t *shared)
{
	const struct sched_ask *const ask = &s->tasks.at[task].ask;
	const struct sched_node *const n = &s->nodes.at[node];
	loads[node].gpus += ask->gpus;
	loads[node].cpu += ask->cpu;
	loads[node].memory += ask->memory;
	loads[node].pods++;
	for (int64_t d = 0; d < ask->devices; d++) {
		int64_t *const g = &shared[n->first_group + groups[d]];
		loads[node].gpus += *g == 0;
		*g += snapshot_mib(ask, n);
		quiet_assert(*g <= n->gpu_mib, "%s: a GPU with too many parts", n->name);
	}
}

/* `now`: what is bound on top of what still leaves; else what is promised when all that is gone. */
static void check_nodes(const struct snapshot *s, const struct sched_result *r, bool now)
{
	struct load *const loads = mem_new(s->nodes.n, sizeof(*loads));
	int64_t *const shared = mem_new(s->n_groups, sizeof(*shared));
	for (size_t t = 0; t < s->tasks.n; t++) {
		const struct sched_decision *const d = &r->tasks[t];
		const bool leaves = d->status == SCHED_RELEASING || d->from != SCHED_NONE;
		if (now && leaves) {
			add_load(s, t, s->tasks.at[t].node, s->tasks.at[t].groups, loads, shared);
		} else if (holds(d->status) && (!now || d->status != SCHED_PIPELINED)) {
			add_load(s, t, d->node, d->groups, loads, shared);
		}
	}
	for (size_t n = 0; n < s->nodes.n; n++) {
		const struct sched_node *const node = &s->nodes.at[n];
		quiet_assert(loads[n].gpus <= node->gpus && loads[n].cpu <= node->cpu &&
		                     loads[n].memory <= node->memory,
		             "%s is overcommitted", node->name);
		quiet_assert(now || loads[n].pods <= node->max_pods, "%s: too many pods",
		             node->name);
	}
	free(loads);
	free(shared);
}

/* May a job push the other out, by the policy? */
static bool may_preempt(const struct sched_job *by, const struct sched_job *job)
{
	return by->priority > job->priority && (by->queue == job->queue || options.native ||
	                                        options.priority == &priority_strict_priority);
}

/* Would a pod move to the very GPUs that it leaves? */
static bool moves_nowhere(const struct sched_task *t, const struct sched_decision *d)
{
	int64_t same = 0;
	for (int64_t i = 0; i < t->ask.devices; i++) {
		for (int64_t k = 0; k < t->ask.devices; k++) {
			same += t->groups[i] == d->groups[k];
		}
	}
	return d->from == d->node && t->ask.devices > 0 && same == t->ask.devices;
}

static void check_victims(const struct snapshot *s, const struct sched_result *r)
{
	for (size_t t = 0; t < s->tasks.n; t++) {
		const struct sched_decision *const d = &r->tasks[t];
		const struct sched_job *const job = &s->jobs.at[s->tasks.at[t].job];
		bool need = false;
		if (s->tasks.at[t].status != SCHED_RUNNING || d->status == SCHED_RUNNING) {
			continue;
		}
		quiet_assert(options.priority != &priority_fifo, "%s leaves", job->name);
		quiet_assert(job->preemptible || options.native, "%s may not leave", job->name);
		quiet_assert(d->by != SCHED_NONE, "%s leaves for nobody", s->tasks.at[t].name);
		quiet_assert(!moves_nowhere(&s->tasks.at[t], d), "%s moves nowhere",
		             s->tasks.at[t].name);
		const struct sched_job *const by = &s->jobs.at[d->by];
		for (uint32_t i = 0; i < by->n_tasks; i++) {
			need = need || r->tasks[by->first_task + i].status == SCHED_PIPELINED;
		}
		/* whoever it left for may have had to make room for another in turn */
		for (uint32_t i = 0; i < by->n_tasks; i++) {
			need = need || r->tasks[by->first_task + i].by != SCHED_NONE;
		}
		quiet_assert(need, "%s leaves, but %s gets nothing", s->tasks.at[t].name, by->name);
		quiet_assert(d->action != SCHED_PREEMPT || d->status != SCHED_RELEASING ||
		                     may_preempt(by, job),
		             "%s is preempted by %s", job->name, by->name);
		quiet_assert(d->action != SCHED_CONSOLIDATE || d->status == SCHED_PIPELINED,
		             "%s lost its place in a consolidation", s->tasks.at[t].name);
		quiet_assert(d->action != SCHED_RECLAIM || d->status != SCHED_RELEASING ||
		                     by->queue != job->queue,
		             "%s is reclaimed by its own queue", job->name);
	}
}

static void check_queues(const struct snapshot *s, const struct sched_result *r)
{
	struct sched_amount *const has = mem_new(s->queues.n, sizeof(*has));
	struct sched_amount *const fixed = mem_new(s->queues.n, sizeof(*fixed));
	for (size_t t = 0; t < s->tasks.n; t++) {
		const struct sched_decision *const d = &r->tasks[t];
		const struct sched_job *const job = &s->jobs.at[s->tasks.at[t].job];
		if (!holds(d->status)) {
			continue;
		}
		const struct sched_amount charge =
			snapshot_charge(s, &s->tasks.at[t].ask, &s->nodes.at[d->node]);
		for (uint32_t q = job->queue; q != SCHED_NONE; q = s->queues.at[q].parent) {
			sched_add(&has[q], &charge, 1);
			sched_add(&fixed[q], &charge, job->preemptible ? 0 : 1);
		}
	}
	for (size_t q = 0; q < s->queues.n; q++) {
		quiet_assert(sched_within(&has[q], &s->queues.at[q].limit), "%s is over its limit",
		             s->queues.at[q].name);
		quiet_assert(!options.priority->keeps_shares ||
		                     sched_within(&fixed[q], &s->queues.at[q].quota),
		             "%s has more that may not leave than its quota", s->queues.at[q].name);
		quiet_assert(memcmp(&has[q], &r->allocated[q], sizeof(has[q])) == 0,
		             "%s is said to have something else", s->queues.at[q].name);
	}
	free(has);
	free(fixed);
}

static void check_gangs(const struct snapshot *s, const struct sched_result *r)
{
	for (size_t j = 0; j < s->jobs.n; j++) {
		const struct sched_job *const job = &s->jobs.at[j];
		const int64_t min = s->sets.at[job->first_set].min;
		int64_t before = 0;
		int64_t active = 0;
		for (uint32_t t = job->first_task; t < job->first_task + job->n_tasks; t++) {
			before += holds(s->tasks.at[t].status);
			active += holds(r->tasks[t].status);
		}
		/* a pod that was moved may find its new place taken: then the gang was broken
		 * before */
		quiet_assert(active == 0 || active >= min || (before < min && active >= before),
		             "%s has %lld pods", job->name, (long long)active);
	}
}

static const char *node_name(const struct snapshot *s, uint32_t node)
{
	return node == SCHED_NONE ? "" : s->nodes.at[node].name;
}

/* The pod of that name in another order of jobs. */
static const struct sched_decision *same_pod(const struct snapshot *s, const struct sched_result *r,
                                             const char *name)
{
	for (size_t t = 0; t < s->tasks.n; t++) {
		if (strcmp(s->tasks.at[t].name, name) == 0) {
			return &r->tasks[t];
		}
	}
	ck_abort_msg("%s is lost", name);
	return NULL;
}

static void check_same(const struct snapshot *s, const struct sched_result *a,
                       const struct snapshot *other, const struct sched_result *b)
{
	for (size_t t = 0; t < s->tasks.n; t++) {
		const struct sched_decision *const x = &a->tasks[t];
		const struct sched_decision *const y = same_pod(other, b, s->tasks.at[t].name);
		quiet_assert(x->status == y->status &&
		                     strcmp(node_name(s, x->node), node_name(other, y->node)) == 0,
		             "%s has two answers", s->tasks.at[t].name);
		quiet_assert(
			(x->by == SCHED_NONE) == (y->by == SCHED_NONE) &&
				(x->by == SCHED_NONE ||
		                 strcmp(s->jobs.at[x->by].name, other->jobs.at[y->by].name) == 0),
			"%s leaves for two", s->tasks.at[t].name);
	}
}

static void check_all(const struct snapshot *s, const struct sched_result *r)
{
	check_nodes(s, r, true);
	check_nodes(s, r, false);
	check_victims(s, r);
	if (!options.native) {
		check_queues(s, r);
		check_gangs(s, r);
	}
}

enum { PRIORITIES = 3, OTHERS = 2 * (PRIORITIES + 1) };

/* Each priority policy and Kubernetes, all of these again, then each placement policy. */
static void choose_scheduler(int i)
{
	const int k = i % (PRIORITIES + 1);
	options.placement = i < OTHERS ? NULL : placement_policies[i - OTHERS];
	options.native = i < OTHERS && k == PRIORITIES;
	options.priority = i >= OTHERS      ? &priority_fair_share
	                   : options.native ? NULL
	                                    : priority_policies[k];
}

START_TEST(every_rule_holds_on_random_clusters)
{
	uint32_t evictions = 0;
	uint32_t promises = 0;
	uint32_t binds = 0;
	for (uint32_t seed = 0; seed < SNAPSHOTS; seed++) {
		struct snapshot s;
		struct snapshot other; /* the same, given in another order */
		make(&s, seed + SNAPSHOTS * (uint32_t)_i, false);
		make(&other, seed + SNAPSHOTS * (uint32_t)_i, true);
		shuffle_queues(&other);
		shuffle_jobs(&other);
		choose_scheduler(_i);
		if (options.native) {
			make_whole(&s);
			make_whole(&other);
		}
		for (int cycle = 0; cycle < CYCLES; cycle++) {
			struct sched_result r;
			struct sched_result again;
			sched_cycle(&s, &options, all, SCHED_ACTIONS, &r);
			sched_cycle(&other, &options, all, SCHED_ACTIONS, &again);
			check_same(&s, &r, &other, &again);
			check_all(&s, &r);
			evictions += r.evictions;
			promises += r.promises;
			binds += r.binds;
			sched_carry_over(&s, &r);
			sched_carry_over(&other, &again);
			sched_result_fini(&r);
			sched_result_fini(&again);
			if (cycle == 1) {
				let_late_jobs_in(&s);
				let_late_jobs_in(&other);
			}
		}
		snapshot_fini(&s);
		snapshot_fini(&other);
	}
	printf("%u bound, %u promised, %u evicted\n", binds, promises, evictions);
	ck_assert_uint_gt(binds, 1000);
	if (options.priority == &priority_fifo) {
		ck_assert_uint_eq(promises + evictions, 0);
	} else {
		ck_assert_uint_gt(promises, 50);
		ck_assert_uint_gt(evictions, 50);
	}
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("sched");
	TCase *const t = tcase_create("sched");
	int n = OTHERS;
	while (placement_policies[n - OTHERS] != NULL) {
		n++;
	}
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, every_rule_holds_on_random_clusters, 0, n);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
