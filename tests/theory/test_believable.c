/*
 * Believable before it is calibrated: TPOT of Llama-3.1-8B bf16 on one H100 SXM under TensorRT-LLM,
 * 8 users and more, against the measured rows of NVIDIA's AIConfigurator (aic-silicon). The
 * constants are the engine profile's, set by hand; nothing here was fitted. Protocol (physics.md
 * section 4): all users at once, deviation 0, 8 rounds, a batch cap of users - 1, one whole prompt
 * per step.
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
#include "test_run.h"

#define ROWS "../shared/reference/rows.csv"
#define LIMIT_PCT 15.0

/* Columns of rows.csv. */
enum { SOURCE, GPU, GPUS, MODEL, PRECISION, ISL = 8, OSL, USERS, METRIC, VALUE = 13, ENGINE = 15 };

static double simulated_tpot(const char *isl, const char *osl, const char *users)
{
	struct test_run r;
	int64_t n = 0;
	ck_assert(str_to_int(users, &n));
	char *const json = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", \"gpus\": 1}]},"
		"\"services\": [{\"name\": \"chat\", \"model\": \"llama-3.1-8b-instruct\","
		"\"engine\": \"trtllm\", \"engine_options\": {\"max_num_seqs\": %lld}}],"
		"\"loads\": [{\"service\": \"chat\", \"kind\": \"concurrency\", \"users\": %lld,"
		"\"requests_per_user\": 8, \"isl\": {\"mean\": %s}, \"osl\": {\"mean\": %s}}]}",
		(long long)n - 1, (long long)n, isl, osl);
	test_run(&r, json, false);
	const double tpot = r.summary.services[0].tpot_ms.avg;
	test_run_fini(&r);
	free(json);
	return tpot;
}

static bool wanted(const char *const *f, size_t n)
{
	int64_t users;
	return n > ENGINE && strcmp(f[SOURCE], "aic-silicon") == 0 &&
	       strcmp(f[GPU], "H100-SXM") == 0 && strcmp(f[GPUS], "1") == 0 &&
	       strcmp(f[MODEL], "Llama-3.1-8B-Instruct") == 0 &&
	       strncmp(f[PRECISION], "bf16", 4) == 0 && strcmp(f[METRIC], "tpot") == 0 &&
	       strcmp(f[ENGINE], "trtllm") == 0 && str_to_int(f[USERS], &users) && users >= 8;
}

START_TEST(tpot_is_within_fifteen_percent)
{
	if (access(ROWS, R_OK) != 0) {
		printf("SKIPPED: %s is not there; the measured rows were not compared\n", ROWS);
		return;
	}
	struct err *const err = err_new();
	struct csv_reader *const csv = csv_open(ROWS, err);
	ck_assert_ptr_nonnull(csv);
	const char *const *f;
	size_t n;
	int rows = 0;
	double sum = 0.0;
	while (csv_next(csv, &f, &n)) {
		double measured;
		if (!wanted(f, n) || !str_to_real(f[VALUE], &measured)) {
			continue;
		}
		const double simulated = simulated_tpot(f[ISL], f[OSL], f[USERS]);
		const double error = 100.0 * (simulated / measured - 1.0);
		printf("ISL %4s OSL %3s users %3s: measured %7.3f ms, simulated %7.3f ms, %+5.1f %%\n",
		       f[ISL], f[OSL], f[USERS], measured, simulated, error);
		sum += fabs(error);
		rows++;
	}
	csv_close(csv);
	err_free(err);
	ck_assert_int_ge(rows, 20);
	printf("mean error %.2f %% over %d rows\n", sum / rows, rows);
	ck_assert_msg(sum / rows <= LIMIT_PCT, "mean error %.1f %%", sum / rows);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("believable");
	TCase *const t = tcase_create("believable");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, tpot_is_within_fifteen_percent);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
