/*
 * Which domains of a topology may take pods, and in which order: by what their nodes have free or
 * being freed, the fullest that still takes them first, and of these the narrowest.
 */
#include <stdlib.h>
#include <string.h>

#include "sched/topology.h"

#define NOTHING_LEFT 1000 /* ratio of what is asked to what is free where nothing is */

/* A share; compared by multiplying out. */
struct ratio {
	int64_t part, whole;
};

/* A domain among its siblings. */
struct sibling {
	struct ratio ratio;
	uint32_t domain;
};

/* What is asked, and what the domains have. Amounts are in the order of enum sched_resource, whole
 * GPUs only, then MIG instances of each profile. */
struct tally {
	const struct topology_ask *ask;
	const struct snapshot *in;
	const struct sched_topology *topology;
	size_t width;
	int64_t *sum, *most; /* of all pods, of any pod */
	bool alike;          /* pods ask for the same kinds: they can be counted */
	int64_t *free;       /* of each domain, below 0 where more is promised than leaves */
	int64_t *pods;       /* that each domain takes; valid when they are alike */
	uint32_t *order;     /* of each domain's children, at their places in the topology */
	uint32_t root;       /* the narrowest domain of all open nodes */
};

static int ratio_compare(struct ratio a, struct ratio b)
{
	const i128_t x = (i128_t)a.part * b.whole;
	const i128_t y = (i128_t)b.part * a.whole;
	return (x > y) - (x < y);
}

static int64_t *free_of(const struct tally *t, uint32_t domain)
{
	return &t->free[(domain - t->topology->first_domain) * t->width];
}

static int64_t *pods_of(const struct tally *t, uint32_t domain)
{
	return &t->pods[domain - t->topology->first_domain];
}

/* --- what is asked ----------------------------------------------------------------------------
 */

static void amounts_of(const struct snapshot *in, const struct sched_ask *ask, int64_t *out)
{
	struct sched_ask plain = *ask;
	plain.slices = 0;
	const struct sched_amount charge = snapshot_charge(in, &plain, NULL);
	memcpy(out, charge.of, sizeof(charge.of));
	for (size_t m = 0; m < in->migs.n; m++) {
		out[SCHED_RESOURCES + m] =
			ask->slices > 0 && (size_t)ask->mig == m ? ask->slices : 0;
	}
}

/* Add up the pods; `count` is how many of them ask for each kind. */
static void add_asks(struct tally *t, uint32_t *count)
{
	int64_t *const one = mem_new(t->width, sizeof(*one));
	for (uint32_t i = 0; i < t->ask->n; i++) {
		amounts_of(t->in, &t->in->tasks.at[t->ask->tasks[i]].ask, one);
		for (size_t r = 0; r < t->width; r++) {
			t->sum[r] += one[r];
			t->most[r] = one[r] > t->most[r] ? one[r] : t->most[r];
			count[r] += one[r] > 0;
		}
	}
	free(one);
}

static void tally_asks(struct tally *t)
{
	uint32_t *const count = mem_new(t->width, sizeof(*count));
	add_asks(t, count);
	t->alike = true;
	for (size_t r = 0; r < t->width; r++) { /* all pods want CPU and memory of some amount */
		const bool kind = r == SCHED_GPU || r >= SCHED_RESOURCES;
		t->alike = t->alike && (!kind || count[r] == 0 || count[r] == t->ask->n);
	}
	free(count);
}

/* --- what there is ----------------------------------------------------------------------------
 */

static void amounts_left(const struct session *s, uint32_t node, int64_t *out)
{
	const struct node_state *const n = &s->nodes[node];
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		out[r] = (n->idle[r] + n->releasing[r]) * (r == SCHED_GPU ? sched_unit[r] : 1);
	}
	for (size_t m = 0; m < s->in->migs.n; m++) {
		const struct slices *const l = session_slices(s, node, (int64_t)m);
		out[SCHED_RESOURCES + m] = l->idle + l->releasing;
	}
}

/* Pods like the largest that a node takes. */
static int64_t pods_on(const struct tally *t, uint32_t node, const int64_t *left)
{
	int64_t most = t->in->nodes.at[node].max_pods - t->ask->s->nodes[node].pods;
	for (size_t r = 0; r < t->width; r++) {
		if (t->most[r] > 0) {
			const int64_t n = left[r] / t->most[r];
			most = n < most ? n : most;
		}
	}
	return most > 0 ? most : 0;
}

/* Add up the open nodes in every domain they are in. */
static void tally_nodes(struct tally *t, const bool *open)
{
	int64_t *const left = mem_new(t->width, sizeof(*left));
	for (uint32_t n = 0; n < t->in->nodes.n; n++) {
		uint32_t d = open[n] ? t->topology->leaf[n] : SCHED_NONE;
		if (d == SCHED_NONE) {
			continue;
		}
		amounts_left(t->ask->s, n, left);
		const int64_t pods = pods_on(t, n, left);
		for (; d != SCHED_NONE; d = t->in->domains.at[d].parent) {
			for (size_t r = 0; r < t->width; r++) {
				free_of(t, d)[r] += left[r];
			}
			*pods_of(t, d) += pods;
		}
	}
	free(left);
}

static bool takes(const struct tally *t, uint32_t domain)
{
	const int64_t *const left = free_of(t, domain);
	if (t->alike) {
		return *pods_of(t, domain) >= (int64_t)t->ask->n;
	}
	for (size_t r = 0; r < t->width; r++) {
		if (t->sum[r] > 0 && t->sum[r] > left[r]) {
			return false;
		}
	}
	return true;
}

/* The largest share of what a domain has free that the pods would use of anything. */
static struct ratio fullness(const struct tally *t, uint32_t domain)
{
	const int64_t *const left = free_of(t, domain);
	struct ratio most = {0, 1};
	for (size_t r = 0; r < t->width; r++) {
		const struct ratio x = left[r] > 0 ? (struct ratio){t->sum[r], left[r]}
		                                   : (struct ratio){NOTHING_LEFT, 1};
		if (t->sum[r] > 0 && ratio_compare(x, most) > 0) {
			most = x;
		}
	}
	return most;
}

/* --- the order --------------------------------------------------------------------------------
 */

static int fullest_first(const void *a, const void *b)
{
	const struct sibling *const x = a;
	const struct sibling *const y = b;
	const int d = ratio_compare(y->ratio, x->ratio);
	return d != 0 ? d : x->domain < y->domain ? -1 : x->domain > y->domain;
}

static const struct sched_domain *domain_at(const struct tally *t, uint32_t domain)
{
	return &t->in->domains.at[domain];
}

/* The i-th child of a domain, in order. */
static uint32_t *child_of(const struct tally *t, uint32_t domain, uint32_t i)
{
	return &t->order[domain_at(t, domain)->first_child - t->topology->first_domain + i];
}

static void sort_children(const struct tally *t, uint32_t domain, struct sibling *list)
{
	const struct sched_domain *const d = domain_at(t, domain);
	for (uint32_t i = 0; i < d->n_children; i++) {
		list[i] = (struct sibling){fullness(t, d->first_child + i), d->first_child + i};
	}
	if (d->n_children > 1) {
		qsort(list, d->n_children, sizeof(*list), fullest_first);
	}
	for (uint32_t i = 0; i < d->n_children; i++) {
		*child_of(t, domain, i) = list[i].domain;
	}
}

static void sort_all(struct tally *t)
{
	const struct sched_topology *const topology = t->topology;
	struct sibling *const list = mem_new(topology->n_domains, sizeof(*list));
	for (uint32_t i = 0; i < topology->n_domains; i++) {
		sort_children(t, topology->first_domain + i, list);
	}
	free(list);
}

/* The domains of a depth at and below `domain`, from left to right, into `out`; how many. */
static uint32_t list_depth(const struct tally *t, uint32_t domain, uint32_t depth, uint32_t *out)
{
	const struct sched_domain *const d = domain_at(t, domain);
	uint32_t n = 0;
	if (d->depth == depth) {
		out[0] = domain;
		return 1;
	}
	for (uint32_t i = 0; i < d->n_children; i++) {
		n += list_depth(t, *child_of(t, domain, i), depth, out + n);
	}
	return n;
}

/* --- the choice -------------------------------------------------------------------------------
 */

/* The narrowest domain that holds all open nodes, no narrower than what is looked for. */
static uint32_t common_domain(const struct tally *t, const bool *open)
{
	const struct sched_near *const near = &t->ask->near;
	const uint32_t deepest = near->preferred > 0 ? near->preferred : near->required;
	uint32_t common = SCHED_NONE;
	for (uint32_t n = 0; n < t->in->nodes.n; n++) {
		uint32_t d = open[n] ? t->topology->leaf[n] : SCHED_NONE;
		if (d == SCHED_NONE) {
			continue;
		}
		d = snapshot_domain_above(t->in, d, deepest);
		common = common == SCHED_NONE ? d : common;
		while (common != d) {
			uint32_t *const lower =
				domain_at(t, common)->depth >= domain_at(t, d)->depth ? &common
										      : &d;
			*lower = domain_at(t, *lower)->parent;
		}
	}
	return common != SCHED_NONE ? common : t->topology->first_domain;
}

/* Domains at the required level that hold pods which have their place; NULL: none does. */
static bool *held_domains(const struct tally *t)
{
	const struct topology_ask *const ask = t->ask;
	bool *held = NULL;
	for (uint32_t i = 0; ask->near.required > 0 && ask->active != NULL && i < t->in->tasks.n;
	     i++) {
		if (!ask->active[i]) {
			continue;
		}
		if (held == NULL) {
			held = mem_new(t->topology->n_domains, sizeof(*held));
		}
		const uint32_t leaf = t->topology->leaf[ask->s->places[i].node];
		if (leaf != SCHED_NONE) {
			held[snapshot_domain_above(t->in, leaf, ask->near.required) -
			     t->topology->first_domain] = true;
		}
	}
	return held;
}

/* From the preferred level up to the required one, or to all of the topology. */
static void list_candidates(const struct tally *t, struct topology_choice *out)
{
	const struct sched_near *const near = &t->ask->near;
	const uint32_t deepest = near->preferred > 0 ? near->preferred : near->required;
	bool *const held = held_domains(t);
	uint32_t *const level = mem_new(t->topology->n_domains, sizeof(*level));
	for (uint32_t depth = deepest + 1; depth-- > near->required;) {
		const uint32_t n = list_depth(t, t->root, depth, level);
		for (uint32_t i = 0; i < n; i++) {
			const uint32_t at = snapshot_domain_above(t->in, level[i], near->required) -
			                    t->topology->first_domain;
			if ((held == NULL || held[at]) && takes(t, level[i])) {
				out->domains[out->n++] = level[i];
			}
		}
	}
	free(level);
	free(held);
}

/* Of the domains at the preferred level the last are the best, in steps of a tenth. */
static void score_nodes(const struct tally *t, struct topology_choice *out)
{
	const uint32_t depth = t->ask->near.preferred;
	int64_t *const of = mem_new(t->topology->n_domains, sizeof(*of));
	uint32_t *const level = mem_new(t->topology->n_domains, sizeof(*level));
	const uint32_t n = list_depth(t, t->root, depth, level);
	for (uint32_t i = 0; i < n; i++) {
		of[level[i] - t->topology->first_domain] = (int64_t)(i + 1) * 10 / n;
	}
	out->scores = mem_new(t->in->nodes.n, sizeof(*out->scores));
	for (uint32_t i = 0; i < t->in->nodes.n; i++) {
		if (t->topology->leaf[i] != SCHED_NONE) {
			const uint32_t d =
				snapshot_domain_above(t->in, t->topology->leaf[i], depth);
			out->scores[i] = of[d - t->topology->first_domain];
		}
	}
	free(level);
	free(of);
}

struct topology_choice topology_choose(const struct topology_ask *ask)
{
	const struct snapshot *const in = ask->s->in;
	const struct sched_topology *const topology = &in->topologies.at[ask->near.topology];
	struct tally t = {.ask = ask, .in = in, .topology = topology};
	struct topology_choice out = {
		.domains = mem_new(topology->n_domains, sizeof(*out.domains)),
		.open = mem_new(in->nodes.n, sizeof(*out.open)),
	};
	t.width = SCHED_RESOURCES + in->migs.n;
	t.sum = mem_new(t.width, sizeof(*t.sum));
	t.most = mem_new(t.width, sizeof(*t.most));
	t.free = mem_new(topology->n_domains * t.width, sizeof(*t.free));
	t.pods = mem_new(topology->n_domains, sizeof(*t.pods));
	t.order = mem_new(topology->n_domains, sizeof(*t.order));
	for (uint32_t n = 0; n < in->nodes.n; n++) {
		out.open[n] = topology->leaf[n] != SCHED_NONE &&
		              (ask->outer == NULL || ask->outer->in[n]);
	}
	tally_asks(&t);
	tally_nodes(&t, out.open);
	t.root = common_domain(&t, out.open);
	sort_all(&t);
	list_candidates(&t, &out);
	if (ask->near.preferred > 0) {
		score_nodes(&t, &out);
	}
	free(t.sum);
	free(t.most);
	free(t.free);
	free(t.pods);
	free(t.order);
	return out;
}

void topology_choice_fini(struct topology_choice *c)
{
	free(c->domains);
	free(c->open);
	free(c->scores);
}
