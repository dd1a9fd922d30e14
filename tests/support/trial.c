/* Reading small clusters, running cycles on them, looking at pods. */
#include "trial.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sched/snapshot_read.h"

struct trial trial;

void trial_begin(const struct sched_options *options)
{
	static const struct sched_options usual = {.max_consolidated = SCHED_CONSOLIDATED,
	                                           .stale_grace = SCHED_STALE_GRACE};
	memset(&trial, 0, sizeof(trial));
	trial.options = options != NULL ? *options : usual;
}

void trial_end(void)
{
	if (trial.has_result) {
		sched_result_fini(&trial.r);
	}
	snapshot_fini(&trial.s);
}

void trial_read(char *text)
{
	struct err *const err = err_new();
	json_t *const root = json_parse(text, strlen(text), "test", err);
	char *unsupported = NULL;
	ck_assert_msg(root != NULL, "%s", err_message(err, 0));
	const struct json_at at = json_root(root, "test", err);
	struct json_at cluster, list;
	json_get(&at, "cluster", &cluster);
	json_get(&at, "jobs", &list);
	ck_assert_msg(snapshot_read(&trial.s, &cluster, &list, &unsupported), "%s",
	              err_message(err, 0));
	ck_assert_ptr_null(unsupported);
	json_decref(root);
	free(text);
	err_free(err);
}

void trial_run(const enum sched_action *actions, size_t n)
{
	if (trial.has_result) {
		sched_carry_over(&trial.s, &trial.r);
		sched_result_fini(&trial.r);
	}
	sched_cycle(&trial.s, &trial.options, actions, n, &trial.r);
	trial.has_result = true;
}

void trial_cycle(void)
{
	static const enum sched_action all[] = {SCHED_ALLOCATE, SCHED_CONSOLIDATE, SCHED_RECLAIM,
	                                        SCHED_PREEMPT, SCHED_EVICT_STALE};
	trial_run(all, SCHED_ACTIONS);
}

const struct sched_decision *trial_pod(const char *name)
{
	for (size_t t = 0; t < trial.s.tasks.n; t++) {
		if (strcmp(trial.s.tasks.at[t].name, name) == 0) {
			return &trial.r.tasks[t];
		}
	}
	ck_abort_msg("no pod %s", name);
}

void trial_expect(const char *name, enum sched_status status, const char *node)
{
	const struct sched_decision *const d = trial_pod(name);
	const char *const on = d->node != SCHED_NONE ? trial.s.nodes.at[d->node].name : "";
	ck_assert_msg(d->status == status && strcmp(on, node) == 0, "%s is %s on \"%s\"", name,
	              sched_status_names[d->status], on);
}
