/* Who may be swapped, who is on its GPUs at first, and what becomes of it all. */
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "policy/registry.h"
#include "flow/swap.h"

bool swap_can(const struct sim *s, uint32_t replica)
{
	const struct replica *const r = &s->cluster.replicas[replica];
	return r->group != GROUP_NONE && scenario_borrows(s->services[r->service].spec);
}

static const struct scenario_nodes *nodes_of(const struct sim *s, uint32_t replica)
{
	return &s->sc->nodes[s->cluster.replicas[replica].gpu_kind];
}

void swap_change_room(struct sim *s, uint32_t replica, int sign)
{
	const struct replica *const r = &s->cluster.replicas[replica];
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(&s->cluster, replica, &n);
	for (uint32_t k = 0; k < n; k++) {
		s->swap->room[gpus[k]] +=
			sign * scenario_request(s->services[r->service].spec, nodes_of(s, replica));
	}
}

/* Of each GPU what those that stay do not request. */
static void make_room(struct sim *s)
{
	for (uint32_t i = 0; i < s->cluster.n_gpus; i++) {
		s->swap->room[i] = s->cluster.gpus[i].memory;
	}
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		if (s->cluster.replicas[i].group != GROUP_NONE && !swap_can(s, i)) {
			s->swap->slots[i].state = SLOT_THERE;
			swap_change_room(s, i, -1);
		}
	}
}

/* A replica may swap. */
static void enrol(struct sim *s, uint32_t replica)
{
	struct swap_slot *const slot = &s->swap->slots[replica];
	slot->swaps = true;
	slot->most = s->cluster.seats[replica].most;
	swap_size(s, replica);
}

/* Would the policy let anybody go? Then who comes later begins in host memory. */
static bool anybody_goes(const struct sim *s)
{
	const struct view view = {&s->cluster, 0, NULL};
	const struct swap_candidate one = {.replica = 0};
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
	const uint32_t node = cluster_node_of(&s->cluster, replica);
	bool lacks = false;
	for (uint32_t i = 0; i < n; i++) {
		lacks = lacks || swap_lacks(s, replica, gpus[i]);
	}
	slot->state = SLOT_THERE;
	if (lacks && w->pool[node] + host <= s->sc->swap.host_memory && w->sends) {
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
	w->sends = w->self != NULL && anybody_goes(s);
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		if (swap_can(s, i)) {
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
