/* The highest priority first, whatever its queue holds; the lowest yields, within quota or not. */
#include "policy/priority.h"

static int queues(const struct priority_queue *a, const struct priority_queue *b)
{
	return priority_compare(&a->job, &b->job);
}

static bool yields(const struct priority_job *waiting, const struct priority_job *running)
{
	return running->priority < waiting->priority;
}

const struct priority_policy priority_strict_priority = {
	.head = {.name = "strict_priority",
                 .help = "the highest priority of all queues; the lowest yields, quota or not"},
	.queues = queues,
	.jobs = priority_compare,
	.yields = yields,
	.moves = true,
};
