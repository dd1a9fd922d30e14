/* Shared by snapshot_read.c and snapshot_jobs.c. */
#ifndef ALIQUOT_SCHED_SNAPSHOT_PRIVATE_H
#define ALIQUOT_SCHED_SNAPSHOT_PRIVATE_H

#include "base/json.h"
#include "sched/snapshot.h"

/* Read the jobs; nodes and queues are there. Calls snapshot_complete. Errors are added. */
void snapshot_read_jobs(struct snapshot *s, const struct json_at *jobs, char **unsupported);

/* v in units of 1/unit, to nearest. */
int64_t snapshot_fixed(double v, int64_t unit);

/* Keep the first reason why a snapshot cannot be scheduled here. */
void snapshot_cannot(char **unsupported, const char *what);

/* snapshot_mig.c: the instances of a node, and those that a pod asks for; errors are added. */
void snapshot_read_mig_node(struct snapshot *s, const struct json_at *node, struct sched_node *out);
void snapshot_read_mig_ask(struct snapshot *s, const struct json_at *task, struct sched_ask *out,
                           char **unsupported);
/* The number of a profile or a class of devices, a new one; -1 with an error added. */
int64_t snapshot_profile(struct snapshot *s, const struct json_at *at, const char *name,
                         int64_t gpus);

/*
 * snapshot_claims.c: the member `dra` of a cluster, once its nodes are there and before they are
 * in order; and the claims of a pod of a job in `queue`, which are added to what it asks for and to
 * its tie.
 */
void snapshot_read_dra(struct snapshot *s, const struct json_at *cluster);
void snapshot_read_claims(struct snapshot *s, const struct json_at *task, const char *queue,
                          struct sched_task *out, char **unsupported);

/* snapshot_ties.c: the labels of a pod and what it wants of those of others; and the tie of a pod,
 * a new one where it has none. */
void snapshot_read_affinity(struct snapshot *s, const struct json_at *task, struct sched_task *out);
struct sched_tie *snapshot_tie(struct snapshot *s, struct sched_task *task);

/*
 * snapshot_topology.c: labels, texts by name under `key`; the topologies of a cluster; and the
 * member `topology` of a group or a set of pods, which goes anywhere without one. Errors are added.
 */
void snapshot_read_labels(const struct json_at *at, const char *key, struct sched_labels *out);
void snapshot_read_topologies(struct snapshot *s, const struct json_at *cluster);
struct sched_near snapshot_read_near(const struct snapshot *s, const struct json_at *group);

/* SCHED_NONE: there is none of that name. */
uint32_t snapshot_find_queue(const struct snapshot *s, const char *name);
void snapshot_fail_queue(const struct snapshot *s, const struct json_at *at, const char *what,
                         const char *got);

/* A member that is an array; false when absent, or with an error. */
bool snapshot_list(const struct json_at *at, const char *key, struct json_at *out);

#endif
