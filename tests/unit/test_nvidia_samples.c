/*
 * NVIDIA's own files against our statistics: a real AIPerf run recomputed from its records, and the
 * per-request values that GenAI-Perf's tests expect. Skips where the sample files are absent.
 */
#include "base/mem.h"
#include "base/vec.h"
#include "metric/quantile.h"
#include "metric/request_log.h"
#include "metric/summary.h"

#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AIPERF "../shared/formats/aiperf/"
#define GENAI_PERF "../shared/formats/genai-perf/"
#define LINE_MAX_BYTES (1 << 20)

typedef VEC(double) reals;

static bool absent(const char *file, const char *test)
{
	FILE *f = fopen(file, "r");

	if (f == NULL) {
		fprintf(stderr, "%s: SKIPPED, no %s\n", test, file);
		return true;
	}
	fclose(f);
	return false;
}

static json_t *load(const char *file)
{
	json_error_t why;
	json_t *root = json_load_file(file, 0, &why);

	ck_assert_msg(root != NULL, "%s: %s", file, why.text);
	return root;
}

/* The answered requests of the AIPerf sample, one parsed line each. */
static json_t *answered(void)
{
	char *line = mem_new(LINE_MAX_BYTES, 1);
	FILE *f = fopen(AIPERF "profile_export.jsonl", "r");
	json_t *all = json_array();

	ck_assert_ptr_nonnull(f);
	while (fgets(line, LINE_MAX_BYTES, f) != NULL) {
		json_t *record = json_loads(line, 0, NULL);

		ck_assert_ptr_nonnull(record);
		if (json_is_null(json_object_get(record, "error"))) {
			json_array_append(all, record);
		}
		json_decref(record);
	}
	fclose(f);
	free(line);
	return all;
}

/* Value of a metric of one record; NULL when it has none. */
static const json_t *metric(const json_t *record, const char *tag)
{
	return json_object_get(json_object_get(json_object_get(record, "metrics"), tag), "value");
}

/* All values of a metric, lists strung together; caller frees .at. */
static reals values(const json_t *records, const char *tag)
{
	reals all = {0};

	for (size_t i = 0; i < json_array_size(records); i++) {
		const json_t *v = metric(json_array_get(records, i), tag);

		if (json_is_number(v)) {
			vec_push(&all, json_number_value(v));
		}
		for (size_t k = 0; k < json_array_size(v); k++) {
			vec_push(&all, json_number_value(json_array_get(v, k)));
		}
	}
	return all;
}

static void same(const char *tag, const char *stat, double ours, double theirs)
{
	ck_assert_msg(fabs(ours - theirs) <= 1e-6 * fmax(1.0, fabs(theirs)),
	              "%s %s: %.12g, not %.12g", tag, stat, ours, theirs);
}

/* Every statistic that the file states for a metric. */
static void same_dist(const json_t *summary, const char *tag, const struct dist *d)
{
	static const char *const percentiles[DIST_PERCENTILES] = {"p1",  "p5",  "p10", "p25", "p50",
	                                                          "p75", "p90", "p95", "p99"};
	const json_t *theirs = json_object_get(json_object_get(summary, "records"), tag);
	size_t compared = 0;

	ck_assert_msg(theirs != NULL, "no %s", tag);
	same(tag, "count", (double)d->count, json_number_value(json_object_get(theirs, "count")));
	same(tag, "avg", d->avg, json_number_value(json_object_get(theirs, "avg")));
	same(tag, "std", d->std, json_number_value(json_object_get(theirs, "std")));
	same(tag, "min", d->min, json_number_value(json_object_get(theirs, "min")));
	same(tag, "max", d->max, json_number_value(json_object_get(theirs, "max")));
	for (size_t i = 0; i < DIST_PERCENTILES; i++) {
		const json_t *v = json_object_get(theirs, percentiles[i]);

		if (v != NULL) {
			same(tag, percentiles[i], d->p[i], json_number_value(v));
			compared++;
		}
	}
	ck_assert_uint_eq(compared, 8); /* this build wrote no p10 */
}

static double scalar(const json_t *summary, const char *tag)
{
	const json_t *m = json_object_get(json_object_get(summary, "records"), tag);

	ck_assert_ptr_nonnull(m);
	return json_number_value(json_object_get(m, "avg"));
}

START_TEST(aiperf_distributions)
{
	static const char *const tags[] = {
		"input_sequence_length",
		"ttft",
		"ttst",
		"request_latency",
		"output_token_count",
		"reasoning_token_count",
		"inter_chunk_latency",
		"output_sequence_length",
		"inter_token_latency",
		"output_token_throughput_per_user",
	};

	if (absent(AIPERF "profile_export.jsonl", "aiperf_distributions")) {
		return;
	}
	json_t *summary = load(AIPERF "profile_export_aiperf.json"), *records = answered();

	ck_assert_uint_eq(json_array_size(records), 89);
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		reals v = values(records, tags[i]);
		struct dist d;

		quantile_sort_real(v.at, v.n);
		dist_of_reals(v.at, v.n, &d);
		same_dist(summary, tags[i], &d);
		free(v.at);
	}
	json_decref(summary);
	json_decref(records);
}
END_TEST

static ns_t ns_of(double ms)
{
	return (ns_t)llround(ms * 1e6);
}

/* A record of the sample as ours, from a clock that starts at `epoch`. */
static struct request_record as_request(const json_t *record, ns_t epoch)
{
	const json_t *meta = json_object_get(record, "metadata");
	ns_t arrival = json_integer_value(json_object_get(meta, "timestamp_ns")) - epoch;
	ns_t first = arrival + ns_of(json_number_value(metric(record, "ttft")));

	return (struct request_record){
		.arrival = arrival,
		.admitted = arrival,
		.first = first,
		.second = first + ns_of(json_number_value(metric(record, "ttst"))),
		.end = arrival + ns_of(json_number_value(metric(record, "request_latency"))),
		.input_tokens =
			(int32_t)json_integer_value(metric(record, "input_sequence_length")),
		.output_tokens =
			(int32_t)json_integer_value(metric(record, "output_sequence_length")),
	};
}

/* The whole way through the log: what a simulated run of these requests would report. */
START_TEST(aiperf_through_the_log)
{
	if (absent(AIPERF "profile_export.jsonl", "aiperf_through_the_log")) {
		return;
	}
	json_t *summary = load(AIPERF "profile_export_aiperf.json"), *records = answered();
	struct request_log *log = request_log_new(1, true);
	struct service_summary s = {0};

	for (size_t i = 0; i < json_array_size(records); i++) {
		const json_t *record = json_array_get(records, i);
		const json_t *gaps = metric(record, "inter_chunk_latency");
		struct request_record r = as_request(record, INT64_C(1759522419000000000));

		request_log_add(log, &r);
		for (size_t k = 0; k < json_array_size(gaps); k++) {
			ns_t gap = ns_of(json_number_value(json_array_get(gaps, k)));

			request_log_gaps(log, 0, gap << TICK_SHIFT, 0, 1, 1);
		}
	}
	summary_service(log, 0, NULL, 0, &s);
	same_dist(summary, "input_sequence_length", &s.input_tokens);
	same_dist(summary, "output_sequence_length", &s.output_tokens);
	same_dist(summary, "ttft", &s.ttft_ms);
	same_dist(summary, "ttst", &s.ttst_ms);
	same_dist(summary, "request_latency", &s.latency_ms);
	same_dist(summary, "inter_token_latency",
	          &s.tpot_ms); /* rounding to ns is far below 1e-6 */
	same_dist(summary, "output_token_throughput_per_user", &s.tps_user);
	same("duration", "", ns_to_seconds(s.last_end - s.first_arrival),
	     scalar(summary, "benchmark_duration"));
	same("requests", "per s", s.requests_per_s, scalar(summary, "request_throughput"));
	same("tokens", "per s", s.output_tokens_per_s, scalar(summary, "output_token_throughput"));
	same("total_isl", "", s.input_tokens.sum, scalar(summary, "total_isl"));
	same("total_osl", "", s.output_tokens.sum, scalar(summary, "total_osl"));
	/* gaps come from the histogram: average exact, percentiles within 0.1 % */
	const json_t *icl =
		json_object_get(json_object_get(summary, "records"), "inter_chunk_latency");
	double p95 = json_number_value(json_object_get(icl, "p95"));

	ck_assert_int_eq(s.itl_ms.count, 21537);
	same("inter_chunk_latency", "avg", s.itl_ms.avg, scalar(summary, "inter_chunk_latency"));
	ck_assert_double_eq_tol(s.itl_ms.p[7], p95, 1e-3 * p95);
	request_log_free(log);
	json_decref(summary);
	json_decref(records);
}
END_TEST

/* True when a chunk carries text: "content" of a chat chunk, or anything in the other shapes. */
static bool has_text(const json_t *output)
{
	const char *chat = json_string_value(json_object_get(output, "response"));

	if (chat != NULL) {
		const char *content = strstr(chat, "\"content\":\"");

		return content != NULL && content[strlen("\"content\":\"")] != '"';
	}
	return true;
}

static struct request_record from_chunks(const json_t *request, int32_t input, int32_t output)
{
	const json_t *times = json_object_get(request, "response_timestamps");
	const json_t *outputs = json_object_get(request, "response_outputs");
	struct request_record r = {
		.arrival = json_integer_value(json_object_get(request, "timestamp")),
		.input_tokens = input,
		.output_tokens = output,
	};
	size_t chunks = 0;

	r.admitted = r.arrival;
	for (size_t i = 0; i < json_array_size(times); i++) {
		ns_t t = json_integer_value(json_array_get(times, i));

		if (has_text(json_array_get(outputs, i))) {
			r.first = chunks == 0 ? t : r.first;
			r.second = chunks == 1 ? t : r.second;
			r.end = t;
			chunks++;
		}
	}
	return r;
}

static int64_t expected(const json_t *want, const char *tag, size_t i)
{
	const json_t *v = json_array_get(json_object_get(want, tag), i);

	ck_assert_msg(json_is_integer(v), "no %s[%zu]", tag, i);
	return json_integer_value(v);
}

/* One experiment: the values of each request, and the rates of all. */
static void check_experiment(const char *name, const json_t *experiment, const json_t *want)
{
	static const struct {
		const char *tag;
		enum request_metric metric;
	} tags[] = {
		{"request_latency", METRIC_LATENCY},       {"time_to_first_token", METRIC_TTFT},
		{"time_to_second_token", METRIC_TTST},     {"inter_token_latency", METRIC_TPOT},
		{"output_sequence_length", METRIC_OUTPUT}, {"input_sequence_length", METRIC_INPUT},
	};
	const json_t *requests = json_object_get(experiment, "requests");
	struct request_log *log = request_log_new(1, true);
	struct service_summary s = {0};

	ck_assert_uint_eq(json_array_size(requests), 2);
	for (size_t i = 0; i < 2; i++) {
		struct request_record r =
			from_chunks(json_array_get(requests, i),
		                    (int32_t)expected(want, "input_sequence_length", i),
		                    (int32_t)expected(want, "output_sequence_length", i));

		for (size_t m = 0; m < sizeof(tags) / sizeof(tags[0]); m++) {
			int64_t v = -1;

			ck_assert(request_value(&r, tags[m].metric, &v));
			ck_assert_msg(v == expected(want, tags[m].tag, i),
			              "%s: %s of request %zu is %lld", name, tags[m].tag, i,
			              (long long)v);
		}
		request_log_add(log, &r);
	}
	summary_service(log, 0, NULL, 0, &s);
	same(name, "request_throughput", s.requests_per_s / 1e9,
	     json_number_value(json_object_get(want, "request_throughput_per_ns")));
	same(name, "output_token_throughput", s.output_tokens_per_s / 1e9,
	     json_number_value(json_object_get(want, "output_token_throughput_per_ns")));
	request_log_free(log);
}

START_TEST(genai_perf_vectors)
{
	size_t experiments = 0;
	const char *file;
	json_t *wanted;

	if (absent(GENAI_PERF "expected_metrics.json", "genai_perf_vectors")) {
		return;
	}
	json_t *all = load(GENAI_PERF "expected_metrics.json");

	json_object_foreach(all, file, wanted) {
		if (!json_is_object(wanted)) {
			continue;
		}
		char *path = mem_printf(GENAI_PERF "%s", file);
		json_t *root = load(path), *list = json_object_get(root, "experiments");

		for (size_t i = 0; i < json_array_size(list); i++) {
			const json_t *e = json_array_get(list, i),
				     *how = json_object_get(e, "experiment");
			const json_t *value = json_object_get(how, "value");
			bool whole = json_is_integer(value);
			char *key = mem_printf(whole ? "%s=%.0f" : "%s=%.1f",
			                       json_string_value(json_object_get(how, "mode")),
			                       json_number_value(value));
			const json_t *want = json_object_get(wanted, key);

			if (want != NULL) {
				check_experiment(file, e, want);
				experiments++;
			}
			free(key);
		}
		json_decref(root);
		free(path);
	}
	ck_assert_uint_eq(experiments, 5);
	json_decref(all);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nvidia samples");
	TCase *t = tcase_create("nvidia samples");

	tcase_add_test(t, aiperf_distributions);
	tcase_add_test(t, aiperf_through_the_log);
	tcase_add_test(t, genai_perf_vectors);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed != 0;
}
