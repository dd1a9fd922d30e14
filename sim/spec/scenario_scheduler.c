/* The "scheduler" of a scenario: who places replicas, and how they share what they are placed on.
 */
#include "spec/scenario_private.h"

#include <assert.h>

struct scheduler_keys {
	int kind;
	int memory_share;
	ns_t period;
	const json_t *placement, *compute_share, *oom_victim, *later;
};

enum { SCHEDULER_RUNAI, SCHEDULER_KUBERNETES };
static const char *const scheduler_kinds[] = {"runai", "kubernetes", NULL};
static_assert(SCHEDULER_KUBERNETES == 1, "the names are in this order");

enum { MEMORY_STATIC, MEMORY_DYNAMIC };
static const char *const memory_shares[] = {"static", "dynamic", NULL};
static_assert(MEMORY_DYNAMIC == 1, "the names are in this order");

/* clang-format off */
const struct option scenario_scheduler_table[] = {
	{"kind", OPTION_CHOICE, offsetof(struct scheduler_keys, kind), 0, 0, "runai", scheduler_kinds, NULL,
	 "runai, or kubernetes for the plain one"},
	{"placement", OPTION_NODE, offsetof(struct scheduler_keys, placement), 0, 0, "", NULL, NULL,
	 "the policy that picks GPUs; " SCENARIO_PLACEMENT},
	{"compute_share", OPTION_NODE, offsetof(struct scheduler_keys, compute_share), 0, 0, "", NULL, NULL,
	 "the policy that divides a GPU's time; " SCENARIO_COMPUTE_SHARE},
	SCENARIO_LATER("priority", scheduler_keys),
	{"memory_share", OPTION_CHOICE, offsetof(struct scheduler_keys, memory_share), 0, 0, "dynamic",
	 memory_shares, NULL, "whether memory that nobody uses is lent up to the limits"},
	{"oom_victim", OPTION_NODE, offsetof(struct scheduler_keys, oom_victim), 0, 0, "", NULL, NULL,
	 "the policy that picks who dies for another's request; " SCENARIO_OOM_VICTIM},
	SCENARIO_LATER("swap", scheduler_keys),
	{"period", OPTION_DURATION, offsetof(struct scheduler_keys, period), 1, 9e18, SCENARIO_PERIOD, NULL, "s",
	 "from one look at the jobs that wait to the next"},
	SCENARIO_LATER("time_based_fair_share", scheduler_keys),
	SCENARIO_END,
};
/* clang-format on */

void scenario_read_scheduler(struct scenario_loader *l, const struct json_at *root)
{
	struct scheduler_keys keys;
	struct json_at at;

	l->lends_memory = true;
	l->sc->period = NS_PER_S;
	if (json_get(root, "scheduler", &at)) {
		const bool ok = scenario_fill(l, scenario_scheduler_table, &keys, &at);

		l->sc->period = ok ? keys.period : NS_PER_S;
		l->whole_gpus = ok && keys.kind == SCHEDULER_KUBERNETES;
		l->lends_memory = !ok || keys.memory_share == MEMORY_DYNAMIC;
	} else {
		at = (struct json_at){
			.up = root, .key = "scheduler", .file = root->file, .err = root->err};
		option_log_add(l->sc->log, "scheduler.kind", scenario_scheduler_table[0].fallback,
		               "default");
		option_log_add(l->sc->log, "scheduler.memory_share", memory_shares[MEMORY_DYNAMIC],
		               "default");
		option_log_add(l->sc->log, "scheduler.period", SCENARIO_PERIOD, "default");
	}
	scenario_read_policy(l, &l->sc->placement, &at, "placement", SCENARIO_PLACEMENT);
	scenario_read_policy(l, &l->sc->compute_share, &at, "compute_share",
	                     SCENARIO_COMPUTE_SHARE);
	scenario_read_policy(l, &l->sc->oom_victim, &at, "oom_victim", SCENARIO_OOM_VICTIM);
}
