/*
 * Where there is swap, a replica may request less than its engine needs to run at all: the cluster
 * places it by its request, and it is on its GPUs with all of its limit or in host memory, never
 * beside others by requests alone. That works on a node where whoever has to go always can: the
 * policy sends somebody, and host memory holds all who swap there at once.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "flow/life.h"
#include "flow/swap.h"

bool swap_lets_overdraw(const struct scenario *sc, const struct scenario_service *spec)
{
	return sc->swap.on && scenario_borrows(spec) && !life_needed(sc);
}

static const struct scenario_nodes *nodes_of(const struct sim *s, uint32_t replica)
{
	return &s->sc->nodes[s->cluster.replicas[replica].gpu_kind];
}

/* Does it need more than its request, and so never come beside others? */
static bool overdraws(const struct sim *s, uint32_t replica)
{
	const struct replica *const r = &s->cluster.replicas[replica];
	const struct bound_service *const b = &s->services[r->service];
	return s->swap->slots[replica].swaps &&
	       b->memory[r->gpu_kind].memory > scenario_request(b->spec, nodes_of(s, replica));
}

static void fail(struct sim *s, const char *place, char *what)
{
	char *const where = mem_printf("%s: %s", s->sc->file, place);
	err_add(s->err, ERR_INFEASIBLE, where, "%s", what);
	free(where);
	free(what);
}

/* Beside those that are never swapped there is room for its engine and one sequence. */
static bool finds_room(struct sim *s, uint32_t replica)
{
	const struct seat *const seat = &s->cluster.seats[replica];
	const struct replica *const r = &s->cluster.replicas[replica];
	const struct bound_service *const b = &s->services[r->service];
	const int64_t state = b->memory[r->gpu_kind].state_blocks;
	char room[32], needed[32];
	if (seat->most > state) {
		return true;
	}
	char *const place = mem_printf("services.%s", b->spec->name);
	fail(s, place,
	     mem_printf("those that are never swapped leave %s on its %s, and it needs %s to run; "
	                "give them a fraction_limit above their request, or use more nodes",
	                str_bytes(s->swap->slots[replica].reserve, room, sizeof(room)),
	                nodes_of(s, replica)->gpu_name,
	                str_bytes(seat->base + (state + 1) * seat->block, needed, sizeof(needed))));
	free(place);
	return false;
}

/* The most that a replica leaves in host memory: an elastic pool at rest is below two steps. */
static bytes_t most_in_host(const struct sim *s, uint32_t replica)
{
	const struct seat *const seat = &s->cluster.seats[replica];
	const int64_t at_rest = seat->step > 0 ? 2 * seat->step : seat->most;
	return swap_in_host(s, replica, at_rest < seat->most ? at_rest : seat->most);
}

/* Is there room for all who swap on the node of this replica, which needs that? */
static bool host_holds_all(struct sim *s, uint32_t replica)
{
	const uint32_t node = cluster_node_of(&s->cluster, replica);
	bytes_t all = 0;
	uint32_t n = 0;
	char has[32], wants[32];
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		if (s->swap->slots[i].swaps && cluster_node_of(&s->cluster, i) == node) {
			all += most_in_host(s, i);
			n++;
		}
	}
	if (all <= s->sc->swap.host_memory) {
		return true;
	}
	fail(s, "scheduler.swap",
	     mem_printf("host_memory %s must hold all %u replicas that take turns on a node of %s, "
	                "%s, as %s is larger than its request",
	                str_bytes(s->sc->swap.host_memory, has, sizeof(has)), n,
	                nodes_of(s, replica)->name, str_bytes(all, wants, sizeof(wants)),
	                s->services[s->cluster.replicas[replica].service].spec->name));
	return false;
}

static bool somebody_goes(struct sim *s, uint32_t replica)
{
	const struct replica *const r = &s->cluster.replicas[replica];
	if (s->swap->sends) {
		return true;
	}
	fail(s, "scheduler.swap",
	     mem_printf("policy \"%s\" sends nobody out, but %s is larger than its request; use "
	                "\"lru\", or a larger fraction",
	                s->swap->policy->head.name, s->services[r->service].spec->name));
	return false;
}

bool swap_fits(struct sim *s)
{
	bool ok = true;
	for (uint32_t i = 0; i < s->cluster.n_replicas && ok; i++) {
		if (!s->swap->slots[i].swaps) {
			continue;
		}
		ok = finds_room(s, i);
		bool *const overdrawn = &s->swap->overdrawn[cluster_node_of(&s->cluster, i)];
		if (ok && overdraws(s, i) && !*overdrawn) {
			*overdrawn = true;
			ok = somebody_goes(s, i) && host_holds_all(s, i);
		}
	}
	return ok;
}
