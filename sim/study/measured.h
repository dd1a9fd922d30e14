/*
 * Measured rows: a CSV table with one metric per line becomes a list of configurations, each with
 * every figure that was measured on it. Columns are found by name; `source, gpu, model, metric,
 * value` must be there, the others may be absent or empty: `gpu_count, precision, fraction_request,
 * replicas, isl, osl, concurrency, stat, unit, engine, engine_version, tp, load, rate, prompts,
 * max_num_seqs, sharing, speculative, note`.
 */
#ifndef ALIQUOT_STUDY_MEASURED_H
#define ALIQUOT_STUDY_MEASURED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct measured_value {
	char *metric, *stat, *unit, *note; /* as in the file */
	double value;
	size_t line;
};

/* One configuration. Texts are as in the file, never NULL; a number that is absent is 0. */
struct measured_run {
	char *source, *gpu, *model, *precision, *engine, *engine_version, *load, *sharing;
	double isl, osl; /* tokens */
	double rate;     /* requests/s */
	int64_t gpu_count, replicas, users, tp, prompts, max_num_seqs;
	double fraction; /* of a GPU; 0: not said */
	bool speculative;
	char *odd; /* what of it could not be read as a number ("replicas \"64?\""), or NULL */
	struct measured_value *values;
	size_t n_values;
};

struct measured_table {
	char *file;
	struct measured_run *runs; /* in order of their first line */
	size_t n_runs;
	size_t n_values;
};

/*
 * Read a table; NULL with all errors added (missing columns, values that are no numbers). "inf" is
 * read as absent; other numbers that are none leave a run that says so in `odd`. Caller frees.
 */
struct measured_table *measured_read(const char *file, struct err *err);
void measured_free(struct measured_table *t);

/* A value by metric and statistic, or NULL. */
const struct measured_value *measured_find(const struct measured_run *run, const char *metric,
                                           const char *stat);

#endif
