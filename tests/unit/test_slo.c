/* Limits in all their spellings, and what is wrong with bad ones. */
#include "spec/slo.h"
#include "report/limit.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

START_TEST(limits_have_one_canonical_form)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{"ttft.p95<=1s", "ttft.p95 <= 1000 ms"},
		{"ttft <= 1s", "ttft.p95 <= 1000 ms"},
		{" time_to_first_token.max < 300 ms ", "ttft.max < 300 ms"},
		{"ttst.avg<5", "ttst.avg < 5 ms"},
		{"inter_token_latency.mean <= 34.5ms", "tpot.avg <= 34.5 ms"},
		{"itl.p99.9 <= 50ms", "itl.p99.9 <= 50 ms"},
		{"latency.med <= 1m30s", "latency.p50 <= 90000 ms"},
		{"queue.std == 0", "queue.std == 0 ms"},
		{"tps_user >= 30 tok/s", "tps_user.avg >= 30 tok/s"},
		{"tps_user.min > 30", "tps_user.min > 30 tok/s"},
		{"tps>=1.5k", "tps >= 1500 tok/s"},
		{"rps >= 10 req/s", "rps >= 10 req/s"},
		{"goodput.avg >= 10", "goodput >= 10 req/s"},
		{"error_rate <= 1%", "error_rate <= 1 %"},
		{"error_rate <= 0.07", "error_rate <= 7 %"},
		{"error_rate == 0", "error_rate == 0 %"},
		{"time_to_first_token:1000", "ttft.p95 <= 1000 ms"},
		{"output_token_throughput_per_user:20", "tps_user.avg >= 20 tok/s"},
		{"time_to_first_token:p99:lt:1000", "ttft.p99 < 1000 ms"},
		{"request_throughput:avg:ge:5", "rps >= 5 req/s"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slo slo;
		const char *why = NULL;

		ck_assert_msg(slo_parse(cases[i].text, &slo, &why), "%s: %s", cases[i].text, why);
		ck_assert_str_eq(slo.text, cases[i].canonical);
		struct slo again;

		ck_assert_msg(slo_parse(slo.text, &again, &why), "%s: %s", slo.text, why);
		ck_assert_str_eq(again.text, slo.text);
		ck_assert(again.metric == slo.metric && again.op == slo.op &&
		          again.stat == slo.stat);
	}
}
END_TEST

START_TEST(bad_limits_say_why)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", "expected a limit like \"ttft.p95 <= 1s\", got \"\""},
		{"ttft.p95 1s", "expected a limit like \"ttft.p95 <= 1s\", got \"ttft.p95 1s\""},
		{"tfft <= 1s", "unknown metric \"tfft\"; did you mean \"ttft\"?"},
		{"coolness <= 1",
	         "unknown metric \"coolness\"; known: ttft, ttst, tpot, itl, latency, queue, "
	         "tps_user, tps, rps, goodput, error_rate"},
		{"ttft.p101 <= 1s",
	         "unknown statistic \"p101\"; known: avg, min, max, std, p50, p95, p99.9 ..."},
		{"ttft.worst <= 1s",
	         "unknown statistic \"worst\"; known: avg, min, max, std, p50, p95, p99.9 "
	         "..."},
		{"tps.p95 >= 10", "tps is one number of the whole run and has no \"p95\""},
		{"ttft <= 10 tok/s", "expected a time like 500ms or 1s, got \"10 tok/s\""},
		{"tps >= 10ms", "expected a number of tok/s, got \"10ms\""},
		{"rps >= nan", "expected a number of req/s, got \"nan\""},
		{"error_rate <= few", "expected a share like 1% or 0.01, got \"few\""},
		{"ttft <= -5", "a limit must not be negative, got -5"},
		{"ttft <= 1e30", "a limit this large says nothing: 1e30"},
		{"ttft <= 300d", "a limit this large says nothing: 300d"},
		{"ttft =< 5", "unknown comparison in \"ttft =< 5\"; known: < <= > >= =="},
		{"ttft <=", "expected a time like 500ms or 1s, got \"\""},
		{"ttft:p95:max:5", "unknown comparison \"max\"; known: lt, le, gt, ge, eq"},
		{"ttft:p95:5", "expected METRIC:VALUE or METRIC:STAT:OP:VALUE"},
		{"a:b:c:d:e:f", "expected METRIC:VALUE or METRIC:STAT:OP:VALUE"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slo slo = {.value = 42.0};
		const char *why = NULL;

		ck_assert_msg(!slo_parse(cases[i].text, &slo, &why), "%s", cases[i].text);
		ck_assert_str_eq(why, cases[i].why);
		ck_assert(slo.value > 41.0 && slo.text[0] == '\0');
	}
}
END_TEST

START_TEST(a_limit_may_name_its_service)
{
	static const struct {
		const char *text, *limit, *service;
	} cases[] = {
		{"ttft.p95 <= 1s", "ttft.p95 <= 1s", NULL},
		{"ttft.p95 <= 1s @chat", "ttft.p95 <= 1s", "chat"},
		{" ttft.p95<=1s@ chat ", "ttft.p95<=1s", "chat"},
		{"ttft.p95@chat-2 <= 1s", "ttft.p95 <= 1s", "chat-2"},
		{"ttft.p95@a.b<1s", "ttft.p95<1s", "a.b"},
		{" ttft:1000 @ chat", "ttft:1000", "chat"},
		{"ttft <= 1s @", "ttft <= 1s", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *service, *limit = slo_split(cases[i].text, &service);

		ck_assert_str_eq(limit, cases[i].limit);
		ck_assert_pstr_eq(service, cases[i].service);
		free(limit);
		free(service);
	}
}
END_TEST

START_TEST(observed_values_show_their_side_of_the_limit)
{
	static const struct {
		const char *limit;
		double observed;
		const char *shown, *unit;
	} cases[] = {
		{"ttft.p95 <= 1s", 943.123, "943.1", "ms"},
		{"ttft.p95 <= 1s", 1234.4, "1,234", "ms"},
		{"ttft.p95 <= 1s", 1000.0004, "1000.0004", "ms"},
		{"ttft.p95 < 1s", 999.99, "999.99", "ms"},
		{"tps_user >= 20", 19.9996, "19.9996", "tok/s"},
		{"rps >= 10", 10.00001, "10.00", "req/s"},
		{"error_rate <= 1%", 0.012344, "1.234", "%"},
		{"error_rate <= 1%", 0.01000002, "1.000002", "%"},
		{"ttft.p95 <= 1s", (double)NAN, "-", "ms"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slo slo;
		const char *why;
		char buf[40];
		ck_assert(slo_parse(cases[i].limit, &slo, &why));
		ck_assert_str_eq(limit_observed(&slo, cases[i].observed, buf, sizeof(buf)),
		                 cases[i].shown);
		ck_assert_str_eq(limit_unit(&slo), cases[i].unit);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("slo");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, limits_have_one_canonical_form);
	tcase_add_test(tcase, a_limit_may_name_its_service);
	tcase_add_test(tcase, bad_limits_say_why);
	tcase_add_test(tcase, observed_values_show_their_side_of_the_limit);
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
