/*
 * Filters and scores (semantics.md section 9): which node takes a pod, and which of its GPUs. The
 * sum of scores upstream is one of magnitudes, so here it is a comparison of their ranks.
 */
#include "sched/session.h"

#include <string.h>

#include "sched/glance.h"
#include "sched/placing.h"
#include "sched/ties.h"

/* Magnitudes of scores, one bit each above packing; that of domains, 0 to 10, above them all. */
#define CPU_NODE_BONUS (INT64_C(1) << 42)
#define IDLE_BONUS (INT64_C(1) << 43)
#define SHARING_BONUS (INT64_C(1) << 44)
#define DOMAIN_BONUS (INT64_C(1) << 45)

/* Does a GPU in use, or promised, take that much more, with what leaves gone? */
static bool group_takes(const struct group *g, int64_t whole, int64_t mib)
{
	const int64_t leaving = g->releasing - g->promised;
	return g->allocated + g->promised > 0 && g->allocated != leaving &&
	       whole - g->allocated + leaving >= mib;
}

/* The same with what leaves still there. */
static bool group_takes_now(const struct group *g, int64_t whole, int64_t mib)
{
	return g->allocated > 0 && whole - g->allocated - g->promised >= mib;
}

static int64_t groups_that_take(const struct session *s, uint32_t node, int64_t mib)
{
	const struct sched_node *const spec = &s->in->nodes.at[node];
	int64_t n = 0;
	int64_t seen = 0;
	for (uint32_t i = spec->first_group; seen < s->nodes[node].shared; i++) {
		const struct group *const g = &s->groups[i];
		seen += g->allocated + g->promised > 0;
		n += group_takes(g, spec->gpu_mib, mib);
	}
	return n;
}

/* GPUs of the node in use that would take a pod with a part of a GPU; 0 for others. */
static int64_t sharing_for(const struct session *s, const struct sched_ask *ask, uint32_t node)
{
	const struct sched_node *const spec = &s->in->nodes.at[node];
	return ask->devices > 0 ? groups_that_take(s, node, snapshot_mib(ask, spec)) : 0;
}

/* The same of the MIG instances that a pod asks for. */
static bool slices_fit(const struct session *s, const struct sched_ask *ask, uint32_t node,
                       bool now)
{
	const struct slices *const l = session_slices(s, node, ask->mig);
	return ask->slices <= l->idle + (!now || l->releasing < 0 ? l->releasing : 0);
}

/* May pods that ask for this be on such a node at all? */
static bool allowed(const struct sched_node *n, const struct sched_ask *ask)
{
	if (ask->slices > 0) {
		return !n->legacy;
	}
	return ask->mig == 0 && (!n->mixed || (ask->gpus == 0 && ask->devices == 0));
}

bool fit_beside_gpus(const struct session *s, const struct sched_ask *ask, uint32_t node, bool now)
{
	const struct node_state *const n = &s->nodes[node];
	const struct sched_node *const spec = &s->in->nodes.at[node];
	return n->pods < spec->max_pods && allowed(spec, ask) &&
	       ask->cpu <= node_available(n, SCHED_CPU, now) &&
	       ask->memory <= node_available(n, SCHED_MEMORY, now) &&
	       (ask->slices == 0 || slices_fit(s, ask, node, now));
}

/* `sharing`: GPUs of the node in use that take it, for pods with a part of a GPU. */
static bool fits(const struct session *s, const struct sched_ask *ask, uint32_t node,
                 int64_t sharing, bool now)
{
	const struct node_state *const n = &s->nodes[node];
	if (!fit_beside_gpus(s, ask, node, now)) {
		return false;
	}
	const int64_t gpus = node_available(n, SCHED_GPU, now);
	if (ask->devices > 0) {
		return snapshot_mib(ask, &s->in->nodes.at[node]) <= s->in->nodes.at[node].gpu_mib &&
		       (gpus > 0 ? gpus : 0) + sharing >= ask->devices;
	}
	return ask->gpus == 0 || ask->gpus <= gpus;
}

static bool asks_nothing(const struct sched_ask *a)
{
	return a->gpus == 0 && a->devices == 0 && a->slices == 0 && a->cpu == 0 && a->memory == 0;
}

/* Fullest first, or emptiest for spread: below 2^41. */
static int64_t packing(const struct session *s, bool cpu_only, uint32_t node)
{
	const struct sched_node *const spec = &s->in->nodes.at[node];
	const struct node_state *const n = &s->nodes[node];
	const int resource = cpu_only ? SCHED_CPU : SCHED_GPU;
	const int64_t free = n->idle[resource] + n->releasing[resource];
	const int64_t total = cpu_only ? spec->cpu : spec->gpus;
	if (cpu_only ? s->options->spread_cpu : s->options->spread_nodes) {
		return total > 0 ? free * (INT64_C(1) << 20) / total : 0;
	}
	return (INT64_C(1) << 40) - free;
}

/* Higher is better; -1: it does not fit. */
static int64_t score(const struct session *s, const struct sched_ask *ask, uint32_t node)
{
	const struct sched_node *const spec = &s->in->nodes.at[node];
	const struct node_state *const n = &s->nodes[node];
	const bool cpu_only = ask->gpus == 0 && ask->devices == 0 && ask->slices == 0;
	const int64_t sharing = sharing_for(s, ask, node);
	if (!fits(s, ask, node, sharing, false)) {
		return -1;
	}
	const bool shared = sharing > 0 || (cpu_only && n->shared > 0);
	const bool now = asks_nothing(ask) || fits(s, ask, node, sharing, true);
	int64_t rank = packing(s, cpu_only, node);
	rank += shared && !s->options->no_sharing_bonus ? SHARING_BONUS : 0;
	rank += now && !s->options->no_idle_bonus ? IDLE_BONUS : 0;
	rank += cpu_only && spec->gpus == 0 && spec->slices == NULL ? CPU_NODE_BONUS : 0;
	return rank;
}

/* A place for a GPU that nobody shares yet; its own old one when that is all it was leaving. */
static uint16_t new_group(const struct session *s, uint32_t task, uint32_t node,
                          const uint16_t *taken, int64_t n)
{
	const struct place *const p = &s->places[task];
	const struct sched_node *const spec = &s->in->nodes.at[node];
	const struct group *const groups = &s->groups[spec->first_group];
	const struct group *const old = &groups[p->old_groups[n]];
	if (p->open && p->old_node == node && old->promised == 0 &&
	    old->allocated == snapshot_mib(&s->in->tasks.at[task].ask, spec)) {
		return p->old_groups[n];
	}
	uint16_t free = 0;
	for (bool again = true; again;) {
		again = groups[free].allocated + groups[free].promised > 0;
		for (int64_t i = 0; i < n; i++) {
			again = again || taken[i] == free;
		}
		free += again;
	}
	return free;
}

/* The fullest GPU in use that takes it, or the emptiest for spread; false: there is none left. */
static bool best_group(const struct session *s, const struct sched_ask *ask, uint32_t node,
                       const uint16_t *taken, int64_t n, uint16_t *best)
{
	const struct sched_node *const spec = &s->in->nodes.at[node];
	const int64_t mib = snapshot_mib(ask, spec);
	int64_t best_used = -1;
	for (uint16_t i = 0; i < 2 * spec->gpus; i++) {
		const struct group *const g = &s->groups[spec->first_group + i];
		bool ok = group_takes(g, spec->gpu_mib, mib);
		for (int64_t k = 0; k < n; k++) {
			ok = ok && taken[k] != i;
		}
		const int64_t used = g->allocated + g->promised;
		if (ok && (best_used < 0 ||
		           (s->options->spread_gpus ? used < best_used : used > best_used))) {
			best_used = used;
			*best = i;
		}
	}
	return best_used >= 0;
}

/* Choose its GPUs on a node that fits; false: some of them are not free yet. */
static bool choose_groups(const struct session *s, uint32_t task, uint32_t node, uint16_t *groups)
{
	const struct sched_ask *const ask = &s->in->tasks.at[task].ask;
	const struct sched_node *const spec = &s->in->nodes.at[node];
	const int64_t mib = snapshot_mib(ask, spec);
	int64_t whole = node_available(&s->nodes[node], SCHED_GPU, false);
	int64_t idle = node_available(&s->nodes[node], SCHED_GPU, true);
	bool now = true;
	for (int64_t i = 0; i < ask->devices; i++) {
		const bool open = s->options->spread_gpus && whole > 0;
		if (!open && best_group(s, ask, node, groups, i, &groups[i])) {
			const struct group *const g = &s->groups[spec->first_group + groups[i]];
			now = now && group_takes_now(g, spec->gpu_mib, mib);
			continue;
		}
		groups[i] = new_group(s, task, node, groups, i);
		now = now && idle > 0;
		whole--;
		idle--;
	}
	return now;
}

static bool is_back(const struct session *s, uint32_t task, const struct place *next)
{
	const struct place *const p = &s->places[task];
	const size_t devices = (size_t)s->in->tasks.at[task].ask.devices;
	return p->open && p->old_node == next->node &&
	       memcmp(p->old_groups, next->groups, devices * sizeof(*p->old_groups)) == 0;
}

/* Has the node room for the pod as it is now? */
static bool fits_now(const struct session *s, uint32_t task, uint32_t node)
{
	const struct sched_ask ask = ties_ask(s, task, node);
	return ties_let(s, task, node, true) &&
	       (asks_nothing(&ask) || fits(s, &ask, node, sharing_for(s, &ask, node), true));
}

/* Move the pod to a node that takes it; `now`: nobody has to leave first. */
static void put_on(struct session *s, uint32_t task, struct place *next, bool now)
{
	const struct place *const before = &s->places[task];
	next->status = now ? SCHED_BINDING : SCHED_PIPELINED;
	if (is_back(s, task, next)) {
		next->status = before->old_status;
		next->old_node = SCHED_NONE;
		next->open = false;
	}
	session_put(s, task, next);
}

/* Where the placement policy wants the pod. */
static bool place_by_policy(struct session *s, uint32_t task, bool promise_only)
{
	const struct sched_ask *const ask = &s->in->tasks.at[task].ask;
	struct place next = s->places[task];
	bool now;
	next.node = placing_choose(s->placing, s, task, next.groups, &now);
	if (next.node == SCHED_NONE) {
		return false;
	}
	for (int64_t i = 0; i < ask->devices; i++) {
		if (next.groups[i] == PLACING_NEW) {
			next.groups[i] = new_group(s, task, next.node, next.groups, i);
		}
	}
	put_on(s, task, &next, !promise_only && (now || (asks_nothing(ask) && !ties_any(s, task))));
	return true;
}

/* The same of a pod that may not be everywhere: because of others, or of where its gang goes. */
static int64_t score_bound(const struct session *s, uint32_t task, uint32_t node)
{
	const struct scope *const scope = s->scope;
	const struct sched_ask ask = ties_ask(s, task, node);
	int64_t rank = -1;
	if ((scope == NULL || scope->in[node]) && ties_let(s, task, node, false)) {
		rank = score(s, &ask, node);
	}
	if (rank >= 0 && !ties_let(s, task, node, true)) {
		rank &= ~IDLE_BONUS;
	}
	if (rank >= 0 && scope != NULL && scope->scores != NULL) {
		rank += scope->scores[node] * DOMAIN_BONUS;
	}
	return rank;
}

/* The node with the best score, the first of equals; SCHED_NONE: none has room. */
static uint32_t best_node(const struct session *s, uint32_t task)
{
	const struct sched_ask *const ask = &s->in->tasks.at[task].ask;
	const struct glance_search search = glance_begin(s, ask);
	const bool bound = s->scope != NULL || ties_any(s, task);
	uint32_t best = SCHED_NONE;
	int64_t best_score = -1;
	uint32_t n = glance_next(s, &search, 0);
	for (; n != SCHED_NONE; n = glance_next(s, &search, n + 1)) {
		const int64_t rank = bound ? score_bound(s, task, n) : score(s, ask, n);
		if (rank > best_score) {
			best_score = rank;
			best = n;
		}
	}
	return best;
}

bool fit_place(struct session *s, uint32_t task, bool promise_only)
{
	struct place next = s->places[task];
	if (s->placing != NULL) {
		return place_by_policy(s, task, promise_only);
	}
	next.node = best_node(s, task);
	if (next.node == SCHED_NONE) {
		return false;
	}
	const bool now = fits_now(s, task, next.node);
	put_on(s, task, &next,
	       choose_groups(s, task, next.node, next.groups) && now && !promise_only);
	return true;
}

bool fit_takes(const struct session *s, uint32_t task, uint32_t node)
{
	if (node == SCHED_NONE || !ties_any(s, task)) {
		return node != SCHED_NONE && score(s, &s->in->tasks.at[task].ask, node) >= 0;
	}
	const struct sched_ask ask = ties_ask(s, task, node);
	return score(s, &ask, node) >= 0;
}

bool fit_anywhere(const struct session *s, uint32_t task)
{
	const struct glance_search search = glance_begin(s, &s->in->tasks.at[task].ask);
	uint32_t n = glance_next(s, &search, 0);
	while (n != SCHED_NONE && !fit_takes(s, task, n)) {
		n = glance_next(s, &search, n + 1);
	}
	return n != SCHED_NONE;
}
