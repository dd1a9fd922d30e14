/* Compares what a cycle did with what a scheduling case expects. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "study/cases_private.h"

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* One pod against {"status", "node"}; both may be absent. */
static char *task_differs(const struct snapshot *s, const struct sched_result *r, size_t task,
                          const json_t *want)
{
	const struct sched_decision *const d = &r->tasks[task];
	const char *const name = s->tasks.at[task].name;
	const char *const status = text_of(want, "status");
	const char *const node = text_of(want, "node");
	const char *const is_on = d->node != SCHED_NONE ? s->nodes.at[d->node].name : "no node";
	if (status != NULL && strcmp(status, sched_status_names[d->status]) != 0) {
		return mem_printf("%s is %s on %s, expected %s", name,
		                  sched_status_names[d->status], is_on, status);
	}
	if (node != NULL && d->status != SCHED_PENDING && strcmp(node, is_on) != 0) {
		return mem_printf("%s is %s on %s, expected on %s", name,
		                  sched_status_names[d->status], is_on, node);
	}
	return NULL;
}

static char *jobs_differ(const json_t *jobs, const struct snapshot *s, const struct sched_result *r)
{
	char *why = NULL;
	for (size_t t = 0; t < s->tasks.n && why == NULL; t++) {
		const json_t *const want =
			json_object_get(jobs, s->jobs.at[s->tasks.at[t].job].name);
		why = want != NULL ? task_differs(s, r, t, want) : NULL;
	}
	return why;
}

static char *tasks_differ(const json_t *tasks, const struct snapshot *s,
                          const struct sched_result *r)
{
	char *why = NULL;
	for (size_t t = 0; t < s->tasks.n && why == NULL; t++) {
		const json_t *const want = json_object_get(tasks, s->tasks.at[t].name);
		why = want != NULL ? task_differs(s, r, t, want) : NULL;
	}
	return why;
}

static char *nodes_differ(const json_t *nodes, const struct snapshot *s,
                          const struct sched_result *r)
{
	for (size_t n = 0; n < s->nodes.n; n++) {
		const json_t *const want = json_object_get(nodes, s->nodes.at[n].name);
		const json_t *const idle = json_object_get(want, "idle_gpus");
		const json_t *const leaving = json_object_get(want, "releasing_gpus");
		if ((idle != NULL && json_integer_value(idle) != r->nodes[n].idle) ||
		    (leaving != NULL && json_integer_value(leaving) != r->nodes[n].releasing)) {
			return mem_printf("%s has %lld GPUs idle and %lld releasing",
			                  s->nodes.at[n].name, (long long)r->nodes[n].idle,
			                  (long long)r->nodes[n].releasing);
		}
	}
	return NULL;
}

char *cases_differ(const struct json_at *expect, const struct snapshot *s,
                   const struct sched_result *r)
{
	char *why = jobs_differ(json_object_get(expect->value, "jobs"), s, r);
	if (why == NULL) {
		why = tasks_differ(json_object_get(expect->value, "tasks"), s, r);
	}
	if (why == NULL) {
		why = nodes_differ(json_object_get(expect->value, "nodes"), s, r);
	}
	return why;
}

char *cases_exceed(const struct json_at *expect, const struct sched_result *r)
{
	static const char *const keys[] = {"binds", "evictions", "pipelines"};
	const uint32_t counts[] = {r->binds, r->evictions, r->promises};
	const json_t *const bounds = json_object_get(expect->value, "max_per_session");
	for (int i = 0; i < 3; i++) {
		const json_t *const bound = json_object_get(bounds, keys[i]);
		if (bound != NULL && counts[i] > json_integer_value(bound)) {
			return mem_printf("%u %s in one cycle, at most %lld expected", counts[i],
			                  keys[i], (long long)json_integer_value(bound));
		}
	}
	return NULL;
}
