/*
 * From a measured row to a scenario: why a row is left out, what scenario another becomes under its
 * protocol, and what of a run is held against its figures. A timed step against its formula.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "flow/sim.h"
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

static const struct study_case *only_case(const char *row)
{
	char *const csv = mem_printf("%s%s", STUDY_HEADER, row);
	test_study_rows(&t, csv);
	free(csv);
	ck_assert_uint_eq(t.cases.n, 1);
	return &t.cases.at[0];
}

/* --- left out ----------------------------------------------------------------------------------
 */

static const struct {
	const char *row, *why;
} left_out[] = {
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,128,64?,tpot,mean,1,ms,vllm,,1,closed,,,,,,,,\n",
         "concurrency \"64?\" is no number"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,128,8,tpot,mean,1,ms,vllm,,1,closed,,,,yes,,,,\n",
         "speculative decoding is not modelled"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,128,8,tpot,mean,1,ms,vllm,,1,closed,,,,,2,,,\n",
         "several replicas, but no fraction of a GPU for each"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,128,8,tpot,mean,1,ms,vllm,,1,closed,,,,,,0.5,,\n",
         "a fraction of a GPU, but sharing is not said"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,128,8,tpot,mean,1,ms,vllm,,1,closed,,,,,,1/,,,"
         "fair\n",
         "fraction_request \"1/\" is no number"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,128,8,tpot,mean,1,ms,vllm,,1,closed,,,,,,1/0,,,"
         "fair\n",
         "fraction_request \"1/0\" is no number"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,128,8,tpot,mean,1,ms,vllm,,1,,,,,,,,,\n",
         "the load is not described"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,128,8,tpot,mean,1,ms,vllm,,1,burst,,,,,,,,\n",
         "load \"burst\" is unknown"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,,128,8,tpot,mean,1,ms,vllm,,1,closed,,,,,,,,\n",
         "input and output lengths are not given as numbers"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,,8,tpot,mean,1,ms,vllm,,1,closed,,,,,,,,\n",
         "input and output lengths are not given as numbers"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,128,,tpot,mean,1,ms,vllm,,1,closed,,,,,,,,\n",
         "the number of users is not given"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,,,prefill_latency,mean,1,ms,vllm,,1,step,,,,,,,,\n",
         "the number of users is not given"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,,16385,prefill_latency,mean,1,ms,vllm,,1,step,,,,,"
         ",,,\n",
         "a step of 16385 sequences"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,128,,tpot,mean,1,ms,vllm,,1,open,,,,,,,,\n",
         "the rate is not given"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,128,8,tpot,mean,1,ms,vllm,,,closed,,,,,,,8,\n",
         "tp is not given: several GPUs as one replica, or as several?"},
	{"s,,llama-3.1-8b-instruct,bf16,1024,128,8,tpot,mean,1,ms,vllm,,1,closed,,,,,,,,\n",
         "no GPU is named"},
	{"s,h9000,llama-3.1-8b-instruct,bf16,1024,128,8,tpot,mean,1,ms,vllm,,1,closed,,,,,,,,\n",
         "no data sheet of GPU \"h9000\""},
	{"s,h100-sxm,,bf16,1024,128,8,tpot,mean,1,ms,vllm,,1,closed,,,,,,,,\n",
         "no model is named"},
	{"s,h100-sxm,nomodel-1,bf16,1024,128,8,tpot,mean,1,ms,vllm,,1,closed,,,,,,,,\n",
         "no data sheet of model \"nomodel-1\""},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,128,8,tpot,mean,1,ms,,,1,closed,,,,,,,,\n",
         "no engine is named"},
	{"s,h100-sxm,llama-3.1-8b-instruct,bf16,1024,128,8,tpot,mean,1,ms,llama.cpp,,1,closed,,,,,,,,\n",
         "no data sheet of engine \"llama.cpp\""},
	{"s,h100-sxm,llama-3.1-8b-instruct,int3,1024,128,8,tpot,mean,1,ms,vllm,,1,closed,,,,,,,,\n",
         "precision \"int3\" is none that is known"},
};

START_TEST(rows_that_are_left_out)
{
	const struct study_case *const c = only_case(left_out[_i].row);
	ck_assert_pstr_eq(c->skipped, left_out[_i].why);
	ck_assert_ptr_null(c->scenario);
}
END_TEST

START_TEST(what_the_scenario_refuses_is_the_reason)
{
	const struct study_case *const c =
		only_case("s,h100-sxm,llama-3.1-8b-instruct,bf16,1e6,128,8,tpot,mean,1,ms,vllm,,1,"
	                  "closed,,,,,,,,\n");
	ck_assert_ptr_nonnull(c->skipped);
	ck_assert_msg(strstr(c->skipped, "default: loads.0") != NULL, "%s", c->skipped);
	ck_assert_uint_eq(err_count(t.err), 0);
}
END_TEST

START_TEST(a_model_that_does_not_fit)
{
	const struct study_case *const c = only_case(
		"s,l40s,llama-3.1-70b,bf16,100,10,1,tpot,mean,1,ms,vllm,,1,closed,,,,,,,,\n");
	double figure = 0.0;
	ck_assert_ptr_null(c->skipped);
	ck_assert(!case_figures(c, &figure, t.err));
	ck_assert(isnan(figure));
	ck_assert_int_eq(err_exit_code(t.err), ERR_INFEASIBLE);
}
END_TEST

START_TEST(one_bad_row_leaves_the_others)
{
	test_study_rows(
		&t, STUDY_HEADER
		"s,h9000,llama-3.1-8b-instruct,bf16,64,8,2,tpot,mean,1,ms,vllm,,1,closed,,,"
		",,,,,\n"
		"s,h100-sxm,llama-3.1-8b-instruct,bf16,64,8,2,tpot,mean,1,ms,vllm,,1,closed,"
		",,,,,,,\n");
	ck_assert_uint_eq(t.cases.n, 2);
	ck_assert_ptr_nonnull(t.cases.at[0].skipped);
	ck_assert_ptr_null(t.cases.at[1].skipped);
}
END_TEST

/* --- scenarios ---------------------------------------------------------------------------------
 */

#define RULE(keys)                                                                               \
	"{\"name\": \"s\", \"title\": \"of the test\", \"rules\": [{\"source\": \"test\", " keys \
	"}]}"
#define CLOSED \
	"s,H100-SXM,Llama-3.1-8B-Instruct,fp16,1024,128,8,tpot,mean,1,ms,vLLM,0.9,2,closed,,,"
#define SERVICE(options)                                                                    \
	"\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", \"gpus\": 2}]}," \
	"\"services\": [{\"name\": \"measured\", \"model\": \"llama-3.1-8b-instruct\","     \
	"\"engine\": \"vllm\", \"precision\": \"bf16\", \"gpus_per_replica\": 2,"           \
	"\"engine_options\": {" options "}}]"
#define LENGTHS "\"service\": \"measured\", \"isl\": {\"mean\": 1024.0}, \"osl\": {\"mean\": 128.0}"

static const struct {
	const char *protocol, *row, *scenario;
} becomes[] = {
	{NULL, CLOSED ",,,,2,\n",
         "{" SERVICE("") ", \"loads\": [{" LENGTHS ", \"kind\": \"concurrency\", \"users\": 8,"
                         "\"requests_per_user\": 10}]}"},
	{RULE("\"requests\": 100, \"warmup_requests_per_user\": 2"), CLOSED ",,,,2,\n",
         "{" SERVICE("") ", \"loads\": [{" LENGTHS ", \"kind\": \"concurrency\", \"users\": 8,"
                         "\"requests\": 100, \"warmup_requests_per_user\": 2}]}"},
	{RULE("\"max_num_seqs\": 100, \"requests_per_user\": 3"), CLOSED ",,,,2,\n",
         "{" SERVICE("\"max_num_seqs\": 100") ", \"loads\": [{" LENGTHS
                                              ", \"kind\": \"concurrency\", \"users\": 8,"
                                              "\"requests_per_user\": 3}]}"},
	{RULE("\"max_num_seqs\": \"users-1\""), CLOSED ",,,,2,\n",
         "{" SERVICE("\"max_num_seqs\": 7") ", \"loads\": [{" LENGTHS
                                            ", \"kind\": \"concurrency\", \"users\": 8,"
                                            "\"requests_per_user\": 10}]}"},
	{RULE("\"max_num_seqs\": \"users\", \"engine_options\": {\"overlap\": true},"
              "\"loads\": {\"dataset_entries\": 100}"),
         CLOSED "64,,,,2,\n", /* the row's own cap */
         "{" SERVICE("\"max_num_seqs\": 64, \"overlap\": true") ", \"loads\": [{" LENGTHS
                                                                ", \"kind\": \"concurrency\","
                                                                "\"users\": 8,"
                                                                "\"dataset_entries\": 100,"
                                                                "\"requests_per_user\": 10}]}"},
	{RULE("\"prompts\": 500"),
         "s,H100-SXM,Llama-3.1-8B-Instruct,fp16,1024,128,,tpot,mean,1,ms,vLLM,0.9,2,flood,,,,,,,2,\n",
         "{" SERVICE(
		 "") ", \"loads\": [{" LENGTHS
                     ", \"kind\": \"concurrency\", \"users\": 500, \"requests_per_user\": 1}]}"},
	{RULE("\"prompts\": 500"),
         "s,H100-SXM,Llama-3.1-8B-Instruct,fp16,1024,128,,tpot,mean,1,ms,vLLM,0.9,2,flood,,200,,,,,2,"
         "\n",
         "{" SERVICE(
		 "") ", \"loads\": [{" LENGTHS
                     ", \"kind\": \"concurrency\", \"users\": 200, \"requests_per_user\": 1}]}"},
	{RULE("\"prompts\": 500"),
         "s,H100-SXM,Llama-3.1-8B-Instruct,fp16,1024,128,,tpot,mean,1,ms,vLLM,0.9,2,open,1.5,,,,,,2,\n",
         "{" SERVICE("") ", \"loads\": [{" LENGTHS ", \"kind\": \"rate\", \"rate\": 1.5,"
                         "\"arrivals\": \"poisson\", \"requests\": 500}]}"},
	{RULE("\"length_spread\": 1.25"), CLOSED ",,,,2,\n",
         "{" SERVICE("") ", \"loads\": [{\"service\": \"measured\", \"kind\": \"concurrency\","
                         "\"users\": 8, \"requests_per_user\": 10,"
                         "\"isl\": {\"mean\": 1024.0, \"stddev\": 1280.0, \"shape\": \"gamma\"},"
                         "\"osl\": {\"mean\": 128.0, \"stddev\": 160.0, \"shape\": \"gamma\"}}]}"},
	{NULL, CLOSED ",,4,1/2,2,,sm_sharing\n", /* two GPUs hold four replicas over two each */
         "{\"scheduler\": {\"compute_share\": \"sm_sharing\"},"
         "\"aliquot\": 1, \"cluster\": {\"nodes\": [{\"gpu\": \"h100-sxm\", \"gpus\": 2}]},"
         "\"services\": [{\"name\": \"measured\", \"model\": \"llama-3.1-8b-instruct\","
         "\"engine\": \"vllm\", \"precision\": \"bf16\", \"gpus_per_replica\": 2,"
         "\"fraction\": 0.5, \"replicas\": 4, \"engine_options\": {}}],"
         "\"loads\": [{" LENGTHS ", \"kind\": \"concurrency\", \"users\": 8,"
         "\"requests_per_user\": 10}]}"},
	{RULE("\"length_share\": 0.5"), CLOSED ",,,,2,\n",
         "{" SERVICE("") ", \"loads\": [{\"service\": \"measured\", \"kind\": \"concurrency\","
                         "\"users\": 8, \"requests_per_user\": 10,"
                         "\"isl\": {\"mean\": 768.0, \"stddev\": 147.80166891254417, \"min\": 512,"
                         "\"max\": 1024},"
                         "\"osl\": {\"mean\": 96.0, \"stddev\": 18.475208614068021, \"min\": 64,"
                         "\"max\": 128}}]}"},
};

START_TEST(the_scenario_a_user_would_write)
{
	json_error_t error;
	if (becomes[_i].protocol != NULL) {
		test_study_file(&t, "models/protocol/s.json", becomes[_i].protocol);
	}
	const struct study_case *const c = only_case(becomes[_i].row);
	ck_assert_msg(c->skipped == NULL, "%s", c->skipped);
	json_t *const expected = json_loads(becomes[_i].scenario, 0, &error);
	ck_assert_msg(expected != NULL, "%s", error.text);
	const size_t flags = JSON_SORT_KEYS | JSON_REAL_PRECISION(12);
	char *const is = json_dumps(c->scenario->json, flags);
	char *const should = json_dumps(expected, flags);
	ck_assert_str_eq(is, should);
	free(is);
	free(should);
	json_decref(expected);
	ck_assert_str_eq(c->gpu, "h100-sxm");
	ck_assert_str_eq(c->engine, "vllm");
	ck_assert_int_eq(c->precision, PRECISION_BF16);
	ck_assert_int_eq(c->tp, 2);
}
END_TEST

/* Written down, read as a user's file and run, it gives the very same figures. */
START_TEST(a_round_trip_through_a_file)
{
	test_study_file(&t, "models/protocol/s.json",
	                RULE("\"requests_per_user\": 3, \"length_share\": 0.5,"
	                     "\"max_num_seqs\": 5, \"engine_options\": {\"overlap\": true}"));
	const struct study_case *const c = only_case(CLOSED ",,,,2,\n");
	char *const text = json_dumps(c->scenario->json, 0);
	char *const file = test_study_path(&t, "written.json");
	test_study_file(&t, "written.json", text);
	struct scenario *const written = scenario_read(file, t.data, NULL, 0, t.err);
	ck_assert_ptr_nonnull(written);
	ck_assert_str_eq(written->hash, c->scenario->hash);

	const struct study_case other = {.scenario = written, .run = c->run};
	struct sim *sims[2];
	struct summary sums[2];
	ck_assert(case_run(c, &sims[0], &sums[0], t.err));
	ck_assert(case_run(&other, &sims[1], &sums[1], t.err));
	ck_assert_int_eq(sums[0].services[0].finished, 24);
	ck_assert_int_eq(memcmp(&sums[0].services[0].tpot_ms, &sums[1].services[0].tpot_ms,
	                        sizeof(struct dist)),
	                 0);
	for (size_t i = 0; i < 2; i++) {
		summary_fini(&sums[i]);
		sim_free(sims[i]);
	}
	scenario_free(written);
	free(file);
	free(text);
}
END_TEST

START_TEST(versions)
{
	test_study_file(&t, "models/protocol/s.json", RULE("\"engine_version\": \"7\""));
	ck_assert_str_eq(only_case(CLOSED ",,,,2,\n")->engine_version, "0.9");
	ck_assert_str_eq(
		only_case("s,h100-sxm,llama-3.1-8b-instruct,bf16,10,10,8,tpot,mean,1,ms,vllm,,"
	                  "1,closed,,,,,,,,\n")
			->engine_version,
		"7");
}
END_TEST

/* What a fit of cost constants may take, and what a validation may call fitted. */
START_TEST(rows_that_say_less_are_no_base_of_a_fit)
{
	test_study_file(&t, "models/protocol/s.json",
	                RULE("\"length_spread\": 1, \"fitted\": true,"
	                     "\"when\": {\"sharing\": [\"\", \"exclusive\"]}"));
	const struct study_case *c = only_case(CLOSED ",,,,2,\n");
	ck_assert(c->guessed && c->fitted);
	c = only_case(CLOSED ",,2,0.5,2,,fair\n");
	ck_assert(c->guessed && !c->fitted);
	test_study_file(&t, "models/protocol/s.json", RULE("\"requests\": 10"));
	c = only_case(CLOSED ",,,,2,\n");
	ck_assert(!c->guessed && !c->fitted);
}
END_TEST

START_TEST(precisions_by_other_names)
{
	static const struct {
		const char *text;
		int precision;
	} names[] = {{"bf16", PRECISION_BF16},     {"FP16", PRECISION_BF16},
	             {"bfloat16", PRECISION_BF16}, {"fp8", PRECISION_FP8},
	             {"fp4", PRECISION_NVFP4},     {"bf16 (blank in source)", PRECISION_BF16}};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *const row =
			mem_printf("s,b200,llama-3.1-8b-instruct,%s,10,10,8,tpot,mean,1,ms,"
		                   "vllm,,1,closed,,,,,,,,\n",
		                   names[i].text);
		const struct study_case *const c = only_case(row);
		ck_assert_ptr_null(c->skipped);
		ck_assert_int_eq(c->precision, names[i].precision);
		free(row);
	}
}
END_TEST

START_TEST(a_broken_protocol_is_an_error_not_a_reason)
{
	struct case_list cases;
	test_study_file(&t, "models/protocol/s.json", RULE("\"prompt\": 500"));
	t.data = data_dir_open(t.folder, NULL, t.err);
	ck_assert(test_study_table(&t, STUDY_HEADER CLOSED ",,,,2,\n"));
	ck_assert(!case_list_make(&cases, t.table, t.data, t.err));
	ck_assert_uint_eq(err_count(t.err), 1);
	ck_assert_msg(
		strstr(err_message(t.err, 0),
	               "s.json: rules.0: unknown key \"prompt\"; did you mean \"prompts\"?") !=
			NULL,
		"%s", err_message(t.err, 0));
}
END_TEST

/* --- figures -----------------------------------------------------------------------------------
 */

START_TEST(figures_in_their_units)
{
	static const struct {
		const char *metric, *stat, *unit;
		double factor; /* of the first of their kind; 0: none */
	} figures[] = {
		{"tpot", "mean", "ms", 1.0},
		{"tpot", "avg", "s", 1e-3},
		{"tpot", "mean", "us", 1e3},
		{"tpot", "mean", "", 1.0},
		{"tpot", "mean", "minutes", 0.0},
		{"tpot", "typical", "ms", 0.0},
		{"speed", "mean", "ms", 0.0},
		{"prefill_latency", "mean", "ms", 0.0}, /* of a step only */
		{"output_throughput", "mean", "tokens/s/user", 0.0},
		{"request_throughput", "mean", "1/min", 0.0},
	};
	const size_t n = sizeof(figures) / sizeof(figures[0]);
	double out[16];
	char *csv = mem_strdup(STUDY_HEADER);
	for (size_t i = 0; i < n; i++) {
		char *const longer = mem_printf(
			"%ss,h100-sxm,llama-3.1-8b-instruct,bf16,128,32,4,%s,%s,1,%s,vllm,,1,"
			"closed,,,,,,,,\n",
			csv, figures[i].metric, figures[i].stat, figures[i].unit);
		free(csv);
		csv = longer;
	}
	test_study_rows(&t, csv);
	free(csv);
	ck_assert_uint_eq(t.cases.n, 1);
	ck_assert(case_figures(&t.cases.at[0], out, t.err));
	ck_assert_double_gt(out[0], 1.0);
	for (size_t i = 0; i < n; i++) {
		if (figures[i].factor > 0.0) {
			ck_assert_double_eq_tol(out[i], figures[i].factor * out[0],
			                        1e-12 * out[0] * figures[i].factor);
		} else {
			ck_assert_msg(isnan(out[i]), "%s.%s in %s: %g", figures[i].metric,
			              figures[i].stat, figures[i].unit, out[i]);
		}
	}
}
END_TEST

START_TEST(figures_are_those_of_the_run)
{
	static const char *const names[][2] = {{"ttft", "mean"},
	                                       {"ttft", "p50"},
	                                       {"ttft", "median"},
	                                       {"ttft", "p99"},
	                                       {"ttft", "max"},
	                                       {"ttft", "min"},
	                                       {"itl", "p90"},
	                                       {"tpot", "p10"},
	                                       {"e2e_latency", "mean"},
	                                       {"itl", "mean"},
	                                       {"e2e_latency", "p95"},
	                                       {"ttft", "p25"},
	                                       {"output_throughput", ""},
	                                       {"request_throughput", ""}};
	const size_t n = sizeof(names) / sizeof(names[0]);
	struct sim *sim;
	struct summary sum;
	double out[16];
	char *csv = mem_strdup(STUDY_HEADER);
	for (size_t i = 0; i < n; i++) {
		char *const longer = mem_printf(
			"%ss,h100-sxm,llama-3.1-8b-instruct,bf16,128,32,4,%s,%s,1,,vllm,,1,"
			"closed,,,,,,,,\n",
			csv, names[i][0], names[i][1]);
		free(csv);
		csv = longer;
	}
	test_study_rows(&t, csv);
	free(csv);
	ck_assert(case_figures(&t.cases.at[0], out, t.err));
	ck_assert(case_run(&t.cases.at[0], &sim, &sum, t.err));
	const struct service_summary *const s = &sum.services[0];
	const double expected[] = {s->ttft_ms.avg,         s->ttft_ms.p[4],    s->ttft_ms.p[4],
	                           s->ttft_ms.p[8],        s->ttft_ms.max,     s->ttft_ms.min,
	                           s->itl_ms.p[6],         s->tpot_ms.p[2],    s->latency_ms.avg,
	                           s->itl_ms.avg,          s->latency_ms.p[7], s->ttft_ms.p[3],
	                           s->output_tokens_per_s, s->requests_per_s};
	for (size_t i = 0; i < n; i++) {
		ck_assert_msg(out[i] >= expected[i] && out[i] <= expected[i], "%s.%s: %g, not %g",
		              names[i][0], names[i][1], out[i], expected[i]);
	}
	summary_fini(&sum);
	sim_free(sim);
}
END_TEST

START_TEST(a_protocols_costs_stay_over_others)
{
	test_study_file(&t, "models/protocol/s.json",
	                RULE("\"services\": {\"costs\": {\"t_request\": 0.25}}"));
	const struct study_case *const c = only_case(CLOSED ",,,,2,\n");
	struct cost_constants costs = c->scenario->services[0].engine->costs;
	const struct cost_constants *const used = &c->scenario->services[0].costs[0].constants;
	ck_assert_double_eq(used->t_request_s, 0.25);
	costs.e_memory = 0.123;
	costs.t_request_s = 0.001;
	case_set_costs(c, &costs, NULL, 0);
	ck_assert_double_eq(used->e_memory, 0.123);
	ck_assert_double_eq(used->t_request_s, 0.25);
	static const char *const over[] = {"e_kv", "t_request"};
	case_set_costs(c, &costs, over, 1);
	ck_assert_double_eq(used->t_request_s, 0.25);
	case_set_costs(c, &costs, over, 2);
	ck_assert_double_eq(used->t_request_s, 0.001);
}
END_TEST

/* --- steps -------------------------------------------------------------------------------------
 */

#define STEP(metric, users, isl) \
	"s,a100-sxm,llama-7b,fp16," isl ",," users "," metric ",mean,1,ms,vllm,,1,step,,,,,,1.0,,\n"

/* llama-7b on an A100, straight from physics.md section 2 with the geometry of its paper. */
static double step_ms(const struct study_case *c, double batch, double isl, bool prompts)
{
	const struct cost_constants *const k = &c->scenario->services[0].costs[0].constants;
	const struct gpu_spec *const gpu = c->scenario->nodes[0].gpu;
	const double layers = 32.0, hidden = 4096.0, ffn = 11008.0, vocab = 32000.0;
	const double flops = gpu->flops_per_s[PRECISION_BF16], hbm = gpu->hbm_bytes_per_s;
	const double matrices = 4.0 * hidden * hidden + 3.0 * hidden * ffn;
	const double tokens = prompts ? batch * isl : batch;
	const double context = prompts ? 0.0 : batch * isl;
	const double moved =
		(2.0 * hidden + 2.0 * hidden + 2.0 * hidden) + (2.0 * hidden + 3.0 * ffn);
	const double head = vocab * hidden;

	const double flop = 2.0 * tokens * layers * matrices + 2.0 * batch * head;
	const double bytes = 2.0 * (layers * (matrices + 2.0 * hidden) + hidden + head) +
	                     2.0 * tokens * layers * moved;
	const double linear = fmax(flop / (flops * k->e_compute), bytes / (hbm * k->e_memory));
	const double kv = 2.0 * layers * 2.0 * hidden * (context + tokens) / (hbm * k->e_kv);
	const double scores =
		prompts ? 4.0 * layers * hidden * batch * isl * isl / 2.0 / (flops * k->e_attn)
			: 0.0;
	const double all = layers * k->t_layer_s + linear + kv + scores +
	                   batch * vocab * k->t_logit_s + k->h_step_s + batch * k->h_seq_s;
	return 1e3 * fmax(all, prompts ? k->t_eager_s : 0.0);
}

START_TEST(steps_by_the_formula)
{
	static const struct {
		const char *row;
		double batch, isl;
		bool prompts;
	} steps[] = {
		{STEP("prefill_latency", "1", "32"), 1, 32, true},
		{STEP("prefill_latency", "8", "1024"), 8, 1024, true},
		{STEP("decode_step_latency", "1", "32"), 1, 32, false},
		{STEP("decode_step_latency", "256", "512"), 256, 512, false},
	};
	struct cost_constants costs = {.e_compute = 0.61,
	                               .e_memory = 0.83,
	                               .e_kv = 0.71,
	                               .e_attn = 0.52,
	                               .e_link = 0.5,
	                               .t_layer_s = 2e-5,
	                               .t_logit_s = 2e-10,
	                               .h_step_s = 5e-4,
	                               .h_seq_s = 3e-5,
	                               .h_request_s = 1.0, /* nobody is admitted in a step */
	                               .t_stream_s = 1.0,
	                               .t_request_s = 1.0};
	const struct study_case *const c = only_case(steps[_i].row);
	double out;
	ck_assert_ptr_null(c->skipped);
	ck_assert(case_is_step(c));
	case_set_costs(c, &costs, NULL, 0);
	ck_assert(case_figures(c, &out, t.err));
	const double expected = step_ms(c, steps[_i].batch, steps[_i].isl, steps[_i].prompts);
	ck_assert_double_eq_tol(out, expected, 1e-5);
	costs.t_eager_s = 1.0; /* a floor under prompts, not under decodes */
	case_set_costs(c, &costs, NULL, 0);
	ck_assert(case_figures(c, &out, t.err));
	ck_assert_double_eq_tol(out, steps[_i].prompts ? 1000.0 : expected, 1e-5);
}
END_TEST

START_TEST(what_a_step_does_not_have)
{
	double out[3];
	test_study_rows(&t, STUDY_HEADER STEP("ttft", "4", "64") STEP("tpot", "4", "64")
	                            STEP("decode_step_latency", "4", "64"));
	ck_assert_uint_eq(t.cases.n, 1);
	ck_assert(case_figures(&t.cases.at[0], out, t.err));
	ck_assert(isnan(out[0]));
	ck_assert(isnan(out[1]));
	ck_assert(out[2] > 0.0);
}
END_TEST

/* --- starts ------------------------------------------------------------------------------------
 */

#define START_ROW "%s,h100-sxm,llama-3.1-8b-instruct,,,,,%s,mean,1,s,,,,,,,,,,,%s,%s,\n"

static double start_s(const char *metric, const char *gpus, const char *note)
{
	char *const row = mem_printf(START_ROW, "s", metric, gpus, note);
	const struct study_case *const c = only_case(row);
	double value;
	free(row);
	ck_assert_msg(c->skipped == NULL, "%s", c->skipped);
	ck_assert(case_is_start(c) && !case_is_load(c) && c->guessed);
	ck_assert(case_figures(c, &value, t.err));
	return value;
}

/* 16,060,522,496 bytes at 2 GB/s of storage: 8.03 s; over the link, 0.84 of 64 GB/s: 0.2988 s. */
static const struct {
	const char *metric, *gpus, *note;
	double seconds;
} starts[] = {
	{"weight_load_time", "", "a note", 8.030261248},
	{"weight_load_time", "", "S3 streamer", 4.015130624},
	{"cold_load_time", "", "x", 10 + 8.030261248 + 1 + 2 + 3 + 4},
	{"engine_ready_time", "", "x", 10 + 8.030261248 + 1 + 2 + 3 + 4},
	{"cold_start_stage", "", "model download (no cache)", 16.060522496},
	{"cold_start_stage", "", "weight loading (no cache)", 8.030261248},
	{"cold_start_stage", "", "dynamo bytecode transform", 1},
	{"cold_start_stage", "", "graph compilation", 2},
	{"cold_start_stage", "", "graph capture", 3},
	{"cold_start_stage", "", "engine init and imports", 10},
	{"sleep_time_level1", "", "x", 0.5 + 0.298744838},
	{"wake_time_level1", "", "x", 0.25 + 0.298744838},
	{"wake_time_level1", "2", "x", 0.25 + 0.149372419},
	{"wake_time_level2", "", "x", 0.25 + 0.125 + 8.030261248},
};

START_TEST(starts_by_hand)
{
	test_study_file(
		&t, "models/protocol/s.json",
		"{\"name\": \"s\", \"title\": \"t\", \"rules\": [{\"source\": \"x\", \"engine\":"
		"\"vllm\", \"precision\": \"bf16\", \"nodes\": {\"storage_bandwidth\": \"2GB\"},"
		"\"services\": {\"startup\": {\"process\": 10, \"trace\": 1, \"compile\": 2, "
		"\"capture\": 3, \"build\": 4, \"sleep\": 0.5, \"wake\": 0.25, \"reload\": 0.125,"
		"\"download_rate\": \"1GB\"}}}, {\"source\": \"y\", \"when\": {\"note\": \"S3\"},"
		"\"nodes\": {\"storage_bandwidth\": \"4GB\"}, \"services\": {\"startup\": "
		"{\"loader\": \"streamer\"}}}]}");
	const double got = start_s(starts[_i].metric, starts[_i].gpus, starts[_i].note);
	ck_assert_double_eq_tol(got, starts[_i].seconds, 2e-9);
}
END_TEST

START_TEST(starts_of_no_known_stage)
{
	test_study_file(&t, "models/protocol/s.json",
	                "{\"name\": \"s\", \"title\": \"t\", \"rules\": [{\"source\": \"x\","
	                "\"engine\": \"vllm\", \"precision\": \"bf16\"}]}");
	ck_assert(isnan(start_s("cold_start_stage", "", "coffee")));
}
END_TEST

/* Without a protocol that says engine and precision there is nothing to simulate. */
START_TEST(starts_whose_engine_nobody_says)
{
	char *const row = mem_printf(START_ROW, "s", "weight_load_time", "", "x");
	ck_assert_str_eq(only_case(row)->skipped, "no engine is named");
	free(row);
}
END_TEST

/* What tells two starts apart may be their note alone. */
START_TEST(notes_tell_starts_apart)
{
	char *const csv = mem_printf("%s" START_ROW START_ROW START_ROW, STUDY_HEADER, "s",
	                             "weight_load_time", "", "a", "s", "weight_load_time", "", "b",
	                             "s", "weight_load_time", "", "a");
	test_study_rows(&t, csv);
	free(csv);
	ck_assert_uint_eq(t.cases.n, 2);
	ck_assert_str_eq(t.cases.at[0].run->note, "a");
	ck_assert_uint_eq(t.cases.at[0].run->n_values, 2);
}
END_TEST

int main(void)
{
	Suite *const s = suite_create("case");
	TCase *const c = tcase_create("cases");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(c, rows_that_are_left_out, 0,
	                    (int)(sizeof(left_out) / sizeof(left_out[0])));
	tcase_add_test(c, what_the_scenario_refuses_is_the_reason);
	tcase_add_test(c, a_model_that_does_not_fit);
	tcase_add_test(c, one_bad_row_leaves_the_others);
	tcase_add_loop_test(c, the_scenario_a_user_would_write, 0,
	                    (int)(sizeof(becomes) / sizeof(becomes[0])));
	tcase_add_test(c, a_round_trip_through_a_file);
	tcase_add_test(c, versions);
	tcase_add_test(c, rows_that_say_less_are_no_base_of_a_fit);
	tcase_add_test(c, precisions_by_other_names);
	tcase_add_test(c, a_broken_protocol_is_an_error_not_a_reason);
	tcase_add_test(c, figures_in_their_units);
	tcase_add_test(c, figures_are_those_of_the_run);
	tcase_add_test(c, a_protocols_costs_stay_over_others);
	tcase_add_loop_test(c, steps_by_the_formula, 0, 4);
	tcase_add_test(c, what_a_step_does_not_have);
	TCase *const begins = tcase_create("starts");
	tcase_add_checked_fixture(begins, set_up, tear_down);
	tcase_add_loop_test(begins, starts_by_hand, 0, (int)(sizeof(starts) / sizeof(starts[0])));
	tcase_add_test(begins, starts_of_no_known_stage);
	tcase_add_test(begins, starts_whose_engine_nobody_says);
	tcase_add_test(begins, notes_tell_starts_apart);
	suite_add_tcase(s, begins);
	suite_add_tcase(s, c);
	SRunner *const runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
