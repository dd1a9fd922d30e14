/* Phases of steps on one GPU, from change to change. Knows nothing of flow/ or policy/. */
#include "naive_share.h"

#include <jansson.h>
#include <string.h>

#include "base/check.h"

#define ALL 1000000 /* ppm */

/* Fractions in the tests are multiples of a twentieth, the plan has twenty leases. */
static void read_turns(struct plain_gpu *g, const struct scenario *sc,
                       const struct scenario_service *service)
{
	const json_t *const lease = json_object_get(sc->compute_share.block, "lease");
	g->lease = (ns_t)(json_number_value(lease) * 1e9 + 0.5);
	g->turns = 20;
	g->own = service->fraction_ppm * g->turns / ALL;
}

struct plain_gpu plain_gpu_of(const struct scenario *sc, const struct scenario_service *service,
                              uint32_t n)
{
	const char *const policy = sc->compute_share.name;
	const json_t *const cost = json_object_get(sc->compute_share.block, "switch_cost");
	struct plain_gpu g = {.n = n, .limit = ALL, .alone = -1};
	sim_assert(n <= PLAIN_MOST);
	if (strcmp(policy, "strict") == 0) {
		g.limit = service->fraction_ppm;
	} else if (strcmp(policy, "time_slicing") == 0) {
		g.limit = service->compute_limit_ppm;
		g.lost = (int64_t)(json_number_value(cost) * ALL + 0.5);
	} else {
		sim_assert(strcmp(policy, "fair") == 0);
	}
	g.slow = g.limit < ALL;
	g.strict = g.slow;
	read_turns(&g, sc, service);
	return g;
}

static bool uses(const struct plain_gpu *g, uint32_t i)
{
	return g->steps[i].on && !g->steps[i].computed && g->steps[i].host_end <= g->at;
}

/* Who has the GPU until the turn ends; -1: nobody. */
static int holder(const struct plain_gpu *g)
{
	const int64_t turn = g->at / g->lease;
	const int64_t owner = turn % g->turns / g->own;
	int64_t skip = g->on > 0 ? (turn % g->turns + turn / g->turns) % g->on : 0;
	if (owner < g->n && g->steps[owner].on) {
		return (int)owner;
	}
	if (g->strict && owner < g->n) {
		return -1;
	}
	for (uint32_t i = 0; i < g->n && !g->strict; i++) {
		if (g->steps[i].on && skip-- == 0) {
			return (int)i;
		}
	}
	return -1;
}

static void turn_speeds(const struct plain_gpu *g, tick_t *speed)
{
	const int first = holder(g);
	for (uint32_t i = 0; i < g->n; i++) {
		speed[i] = (int)i == first && uses(g, i) ? INT64_C(1) << TICK_SHIFT : 0;
	}
}

/* Ticks per ns of everyone: equal parts of a millionth, what does not divide to the first ones. */
static void speeds(const struct plain_gpu *g, tick_t *speed)
{
	int64_t users = 0, before = 0;
	if (g->lease > 0) {
		turn_speeds(g, speed);
		return;
	}
	for (uint32_t i = 0; i < g->n; i++) {
		users += uses(g, i);
	}
	const int64_t all = ALL - (users > 1 ? g->lost : 0);
	for (uint32_t i = 0; i < g->n; i++) {
		speed[i] = 0;
		if (uses(g, i)) {
			const int64_t part = all / users + (before++ < all % users);
			const int64_t own = part < g->limit ? part : g->limit;
			speed[i] = (own << TICK_SHIFT) / ALL;
		}
	}
}

/* When someone begins or ends on the GPU next, or a turn does. */
static ns_t next_change(const struct plain_gpu *g, const tick_t *speed)
{
	ns_t next = g->lease > 0 && g->on > 0 ? (g->at / g->lease + 1) * g->lease : NS_NEVER;
	for (uint32_t i = 0; i < g->n; i++) {
		const struct plain_step *const s = &g->steps[i];
		ns_t own = NS_NEVER;
		if (speed[i] > 0) {
			own = g->at + (s->work > 0 ? s->work / speed[i] : 0);
		} else if (s->on && s->host_end > g->at) {
			own = s->host_end;
		}
		next = own < next ? own : next;
	}
	return next;
}

/* One change, or as far as `to`. */
static void change(struct plain_gpu *g, ns_t to)
{
	tick_t speed[PLAIN_MOST];
	speeds(g, speed);
	const ns_t next = next_change(g, speed);
	const ns_t until = next < to ? next : to;
	for (uint32_t i = 0; i < g->n; i++) {
		struct plain_step *const s = &g->steps[i];
		if (speed[i] > 0) {
			s->work -= (until - g->at) * speed[i];
			s->computed = s->work < speed[i];
		}
	}
	g->at = until;
}

void plain_gpu_move(struct plain_gpu *g, ns_t to)
{
	tick_t speed[PLAIN_MOST];
	do {
		change(g, to);
		speeds(g, speed);
	} while (g->at < to || next_change(g, speed) <= to);
}

/* When the first of those whose GPU part is over ends. */
static ns_t first_end(const struct plain_gpu *g)
{
	ns_t first = NS_NEVER;
	for (uint32_t i = 0; i < g->n; i++) {
		const struct plain_step *const s = &g->steps[i];
		if (s->on && s->computed) {
			const ns_t end = s->least > g->at ? s->least : g->at;
			first = end < first ? end : first;
		}
	}
	return first;
}

ns_t plain_gpu_next(const struct plain_gpu *g)
{
	struct plain_gpu later = *g;
	tick_t speed[PLAIN_MOST];
	for (;;) {
		speeds(&later, speed);
		const ns_t next = next_change(&later, speed), end = first_end(&later);
		if (end <= next) {
			return end;
		}
		change(&later, next);
	}
}

int plain_gpu_take(struct plain_gpu *g)
{
	for (uint32_t i = 0; i < g->n; i++) {
		struct plain_step *const s = &g->steps[i];
		if (s->on && s->computed && s->least <= g->at) {
			s->on = false;
			g->on--;
			return (int)i;
		}
	}
	return -1;
}
