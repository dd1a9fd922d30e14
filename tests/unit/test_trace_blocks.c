/* What prompts of a trace share: block ids. */
#include "trace_replay.h"

/* The same block id is the same text, of the block's length but for the last of a prompt. */
START_TEST(block_ids_are_texts)
{
	static const char text[] =
		"{\"timestamp\": 0, \"input_length\": 1025, \"output_length\": 1, \"hash_ids\": [7, 8, 9]}\n"
		"{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 1, \"hash_ids\": [7, 10]}\n"
		"{\"timestamp\": 1, \"input_length\": 600, \"output_length\": 1, \"hash_ids\": []}\n"
		"{\"timestamp\": 1, \"input_length\": 600, \"output_length\": 1}\n";
	static const int32_t tokens[][3] = {{512, 512, 1}, {512, 88, 0}};
	for (int spread = 0; spread < 2; spread++) {
		struct scenario_load load = load_of("mooncake");
		struct replay r;
		load.spread = spread == 1;
		replay_text(&r, load, text);
		ck_assert_uint_eq(r.n, 4);
		ck_assert_uint_eq(r.arrivals[0].n_parts, 3);
		ck_assert_uint_eq(r.arrivals[1].n_parts, 2);
		ck_assert_uint_eq(r.arrivals[2].n_parts + r.arrivals[3].n_parts, 0);
		for (size_t i = 0; i < 2; i++) {
			for (uint32_t k = 0; k < r.arrivals[i].n_parts; k++) {
				ck_assert_int_eq(r.parts[i][k].tokens, tokens[i][k]);
			}
		}
		ck_assert_uint_eq(r.parts[0][0].name, r.parts[1][0].name);
		ck_assert_uint_ne(r.parts[0][1].name, r.parts[1][1].name);
		replay_free(&r);
	}
	struct scenario_load load = load_of("mooncake");
	struct replay r;
	load.hash_block = 64; /* as in other families of traces */
	replay_text(
		&r, load,
		"{\"timestamp\": 0, \"input_length\": 65, \"output_length\": 1, \"hash_ids\": [7, 8]}\n");
	ck_assert_uint_eq(r.n, 1);
	ck_assert_int_eq(r.parts[0][1].tokens, 1);
	replay_free(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace_blocks");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, block_ids_are_texts);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
