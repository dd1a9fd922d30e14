/* Replicas onto GPUs: what they ask for, where the placement policy puts them, why that failed. */
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "state/prefix_cache.h"
#include "policy/registry.h"
#include "flow/life.h"
#include "flow/node_level.h"

/* Does a replica ask for more memory than any GPU has? */
static bool fits_nowhere(const struct sim *s, const struct scenario_service *spec)
{
	bool fits = false;
	for (size_t k = 0; k < s->sc->n_nodes; k++) {
		fits = fits || scenario_request(spec, &s->sc->nodes[k]) <=
		                       scenario_gpu_memory(&s->sc->nodes[k]);
	}
	return !fits;
}

/* Say so, with the largest there is. */
static void fail_size(struct sim *s, const struct scenario_service *spec, const char *where)
{
	const struct scenario_nodes *largest = &s->sc->nodes[0];
	char asked[32], there[32];
	for (size_t k = 1; k < s->sc->n_nodes; k++) {
		if (scenario_gpu_memory(&s->sc->nodes[k]) > scenario_gpu_memory(largest)) {
			largest = &s->sc->nodes[k];
		}
	}
	err_add(s->err, ERR_INFEASIBLE, where,
	        "gpu_memory of %s is more than any GPU has, %s on %s; use gpus_per_replica or "
	        "another GPU",
	        str_bytes(scenario_request(spec, largest), asked, sizeof(asked)),
	        str_bytes(scenario_gpu_memory(largest), there, sizeof(there)), largest->gpu_name);
}

/* `placed` replicas found GPUs, the next did not. */
static void fail_room(struct sim *s, const struct scenario_service *spec, uint32_t placed,
                      const char *where)
{
	const bool one = spec->initial == 1, whole = spec->fraction_ppm == SHARE_WHOLE;
	char *const part = scenario_part_text(spec);
	err_add(s->err, ERR_INFEASIBLE, where, "%lld replica%s of %s%s: %s%u find%s %s; use %s",
	        (long long)spec->initial, one ? "" : "s", part, one ? "" : " each",
	        placed > 0 ? "only " : "", placed, placed == 1 ? "s" : "",
	        whole ? "free GPUs" : "room",
	        whole ? "fewer replicas or more nodes"
	              : "fewer replicas, more nodes or another scheduler.placement");
	free(part);
}

static void fail_gpus(struct sim *s, const struct scenario_service *spec, uint32_t placed)
{
	char *const where = mem_printf("%s: services.%s", s->sc->file, spec->name);
	int64_t largest = 0;
	for (size_t k = 0; k < s->sc->n_nodes; k++) {
		largest = s->sc->nodes[k].gpus > largest ? s->sc->nodes[k].gpus : largest;
	}
	if (spec->gpus_per_replica > largest) {
		err_add(s->err, ERR_INFEASIBLE, where,
		        "a replica needs %lld GPUs of one node, the largest node has %lld",
		        (long long)spec->gpus_per_replica, (long long)largest);
	} else if (fits_nowhere(s, spec)) {
		fail_size(s, spec, where);
	} else {
		fail_room(s, spec, placed, where);
	}
	free(where);
}

/*
 * What a replica holds of a shared GPU, and may hold. Where it may borrow, its engine sizes its
 * pool by the limit: then all of the request is its own, not only what an engine that sees the
 * request would use of it. Who needs more than its request is there with its limit or not at all
 * (swap_fit.c).
 */
static void take_seat(struct seat *seat, const struct bound_service *b, uint32_t kind,
                      bytes_t request)
{
	const struct memory_plan *const own = &b->memory[kind];
	const bool shared = scenario_shares_gpu(b->spec);
	seat->base = own->weights + own->reserved;
	seat->block = own->block;
	seat->own = own->blocks;
	seat->most = own->blocks;
	if (shared && scenario_borrows(b->spec)) {
		const int64_t granted = (request - seat->base) / seat->block;
		const int64_t most = b->most[kind].blocks;
		seat->most = most > own->blocks ? most : own->blocks;
		seat->own = granted < seat->most && own->memory <= request ? granted : seat->most;
	}
	if (shared && b->options.kv_pool == KV_POOL_ELASTIC) {
		seat->step = (b->options.kv_step + own->block - 1) / own->block;
	}
}

/* A replica has a KV cache and a front end as on this kind of node. */
static void furnish(struct sim *s, uint32_t replica, uint32_t kind, bytes_t request)
{
	struct replica *const r = &s->cluster.replicas[replica];
	const struct bound_service *const b = &s->services[r->service];
	const struct memory_plan *const plan = &b->memory[kind];
	const int64_t peak = r->kv.peak;
	take_seat(&s->cluster.seats[replica], b, kind, request);
	r->gpu_kind = kind;
	r->stream = perf_stream(b->perf[kind]);
	kv_cache_fini(&r->kv);
	kv_cache_init(&r->kv, plan->blocks, plan->state_blocks, b->options.kv_block_tokens,
	              b->options.kv_reservation == KV_ON_DEMAND);
	r->kv.peak = peak;
	r->kv.least = b->options.kv_reservation == KV_CONTEXT ? b->context : 0;
	r->kv.prefix = b->prefix_cache ? prefix_cache_new() : NULL;
}

void place_parts(const struct sim *s, uint32_t service, struct gpu_part *part)
{
	const struct bound_service *const b = &s->services[service];
	for (size_t k = 0; k < s->sc->n_nodes; k++) {
		struct mig_slice slice = {0, 0};
		scenario_slice(b->spec, &s->sc->nodes[k], &slice);
		part[k] = (struct gpu_part){
			.bytes = b->perf[k] != NULL ? scenario_request(b->spec, &s->sc->nodes[k])
		                                    : 0,
			.whole = b->spec->fraction_ppm == SHARE_WHOLE,
			.compute = slice.compute,
			.memory = slice.memory,
		};
	}
}

void place_on(struct sim *s, uint32_t replica, const uint32_t *gpus)
{
	const uint32_t service = s->cluster.replicas[replica].service;
	const uint32_t kind = s->cluster.nodes[s->cluster.gpus[gpus[0]].node].kind;
	struct gpu_part *const part = mem_new(s->sc->n_nodes, sizeof(*part));
	place_parts(s, service, part);
	cluster_place(&s->cluster, replica, gpus,
	              (uint32_t)s->services[service].spec->gpus_per_replica, &part[kind]);
	furnish(s, replica, kind, part[kind].bytes);
	free(part);
	node_level_place(s, replica);
}

void place_leave(struct sim *s, uint32_t replica)
{
	node_level_leave(s, replica);
	cluster_leave(&s->cluster, replica);
}

/* Where the placement policy puts a replica, into gpus[]; false: there is no room. */
static bool find_gpus(struct sim *s, uint32_t service, uint32_t *gpus)
{
	const struct view view = {&s->cluster, s->events.now, s->placement_rng};
	struct gpu_part *const part = mem_new(s->sc->n_nodes, sizeof(*part));
	const struct placement_ask ask = {
		.part = part,
		.gpus = (uint32_t)s->services[service].spec->gpus_per_replica,
	};
	place_parts(s, service, part);
	const bool found =
		placement_choose(s->placement, s->placement_self, &view, &ask, gpus) != NODE_NONE;
	sim_assert(!found || verify_placement(&s->cluster, &ask, gpus));
	if (found && s->node_level != NULL) {
		node_level_prefer(&s->cluster, gpus, ask.gpus);
	}
	free(part);
	return found;
}

bool place_pending(struct sim *s, uint32_t replica)
{
	const uint32_t service = s->cluster.replicas[replica].service;
	uint32_t *const gpus =
		mem_new((size_t)s->services[service].spec->gpus_per_replica, sizeof(*gpus));
	const bool found = find_gpus(s, service, gpus);
	if (found) {
		life_bind(s, replica, gpus);
	}
	free(gpus);
	return found;
}

/* Replicas that are not there yet are as on the first kind of node that holds one. */
static void furnish_absent(struct sim *s, uint32_t service)
{
	const struct bound_service *const b = &s->services[service];
	uint32_t kind = 0;
	while (b->perf[kind] == NULL) {
		kind++;
	}
	for (uint32_t i = 0; i < s->cluster.services[service].n; i++) {
		const uint32_t replica = s->cluster.services[service].first + i;
		if (s->cluster.seats[replica].n_gpus == 0) {
			furnish(s, replica, kind, scenario_request(b->spec, &s->sc->nodes[kind]));
		}
	}
}

/* Is there a node that is large enough for one replica, if it were empty? */
static bool fits_somewhere(const struct sim *s, const struct bound_service *b)
{
	bool fits = false;
	for (size_t k = 0; k < s->sc->n_nodes; k++) {
		const struct scenario_nodes *const nodes = &s->sc->nodes[k];
		fits = fits || (b->perf[k] != NULL && nodes->gpus >= b->spec->gpus_per_replica &&
		                scenario_request(b->spec, nodes) <= scenario_gpu_memory(nodes));
	}
	return fits;
}

static bool place_service(struct sim *s, uint32_t service)
{
	const struct bound_service *const b = &s->services[service];
	const uint32_t first = s->cluster.services[service].first;
	uint32_t *const gpus = mem_new((size_t)b->spec->gpus_per_replica, sizeof(*gpus));
	uint32_t placed = 0;
	for (uint32_t i = 0; i < s->cluster.services[service].n; i++) {
		s->cluster.replicas[first + i].service = service;
		s->cluster.replicas[first + i].index = i;
	}
	while (placed < b->spec->initial && find_gpus(s, service, gpus)) {
		place_on(s, first + placed, gpus);
		placed++;
	}
	free(gpus);
	if (placed < b->spec->initial || !fits_somewhere(s, b)) {
		fail_gpus(s, b->spec, placed);
		return false;
	}
	furnish_absent(s, service);
	return true;
}

bool place_replicas(struct sim *s)
{
	const struct scenario_policy *const written = &s->sc->placement;
	bool ok = true;
	s->placement = placement_find(written->name);
	if (s->placement == NULL) {
		bind_fail_policy(s, "placement", written);
		return false;
	}
	s->placement_self = bind_policy(s, &s->placement->head, written, false);
	s->placement_rng = rng_new(s->sc->seed, written->path);
	for (size_t k = 0; k < s->sc->n_nodes; k++) {
		const struct scenario_nodes *const nodes = &s->sc->nodes[k];
		cluster_add_nodes(&s->cluster, (uint32_t)k, (uint32_t)nodes->count,
		                  (uint32_t)nodes->gpus, scenario_gpu_memory(nodes));
	}
	for (uint32_t i = 0; s->placement_self != NULL && i < s->sc->n_services; i++) {
		ok = place_service(s, i) && ok;
	}
	return ok && s->placement_self != NULL;
}
