/* The actions of a cycle in order, the fair shares they go by, and what came of them. */
#include "sched/cycle.h"

#include <stdlib.h>
#include <string.h>

#include "sched/fair_share.h"
#include "sched/session.h"

const char *const sched_action_names[SCHED_ACTIONS + 1] = {
	"allocate", "consolidation", "reclaim", "preempt", "stalegangeviction", NULL,
};

/* --- fair shares ------------------------------------------------------------------------------
 */

/* What the jobs of each queue hold or wait for, in the queue and all above. */
static struct sched_amount *sum_requests(const struct session *s)
{
	struct sched_amount *const sums = mem_new(s->in->queues.n, sizeof(*sums));
	for (uint32_t t = 0; t < s->in->tasks.n; t++) {
		if (s->places[t].status != SCHED_PENDING && !place_is_active(&s->places[t])) {
			continue;
		}
		const struct sched_amount a = session_charge(s, t);
		uint32_t q = s->in->jobs.at[s->in->tasks.at[t].job].queue;
		for (; q != SCHED_NONE; q = s->in->queues.at[q].parent) {
			sched_add(&sums[q], &a, 1);
		}
	}
	return sums;
}

/* Divide `total` of resource r among siblings, then what each got among its children. */
static void divide(struct session *s, const struct sched_amount *requests, uint32_t first,
                   int64_t total, int r)
{
	struct fair_claim *const claims = mem_new(s->in->queues.n, sizeof(*claims));
	size_t n = 0;
	for (uint32_t q = first; q != SCHED_NONE; q = s->queues[q].next_sibling) {
		const struct sched_queue *const in = &s->in->queues.at[q];
		claims[n++] = (struct fair_claim){
			.quota = in->quota.of[r],
			.limit = in->limit.of[r],
			.request = requests[q].of[r],
			.weight = in->weight,
			.used_ppm = in->used_ppm.of[r],
			.priority = in->priority,
			.order = in->order,
		};
	}
	const int64_t left = fair_share_quota(claims, n, total);
	fair_share_over_quota(claims, n, left, sched_unit[r], s->options->k_milli);
	n = 0;
	for (uint32_t q = first; q != SCHED_NONE; q = s->queues[q].next_sibling) {
		s->queues[q].fair_share.of[r] = claims[n++].share;
	}
	free(claims);
	for (uint32_t q = first; q != SCHED_NONE; q = s->queues[q].next_sibling) {
		if (s->queues[q].first_child != SCHED_NONE) {
			divide(s, requests, s->queues[q].first_child, s->queues[q].fair_share.of[r],
			       r);
		}
	}
}

/* max(quota, fair share) within the limit, SCHED_UNLIMITED when both allow everything. */
static int64_t allocatable(const struct sched_queue *q, int64_t fair_share, int r)
{
	int64_t most = q->quota.of[r];
	if (most != SCHED_UNLIMITED && fair_share > most) {
		most = fair_share;
	}
	if (q->limit.of[r] == SCHED_UNLIMITED) {
		return most;
	}
	return most == SCHED_UNLIMITED || most > q->limit.of[r] ? q->limit.of[r] : most;
}

static void share_fairly(struct session *s)
{
	struct sched_amount *const requests = sum_requests(s);
	for (int r = 0; r < SCHED_RESOURCES; r++) {
		divide(s, requests, s->first_root, s->in->total.of[r], r);
	}
	free(requests);
	for (size_t q = 0; q < s->in->queues.n; q++) {
		struct queue_state *const state = &s->queues[q];
		for (int r = 0; r < SCHED_RESOURCES; r++) {
			state->allocatable.of[r] =
				allocatable(&s->in->queues.at[q], state->fair_share.of[r], r);
		}
		s->out->fair_share[q] = state->fair_share;
	}
}

/* --- results ----------------------------------------------------------------------------------
 */

static void tell(struct session *s)
{
	struct sched_result *const out = s->out;
	for (size_t n = 0; n < s->in->nodes.n; n++) {
		out->nodes[n] = (struct sched_left){s->nodes[n].idle[SCHED_GPU],
		                                    s->nodes[n].releasing[SCHED_GPU]};
	}
	for (size_t q = 0; q < s->in->queues.n; q++) {
		out->allocated[q] = s->queues[q].allocated;
	}
	for (size_t t = 0; t < s->in->tasks.n; t++) {
		const struct sched_task *const before = &s->in->tasks.at[t];
		const struct place *const p = &s->places[t];
		struct sched_decision *const d = &out->tasks[t];
		const bool leaves = p->old_node != SCHED_NONE;
		d->status = p->status;
		d->node = p->node != SCHED_NONE ? p->node : p->old_node;
		d->from = leaves && p->status == SCHED_PIPELINED ? p->old_node : SCHED_NONE;
		memcpy(d->groups, p->node != SCHED_NONE ? p->groups : p->old_groups,
		       sizeof(d->groups));
		d->changed = p->status != before->status || d->from != SCHED_NONE ||
		             (place_is_active(p) && p->node != before->node);
		out->binds += p->status == SCHED_BINDING && before->status != SCHED_BINDING;
		out->promises += p->status == SCHED_PIPELINED && d->changed;
		out->evictions += leaves && before->status != SCHED_RELEASING;
	}
}

static bool has(const enum sched_action *actions, size_t n, enum sched_action action)
{
	for (size_t i = 0; i < n; i++) {
		if (actions[i] == action) {
			return true;
		}
	}
	return false;
}

void sched_cycle(const struct snapshot *in, const struct sched_options *options,
                 const enum sched_action *actions, size_t n, struct sched_result *out)
{
	static void (*const run[SCHED_ACTIONS])(struct session * s) = {
		allocate_run, consolidate_run, reclaim_run, preempt_run, stale_run,
	};
	struct session s;
	*out = (struct sched_result){
		.tasks = mem_new(in->tasks.n, sizeof(*out->tasks)),
		.jobs = mem_new(in->jobs.n, sizeof(*out->jobs)),
		.nodes = mem_new(in->nodes.n, sizeof(*out->nodes)),
		.allocated = mem_new(in->queues.n, sizeof(*out->allocated)),
		.fair_share = mem_new(in->queues.n, sizeof(*out->fair_share)),
	};
	for (size_t t = 0; t < in->tasks.n; t++) {
		out->tasks[t].by = SCHED_NONE;
	}
	session_init(&s, in, options, out);
	share_fairly(&s);
	for (size_t i = 0; i < n && !options->native; i++) {
		run[actions[i]](&s);
	}
	if (options->native && has(actions, n, SCHED_ALLOCATE)) {
		native_run(&s, has(actions, n, SCHED_PREEMPT));
	}
	tell(&s);
	session_fini(&s);
}

void sched_result_fini(struct sched_result *r)
{
	free(r->tasks);
	free(r->jobs);
	free(r->nodes);
	free(r->fair_share);
	free(r->allocated);
}

void sched_carry_over(struct snapshot *s, const struct sched_result *r)
{
	for (size_t t = 0; t < s->tasks.n; t++) {
		struct sched_task *const task = &s->tasks.at[t];
		const struct sched_decision *const d = &r->tasks[t];
		task->status = d->status;
		task->node = d->node;
		memcpy(task->groups, d->groups, sizeof(task->groups));
		if (d->status == SCHED_BINDING) {
			task->status = SCHED_RUNNING;
		} else if (d->status == SCHED_PIPELINED ||
		           (d->status == SCHED_RELEASING && !s->jobs.at[task->job].deleted)) {
			task->status = SCHED_PENDING;
			task->node = SCHED_NONE;
		}
	}
}
