/* What a snapshot holds, and what its pods are charged. Reads no files: snapshot_read.c does. */
#include "sched/snapshot.h"

#include <stdlib.h>
#include <string.h>

const int64_t sched_unit[SCHED_RESOURCES] = {1000000, 1, 1000000};
const char *const sched_resource_names[SCHED_RESOURCES] = {"GPUs", "CPU", "memory"};
const char *const sched_status_names[SCHED_STATUSES + 1] = {
	"Pending", "Binding", "Pipelined", "Running", "Releasing", "Failed", NULL,
};

static void labels_fini(struct sched_labels *l)
{
	for (size_t i = 0; i < l->list.n; i++) {
		free(l->list.at[i].key);
		free(l->list.at[i].value);
	}
	free(l->list.at);
}

static void node_fini(struct sched_node *n)
{
	labels_fini(&n->labels);
	free(n->name);
	free(n->slices);
}

static void topology_fini(struct sched_topology *t)
{
	for (size_t i = 0; i < t->levels.n; i++) {
		free(t->levels.at[i]);
	}
	free(t->levels.at);
	free(t->name);
	free(t->leaf);
}

static void ties_fini(struct snapshot *s)
{
	for (size_t i = 0; i < s->ties.n; i++) {
		labels_fini(&s->ties.at[i].labels);
	}
	for (size_t i = 0; i < s->tie_labels.n; i++) {
		free(s->tie_labels.at[i]);
	}
	for (size_t i = 0; i < s->claims.n; i++) {
		free(s->claims.at[i].name);
		free(s->claims.at[i].queue);
	}
	free(s->ties.at);
	free(s->tie_labels.at);
	free(s->labelled.at);
	free(s->claims.at);
}

void snapshot_fini(struct snapshot *s)
{
	ties_fini(s);
	for (size_t i = 0; i < s->nodes.n; i++) {
		node_fini(&s->nodes.at[i]);
	}
	for (size_t i = 0; i < s->topologies.n; i++) {
		topology_fini(&s->topologies.at[i]);
	}
	for (size_t i = 0; i < s->groups.n; i++) {
		free(s->groups.at[i].name);
	}
	for (size_t i = 0; i < s->queues.n; i++) {
		free(s->queues.at[i].name);
	}
	for (size_t i = 0; i < s->jobs.n; i++) {
		free(s->jobs.at[i].name);
	}
	for (size_t i = 0; i < s->tasks.n; i++) {
		free(s->tasks.at[i].name);
	}
	for (size_t i = 0; i < s->sets.n; i++) {
		free(s->sets.at[i].name);
	}
	for (size_t i = 0; i < s->migs.n; i++) {
		free(s->migs.at[i].name);
	}
	free(s->migs.at);
	free(s->groups.at);
	free(s->topologies.at);
	free(s->domains.at);
	free(s->nodes.at);
	free(s->queues.at);
	free(s->jobs.at);
	free(s->tasks.at);
	free(s->sets.at);
	memset(s, 0, sizeof(*s));
}

static int by_name(const void *a, const void *b)
{
	const struct sched_node *const x = a;
	const struct sched_node *const y = b;
	return strcmp(x->name, y->name);
}

struct aged {
	int64_t age;
	uint32_t job;
};

static int by_age(const void *a, const void *b)
{
	const struct aged *const x = a;
	const struct aged *const y = b;
	if (x->age != y->age) {
		return x->age > y->age ? -1 : 1;
	}
	return x->job < y->job ? -1 : x->job > y->job;
}

void snapshot_rank_jobs(struct snapshot *s)
{
	struct aged *const jobs = mem_new(s->jobs.n, sizeof(*jobs));
	for (uint32_t i = 0; i < s->jobs.n; i++) {
		jobs[i] = (struct aged){s->jobs.at[i].age, i};
	}
	qsort(jobs, s->jobs.n, sizeof(*jobs), by_age);
	for (uint32_t i = 0; i < s->jobs.n; i++) {
		s->jobs.at[jobs[i].job].rank = i;
	}
	free(jobs);
}

void snapshot_complete(struct snapshot *s)
{
	if (s->nodes.n > 0) {
		qsort(s->nodes.at, s->nodes.n, sizeof(*s->nodes.at), by_name);
	}
	for (size_t i = 0; i < s->nodes.n; i++) {
		struct sched_node *const node = &s->nodes.at[i];
		node->first_group = s->n_groups;
		s->n_groups += 2 * (uint32_t)node->gpus;
		s->total.of[SCHED_GPU] += node->gpus * sched_unit[SCHED_GPU];
		for (size_t m = 0; m < s->migs.n && node->slices != NULL; m++) {
			s->total.of[SCHED_GPU] +=
				node->slices[m] * s->migs.at[m].gpus * sched_unit[SCHED_GPU];
		}
		s->total.of[SCHED_CPU] += node->cpu;
		s->total.of[SCHED_MEMORY] += node->memory;
		if (node->gpus > 0 &&
		    (s->smallest_gpu_mib == 0 || node->gpu_mib < s->smallest_gpu_mib)) {
			s->smallest_gpu_mib = node->gpu_mib;
		}
	}
	snapshot_divide(s);
}

bool snapshot_has_children(const struct snapshot *s, uint32_t queue)
{
	for (size_t i = 0; i < s->queues.n; i++) {
		if (s->queues.at[i].parent == queue) {
			return true;
		}
	}
	return false;
}

/* The core of a set are its first pods, in the order in which they are placed. */
bool snapshot_stays(const struct snapshot *s, uint32_t task)
{
	const struct sched_task *const own = &s->tasks.at[task];
	const struct sched_job *const j = &s->jobs.at[own->job];
	int64_t before = 0;
	if (!j->preemptible || !j->keeps_core) {
		return !j->preemptible;
	}
	for (uint32_t t = j->first_task; t < j->first_task + j->n_tasks; t++) {
		const struct sched_task *const other = &s->tasks.at[t];
		before += other->set == own->set &&
		          (other->order != own->order ? other->order > own->order : t < task);
	}
	return before < s->sets.at[own->set].min;
}

int64_t snapshot_mib(const struct sched_ask *ask, const struct sched_node *node)
{
	return ask->mib > 0 ? ask->mib : ask->fraction * node->gpu_mib / 1000000;
}

struct sched_amount snapshot_charge(const struct snapshot *s, const struct sched_ask *ask,
                                    const struct sched_node *node)
{
	const int64_t whole = node != NULL ? node->gpu_mib : s->smallest_gpu_mib;
	int64_t part = ask->fraction;
	if (ask->mib > 0) { /* in hundredths, rounded up */
		part = whole > 0 ? (ask->mib * 100 + whole - 1) / whole * 10000 : 1000000;
	}
	const int64_t slices = ask->slices > 0 ? ask->slices * s->migs.at[ask->mig].gpus : 0;
	return (struct sched_amount){
		{(ask->gpus + slices) * 1000000 + ask->devices * part, ask->cpu, ask->memory},
	};
}
