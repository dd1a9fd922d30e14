/*
 * Values with the times they belong to, in slots that the caller owns: what autoscalers remember of
 * the last minutes. Allocates nothing.
 */
#ifndef ALIQUOT_POLICY_WINDOW_H
#define ALIQUOT_POLICY_WINDOW_H

#include <stdint.h>

#include "base/units.h"

struct window_slot {
	ns_t at;
	i128_t value;
};

/* A ring over `cap` slots; zeroed it is empty. Times only grow. */
struct window {
	struct window_slot *slots; /* set anew by whoever uses it; cap >= 1 */
	uint32_t cap, first, n;
};

/* The i-th oldest, i < n. */
static inline const struct window_slot *window_at(const struct window *w, uint32_t i)
{
	return &w->slots[(w->first + i) % w->cap];
}

/* Append; the oldest makes room when all slots are taken. */
void window_put(struct window *w, ns_t at, i128_t value);

/* Drop those of `until` and before. */
void window_forget(struct window *w, ns_t until);

/*
 * Append, and drop those that are not larger: the oldest is then the largest of all that were put
 * and not forgotten. Constant time on average.
 */
void window_put_max(struct window *w, ns_t at, i128_t value);

/* Of the values after `after`; linear. */
i128_t window_sum(const struct window *w, ns_t after);

/*
 * How much a growing total has grown over the last `span` up to `now`, where it is `total`: from
 * the last slot at or before its beginning, or the oldest. In *over the time that this is, at most
 * `span`: a total that was not looked at did not grow. There must be a slot, none after `now`.
 */
i128_t window_growth(const struct window *w, ns_t now, i128_t total, ns_t span, ns_t *over);

#endif
