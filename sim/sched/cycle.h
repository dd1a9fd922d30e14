/*
 * One scheduling cycle (semantics.md sections 6-11): a pure function from a snapshot to binds,
 * promises and evictions.
 */
#ifndef ALIQUOT_SCHED_CYCLE_H
#define ALIQUOT_SCHED_CYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/placement.h"
#include "policy/priority.h"
#include "sched/snapshot.h"

enum sched_action {
	SCHED_ALLOCATE,
	SCHED_CONSOLIDATE,
	SCHED_RECLAIM,
	SCHED_PREEMPT,
	SCHED_EVICT_STALE,
	SCHED_ACTIONS,
};

/* As written in files; ends with NULL. */
extern const char *const sched_action_names[SCHED_ACTIONS + 1];

/* KAI's own settings of two of the options below. */
#define SCHED_CONSOLIDATED 16
#define SCHED_STALE_GRACE (60 * NS_PER_S)

struct sched_options {
	bool native;                            /* Kubernetes' own scheduler: native.c */
	const struct priority_policy *priority; /* NULL: fair_share */
	/* Of nodes and GPUs; NULL: KAI's own scores, by the five options that follow. */
	const struct placement_policy *placement;
	uint64_t seed;            /* of what the placement policy draws */
	bool spread_nodes;        /* pods with GPUs: the node with the most free, not the least */
	bool spread_cpu;          /* the same for pods without */
	bool spread_gpus;         /* parts of GPUs: the emptiest GPU of the node */
	bool no_sharing_bonus;    /* nodes with a shared GPU do not go first */
	bool no_idle_bonus;       /* nor do nodes with room now; for placement policies too */
	int64_t k_milli;          /* weight of history in the fair share, thousandths */
	int64_t max_consolidated; /* jobs looked at per waiting one; below 0: all */
	ns_t stale_grace;         /* below 0: never */
};

/* Why a job waits. */
enum sched_reason {
	SCHED_NOT_TRIED,  /* the cycle has no action that places jobs, or all pods have a place */
	SCHED_OVER_LIMIT, /* of `queue` in `resource` */
	SCHED_OVER_QUOTA, /* non-preemptible, over the quota of `queue` in `resource` */
	SCHED_NO_ROOM,    /* `placed` of the `wanted` pods found a node */
	SCHED_OVER_SHARE, /* the same, and over the fair share of `queue` it may take nothing back
	                   */
	SCHED_TOO_FEW,    /* a gang with fewer pods than it needs */
};

struct sched_why {
	enum sched_reason reason;
	uint32_t queue;
	enum sched_resource resource;
	uint32_t placed, wanted; /* pods */
	bool apart; /* valid with SCHED_NO_ROOM: they belong together, and no domain takes all */
};

/* What happened to a pod. */
struct sched_decision {
	enum sched_status status;
	uint32_t node; /* where it is or will be; where it was when it is releasing */
	uint16_t groups[SCHED_DEVICES];
	uint32_t from; /* node it leaves in order to come back elsewhere, or SCHED_NONE */
	uint32_t by;   /* job it had to make room for, or lost a fresh place to, or SCHED_NONE */
	enum sched_action action; /* that decided; valid when anything changed */
	bool changed;
};

/* Whole GPUs of a node that nobody holds, and that are being left, less those promised. */
struct sched_left {
	int64_t idle, releasing;
};

struct sched_result {
	struct sched_decision *tasks;    /* of each pod of the snapshot */
	struct sched_why *jobs;          /* of each job with pods that wait */
	struct sched_left *nodes;        /* of each node */
	struct sched_amount *fair_share; /* of each queue */
	struct sched_amount *allocated;  /* to each queue, promises too */
	uint32_t binds, evictions, promises;
};

/* Run `n` actions in the order given; sched_result_fini ends *out. Same input, same answer. */
void sched_cycle(const struct snapshot *in, const struct sched_options *options,
                 const enum sched_action *actions, size_t n, struct sched_result *out);
void sched_result_fini(struct sched_result *r);

/*
 * What the next cycle sees: what was bound runs, promises and evicted pods wait again, evicted pods
 * of deleted jobs keep leaving.
 */
void sched_carry_over(struct snapshot *s, const struct sched_result *r);

#endif
