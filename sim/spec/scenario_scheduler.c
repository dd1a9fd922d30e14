/* The "scheduler" of a scenario: who places replicas, and how they share what they are placed on.
 */
#include "spec/scenario_private.h"

#include <assert.h>
#include <math.h>

struct scheduler_keys {
	int kind;
	int memory_share;
	ns_t period, min_runtime, grace;
	const json_t *placement, *compute_share, *oom_victim, *priority, *history, *swap,
		*node_level;
};

struct history_keys {
	double k;
	int window_type;
	ns_t window, half_life;
};

enum { SCHEDULER_RUNAI, SCHEDULER_KUBERNETES };
static const char *const scheduler_kinds[] = {"runai", "kubernetes", NULL};
static_assert(SCHEDULER_KUBERNETES == 1, "the names are in this order");

enum { MEMORY_STATIC, MEMORY_DYNAMIC };
static const char *const memory_shares[] = {"static", "dynamic", NULL};
static_assert(MEMORY_DYNAMIC == 1, "the names are in this order");

static const char *const window_types[] = {"sliding", "tumbling", NULL};
static_assert(SCENARIO_TUMBLING == 1, "the names are in this order");

#define HISTORY(member) offsetof(struct history_keys, member)
#define MILLI 1000
#define GRACE (30 * NS_PER_S) /* SCENARIO_GRACE */

/* clang-format off */
const struct option scenario_scheduler_table[] = {
	{"kind", OPTION_CHOICE, offsetof(struct scheduler_keys, kind), 0, 0, "runai", scheduler_kinds, NULL,
	 "runai, or kubernetes for the plain one"},
	{"placement", OPTION_NODE, offsetof(struct scheduler_keys, placement), 0, 0, "", NULL, NULL,
	 "the policy that picks GPUs; " SCENARIO_PLACEMENT},
	{"compute_share", OPTION_NODE, offsetof(struct scheduler_keys, compute_share), 0, 0, "", NULL, NULL,
	 "the policy that divides a GPU's time; " SCENARIO_COMPUTE_SHARE},
	{"priority", OPTION_NODE, offsetof(struct scheduler_keys, priority), 0, 0, "", NULL, NULL,
	 "the policy that says whose job is first and who yields; " SCENARIO_PRIORITY_POLICY},
	{"memory_share", OPTION_CHOICE, offsetof(struct scheduler_keys, memory_share), 0, 0, "dynamic",
	 memory_shares, NULL, "whether memory that nobody uses is lent up to the limits"},
	{"oom_victim", OPTION_NODE, offsetof(struct scheduler_keys, oom_victim), 0, 0, "", NULL, NULL,
	 "the policy that picks who dies for another's request; " SCENARIO_OOM_VICTIM},
	{"swap", OPTION_NODE, offsetof(struct scheduler_keys, swap), 0, 0, "", NULL, NULL,
	 "replicas go to host memory while others need their GPUs; off when absent"},
	{"node_level", OPTION_NODE, offsetof(struct scheduler_keys, node_level), 0, 0, "", NULL, NULL,
	 "replicas that may borrow are spread over the GPUs of their node; off when absent"},
	{"period", OPTION_DURATION, offsetof(struct scheduler_keys, period), 1, 9e18, SCENARIO_PERIOD, NULL, "s",
	 "from one look at the jobs that wait to the next"},
	{"min_runtime", OPTION_DURATION, offsetof(struct scheduler_keys, min_runtime), 0, 9e18, "0s", NULL, "s",
	 "a job that began keeps its GPUs for so long"},
	{"termination_grace", OPTION_DURATION, offsetof(struct scheduler_keys, grace), 0, 9e18, SCENARIO_GRACE, NULL, "s",
	 "an evicted replica answers what it has for so long at most; 0: its requests are lost at once"},
	{"time_based_fair_share", OPTION_NODE, offsetof(struct scheduler_keys, history), 0, 0, "", NULL, NULL,
	 "what a project used lessens its share of what the quotas leave"},
	SCENARIO_END,
};

const struct option scenario_history_table[] = {
	{"k", OPTION_REAL, HISTORY(k), 0, 1000, "1", NULL, NULL, "weight of what was used; 0: none"},
	{"window_type", OPTION_CHOICE, HISTORY(window_type), 0, 0, "sliding", window_types, NULL,
	 "the last window, or since the last multiple of it"},
	{"window", OPTION_DURATION, HISTORY(window), 1e9, 9e18, "7d", NULL, "s", "over which use is counted"},
	{"half_life", OPTION_DURATION, HISTORY(half_life), 0, 9e18, "0s", NULL, "s",
	 "use so long ago counts half; 0: no decay"},
	SCENARIO_END,
};
/* clang-format on */

static void read_history(struct scenario_loader *l, const struct json_at *scheduler)
{
	struct scenario_history *h = &l->sc->history;
	struct history_keys keys;
	struct json_at at;

	if (json_get(scheduler, "time_based_fair_share", &at) &&
	    scenario_fill(l, scenario_history_table, &keys, &at)) {
		struct json_at half_life;

		if (keys.half_life > 0 && keys.half_life < NS_PER_S &&
		    json_get(&at, "half_life", &half_life)) {
			json_fail(&half_life, "must be 0 or at least 1 s");
		}
		*h = (struct scenario_history){
			.k_milli = llround(keys.k * MILLI),
			.tumbling = keys.window_type == SCENARIO_TUMBLING,
			.window = keys.window,
			.half_life = keys.half_life,
		};
	}
}

/* Kubernetes' own scheduler has one way to choose, and no shares. */
static void check_native(const struct json_at *scheduler)
{
	static const char *const keys[] = {"priority", "time_based_fair_share", "min_runtime"};
	struct json_at member;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (json_get(scheduler, keys[i], &member)) {
			json_fail(&member,
			          "kind \"kubernetes\" goes by the priority of pods alone");
		}
	}
}

void scenario_read_scheduler(struct scenario_loader *l, const struct json_at *root)
{
	struct scheduler_keys keys;
	struct json_at at;

	l->lends_memory = true;
	l->sc->period = NS_PER_S;
	l->sc->grace = GRACE;
	if (json_get(root, "scheduler", &at)) {
		const bool ok = scenario_fill(l, scenario_scheduler_table, &keys, &at);

		l->sc->period = ok ? keys.period : NS_PER_S;
		l->sc->min_runtime = ok ? keys.min_runtime : 0;
		l->sc->grace = ok ? keys.grace : 0;
		l->whole_gpus = ok && keys.kind == SCHEDULER_KUBERNETES;
		l->lends_memory = !ok || keys.memory_share == MEMORY_DYNAMIC;
		l->sc->native = l->whole_gpus;
		read_history(l, &at);
		if (l->whole_gpus) {
			check_native(&at);
		}
	} else {
		at = (struct json_at){
			.up = root, .key = "scheduler", .file = root->file, .err = root->err};
		option_log_add(l->sc->log, "scheduler.kind", scenario_scheduler_table[0].fallback,
		               "default");
		option_log_add(l->sc->log, "scheduler.memory_share", memory_shares[MEMORY_DYNAMIC],
		               "default");
		option_log_add(l->sc->log, "scheduler.period", SCENARIO_PERIOD, "default");
		option_log_add(l->sc->log, "scheduler.termination_grace", SCENARIO_GRACE,
		               "default");
	}
	scenario_read_policy(l, &l->sc->placement, &at, "placement", SCENARIO_PLACEMENT);
	scenario_read_policy(l, &l->sc->compute_share, &at, "compute_share",
	                     SCENARIO_COMPUTE_SHARE);
	scenario_read_policy(l, &l->sc->oom_victim, &at, "oom_victim", SCENARIO_OOM_VICTIM);
	scenario_read_policy(l, &l->sc->priority, &at, "priority", SCENARIO_PRIORITY_POLICY);
	scenario_read_swap(l, &at);
	scenario_read_node_level(l, &at);
}

void scenario_free_scheduler(struct scenario *sc)
{
	scenario_free_policy(&sc->placement);
	scenario_free_policy(&sc->compute_share);
	scenario_free_policy(&sc->oom_victim);
	scenario_free_policy(&sc->priority);
	scenario_free_policy(&sc->swap.policy);
}
