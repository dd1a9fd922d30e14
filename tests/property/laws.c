/* What adds up in a finished run, from its summary and its records alone. */
#include "laws.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "report/report.h"

#define ROUNDING 1e-9 /* of sums of doubles */

const char *const met_names[METS] = {
	[MET_START] = "start",
	[MET_GIVEN_UP] = "start given up",
	[MET_DOOR] = "door",
	[MET_SCALED] = "change by an autoscaler",
	[MET_KILL] = "kill",
	[MET_SWAP] = "swap",
	[MET_GPU_FAULT] = "GPU that failed",
	[MET_NODE_FAULT] = "node that failed",
	[MET_SLOWED] = "slow link or start",
	[MET_RECOVERED] = "recovery",
	[MET_LOST] = "request lost",
	[MET_JOB_DONE] = "job done",
	[MET_STOPPED] = "job stopped",
	[MET_HIT] = "job hit by a fault",
	[MET_EVICTED] = "replica evicted",
	[MET_KEPT_OUT] = "replica kept out by a quota",
	[MET_SHARED] = "step slowed",
	[MET_PREEMPTED] = "preemption",
	[MET_SPREAD] = "replica spread",
	[MET_MOVED] = "move back",
};

static unsigned bit(enum met met, bool happened)
{
	return happened ? 1U << met : 0;
}

static unsigned met_service(const struct service_summary *s)
{
	return bit(MET_START, s->comes_and_goes && s->cold_starts > 0) |
	       bit(MET_GIVEN_UP, s->failed_starts > 0) | bit(MET_DOOR, s->at_door > 0) |
	       bit(MET_SCALED, s->n_changes > 0) | bit(MET_KILL, s->oom_kills > 0) |
	       bit(MET_SWAP, s->swaps > 0) | bit(MET_MOVED, s->moves > 0) |
	       bit(MET_SPREAD, s->moves >= 0 && s->away > 0.0) | bit(MET_EVICTED, s->evicted > 0) |
	       bit(MET_KEPT_OUT, s->kept_out_avg > 0.0) | bit(MET_LOST, s->lost > 0) |
	       bit(MET_SHARED, s->slowed > 0.0) | bit(MET_PREEMPTED, s->preemptions > 0);
}

unsigned laws_met(const struct summary *sum)
{
	unsigned met = 0;
	for (size_t i = 0; i < sum->n_services; i++) {
		met |= met_service(&sum->services[i]);
	}
	for (size_t i = 0; i < sum->n_faults; i++) {
		const struct fault_summary *const f = &sum->faults[i];
		const bool hit = f->replicas > 0;
		met |= bit(MET_GPU_FAULT, hit && f->kind[0] == 'g') |
		       bit(MET_NODE_FAULT, hit && f->kind[0] == 'n') |
		       bit(MET_SLOWED, f->kind[0] == 'l' || f->kind[0] == 's') |
		       bit(MET_HIT, f->workers > 0) |
		       bit(MET_RECOVERED, hit && f->recovery != NS_NEVER);
	}
	for (size_t i = 0; i < sum->n_jobs; i++) {
		met |= bit(MET_JOB_DONE, sum->jobs[i].finished != NS_NEVER) |
		       bit(MET_STOPPED, sum->jobs[i].preemptions > 0);
	}
	return met;
}

/* --- what happened to requests -------------------------------------------------------------------
 */

/* Requests are lost by kills, evictions, moves, by what fails, and by nothing else. */
static void check_losses(const struct test_run *r)
{
	int64_t others = 0, known = 0, lost = 0;
	for (size_t i = 0; i < r->summary.n_services; i++) {
		const struct service_summary *const s = &r->summary.services[i];
		others += s->oom_kills + s->evicted;
	}
	for (size_t i = 0; i < r->summary.n_faults; i++) {
		known += r->summary.faults[i].lost;
	}
	for (size_t i = 0; i < r->summary.n_moves; i++) {
		known += r->summary.moves[i].lost;
	}
	for (size_t i = 0; i < r->n; i++) {
		lost += r->records[i].outcome == REQUEST_LOST;
	}
	quiet_assert(
		lost >= known && (lost == known || others > 0),
		"%lld requests lost, %lld of them by faults and moves, %lld kills and evictions",
		(long long)lost, (long long)known, (long long)others);
}

/* Does every answer go out token by token, one at a time? */
static bool tells_tokens(const struct test_run *r, size_t service)
{
	const struct scenario_service *const spec = &r->scenario.sc->services[service];
	return r->summary.services[service].streaming && spec->options.stream_interval <= 1;
}

/* Every token but the first of an answer follows another one. */
static void check_gaps(const struct test_run *r, size_t service)
{
	const struct service_summary *const s = &r->summary.services[service];
	int64_t finished = 0, all = 0;
	for (size_t i = 0; i < r->n; i++) {
		const struct request_record *const q = &r->records[i];
		if (q->service == service && !q->warmup && q->output_tokens > 1) {
			finished += q->outcome == REQUEST_FINISHED ? q->output_tokens - 1 : 0;
			all += q->outcome != REQUEST_REJECTED ? q->output_tokens - 1 : 0;
		}
	}
	if (!tells_tokens(r, service)) {
		return;
	}
	ck_assert_int_ge(s->itl_ms.count, finished);
	ck_assert(s->unfinished > 0 || s->itl_ms.count <= all);
}

/* --- what GPUs did -------------------------------------------------------------------------------
 */

static void check_share(double share, const char *what)
{
	quiet_assert(share >= 0.0 && share <= 1.0 + ROUNDING, "%s is %.17g", what, share);
}

static void check_times(const struct service_summary *s)
{
	check_share(s->busy, "busy");
	check_share(s->gpu_busy, "GPU busy");
	check_share(s->slowed, "slowed");
	check_share(s->down, "down");
	check_share(s->door_starting + s->door_full, "time at the door");
	check_share(s->late, "late");
	quiet_assert(s->kept_out_avg <= s->pending_avg * (1.0 + ROUNDING),
	             "%s: kept out %.17g of %.17g", s->name, s->kept_out_avg, s->pending_avg);
	quiet_assert(s->busy + s->down <= 1.0 + ROUNDING, "%s works while it is down", s->name);
	quiet_assert(s->door_s >= 0.0 && s->at_door <= s->submitted + s->warmup + s->unfinished,
	             "%s: more at the door than came", s->name);
}

/* Replicas side by side may do more than one that is alone. */
static void check_gpus(const struct summary *sum, const struct scenario *sc)
{
	const char *const share = sc->compute_share.name;
	if (share == NULL || strcmp(share, "sm_sharing") != 0) {
		check_share(sum->gpu_busy, "busy GPUs");
	}
	check_share(sum->allocated, "allocated GPUs");
	check_share(sum->memory_used, "memory");
	check_share(sum->memory_used, "used memory");
	for (size_t i = 0; i < sum->n_shared; i++) {
		check_share(sum->shared[i].requested, "requested memory");
		check_share(sum->shared[i].peak, "peak of memory");
	}
}

/* --- what failed, and who wanted what
 * -------------------------------------------------------------
 */

static void check_faults(const struct summary *sum)
{
	ns_t last = 0;
	for (size_t i = 0; i < sum->n_faults; i++) {
		const struct fault_summary *const f = &sum->faults[i];
		quiet_assert(f->at >= last && f->at <= sum->simulated, "fault %zu out of time", i);
		quiet_assert(f->lost >= 0 && (f->replicas > 0 || f->lost == 0), "lost to nobody");
		quiet_assert(f->recovery == NS_NEVER || f->at + f->recovery <= sum->simulated,
		             "fault %zu: recovered after the end", i);
		last = f->at;
	}
}

/* Each change begins where the one before ended, within the bounds of the service. */
static void check_changes(const struct test_run *r, size_t service)
{
	const struct service_summary *const s = &r->summary.services[service];
	const struct scenario_service *const spec = &r->scenario.sc->services[service];
	uint32_t wanted = (uint32_t)spec->initial;
	ns_t last = 0;
	for (size_t i = 0; i < s->n_changes; i++) {
		const struct scale_change *const c = &s->changes[i];
		quiet_assert(c->at >= last && c->from == wanted && c->to != c->from &&
		                     c->to <= spec->places && c->ready <= spec->places,
		             "%s: change %zu from %u to %u", s->name, i, c->from, c->to);
		wanted = c->to;
		last = c->at;
	}
	ck_assert_int_le(s->replicas, spec->places);
	ck_assert_double_le(s->replicas_avg, (double)spec->places * (1.0 + ROUNDING));
}

/* Replicas go back one after the other, to another GPU of their node, each time for somebody. */
static void check_moves(const struct summary *sum)
{
	int64_t moves = 0, lost = 0;
	ns_t last = 0;
	for (size_t i = 0; i < sum->n_services; i++) {
		const struct service_summary *const s = &sum->services[i];
		moves += s->moves > 0 ? s->moves : 0;
		lost += s->moved_lost;
		quiet_assert(s->moves >= 0 || s->moved_lost == 0, "%s is not spread", s->name);
		check_share(s->away, "time beside the GPUs that are booked");
	}
	ck_assert_int_eq(moves, (int64_t)sum->n_moves);
	for (size_t i = 0; i < sum->n_moves; i++) {
		const struct move_summary *const m = &sum->moves[i];
		quiet_assert(m->at >= last && m->at <= sum->simulated, "move %zu out of time", i);
		quiet_assert(m->start == NS_NEVER || m->start > 0, "move %zu costs nothing", i);
		lost -= m->lost;
		last = m->at;
	}
	ck_assert_int_eq(lost, 0);
}

static void check_jobs(const struct summary *sum)
{
	double work = 0.0, of_projects = 0.0;
	for (size_t i = 0; i < sum->n_jobs; i++) {
		const struct job_summary *const j = &sum->jobs[i];
		const ns_t begun = j->started == NS_NEVER ? j->submitted : j->started;
		quiet_assert(j->done >= 0.0 && j->lost >= 0.0, "%s: work", j->name);
		quiet_assert(j->finished == NS_NEVER || j->finished >= begun, "%s: times", j->name);
		quiet_assert(j->evicted == 0 || j->started != NS_NEVER, "%s: nobody", j->name);
		work += j->done + j->lost;
	}
	for (size_t i = 0; i < sum->n_projects; i++) {
		const struct project_summary *const p = &sum->projects[i];
		if (!p->above) {
			of_projects += p->done + p->lost;
			quiet_assert(p->held + ROUNDING >= p->held_by_services, "%s", p->name);
		}
	}
	ck_assert_double_le(fabs(work - of_projects), ROUNDING * (1.0 + work));
}

void laws_check(const struct test_run *r)
{
	test_run_check(r);
	check_losses(r);
	check_gpus(&r->summary, r->scenario.sc);
	check_faults(&r->summary);
	check_jobs(&r->summary);
	check_moves(&r->summary);
	for (size_t i = 0; i < r->summary.n_services; i++) {
		check_gaps(r, i);
		check_times(&r->summary.services[i]);
		check_changes(r, i);
	}
}

/* --- as text -------------------------------------------------------------------------------------
 */

/* What was looked at over time, *n of it; caller frees. */
static struct report_series *series_of(const struct test_run *r, size_t *n)
{
	static const char *const names[SIM_SERIES] = {"running", "waiting",  "memory",
	                                              "ready",   "starting", "spread"};
	const size_t services = r->summary.n_services, projects = r->summary.n_projects;
	struct report_series *const list = mem_new(SIM_SERIES * services + projects, sizeof(*list));
	*n = 0;
	for (size_t i = 0; i < SIM_SERIES * services; i++) {
		const int which = (int)(i % SIM_SERIES);
		const struct series *const s =
			sim_series(r->sim, i / SIM_SERIES, (enum sim_series)which);
		if (s != NULL) {
			list[(*n)++] = (struct report_series){
				.name = names[which], .service = i / SIM_SERIES, .series = s};
		}
	}
	for (size_t i = 0; i < projects; i++) {
		const struct series *const s = sim_project_series(r->sim, i);
		if (s != NULL) {
			list[(*n)++] =
				(struct report_series){.name = "allocated_gpus",
			                               .project = r->summary.projects[i].name,
			                               .series = s};
		}
	}
	return list;
}

char *laws_text(const struct test_run *r)
{
	char *text;
	size_t size, n;
	FILE *const out = open_memstream(&text, &size);
	struct report_series *const series = series_of(r, &n);
	struct summary same = r->summary;
	same.events = 0;
	const struct report report = {&same, r->scenario.sc, sim_log(r->sim), series, n};
	report_json(out, &report);
	report_timeslices(out, &report);
	report_scaling_csv(out, &report);
	report_aiperf_records(out, &report);
	fclose(out);
	free(series);
	return text;
}
