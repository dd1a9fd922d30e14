/* What the reports of a tiny hand-made run say, byte by byte where other tools read them. */
#include "report_run.h"

#include "base/mem.h"
#include "report/gnuplot.h"

#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The value at a path of keys in a parsed document; fails the test when absent. */
static const json_t *at(const json_t *root, const char *path)
{
	char key[64];

	for (const char *p = path; root != NULL && *p != '\0';) {
		size_t n = strcspn(p, "/");

		snprintf(key, sizeof(key), "%.*s", (int)n, p);
		root = json_is_array(root) ? json_array_get(root, (size_t)atoi(key))
		                           : json_object_get(root, key);
		p += n + (p[n] == '/' ? 1 : 0);
	}
	ck_assert_msg(root != NULL, "no %s", path);
	return root;
}

static double number(const json_t *root, const char *path)
{
	return json_number_value(at(root, path));
}

static json_t *parsed(char *text)
{
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	ck_assert_msg(root != NULL, "not JSON: %s", text);
	free(text);
	return root;
}

/* Row order, CRLF, quoted cells and the two tables are those of GenAI-Perf's own exporter. */
START_TEST(genai_perf_csv)
{
	struct report_run run;

	report_run_init(&run, 1, true);
	char *text = text_of_service(report_genai_perf_csv, &run.report, 0);

	ck_assert_str_eq(
		text,
		"Metric,avg,min,max,p99,p95,p90,p75,p50,p25,p10,p5,p1\r\n"
		"Time To First Token (ms),120.00,100.00,140.00,139.60,138.00,136.00,130.00,120.00,110.00,"
		"104.00,102.00,100.40\r\n"
		"Time To Second Token (ms),23.33,10.00,40.00,39.60,38.00,36.00,30.00,20.00,15.00,12.00,"
		"11.00,10.20\r\n"
		"Request Latency (ms),353.33,200.00,540.00,535.60,518.00,496.00,430.00,320.00,260.00,"
		"224.00,212.00,202.40\r\n"
		"Inter Token Latency (ms),23.33,10.00,40.00,39.60,38.00,36.00,30.00,20.00,15.00,12.00,"
		"11.00,10.20\r\n"
		"Output Token Throughput Per User (tokens/sec/user),58.33,25.00,100.00,99.00,95.00,90.00,"
		"75.00,50.00,37.50,30.00,27.50,25.50\r\n"
		"Output Sequence Length (tokens),11.00,11.00,11.00,11.00,11.00,11.00,11.00,11.00,11.00,"
		"11.00,11.00,11.00\r\n"
		"Input Sequence Length (tokens),\"1,500.00\",500.00,\"2,500.00\",\"2,480.00\","
		"\"2,400.00\",\"2,300.00\",\"2,000.00\",\"1,500.00\",\"1,000.00\",700.00,600.00,520.00\r\n"
		"\r\n"
		"Metric,Value\r\n"
		"Output Token Throughput (tokens/sec),51.56\r\n"
		"Request Throughput (per sec),4.69\r\n"
		"Request Goodput (per sec),1.56\r\n"
		"Request Count (count),3.00\r\n");
	free(text);
	run.summary.services[0].streaming = false;
	run.summary.services[0].goodput_per_s = (double)NAN;
	run.summary.services[0].requests_per_s = 1234567.25;
	text = text_of_service(report_genai_perf_csv, &run.report, 0);
	ck_assert_ptr_null(strstr(text, "First Token"));
	ck_assert_ptr_null(strstr(text, "Inter Token"));
	ck_assert_ptr_null(strstr(text, "Goodput"));
	ck_assert_ptr_nonnull(
		strstr(text, "\r\nRequest Throughput (per sec),\"1,234,567.25\"\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nOutput Sequence Length (tokens),11.00,"));
	free(text);
	report_run_fini(&run);
}
END_TEST

START_TEST(genai_perf_json)
{
	struct report_run run;

	report_run_init(&run, 1, true);
	json_t *root = parsed(text_of_service(report_genai_perf_json, &run.report, 0));

	ck_assert_double_eq(number(root, "request_throughput/avg"), 4.6875);
	ck_assert_str_eq(json_string_value(at(root, "request_throughput/unit")), "requests/sec");
	ck_assert_uint_eq(json_object_size(at(root, "request_throughput")), 2);
	ck_assert_double_eq(number(root, "request_goodput/avg"), 1.5625);
	ck_assert_double_eq(number(root, "output_token_throughput/avg"), 51.5625);
	ck_assert_double_eq_tol(number(root, "time_to_first_token/p99"), 139.6, 1e-9);
	ck_assert_double_eq_tol(number(root, "inter_token_latency/std"), 12.472191289246469, 1e-12);
	ck_assert_uint_eq(json_object_size(at(root, "inter_token_latency")), 14);
	ck_assert_double_eq(number(root, "output_token_throughput_per_user/max"), 100.0);
	ck_assert_double_eq(number(root, "input_config/perf_analyzer/stimulus/concurrency"), 3.0);
	ck_assert_str_eq(json_string_value(at(root, "input_config/model_names/0")),
	                 "llama-3.1-8b-instruct");
	json_decref(root);
	report_run_fini(&run);
}
END_TEST

START_TEST(aiperf_csv)
{
	struct report_run run;

	report_run_init(&run, 1, true);
	char *text = text_of_service(report_aiperf_csv, &run.report, 0);
	const char *rows = text;
	static const char *const starts[] = {
		"Metric,avg,min,max,sum,p1,p5,p10,p25,p50,p75,p90,p95,p99,std\r\n",
		("Input Sequence Length (tokens),1500.00,500.00,2500.00,4500.00,520.00,600.00,700.00,"
	         "1000.00,1500.00,2000.00,2300.00,2400.00,2480.00,816.50\r\n"),
		"Inter Chunk Latency (ms),23.33,10.00,40.00,700.00,",
		"Inter Token Latency (ms),23.33,10.00,40.00,70.00,",
		"Output Sequence Length (tokens),",
		"Output Token Count (tokens),",
		"Output Token Throughput Per User (tokens/sec/user),58.33,",
		"Request Latency (ms),353.33,",
		"Time to First Token (ms),120.00,",
		"Time to Second Token (ms),23.33,",
		"\r\n",
		"Metric,Value\r\n",
		"Benchmark Duration (sec),0.64\r\n",
		"Error Request Count,1.00\r\n",
		"Good Request Count,1.00\r\n",
		"Goodput (requests/sec),1.56\r\n",
		"Maximum Response Timestamp (ns),640000000.00\r\n",
		"Minimum Request Timestamp (ns),0.00\r\n",
		"Output Token Throughput (tokens/sec),51.56\r\n",
		"Request Count,3.00\r\n",
		"Request Throughput (requests/sec),4.69\r\n",
		"Total Input Sequence Length (tokens),4500.00\r\n",
		"Total Output Sequence Length (tokens),33.00\r\n",
		"Total Output Tokens (tokens),33.00\r\n",
		"Total Token Throughput (tokens/sec),7082.81\r\n",
	};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		ck_assert_msg(strncmp(rows, starts[i], strlen(starts[i])) == 0, "row %zu is not %s",
		              i, starts[i]);
		rows = strstr(rows, "\r\n");
		ck_assert_ptr_nonnull(rows);
		rows += 2;
	}
	ck_assert_str_eq(rows, "");
	free(text);
	report_run_fini(&run);
}
END_TEST

START_TEST(aiperf_json)
{
	struct report_run run;

	report_run_init(&run, 1, true);
	json_t *root = parsed(text_of_service(report_aiperf_json, &run.report, 0));

	ck_assert_str_eq(json_string_value(at(root, "schema_version")), "1.4");
	ck_assert_double_eq(number(root, "time_to_first_token/avg"), 120.0);
	ck_assert_double_eq(number(root, "time_to_first_token/count"), 3.0);
	ck_assert_double_eq(number(root, "inter_chunk_latency/count"), 30.0);
	ck_assert_double_eq(number(root, "benchmark_duration/avg"), 0.64);
	ck_assert_uint_eq(json_object_size(at(root, "benchmark_duration")), 2);
	ck_assert_double_eq(number(root, "total_osl/avg"), 33.0);
	ck_assert_double_eq(number(root, "error_summary/0/count"), 1.0);
	ck_assert_double_eq(number(root, "input_config/loadgen/concurrency"), 3.0);
	ck_assert(json_is_false(at(root, "was_cancelled")));
	ck_assert_str_eq(json_string_value(at(root, "end_time")), "1970-01-01T00:00:01.500000");
	json_decref(root);
	/* the clock rolls over days, months and leap years: 1972-02-29 is day 789 */
	run.summary.simulated = NS_PER_S * (789 * 86400 + 3661) + 42000;
	root = parsed(text_of_service(report_aiperf_json, &run.report, 0));
	ck_assert_str_eq(json_string_value(at(root, "end_time")), "1972-02-29T01:01:01.000042");
	json_decref(root);
	report_run_fini(&run);
}
END_TEST

START_TEST(aiperf_records)
{
	struct report_run run;

	report_run_init(&run, 2, true);
	char *text = text_of(report_aiperf_records, &run.report);
	const char *line = text;
	json_t *records[6];

	for (size_t i = 0; i < 6; i++) {
		const char *end = strchr(line, '\n');

		ck_assert_ptr_nonnull(end);
		records[i] = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL);
		ck_assert_ptr_nonnull(records[i]);
		line = end + 1;
	}
	ck_assert_str_eq(line, "");
	ck_assert_str_eq(json_string_value(at(records[0], "metadata/benchmark_phase")), "warmup");
	ck_assert_str_eq(json_string_value(at(records[1], "metadata/benchmark_phase")),
	                 "profiling");
	ck_assert_int_eq(json_integer_value(at(records[2], "metadata/request_start_ns")), 50000000);
	ck_assert_int_eq(json_integer_value(at(records[2], "metadata/request_end_ns")), 370000000);
	ck_assert_int_eq(json_integer_value(at(records[2], "metadata/sim_replica")), 1);
	ck_assert_double_eq(number(records[2], "metadata/sim_queue_ms"), 5.0);
	ck_assert_double_eq(number(records[2], "metrics/time_to_first_token/value"), 120.0);
	ck_assert_double_eq(number(records[2], "metrics/request_latency/value"), 320.0);
	ck_assert_double_eq(number(records[2], "metrics/inter_token_latency/value"), 20.0);
	ck_assert(json_is_integer(at(records[2], "metrics/output_sequence_length/value")));
	ck_assert(json_is_null(at(records[2], "error")));
	ck_assert_int_eq(json_integer_value(at(records[4], "error/code")), 503);
	ck_assert_int_eq(json_integer_value(at(records[4], "metrics/error_isl/value")), 700);
	ck_assert_ptr_null(json_object_get(at(records[4], "metrics"), "request_latency"));
	/* the embedding model has no tokens to time */
	ck_assert_double_eq(number(records[5], "metrics/request_latency/value"), 12.345678);
	ck_assert_ptr_null(json_object_get(at(records[5], "metrics"), "time_to_first_token"));
	ck_assert_ptr_null(json_object_get(at(records[5], "metrics"), "output_sequence_length"));
	for (size_t i = 0; i < 6; i++) {
		json_decref(records[i]);
	}
	free(text);
	report_run_fini(&run);
}
END_TEST

START_TEST(summary_json)
{
	struct report_run run;

	report_run_init(&run, 2, false);
	char *text = text_of(report_json, &run.report);
	static const char *const order[] = {
		"\"schema\": \"aliquot/summary/1\"",
		"\"scenario\"",
		"\"build\"",
		"\"verdict\": \"fail\"",
		"\"limits\"",
		"\"simulated_s\": 1.5",
		"\"events\": 12345",
		"\"services\"",
		"\"requests\"",
		"\"ttft_ms\"",
		"\"tpot_ms\"",
		"\"itl_ms\"",
		"\"latency_ms\"",
		"\"queue_ms\"",
		"\"output_tokens_per_s_per_user\"",
		"\"output_tokens_per_s\"",
		"\"input_tokens_per_s\"",
		"\"requests_per_s\"",
		"\"goodput_per_s\"",
		"\"kv\"",
		"\"replicas\"",
		"\"cluster\"",
		"\"binding\"",
	};
	const char *from = text;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		from = strstr(from, order[i]);
		ck_assert_msg(from != NULL, "%s is missing or too early", order[i]);
	}
	json_t *root = parsed(text);

	ck_assert_str_eq(json_string_value(at(root, "limits/1/limit")), "latency.p50 <= 256 ms");
	ck_assert(json_is_false(at(root, "limits/1/ok")));
	ck_assert_double_eq(number(root, "services/chat/requests/submitted"), 4.0);
	ck_assert_double_eq(number(root, "services/chat/output_tokens_per_s"), 51.5625);
	ck_assert_double_eq(number(root, "services/chat/goodput_per_s"), 1.5625);
	ck_assert_double_eq(number(root, "services/chat/kv/peak_tokens"), 250.0);
	ck_assert_double_eq(number(root, "cluster/gpu_busy_pct"), 50.0);
	/* no limits: undefined; an embedding model: no such key */
	ck_assert(json_is_null(at(root, "services/embed docs/goodput_per_s")));
	ck_assert_ptr_null(json_object_get(at(root, "services/embed docs"), "ttft_ms"));
	ck_assert_ptr_null(json_object_get(root, "incomplete"));
	json_decref(root);
	report_run_fini(&run);
}
END_TEST

START_TEST(summary_json_of_nothing)
{
	struct report_run run;

	report_run_init(&run, 1, false);
	dist_of_nothing(&run.summary.services[0].ttft_ms);
	run.summary.incomplete = true;
	json_t *root = parsed(text_of(report_json, &run.report));

	ck_assert(json_is_null(at(root, "services/chat/ttft_ms/p95")));
	ck_assert_double_eq(number(root, "services/chat/ttft_ms/count"), 0.0);
	ck_assert(json_is_true(at(root, "incomplete")));
	json_decref(root);
	report_run_fini(&run);
}
END_TEST

#define UNCALIBRATED "uncalibrated: engine profile trtllm on h100-nvl, constants set by hand"

START_TEST(manifest)
{
	struct report_run run;

	report_run_init(&run, 1, true);
	json_t *root = parsed(text_of(report_manifest, &run.report));
	char *hash = mem_strdup(json_string_value(at(root, "parameters_hash")));

	ck_assert_uint_eq(strlen(hash), 16);
	ck_assert_str_eq(json_string_value(at(root, "options/services.chat.replicas/value")), "2");
	ck_assert_str_eq(json_string_value(at(root, "overrides/0/path")), "seed");
	ck_assert_uint_eq(json_array_size(at(root, "overrides")), 1);
	ck_assert_str_eq(json_string_value(at(root, "assumptions/0")), "none published");
	ck_assert(json_is_false(at(root, "trust/chat/calibrated")));
	ck_assert_str_eq(json_string_value(at(root, "trust/chat/gpus/h100-nvl/text")),
	                 UNCALIBRATED);
	json_decref(root);
	/* another constant: another hash, and it is said who set it */
	run.costs[0].constants.e_compute = 0.5;
	json_t *own = json_pack("{s:f}", "e_compute", 0.5);

	run.services[0].own_costs = own;
	root = parsed(text_of(report_manifest, &run.report));
	ck_assert_str_ne(json_string_value(at(root, "parameters_hash")), hash);
	ck_assert_str_eq(json_string_value(at(root, "trust/chat/gpus/h100-nvl/text")),
	                 UNCALIBRATED ", some by this scenario");
	json_decref(root);
	json_decref(own);
	free(hash);
	report_run_fini(&run);
}
END_TEST

START_TEST(timeslices)
{
	struct report_run run;

	report_run_init(&run, 1, true);
	char *text = text_of(report_timeslices, &run.report);

	ck_assert_str_eq(text, "time_s,series,labels,value\n");
	free(text);
	report_run_add_series(&run);
	run.summary.services[0].name = "a,\"b\"";
	text = text_of(report_timeslices, &run.report);
	ck_assert_ptr_eq(strstr(text, "time_s,series,labels,value\n"
	                              "0,running_avg,\"service=a,\"\"b\"\"\",1\n"
	                              "0,running_max,\"service=a,\"\"b\"\"\",1\n"
	                              "0.001048576,running_avg,\"service=a,\"\"b\"\"\",4\n"),
	                 text);
	free(text);
	report_run_fini(&run);
}
END_TEST

START_TEST(figure_data)
{
	struct report_run run;

	report_run_init(&run, 2, true);
	report_run_add_series(&run);
	char *text = text_of_service(gnuplot_data, &run.report, 0);

	ck_assert_ptr_eq(
		strstr(text, "# percent ttft_ms tpot_ms itl_ms latency_ms\n0 100 10 10 200\n"),
		text);
	ck_assert_ptr_nonnull(
		strstr(text, "\n100 140 40 40 540\n\n\n# time_s running_avg running_max\n"
	                     "0 1 1\n0.001048576 4 4\n0.001572864 4 4\n\n\n# time_s waiting"));
	free(text);
	text = text_of_service(gnuplot_data, &run.report, 1);
	ck_assert_ptr_nonnull(strstr(text, "\n50 12.345678 ? ? 12.345678\n"));
	ck_assert_ptr_null(strstr(text, "running"));
	free(text);
	report_run_fini(&run);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("report");

	tcase_add_test(t, genai_perf_csv);
	tcase_add_test(t, genai_perf_json);
	tcase_add_test(t, aiperf_csv);
	tcase_add_test(t, aiperf_json);
	tcase_add_test(t, aiperf_records);
	tcase_add_test(t, summary_json);
	tcase_add_test(t, summary_json_of_nothing);
	tcase_add_test(t, manifest);
	tcase_add_test(t, timeslices);
	tcase_add_test(t, figure_data);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed != 0;
}
