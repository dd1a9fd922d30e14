/* Jobs and pods of a snapshot from JSON: what they ask for, their gangs, and where they are. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/option.h"
#include "sched/snapshot_private.h"

struct job_keys {
	char *name, *queue;
	int64_t priority, gpus_per_task, gpu_memory_mib_per_task, gpu_devices_per_task;
	int64_t memory_bytes_per_task, min_available;
	double age_minutes, gpu_fraction_per_task, cpu_cores_per_task, stale_seconds;
	ns_t running_for;
	bool preemptible, semi_preemptible, best_effort, deleted_in_test;
	const json_t *sub_groups, *tasks;
};

#define JOB(field) offsetof(struct job_keys, field)
static const struct option job_table[] = {
	{"name", OPTION_TEXT, JOB(name), 0, 0, NULL, NULL, NULL, ""},
	{"queue", OPTION_TEXT, JOB(queue), 0, 0, NULL, NULL, NULL, ""},
	{"priority", OPTION_INT, JOB(priority), -1e9, 1e9, "50", NULL, NULL, ""},
	{"preemptible", OPTION_BOOL, JOB(preemptible), 0, 0, "true", NULL, NULL, ""},
	{"semi_preemptible", OPTION_BOOL, JOB(semi_preemptible), 0, 0, "false", NULL, NULL, ""},
	{"age_minutes", OPTION_REAL, JOB(age_minutes), 0, 1e9, "0", NULL, "minutes", ""},
	{"gpus_per_task", OPTION_INT, JOB(gpus_per_task), 0, 64, "0", NULL, "GPUs", ""},
	{"gpu_fraction_per_task", OPTION_REAL, JOB(gpu_fraction_per_task), 0, 1, "0", NULL, NULL,
         ""},
	{"gpu_memory_mib_per_task", OPTION_INT, JOB(gpu_memory_mib_per_task), 0, 16777216, "0",
         NULL, "MiB", ""},
	{"gpu_devices_per_task", OPTION_INT, JOB(gpu_devices_per_task), 1, SCHED_DEVICES, "1", NULL,
         "GPUs", ""},
	{"cpu_cores_per_task", OPTION_REAL, JOB(cpu_cores_per_task), 0, 1e6, "0", NULL, "cores",
         ""},
	{"memory_bytes_per_task", OPTION_INT, JOB(memory_bytes_per_task), 0, 1e15, "0", NULL,
         "bytes", ""},
	{"min_available", OPTION_INT, JOB(min_available), 0, 1e6, "1", NULL, "pods", ""},
	{"stale_seconds", OPTION_REAL, JOB(stale_seconds), 0, 1e9, "0", NULL, "s", ""},
	{"running_for", OPTION_DURATION, JOB(running_for), 0, 1e18, "0s", NULL, "s", ""},
	{"best_effort", OPTION_BOOL, JOB(best_effort), 0, 0, "false", NULL, NULL, ""},
	{"deleted_in_test", OPTION_BOOL, JOB(deleted_in_test), 0, 0, "false", NULL, NULL, ""},
	{"sub_groups", OPTION_NODE, JOB(sub_groups), 0, 0, "", NULL, NULL, ""},
	{"tasks", OPTION_NODE, JOB(tasks), 0, 0, NULL, NULL, NULL, ""},
	{0},
};

struct task_keys {
	char *id, *node, *sub_group;
	int state;
	int64_t gpus, order_in_job;
	bool legacy_mig;
	const json_t *gpu_groups, *mig, *pod_affinity, *claims;
};

#define TASK(field) offsetof(struct task_keys, field)
static const struct option task_table[] = {
	{"id", OPTION_TEXT, TASK(id), 0, 0, NULL, NULL, NULL, ""},
	{"state", OPTION_CHOICE, TASK(state), 0, 0, "Pending", sched_status_names, NULL, ""},
	{"node", OPTION_TEXT, TASK(node), 0, 0, "", NULL, NULL, ""},
	{"sub_group", OPTION_TEXT, TASK(sub_group), 0, 0, "", NULL, NULL, ""},
	{"gpus", OPTION_INT, TASK(gpus), 0, 64, "0", NULL, "GPUs", ""},
	{"order_in_job", OPTION_INT, TASK(order_in_job), -1e9, 1e9, "0", NULL, NULL, ""},
	{"gpu_groups", OPTION_NODE, TASK(gpu_groups), 0, 0, "", NULL, NULL, ""},
	{"legacy_mig", OPTION_BOOL, TASK(legacy_mig), 0, 0, "false", NULL, NULL, ""},
	{"mig", OPTION_NODE, TASK(mig), 0, 0, "", NULL, NULL, ""},
	{"pod_affinity", OPTION_NODE, TASK(pod_affinity), 0, 0, "", NULL, NULL, ""},
	{"claims", OPTION_NODE, TASK(claims), 0, 0, "", NULL, NULL, ""},
	{0},
};

struct group_keys {
	char *name;
	int64_t min;
	const json_t *topology, *pod_sets, *groups;
};

#define GROUP(field) offsetof(struct group_keys, field)
static const struct option group_table[] = {
	{"name", OPTION_TEXT, GROUP(name), 0, 0, "", NULL, NULL, ""},
	{"min", OPTION_INT, GROUP(min), 0, 1e6, "1", NULL, "pods", ""},
	{"topology", OPTION_NODE, GROUP(topology), 0, 0, "", NULL, NULL, ""},
	{"pod_sets", OPTION_NODE, GROUP(pod_sets), 0, 0, "", NULL, NULL, ""},
	{"groups", OPTION_NODE, GROUP(groups), 0, 0, "", NULL, NULL, ""},
	{0},
};

/* What is being read. */
struct reader {
	struct snapshot *s;
	char **unsupported;
	char **labels; /* of each place for a shared GPU, as the file calls it; owned */
};

/* --- gangs ------------------------------------------------------------------------------------
 */

static void add_set(struct snapshot *s, const char *name, int64_t min, uint32_t group,
                    struct sched_near near)
{
	const struct sched_set set = {
		.name = mem_strdup(name != NULL ? name : ""),
		.job = (uint32_t)s->jobs.n,
		.min = min,
		.group = group,
		.near = near,
	};
	vec_push(&s->sets, set);
}

static uint32_t add_group(struct snapshot *s, const char *name, uint32_t parent,
                          struct sched_near near)
{
	const struct sched_group group = {mem_strdup(name != NULL ? name : ""), parent, near};
	vec_push(&s->groups, group);
	return (uint32_t)s->groups.n - 1;
}

static void read_group(struct reader *r, const struct json_at *at, bool is_set, uint32_t parent);

static void read_groups_of(struct reader *r, const struct json_at *at, const char *key, bool sets,
                           uint32_t parent)
{
	struct json_at list;
	if (!snapshot_list(at, key, &list)) {
		return;
	}
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		const struct json_at item = json_item(&list, i);
		read_group(r, &item, sets, parent);
	}
}

/* A set of pods, or sets and groups of more of them: whatever their nesting, all must be there. */
static void read_group(struct reader *r, const struct json_at *at, bool is_set, uint32_t parent)
{
	struct group_keys k = {0};
	if (option_fill(group_table, &k, at, "snapshot", NULL)) {
		const struct sched_near near = snapshot_read_near(r->s, at);
		uint32_t group = parent;
		if (is_set) {
			add_set(r->s, k.name, k.min, parent, near);
		} else {
			group = add_group(r->s, k.name, parent, near);
		}
		read_groups_of(r, at, "pod_sets", true, group);
		read_groups_of(r, at, "groups", false, group);
	}
	option_fini(group_table, &k);
}

/* Does anything say where pods of the job belong? */
static bool has_near(const struct snapshot *s, const struct sched_job *job)
{
	for (size_t i = job->first_group; i < s->groups.n; i++) {
		if (s->groups.at[i].near.topology != SCHED_NONE || s->groups.at[i].near.lost) {
			return true;
		}
	}
	for (size_t i = job->first_set; i < s->sets.n; i++) {
		if (s->sets.at[i].near.topology != SCHED_NONE || s->sets.at[i].near.lost) {
			return true;
		}
	}
	return false;
}

/* Keep the groups of a job only where they say something. */
static void keep_groups(struct snapshot *s, struct sched_job *job)
{
	job->n_groups = has_near(s, job) ? (uint32_t)s->groups.n - job->first_group : 0;
	while (s->groups.n > job->first_group + job->n_groups) {
		free(s->groups.at[--s->groups.n].name);
	}
}

static uint32_t find_set(const struct snapshot *s, const struct sched_job *job, const char *name)
{
	for (uint32_t i = job->first_set; i < job->first_set + job->n_sets; i++) {
		if (name == NULL || strcmp(s->sets.at[i].name, name) == 0) {
			return i;
		}
	}
	return SCHED_NONE;
}

/* --- pods -------------------------------------------------------------------------------------
 */

static uint32_t find_node(const struct snapshot *s, const char *name)
{
	size_t low = 0;
	size_t high = s->nodes.n;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int d = strcmp(s->nodes.at[middle].name, name);
		if (d == 0) {
			return (uint32_t)middle;
		}
		low = d < 0 ? middle + 1 : low;
		high = d < 0 ? high : middle;
	}
	return SCHED_NONE;
}

static void fail_node(const struct reader *r, const struct json_at *at, const char *got)
{
	const char **const names = mem_new(r->s->nodes.n, sizeof(*names));
	for (size_t i = 0; i < r->s->nodes.n; i++) {
		names[i] = r->s->nodes.at[i].name;
	}
	json_fail_name(at, "node", got, names, r->s->nodes.n);
	free(names);
}

/* The place that the file calls `label` on a node; a new one when it was not named before. */
static bool find_group(struct reader *r, uint32_t node, const char *label, uint16_t *out)
{
	const struct sched_node *const n = &r->s->nodes.at[node];
	for (uint16_t i = 0; i < 2 * n->gpus; i++) {
		char **const at = &r->labels[n->first_group + i];
		if (*at == NULL) {
			*at = mem_strdup(label);
		}
		if (strcmp(*at, label) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

static void read_groups(struct reader *r, const struct json_at *at, struct sched_task *t)
{
	struct json_at list;
	const char *label;
	const bool named = snapshot_list(at, "gpu_groups", &list);
	if (t->ask.devices == 0) {
		return; /* whole GPUs of a node are alike */
	}
	if (named && json_array_size(list.value) != (size_t)t->ask.devices) {
		json_fail(&list, "%lld GPUs expected, got %zu", (long long)t->ask.devices,
		          json_array_size(list.value));
		return;
	}
	for (int64_t d = 0; d < t->ask.devices; d++) {
		char *const own = mem_printf("%s/%lld", t->name, (long long)d);
		label = own; /* alone on a GPU unless named */
		const struct json_at item = named ? json_item(&list, (size_t)d) : *at;
		if ((!named || json_want_string(&item, &label)) &&
		    !find_group(r, t->node, label, &t->groups[d])) {
			json_fail(&item, "more GPUs than node \"%s\" has",
			          r->s->nodes.at[t->node].name);
		}
		free(own);
	}
}

static void place(struct reader *r, const struct json_at *at, const struct task_keys *k,
                  struct sched_task *t)
{
	t->status = (enum sched_status)k->state;
	if (t->status == SCHED_PENDING) {
		return; /* a node that it names is where it was */
	}
	t->node = k->node != NULL ? find_node(r->s, k->node) : SCHED_NONE;
	if (t->status == SCHED_FAILED && (k->node == NULL || t->node != SCHED_NONE)) {
		return;
	}
	if (k->node == NULL) {
		json_fail(at, "a pod that is %s needs a node", sched_status_names[t->status]);
	} else if (t->node == SCHED_NONE) {
		struct json_at node;
		json_get(at, "node", &node);
		fail_node(r, &node, k->node);
	} else {
		r->s->nodes.at[t->node].legacy |= t->ask.mig < 0;
		read_groups(r, at, t);
	}
}

static void add_task(struct reader *r, const struct sched_task *task)
{
	vec_push(&r->s->tasks, *task);
}

static void read_task(struct reader *r, const struct json_at *at, const struct sched_job *job,
                      const struct sched_ask *ask)
{
	struct task_keys k = {0};
	if (option_fill(task_table, &k, at, "snapshot", NULL)) {
		struct sched_task t = {
			.name = mem_strdup(k.id),
			.job = (uint32_t)r->s->jobs.n,
			.set = find_set(r->s, job, k.sub_group),
			.order = k.order_in_job,
			.ask = *ask,
			.node = SCHED_NONE,
		};
		if (k.gpus > 0 && t.ask.devices == 0) {
			t.ask.gpus = k.gpus;
		}
		if (k.legacy_mig) {
			t.ask.mig = -1;
		}
		snapshot_read_mig_ask(r->s, at, &t.ask, r->unsupported);
		snapshot_read_affinity(r->s, at, &t);
		snapshot_read_claims(r->s, at, r->s->queues.at[job->queue].name, &t,
		                     r->unsupported);
		if (t.set == SCHED_NONE) {
			json_fail(at, "sub_group: no \"%s\" among the sub-groups of the job",
			          k.sub_group);
			t.set = job->first_set;
		}
		place(r, at, &k, &t);
		add_task(r, &t);
	}
	option_fini(task_table, &k);
}

/* --- jobs -------------------------------------------------------------------------------------
 */

static bool read_ask(const struct json_at *at, const struct job_keys *k, struct sched_ask *ask)
{
	const bool part = k->gpu_fraction_per_task > 0 || k->gpu_memory_mib_per_task > 0;
	if ((k->gpus_per_task > 0) + (k->gpu_fraction_per_task > 0) +
	            (k->gpu_memory_mib_per_task > 0) >
	    1) {
		json_fail(at, "one of gpus_per_task, gpu_fraction_per_task and "
		              "gpu_memory_mib_per_task, not several");
		return false;
	}
	if (k->gpu_fraction_per_task >= 1) {
		json_fail(at, "gpu_fraction_per_task: a fraction is below 1; "
		              "use gpus_per_task for whole GPUs");
		return false;
	}
	if (k->gpu_devices_per_task > 1 && !part) {
		json_fail(at, "gpu_devices_per_task needs gpu_fraction_per_task or "
		              "gpu_memory_mib_per_task");
		return false;
	}
	*ask = (struct sched_ask){
		.gpus = k->gpus_per_task,
		.devices = part ? k->gpu_devices_per_task : 0,
		.fraction = snapshot_fixed(k->gpu_fraction_per_task, 1000000),
		.mib = k->gpu_memory_mib_per_task,
		.cpu = k->best_effort ? 0 : snapshot_fixed(k->cpu_cores_per_task, 1000),
		.memory = k->best_effort ? 0 : k->memory_bytes_per_task,
	};
	return true;
}

static void read_sets(struct reader *r, const struct json_at *at, const struct job_keys *k,
                      struct sched_job *job)
{
	struct json_at groups, said;
	int64_t min = k->min_available;
	job->first_set = (uint32_t)r->s->sets.n;
	job->first_group = (uint32_t)r->s->groups.n;
	if (json_get(at, "sub_groups", &groups) && json_want_object(&groups)) {
		read_group(r, &groups, false, SCHED_NONE);
		if (!json_get(at, "min_available", &said)) { /* a gang unless it says so */
			min = (int64_t)json_array_size(json_object_get(at->value, "tasks"));
		}
	}
	if (r->s->sets.n == job->first_set) {
		add_set(r->s, NULL, min, job->first_group,
		        (struct sched_near){.topology = SCHED_NONE});
	}
	job->n_sets = (uint32_t)r->s->sets.n - job->first_set;
	keep_groups(r->s, job);
}

static bool read_queue_of(struct reader *r, const struct json_at *at, const char *name,
                          struct sched_job *job)
{
	struct json_at queue;
	json_get(at, "queue", &queue);
	job->queue = snapshot_find_queue(r->s, name);
	if (job->queue == SCHED_NONE) {
		snapshot_fail_queue(r->s, &queue, "queue", name);
		return false;
	}
	if (snapshot_has_children(r->s, job->queue)) {
		json_fail(&queue, "queue \"%s\" is above others; only those below hold jobs", name);
		return false;
	}
	return true;
}

static void read_tasks(struct reader *r, const struct json_at *at, struct sched_job *job,
                       const struct sched_ask *ask)
{
	struct json_at list;
	if (snapshot_list(at, "tasks", &list)) {
		for (size_t i = 0; i < json_array_size(list.value); i++) {
			const struct json_at item = json_item(&list, i);
			read_task(r, &item, job, ask);
		}
	}
	job->n_tasks = (uint32_t)r->s->tasks.n - job->first_task;
}

static void add_job(struct reader *r, const struct json_at *at, const struct job_keys *k,
                    const struct sched_ask *ask)
{
	struct sched_job job = {
		.priority = k->priority,
		.preemptible = k->preemptible,
		.keeps_core = k->preemptible && k->semi_preemptible,
		.deleted = k->deleted_in_test,
		.age = snapshot_fixed(k->age_minutes, 1000),
		.stale_for = ns_from_seconds(k->stale_seconds),
		.running_for = k->running_for,
		.first_task = (uint32_t)r->s->tasks.n,
	};
	if (read_queue_of(r, at, k->queue, &job)) {
		job.name = mem_strdup(k->name);
		read_sets(r, at, k, &job);
		read_tasks(r, at, &job, ask);
		vec_push(&r->s->jobs, job);
	}
}

static void read_job(struct reader *r, const struct json_at *at)
{
	struct job_keys k = {0};
	struct sched_ask ask;
	if (option_fill(job_table, &k, at, "snapshot", NULL) && read_ask(at, &k, &ask)) {
		add_job(r, at, &k, &ask);
	}
	option_fini(job_table, &k);
}

void snapshot_read_jobs(struct snapshot *s, const struct json_at *jobs, char **unsupported)
{
	struct reader r = {.s = s, .unsupported = unsupported};
	snapshot_complete(s);
	r.labels = mem_new(s->n_groups, sizeof(*r.labels));
	for (size_t i = 0; i < json_array_size(jobs->value); i++) {
		const struct json_at at = json_item(jobs, i);
		read_job(&r, &at);
	}
	snapshot_rank_jobs(s);
	for (size_t i = 0; i < s->n_groups; i++) {
		free(r.labels[i]);
	}
	free(r.labels);
}
