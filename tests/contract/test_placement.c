/* What every registered placement policy must keep, on thousands of random clusters. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "policy/registry.h"
#include "policy/verify.h"

#define CLUSTERS 300
#define KINDS 3
#define GPU_BYTES (INT64_C(80) << 30)

/* Of a GPU that MIG cuts, or of one that it does not. */
static void random_part(struct gpu_part *part, bytes_t memory, bool cut, struct rng *rng)
{
	static const uint32_t slices[][2] = {{1, 1}, {1, 2}, {2, 2}, {3, 4}, {4, 4}, {7, 8}};
	*part = (struct gpu_part){.bytes = memory / (1 + (bytes_t)rng_below(rng, 6)),
	                          .whole = rng_below(rng, 4) == 0};
	if (cut && !part->whole) {
		const uint64_t k = rng_below(rng, 6);
		part->compute = slices[k][0];
		part->memory = slices[k][1];
		part->bytes = memory / 8 * part->memory;
	}
}

/* Nodes of two kinds, up to eight GPUs each, as full as some requests in turn made them. */
static void random_cluster(struct cluster *c, bool cut, struct rng *rng)
{
	cluster_init(c, 40, 1);
	service_init(&c->services[0], 0, 40, LOAD_NOT_KEPT);
	for (uint32_t k = 0; k < KINDS; k++) {
		cluster_add_nodes(c, k, 1 + (uint32_t)rng_below(rng, 3),
		                  1 + (uint32_t)rng_below(rng, 8), GPU_BYTES >> k);
	}
	for (uint32_t i = 0; i < 20; i++) {
		const uint32_t gpu = (uint32_t)rng_below(rng, c->n_gpus);
		struct gpu_part part;
		random_part(&part, c->gpus[gpu].memory, cut, rng);
		if (gpu_takes(&c->gpus[gpu], &part)) {
			cluster_place(c, i, &gpu, 1, &part);
		}
	}
}

/* Is there a node with so many GPUs that take the request? */
static bool possible(const struct cluster *c, const struct placement_ask *ask)
{
	for (uint32_t i = 0; i < c->n_nodes; i++) {
		const struct node *const node = &c->nodes[i];
		uint32_t n = 0;
		for (uint32_t k = node->first; k < node->first + node->n; k++) {
			n += ask->part[node->kind].bytes > 0 &&
			     gpu_takes(&c->gpus[k], &ask->part[node->kind]);
		}
		if (n >= ask->gpus) {
			return true;
		}
	}
	return false;
}

static void check_policy(const struct placement_policy *p)
{
	struct rng *const rng = rng_new(22, p->head.name);
	size_t found = 0;
	for (int i = 0; i < CLUSTERS; i++) {
		struct cluster c;
		const bool cut = rng_below(rng, 3) == 0;
		random_cluster(&c, cut, rng);
		struct gpu_part part[KINDS];
		for (int k = 0; k < KINDS; k++) {
			random_part(&part[k], GPU_BYTES >> k, cut, rng);
			part[k].whole = part[0].whole;
			part[k].bytes = rng_below(rng, 5) == 0 ? 0 : part[k].bytes;
		}
		const struct placement_ask ask = {part, 1 + (uint32_t)rng_below(rng, 3), 0, 0,
		                                  NULL};
		const uint64_t checksum = cluster_checksum(&c);
		uint32_t gpus[2][3];
		bool placed[2];
		for (int run = 0; run < 2; run++) {
			void *const self = mem_new(1, p->head.self_size + 1);
			struct rng *const own = rng_new(4, "own");
			const struct view view = {&c, 0, own};
			placed[run] =
				placement_choose(p, self, &view, &ask, gpus[run]) != NODE_NONE;
			rng_free(own);
			free(self);
		}
		ck_assert_msg(placed[0] == possible(&c, &ask), "%s, cluster %d", p->head.name, i);
		ck_assert(placed[0] == placed[1]);
		if (placed[0]) {
			ck_assert_msg(verify_placement(&c, &ask, gpus[0]), "%s", p->head.name);
			ck_assert(memcmp(gpus[0], gpus[1], ask.gpus * sizeof(gpus[0][0])) == 0);
			found++;
		}
		ck_assert_msg(cluster_checksum(&c) == checksum, "%s changed the state",
		              p->head.name);
		cluster_fini(&c);
	}
	ck_assert_uint_gt(found, CLUSTERS / 4);
	rng_free(rng);
}

START_TEST(decisions_are_legal_repeatable_and_without_side_effects)
{
	check_policy(placement_policies[_i]);
}
END_TEST

/* Two nodes of two GPUs; quarters and a half on some of them. Returns the GPU of one more quarter.
 */
static uint32_t next_quarter(const struct placement_policy *p, const uint32_t *quarters, uint32_t n)
{
	struct cluster c;
	struct rng *const rng = rng_new(1, "x");
	const struct gpu_part quarter = {.bytes = GPU_BYTES / 4};
	uint32_t gpu = UINT32_MAX;
	cluster_init(&c, 16, 1);
	service_init(&c.services[0], 0, 16, LOAD_NOT_KEPT);
	cluster_add_nodes(&c, 0, 2, 2, GPU_BYTES);
	for (uint32_t i = 0; i < n; i++) {
		cluster_place(&c, i, &quarters[i], 1, &quarter);
	}
	const struct view view = {&c, 0, rng};
	const struct placement_ask ask = {&quarter, 1, 0, 0, NULL};
	ck_assert_uint_ne(placement_choose(p, NULL, &view, &ask, &gpu), NODE_NONE);
	rng_free(rng);
	cluster_fini(&c);
	return gpu;
}

START_TEST(each_policy_does_what_its_name_says)
{
	static const uint32_t some[] = {1, 2, 2, 2,
	                                3}; /* GPUs 0 to 3 hold 0, 1, 3 and 1 quarters */
	ck_assert_uint_eq(next_quarter(&placement_first_fit, some, 5), 0);
	ck_assert_uint_eq(next_quarter(&placement_best_fit, some, 5), 2);
	ck_assert_uint_eq(next_quarter(&placement_binpack, some, 5), 2);
	ck_assert_uint_eq(next_quarter(&placement_spread, some, 5), 0);
	/* all shared GPUs of the second node are full: the first, with one idle GPU, shares another
	 */
	static const uint32_t full[] = {1, 2, 2, 2, 2, 3, 3, 3, 3};
	ck_assert_uint_eq(next_quarter(&placement_binpack, full + 1, 8), 0);
	ck_assert_uint_eq(next_quarter(&placement_binpack, full, 9), 1);
	ck_assert_uint_eq(next_quarter(&placement_spread, full, 5), 0);
	/* nobody shares: the lowest number */
	ck_assert_uint_eq(next_quarter(&placement_binpack, some, 0), 0);
	ck_assert_uint_eq(next_quarter(&placement_spread, some, 0), 0);
}
END_TEST

/* Three nodes of two GPUs and 10 cores: a half on the first GPU, another size on the third. */
static void three_nodes(struct cluster *c, const struct gpu_part *first,
                        const struct gpu_part *third)
{
	const uint32_t gpus[] = {0, 2};
	cluster_init(c, 0, 0);
	cluster_add_nodes(c, 0, 3, 2, 1000);
	for (uint32_t i = 0; i < 3; i++) {
		c->nodes[i].cpu = 10000;
	}
	cluster_take(c, 0, &gpus[0], &(struct node_part){first, 1, 1000, 0});
	cluster_take(c, 1, &gpus[1], &(struct node_part){third, 1, 6000, 0});
}

static uint32_t choose(const struct placement_policy *p, const struct cluster *c,
                       const struct placement_ask *ask, uint32_t *gpu)
{
	const struct view view = {c, 0, NULL};
	return placement_choose(p, NULL, &view, ask, gpu);
}

/* The policies of openb: what each of them prefers (semantics.md section 15). */
START_TEST(policies_of_openb_prefer_what_they_are_named_for)
{
	const struct gpu_part half = {.bytes = 500}, whole = {.bytes = 1000, .whole = true};
	const struct gpu_part third = {.bytes = 300};
	const struct placement_ask part = {&third, 1, 1000, 0, NULL};
	const struct placement_ask one = {&whole, 1, 1000, 0, NULL};
	const struct placement_ask none = {&half, 0, 1000, 0, NULL};
	struct cluster c;
	uint32_t gpu = UINT32_MAX;
	/* 0: a half; 1: a whole one; 2: empty */
	three_nodes(&c, &half, &whole);
	ck_assert_uint_eq(choose(&placement_gpu_packing, &c, &part, &gpu), 0);
	ck_assert_uint_eq(gpu, 0);                                            /* the shared one */
	ck_assert_uint_eq(choose(&placement_gpu_packing, &c, &one, &gpu), 0); /* a node in use */
	ck_assert_uint_eq(choose(&placement_gpu_clustering, &c, &part, &gpu), 0);
	ck_assert_uint_eq(choose(&placement_gpu_clustering, &c, &one, &gpu), 1); /* its like */
	/* 1.5 GPUs and 9 cores are free on the first, 1 GPU and 4 cores on the second */
	ck_assert_uint_eq(choose(&placement_best_fit, &c, &one, &gpu), 1);
	ck_assert_uint_eq(choose(&placement_dot_product, &c, &one, &gpu), 1);
	ck_assert_uint_eq(choose(&placement_best_fit, &c, &none, &gpu), 1);
	cluster_fini(&c);
	/* only a request of another size is there: an empty node goes before */
	three_nodes(&c, &whole, &whole);
	ck_assert_uint_eq(choose(&placement_gpu_clustering, &c, &part, &gpu), 2);
	cluster_fini(&c);
}
END_TEST

/*
 * Halves are asked for, and 0.3 comes: on the GPU that holds 0.5 it makes the rest useless, on one
 * that holds 0.7 it wastes nothing, wherever the fuller one is.
 */
START_TEST(fgd_wastes_least_of_what_is_usually_asked_for)
{
	const struct gpu_part half = {.bytes = 500}, most = {.bytes = 700}, third = {.bytes = 300};
	const struct placement_ask usual = {&half, 1, 0, 0, NULL};
	const int64_t all = 1000000;
	const struct placement_mix mix = {&usual, &all, 1};
	const struct placement_ask part = {&third, 1, 1000, 0, &mix};
	struct cluster c;
	uint32_t gpu = UINT32_MAX;
	three_nodes(&c, &half, &most);
	ck_assert_uint_eq(choose(&placement_fgd, &c, &part, &gpu), 1);
	ck_assert_uint_eq(gpu, 2);
	cluster_fini(&c);
	three_nodes(&c, &most, &half);
	ck_assert_uint_eq(choose(&placement_fgd, &c, &part, &gpu), 0);
	ck_assert_uint_eq(gpu, 0);
	cluster_fini(&c);
}
END_TEST

int main(void)
{
	size_t n = 0;
	while (placement_policies[n] != NULL) {
		n++;
	}
	Suite *const s = suite_create("placement");
	TCase *const t = tcase_create("placement");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, decisions_are_legal_repeatable_and_without_side_effects, 0, (int)n);
	tcase_add_test(t, each_policy_does_what_its_name_says);
	tcase_add_test(t, policies_of_openb_prefer_what_they_are_named_for);
	tcase_add_test(t, fgd_wastes_least_of_what_is_usually_asked_for);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
