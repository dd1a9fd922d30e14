/* Scheduling cases as text for people and as JSON for programs. */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "report/json_writer.h"
#include "study/cases.h"

#define MIG_PREFIX "nvidia.com/mig-"

static const char *const outcomes[CASE_OUTCOMES] = {"pass", "fail", "unsupported", "scheduled"};

/* "2.5", "all" for what is unlimited. */
static const char *amount(int64_t v, int resource, char *buf, size_t size)
{
	if (v == SCHED_UNLIMITED) {
		return "all";
	}
	return str_real((double)v / (double)sched_unit[resource], buf, size);
}

/* "2 GPUs", "0.5 of a GPU", "2 x 4000 MiB of a GPU", "1 x 3g.40gb", "no GPU" */
static const char *ask_text(const struct snapshot *s, const struct sched_ask *a, char *buf,
                            size_t size)
{
	char number[32];
	char times[32] = "";
	if (a->slices > 0) {
		const char *const name = s->migs.at[a->mig].name;
		const bool mig = strncmp(name, MIG_PREFIX, strlen(MIG_PREFIX)) == 0;
		snprintf(buf, size, "%" PRId64 " x %s", a->slices,
		         mig ? name + strlen(MIG_PREFIX) : name);
		return buf;
	}
	if (a->devices == 0) {
		snprintf(buf, size,
		         a->gpus == 0   ? "no GPU"
		         : a->gpus == 1 ? "1 GPU"
		                        : "%" PRId64 " GPUs",
		         a->gpus);
		return buf;
	}
	if (a->devices > 1) {
		snprintf(times, sizeof(times), "%" PRId64 " x ", a->devices);
	}
	if (a->mib > 0) {
		snprintf(buf, size, "%s%" PRId64 " MiB of a GPU", times, a->mib);
	} else {
		snprintf(buf, size, "%s%s of a GPU", times,
		         str_real((double)a->fraction / 1e6, number, sizeof(number)));
	}
	return buf;
}

/* Why a job waits, as half a sentence. */
static const char *why_text(const struct snapshot *s, const struct sched_why *w, char *buf,
                            size_t size)
{
	char number[32];
	/* reasons without a queue leave it at 0, and jobs are in queues */
	const struct sched_queue *const q = &s->queues.at[w->queue];
	switch (w->reason) {
	case SCHED_OVER_LIMIT:
		snprintf(buf, size, "queue \"%s\" would be over its limit of %s %s", q->name,
		         amount(q->limit.of[w->resource], (int)w->resource, number, sizeof(number)),
		         sched_resource_names[w->resource]);
		break;
	case SCHED_OVER_QUOTA:
		snprintf(buf, size,
		         "it may not be preempted, and queue \"%s\" would be over its quota of "
		         "%s %s",
		         q->name,
		         amount(q->quota.of[w->resource], (int)w->resource, number, sizeof(number)),
		         sched_resource_names[w->resource]);
		break;
	case SCHED_NO_ROOM:
		snprintf(buf, size, "room for %u of %u %s%s", w->placed, w->wanted,
		         w->wanted == 1 ? "pod" : "pods",
		         w->apart ? " where its topology wants them" : "");
		break;
	case SCHED_OVER_SHARE:
		snprintf(buf, size,
		         "room for %u of %u %s, and queue \"%s\" would be over its fair share of "
		         "%s",
		         w->placed, w->wanted, w->wanted == 1 ? "pod" : "pods", q->name,
		         sched_resource_names[w->resource]);
		break;
	case SCHED_TOO_FEW:
		snprintf(buf, size, "it has fewer pods than it needs to start");
		break;
	case SCHED_NOT_TRIED:
		snprintf(buf, size, "nothing tried to place it");
		break;
	}
	return buf;
}

/* --- text -------------------------------------------------------------------------------------
 */

static void print_queues(FILE *out, const struct sched_case *c)
{
	const struct snapshot *const s = &c->snapshot;
	int width = 5;
	for (size_t q = 0; q < s->queues.n; q++) {
		const int n = (int)strlen(s->queues.at[q].name);
		width = n > width ? n : width;
	}
	fprintf(out, "  %-*s  %10s  %10s  %10s  %10s\n", width, "queue", "quota", "limit",
	        "fair share", "GPUs");
	for (uint32_t q = 0; q < s->queues.n; q++) {
		char quota[32];
		char limit[32];
		char fair[32];
		char has[32];
		const struct sched_queue *const queue = &s->queues.at[q];
		const int64_t most = queue->limit.of[SCHED_GPU];
		fprintf(out, "  %-*s  %10s  %10s  %10s  %10s\n", width, queue->name,
		        amount(queue->quota.of[SCHED_GPU], SCHED_GPU, quota, sizeof(quota)),
		        most == SCHED_UNLIMITED ? "none"
		                                : amount(most, SCHED_GPU, limit, sizeof(limit)),
		        amount(c->result.fair_share[q].of[SCHED_GPU], SCHED_GPU, fair,
		               sizeof(fair)),
		        amount(c->result.allocated[q].of[SCHED_GPU], SCHED_GPU, has, sizeof(has)));
	}
}

/* What happens to a pod, as half a sentence; NULL: nothing. */
static const char *fate(const struct sched_case *c, size_t task, char *buf, size_t size)
{
	const struct snapshot *const s = &c->snapshot;
	const struct sched_decision *const d = &c->result.tasks[task];
	const char *const node = d->node != SCHED_NONE ? s->nodes.at[d->node].name : "";
	const char *const by = d->by != SCHED_NONE ? s->jobs.at[d->by].name : NULL;
	char reason[256];
	if (d->status == SCHED_PENDING && by != NULL) {
		snprintf(buf, size, "waits: it gave way to %s (%s)", by,
		         sched_action_names[d->action]);
	} else if (d->status == SCHED_PENDING) {
		snprintf(buf, size, "waits: %s",
		         why_text(s, &c->result.jobs[s->tasks.at[task].job], reason,
		                  sizeof(reason)));
	} else if (!d->changed) {
		return NULL;
	} else if (d->status == SCHED_BINDING) {
		snprintf(buf, size, "placed on %s", node);
	} else if (d->from != SCHED_NONE) {
		snprintf(buf, size, "moves from %s to %s, for %s", s->nodes.at[d->from].name, node,
		         by != NULL ? by : "its own job");
	} else if (d->status == SCHED_PIPELINED) {
		snprintf(buf, size, "promised %s, once others have left", node);
	} else if (by != NULL) {
		snprintf(buf, size, "evicted from %s, for %s (%s)", node, by,
		         sched_action_names[d->action]);
	} else {
		snprintf(buf, size, "evicted from %s (%s)", node, sched_action_names[d->action]);
	}
	return buf;
}

/* Pods from this one on, of its job, with the same fate. */
static size_t pods_alike(const struct sched_case *c, size_t task, const char *text)
{
	const struct snapshot *const s = &c->snapshot;
	char what[512];
	size_t n = 1;
	for (; task + n < s->tasks.n && s->tasks.at[task + n].job == s->tasks.at[task].job; n++) {
		const char *const other = fate(c, task + n, what, sizeof(what));
		if (other == NULL || strcmp(other, text) != 0) {
			break;
		}
	}
	return n;
}

static void print_pods(FILE *out, const struct sched_case *c)
{
	const struct snapshot *const s = &c->snapshot;
	int width = 3;
	uint32_t same = 0;
	for (size_t t = 0; t < s->tasks.n; t++) {
		const int n = (int)strlen(s->tasks.at[t].name);
		width = n > width ? n : width;
	}
	for (size_t t = 0; t < s->tasks.n; t++) {
		char what[512];
		char ask[96];
		char more[32] = "";
		const char *const text = fate(c, t, what, sizeof(what));
		const size_t alike = text != NULL ? pods_alike(c, t, text) : 1;
		same += text == NULL;
		if (alike > 1) {
			snprintf(more, sizeof(more), " (%zu pods)", alike);
		}
		if (text != NULL) {
			fprintf(out, "  %-*s  %-14s  %s%s\n", width, s->tasks.at[t].name,
			        ask_text(s, &s->tasks.at[t].ask, ask, sizeof(ask)), text, more);
		}
		t += alike - 1;
	}
	if (same > 0) {
		fprintf(out, "  %u %s as before\n", same, same == 1 ? "pod" : "pods");
	}
}

static void print_case(FILE *out, const struct sched_case *c)
{
	fprintf(out, "%s: %u bound, %u promised, %u evicted\n", c->id, c->result.binds,
	        c->result.promises, c->result.evictions);
	print_queues(out, c);
	print_pods(out, c);
}

void cases_print(FILE *out, const struct case_list *l)
{
	for (size_t i = 0; i < l->cases.n; i++) {
		const struct sched_case *const c = &l->cases.at[i];
		if (c->has_result && (c->outcome == CASE_SCHEDULED || l->cases.n == 1)) {
			print_case(out, c);
		}
		if (c->why != NULL) {
			fprintf(out, "%-11s  %s: %s\n", outcomes[c->outcome], c->id, c->why);
		}
	}
	if (l->counts[CASE_SCHEDULED] < l->cases.n) {
		fprintf(out, "%u passed, %u failed, %u unsupported\n", l->counts[CASE_PASS],
		        l->counts[CASE_FAIL], l->counts[CASE_UNSUPPORTED]);
	}
}

/* --- JSON -------------------------------------------------------------------------------------
 */

static void put_node(struct json_writer *w, const char *key, const struct snapshot *s,
                     uint32_t node)
{
	if (node != SCHED_NONE) {
		json_put_string(w, key, s->nodes.at[node].name);
	}
}

static void put_pod(struct json_writer *w, const struct sched_case *c, size_t task)
{
	const struct snapshot *const s = &c->snapshot;
	const struct sched_task *const t = &s->tasks.at[task];
	const struct sched_decision *const d = &c->result.tasks[task];
	char why[256];
	json_begin_object_flat(w, NULL);
	json_put_string(w, "pod", t->name);
	json_put_string(w, "job", s->jobs.at[t->job].name);
	json_put_string(w, "status", sched_status_names[d->status]);
	put_node(w, "node", s, d->node);
	if (d->node != SCHED_NONE && t->ask.devices > 0) {
		json_begin_array_flat(w, "gpu_groups");
		for (int64_t i = 0; i < t->ask.devices; i++) {
			json_put_int(w, NULL, d->groups[i]);
		}
		json_end(w);
	}
	put_node(w, "from", s, d->from);
	if (d->changed) {
		json_put_string(w, "action", sched_action_names[d->action]);
	}
	if (d->by != SCHED_NONE) {
		json_put_string(w, "for", s->jobs.at[d->by].name);
	}
	if (d->status == SCHED_PENDING && d->by == SCHED_NONE) {
		json_put_string(w, "why", why_text(s, &c->result.jobs[t->job], why, sizeof(why)));
	}
	json_end(w);
}

static void put_decisions(struct json_writer *w, const struct sched_case *c)
{
	const struct snapshot *const s = &c->snapshot;
	json_begin_array(w, "queues");
	for (size_t q = 0; q < s->queues.n; q++) {
		json_begin_object_flat(w, NULL);
		json_put_string(w, "queue", s->queues.at[q].name);
		json_put_real(w, "gpu_fair_share",
		              (double)c->result.fair_share[q].of[SCHED_GPU] / 1e6);
		json_put_real(w, "gpu_allocated",
		              (double)c->result.allocated[q].of[SCHED_GPU] / 1e6);
		json_end(w);
	}
	json_end(w);
	json_begin_array(w, "pods");
	for (size_t t = 0; t < s->tasks.n; t++) {
		put_pod(w, c, t);
	}
	json_end(w);
}

void cases_json(FILE *out, const struct case_list *l)
{
	struct json_writer w;
	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_begin_array(&w, "cases");
	for (size_t i = 0; i < l->cases.n; i++) {
		const struct sched_case *const c = &l->cases.at[i];
		const bool flat = c->outcome != CASE_SCHEDULED;
		if (flat) {
			json_begin_object_flat(&w, NULL);
		} else {
			json_begin_object(&w, NULL);
		}
		json_put_string(&w, "id", c->id);
		json_put_string(&w, "result", outcomes[c->outcome]);
		json_put_string(&w, "why", c->why);
		if (!flat) {
			put_decisions(&w, c);
		}
		json_end(&w);
	}
	json_end(&w);
	json_put_int(&w, "passed", l->counts[CASE_PASS]);
	json_put_int(&w, "failed", l->counts[CASE_FAIL]);
	json_put_int(&w, "unsupported", l->counts[CASE_UNSUPPORTED]);
	json_end(&w);
}
