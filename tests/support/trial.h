/* A small cluster and what the scheduler does with it, cycle by cycle. */
#ifndef ALIQUOT_TESTS_TRIAL_H
#define ALIQUOT_TESTS_TRIAL_H

#include "sched/cycle.h"

/* One at a time: the cluster, how it is scheduled, and the last cycle's result. */
struct trial {
	struct snapshot s;
	struct sched_options options;
	struct sched_result r; /* valid once a cycle was run */
	bool has_result;
};

extern struct trial trial;

/* An empty one with these options, or with those of KAI's tests (NULL). */
void trial_begin(const struct sched_options *options);
void trial_end(void);

/* The cluster and jobs of {"cluster": ..., "jobs": ...}, which is freed; fails on any error. */
void trial_read(char *text);

/* A cycle with some actions, or with all; after the first on what the one before it left. */
void trial_run(const enum sched_action *actions, size_t n);
void trial_cycle(void);

/* What the last cycle did with the pod of that name; fails without one. */
const struct sched_decision *trial_pod(const char *name);

/* Fails unless the pod is so, on that node ("": on none). */
void trial_expect(const char *name, enum sched_status status, const char *node);

#endif
