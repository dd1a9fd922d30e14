/* Syntax errors in plain words with their place, paths of keys, and --set. */
#include "base/json.h"

#include "base/mem.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* The only error of parsing `text`; NULL when there is none. Caller frees. */
static char *syntax_error(const char *text, size_t size)
{
	struct err *e = err_new();
	json_t *root = json_parse(text, size, "x.json", e);
	char *message = mem_strdup(err_message(e, 0));

	ck_assert_uint_le(err_count(e), 1);
	ck_assert_int_eq(root == NULL, message != NULL);
	json_decref(root);
	err_free(e);
	return message;
}

START_TEST(syntax_errors_say_where_and_what)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", "x.json: the file is empty"},
		{" \n\t\r\n", "x.json: the file is empty"},
		{"{\"a\": 1,}",
	         "x.json:1:9: expected a key in double quotes, got \"}\"; remove the comma "
	         "before it"},
		{"{\n  \"a\": 1\n  \"b\": 2}", "x.json:3:3: expected \",\" or \"}\", got \"b\""},
		{"{\"a\": [1, 2,]}", "x.json:1:13: expected a value, got \"]\""},
		{"{\"a\": [1 2]}", "x.json:1:10: expected \",\" or \"]\", got \"2\""},
		{"{\"a\" 1}", "x.json:1:6: expected \":\" after the key, got \"1\""},
		{"{a: 1}", "x.json:1:2: expected a key in double quotes, got \"a\""},
		{"{\"a\": NaN}",
	         "x.json:1:7: not a JSON value: expected a number, true, false, null, or "
	         "text in double quotes; got \"NaN\""},
		{"{\"a\": -Infinity}",
	         "x.json:1:7: not a JSON value: expected a number, true, false, null, or "
	         "text in double quotes; got \"-Infinity\""},
		{"{ # no\n}",
	         "x.json:1:3: expected a key in double quotes, got \"#\"; JSON has no comments"},
		{"[\"more than twenty letters\" 3]",
	         "x.json:1:29: expected \",\" or \"]\", got \"3\""},
		{"[3 \"more than twenty letters\"]",
	         "x.json:1:4: expected \",\" or \"]\", got \"more than "
	         "twenty letters\""},
		{"{\"a\": 'b'}", "x.json:1:7: strings need double quotes; got \"'\""},
		{"{\"a\": 1} // no", "x.json:1:10: expected the end of the file, got \"/\""},
		{"{\"a\": 007}",
	         "x.json:1:7: not a JSON number: no leading \"+\", \".\" or zeros; got \"007\""},
		{"{\"\xC3\xA4\": +1}",
	         "x.json:1:7: not a JSON number: no leading \"+\", \".\" or zeros; got "
	         "\"+1\""},
		{"{\"a\": 1", "x.json:1:8: expected \",\" or \"}\", got the end of the file"},
		{"{\"a\": \"b\nc\"}", "x.json:1:7: a string is not closed on this line"},
		{"{\"a\": \"b", "x.json:1:7: the file ends in the middle of a string or value"},
		{"{\"a\": \"\\q\"}",
	         "x.json:1:7: unknown escape in a string; known: \\\" \\\\ \\/ \\b \\f "
	         "\\n \\r \\t \\uXXXX"},
		{"{\"a\": 1, \"b\": 2, \"a\": 3}", "x.json:1:18: duplicate key \"a\""},
		{"{\"a key of more than twenty letters\": 1, \"a key of more than twenty letters\": 2}",
	         "x.json:1:42: duplicate key \"a key of more than twenty letters\""},
		{"{\"a\": 99999999999999999999}",
	         "x.json:1:7: the number is too large, got \"99999999999999999999\""},
		{"{\"a\": 1e999}", "x.json:1:7: the number is too large, got \"1e999\""},
		{"{\"a\": \"\xFF\"}", "x.json:1:7: not UTF-8 text"},
		{"{\"a\": \"\\u0000\"}", "x.json:1:7: \\u0000 is not allowed in a string"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *message = syntax_error(cases[i].text, strlen(cases[i].text));

		ck_assert_ptr_nonnull(message);
		ck_assert_str_eq(message, cases[i].message);
		free(message);
	}
}
END_TEST

START_TEST(binary_deep_and_marked_files)
{
	char *deep = mem_new(5001, 1);
	char *message = syntax_error("{\"a\"\0: 1}", 9);

	ck_assert_str_eq(message, "x.json: not a text file: byte 5 is zero");
	free(message);
	memset(deep, '[', 5000);
	message = syntax_error(deep, 5000);
	ck_assert_str_eq(message, "x.json:1:2049: nested more than 2048 levels deep");
	free(message);
	free(deep);
	ck_assert_ptr_null(syntax_error("\xEF\xBB\xBF{}", 5));
	ck_assert_ptr_null(syntax_error("3", 1)); /* the caller says what it wants instead */
}
END_TEST

START_TEST(missing_files_and_folders)
{
	struct err *e = err_new();

	ck_assert_ptr_null(json_read("/nonexistent/x.json", e));
	ck_assert_ptr_null(json_read("/", e));
	ck_assert_str_eq(err_message(e, 0),
	                 "/nonexistent/x.json: cannot open: No such file or directory");
	ck_assert_str_eq(err_message(e, 1), "/: cannot read: Is a directory");
	ck_assert_int_eq(err_exit_code(e), ERR_IO);
	err_free(e);
}
END_TEST

START_TEST(values_know_their_path)
{
	struct err *e = err_new();
	json_t *root = json_loads(
		"{\"cluster\": {\"nodes\": [{}, {\"gpu\": \"h2000\", \"n\": null}]}}", 0, NULL);
	struct json_at top = json_root(root, "x.json", e), cluster, nodes, gpu;
	static const char *const gpus[] = {"h100-nvl", "h200-sxm"};
	const char *text = NULL;
	char path[64];

	ck_assert(json_get(&top, "cluster", &cluster) && json_get(&cluster, "nodes", &nodes));
	struct json_at node = json_item(&nodes, 1);

	ck_assert(json_get(&node, "gpu", &gpu));
	ck_assert(!json_get(&node, "n", &gpu) && !json_get(&node, "absent", &gpu));
	ck_assert(json_get(&node, "gpu", &gpu));
	ck_assert_str_eq(json_path(&gpu, path, sizeof(path)), "cluster.nodes.1.gpu");
	ck_assert_str_eq(json_path(&gpu, path, 6), "1.gpu");
	ck_assert_str_eq(json_path(&top, path, sizeof(path)), "");
	json_fail_name(&gpu, "GPU", "h2000", gpus, 2);
	json_fail_name(&gpu, "GPU", "abacus", gpus, 2);
	json_fail_name(&gpu, "GPU", "abacus", gpus, 0);
	json_fail(&top, "bad");
	ck_assert(json_want_string(&gpu, &text) && strcmp(text, "h2000") == 0);
	ck_assert(!json_want_object(&gpu) && !json_want_array(&gpu) &&
	          !json_want_string(&nodes, &text));
	ck_assert_str_eq(err_message(e, 0),
	                 "x.json: cluster.nodes.1.gpu: unknown GPU \"h2000\"; did you "
	                 "mean \"h200-sxm\"?");
	ck_assert_str_eq(err_message(e, 1),
	                 "x.json: cluster.nodes.1.gpu: unknown GPU \"abacus\"; known: "
	                 "h100-nvl, h200-sxm");
	ck_assert_str_eq(err_message(e, 2), "x.json: cluster.nodes.1.gpu: unknown GPU \"abacus\"");
	ck_assert_str_eq(err_message(e, 3), "x.json: bad");
	ck_assert_str_eq(err_message(e, 4),
	                 "x.json: cluster.nodes.1.gpu: expected an object, got a string");
	json_decref(root);
	err_free(e);
}
END_TEST

/* The document after json_set, or the error; caller frees. */
static char *after_set(const char *path, const char *text)
{
	struct err *e = err_new();
	json_t *root = json_loads(
		"{\"a\": {\"b\": 1}, \"l\": [{\"name\": \"x\"}, {\"name\": \"x.y\"}], \"s\": "
		"\"t\", \"n\": null}",
		0, NULL);
	bool ok = json_set(root, path, text, e);
	char *result = ok ? json_dumps(root, JSON_COMPACT) : mem_strdup(err_message(e, 0));

	ck_assert_int_eq(ok, err_count(e) == 0);
	ck_assert(ok || err_exit_code(e) == ERR_USAGE);
	json_decref(root);
	err_free(e);
	return result;
}

START_TEST(set_changes_one_value)
{
	static const char rest[] = "\"s\":\"t\",\"n\":null}";
	static const struct {
		const char *path, *text, *begin;
	} cases[] = {
		{"a.b", "2", "{\"a\":{\"b\":2},"},
		{"a.b", "250ms", "{\"a\":{\"b\":\"250ms\"},"},
		{"a.b", "{\"c\": [1]}", "{\"a\":{\"b\":{\"c\":[1]}},"},
		{"a.c.d", "true", "{\"a\":{\"b\":1,\"c\":{\"d\":true}},"},
		{"a", "NaN", "{\"a\":\"NaN\","},
		{"l.0.k", "1", "{\"a\":{\"b\":1},\"l\":[{\"name\":\"x\",\"k\":1},"},
		{"l.x.k", "1", "{\"a\":{\"b\":1},\"l\":[{\"name\":\"x\",\"k\":1},"},
		{"l.x.y.k", "1",
	         "{\"a\":{\"b\":1},\"l\":[{\"name\":\"x\"},{\"name\":\"x.y\",\"k\":1}],"},
		{"l.1", "5", "{\"a\":{\"b\":1},\"l\":[{\"name\":\"x\"},5],"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *result = after_set(cases[i].path, cases[i].text);

		ck_assert_msg(strncmp(result, cases[i].begin, strlen(cases[i].begin)) == 0, "%s",
		              result);
		ck_assert_ptr_nonnull(strstr(result, rest));
		free(result);
	}
	char *result = after_set("n.k", "1");

	ck_assert_ptr_nonnull(strstr(result, "\"n\":{\"k\":1}}"));
	free(result);
}
END_TEST

START_TEST(bad_paths_are_usage_errors)
{
	static const struct {
		const char *path, *message;
	} cases[] = {
		{"", "--set : expected keys with single dots between, like loads.0.users"},
		{"a.\xFF.b", "--set a.\xFF.b: not UTF-8 text"},
		{"a..b", "--set a..b: expected keys with single dots between, like loads.0.users"},
		{".a", "--set .a: expected keys with single dots between, like loads.0.users"},
		{"a.", "--set a.: expected keys with single dots between, like loads.0.users"},
		{"s.k", "--set s.k: \"s\" is a string and has no keys"},
		{"l.2.k", "--set l.2.k: no element \"2\"; there are 2, counted from 0 or called by "
	                  "\"name\""},
		{"l.-1", "--set l.-1: no element \"-1\"; there are 2, counted from 0 or called by "
	                 "\"name\""},
		{"l.y.k", "--set l.y.k: no element \"y\"; did you mean \"x.y\"?"},
		{"l.zzzz.k",
	         "--set l.zzzz.k: no element \"zzzz\"; there are 2, counted from 0 or called by "
	         "\"name\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *result = after_set(cases[i].path, "1");

		ck_assert_str_eq(result, cases[i].message);
		free(result);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, syntax_errors_say_where_and_what);
	tcase_add_test(tcase, binary_deep_and_marked_files);
	tcase_add_test(tcase, missing_files_and_folders);
	tcase_add_test(tcase, values_know_their_path);
	tcase_add_test(tcase, set_changes_one_value);
	tcase_add_test(tcase, bad_paths_are_usage_errors);
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
