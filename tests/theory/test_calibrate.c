/*
 * Calibration against rows that the simulator itself made: known constants, a few per cent of noise
 * on every figure. The fit must find the constants within its intervals as often as it promises,
 * say which ones the rows cannot tell, and judge itself on rows it has not seen.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "spec/calibration.h"
#include "study/campaign.h"
#include "study.h"

#define NOISE 0.02 /* uniform in +-NOISE: 1 % on average */
#define SEEDS 6

#define PROTOCOL                                                                                   \
	"{\"name\": \"made\", \"title\": \"made by the test\", \"rules\": [{\"source\": \"test\"," \
	" \"requests_per_user\": 3, \"engine_version\": \"1\"}]}"

struct known { /* a constant and what it is in the rows */
	const char *name;
	double value;
};

struct shape {
	int isl, osl, users, tp;
};

static struct test_study t;

static void set_up(void)
{
	test_study_begin(&t);
	test_study_file(&t, "models/protocol/made.json", PROTOCOL);
}

static void tear_down(void)
{
	test_study_end(&t);
}

static double noise_next(unsigned *state)
{
	*state = *state * 1664525U + 1013904223U;
	return NOISE * ((double)(*state >> 8) / (double)(1U << 23) - 1.0);
}

static const char *const metrics[][2] = {
	{"tpot", "ms"}, {"ttft", "ms"}, {"output_throughput", "tokens/s"}};
#define N_METRICS (sizeof(metrics) / sizeof(metrics[0]))

/* A table of `n` shapes; `values` of N_METRICS each, NULL: all 1. */
static char *table_of(const struct shape *shapes, size_t n, const double *values)
{
	char *text = mem_strdup(STUDY_HEADER);
	for (size_t i = 0; i < n * N_METRICS; i++) {
		const struct shape *const s = &shapes[i / N_METRICS];
		const size_t m = i % N_METRICS;
		char *const longer = mem_printf(
			"%smade,h100-sxm,llama-3.1-8b-instruct,bf16,%d,%d,%d,%s,mean,%.9g,%s,vllm,,%d,"
			"closed,,,,,,,,\n",
			text, s->isl, s->osl, s->users, metrics[m][0],
			values != NULL ? values[i] : 1.0, metrics[m][1], s->tp);
		free(text);
		text = longer;
	}
	return text;
}

static void set_cost(struct cost_constants *costs, const char *name, double value)
{
	for (const struct option *o = engine_cost_table; o->name != NULL; o++) {
		if (strcmp(o->name, name) == 0) {
			memcpy((char *)costs + o->offset, &value, sizeof(value));
			return;
		}
	}
	ck_abort_msg("no constant %s", name);
}

/* What an engine with these constants would measure, times 1 + noise; caller frees. */
static double *measure(const struct shape *shapes, size_t n, const struct known *truth,
                       size_t n_truth, unsigned seed)
{
	double *const values = mem_new(n * N_METRICS, sizeof(*values));
	char *const blank = table_of(shapes, n, NULL);
	test_study_rows(&t, blank);
	free(blank);
	ck_assert_uint_eq(t.cases.n, n);
	for (size_t i = 0; i < n; i++) {
		const struct study_case *const c = &t.cases.at[i];
		ck_assert_msg(c->skipped == NULL, "%s", c->skipped);
		struct cost_constants costs = c->scenario->services[0].engine->costs;
		for (size_t k = 0; k < n_truth; k++) {
			set_cost(&costs, truth[k].name, truth[k].value);
		}
		case_set_costs(c, &costs, NULL, 0);
		ck_assert(case_figures(c, &values[i * N_METRICS], t.err));
	}
	for (size_t i = 0; seed != 0 && i < n * N_METRICS; i++) {
		values[i] *= 1.0 + noise_next(&seed);
	}
	return values;
}

static void make_rows(const struct shape *shapes, size_t n, const struct known *truth,
                      size_t n_truth, unsigned seed)
{
	double *const values = measure(shapes, n, truth, n_truth, seed);
	char *const csv = table_of(shapes, n, values);
	test_study_rows(&t, csv);
	free(csv);
	free(values);
}

struct fitted {
	struct calibration_result result;
	struct calibrate_ask ask;
	const struct study_case **cases;
	const char *free[FIT_MOST];
};

/* Fit the rows at hand. */
static void fit_rows(struct fitted *f, const struct known *truth, size_t n_truth, size_t folds)
{
	memset(f, 0, sizeof(*f));
	f->cases = mem_new(t.cases.n, sizeof(*f->cases));
	for (size_t i = 0; i < t.cases.n; i++) {
		f->cases[i] = &t.cases.at[i];
	}
	for (size_t i = 0; i < n_truth; i++) {
		f->free[i] = truth[i].name;
	}
	f->ask = (struct calibrate_ask){
		.cases = f->cases,
		.n_cases = t.cases.n,
		.profile = &t.cases.at[0].scenario->services[0].engine->costs,
		.free = f->free,
		.n_free = n_truth,
		.folds = folds,
		.starts = 1,
		.threads = 2,
	};
	if (!calibrate(&f->ask, &f->result, t.err)) {
		ck_abort_msg("%s", err_message(t.err, 0));
	}
}

static void fitted_fini(struct fitted *f)
{
	calibration_result_fini(&f->result);
	free(f->cases);
}

static const struct calibrate_constant *constant(const struct fitted *f, const char *name)
{
	for (size_t i = 0; i < f->result.n_constants; i++) {
		if (strcmp(f->result.constants[i].option->name, name) == 0) {
			return &f->result.constants[i];
		}
	}
	ck_abort_msg("no constant %s", name);
}

static const struct shape one_gpu[] = {
	{256, 32, 1, 1},   {256, 64, 8, 1},    {256, 64, 32, 1},  {256, 64, 128, 1},
	{1024, 64, 2, 1},  {1024, 64, 8, 1},   {1024, 64, 32, 1}, {1024, 128, 64, 1},
	{4096, 64, 1, 1},  {4096, 64, 4, 1},   {4096, 64, 16, 1}, {4096, 64, 32, 1},
	{128, 128, 4, 1},  {128, 128, 64, 1},  {128, 64, 256, 1}, {2048, 64, 4, 1},
	{2048, 64, 16, 1}, {2048, 128, 48, 1},
};
#define N_ONE (sizeof(one_gpu) / sizeof(one_gpu[0]))

static const struct known dense[] = {
	{"e_compute", 0.55}, {"e_memory", 0.72}, {"h_seq", 35e-6}, {"h_request", 900e-6}};
#define N_DENSE (sizeof(dense) / sizeof(dense[0]))

/* Holds what it promises: of all intervals over several seeds about 95 of 100. */
static void check_coverage(const struct shape *shapes, size_t n, const struct known *truth,
                           size_t n_truth, double widest)
{
	size_t inside = 0, all = 0;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct fitted f;
		make_rows(shapes, n, truth, n_truth, 77 * seed);
		fit_rows(&f, truth, n_truth, 0);
		for (size_t i = 0; i < n_truth; i++) {
			const struct calibrate_constant *const c = constant(&f, truth[i].name);
			ck_assert_msg(c->fitted, "%s: %s", truth[i].name, c->why);
			ck_assert_double_ge(c->value, c->low);
			ck_assert_double_le(c->value, c->high);
			ck_assert_msg(fabs(c->value / truth[i].value - 1.0) < widest,
			              "%s: %g instead of %g", truth[i].name, c->value,
			              truth[i].value);
			ck_assert_msg(c->high / c->low < 1.0 + 4.0 * widest, "%s: %g to %g",
			              truth[i].name, c->low, c->high);
			inside += c->low <= truth[i].value && truth[i].value <= c->high;
			all++;
		}
		ck_assert_double_gt(f.result.deviation, 0.5 * NOISE / sqrt(3.0));
		ck_assert_double_lt(f.result.deviation, 1.3 * NOISE / sqrt(3.0));
		fitted_fini(&f);
	}
	ck_assert_msg(100 * inside >= 87 * all, "%zu of %zu intervals hold the truth", inside, all);
}

START_TEST(finds_the_constants_of_one_gpu)
{
	check_coverage(one_gpu, N_ONE, dense, N_DENSE, 0.15);
}
END_TEST

static const struct shape four_gpus[] = {
	{256, 32, 1, 4},  {256, 64, 8, 4},   {256, 64, 64, 4},   {1024, 64, 2, 4},
	{1024, 64, 8, 4}, {1024, 64, 32, 4}, {1024, 128, 64, 4}, {4096, 64, 1, 4},
	{4096, 64, 8, 4}, {4096, 64, 32, 4}, {128, 128, 4, 2},   {128, 128, 64, 2},
	{512, 64, 8, 2},  {2048, 64, 4, 2},  {2048, 64, 16, 2},  {2048, 128, 48, 2},
	{512, 64, 16, 1}, {2048, 64, 8, 1},
};
#define N_FOUR (sizeof(four_gpus) / sizeof(four_gpus[0]))

START_TEST(finds_the_constants_of_several_gpus)
{
	static const struct known truth[] = {{"e_compute", 0.5},
	                                     {"e_memory", 0.7},
	                                     {"h_seq", 30e-6},
	                                     {"t_eager", 0.022},
	                                     {"t_link", 14e-6}};
	check_coverage(four_gpus, N_FOUR, truth, 5, 0.25);
}
END_TEST

/* Rows without noise: the constants themselves. */
START_TEST(exact_rows)
{
	struct fitted f;
	make_rows(one_gpu, N_ONE, dense, N_DENSE, 0);
	fit_rows(&f, dense, N_DENSE, 0);
	for (size_t i = 0; i < N_DENSE; i++) {
		const struct calibrate_constant *const c = constant(&f, dense[i].name);
		ck_assert_double_eq_tol(c->value, dense[i].value, 0.01 * dense[i].value);
	}
	ck_assert_double_lt(f.result.deviation, 0.002);
	struct error_stats e;
	calibrate_errors(&f.ask, &f.result, "tpot", 8, false, &e);
	ck_assert_uint_eq(e.n, 12); /* configurations of 8 users and more */
	ck_assert_double_lt(e.worst, 0.3);
	calibrate_errors(&f.ask, &f.result, "tpot", 0, true, &e);
	ck_assert_uint_eq(e.n, 0); /* nothing was held out */
	fitted_fini(&f);
}
END_TEST

START_TEST(what_the_rows_cannot_tell)
{
	static const struct known asked[] = {
		{"e_compute", 0.55}, {"e_memory", 0.72}, {"t_link", 7e-6}, {"h_seq", 35e-6}};
	const double profile = 123e-6; /* not what fits: it must come back untouched */
	struct fitted f;
	struct cost_constants costs;
	make_rows(one_gpu, N_ONE, asked, 4, 5);
	costs = t.cases.at[0].scenario->services[0].engine->costs;
	costs.t_link_s = profile;
	memset(&f, 0, sizeof(f));
	fit_rows(&f, asked, 4, 0);
	calibration_result_fini(&f.result);
	f.ask.profile = &costs;
	ck_assert(calibrate(&f.ask, &f.result, t.err));
	const struct calibrate_constant *const link = constant(&f, "t_link");
	ck_assert(!link->fitted);
	ck_assert_double_eq(link->value, profile);
	ck_assert_double_eq(link->low, profile);
	ck_assert_double_eq(f.result.costs.t_link_s, profile);
	ck_assert_msg(strncmp(link->why, "not determined (", 16) == 0, "%s", link->why);
	ck_assert(constant(&f, "e_compute")->fitted);
	ck_assert(constant(&f, "e_memory")->fitted);
	ck_assert(constant(&f, "h_seq")->fitted);
	ck_assert_uint_eq(calibrate_n_fitted(&f.result), 3);
	ck_assert_str_eq(constant(&f, "e_kv")->why, "the engine profile's");
	fitted_fini(&f);
}
END_TEST

/* Each has bounds, and a place in the result. */
START_TEST(every_constant_can_be_asked_for)
{
	size_t n = 0;
	make_rows(four_gpus, 4, dense, N_DENSE, 3);
	for (const struct option *o = engine_cost_table; o->name != NULL; o++, n++) {
		const struct known asked = {o->name, 0.0};
		struct fitted f;
		fit_rows(&f, &asked, 1, 0);
		ck_assert_ptr_eq(constant(&f, o->name)->option, o);
		fitted_fini(&f);
	}
	ck_assert_uint_ge(n, 13);
}
END_TEST

START_TEST(rows_that_tell_nothing)
{
	static const struct known asked[] = {{"t_link", 7e-6}};
	struct fitted f;
	make_rows(one_gpu, 4, asked, 1, 5);
	fit_rows(&f, asked, 1, 3);
	ck_assert_uint_eq(calibrate_n_fitted(&f.result), 0);
	ck_assert(!constant(&f, "t_link")->fitted);
	ck_assert_double_gt(f.result.deviation, 0.002); /* of the profile as it stands */
	ck_assert_double_lt(f.result.deviation, 0.02);
	fitted_fini(&f);
}
END_TEST

START_TEST(a_held_constant_stays)
{
	const struct calibrate_hold held = {"e_kv", 0.9, "a kernel table"};
	struct fitted f;
	make_rows(one_gpu, N_ONE, dense, N_DENSE, 9);
	fit_rows(&f, dense, N_DENSE, 0);
	calibration_result_fini(&f.result);
	f.ask.held = &held;
	f.ask.n_held = 1;
	ck_assert(calibrate(&f.ask, &f.result, t.err));
	ck_assert_double_eq(constant(&f, "e_kv")->value, 0.9);
	ck_assert_double_eq(f.result.costs.e_kv, 0.9);
	ck_assert_str_eq(constant(&f, "e_kv")->why, "a kernel table");
	fitted_fini(&f);
}
END_TEST

/*
 * Held-out errors are those of a forecast: about the noise, which no forecast can be below, and not
 * smaller than the errors of the fit.
 */
START_TEST(rows_held_out)
{
	double fitted_mean = 0.0, held_out_mean = 0.0;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct fitted f;
		struct error_stats fitted, held_out;
		size_t same = 0;
		make_rows(one_gpu, N_ONE, dense, N_DENSE, 31 * seed);
		fit_rows(&f, dense, N_DENSE, 6);
		calibrate_errors(&f.ask, &f.result, "tpot", 0, false, &fitted);
		calibrate_errors(&f.ask, &f.result, "tpot", 0, true, &held_out);
		ck_assert_uint_eq(fitted.n, N_ONE);
		ck_assert_uint_eq(held_out.n, N_ONE);
		fitted_mean += fitted.mean / SEEDS;
		held_out_mean += held_out.mean / SEEDS;
		for (size_t i = 0; i < f.result.n_predictions; i++) {
			const struct prediction *const p = &f.result.predictions[i];
			same += fabs(p->held_out / p->fitted - 1.0) < 1e-9;
		}
		ck_assert_uint_lt(same, f.result.n_predictions / 10);
		fitted_fini(&f);
	}
	const double noise = 100.0 * NOISE / 2.0;
	ck_assert_double_gt(held_out_mean, 0.85 * noise);
	ck_assert_double_lt(held_out_mean, 1.5 * noise);
	ck_assert_double_gt(held_out_mean, fitted_mean);
}
END_TEST

/* A row that is wrong by half changes the fit, but not the forecast of itself. */
START_TEST(a_row_does_not_forecast_itself)
{
	double *const values = measure(one_gpu, N_ONE, dense, N_DENSE, 4);
	const size_t wrong = 7; /* configuration */
	double held_out[2], fitted[2];
	for (size_t round = 0; round < 2; round++) {
		struct fitted f;
		char *const csv = table_of(one_gpu, N_ONE, values);
		test_study_rows(&t, csv);
		free(csv);
		fit_rows(&f, dense, N_DENSE, N_ONE); /* one configuration is left out at a time */
		const struct prediction *const p = &f.result.predictions[wrong * N_METRICS];
		ck_assert_uint_eq(p->run, wrong);
		held_out[round] = p->held_out;
		fitted[round] = p->fitted;
		values[wrong * N_METRICS] *= 1.5;
		fitted_fini(&f);
	}
	free(values);
	ck_assert_double_eq_tol(held_out[1] / held_out[0], 1.0, 0.002);
	ck_assert_double_gt(fabs(fitted[1] / fitted[0] - 1.0), 0.01);
}
END_TEST

/* --- what goes wrong ---------------------------------------------------------------------------
 */

static void check_refused(struct fitted *f, const char *message)
{
	struct err *const err = err_new();
	struct calibration_result r;
	ck_assert(!calibrate(&f->ask, &r, err));
	ck_assert_pstr_eq(err_message(err, 0), message);
	err_free(err);
}

START_TEST(wrong_questions)
{
	struct fitted f;
	make_rows(one_gpu, 3, dense, N_DENSE, 1);
	fit_rows(&f, dense, 1, 0);
	struct calibrate_hold held = {"e_memory", 0.8, "test"};
	f.ask.n_free = 2;
	f.free[1] = "e_memry";
	check_refused(&f, "unknown constant \"e_memry\"; did you mean \"e_memory\"?");
	f.free[1] = "e_compute";
	check_refused(&f, "constant e_compute is named twice");
	f.free[1] = "e_memory";
	f.ask.held = &held;
	f.ask.n_held = 1;
	check_refused(&f, "constant e_memory is both fitted and held");
	f.ask.n_free = 1;
	held.value = 17.0;
	check_refused(&f, "constant e_memory cannot be 17: it lies from 0.01 to 2");
	held.name = "e_mem";
	check_refused(&f, "unknown constant \"e_mem\"; did you mean \"e_memory\"?");
	fitted_fini(&f);
}
END_TEST

START_TEST(fewer_figures_than_constants)
{
	static const char *const free_names[] = {"e_compute", "e_memory", "h_seq", "h_request"};
	struct fitted f;
	make_rows(one_gpu, 1, dense, N_DENSE, 1);
	fit_rows(&f, dense, 1, 0);
	memcpy(f.free, free_names, sizeof(free_names));
	f.ask.n_free = 4;
	f.ask.title = "bf16 dense";
	check_refused(&f, "bf16 dense: no fit: 1 configurations with 3 figures do not carry 4 "
	                  "constants");
	fitted_fini(&f);
}
END_TEST

/* A metric nobody simulates, a figure of zero and a model that does not fit leave the rest alone.
 */
START_TEST(figures_that_cannot_be_used)
{
	static const char bad[] =
		"made,h100-sxm,llama-3.1-8b-instruct,bf16,256,64,8,gpu_memory,max,70,GB,vllm,,1,"
		"closed,,,,,,,,\n"
		"made,h100-sxm,llama-3.1-8b-instruct,bf16,256,64,8,tpot,mean,0,ms,vllm,,1,closed,,,,,,,"
		",\n"
		"made,h100-sxm,llama-3.1-70b,bf16,256,64,8,tpot,mean,30,ms,vllm,,1,closed,,,,,,,,\n";
	double *const values = measure(one_gpu, N_ONE, dense, N_DENSE, 3);
	char *const good = table_of(one_gpu, N_ONE, values);
	char *const csv = mem_printf("%s%s", good, bad);
	char notes[1000] = "";
	struct fitted f, g;
	test_study_rows(&t, good);
	fit_rows(&g, dense, N_DENSE, 0);
	const double expected = constant(&g, "e_memory")->value;
	fitted_fini(&g);
	test_study_rows(&t, csv);
	fit_rows(&f, dense, N_DENSE, 3);
	ck_assert_double_eq_tol(constant(&f, "e_memory")->value, expected, 1e-9);
	FILE *const out = fmemopen(notes, sizeof(notes), "w");
	err_print(t.err, out);
	fclose(out);
	ck_assert_str_eq(notes, "note: 2 figures that cannot be simulated are left out, first "
	                        "made:56, gpu_memory.max\n");
	fitted_fini(&f);
	free(csv);
	free(good);
	free(values);
}
END_TEST

/* --- campaigns ---------------------------------------------------------------------------------
 */

static struct campaign_ask campaign_of(size_t threads)
{
	return (struct campaign_ask){.cases = &t.cases,
	                             .gpu = "h100-sxm",
	                             .engine = "vllm",
	                             .folds = 3,
	                             .starts = 2,
	                             .threads = threads};
}

static char *write_with(size_t threads, const char *name)
{
	struct campaign campaign;
	const struct campaign_ask ask = campaign_of(threads);
	char *const dir = test_study_path(&t, name);
	ck_assert_msg(campaign_run(&ask, &campaign, t.err), "%s", err_message(t.err, 0));
	ck_assert(campaign_write(&campaign, dir, "2026-11-21", "aliquot calibrate", t.err));
	campaign_fini(&campaign);
	char *const contents = test_study_contents(dir);
	free(dir);
	return contents;
}

START_TEST(threads_change_no_byte)
{
	make_rows(one_gpu, N_ONE, dense, N_DENSE, 12);
	char *const one = write_with(1, "one");
	char *const three = write_with(3, "three");
	ck_assert_uint_gt(strlen(one), 2000);
	ck_assert_ptr_nonnull(strstr(one, "== h100-sxm__vllm__bf16.json\n"));
	ck_assert_str_eq(one, three);
	free(one);
	free(three);
}
END_TEST

/* Without folds there is nothing to draw. */
START_TEST(no_picture_of_nothing)
{
	struct campaign campaign;
	struct campaign_ask ask = campaign_of(1);
	char *const dir = test_study_path(&t, "mine");
	ask.folds = 0;
	make_rows(one_gpu, 4, dense, N_DENSE, 12);
	ck_assert(campaign_run(&ask, &campaign, t.err));
	ck_assert(campaign_write(&campaign, dir, NULL, "a note", t.err));
	campaign_fini(&campaign);
	char *const contents = test_study_contents(dir);
	ck_assert_ptr_nonnull(strstr(contents, "== h100-sxm__vllm__bf16.json\n"));
	ck_assert_ptr_null(strstr(contents, "plots"));
	free(contents);
	free(dir);
}
END_TEST

START_TEST(a_folder_that_cannot_be_written)
{
	struct campaign campaign;
	const struct campaign_ask ask = campaign_of(1);
	make_rows(one_gpu, 4, dense, N_DENSE, 12);
	ck_assert(campaign_run(&ask, &campaign, t.err));
	ck_assert(!campaign_write(&campaign, "/dev/null/mine", NULL, "a note", t.err));
	ck_assert_int_eq(err_exit_code(t.err), ERR_IO);
	campaign_fini(&campaign);
}
END_TEST

START_TEST(a_written_file_is_read_again)
{
	struct campaign campaign;
	const struct campaign_ask ask = campaign_of(2);
	make_rows(one_gpu, N_ONE, dense, N_DENSE, 12);
	ck_assert(campaign_run(&ask, &campaign, t.err));
	ck_assert(campaign_write(&campaign, t.folder, NULL, "a note", t.err));
	char *const file = test_study_path(&t, "h100-sxm__vllm__bf16.json");
	struct calibration *const c = calibration_read(file, t.data, t.err);
	ck_assert_msg(c != NULL, "%s", err_message(t.err, 0));
	ck_assert_uint_eq(c->n_sets, 1);
	ck_assert_ptr_null(c->checked);
	ck_assert_str_eq(c->note, "a note");
	const struct calibration_set *const set = &c->sets[0];
	const struct calibration_result *const r = &campaign.sets[0].result;
	ck_assert_str_eq(set->engine_version, "1");
	ck_assert_str_eq(set->source, "made");
	ck_assert_int_eq(set->configurations, N_ONE);
	ck_assert_str_eq(set->models[0], "llama-3.1-8b-instruct");
	ck_assert_double_eq(set->isl.low, 128.0);
	ck_assert_double_eq(set->isl.high, 4096.0);
	ck_assert_double_eq(set->users.high, 256.0);
	ck_assert_uint_eq(set->n_constants, r->n_constants);
	for (size_t i = 0; i < r->n_constants; i++) {
		const struct calibrated_constant *const k = &set->constants[i];
		ck_assert_str_eq(k->name, r->constants[i].option->name);
		ck_assert_double_eq_tol(k->value, r->constants[i].value,
		                        1e-12 + 5e-4 * r->constants[i].value);
		ck_assert_int_eq(k->role == CONSTANT_FITTED, r->constants[i].fitted);
	}
	ck_assert_uint_eq(set->n_errors, 3); /* tpot, ttft, output_throughput */
	calibration_free(c);
	campaign_fini(&campaign);
	free(file);
}
END_TEST

START_TEST(a_group_that_tells_nothing_is_left_out)
{
	static const char other[] =
		"other,h100-sxm,llama-3.1-8b-instruct,bf16,64,2,1,ttft,p99,9,ms,vllm,2,1,closed,,,,,,,,\n";
	struct campaign campaign;
	const struct campaign_ask ask = campaign_of(2);
	char notes[1000] = "";
	double *const values = measure(one_gpu, N_ONE, dense, N_DENSE, 12);
	char *const good = table_of(one_gpu, N_ONE, values);
	char *const csv = mem_printf("%s%s", good, other);
	test_study_rows(&t, csv);
	ck_assert(campaign_run(&ask, &campaign, t.err));
	ck_assert_uint_eq(campaign.n_sets, 1);
	ck_assert_str_eq(campaign.sets[0].source, "made");
	campaign_fini(&campaign);
	FILE *const out = fmemopen(notes, sizeof(notes), "w");
	err_print(t.err, out);
	fclose(out);
	ck_assert_str_eq(
		notes,
		"note: other, dense models, version 2, bf16: 1 configuration determines no constant\n");

	char *const alone = mem_printf("%s%s", STUDY_HEADER, other);
	test_study_rows(&t, alone);
	ck_assert(!campaign_run(&ask, &campaign, t.err));
	ck_assert_str_eq(err_message(t.err, 0), "the rows determine no constant at all");
	free(alone);
	free(csv);
	free(good);
	free(values);
}
END_TEST

START_TEST(nothing_to_fit)
{
	static const struct {
		const char *gpu, *engine, *model;
		int64_t tp;
		const char *message;
	} cases[] = {
		{"h100-sxm", "trtllm", NULL, 0, "no row names GPU h100-sxm and engine trtllm"},
		{"h200-sxm", "vllm", NULL, 0,
	         "none of 1 configurations of GPU h200-sxm and engine vllm can be simulated: the load "
	         "is not described"},
		{"h100-sxm", "vllm", "qwen3-8b", 0,
	         "none of 2 configurations of GPU h100-sxm and engine vllm is of the precision, model, "
	         "engine version, width and source asked for"},
		{"h100-sxm", "vllm", NULL, 2,
	         "none of 2 configurations of GPU h100-sxm and engine vllm is of the precision, model, "
	         "engine version, width and source asked for"},
	};
	struct campaign campaign;
	char *const rows = table_of(one_gpu, 2, NULL);
	char *const csv =
		mem_printf("%smade,h200-sxm,qwen3-8b,bf16,64,2,1,ttft,p99,9,ms,vllm,2,1,,,,,,,"
	                   ",,\n",
	                   rows);
	test_study_rows(&t, csv);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct campaign_ask ask = campaign_of(1);
		struct err *const err = err_new();
		ask.gpu = cases[i].gpu;
		ask.engine = cases[i].engine;
		ask.model = cases[i].model;
		ask.tp = cases[i].tp;
		ck_assert(!campaign_run(&ask, &campaign, err));
		ck_assert_pstr_eq(err_message(err, 0), cases[i].message);
		ck_assert_int_eq(err_exit_code(err), ERR_INPUT);
		err_free(err);
	}
	free(csv);
	free(rows);
}
END_TEST

START_TEST(errors_in_numbers)
{
	double errors[] = {0.1, -0.2, 0.05, -0.3};
	struct error_stats e;
	error_stats_of(errors, 4, &e);
	ck_assert_uint_eq(e.n, 4);
	ck_assert_double_eq_tol(e.mean, 16.25, 1e-9);
	ck_assert_double_eq_tol(e.median, 15.0, 1e-9);
	ck_assert_double_eq_tol(e.worst, 30.0, 1e-9);
	ck_assert_double_eq_tol(e.bias, -8.75, 1e-9);
	error_stats_of(errors, 1, &e);
	ck_assert_double_eq_tol(e.median, e.mean, 1e-12);
	error_stats_of(errors, 0, &e);
	ck_assert_uint_eq(e.n, 0);
	ck_assert(isnan(e.mean) && isnan(e.median) && isnan(e.worst) && isnan(e.bias));
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("calibrate");
	TCase *const c = tcase_create("calibrate");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, finds_the_constants_of_one_gpu);
	tcase_add_test(c, finds_the_constants_of_several_gpus);
	tcase_add_test(c, exact_rows);
	tcase_add_test(c, what_the_rows_cannot_tell);
	tcase_add_test(c, every_constant_can_be_asked_for);
	tcase_add_test(c, rows_that_tell_nothing);
	tcase_add_test(c, a_held_constant_stays);
	tcase_add_test(c, rows_held_out);
	tcase_add_test(c, a_row_does_not_forecast_itself);
	tcase_add_test(c, wrong_questions);
	tcase_add_test(c, fewer_figures_than_constants);
	tcase_add_test(c, figures_that_cannot_be_used);
	tcase_add_test(c, threads_change_no_byte);
	tcase_add_test(c, no_picture_of_nothing);
	tcase_add_test(c, a_folder_that_cannot_be_written);
	tcase_add_test(c, a_written_file_is_read_again);
	tcase_add_test(c, a_group_that_tells_nothing_is_left_out);
	tcase_add_test(c, nothing_to_fit);
	tcase_add_test(c, errors_in_numbers);
	suite_add_tcase(s, c);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
