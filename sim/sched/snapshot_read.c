/* Nodes and queues of a snapshot from JSON; its jobs: snapshot_jobs.c. */
#include "sched/snapshot_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/option.h"
#include "sched/snapshot_private.h"

struct node_keys {
	char *name;
	int64_t gpus, gpu_memory_mib, memory_bytes, max_pods;
	double cpu_cores;
	char *mig_strategy;
	const json_t *mig_instances, *labels;
};

static const struct option node_table[] = {
	{"name", OPTION_TEXT, offsetof(struct node_keys, name), 0, 0, NULL, NULL, NULL, ""},
	{"gpus", OPTION_INT, offsetof(struct node_keys, gpus), 0, 64, "0", NULL, "GPUs", ""},
	{"gpu_memory_mib", OPTION_INT, offsetof(struct node_keys, gpu_memory_mib), 100, 16777216,
         "100", NULL, "MiB", ""},
	{"cpu_cores", OPTION_REAL, offsetof(struct node_keys, cpu_cores), 0, 1e6, "20000", NULL,
         "cores", ""},
	{"memory_bytes", OPTION_INT, offsetof(struct node_keys, memory_bytes), 0, 1e15,
         "20000000000", NULL, "bytes", ""},
	{"max_pods", OPTION_INT, offsetof(struct node_keys, max_pods), 0, 1e6, "110", NULL, "pods",
         ""},
	{"mig_strategy", OPTION_TEXT, offsetof(struct node_keys, mig_strategy), 0, 0, "", NULL,
         NULL, ""},
	{"mig_instances", OPTION_NODE, offsetof(struct node_keys, mig_instances), 0, 0, "", NULL,
         NULL, ""},
	{"labels", OPTION_NODE, offsetof(struct node_keys, labels), 0, 0, "", NULL, NULL, ""},
	{0},
};

struct queue_keys {
	char *name, *parent;
	int64_t priority, order;
	double gpu_quota, gpu_limit, gpu_over_quota_weight, gpu_usage;
	int64_t cpu_milli_quota, cpu_milli_limit, mem_mb_quota, mem_mb_limit;
	ns_t preempt_min_runtime, reclaim_min_runtime;
	bool implicit;
};

#define QUEUE(field) offsetof(struct queue_keys, field)
static const struct option queue_table[] = {
	{"name", OPTION_TEXT, QUEUE(name), 0, 0, NULL, NULL, NULL, ""},
	{"parent", OPTION_TEXT, QUEUE(parent), 0, 0, "", NULL, NULL, ""},
	{"priority", OPTION_INT, QUEUE(priority), -1e9, 1e9, "100", NULL, NULL, ""},
	{"order", OPTION_INT, QUEUE(order), 0, 1e12, "0", NULL, NULL, ""},
	{"gpu_quota", OPTION_REAL, QUEUE(gpu_quota), -1, 1e6, "0", NULL, "GPUs", ""},
	{"gpu_limit", OPTION_REAL, QUEUE(gpu_limit), -1, 1e6, "-1", NULL, "GPUs", ""},
	{"gpu_over_quota_weight", OPTION_REAL, QUEUE(gpu_over_quota_weight), -1, 1e6, "1", NULL,
         NULL, ""},
	{"gpu_usage", OPTION_SHARE, QUEUE(gpu_usage), 0, 1, "0", NULL, NULL, ""},
	{"cpu_milli_quota", OPTION_INT, QUEUE(cpu_milli_quota), -1, 1e12, "-1", NULL, "millicores",
         ""},
	{"cpu_milli_limit", OPTION_INT, QUEUE(cpu_milli_limit), -1, 1e12, "-1", NULL, "millicores",
         ""},
	{"mem_mb_quota", OPTION_INT, QUEUE(mem_mb_quota), -1, 1e9, "-1", NULL, "MB", ""},
	{"mem_mb_limit", OPTION_INT, QUEUE(mem_mb_limit), -1, 1e9, "-1", NULL, "MB", ""},
	{"preempt_min_runtime", OPTION_DURATION, QUEUE(preempt_min_runtime), 0, 1e18, "0s", NULL,
         "s", ""},
	{"reclaim_min_runtime", OPTION_DURATION, QUEUE(reclaim_min_runtime), 0, 1e18, "0s", NULL,
         "s", ""},
	{"implicit", OPTION_BOOL, QUEUE(implicit), 0, 0, "false", NULL, NULL, ""},
	{0},
};

struct cluster_keys {
	const json_t *nodes, *queues, *topologies, *dra;
};

static const struct option cluster_table[] = {
	{"nodes", OPTION_NODE, offsetof(struct cluster_keys, nodes), 0, 0, NULL, NULL, NULL, ""},
	{"queues", OPTION_NODE, offsetof(struct cluster_keys, queues), 0, 0, NULL, NULL, NULL, ""},
	{"topologies", OPTION_NODE, offsetof(struct cluster_keys, topologies), 0, 0, "", NULL, NULL,
         ""},
	{"dra", OPTION_NODE, offsetof(struct cluster_keys, dra), 0, 0, "", NULL, NULL, ""},
	{0},
};

int64_t snapshot_fixed(double v, int64_t unit)
{
	const double scaled = v * (double)unit;
	return (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

void snapshot_cannot(char **unsupported, const char *what)
{
	if (*unsupported == NULL) {
		*unsupported = mem_strdup(what);
	}
}

static void add_node(struct snapshot *s, const struct json_at *at, const struct node_keys *k)
{
	struct sched_node node = {
		.name = mem_strdup(k->name),
		.gpus = k->gpus,
		.gpu_mib = k->gpu_memory_mib - k->gpu_memory_mib % 100,
		.cpu = snapshot_fixed(k->cpu_cores, 1000),
		.memory = k->memory_bytes,
		.max_pods = k->max_pods,
		.mixed = k->mig_strategy != NULL && strcmp(k->mig_strategy, "mixed") == 0,
	};
	bool again = false;
	for (size_t i = 0; i < s->nodes.n; i++) {
		again = again || strcmp(s->nodes.at[i].name, node.name) == 0;
	}
	if (again) {
		json_fail(at, "a second node \"%s\"", node.name);
	}
	snapshot_read_mig_node(s, at, &node);
	snapshot_read_labels(at, "labels", &node.labels);
	vec_push(&s->nodes, node);
}

static void read_node(struct snapshot *s, const struct json_at *at)
{
	struct node_keys k = {0};
	if (option_fill(node_table, &k, at, "snapshot", NULL)) {
		add_node(s, at, &k);
	}
	option_fini(node_table, &k);
}

uint32_t snapshot_find_queue(const struct snapshot *s, const char *name)
{
	for (uint32_t i = 0; i < s->queues.n; i++) {
		if (strcmp(s->queues.at[i].name, name) == 0) {
			return i;
		}
	}
	return SCHED_NONE;
}

static int64_t amount(double v, int64_t unit)
{
	return v < 0 ? SCHED_UNLIMITED : snapshot_fixed(v, unit);
}

static void read_queue(struct snapshot *s, const struct json_at *at)
{
	struct queue_keys k = {0};
	if (option_fill(queue_table, &k, at, "snapshot", NULL)) {
		struct sched_queue queue = {
			.name = mem_strdup(k.name),
			.parent = SCHED_NONE,
			.priority = k.priority,
			.order = k.order,
			.weight = k.gpu_over_quota_weight < 0
		                          ? 0
		                          : snapshot_fixed(k.gpu_over_quota_weight, 1000),
			.preempt_min_runtime = k.preempt_min_runtime,
			.reclaim_min_runtime = k.reclaim_min_runtime,
			.quota = {{amount(k.gpu_quota, sched_unit[SCHED_GPU]),
		                   amount((double)k.cpu_milli_quota, 1),
		                   amount((double)k.mem_mb_quota, sched_unit[SCHED_MEMORY])}},
			.limit = {{amount(k.gpu_limit, sched_unit[SCHED_GPU]),
		                   amount((double)k.cpu_milli_limit, 1),
		                   amount((double)k.mem_mb_limit, sched_unit[SCHED_MEMORY])}},
			.used_ppm = {{snapshot_fixed(k.gpu_usage, 1000000), 0, 0}},
		};
		if (snapshot_find_queue(s, queue.name) != SCHED_NONE) {
			json_fail(at, "a second queue \"%s\"", queue.name);
		}
		vec_push(&s->queues, queue);
	}
	option_fini(queue_table, &k);
}

void snapshot_fail_queue(const struct snapshot *s, const struct json_at *at, const char *what,
                         const char *got)
{
	const char **const names = mem_new(s->queues.n, sizeof(*names));
	for (size_t i = 0; i < s->queues.n; i++) {
		names[i] = s->queues.at[i].name;
	}
	json_fail_name(at, what, got, names, s->queues.n);
	free(names);
}

/* Parents by name, once all queues are known. */
static void link_parents(struct snapshot *s, const struct json_at *queues)
{
	for (size_t i = 0; i < s->queues.n; i++) {
		const struct json_at at = json_item(queues, i);
		struct json_at parent;
		const char *name;
		if (!json_get(&at, "parent", &parent) || !json_want_string(&parent, &name)) {
			continue;
		}
		s->queues.at[i].parent = snapshot_find_queue(s, name);
		if (s->queues.at[i].parent == SCHED_NONE) {
			snapshot_fail_queue(s, &parent, "queue", name);
		}
	}
	for (size_t i = 0; i < s->queues.n; i++) {
		uint32_t above = s->queues.at[i].parent;
		for (size_t steps = 0; above != SCHED_NONE && steps < s->queues.n; steps++) {
			above = s->queues.at[above].parent;
		}
		if (above != SCHED_NONE) {
			const struct json_at at = json_item(queues, i);
			json_fail(&at, "queue \"%s\" is above itself", s->queues.at[i].name);
			return;
		}
	}
}

bool snapshot_list(const struct json_at *at, const char *key, struct json_at *out)
{
	return json_get(at, key, out) && json_want_array(out);
}

bool snapshot_read(struct snapshot *s, const struct json_at *cluster, const struct json_at *jobs,
                   char **unsupported)
{
	const size_t before = err_count(cluster->err);
	struct cluster_keys k = {0};
	struct json_at list;
	*unsupported = NULL;
	if (!option_fill(cluster_table, &k, cluster, "snapshot", NULL) || !json_want_array(jobs)) {
		return false;
	}
	if (snapshot_list(cluster, "nodes", &list)) {
		for (size_t i = 0; i < json_array_size(list.value); i++) {
			const struct json_at at = json_item(&list, i);
			read_node(s, &at);
		}
	}
	if (snapshot_list(cluster, "queues", &list)) {
		for (size_t i = 0; i < json_array_size(list.value); i++) {
			const struct json_at at = json_item(&list, i);
			read_queue(s, &at);
		}
		if (err_count(cluster->err) == before) {
			link_parents(s, &list);
		}
	}
	snapshot_read_topologies(s, cluster);
	snapshot_read_dra(s, cluster);
	if (err_count(cluster->err) == before) {
		snapshot_read_jobs(s, jobs, unsupported);
	}
	return err_count(cluster->err) == before;
}

/* --- does it hold what it says? ---------------------------------------------------------------
 */

struct load {
	int64_t gpus, cpu, memory;  /* whole GPUs, millicores, bytes */
	int64_t slices[SCHED_MIGS]; /* MIG instances of each profile */
};

static char *node_overcommit(const struct sched_node *n, const struct load *l,
                             const int64_t *groups)
{
	int64_t gpus = l->gpus;
	for (int64_t g = 0; g < 2 * n->gpus; g++) {
		gpus += groups[n->first_group + (uint32_t)g] > 0;
		if (groups[n->first_group + (uint32_t)g] > n->gpu_mib) {
			return mem_printf("pods hold %lld MiB of a GPU of node \"%s\" with %lld",
			                  (long long)groups[n->first_group + (uint32_t)g], n->name,
			                  (long long)n->gpu_mib);
		}
	}
	if (gpus > n->gpus) {
		return mem_printf("pods hold %lld GPUs of node \"%s\", which has %lld",
		                  (long long)gpus, n->name, (long long)n->gpus);
	}
	for (size_t m = 0; m < SCHED_MIGS; m++) {
		const int64_t there = n->slices != NULL ? n->slices[m] : 0;
		if (l->slices[m] > there) {
			return mem_printf("pods hold %lld MIG instances of node \"%s\", which has "
			                  "%lld of that profile",
			                  (long long)l->slices[m], n->name, (long long)there);
		}
	}
	if (l->cpu > n->cpu || l->memory > n->memory) {
		return mem_printf("pods hold more %s than node \"%s\" has",
		                  l->cpu > n->cpu ? "CPU" : "memory", n->name);
	}
	return NULL;
}

/* Does a pod before this one hold the devices of the same claim on the same node? */
static bool is_claimed_before(const struct snapshot *s, uint32_t task)
{
	const struct sched_task *const t = &s->tasks.at[task];
	const uint32_t claim = t->tie > 0 ? s->ties.at[t->tie - 1].claim : SCHED_NONE;
	for (uint32_t i = 0; i < task && claim != SCHED_NONE; i++) {
		const struct sched_task *const other = &s->tasks.at[i];
		if (other->tie > 0 && other->node == t->node &&
		    s->ties.at[other->tie - 1].claim == claim) {
			return true;
		}
	}
	return false;
}

char *snapshot_overcommit(const struct snapshot *s)
{
	struct load *const loads = mem_new(s->nodes.n, sizeof(*loads));
	int64_t *const groups = mem_new(s->n_groups, sizeof(*groups));
	char *why = NULL;
	for (size_t i = 0; i < s->tasks.n; i++) {
		const struct sched_task *const t = &s->tasks.at[i];
		if (t->node == SCHED_NONE || t->status == SCHED_PIPELINED ||
		    t->status == SCHED_FAILED) {
			continue;
		}
		const struct sched_node *const n = &s->nodes.at[t->node];
		loads[t->node].gpus += t->ask.gpus;
		if (t->ask.slices > 0 && !is_claimed_before(s, (uint32_t)i)) {
			loads[t->node].slices[t->ask.mig] += t->ask.slices;
		}
		loads[t->node].cpu += t->ask.cpu;
		loads[t->node].memory += t->ask.memory;
		for (int64_t d = 0; d < t->ask.devices; d++) {
			groups[n->first_group + t->groups[d]] += snapshot_mib(&t->ask, n);
		}
	}
	for (size_t i = 0; i < s->nodes.n && why == NULL; i++) {
		why = node_overcommit(&s->nodes.at[i], &loads[i], groups);
	}
	free(loads);
	free(groups);
	return why;
}
