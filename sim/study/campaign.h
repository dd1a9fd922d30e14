/*
 * Everything one `aliquot calibrate` does: picks the rows of a GPU and an engine, sorts them by
 * precision, kind of model and engine version, fits each group, and says where each fit can be
 * trusted.
 */
#ifndef ALIQUOT_STUDY_CAMPAIGN_H
#define ALIQUOT_STUDY_CAMPAIGN_H

#include <stdio.h>

#include "spec/calibration.h"
#include "spec/data_dir.h"
#include "study/calibrate.h"

/* What to fit; texts borrowed, NULL: any. */
struct campaign_ask {
	const struct case_list *cases;
	const char *gpu, *engine; /* names of data sheets; required */
	const char *source, *precision, *engine_version, *model;
	int64_t tp; /* tensor-parallel width; 0: any */
	const char *const *free;
	size_t n_free; /* 0: those that apply to the rows, see campaign.c */
	const struct calibrate_hold *held;
	size_t n_held;
	size_t folds, starts, threads;
	void (*progress)(void *arg, const char *what); /* before each fit; may be NULL */
	void *progress_arg;
};

/* One group of rows and its fit. */
struct campaign_set {
	struct calibrate_ask ask;
	const struct study_case **cases; /* of ask; the list is owned, as are the next */
	const char **free;
	struct calibration_result result;
	int precision;
	bool moe;
	const char *engine_version, *source;
	struct trust_range isl, osl, users, tensor_parallel;
	const char **models; /* fitted on */
	size_t n_models;
};

struct campaign {
	const char *gpu, *engine;
	struct campaign_set *sets; /* sorted by precision, then dense before MoE, most rows first */
	size_t n_sets;
};

/* Metrics that errors are reported for, NULL-terminated. */
extern const char *const campaign_metrics[];

/* False with errors added: no rows at all, or a fit failed. Free with campaign_fini. */
bool campaign_run(const struct campaign_ask *ask, struct campaign *out, struct err *err);
void campaign_fini(struct campaign *c);

/*
 * Users from which a metric's errors count: 8, and 32 for TTFT, below which one late request weighs
 * more than the load.
 */
int64_t campaign_users(const char *metric);

/*
 * Write one calibration file per precision into `dir`: <gpu>__<engine>__<precision>.json, and its
 * picture's data and script beside it in plots/. `checked` is the date to note, `command` how to
 * make it again. False with errors added.
 */
bool campaign_write(const struct campaign *c, const char *dir, const char *checked,
                    const char *command, struct err *err);

/* The same calibrations as one document, {"schema", "calibrations": [...]}. */
void campaign_json(FILE *out, const struct campaign *c, const char *command);

#endif
