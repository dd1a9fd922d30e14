/* The oldest job first, whatever its queue and priority; what runs stays where it is. */
#include "policy/priority.h"

static int jobs(const struct priority_job *a, const struct priority_job *b)
{
	return (a->rank > b->rank) - (a->rank < b->rank);
}

static int queues(const struct priority_queue *a, const struct priority_queue *b)
{
	return jobs(&a->job, &b->job);
}

const struct priority_policy priority_fifo = {
	.head = {.name = "fifo", .help = "the oldest job of all queues; nobody yields"},
	.queues = queues,
	.jobs = jobs,
};
