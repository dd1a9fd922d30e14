/* ServeGen's clients: how many requests, when, and how long, against what their files say. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/rng.h"
#include "spec/llm_spec.h"
#include "workload/servegen.h"
#include "workload/workload.h"

#define BUNDLED "scenarios/traces/servegen/reason-deepseek-r1"

/* A folder of clients made of text. */
struct profile {
	char folder[40];
	struct err *err;
	struct scenario_load load;
	struct llm_spec llm;
	size_t files;
	char *names[8];
};

static void profile_begin(struct profile *p)
{
	*p = (struct profile){.err = err_new(), .llm = {.task = LLM_GENERATE}};
	strcpy(p->folder, "/tmp/aliquot-servegen-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(p->folder));
	p->load = (struct scenario_load){
		.kind = LOAD_SERVEGEN, .folder = mem_strdup(p->folder), .scale = 1.0};
}

static void profile_file(struct profile *p, const char *name, const char *text)
{
	char *const path = mem_printf("%s/%s", p->folder, name);
	FILE *const f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
	p->names[p->files++] = path;
}

static void profile_client(struct profile *p, const char *windows, const char *lengths)
{
	profile_file(p, "chunk-0-trace.csv", windows);
	profile_file(p, "chunk-0-dataset.json", lengths);
}

static void profile_end(struct profile *p)
{
	for (size_t i = 0; i < p->files; i++) {
		unlink(p->names[i]);
		free(p->names[i]);
	}
	rmdir(p->folder);
	free(p->load.folder);
	err_free(p->err);
}

/* The published clients instead. */
static void bundled(struct profile *p)
{
	free(p->load.folder);
	p->load.folder = mem_strdup(BUNDLED);
}

static const char plain[] =
	"{\"0\": {\"input_tokens\": \"{100: 1}\", \"output_tokens\": \"{10: 1}\"}}";

static struct workload *open_load(struct profile *p, uint64_t seed)
{
	struct workload *const w = workload_open(&p->load, &p->llm, seed, 0, p->err);
	if (w == NULL) {
		err_print(p->err, stderr);
	}
	ck_assert_ptr_nonnull(w);
	return w;
}

/* Fails with a message that holds `what`. */
static void assert_refused(struct profile *p, const char *what)
{
	struct workload *const w = workload_open(&p->load, &p->llm, 1, 0, p->err);
	ck_assert_ptr_null(w);
	ck_assert_uint_eq(err_count(p->err), 1);
	ck_assert_msg(strstr(err_message(p->err, 0), what) != NULL, "\"%s\" lacks \"%s\"",
	              err_message(p->err, 0), what);
}

/* For loops over many requests: Check's own macros write to a file each time they hold. */
static void quiet(bool holds)
{
	if (!holds) {
		ck_abort_msg("a request is not what it should be");
	}
}

/* Arrivals up to `until`. */
static size_t count(struct workload *w, ns_t until)
{
	struct arrival a;
	size_t n = 0;
	while (w->ops->peek(w) < until) {
		quiet(w->ops->next(w, &a));
		n++;
	}
	return n;
}

/* Mean and deviation of many values. */
struct moments {
	double n, sum, squares;
};

static void add(struct moments *m, double v)
{
	m->n += 1.0;
	m->sum += v;
	m->squares += v * v;
}

static double mean(const struct moments *m)
{
	return m->sum / m->n;
}

static double deviation(const struct moments *m)
{
	return sqrt(m->squares / m->n - mean(m) * mean(m));
}

/* The mean is within four standard errors. */
static void assert_mean(const struct moments *m, double expected, const char *what)
{
	const double error = deviation(m) / sqrt(m->n);
	ck_assert_msg(fabs(mean(m) - expected) <= 4.0 * error, "%s: %g +- %g, not %g", what,
	              mean(m), error, expected);
}

/* Gaps of each family have the mean of the rate and the spread of the shape. */
START_TEST(gaps_follow_their_family)
{
	static const struct {
		const char *family;
		double shape, cv;
	} rows[] = {
		{"Gamma", 0.25, 2.0},       {"Gamma", 1.0, 1.0},        {"Gamma", 4.0, 0.5},
		{"Weibull", 2.0, 0.522723}, {"Weibull", 0.5, 2.236068}, {"Weibull", 1.0, 1.0},
	};
	struct profile p;
	struct moments m = {0};
	struct arrival a;
	ns_t before = 0;
	profile_begin(&p);
	/* the sixth column belongs to another rate, and is not used */
	char *const line = mem_printf("0,10,%g,%s,%g,123\n600000,0,0,,0,0\n", rows[_i].cv,
	                              rows[_i].family, rows[_i].shape);
	profile_client(&p, line, plain);
	p.load.requests = 400000;
	struct workload *const w = open_load(&p, 3);
	w->ops->next(w, &a);
	before = a.at;
	for (int i = 0; i < 400000 - 1; i++) {
		w->ops->next(w, &a);
		add(&m, ns_to_seconds(a.at - before));
		before = a.at;
	}
	ck_assert(w->ops->peek(w) == NS_NEVER);
	assert_mean(&m, 0.1, rows[_i].family);
	ck_assert_double_eq_tol(deviation(&m) / mean(&m), rows[_i].cv, 0.02 * rows[_i].cv);
	w->ops->close(w);
	free(line);
	profile_end(&p);
}
END_TEST

/* Looked at from any time on there are as many as the rate says: a bursty client does not begin
 * with a burst, as it would if its first gap were drawn as the others are. */
START_TEST(the_first_window_is_not_a_burst)
{
	static const char *const families[] = {"Gamma,0.1", "Weibull,0.5", "Gamma,4"};
	struct profile p;
	struct moments m = {0};
	profile_begin(&p);
	char *const line = mem_printf("0,1,1,%s,0\n600,0,0,,0,0\n", families[_i]);
	profile_client(&p, line, plain);
	for (uint64_t seed = 0; seed < 4000; seed++) {
		struct workload *const w = workload_open(&p.load, &p.llm, seed, 0, p.err);
		add(&m, w != NULL ? (double)count(w, 20 * NS_PER_S) : 0.0);
		if (w != NULL) {
			w->ops->close(w);
		}
	}
	assert_mean(&m, 20.0, families[_i]);
	free(line);
	profile_end(&p);
}
END_TEST

/* Windows have as many requests as they should, whatever came before, and silent ones none. */
START_TEST(windows_have_their_rates)
{
	static const double rates[] = {2.0, 0.0, 0.0, 10.0, 0.5, 0.0};
	struct profile p;
	struct moments windows[6] = {0};
	profile_begin(&p);
	profile_client(&p,
	               "0,2,1,Gamma,0.5,0\n60,0,0,,0,0\n120,0,0,,0,0\n180,10,1,Weibull,0.7,0\n"
	               "240,0.5,0.5,Gamma,0.1,0\n300,0,0,,0,0\n",
	               plain);
	for (uint64_t seed = 0; seed < 1600; seed++) {
		struct workload *const w = open_load(&p, seed);
		for (int i = 0; i < 6; i++) {
			add(&windows[i], (double)count(w, (ns_t)(i + 1) * 60 * NS_PER_S));
		}
		ck_assert(w->ops->peek(w) == NS_NEVER);
		w->ops->close(w);
	}
	for (int i = 0; i < 6; i++) {
		assert_mean(&windows[i], 60.0 * rates[i], "window");
	}
	profile_end(&p);
}
END_TEST

/* `scale` multiplies rates, `from` begins later, `requests` end earlier. */
START_TEST(keys_of_the_load)
{
	struct profile p;
	struct moments m = {0};
	profile_begin(&p);
	profile_client(&p, "0,1,1,Gamma,1,0\n100,10,1,Gamma,1,0\n200,0,0,,0,0\n", plain);
	p.load.from = 100 * NS_PER_S;
	p.load.scale = 3.0;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct workload *const w = open_load(&p, seed);
		add(&m, (double)count(w, 50 * NS_PER_S));
		w->ops->close(w);
	}
	assert_mean(&m, 1500.0, "requests");
	p.load.requests = 5;
	p.load.warmup_requests = 2;
	struct workload *const w = open_load(&p, 1);
	struct arrival a;
	for (int i = 0; i < 7; i++) {
		ck_assert(w->ops->next(w, &a));
		ck_assert_int_eq(a.warmup, i < 2);
		ck_assert_int_eq(a.user, 0);
	}
	ck_assert(w->ops->peek(w) == NS_NEVER);
	w->ops->close(w);
	p.load.from = 200 * NS_PER_S;
	assert_refused(&p, "no traffic from there on");
	profile_end(&p);
}
END_TEST

/* What came before the second window of lengths. */
struct early {
	double n, images, texts[3];
};

static void see_early(struct workload *w, struct early *seen)
{
	struct arrival a;
	w->ops->next(w, &a);
	quiet(a.output_tokens == 1 && a.images == 2 && a.input_tokens % 1000 <= 300);
	seen->texts[a.input_tokens % 1000 / 100 - 1] += 1.0;
	seen->images += a.input_tokens >= 1000 ? 1.0 : 0.0;
	seen->n += 1.0;
}

static void see_late(struct workload *w)
{
	struct arrival a;
	w->ops->next(w, &a);
	quiet(a.input_tokens == 5 && a.output_tokens == 7 && a.images == 0);
}

/* Lengths have the chances of their window, and those of images are parts of the prompt. */
START_TEST(lengths_have_their_chances)
{
	static const double chances[] = {0.2, 0.5, 0.3};
	struct profile p;
	struct early seen = {0};
	int late = 0;
	profile_begin(&p);
	p.llm.vision_parameters = 1;
	profile_client(&p, "0,100,1,Gamma,1,0\n1000,0,0,,0,0\n",
	               "{\"500\": {\"text_tokens\": \"{5: 1}\", \"output_tokens\": \"{7: 1.0}\"},"
	               "\"0\": {\"text_tokens\": \"{ 100: 0.2,200 : 0.5, 300: 3e-1}\","
	               "\"image_tokens\": \"{0: 0.5, 1000: 0.5}\", \"image_count\": \"{2: 1}\","
	               "\"output_tokens\": \"{1: 0.9, 0: 0.1}\", \"reason_ratio\": \"{0.5: 1}\"},"
	               "\"250\": {\"text_tokens\": \"{}\", \"output_tokens\": \"{}\"}}");
	struct workload *const w = open_load(&p, 5);
	while (w->ops->peek(w) < 500 * NS_PER_S) {
		see_early(w, &seen);
	}
	for (; w->ops->peek(w) != NS_NEVER; late++) {
		see_late(w);
	}
	ck_assert_int_gt(late, 40000);
	/* chi-square with two degrees of freedom, one in 10,000 */
	double chi = 0.0;
	for (int i = 0; i < 3; i++) {
		const double expected = seen.n * chances[i];
		chi += (seen.texts[i] - expected) * (seen.texts[i] - expected) / expected;
	}
	ck_assert_double_lt(chi, 18.4);
	ck_assert_double_eq_tol(seen.images / seen.n, 0.5, 4.0 * 0.5 / sqrt(seen.n));
	w->ops->close(w);
	profile_end(&p);
}
END_TEST

/* An embedding model reads prompts and writes nothing. */
START_TEST(embeddings_need_no_answers)
{
	struct profile p;
	struct arrival a;
	profile_begin(&p);
	p.llm.task = LLM_EMBED;
	profile_client(&p, "0,1,1,Gamma,1,0\n1000,0,0,,0,0\n",
	               "{\"0\": {\"input_tokens\": \"{50: 1}\"}}");
	struct workload *const w = open_load(&p, 1);
	ck_assert(w->ops->next(w, &a));
	ck_assert(a.input_tokens == 50 && a.output_tokens == 0);
	w->ops->close(w);
	p.llm.task = LLM_GENERATE;
	assert_refused(&p, "no \"output_tokens\"");
	profile_end(&p);
}
END_TEST

/* Mean tokens of a field over a day, as the files say: each window by its requests. */
static double expected_tokens(const struct servegen_client *c, enum servegen_field field,
                              double *requests)
{
	double tokens = 0.0;
	size_t length = 0;
	*requests = 0.0;
	for (size_t i = 0; i < c->windows.n; i++) {
		const struct servegen_window *const w = &c->windows.at[i];
		const double n = w->rate * ns_to_seconds(w->until - w->from);
		while (length + 1 < c->lengths.n && c->lengths.at[length + 1].from <= w->from) {
			length++;
		}
		const struct servegen_values *const v = &c->lengths.at[length].fields[field];
		for (size_t k = 0; n > 0.0 && k < v->n; k++) {
			tokens += n * v->value[k] * (v->upto[k] - (k > 0 ? v->upto[k - 1] : 0.0));
		}
		*requests += n;
	}
	return tokens;
}

/* A day of one client: requests and tokens. */
static void run_day(struct profile *p, uint64_t seed, double totals[3])
{
	struct workload *const w = open_load(p, seed);
	struct arrival a;
	memset(totals, 0, 3 * sizeof(*totals));
	while (w->ops->peek(w) != NS_NEVER) {
		w->ops->next(w, &a);
		totals[0] += 1.0;
		totals[1] += a.input_tokens;
		totals[2] += a.output_tokens;
	}
	w->ops->close(w);
}

/* The published clients: requests and tokens of a day are those of the profile. */
START_TEST(published_clients_keep_their_profile)
{
	struct profile p;
	struct servegen_client client;
	struct moments m[3] = {0};
	double totals[3], expected[3];
	int64_t number = _i;
	profile_begin(&p);
	bundled(&p);
	p.load.clients = &number;
	p.load.n_clients = 1;
	const struct servegen_ask ask = {.folder = BUNDLED, .err = p.err};
	ck_assert(servegen_read(&ask, number, &client));
	ck_assert_uint_eq(client.windows.n, 144);
	expected[1] = expected_tokens(&client, SERVEGEN_INPUT, &expected[0]);
	expected[2] = expected_tokens(&client, SERVEGEN_OUTPUT, &expected[0]);
	for (uint64_t seed = 1; seed <= 30; seed++) {
		run_day(&p, seed, totals);
		for (int i = 0; i < 3; i++) {
			add(&m[i], totals[i]);
		}
	}
	assert_mean(&m[0], expected[0], "requests");
	assert_mean(&m[1], expected[1], "prompt tokens");
	assert_mean(&m[2], expected[2], "answer tokens");
	servegen_client_fini(&client);
	profile_end(&p);
}
END_TEST

/* Take requests until one is `a`; false when the time goes back or there is none. */
static bool finds(struct workload *w, const struct arrival *a, size_t *taken)
{
	struct arrival b = {.at = 0};
	while (w->ops->peek(w) <= a->at) {
		const ns_t before = b.at;
		w->ops->next(w, &b);
		(*taken)++;
		if (b.at < before) {
			return false;
		}
		if (b.at == a->at && b.output_tokens == a->output_tokens) {
			return true;
		}
	}
	return false;
}

/* Two clients are each of them alone, in order of time. */
START_TEST(clients_are_independent)
{
	struct profile p;
	int64_t pair[] = {0, 3}, one[] = {0};
	struct arrival a;
	size_t shared = 0, n = 0;
	profile_begin(&p);
	bundled(&p);
	struct workload *const all = open_load(&p, 9);
	p.load.clients = pair;
	p.load.n_clients = 2;
	struct workload *const two = open_load(&p, 9);
	p.load.clients = one;
	p.load.n_clients = 1;
	struct workload *const alone = open_load(&p, 9);
	for (; alone->ops->peek(alone) != NS_NEVER; shared++) {
		alone->ops->next(alone, &a);
		quiet(finds(two, &a, &n));
	}
	ck_assert_uint_gt(shared, 3000);
	ck_assert_uint_gt(n, shared);
	ck_assert_uint_gt(count(all, NS_NEVER), 100000);
	alone->ops->close(alone);
	two->ops->close(two);
	all->ops->close(all);
	profile_end(&p);
}
END_TEST

static const struct {
	const char *windows, *lengths, *message;
} bad[] = {
	{"0,1,1,Gamma,1\n", plain, "chunk-0-trace.csv:1:1: expected 6 fields"},
	{"0,1,1,Pareto,1,0\n", plain, "chunk-0-trace.csv:1:4: expected Gamma, Weibull or nothing"},
	{"0,-1,1,Gamma,1,0\n", plain, "chunk-0-trace.csv:1:2: rate: expected a number from 0"},
	{"0,nan,1,Gamma,1,0\n", plain, "chunk-0-trace.csv:1:2: rate: expected a number from 0"},
	{"0,1,1,Gamma,0,0\n", plain, "chunk-0-trace.csv:1:5: a shape of gaps below 0.01"},
	{"0,1,1,Gamma,1,0\n0,1,1,Gamma,1,0\n", plain, "chunk-0-trace.csv:2:1: windows must be in"},
	{"", plain, "no windows"},
	{"0,1,1,Gamma,1,0\n", "{}", "no lengths for a client that has traffic"},
	{"0,1,1,Gamma,1,0\n", "[]", "expected an object"},
	{"0,1,1,Gamma,1,0\n", "{\"x\": {}}", "expected the start of a window in seconds"},
	{"0,1,1,Gamma,1,0\n", "{\"0\": {\"output_tokens\": \"{1: 1}\"}}",
         "neither \"input_tokens\""},
	{"0,1,1,Gamma,1,0\n", "{\"0\": {\"input_tokens\": {}}}", "expected a string"},
	{"0,1,1,Gamma,1,0\n", "{\"0\": {\"input_tokens\": \"{1: 0.5}\"}}", "expected a map"},
	{"0,1,1,Gamma,1,0\n", "{\"0\": {\"input_tokens\": \"{1: 1\"}}", "expected a map"},
	{"0,1,1,Gamma,1,0\n", "{\"0\": {\"input_tokens\": \"{1 1}\"}}", "expected a map"},
	{"0,1,1,Gamma,1,0\n", "{\"0\": {\"input_tokens\": \"{1: 1} x\"}}", "expected a map"},
	{"0,1,1,Gamma,1,0\n", "{\"0\": {\"input_tokens\": \"{-1: 1}\"}}", "expected a map"},
	{"0,1,1,Gamma,1,0\n", "{\"0\": {\"input_tokens\": \"{1: 2}\"}}", "expected a map"},
	{"0,1,1,Gamma,1,0\n",
         "{\"0\": {\"text_tokens\": \"{1: 1}\", \"image_count\": \"{1: 1}\","
         "\"output_tokens\": \"{1: 1}\"}}",
         "image_count: the model sees no images, got 1"},
};

START_TEST(mistakes_are_named)
{
	struct profile p;
	profile_begin(&p);
	profile_client(&p, bad[_i].windows, bad[_i].lengths);
	assert_refused(&p, bad[_i].message);
	profile_end(&p);
}
END_TEST

START_TEST(missing_files_are_named)
{
	struct profile p;
	int64_t number = 4;
	profile_begin(&p);
	assert_refused(&p, "no ServeGen clients: expected files chunk-N-trace.csv");
	err_free(p.err);
	p.err = err_new();
	p.load.clients = &number;
	p.load.n_clients = 1;
	assert_refused(&p, "chunk-4-trace.csv");
	profile_end(&p);
}
END_TEST

START_TEST(gamma_function)
{
	double product = 1.0;
	for (int n = 1; n <= 100; n++) {
		product *= n;
		ck_assert_double_eq_tol(rng_factorial(n) / product, 1.0, 1e-12);
	}
	ck_assert_double_eq_tol(rng_factorial(0.0), 1.0, 1e-13);
	ck_assert_double_eq_tol(rng_factorial(0.5), 0.886226925452758, 1e-13);
	ck_assert_double_eq_tol(rng_factorial(1.5), 1.329340388179137, 1e-13);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("servegen");
	TCase *const t = tcase_create("servegen");
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, gaps_follow_their_family, 0, 6);
	tcase_add_loop_test(t, the_first_window_is_not_a_burst, 0, 3);
	tcase_add_test(t, windows_have_their_rates);
	tcase_add_test(t, keys_of_the_load);
	tcase_add_test(t, lengths_have_their_chances);
	tcase_add_test(t, embeddings_need_no_answers);
	tcase_add_loop_test(t, published_clients_keep_their_profile, 0, 5);
	tcase_add_test(t, clients_are_independent);
	tcase_add_loop_test(t, mistakes_are_named, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(t, missing_files_are_named);
	tcase_add_test(t, gamma_function);
	suite_add_tcase(s, t);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
