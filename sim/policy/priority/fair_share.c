/*
 * KAI's and Run:ai's rules (semantics.md sections 6 and 8): queues by quota, priority and use of
 * their fair share; priorities of jobs count within their queue only.
 */
#include "policy/priority.h"

static int compare(struct priority_ratio a, struct priority_ratio b)
{
	const i128_t x = (i128_t)a.part * b.whole;
	const i128_t y = (i128_t)b.part * a.whole;
	return (x > y) - (x < y);
}

/* -1: a is due less; no resource may disagree. */
static int compare_allocatable(const struct priority_queue *a, const struct priority_queue *b)
{
	bool less = false;
	bool more = false;
	for (int r = 0; r < PRIORITY_RESOURCES; r++) {
		less = less || a->allocatable[r] < b->allocatable[r];
		more = more || a->allocatable[r] > b->allocatable[r];
	}
	return less == more ? 0 : less ? -1 : 1;
}

/* The first difference decides. */
static int queues(const struct priority_queue *a, const struct priority_queue *b)
{
	int d = a->over_utilised - b->over_utilised;
	if (d == 0) {
		d = b->within_quota - a->within_quota;
	}
	if (d == 0) {
		d = (a->priority < b->priority) - (a->priority > b->priority);
	}
	if (d == 0) {
		d = a->no_share - b->no_share;
	}
	if (d == 0) {
		d = compare(a->with, b->with);
	}
	if (d == 0) {
		d = compare(a->without, b->without);
	}
	if (d == 0) {
		d = compare_allocatable(a, b);
	}
	return d != 0 ? d : (a->order > b->order) - (a->order < b->order);
}

static bool yields(const struct priority_job *waiting, const struct priority_job *running)
{
	return running->queue == waiting->queue && running->priority < waiting->priority;
}

const struct priority_policy priority_fair_share = {
	.head = {.name = "fair_share",
                 .help = "queues by their fair share; jobs by priority within their queue"},
	.queues = queues,
	.jobs = priority_compare,
	.yields = yields,
	.keeps_shares = true,
	.moves = true,
};
