/* Adds up a finished run: what the replicas and GPUs did, and which limits hold. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "flow/node_level.h"
#include "flow/scale.h"
#include "flow/schedule.h"

#define TICKS_PER_NS 1048576.0

/* Mean tokens of a request of the service's first synthetic load; 0 when only files feed it. */
static int64_t mean_tokens(const struct scenario *sc, size_t service)
{
	for (size_t i = 0; i < sc->n_loads; i++) {
		const struct scenario_load *const load = &sc->loads[i];
		if (load->service == service && load_has_lengths(load)) {
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
	const bool shares = scenario_shares_gpu(s->services[service].spec);
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

static ns_t time_down(const struct sim *s, const struct seat *seat)
{
	return seat->was_down + (seat->down && s->ended > seat->died ? s->ended - seat->died : 0);
}

double replica_time(const struct sim *s, size_t i)
{
	const struct service *const service = &s->cluster.services[i];
	double bound = 0.0;
	if (s->life == NULL) {
		return (double)s->ended * service->n;
	}
	for (uint32_t k = service->first; k < service->first + service->n; k++) {
		bound += (double)life_bound(s, k);
	}
	return bound;
}

/* Replicas that come and go: how many, and how long requests waited for them. */
static void summarise_life(const struct sim *s, size_t i, struct service_summary *out)
{
	const struct service *const service = &s->cluster.services[i];
	out->replicas = service->n;
	out->replicas_avg = (double)service->n;
	if (s->life == NULL) {
		return;
	}
	const struct life_service *const v = &s->life->services[i];
	const double waits = (double)(v->waits_start + v->waits_limit + v->waits_gpu);
	out->comes_and_goes = true;
	out->replicas = v->ready_max;
	out->replicas_avg = share(replica_time(s, i), (double)s->ended);
	out->at_door = v->waited;
	out->door_s = share(waits / 1e9, (double)v->waited);
	out->door_starting = share((double)v->waits_start, waits);
	out->door_full = share((double)v->waits_limit, waits);
	out->late = share((double)v->late, (double)v->waiting);
	out->failed_starts = v->failed;
}

/* What its autoscaler did. */
static void summarise_scaler(const struct sim *s, size_t i, struct service_summary *out)
{
	if (s->scalers == NULL || s->scalers[i].policy == NULL) {
		return;
	}
	out->autoscaler = s->scalers[i].policy->head.name;
	out->changes = s->scalers[i].changes.at;
	out->n_changes = s->scalers[i].changes.n;
}

static void summarise_service(const struct sim *s, size_t i, struct service_summary *out)
{
	const struct service *const service = &s->cluster.services[i];
	const struct scenario_service *const spec = &s->sc->services[i];
	const double replica_ns = replica_time(s, i);
	double busy = 0.0, gpu = 0.0, prompt = 0.0, slowed = 0.0, down = 0.0;
	struct sim_fit fit;
	out->prefix_cache = s->services[i].shared;
	summary_service(s->log, i, spec->slo, spec->n_slo, out);
	sim_fit(s, i, &fit);
	out->swaps = s->swap != NULL ? 0 : -1;
	out->moves = -1;
	out->name = spec->name;
	out->submitted = (int64_t)service->submitted;
	out->too_long = (int64_t)service->too_long;
	out->unfinished = out->submitted - out->finished - out->rejected - out->lost;
	out->generates = spec->llm->task == LLM_GENERATE;
	summarise_life(s, i, out);
	summarise_scaler(s, i, out);
	summarise_unplaced(s, i, out);
	out->placed = mem_new(s->sc->n_nodes, sizeof(*out->placed));
	out->kv_capacity_tokens = fit.capacity_tokens;
	out->max_num_seqs = s->services[i].options.max_num_seqs;
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
		out->placed[r->gpu_kind] += s->life == NULL || life_bound(s, k) > 0;
		out->swaps += s->swap != NULL ? swap_count(s, k) : 0;
		busy += (double)r->totals.busy / TICKS_PER_NS;
		gpu += (double)r->totals.gpu / TICKS_PER_NS;
		prompt += (double)r->totals.prompt / TICKS_PER_NS;
		slowed += (double)r->totals.slowed / TICKS_PER_NS;
		down += (double)time_down(s, &s->cluster.seats[k]);
	}
	out->shares =
		scenario_shares_gpu(spec) || share_is_slow(s, &s->cluster.replicas[service->first]);
	out->running_avg = share((double)service->running_area, replica_ns);
	out->waiting_avg = share((double)service->waiting_area, replica_ns);
	out->busy = share_of_time(busy, replica_ns);
	out->gpu_busy = share_of_time(gpu, replica_ns);
	out->prefill_share = share(prompt, busy);
	out->slowed = share_of_time(slowed, replica_ns);
	out->down = share_of_time(down, replica_ns);
}

static void judge(const struct sim *s, struct summary *out)
{
	out->limits = NULL;
	out->pass = true;
	for (size_t i = 0; i < s->sc->n_services; i++) {
		const size_t n = scenario_is_asked(s->sc, i) ? s->sc->services[i].n_slo : 0;
		out->limits = mem_resize(out->limits, out->n_limits + n, sizeof(*out->limits));
		for (size_t k = 0; k < n; k++) {
			struct limit_result *const l = &out->limits[out->n_limits++];
			l->limit = &s->sc->services[i].slo[k];
			l->service = i;
			l->observed = summary_observe(&out->services[i], s->log, i, l->limit);
			l->ok = slo_holds(l->limit, l->observed);
			out->pass = out->pass && l->ok;
		}
	}
}

/* Of a GPU, that a replica has when it is at work: all, or its slice's. */
static double compute_of(const struct sim *s, const struct replica *r)
{
	struct mig_slice slice;
	return scenario_slice(s->services[r->service].spec, &s->sc->nodes[r->gpu_kind], &slice)
	               ? (double)slice.compute / GPU_SPEC_COMPUTE_SLICES
	               : 1.0;
}

/* Bytes that a replica holds of each of its GPUs; 0: it shares them, and they say themselves what
 * they held. */
static double held_alone(const struct sim *s, const struct replica *r)
{
	const struct bound_service *const b = &s->services[r->service];
	const struct memory_plan *const m = &b->memory[r->gpu_kind];
	const bytes_t kv = b->options.kv_pool == KV_POOL_STATIC ? r->kv.capacity * m->block
	                                                        : r->kv.peak * m->block;
	return !scenario_shares_gpu(b->spec) ? (double)(m->weights + m->reserved + kv) : 0.0;
}

/*
 * Bytes that replicas held of a GPU that they share: at most; where replicas come and go on
 * average, as others may have had it for the rest of the time.
 */
static double held_by_sharers(const struct sim *s, const struct gpu *g)
{
	const ns_t rest = s->ended > g->since ? s->ended - g->since : 0;
	return s->life == NULL
	               ? (double)g->peak
	               : share((double)(g->area + (i128_t)g->used * rest), (double)s->ended);
}

/* The part of a GPU's work and memory that one of its replicas has. */
static void add_resident(const struct sim *s, const struct replica *r, struct gpu_summary *out)
{
	const struct scenario_nodes *const nodes = &s->sc->nodes[r->gpu_kind];
	const double gpu = share_of_time((double)r->totals.gpu / TICKS_PER_NS, (double)s->ended);
	out->residents[r->service]++;
	out->busy += gpu * compute_of(s, r);
	out->peak += share(held_alone(s, r), (double)nodes->gpu->memory_bytes);
}

/* GPUs on which replicas have parts, in the order of the cluster; none where replicas come and go.
 */
static void summarise_gpus(const struct sim *s, struct summary *out)
{
	const struct cluster *const c = &s->cluster;
	size_t *const place = mem_new(c->n_gpus, sizeof(*place));
	out->shared = mem_new(c->n_gpus, sizeof(*out->shared));
	for (uint32_t i = 0, first = 0; i < c->n_gpus && s->life == NULL; i++) {
		const struct gpu *const g = &c->gpus[i];
		const struct node *const node = &c->nodes[g->node];
		const struct scenario_nodes *const nodes = &s->sc->nodes[node->kind];
		first = c->nodes[first].kind != node->kind ? g->node : first;
		if (g->residents == 0 || g->whole) {
			continue;
		}
		place[i] = out->n_shared;
		out->shared[out->n_shared++] = (struct gpu_summary){
			.nodes = nodes->name,
			.node = g->node - first,
			.index = i - node->first,
			.residents = mem_new(out->n_services, sizeof(uint32_t)),
			.requested = share((double)g->requested, (double)g->memory),
			.peak = share((double)g->peak, (double)nodes->gpu->memory_bytes),
		};
	}
	for (uint32_t i = 0; i < c->n_replicas && s->life == NULL; i++) {
		uint32_t n;
		const uint32_t *const gpus = cluster_gpus_of(c, i, &n);
		for (uint32_t k = 0; k < n && !c->gpus[gpus[k]].whole; k++) {
			add_resident(s, &c->replicas[i], &out->shared[place[gpus[k]]]);
		}
	}
	free(place);
}

/* Share of the run in which a replica is on GPUs. */
static double time_there(const struct sim *s, uint32_t replica)
{
	return s->life == NULL ? 1.0 : share((double)life_bound(s, replica), (double)s->ended);
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
		busy += out->services[i].gpu_busy *
		        compute_of(s, &s->cluster.replicas[s->cluster.services[i].first]) *
		        out->services[i].replicas_avg * gpus;
		for (uint32_t k = 0; k < s->cluster.services[i].n; k++) {
			const uint32_t replica = s->cluster.services[i].first + k;
			const struct replica *const r = &s->cluster.replicas[replica];
			const double there = time_there(s, replica) * gpus;
			used += there * held_alone(s, r);
			allocated += there *
			             (double)scenario_request(b->spec, &s->sc->nodes[r->gpu_kind]) /
			             (double)scenario_gpu_memory(&s->sc->nodes[r->gpu_kind]);
		}
	}
	for (uint32_t i = 0; i < s->cluster.n_gpus; i++) {
		used += held_by_sharers(s, &s->cluster.gpus[i]);
	}
	summarise_jobs(s, out);
	const double span = (double)s->ended;
	allocated += share(schedule_held(s), span);
	busy += share(schedule_worked(s), span);
	out->gpu_busy = share(busy, (double)out->gpus);
	out->memory_used = share(used, memory);
	out->allocated = share(allocated, (double)out->gpus);
	summarise_gpus(s, out);
	faults_summarise(s, out);
	node_level_summarise(s, out);
	judge(s, out);
	say_binding(s, out);
}
