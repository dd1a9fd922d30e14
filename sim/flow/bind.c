/*
 * Cost models, memory plans and policies of the services. Everything that can be wrong with a
 * scenario beyond its syntax is found here or in place.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "policy/registry.h"
#include "flow/node_level.h"
#include "flow/scale.h"
#include "flow/storage.h"

static void fail(struct sim *s, const struct scenario_service *spec, const char *what)
{
	char *const where = mem_printf("%s: services.%s", s->sc->file, spec->name);
	err_add(s->err, ERR_INFEASIBLE, where, "%s", what);
	free(where);
}

static void shape_of(const struct scenario_service *spec, struct llm_shape *shape)
{
	llm_spec_shape(spec->llm, (enum precision)spec->precision,
	               (enum precision)spec->kv_precision, shape);
}

/* A node kind on which one replica fits with these changes, or NULL. */
static const struct scenario_nodes *fits_with(const struct sim *s,
                                              const struct scenario_service *spec, int precision,
                                              int64_t gpus, double utilization)
{
	struct engine_options options = spec->options;
	struct llm_shape shape;
	options.gpu_memory_utilization = utilization;
	llm_spec_shape(spec->llm, (enum precision)precision, (enum precision)spec->kv_precision,
	               &shape);
	for (size_t k = 0; k < s->sc->n_nodes; k++) {
		struct memory_plan plan;
		perf_memory(scenario_visible(spec, &s->sc->nodes[k]), &shape, &options, gpus,
		            &plan);
		if (plan.blocks > plan.state_blocks && s->sc->nodes[k].gpus >= gpus) {
			return &s->sc->nodes[k];
		}
	}
	return NULL;
}

/* The smallest fraction, in hundredths, that holds the model; NULL: none below a whole GPU. */
static char *advise_fraction(const struct sim *s, const struct scenario_service *spec)
{
	struct scenario_service other = *spec;
	for (int64_t hundredths = 1; hundredths < 100; hundredths++) {
		other.fraction_ppm = hundredths * (SHARE_WHOLE / 100);
		const struct scenario_nodes *const nodes =
			fits_with(s, &other, spec->precision, spec->tensor_parallel,
		                  spec->options.gpu_memory_utilization);
		if (nodes != NULL) {
			return mem_printf("%s 0.%02d fits on %s",
			                  swap_lets_overdraw(s->sc, spec) ? "fraction_limit"
			                                                  : "fraction",
			                  (int)hundredths, nodes->gpu_name);
		}
	}
	return NULL;
}

/* The smallest change that would make the model fit, for the message. */
static char *advice(const struct sim *s, const struct scenario_service *spec)
{
	if (spec->mig_profile != NULL) {
		return mem_strdup("use a larger mig_profile, a whole GPU or a smaller model");
	}
	char *const fraction = scenario_shares_gpu(spec) ? advise_fraction(s, spec) : NULL;
	if (fraction != NULL) {
		return fraction;
	}
	const double used = spec->options.gpu_memory_utilization;
	const struct scenario_nodes *nodes =
		fits_with(s, spec, spec->precision, spec->tensor_parallel, 0.95);
	if (nodes != NULL && used < 0.95) {
		return mem_printf("gpu_memory_utilization 0.95 instead of %.3g fits on %s", used,
		                  nodes->gpu_name);
	}
	for (int64_t gpus = 2 * spec->tensor_parallel; gpus <= 8; gpus *= 2) {
		nodes = fits_with(s, spec, spec->precision, gpus, used);
		if (nodes != NULL) {
			return mem_printf("gpus_per_replica: %lld fits on %s", (long long)gpus,
			                  nodes->gpu_name);
		}
	}
	for (int p = spec->precision + 1; p < PRECISION_COUNT; p++) {
		nodes = fits_with(s, spec, p, spec->tensor_parallel, used);
		if (nodes != NULL) {
			return mem_printf("precision \"%s\" fits on %s", precision_names[p],
			                  nodes->gpu_name);
		}
	}
	return mem_strdup("use GPUs with more memory or a smaller model");
}

static void fail_memory(struct sim *s, const struct scenario_service *spec,
                        const struct memory_plan *plan, const char *gpu)
{
	char weights[32], reserved[32], memory[32], missing[32];
	char *const hint = advice(s, spec);
	char *const what = mem_printf(
		"%s %s does not fit on %s: %s of weights and %s reserved per GPU of %s, %s missing "
		"for the KV cache of one sequence; %s",
		spec->model_name, precision_names[spec->precision], gpu,
		str_bytes(plan->weights, weights, sizeof(weights)),
		str_bytes(plan->reserved, reserved, sizeof(reserved)),
		str_bytes(plan->memory, memory, sizeof(memory)),
		str_bytes(plan->block * (plan->state_blocks + 1) - plan->kv, missing,
	                  sizeof(missing)),
		hint);
	fail(s, spec, what);
	free(what);
	free(hint);
}

/* Blocks that a part of a GPU has room for, up to its limit. */
static int64_t blocks_within(const struct bound_service *b, const struct scenario_nodes *nodes,
                             size_t kind)
{
	const struct memory_plan *const m = &b->memory[kind];
	return (scenario_limit(b->spec, nodes) - m->weights - m->reserved) / m->block;
}

/* A number of blocks that the scenario fixes may be more than a part of a GPU holds; of a whole one
 * it is believed, as what fits there was measured. */
static bool holds_blocks(struct sim *s, const struct bound_service *b, size_t kind)
{
	const struct scenario_nodes *const nodes = &s->sc->nodes[kind];
	const int64_t within = blocks_within(b, nodes, kind), blocks = b->options.kv_blocks;
	if (!scenario_shares_gpu(b->spec) || blocks <= within) {
		return true;
	}
	char *const what = mem_printf("%lld kv_blocks do not fit into its part of %s; %lld do",
	                              (long long)blocks, nodes->gpu_name, (long long)within);
	fail(s, b->spec, what);
	free(what);
	return false;
}

/* Weights narrower than what the GPU computes in save memory and reading, not arithmetic. */
static void remark_precision(struct sim *s, const struct scenario_service *spec)
{
	for (size_t k = 0; k < s->sc->n_nodes; k++) {
		if (!(s->sc->nodes[k].gpu->flops_per_s[spec->precision] > 0.0)) {
			err_note(s->err,
			         "%s: services.%s: %s has no %s arithmetic: such weights are "
			         "computed in bf16",
			         s->sc->file, spec->name, s->sc->nodes[k].gpu_name,
			         precision_names[spec->precision]);
		}
	}
}

/* Cost model and memory plan per kind of node; false when the model fits on none. */
static bool bind_models(struct sim *s, struct bound_service *b)
{
	const struct scenario_service *const spec = b->spec;
	const size_t n_kinds = s->sc->n_nodes;
	struct llm_shape shape;
	bool fits = false, holds = true;
	shape_of(spec, &shape);
	b->perf = mem_new(n_kinds, sizeof(struct perf *));
	b->memory = mem_new(n_kinds, sizeof(*b->memory));
	b->most = mem_new(n_kinds, sizeof(*b->most));
	for (size_t k = 0; k < n_kinds; k++) {
		struct mig_slice slice;
		perf_memory(scenario_visible(spec, &s->sc->nodes[k]), &shape, &b->options,
		            spec->tensor_parallel, &b->memory[k]);
		perf_memory(scenario_limit(spec, &s->sc->nodes[k]), &shape, &b->options,
		            spec->tensor_parallel, &b->most[k]);
		if (swap_lets_overdraw(s->sc, spec) &&
		    b->memory[k].blocks <= b->memory[k].state_blocks) {
			b->memory[k] = b->most[k]; /* swap_fit.c */
		}
		if (b->memory[k].blocks <= b->memory[k].state_blocks) {
			continue;
		}
		fits = true;
		holds = holds_blocks(s, b, k) && holds;
		const struct gpu_spec gpu = scenario_slice(spec, &s->sc->nodes[k], &slice)
		                                    ? gpu_spec_cut(s->sc->nodes[k].gpu, &slice)
		                                    : *s->sc->nodes[k].gpu;
		const struct perf_ask ask = {
			.gpu = &gpu,
			.llm = &shape,
			.costs = &spec->costs[k].constants,
			.weights = (enum precision)spec->precision,
			.overlap = b->options.overlap,
			.tensor_parallel = spec->tensor_parallel,
			.max_seqs = b->options.max_num_seqs,
		};
		b->perf[k] = perf_new(&ask);
	}
	if (fits) {
		remark_precision(s, spec);
	}
	if (spec->autoscaler.hard_limit > 0 &&
	    spec->autoscaler.hard_limit < b->options.max_num_seqs) {
		b->options.max_num_seqs = spec->autoscaler.hard_limit; /* and what waits, waits */
	}
	if (!fits) {
		fail_memory(s, spec, &b->memory[0], s->sc->nodes[0].gpu_name);
	}
	return fits && holds;
}

void *bind_policy(struct sim *s, const struct policy_head *head,
                  const struct scenario_policy *written, bool replaced)
{
	static const struct option none[] = {{.name = NULL}};
	const struct option *const options = head->options != NULL ? head->options : none;
	void *const self = mem_new(1, head->self_size + 1);
	if (written->block == NULL || replaced) {
		option_defaults(options, self);
		return self;
	}
	char *const text = json_dumps(written->block, JSON_ENCODE_ANY);
	json_t *const block = json_loads(text, 0, NULL);
	free(text);
	char *const where = mem_printf("%s: %s", s->sc->file, written->path);
	json_object_del(block, "policy");
	const struct json_at at = json_root(block, where, s->err);
	const bool ok = option_fill(options, self, &at, "scenario", NULL);
	free(where);
	json_decref(block);
	if (!ok) {
		free(self);
		return NULL;
	}
	return self;
}

void bind_fail_policy(struct sim *s, const char *kind, const struct scenario_policy *written)
{
	size_t n;
	const char *const *const names = registry_names(kind, &n);
	const char *const near = str_nearest(written->name, names, n);
	char *const where = mem_printf("%s: %s", s->sc->file, written->path);
	err_add(s->err, ERR_INPUT, where, "unknown %s policy \"%s\"; %s \"%s\"%s", kind,
	        written->name, near != NULL ? "did you mean" : "the first known one is",
	        near != NULL ? near : names[0], near != NULL ? "?" : "");
	free(where);
}

static bool bind_routing(struct sim *s, struct bound_service *b)
{
	const struct scenario_policy *const p = &b->spec->routing;
	b->routing = s->options.routing != NULL ? s->options.routing : routing_find(p->name);
	if (b->routing == NULL) {
		bind_fail_policy(s, "routing", p);
		return false;
	}
	b->routing_rng = rng_new(s->sc->seed, p->path);
	b->routing_self = bind_policy(s, &b->routing->head, p, s->options.routing != NULL);
	return b->routing_self != NULL;
}

/* Under a preset the fraction is the share of compute; a scenario that says otherwise is wrong. */
static bool knows_fractions_only(struct sim *s, const struct scenario_service *spec)
{
	if (spec->compute_request_ppm == 0 && spec->compute_limit_ppm == SHARE_WHOLE) {
		return true;
	}
	char *const where = mem_printf("%s: services.%s", s->sc->file, spec->name);
	err_add(s->err, ERR_INPUT, where,
	        "compute_request and compute_limit are the fraction under %s; use \"time_slicing\"",
	        s->compute_share->head.name);
	free(where);
	return false;
}

/* Slices under the policy that cuts GPUs, fractions under the others. */
static bool asks_as_it_is_cut(struct sim *s, const struct scenario_service *spec)
{
	if (s->compute_share->cuts ? !scenario_shares_gpu(spec) : spec->mig_profile == NULL) {
		return true;
	}
	char *const where = mem_printf("%s: services.%s", s->sc->file, spec->name);
	err_add(s->err, ERR_INPUT, where, "%s",
	        s->compute_share->cuts
	                ? "under compute_share \"mig\" a replica asks for a mig_profile or for a "
	                  "whole GPU, not for a fraction"
	                : "mig_profile needs scheduler.compute_share \"mig\"");
	free(where);
	return false;
}

static bool bind_compute_share(struct sim *s)
{
	const struct scenario_policy *const p = &s->sc->compute_share;
	s->compute_share = compute_share_find(p->name);
	if (s->compute_share == NULL) {
		bind_fail_policy(s, "compute_share", p);
		return false;
	}
	s->compute_share_self = bind_policy(s, &s->compute_share->head, p, false);
	bool ok = s->compute_share_self != NULL;
	s->lease = ok && s->compute_share->lease != NULL
	                   ? s->compute_share->lease(s->compute_share_self)
	                   : 0;
	for (size_t i = 0; i < s->sc->n_services; i++) {
		const struct scenario_service *const spec = &s->sc->services[i];
		ok = asks_as_it_is_cut(s, spec) && ok;
		ok = (!s->compute_share->by_fraction || knows_fractions_only(s, spec)) && ok;
	}
	return ok;
}

static bool bind_oom_victim(struct sim *s)
{
	const struct scenario_policy *const p = &s->sc->oom_victim;
	s->oom_victim = oom_victim_find(p->name);
	if (s->oom_victim == NULL) {
		bind_fail_policy(s, "oom_victim", p);
		return false;
	}
	s->oom_victim_self = bind_policy(s, &s->oom_victim->head, p, false);
	return s->oom_victim_self != NULL;
}

/* The policy has no state: the scheduler's cycle is a pure function. */
static bool bind_priority(struct sim *s)
{
	const struct scenario_policy *const p = &s->sc->priority;
	s->priority = priority_find(p->name);
	if (s->priority == NULL) {
		bind_fail_policy(s, "priority", p);
		return false;
	}
	void *const self = bind_policy(s, &s->priority->head, p, false);
	free(self);
	return self != NULL;
}

/*
 * Prefix caching is worth its bookkeeping where requests may share text. What a Mamba-2 layer knows
 * of a prefix is not in its blocks, so engines turn it off there (vLLM: hybrid models). An elastic
 * pool gives free blocks back with what is in them.
 */
static bool caches_prefixes(const struct sim *s, uint32_t service)
{
	const struct bound_service *const b = &s->services[service];
	bool shares = false;
	for (size_t i = 0; i < s->sc->n_loads; i++) {
		const struct scenario_load *const load = &s->sc->loads[i];
		shares = shares || (load->service == service && load_shares(load));
	}
	const bool kept = !scenario_shares_gpu(b->spec) || b->options.kv_pool == KV_POOL_STATIC;
	return shares && kept && b->options.prefix_cache && b->spec->llm->layers_mamba == 0;
}

bool bind_services(struct sim *s)
{
	const struct scenario *const sc = s->sc;
	uint32_t replicas = 0;
	bool ok = bind_compute_share(s);
	ok = bind_oom_victim(s) && ok;
	ok = bind_priority(s) && ok;
	ok = scale_bind(s) && ok;
	s->services = mem_new(sc->n_services, sizeof(*s->services));
	for (size_t i = 0; i < sc->n_services; i++) {
		struct bound_service *const b = &s->services[i];
		b->spec = &sc->services[i];
		b->options = b->spec->options;
		b->context = b->spec->llm->context;
		b->prefix_cache = caches_prefixes(s, (uint32_t)i);
		replicas += (uint32_t)b->spec->places;
		ok = bind_routing(s, b) && ok;
		ok = bind_models(s, b) && ok;
	}
	if (!ok) {
		return false;
	}
	cluster_init(&s->cluster, replicas, (uint32_t)sc->n_services);
	uint32_t first = 0;
	for (size_t i = 0; i < sc->n_services; i++) {
		const uint32_t n = (uint32_t)sc->services[i].places;
		service_init(&s->cluster.services[i], first, n, s->services[i].routing->measure);
		first += n;
	}
	if (life_needed(sc)) {
		life_new(s);
	}
	if (!place_replicas(s)) {
		return false;
	}
	node_level_begin(s);
	share_build(s);
	storage_begin(s);
	if (!swap_begin(s)) {
		return false;
	}
	memory_begin(s);
	return true;
}

void unbind_services(struct sim *s)
{
	for (size_t i = 0; s->services != NULL && i < s->sc->n_services; i++) {
		struct bound_service *const b = &s->services[i];
		for (size_t k = 0; b->perf != NULL && k < s->sc->n_nodes; k++) {
			perf_free(b->perf[k]);
		}
		free(b->perf);
		free(b->memory);
		free(b->most);
		free(b->routing_self);
		rng_free(b->routing_rng);
	}
	free(s->services);
	free(s->compute_share_self);
	free(s->oom_victim_self);
	free(s->placement_self);
	rng_free(s->placement_rng);
	swap_free(s);
	node_level_free(s);
	storage_free(s);
	share_free(s);
	cluster_fini(&s->cluster);
}
