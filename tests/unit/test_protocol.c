/*
 * Protocols: which rules hold for which runs and what they leave, and every way of being wrong.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "study/protocol.h"
#include "study.h"

static struct test_study t;

static void set_up(void)
{
	test_study_begin(&t);
}

static void tear_down(void)
{
	test_study_end(&t);
}

static const struct protocol_ask asks = {.gpu = "h100-sxm",
                                         .model = "llama-3.1-8b-instruct",
                                         .engine = "vllm",
                                         .engine_version = "0.9",
                                         .precision = "bf16",
                                         .load = "closed",
                                         .workload = "",
                                         .tp = 2,
                                         .isl = 131072.0,
                                         .osl = 128.5,
                                         .sharing = "exclusive",
                                         .note = "IO2 SSD, streamer"};

static struct protocol *read_rules(const char *rules)
{
	char *const text =
		mem_printf("{\"name\": \"s\", \"title\": \"test\", \"rules\": [%s]}", rules);
	test_study_file(&t, "models/protocol/s.json", text);
	free(text);
	data_dir_close(t.data);
	t.data = data_dir_open(t.folder, NULL, t.err);
	return protocol_read("s", t.data, t.err);
}

static void apply_rules(const char *rules, const struct protocol_ask *ask,
                        struct protocol_terms *out)
{
	struct protocol *const p = read_rules(rules);
	if (p == NULL) {
		ck_abort_msg("%s", err_message(t.err, 0));
	}
	ck_assert_str_eq(protocol_name(p), "s");
	protocol_apply(p, ask, out);
	out->engine_version = ""; /* it borrows from the protocol */
	protocol_free(p);
}

START_TEST(without_rules)
{
	struct protocol_terms terms;
	apply_rules("{\"source\": \"x\"}", &asks, &terms);
	ck_assert_int_eq(terms.requests_per_user, 10);
	ck_assert_int_eq(terms.requests, 0);
	ck_assert_int_eq(terms.warmup_requests_per_user, 0);
	ck_assert_int_eq(terms.prompts, 1000);
	ck_assert_int_eq(terms.seqs, SEQS_PROFILE);
	ck_assert_double_eq(terms.length_share, 1.0);
	ck_assert_double_eq(terms.length_spread, 0.0);
	ck_assert(!terms.fitted);
	ck_assert_uint_eq(json_object_size(terms.engine_options), 0);
	ck_assert_uint_eq(json_object_size(terms.service), 0);
	ck_assert_uint_eq(json_object_size(terms.load), 0);
	protocol_terms_fini(&terms);
}
END_TEST

START_TEST(later_rules_lie_over_earlier_ones)
{
	struct protocol_terms terms;
	apply_rules("{\"source\": \"a\", \"requests\": 500, \"prompts\": 70, \"max_num_seqs\": 9,"
	            " \"warmup_requests_per_user\": 1, \"length_share\": \"80%\","
	            " \"length_spread\": 0.5, \"fitted\": true,"
	            " \"engine_options\": {\"overlap\": true, \"kv_block_tokens\": 16}},"
	            "{\"source\": \"b\", \"engine_options\": {\"kv_block_tokens\": 32},"
	            " \"services\": {\"kv_precision\": \"fp8\"}, \"loads\": {\"think\": \"1s\"}},"
	            "{\"source\": \"c\", \"requests_per_user\": 4, \"max_num_seqs\": \"users\"}",
	            &asks, &terms);
	ck_assert_int_eq(terms.requests, 0); /* rounds again */
	ck_assert_int_eq(terms.requests_per_user, 4);
	ck_assert_int_eq(terms.prompts, 70);
	ck_assert_int_eq(terms.warmup_requests_per_user, 1);
	ck_assert_int_eq(terms.seqs, SEQS_USERS);
	ck_assert_double_eq(terms.length_share, 0.8);
	ck_assert_double_eq(terms.length_spread, 0.5);
	ck_assert(terms.fitted);
	ck_assert(json_is_true(json_object_get(terms.engine_options, "overlap")));
	ck_assert_int_eq(
		json_integer_value(json_object_get(terms.engine_options, "kv_block_tokens")), 32);
	ck_assert_str_eq(json_string_value(json_object_get(terms.service, "kv_precision")), "fp8");
	ck_assert_str_eq(json_string_value(json_object_get(terms.load, "think")), "1s");
	protocol_terms_fini(&terms);
}
END_TEST

START_TEST(null_is_not_said)
{
	struct protocol_terms terms;
	apply_rules("{\"source\": \"a\", \"requests\": 500, \"prompts\": 70},"
	            "{\"source\": \"b\", \"requests\": null, \"requests_per_user\": null,"
	            " \"prompts\": null, \"max_num_seqs\": null, \"engine_version\": null,"
	            " \"warmup_requests_per_user\": null, \"length_share\": null, \"when\": null,"
	            " \"engine_options\": null, \"services\": null, \"loads\": null}",
	            &asks, &terms);
	ck_assert_int_eq(terms.requests, 500);
	ck_assert_int_eq(terms.prompts, 70);
	protocol_terms_fini(&terms);
}
END_TEST

static const struct {
	const char *when;
	bool holds;
} conditions[] = {
	{"{}", true},
	{"{\"gpu\": \"h100-sxm\"}", true},
	{"{\"gpu\": \"h200-sxm\"}", false},
	{"{\"gpu\": [\"h200-sxm\", \"h100-sxm\"]}", true},
	{"{\"gpu\": []}", false},
	{"{\"model\": \"llama-3.1-8b-instruct\"}", true},
	{"{\"model\": \"llama-3.1-70b\"}", false},
	{"{\"engine\": \"vllm\"}", true},
	{"{\"engine\": [\"trtllm\", \"sglang\"]}", false},
	{"{\"engine_version\": \"0.9\"}", true},
	{"{\"engine_version\": \"0.90\"}", false},
	{"{\"engine_version\": \"\"}", false},
	{"{\"precision\": \"bf16\"}", true},
	{"{\"precision\": \"fp8\"}", false},
	{"{\"load\": \"closed\"}", true},
	{"{\"load\": [\"flood\", \"open\", \"step\"]}", false},
	{"{\"workload\": \"\"}", true},
	{"{\"workload\": \"chat\"}", false},
	{"{\"tp\": \"2\"}", true},
	{"{\"tp\": \"1\"}", false},
	{"{\"isl\": \"131072\"}", true},
	{"{\"isl\": \"131000\"}", false},
	{"{\"osl\": \"128.5\"}", true},
	{"{\"osl\": \"128\"}", false},
	{"{\"gpu\": \"h100-sxm\", \"tp\": \"2\", \"load\": \"closed\"}", true},
	{"{\"gpu\": \"h100-sxm\", \"tp\": \"1\", \"load\": \"closed\"}", false},
};

START_TEST(conditions_hold)
{
	struct protocol_terms terms;
	char *const rules = mem_printf("{\"source\": \"a\", \"prompts\": 7, \"when\": %s}",
	                               conditions[_i].when);
	apply_rules(rules, &asks, &terms);
	ck_assert_msg((terms.prompts == 7) == conditions[_i].holds, "%s", conditions[_i].when);
	protocol_terms_fini(&terms);
	free(rules);
}
END_TEST

START_TEST(the_version_a_protocol_knows)
{
	struct protocol *const p = read_rules("{\"source\": \"a\", \"engine_version\": \"7\"}");
	struct protocol_terms terms;
	ck_assert_ptr_nonnull(p);
	protocol_apply(p, &asks, &terms);
	ck_assert_str_eq(terms.engine_version, "7");
	protocol_terms_fini(&terms);
	protocol_free(p);
}
END_TEST

START_TEST(a_source_without_a_protocol)
{
	t.data = data_dir_open(t.folder, NULL, t.err);
	struct protocol *const p = protocol_read("no-such-source", t.data, t.err);
	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(protocol_name(p), "default");
	protocol_free(p);
}
END_TEST

START_TEST(an_alias_of_a_protocol)
{
	test_study_file(&t, "models/protocol/s.json",
	                "{\"name\": \"s\", \"title\": \"t\", \"aliases\": [\"other_source\"],"
	                " \"rules\": []}");
	t.data = data_dir_open(t.folder, NULL, t.err);
	struct protocol *const p = protocol_read("Other-Source", t.data, t.err);
	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(protocol_name(p), "s");
	protocol_free(p);
}
END_TEST

START_TEST(nothing_to_fall_back_on)
{
	char *const file = test_study_path(&t, "models/protocol/default.json");
	ck_assert_int_eq(remove(file), 0);
	t.data = data_dir_open(t.folder, NULL, t.err);
	ck_assert_ptr_null(protocol_read("x", t.data, t.err));
	ck_assert_int_eq(err_exit_code(t.err), ERR_IO);
	free(file);
}
END_TEST

START_TEST(all_bundled_protocols_are_good)
{
	size_t n;
	t.data = data_dir_open(".", NULL, t.err);
	const char *const *const names = data_dir_names(t.data, "protocol", &n);
	ck_assert_uint_ge(n, 5);
	for (size_t i = 0; i < n; i++) {
		struct protocol *const p = protocol_read(names[i], t.data, t.err);
		ck_assert_msg(p != NULL, "%s", err_message(t.err, 0));
		ck_assert_str_eq(protocol_name(p), names[i]);
		protocol_free(p);
	}
}
END_TEST

/* --- models/README.md --------------------------------------------------------------------------
 */

struct fields {
	char name[32][32];
	size_t n;
};

/* The first column of the table under a heading, one name for each `name` in it. */
static void read_fields(const char *heading, struct fields *out)
{
	char line[1024];
	bool inside = false;
	FILE *const f = fopen("models/README.md", "r");
	ck_assert_ptr_nonnull(f);
	out->n = 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] == '#') {
			inside = strncmp(line, heading, strlen(heading)) == 0 &&
			         line[strlen(heading)] == '\n';
		}
		char *const end = inside && line[0] == '|' ? strchr(line + 1, '|') : NULL;
		if (end != NULL) {
			*end = '\0';
		}
		for (char *p = end != NULL ? strtok(line, "|`, ") : NULL; p != NULL;
		     p = strtok(NULL, "|`, ")) {
			if (strcmp(p, "field") != 0 && strcmp(p, "---") != 0) {
				ck_assert_uint_lt(strlen(p), sizeof(out->name[0]));
				strcpy(out->name[out->n++], p);
			}
		}
	}
	fclose(f);
	ck_assert_msg(out->n > 0, "no table under %s", heading);
}

static bool is_field(const struct fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->n; i++) {
		if (strcmp(fields->name[i], name) == 0) {
			return true;
		}
	}
	return false;
}

/* Every documented name is known, whatever else is wrong with it. */
static void check_known(const struct fields *fields, const char *before, const char *after)
{
	for (size_t i = 0; i < fields->n; i++) {
		struct err *const err = err_new();
		char *const text = mem_printf("%s%s%s", before, fields->name[i], after);
		test_study_file(&t, "models/protocol/s.json", text);
		data_dir_close(t.data);
		t.data = data_dir_open(t.folder, NULL, err);
		protocol_free(protocol_read("s", t.data, err));
		for (size_t k = 0; k < err_count(err); k++) {
			ck_assert_msg(strstr(err_message(err, k), "unknown key") == NULL &&
			                      strstr(err_message(err, k), "unknown condition") ==
			                              NULL,
			              "%s", err_message(err, k));
		}
		err_free(err);
		free(text);
	}
}

static void check_documented(json_t *object, const struct fields *fields, const char *file)
{
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value) {
		ck_assert_msg(is_field(fields, key), "%s: \"%s\" is not in models/README.md", file,
		              key);
	}
}

START_TEST(what_the_manual_says)
{
	struct fields file, rule, when;
	size_t n;
	read_fields("### protocol", &file);
	read_fields("### rules[]", &rule);
	read_fields("### when", &when);
	ck_assert_uint_eq(file.n, 6);
	ck_assert_uint_eq(rule.n, 18);
	ck_assert_uint_eq(when.n, 12);
	check_known(&file, "{\"", "\": 1}");
	check_known(&rule, "{\"name\": \"s\", \"title\": \"t\", \"rules\": [{\"", "\": false}]}");
	check_known(
		&when,
		"{\"name\": \"s\", \"title\": \"t\", \"rules\": [{\"source\": \"a\", \"when\": {\"",
		"\": []}}]}");
	data_dir_close(t.data);
	t.data = data_dir_open(".", NULL, t.err);
	const char *const *const names = data_dir_names(t.data, "protocol", &n);
	for (size_t i = 0; i < n; i++) {
		const char *const path = data_dir_find(t.data, "protocol", names[i], NULL);
		json_t *const root = json_load_file(path, 0, NULL);
		size_t k;
		json_t *item;
		check_documented(root, &file, path);
		json_array_foreach(json_object_get(root, "rules"), k, item) {
			check_documented(item, &rule, path);
			check_documented(json_object_get(item, "when"), &when, path);
		}
		json_decref(root);
	}
}
END_TEST

#define FILE_OF(rules) "{\"name\": \"s\", \"title\": \"t\", \"rules\": " rules "}"
#define WHEN(when) FILE_OF("[{\"source\": \"a\", \"when\": " when "}]")

static const struct {
	const char *file, *message; /* after the file's name */
} mistakes[] = {
	{"[]", ": expected an object, got an array"},
	{"{\"name\": \"s\", \"title\": \"t\"}", ": missing key \"rules\""},
	{"{\"name\": \"s\", \"rules\": []}", ": missing key \"title\""},
	{"{\"name\": \"other\", \"title\": \"t\", \"rules\": []}",
         ": name: \"other\" is not the file's name, \"s\""},
	{"{\"name\": \"s\", \"title\": \"t\", \"rules\": [], \"rule\": []}",
         ": unknown key \"rule\"; did you mean \"rules\"?"},
	{FILE_OF("{}"), ": rules: expected an array, got an object"},
	{FILE_OF("[1]"), ": rules.0: expected an object, got a number"},
	{FILE_OF("[{}]"), ": rules.0: missing key \"source\""},
	{FILE_OF("[{\"source\": \"a\", \"request\": 1}]"),
         ": rules.0: unknown key \"request\"; did you mean \"requests\"?"},
	{FILE_OF("[{\"source\": \"a\", \"requests\": 0}]"),
         ": rules.0.requests: must be at least 1"},
	{FILE_OF("[{\"source\": \"a\", \"length_share\": 1.5}]"),
         ": rules.0.length_share: must be at most 1"},
	{FILE_OF("[{\"source\": \"a\", \"max_num_seqs\": 0}]"),
         ": rules.0.max_num_seqs: expected a number, \"users\" or \"users-1\""},
	{FILE_OF("[{\"source\": \"a\", \"max_num_seqs\": 1.5}]"),
         ": rules.0.max_num_seqs: expected a number, \"users\" or \"users-1\""},
	{FILE_OF("[{\"source\": \"a\", \"max_num_seqs\": \"users-2\"}]"),
         ": rules.0.max_num_seqs: expected a number, \"users\" or \"users-1\""},
	{FILE_OF("[{\"source\": \"a\", \"engine_options\": \"overlap\"}]"),
         ": rules.0.engine_options: expected an object, got a string"},
	{FILE_OF("[{\"source\": \"a\", \"loads\": []}]"),
         ": rules.0.loads: expected an object, got an array"},
	{FILE_OF("[{\"source\": \"a\", \"services\": {\"engine_options\": {}}}]"),
         ": rules.0.services.engine_options: is a key of the rule itself"},
	{WHEN("\"gpu\""), ": rules.0.when: expected an object, got a string"},
	{WHEN("{\"gpus\": \"h100-sxm\"}"),
         ": rules.0.when: unknown condition \"gpus\"; did you mean \"gpu\"?"},
	{WHEN("{\"gpu\": \"h10-sxm\"}"),
         ": rules.0.when.gpu: unknown name \"h10-sxm\"; did you mean \"h100-sxm\"?"},
	{WHEN("{\"gpu\": \"H100-SXM\"}"), ": rules.0.when.gpu: \"H100-SXM\" is an alias; the data "
                                          "sheet's own name is \"h100-sxm\""},
	{WHEN("{\"model\": [\"llama-3.1-8b-instruct\", \"llama\"]}"),
         ": rules.0.when.model.1: unknown name \"llama\""},
	{WHEN("{\"engine\": \"vlm\"}"),
         ": rules.0.when.engine: unknown name \"vlm\"; did you mean \"vllm\"?"},
	{WHEN("{\"precision\": \"fp16\"}"), ": rules.0.when.precision: unknown name \"fp16\""},
	{WHEN("{\"load\": \"close\"}"),
         ": rules.0.when.load: unknown name \"close\"; did you mean \"closed\"?"},
	{WHEN("{\"tp\": 2}"), ": rules.0.when.tp: expected a string, got a number"},
	{WHEN("{\"isl\": \"1k\"}"), ": rules.0.when.isl: expected a number as text, got \"1k\""},
	{WHEN("{\"gpu\": null}"), ": rules.0.when.gpu: expected a string, got null"},
	{"{\"name\": \"s\",}", ":1:14: "},
};

START_TEST(mistakes_say_where_they_are)
{
	char *const path = test_study_path(&t, "models/protocol/s.json");
	test_study_file(&t, "models/protocol/s.json", mistakes[_i].file);
	t.data = data_dir_open(t.folder, NULL, t.err);
	ck_assert_ptr_null(protocol_read("s", t.data, t.err));
	ck_assert_uint_eq(err_count(t.err), 1);
	ck_assert_int_eq(err_exit_code(t.err), ERR_INPUT);
	const char *const message = err_message(t.err, 0);
	ck_assert_int_eq(strncmp(message, path, strlen(path)), 0);
	ck_assert_msg(strncmp(message + strlen(path), mistakes[_i].message,
	                      strlen(mistakes[_i].message)) == 0,
	              "%s\ninstead of\n%s", message + strlen(path), mistakes[_i].message);
	free(path);
}
END_TEST

/* A note holds when it occurs; parts of `startup` add up, other keys are replaced. */
START_TEST(starts)
{
	struct protocol_terms terms;
	apply_rules(
		"{\"source\": \"a\", \"engine\": \"vllm\", \"precision\": \"fp8\","
		"\"nodes\": {\"storage_bandwidth\": \"1GB\"}, \"services\": {\"startup\":"
		"{\"build\": 1, \"process\": 2}, \"costs\": {\"h_seq\": 0}}},"
		"{\"source\": \"b\", \"when\": {\"note\": \"IO2\"}, \"nodes\": {\"cpus\": 8},"
		"\"services\": {\"startup\": {\"build\": 3}, \"costs\": {\"h_step\": 0}}},"
		"{\"source\": \"c\", \"when\": {\"note\": [\"GP3\", \"S3\"]}, \"skip\": \"no\"}",
		&asks, &terms);
	const json_t *const startup = json_object_get(terms.service, "startup");
	ck_assert_uint_eq(json_object_size(startup), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(startup, "build")), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(startup, "process")), 2);
	ck_assert_uint_eq(json_object_size(json_object_get(terms.service, "costs")), 1);
	ck_assert_uint_eq(json_object_size(terms.node), 2);
	protocol_terms_fini(&terms);
}
END_TEST

START_TEST(rows_that_are_not_simulated)
{
	struct protocol *const p = read_rules(
		"{\"source\": \"a\", \"engine\": \"vllm\", \"precision\": \"fp8\"},"
		"{\"source\": \"b\", \"when\": {\"note\": [\"GP3\", \"SSD\"]}, \"skip\": \"why\"}");
	struct protocol_terms terms;
	ck_assert_ptr_nonnull(p);
	protocol_apply(p, &asks, &terms);
	ck_assert_str_eq(terms.skip, "why");
	ck_assert_str_eq(terms.engine, "vllm");
	ck_assert_str_eq(terms.precision, "fp8");
	protocol_terms_fini(&terms);
	protocol_free(p);
}
END_TEST

START_TEST(all_mistakes_at_once)
{
	ck_assert_ptr_null(read_rules("{\"source\": \"a\", \"requests\": 0},"
	                              "{\"when\": {}},"
	                              "{\"source\": \"c\", \"when\": {\"tp\": 1, \"x\": \"y\"}}"));
	ck_assert_uint_eq(err_count(t.err), 4);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("protocol");
	TCase *const c = tcase_create("protocols");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, without_rules);
	tcase_add_test(c, later_rules_lie_over_earlier_ones);
	tcase_add_test(c, null_is_not_said);
	tcase_add_loop_test(c, conditions_hold, 0,
	                    (int)(sizeof(conditions) / sizeof(conditions[0])));
	tcase_add_test(c, the_version_a_protocol_knows);
	tcase_add_test(c, a_source_without_a_protocol);
	tcase_add_test(c, an_alias_of_a_protocol);
	tcase_add_test(c, nothing_to_fall_back_on);
	tcase_add_test(c, all_bundled_protocols_are_good);
	tcase_add_loop_test(c, mistakes_say_where_they_are, 0,
	                    (int)(sizeof(mistakes) / sizeof(mistakes[0])));
	tcase_add_test(c, starts);
	tcase_add_test(c, rows_that_are_not_simulated);
	tcase_add_test(c, all_mistakes_at_once);
	tcase_add_test(c, what_the_manual_says);
	suite_add_tcase(s, c);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
