/*
 * Scheduling cases: a cluster, jobs, and what a scheduler should do with them; or without such an
 * expectation, what ours does. The form is that of the KAI conformance cases.
 */
#ifndef ALIQUOT_STUDY_CASES_H
#define ALIQUOT_STUDY_CASES_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "base/vec.h"
#include "sched/cycle.h"

enum case_outcome {
	CASE_PASS,
	CASE_FAIL,
	CASE_UNSUPPORTED,
	CASE_SCHEDULED, /* nothing was expected */
	CASE_OUTCOMES,
};

struct sched_case {
	char *id;
	char *trust; /* of the expectation, as the file says; may be NULL */
	enum case_outcome outcome;
	char *why;                  /* not as expected, or not supported; NULL otherwise */
	uint32_t cycles;            /* that were run */
	struct snapshot snapshot;   /* as the last cycle saw it; of placement cases */
	struct sched_result result; /* of that cycle */
	bool has_result;
};

struct case_list {
	VEC(struct sched_case) cases;
	uint32_t counts[CASE_OUTCOMES];
};

/* Run all cases of a file; false with errors added. cases_fini in any case. */
bool cases_run(const char *file, struct case_list *out, struct err *err);
void cases_fini(struct case_list *l);

/* For programs: contract.md section 2. */
void cases_json(FILE *out, const struct case_list *l);

/* For people: what was not as expected; of cases without expectation, and of a lone one, who was
 * placed where, who had to leave for whom, and why the rest waits. */
void cases_print(FILE *out, const struct case_list *l);

#endif
