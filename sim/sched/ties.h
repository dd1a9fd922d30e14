/*
 * What of a pod depends on where others are: pods with labels that it wants to be with, or apart
 * from (Kubernetes' required pod affinity), and pods that hold devices by the same claim.
 * Private to sched/.
 */
#ifndef ALIQUOT_SCHED_TIES_H
#define ALIQUOT_SCHED_TIES_H

#include "sched/session.h"

/*
 * Do the others let a pod be on a node: with `now`, as they are; else once those that leave have
 * left and those that are promised a place have it? Its own room there is not asked.
 */
bool ties_let(const struct session *s, uint32_t task, uint32_t node, bool now);

/* What the pod asks of a node: no devices where others hold its claim already. */
struct sched_ask ties_ask(const struct session *s, uint32_t task, uint32_t node);

static inline bool ties_any(const struct session *s, uint32_t task)
{
	return s->in->tasks.at[task].tie > 0;
}

/* Pods that hold a claim on a node, counted where groups have MiB. */
static inline struct group *ties_holders(const struct session *s, uint32_t claim, uint32_t node)
{
	return &s->holders[claim * s->in->nodes.n + node];
}

/* The claim of a pod; SCHED_NONE: none. */
static inline uint32_t ties_claim(const struct session *s, uint32_t task)
{
	const uint32_t tie = s->in->tasks.at[task].tie;
	return tie > 0 ? s->in->ties.at[tie - 1].claim : SCHED_NONE;
}

#endif
