/* Lengths of prompts and answers: their means and deviations are those asked for. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "test_run.h"

static void run_lengths(struct test_run *r, const char *isl, const char *osl)
{
	char *const text = mem_printf(
		"{\"aliquot\": 1, \"seed\": 3, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-nvl\", "
		"\"gpus\": 1}]}, \"services\": [{\"name\": \"a\", \"model\": "
		"\"llama-3.1-8b-instruct\"}], \"loads\": [{\"service\": \"a\", \"kind\": "
		"\"concurrency\", \"users\": 64, \"requests\": 20000, \"isl\": %s, \"osl\": %s}]}",
		isl, osl);

	test_run(r, text, false);
	free(text);
}

static void expect(const struct dist *d, double mean, double std)
{
	ck_assert_msg(fabs(d->avg / mean - 1.0) < 0.02, "mean %f, not %f", d->avg, mean);
	ck_assert_msg(fabs(d->std / std - 1.0) < 0.04, "std %f, not %f", d->std, std);
}

/* A chat: as wide as its mean and wider; a normal distribution would be cut at one token. */
START_TEST(gamma_keeps_mean_and_deviation)
{
	struct test_run r;

	run_lengths(&r, "{\"mean\": 400, \"stddev\": 400, \"shape\": \"gamma\"}",
	            "{\"mean\": 120, \"stddev\": 60, \"shape\": \"gamma\"}");
	const struct service_summary *const s = &r.summary.services[0];
	expect(&s->input_tokens, 400.0, 400.0);
	expect(&s->output_tokens, 120.0, 60.0);
	ck_assert_double_ge(s->input_tokens.min, 1.0);
	/* exponential: as many below ln 2 of the mean as above */
	ck_assert_double_eq_tol(s->input_tokens.p[4], 400.0 * log(2.0), 12.0);
	test_run_fini(&r);
}
END_TEST

START_TEST(normal_is_what_is_not_said)
{
	struct test_run a, b;

	run_lengths(&a, "{\"mean\": 400, \"stddev\": 40}", "{\"mean\": 20, \"stddev\": 2}");
	run_lengths(&b, "{\"mean\": 400, \"stddev\": 40, \"shape\": \"normal\"}",
	            "{\"mean\": 20, \"stddev\": 2}");
	const struct dist *const x = &a.summary.services[0].input_tokens;
	const struct dist *const y = &b.summary.services[0].input_tokens;
	expect(x, 400.0, 40.0);
	ck_assert_double_eq(x->avg, y->avg);
	ck_assert_double_eq(x->std, y->std);
	ck_assert_double_eq_tol(x->p[4], 400.0, 2.0);
	test_run_fini(&a);
	test_run_fini(&b);
}
END_TEST

int main(void)
{
	Suite *const suite = suite_create("lengths");
	TCase *const c = tcase_create("lengths");
	SRunner *const runner = srunner_create(suite);

	tcase_add_test(c, gamma_keeps_mean_and_deviation);
	tcase_add_test(c, normal_is_what_is_not_said);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
