/*
 * The plain engine: every iteration touches every sequence. Independent bookkeeping, the same cost
 * model; the oracle for the fast one and the yardstick of `make bench`. One service, round_robin or
 * least_outstanding.
 */
#ifndef ALIQUOT_TESTS_BENCH_NAIVE_H
#define ALIQUOT_TESTS_BENCH_NAIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/units.h"
#include "spec/scenario.h"

struct naive_request {
	ns_t arrival, admitted, first, second, end;
	int64_t cached; /* tokens of the prompt */
	bool rejected, begun;
};

struct naive_result {
	struct naive_request *requests; /* by order of arrival; caller frees */
	size_t n;
	int64_t steps;
	int64_t preemptions;
};

/* Run a scenario with one service whose replicas all fit on the first kind of node. */
void naive_run(const struct scenario *sc, struct naive_result *out);

#endif
