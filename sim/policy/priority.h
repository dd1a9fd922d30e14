/* Priority policies: which job of the cluster is served first, and which running job yields. */
#ifndef ALIQUOT_POLICY_PRIORITY_H
#define ALIQUOT_POLICY_PRIORITY_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

#define PRIORITY_RESOURCES 3

/* A job as it waits or runs. */
struct priority_job {
	uint32_t queue;
	int64_t priority; /* the higher the more important */
	int elasticity;   /* 0: below its minimum of pods, 1: at it, 2: above */
	uint32_t rank;    /* of creation; 0 is the oldest, no two are equal */
};

/* part / whole, whole above 0; compared by multiplying out. */
struct priority_ratio {
	int64_t part, whole;
};

/* A queue as it stands in line, with the next job in it or below it. */
struct priority_queue {
	uint32_t queue;
	struct priority_job job;
	int64_t priority;   /* of the queue, the higher the more important */
	int64_t order;      /* smaller is older */
	bool over_utilised; /* more than its fair share of every resource */
	bool within_quota;  /* with the job's next pods */
	bool no_share;      /* it would hold something of which it is due nothing */
	/* Its dominant share of what it is due: with the job's next pods, or without the victims;
	 * and as it is. */
	struct priority_ratio with, without;
	int64_t allocatable[PRIORITY_RESOURCES]; /* that it is due; INT64_MAX: everything */
};

struct priority_policy {
	struct policy_head head;
	/*
	 * Which of two siblings' next jobs is served first: below 0 a's, above 0 b's; 0 leaves it
	 * to the order of queues in the input. Victims are drawn in reverse. Called by
	 * sched/order.c. Required.
	 */
	int (*queues)(const struct priority_queue *a, const struct priority_queue *b);
	/* The same for two jobs of one queue, never 0. Required. */
	int (*jobs)(const struct priority_job *a, const struct priority_job *b);
	/*
	 * May the running job lose its place to the waiting one for its priority? Called by
	 * sched/preempt.c for jobs that may be preempted. NULL: nobody yields.
	 */
	bool (*yields)(const struct priority_job *waiting, const struct priority_job *running);
	/* Quotas and fair shares count: jobs that may not be preempted stay within quota, and
	 * queues take back what others hold beyond their share. */
	bool keeps_shares;
	bool moves; /* running work is moved so that what is free is in one place */
};

/* By priority, then who is furthest below its minimum of pods, then by age. */
static inline int priority_compare(const struct priority_job *a, const struct priority_job *b)
{
	if (a->priority != b->priority) {
		return a->priority > b->priority ? -1 : 1;
	}
	if (a->elasticity != b->elasticity) {
		return a->elasticity < b->elasticity ? -1 : 1;
	}
	return (a->rank > b->rank) - (a->rank < b->rank);
}

#define PRIORITY(name) extern const struct priority_policy priority_##name;
#include "policy/policies.def"

#endif
