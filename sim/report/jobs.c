/* Training jobs and projects on the screen and in summary.json; nothing where there are none. */
#include "base/mem.h"
#include "base/str.h"
#include "report/facts.h"
#include "report/line.h"
#include "report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_LINES 20   /* of jobs one by one; more are shown as they were written */
#define MOST_REASONS 10 /* lines that say why */
#define NAME_WIDTH 18
#define LEAST 0.01

static const char *number(double v, char *buf, size_t size)
{
	return isfinite(v) ? str_human(v, buf, size) : "-";
}

/* The unit in which the times of a run are read best: a run is not longer than a few hundred. */
struct time_unit {
	const char *name;
	double seconds;
};

static struct time_unit unit_of(ns_t run)
{
	static const struct time_unit units[] = {
		{"s", 1.0}, {"min", 60.0}, {"h", 3600.0}, {"days", 86400.0}};
	const double seconds = ns_to_seconds(run);

	return units[seconds <= 600.0 ? 0 : seconds <= 36000.0 ? 1 : seconds <= 864000.0 ? 2 : 3];
}

static const char *time_text(ns_t t, struct time_unit unit, char *buf, size_t size)
{
	const double v = ns_to_seconds(t) / unit.seconds;

	if (v > 0.0 && v < LEAST) { /* a cycle's delay in a run of hours */
		return "<0.01";
	}
	return t == NS_NEVER ? "-" : number(v, buf, size);
}

/* --- the screen -------------------------------------------------------------------------------
 */

static void put_job(FILE *out, const struct report *r, size_t i, struct time_unit unit)
{
	const struct job_summary *j = &r->summary->jobs[i];
	const struct scenario_job *spec = &r->scenario->jobs[i];
	char text[6][40];

	fprintf(out, "  %-*.*s %-12.12s %-8s %6s %9s %9s %9s %9s %6s %3lld\n", NAME_WIDTH,
	        NAME_WIDTH, j->name, r->summary->projects[j->project].name, j->state,
	        str_thousands(spec->workers * spec->gpus_per_worker, text[0], sizeof(text[0])),
	        time_text(j->submitted, unit, text[1], sizeof(text[1])),
	        time_text(j->submitted == NS_NEVER ? NS_NEVER : j->waited, unit, text[2],
	                  sizeof(text[2])),
	        time_text(j->finished, unit, text[3], sizeof(text[3])),
	        number(j->done, text[4], sizeof(text[4])),
	        number(j->lost, text[5], sizeof(text[5])), (long long)j->preemptions);
}

static void put_each(FILE *out, const struct report *r, struct time_unit unit)
{
	fprintf(out, "  %-*s %-12s %-8s %6s %9s %9s %9s %9s %6s %3s\n", NAME_WIDTH, "job",
	        "project", "state", "GPUs", "submitted", "waited", "finished", "GPU hours", "lost",
	        "pre");
	for (size_t i = 0; i < r->summary->n_jobs; i++) {
		put_job(out, r, i, unit);
	}
}

/* Jobs that were written as one. */
struct sums {
	size_t came, finished, running, waiting, rejected;
	i128_t waited; /* ns of 100,000 jobs for years */
	double done, lost;
	int64_t preemptions;
};

static void add_up(const struct summary *s, const struct scenario_job_group *g, struct sums *sum)
{
	for (size_t i = g->first; i < g->first + g->n; i++) {
		const struct job_summary *j = &s->jobs[i];

		sum->came += j->submitted != NS_NEVER;
		sum->finished += strcmp(j->state, "finished") == 0;
		sum->running += strcmp(j->state, "running") == 0;
		sum->waiting += strcmp(j->state, "pending") == 0;
		sum->rejected += strcmp(j->state, "rejected") == 0;
		sum->waited += j->waited;
		sum->done += j->done;
		sum->lost += j->lost;
		sum->preemptions += j->preemptions;
	}
}

/* Of the jobs that came; NS_NEVER: none did. */
static ns_t mean_wait(const struct sums *sum)
{
	return sum->came > 0 ? (ns_t)(sum->waited / (i128_t)sum->came) : NS_NEVER;
}

static void put_groups(FILE *out, const struct report *r, struct time_unit unit)
{
	const struct scenario *sc = r->scenario;

	fprintf(out, "  %-14s %-12s %6s %8s %7s %7s %8s %7s %9s %6s %4s\n", "jobs", "project",
	        "jobs", "finished", "running", "waiting", "rejected", "waited", "GPU hours", "lost",
	        "pre");
	for (size_t i = 0; i < sc->n_job_groups; i++) {
		const struct scenario_job_group *g = &sc->job_groups[i];
		struct sums sum = {0};
		char text[3][40];

		add_up(r->summary, g, &sum);
		fprintf(out, "  %-14.14s %-12.12s %6zu %8zu %7zu %7zu %8zu %7s %9s %6s %4lld\n",
		        g->name, sc->projects[sc->jobs[g->first].project].name, g->n, sum.finished,
		        sum.running, sum.waiting, sum.rejected,
		        time_text(mean_wait(&sum), unit, text[0], sizeof(text[0])),
		        number(sum.done, text[1], sizeof(text[1])),
		        number(sum.lost, text[2], sizeof(text[2])), (long long)sum.preemptions);
	}
}

/* Why some wait or were rejected; jobs of the same reason that follow each other are one line. */
static void put_reasons(FILE *out, const struct summary *s)
{
	size_t lines = 0, left = 0;

	for (size_t i = 0; i < s->n_jobs; i++) {
		const struct job_summary *j = &s->jobs[i];
		size_t same = 1;

		if (j->reason[0] == '\0') {
			continue;
		}
		while (i + 1 < s->n_jobs && strcmp(s->jobs[i + 1].reason, j->reason) == 0) {
			same++;
			i++;
		}
		if (lines++ >= MOST_REASONS) {
			left += same;
			continue;
		}
		char *text = same > 1 ? mem_printf("%.40s and %zu more: %s", j->name, same - 1,
		                                   j->reason)
		                      : mem_printf("%.40s: %s", j->name, j->reason);

		line_start(out, strcmp(j->state, "pending") == 0 ? "waits" : j->state);
		facts_fold(text, LINE_LABEL, out);
		free(text);
	}
	if (left > 0) {
		fprintf(out, "  and %zu jobs more: see summary.json\n", left);
	}
}

static void put_projects(FILE *out, const struct report *r, struct time_unit unit)
{
	const struct summary *s = r->summary;

	fprintf(out, "%s  %-14s %6s %9s %9s %9s %8s %6s %8s %9s %6s %4s\n",
	        s->n_jobs > 0 ? "\n" : "", "project", "quota", "GPUs avg", "of quota", "GPU hours",
	        "services", "jobs", "finished", "waited", "lost", "pre");
	for (size_t i = 0; i < s->n_projects; i++) {
		const struct project_summary *p = &s->projects[i];
		const double hours = ns_to_seconds(s->simulated) / 3600.0;
		const double avg = hours > 0.0 ? p->held / hours : (double)NAN;
		char text[8][40];

		fprintf(out, "  %-14.14s %6s %9s %7s %% %9s %8s %6s %8s %9s %6s %4lld\n", p->name,
		        isnan(p->quota) ? "all" : number(p->quota, text[0], sizeof(text[0])),
		        number(avg, text[1], sizeof(text[1])),
		        p->quota > 0.0 ? number(100.0 * avg / p->quota, text[2], sizeof(text[2]))
		                       : "-",
		        number(p->held, text[3], sizeof(text[3])),
		        number(p->held_by_services, text[4], sizeof(text[4])),
		        str_thousands(p->jobs, text[5], sizeof(text[5])),
		        str_thousands(p->finished, text[6], sizeof(text[6])),
		        number(p->waited_s / unit.seconds, text[7], sizeof(text[7])),
		        number(p->lost, (char[40]){0}, 40), (long long)p->preemptions);
	}
}

void report_jobs(FILE *out, const struct report *r)
{
	const struct summary *s = r->summary;
	const struct time_unit unit = unit_of(s->simulated);
	char text[40];

	if (s->n_projects == 0) {
		return;
	}
	if (s->n_jobs > MOST_LINES) {
		put_groups(out, r, unit);
	} else if (s->n_jobs > 0) {
		put_each(out, r, unit);
	}
	put_reasons(out, s);
	if (s->in_vain[0] != '\0') {
		line_start(out, "in vain");
		facts_fold(s->in_vain, LINE_LABEL, out);
	}
	put_projects(out, r, unit);
	struct line l = line_start(out, "fairness");

	if (isfinite(s->fairness)) {
		line_add(&l, "Jain's index of GPU hours per GPU of quota %s",
		         number(s->fairness, text, sizeof(text)));
	}
	line_add(&l, "times in %s", unit.name);
	line_add(&l, "pre: times that jobs had to stop");
	line_end(&l);
	putc('\n', out);
}

/* --- summary.json -----------------------------------------------------------------------------
 */

static void put_time(struct json_writer *w, const char *key, ns_t t)
{
	if (t == NS_NEVER) {
		json_put_null(w, key);
	} else {
		json_put_real(w, key, ns_to_seconds(t));
	}
}

static void json_job(struct json_writer *w, const struct summary *s, const struct job_summary *j)
{
	json_begin_object_flat(w, j->name);
	json_put_string(w, "state", j->state);
	if (j->reason[0] != '\0') {
		json_put_string(w, "reason", j->reason);
	}
	json_put_string(w, "project", s->projects[j->project].name);
	json_put_real(w, "gpu_hours", j->done);
	json_put_real(w, "lost_gpu_hours", j->lost);
	json_put_real(w, "executed_gpu_hours", j->done + j->lost);
	json_put_int(w, "preemptions", j->preemptions);
	json_put_int(w, "evicted_workers", j->evicted);
	put_time(w, "submitted_s", j->submitted);
	put_time(w, "started_s", j->started);
	put_time(w, "finished_s", j->finished);
	json_put_real(w, "waited_s", ns_to_seconds(j->waited));
	json_end(w);
}

static void json_project(struct json_writer *w, const struct project_summary *p)
{
	json_begin_object_flat(w, p->name);
	json_put_real(w, "quota_gpus", p->quota);
	json_put_real(w, "allocated_gpu_hours", p->held);
	json_put_real(w, "services_gpu_hours", p->held_by_services);
	json_put_real(w, "gpu_hours", p->done);
	json_put_real(w, "lost_gpu_hours", p->lost);
	json_put_int(w, "jobs", p->jobs);
	json_put_int(w, "finished", p->finished);
	json_put_int(w, "preemptions", p->preemptions);
	json_put_real(w, "waited_avg_s", p->waited_s);
	json_end(w);
}

void report_jobs_json(struct json_writer *w, const struct summary *s)
{
	if (s->n_projects == 0) {
		return;
	}
	if (s->n_jobs > 0) {
		json_begin_object(w, "jobs");
		for (size_t i = 0; i < s->n_jobs; i++) {
			json_job(w, s, &s->jobs[i]);
		}
		json_end(w);
	}
	json_begin_object(w, "projects");
	for (size_t i = 0; i < s->n_projects; i++) {
		json_project(w, &s->projects[i]);
	}
	json_end(w);
	json_begin_object_flat(w, "fairness");
	json_put_real(w, "jain_index", s->fairness);
	json_end(w);
}
