/* The load index of a service. */
#include "state/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define REPLICA_BITS 24           /* of a tree key; the rest is the load */
#define CLOSED (INT64_C(1) << 38) /* added to the load of who is down: more than any is up */

void service_init(struct service *s, uint32_t first, uint32_t n, enum load_measure measure)
{
	sim_assert(n >= 1 && n < UINT32_C(1) << REPLICA_BITS);
	memset(s, 0, sizeof(*s));
	s->first = first;
	s->n = n;
	s->n_open = n;
	s->door.head = s->door.tail = REQUEST_NONE;
	s->measure = measure;
	if (measure == LOAD_NOT_KEPT) {
		return;
	}
	s->load = mem_new(n, sizeof(*s->load));
	s->n_leaves = 1;
	while (s->n_leaves < n) {
		s->n_leaves *= 2;
	}
	s->tree = mem_new(2 * (size_t)s->n_leaves, sizeof(*s->tree));
	for (uint32_t i = 0; i < s->n_leaves; i++) {
		s->tree[s->n_leaves + i] = i < n ? i : UINT64_MAX;
	}
	for (size_t i = s->n_leaves; i-- > 1;) {
		const uint64_t left = s->tree[2 * i];
		const uint64_t right = s->tree[2 * i + 1];
		s->tree[i] = left < right ? left : right;
	}
}

void service_fini(struct service *s)
{
	free(s->open);
	free(s->load);
	free(s->tree);
}

static void change(struct service *s, uint32_t replica, int64_t delta)
{
	sim_assert(replica < s->n);
	s->load[replica] += delta;
	sim_assert(s->load[replica] >= 0);
	uint64_t key = (uint64_t)s->load[replica] << REPLICA_BITS | replica;
	uint32_t i = s->n_leaves + replica;
	if (delta < 0) { /* it only gets better: up to where it loses */
		for (; i >= 1 && key < s->tree[i]; i >>= 1) {
			s->tree[i] = key;
		}
		return;
	}
	s->tree[i] = key;
	while (i > 1) {
		const uint64_t other = s->tree[i ^ 1];
		key = other < key ? other : key;
		i >>= 1;
		s->tree[i] = key;
	}
}

void service_load_add(struct service *s, uint32_t replica, int64_t tokens)
{
	if (s->measure != LOAD_NOT_KEPT) {
		change(s, replica, s->measure == LOAD_TOKENS ? tokens : 1);
	}
}

void service_load_remove(struct service *s, uint32_t replica, int64_t tokens)
{
	if (s->measure != LOAD_NOT_KEPT) {
		change(s, replica, s->measure == LOAD_TOKENS ? -tokens : -1);
	}
}

void service_load_close(struct service *s, uint32_t replica)
{
	if (s->measure != LOAD_NOT_KEPT) {
		change(s, replica, CLOSED);
	}
}

void service_load_open(struct service *s, uint32_t replica)
{
	if (s->measure != LOAD_NOT_KEPT) {
		change(s, replica, -CLOSED);
	}
}

void service_shut(struct service *s)
{
	s->open = mem_new(s->n, sizeof(*s->open));
	s->n_open = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		service_load_close(s, i);
	}
}

bool service_lets_in(const struct service *s, uint32_t replica)
{
	uint32_t low = 0, high = s->n_open;
	while (s->open != NULL && low < high) {
		const uint32_t middle = low + (high - low) / 2;
		if (s->open[middle] < replica) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return s->open == NULL || (low < s->n_open && s->open[low] == replica);
}

void service_let_in(struct service *s, uint32_t replica)
{
	uint32_t i = s->n_open++;
	sim_assert(s->open != NULL && i < s->n);
	for (; i > 0 && s->open[i - 1] > replica; i--) {
		s->open[i] = s->open[i - 1];
	}
	s->open[i] = replica;
}

void service_keep_out(struct service *s, uint32_t replica)
{
	uint32_t i = 0;
	while (i < s->n_open && s->open[i] != replica) {
		i++;
	}
	sim_assert(i < s->n_open);
	s->n_open--;
	for (; i < s->n_open; i++) {
		s->open[i] = s->open[i + 1];
	}
}

uint32_t service_least_loaded(const struct service *s)
{
	sim_assert(s->measure != LOAD_NOT_KEPT);
	return (uint32_t)(s->tree[1] & ((UINT64_C(1) << REPLICA_BITS) - 1));
}
