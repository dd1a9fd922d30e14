/*
 * Gangs whose pods belong together: in one zone, one rack, or one group of each in a rack of its
 * own, as close as they can get. Private to sched/.
 */
#ifndef ALIQUOT_SCHED_TOPOLOGY_H
#define ALIQUOT_SCHED_TOPOLOGY_H

#include "sched/session.h"

/*
 * Place these pods of a job that has groups, all or none: from the outermost group inwards, every
 * group and set of pods tries the domains that may take it. The queue's admission was asked.
 */
bool topology_place(struct session *s, const uint32_t *tasks, uint32_t n, bool promise_only,
                    struct sched_why *why);

/* Who looks for a domain. */
struct topology_ask {
	const struct session *s;
	struct sched_near near; /* of a topology, and not lost */
	const uint32_t *tasks;  /* to be placed, n of them, at least one */
	uint32_t n;
	const bool *active;        /* of each pod of the snapshot: it has its place, and holds the
	                            * others to its domain; NULL: no pod does */
	const struct scope *outer; /* NULL: all nodes */
};

/* Domains that may take the pods, in the order in which they are tried. */
struct topology_choice {
	uint32_t *domains; /* n of them */
	uint32_t n;
	bool *open;      /* of each node: it is within `outer` and in the topology */
	int64_t *scores; /* of each node; NULL: the constraint prefers none */
};

struct topology_choice topology_choose(const struct topology_ask *ask);
void topology_choice_fini(struct topology_choice *c);

#endif
