/* Who may be swapped, who is on its GPUs at first, and what becomes of it all. */
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "policy/registry.h"
#include "flow/swap.h"

static bool swaps(const struct sim *s, uint32_t replica)
{
	const struct replica *const r = &s->cluster.replicas[replica];
	return r->group != GROUP_NONE && scenario_borrows(s->services[r->service].spec);
}

static const struct scenario_nodes *nodes_of(const struct sim *s, uint32_t replica)
{
	return &s->sc->nodes[s->cluster.replicas[replica].gpu_kind];
}

static bytes_t least(bytes_t a, bytes_t b)
{
	return a < b ? a : b;
}

/* Of each GPU what those that stay do not request. */
static void make_room(struct sim *s)
{
	struct swap *const w = s->swap;
	for (uint32_t i = 0; i < s->cluster.n_gpus; i++) {
		w->room[i] = s->cluster.gpus[i].memory;
	}
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		const struct scenario_service *const spec =
			s->services[s->cluster.replicas[i].service].spec;
		uint32_t n;
		const uint32_t *const gpus = cluster_gpus_of(&s->cluster, i, &n);
		for (uint32_t k = 0; k < n && !swaps(s, i); k++) {
			w->room[gpus[k]] -= scenario_request(spec, nodes_of(s, i));
		}
	}
}

/* A replica may swap: it never borrows more than there is while it is there. */
static void enrol(struct sim *s, uint32_t replica)
{
	struct swap *const w = s->swap;
	struct seat *const seat = &s->cluster.seats[replica];
	const struct scenario_service *const spec =
		s->services[s->cluster.replicas[replica].service].spec;
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	bytes_t reserve = scenario_limit(spec, nodes_of(s, replica));
	for (uint32_t k = 0; k < n; k++) {
		reserve = least(reserve, w->room[gpus[k]]);
	}
	const int64_t most = (reserve - seat->base) / seat->block;
	seat->most = most < seat->most ? most : seat->most;
	seat->own = seat->own < seat->most ? seat->own : seat->most;
	w->slots[replica].swaps = true;
	w->slots[replica].reserve = reserve;
}

/* If not, nobody begins in host memory. */
bool swap_anybody_goes(const struct sim *s, uint32_t replica)
{
	const struct view view = {&s->cluster, 0, NULL};
	const struct swap_candidate one = {.replica = replica};
	return s->swap->policy->pick_out(s->swap->self, &view, &one, 1) != SWAP_NOBODY;
}

/* The first ones are there; those for whom no room is left begin in host memory, if it has room. */
static void begin_somewhere(struct sim *s, uint32_t replica)
{
	struct swap *const w = s->swap;
	struct swap_slot *const slot = &w->slots[replica];
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	const bytes_t host = swap_in_host(s, replica, memory_first(s, replica));
	const uint32_t node = swap_node(s, replica);
	bool lacks = false;
	for (uint32_t i = 0; i < n; i++) {
		lacks = lacks || swap_lacks(s, replica, gpus[i]);
	}
	slot->state = SLOT_THERE;
	if (lacks && w->pool[node] + host <= s->sc->swap.host_memory &&
	    swap_anybody_goes(s, replica)) {
		slot->state = SLOT_AWAY;
		slot->blocks = -1;
		slot->host = host;
		w->pool[node] += host;
		s->cluster.replicas[replica].state = REPLICA_AWAY;
		s->cluster.replicas[replica].kv.capacity = 0;
		s->cluster.seats[replica].out = true;
	}
}

static void make_links(struct sim *s)
{
	struct swap *const w = s->swap;
	uint32_t links = 0;
	w->first_link = mem_new(s->cluster.n_nodes, sizeof(*w->first_link));
	for (uint32_t i = 0; i < s->cluster.n_nodes; i++) {
		const struct node *const node = &s->cluster.nodes[i];
		const uint32_t gpus = (uint32_t)s->sc->nodes[node->kind].gpu->link_gpus;
		w->first_link[i] = links;
		links += (node->n + gpus - 1) / gpus;
	}
	w->links = mem_new(links, sizeof(*w->links));
}

bool swap_begin(struct sim *s)
{
	const struct scenario_policy *const written = &s->sc->swap.policy;
	struct swap *w;
	if (!s->sc->swap.on) {
		return true;
	}
	s->swap = w = mem_new(1, sizeof(*w));
	w->policy = swap_find(written->name);
	if (w->policy == NULL) {
		bind_fail_policy(s, "swap", written);
		return false;
	}
	w->self = bind_policy(s, &w->policy->head, written, false);
	w->slots = mem_new(s->cluster.n_replicas, sizeof(*w->slots));
	w->room = mem_new(s->cluster.n_gpus, sizeof(*w->room));
	w->claimed = mem_new(s->cluster.n_gpus, sizeof(*w->claimed));
	w->pool = mem_new(s->cluster.n_nodes, sizeof(*w->pool));
	w->overdrawn = mem_new(s->cluster.n_nodes, sizeof(*w->overdrawn));
	w->chosen = mem_new(s->cluster.n_replicas, sizeof(*w->chosen));
	w->asking = mem_new(s->n_groups, sizeof(*w->asking));
	make_links(s);
	make_room(s);
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		w->slots[i].state = SLOT_AWAY; /* takes no room yet */
		if (swaps(s, i)) {
			enrol(s, i);
		}
	}
	if (w->self == NULL || !swap_fits(s)) {
		return false;
	}
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		if (w->slots[i].swaps) {
			begin_somewhere(s, i);
		}
	}
	return true;
}

void swap_free(struct sim *s)
{
	struct swap *const w = s->swap;
	if (w == NULL) {
		return;
	}
	free(w->self);
	free(w->slots);
	free(w->room);
	free(w->claimed);
	free(w->links);
	free(w->first_link);
	free(w->pool);
	free(w->overdrawn);
	free(w->chosen);
	free(w->asking);
	free(w);
}

uint32_t swap_count(const struct sim *s, uint32_t replica)
{
	return s->swap->slots[replica].count;
}
