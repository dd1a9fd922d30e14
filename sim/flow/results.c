/* Adds up a finished run: what the replicas did, which limits hold, and what binds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "flow/flow.h"

#define TICKS_PER_NS 1048576.0

/* Mean tokens of a request of the service's first synthetic load; 0 when only traces feed it. */
static int64_t mean_tokens(const struct scenario *sc, size_t service)
{
	for (size_t i = 0; i < sc->n_loads; i++) {
		const struct scenario_load *const load = &sc->loads[i];
		if (load->service == service && load->kind != LOAD_TRACE) {
			return (int64_t)(load->isl.mean + load->osl.mean + 0.5) +
			       load_text_before(&load->text) +
			       load->images * sc->services[service].llm->image_tokens;
		}
	}
	return 0;
}

void sim_fit(const struct sim *s, size_t service, struct sim_fit *out)
{
	const uint32_t first = s->cluster.services[service].first;
	const struct replica *const r = &s->cluster.replicas[first];
	const bool shares = r->group != GROUP_NONE;
	const int64_t blocks = shares ? s->cluster.seats[first].most : r->kv.capacity;
	const struct bound_service *const b = &s->services[service];
	const int64_t tokens = mean_tokens(s->sc, service);
	out->nodes = &s->sc->nodes[r->gpu_kind];
	out->memory = b->memory[r->gpu_kind];
	out->capacity_tokens = blocks * r->kv.block_tokens;
	out->users = tokens > 0 ? blocks / kv_cache_blocks(&r->kv, tokens) : 0;
}

static double share(double part, double whole)
{
	return whole > 0.0 ? part / whole : 0.0;
}

/* A share of time: the clock is cut to nanoseconds, so that a sum of steps can exceed it by a hair.
 */
static double share_of_time(double part, double whole)
{
	return part < whole ? share(part, whole) : whole > 0.0;
}

static void add_replica(const struct replica *r, struct service_summary *out)
{
	const int64_t peak = r->kv.peak * r->kv.block_tokens;
	out->kv_peak_tokens = peak > out->kv_peak_tokens ? peak : out->kv_peak_tokens;
	out->preemptions += r->totals.preemptions;
	out->running_max =
		r->totals.running_max > out->running_max ? r->totals.running_max : out->running_max;
	out->waiting_max =
		r->totals.waiting_max > out->waiting_max ? r->totals.waiting_max : out->waiting_max;
}

static void summarise_service(const struct sim *s, size_t i, struct service_summary *out)
{
	const struct service *const service = &s->cluster.services[i];
	const struct scenario_service *const spec = &s->sc->services[i];
	const double replica_ns = (double)s->ended * service->n;
	double busy = 0.0, gpu = 0.0, prompt = 0.0;
	struct sim_fit fit;
	out->prefix_cache = s->services[i].shared;
	summary_service(s->log, i, spec->slo, spec->n_slo, out);
	sim_fit(s, i, &fit);
	out->name = spec->name;
	out->submitted = (int64_t)service->submitted;
	out->too_long = (int64_t)service->too_long;
	out->unfinished = out->submitted - out->finished - out->rejected - out->lost;
	out->generates = spec->llm->task == LLM_GENERATE;
	out->replicas = service->n;
	out->placed = mem_new(s->sc->n_nodes, sizeof(*out->placed));
	out->kv_capacity_tokens = fit.capacity_tokens;
	out->max_num_seqs = spec->options.max_num_seqs;
	out->streaming = true;
	for (size_t l = 0; l < s->sc->n_loads; l++) {
		out->streaming = out->streaming &&
		                 (s->sc->loads[l].service != i || s->sc->loads[l].streaming);
	}
	for (uint32_t k = service->first; k < service->first + service->n; k++) {
		const struct replica *const r = &s->cluster.replicas[k];
		add_replica(r, out);
		out->oom_kills += s->cluster.seats[k].kills;
		out->cold_starts += s->cluster.seats[k].starts;
		out->placed[r->gpu_kind]++;
		busy += (double)r->totals.busy / TICKS_PER_NS;
		gpu += (double)r->totals.gpu / TICKS_PER_NS;
		prompt += (double)r->totals.prompt / TICKS_PER_NS;
	}
	out->running_avg = share((double)service->running_area, replica_ns);
	out->waiting_avg = share((double)service->waiting_area, replica_ns);
	out->busy = share_of_time(busy, replica_ns);
	out->gpu_busy = share_of_time(gpu, replica_ns);
	out->prefill_share = share(prompt, busy);
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
	*of_time = share(total[worst], (double)s->ended * service->n);
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

static void say_wait(enum replica_block why, const struct service_summary *v, double pct,
                     char *text, size_t size)
{
	switch (why) {
	case BLOCK_SEQS:
		snprintf(
			text, size,
			"batch cap: %s waits for one of max_num_seqs %lld places %.0f %% of the time",
			v->name, (long long)v->max_num_seqs, pct);
		break;
	case BLOCK_KV:
		snprintf(text, size, "KV cache: %s waits for blocks %.0f %% of the time", v->name,
		         pct);
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
	case BLOCK_NONE:
	case BLOCK_PROMPTS:
	case BLOCK_COUNT:
		snprintf(text, size, "prompts: %s waits for earlier prompts %.0f %% of the time",
		         v->name, pct);
		break;
	}
}

/* One line of cause for the service that waits longest: what stops it from being faster. */
static void say_binding(const struct sim *s, struct summary *out)
{
	const size_t worst = slowest_service(out);
	const struct service_summary *const v = &out->services[worst];
	const int64_t refused = v->rejected - v->too_long;
	const double sending = front_share(s, worst);
	double of_time;
	const enum replica_block why = main_block(s, worst, &of_time);
	char *const text = out->binding;
	const size_t size = sizeof(out->binding);
	if (refused > 0 && (double)refused >= BINDING_SHARE * (double)v->submitted) {
		snprintf(text, size, "queue limit: %s refused %.1f %% of its requests", v->name,
		         100.0 * share((double)refused, (double)v->submitted));
	} else if (v->finished == 0) {
		snprintf(text, size, "nothing of %s finished", v->name);
	} else if (sending >= FRONT_FULL) {
		snprintf(text, size, "front end: %s sends tokens %.0f %% of the time, one by one",
		         v->name, 100.0 * sending);
	} else if (why != BLOCK_NONE && of_time >= BINDING_SHARE) {
		say_wait(why, v, 100.0 * of_time, text, size);
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

static void judge(const struct sim *s, struct summary *out)
{
	size_t n = 0;
	for (size_t i = 0; i < s->sc->n_services; i++) {
		n += s->sc->services[i].n_slo;
	}
	out->limits = mem_new(n, sizeof(*out->limits));
	out->pass = true;
	for (size_t i = 0; i < s->sc->n_services; i++) {
		for (size_t k = 0; k < s->sc->services[i].n_slo; k++) {
			struct limit_result *const l = &out->limits[out->n_limits++];
			l->limit = &s->sc->services[i].slo[k];
			l->service = i;
			l->observed = summary_observe(&out->services[i], s->log, i, l->limit);
			l->ok = slo_holds(l->limit, l->observed);
			out->pass = out->pass && l->ok;
		}
	}
}

/* Of a GPU, that a replica of service i has when it is at work: all, or its slice's. */
static double compute_of(const struct sim *s, size_t i)
{
	const struct replica *const r = &s->cluster.replicas[s->cluster.services[i].first];
	struct mig_slice slice;
	return scenario_slice(s->services[i].spec, &s->sc->nodes[r->gpu_kind], &slice)
	               ? (double)slice.compute / GPU_COMPUTE_SLICES
	               : 1.0;
}

void sim_summary(const struct sim *s, struct summary *out)
{
	*out = (struct summary){
		.scenario_name = s->sc->name,
		.scenario_hash = s->sc->hash,
		.version = ALIQUOT_VERSION,
		.seed = s->sc->seed,
		.simulated = s->ended,
		.events = s->events.count,
		.incomplete = s->incomplete,
		.n_services = s->sc->n_services,
	};
	out->services = mem_new(out->n_services, sizeof(*out->services));
	double used = 0.0, memory = 0.0, busy = 0.0;
	double allocated = 0.0;
	for (size_t k = 0; k < s->sc->n_nodes; k++) {
		const struct scenario_nodes *const nodes = &s->sc->nodes[k];
		out->gpus += nodes->count * nodes->gpus;
		memory += (double)(nodes->count * nodes->gpus) * (double)nodes->gpu->memory_bytes;
	}
	for (size_t i = 0; i < out->n_services; i++) {
		const struct bound_service *const b = &s->services[i];
		const double gpus = (double)b->spec->gpus_per_replica;
		summarise_service(s, i, &out->services[i]);
		busy += out->services[i].gpu_busy * compute_of(s, i) * (double)b->spec->replicas *
		        gpus;
		for (uint32_t k = 0; k < s->cluster.services[i].n; k++) {
			const struct replica *const r =
				&s->cluster.replicas[s->cluster.services[i].first + k];
			const struct memory_plan *const m = &b->memory[r->gpu_kind];
			const bytes_t kv = b->options.kv_pool == KV_POOL_STATIC
			                           ? r->kv.capacity * m->block
			                           : r->kv.peak * m->block;
			/* GPUs that are shared say themselves what they held */
			used += r->group == GROUP_NONE
			                ? gpus * (double)(m->weights + m->reserved + kv)
			                : 0.0;
			allocated += gpus *
			             (double)scenario_request(b->spec, &s->sc->nodes[r->gpu_kind]) /
			             (double)scenario_gpu_memory(&s->sc->nodes[r->gpu_kind]);
		}
	}
	for (uint32_t i = 0; i < s->cluster.n_gpus; i++) {
		used += (double)s->cluster.gpus[i].peak;
	}
	out->gpu_busy = share(busy, (double)out->gpus);
	out->memory_used = share(used, memory);
	out->allocated = share(allocated, (double)out->gpus);
	judge(s, out);
	say_binding(s, out);
}
