/* Texts cut into runs, and what the prefix cache finds, holds, keeps and forgets. */
#include <check.h>
#include <stdlib.h>

#include "state/prefix_cache.h"

#define BLOCK 16

static struct text_pool pool;
static struct kv_cache kv;
static struct prefix_cache *cache; /* of kv */

static void setup(void)
{
	text_pool_init(&pool);
	kv_cache_init(&kv, 100, 0, BLOCK, true);
	kv.prefix = cache = prefix_cache_new();
}

static void teardown(void)
{
	kv_cache_fini(&kv);
	text_pool_fini(&pool);
}

/* A text of up to three parts; 0 tokens: none. Its address is good until the next call. */
static uint32_t make(uint64_t a, int32_t n, uint64_t b, int32_t m)
{
	const struct prompt_part parts[] = {{a, n}, {b, m}};
	return text_take(&pool, parts, 2, BLOCK);
}

static const struct text *text(uint32_t index)
{
	return &pool.at[index];
}

START_TEST(texts_that_begin_alike_have_the_same_keys)
{
	const uint32_t one = make(1, 100, 2, 100);
	const uint32_t other = make(1, 100, 3, PROMPT_OPEN);
	const uint32_t shorter = make(1, 90, 2, 100);
	ck_assert_uint_eq(text(one)->n, 3); /* six blocks, one of both parts, five */
	ck_assert_int_eq(text(one)->runs[0].n, 6);
	ck_assert_int_eq(text(one)->runs[1].first, 6);
	ck_assert_int_eq(text(one)->runs[1].n, 1);
	ck_assert_int_eq(text(one)->runs[2].n, 5);
	ck_assert_int_eq(text_blocks(text(one)), 12);
	ck_assert_uint_eq(text(one)->runs[0].key, text(other)->runs[0].key);
	ck_assert_uint_ne(text(one)->runs[1].key, text(other)->runs[1].key);
	/* five whole blocks of part 1 are the same, the next begins part 2 earlier */
	ck_assert_uint_eq(text(one)->runs[0].key, text(shorter)->runs[0].key);
	ck_assert_int_eq(text(shorter)->runs[0].n, 5);
	ck_assert_uint_ne(text(one)->runs[1].key, text(shorter)->runs[1].key);
	ck_assert_int_gt(text_blocks(text(other)), 100000000);
	/* the first tokens of a block count as the last ones do */
	ck_assert_uint_ne(text(make(1, 4, 2, 100))->runs[0].key,
	                  text(make(3, 4, 2, 100))->runs[0].key);
	ck_assert_uint_ne(text(make(1, 100, 2, 100))->runs[1].key,
	                  text(make(1, 98, 2, 100))->runs[1].key);
	/* the same part is another text behind another one */
	ck_assert_uint_ne(text(make(5, 16, 7, 32))->runs[1].key,
	                  text(make(6, 16, 7, 32))->runs[1].key);
	ck_assert_uint_ne(text(make(5, 16, 7, 32))->runs[1].key,
	                  text(make(5, 32, 7, 32))->runs[1].key);
}
END_TEST

START_TEST(small_parts_add_up_to_blocks)
{
	struct prompt_part parts[20];
	for (uint64_t i = 0; i < 20; i++) {
		parts[i] = (struct prompt_part){i, 5};
	}
	const uint32_t index = text_take(&pool, parts, 20, BLOCK);
	ck_assert_uint_eq(text(index)->n, 6); /* 100 tokens */
	for (int32_t i = 0; i < 6; i++) {
		ck_assert_int_eq(text(index)->runs[i].first, i);
		ck_assert_int_eq(text(index)->runs[i].n, 1);
	}
	parts[4].name = 99; /* tokens 20 to 24: block 1 and all behind it */
	const uint32_t changed = text_take(&pool, parts, 20, BLOCK);
	ck_assert_uint_eq(text(index)->runs[0].key, text(changed)->runs[0].key);
	for (int32_t i = 1; i < 6; i++) {
		ck_assert_uint_ne(text(index)->runs[i].key, text(changed)->runs[i].key);
	}
	ck_assert_uint_eq(text_take(&pool, parts, 3, BLOCK), TEXT_NONE); /* 15 tokens */
	ck_assert_uint_eq(text_take(&pool, parts, 0, BLOCK), TEXT_NONE);
	text_give(&pool, changed);
	ck_assert_uint_eq(make(1, 16, 0, 0), changed); /* its place is used again */
}
END_TEST

/* A request that takes `blocks` of its own and stores them all; returns its last span. */
static uint32_t compute(uint32_t index, int64_t blocks)
{
	uint32_t last = SPAN_NONE;
	const struct prefix_hit hit = prefix_cache_find(cache, text(index), blocks);
	last = prefix_cache_hold(&kv, text(index), hit.blocks);
	kv_cache_take(&kv, blocks - hit.blocks);
	ck_assert_int_eq(prefix_cache_store(&kv, text(index), hit.blocks, blocks, &last), blocks);
	return last;
}

static void check_find(uint32_t index, int64_t limit, int64_t blocks, int64_t held)
{
	const struct prefix_hit hit = prefix_cache_find(cache, text(index), limit);
	ck_assert_int_eq(hit.blocks, blocks);
	ck_assert_int_eq(hit.held, held);
}

START_TEST(what_is_read_is_held_once)
{
	const uint32_t one = make(1, 160, 2, 160);
	const uint32_t other = make(1, 160, 3, 160);
	check_find(one, 20, 0, 0);
	const uint32_t a = compute(one, 20);
	ck_assert_int_eq(kv.used, 20);
	check_find(other, 20, 10, 10);
	check_find(other, 7, 7, 7);
	const uint32_t b = compute(other, 20);
	ck_assert_int_eq(kv.used, 30);
	ck_assert_int_eq(cache->held, 30);
	prefix_cache_release(&kv, a);
	ck_assert_int_eq(kv.used, 20); /* the common ten are still read */
	check_find(one, 20, 20, 10);
	prefix_cache_release(&kv, b);
	ck_assert_int_eq(kv.used, 0);
	ck_assert_int_eq(cache->idle, 30);
	check_find(one, 20, 20, 0);
	/* a reader of less splits a span: the rest stays free */
	const uint32_t c = prefix_cache_hold(&kv, text(one), 4);
	ck_assert_int_eq(kv.used, 4);
	check_find(other, 20, 20, 4);
	prefix_cache_release(&kv, c);
	ck_assert_int_eq(kv.peak, 30);
}
END_TEST

START_TEST(the_block_free_for_longest_goes_first)
{
	const uint32_t one = make(1, 160, 0, 0);
	const uint32_t other = make(2, 160, 0, 0);
	uint32_t a = compute(one, 10);
	const uint32_t b = compute(other, 10);
	prefix_cache_release(&kv, a);
	prefix_cache_release(&kv, b);
	/* 80 blocks were never used; then those of the first text from its end */
	kv_cache_take(&kv, 80);
	check_find(one, 10, 10, 0);
	kv_cache_take(&kv, 3);
	check_find(one, 10, 7, 0);
	check_find(other, 10, 10, 0);
	/* read again and let go: it is the last in the queue now */
	a = prefix_cache_hold(&kv, text(one), 7);
	prefix_cache_release(&kv, a);
	kv_cache_take(&kv, 9);
	check_find(one, 10, 7, 0);
	check_find(other, 10, 1, 0);
	kv_cache_take(&kv, 8);
	check_find(one, 10, 0, 0);
	ck_assert_uint_eq(cache->n, 0);
	ck_assert_int_eq(cache->idle + cache->queued, 0);
	ck_assert_int_eq(kv.used, 100);
}
END_TEST

/* Free blocks without a text keep their places between those with one. */
START_TEST(anonymous_blocks_wait_in_their_turn)
{
	const uint32_t one = make(1, 160, 0, 0);
	const uint32_t other = make(2, 160, 0, 0);
	kv_cache_take(&kv, 80); /* somebody's, to be given back in between */
	const uint32_t a = compute(one, 10);
	const uint32_t b = compute(other, 10);
	prefix_cache_release(&kv, a);
	kv_cache_give(&kv, 80);
	prefix_cache_release(&kv, b);
	kv_cache_take(&kv, 10);
	check_find(one, 10, 0, 0);
	kv_cache_take(&kv, 80);
	check_find(other, 10, 10, 0);
	kv_cache_take(&kv, 1);
	check_find(other, 10, 9, 0);
}
END_TEST

START_TEST(a_second_copy_is_not_shared)
{
	const uint32_t one = make(1, 160, 0, 0);
	uint32_t last = SPAN_NONE;
	const uint32_t a = compute(one, 10);
	/* nine of ten are read, the tenth is computed again */
	last = prefix_cache_hold(&kv, text(one), 9);
	kv_cache_take(&kv, 1);
	ck_assert_int_eq(prefix_cache_store(&kv, text(one), 9, 10, &last), 9);
	ck_assert_int_eq(kv.used, 11);
	kv_cache_give(&kv, 1);
	prefix_cache_release(&kv, last);
	ck_assert_int_eq(kv.used, 10);
	prefix_cache_release(&kv, a);
	ck_assert_int_eq(kv.used, 0);
	check_find(one, 10, 10, 0);
}
END_TEST

/* Many texts through a small pool: the laws hold, and memory stays bounded by the pool. */
START_TEST(spans_never_outnumber_blocks)
{
	for (uint64_t i = 0; i < 5000; i++) {
		const uint32_t index = make(i % 7, 48 + (int32_t)(i % 5) * 16, 1000 + i % 190, 64);
		const uint32_t last = compute(index, 7 + (int64_t)(i % 5));
		uint32_t *const readers = calloc(cache->cap, sizeof(*readers));
		for (uint32_t s = last; s != SPAN_NONE; s = cache->at[s].parent) {
			readers[s]++;
		}
		prefix_cache_verify(&kv, readers);
		free(readers);
		prefix_cache_release(&kv, last);
		text_give(&pool, index);
		ck_assert_uint_le(cache->n, 100);
		ck_assert_int_eq(kv.used, 0);
	}
	ck_assert_uint_le(cache->cap, 128);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("prefix cache");
	TCase *const t = tcase_create("all");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, texts_that_begin_alike_have_the_same_keys);
	tcase_add_test(t, small_parts_add_up_to_blocks);
	tcase_add_test(t, what_is_read_is_held_once);
	tcase_add_test(t, the_block_free_for_longest_goes_first);
	tcase_add_test(t, anonymous_blocks_wait_in_their_turn);
	tcase_add_test(t, a_second_copy_is_not_shared);
	tcase_add_test(t, spans_never_outnumber_blocks);
	suite_add_tcase(s, t);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
