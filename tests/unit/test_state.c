/* KV accounting against per-sequence counting, boundaries of a stretch, lists, heap and load index.
 */
#include <check.h>
#include <stdlib.h>

#include "base/rng.h"
#include "state/gpu.h"
#include "state/replica.h"
#include "state/service.h"

#define SEQS 40

START_TEST(growth_by_residue_equals_growth_by_sequence)
{
	struct rng *const rng = rng_new(5, "kv");
	for (int round = 0; round < 300; round++) {
		const int64_t block = INT64_C(1) << rng_below(rng, 7);
		const int64_t iteration = (int64_t)rng_below(rng, 1000);
		struct kv_cache kv;
		int64_t length[SEQS];
		kv_cache_init(&kv, 100000, 0, block, true);
		for (int i = 0; i < SEQS; i++) {
			length[i] = 1 + (int64_t)rng_below(rng, 500);
			kv_cache_join(&kv, length[i], iteration);
		}
		const int64_t steps = (int64_t)rng_below(rng, 300);
		int64_t expected = 0;
		for (int i = 0; i < SEQS; i++) {
			expected += (length[i] + steps + block - 1) / block -
			            (length[i] + block - 1) / block;
		}
		ck_assert_int_eq(kv_cache_growth(&kv, iteration, steps), expected);
		/* the most steps that fit: one more would not */
		kv.capacity = expected;
		const int64_t fit = kv_cache_steps(&kv, SEQS, iteration, 100000);
		ck_assert_int_ge(fit, steps);
		ck_assert_int_le(kv_cache_growth(&kv, iteration, fit), expected);
		ck_assert_int_gt(kv_cache_growth(&kv, iteration, fit + 1), expected);
		ck_assert_int_eq(kv_cache_steps(&kv, SEQS, iteration, steps), steps);
		for (int i = 0; i < SEQS; i++) { /* classes do not move while time does */
			kv_cache_leave(&kv, length[i] + steps, iteration + steps);
		}
		ck_assert_int_eq(kv_cache_growth(&kv, 0, 1000), 0);
		kv_cache_fini(&kv);
	}
	rng_free(rng);
}
END_TEST

START_TEST(full_reservation_does_not_grow)
{
	struct kv_cache kv;
	kv_cache_init(&kv, 10, 2, 16, false);
	kv_cache_join(&kv, 16, 0);
	ck_assert_int_eq(kv_cache_growth(&kv, 0, 100), 0);
	ck_assert_int_eq(kv_cache_steps(&kv, 1, 0, 1000), 1000);
	ck_assert_int_eq(kv_cache_blocks(&kv, 17), 4); /* two of tokens, two of state */
	kv.least = 100;
	ck_assert_int_eq(kv_cache_blocks(&kv, 17), 9); /* seven of the whole context */
	ck_assert_int_eq(kv_cache_blocks(&kv, 113), 10);
	kv_cache_take(&kv, 10);
	ck_assert(!kv_cache_fits(&kv, 1));
	kv_cache_give(&kv, 4);
	ck_assert_int_eq(kv.used, 6);
	ck_assert_int_eq(kv.peak, 10);
	kv_cache_fini(&kv);
}
END_TEST

START_TEST(boundary_after_is_the_first_one)
{
	struct rng *const rng = rng_new(6, "boundary");
	for (int round = 0; round < 20000; round++) {
		struct replica r;
		replica_init(&r);
		r.anchor = (ns_t)rng_below(rng, 1000000);
		r.first = 1 + (tick_t)rng_below(rng, UINT64_C(1) << (10 + rng_below(rng, 40)));
		r.growth = (tick_t)rng_below(rng, UINT64_C(1) << rng_below(rng, 30));
		const int64_t wanted = (int64_t)rng_below(rng, 100000);
		const ns_t t = replica_boundary(&r, wanted) - (ns_t)rng_below(rng, 2);
		if (t < r.anchor) {
			continue;
		}
		const int64_t k = replica_boundary_after(&r, t);
		ck_assert(replica_boundary(&r, k) >= t);
		ck_assert(k == 0 || replica_boundary(&r, k - 1) < t);
	}
	rng_free(rng);
}
END_TEST

START_TEST(finish_heap_gives_the_order_of_iterations_then_admission)
{
	struct rng *const rng = rng_new(8, "heap");
	struct replica r;
	replica_init(&r);
	int64_t iteration[200];
	for (uint32_t i = 0; i < 200; i++) {
		iteration[i] = (int64_t)rng_below(rng, 30);
		replica_push_finish(&r, iteration[i], i, i);
	}
	r.admissions = 200;
	for (uint32_t i = 200; i-- > 150;) {
		ck_assert_uint_eq(replica_older(&r, i), i);
		ck_assert_uint_eq(replica_pop_newest(&r), i);
	}
	int64_t last = -1;
	uint32_t last_request = 0;
	while (r.n_decoding > 0) {
		const int64_t next = replica_next_finish(&r);
		const uint32_t q = replica_pop_finish(&r);
		ck_assert_int_eq(next, iteration[q]);
		ck_assert_uint_lt(q, 150);
		ck_assert(next > last || (next == last && q > last_request));
		last = next;
		last_request = q;
	}
	ck_assert(replica_next_finish(&r) == INT64_MAX);
	replica_fini(&r);
	rng_free(rng);
}
END_TEST

START_TEST(fresh_sequences_remember_their_first_token)
{
	struct replica r;
	replica_init(&r);
	for (uint32_t i = 0; i < 40; i++) {
		replica_add_fresh(&r, i, 100 + i);
	}
	ck_assert_int_eq(replica_drop_fresh(&r, 7), 107);
	ck_assert_int_eq(replica_drop_fresh(&r, 7), -1);
	ck_assert_uint_eq(r.n_fresh, 39);
	ck_assert_uint_eq(r.fresh[7].request, 8);
	replica_fini(&r);
}
END_TEST

START_TEST(lists_keep_order)
{
	struct request_pool pool;
	struct request_list list = {REQUEST_NONE, REQUEST_NONE, 0};
	request_pool_init(&pool);
	uint32_t q[4];
	for (int i = 0; i < 4; i++) {
		q[i] = request_take(&pool);
	}
	request_list_push_back(&list, &pool, q[1]);
	request_list_push_back(&list, &pool, q[2]);
	request_list_push_front(&list, &pool, q[0]);
	request_list_push_back(&list, &pool, q[3]);
	request_list_remove(&list, &pool, q[2]);
	ck_assert_uint_eq(list.n, 3);
	ck_assert_uint_eq(list.head, q[0]);
	ck_assert_uint_eq(pool.at[q[0]].next, q[1]);
	ck_assert_uint_eq(pool.at[q[1]].next, q[3]);
	ck_assert_uint_eq(list.tail, q[3]);
	request_list_remove(&list, &pool, q[3]);
	request_list_remove(&list, &pool, q[0]);
	request_list_remove(&list, &pool, q[1]);
	ck_assert_uint_eq(list.head, REQUEST_NONE);
	request_give(&pool, q[2]);
	ck_assert_uint_eq(request_take(&pool), q[2]); /* memory is reused */
	request_pool_fini(&pool);
}
END_TEST

START_TEST(load_index_is_the_least_with_the_lowest_number)
{
	struct rng *const rng = rng_new(9, "load");
	struct service s;
	int64_t load[13] = {0};
	service_init(&s, 0, 13, LOAD_TOKENS);
	ck_assert_uint_eq(service_least_loaded(&s), 0);
	for (int round = 0; round < 10000; round++) {
		const uint32_t i = (uint32_t)rng_below(rng, 13);
		const int64_t tokens = (int64_t)rng_below(rng, 4);
		if (load[i] >= tokens && rng_below(rng, 2) == 0) {
			load[i] -= tokens;
			service_load_remove(&s, i, tokens);
		} else {
			load[i] += tokens;
			service_load_add(&s, i, tokens);
		}
		uint32_t least = 0;
		for (uint32_t k = 1; k < 13; k++) {
			least = load[k] < load[least] ? k : least;
		}
		ck_assert_uint_eq(service_least_loaded(&s), least);
	}
	service_fini(&s);
	rng_free(rng);
}
END_TEST

/* How many slices of one size an empty GPU takes: NVIDIA's numbers of instances. */
START_TEST(a_gpu_takes_so_many_slices)
{
	static const struct {
		uint32_t compute, memory, n;
	} sizes[] = {{1, 1, 7}, {1, 2, 4}, {2, 2, 3}, {3, 4, 2}, {4, 4, 1}, {7, 8, 1}};
	uint8_t taken = 0;
	uint32_t n = 0;
	for (int at; (at = gpu_slice_start(taken, sizes[_i].compute, sizes[_i].memory)) >= 0; n++) {
		const uint8_t bits = gpu_slice_bits(at, sizes[_i].memory);
		ck_assert_uint_eq(taken & bits, 0);
		taken |= bits;
	}
	ck_assert_uint_eq(n, sizes[_i].n);
}
END_TEST

/* Small slices go where they are least in the way of larger ones. */
START_TEST(slices_leave_room_for_large_ones)
{
	ck_assert_int_eq(gpu_slice_start(0, 3, 4), 4);
	ck_assert_int_eq(gpu_slice_start(0, 1, 1), 6);
	const uint8_t one = gpu_slice_bits(6, 1);
	ck_assert_int_eq(gpu_slice_start(one, 4, 4), 0);
	/* three of four compute slices are free, but not in a place where they may be together */
	const uint8_t middle = gpu_slice_bits(2, 2) | gpu_slice_bits(6, 1);
	ck_assert_int_eq(gpu_slice_start(middle, 3, 4), -1);
	ck_assert_int_eq(gpu_slice_start(middle, 2, 2), 4);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("state");
	TCase *const t = tcase_create("state");
	tcase_add_test(t, growth_by_residue_equals_growth_by_sequence);
	tcase_add_test(t, full_reservation_does_not_grow);
	tcase_add_test(t, boundary_after_is_the_first_one);
	tcase_add_test(t, finish_heap_gives_the_order_of_iterations_then_admission);
	tcase_add_test(t, fresh_sequences_remember_their_first_token);
	tcase_add_test(t, lists_keep_order);
	tcase_add_loop_test(t, a_gpu_takes_so_many_slices, 0, 6);
	tcase_add_test(t, slices_leave_room_for_large_ones);
	tcase_add_test(t, load_index_is_the_least_with_the_lowest_number);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
