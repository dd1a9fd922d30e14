/* The search on tests that need no simulator: what it finds, what it asks, and with any threads. */
#include "study/search.h"

#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Passes below `limit`, except in [hole_from, hole_to); passes again from `again` on. */
struct rule {
	int64_t limit, hole_from, hole_to, again, stop_at;
	atomic_int results;
};

static bool judge(void *arg, int64_t value, bool *pass, void **result)
{
	struct rule *const r = arg;

	if (r->stop_at > 0 && value >= r->stop_at) {
		return false;
	}
	*pass = (value < r->limit && (value < r->hole_from || value >= r->hole_to)) ||
	        (r->again > 0 && value >= r->again);
	*result = malloc(1);
	atomic_fetch_add(&r->results, 1);
	return true;
}

/* Everything asked for is owned once: by the result or dropped. */
static struct search_result search(struct rule *rule, struct search_grid grid, size_t threads)
{
	struct search_result r;

	search_run(&grid, threads, judge, rule, free, &r);
	for (size_t i = 0; i < r.n_probes; i++) {
		ck_assert_ptr_nonnull(r.probes[i].result);
		free(r.probes[i].result);
		ck_assert(i == 0 || r.probes[i - 1].value < r.probes[i].value);
	}
	return r;
}

START_TEST(the_boundary_is_exact)
{
	for (int64_t limit = 2; limit <= 70; limit++) {
		for (int64_t step = 1; step <= 7; step += 3) {
			struct rule rule = {.limit = limit};
			struct search_grid grid = {step, 64, step, false};
			struct search_result r = search(&rule, grid, 1);
			int64_t best = (limit - 1) / step * step;

			if (best > 64 / step * step) {
				best = 64 / step * step;
			}
			ck_assert_int_eq(r.best, best);
			ck_assert_int_eq(r.fails_at, best + step <= 64 ? best + step : 0);
			ck_assert_int_eq(r.end, best == 0           ? SEARCH_NONE
			                        : best + step <= 64 ? SEARCH_FOUND
			                                            : SEARCH_MAX_REACHED);
			ck_assert_int_eq(r.passes_above, 0);
			free(r.probes);
		}
	}
}
END_TEST

START_TEST(threads_change_nothing)
{
	for (int64_t limit = 1; limit <= 1100; limit += 13) {
		struct search_grid grid = {1, 1000, 1, false};
		struct rule rule = {.limit = limit, .again = limit + 1};
		struct search_result one = search(&rule, grid, 1);

		for (size_t threads = 2; threads <= 7; threads++) {
			struct search_result many = search(&rule, grid, threads);

			ck_assert_int_eq(many.best, one.best);
			ck_assert_int_eq(many.fails_at, one.fails_at);
			ck_assert_int_eq(many.passes_above, one.passes_above);
			ck_assert_uint_eq(many.n_probes, one.n_probes);
			for (size_t i = 0; i < one.n_probes; i++) {
				ck_assert_int_eq(many.probes[i].value, one.probes[i].value);
			}
			free(many.probes);
		}
		free(one.probes);
	}
}
END_TEST

START_TEST(doubling_then_bisection_then_a_look_around)
{
	static const int64_t asked[] = {1,  2,  4,   8,   16,  32,  64,  88,
	                                96, 99, 100, 101, 102, 104, 112, 128};
	struct rule rule = {.limit = 101};
	struct search_result r = search(&rule, (struct search_grid){1, 1000, 1, false}, 1);

	ck_assert_int_eq(r.best, 100);
	ck_assert_int_eq(r.fails_at, 101);
	ck_assert_uint_eq(r.n_probes, sizeof(asked) / sizeof(asked[0]));
	for (size_t i = 0; i < r.n_probes; i++) {
		ck_assert_int_eq(r.probes[i].value, asked[i]);
	}
	ck_assert_uint_eq(search_index(&r, 4), 2);
	free(r.probes);
}
END_TEST

START_TEST(what_is_not_monotone_is_said)
{
	/* 100 fails, 101 passes: the probe just above finds it */
	struct rule rule = {.limit = 102, .hole_from = 100, .hole_to = 101};
	struct search_result r = search(&rule, (struct search_grid){1, 1000, 1, false}, 1);

	ck_assert_int_eq(r.best, 99);
	ck_assert_int_eq(r.fails_at, 100);
	ck_assert_int_eq(r.passes_above, 101);
	free(r.probes);
}
END_TEST

START_TEST(a_failure_below_lowers_the_answer)
{
	/* 99 fails although 100 passes: the probe just below finds it */
	struct rule rule = {.limit = 101, .hole_from = 99, .hole_to = 100};
	struct search_result r = search(&rule, (struct search_grid){1, 1000, 1, false}, 1);

	ck_assert_int_eq(r.best, 98);
	ck_assert_int_eq(r.fails_at, 99);
	ck_assert_int_eq(r.passes_above, 100);
	free(r.probes);
}
END_TEST

START_TEST(exhaustive_asks_for_everything)
{
	struct rule rule = {.limit = 30, .hole_from = 10, .hole_to = 12};
	struct search_grid grid = {5, 40, 1, true};
	struct search_result r = search(&rule, grid, 3);

	ck_assert_uint_eq(r.n_probes, 36);
	ck_assert_int_eq(r.best, 9);
	ck_assert_int_eq(r.fails_at, 10);
	ck_assert_int_eq(r.passes_above, 29);
	ck_assert_int_eq(r.end, SEARCH_FOUND);
	free(r.probes);
}
END_TEST

START_TEST(a_stop_keeps_what_is_known)
{
	for (size_t threads = 1; threads <= 4; threads++) {
		struct rule rule = {.limit = 1000, .stop_at = 64};
		struct search_result r =
			search(&rule, (struct search_grid){1, 1000, 1, false}, threads);

		ck_assert_int_eq(r.end, SEARCH_STOPPED);
		ck_assert_int_eq(r.fails_at, 0);
		ck_assert_int_le(r.best, 32);
		free(r.probes);
	}
}
END_TEST

START_TEST(ranges)
{
	static const char *const bad[] = {"",       "5",     "5..",  "..5",   "5..4",  "0..4",
	                                  "1..9+0", "1..9+", "a..b", "1...9", "1..9+x"};
	struct search_grid grid;

	ck_assert(search_range("64..4096", &grid));
	ck_assert(grid.from == 64 && grid.to == 4096 && grid.step == 0);
	ck_assert(search_range("5..9+2", &grid));
	ck_assert(grid.from == 5 && grid.to == 9 && grid.step == 2);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(!search_range(bad[i], &grid), "%s", bad[i]);
	}
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("search");
	TCase *const cases = tcase_create("search");

	tcase_add_test(cases, the_boundary_is_exact);
	tcase_add_test(cases, threads_change_nothing);
	tcase_add_test(cases, doubling_then_bisection_then_a_look_around);
	tcase_add_test(cases, what_is_not_monotone_is_said);
	tcase_add_test(cases, a_failure_below_lowers_the_answer);
	tcase_add_test(cases, exhaustive_asks_for_everything);
	tcase_add_test(cases, a_stop_keeps_what_is_known);
	tcase_add_test(cases, ranges);
	suite_add_tcase(suite, cases);
	SRunner *const runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
