/* Conservation laws of the cluster. */
#include "state/cluster.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "state/prefix_cache.h"

/* A prefix cache of more spans than this is looked at in every so many decode iterations. */
#define FEW_SPANS 1024
#define SELDOM 64

/* Blocks of its own that a sequence holds; the prefix cache counts the others. */
static int64_t blocks_of(const struct replica *r, const struct request *q, int64_t length)
{
	return kv_cache_blocks(&r->kv, r->kv.grows ? length : (int64_t)q->input + q->output) -
	       q->shared;
}

/* Add one reader to every span that a request holds; together they are its shared blocks. */
static void count_spans(const struct prefix_cache *p, const struct request *q, uint32_t *readers)
{
	int64_t blocks = 0;
	for (uint32_t i = q->span; q->shared > 0 && i != SPAN_NONE; i = p->at[i].parent) {
		readers[i]++;
		blocks += p->at[i].n;
	}
	sim_assert(blocks == q->shared);
}

static void verify_prefixes(const struct cluster *c, const struct replica *r)
{
	const struct prefix_cache *const p = r->kv.prefix;
	uint32_t *const readers = mem_new(p->cap, sizeof(*readers));
	for (uint32_t i = 0; i < r->n_decoding; i++) {
		count_spans(p, &c->requests.at[r->heap[i].request], readers);
	}
	for (uint32_t i = r->prefilling.head; i != REQUEST_NONE; i = c->requests.at[i].next) {
		count_spans(p, &c->requests.at[i], readers);
	}
	prefix_cache_verify(&r->kv, readers);
	free(readers);
}

/* Blocks the batch of one replica holds, at boundary `done`. */
static int64_t blocks_held(const struct cluster *c, const struct replica *r)
{
	int64_t blocks = r->kv.prefix != NULL ? r->kv.prefix->held : 0;
	tokens_t context = 0;
	uint32_t warm = 0;
	for (uint32_t i = 0; i < r->n_decoding; i++) {
		const struct request *const q = &c->requests.at[r->heap[i].request];
		const int64_t length = q->context + r->iteration - q->joined;
		sim_assert(q->decoding);
		warm += q->warmup;
		blocks += blocks_of(r, q, length);
		context += length;
	}
	for (uint32_t i = r->prefilling.head; i != REQUEST_NONE; i = c->requests.at[i].next) {
		const struct request *const q = &c->requests.at[i];
		sim_assert(!q->decoding && q->prefilled < q->context);
		blocks += blocks_of(r, q, q->context);
	}
	sim_assert(context == r->context && warm == r->n_warm);
	return blocks;
}

/* The laws of one service; returns its requests in flight. */
static uint32_t verify_service(const struct cluster *c, const struct service *service)
{
	uint32_t running = 0;
	uint32_t waiting = service->door.n;
	for (uint32_t i = service->first; i < service->first + service->n; i++) {
		const struct replica *const r = &c->replicas[i];
		sim_assert(r->kv.used >= 0 && r->kv.used <= r->kv.capacity);
		sim_assert(blocks_held(c, r) == r->kv.used);
		/* what went into host memory is looked at again when it is back */
		if (r->kv.prefix != NULL && r->state != REPLICA_AWAY &&
		    (r->kv.prefix->n <= FEW_SPANS || r->iteration % SELDOM == 0)) {
			verify_prefixes(c, r);
		}
		running += replica_batch(r);
		waiting += r->waiting.n;
	}
	sim_assert(running == service->running && waiting == service->waiting);
	sim_assert(service->submitted + service->warmup == service->left + running + waiting);
	return running + waiting;
}

/* A replica holds no more than its limit, and a static pool no less than its request. */
static void verify_seat(const struct seat *seat, int64_t blocks)
{
	sim_assert(seat->down || (blocks <= seat->most && seat->own <= seat->most));
	sim_assert(seat->down || seat->step > 0 || blocks >= seat->own);
}

/* Replicas on a GPU, and what they ask of it. */
struct crowd {
	uint32_t n;
	bytes_t asked;
};

static void count_in(struct crowd *crowd, const struct cluster *c, const struct seat *seat,
                     uint32_t gpu)
{
	sim_assert(c->gpus[gpu].faults == 0);
	crowd[gpu].n++;
	crowd[gpu].asked += seat_request(seat, &c->gpus[gpu]);
}

/*
 * What replicas ask of a GPU is no more than what is counted there, of those that are booked and of
 * those that sit there; no GPU is given twice either way, and nobody is on a broken one.
 */
static void verify_seats(const struct cluster *c)
{
	struct crowd *const booked = mem_new(c->n_gpus, sizeof(*booked));
	struct crowd *const sitting = mem_new(c->n_gpus, sizeof(*sitting));
	for (uint32_t i = 0; i < c->n_replicas; i++) {
		const struct seat *const seat = &c->seats[i];
		for (uint32_t k = 0; k < seat->n_gpus; k++) {
			count_in(booked, c, seat, c->places[seat->first + k]);
			count_in(sitting, c, seat, c->sits[seat->first + k]);
		}
	}
	for (uint32_t i = 0; i < c->n_gpus; i++) {
		const struct gpu *const g = &c->gpus[i];
		sim_assert(booked[i].asked <= g->requested && booked[i].n <= g->residents);
		sim_assert(sitting[i].asked == g->claimed && sitting[i].n == g->sitters);
		sim_assert(g->requested <= g->memory && g->claimed <= g->memory);
	}
	free(booked);
	free(sitting);
}

/* What is held on a GPU is what its replicas hold, each within its bounds. */
static void verify_memory(const struct cluster *c)
{
	bytes_t *const used = mem_new(c->n_gpus, sizeof(*used));
	for (uint32_t i = 0; i < c->n_replicas; i++) {
		const struct seat *const seat = &c->seats[i];
		const int64_t blocks = c->replicas[i].kv.capacity;
		if (c->replicas[i].group == GROUP_NONE) {
			continue; /* its GPUs are its own */
		}
		if (seat->out) {
			sim_assert(blocks == 0 && c->replicas[i].state == REPLICA_AWAY);
			continue;
		}
		verify_seat(seat, blocks);
		for (uint32_t k = 0; !seat->down && k < seat->n_gpus; k++) {
			used[c->sits[seat->first + k]] += seat->base + blocks * seat->block;
		}
	}
	for (uint32_t i = 0; i < c->n_gpus; i++) {
		sim_assert(used[i] == c->gpus[i].used);
	}
	free(used);
}

void cluster_verify(const struct cluster *c)
{
	uint32_t requests = 0;
	for (uint32_t i = 0; i < c->n_gpus; i++) {
		sim_assert(c->gpus[i].used <= c->gpus[i].memory);
	}
	verify_seats(c);
	verify_memory(c);
	for (uint32_t i = 0; i < c->n_services; i++) {
		requests += verify_service(c, &c->services[i]);
	}
	sim_assert(requests == c->requests.in_use);
}

static i128_t stay_of_list(const struct cluster *c, const struct request_list *list, ns_t now)
{
	i128_t stays = 0;
	for (uint32_t i = list->head; i != REQUEST_NONE; i = c->requests.at[i].next) {
		stays += now - c->requests.at[i].arrival;
	}
	return stays;
}

void cluster_verify_little(const struct cluster *c, ns_t now)
{
	for (uint32_t s = 0; s < c->n_services; s++) {
		const struct service *const service = &c->services[s];
		i128_t stays = service->stays + stay_of_list(c, &service->door, now);
		for (uint32_t i = service->first; i < service->first + service->n; i++) {
			const struct replica *const r = &c->replicas[i];
			stays += stay_of_list(c, &r->waiting, now) +
			         stay_of_list(c, &r->prefilling, now);
			for (uint32_t k = 0; k < r->n_decoding; k++) {
				stays += now - c->requests.at[r->heap[k].request].arrival;
			}
		}
		sim_assert(service->since == now);
		sim_assert(stays == service->running_area + service->waiting_area);
	}
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * UINT64_C(1099511628211);
}

uint64_t cluster_checksum(const struct cluster *c)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (uint32_t i = 0; i < c->n_replicas; i++) {
		const struct replica *const r = &c->replicas[i];
		h = mix(mix(mix(h, (uint64_t)r->kv.used), r->waiting.n), replica_batch(r));
		h = mix(mix(mix(h, (uint64_t)r->anchor), (uint64_t)r->done),
		        (uint64_t)r->iteration);
	}
	for (uint32_t s = 0; s < c->n_services; s++) {
		const struct service *const v = &c->services[s];
		h = mix(mix(mix(h, v->running), v->waiting), v->submitted);
		for (uint32_t i = 0; v->load != NULL && i < v->n; i++) {
			h = mix(h, (uint64_t)v->load[i]);
		}
	}
	for (uint32_t i = 0; i < c->n_gpus; i++) {
		h = mix(mix(h, (uint64_t)c->gpus[i].requested), c->gpus[i].residents);
		h = mix(mix(h, (uint64_t)c->gpus[i].claimed), c->gpus[i].sitters);
	}
	return mix(h, c->requests.in_use);
}
