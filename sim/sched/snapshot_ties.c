/* Pod affinity in snapshots: labels of pods, and where pods with these labels may be. */
#include <string.h>

#include "base/mem.h"
#include "base/option.h"
#include "sched/snapshot_private.h"

struct affinity_keys {
	char *near, *apart;
	const json_t *labels;
};

static const struct option affinity_table[] = {
	{"PodAffinityLabels", OPTION_NODE, offsetof(struct affinity_keys, labels), 0, 0, "", NULL,
         NULL, ""},
	{"PodAffinityTopologyKey", OPTION_TEXT, offsetof(struct affinity_keys, near), 0, 0, "",
         NULL, NULL, ""},
	{"PodAntiAffinityTopologyKey", OPTION_TEXT, offsetof(struct affinity_keys, apart), 0, 0, "",
         NULL, NULL, ""},
	{0},
};

struct sched_tie *snapshot_tie(struct snapshot *s, struct sched_task *task)
{
	if (task->tie == 0) {
		const struct sched_tie tie = {
			.near = SCHED_NONE, .apart = SCHED_NONE, .claim = SCHED_NONE};
		vec_push(&s->ties, tie);
		task->tie = (uint32_t)s->ties.n;
	}
	return &s->ties.at[task->tie - 1];
}

/* The number of a label of nodes; SCHED_NONE without one. */
static uint32_t find_label(struct snapshot *s, const char *label)
{
	for (uint32_t i = 0; label != NULL && i < s->tie_labels.n; i++) {
		if (strcmp(s->tie_labels.at[i], label) == 0) {
			return i;
		}
	}
	if (label == NULL) {
		return SCHED_NONE;
	}
	char *const copy = mem_strdup(label);
	vec_push(&s->tie_labels, copy);
	return (uint32_t)s->tie_labels.n - 1;
}

/* `task` will be the next of the snapshot. */
static void read_labels(struct snapshot *s, const struct json_at *at, const struct affinity_keys *k,
                        struct sched_task *task)
{
	struct sched_tie *const tie = snapshot_tie(s, task);
	const uint32_t index = (uint32_t)s->tasks.n;
	snapshot_read_labels(at, "PodAffinityLabels", &tie->labels);
	if (tie->labels.list.n > 0) { /* without any there is nobody to look for */
		tie->near = find_label(s, k->near);
		tie->apart = find_label(s, k->apart);
		vec_push(&s->labelled, index);
	} else if (!s->judged) {
		json_fail(at, "PodAffinityLabels are missing");
	}
}

void snapshot_read_affinity(struct snapshot *s, const struct json_at *task, struct sched_task *out)
{
	struct affinity_keys k = {0};
	struct json_at at;
	if (!json_get(task, "pod_affinity", &at) || !json_want_object(&at)) {
		return;
	}
	if (option_fill(affinity_table, &k, &at, "snapshot", NULL)) {
		read_labels(s, &at, &k, out);
	}
	option_fini(affinity_table, &k);
}
