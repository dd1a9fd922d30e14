/*
 * Placement of many requests of few kinds: what a policy thinks of every node is kept per kind of
 * request in a tournament, and asked again only of nodes that changed. Chooses what
 * placement_choose() would.
 */
#ifndef ALIQUOT_SCHED_INDEX_H
#define ALIQUOT_SCHED_INDEX_H

#include "policy/placement.h"

struct index;

/*
 * For requests of `n_kinds` kinds onto this cluster, which may change between calls only by
 * cluster_take() onto nodes that index_choose() gave. Borrows everything. Caller frees.
 */
struct index *index_new(const struct placement_policy *policy, void *self, const struct view *view,
                        uint32_t n_kinds);
void index_free(struct index *x);

/*
 * The node for a request of that kind and the GPUs there, into gpus[ask->gpus]; NODE_NONE: no node
 * has room. All requests of a kind are equal. Logarithmic in the nodes for each node that was given
 * since the last request of the kind.
 */
uint32_t index_choose(struct index *x, uint32_t kind, const struct placement_ask *ask,
                      uint32_t *gpus);

#endif
