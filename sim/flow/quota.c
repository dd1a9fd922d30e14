/*
 * Replicas and the quota of their project (semantics.md section 17, item 4): those of the start
 * keep to it, and who waits for GPUs later says whether it is the quota that they wait for.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "flow/life.h"
#include "flow/schedule.h"

#define GPU ((double)SHARE_WHOLE)

/* --- the start --------------------------------------------------------------------------------
 */

/* Is `project` this one, or below it? */
static bool belongs(const struct scenario *sc, size_t project, size_t to)
{
	while (project != PROJECT_NONE && project != to) {
		project = sc->projects[project].parent;
	}
	return project == to;
}

/* What replicas hold of a project's GPUs at the start: all, or those that are never evicted. */
static int64_t held_at_start(const struct sim *s, size_t project, bool that_stay)
{
	int64_t sum = 0;
	for (uint32_t i = 0; i < s->cluster.n_replicas; i++) {
		const struct scenario_service *const spec =
			s->services[s->cluster.replicas[i].service].spec;
		if (s->cluster.seats[i].n_gpus > 0 && belongs(s->sc, spec->project, project) &&
		    !(that_stay && spec->preemptible)) {
			sum += pods_charge(s, i);
		}
	}
	return sum;
}

bool quota_check(struct sim *s)
{
	bool ok = true;
	for (size_t i = 0; i < s->sc->n_projects && !s->sc->native; i++) {
		const struct scenario_project *const p = &s->sc->projects[i];
		const int64_t stay = held_at_start(s, i, true), all = held_at_start(s, i, false);
		const bool over_quota = s->priority->keeps_shares &&
		                        p->quota_ppm != PROJECT_UNLIMITED && stay > p->quota_ppm;
		const bool over_limit = p->limit_ppm != PROJECT_UNLIMITED && all > p->limit_ppm;
		if (p->implied || (!over_quota && !over_limit)) {
			continue;
		}
		char *const where = mem_printf("%s: projects.%s", s->sc->file, p->name);
		if (over_limit) {
			err_add(s->err, ERR_INFEASIBLE, where,
			        "its replicas have %g GPUs from the start, over its limit of %g",
			        (double)all / GPU, (double)p->limit_ppm / GPU);
		} else {
			err_add(s->err, ERR_INFEASIBLE, where,
			        "its replicas have %g GPUs from the start, over its quota of %g; "
			        "only services with \"preemptible\": true go over it",
			        (double)stay / GPU, (double)p->quota_ppm / GPU);
		}
		free(where);
		ok = false;
	}
	return ok;
}

/* --- who waits --------------------------------------------------------------------------------
 */

bool say_why(const struct sim *s, const struct sched_why *w, const char *pods, char *text,
             size_t size)
{
	const struct scenario_project *const p = &s->sc->projects[w->queue];
	switch (w->reason) {
	case SCHED_OVER_LIMIT:
		snprintf(text, size, "%s would be over its limit of %g GPUs", p->name,
		         (double)p->limit_ppm / GPU);
		return true;
	case SCHED_OVER_QUOTA:
		snprintf(text, size, "not preemptible, and %s would be over its quota of %g GPUs",
		         p->name, (double)p->quota_ppm / GPU);
		return true;
	case SCHED_NO_ROOM:
		snprintf(text, size, "room for %u of %u %s", w->placed, w->wanted, pods);
		return true;
	case SCHED_OVER_SHARE:
		snprintf(text, size, "room for %u of %u %s, and %s would be over its fair share",
		         w->placed, w->wanted, pods, p->name);
		return true;
	case SCHED_NOT_TRIED:
	case SCHED_TOO_FEW:
		break;
	}
	return false;
}

/* Replicas of a service that waited for GPUs, over time up to `at`, x ns. */
static i128_t waited(const struct sim *s, size_t service, ns_t at)
{
	if (s->life == NULL) {
		return 0;
	}
	const struct life_service *const v = &s->life->services[service];
	return v->area[LIFE_PENDING] + (i128_t)v->count[LIFE_PENDING] * (at - v->since);
}

/* Those who waited since the last cycle did so for its reason. A cycle that changes nothing may
 * come after the end of the run: then some of it is taken back. */
static void add_up(const struct sim *s, size_t service, ns_t at)
{
	struct unplaced *const u = &s->schedule->unplaced[service];
	const bool kept = u->why.reason == SCHED_OVER_QUOTA || u->why.reason == SCHED_OVER_LIMIT;
	const i128_t area = waited(s, service, at);
	if (kept && u->n > 0) {
		u->kept_area += area - u->area;
		u->kept = u->why;
	}
	u->area = area;
}

void unplaced_note(struct sim *s, const struct sched_result *r)
{
	struct schedule *const d = s->schedule;
	for (size_t i = 0; i < s->sc->n_services; i++) {
		add_up(s, i, s->events.now);
		d->unplaced[i].n = 0;
	}
	for (size_t i = 0; r != NULL && i < d->replicas.n; i++) {
		const uint32_t replica = d->replicas.at[i];
		struct unplaced *const u = &d->unplaced[s->cluster.replicas[replica].service];
		if (s->life != NULL && s->life->slots[replica].state == LIFE_PENDING) {
			u->why = r->jobs[i];
			u->n++;
		}
	}
}

void unplaced_end(struct sim *s)
{
	for (size_t i = 0; i < s->sc->n_services; i++) {
		add_up(s, i, s->ended);
	}
}

void summarise_unplaced(const struct sim *s, size_t service, struct service_summary *out)
{
	if (s->schedule == NULL || s->life == NULL) {
		return;
	}
	const struct unplaced *const u = &s->schedule->unplaced[service];
	out->scheduled = true;
	out->evicted = s->life->services[service].evicted;
	out->pending = life_count(s, (uint32_t)service, LIFE_PENDING);
	out->pending_avg = s->ended > 0 ? (double)u->area / (double)s->ended : 0.0;
	out->kept_out_avg = s->ended > 0 ? (double)u->kept_area / (double)s->ended : 0.0;
	say_why(s, &u->kept, "replicas", out->kept_out, sizeof(out->kept_out));
	if (out->pending > 0 &&
	    (u->n == 0 || !say_why(s, &u->why, "replicas", out->reason, sizeof(out->reason)))) {
		snprintf(out->reason, sizeof(out->reason),
		         u->n > 0 ? "others are leaving for it"
		                  : "the scheduler has not looked at it yet");
	}
}
