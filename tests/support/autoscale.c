/* The clock and the totals that a table needs. */
#include "autoscale.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "policy/registry.h"

struct run {
	const struct autoscale_table *table;
	const struct autoscaler_policy *policy;
	void *self, *room;
	struct autoscale_ask ask;
	struct autoscale_answer answer;
	ns_t now;
};

static void open_policy(struct run *r)
{
	struct err *const err = err_new();
	json_t *const block = json_loads(r->table->options, 0, NULL);
	ck_assert_msg(block != NULL, "%s", r->table->options);
	const struct json_at at = json_root(block, "table", err);
	r->policy = autoscaler_find(r->table->policy);
	r->self = mem_new(1, r->policy->head.self_size);
	ck_assert_msg(option_fill(r->policy->head.options, r->self, &at, "table", NULL), "%s",
	              r->table->options);
	ck_assert(r->policy->wrong == NULL || r->policy->wrong(r->self) == NULL);
	r->room = mem_new(1, r->policy->room != NULL ? r->policy->room(r->self) : 1);
	r->ask.room = r->room;
	json_decref(block);
	err_free(err);
}

/* Time passes under a load. */
static void pass(struct run *r, const struct autoscale_row *row, ns_t to)
{
	const int64_t milli = llround(row->load * 1e3);
	const ns_t span = to - r->now;
	r->ask.in_flight = row->load > 0.0;
	if (r->table->input == INPUT_CONCURRENCY) {
		r->ask.busy += (i128_t)milli * span / 1000;
	} else if (r->table->input == INPUT_RATE) {
		r->ask.arrived += (uint64_t)((i128_t)milli * span / (1000 * NS_PER_S));
	} else if (milli > 0) { /* ten answers */
		r->ask.answered += 10;
		r->ask.latency += 10 * (i128_t)milli * 1000;
	}
	r->now = to;
}

static void decide(struct run *r, int ready, int unmeasured)
{
	const struct view v = {NULL, r->now, NULL};
	r->ask.ready = ready == AS_WANTED ? r->ask.wanted : (uint32_t)ready;
	r->ask.running = r->ask.ready;
	r->ask.measured = r->ask.ready - (uint32_t)unmeasured;
	r->policy->decide(r->self, &v, &r->ask, &r->answer);
	r->ask.wanted = r->answer.replicas;
	r->ask.poked = false;
}

/* Asleep, it is woken by a request at the end of the row. */
static void run_row(struct run *r, const struct autoscale_row *row, size_t i)
{
	const ns_t until = (ns_t)llround(row->until * 1e9);
	bool asked = false;
	while (r->answer.next <= until) {
		pass(r, row, r->answer.next);
		decide(r, row->ready, row->unmeasured);
		asked = true;
	}
	if (!asked) {
		ck_assert_msg(r->answer.poke, "row %zu: nobody is asked", i);
		r->now = until;
		r->ask.in_flight = 1;
		r->ask.poked = true;
		decide(r, row->ready, row->unmeasured);
	}
	ck_assert_msg(r->answer.replicas == (uint32_t)row->want && r->answer.reason == row->reason,
	              "%s %s, row %zu at %g s: %u replicas for %s, expected %d for %s",
	              r->table->policy, r->table->options, i, row->until, r->answer.replicas,
	              autoscale_reason_name(r->answer.reason), row->want,
	              autoscale_reason_name(row->reason));
	ck_assert_msg(row->activator < 0 || r->answer.activator == (row->activator != 0),
	              "row %zu: activator", i);
}

void autoscale_check(const struct autoscale_table *t)
{
	struct run r = {.table = t};
	open_policy(&r);
	r.ask.wanted = (uint32_t)(t->wanted > 0 ? t->wanted : t->ready);
	((struct autoscale_settings *)r.self)->initial = r.ask.wanted;
	decide(&r, t->ready, 0);
	ck_assert_int_eq(r.answer.reason, AUTOSCALE_INITIAL);
	for (size_t i = 0; i < t->n; i++) {
		run_row(&r, &t->rows[i], i);
	}
	free(r.self);
	free(r.room);
}
