/* The "node_level" of a scheduler: replicas that may borrow are spread over the GPUs of their node.
 */
#include "spec/scenario_private.h"

struct node_level_keys {
	int64_t workloads;
};

/* clang-format off */
const struct option scenario_node_level_table[] = {
	{"workloads_per_gpu", OPTION_INT, offsetof(struct node_level_keys, workloads), 2, 5, "", NULL, NULL,
	 "so many at most where replicas are spread to; not enforced when absent"},
	SCENARIO_END,
};
/* clang-format on */

void scenario_read_node_level(struct scenario_loader *l, const struct json_at *scheduler)
{
	struct node_level_keys keys;
	struct json_at at;
	if (!json_get(scheduler, "node_level", &at) ||
	    !scenario_fill(l, scenario_node_level_table, &keys, &at)) {
		return;
	}
	l->sc->node_level = !l->whole_gpus && l->lends_memory; /* else that is the error */
	l->sc->workloads_per_gpu = keys.workloads;
	if (l->whole_gpus) {
		json_fail(&at, "scheduler.kind kubernetes places whole GPUs alone; use \"runai\"");
	} else if (!l->lends_memory) {
		json_fail(&at, "does not go with memory_share \"static\"; use \"dynamic\"");
	}
	if (l->sc->swap.on) {
		json_fail(&at, "does not go with \"swap\" in this version");
	}
}

void scenario_check_node_level(const struct scenario *sc, const struct json_at *root)
{
	struct json_at scheduler, at;
	bool any = sc->n_services == 0; /* then that is the error */
	for (size_t i = 0; i < sc->n_services; i++) {
		any = any || scenario_borrows(&sc->services[i]);
	}
	if (sc->node_level && !any && json_get(root, "scheduler", &scheduler) &&
	    json_get(&scheduler, "node_level", &at)) {
		json_fail(&at, "nobody is spread: that needs a service with a fraction_limit (or "
		               "gpu_memory_limit) above its request");
	}
}
