/* The published figures of GPU fractions: every one within its tolerance, and said to be what it
 * is. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "study/published.h"

static struct err *err;
static struct data_dir *data;
static struct published p;

static void run(size_t threads)
{
	const struct published_ask ask = {.data = data, .threads = threads};
	ck_assert_msg(published_run(&ask, &p, err), "%s",
	              err_count(err) > 0 ? err_message(err, 0) : "");
}

static void set_up(void)
{
	err = err_new();
	data = data_dir_open(".", NULL, err);
	ck_assert_msg(data != NULL, "run from the project's root");
	data_dir_index(data);
}

static void tear_down(void)
{
	published_fini(&p);
	data_dir_close(data);
	err_free(err);
}

static char *table(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *const out = open_memstream(&text, &size);
	published_print(&p, out);
	fclose(out);
	return text;
}

START_TEST(every_figure_is_within_its_tolerance_for_any_number_of_threads)
{
	size_t n[3] = {0};
	run(1);
	for (size_t i = 0; i < p.n_rows; i++) {
		const struct published_row *const row = &p.rows[i];
		ck_assert_msg(row->ok, "%s: %g, published %g", row->id, row->simulated,
		              row->published);
		ck_assert(strncmp(row->id, "fractioning-", 12) == 0 ||
		          strncmp(row->id, "utilisation-", 12) == 0);
		ck_assert_uint_le(strlen(row->figure), 44);
		ck_assert(isfinite(row->simulated));
		ck_assert_msg(row->judged || row->why != NULL, "%s: why not?", row->id);
		ck_assert(row->role != PUBLISHED_FITTED || row->judged);
		n[row->role] += row->judged || row->role == PUBLISHED_INPUT;
		for (size_t k = 0; k < i; k++) {
			ck_assert_str_ne(p.rows[k].id, row->id);
		}
	}
	ck_assert_uint_ge(n[0] + n[1] + n[2], 24);
	ck_assert_uint_ge(2 * n[PUBLISHED_PREDICTED], n[0] + n[1] + n[2]);
	ck_assert(published_ok(&p));
	char *const one = table();
	for (const char *line = one; *line != '\0';) {
		const size_t length = strcspn(line, "\n");
		ck_assert_uint_le(length, 100);
		line += length + (line[length] == '\n');
	}
	published_fini(&p);
	run(3);
	char *const three = table();
	ck_assert_str_eq(one, three);
	free(one);
	free(three);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("published");
	TCase *const t = tcase_create("published");
	tcase_set_timeout(t, 600);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, every_figure_is_within_its_tolerance_for_any_number_of_threads);
	suite_add_tcase(s, t);
	SRunner *const r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	const int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
