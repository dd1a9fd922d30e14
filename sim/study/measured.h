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

struct measured_other;
struct measured_request;

struct measured_value {
	char *metric, *stat, *unit, *note; /* as in the file */
	double value;
	size_t line;
	struct measured_other *others; /* what other simulators said, n_others of them */
	size_t n_others;
};

struct measured_other {
	char *simulator;
	double value; /* in the unit of the measured one */
};

/* One configuration. Texts are as in the file, never NULL; a number that is absent is 0. */
struct measured_run {
	char *source, *gpu, *model, *precision, *engine, *engine_version, *load, *sharing;
	double isl, osl; /* tokens */
	double rate;     /* requests/s */
	int64_t gpu_count, replicas, users, tp, prompts, max_num_seqs;
	double fraction;                   /* of a GPU; 0: not said */
	char *workload;                    /* name of a load whose shape the protocol knows; "" */
	bool constant_rate;                /* arrivals evenly spaced instead of Poisson */
	int64_t batched_tokens;            /* max_num_batched_tokens; 0: not said */
	double memory_utilization;         /* gpu_memory_utilization; 0: not said */
	double prefix;                     /* tokens of a system prompt in front of isl */
	int64_t prefixes, dataset_entries; /* different ones, different prompts; 0: not said */
	bool speculative;
	char *odd; /* what of it could not be read as a number ("replicas \"64?\""), or NULL */
	struct measured_value *values;
	size_t n_values;
	char *trace; /* the very requests, in a file that the trace reader knows; or NULL */
	struct measured_request *requests; /* what each of them saw, in the order of the file */
	size_t n_requests;
	int64_t kv_blocks; /* of one replica; 0: not said */
	char *note;        /* of a start: what alone tells some of them apart; else NULL */
};

/* `load` of the runs of which a start, a sleep or a stage of one was timed: their rows, which have
 * no load, are known by their metric. */
#define MEASURED_START "start"

struct measured_request {
	double arrival_s; /* on a clock of its own */
	double ttft_s, e2e_s;
	double output; /* tokens */
};

struct measured_table {
	char *file;
	struct measured_run *runs; /* in order of their first line */
	size_t n_runs;
	size_t n_values;
};

/*
 * Read a table: rows of one metric each as above; the stages of BLIS's open-loop runs (columns run,
 * model, gpu, tp, rate_rps, duration_s, system_prompt_len, ..., e2e_s_mean, ...); or BLIS's list of
 * simulators' errors (simulator, experiment, stage_index, metric_name, predicted, actual, ...), of
 * which `actual` is what was measured. NULL with all errors added (missing columns, values that are
 * no numbers). "inf" is read as absent; other numbers that are none leave a run that says so in
 * `odd`. Caller frees.
 */
struct measured_table *measured_read(const char *file, struct err *err);
void measured_free(struct measured_table *t);

/*
 * A folder of LLMServingSim: requests.jsonl (every request with the engine's times) and meta.json
 * (the engine's settings); the folder's name begins with the GPU's. One run, of which every request
 * is known. NULL with errors added.
 */
struct measured_table *measured_read_folder(const char *dir, struct err *err);

/*
 * Join two tables. A run of `other` that is one of `t` (same GPU, model and tensor parallelism, and
 * two figures that agree but for rounding) gives over what other simulators said of it; the others
 * become runs of `t` where `add` says so. Frees `other`; returns how many of its runs were known.
 */
size_t measured_join(struct measured_table *t, struct measured_table *other, bool add);

/* A value by metric and statistic, or NULL. */
const struct measured_value *measured_find(const struct measured_run *run, const char *metric,
                                           const char *stat);

#endif
