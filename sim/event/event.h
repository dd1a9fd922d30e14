/*
 * Clock and future-event list. Every entity (a replica, a load, the sampler) has one leaf with at
 * most one pending event; setting it again moves it, so there is nothing to cancel. A binary winner
 * tree over 128-bit keys (time, phase, entity): order is total and does not depend on history.
 * Cost of every operation: log2(entities). The functions are inline because they are the hot path.
 */
#ifndef ALIQUOT_EVENT_EVENT_H
#define ALIQUOT_EVENT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"
#include "event/phase.h"

struct event_list {
	u128_t *node;      /* node[i] = min(node[2 i], node[2 i + 1]); node[1] is the winner */
	uint32_t n_leaves; /* any number: leaf e is node[n_leaves + e] */
	ns_t now;
	int64_t count; /* events taken */
};

struct event {
	ns_t at;
	enum phase phase;
	uint32_t entity;
};

/* Room for n entities, all without an event. */
void event_list_init(struct event_list *list, uint32_t n);
void event_list_fini(struct event_list *list);

/* Set, move or (at = NS_NEVER) remove the event of an entity. `at` must not be in the past. */
static inline void event_set(struct event_list *list, uint32_t entity, ns_t at, enum phase phase)
{
	u128_t *const node = list->node;
	uint32_t i = list->n_leaves + entity;
	u128_t key = (u128_t)(uint64_t)at << 64 | (uint64_t)phase << 32 | entity;
	node[i] = key;
	while (i > 1) {
		const u128_t other = node[i ^ 1];
		key = other < key ? other : key;
		i >>= 1;
		node[i] = key;
	}
}

/* The next event without taking it; at = NS_NEVER when there is none. */
static inline struct event event_peek(const struct event_list *list)
{
	const u128_t key = list->node[1];
	const uint64_t low = (uint64_t)key;
	const struct event e = {(ns_t)(uint64_t)(key >> 64), (enum phase)(low >> 32),
	                        (uint32_t)low};
	return e;
}

/* When the event of an entity is; NS_NEVER: it has none. */
static inline ns_t event_at(const struct event_list *list, uint32_t entity)
{
	return (ns_t)(uint64_t)(list->node[list->n_leaves + entity] >> 64);
}

/* Move the event of an entity to an earlier time; cheaper than setting it. */
static inline void event_hasten(struct event_list *list, uint32_t entity, ns_t at, enum phase phase)
{
	const u128_t key = (u128_t)(uint64_t)at << 64 | (uint64_t)phase << 32 | entity;
	uint32_t i = list->n_leaves + entity;
	for (; i >= 1 && key < list->node[i]; i >>= 1) {
		list->node[i] = key;
	}
}

/*
 * Does no other entity have an event now? Then the caller may handle an event of this one at once
 * that it would otherwise set at the present time, with the same outcome.
 */
static inline bool event_is_alone(const struct event_list *list, uint32_t entity)
{
	ns_t least = NS_NEVER;
	for (uint32_t i = list->n_leaves + entity; i > 1; i >>= 1) {
		const ns_t other = (ns_t)(uint64_t)(list->node[i ^ 1] >> 64);
		least = other < least ? other : least;
	}
	return least > list->now;
}

/* Take the next event: the clock moves to it. Its entity must be set again before the next take. */
static inline struct event event_take(struct event_list *list)
{
	const struct event e = event_peek(list);
	list->now = e.at;
	list->count++;
	return e;
}

#endif
