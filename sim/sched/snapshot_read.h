/* Reads snapshots from JSON, in the form of the conformance cases (scenarios/README.md). */
#ifndef ALIQUOT_SCHED_SNAPSHOT_READ_H
#define ALIQUOT_SCHED_SNAPSHOT_READ_H

#include "base/json.h"
#include "sched/snapshot.h"

/*
 * Fill *s, which is empty, from the objects `cluster` and `jobs`; false with errors added. What a
 * snapshot asks for and nobody here can do is no error: its first reason goes to *unsupported,
 * which the caller frees. snapshot_fini in any case.
 */
bool snapshot_read(struct snapshot *s, const struct json_at *cluster, const struct json_at *jobs,
                   char **unsupported);

/* Does any node hold more than it has? A text that says what, which the caller frees, or NULL. */
char *snapshot_overcommit(const struct snapshot *s);

#endif
