/*
 * One measured configuration as something that can be simulated: the scenario its row and its
 * protocol describe, or the reason why it cannot be one. A case is run as often as wanted, with
 * other cost constants each time.
 */
#ifndef ALIQUOT_STUDY_CASE_H
#define ALIQUOT_STUDY_CASE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "spec/data_dir.h"
#include "spec/scenario.h"
#include "metric/summary.h"
#include "study/measured.h"

struct study_case {
	const struct measured_run *run;   /* borrowed */
	const char *gpu, *model, *engine; /* canonical names; the row's own where unknown */
	int precision;                    /* enum precision */
	int64_t tp;
	char *engine_version;      /* the row's, or the protocol's; NULL when skipped; owned */
	struct scenario *scenario; /* NULL when skipped; owned */
	char *skipped;             /* why, or NULL; owned */
	bool guessed; /* replicas share GPUs, or the protocol says the lengths' spread: no fit of
	               * cost constants takes it */
	bool fitted;  /* what its protocol says was chosen by its row */
};

struct case_list {
	struct study_case *at;
	size_t n;
};

/*
 * A case for every run of a table. What is wrong with one row makes it skipped, not the list; only
 * broken data sheets add errors and return false. `data` and `table` must outlive the list; free
 * with case_list_fini.
 */
bool case_list_make(struct case_list *out, const struct measured_table *table,
                    struct data_dir *data, struct err *err);
void case_list_fini(struct case_list *list);

/*
 * Use these cost constants in runs from now on. Those that the case's protocol sets stay over them,
 * as in a scenario, but for the constants named in `over`, n_over of them.
 */
void case_set_costs(const struct study_case *c, const struct cost_constants *costs,
                    const char *const *over, size_t n_over);

/*
 * What the model says of every measured value of the run, in its unit: out[run->n_values], NaN
 * where the metric, statistic or unit is none we know. False with errors added, and NaN all over,
 * when the model does not fit the GPU. Steps are computed, all other loads are simulated.
 */
bool case_figures(const struct study_case *c, double *out, struct err *err);

/*
 * Run a case; false with errors added when it does not fit. The summary is freed with summary_fini
 * and borrows from *sim, freed with sim_free.
 */
struct sim;
bool case_run(const struct study_case *c, struct sim **sim, struct summary *out, struct err *err);

/* What the run says of a measured value, in its unit; NaN when it is none we know. */
double case_observe(const struct summary *s, const struct measured_value *v);

/* Was one step timed, alone (load `step`)? */
bool case_is_step(const struct study_case *c);

/* Its part of each GPU: of the memory of replicas that share it, of the SMs of a step; 1: all. */
double case_part(const struct study_case *c);

/*
 * The cost model of a service on the scenario's first kind of node, for at most so many decoding
 * sequences; freed with perf_free.
 */
struct perf;
struct perf *case_perf(const struct scenario *sc, const struct scenario_service *service,
                       int64_t max_seqs);

/*
 * Duration of such a step in ms from the cost model (physics.md section 2): `prefill_latency` of as
 * many whole prompts of isl tokens as there are users, or `decode_step_latency` of as many
 * sequences with isl tokens each in the cache. NaN for other metrics.
 */
double case_step_ms(const struct study_case *c, const char *metric);

/* Was a start, a sleep or a stage of one timed? */
bool case_is_start(const struct study_case *c);

/* Were requests sent? Else a step or a start was timed. */
bool case_is_load(const struct study_case *c);

/* How long that takes in ms (physics.md section 6); NaN for what is no such time. */
double case_start_ms(const struct study_case *c, const struct measured_value *v);

#endif
