/* Steps on a part of the SMs: what does not depend on them, what does, and by how much. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "perf/perf.h"

#define ALL 1000000

static const struct gpu_spec gpu = {.sm_gain = 0.4, .sm_half = 0.38};

static int64_t alone(const struct step_demand *d, int64_t share)
{
	return perf_sm_speed(&gpu, d, share, share);
}

/* By hand: 1 over the time that the parts take. */
START_TEST(each_part_by_hand)
{
	const struct step_demand arithmetic = {.matrices = ALL};
	ck_assert_int_eq(alone(&arithmetic, 500000), 600000); /* 0.5 x (1 + 0.4 x 0.5) */
	ck_assert_int_eq(perf_sm_speed(&gpu, &arithmetic, 500000, ALL), 500000);
	const struct step_demand attention = {.attention = ALL};
	ck_assert_int_eq(alone(&attention, 500000), 600000);

	const double reads = sqrt((0.25 + 0.38 * 0.38) / (1.0 + 0.38 * 0.38)) / 0.5;
	const struct step_demand weights = {.weights = ALL}, cache = {.cache = ALL};
	ck_assert_int_eq(alone(&weights, 500000), (int64_t)(ALL / reads));
	ck_assert_int_eq(alone(&cache, 500000), (int64_t)(ALL / reads));
	/* who reads does not care whether the other SMs work: their bandwidth is divided elsewhere
	 */
	ck_assert_int_eq(perf_sm_speed(&gpu, &cache, 500000, ALL), (int64_t)(ALL / reads));

	const struct step_demand launches = {0};
	ck_assert_int_eq(alone(&launches, 100000), ALL);
	/* half launches, half arithmetic: 0.5 + 0.5 / 0.6 */
	const struct step_demand mixed = {.matrices = 500000};
	ck_assert_int_eq(alone(&mixed, 500000), (int64_t)(ALL / (0.5 + 0.5 / 0.6)));
}
END_TEST

/* Arithmetic hides behind the weights until the SMs are too few for it. */
START_TEST(the_longer_of_two)
{
	const struct step_demand d = {.matrices = 800000, .weights = ALL};
	const struct step_demand weights = {.weights = ALL};

	ck_assert_int_eq(alone(&d, 950000), alone(&weights, 950000));
	ck_assert_int_lt(alone(&d, 300000), alone(&weights, 300000));
	ck_assert_int_eq(alone(&d, 300000), 480000); /* 0.3 x (1 + 0.4 x 0.7) / 0.8 */
}
END_TEST

/* More SMs never make it slower, busy neighbours never faster, and all of them are all. */
static bool never_slower(const struct step_demand *d)
{
	int64_t before = 0;

	for (int64_t share = 10000; share <= ALL; share += 10000) {
		const int64_t speed = alone(d, share);
		if (speed < before || speed > ALL || speed < perf_sm_speed(&gpu, d, share, ALL)) {
			return false;
		}
		before = speed;
	}
	return before >= ALL - 1;
}

START_TEST(more_sms_are_never_slower)
{
	static const struct step_demand steps[] = {
		{.matrices = 900000, .weights = 100000, .attention = 50000, .cache = 20000},
		{.matrices = 100000, .weights = 600000, .cache = 250000},
		{.matrices = 500000, .weights = 500000, .attention = 300000, .cache = 200000},
	};
	ck_assert(never_slower(&steps[_i]));
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("sm_share");
	TCase *const c = tcase_create("sm_share");
	SRunner *const runner = srunner_create(suite);

	tcase_add_test(c, each_part_by_hand);
	tcase_add_test(c, the_longer_of_two);
	tcase_add_loop_test(c, more_sms_are_never_slower, 0, 3);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
