/* How full a cluster gets under placement policies: the mean of several runs of sched/inflate.h. */
#ifndef ALIQUOT_STUDY_FILL_H
#define ALIQUOT_STUDY_FILL_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "sched/inflate.h"

#define FILL_STEP 0.05     /* of the GPUs asked for, between two looks */
#define FILL_FIRST_SEED 42 /* as the authors of openb's policies count */

struct fill_entry { /* a line of the result */
	const struct openb *trace;
	const struct placement_policy *policy;
	bool whole; /* how the trace was read: parts of GPUs are given whole ones */
};

struct fill_ask {
	const struct fill_entry *entries;
	size_t n_entries;
	double arrive; /* as in inflate_ask */
	size_t seeds, threads;
	const volatile sig_atomic_t *interrupt; /* not 0: stop; or NULL */
};

struct fill_result { /* of a policy; shares of the GPUs */
	const char *policy;
	bool whole;
	struct inflate_look looks[INFLATE_MOST]; /* means over the seeds */
	size_t n;
	double mean, sd; /* of what is allocated in the end */
};

struct fill {
	struct fill_result *results; /* in the order asked for */
	size_t n;
	size_t seeds;
};

/* False when interrupted; `out` is to be ended with fill_fini() either way. */
bool fill_run(const struct fill_ask *ask, struct fill *out);
void fill_fini(struct fill *f);

void fill_print(FILE *out, const struct openb *trace, const struct fill *f);
/* The policy, and whether parts of GPUs were given whole ones; caller frees. */
char *fill_name(const struct fill_result *r);
/* One policy: an object (contract.md section 2); several: a list of those under "policies". */
void fill_json(FILE *out, const struct fill *f);

/*
 * fill.csv, a row of each policy and look; and what is allocated and lost to fragments over what
 * was asked for, as a figure of stem "fill" (study/plot.h). False with ERR_IO errors added.
 */
bool fill_write(const struct fill *f, const char *dir, struct err *err);

#endif
