/* Fills a cluster with pods in a drawn order. */
#include "sched/inflate.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/fragment.h"
#include "sched/index.h"

/* All pods, and some of them again until the next would be too much; *n of them; caller frees. */
static uint32_t *draw(const struct inflate_ask *ask, struct rng *rng, uint32_t *n)
{
	const struct openb *const o = ask->trace;
	const double most = ask->arrive * (double)o->gpus * OPENB_GPU;
	size_t room = o->n_pods;
	uint32_t *pods = mem_new(room, sizeof(*pods));
	double asked = 0.0;
	*n = 0;
	for (uint32_t i = 0; i < o->n_pods; i++) {
		pods[(*n)++] = o->pods[i];
		asked += (double)o->types[o->pods[i]].milli;
	}
	for (;;) {
		const uint32_t type = o->pods[rng_below(rng, o->n_pods)];
		asked += (double)o->types[type].milli;
		if (asked > most) {
			break;
		}
		if (*n == room) {
			room *= 2;
			pods = mem_resize(pods, room, sizeof(*pods));
		}
		pods[(*n)++] = type;
	}
	for (uint32_t i = *n; i > 1; i--) {
		const uint32_t k = (uint32_t)rng_below(rng, i);
		const uint32_t type = pods[k];
		pods[k] = pods[i - 1];
		pods[i - 1] = type;
	}
	return pods;
}

static double fragment(const struct openb *o, const struct cluster *c)
{
	int64_t sum = 0;
	for (uint32_t i = 0; i < c->n_nodes; i++) {
		sum += fragment_of(&o->mix, c, i);
	}
	return (double)sum / 1e6 / ((double)o->gpus * OPENB_GPU);
}

uint32_t inflate(const struct inflate_ask *ask, double step, struct inflate_look *looks, size_t *n)
{
	const struct openb *const o = ask->trace;
	const double all = (double)o->gpus * OPENB_GPU;
	struct rng *const order = rng_new(ask->seed, "pods"), *const ties =
								      rng_new(ask->seed, "ties");
	void *const self = mem_new(1, ask->policy->head.self_size + 1);
	struct cluster c;
	uint32_t n_pods, placed = 0;
	uint32_t *const pods = draw(ask, order, &n_pods);
	double arrived = 0.0, allocated = 0.0;
	openb_cluster(o, order, &c);
	const struct view view = {&c, 0, ties};
	struct index *const index = index_new(ask->policy, self, &view, o->n_types);
	*n = 0;
	for (uint32_t i = 0; i < n_pods; i++) {
		const struct openb_type *const type = &o->types[pods[i]];
		uint32_t gpus[64];
		const uint32_t node = index_choose(index, pods[i], &type->ask, gpus);
		if (node != NODE_NONE) {
			cluster_take(&c, node, gpus,
			             &(struct node_part){&type->ask.part[c.nodes[node].kind],
			                                 type->ask.gpus, type->ask.cpu,
			                                 type->ask.host});
			allocated += (double)type->milli;
			placed++;
		}
		arrived += (double)type->milli;
		while (*n < INFLATE_MOST && arrived / all >= step * (double)(*n + 1)) {
			looks[(*n)++] = (struct inflate_look){arrived / all, allocated / all,
			                                      fragment(o, &c)};
		}
	}
	looks[(*n)++] = (struct inflate_look){arrived / all, allocated / all, fragment(o, &c)};
	index_free(index);
	free(pods);
	free(self);
	cluster_fini(&c);
	rng_free(order);
	rng_free(ties);
	return placed;
}
