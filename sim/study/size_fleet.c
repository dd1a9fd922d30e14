/* Tries clusters of one size after the other; placing replicas is cheap beside running them. */
#include "study/size_fleet.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/units.h"
#include "perf/perf.h"

/* What the tries have in common. */
struct fitting {
	const json_t *document;
	const char *file;
	struct data_dir *data;
	const struct sim_options *options;
	const struct scenario *sc; /* the document on its own machines */
	int64_t others;            /* GPUs of the groups that stay */
};

/* GPUs of a group. */
static int64_t gpus_of(const struct scenario_nodes *nodes)
{
	return nodes->count * nodes->gpus;
}

/* The sized group as JSON: full nodes, or the rest on one smaller node. */
static json_t *group(const json_t *written, const char *name, int64_t count, int64_t gpus)
{
	json_t *const out = json_deep_copy(written);
	json_object_set_new(out, "name", json_string(name));
	json_object_set_new(out, "count", json_integer(count));
	json_object_set_new(out, "gpus", json_integer(gpus));
	return out;
}

/* The place of the first group as it is written: those with "count" 0 are not there. */
static size_t first_group(const json_t *nodes)
{
	size_t i = 0;
	const json_t *count;
	do {
		count = json_object_get(json_array_get(nodes, i++), "count");
	} while (json_is_integer(count) && json_integer_value(count) == 0);
	return i - 1;
}

/* The document with so many GPUs in its first group; new reference. */
static json_t *with_gpus(const struct fitting *f, int64_t gpus)
{
	const struct scenario_nodes *const first = &f->sc->nodes[0];
	const int64_t full = gpus / first->gpus, rest = gpus % first->gpus;
	json_t *const document = json_deep_copy(f->document);
	json_t *const nodes = json_object_get(json_object_get(document, "cluster"), "nodes");
	const size_t at = first_group(nodes);
	json_t *const written = json_incref(json_array_get(nodes, at));
	json_array_remove(nodes, at);
	if (rest > 0) {
		char *const name =
			full > 0 ? mem_printf("%s-rest", first->name) : mem_strdup(first->name);
		json_array_insert_new(nodes, at, group(written, name, 1, rest));
		free(name);
	}
	if (full > 0) {
		json_array_insert_new(nodes, at, group(written, first->name, full, first->gpus));
	}
	json_decref(written);
	return document;
}

/* GPUs that nobody can do with fewer of: what is asked for, less what the other groups have. */
static int64_t least_gpus(const struct fitting *f)
{
	const struct scenario_nodes *const first = &f->sc->nodes[0];
	const bytes_t memory = scenario_gpu_memory(first);
	i128_t asked = 0;
	for (size_t i = 0; i < f->sc->n_services; i++) {
		const struct scenario_service *const s = &f->sc->services[i];
		asked += (i128_t)scenario_request(s, first) * s->replicas * s->gpus_per_replica;
	}
	const int64_t gpus = (int64_t)((asked + memory - 1) / memory) - f->others;
	const int64_t least = f->others > 0 ? 0 : 1;
	return gpus > least ? gpus : least;
}

/* GPUs that are enough if any number is: every replica on GPUs of its own. */
static int64_t most_gpus(const struct fitting *f)
{
	const int64_t of_node = f->sc->nodes[0].gpus;
	int64_t nodes = 0;
	for (size_t i = 0; i < f->sc->n_services; i++) {
		const struct scenario_service *const s = &f->sc->services[i];
		const int64_t fit = of_node / s->gpus_per_replica;
		nodes += fit > 0 ? (s->replicas + fit - 1) / fit : s->replicas;
	}
	return nodes * of_node;
}

/* Place the replicas on so many GPUs; false with errors, and nothing to free. */
static bool try_gpus(const struct fitting *f, int64_t gpus, struct fleet *out, struct err *err)
{
	struct scenario *const sc = scenario_build(f->file, with_gpus(f, gpus), f->data, err);
	struct sim *const sim = sc != NULL ? sim_new(sc, f->options, err) : NULL;
	if (sim == NULL) {
		scenario_free(sc);
		return false;
	}
	*out = (struct fleet){.scenario = sc, .sim = sim};
	for (size_t k = 0; k < sc->n_nodes; k++) {
		out->gpus += gpus_of(&sc->nodes[k]);
		out->nodes += sc->nodes[k].count;
	}
	return true;
}

/*
 * Is there room on so many? Then it takes the place of *out. Errors that more GPUs cannot mend, and
 * those on the most, are added to `err`.
 */
static bool fits(const struct fitting *f, int64_t gpus, bool last, struct fleet *out,
                 struct err *err)
{
	struct err *const own = err_new();
	struct fleet found;
	const bool ok = try_gpus(f, gpus, &found, own);
	if (ok) {
		fleet_fini(out);
		*out = found;
	} else if (last || err_exit_code(own) != ERR_INFEASIBLE) {
		err_add_all(err, own);
	}
	err_free(own);
	return ok;
}

/* From the least upwards in growing steps, then back to the first that fits. */
static void fit(const struct fitting *f, struct fleet *out, struct err *err)
{
	const int64_t most = most_gpus(f);
	int64_t at = least_gpus(f), none = at - 1;
	bool found = false;
	for (int64_t step = 1; !found && err_count(err) == 0; step *= 2) {
		found = fits(f, at, at >= most, out, err);
		if (!found) {
			none = at;
			at = at + step < most ? at + step : most;
		}
	}
	while (found && at - none > 1 && err_count(err) == 0) {
		const int64_t middle = none + (at - none) / 2;
		if (fits(f, middle, false, out, err)) {
			at = middle;
		} else {
			none = middle;
		}
	}
}

bool fleet_fit(const json_t *document, const char *file, struct data_dir *data,
               const struct sim_options *options, struct fleet *out, struct err *err)
{
	struct scenario *const sc = scenario_build(file, json_deep_copy(document), data, err);
	struct fitting f = {.document = document, .file = file, .data = data, .options = options};
	*out = (struct fleet){.gpus = 0};
	if (sc == NULL) {
		return false;
	}
	f.sc = sc;
	for (size_t k = 1; k < sc->n_nodes; k++) {
		f.others += gpus_of(&sc->nodes[k]);
	}
	fit(&f, out, err);
	scenario_free(sc);
	return err_count(err) == 0;
}

void fleet_fini(struct fleet *f)
{
	sim_free(f->sim);
	scenario_free(f->scenario);
	*f = (struct fleet){.gpus = 0};
}

double fleet_share(const struct scenario *sc)
{
	const struct scenario_nodes *const first = &sc->nodes[0];
	double share = 0.0;
	for (size_t i = 0; i < sc->n_services; i++) {
		const struct scenario_service *const s = &sc->services[i];
		share += (double)scenario_request(s, first) / (double)scenario_gpu_memory(first) *
		         (double)(s->replicas * s->gpus_per_replica);
	}
	return share;
}

/* Is a request on these nodes enough for the engine and one sequence? */
static bool holds_one(const struct scenario_service *service, const struct scenario_nodes *nodes)
{
	struct llm_shape shape;
	struct memory_plan plan;
	llm_spec_shape(service->llm, (enum precision)service->precision,
	               (enum precision)service->kv_precision, &shape);
	perf_memory(scenario_request(service, nodes), &shape, &service->options,
	            service->tensor_parallel, &plan);
	return plan.blocks > plan.state_blocks;
}

size_t fleet_takes_turns(const struct scenario *sc)
{
	for (size_t i = 0; sc->swap.on && i < sc->n_services; i++) {
		bool holds = !scenario_borrows(&sc->services[i]);
		for (size_t k = 0; k < sc->n_nodes; k++) {
			holds = holds || holds_one(&sc->services[i], &sc->nodes[k]);
		}
		if (!holds) {
			return i;
		}
	}
	return sc->n_services;
}
