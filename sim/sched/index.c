/* A tournament of nodes per kind of request. */
#include "sched/index.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/vec.h"

#define NO_ROOM INT64_MAX

struct match {          /* of a subtree */
	int64_t rank;   /* the lowest in it */
	uint32_t first; /* node that has it, the lowest number */
	uint32_t equal; /* nodes that have it */
};

struct tournament {
	struct match *matches; /* heap order: the final is 1, nodes begin at x->leaves */
	size_t seen;           /* of the nodes given */
};

struct index {
	const struct placement_policy *policy;
	void *self;
	const struct view *view;
	struct view looking; /* the same without a die */
	struct tournament *kinds;
	uint32_t n_kinds;
	uint32_t leaves;      /* a power of two, at least the nodes */
	VEC(uint32_t) given;  /* nodes, in order */
	uint32_t *fresh_upto; /* per node: place in `given` behind its last one */
};

struct index *index_new(const struct placement_policy *policy, void *self, const struct view *view,
                        uint32_t n_kinds)
{
	struct index *const x = mem_new(1, sizeof(*x));
	const uint32_t n = view->cluster->n_nodes;
	x->policy = policy;
	x->self = self;
	x->view = view;
	x->looking = (struct view){view->cluster, view->now, NULL};
	x->kinds = mem_new(n_kinds, sizeof(*x->kinds));
	x->n_kinds = n_kinds;
	x->fresh_upto = mem_new(n, sizeof(*x->fresh_upto));
	for (x->leaves = 1; x->leaves < n; x->leaves *= 2) {
	}
	return x;
}

void index_free(struct index *x)
{
	for (uint32_t i = 0; i < x->n_kinds; i++) {
		free(x->kinds[i].matches);
	}
	free(x->kinds);
	free(x->given.at);
	free(x->fresh_upto);
	free(x);
}

/* Write a result down; false: it is the same as before. */
static bool note(struct match *m, struct match result)
{
	const bool same =
		m->rank == result.rank && m->first == result.first && m->equal == result.equal;
	*m = result;
	return !same;
}

/* Of the two subtrees below: the lower rank, and of equal ones both, the left one first. False: as
 * before, and so is everything above. */
static bool play(struct tournament *t, size_t i)
{
	const struct match *const a = &t->matches[2 * i], *const b = a + 1;
	return note(&t->matches[i],
	            a->rank < b->rank   ? *a
	            : b->rank < a->rank ? *b
	                                : (struct match){a->rank, a->first, a->equal + b->equal});
}

static struct match ask_node(const struct index *x, const struct placement_ask *ask, uint32_t node,
                             uint32_t *gpus)
{
	int64_t rank = NO_ROOM;
	const bool fits = x->policy->fit(x->self, &x->looking, ask, node, gpus, &rank);
	return (struct match){fits ? rank : NO_ROOM, node, 1};
}

/* The first request of a kind: every node is asked. */
static void begin(struct index *x, struct tournament *t, const struct placement_ask *ask,
                  uint32_t *gpus)
{
	t->matches = mem_new(2 * (size_t)x->leaves, sizeof(*t->matches));
	for (uint32_t i = 0; i < x->leaves; i++) {
		t->matches[x->leaves + i] = i < x->view->cluster->n_nodes
		                                    ? ask_node(x, ask, i, gpus)
		                                    : (struct match){NO_ROOM, i, 1};
	}
	for (size_t i = x->leaves - 1; i > 0; i--) {
		play(t, i);
	}
}

/* Nodes that were given since the last look are asked again, each once. */
static void refresh(struct index *x, struct tournament *t, const struct placement_ask *ask,
                    uint32_t *gpus)
{
	for (size_t k = t->seen; k < x->given.n; k++) {
		const uint32_t node = x->given.at[k];
		if (x->fresh_upto[node] != k + 1) {
			continue; /* it comes again */
		}
		size_t i = (size_t)x->leaves + node;
		bool changed = note(&t->matches[i], ask_node(x, ask, node, gpus));
		for (i /= 2; i > 0 && changed; i /= 2) {
			changed = play(t, i);
		}
	}
}

/* The k-th of the nodes that share the lowest rank. */
static uint32_t kth(const struct index *x, const struct tournament *t, uint32_t k)
{
	size_t i = 1;
	while (i < x->leaves) {
		const struct match *const left = &t->matches[2 * i];
		const uint32_t here = left->rank == t->matches[1].rank ? left->equal : 0;
		i = 2 * i + (k >= here);
		k -= k >= here ? here : 0;
	}
	return t->matches[i].first;
}

uint32_t index_choose(struct index *x, uint32_t kind, const struct placement_ask *ask,
                      uint32_t *gpus)
{
	struct tournament *const t = &x->kinds[kind];
	int64_t rank;
	if (t->matches == NULL) {
		begin(x, t, ask, gpus);
	} else {
		refresh(x, t, ask, gpus);
	}
	t->seen = x->given.n;
	if (t->matches[1].rank == NO_ROOM) {
		return NODE_NONE;
	}
	const uint32_t node =
		x->policy->any_of_best
			? kth(x, t, (uint32_t)rng_below(x->view->rng, t->matches[1].equal))
			: t->matches[1].first;
	if (!x->policy->fit(x->self, x->view, ask, node, gpus, &rank)) {
		return NODE_NONE;
	}
	vec_push(&x->given, node);
	x->fresh_upto[node] = (uint32_t)x->given.n;
	return node;
}
