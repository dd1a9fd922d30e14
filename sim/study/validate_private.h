/* What the table and the JSON of a validation share: which rows an error is taken over. */
#ifndef ALIQUOT_STUDY_VALIDATE_PRIVATE_H
#define ALIQUOT_STUDY_VALIDATE_PRIVATE_H

#include "base/vec.h"
#include "study/validate.h"

extern const char *const validate_roles[]; /* by enum row_role */

/* Rows whose errors are read together. */
struct row_group {
	const struct study_case *like; /* alike in source, sheets, version, precision and TP */
	size_t n;                      /* simulated rows */
};

typedef VEC(struct row_group) row_groups_t;

/* In the order of their first rows; free(out->at) ends it. */
void validate_groups(const struct validation *v, row_groups_t *out);

/* Which rows an error is taken over. */
struct row_pick {
	const struct study_case *like; /* NULL: any group */
	const char *metric;            /* NULL: any */
	int64_t from, below;           /* users of closed loops; below 0: no bound */
	bool closed;                   /* closed loops only; else other loads count too */
	int role;                      /* or -1: any but skipped */
	int tails;                     /* 1: percentiles, 0: means and totals, -1: both */
};

void validate_errors(const struct validation *v, const struct row_pick *p, struct error_stats *out);

/* Is it a percentile other than the median? */
bool validate_is_tail(const struct measured_value *v);

typedef VEC(const char *) names_t;

/* Names of the simulators that the rows quote; free(out->at) ends it. */
void validate_others(const struct validation *v, names_t *out);

/*
 * Errors of `of` over the means of a metric, on rows that `of` and `beside` both know and that were
 * simulated, reasoning runs apart; NULL is aliquot.
 */
void validate_errors_beside(const struct validation *v, const char *metric, const char *of,
                            const char *beside, struct error_stats *out);

#endif
