/* What holds in every run whatever the scenario: nothing is lost, and more replicas lose nothing.
 */
#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "random_scenario.h"
#include "test_run.h"

/* Every request has one record, or is counted as unfinished. */
static void check_ids(const struct test_run *r)
{
	int64_t unfinished = 0;
	for (size_t i = 0; i < r->summary.n_services; i++) {
		unfinished += r->summary.services[i].unfinished;
	}
	bool *const seen = mem_new(r->n + (size_t)unfinished + 1, sizeof(*seen));
	size_t warmup = 0;
	for (size_t i = 0; i < r->n; i++) {
		warmup += r->records[i].warmup;
		if (r->scenario.sc->stop_after == NS_NEVER) {
			quiet_assert(r->records[i].id < r->n && !seen[r->records[i].id],
			             "request %llu has no record of its own",
			             (unsigned long long)r->records[i].id);
			seen[r->records[i].id] = true;
		}
	}
	int64_t submitted = 0;
	for (size_t i = 0; i < r->summary.n_services; i++) {
		submitted += r->summary.services[i].submitted;
	}
	ck_assert_int_eq(submitted, (int64_t)(r->n - warmup) + unfinished);
	free(seen);
}

START_TEST(requests_add_up)
{
	struct test_run r;
	char *const json = random_scenario(1000 + (uint64_t)_i, RANDOM_ANY, 1);
	test_run(&r, json, false);
	test_run_check(&r);
	check_ids(&r);
	test_run_fini(&r);
	free(json);
}
END_TEST

static int64_t finished(const struct test_run *r)
{
	int64_t n = 0;
	for (size_t i = 0; i < r->summary.n_services; i++) {
		const struct service_summary *const s = &r->summary.services[i];
		ck_assert_int_eq(s->rejected + s->lost + s->unfinished, 0);
		n += s->finished;
	}
	return n;
}

/* Without limits every request finishes, on one cluster as on one three times as large. */
START_TEST(more_replicas_lose_nothing)
{
	struct test_run few, many;
	char *const small = random_scenario(2000 + (uint64_t)_i, RANDOM_LOSSLESS, 1);
	char *const large = random_scenario(2000 + (uint64_t)_i, RANDOM_LOSSLESS, 3);
	test_run(&few, small, false);
	test_run(&many, large, false);
	test_run_check(&few);
	test_run_check(&many);
	ck_assert_int_gt(finished(&few), 0);
	/* closed stages send more the sooner they are answered; other loads have a fixed number */
	ck_assert_int_le(finished(&few), finished(&many));
	test_run_fini(&few);
	test_run_fini(&many);
	free(small);
	free(large);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("conservation");
	TCase *const t = tcase_create("random scenarios");
	tcase_add_loop_test(t, requests_add_up, 0, 50);
	tcase_add_loop_test(t, more_replicas_lose_nothing, 0, 50);
	suite_add_tcase(s, t);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
