/* Slices of GPUs that MIG cuts (semantics.md section 14), in a scenario. */
#include "spec/scenario_private.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* What a slice does not go with. */
static const struct {
	const char *key, *why;
} others[] = {
	{"fraction", "a replica asks for a fraction or for a MIG profile, not for both"},
	{"gpu_memory", "a replica asks for gpu_memory or for a MIG profile, not for both"},
	{"fraction_limit", "a MIG slice is fixed: it borrows nothing"},
	{"gpu_memory_limit", "a MIG slice is fixed: it borrows nothing"},
	{"compute_request", "a MIG slice has its own compute"},
	{"compute_limit", "a MIG slice has its own compute"},
};

/* No GPU has it: say which profiles there are on the first that knows any. */
static void fail_profile(const struct scenario *sc, const char *profile, const struct json_at *at)
{
	for (size_t k = 0; k < sc->n_nodes; k++) {
		const struct gpu_spec *const gpu = sc->nodes[k].gpu;

		if (gpu != NULL && gpu->mig != NULL) {
			json_fail(at, "unknown MIG profile \"%s\"; %s has %s", profile, gpu->name,
			          gpu->mig);
			return;
		}
	}
	json_fail(at, "no GPU of the cluster can be cut by MIG; use \"fraction\"");
}

void scenario_read_mig(struct scenario_loader *l, struct scenario_service *service,
                       const char *profile, const struct json_at *at)
{
	struct json_at member, other;
	struct mig_slice slice;
	bool known = false;

	service->mig_profile = mem_strdup(profile);
	service->fraction_ppm = 0;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (json_get(at, others[i].key, &other)) {
			json_fail(&other, "%s", others[i].why);
		}
	}
	json_get(at, "mig_profile", &member);
	if (service->gpus_per_replica > 1) {
		json_fail(&member, "slices of several GPUs cannot work for one replica; use "
		                   "gpus_per_replica 1");
	}
	for (size_t k = 0; k < l->sc->n_nodes; k++) {
		known = known || (l->sc->nodes[k].gpu != NULL &&
		                  scenario_slice(service, &l->sc->nodes[k], &slice));
	}
	if (!known) {
		fail_profile(l->sc, profile, &member);
	}
}

bool scenario_slice(const struct scenario_service *service, const struct scenario_nodes *nodes,
                    struct mig_slice *out)
{
	return service->mig_profile != NULL &&
	       gpu_spec_slice(nodes->gpu, service->mig_profile, out);
}
