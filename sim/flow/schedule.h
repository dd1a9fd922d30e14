/*
 * The cluster's scheduler, where there are projects or jobs: its cycles give replicas and workers
 * of jobs GPUs and take them away; the work of jobs advances with the workers that run. Private to
 * flow.
 */
#ifndef ALIQUOT_FLOW_SCHEDULE_H
#define ALIQUOT_FLOW_SCHEDULE_H

#include "event/event.h"
#include "state/job.h"
#include "metric/series.h"
#include "sched/cycle.h"
#include "sched/history.h"
#include "flow/flow.h"

struct worker { /* of a job, as a pod */
	uint32_t job, index;
};

struct promise { /* of a place that others were leaving, for the next cycle */
	bool is_worker;
	struct worker worker;
	uint32_t replica;
	struct sched_decision place;
};

struct unplaced {              /* replicas of a service that wait for GPUs */
	struct sched_why why;  /* of one of them, from the last cycle */
	struct sched_why kept; /* the last for which a quota or a limit was the reason */
	uint32_t n;            /* of them, at the last cycle */
	i128_t area;           /* who waited, over time up to then, x ns */
	i128_t kept_area;      /* of it, those whom a quota or limit kept out */
};

struct held {                      /* GPUs of a project and those below it */
	int64_t ppm;               /* at present */
	int64_t service;           /* of them by replicas */
	ns_t since;                /* up to which the areas are counted */
	i128_t area, service_area; /* ppm times nanoseconds */
	struct series *series;     /* thousandths; NULL unless asked for */
};

struct schedule {
	struct job *jobs;          /* of the scenario */
	uint32_t **nodes;          /* of each worker of a job that is open; NODE_NONE: it waits */
	VEC(uint32_t) open;        /* jobs that were submitted and are not over, oldest first */
	struct sched_why *why;     /* of each job that waits, from the last cycle */
	char **rejected;           /* the reason, of each job that was */
	struct held *held;         /* of each project */
	int64_t *at_work;          /* GPUs that workers hold, of each node */
	struct unplaced *unplaced; /* of each service */
	struct sched_options options;
	struct snapshot pods;         /* nodes and queues stay, the rest is built for each cycle */
	VEC(struct promise) promises; /* of the last cycle */
	uint32_t *gpu_of;             /* of each place for shared GPUs, while it is in use */
	VEC(uint32_t) replicas;       /* the first jobs of the snapshot */
	VEC(struct worker) workers;   /* the last pods of the snapshot */
	struct history *history;      /* what projects used; NULL: it does not count */
	ns_t looked;                  /* when the last cycle was; -1: there was none */
};

/* schedule.c: before the run, after its lives and faults; all jobs are expected. False with errors
 * added. */
bool schedule_open(struct sim *s);
void schedule_close(struct sim *s);

/* schedule.c: a cycle at the next multiple of the scheduler's period, unless one is due before. */
void schedule_wake(struct sim *s);

/* schedule.c: a project and all above it hold so much more from now on. */
void schedule_charge(struct sim *s, size_t project, int64_t ppm);

/* schedule.c: a replica got GPUs (sign 1), or left them (-1). */
void schedule_hold(struct sim *s, uint32_t replica, int sign);

/* schedule.c: a job comes or is done, or a cycle is due; false: it changed nothing. */
bool schedule_event(struct sim *s, const struct event *e);

/* schedule.c: is a job running or still to come, or may a cycle change something? */
bool schedule_goes_on(const struct sim *s);

/* schedule.c: the run is over: count up to its end. */
void schedule_end(struct sim *s);

/* pods.c: nodes and queues of the scheduler's picture of the cluster, once. */
void pods_open(struct sim *s);

/* pods.c: the same with the pods that are there or wait at present. */
void pods_build(struct sim *s);

/* pods.c: GPUs that a replica holds, ppm, as its project is charged for it. */
int64_t pods_charge(const struct sim *s, uint32_t replica);

/* pods.c: the cycle gave a pending replica this place: the GPUs meant, ascending. To be called for
 * one after the other, each of which then takes its GPUs. */
void pods_gpus(struct sim *s, uint32_t replica, const struct sched_decision *place, uint32_t *gpus);

/* pods.c: has its node room for it now, `idle` GPUs of which nobody holds? Else as above. */
bool pods_have_room(const struct sim *s, uint32_t replica, const struct sched_decision *place,
                    int64_t idle);

/* quota.c: do replicas that are there from the start keep to quotas and limits? Else errors. */
bool quota_check(struct sim *s);

/* quota.c: a cycle is over, or (NULL) nobody waited for it: which replicas wait, and why. */
void unplaced_note(struct sim *s, const struct sched_result *r);
/* quota.c: the run is over. */
void unplaced_end(struct sim *s);
/* quota.c: what of it a service had; nothing where nobody schedules. */
void summarise_unplaced(const struct sim *s, size_t service, struct service_summary *out);

/* quota.c: the reason of a cycle for which pods wait, into `text`; false: it had none. */
bool say_why(const struct sim *s, const struct sched_why *w, const char *pods, char *text,
             size_t size);

/* jobs.c: what jobs and projects had of the run; nothing where there are no jobs. */
void summarise_jobs(const struct sim *s, struct summary *out);

/* jobs.c: GPUs times nanoseconds that jobs held, and in which they worked. */
double schedule_held(const struct sim *s);
double schedule_worked(const struct sim *s);

/* jobs.c: why could the job never run? A text that the caller frees; NULL: it could. */
char *job_refusal(const struct sim *s, uint32_t job);

#endif
