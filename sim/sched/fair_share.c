/* Fair share of one resource: quota first, then what is left by priority and weight. */
#include "sched/fair_share.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/units.h"
#include "sched/snapshot.h"

static int64_t requestable(const struct fair_claim *c)
{
	return c->limit == SCHED_UNLIMITED || c->request < c->limit ? c->request : c->limit;
}

int64_t fair_share_quota(struct fair_claim *claims, size_t n, int64_t total)
{
	int64_t left = total;
	for (size_t i = 0; i < n; i++) {
		const int64_t want = requestable(&claims[i]);
		const int64_t quota = claims[i].quota == SCHED_UNLIMITED ? total : claims[i].quota;
		claims[i].share = quota < want ? quota : want;
		left -= claims[i].share;
	}
	return left > 0 ? left : 0;
}

/* One round among the queues of one priority. */
struct round {
	struct fair_claim *claims;
	const size_t *members; /* n of them */
	i128_t *parts;         /* of each member, of what is left */
	int64_t *rests;        /* of each member below one unit, ppm of a unit; -1: nothing due */
	size_t n;
	int64_t unit, k_milli;
};

static int64_t missing(const struct fair_claim *c)
{
	const int64_t want = requestable(c) - c->share;
	return want > 0 ? want : 0;
}

static int64_t weight_of(const struct fair_claim *c)
{
	return missing(c) > 0 && c->weight > 0 ? c->weight : 0;
}

/* P of each member, scaled by the sum of weights and 10^9; returns their sum. */
static i128_t parts_of(const struct round *r)
{
	i128_t weights = 0;
	i128_t sum = 0;
	for (size_t i = 0; i < r->n; i++) {
		weights += weight_of(&r->claims[r->members[i]]);
	}
	for (size_t i = 0; i < r->n; i++) {
		const struct fair_claim *const c = &r->claims[r->members[i]];
		const i128_t weight = weight_of(c);
		i128_t part = weight * (1000 + r->k_milli);
		if (weight > 0 && r->k_milli > 0) {
			part -= weights * r->k_milli * c->used_ppm / 1000000;
		}
		r->parts[i] = weight > 0 && part > 0 ? part : 0;
		sum += r->parts[i];
	}
	return sum;
}

/* One pass over the members; true when somebody took less than its due, so that others get more. */
static bool pass(struct round *r, int64_t *left)
{
	const i128_t sum = parts_of(r);
	const int64_t start = *left;
	bool again = false;
	for (size_t i = 0; i < r->n; i++) {
		struct fair_claim *const c = &r->claims[r->members[i]];
		const int64_t want = missing(c);
		r->rests[i] = -1;
		if (r->parts[i] == 0 || want == 0) {
			continue;
		}
		const i128_t due = start * r->parts[i]; /* over sum */
		if (want * sum <= due) {
			c->share += want;
			*left -= want;
			again = again || want * sum < due;
			continue;
		}
		const int64_t units = (int64_t)(due / (sum * r->unit));
		const i128_t rest = due - units * sum * r->unit;
		r->rests[i] = (int64_t)(rest * 1000000 / (sum * r->unit));
		c->share += units * r->unit;
		*left -= units * r->unit;
	}
	return again && *left > 0;
}

/* Does member a get a left-over unit before b? */
static bool rest_before(const struct round *r, size_t a, size_t b)
{
	if (r->rests[a] != r->rests[b]) {
		return r->rests[a] > r->rests[b];
	}
	const int64_t x = r->claims[r->members[a]].order;
	const int64_t y = r->claims[r->members[b]].order;
	return x != y ? x < y : r->members[a] < r->members[b];
}

/* One unit each, or the last part of one, by the largest rest. */
static void hand_out_rests(struct round *r, int64_t *left)
{
	while (*left > 0) {
		size_t best = r->n;
		for (size_t i = 0; i < r->n; i++) {
			if (r->rests[i] >= 0 && (best == r->n || rest_before(r, i, best))) {
				best = i;
			}
		}
		if (best == r->n) {
			return;
		}
		struct fair_claim *const c = &r->claims[r->members[best]];
		int64_t give = *left < r->unit ? *left : r->unit;
		give = missing(c) < give ? missing(c) : give;
		c->share += give;
		*left -= give;
		r->rests[best] = -1;
	}
}

/* The highest priority below `below`; false: none. */
static bool next_priority(const struct fair_claim *claims, size_t n, bool first, int64_t *priority)
{
	const int64_t below = *priority;
	bool found = false;
	for (size_t i = 0; i < n; i++) {
		const int64_t p = claims[i].priority;
		if ((first || p < below) && (!found || p > *priority)) {
			*priority = p;
			found = true;
		}
	}
	return found;
}

int64_t fair_share_over_quota(struct fair_claim *claims, size_t n, int64_t left, int64_t unit,
                              int64_t k_milli)
{
	size_t *const members = mem_new(n, sizeof(*members));
	i128_t *const parts = mem_new(n, sizeof(*parts));
	int64_t *const rests = mem_new(n, sizeof(*rests));
	int64_t priority = 0;
	bool first = true;
	while (left > 0 && next_priority(claims, n, first, &priority)) {
		struct round r = {claims, members, parts, rests, 0, unit, k_milli};
		for (size_t i = 0; i < n; i++) {
			if (claims[i].priority == priority) {
				members[r.n++] = i;
			}
		}
		while (pass(&r, &left)) {
		}
		hand_out_rests(&r, &left);
		first = false;
	}
	free(members);
	free(parts);
	free(rests);
	return left;
}
