/*
 * The tournament of sched/index.h against asking every node every time: the same nodes and GPUs for
 * every policy, on random clusters that fill up.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "policy/registry.h"
#include "policy/verify.h"
#include "sched/index.h"

#define RUNS 40
#define REQUESTS 400
#define KINDS 12
#define MODELS 3
#define GPU 1000

/* Nodes of all sizes, those without GPUs too. */
static void random_cluster(struct cluster *c, struct rng *rng)
{
	const uint32_t n = 1 + (uint32_t)rng_below(rng, 70);
	cluster_init(c, 0, 0);
	for (uint32_t i = 0; i < n; i++) {
		cluster_add_nodes(c, (uint32_t)rng_below(rng, MODELS), 1,
		                  (uint32_t)rng_below(rng, 9), GPU);
		c->nodes[i].cpu = (int64_t)rng_below(rng, 64000);
		c->nodes[i].host = (bytes_t)rng_below(rng, 1000);
	}
}

struct kinds {
	struct gpu_part parts[KINDS][MODELS];
	struct placement_ask asks[KINDS];
	int64_t shares[KINDS];
	struct placement_mix mix;
};

static void random_kinds(struct kinds *k, struct rng *rng)
{
	for (int i = 0; i < KINDS; i++) {
		const uint32_t gpus = (uint32_t)rng_below(rng, 4);
		const bool whole = gpus > 1 || rng_below(rng, 3) == 0;
		const bytes_t milli = whole ? GPU : 1 + (bytes_t)rng_below(rng, GPU - 1);
		for (int m = 0; m < MODELS; m++) {
			k->parts[i][m] = (struct gpu_part){
				.bytes = rng_below(rng, 5) == 0 ? 0 : milli, .whole = whole};
		}
		k->asks[i] =
			(struct placement_ask){k->parts[i], gpus, (int64_t)rng_below(rng, 9000),
		                               (bytes_t)rng_below(rng, 100), &k->mix};
		k->shares[i] = 1 + (int64_t)rng_below(rng, 200000);
	}
	k->mix = (struct placement_mix){k->asks, k->shares, KINDS};
}

static uint32_t take(struct cluster *c, const struct placement_ask *ask, uint32_t node,
                     const uint32_t *gpus)
{
	if (node != NODE_NONE) {
		ck_assert(ask->gpus == 0 || verify_placement(c, ask, gpus));
		cluster_take(c, node, gpus,
		             &(struct node_part){&ask->part[c->nodes[node].kind], ask->gpus,
		                                 ask->cpu, ask->host});
	}
	return node != NODE_NONE;
}

static void run(const struct placement_policy *p, uint64_t number)
{
	struct rng *const rng = rng_new(number, p->head.name);
	struct rng *const same = rng_new(number, "clusters"), *const again =
								      rng_new(number, "clusters");
	struct rng *const ties[2] = {rng_new(number, "ties"), rng_new(number, "ties")};
	struct cluster c[2];
	struct kinds kinds;
	uint32_t placed = 0;
	random_cluster(&c[0], same);
	random_cluster(&c[1], again);
	random_kinds(&kinds, rng);
	const struct view views[2] = {{&c[0], 0, ties[0]}, {&c[1], 0, ties[1]}};
	struct index *const x = index_new(p, NULL, &views[0], KINDS);
	for (int i = 0; i < REQUESTS; i++) {
		const uint32_t kind = (uint32_t)rng_below(rng, KINDS);
		const struct placement_ask *const ask = &kinds.asks[kind];
		uint32_t gpus[2][4] = {{0}, {0}};
		const uint32_t node = index_choose(x, kind, ask, gpus[0]);
		/* with a die the two may differ; each must be legal */
		if (!p->any_of_best) {
			ck_assert_uint_eq(placement_choose(p, NULL, &views[1], ask, gpus[1]), node);
			ck_assert(node == NODE_NONE ||
			          memcmp(gpus[0], gpus[1], ask->gpus * sizeof(gpus[0][0])) == 0);
			take(&c[1], ask, node, gpus[1]);
		} else {
			ck_assert_int_eq(node == NODE_NONE,
			                 placement_choose(p, NULL, &views[0], ask, gpus[1]) ==
			                         NODE_NONE);
		}
		placed += take(&c[0], ask, node, gpus[0]);
	}
	ck_assert_uint_le(placed, REQUESTS);
	index_free(x);
	cluster_fini(&c[0]);
	cluster_fini(&c[1]);
	rng_free(ties[0]);
	rng_free(ties[1]);
	rng_free(same);
	rng_free(again);
	rng_free(rng);
}

START_TEST(the_tournament_chooses_what_asking_everyone_does)
{
	for (uint64_t i = 0; i < RUNS; i++) {
		run(placement_policies[_i], i);
	}
}
END_TEST

/* Nodes of equal rank are drawn alike: four empty ones, each about a quarter of the time. */
START_TEST(nodes_of_equal_rank_are_drawn_alike)
{
	int count[4] = {0};
	const struct gpu_part part = {.bytes = GPU, .whole = true};
	const struct placement_ask ask = {&part, 1, 0, 0, NULL};
	struct rng *const die = rng_new(3, "die");
	for (int i = 0; i < 4000; i++) {
		struct cluster c;
		uint32_t gpu;
		cluster_init(&c, 0, 0);
		cluster_add_nodes(&c, 0, 4, 1, GPU);
		const struct view view = {&c, 0, die};
		struct index *const x = index_new(&placement_random, NULL, &view, 1);
		count[index_choose(x, 0, &ask, &gpu)]++;
		index_free(x);
		cluster_fini(&c);
	}
	for (int i = 0; i < 4; i++) {
		ck_assert_int_ge(count[i], 900); /* 1000 +- 27 */
		ck_assert_int_le(count[i], 1100);
	}
	rng_free(die);
}
END_TEST

static uint64_t asked; /* nodes, by counting_fit */

static bool counting_fit(void *self, const struct view *v, const struct placement_ask *ask,
                         uint32_t node, uint32_t *gpus, int64_t *rank)
{
	asked++;
	return placement_binpack.fit(self, v, ask, node, gpus, rank);
}

/* Nodes asked per pod when a cluster of so many nodes is filled with twice as many pods. */
static double asked_per_pod(uint32_t nodes)
{
	struct placement_policy counting = placement_binpack;
	struct rng *const rng = rng_new(5, "pods");
	struct cluster c;
	struct kinds kinds;
	counting.fit = counting_fit;
	cluster_init(&c, 0, 0);
	for (uint32_t i = 0; i < nodes; i++) {
		cluster_add_nodes(&c, i % MODELS, 1, 8, GPU);
		c.nodes[i].cpu = 64000;
		c.nodes[i].host = 1000;
	}
	random_kinds(&kinds, rng);
	const struct view view = {&c, 0, NULL};
	struct index *const x = index_new(&counting, NULL, &view, KINDS);
	asked = 0;
	for (uint32_t i = 0; i < 2 * nodes; i++) {
		uint32_t gpus[4];
		const uint32_t kind = (uint32_t)rng_below(rng, KINDS);
		take(&c, &kinds.asks[kind], index_choose(x, kind, &kinds.asks[kind], gpus), gpus);
	}
	index_free(x);
	cluster_fini(&c);
	rng_free(rng);
	return (double)asked / (2.0 * nodes);
}

/*
 * Each answer costs at most one match per level of the tournament, so that a pod costs at most the
 * logarithm of the nodes if no more nodes are asked about it in a large cluster than in a small
 * one: at most each kind once about each node, and once about each node that got a pod.
 */
START_TEST(a_pod_asks_no_more_nodes_in_a_large_cluster)
{
	const double small = asked_per_pod(200), large = asked_per_pod(3200);
	ck_assert_double_le(small, KINDS * 1.5 + 1);
	ck_assert_double_le(large, 1.1 * small);
}
END_TEST

int main(void)
{
	size_t n = 0;
	while (placement_policies[n] != NULL) {
		n++;
	}
	Suite *const s = suite_create("index");
	TCase *const t = tcase_create("index");
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, the_tournament_chooses_what_asking_everyone_does, 0, (int)n);
	tcase_add_test(t, nodes_of_equal_rank_are_drawn_alike);
	tcase_add_test(t, a_pod_asks_no_more_nodes_in_a_large_cluster);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
