/* Devices and links that results are written to stay what they are. */
#include "base/mem.h"
#include "report/out.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void make_folder(void)
{
	strcpy(folder, "/tmp/aliquot_out_XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
	ck_assert_int_eq(rmdir(folder), 0);
}

/* A device is written in place: a full one is an error, and it stays a device. */
START_TEST(device_stays_one)
{
	struct err *err = err_new();
	struct stat st;

	if (stat("/dev/full", &st) != 0) {
		fprintf(stderr, "device_stays_one: SKIPPED, no /dev/full\n");
		err_free(err);
		return;
	}
	char *link = mem_printf("%s/full", folder);

	ck_assert_int_eq(symlink("/dev/full", link), 0);
	for (size_t i = 0; i < 2; i++) {
		struct out *o = out_open(NULL, i == 0 ? link : "/dev/full", err);

		ck_assert_ptr_nonnull(o);
		fputs("does not fit", out_file(o));
		ck_assert(!out_commit(o));
		ck_assert_int_eq(err_exit_code(err), ERR_IO);
		ck_assert_int_eq(stat("/dev/full", &st), 0);
		ck_assert(S_ISCHR(st.st_mode));
	}
	ck_assert_int_eq(lstat(link, &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_int_eq(unlink(link), 0);
	free(link);
	err_free(err);
}
END_TEST

/* A link stays one, to a file that is there and to one that is not there yet. */
START_TEST(link_stays_one)
{
	struct err *err = err_new();
	char *link = mem_printf("%s/link", folder), *target = mem_printf("%s/target", folder);
	struct stat st;

	ck_assert_int_eq(symlink("target", link), 0);
	for (size_t i = 0; i < 2; i++) {
		struct out *o = out_open(NULL, link, err);

		ck_assert_ptr_nonnull(o);
		fputs(i == 0 ? "first" : "second", out_file(o));
		ck_assert(out_commit(o));
		ck_assert_int_eq(lstat(link, &st), 0);
		ck_assert(S_ISLNK(st.st_mode));
		ck_assert_int_eq(lstat(target, &st), 0);
		ck_assert(S_ISREG(st.st_mode));
		ck_assert_int_eq(st.st_size, i == 0 ? 5 : 6);
	}
	ck_assert_int_eq(unlink(link), 0);
	ck_assert_int_eq(unlink(target), 0);
	free(link);
	free(target);
	err_free(err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report out");
	TCase *t = tcase_create("report out");

	tcase_add_checked_fixture(t, make_folder, remove_folder);
	tcase_add_test(t, device_stays_one);
	tcase_add_test(t, link_stays_one);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_VERBOSE);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed != 0;
}
