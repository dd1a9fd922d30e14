/*
 * Nodes and GPUs as a placement policy chooses them, in place of the scores of fit.c: each node is
 * shown to it by itself, as it is now and, where it has no room, as it will be when others have
 * left.
 */
#ifndef ALIQUOT_SCHED_PLACING_H
#define ALIQUOT_SCHED_PLACING_H

#include "sched/session.h"

#define PLACING_NEW UINT16_MAX /* a GPU that nobody shares yet */

/* For a cycle on this snapshot with options->placement; borrows both. Caller frees. */
struct placing *placing_new(const struct snapshot *in, const struct sched_options *options);
void placing_free(struct placing *p); /* NULL is fine */

/* A pod has come to a node, or leaves it (sign -1). */
void placing_count(struct placing *p, uint32_t task, uint32_t node, int64_t sign);

/*
 * The node for a pod, SCHED_NONE: it fits nowhere. For parts of GPUs those of the node that are
 * shared already, or PLACING_NEW, go to `groups`; *now: it needs nothing that others are leaving.
 */
uint32_t placing_choose(struct placing *p, const struct session *s, uint32_t task, uint16_t *groups,
                        bool *now);

#endif
