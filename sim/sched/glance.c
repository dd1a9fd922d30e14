/* Bounds of what nodes offer, one level of blocks above them; blocks are mended when looked at. */
#include "sched/glance.h"

enum { BLOCK = 32 }; /* nodes */

static bool may_take(const struct glance *g, const struct glance_search *ask)
{
	return ask->mib < 0 ? g->gpus >= ask->gpus : g->gpus > 0 || g->mib >= ask->mib;
}

/* The most that one GPU in use takes with what leaves gone, MiB; -1: none is in use. */
static int64_t most_left(const struct session *s, uint32_t node)
{
	const struct sched_node *const spec = &s->in->nodes.at[node];
	int64_t seen = 0;
	int64_t most = -1;
	for (uint32_t i = spec->first_group; seen < s->nodes[node].shared; i++) {
		const struct group *const g = &s->groups[i];
		const int64_t left = spec->gpu_mib - g->allocated + g->releasing - g->promised;
		const bool used = g->allocated + g->promised > 0;
		seen += used;
		most = used && left > most ? left : most;
	}
	return most;
}

static void raise(struct glance *block, const struct glance *node)
{
	block->gpus = node->gpus > block->gpus ? node->gpus : block->gpus;
	block->mib = node->mib > block->mib ? node->mib : block->mib;
}

void glance_update(struct session *s, uint32_t node, bool parts)
{
	const struct node_state *const n = &s->nodes[node];
	struct glance *const g = &s->glances[node];
	struct glance *const block = &s->blocks[node / BLOCK];
	g->gpus = n->idle[SCHED_GPU] + n->releasing[SCHED_GPU];
	if (parts) {
		g->mib = most_left(s, node);
	}
	raise(block, g);
	block->loose = true;
}

/* The exact maximum of a block, after its nodes may have become fuller. */
static void mend(const struct session *s, uint32_t block)
{
	const uint32_t first = block * BLOCK;
	struct glance most = s->glances[first];
	for (uint32_t n = first + 1; n < first + BLOCK && n < s->in->nodes.n; n++) {
		raise(&most, &s->glances[n]);
	}
	s->blocks[block] = most;
}

struct glance_search glance_begin(const struct session *s, const struct sched_ask *ask)
{
	const struct sched_node smallest = {.gpu_mib = s->in->smallest_gpu_mib};
	return (struct glance_search){
		.gpus = ask->gpus,
		.mib = ask->devices > 0 ? snapshot_mib(ask, &smallest) : -1,
	};
}

uint32_t glance_next(const struct session *s, const struct glance_search *g, uint32_t node)
{
	for (; node < s->in->nodes.n; node++) {
		const uint32_t block = node / BLOCK;
		if (node % BLOCK == 0) {
			if (s->blocks[block].loose && may_take(&s->blocks[block], g)) {
				mend(s, block);
			}
			if (!may_take(&s->blocks[block], g)) {
				node += BLOCK - 1;
				continue;
			}
		}
		if (may_take(&s->glances[node], g)) {
			return node;
		}
	}
	return SCHED_NONE;
}
