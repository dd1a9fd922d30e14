/* Whole runs for tests: from text to records and summary. */
#ifndef ALIQUOT_TESTS_SUPPORT_TEST_RUN_H
#define ALIQUOT_TESTS_SUPPORT_TEST_RUN_H

#include <check.h>

#include "flow/sim.h"
#include "scenario.h"

/* For loops over many records: Check's own macros write to a file each time they hold. */
#define quiet_assert(cond, ...)                    \
	do {                                       \
		if (!(cond)) {                     \
			ck_abort_msg(__VA_ARGS__); \
		}                                  \
	} while (0)

struct test_run {
	struct test_scenario scenario;
	struct sim *sim;
	struct summary summary;
	const struct request_record *records; /* in order of completion; borrowed */
	size_t n;
};

/* Run a scenario given as JSON text to its end, keeping the records. Aborts when it does not start.
 */
void test_run(struct test_run *r, const char *json, bool exact);
void test_run_fini(struct test_run *r);

/* The job of a run with this name; the running test fails where there is none. Borrowed. */
const struct job_summary *test_run_job(const struct test_run *r, const char *name);

/* Do two records say the same of when and where a request was served? */
bool test_run_same(const struct request_record *a, const struct request_record *b);

/*
 * What holds in every run for every service: requests add up, each one's times are in order, and,
 * where all that were measured have left, Little's law: the time integral of requests in the system
 * is the sum of their stays. Fails the running test.
 */
void test_run_check(const struct test_run *r);

#endif
