/* The winner tree against a sorted reference, and its order of ties. */
#include <check.h>
#include <stdlib.h>

#include "base/rng.h"
#include "event/event.h"

#define N 37
#define ROUNDS 100000

static int before(ns_t at, enum phase phase, uint32_t id, ns_t at2, enum phase phase2, uint32_t id2)
{
	if (at != at2) {
		return at < at2;
	}
	return phase != phase2 ? phase < phase2 : id < id2;
}

START_TEST(random_schedules_and_cancels)
{
	struct event_list list;
	ns_t at[N];
	enum phase phase[N];
	struct rng *const rng = rng_new(7, "event");
	event_list_init(&list, N);
	for (uint32_t i = 0; i < N; i++) {
		at[i] = NS_NEVER;
		phase[i] = PHASE_STEP_DONE;
	}
	ck_assert(event_peek(&list).at == NS_NEVER);
	for (int round = 0; round < ROUNDS; round++) {
		const uint32_t id = (uint32_t)rng_below(rng, N);
		at[id] = rng_below(rng, 8) == 0 ? NS_NEVER : list.now + (ns_t)rng_below(rng, 50);
		phase[id] = (enum phase)rng_below(rng, 5);
		if (at[id] != NS_NEVER && event_at(&list, id) > at[id]) {
			event_hasten(&list, id, at[id], phase[id]);
		} else {
			event_set(&list, id, at[id], phase[id]);
		}
		uint32_t best = 0;
		for (uint32_t i = 1; i < N; i++) {
			if (at[i] != NS_NEVER &&
			    (at[best] == NS_NEVER ||
			     before(at[i], phase[i], i, at[best], phase[best], best))) {
				best = i;
			}
		}
		const struct event e = event_peek(&list);
		ck_assert(e.at == at[best]);
		if (e.at != NS_NEVER) {
			ck_assert_uint_eq(e.entity, best);
			ck_assert(e.phase == phase[best]);
		}
		if (e.at != NS_NEVER && rng_below(rng, 2) == 0) {
			event_take(&list);
			ck_assert(list.now == at[best]);
			at[best] = NS_NEVER;
			event_set(&list, best, NS_NEVER, PHASE_STEP_DONE);
		}
	}
	event_list_fini(&list);
	rng_free(rng);
}
END_TEST

START_TEST(ties_go_by_phase_then_number)
{
	struct event_list list;
	event_list_init(&list, 3);
	event_set(&list, 0, 5, PHASE_ENGINE_START);
	event_set(&list, 1, 5, PHASE_ARRIVAL);
	event_set(&list, 2, 5, PHASE_ARRIVAL);
	const uint32_t order[] = {1, 2, 0};
	for (int i = 0; i < 3; i++) {
		const struct event e = event_take(&list);
		ck_assert_uint_eq(e.entity, order[i]);
		event_set(&list, e.entity, NS_NEVER, PHASE_STEP_DONE);
	}
	ck_assert(event_peek(&list).at == NS_NEVER);
	ck_assert_int_eq(list.count, 3);
	event_list_fini(&list);
}
END_TEST

START_TEST(alone_means_nobody_else_now)
{
	struct event_list list;
	event_list_init(&list, 5);
	event_set(&list, 2, 10, PHASE_STEP_DONE);
	event_set(&list, 4, 10, PHASE_SAMPLE);
	event_take(&list);
	ck_assert(!event_is_alone(&list, 2));
	event_set(&list, 4, 11, PHASE_STEP_DONE);
	ck_assert(event_is_alone(&list, 2));
	event_list_fini(&list);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("event");
	TCase *const t = tcase_create("event");
	tcase_add_test(t, random_schedules_and_cancels);
	tcase_add_test(t, ties_go_by_phase_then_number);
	tcase_add_test(t, alone_means_nobody_else_now);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
