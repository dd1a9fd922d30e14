/*
 * Placement policies in the scheduler: pods that come one by one to random clusters go where the
 * same policy puts them in a cluster of single GPUs.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/registry.h"
#include "sched/cycle.h"
#include "test_run.h"

enum { CLUSTERS = 150, PODS = 50, KINDS = 2, SHARE = 1000000 / PODS };

static const int64_t gpu_mib[KINDS] = {16000, 80000};

static uint32_t state;

static int64_t draw(int64_t below)
{
	state = state * 1664525U + 1013904223U;
	return (int64_t)(state >> 8) % below;
}

static void add_nodes(struct snapshot *s, struct cluster *c)
{
	const int64_t n = 1 + draw(8);
	cluster_init(c, 0, 0);
	for (int64_t i = 0; i < n; i++) {
		const int64_t kind = draw(KINDS);
		const struct sched_node node = {
			.name = mem_printf("node%lld", (long long)i),
			.gpus = draw(9),
			.gpu_mib = gpu_mib[kind],
			.cpu = 8000 + 1000 * draw(90),
			.memory = INT64_C(1000000000) * (16 + draw(100)),
			.max_pods = 110,
		};
		vec_push(&s->nodes, node);
		cluster_add_nodes(c, (uint32_t)kind, 1, (uint32_t)node.gpus, node.gpu_mib);
		c->nodes[i].cpu = node.cpu;
		c->nodes[i].host = node.memory;
	}
	snapshot_complete(s);
}

static struct sched_ask random_ask(void)
{
	struct sched_ask a = {.cpu = 500 * draw(8), .memory = INT64_C(1000000000) * draw(4)};
	switch (draw(4)) {
	case 0:
		a.devices = 1 + (draw(6) == 0);
		a.fraction = 50000 * (1 + draw(19));
		break;
	case 1:
		a.devices = 1;
		a.mib = 1000 * (1 + draw(30));
		break;
	case 2:
		a.gpus = draw(3);
		break;
	default:
		a.gpus = 1 << draw(4);
	}
	return a;
}

/* One pod each, the first the oldest. */
static void add_jobs(struct snapshot *s)
{
	const struct sched_amount all = {{SCHED_UNLIMITED, SCHED_UNLIMITED, SCHED_UNLIMITED}};
	const struct sched_queue queue = {
		.name = mem_strdup("all"), .parent = SCHED_NONE, .quota = all, .limit = all};
	vec_push(&s->queues, queue);
	for (uint32_t i = 0; i < PODS; i++) {
		const struct sched_job job = {.name = mem_printf("job%u", i),
		                              .age = PODS - i,
		                              .first_task = i,
		                              .n_tasks = 1,
		                              .first_set = i,
		                              .n_sets = 1};
		const struct sched_set set = {.name = mem_strdup(""), .job = i, .min = 1};
		const struct sched_task task = {.name = mem_printf("pod%u", i),
		                                .job = i,
		                                .set = i,
		                                .ask = random_ask(),
		                                .node = SCHED_NONE};
		vec_push(&s->jobs, job);
		vec_push(&s->sets, set);
		vec_push(&s->tasks, task);
	}
	snapshot_rank_jobs(s);
}

/* The same as a placement policy sees it; parts[KINDS] of it. */
static struct placement_ask ask_of(const struct sched_ask *a, struct gpu_part *parts,
                                   const struct placement_mix *mix)
{
	for (int k = 0; k < KINDS; k++) {
		const int64_t mib = a->mib > 0 ? a->mib : gpu_mib[k] * a->fraction / 1000000;
		parts[k].whole = a->gpus > 0;
		parts[k].bytes = a->gpus > 0         ? gpu_mib[k]
		                 : a->devices == 0   ? 1
		                 : mib <= gpu_mib[k] ? mib
		                                     : 0;
	}
	return (struct placement_ask){.part = parts,
	                              .gpus = (uint32_t)(a->gpus + a->devices),
	                              .cpu = a->cpu,
	                              .host = a->memory,
	                              .mix = mix};
}

static uint32_t compare(const struct placement_policy *policy, const struct snapshot *s,
                        struct cluster *c, const struct sched_result *r)
{
	struct gpu_part parts[PODS][KINDS] = {{{0}}};
	struct placement_ask asks[PODS];
	int64_t shares[PODS];
	uint32_t gpus[64];
	uint32_t placed = 0;
	const struct placement_mix mix = {asks, shares, PODS};
	const struct view view = {.cluster = c};
	for (uint32_t i = 0; i < PODS; i++) {
		shares[i] = SHARE;
		asks[i] = ask_of(&s->tasks.at[i].ask, parts[i], &mix);
	}
	for (uint32_t i = 0; i < PODS; i++) {
		const uint32_t node = placement_choose(policy, NULL, &view, &asks[i], gpus);
		quiet_assert(r->tasks[i].node == node, "%s: pod %u is on %u, not %u",
		             policy->head.name, i, r->tasks[i].node, node);
		if (node != NODE_NONE) {
			const struct node_part what = {&parts[i][c->nodes[node].kind], asks[i].gpus,
			                               asks[i].cpu, asks[i].host};
			cluster_take(c, node, gpus, &what);
			placed++;
		}
	}
	return placed;
}

START_TEST(pods_go_where_the_policy_puts_them)
{
	static const enum sched_action allocate = SCHED_ALLOCATE;
	const struct placement_policy *const policy = placement_policies[_i];
	const struct sched_options options = {.priority = &priority_fifo, .placement = policy};
	uint32_t placed = 0;
	if (policy->any_of_best) {
		return; /* what it draws depends on how GPUs are numbered */
	}
	for (uint32_t seed = 0; seed < CLUSTERS; seed++) {
		struct snapshot s;
		struct cluster c;
		struct sched_result r;
		memset(&s, 0, sizeof(s));
		state = seed * 7919U + 1U;
		add_nodes(&s, &c);
		add_jobs(&s);
		sched_cycle(&s, &options, &allocate, 1, &r);
		placed += compare(policy, &s, &c, &r);
		sched_result_fini(&r);
		snapshot_fini(&s);
		cluster_fini(&c);
	}
	printf("%s: %u of %d placed\n", policy->head.name, placed, CLUSTERS * PODS);
	ck_assert_uint_gt(placed, CLUSTERS * PODS / 3);
	ck_assert_uint_lt(placed, CLUSTERS * PODS * 9 / 10);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("placing");
	TCase *const t = tcase_create("placing");
	int n = 0;
	while (placement_policies[n] != NULL) {
		n++;
	}
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, pods_go_where_the_policy_puts_them, 0, n);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
