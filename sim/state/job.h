/*
 * A training job: how many of its workers have GPUs, what they have worked, and what of it the last
 * checkpoint kept. Knows no clock and no cluster. Work is counted in workers times nanoseconds.
 */
#ifndef ALIQUOT_STATE_JOB_H
#define ALIQUOT_STATE_JOB_H

#include "base/units.h"

enum job_state {
	JOB_EXPECTED, /* not submitted yet */
	JOB_PENDING,  /* fewer workers than it needs have GPUs */
	JOB_RUNNING,
	JOB_FINISHED,
	JOB_REJECTED, /* it could never run */
	JOB_STATES,
};

extern const char *const job_state_names[JOB_STATES];

struct job {
	int64_t most, least; /* workers: at most, and to run */
	ns_t checkpoint;     /* every so much of a run; 0: never */
	i128_t work;         /* in all */
	enum job_state state;
	int64_t workers;                   /* that have GPUs */
	ns_t now;                          /* up to which the following is counted */
	ns_t ran;                          /* since it last began */
	i128_t done, kept;                 /* work; `kept` at the last checkpoint, at most done */
	i128_t executed, lost;             /* executed = done + lost */
	ns_t waited;                       /* pending */
	ns_t submitted, started, finished; /* NS_NEVER: not yet */
	ns_t short_since; /* it has workers, but fewer than it needs; NS_NEVER: not so */
	int64_t preemptions, evicted; /* times it had to stop; workers that lost their GPUs */
};

/* One that is expected: `workers` of them need `span` for all of its work. */
void job_init(struct job *j, int64_t workers, int64_t least, ns_t span, ns_t checkpoint);

/* It is submitted at `now`. */
void job_submit(struct job *j, ns_t now);

/* Count up to `now`, which is not after its end; at its end it is finished and has no workers. */
void job_advance(struct job *j, ns_t now);

/*
 * From `now` on so many workers have GPUs. With fewer than it needs it falls back to its last
 * checkpoint; where it goes on with fewer or more, nothing is lost. A job that begins again works
 * from its last checkpoint, and the time to the next one begins anew.
 */
void job_set_workers(struct job *j, int64_t workers, ns_t now);

/* When it will be finished if its workers stay; NS_NEVER: not running. */
ns_t job_end(const struct job *j);

#endif
