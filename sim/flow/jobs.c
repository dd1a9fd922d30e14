/* What jobs and projects had of a run, why jobs wait, and why some could never run. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "flow/schedule.h"

#define NS_PER_HOUR 3600e9
#define GPU ((double)SHARE_WHOLE)

/* --- reasons ----------------------------------------------------------------------------------
 */

/* Workers of a job for which an empty cluster has room. */
static int64_t room(const struct sim *s, const struct scenario_job *job, int64_t *largest)
{
	int64_t n = 0;
	*largest = 0;
	for (size_t k = 0; k < s->sc->n_nodes; k++) {
		const struct scenario_nodes *const nodes = &s->sc->nodes[k];
		n += nodes->count * (nodes->gpus / job->gpus_per_worker);
		*largest = nodes->gpus > *largest ? nodes->gpus : *largest;
	}
	return n;
}

/* Its project, or one above it, may never have so many GPUs. */
static char *refused_by_project(const struct sim *s, const struct scenario_job *job)
{
	const int64_t gpus = job->min_workers * job->gpus_per_worker;
	for (size_t p = job->project; p != PROJECT_NONE; p = s->sc->projects[p].parent) {
		const struct scenario_project *const project = &s->sc->projects[p];
		if (project->limit_ppm != PROJECT_UNLIMITED &&
		    gpus * SHARE_WHOLE > project->limit_ppm) {
			return mem_printf("needs %lld GPUs, the limit of %s is %g", (long long)gpus,
			                  project->name, (double)project->limit_ppm / GPU);
		}
		if (!job->preemptible && project->quota_ppm != PROJECT_UNLIMITED &&
		    gpus * SHARE_WHOLE > project->quota_ppm) {
			return mem_printf("needs %lld GPUs and is not preemptible, the quota of %s "
			                  "is %g",
			                  (long long)gpus, project->name,
			                  (double)project->quota_ppm / GPU);
		}
	}
	return NULL;
}

char *job_refusal(const struct sim *s, uint32_t index)
{
	const struct scenario_job *const job = &s->sc->jobs[index];
	int64_t largest;
	const int64_t n = room(s, job, &largest);
	if (job->gpus_per_worker > largest) {
		return mem_printf("a worker needs %lld GPUs of one node, the largest node has %lld",
		                  (long long)job->gpus_per_worker, (long long)largest);
	}
	if (n < job->min_workers) {
		return mem_printf("needs %lld workers, the cluster has room for %lld",
		                  (long long)job->min_workers, (long long)n);
	}
	return s->sc->native ? NULL : refused_by_project(s, job);
}

static bool is_promised(const struct schedule *d, size_t job)
{
	for (size_t i = 0; i < d->promises.n; i++) {
		if (d->promises.at[i].is_worker && d->promises.at[i].worker.job == job) {
			return true;
		}
	}
	return false;
}

/* The last cycle had nothing to say: it gave the job GPUs that are being left, or took its own. */
static const char *between_cycles(const struct schedule *d, size_t job)
{
	if (is_promised(d, job)) {
		return "others have left for it, the next cycle gives it their GPUs";
	}
	return d->jobs[job].preemptions > 0
	               ? "it had to stop, and the scheduler has not looked at it since"
	               : "the scheduler has not looked at it yet";
}

static void say_reason(const struct sim *s, size_t job, char *text, size_t size)
{
	if (!say_why(s, &s->schedule->why[job], "workers", text, size)) {
		snprintf(text, size, "%s", between_cycles(s->schedule, job));
	}
}

/* --- results ----------------------------------------------------------------------------------
 */

double schedule_held(const struct sim *s)
{
	i128_t area = 0;
	for (size_t i = 0; s->schedule != NULL && i < s->sc->n_projects; i++) {
		const struct held *const h = &s->schedule->held[i];
		if (s->sc->projects[i].parent == PROJECT_NONE) {
			area += h->area - h->service_area;
		}
	}
	return (double)area / GPU;
}

double schedule_worked(const struct sim *s)
{
	double sum = 0.0;
	for (size_t i = 0; s->schedule != NULL && i < s->sc->n_jobs; i++) {
		sum += (double)s->schedule->jobs[i].executed *
		       (double)s->sc->jobs[i].gpus_per_worker;
	}
	return sum;
}

static void summarise_job(const struct sim *s, size_t i, struct job_summary *out)
{
	const struct job *const j = &s->schedule->jobs[i];
	const struct scenario_job *const spec = &s->sc->jobs[i];
	const double hours = (double)spec->gpus_per_worker / NS_PER_HOUR;
	*out = (struct job_summary){
		.name = spec->name,
		.state = job_state_names[j->state],
		.project = spec->project,
		.submitted = j->submitted,
		.started = j->started,
		.finished = j->finished,
		.waited = j->waited,
		.done = (double)j->done * hours,
		.lost = (double)j->lost * hours,
		.preemptions = j->preemptions,
		.evicted = j->evicted,
	};
	if (j->state == JOB_PENDING) {
		say_reason(s, i, out->reason, sizeof(out->reason));
	} else if (j->state == JOB_REJECTED) {
		snprintf(out->reason, sizeof(out->reason), "%s", s->schedule->rejected[i]);
	}
}

/* Has it executed more than all of its work, and lost it? It will never end like that. */
static bool works_in_vain(const struct job *j)
{
	return j->state != JOB_FINISHED && j->preemptions > 1 && j->lost >= j->work;
}

/* The first of those that work in vain, and what would help them. */
static void say_in_vain(const struct sim *s, struct summary *out)
{
	size_t n = 0, first = 0;
	for (size_t i = s->sc->n_jobs; i > 0; i--) {
		if (works_in_vain(&s->schedule->jobs[i - 1])) {
			n++;
			first = i - 1;
		}
	}
	if (n == 0) {
		return;
	}
	const struct job *const j = &s->schedule->jobs[first];
	const double hours = (double)s->sc->jobs[first].gpus_per_worker / NS_PER_HOUR;
	char more[40] = "";
	if (n > 1) {
		snprintf(more, sizeof(more), " (and %zu more)", n - 1);
	}
	snprintf(out->in_vain, sizeof(out->in_vain),
	         "%.64s%s had to stop %lld times and lost %.4g GPU hours, for work of %.4g: use %s",
	         out->jobs[first].name, more, (long long)j->preemptions, (double)j->lost * hours,
	         (double)j->work * hours,
	         s->sc->native ? "checkpoint_every" : "checkpoint_every or scheduler.min_runtime");
}

/* A job counts in its project and in all above. */
static void count_job(const struct sim *s, const struct job_summary *j, struct summary *out)
{
	if (j->submitted == NS_NEVER) {
		return;
	}
	for (size_t p = j->project; p != PROJECT_NONE; p = s->sc->projects[p].parent) {
		struct project_summary *const sum = &out->projects[p];
		sum->jobs++;
		sum->finished += j->finished != NS_NEVER;
		sum->preemptions += j->preemptions;
		sum->done += j->done;
		sum->lost += j->lost;
		sum->waited_s += ns_to_seconds(j->waited);
	}
}

static void summarise_project(const struct sim *s, size_t i, struct project_summary *out)
{
	const struct scenario_project *const spec = &s->sc->projects[i];
	const struct held *const h = &s->schedule->held[i];
	*out = (struct project_summary){
		.name = spec->name,
		.quota = spec->quota_ppm == PROJECT_UNLIMITED ? (double)NAN
	                                                      : (double)spec->quota_ppm / GPU,
		.held = (double)h->area / GPU / NS_PER_HOUR,
		.held_by_services = (double)h->service_area / GPU / NS_PER_HOUR,
	};
	for (size_t k = 0; k < s->sc->n_projects; k++) {
		out->above = out->above || s->sc->projects[k].parent == i;
	}
}

/* Jain's index of what projects had per GPU of their quota: 1 when all had the same. */
static double jain(const struct summary *out)
{
	double sum = 0.0, squares = 0.0;
	size_t n = 0;
	for (size_t i = 0; i < out->n_projects; i++) {
		const struct project_summary *const p = &out->projects[i];
		if (!p->above && p->quota > 0.0) {
			const double x = p->held / p->quota;
			sum += x;
			squares += x * x;
			n++;
		}
	}
	return squares > 0.0 ? sum * sum / ((double)n * squares) : (double)NAN;
}

void summarise_jobs(const struct sim *s, struct summary *out)
{
	if (s->schedule == NULL) {
		return;
	}
	out->n_jobs = s->sc->n_jobs;
	out->jobs = mem_new(out->n_jobs, sizeof(*out->jobs));
	out->n_projects = s->sc->n_projects;
	out->projects = mem_new(out->n_projects, sizeof(*out->projects));
	for (size_t i = 0; i < out->n_projects; i++) {
		summarise_project(s, i, &out->projects[i]);
	}
	for (size_t i = 0; i < out->n_jobs; i++) {
		summarise_job(s, i, &out->jobs[i]);
		count_job(s, &out->jobs[i], out);
	}
	say_in_vain(s, out);
	for (size_t i = 0; i < out->n_projects; i++) {
		struct project_summary *const p = &out->projects[i];
		p->waited_s = p->jobs > 0 ? p->waited_s / (double)p->jobs : (double)NAN;
	}
	out->fairness = jain(out);
}
