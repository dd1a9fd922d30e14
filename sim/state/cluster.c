/* Storage of the cluster, and its conservation laws. */
#include "state/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "state/prefix_cache.h"

/* A prefix cache of more spans than this is looked at in every so many decode iterations. */
#define FEW_SPANS 1024
#define SELDOM 64

void cluster_init(struct cluster *c, uint32_t n_replicas, uint32_t n_services)
{
	memset(c, 0, sizeof(*c));
	c->replicas = mem_new_aligned(n_replicas, sizeof(*c->replicas));
	c->n_replicas = n_replicas;
	c->seats = mem_new(n_replicas, sizeof(*c->seats));
	c->services = mem_new(n_services, sizeof(*c->services));
	c->n_services = n_services;
	request_pool_init(&c->requests);
	text_pool_init(&c->texts);
	for (uint32_t i = 0; i < n_replicas; i++) {
		replica_init(&c->replicas[i]);
	}
}

void cluster_add_nodes(struct cluster *c, uint32_t kind, uint32_t count, uint32_t gpus,
                       bytes_t memory)
{
	c->nodes = mem_resize(c->nodes, c->n_nodes + count, sizeof(*c->nodes));
	c->gpus = mem_resize(c->gpus, (size_t)c->n_gpus + (size_t)count * gpus, sizeof(*c->gpus));
	for (uint32_t i = 0; i < count; i++) {
		c->nodes[c->n_nodes] =
			(struct node){.kind = kind, .first = c->n_gpus, .n = gpus, .idle = gpus};
		for (uint32_t k = 0; k < gpus; k++) {
			c->gpus[c->n_gpus++] = (struct gpu){.node = c->n_nodes, .memory = memory};
		}
		c->n_nodes++;
	}
}

/* Returns the memory slices that are taken. */
static uint8_t take_gpu(struct cluster *c, uint32_t gpu, const struct gpu_part *part)
{
	struct gpu *const g = &c->gpus[gpu];
	sim_assert(gpu_takes(g, part));
	c->nodes[g->node].idle -= g->residents == 0;
	g->residents++;
	g->whole = part->whole;
	g->requested += part->whole ? g->memory : part->bytes;
	if (part->compute == 0) {
		return 0;
	}
	const int start = gpu_slice_start(g->slices, part->compute, part->memory);
	const uint8_t bits = gpu_slice_bits(start, part->memory);
	g->slices |= bits;
	return bits;
}

void cluster_take(struct cluster *c, uint32_t node, const uint32_t *gpus,
                  const struct node_part *what)
{
	struct node *const at = &c->nodes[node];
	sim_assert(at->cpu_used + what->cpu <= at->cpu && at->host_used + what->host <= at->host);
	at->cpu_used += what->cpu;
	at->host_used += what->host;
	at->sizes |= gpu_size_bit(what->part, what->gpus);
	for (uint32_t i = 0; i < what->gpus; i++) {
		sim_assert(c->gpus[gpus[i]].node == node);
		take_gpu(c, gpus[i], what->part);
	}
}

/* Places for `n` GPUs: those it had before, where they are enough. */
static void find_places(struct cluster *c, struct seat *seat, uint32_t n)
{
	if (seat->room < n) {
		c->places = mem_resize(c->places, c->n_places + n, sizeof(*c->places));
		c->sits = mem_resize(c->sits, c->n_places + n, sizeof(*c->sits));
		c->slices = mem_resize(c->slices, c->n_places + n, sizeof(*c->slices));
		seat->first = c->n_places;
		seat->room = n;
		c->n_places += n;
	}
	seat->n_gpus = n;
}

void cluster_place(struct cluster *c, uint32_t replica, const uint32_t *gpus, uint32_t n,
                   const struct gpu_part *part)
{
	struct seat *const seat = &c->seats[replica];
	struct node *const at = &c->nodes[c->gpus[gpus[0]].node];
	sim_assert(seat->n_gpus == 0 && n > 0);
	find_places(c, seat, n);
	seat->part = *part;
	at->sizes |= gpu_size_bit(part, n);
	for (uint32_t i = 0; i < n; i++) {
		sim_assert(c->gpus[gpus[i]].node == c->gpus[gpus[0]].node);
		c->places[seat->first + i] = gpus[i];
		c->slices[seat->first + i] = take_gpu(c, gpus[i], part);
	}
	cluster_sit(c, replica, gpus);
}

/* What a replica's request is on one of its GPUs. */
static bytes_t request_on(const struct seat *seat, const struct gpu *g)
{
	return seat->part.whole ? g->memory : seat->part.bytes;
}

void cluster_sit(struct cluster *c, uint32_t replica, const uint32_t *gpus)
{
	const struct seat *const seat = &c->seats[replica];
	for (uint32_t i = 0; i < seat->n_gpus; i++) {
		struct gpu *const g = &c->gpus[gpus[i]];
		sim_assert(g->node == c->gpus[c->places[seat->first]].node && g->faults == 0);
		c->sits[seat->first + i] = gpus[i];
		g->sitters++;
		g->claimed += request_on(seat, g);
	}
}

void cluster_rise(struct cluster *c, uint32_t replica)
{
	const struct seat *const seat = &c->seats[replica];
	for (uint32_t i = 0; i < seat->n_gpus; i++) {
		struct gpu *const g = &c->gpus[c->sits[seat->first + i]];
		sim_assert(g->sitters > 0);
		g->sitters--;
		g->claimed -= request_on(seat, g);
	}
}

/* What stands on a node, by its replicas. */
static uint32_t sizes_on(const struct cluster *c, uint32_t node)
{
	uint32_t sizes = 0;
	for (uint32_t i = 0; i < c->n_replicas; i++) {
		const struct seat *const seat = &c->seats[i];
		if (seat->n_gpus > 0 && c->gpus[c->places[seat->first]].node == node) {
			sizes |= gpu_size_bit(&seat->part, seat->n_gpus);
		}
	}
	return sizes;
}

/* GPU number i of a replica is its no longer. */
static void unbook(struct cluster *c, const struct seat *seat, uint32_t i)
{
	struct gpu *const g = &c->gpus[c->places[seat->first + i]];
	sim_assert(g->residents > 0);
	g->residents--;
	g->whole = false;
	g->requested -= request_on(seat, g);
	g->slices &= (uint8_t)~c->slices[seat->first + i];
	c->nodes[g->node].idle += g->residents == 0;
}

void cluster_leave(struct cluster *c, uint32_t replica)
{
	struct seat *const seat = &c->seats[replica];
	sim_assert(seat->n_gpus > 0);
	const uint32_t node = c->gpus[c->places[seat->first]].node;
	cluster_rise(c, replica);
	for (uint32_t i = 0; i < seat->n_gpus; i++) {
		unbook(c, seat, i);
	}
	seat->n_gpus = 0;
	c->nodes[node].sizes = sizes_on(c, node);
}

void cluster_rebook(struct cluster *c, uint32_t replica, uint32_t from, uint32_t to)
{
	const struct seat *const seat = &c->seats[replica];
	uint32_t i = 0;
	while (i < seat->n_gpus && c->places[seat->first + i] != from) {
		i++;
	}
	sim_assert(i < seat->n_gpus && !cluster_is_booked_on(c, replica, to));
	unbook(c, seat, i);
	const uint8_t slices = take_gpu(c, to, &seat->part);
	/* in ascending order again */
	uint32_t *const places = &c->places[seat->first];
	uint8_t *const bits = &c->slices[seat->first];
	for (; i + 1 < seat->n_gpus && places[i + 1] < to; i++) {
		places[i] = places[i + 1];
		bits[i] = bits[i + 1];
	}
	for (; i > 0 && places[i - 1] > to; i--) {
		places[i] = places[i - 1];
		bits[i] = bits[i - 1];
	}
	places[i] = to;
	bits[i] = slices;
}

void cluster_break(struct cluster *c, uint32_t gpu)
{
	struct gpu *const g = &c->gpus[gpu];
	sim_assert(g->residents == 0 && g->sitters == 0);
	c->nodes[g->node].idle -= g->faults == 0;
	g->faults++;
}

void cluster_mend(struct cluster *c, uint32_t gpu)
{
	struct gpu *const g = &c->gpus[gpu];
	sim_assert(g->residents == 0 && g->faults > 0);
	g->faults--;
	c->nodes[g->node].idle += g->faults == 0;
}

static bool is_among(const uint32_t *gpus, uint32_t n, uint32_t gpu)
{
	for (uint32_t i = 0; i < n; i++) {
		if (gpus[i] == gpu) {
			return true;
		}
	}
	return false;
}

bool cluster_sits_on(const struct cluster *c, uint32_t replica, uint32_t gpu)
{
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(c, replica, &n);
	return is_among(gpus, n, gpu);
}

bool cluster_is_booked_on(const struct cluster *c, uint32_t replica, uint32_t gpu)
{
	uint32_t n;
	const uint32_t *const gpus = cluster_booked_of(c, replica, &n);
	return is_among(gpus, n, gpu);
}

bool cluster_is_away(const struct cluster *c, uint32_t replica)
{
	const struct seat *const seat = &c->seats[replica];
	return seat->n_gpus > 0 && memcmp(&c->places[seat->first], &c->sits[seat->first],
	                                  seat->n_gpus * sizeof(*c->sits)) != 0;
}

void cluster_hold(struct cluster *c, uint32_t replica, bytes_t bytes, ns_t now)
{
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(c, replica, &n);
	for (uint32_t i = 0; i < n; i++) {
		struct gpu *const g = &c->gpus[gpus[i]];
		g->area += (i128_t)g->used * (now - g->since);
		g->since = now;
		g->used += bytes;
		g->peak = g->used > g->peak ? g->used : g->peak;
		sim_assert(g->used >= 0 && g->used <= g->memory);
		if (bytes < 0) {
			g->returned = (g->returned_at == now ? g->returned : 0) - bytes;
			g->returned_at = now;
		}
	}
}

void cluster_fini(struct cluster *c)
{
	for (uint32_t i = 0; i < c->n_replicas; i++) {
		replica_fini(&c->replicas[i]);
	}
	for (uint32_t i = 0; i < c->n_services; i++) {
		service_fini(&c->services[i]);
	}
	free(c->nodes);
	free(c->gpus);
	free(c->seats);
	free(c->places);
	free(c->sits);
	free(c->slices);
	free(c->replicas);
	free(c->services);
	request_pool_fini(&c->requests);
	text_pool_fini(&c->texts);
}

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
	crowd[gpu].asked += request_on(seat, &c->gpus[gpu]);
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
