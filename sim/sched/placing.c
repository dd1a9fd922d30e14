/* Shows nodes to a placement policy, one at a time. */
#include "sched/placing.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "sched/glance.h"
#include "sched/ties.h"

enum { SIZES = 32, MOST_GPUS = 64 }; /* of requests; of a node */

struct placing {
	const struct placement_policy *policy;
	void *self;
	struct rng *rng;
	uint32_t *kinds;            /* of each node: by the memory of its GPUs */
	uint32_t *types;            /* of each pod: by what it asks for */
	struct placement_ask *asks; /* of each type */
	struct gpu_part *parts;     /* of each type and kind */
	int64_t *shares;            /* of each type among the pods, ppm */
	struct placement_mix mix;
	uint32_t (*sizes)[SIZES]; /* of each node: pods that ask for so many GPUs, 0: for parts */
	/* the node that is looked at */
	struct cluster cluster;
	struct node node;
	struct gpu gpus[MOST_GPUS];
	uint16_t groups[MOST_GPUS];
	uint32_t chosen[MOST_GPUS];
};

/* What a node would be worth. */
struct offer {
	uint32_t node; /* SCHED_NONE: it has no room, or is not open to the pod */
	int64_t first; /* by the scope, higher first */
	bool now;
	int64_t rank;
};

/* --- what pods ask for ------------------------------------------------------------------------
 */

struct wish {
	const struct sched_ask *ask;
	uint32_t task;
};

static int compare_wishes(const void *a, const void *b)
{
	const struct wish *const x = a;
	const struct wish *const y = b;
	return memcmp(x->ask, y->ask, sizeof(*x->ask));
}

/* Number the kinds of nodes; a node of each into *examples (caller frees); how many. */
static uint32_t find_kinds(struct placing *p, const struct snapshot *in, uint32_t **examples)
{
	uint32_t n = 0;
	*examples = mem_new(in->nodes.n, sizeof(**examples));
	for (uint32_t node = 0; node < in->nodes.n; node++) {
		const int64_t mib = in->nodes.at[node].gpu_mib;
		uint32_t k = 0;
		while (k < n && in->nodes.at[(*examples)[k]].gpu_mib != mib) {
			k++;
		}
		(*examples)[k] = node;
		n += k == n;
		p->kinds[node] = k;
	}
	return n;
}

/* Of each GPU of a node. */
static struct gpu_part part_of(const struct sched_ask *ask, const struct sched_node *node)
{
	if (ask->devices == 0) {
		const bytes_t all = ask->gpus > 0 ? node->gpu_mib : 1; /* 1: any node will do */
		return (struct gpu_part){.bytes = all, .whole = ask->gpus > 0};
	}
	const int64_t mib = snapshot_mib(ask, node);
	return (struct gpu_part){.bytes = mib <= node->gpu_mib ? mib : 0};
}

/* Number the types of pods, and count those of each; how many types. */
static uint32_t find_types(struct placing *p, const struct snapshot *in)
{
	struct wish *const wishes = mem_new(in->tasks.n, sizeof(*wishes));
	uint32_t n = 0;
	for (uint32_t t = 0; t < in->tasks.n; t++) {
		wishes[t] = (struct wish){&in->tasks.at[t].ask, t};
	}
	if (in->tasks.n > 0) {
		qsort(wishes, in->tasks.n, sizeof(*wishes), compare_wishes);
	}
	for (uint32_t i = 0; i < in->tasks.n; i++) {
		const uint32_t task = wishes[i].task;
		n += i == 0 || compare_wishes(&wishes[i - 1], &wishes[i]) != 0;
		p->types[task] = n - 1;
		p->asks[n - 1] = (struct placement_ask){
			.gpus = (uint32_t)(wishes[i].ask->gpus + wishes[i].ask->devices),
			.cpu = wishes[i].ask->cpu,
			.host = wishes[i].ask->memory,
			.mix = &p->mix,
		};
		p->shares[n - 1] += in->tasks.at[task].status != SCHED_FAILED;
	}
	free(wishes);
	return n;
}

/* What is usually asked for is what the pods of the cluster ask for. */
static void make_mix(struct placing *p, uint32_t n_types)
{
	int64_t pods = 0;
	for (uint32_t i = 0; i < n_types; i++) {
		pods += p->shares[i];
	}
	for (uint32_t i = 0; i < n_types && pods > 0; i++) {
		p->shares[i] = p->shares[i] * 1000000 / pods;
	}
	p->mix = (struct placement_mix){p->asks, p->shares, n_types};
}

struct placing *placing_new(const struct snapshot *in, const struct sched_options *options)
{
	struct placing *const p = mem_new(1, sizeof(*p));
	uint32_t *examples;
	p->policy = options->placement;
	p->self = mem_new(1, p->policy->head.self_size + 1);
	p->rng = rng_new(options->seed, "placement");
	p->kinds = mem_new(in->nodes.n, sizeof(*p->kinds));
	p->types = mem_new(in->tasks.n, sizeof(*p->types));
	p->asks = mem_new(in->tasks.n, sizeof(*p->asks));
	p->shares = mem_new(in->tasks.n, sizeof(*p->shares));
	p->sizes = mem_new(in->nodes.n, sizeof(*p->sizes));
	p->cluster = (struct cluster){.nodes = &p->node, .n_nodes = 1, .gpus = p->gpus};
	const uint32_t n_kinds = find_kinds(p, in, &examples);
	const uint32_t n_types = find_types(p, in);
	p->parts = mem_new((size_t)n_types * n_kinds, sizeof(*p->parts));
	for (uint32_t t = 0; t < in->tasks.n; t++) {
		struct gpu_part *const parts = &p->parts[(size_t)p->types[t] * n_kinds];
		for (uint32_t k = 0; k < n_kinds; k++) {
			parts[k] = part_of(&in->tasks.at[t].ask, &in->nodes.at[examples[k]]);
		}
		p->asks[p->types[t]].part = parts;
	}
	make_mix(p, n_types);
	free(examples);
	return p;
}

void placing_free(struct placing *p)
{
	if (p == NULL) {
		return;
	}
	free(p->self);
	rng_free(p->rng);
	free(p->kinds);
	free(p->types);
	free(p->asks);
	free(p->parts);
	free(p->shares);
	free(p->sizes);
	free(p);
}

/* --- a node -----------------------------------------------------------------------------------
 */

void placing_count(struct placing *p, uint32_t task, uint32_t node, int64_t sign)
{
	const struct placement_ask *const ask = &p->asks[p->types[task]];
	const uint32_t most = SIZES - 1;
	const uint32_t size = !ask->part[0].whole ? 0 : ask->gpus < most ? ask->gpus : most;
	if (ask->gpus > 0) {
		p->sizes[node][size] += (uint32_t)sign;
	}
}

/* As gpu_size_bit() has them. */
static uint32_t size_bits(const struct placing *p, uint32_t node)
{
	uint32_t bits = 0;
	for (uint32_t i = 0; i < SIZES; i++) {
		bits |= p->sizes[node][i] > 0 ? UINT32_C(1) << i : 0;
	}
	return bits;
}

/* Show GPUs that pods share and that would take one more; how many. */
static uint32_t show_shared(struct placing *p, const struct session *s, uint32_t node, bool now)
{
	const struct sched_node *const spec = &s->in->nodes.at[node];
	uint32_t n = 0;
	int64_t seen = 0;
	for (uint16_t i = 0; seen < s->nodes[node].shared; i++) {
		const struct group *const g = &s->groups[spec->first_group + i];
		const bool used = g->allocated + g->promised > 0;
		const bool leaves = g->allocated == g->releasing - g->promised;
		seen += used;
		if (!used || leaves || (now && g->allocated == 0)) {
			continue; /* idle, or another's whole one for now */
		}
		p->groups[n] = i;
		p->gpus[n++] = (struct gpu){
			.memory = spec->gpu_mib,
			.requested = g->allocated + g->promised - (now ? 0 : g->releasing),
			.residents = 1,
		};
	}
	return n;
}

/* Show the node as it is now, or as it will be when what leaves has left. */
static void show(struct placing *p, const struct session *s, uint32_t node, bool now)
{
	const struct sched_node *const spec = &s->in->nodes.at[node];
	const struct node_state *const state = &s->nodes[node];
	const int64_t idle = node_available(state, SCHED_GPU, now);
	sim_assert(spec->gpus <= MOST_GPUS);
	p->node = (struct node){
		.kind = p->kinds[node],
		.n = (uint32_t)spec->gpus,
		.idle = idle > 0 ? (uint32_t)idle : 0,
		.cpu = spec->cpu,
		.cpu_used = spec->cpu - node_available(state, SCHED_CPU, now),
		.host = spec->memory,
		.host_used = spec->memory - node_available(state, SCHED_MEMORY, now),
		.sizes = size_bits(p, node),
	};
	const uint32_t shared = show_shared(p, s, node, now);
	sim_assert(shared + p->node.idle <= p->node.n);
	for (uint32_t i = shared; i < p->node.n; i++) {
		const bool held = i >= shared + p->node.idle;
		p->groups[i] = PLACING_NEW;
		p->gpus[i] = (struct gpu){
			.memory = spec->gpu_mib,
			.requested = held ? spec->gpu_mib : 0,
			.residents = held,
			.whole = held,
		};
	}
	p->cluster.n_gpus = p->node.n;
}

static bool fits(struct placing *p, const struct session *s, uint32_t task, struct offer *o,
                 struct rng *rng)
{
	const struct view view = {&p->cluster, 0, rng};
	const struct sched_ask ask = ties_ask(s, task, o->node);
	if (!ties_let(s, task, o->node, o->now) || !fit_beside_gpus(s, &ask, o->node, o->now)) {
		return false;
	}
	show(p, s, o->node, o->now);
	return p->policy->fit(p->self, &view, &p->asks[p->types[task]], 0, p->chosen, &o->rank);
}

static struct offer offer_of(struct placing *p, const struct session *s, uint32_t task,
                             uint32_t node)
{
	struct offer o = {.node = node, .now = true};
	if (s->scope != NULL && !s->scope->in[node]) {
		return (struct offer){.node = SCHED_NONE};
	}
	if (s->scope != NULL && s->scope->scores != NULL) {
		o.first = s->scope->scores[node];
	}
	if (!fits(p, s, task, &o, NULL)) {
		o.now = false;
		o.node = fits(p, s, task, &o, NULL) ? node : SCHED_NONE;
	}
	return o;
}

/* --- the choice -------------------------------------------------------------------------------
 */

/* Below 0: the first is better. Room now goes before room to come, in the same part of the scope.
 */
static int compare(const struct session *s, const struct offer *a, const struct offer *b)
{
	if (a->first != b->first) {
		return a->first > b->first ? -1 : 1;
	}
	if (a->now != b->now && !s->options->no_idle_bonus) {
		return a->now ? -1 : 1;
	}
	return (a->rank > b->rank) - (a->rank < b->rank);
}

/* GPUs that it comes back to stand in the order in which it had them. */
static void in_old_order(const struct place *p, uint16_t *groups, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		for (int64_t k = 0; k < n; k++) {
			if (groups[k] == p->old_groups[i]) {
				groups[k] = groups[i];
				groups[i] = p->old_groups[i];
			}
		}
	}
}

/* The best of all nodes, the first of equals unless the policy wants one drawn. */
static struct offer best_offer(struct placing *p, const struct session *s, uint32_t task)
{
	const struct glance_search search = glance_begin(s, &s->in->tasks.at[task].ask);
	struct offer best = {.node = SCHED_NONE};
	uint64_t equal = 0;
	uint32_t n = glance_next(s, &search, 0);
	for (; n != SCHED_NONE; n = glance_next(s, &search, n + 1)) {
		const struct offer o = offer_of(p, s, task, n);
		if (o.node == SCHED_NONE) {
			continue;
		}
		const int d = best.node == SCHED_NONE ? -1 : compare(s, &o, &best);
		equal = d < 0 ? 1 : equal + (d == 0);
		if (d < 0 || (d == 0 && p->policy->any_of_best && rng_below(p->rng, equal) == 0)) {
			best = o;
		}
	}
	return best;
}

uint32_t placing_choose(struct placing *p, const struct session *s, uint32_t task, uint16_t *groups,
                        bool *now)
{
	const struct sched_ask *const ask = &s->in->tasks.at[task].ask;
	const struct place *const place = &s->places[task];
	struct offer best = best_offer(p, s, task);
	if (best.node == SCHED_NONE || !fits(p, s, task, &best, p->rng)) {
		return SCHED_NONE;
	}
	for (int64_t i = 0; i < ask->devices; i++) {
		groups[i] = p->groups[p->chosen[i]];
	}
	if (place->open && place->old_node == best.node) {
		in_old_order(place, groups, ask->devices);
	}
	*now = best.now;
	return best.node;
}
