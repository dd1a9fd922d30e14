/*
 * Placement policies on the openb trace against what their authors' simulator got
 * (../shared/conformance/openb): how much of the GPUs is allocated, and how much of them is left in
 * pieces that are of no use.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/str.h"
#include "policy/fragment.h"
#include "policy/registry.h"
#include "study/fill.h"

#define FOLDER "../shared/conformance/openb/"
#define EXPECTED FOLDER "expected-by-policy.csv"
#define SEEDS 10
#define LIMIT_ALLOCATED 0.5 /* points */
#define LIMIT_FRAGMENT 1.0

static const struct { /* in the order of what they reach, best first; the middle two may swap */
	const char *theirs, *ours;
} names[] = {
	{"06-FGD", "fgd"},
	{"05-BestFit", "best_fit"},
	{"04-GpuPacking", "gpu_packing"},
	{"03-GpuClustering", "gpu_clustering"},
	{"02-DotProd", "dot_product"},
	{"01-Random", "random"},
};
#define N_POLICIES (sizeof(names) / sizeof(*names))

enum { TRACE, POLICY, ARRIVED, ALLOCATED = 4, FRAGMENT = 8 }; /* columns */

static const struct fill_result *result_of(const struct fill *f, const char *theirs)
{
	for (size_t i = 0; i < N_POLICIES; i++) {
		if (strcmp(names[i].theirs, theirs) == 0) {
			return &f->results[i];
		}
	}
	ck_abort_msg("unknown policy %s", theirs);
	return NULL;
}

/* One row of theirs; ours at the same load. */
static void compare(const struct fill *f, const char *const *row)
{
	double arrived, allocated, fragment;
	const struct fill_result *const r = result_of(f, row[POLICY]);
	ck_assert(str_to_real(row[ARRIVED], &arrived));
	ck_assert(str_to_real(row[ALLOCATED], &allocated));
	ck_assert(str_to_real(row[FRAGMENT], &fragment));
	const size_t i = (size_t)(arrived / 100.0 / FILL_STEP + 0.5);
	const struct inflate_look *const l = &r->looks[(i < r->n ? i : r->n) - 1];
	if (arrived == 80.0 || arrived == 100.0 || arrived == 130.0) {
		printf("%-15s at %3.0f %%: allocated %.2f, theirs %.2f; fragments %.2f, theirs %.2f\n",
		       r->policy, arrived, 100.0 * l->allocated, allocated, 100.0 * l->fragment,
		       fragment);
	}
	ck_assert_msg(fabs(100.0 * l->allocated - allocated) <= LIMIT_ALLOCATED,
	              "%s at %g %%: allocated %.2f, not %.2f", r->policy, arrived,
	              100.0 * l->allocated, allocated);
	ck_assert_msg(fabs(100.0 * l->fragment - fragment) <= LIMIT_FRAGMENT,
	              "%s at %g %%: fragments %.2f, not %.2f", r->policy, arrived,
	              100.0 * l->fragment, fragment);
}

static void check_ranking(const struct fill *f)
{
	const struct fill_result *const r = f->results;
	const double packing = fmin(r[2].mean, r[3].mean), above = fmax(r[2].mean, r[3].mean);
	ck_assert_double_gt(r[0].mean, r[1].mean);
	ck_assert_double_gt(r[1].mean, above);
	ck_assert_double_gt(packing, r[4].mean);
	ck_assert_double_gt(r[4].mean, r[5].mean);
}

START_TEST(policies_fill_the_cluster_as_their_authors_say)
{
	if (access(EXPECTED, R_OK) != 0) {
		printf("SKIPPED: %s is not there; placement was not compared\n", EXPECTED);
		return;
	}
	struct err *const err = err_new();
	struct openb *const trace = openb_read(FOLDER "openb_node_list_gpu_node.csv",
	                                       FOLDER "openb_pod_list_default.csv", false, err);
	ck_assert_ptr_nonnull(trace);
	ck_assert_uint_eq(trace->n_nodes, 1213);
	ck_assert_int_eq(trace->gpus, 6212);
	ck_assert_uint_eq(trace->n_pods, 8152);
	struct fill_entry entries[N_POLICIES];
	for (size_t i = 0; i < N_POLICIES; i++) {
		entries[i] = (struct fill_entry){trace, placement_find(names[i].ours), false};
		ck_assert_ptr_nonnull(entries[i].policy);
	}
	const struct fill_ask ask = {.entries = entries,
	                             .n_entries = N_POLICIES,
	                             .arrive = 1.3,
	                             .seeds = SEEDS,
	                             .threads = 2};
	struct fill result;
	ck_assert(fill_run(&ask, &result));
	struct csv_reader *const csv = csv_open(EXPECTED, err);
	const char *const *row;
	size_t n, compared = 0;
	ck_assert_ptr_nonnull(csv);
	while (csv_next(csv, &row, &n)) {
		if (strcmp(row[TRACE], "default") == 0) {
			compare(&result, row);
			compared++;
		}
	}
	ck_assert_uint_eq(compared, 10 * N_POLICIES);
	check_ranking(&result);
	csv_close(csv);
	fill_fini(&result);
	openb_free(trace);
	err_free(err);
}
END_TEST

/* Two nodes worked out by hand: what a request of 0.6 cannot use, weighted by how usual it is. */
START_TEST(fragments_by_hand)
{
	struct cluster c;
	const struct gpu_part most = {.bytes = 600}, whole = {.bytes = 1000, .whole = true};
	const struct placement_ask asks[] = {{&most, 1, 1000, 0, NULL}, {&whole, 2, 1000, 0, NULL}};
	const int64_t shares[] = {750000, 250000};
	const struct placement_mix mix = {asks, shares, 2};
	cluster_init(&c, 0, 0);
	cluster_add_nodes(&c, 0, 2, 2, 1000);
	c.nodes[0].cpu = c.nodes[1].cpu = 2000;
	/* empty: both fit */
	ck_assert_int_eq(fragment_of(&mix, &c, 0), 0);
	/* 0.5 on one GPU: its other half is too small for 0.6, and two whole ones are gone */
	const struct gpu_part half = {.bytes = 500};
	const uint32_t gpu = 0;
	cluster_take(&c, 0, &gpu, &(struct node_part){&half, 1, 500, 0});
	ck_assert_int_eq(fragment_of(&mix, &c, 0), 750000 * 500 + INT64_C(250000) * 1500);
	/* no CPU for either: all that is free is of no use */
	cluster_take(&c, 1, NULL, &(struct node_part){&half, 0, 1500, 0});
	ck_assert_int_eq(fragment_of(&mix, &c, 1), INT64_C(1000000) * 2000);
	cluster_fini(&c);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("openb");
	TCase *const t = tcase_create("openb");
	tcase_set_timeout(t, 300);
	tcase_add_test(t, policies_fill_the_cluster_as_their_authors_say);
	tcase_add_test(t, fragments_by_hand);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
