/*
 * Random clusters, projects and jobs, replicas that may be evicted, GPUs and nodes that fail: no
 * work disappears, no GPU is given twice, every job ends in a state that explains itself, time adds
 * up, and a second run says the same.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "flow/schedule.h"
#include "test_run.h"

enum { SCENARIOS = 400 };

static long long draw(struct rng *rng, long long below)
{
	return (long long)rng_below(rng, (uint64_t)below);
}

static void add(char **json, const char *text)
{
	char *const longer = mem_printf("%s%s", *json, text);
	free(*json);
	*json = longer;
}

/* The last one has room for the two replicas of the start. */
static void add_projects(struct rng *rng, char **json)
{
	char text[256];
	for (int i = 0; i < 4; i++) {
		const long long least = i == 3;
		snprintf(text, sizeof(text),
		         "%s{\"name\": \"p%d\"%s, \"quota\": %lld, \"limit\": %lld, "
		         "\"over_quota_weight\": %lld, \"priority\": %lld}",
		         i > 0 ? ", " : "", i, i == 1 || i == 2 ? ", \"parent\": \"p0\"" : "",
		         least + draw(rng, 9 - least),
		         draw(rng, 4) == 0 ? least + draw(rng, 9 - least) : -1LL, draw(rng, 3),
		         100 + draw(rng, 2));
		add(json, text);
	}
}

static void add_jobs(struct rng *rng, char **json, bool elastic)
{
	char text[400];
	const long long n = 1 + draw(rng, 10);
	for (long long i = 0; i < n; i++) {
		const long long workers = 1 + draw(rng, 6);
		const long long least = elastic ? 1 + draw(rng, workers) : workers;
		snprintf(text, sizeof(text),
		         "%s{\"name\": \"j%lld\", \"project\": \"p%lld\", \"workers\": %lld, "
		         "\"min_workers\": %lld, \"gpus_per_worker\": %lld, \"work\": %lld.%03lld, "
		         "\"submit\": %lld.%03lld, \"count\": %lld, \"every\": 7.5%s%s}",
		         i > 0 ? ", " : "", i, 1 + draw(rng, 3), workers, least, 1 + draw(rng, 3),
		         draw(rng, 60), 1 + draw(rng, 999), draw(rng, 100), draw(rng, 1000),
		         1 + draw(rng, 3), draw(rng, 2) == 0 ? ", \"checkpoint_every\": 4.7" : "",
		         draw(rng, 3) == 0
		                 ? ", \"priority\": \"build-preemptible\""
		                 : (draw(rng, 4) == 0 ? ", \"priority\": \"build\"" : ""));
		add(json, text);
	}
}

static void add_service(struct rng *rng, char **json)
{
	char text[256];
	snprintf(text, sizeof(text),
	         ", \"services\": [{\"name\": \"s\", \"model\": \"llama-3.1-8b-instruct\", "
	         "\"project\": \"p3\", \"fraction\": 0.4, \"replicas\": 2, \"preemptible\": %s",
	         draw(rng, 2) == 0 ? "true" : "false");
	add(json, text);
	if (draw(rng, 2) == 0) { /* they come and go */
		snprintf(text, sizeof(text),
		         ", \"replicas_at\": [{\"at\": %lld, \"replicas\": %lld}, "
		         "{\"at\": 90.5, \"replicas\": 1}]",
		         1 + draw(rng, 80), draw(rng, 9));
		add(json, text);
	}
	add(json, "}], \"loads\": [{\"service\": \"s\", \"kind\": \"concurrency\", \"users\": 2, "
	          "\"requests\": 4, \"isl\": 10, \"osl\": 3}]");
}

/* Some of them are never mended. */
static void add_faults(struct rng *rng, char **json)
{
	char text[256];
	snprintf(text, sizeof(text),
	         ", \"faults\": [{\"kind\": \"%s\", \"every\": %lld.7, \"for\": %lld.3}, "
	         "{\"kind\": \"gpu\", \"at\": %lld.25%s}]",
	         draw(rng, 2) == 0 ? "gpu" : "node", 10 + draw(rng, 60), draw(rng, 90),
	         draw(rng, 120), draw(rng, 2) == 0 ? ", \"for\": 33" : "");
	add(json, text);
}

static char *scenario(struct rng *rng, bool elastic, bool stops, bool fails)
{
	static const char *const schedulers[] = {"",
	                                         "\"period\": 0.3",
	                                         "\"priority\": \"fifo\"",
	                                         "\"priority\": \"strict_priority\"",
	                                         "\"time_based_fair_share\": {\"half_life\": 60}",
	                                         "\"min_runtime\": 20, \"placement\": \"spread\"",
	                                         "\"termination_grace\": 0"};
	char text[256];
	char *json = mem_printf("{\"aliquot\": 1, \"scheduler\": {%s}, \"cluster\": {\"nodes\": "
	                        "[{\"gpu\": \"h100-sxm\", \"count\": %lld, \"gpus\": %lld}, "
	                        "{\"gpu\": \"h200-sxm\", \"gpus\": %lld}]}, \"projects\": [",
	                        schedulers[draw(rng, 7)], 1 + draw(rng, 2), 1 + draw(rng, 8),
	                        1 + draw(rng, 4));
	add_projects(rng, &json);
	add(&json, "], \"jobs\": [");
	add_jobs(rng, &json, elastic);
	add(&json, "]");
	if (draw(rng, 2) == 0) {
		add_service(rng, &json);
	}
	if (fails) {
		add_faults(rng, &json);
	}
	snprintf(text, sizeof(text), stops ? ", \"stop\": {\"after\": %lld}}" : "}",
	         1 + draw(rng, 200));
	add(&json, text);
	return json;
}

/* Its end explains itself, and nothing it did is missing. */
static bool is_sound(const struct sim *s, const struct job *j, const struct job_summary *out)
{
	const bool says_why = j->state == JOB_PENDING || j->state == JOB_REJECTED;
	const bool runs = j->state == JOB_RUNNING;
	return j->done + j->lost == j->executed &&
	       (j->state == JOB_FINISHED) == (j->done == j->work) &&
	       (out->reason[0] != '\0') == says_why &&
	       (j->state == JOB_EXPECTED) == (j->submitted == NS_NEVER) &&
	       runs == (j->workers >= j->least) &&
	       (s->sc->jobs[j - s->schedule->jobs].preemptible || s->faults != NULL ||
	        j->evicted == 0);
}

/* While it does not wait it runs, and works at the pace of some of its workers. */
static bool time_adds_up(const struct sim *s, const struct job *j)
{
	if (j->state == JOB_REJECTED || j->state == JOB_EXPECTED) {
		return j->executed == 0 && j->waited == 0;
	}
	const ns_t end = j->state == JOB_FINISHED ? j->finished : s->ended;
	const ns_t running = end - j->submitted - j->waited;
	return running >= 0 && j->executed <= (i128_t)running * j->most &&
	       j->executed + j->most > (i128_t)running * j->least;
}

/* GPUs that are given away at any time. */
static void check_peaks(const struct sim *s, const struct summary *sum, size_t project)
{
	struct series_point points[SERIES_POINTS];
	const int64_t limit = s->sc->projects[project].limit_ppm;
	const size_t n = series_read(sim_project_series(s, project), points);
	/* a replica that leaves is not counted any more by who places the next */
	const bool limited =
		limit != PROJECT_UNLIMITED && sum->projects[project].held_by_services == 0;
	for (size_t k = 0; k < n; k++) {
		quiet_assert(points[k].max <= 1000 * sum->gpus, "more GPUs than there are");
		quiet_assert(!limited || points[k].max * 1000 <= limit, "over its limit");
	}
}

/* All of a gang or nothing: who holds GPUs works, but for the last nanosecond of a job. */
static void check_gpus(const struct sim *s, const struct summary *sum, bool elastic)
{
	const double held = schedule_held(s), worked = schedule_worked(s);
	for (size_t i = 0; i < sum->n_projects; i++) {
		check_peaks(s, sum, i);
	}
	ck_assert_double_ge(held * (1.0 + 1e-12), worked);
	ck_assert_double_le(sum->allocated, 1.0 + 1e-9);
	quiet_assert(elastic || s->faults != NULL || held <= worked + 1e9 * 2 * (double)sum->n_jobs,
	             "idle in vain");
}

static void check_job(const struct sim *s, const struct job_summary *out, size_t i, bool stops)
{
	const struct job *const j = &s->schedule->jobs[i];
	quiet_assert(is_sound(s, j, out), "%s is not sound", out->name);
	quiet_assert(time_adds_up(s, j), "times of %s", out->name);
	quiet_assert(stops || j->state != JOB_RUNNING, "%s stopped", out->name);
}

static void check_run(const struct test_scenario *t, bool elastic, bool stops, struct summary *out)
{
	const struct sim_options options = {.keep_series = true};
	struct sim *const s = sim_new(t->sc, &options, t->err);
	ck_assert(s != NULL && sim_run(s));
	sim_summary(s, out);
	check_gpus(s, out, elastic);
	for (size_t i = 0; i < out->n_jobs; i++) {
		check_job(s, &out->jobs[i], i, stops);
	}
	sim_free(s);
}

static void check(const char *json, bool elastic, bool stops)
{
	struct test_scenario t;
	struct summary one, two;
	test_scenario_read(&t, json);
	check_run(&t, elastic, stops, &one);
	check_run(&t, elastic, stops, &two);
	for (size_t i = 0; i < one.n_jobs; i++) {
		const struct job_summary *const a = &one.jobs[i], *const b = &two.jobs[i];
		quiet_assert(a->started == b->started && a->finished == b->finished &&
		                     a->waited == b->waited && strcmp(a->reason, b->reason) == 0,
		             "%s differs", a->name);
	}
	summary_fini(&one);
	summary_fini(&two);
	test_scenario_fini(&t);
}

START_TEST(nothing_is_lost)
{
	struct rng *const rng = rng_new(11, "training");
	for (int i = 0; i < SCENARIOS; i++) {
		const bool elastic = i % 2 == 1, fails = i % 8 >= 4;
		const bool stops = i % 4 >= 2 || fails; /* else they may fail for ever */
		char *const json = scenario(rng, elastic, stops, fails);
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
