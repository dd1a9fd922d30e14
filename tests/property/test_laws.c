/*
 * Random scenarios of kills, swaps, starts, scaling, failures and training at once: exact stepping
 * and fast-forward say the same to the byte, every law holds at the end, and, in builds with
 * ALIQUOT_DEBUG, at every event.
 *
 * ALIQUOT_LAWS="FIRST COUNT" names the scenarios (make laws); each runs in a process of its
 * own. The scenario at work is in build/failed/NUMBER.json, and stays there when it fails.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "laws.h"
#include "random_cluster.h"

#define SCENARIOS 100
#define MOST_SPARE 8
#define ENOUGH 200 /* scenarios, of which something can be said */

/* In how many scenarios of a thousand each happens; half of it must, else too little was tried. */
static const int least[METS] = {
	[MET_START] = 700,     [MET_GIVEN_UP] = 150,   [MET_DOOR] = 700,    [MET_SCALED] = 450,
	[MET_KILL] = 180,      [MET_SWAP] = 140,       [MET_SPREAD] = 130,  [MET_MOVED] = 50,
	[MET_GPU_FAULT] = 280, [MET_NODE_FAULT] = 180, [MET_SLOWED] = 350,  [MET_RECOVERED] = 300,
	[MET_LOST] = 400,      [MET_JOB_DONE] = 220,   [MET_STOPPED] = 120, [MET_HIT] = 80,
	[MET_EVICTED] = 40,    [MET_KEPT_OUT] = 280,   [MET_SHARED] = 650,  [MET_PREEMPTED] = 140,
};

static int first, count = SCENARIOS;
static int *seen; /* [METS]; shared by the processes of all scenarios */

/* --- one scenario --------------------------------------------------------------------------------
 */

static char *file_of(uint64_t number)
{
	return mem_printf("build/failed/%llu.json", (unsigned long long)number);
}

static void keep(uint64_t number, const char *json)
{
	char *const name = file_of(number);
	if ((mkdir("build", 0777) != 0 && errno != EEXIST) ||
	    (mkdir("build/failed", 0777) != 0 && errno != EEXIST)) {
		ck_abort_msg("cannot make build/failed");
	}
	FILE *const f = fopen(name, "w");
	if (f == NULL || fputs(json, f) < 0 || fclose(f) != 0) {
		ck_abort_msg("cannot write %s", name);
	}
	free(name);
}

static struct sim *try_start(const struct test_scenario *t, bool exact)
{
	const struct sim_options options = {
		.exact = exact, .keep_records = true, .keep_series = true};
	return sim_new(t->sc, &options, t->err);
}

static void finish(struct test_run *r)
{
	ck_assert(sim_run(r->sim));
	sim_summary(r->sim, &r->summary);
	r->records = request_log_records(sim_log(r->sim), &r->n);
}

/* Its replicas find room with so many spare GPUs per node, or with more. */
static void start(uint64_t number, struct test_run *r)
{
	for (int spare = 0;; spare++) {
		char *const json = random_cluster(number, spare);
		keep(number, json);
		test_scenario_read(&r->scenario, json);
		free(json);
		r->sim = try_start(&r->scenario, false);
		if (r->sim != NULL) {
			return;
		}
		if (err_exit_code(r->scenario.err) != ERR_INFEASIBLE || spare == MOST_SPARE) {
			err_print(r->scenario.err, stderr);
			abort();
		}
		test_scenario_fini(&r->scenario);
	}
}

/* Where two texts differ, from the beginning of that line on. */
static const char *difference(const char *a, const char *b)
{
	const char *line = a;
	for (; *a == *b && *a != '\0'; a++, b++) {
		line = *a == '\n' ? a + 1 : line;
	}
	return line;
}

static void compare(uint64_t number, const struct test_run *fast, const struct test_run *exact)
{
	char *const a = laws_text(fast), *const b = laws_text(exact);
	if (strcmp(a, b) != 0) {
		ck_abort_msg("scenario %llu\nfast:  %.500s\nexact: %.500s",
		             (unsigned long long)number, difference(a, b), difference(b, a));
	}
	free(a);
	free(b);
}

START_TEST(every_law_holds)
{
	const uint64_t number = (uint64_t)_i;
	struct test_run fast, exact;
	start(number, &fast);
	exact.scenario = fast.scenario;
	exact.sim = try_start(&fast.scenario, true);
	finish(&fast);
	finish(&exact);
	laws_check(&fast);
	compare(number, &fast, &exact);
	const unsigned met = laws_met(&fast.summary);
	for (int i = 0; i < METS; i++) {
		seen[i] += (int)(met >> i & 1);
	}
	summary_fini(&exact.summary);
	sim_free(exact.sim);
	test_run_fini(&fast);
	char *const name = file_of(number);
	unlink(name);
	free(name);
}
END_TEST

/* --- all of them ---------------------------------------------------------------------------------
 */

START_TEST(enough_happened)
{
	for (int i = 0; i < METS; i++) {
		printf("%6d of %d scenarios with a %s\n", seen[i], count, met_names[i]);
	}
	fflush(stdout);
	for (int i = 0; i < METS && count >= ENOUGH; i++) {
		ck_assert_msg(2000LL * seen[i] >= (long long)least[i] * count,
		              "a %s in %d of %d scenarios only", met_names[i], seen[i], count);
	}
}
END_TEST

int main(void)
{
	const char *const asked = getenv("ALIQUOT_LAWS");
	FILE *const shared = tmpfile();
	if (asked != NULL && sscanf(asked, "%d %d", &first, &count) != 2) {
		fputs("ALIQUOT_LAWS is FIRST COUNT\n", stderr);
		return EXIT_FAILURE;
	}
	if (shared == NULL || ftruncate(fileno(shared), METS * sizeof(*seen)) != 0) {
		return EXIT_FAILURE;
	}
	seen = mmap(NULL, METS * sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED, fileno(shared),
	            0);
	if (seen == MAP_FAILED) {
		return EXIT_FAILURE;
	}
	Suite *const suite = suite_create("laws");
	TCase *const t = tcase_create("random clusters");
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, every_law_holds, first, first + count);
	tcase_add_test(t, enough_happened);
	suite_add_tcase(suite, t);
	SRunner *const runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	fclose(shared);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
