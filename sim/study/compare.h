/*
 * Two results beside each other. Runs are deterministic, so a difference is a difference: the
 * verdict is a matter of its size and of which direction is better, not of statistics.
 */
#ifndef ALIQUOT_STUDY_COMPARE_H
#define ALIQUOT_STUDY_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

enum compare_verdict { COMPARE_SAME, COMPARE_BETTER, COMPARE_WORSE };

struct compare_tolerance {
	const char *metric; /* "ttft.p95", "ttft" for all its statistics, "all"; the last that fits
	                       holds */
	double pct;
};

struct compare_row {
	char *scenario, *service; /* service: "" for figures of the whole result */
	char *metric;             /* "ttft.p95" */
	double base, new;         /* NaN: undefined */
	double delta_pct;         /* NaN when base is zero or undefined */
	double tolerance_pct;
	enum compare_verdict verdict;
};

struct comparison {
	struct compare_row *rows;
	size_t n_rows, n_scenarios;
	enum compare_verdict verdict; /* worse when one row is, else better when one is */
};

struct compare_ask {
	const char *base, *new; /* files, result folders, or folders of result folders */
	const struct compare_tolerance *tolerances;
	size_t n_tolerances;
	bool across; /* different scenarios may be compared */
};

/* Is there a metric, or a family of metrics, of that name? */
bool compare_knows(const char *metric);

/*
 * Compare. False with errors added when a result cannot be read, or scenarios differ and `across`
 * is not set (the keys that differ are named). `out` is to be freed either way.
 */
bool compare_results(const struct compare_ask *ask, struct comparison *out, struct err *err);
void comparison_fini(struct comparison *c);

/* The verdict of one figure; direction +1: more is better, -1: less is. */
enum compare_verdict compare_judge(double base, double new, int direction, double tolerance_pct);

/* At most 100 columns: what changed, by scenario. */
void comparison_print(FILE *out, const struct comparison *c);

/* {"rows": [...], "verdict": ...} (contract.md 2). */
void comparison_json(FILE *out, const struct comparison *c);

#endif
