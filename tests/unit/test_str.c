/* Quantities in and out of text, and the nearest name. */
#include "base/str.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

START_TEST(durations_are_read)
{
	static const struct {
		const char *text;
		ns_t ns;
	} good[] = {
		{"250ms", 250000000},
		{"2m30s", 150000000000},
		{"1h", 3600000000000},
		{"1.5s", 1500000000},
		{"7d", 604800000000000},
		{"0", 0},
		{"0s", 0},
		{"3 us", 3000},
		{"1ns", 1},
		{"1h 2m 3s", 3723000000000},
		{"1e3s", 1000000000000},
		{".5s", 500000000},
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ns_t out = -1;

		ck_assert_msg(str_to_duration(good[i].text, &out), "%s", good[i].text);
		ck_assert_int_eq(out, good[i].ns);
	}
}
END_TEST

START_TEST(bad_durations_leave_the_result_alone)
{
	static const char *const bad[] = {"",      "5",           "s",     "-1s",   "1 parsec",
	                                  "30s2m", "1s1s",        "1e30s", "nan s", "0x10s",
	                                  "1..5s", "1s trailing", "inf",   "m"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ns_t out = 42;

		ck_assert_msg(!str_to_duration(bad[i], &out), "%s", bad[i]);
		ck_assert_int_eq(out, 42);
	}
}
END_TEST

START_TEST(bytes_counts_and_shares)
{
	double v = 0;

	ck_assert(str_to_bytes("80GiB", &v) && fabs(v - 85899345920.0) < 0.5);
	ck_assert(str_to_bytes("94GB", &v) && fabs(v - 94e9) < 0.5);
	ck_assert(str_to_bytes("1.5TiB", &v) && fabs(v - 1649267441664.0) < 0.5);
	ck_assert(str_to_bytes("512", &v) && fabs(v - 512.0) < 1e-9);
	ck_assert(str_to_bytes("2Gi", &v) && fabs(v - 2147483648.0) < 0.5);
	ck_assert(!str_to_bytes("80 gigs", &v));
	ck_assert(!str_to_bytes("GiB", &v));
	ck_assert(!str_to_bytes("1e309", &v));
	ck_assert(str_to_count("10k", &v) && fabs(v - 10000.0) < 1e-9);
	ck_assert(str_to_count("1.5M", &v) && fabs(v - 1.5e6) < 1e-9);
	ck_assert(str_to_count("1e6", &v) && fabs(v - 1e6) < 1e-9);
	ck_assert(str_to_count("-3", &v) && fabs(v + 3.0) < 1e-9);
	ck_assert(!str_to_count("10kk", &v));
	ck_assert(!str_to_count("nan", &v));
	ck_assert(str_to_share("50%", &v) && fabs(v - 0.5) < 1e-12);
	ck_assert(str_to_share("0.25", &v) && fabs(v - 0.25) < 1e-12);
	ck_assert(!str_to_share("50%%", &v));
	ck_assert(!str_to_share("half", &v));
}
END_TEST

START_TEST(integers_and_reals)
{
	int64_t i = 7;
	double v = 7;

	ck_assert(str_to_int("9223372036854775807", &i) && i == INT64_MAX);
	ck_assert(str_to_int("-9223372036854775808", &i) && i == INT64_MIN);
	ck_assert(!str_to_int("9223372036854775808", &i));
	ck_assert(!str_to_int("-9223372036854775809", &i));
	ck_assert(!str_to_int("", &i) && !str_to_int("-", &i) && !str_to_int("1.0", &i));
	ck_assert(!str_to_int("12k", &i) && !str_to_int(" 1", &i) && !str_to_int("1 ", &i));
	ck_assert(str_to_int("+5", &i) && i == 5);
	ck_assert(str_to_real("-1.5e-3", &v) && fabs(v + 0.0015) < 1e-15);
	ck_assert(!str_to_real("inf", &v) && !str_to_real("0x1p3", &v) &&
	          !str_to_real("1e999", &v));
	ck_assert(!str_to_real("1e", &v) && !str_to_real(".", &v) && !str_to_real("1,5", &v));
}
END_TEST

START_TEST(reals_read_back)
{
	static const double values[] = {
		0.1,     1.0 / 3.0, 1e15,  123456789012345.0, 1e-7, 5e-324, 1e308,
		-2.5e-9, 94e9,      0.975, 9007199254740993.0};
	char buf[64];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		double back = strtod(str_real(values[i], buf, sizeof(buf)), NULL);

		ck_assert_msg(memcmp(&back, &values[i], sizeof(back)) == 0, "%s", buf);
	}
	ck_assert_str_eq(str_real(0.1, buf, sizeof(buf)), "0.1");
	ck_assert_str_eq(str_real(-0.0, buf, sizeof(buf)), "0");
	ck_assert_str_eq(str_real(94e9, buf, sizeof(buf)), "94000000000");
	ck_assert_str_eq(str_real(1e15, buf, sizeof(buf)), "1e+15");
	ck_assert_str_eq(str_real(999999999999999.0, buf, sizeof(buf)), "999999999999999");
}
END_TEST

START_TEST(numbers_for_people)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{8768, "8,768"},
		{943.06, "943.1"},
		{0.012344, "0.01234"},
		{0, "0"},
		{5, "5"},
		{999.96, "1,000"},
		{9.9996, "10.00"},
		{1234567.8, "1,234,568"},
		{-12.345, "-12.35"},
		{99.995, "100.0"},
		{0.99996, "1.000"},
		{1e20, "1e+20"},
	};
	char buf[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_str_eq(str_human(cases[i].value, buf, sizeof(buf)), cases[i].text);
	}
	ck_assert_str_eq(str_thousands(INT64_MIN, buf, sizeof(buf)), "-9,223,372,036,854,775,808");
	ck_assert_str_eq(str_thousands(999, buf, sizeof(buf)), "999");
}
END_TEST

START_TEST(durations_and_sizes_are_printed)
{
	static const struct {
		ns_t ns;
		const char *text;
	} cases[] = {
		{250000000, "250 ms"},   {150000000000, "2m30s"},
		{1500000000, "1.5 s"},   {0, "0 s"},
		{999, "999 ns"},         {1500, "1.5 us"},
		{604800000000000, "7d"}, {60000000000, "1m"},
		{60500000000, "1m0.5s"}, {59999999999, "59.999999999 s"},
	};
	char buf[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ns_t back = -1;

		ck_assert_str_eq(str_duration(cases[i].ns, buf, sizeof(buf)), cases[i].text);
		ck_assert(str_to_duration(buf, &back) && back == cases[i].ns);
	}
	ck_assert_str_eq(str_duration(NS_NEVER, buf, sizeof(buf)), "never");
	ck_assert_str_eq(str_bytes(85899345920, buf, sizeof(buf)), "85.90 GB");
	ck_assert_str_eq(str_bytes(94000000000, buf, sizeof(buf)), "94 GB");
	ck_assert_str_eq(str_bytes(999990000000, buf, sizeof(buf)), "1.000 TB");
	ck_assert_str_eq(str_bytes(0, buf, sizeof(buf)), "0 B");
	ck_assert_str_eq(str_bytes(1536, buf, sizeof(buf)), "1.536 kB");
	ck_assert_str_eq(str_bytes_exact(85899345920, buf, sizeof(buf)), "80 GiB");
	ck_assert_str_eq(str_bytes_exact(94000000000, buf, sizeof(buf)), "94 GB");
	ck_assert_str_eq(str_bytes_exact(85520809984, buf, sizeof(buf)), "81559 MiB");
	ck_assert_str_eq(str_bytes_exact(2560000000, buf, sizeof(buf)), "2560 MB");
	ck_assert_str_eq(str_bytes_exact(1537, buf, sizeof(buf)), "1537 B");
	ck_assert_str_eq(str_bytes_exact(0, buf, sizeof(buf)), "0 B");
}
END_TEST

START_TEST(nearest_names)
{
	static const char *const names[] = {"h100-nvl", "h100-sxm", "h200-sxm", "a100-sxm"};

	ck_assert_str_eq(str_nearest("h2000", names, 4), "h200-sxm");
	ck_assert_str_eq(str_nearest("H100_NVL", names, 4), "h100-nvl");
	ck_assert_str_eq(str_nearest("h100", names, 4), "h100-nvl");
	ck_assert_ptr_null(str_nearest("tpu-v5", names, 4));
	ck_assert_ptr_null(str_nearest("", names, 4));
	ck_assert_ptr_null(str_nearest("x", names, 0));
	ck_assert_str_eq(str_nearest("concurency", (const char *const[]){"rate", "concurrency"}, 2),
	                 "concurrency");
	ck_assert_str_eq(str_nearest("h2000", (const char *const[]){"b200", "h200-nvl"}, 2),
	                 "h200-nvl");
	ck_assert_str_eq(str_nearest("b2000", (const char *const[]){"b200", "b200-nvl"}, 2),
	                 "b200");
	ck_assert_str_eq(str_nearest("--sede", (const char *const[]){"--set", "--seed"}, 2),
	                 "--seed");
	ck_assert_ptr_null(str_nearest("xy", (const char *const[]){"ab"}, 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("str");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, durations_are_read);
	tcase_add_test(tcase, bad_durations_leave_the_result_alone);
	tcase_add_test(tcase, bytes_counts_and_shares);
	tcase_add_test(tcase, integers_and_reals);
	tcase_add_test(tcase, reals_read_back);
	tcase_add_test(tcase, numbers_for_people);
	tcase_add_test(tcase, durations_and_sizes_are_printed);
	tcase_add_test(tcase, nearest_names);
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
