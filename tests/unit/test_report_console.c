/* The screen of `aliquot run`, byte by byte, and its variants. */
#include "report_run.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static void plain_console(FILE *out, const struct report *r)
{
	report_console(out, r, false);
}

static void colour_console(FILE *out, const struct report *r)
{
	report_console(out, r, true);
}

START_TEST(console_golden)
{
	struct report_run run;

	report_run_init(&run, 1, true);
	char *text = text_of(plain_console, &run.report);

	ck_assert_str_eq(
		text,
		"FAIL  1 of 2 limits met    1.500 s simulated, 12,345 events\n"
		"\n"
		"  limit                        observed      margin\n"
		"  ttft.max <= 280 ms             140 ms      50.0 %   ok\n"
		"  latency.p50 <= 256 ms          320 ms     -25.0 %   broken\n"
		"\n"
		"  chat        llama-3.1-8b-instruct, bf16 weights, bf16 KV, engine trtllm, "
		"2 replicas of 4 GPUs\n"
		"  load        3 users, ISL 1,500 +- 100, OSL 11\n"
		"\n"
		"  metric                         unit       avg       p50       p90       p95       p99"
		"       max\n"
		"  ttft     time to first token     ms       120       120       136       138     139.6"
		"       140\n"
		"  tpot     mean time per token     ms     23.33        20        36        38     39.60"
		"        40\n"
		"  itl      every token gap         ms     23.33     20.00        40        40        40"
		"        40\n"
		"  latency  whole request           ms     353.3       320       496       518     535.6"
		"       540\n"
		"  queue    wait for a batch        ms         5         5         5         5         5"
		"         5\n"
		"  tps_user per user             tok/s     58.33        50        90        95        99"
		"       100\n"
		"\n"
		"  requests    3 finished, 1 rejected, 1 warm-up not counted\n"
		"  throughput  51.56 tok/s out, 7,031 tok/s in, 4.688 req/s, goodput 1.562 req/s "
		"(33.33 %)\n"
		"  replicas    busy 75 %, 1.500 running per replica (max 3 of 256), "
		"0 waiting per replica (max 0),\n"
		"              KV peak 25 % of 1,000 tokens, preempted 0\n"
		"  trust       uncalibrated: engine profile trtllm on h100-nvl, constants set by hand\n"
		"\n"
		"  GPUs        8 h100-nvl, allocated 100 %, busy 50 %, memory 25 %\n"
		"  binding     GPU speed\n");
	free(text);
	report_run_fini(&run);
}
END_TEST

START_TEST(console_variants)
{
	struct report_run run;

	report_run_init(&run, 2, false);
	char *text = text_of(colour_console, &run.report);

	ck_assert_ptr_eq(strstr(text, "\033[31mFAIL\033[0m"), text);
	ck_assert_ptr_nonnull(strstr(text, "\033[32mok\033[0m\n"));
	ck_assert_ptr_nonnull(strstr(text, "  service  limit"));
	ck_assert_ptr_nonnull(strstr(text, "  embed docs  qwen3-embedding-0.6b"));
	ck_assert_ptr_nonnull(strstr(text, "2.500 req/s"));
	free(text);
	run.summary.n_limits = 0;
	run.summary.incomplete = true;
	run.summary.services[0].latency_ms.avg = 4080.0;
	run.summary.services[0].latency_ms.max = 5810.0;
	dist_of_nothing(&run.summary.services[0].ttft_ms);
	run.loads[0].kind = LOAD_STAGES;
	run.loads[0].n_stages = 3;
	run.loads[1].kind = LOAD_TRACE;
	static char trace[] = "/some/where/azure.csv";

	run.loads[1].file = trace;
	run.loads[1].speedup = 2;
	text = text_of(plain_console, &run.report);
	ck_assert_ptr_eq(
		strstr(text, "INCOMPLETE    1.500 s simulated, 12,345 events\ninterrupted"), text);
	ck_assert_ptr_null(strchr(text, '\033'));
	ck_assert_ptr_null(strstr(text, "margin"));
	ck_assert_ptr_null(strstr(text, "ttft"));
	ck_assert_ptr_nonnull(strstr(text, "whole request            s     4.080"));
	ck_assert_ptr_nonnull(strstr(text, "3 stages"));
	ck_assert_ptr_nonnull(strstr(text, "trace azure.csv, 2 times as fast\n"));
	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
		ck_assert_msg(strcspn(line, "\n") <= 100, "too wide: %.*s",
		              (int)strcspn(line, "\n"), line);
	}
	free(text);
	report_run_fini(&run);
}
END_TEST

static void jobs_console(FILE *out, const struct report *r)
{
	report_jobs(out, r);
}

/* Waits of many jobs over years are more nanoseconds than 63 bits hold; who never came has none. */
START_TEST(long_waits_add_up)
{
	enum { JOBS = 22 };
	struct job_summary jobs[JOBS];
	struct scenario_job specs[JOBS] = {{0}};
	struct project_summary project = {.name = "default"};
	struct scenario_project spec = {.name = "default"};
	struct scenario_job_group group = {"train", 0, JOBS};
	struct report_run run;

	report_run_init(&run, 1, false);
	const struct scenario plain = run.scenario;
	for (size_t i = 0; i < JOBS; i++) {
		const bool came = i < JOBS - 1;

		jobs[i] = (struct job_summary){
			.name = "train",
			.state = came ? "pending" : "expected",
			.submitted = came ? 0 : NS_NEVER,
			.waited = came ? 50 * 86400 * NS_PER_S * 365 : 0,
		};
	}
	run.summary.jobs = jobs;
	run.summary.n_jobs = JOBS;
	run.summary.projects = &project;
	run.summary.n_projects = 1;
	run.summary.simulated = 50 * 86400 * NS_PER_S * 365;
	run.scenario.jobs = specs;
	run.scenario.n_jobs = JOBS;
	run.scenario.projects = &spec;
	run.scenario.n_projects = 1;
	run.scenario.job_groups = &group;
	run.scenario.n_job_groups = 1;
	char *text = text_of(jobs_console, &run.report);

	ck_assert_ptr_nonnull(strstr(text, "  train          default          22        0 "
	                                   "      0      21        0  18,250 "));
	free(text);
	run.scenario = plain;
	run.summary.jobs = NULL;
	run.summary.n_jobs = 0;
	run.summary.projects = NULL;
	run.summary.n_projects = 0;
	report_run_fini(&run);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report console");
	TCase *t = tcase_create("report console");

	tcase_add_test(t, console_golden);
	tcase_add_test(t, console_variants);
	tcase_add_test(t, long_waits_add_up);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed != 0;
}
