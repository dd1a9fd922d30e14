/* Work on several threads: everything once, whatever their number. */
#include <check.h>
#include <stdatomic.h>

#include "study/jobs.h"

#define MOST 1000

struct tally {
	atomic_int times[MOST];
	size_t order[MOST], n; /* of one thread */
};

static void note(void *arg, size_t i)
{
	struct tally *const t = arg;
	atomic_fetch_add(&t->times[i], 1);
}

static void note_order(void *arg, size_t i)
{
	struct tally *const t = arg;
	t->order[t->n++] = i;
}

START_TEST(everything_once)
{
	static const size_t threads[] = {1, 2, 3, 64, 1000000000};
	static const size_t counts[] = {0, 1, 2, 63, MOST};
	for (size_t a = 0; a < 5; a++) {
		for (size_t b = 0; b < 5; b++) {
			struct tally t = {.n = 0};
			jobs_run(counts[b], threads[a], note, &t);
			for (size_t i = 0; i < MOST; i++) {
				ck_assert_int_eq(atomic_load(&t.times[i]), i < counts[b]);
			}
		}
	}
}
END_TEST

START_TEST(one_thread_keeps_the_order)
{
	struct tally t = {.n = 0};
	jobs_run(100, 1, note_order, &t);
	ck_assert_uint_eq(t.n, 100);
	for (size_t i = 0; i < 100; i++) {
		ck_assert_uint_eq(t.order[i], i);
	}
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("jobs");
	TCase *const c = tcase_create("jobs");
	tcase_add_test(c, everything_once);
	tcase_add_test(c, one_thread_keeps_the_order);
	suite_add_tcase(s, c);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
