/* Work, checkpoints and setbacks of one training job, in exact integers. */
#include "state/job.h"

#include "base/check.h"

const char *const job_state_names[JOB_STATES] = {
	"expected", "pending", "running", "finished", "rejected",
};

void job_init(struct job *j, int64_t workers, int64_t least, ns_t span, ns_t checkpoint)
{
	*j = (struct job){
		.most = workers,
		.least = least,
		.checkpoint = checkpoint,
		.work = (i128_t)workers * span,
		.submitted = NS_NEVER,
		.started = NS_NEVER,
		.finished = NS_NEVER,
		.short_since = NS_NEVER,
	};
}

void job_submit(struct job *j, ns_t now)
{
	sim_assert(j->state == JOB_EXPECTED);
	j->state = JOB_PENDING;
	j->submitted = now;
	j->now = now;
}

/* Its workers work for `span`. */
static void run(struct job *j, ns_t span)
{
	const i128_t left = j->work - j->done;
	const i128_t step = (i128_t)j->workers * span;
	const ns_t after = j->ran + span;
	if (j->checkpoint > 0 && after / j->checkpoint > j->ran / j->checkpoint) {
		const ns_t last = after - after % j->checkpoint;
		j->kept = j->done + (i128_t)j->workers * (last - j->ran);
		j->kept = j->kept < j->work ? j->kept : j->work;
	}
	j->ran = after;
	j->done += step < left ? step : left; /* the last nanosecond is not used up by all */
	j->executed += step < left ? step : left;
}

void job_advance(struct job *j, ns_t now)
{
	sim_assert(now >= j->now);
	const ns_t span = now - j->now;
	j->now = now;
	if (j->state == JOB_PENDING) {
		j->waited += span;
	} else if (j->state == JOB_RUNNING) {
		run(j, span);
		if (j->done == j->work) {
			j->state = JOB_FINISHED;
			j->finished = now;
			j->workers = 0;
		}
	}
	sim_assert(j->done + j->lost == j->executed && j->kept <= j->done && j->done <= j->work);
}

static void fall_back(struct job *j)
{
	j->state = JOB_PENDING;
	j->preemptions++;
	j->lost += j->done - j->kept;
	j->done = j->kept;
}

static void begin(struct job *j)
{
	j->state = JOB_RUNNING;
	j->ran = 0;
	j->started = j->started == NS_NEVER ? j->now : j->started;
}

void job_set_workers(struct job *j, int64_t workers, ns_t now)
{
	sim_assert(workers >= 0 && workers <= j->most);
	job_advance(j, now);
	sim_assert(j->state == JOB_PENDING || j->state == JOB_RUNNING);
	const bool enough = workers >= j->least;
	j->evicted += workers < j->workers ? j->workers - workers : 0;
	j->workers = workers;
	if (enough && j->state == JOB_PENDING) {
		begin(j);
	} else if (!enough && j->state == JOB_RUNNING) {
		fall_back(j);
	}
	if (enough || workers == 0) {
		j->short_since = NS_NEVER;
	} else if (j->short_since == NS_NEVER) {
		j->short_since = now;
	}
}

ns_t job_end(const struct job *j)
{
	if (j->state != JOB_RUNNING) {
		return NS_NEVER;
	}
	const i128_t span = (j->work - j->done + j->workers - 1) / j->workers;
	return span < NS_HORIZON ? ns_after(j->now, (ns_t)span) : NS_NEVER;
}
