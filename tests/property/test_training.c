/*
 * Random clusters, projects and jobs: no work disappears, no GPU is given twice, every job ends in
 * a state that explains itself, time adds up, and a second run says the same.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "flow/schedule.h"
#include "test_run.h"

enum { SCENARIOS = 200 };

static int64_t draw(struct rng *rng, int64_t below)
{
	return (int64_t)rng_below(rng, (uint64_t)below);
}

static void add(char **json, const char *text)
{
	char *const longer = mem_printf("%s%s", *json, text);
	free(*json);
	*json = longer;
}

static void add_projects(struct rng *rng, char **json)
{
	char text[256];
	for (int i = 0; i < 4; i++) {
		snprintf(text, sizeof(text),
		         "%s{\"name\": \"p%d\"%s, \"quota\": %lld, \"limit\": %lld, "
		         "\"over_quota_weight\": %lld, \"priority\": %lld}",
		         i > 0 ? ", " : "", i, i == 1 || i == 2 ? ", \"parent\": \"p0\"" : "",
		         (long long)draw(rng, 9),
		         draw(rng, 4) == 0 ? (long long)draw(rng, 9) : -1LL,
		         (long long)draw(rng, 3), 100 + (long long)draw(rng, 2));
		add(json, text);
	}
}

static void add_jobs(struct rng *rng, char **json, bool elastic)
{
	char text[400];
	const int64_t n = 1 + draw(rng, 10);
	for (int64_t i = 0; i < n; i++) {
		const int64_t workers = 1 + draw(rng, 6);
		const int64_t least = elastic ? 1 + draw(rng, workers) : workers;
		snprintf(text, sizeof(text),
		         "%s{\"name\": \"j%lld\", \"project\": \"p%lld\", \"workers\": %lld, "
		         "\"min_workers\": %lld, \"gpus_per_worker\": %lld, \"work\": %lld.%03lld, "
		         "\"submit\": %lld.%03lld, \"count\": %lld, \"every\": 7.5%s%s}",
		         i > 0 ? ", " : "", (long long)i, (long long)(1 + draw(rng, 3)),
		         (long long)workers, (long long)least, (long long)(1 + draw(rng, 3)),
		         (long long)draw(rng, 60), (long long)(1 + draw(rng, 999)),
		         (long long)draw(rng, 100), (long long)draw(rng, 1000),
		         (long long)(1 + draw(rng, 3)),
		         draw(rng, 2) == 0 ? ", \"checkpoint_every\": 4.7" : "",
		         draw(rng, 3) == 0
		                 ? ", \"priority\": \"build-preemptible\""
		                 : (draw(rng, 4) == 0 ? ", \"priority\": \"build\"" : ""));
		add(json, text);
	}
}

static char *scenario(struct rng *rng, bool elastic, bool stops)
{
	char text[256];
	char *json =
		mem_printf("{\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", "
	                   "\"count\": %lld, \"gpus\": %lld}, {\"gpu\": \"h200-sxm\", "
	                   "\"gpus\": %lld}]}, \"projects\": [",
	                   (long long)(1 + draw(rng, 2)), (long long)(1 + draw(rng, 8)),
	                   (long long)(1 + draw(rng, 4)));
	add_projects(rng, &json);
	add(&json, "], \"jobs\": [");
	add_jobs(rng, &json, elastic);
	add(&json, "]");
	if (draw(rng, 2) == 0) {
		add(&json,
		    ", \"services\": [{\"name\": \"s\", \"model\": \"llama-3.1-8b-instruct\", "
		    "\"project\": \"p3\", \"fraction\": 0.4, \"replicas\": 2}], \"loads\": "
		    "[{\"service\": \"s\", \"kind\": \"concurrency\", \"users\": 2, \"requests\": 4,"
		    "\"isl\": 10, \"osl\": 3}]");
	}
	snprintf(text, sizeof(text), stops ? ", \"stop\": {\"after\": %lld}}" : "}",
	         (long long)(1 + draw(rng, 200)));
	add(&json, text);
	return json;
}

static void check_job(const struct sim *s, const struct summary *sum, size_t i)
{
	const struct job *const j = &s->schedule->jobs[i];
	const struct job_summary *const out = &sum->jobs[i];
	const bool over = j->state == JOB_FINISHED;
	ck_assert(j->done + j->lost == j->executed);
	ck_assert(over == (j->done == j->work));
	ck_assert((out->reason[0] != '\0') ==
	          (j->state == JOB_PENDING || j->state == JOB_REJECTED));
	ck_assert((j->state == JOB_EXPECTED) == (j->submitted == NS_NEVER));
	ck_assert(j->state == JOB_RUNNING ? j->workers >= j->least : j->workers < j->least);
	ck_assert(s->sc->jobs[i].preemptible || j->evicted == 0);
	if (j->state == JOB_REJECTED || j->state == JOB_EXPECTED) {
		ck_assert(j->executed == 0 && j->waited == 0);
		return;
	}
	/* while it does not wait it runs, and works at the pace of some of its workers */
	const ns_t running = (over ? j->finished : s->ended) - j->submitted - j->waited;
	ck_assert(running >= 0);
	ck_assert(j->executed <= (i128_t)running * j->most);
	ck_assert(j->executed + j->most > (i128_t)running * j->least);
}

/* GPUs that are given away at any time, and over time. */
static void check_gpus(const struct sim *s, const struct summary *sum, bool elastic)
{
	struct series_point points[SERIES_POINTS];
	double worked = 0.0;
	for (size_t i = 0; i < sum->n_projects; i++) {
		const struct scenario_project *const p = &s->sc->projects[i];
		const size_t n = series_read(sim_project_series(s, i), points);
		for (size_t k = 0; k < n; k++) {
			ck_assert_int_le(points[k].max, 1000 * sum->gpus);
			ck_assert(p->limit_ppm == PROJECT_UNLIMITED || i == 3 ||
			          points[k].max * 1000 <= p->limit_ppm);
		}
	}
	for (size_t i = 0; i < sum->n_jobs; i++) {
		worked += (double)s->schedule->jobs[i].executed *
		          (double)s->sc->jobs[i].gpus_per_worker;
	}
	ck_assert_double_ge(schedule_held(s), worked);
	if (!elastic) { /* all of a gang or nothing: who holds GPUs works */
		ck_assert_double_le(schedule_held(s), worked + 1e9 * 2 * (double)sum->n_jobs);
	}
	ck_assert_double_le(sum->allocated, 1.0 + 1e-9);
}

static void check(const char *json, bool elastic, bool stops)
{
	const struct sim_options options = {.keep_series = true};
	struct test_scenario t;
	struct summary first = {0};
	test_scenario_read(&t, json);
	for (int round = 0; round < 2; round++) {
		struct summary sum;
		struct sim *const s = sim_new(t.sc, &options, t.err);
		ck_assert_ptr_nonnull(s);
		ck_assert(sim_run(s));
		sim_summary(s, &sum);
		check_gpus(s, &sum, elastic);
		for (size_t i = 0; i < sum.n_jobs; i++) {
			check_job(s, &sum, i);
			ck_assert(stops || strcmp(sum.jobs[i].state, "running") != 0);
			ck_assert(round == 0 ||
			          memcmp(&sum.jobs[i].submitted, &first.jobs[i].submitted,
			                 4 * sizeof(ns_t)) == 0);
		}
		sim_free(s);
		if (round == 0) {
			first = sum;
		} else {
			summary_fini(&sum);
		}
	}
	summary_fini(&first);
	test_scenario_fini(&t);
}

START_TEST(nothing_is_lost)
{
	struct rng *const rng = rng_new(11, "training");
	for (int i = 0; i < SCENARIOS; i++) {
		const bool elastic = i % 2 == 1, stops = i % 4 >= 2;
		char *const json = scenario(rng, elastic, stops);
		check(json, elastic, stops);
		free(json);
	}
	rng_free(rng);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("training");
	TCase *tc = tcase_create("training");
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, nothing_is_lost);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
