/*
 * The gaps between the tokens of every request, one by one, for runs that are asked for them:
 * memory for every token, and every iteration stepped. Other runs count gaps in a histogram and
 * never come here.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/vec.h"
#include "flow/flow.h"

struct token_times {
	ns_t last; /* end of the step that emitted the last token */
	VEC(ns_t) gaps;
};

struct gaps {
	struct token_times *of; /* [cap], by place in the request pool */
	uint32_t cap;
};

struct gaps *gaps_new(void)
{
	return mem_new(1, sizeof(struct gaps));
}

void gaps_free(struct gaps *g)
{
	if (g == NULL) {
		return;
	}
	for (uint32_t i = 0; i < g->cap; i++) {
		free(g->of[i].gaps.at);
	}
	free(g->of);
	free(g);
}

void gaps_note(struct gaps *g, uint32_t request, bool first, ns_t now)
{
	if (request >= g->cap) {
		const uint32_t cap = 2 * request + 64;
		struct token_times *const of = mem_new(cap, sizeof(*of));
		for (uint32_t i = 0; i < g->cap; i++) {
			of[i] = g->of[i];
		}
		free(g->of);
		g->of = of;
		g->cap = cap;
	}
	struct token_times *const t = &g->of[request];
	if (first) {
		t->gaps.n = 0;
	} else {
		vec_push(&t->gaps, now - t->last);
	}
	t->last = now;
}

const ns_t *gaps_of(const struct gaps *g, uint32_t request, size_t *n)
{
	sim_assert(request < g->cap);
	*n = g->of[request].gaps.n;
	return g->of[request].gaps.at;
}
