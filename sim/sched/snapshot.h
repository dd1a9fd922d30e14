/*
 * A cluster as its scheduler sees it at one moment: nodes, the tree of queues, jobs and their
 * pods. Immutable while it is being scheduled; cycle.h says what happens to it afterwards.
 */
#ifndef ALIQUOT_SCHED_SNAPSHOT_H
#define ALIQUOT_SCHED_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"
#include "base/vec.h"

#define SCHED_NONE UINT32_MAX
#define SCHED_UNLIMITED INT64_C(-1)
#define SCHED_DEVICES 8       /* most GPUs that one pod may hold a fraction of */
#define SCHED_MIGS 16         /* most MIG profiles of a cluster */
#define SCHED_MOST_SLICES 448 /* MIG instances of a node, or that a pod asks for */

enum sched_resource { SCHED_GPU, SCHED_CPU, SCHED_MEMORY, SCHED_RESOURCES };

/* How much of each resource: ppm of a GPU, millicores, bytes. */
struct sched_amount {
	int64_t of[SCHED_RESOURCES];
};

/* What counts as one of a resource when shares are rounded: a GPU, a millicore, 10^6 bytes. */
extern const int64_t sched_unit[SCHED_RESOURCES];
extern const char *const sched_resource_names[SCHED_RESOURCES];

enum sched_status {
	SCHED_PENDING,   /* not placed */
	SCHED_BINDING,   /* placed now, on free resources */
	SCHED_PIPELINED, /* promised resources that others are leaving */
	SCHED_RUNNING,
	SCHED_RELEASING, /* being evicted */
	SCHED_FAILED,    /* ended; holds nothing */
	SCHED_STATUSES,
};

extern const char *const sched_status_names[SCHED_STATUSES + 1]; /* ends with NULL */

struct sched_mig {
	char *name;   /* as nodes offer it: nvidia.com/mig-3g.40gb, or a class of devices */
	int64_t gpus; /* that an instance is charged: its g (semantics.md section 17, item 15) */
};

/* Devices that pods ask for by name and hold together. */
struct sched_claim {
	char *name;
	char *queue; /* whose pods may use it; NULL: it does not say */
	int64_t mig; /* the class of its devices, among the MIG profiles; -1: there is none such */
	int64_t count;
};

struct sched_label {
	char *key, *value;
};

struct sched_labels {
	VEC(struct sched_label) list;
};

/* Labels of nodes that divide them, each part into smaller ones: zones, racks in them. */
struct sched_topology {
	char *name;
	VEC(char *) levels;    /* from the widest */
	uint32_t first_domain; /* which is all of it; those of one level are side by side */
	uint32_t n_domains;
	uint32_t *leaf; /* of each node, its narrowest domain; SCHED_NONE: it lacks a label */
};

struct sched_domain {
	uint32_t parent;                  /* SCHED_NONE: it is all of the topology */
	uint32_t depth;                   /* 0 of the whole; level i of the topology: i + 1 */
	uint32_t first_child, n_children; /* side by side, by the values of their labels */
};

/* Where pods belong together: depths of domains, 0: it does not say. */
struct sched_near {
	uint32_t topology; /* SCHED_NONE: anywhere */
	uint32_t required, preferred;
	bool lost; /* it names what the cluster does not have: they wait */
};

/* Sets of pods, and groups of them, that belong together. */
struct sched_group {
	char *name;
	uint32_t parent; /* SCHED_NONE: it is all of its job */
	struct sched_near near;
};

struct sched_node {
	char *name;
	struct sched_labels labels;
	int64_t gpus;
	int64_t gpu_mib;     /* memory of each GPU, a multiple of 100 MiB */
	int64_t cpu, memory; /* millicores, bytes */
	int64_t max_pods;
	uint32_t first_group; /* of its 2 * gpus places for shared GPUs */
	int64_t *slices;      /* MIG instances of each profile, [SCHED_MIGS]; NULL: none */
	bool mixed;           /* it gives out its GPUs as MIG instances only */
	bool legacy; /* a pod holds instances that nobody counts: it gets no more of them */
};

struct sched_queue {
	char *name;
	uint32_t parent;              /* SCHED_NONE at the top */
	int64_t priority;             /* higher is served first */
	int64_t order;                /* smaller is older */
	struct sched_amount quota;    /* SCHED_UNLIMITED: all of it */
	struct sched_amount limit;    /* SCHED_UNLIMITED: none */
	int64_t weight;               /* over quota, thousandths; for all resources */
	struct sched_amount used_ppm; /* of the cluster over the window of time-based fair share */
	ns_t preempt_min_runtime, reclaim_min_runtime;
};

/* What one pod asks for: whole GPUs, a part of some, MIG instances, or none of these. */
struct sched_ask {
	int64_t gpus;        /* whole ones */
	int64_t devices;     /* GPUs of which it wants a part; 0: whole ones or none */
	int64_t fraction;    /* ppm of each device; 0: `mib` says it */
	int64_t mib;         /* of each device */
	int64_t slices;      /* MIG instances */
	int64_t mig;         /* of this profile; -1: slices that nobody counts, as older pods ask */
	int64_t cpu, memory; /* millicores, bytes */
};

/* What of a pod depends on where others are. */
struct sched_tie {
	struct sched_labels labels; /* its own, and those of the pods that it looks for */
	uint32_t near, apart; /* labels of nodes: with such pods on one value, on another one than
	                       * all of them; SCHED_NONE: wherever they are */
	uint32_t claim;       /* SCHED_NONE: none */
	bool lost;            /* it claims what the cluster does not have: it waits */
	bool foreign; /* its claim is not its queue's: it waits too, but in plain Kubernetes */
};

struct sched_task {
	char *name;
	uint32_t job, set;
	uint32_t tie;  /* 0: it has none; else 1 + its place among the ties */
	int64_t order; /* within its job, higher is placed first */
	struct sched_ask ask;
	enum sched_status status;
	uint32_t node;                  /* SCHED_NONE unless it is on one */
	uint16_t groups[SCHED_DEVICES]; /* places of its node, one per device */
};

/* Pods of a job of which `min` run, or none of the job. */
struct sched_set {
	char *name;
	uint32_t job;
	int64_t min;
	uint32_t group; /* valid where the job has groups */
	struct sched_near near;
};

struct sched_job {
	char *name;
	uint32_t queue;
	int64_t priority;
	bool preemptible;
	bool keeps_core;  /* preemptible, but for its pods up to the minimum of each set */
	bool deleted;     /* what leaves does not come back */
	int64_t age;      /* since it was made, thousandths of minutes; ties: as given */
	ns_t stale_for;   /* below its minimum for so long */
	ns_t running_for; /* since it started; for the minimum runtimes of queues */
	uint32_t first_task, n_tasks;
	uint32_t first_set, n_sets;
	uint32_t first_group, n_groups; /* the first is all of it; none: its pods go anywhere */
	uint32_t rank;                  /* of creation: 0 is the oldest */
};

struct snapshot {
	VEC(struct sched_node) nodes; /* by name, ascending */
	VEC(struct sched_queue) queues;
	VEC(struct sched_job) jobs;
	VEC(struct sched_task) tasks;
	VEC(struct sched_set) sets;
	VEC(struct sched_group) groups;
	VEC(struct sched_mig) migs;
	VEC(struct sched_claim) claims;
	VEC(struct sched_tie) ties;
	VEC(char *) tie_labels; /* labels of nodes that ties go by */
	VEC(uint32_t) labelled; /* pods with labels */
	VEC(struct sched_topology) topologies;
	VEC(struct sched_domain) domains;
	uint32_t n_groups;        /* places for shared GPUs */
	bool judged;              /* others say what becomes of it: a name it lacks is no mistake */
	int64_t smallest_gpu_mib; /* of the nodes with GPUs; 0: there are none */
	struct sched_amount total;
};

void snapshot_fini(struct snapshot *s);

/*
 * After all nodes are there, before pods are on any: order them by name, number the places for
 * shared GPUs and add up the cluster.
 */
void snapshot_complete(struct snapshot *s);

/* The value of a label of a node; NULL: it has none of that name. Every node has HOSTNAME_LABEL and
 * TYPE_LABEL, its name unless it says otherwise. */
#define HOSTNAME_LABEL "kubernetes.io/hostname"
#define TYPE_LABEL "kai.scheduler/type"
const char *snapshot_label(const struct sched_node *node, const char *key);

/* Divide the nodes, in their order, by the levels of every topology. snapshot_complete calls it. */
void snapshot_divide(struct snapshot *s);

/* The domain of a depth that holds `domain`, which is at least as deep. */
static inline uint32_t snapshot_domain_above(const struct snapshot *s, uint32_t domain,
                                             uint32_t depth)
{
	while (s->domains.at[domain].depth > depth) {
		domain = s->domains.at[domain].parent;
	}
	return domain;
}

/* After all jobs are there: number them by age. */
void snapshot_rank_jobs(struct snapshot *s);

/* Is the queue above others, which then hold the jobs? */
bool snapshot_has_children(const struct snapshot *s, uint32_t queue);

/* May the pod not be preempted? Linear in the pods of its job where that keeps its core. */
bool snapshot_stays(const struct snapshot *s, uint32_t task);

/* Memory that a pod takes of each of its devices on a node, MiB. */
int64_t snapshot_mib(const struct sched_ask *ask, const struct sched_node *node);

/* What a pod is charged on a node; NULL: while it waits, as if on the smallest GPUs. */
struct sched_amount snapshot_charge(const struct snapshot *s, const struct sched_ask *ask,
                                    const struct sched_node *node);

static inline void sched_add(struct sched_amount *a, const struct sched_amount *b, int64_t sign)
{
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		a->of[r] += sign * b->of[r];
	}
}

/* Is `a` within `limit` in every resource? */
static inline bool sched_within(const struct sched_amount *a, const struct sched_amount *limit)
{
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		if (limit->of[r] != SCHED_UNLIMITED && a->of[r] > limit->of[r]) {
			return false;
		}
	}
	return true;
}

#endif
