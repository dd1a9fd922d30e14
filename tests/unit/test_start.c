/* Cold starts, swaps and sleeps by hand: bytes over what is slowest, and the stages besides. */
#include <check.h>
#include <stdlib.h>

#include "perf/swap.h"

#define GB 1000000000LL
#define SECOND 1000000000LL

static const struct gpu_spec gpu = {
	.host_link_bytes_per_s = 50e9, .link_share = 0.8, .link_gpus = 2}; /* 40 GB/s per pair */

static const struct engine_startup startup = {
	.schedule_s = 1,
	.image_s = 30,
	.process_s = 10,
	.loader = LOADER_SAFETENSORS,
	.safetensors_rate = 4e9,
	.streamer_share = 0.9,
	.serverless_share = 0.5,
	.trace_s = 2,
	.compile_s = 3,
	.capture_s = 4,
	.build_s = 5,
	.build_vision_s = 6,
	.warmup_s = 2,
	.warmup_per_token_s = 0.01,
	.swap_s = 0.5,
	.swap_per_token_s = 0.001,
	.sleep_s = 0.1,
	.wake_s = 0.2,
	.wake_vision_s = 0.3,
	.reload_s = 0.4,
};

static struct start_ask asks(const struct engine_startup *s)
{
	return (struct start_ask){
		.startup = s, .gpu = &gpu, .gpus = 1, .weights = 16 * GB, .storage = 20e9};
}

START_TEST(every_stage_by_hand)
{
	struct engine_startup s = startup;
	struct start_ask ask = asks(&s);
	ns_t at[START_STAGES];

	s.download_rate = 0.25e9;
	ask.vision = true;
	/* 1 + 30 + 10 + 64 + 4 + 2 + 3 + 4 + (5 + 6) */
	ck_assert_int_eq(perf_start(&ask, at), 129 * SECOND);
	ck_assert_int_eq(at[START_SCHEDULE], 1 * SECOND);
	ck_assert_int_eq(at[START_IMAGE], 30 * SECOND);
	ck_assert_int_eq(at[START_PROCESS], 10 * SECOND);
	ck_assert_int_eq(at[START_DOWNLOAD], 64 * SECOND);
	ck_assert_int_eq(at[START_WEIGHTS], 4 * SECOND);
	ck_assert_int_eq(at[START_TRACE], 2 * SECOND);
	ck_assert_int_eq(at[START_COMPILE], 3 * SECOND);
	ck_assert_int_eq(at[START_CAPTURE], 4 * SECOND);
	ck_assert_int_eq(at[START_BUILD], 11 * SECOND);
	ck_assert_str_eq(start_stage_names[START_BUILD], "build");
	ask.image_cached = true;
	ask.vision = false;
	s.download_rate = 0;
	ck_assert_int_eq(perf_start(&ask, at), (129 - 30 - 64 - 6) * SECOND);
	ck_assert_int_eq(perf_start_warmup(&s, 100), 3 * SECOND);
}
END_TEST

/* 20 GB/s of storage: the loader's own limit, its share of the storage, or the link. */
START_TEST(weights_take_what_is_slowest)
{
	struct engine_startup s = startup;
	struct start_ask ask = asks(&s);

	ck_assert_double_eq(perf_weight_rate(&ask), 4e9);
	ask.gpus = 3; /* a process for each */
	ck_assert_double_eq(perf_weight_rate(&ask), 12e9);
	ask.gpus = 8;
	ck_assert_double_eq(perf_weight_rate(&ask), 20e9);
	ask.gpus = 1;
	ask.storage = 2e9;
	ck_assert_double_eq(perf_weight_rate(&ask), 2e9);
	s.safetensors_rate = 0;
	ask.storage = 20e9;
	ck_assert_double_eq(perf_weight_rate(&ask), 20e9);
	s.loader = LOADER_STREAMER;
	ck_assert_double_eq(perf_weight_rate(&ask), 18e9);
	s.loader = LOADER_SERVERLESS;
	ck_assert_double_eq(perf_weight_rate(&ask), 10e9);
	ask.storage = 1e12; /* host memory */
	ck_assert_double_eq(perf_weight_rate(&ask), 40e9);
	ask.gpus = 3; /* two links */
	ck_assert_double_eq(perf_weight_rate(&ask), 80e9);
}
END_TEST

START_TEST(copies_one_way_and_both)
{
	struct swap_copies c = {.out = 20 * GB, .in = 10 * GB, .rate = 40e9};

	ck_assert_int_eq(perf_swap_copy(&c), SECOND * 3 / 4);
	c.bidirectional = true;
	ck_assert_int_eq(perf_swap_copy(&c), SECOND / 2);
	c.out = 0;
	ck_assert_int_eq(perf_swap_copy(&c), SECOND / 4);
	c.in = 0;
	ck_assert_int_eq(perf_swap_copy(&c), 0);
	ck_assert_int_eq(perf_swap_warmup(&startup, 500), SECOND);
}
END_TEST

START_TEST(sleep_and_wake)
{
	struct start_ask ask = asks(&startup);

	/* 16 GB at 40 GB/s: 0.4 s; from storage at 4 GB/s: 4 s */
	ck_assert_int_eq(perf_sleep(&ask, SWAP_SLEEP_1), SECOND / 2);
	ck_assert_int_eq(perf_sleep(&ask, SWAP_SLEEP_2), SECOND / 10);
	ck_assert_int_eq(perf_wake(&ask, SWAP_SLEEP_1), SECOND * 6 / 10);
	ck_assert_int_eq(perf_wake(&ask, SWAP_SLEEP_2), SECOND * 46 / 10);
	ask.vision = true;
	ck_assert_int_eq(perf_wake(&ask, SWAP_SLEEP_1), SECOND * 9 / 10);
	ck_assert_int_eq(perf_wake(&ask, SWAP_SLEEP_2), SECOND * 49 / 10);
	ck_assert_str_eq(swap_methods[SWAP_SLEEP_2], "sleep_2");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("start");
	TCase *t = tcase_create("start");

	tcase_add_test(t, every_stage_by_hand);
	tcase_add_test(t, weights_take_what_is_slowest);
	tcase_add_test(t, copies_one_way_and_both);
	tcase_add_test(t, sleep_and_wake);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
