/*
 * Replicas onto whole GPUs (first node with room, in the order of the scenario), cost models, KV
 * caches and policies. Everything that can be wrong with a scenario beyond its syntax is found
 * here.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "state/prefix_cache.h"
#include "policy/registry.h"
#include "flow/flow.h"

struct free_gpus {     /* of one node */
	uint32_t kind; /* index of scenario.nodes */
	int64_t used;
};

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
		perf_memory(s->sc->nodes[k].gpu, &shape, &options, gpus, &plan);
		if (plan.blocks > plan.state_blocks && s->sc->nodes[k].gpus >= gpus) {
			return &s->sc->nodes[k];
		}
	}
	return NULL;
}

/* The smallest change that would make the model fit, for the message. */
static char *advice(const struct sim *s, const struct scenario_service *spec)
{
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
	bool fits = false;
	shape_of(spec, &shape);
	b->perf = mem_new(n_kinds, sizeof(struct perf *));
	b->memory = mem_new(n_kinds, sizeof(*b->memory));
	for (size_t k = 0; k < n_kinds; k++) {
		const struct gpu_spec *const gpu = s->sc->nodes[k].gpu;
		perf_memory(gpu, &shape, &b->options, spec->tensor_parallel, &b->memory[k]);
		if (b->memory[k].blocks <= b->memory[k].state_blocks) {
			continue;
		}
		fits = true;
		const struct perf_ask ask = {
			.gpu = gpu,
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
	if (!fits) {
		fail_memory(s, spec, &b->memory[0], s->sc->nodes[0].gpu_name);
	}
	return fits;
}

/* The options of a policy's object form, its own name left out. */
static bool fill_routing(struct sim *s, struct bound_service *b)
{
	static const struct option none[] = {{.name = NULL}};
	const struct option *const options =
		b->routing->head.options != NULL ? b->routing->head.options : none;
	b->routing_self = mem_new(1, b->routing->head.self_size + 1);
	if (b->spec->routing.block == NULL || s->options.routing != NULL) {
		option_defaults(options, b->routing_self);
		return true;
	}
	char *const text = json_dumps(b->spec->routing.block, JSON_ENCODE_ANY);
	json_t *const block = json_loads(text, 0, NULL);
	free(text);
	char *const where = mem_printf("%s: %s", s->sc->file, b->spec->routing.path);
	json_object_del(block, "policy");
	const struct json_at at = json_root(block, where, s->err);
	const bool ok = option_fill(options, b->routing_self, &at, "scenario", NULL);
	free(where);
	json_decref(block);
	return ok;
}

static bool bind_routing(struct sim *s, struct bound_service *b)
{
	const struct scenario_policy *const p = &b->spec->routing;
	b->routing = s->options.routing != NULL ? s->options.routing : routing_find(p->name);
	if (b->routing != NULL) {
		b->routing_rng = rng_new(s->sc->seed, p->path);
		return fill_routing(s, b);
	}
	size_t n;
	const char *const *const names = routing_names(&n);
	const char *const near = str_nearest(p->name, names, n);
	char *const where = mem_printf("%s: %s", s->sc->file, p->path);
	err_add(s->err, ERR_INPUT, where, "unknown routing policy \"%s\"; %s \"%s\"%s", p->name,
	        near != NULL ? "did you mean" : "the first known one is",
	        near != NULL ? near : names[0], near != NULL ? "?" : "");
	free(where);
	return false;
}

/*
 * Prefix caching is worth its bookkeeping where requests may share text. What a Mamba-2 layer knows
 * of a prefix is not in its blocks, so engines turn it off there (vLLM: hybrid models).
 */
static bool caches_prefixes(const struct sim *s, uint32_t service)
{
	const struct bound_service *const b = &s->services[service];
	bool shares = false;
	for (size_t i = 0; i < s->sc->n_loads; i++) {
		const struct scenario_load *const load = &s->sc->loads[i];
		shares = shares || (load->service == service && load_shares(load));
	}
	return shares && b->options.prefix_cache && b->spec->llm->layers_mamba == 0;
}

static void place(struct sim *s, uint32_t service, uint32_t index, const struct free_gpus *node)
{
	const struct bound_service *const b = &s->services[service];
	const struct memory_plan *const plan = &b->memory[node->kind];
	struct replica *const r = &s->cluster.replicas[s->cluster.services[service].first + index];
	r->service = service;
	r->index = index;
	r->gpu_kind = node->kind;
	r->stream = perf_stream(b->perf[node->kind]);
	kv_cache_init(&r->kv, plan->blocks, plan->state_blocks, b->options.kv_block_tokens,
	              b->options.kv_reservation == KV_ON_DEMAND);
	r->kv.prefix = b->prefix_cache ? prefix_cache_new() : NULL;
}

/* `placed` replicas found GPUs, the next did not. */
static void fail_gpus(struct sim *s, const struct scenario_service *spec, uint32_t placed)
{
	int64_t largest = 0;
	for (size_t k = 0; k < s->sc->n_nodes; k++) {
		largest = s->sc->nodes[k].gpus > largest ? s->sc->nodes[k].gpus : largest;
	}
	char *const what =
		spec->gpus_per_replica > largest
			? mem_printf(
				  "a replica needs %lld GPUs of one node, the largest node has %lld",
				  (long long)spec->gpus_per_replica, (long long)largest)
			: mem_printf(
				  "%lld replicas of %lld GPU%s each: only %u find%s free GPUs; use "
				  "fewer replicas or more nodes",
				  (long long)spec->replicas, (long long)spec->gpus_per_replica,
				  spec->gpus_per_replica == 1 ? "" : "s", placed,
				  placed == 1 ? "s" : "");
	fail(s, spec, what);
	free(what);
}

/* Every replica of a service onto the first node with enough free GPUs of a kind that holds it. */
static bool place_service(struct sim *s, uint32_t service, struct free_gpus *nodes, size_t n_nodes)
{
	const struct bound_service *const b = &s->services[service];
	const int64_t wanted = b->spec->gpus_per_replica;
	size_t j = 0;
	for (uint32_t i = 0; i < b->spec->replicas; i++) {
		while (j < n_nodes && (b->perf[nodes[j].kind] == NULL ||
		                       nodes[j].used + wanted > s->sc->nodes[nodes[j].kind].gpus)) {
			j++;
		}
		if (j == n_nodes) {
			fail_gpus(s, b->spec, i);
			return false;
		}
		place(s, service, i, &nodes[j]);
		nodes[j].used += wanted;
	}
	return true;
}

static bool place_all(struct sim *s)
{
	size_t n_nodes = 0;
	for (size_t k = 0; k < s->sc->n_nodes; k++) {
		n_nodes += (size_t)s->sc->nodes[k].count;
	}
	struct free_gpus *const nodes = mem_new(n_nodes, sizeof(*nodes));
	uint32_t n = 0;
	for (size_t k = 0; k < s->sc->n_nodes; k++) {
		for (int64_t i = 0; i < s->sc->nodes[k].count; i++, n++) {
			nodes[n] = (struct free_gpus){(uint32_t)k, 0};
		}
	}
	bool ok = true;
	for (uint32_t i = 0; i < s->sc->n_services; i++) {
		ok = place_service(s, i, nodes, n_nodes) && ok;
	}
	free(nodes);
	return ok;
}

bool bind_services(struct sim *s)
{
	const struct scenario *const sc = s->sc;
	uint32_t replicas = 0;
	bool ok = true;
	s->services = mem_new(sc->n_services, sizeof(*s->services));
	for (size_t i = 0; i < sc->n_services; i++) {
		struct bound_service *const b = &s->services[i];
		b->spec = &sc->services[i];
		b->options = b->spec->options;
		b->context = b->spec->llm->context;
		b->prefix_cache = caches_prefixes(s, (uint32_t)i);
		replicas += (uint32_t)b->spec->replicas;
		ok = bind_routing(s, b) && ok;
		ok = bind_models(s, b) && ok;
	}
	if (!ok) {
		return false;
	}
	cluster_init(&s->cluster, replicas, (uint32_t)sc->n_services);
	uint32_t first = 0;
	for (size_t i = 0; i < sc->n_services; i++) {
		const uint32_t n = (uint32_t)sc->services[i].replicas;
		service_init(&s->cluster.services[i], first, n, s->services[i].routing->measure);
		first += n;
	}
	return place_all(s);
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
		free(b->routing_self);
		rng_free(b->routing_rng);
	}
	free(s->services);
	cluster_fini(&s->cluster);
}
