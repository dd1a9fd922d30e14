/* What every registered swap policy must keep, and whom each of them sends out. */
#include <check.h>
#include <stdlib.h>

#include "base/rng.h"
#include "policy/registry.h"

#define SETS 2000

START_TEST(decisions_are_legal_and_repeatable)
{
	const struct swap_policy *const p = swap_policies[_i];
	struct rng *const rng = rng_new(25, p->head.name);
	for (int i = 0; i < SETS; i++) {
		struct swap_candidate c[8];
		const uint32_t n = 1 + (uint32_t)rng_below(rng, 8);
		for (uint32_t k = 0; k < n; k++) {
			const ns_t since = (ns_t)rng_below(rng, 4);
			c[k] = (struct swap_candidate){
				.replica = k,
				.priority = (int64_t)rng_below(rng, 3),
				.held = 1 + (bytes_t)rng_below(rng, INT64_C(80) << 30),
				.since = since,
				.used = since + (ns_t)rng_below(rng, 3),
			};
		}
		const struct view view = {NULL, 7, NULL};
		const uint32_t first = p->pick_out(NULL, &view, c, n);
		ck_assert(first < n || first == SWAP_NOBODY);
		ck_assert_uint_eq(p->pick_out(NULL, &view, c, n), first);
	}
	rng_free(rng);
}
END_TEST

START_TEST(each_policy_does_what_its_name_says)
{
	const struct view view = {NULL, 9, NULL};
	const struct swap_candidate c[] = {{.replica = 3, .priority = 100, .since = 1, .used = 8},
	                                   {.replica = 4, .priority = 125, .since = 5, .used = 6},
	                                   {.replica = 5, .priority = 100, .since = 2, .used = 7}};
	ck_assert_uint_eq(swap_none.pick_out(NULL, &view, c, 3), SWAP_NOBODY);
	ck_assert_uint_eq(swap_lru.pick_out(NULL, &view, c, 3), 1);
	ck_assert_uint_eq(swap_fifo.pick_out(NULL, &view, c, 3), 0);
	ck_assert_uint_eq(swap_priority.pick_out(NULL, &view, c, 3), 2);
	/* ties go to the first */
	const struct swap_candidate equal[] = {{.replica = 1}, {.replica = 2}};
	ck_assert_uint_eq(swap_lru.pick_out(NULL, &view, equal, 2), 0);
	ck_assert_uint_eq(swap_fifo.pick_out(NULL, &view, equal, 2), 0);
	ck_assert_uint_eq(swap_priority.pick_out(NULL, &view, equal, 2), 0);
}
END_TEST

int main(void)
{
	size_t n = 0;
	while (swap_policies[n] != NULL) {
		n++;
	}
	Suite *const s = suite_create("swap");
	TCase *const t = tcase_create("swap");
	tcase_add_loop_test(t, decisions_are_legal_and_repeatable, 0, (int)n);
	tcase_add_test(t, each_policy_does_what_its_name_says);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
