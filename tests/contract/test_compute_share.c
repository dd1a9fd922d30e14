/* What every registered compute-share policy must keep, on thousands of random sets of users. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "policy/registry.h"
#include "policy/verify.h"

#define SETS 3000

/* So few SMs are enough for all of the bandwidth. */
static const struct gpu_spec gpu = {.sm_gain = 0.4, .sm_half = 0.0, .sm_loss = 0.12};

/* Users whose fractions and requests fit one GPU; some ask for nothing. */
static uint32_t random_users(struct share_user *users, struct rng *rng)
{
	const uint32_t n = 1 + (uint32_t)rng_below(rng, 8);
	int64_t memory = SHARE_WHOLE, compute = SHARE_WHOLE;
	for (uint32_t i = 0; i < n; i++) {
		const int64_t fraction =
			rng_below(rng, 5) == 0 ? 0
					       : (int64_t)rng_below(rng, (uint64_t)memory / 2 + 1);
		const int64_t request =
			rng_below(rng, 2) == 0 ? 0
					       : (int64_t)rng_below(rng, (uint64_t)compute / 2 + 1);
		memory -= fraction;
		compute -= request;
		users[i] = (struct share_user){
			.fraction = fraction,
			.request = request,
			.limit = request + 1 +
		                 (int64_t)rng_below(rng, (uint64_t)(SHARE_WHOLE - request)),
			.demand = {.matrices = (int64_t)rng_below(rng, SHARE_WHOLE + 1),
		                   .weights = (int64_t)rng_below(rng, SHARE_WHOLE + 1),
		                   .attention = (int64_t)rng_below(rng, SHARE_WHOLE + 1),
		                   .cache = (int64_t)rng_below(rng, SHARE_WHOLE + 1)},
			.gpu = &gpu,
		};
	}
	return n;
}

static void *self_of(const struct policy_head *head)
{
	void *const self = mem_new(1, head->self_size + 1);
	if (head->options != NULL) {
		option_defaults(head->options, self);
	}
	return self;
}

START_TEST(decisions_are_legal_and_repeatable)
{
	const struct compute_share_policy *const p = compute_share_policies[_i];
	struct rng *const rng = rng_new(23, p->head.name);
	void *const self = self_of(&p->head);
	for (int i = 0; i < SETS; i++) {
		struct share_user users[8];
		int64_t speed[2][8];
		const uint32_t n = random_users(users, rng);
		p->divide(self, users, n, speed[0]);
		p->divide(self, users, n, speed[1]);
		ck_assert_msg(verify_speeds(p, speed[0], n), "%s, set %d", p->head.name, i);
		ck_assert(memcmp(speed[0], speed[1], n * sizeof(speed[0][0])) == 0);
		for (uint32_t k = 0; p->takes_turns && k < n; k++) {
			const int64_t least = p->by_fraction ? users[k].fraction : users[k].request;
			ck_assert_int_ge(speed[0][k], least);
			ck_assert(p->by_fraction || speed[0][k] <= users[k].limit);
		}
	}
	free(self);
	rng_free(rng);
}
END_TEST

static void expect(const struct compute_share_policy *p, const struct share_user *users, uint32_t n,
                   const int64_t *want)
{
	void *const self = self_of(&p->head);
	int64_t speed[4];
	p->divide(self, users, n, speed);
	for (uint32_t i = 0; i < n; i++) {
		ck_assert_msg(speed[i] == want[i], "%s, user %u: %lld, not %lld", p->head.name, i,
		              (long long)speed[i], (long long)want[i]);
	}
	free(self);
}

#define ALL SHARE_WHOLE
#define USER(fraction_, request_, limit_)                                         \
	{                                                                         \
		.fraction = (fraction_), .request = (request_), .limit = (limit_) \
	}

START_TEST(a_quarter_beside_three)
{
	const struct share_user both[] = {USER(250000, 0, ALL), USER(750000, 0, ALL)};
	expect(&compute_share_time_slicing, both, 2, (const int64_t[]){500000, 500000});
	expect(&compute_share_strict, both, 2, (const int64_t[]){250000, 750000});
	expect(&compute_share_fair, both, 2, (const int64_t[]){250000, 750000});
	expect(&compute_share_time_slicing, both, 1, (const int64_t[]){ALL});
	expect(&compute_share_strict, both, 1, (const int64_t[]){250000});
	expect(&compute_share_fair, both, 1, (const int64_t[]){ALL});
}
END_TEST

START_TEST(requests_first_then_equal_parts_up_to_the_limits)
{
	const struct share_user three[] = {USER(0, 500000, ALL), USER(0, 0, 100000),
	                                   USER(0, 0, ALL)};
	/* 500,000 are left: 100,000 is all that the second may have, the others halve the rest;
	 * what could not be divided by three went to the first */
	expect(&compute_share_time_slicing, three, 3, (const int64_t[]){700001, 100000, 199999});
	/* thirds: what cannot be divided goes to the first */
	const struct share_user equal[] = {USER(0, 0, ALL), USER(0, 0, ALL), USER(0, 0, ALL)};
	expect(&compute_share_time_slicing, equal, 3, (const int64_t[]){333334, 333333, 333333});
	/* more is asked for than there is */
	const struct share_user many[] = {USER(0, 800000, ALL), USER(0, 800000, ALL)};
	expect(&compute_share_time_slicing, many, 2, (const int64_t[]){500000, 500000});
	/* fair: a quarter, a quarter, and half of the rest each */
	const struct share_user fair[] = {USER(250000, 0, ALL), USER(250000, 0, ALL)};
	expect(&compute_share_fair, fair, 2, (const int64_t[]){500000, 500000});
	/* strict: who asked for bytes has what is left over */
	const struct share_user bytes[] = {USER(400000, 0, ALL), USER(0, 0, ALL)};
	expect(&compute_share_strict, bytes, 2, (const int64_t[]){400000, 600000});
	/* fair: what is left over goes in equal parts to both */
	expect(&compute_share_fair, bytes, 2, (const int64_t[]){700000, 300000});
}
END_TEST

#define SMS(limit_ppm, ...)                                                \
	{                                                                  \
		.limit = (limit_ppm), .demand = {__VA_ARGS__}, .gpu = &gpu \
	}

START_TEST(side_by_side_the_scarcer_resource_decides)
{
	const int64_t kept = 880000;
	/* one needs arithmetic all the time, the other half of the bandwidth and hardly arithmetic
	 */
	const struct share_user unlike[] = {SMS(ALL, .matrices = ALL, .weights = 100000),
	                                    SMS(ALL, .matrices = 200000, .weights = 500000)};
	expect(&compute_share_sm_sharing, unlike, 2, (const int64_t[]){kept / 2, kept});
	/* two decoders want all of the bandwidth: each has half */
	const struct share_user decode[] = {
		SMS(ALL, .matrices = 300000, .weights = 700000, .cache = 300000),
		SMS(ALL, .matrices = 300000, .weights = 600000, .cache = 400000)};
	expect(&compute_share_sm_sharing, decode, 2, (const int64_t[]){kept / 2, kept / 2});
	expect(&compute_share_sm_sharing, unlike, 1, (const int64_t[]){ALL});
}
END_TEST

/* Alone on a part of the SMs: nothing is lost to neighbours, and what they leave idle helps. */
START_TEST(a_limit_holds_alone)
{
	const struct share_user half[] = {SMS(ALL / 2, .matrices = ALL)};
	expect(&compute_share_sm_sharing, half, 1, (const int64_t[]){600000});
	const struct share_user launches[] = {SMS(ALL / 2, .matrices = 0)};
	expect(&compute_share_sm_sharing, launches, 1, (const int64_t[]){ALL});
}
END_TEST

/* Of `turns` turns, those of each user. */
static void count_turns(const struct compute_share_policy *p, const char *granularity,
                        const struct share_user *users, uint32_t n, int turns, int *count)
{
	struct share_turns *const self = self_of(&p->head);
	self->granularity = atof(granularity);
	for (int turn = 0; turn < turns; turn++) {
		const uint32_t holder = p->holder(self, users, n, turn);
		ck_assert(verify_holder(users, n, holder));
		ck_assert_uint_eq(p->holder(self, users, n, turn), holder);
		count[holder == SHARE_NOBODY ? n : holder]++;
	}
	free(self);
}

static void expect_turns(const struct compute_share_policy *p, const char *granularity,
                         const struct share_user *users, uint32_t n, int turns, const int *want)
{
	int count[6] = {0};
	count_turns(p, granularity, users, n, turns, count);
	for (uint32_t i = 0; i <= n; i++) {
		ck_assert_msg(count[i] == want[i], "%s, user %u: %d turns, not %d", p->head.name, i,
		              count[i], want[i]);
	}
}

#define TURNS(fraction_, busy_)                                        \
	{                                                              \
		.fraction = (fraction_), .limit = ALL, .busy = (busy_) \
	}

START_TEST(turns_are_worth_the_fractions)
{
	const struct share_user both[] = {TURNS(250000, true), TURNS(750000, true)};
	expect_turns(&compute_share_strict, "0.05", both, 2, 20, (const int[]){5, 15, 0});
	expect_turns(&compute_share_fair, "0.05", both, 2, 20, (const int[]){5, 15, 0});
	/* an owner without work: its turns are lost, or the others' */
	const struct share_user one[] = {TURNS(250000, true), TURNS(750000, false)};
	expect_turns(&compute_share_strict, "0.05", one, 2, 20, (const int[]){5, 0, 15});
	expect_turns(&compute_share_fair, "0.05", one, 2, 20, (const int[]){20, 0, 0});
	/* what nobody owns: lost, or divided equally; those without a fraction have it first */
	const struct share_user part[] = {TURNS(200000, true), TURNS(400000, true)};
	expect_turns(&compute_share_strict, "0.05", part, 2, 20, (const int[]){4, 8, 8});
	expect_turns(&compute_share_fair, "0.05", part, 2, 20, (const int[]){8, 12, 0});
	const struct share_user bytes[] = {TURNS(400000, true), TURNS(0, true), TURNS(0, true)};
	expect_turns(&compute_share_strict, "0.05", bytes, 3, 20, (const int[]){8, 6, 6, 0});
	/* three leases are left over: two have each of them in turn, over two plans three each */
	const struct share_user odd[] = {TURNS(850000, true), TURNS(0, true), TURNS(0, true)};
	expect_turns(&compute_share_strict, "0.05", odd, 3, 40, (const int[]){34, 3, 3, 0});
	expect_turns(&compute_share_strict, "0.25", odd, 3, 8, (const int[]){6, 1, 1, 0});
	expect_turns(&compute_share_fair, "0.05", odd, 3, 60, (const int[]){54, 3, 3, 0});
	/* an odd number of leases of an owner without work */
	const struct share_user idle[] = {TURNS(250000, false), TURNS(350000, true),
	                                  TURNS(400000, true)};
	expect_turns(&compute_share_fair, "0.05", idle, 3, 40, (const int[]){0, 19, 21, 0});
	/* fractions that round to all of the plan: one more lease for who has none */
	const struct share_user full[] = {TURNS(980000, true), TURNS(0, true)};
	expect_turns(&compute_share_strict, "0.05", full, 2, 21, (const int[]){20, 1, 0});
	expect_turns(&compute_share_fair, "0.05", full, 2, 42, (const int[]){41, 1, 0});
	/* a fraction below half a turn has one nevertheless, and the plan gets longer for it */
	const struct share_user small[] = {TURNS(980000, true), TURNS(20000, true)};
	expect_turns(&compute_share_strict, "0.05", small, 2, 21, (const int[]){20, 1, 0});
	expect_turns(&compute_share_strict, "0.02", small, 2, 50, (const int[]){49, 1, 0});
}
END_TEST

START_TEST(turns_go_to_who_has_work)
{
	const struct compute_share_policy *const p = compute_share_policies[_i];
	struct rng *const rng = rng_new(25, p->head.name);
	ck_assert_int_eq(p->lease == NULL, p->holder == NULL);
	for (int i = 0; p->holder != NULL && i < SETS; i++) {
		struct share_user users[8];
		int count[9] = {0};
		bool busy = false;
		const uint32_t n = random_users(users, rng);
		for (uint32_t k = 0; k < n; k++) {
			users[k].busy = rng_below(rng, 2) == 0;
			busy = busy || users[k].busy;
		}
		count_turns(p, "0.05", users, n, 20, count);
		/* fair wastes nothing */
		ck_assert(p->slows_alone || !busy || count[n] == 0);
	}
	rng_free(rng);
}
END_TEST

int main(void)
{
	size_t n = 0;
	while (compute_share_policies[n] != NULL) {
		n++;
	}
	Suite *const s = suite_create("compute share");
	TCase *const t = tcase_create("compute share");
	tcase_add_loop_test(t, decisions_are_legal_and_repeatable, 0, (int)n);
	tcase_add_test(t, a_quarter_beside_three);
	tcase_add_loop_test(t, turns_go_to_who_has_work, 0, (int)n);
	tcase_add_test(t, turns_are_worth_the_fractions);
	tcase_add_test(t, requests_first_then_equal_parts_up_to_the_limits);
	tcase_add_test(t, side_by_side_the_scarcer_resource_decides);
	tcase_add_test(t, a_limit_holds_alone);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
