/* What binds: one line of cause, what stops the service that waits longest from being faster. */
#include <stdio.h>
#include <string.h>

#include "flow/flow.h"

static double share(double part, double whole)
{
	return whole > 0.0 ? part / whole : 0.0;
}

/* Longest reason for which the head of a waiting list was kept out, over the replicas of a service.
 */
static enum replica_block main_block(const struct sim *s, size_t i, double *of_time)
{
	const struct service *const service = &s->cluster.services[i];
	double total[BLOCK_COUNT] = {0};
	enum replica_block worst = BLOCK_NONE;
	for (uint32_t k = service->first; k < service->first + service->n; k++) {
		for (int b = BLOCK_SEQS; b < BLOCK_COUNT; b++) {
			total[b] += (double)s->cluster.replicas[k].totals.blocked[b];
		}
	}
	total[BLOCK_NONE] = 0.0;
	for (int b = BLOCK_SEQS; b < BLOCK_COUNT; b++) {
		worst = total[b] > total[worst] ? (enum replica_block)b : worst;
	}
	*of_time = share(total[worst], replica_time(s, i));
	return worst;
}

/* The service that waits longest; one whose requests finish goes before one without any. */
static size_t slowest_service(const struct summary *out)
{
	size_t worst = 0;
	for (size_t i = 1; i < out->n_services; i++) {
		const double wait = out->services[i].queue_ms.avg;
		if (!(wait <= out->services[worst].queue_ms.avg) && out->services[i].finished > 0) {
			worst = i;
		}
	}
	return worst;
}

/* A front end that rests this little holds up everything behind it. */
#define FRONT_FULL 0.9

/* What is seldom does not bind: a queue counts from this share of the time, or of the requests. */
#define BINDING_SHARE 0.05
#define LATE_SHARE 0.25 /* of the waiting, that makes it the cause */

/* `cap` names what limits the batch. */
static void say_wait(enum replica_block why, const struct service_summary *v, const char *cap,
                     double pct, char *text, size_t size)
{
	switch (why) {
	case BLOCK_SEQS:
		snprintf(text, size,
		         "batch cap: %s waits for one of %s %lld places %.0f %% of the time",
		         v->name, cap, (long long)v->max_num_seqs, pct);
		break;
	case BLOCK_KV:
		snprintf(text, size, "%s: %s waits for blocks %.0f %% of the time",
		         v->shares ? "memory limit" : "KV cache", v->name, pct);
		break;
	case BLOCK_LENT:
		snprintf(
			text, size,
			"memory of neighbours: %s waits for blocks that others hold %.0f %% of the "
			"time",
			v->name, pct);
		break;
	case BLOCK_FRONT:
		snprintf(text, size, "front end: requests of %s wait for it %.0f %% of the time",
		         v->name, pct);
		break;
	case BLOCK_AHEAD:
		snprintf(text, size,
		         "scheduling ahead: %s waits for steps planned earlier %.0f %% of the time",
		         v->name, pct);
		break;
	case BLOCK_SWAP:
		snprintf(
			text, size,
			"memory swap: requests of %s wait for it to come to its GPU %.0f %% of the "
			"time",
			v->name, pct);
		break;
	case BLOCK_NONE:
	case BLOCK_PROMPTS:
	case BLOCK_COUNT:
		snprintf(text, size, "prompts: %s waits for earlier prompts %.0f %% of the time",
		         v->name, pct);
		break;
	}
}

/* What of its time a service loses to others on its GPUs, or to limits of its own. */
static void say_slowed(const struct sim *s, size_t service, const struct service_summary *v,
                       char *text, size_t size)
{
	const struct replica *const r = &s->cluster.replicas[s->cluster.services[service].first];
	if (share_is_slow(s, r)) {
		snprintf(
			text, size,
			"compute limit: steps of %s wait for their share of the GPU %.0f %% of the "
			"time",
			v->name, 100.0 * v->slowed);
	} else {
		snprintf(text, size,
		         "neighbours: steps of %s wait for others on the GPU %.0f %% of the time",
		         v->name, 100.0 * v->slowed);
	}
}

/* The same behind what else there is to say. */
static void add_slowed(const struct sim *s, size_t service, const struct service_summary *v,
                       char *text, size_t size)
{
	const size_t length = strlen(text);
	const struct replica *const r = &s->cluster.replicas[s->cluster.services[service].first];
	if (v->slowed >= BINDING_SHARE && length < size) {
		snprintf(text + length, size - length, "; its steps wait for %s %.0f %%",
		         share_is_slow(s, r) ? "their share of the GPU" : "others on the GPU",
		         100.0 * v->slowed);
	}
}

/* The service that was down for longest because others wanted their memory back. */
static const struct service_summary *most_killed(const struct summary *out)
{
	const struct service_summary *worst = &out->services[0];
	for (size_t i = 1; i < out->n_services; i++) {
		worst = out->services[i].down > worst->down ? &out->services[i] : worst;
	}
	return worst;
}

/* Of the requests of a service, those that found no replica ready. */
static double door_share(const struct service_summary *v)
{
	return share((double)v->at_door, (double)(v->submitted + v->warmup));
}

static size_t most_slowed(const struct summary *out)
{
	size_t worst = 0;
	for (size_t i = 1; i < out->n_services; i++) {
		worst = out->services[i].slowed > out->services[worst].slowed ? i : worst;
	}
	return worst;
}

/* A queue, if there is one: false where nothing waits. */
static bool say_queue(const struct sim *s, size_t service, const struct service_summary *v,
                      char *text, size_t size)
{
	const int64_t refused = v->rejected - v->too_long;
	const double sending = front_share(s, service);
	const char *const cap = s->sc->services[service].autoscaler.hard_limit == v->max_num_seqs
	                                ? "concurrency_hard_limit"
	                                : "max_num_seqs";
	double of_time;
	const enum replica_block why = main_block(s, service, &of_time);
	if (refused > 0 && (double)refused >= BINDING_SHARE * (double)v->submitted) {
		snprintf(text, size, "queue limit: %s refused %.1f %% of its requests", v->name,
		         100.0 * share((double)refused, (double)v->submitted));
	} else if (v->finished == 0) {
		snprintf(text, size, "nothing of %s finished", v->name);
	} else if (sending >= FRONT_FULL) {
		snprintf(text, size, "front end: %s sends tokens %.0f %% of the time, one by one",
		         v->name, 100.0 * sending);
	} else if (why != BLOCK_NONE && of_time >= BINDING_SHARE) {
		say_wait(why, v, cap, 100.0 * of_time, text, size);
	} else {
		return false;
	}
	return true;
}

static void say_down(const struct service_summary *v, char *text, size_t size)
{
	char times[32];
	snprintf(times, sizeof(times), "%lld times", (long long)v->oom_kills);
	snprintf(text, size,
	         "memory asked back: %s was killed %s for it, and down %.0f %% of the time",
	         v->name, v->oom_kills == 1 ? "once" : times, 100.0 * v->down);
}

/* Jobs that waited for GPUs; less than a period was only until they were looked at. */
static size_t jobs_waited(const struct sim *s, const struct summary *out)
{
	size_t waited = 0;
	for (size_t i = 0; i < out->n_jobs; i++) {
		waited += out->jobs[i].waited >= s->sc->period;
	}
	return waited;
}

/* The service most of whose requests found no replica. */
static const struct service_summary *most_at_door(const struct summary *out)
{
	const struct service_summary *worst = &out->services[0];
	for (size_t i = 1; i < out->n_services; i++) {
		const struct service_summary *const v = &out->services[i];
		worst = door_share(v) > door_share(worst) ? v : worst;
	}
	return worst;
}

/* It waits for a start, for GPUs to start on, or for a place at a replica. */
static void say_door(const struct service_summary *v, char *text, size_t size)
{
	if (v->door_full >= 0.5) {
		snprintf(text, size,
		         "concurrency_hard_limit: %.1f %% of the requests of %s found every "
		         "replica full and waited %.1f s",
		         100.0 * door_share(v), v->name, v->door_s);
		return;
	}
	snprintf(text, size,
	         "%s: %.1f %% of the requests of %s found no replica and waited %.1f s for one%s",
	         v->door_starting >= 0.5 ? "cold start" : "no free GPU", 100.0 * door_share(v),
	         v->name, v->door_s, v->door_starting >= 0.5 ? " to start" : "");
}

/* Of the requests of a service, those that at least found their replica in host memory. */
static double swap_share(const struct service_summary *v)
{
	return v->swaps > 0 ? share((double)v->swaps, (double)(v->submitted + v->warmup)) : 0.0;
}

static size_t most_swapped(const struct summary *out)
{
	size_t worst = 0;
	for (size_t i = 1; i < out->n_services; i++) {
		const struct service_summary *const v = &out->services[i];
		worst = swap_share(v) > swap_share(&out->services[worst]) ? i : worst;
	}
	return worst;
}

static void say_swap(const struct sim *s, size_t service, const struct service_summary *v,
                     char *text, size_t size)
{
	const struct service *const of = &s->cluster.services[service];
	const int64_t requests = v->submitted + v->warmup;
	double waited = 0.0;
	char times[32];
	snprintf(times, sizeof(times), "%lld times", (long long)v->swaps);
	for (uint32_t k = of->first; k < of->first + of->n; k++) {
		waited += (double)s->cluster.replicas[k].totals.blocked[BLOCK_SWAP];
	}
	snprintf(text, size,
	         "memory swap: %s came back from host memory %s for %lld requests, %.2f s "
	         "each time",
	         v->name, v->swaps == 1 ? "once" : times, (long long)requests,
	         share(waited / (double)NS_PER_S, (double)v->swaps));
}

/* Did requests wait at the replicas that were there for those that were not yet? */
static bool scales_late(const struct service_summary *v)
{
	return v->autoscaler != NULL && v->late >= LATE_SHARE &&
	       v->waiting_avg >= BINDING_SHARE * v->running_avg;
}

/* The service that quotas and limits keep most replicas from. */
static const struct service_summary *most_kept_out(const struct summary *out)
{
	const struct service_summary *worst = &out->services[0];
	for (size_t i = 1; i < out->n_services; i++) {
		const struct service_summary *const v = &out->services[i];
		worst = v->kept_out_avg > worst->kept_out_avg ? v : worst;
	}
	return worst;
}

static void say_services(const struct sim *s, struct summary *out)
{
	const size_t worst = slowest_service(out);
	const struct service_summary *const v = &out->services[worst], *const k = most_killed(out);
	const struct service_summary *const door = most_at_door(out), *const q = most_kept_out(out);
	char *const text = out->binding;
	const size_t size = sizeof(out->binding);
	if (q->kept_out_avg >= BINDING_SHARE) {
		snprintf(text, size, "quota: %.2f replicas of %s waited on average: %s",
		         q->kept_out_avg, q->name, q->kept_out);
	} else if (door_share(door) >= BINDING_SHARE) {
		say_door(door, text, size);
	} else if (k->down >= BINDING_SHARE) {
		say_down(k, text, size);
	} else if (scales_late(v)) {
		snprintf(text, size,
		         "scale-out: %.0f %% of the waiting at %s was while replicas were "
		         "starting, %lld of them; autoscaler %s was late",
		         100.0 * v->late, v->name, (long long)v->cold_starts, v->autoscaler);
	} else if (say_queue(s, worst, v, text, size)) {
		add_slowed(s, worst, v, text, size);
	} else if (swap_share(&out->services[most_swapped(out)]) >= BINDING_SHARE) {
		say_swap(s, most_swapped(out), &out->services[most_swapped(out)], text, size);
	} else if (out->services[most_slowed(out)].slowed >= BINDING_SHARE) {
		say_slowed(s, most_slowed(out), &out->services[most_slowed(out)], text, size);
	} else if (v->busy < 0.5) {
		snprintf(text, size, "nothing: %s is idle %.1f %% of the time", v->name,
		         100.0 * (1.0 - v->busy));
	} else {
		snprintf(
			text, size,
			"GPU speed: hardly a queue at %s; %.0f %% of its busy time in steps with prompts",
			v->name, 100.0 * v->prefill_share);
	}
}

void say_binding(const struct sim *s, struct summary *out)
{
	const size_t waited = jobs_waited(s, out);
	if (out->n_services == 0) {
		snprintf(out->binding, sizeof(out->binding),
		         waited > 0 ? "GPUs: %zu of %zu jobs waited for some"
		                    : "nothing: %zu of %zu jobs waited for GPUs",
		         waited, out->n_jobs);
		return;
	}
	say_services(s, out);
	if (waited > 0) {
		const size_t n = strlen(out->binding);
		snprintf(out->binding + n, sizeof(out->binding) - n,
		         "; %zu of %zu jobs waited for GPUs", waited, out->n_jobs);
	}
}
