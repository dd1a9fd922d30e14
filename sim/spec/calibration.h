/*
 * One calibration from models/calibration/<gpu>__<engine>__<precision>.json: cost constants fitted
 * to measured rows, what they were fitted on, how well they hold on rows they have not seen, and
 * where they can be trusted. Written by `aliquot calibrate`; fields and units: models/README.md.
 */
#ifndef ALIQUOT_SPEC_CALIBRATION_H
#define ALIQUOT_SPEC_CALIBRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "spec/data_dir.h"
#include "spec/engine_spec.h"
#include "spec/llm_spec.h"

/* How a constant came about; one that is not in the calibration is the engine profile's. */
enum constant_role {
	CONSTANT_FITTED,      /* to the rows named */
	CONSTANT_HELD,        /* taken from elsewhere while others were fitted; `why` says where */
	CONSTANT_TRANSFERRED, /* from another GPU's calibration; `why` says how */
};

/* NULL-terminated: "fitted", "held", "transferred". */
extern const char *const constant_roles[];

struct calibrated_constant {
	char *name;              /* of engine_cost_table */
	double value, low, high; /* 95 % interval; low = high = value where none is stated */
	int role;                /* enum constant_role */
	char *why;               /* NULL for fitted ones */
};

/* Errors of one metric, |simulated / measured - 1| in per cent. */
struct calibrated_error {
	char *metric; /* "tpot", "ttft", "output_throughput" */
	int64_t n;
	double fitted_mean, fitted_worst;                      /* on the rows used */
	double held_out_mean, held_out_median, held_out_worst; /* each row with its fold left out */
};

struct trust_range {
	double low, high; /* 0, 0: rows say nothing about it */
};

/* One fit: a kind of model and an engine version. */
struct calibration_set {
	bool moe;             /* for mixture-of-experts models; else for dense ones */
	char *engine_version; /* "" where the source is silent */
	struct calibrated_constant *constants;
	size_t n_constants;
	char *source;           /* of the rows: "aic-silicon"; NULL where nothing was fitted */
	int64_t configurations; /* measured configurations fitted; 0: none */
	struct calibrated_error *errors;
	size_t n_errors;
	char **models; /* fitted on; names of data sheets */
	size_t n_models;
	struct trust_range isl, osl, users, tensor_parallel; /* users of one replica */
};

struct calibration {
	char *name, *gpu, *engine; /* names of data sheets */
	int precision;             /* enum precision */
	char *checked;             /* date, or NULL */
	char *note;                /* or NULL */
	struct calibration_set *sets;
	size_t n_sets;
};

/* The tables of a file's objects, for the test that compares them with models/README.md. */
struct calibration_section {
	const char *title; /* "sets[].constants[]" */
	const struct option *table;
};
extern const struct calibration_section calibration_sections[]; /* ends with a NULL title */

/*
 * Load and check a file; NULL with errors added. GPU, engine and models must be sheets of `data`;
 * NULL: their names are not looked up. Caller frees.
 */
struct calibration *calibration_read(const char *file, struct data_dir *data, struct err *err);
void calibration_free(struct calibration *c);

/* "h100-sxm__trtllm__bf16"; caller frees. */
char *calibration_name(const char *gpu, const char *engine, int precision);

/*
 * The set for a model: of its kind (dense or not), of `engine_version` unless that is NULL, the
 * first one that fits. NULL when there is none.
 */
const struct calibration_set *calibration_find(const struct calibration *c,
                                               const struct llm_spec *llm,
                                               const char *engine_version);

/* Whether the set holds a constant, by its name in engine_cost_table. */
bool calibration_has(const struct calibration_set *set, const char *constant);

/* Put the set's constants over `costs`. */
void calibration_apply(const struct calibration_set *set, struct cost_constants *costs);

#endif
