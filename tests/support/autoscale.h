/*
 * Runs an autoscaler through a table of observations: time, load and replicas in, the answer and
 * its reason out.
 */
#ifndef ALIQUOT_TESTS_AUTOSCALE_H
#define ALIQUOT_TESTS_AUTOSCALE_H

#include "policy/autoscaler.h"

#define AS_WANTED (-1) /* ready: as many as were wanted before */

/* Which the policy is asked at each of its times up to `until`; the last answer is as expected. */
struct autoscale_row {
	double until; /* s */
	double load;  /* meanwhile: requests in the system, or per second, or their latency in ms */
	int ready;    /* meanwhile */
	int want;
	enum autoscale_reason reason;
	int activator;  /* in the path; -1: not looked at */
	int unmeasured; /* of the ready ones, nothing is known of so many */
};

enum autoscale_input { INPUT_CONCURRENCY, INPUT_RATE, INPUT_LATENCY };

struct autoscale_table {
	const char *policy, *options; /* JSON */
	enum autoscale_input input;
	int ready;  /* at time 0 */
	int wanted; /* at time 0; 0: as many as are ready */
	const struct autoscale_row *rows;
	size_t n;
};

void autoscale_check(const struct autoscale_table *t);

#endif
