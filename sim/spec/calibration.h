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
#include "spec/engine_spec.h"
#include "spec/llm_spec.h"

/* How a constant came about. */
enum constant_role {
	CONSTANT_PROFILE,     /* not in the calibration: the engine profile's */
	CONSTANT_FITTED,      /* to the rows named */
	CONSTANT_HELD,        /* taken from elsewhere while others were fitted; `why` says where */
	CONSTANT_TRANSFERRED, /* from another GPU's calibration; `why` says how */
};

struct calibrated_constant {
	char *name; /* of engine_cost_table */
	double value, low, high; /* 95 % interval; low = high = value where not fitted */
	int role;                /* enum constant_role */
	char *why;               /* NULL for fitted ones */
};

/* Errors of one metric, |simulated / measured - 1| in per cent. */
struct calibrated_error {
	char *metric; /* "tpot", "ttft", "output_throughput" */
	int64_t n;
	double fitted_mean, fitted_worst; /* on the rows used */
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
	char *source;           /* of the rows: "aic-silicon" */
	int64_t configurations; /* measured configurations fitted */
	struct calibrated_error *errors;
	size_t n_errors;
	char **models; /* fitted on; names of data sheets */
	size_t n_models;
	struct trust_range isl, osl, users, tensor_parallel; /* users of one replica */
};

struct calibration {
	char *name, *gpu, *engine; /* names of data sheets */
	int precision;             /* enum precision */
	char *note;                /* or NULL */
	struct calibration_set *sets;
	size_t n_sets;
};

/* Load and check a file; NULL with errors added. Caller frees. */
struct calibration *calibration_read(const char *file, struct err *err);
void calibration_free(struct calibration *c);

/*
 * The set for a model: of its kind (dense or not), of `engine_version` unless that is NULL, the
 * first one that fits. NULL when there is none.
 */
const struct calibration_set *calibration_find(const struct calibration *c,
                                               const struct llm_spec *llm,
                                               const char *engine_version);

/* Put the set's constants over `costs`. */
void calibration_apply(const struct calibration_set *set, struct cost_constants *costs);

#endif
