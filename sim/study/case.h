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
 * Run a case; false with errors added when it does not fit. The summary is freed with summary_fini
 * and borrows from *sim, freed with sim_free.
 */
struct sim;
bool case_run(const struct study_case *c, struct sim **sim, struct summary *out, struct err *err);

/* What the run says of a measured value, in its unit; NaN when the metric is none we know. */
double case_observe(const struct study_case *c, const struct summary *s,
                    const struct measured_value *v);

#endif
