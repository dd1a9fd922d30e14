/* Whole runs for tests: from text to records and summary. */
#include "test_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Relative error of sums of many doubles; anything beyond it is a lost or doubled request. */
#define LITTLE_ERROR 1e-9

void test_run(struct test_run *r, const char *json, bool exact)
{
	const struct sim_options options = {.exact = exact, .keep_records = true};
	test_scenario_read(&r->scenario, json);
	r->sim = sim_new(r->scenario.sc, &options, r->scenario.err);
	if (r->sim == NULL || !sim_run(r->sim)) {
		err_print(r->scenario.err, stderr);
		fprintf(stderr, "%s\n", json);
		abort();
	}
	sim_summary(r->sim, &r->summary);
	r->records = request_log_records(sim_log(r->sim), &r->n);
}

void test_run_fini(struct test_run *r)
{
	summary_fini(&r->summary);
	sim_free(r->sim);
	test_scenario_fini(&r->scenario);
}

static void check_times(const struct request_record *q, ns_t simulated)
{
	bool ordered = q->arrival <= q->end && q->end <= simulated;
	if (q->outcome == REQUEST_FINISHED) {
		ordered = ordered && q->arrival <= q->admitted && q->admitted < q->first &&
		          q->first <= q->end;
		if (q->second > 0) {
			ordered = ordered && q->first < q->second && q->second <= q->end;
		} else {
			ordered = ordered && q->first == q->end;
		}
	}
	quiet_assert(ordered,
	             "request %llu: arrival %lld, admitted %lld, first %lld, second %lld, end %lld",
	             (unsigned long long)q->id, (long long)q->arrival, (long long)q->admitted,
	             (long long)q->first, (long long)q->second, (long long)q->end);
}

static void check_service(const struct test_run *r, size_t service)
{
	const struct service_summary *const s = &r->summary.services[service];
	int64_t ended[3] = {0};
	double stays_ns = 0.0;

	for (size_t i = 0; i < r->n; i++) {
		const struct request_record *const q = &r->records[i];
		if (q->service != service) {
			continue;
		}
		check_times(q, r->summary.simulated);
		stays_ns += (double)(q->end - q->arrival);
		ended[q->outcome] += !q->warmup;
	}
	ck_assert_int_eq(ended[REQUEST_FINISHED], s->finished);
	ck_assert_int_eq(ended[REQUEST_REJECTED], s->rejected);
	ck_assert_int_eq(ended[REQUEST_LOST], s->lost);
	ck_assert_int_ge(s->unfinished, 0);
	ck_assert_int_eq(s->submitted, s->finished + s->rejected + s->lost + s->unfinished);

	const bool none = !(s->replicas_avg > 0.0); /* its averages are of no time at all */
	if (r->scenario.sc->stop_after != NS_NEVER || s->unfinished > 0 || none) {
		return;
	}
	/* A front end delivers after the engine is done: such stays end outside it. */
	const bool streams = r->scenario.sc->services[service].costs[0].constants.t_stream_s > 0.0;
	const double inside = (s->running_avg + s->waiting_avg) * s->replicas_avg;
	const double area_ns = inside * (double)r->summary.simulated;
	const double lost_ns = stays_ns - area_ns;
	ck_assert_msg((streams ? -lost_ns : fabs(lost_ns)) <= LITTLE_ERROR * stays_ns,
	              "Little's law: %.17g requests x ns in service %zu, stays add up to %.17g",
	              area_ns, service, stays_ns);
}

void test_run_check(const struct test_run *r)
{
	for (size_t i = 0; i < r->summary.n_services; i++) {
		check_service(r, i);
	}
}

const struct job_summary *test_run_job(const struct test_run *r, const char *name)
{
	for (size_t i = 0; i < r->summary.n_jobs; i++) {
		if (strcmp(r->summary.jobs[i].name, name) == 0) {
			return &r->summary.jobs[i];
		}
	}
	ck_abort_msg("no job %s", name);
	return NULL;
}

bool test_run_same(const struct request_record *a, const struct request_record *b)
{
	return a->id == b->id && a->arrival == b->arrival && a->outcome == b->outcome &&
	       a->admitted == b->admitted && a->first == b->first && a->second == b->second &&
	       a->end == b->end && a->cached_tokens == b->cached_tokens &&
	       a->replica == b->replica && a->service == b->service &&
	       a->preemptions == b->preemptions;
}
