/*
 * Private to flow: who has which GPUs as the cycles of the scheduler say, and loses them. Only
 * where the scenario is scheduled.
 */
#ifndef ALIQUOT_FLOW_ASSIGN_H
#define ALIQUOT_FLOW_ASSIGN_H

#include "flow/schedule.h"

#define WORKER_NONE UINT32_MAX

/*
 * assign.c: who was promised a place in the last cycle gets it, before anybody else is looked at:
 * those who had it have left, and only cycles give GPUs away. All workers of a job or none: where
 * replicas are still leaving, or a GPU failed, the next cycle looks at them again. False: nobody
 * was.
 */
bool assign_promised(struct sim *s);

/* assign.c: do what a cycle decided; false: another would say the same before something happens. */
bool assign(struct sim *s, const struct sched_result *r);

/* assign.c: a job is done; its workers leave their nodes. */
void assign_leave_all(struct sim *s, uint32_t job);

/* assign.c: the worker, and *job whose it is, that holds a GPU; WORKER_NONE: no worker does. */
uint32_t assign_worker_on(const struct sim *s, uint32_t node, uint32_t gpu, uint32_t *job);

/* assign.c: a worker of a job on a node, or all of them (WORKER_NONE), lose their GPUs; how many.
 */
int64_t assign_fail(struct sim *s, uint32_t job, uint32_t node, uint32_t worker);

#endif
