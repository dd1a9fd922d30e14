/* Replicas onto GPUs: what they ask for, where the placement policy puts them, why that failed. */
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "state/prefix_cache.h"
#include "policy/registry.h"
#include "flow/flow.h"

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
	const bool one = spec->replicas == 1, whole = spec->fraction_ppm == SHARE_WHOLE;
	char *const part = scenario_part_text(spec);
	err_add(s->err, ERR_INFEASIBLE, where, "%lld replica%s of %s%s: %s%u find%s %s; use %s",
	        (long long)spec->replicas, one ? "" : "s", part, one ? "" : " each",
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
 * request would use of it.
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
		seat->own = granted < seat->most ? granted : seat->most;
	}
	if (shared && b->options.kv_pool == KV_POOL_ELASTIC) {
		seat->step = (b->options.kv_step + own->block - 1) / own->block;
	}
}

/* The replica gets its GPUs, its KV cache and its front end. */
static void settle_in(struct sim *s, uint32_t service, uint32_t index, const uint32_t *gpus,
                      const struct gpu_part *part)
{
	const struct bound_service *const b = &s->services[service];
	const uint32_t replica = s->cluster.services[service].first + index;
	struct replica *const r = &s->cluster.replicas[replica];
	const uint32_t kind = s->cluster.nodes[s->cluster.gpus[gpus[0]].node].kind;
	const struct memory_plan *const plan = &b->memory[kind];
	cluster_place(&s->cluster, replica, gpus, (uint32_t)b->spec->gpus_per_replica, &part[kind]);
	take_seat(&s->cluster.seats[replica], b, kind, part[kind].bytes);
	r->service = service;
	r->index = index;
	r->gpu_kind = kind;
	r->stream = perf_stream(b->perf[kind]);
	kv_cache_init(&r->kv, plan->blocks, plan->state_blocks, b->options.kv_block_tokens,
	              b->options.kv_reservation == KV_ON_DEMAND);
	r->kv.least = b->options.kv_reservation == KV_CONTEXT ? b->context : 0;
	r->kv.prefix = b->prefix_cache ? prefix_cache_new() : NULL;
}

static bool place_service(struct sim *s, uint32_t service, const struct placement_policy *policy,
                          void *self, struct rng *rng)
{
	const struct bound_service *const b = &s->services[service];
	const struct view view = {&s->cluster, 0, rng};
	struct gpu_part *const part = mem_new(s->sc->n_nodes, sizeof(*part));
	uint32_t *const gpus = mem_new((size_t)b->spec->gpus_per_replica, sizeof(*gpus));
	const struct placement_ask ask = {
		.part = part,
		.gpus = (uint32_t)b->spec->gpus_per_replica,
	};
	uint32_t placed = 0;
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
	while (placed < b->spec->replicas &&
	       placement_choose(policy, self, &view, &ask, gpus) != NODE_NONE) {
		sim_assert(verify_placement(&s->cluster, &ask, gpus));
		settle_in(s, service, placed, gpus, part);
		placed++;
	}
	if (placed < b->spec->replicas) {
		fail_gpus(s, b->spec, placed);
	}
	free(part);
	free(gpus);
	return placed == b->spec->replicas;
}

bool place_replicas(struct sim *s)
{
	const struct scenario_policy *const written = &s->sc->placement;
	const struct placement_policy *const policy = placement_find(written->name);
	if (policy == NULL) {
		bind_fail_policy(s, "placement", written);
		return false;
	}
	void *const self = bind_policy(s, &policy->head, written, false);
	struct rng *const rng = rng_new(s->sc->seed, written->path);
	bool ok = self != NULL;
	for (size_t k = 0; k < s->sc->n_nodes; k++) {
		const struct scenario_nodes *const nodes = &s->sc->nodes[k];
		cluster_add_nodes(&s->cluster, (uint32_t)k, (uint32_t)nodes->count,
		                  (uint32_t)nodes->gpus, scenario_gpu_memory(nodes));
	}
	for (uint32_t i = 0; self != NULL && i < s->sc->n_services; i++) {
		ok = place_service(s, i, policy, self, rng) && ok;
	}
	rng_free(rng);
	free(self);
	return ok;
}
