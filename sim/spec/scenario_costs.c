/* What a step of a service costs on each group of nodes: the engine profile, the calibration of the
 * GPU over it, and the scenario's own "costs" over both. */
#include "spec/scenario_private.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void scenario_log_table(struct scenario_loader *l, const struct option *table, const void *self,
                        const struct json_at *at, const char *block, const char *source)
{
	char path[512];

	json_path(at, path, sizeof(path));
	for (const struct option *o = table; o->name != NULL; o++) {
		char *full = mem_printf("%s.%s.%s", path, block, o->name);

		option_log_field(l->sc->log, full, o, self, source);
		free(full);
	}
}

/* The first group of nodes with the same GPU: groups differ in their GPU alone. */
static size_t first_alike(const struct scenario *sc, size_t k)
{
	size_t i = 0;

	while (sc->nodes[i].gpu != sc->nodes[k].gpu) {
		i++;
	}
	return i;
}

static void find_calibrations(struct scenario_loader *l, struct scenario_service *service)
{
	for (size_t k = 0; k < l->sc->n_nodes; k++) {
		struct service_costs *const costs = &service->costs[k];
		const size_t first = first_alike(l->sc, k);

		costs->constants = service->engine->costs;
		if (first < k) {
			costs->calibration = service->costs[first].calibration;
		} else if (l->sc->nodes[k].gpu != NULL) {
			char *const name =
				calibration_name(l->sc->nodes[k].gpu->name, service->engine->name,
			                         service->precision);

			costs->calibration = scenario_calibration(l, name);
			free(name);
		}
	}
}

/*
 * An engine version that no calibration of the service knows is a mistake where others are known:
 * all of them are named, because the nearest one is seldom the one meant.
 */
static void fail_version(const struct scenario *sc, const struct scenario_service *service,
                         const struct json_at *at)
{
	char *known = mem_strdup("");
	struct json_at member = *at;

	for (size_t k = 0; k < sc->n_nodes; k++) {
		const struct calibration *const c = service->costs[k].calibration;

		for (size_t i = 0; c != NULL && first_alike(sc, k) == k && i < c->n_sets; i++) {
			const struct calibration_set *const set = &c->sets[i];

			if (calibration_find(c, service->llm, set->engine_version) == set) {
				char *longer = mem_printf("%s%s\"%s\" (%s)", known,
				                          known[0] != '\0' ? ", " : "",
				                          set->engine_version, c->gpu);

				free(known);
				known = longer;
			}
		}
	}
	if (known[0] != '\0') {
		json_get(at, "engine_version", &member);
		json_fail(&member, "no calibration for version \"%.80s\"; there are %s",
		          service->engine_version, known);
	}
	free(known);
}

static void apply_calibrations(const struct scenario *sc, struct scenario_service *service,
                               const struct json_at *at)
{
	bool found = false;

	for (size_t k = 0; k < sc->n_nodes; k++) {
		struct service_costs *const costs = &service->costs[k];

		if (costs->calibration != NULL) {
			costs->set = calibration_find(costs->calibration, service->llm,
			                              service->engine_version);
		}
		if (costs->set != NULL) {
			calibration_apply(costs->set, &costs->constants);
			found = true;
		}
	}
	if (!found && service->engine_version != NULL) {
		fail_version(sc, service, at);
	}
}

/* Log the constants on group k of nodes under `block`; `all`: also those that the scenario sets. */
static void log_costs(struct scenario_loader *l, const struct scenario_service *service, size_t k,
                      const struct json_at *at, const char *block, bool all)
{
	const struct service_costs *const costs = &service->costs[k];
	const char *const profile = scenario_source(l->sc, "engine profile", service->engine->name);
	const char *const calibration =
		costs->set != NULL ? scenario_source(l->sc, "calibration", costs->calibration->name)
				   : NULL;
	char path[512];

	json_path(at, path, sizeof(path));
	for (const struct option *o = engine_cost_table; o->name != NULL; o++) {
		const bool fitted = costs->set != NULL && calibration_has(costs->set, o->name);
		char *const full = mem_printf("%s.%s.%s", path, block, o->name);

		if (all || !service_sets_cost(service, o->name)) {
			option_log_field(l->sc->log, full, o, &costs->constants,
			                 fitted ? calibration : profile);
		}
		free(full);
	}
}

/* One block for all GPUs; one for each where they differ, which takes a calibration. */
static void log_all_costs(struct scenario_loader *l, const struct scenario_service *service,
                          const struct json_at *at)
{
	const struct scenario *const sc = l->sc;
	bool differ = false;

	for (size_t k = 1; k < sc->n_nodes; k++) {
		differ = differ || service->costs[k].set != service->costs[0].set;
	}
	if (!differ && sc->n_nodes > 0) {
		log_costs(l, service, 0, at, "costs", true); /* the scenario's come over them */
	}
	for (size_t k = 0; differ && k < sc->n_nodes; k++) {
		if (sc->nodes[k].gpu != NULL && first_alike(sc, k) == k) {
			char *const block = mem_printf("costs.%s", sc->nodes[k].gpu_name);

			log_costs(l, service, k, at, block, false);
			free(block);
		}
	}
}

/* The scenario's own constants, on every group of nodes alike. */
static void read_own_costs(struct scenario_loader *l, struct scenario_service *service,
                           const struct json_at *own)
{
	struct cost_constants logged = service->engine->costs;

	if (!option_override(engine_cost_table, &logged, own, "scenario", l->sc->log)) {
		return;
	}
	for (size_t k = 0; k < l->sc->n_nodes; k++) {
		option_override(engine_cost_table, &service->costs[k].constants, own, "scenario",
		                NULL);
	}
}

void scenario_read_costs(struct scenario_loader *l, struct scenario_service *service,
                         const struct json_at *at)
{
	struct json_at own;
	const bool has_own = json_get(at, "costs", &own);

	service->costs = mem_new(l->sc->n_nodes, sizeof(*service->costs));
	service->own_costs = has_own ? own.value : NULL;
	find_calibrations(l, service);
	if (service->calibration == CALIBRATION_AUTO && service->llm != NULL) {
		apply_calibrations(l->sc, service, at);
	}
	log_all_costs(l, service, at);
	if (has_own) {
		read_own_costs(l, service, &own);
	}
}
