/* Storage of the cluster: who is booked and sits where. */
#include "state/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

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

void cluster_sit(struct cluster *c, uint32_t replica, const uint32_t *gpus)
{
	const struct seat *const seat = &c->seats[replica];
	for (uint32_t i = 0; i < seat->n_gpus; i++) {
		struct gpu *const g = &c->gpus[gpus[i]];
		sim_assert(g->node == c->gpus[c->places[seat->first]].node && g->faults == 0);
		c->sits[seat->first + i] = gpus[i];
		g->sitters++;
		g->claimed += seat_request(seat, g);
	}
}

void cluster_rise(struct cluster *c, uint32_t replica)
{
	const struct seat *const seat = &c->seats[replica];
	for (uint32_t i = 0; i < seat->n_gpus; i++) {
		struct gpu *const g = &c->gpus[c->sits[seat->first + i]];
		sim_assert(g->sitters > 0);
		g->sitters--;
		g->claimed -= seat_request(seat, g);
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
	g->requested -= seat_request(seat, g);
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

bool cluster_sits_on(const struct cluster *c, uint32_t replica, uint32_t gpu)
{
	uint32_t n;
	const uint32_t *const gpus = cluster_gpus_of(c, replica, &n);
	return gpu_is_among(gpus, n, gpu);
}

bool cluster_is_booked_on(const struct cluster *c, uint32_t replica, uint32_t gpu)
{
	uint32_t n;
	const uint32_t *const gpus = cluster_booked_of(c, replica, &n);
	return gpu_is_among(gpus, n, gpu);
}

uint32_t cluster_first_of(const struct cluster *c, uint32_t kind)
{
	uint32_t first = 0;
	while (c->nodes[first].kind != kind) {
		first++;
	}
	return first;
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
