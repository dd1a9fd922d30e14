/* Scenarios for tests, made from text. */
#ifndef ALIQUOT_TESTS_SUPPORT_SCENARIO_H
#define ALIQUOT_TESTS_SUPPORT_SCENARIO_H

#include "spec/scenario.h"

/*
 * The project's data without its calibrations: constants are those of the engine profiles, so that
 * a new fit changes no test.
 */
#define UNCALIBRATED "tests/support/uncalibrated"

/* A scenario that lives as long as its data folder. */
struct test_scenario {
	struct scenario *sc;
	struct data_dir *data;
	struct err *err;
};

/*
 * Read a scenario from JSON text written to a temporary file; prints the errors and aborts when it
 * does not load. Ends with test_scenario_fini.
 */
void test_scenario_read(struct test_scenario *t, const char *json);
void test_scenario_fini(struct test_scenario *t);

#endif
