/* Option tables: types, ranges, fallbacks, unknown keys, and the log of sources. */
#include "base/option.h"

#include "base/mem.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sample {
	bool on;
	int64_t users;
	double rate, share, bandwidth;
	char *name;
	ns_t think;
	bytes_t memory;
	int arrivals;
	const json_t *node;
	double build;
};

static const char *const arrivals_names[] = {"poisson", "constant", NULL};

#define AT(field) offsetof(struct sample, field)
static const struct option table[] = {
	{"users", OPTION_INT, AT(users), 1, 1e6, NULL, NULL, NULL, "concurrent users"},
	{"on", OPTION_BOOL, AT(on), 0, 0, "true", NULL, NULL, ""},
	{"rate", OPTION_REAL, AT(rate), 1e-12, 1e6, "1.5k", NULL, NULL, ""},
	{"share", OPTION_SHARE, AT(share), 0, 1, "50%", NULL, NULL, ""},
	{"bandwidth", OPTION_RATE, AT(bandwidth), 0, 1e15, "6GB", NULL, NULL, ""},
	{"name", OPTION_TEXT, AT(name), 0, 0, "", NULL, NULL, ""},
	{"think", OPTION_DURATION, AT(think), 0, 1e18, "0", NULL, "ms", ""},
	{"memory", OPTION_BYTES, AT(memory), 1024, 1e15, "80GiB", NULL, NULL, ""},
	{"arrivals", OPTION_CHOICE, AT(arrivals), 0, 0, "constant", arrivals_names, NULL, ""},
	{"node", OPTION_NODE, AT(node), 0, 0, "", NULL, NULL, ""},
	{"build", OPTION_REAL, AT(build), 0, 1e5, "1.5", NULL, "s", ""},
	{NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL},
};

/* Fill from text; the errors joined by newlines, "" when there are none. Caller frees. */
static char *fill(const char *text, struct sample *self, struct option_log *log)
{
	struct err *e = err_new();
	json_t *root = json_parse(text, strlen(text), "x.json", e);

	ck_assert_ptr_nonnull(root);
	struct json_at at = json_root(root, "x.json", e);
	bool ok = option_fill(table, self, &at, "scenario", log);
	char *all = mem_strdup("");

	for (size_t i = 0; i < err_count(e); i++) {
		char *longer = mem_printf("%s%s\n", all, err_message(e, i));

		free(all);
		all = longer;
	}
	ck_assert_int_eq(ok, err_count(e) == 0);
	self->node = NULL; /* dies with the document */
	json_decref(root);
	err_free(e);
	return all;
}

static void expect(const char *text, const char *errors)
{
	struct sample self;
	char *all = fill(text, &self, NULL);

	ck_assert_str_eq(all, errors);
	free(all);
	option_fini(table, &self);
}

START_TEST(values_are_read)
{
	struct sample self;
	char *errors = fill(
		"{\"users\": \"2k\", \"on\": false, \"rate\": 3, \"share\": \"25%\", \"bandwidth\": "
		"\"2GB/s\", \"name\": \"n\", \"think\": 250, \"memory\": 2048, \"arrivals\": "
		"\"poisson\", \"node\": [1]}",
		&self, NULL);

	ck_assert_str_eq(errors, "");
	ck_assert_int_eq(self.users, 2000);
	ck_assert(!self.on && fabs(self.rate - 3) < 1e-12 && fabs(self.share - 0.25) < 1e-12);
	ck_assert(fabs(self.bandwidth - 2e9) < 1e-3 && self.memory == 2048 && self.arrivals == 0);
	ck_assert_str_eq(self.name, "n");
	ck_assert_int_eq(self.think, 250 * NS_PER_MS);
	free(errors);
	option_fini(table, &self);
	ck_assert_ptr_null(self.name);
}
END_TEST

START_TEST(fallbacks_are_used_and_null_counts_as_absent)
{
	struct sample self;
	char *errors = fill("{\"users\": 1, \"think\": null}", &self, NULL);

	ck_assert_str_eq(errors, "");
	ck_assert(self.on && fabs(self.rate - 1500) < 1e-9 && fabs(self.share - 0.5) < 1e-12);
	ck_assert(self.name == NULL && self.think == 0 && self.memory == 85899345920 &&
	          self.arrivals == 1);
	free(errors);
	option_fini(table, &self);
}
END_TEST

START_TEST(whole_reals_are_integers)
{
	static const char *const texts[] = {"{\"users\": 64.0}", "{\"users\": 6.4e1}",
	                                    "{\"users\": 0.64e+2}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct sample self;
		char *all = fill(texts[i], &self, NULL);

		ck_assert_str_eq(all, "");
		ck_assert_int_eq(self.users, 64);
		free(all);
		option_fini(table, &self);
	}
	expect("{\"users\": 1e300}", "x.json: users: must be at most 1000000, got 1e300\n");
}
END_TEST

START_TEST(seconds_may_be_written_as_durations)
{
	static const struct {
		const char *text;
		double seconds;
	} cases[] = {{"1.5", 1.5}, {"\"1.5\"", 1.5}, {"\"1m30s\"", 90}, {"\"250ms\"", 0.25}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sample self;
		char *text = mem_printf("{\"users\": 1, \"build\": %s}", cases[i].text);
		char *all = fill(text, &self, NULL);

		ck_assert_str_eq(all, "");
		ck_assert_double_eq_tol(self.build, cases[i].seconds, 1e-12);
		free(all);
		free(text);
		option_fini(table, &self);
	}
	expect("{\"users\": 1, \"build\": \"soon\"}",
	       "x.json: build: expected a duration like \"250ms\" or a number in s, got \"soon\"\n");
}
END_TEST

START_TEST(wrong_types)
{
	expect("{\"users\": \"abc\"}", "x.json: users: expected an integer, got \"abc\"\n");
	expect("{\"users\": 1.5}", "x.json: users: expected an integer, got 1.5\n");
	expect("{\"users\": 3.5}", "x.json: users: expected an integer, got 3.5\n");
	expect("{\"users\": \"1.5\"}", "x.json: users: expected an integer, got \"1.5\"\n");
	expect("{\"users\": \"NaN\"}", "x.json: users: expected an integer, got \"NaN\"\n");
	expect("{\"users\": {}}", "x.json: users: expected an integer, got an object\n");
	expect("{\"users\": true}", "x.json: users: expected an integer, got true\n");
	expect("{\"users\": 1, \"on\": 1}", "x.json: on: expected true or false, got 1\n");
	expect("{\"users\": 1, \"rate\": \"fast\"}",
	       "x.json: rate: expected a number, got \"fast\"\n");
	expect("{\"users\": 1, \"share\": \"half\"}",
	       "x.json: share: expected a share like 0.5 or \"50%\", got \"half\"\n");
	expect("{\"users\": 1, \"name\": 7}", "x.json: name: expected a string, got 7\n");
	expect("{\"users\": 1, \"think\": \"5\"}",
	       "x.json: think: expected a duration like \"250ms\" or a number in ms, got \"5\"\n");
	expect("{\"users\": 1, \"memory\": \"80 gigs\"}",
	       "x.json: memory: expected a size like \"80GiB\" or a number of bytes, got \"80 gigs\"\n");
	expect("{\"users\": 1, \"bandwidth\": []}",
	       "x.json: bandwidth: expected bytes per second, like \"6GB\" or a number, got an array\n");
	expect("{\"users\": 1, \"arrivals\": \"posson\"}",
	       "x.json: arrivals: unknown arrivals \"posson\"; did you mean \"poisson\"?\n");
	expect("{\"users\": 1, \"arrivals\": 3}", "x.json: arrivals: expected a string, got 3\n");
	expect("[]", "x.json: expected an object, got an array\n");
}
END_TEST

START_TEST(out_of_range)
{
	expect("{\"users\": -3}", "x.json: users: must be at least 1, got -3\n");
	expect("{\"users\": \"2M\"}", "x.json: users: must be at most 1000000, got \"2M\"\n");
	expect("{\"users\": 1, \"rate\": 0}", "x.json: rate: must be greater than 0, got 0\n");
	expect("{\"users\": 1, \"rate\": -1.5}",
	       "x.json: rate: must be greater than 0, got -1.5\n");
	expect("{\"users\": 1, \"share\": \"101%\"}",
	       "x.json: share: must be at most 1, got \"101%\"\n");
	expect("{\"users\": 1, \"think\": -1}", "x.json: think: must not be negative, got -1\n");
	expect("{\"users\": 1, \"think\": 1e300}", "x.json: think: too long, got 1e300\n");
	expect("{\"users\": 1, \"memory\": 5}", "x.json: memory: must be at least 1 KiB, got 5\n");
}
END_TEST

START_TEST(all_errors_of_an_object_are_shown)
{
	expect("{\"user\": 3, \"on\": 2, \"zzz\": 1}",
	       "x.json: unknown key \"user\"; did you mean \"users\"?\n"
	       "x.json: unknown key \"zzz\"; known: users, on, rate, share, bandwidth, name, think, memory, "
	       "arrivals, node, build\n"
	       "x.json: missing key \"users\": concurrent users\n"
	       "x.json: on: expected true or false, got 2\n");
}
END_TEST

START_TEST(override_leaves_absent_keys_alone)
{
	struct err *e = err_new();
	struct sample self;
	char *errors = fill("{\"users\": 9, \"name\": \"first\", \"think\": 5}", &self, NULL);
	json_t *over = json_loads("{\"name\": \"second\"}", 0, NULL);
	struct json_at at = json_root(over, "y.json", e);

	ck_assert(option_override(table, &self, &at, "engine profile", NULL));
	ck_assert_str_eq(self.name, "second");
	ck_assert(self.users == 9 && self.think == 5 * NS_PER_MS);
	free(errors);
	json_decref(over);
	option_fini(table, &self);
	err_free(e);
}
END_TEST

START_TEST(the_log_knows_every_source)
{
	struct option_log *log = option_log_new();
	struct sample self;

	option_log_override(log, "rate", "--set");
	char *errors = fill("{\"users\": 9, \"rate\": 2.5}", &self, log);

	ck_assert_uint_eq(option_log_size(log), 10);
	ck_assert_str_eq(option_log_at(log, 0)->path, "users");
	ck_assert_str_eq(option_log_at(log, 0)->value, "9");
	ck_assert_str_eq(option_log_at(log, 0)->source, "scenario");
	ck_assert_str_eq(option_log_at(log, 2)->value, "2.5");
	ck_assert_str_eq(option_log_at(log, 2)->source, "--set");
	ck_assert_str_eq(option_log_at(log, 5)->value, "none");
	ck_assert_str_eq(option_log_at(log, 7)->value, "80 GiB");
	ck_assert_str_eq(option_log_at(log, 7)->source, "default");
	option_log_add(log, "users", "10", "engine profile");
	ck_assert_uint_eq(option_log_size(log), 10);
	ck_assert_str_eq(option_log_at(log, 0)->value, "10");
	ck_assert_str_eq(option_log_at(log, 0)->source, "engine profile");
	free(errors);
	option_fini(table, &self);
	option_log_free(log);
	option_log_free(NULL);
}
END_TEST

START_TEST(values_as_text)
{
	struct sample self;
	char *errors =
		fill("{\"users\": 3, \"memory\": 94000000003, \"think\": \"1.5s\"}", &self, NULL);
	static const char *const texts[] = {"3",          "true", "1500",  "0.5",
	                                    "6000000000", "none", "1.5 s", "94000000003 B",
	                                    "constant",   "none", "1.5"};
	char buf[64];

	for (size_t i = 0; table[i].name != NULL; i++) {
		ck_assert_str_eq(option_text(&table[i], &self, buf, sizeof(buf)), texts[i]);
	}
	free(errors);
	option_fini(table, &self);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("option");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, values_are_read);
	tcase_add_test(tcase, fallbacks_are_used_and_null_counts_as_absent);
	tcase_add_test(tcase, whole_reals_are_integers);
	tcase_add_test(tcase, seconds_may_be_written_as_durations);
	tcase_add_test(tcase, wrong_types);
	tcase_add_test(tcase, out_of_range);
	tcase_add_test(tcase, all_errors_of_an_object_are_shown);
	tcase_add_test(tcase, override_leaves_absent_keys_alone);
	tcase_add_test(tcase, the_log_knows_every_source);
	tcase_add_test(tcase, values_as_text);
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
