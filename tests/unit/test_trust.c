/* Calibrations in runs: whose constants a service gets on which GPU, and what is said about it. */
#include "report/trust.h"

#include "base/mem.h"
#include "flow/sim.h"
#include "scenario.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CALIBRATED "tests/support/calibrated"
#define ONE_GPU "[{\"gpu\": \"h100-sxm\", \"gpus\": 2}]"
#define TWO_GPUS                                                                                  \
	"[{\"gpu\": \"h100-sxm\", \"gpus\": 1}, {\"gpu\": \"h100-nvl\", \"gpus\": 1}, {\"gpu\": " \
	"\"h100-sxm\", \"gpus\": 1}]"
#define DENSE "llama-3.1-8b-instruct"
/* the first dense set of each made-up calibration, as a scenario would write it */
#define SXM_COSTS \
	"\"costs\": {\"e_compute\": 0.63, \"e_memory\": 0.75, \"h_seq\": 20.1e-6, \"e_kv\": 0.82}"
#define NVL_COSTS "\"costs\": {\"e_memory\": 0.65, \"h_seq\": 20.1e-6}"

static struct data_dir *calibrated, *plain;
static struct err *err;

static void set_up(void)
{
	err = err_new();
	calibrated = data_dir_open(CALIBRATED, NULL, err);
	plain = data_dir_open(UNCALIBRATED, NULL, err);
	ck_assert_msg(calibrated != NULL && plain != NULL, "run from the project's root");
}

static void tear_down(void)
{
	data_dir_close(calibrated);
	data_dir_close(plain);
	err_free(err);
}

/* `keys` are further keys of the service, "" for none. */
static json_t *document(const char *nodes, const char *model, const char *keys)
{
	char *text = mem_printf(
		"{\"aliquot\": 1, \"cluster\": {\"nodes\": %s}, \"services\": [{\"name\": \"chat\", "
		"\"model\": \"%s\", \"engine\": \"trtllm\", \"replicas\": 2, \"routing\": "
		"\"round_robin\"%s%s}], \"loads\": [{\"service\": \"chat\", \"kind\": \"rate\", "
		"\"rate\": 20, \"requests\": 200, \"isl\": {\"mean\": 1500, \"stddev\": 300}, "
		"\"osl\": {\"mean\": 200, \"stddev\": 40}}]}",
		nodes, model, keys[0] != '\0' ? ", " : "", keys);
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	ck_assert_msg(json != NULL, "%s", text);
	free(text);
	return json;
}

static struct scenario *load(struct data_dir *data, const char *nodes, const char *model,
                             const char *keys)
{
	struct scenario *sc = scenario_build("s.json", document(nodes, model, keys), data, err);

	ck_assert_msg(sc != NULL, "%s", err_message(err, 0));
	return sc;
}

/* A whole run. */
struct run {
	struct scenario *sc;
	struct sim *sim;
	struct summary summary;
	const struct request_record *records;
	size_t n;
};

static void run_init(struct run *r, struct data_dir *data, const char *nodes, const char *keys)
{
	const struct sim_options options = {.keep_records = true};

	r->sc = load(data, nodes, DENSE, keys);
	r->sim = sim_new(r->sc, &options, err);
	ck_assert_msg(r->sim != NULL && sim_run(r->sim), "%s", err_message(err, 0));
	sim_summary(r->sim, &r->summary);
	r->records = request_log_records(sim_log(r->sim), &r->n);
	ck_assert_uint_eq(r->n, 200);
}

static void run_fini(struct run *r)
{
	summary_fini(&r->summary);
	sim_free(r->sim);
	scenario_free(r->sc);
}

/* Requests of `replica` that both runs served alike, by their places in the order of arrival. */
static size_t count_equal(const struct run *a, const struct run *b, uint32_t replica)
{
	size_t equal = 0;

	for (size_t i = 0; i < a->n; i++) {
		for (size_t k = 0; k < b->n; k++) {
			const struct request_record *x = &a->records[i], *y = &b->records[k];

			equal += x->id == y->id && x->replica == replica && y->replica == replica &&
			         x->first == y->first && x->end == y->end;
		}
	}
	return equal;
}

START_TEST(a_calibration_is_the_same_as_its_constants)
{
	struct run fitted, set, neither;

	run_init(&fitted, calibrated, ONE_GPU, "");
	run_init(&set, plain, ONE_GPU, SXM_COSTS);
	run_init(&neither, plain, ONE_GPU, "");
	ck_assert(memcmp(fitted.records, set.records, 200 * sizeof(*set.records)) == 0);
	ck_assert(memcmp(fitted.records, neither.records, 200 * sizeof(*set.records)) != 0);
	run_fini(&neither);
	run_init(&neither, calibrated, ONE_GPU, "\"calibration\": \"none\"");
	ck_assert(memcmp(fitted.records, neither.records, 200 * sizeof(*set.records)) != 0);
	run_fini(&neither);
	run_fini(&set);
	run_fini(&fitted);
}
END_TEST

START_TEST(every_gpu_has_its_own_constants)
{
	struct run both, sxm, nvl;

	run_init(&both, calibrated, TWO_GPUS, "");
	run_init(&sxm, plain, TWO_GPUS, SXM_COSTS);
	run_init(&nvl, plain, TWO_GPUS, NVL_COSTS);
	ck_assert_uint_eq(count_equal(&both, &sxm, 0), 100);
	ck_assert_uint_eq(count_equal(&both, &nvl, 1), 100);
	ck_assert_uint_lt(count_equal(&both, &sxm, 1), 10);
	ck_assert_uint_lt(count_equal(&both, &nvl, 0), 10);
	const int64_t *placed = both.summary.services[0].placed;

	ck_assert(placed[0] == 1 && placed[1] == 1 && placed[2] == 0);
	run_fini(&nvl);
	run_fini(&sxm);
	run_fini(&both);
}
END_TEST

/* Value and source of a key as `check` has them. */
static void expect_logged(const struct scenario *sc, const char *path, const char *want)
{
	for (size_t i = 0; i < option_log_size(sc->log); i++) {
		const struct option_seen *seen = option_log_at(sc->log, i);

		if (strcmp(seen->path, path) == 0) {
			char *got = mem_printf("%s (%s)", seen->value, seen->source);

			ck_assert_str_eq(got, want);
			free(got);
			return;
		}
	}
	ck_assert_msg(strcmp(want, "absent") == 0, "%s is not logged", path);
}

START_TEST(every_constant_says_where_it_is_from)
{
	const char *sxm = "calibration h100-sxm__trtllm__bf16";
	struct scenario *sc = load(calibrated, ONE_GPU, DENSE, "\"costs\": {\"e_kv\": 0.5}");
	char *want = mem_printf("0.63 (%s)", sxm);

	expect_logged(sc, "services.0.costs.e_compute", want);
	expect_logged(sc, "services.0.costs.e_kv", "0.5 (scenario)");
	expect_logged(sc, "services.0.costs.e_attn", "0.5 (engine profile trtllm)");
	expect_logged(sc, "services.0.calibration", "auto (default)");
	ck_assert_str_eq(sc->services[0].costs[0].calibration->name, "h100-sxm__trtllm__bf16");
	ck_assert_ptr_eq(sc->services[0].costs[0].set,
	                 &sc->services[0].costs[0].calibration->sets[0]);
	ck_assert(fabs(sc->services[0].costs[0].constants.e_kv - 0.5) < 1e-12);
	scenario_free(sc);
	sc = load(calibrated, TWO_GPUS, DENSE, "\"costs\": {\"e_kv\": 0.5}");
	expect_logged(sc, "services.0.costs.h100-sxm.e_compute", want);
	expect_logged(sc, "services.0.costs.h100-nvl.e_memory",
	              "0.65 (calibration h100-nvl__trtllm__bf16)");
	expect_logged(sc, "services.0.costs.h100-nvl.e_attn", "0.5 (engine profile trtllm)");
	expect_logged(sc, "services.0.costs.h100-nvl.e_kv", "absent");
	expect_logged(sc, "services.0.costs.e_kv", "0.5 (scenario)");
	expect_logged(sc, "services.0.costs.e_memory", "absent");
	for (size_t k = 0; k < 3; k++) {
		const struct service_costs *costs = &sc->services[0].costs[k];

		ck_assert(fabs(costs->constants.e_memory - (k == 1 ? 0.65 : 0.75)) < 1e-12);
		ck_assert(fabs(costs->constants.e_kv - 0.5) < 1e-12);
	}
	free(want);
	scenario_free(sc);
}
END_TEST

START_TEST(the_engine_version_picks_a_set)
{
	struct scenario *sc = load(calibrated, TWO_GPUS, DENSE, "\"engine_version\": \"0.20.0\"");

	ck_assert_ptr_eq(sc->services[0].costs[0].set,
	                 &sc->services[0].costs[0].calibration->sets[1]);
	ck_assert_ptr_nonnull(sc->services[0].costs[1].calibration);
	ck_assert_ptr_null(sc->services[0].costs[1].set); /* known, but not for this GPU */
	scenario_free(sc);
	sc = scenario_build("s.json", document(ONE_GPU, DENSE, "\"engine_version\": \"7\""),
	                    calibrated, err);
	ck_assert_ptr_null(sc);
	ck_assert_str_eq(err_message(err, 0),
	                 "s.json: services.0.engine_version: no calibration for version "
	                 "\"7\"; there are \"1.0.0rc3\" (h100-sxm), \"0.20.0\" (h100-sxm)");
	tear_down();
	set_up();
	/* nothing to pick from: a remark of the user's, no mistake */
	scenario_free(load(plain, ONE_GPU, DENSE, "\"engine_version\": \"7\""));
	scenario_free(load(calibrated, ONE_GPU, "gpt-oss-20b", "\"engine_version\": \"7\""));
	scenario_free(load(calibrated, ONE_GPU, DENSE,
	                   "\"engine_version\": \"7\", \"calibration\": \"none\""));
}
END_TEST

/* A finished run as far as trust looks at it. */
static struct service_summary summary_of(double isl, double osl, double users, int64_t *placed)
{
	return (struct service_summary){
		.finished = 10,
		.generates = true,
		.input_tokens = {.avg = isl},
		.output_tokens = {.avg = osl},
		.running_avg = 0.75 * users,
		.waiting_avg = 0.25 * users,
		.placed = placed,
	};
}

static void expect_text(const struct scenario *sc, const struct service_summary *done, size_t which,
                        const char *end)
{
	struct trust list[3];
	size_t n = trust_of(sc, 0, done, list);

	ck_assert_uint_lt(which, n);
	char *text = trust_text(&list[which]);
	size_t length = strlen(text), wanted = strlen(end);

	ck_assert_msg(length >= wanted && strcmp(text + length - wanted, end) == 0,
	              "\"%s\" does not end with \"%s\"", text, end);
	free(text);
	for (size_t i = 0; i < n; i++) {
		trust_fini(&list[i]);
	}
}

START_TEST(reasons_to_be_outside)
{
	int64_t placed[3] = {2, 0, 0};
	struct scenario *sc = load(calibrated, ONE_GPU, DENSE, "");
	struct service_summary done = summary_of(1024, 512, 8, placed);

	expect_text(sc, &done, 0,
	            "h100-sxm__trtllm__bf16, version 1.0.0rc3: e_compute, e_memory, h_seq fitted "
	            "on 23 configurations of made-up (mean error on rows held out: TPOT 1.6 %, "
	            "TTFT 7.0 %); inside its region");
	done = summary_of(930, 560, 7.3, placed); /* a tenth beyond is the noise of averages */
	expect_text(sc, &done, 0, "; inside its region");
	done = summary_of(550, 100, 256, placed);
	expect_text(sc, &done, 0,
	            "; outside its region: ISL 550 is below 1,024; OSL 100 is below 128; load of "
	            "256 users per replica is above 128");
	done.generates = false;
	done.running_avg = 8.0;
	done.waiting_avg = 0.0;
	expect_text(sc, &done, 0, "; outside its region: ISL 550 is below 1,024");
	done.finished = 0;
	expect_text(sc, &done, 0, "; outside its region: nothing finished");
	expect_text(sc, NULL, 0,
	            "; measured at ISL 1,024 to 4,096, OSL 128 to 512, 8 to 128 users per replica, "
	            "tensor parallel 1");
	scenario_free(sc);
	sc = load(calibrated, ONE_GPU, "phi-4-mini", "\"costs\": {\"e_kv\": 0.7, \"e_attn\": 0.4}");
	done = summary_of(1024, 512, 8, placed);
	expect_text(sc, &done, 0,
	            "; outside its region: model phi-4-mini was not fitted; e_kv was replaced by "
	            "the scenario");
	scenario_free(sc);
	sc = load(calibrated, "[{\"gpu\": \"h100-sxm\"}]", DENSE, "\"gpus_per_replica\": 2");
	expect_text(sc, &done, 0, "; outside its region: tensor parallel 2 is above 1");
	scenario_free(sc);
	sc = load(calibrated, ONE_GPU, DENSE, "\"engine_version\": \"0.20.0\"");
	done = summary_of(1, 1, 1, placed); /* ranges that nobody stated bind nobody */
	expect_text(sc, &done, 0,
	            "h100-sxm__trtllm__bf16, version 0.20.0: e_memory fitted on 1 configuration of "
	            "made-up; inside its region");
	scenario_free(sc);
}
END_TEST

START_TEST(who_is_not_calibrated_says_why)
{
	int64_t placed[3] = {1, 1, 0};
	struct service_summary done = summary_of(1024, 512, 8, placed);
	struct scenario *sc = load(plain, ONE_GPU, DENSE, "\"costs\": {\"e_kv\": null}");

	expect_text(sc, &done, 0,
	            "uncalibrated: engine profile trtllm on h100-sxm, constants set by hand");
	scenario_free(sc);
	sc = load(plain, ONE_GPU, DENSE, SXM_COSTS);
	expect_text(sc, &done, 0, "on h100-sxm, constants set by hand, some by this scenario");
	scenario_free(sc);
	sc = load(calibrated, ONE_GPU, DENSE, "\"calibration\": \"none\"");
	expect_text(
		sc, &done, 0,
		"uncalibrated: h100-sxm__trtllm__bf16 is switched off; engine profile trtllm on "
		"h100-sxm, constants set by hand");
	scenario_free(sc);
	sc = load(calibrated, TWO_GPUS, "gpt-oss-20b", "");
	expect_text(
		sc, &done, 0,
		"uncalibrated: h100-sxm__trtllm__bf16 has no fit for mixtures of experts; engine "
		"profile trtllm on h100-sxm, constants set by hand");
	expect_text(sc, &done, 1,
	            "h100-nvl__trtllm__bf16: e_memory transferred from another GPU; inside its "
	            "region");
	scenario_free(sc);
	sc = load(calibrated, TWO_GPUS, DENSE, "\"engine_version\": \"0.20.0\"");
	expect_text(sc, &done, 1,
	            "uncalibrated: h100-nvl__trtllm__bf16 has no fit for engine version 0.20.0; "
	            "engine profile trtllm on h100-nvl, constants set by hand");
	scenario_free(sc);
}
END_TEST

static json_t *trust_of_run(const struct scenario *sc, const struct service_summary *done)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct json_writer w;

	ck_assert_ptr_nonnull(out);
	json_writer_init(&w, out, false);
	trust_json(&w, NULL, sc, 0, done);
	fclose(out);
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	ck_assert_msg(root != NULL, "%s", text);
	free(text);
	return root;
}

START_TEST(the_same_as_json)
{
	int64_t placed[3] = {1, 0, 1};
	struct service_summary done = summary_of(550, 200, 10, placed);
	struct scenario *sc = load(calibrated, TWO_GPUS, DENSE, "");
	json_t *root = trust_of_run(sc, &done);
	const json_t *gpu = json_object_get(json_object_get(root, "gpus"), "h100-sxm");

	ck_assert_uint_eq(json_object_size(json_object_get(root, "gpus")), 1);
	ck_assert(json_is_true(json_object_get(root, "calibrated")));
	ck_assert(json_is_false(json_object_get(root, "inside")));
	ck_assert_str_eq(json_string_value(json_object_get(gpu, "calibration")),
	                 "h100-sxm__trtllm__bf16");
	ck_assert_str_eq(json_string_value(json_object_get(gpu, "engine_version")), "1.0.0rc3");
	ck_assert_uint_eq(json_array_size(json_object_get(gpu, "fitted")), 3);
	ck_assert_int_eq(
		json_integer_value(json_object_get(json_object_get(gpu, "rows"), "configurations")),
		23);
	const json_t *held_out = json_object_get(json_object_get(gpu, "held_out"), "tpot");

	ck_assert(fabs(json_number_value(json_object_get(held_out, "mean_pct")) - 1.6) < 1e-9);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(gpu, "outside"), 0)),
	                 "ISL 550 is below 1,024");
	json_decref(root);
	placed[1] = 1;
	root = trust_of_run(sc, &done);
	ck_assert_uint_eq(json_object_size(json_object_get(root, "gpus")), 2);
	gpu = json_object_get(json_object_get(root, "gpus"), "h100-nvl");
	ck_assert_uint_eq(json_array_size(json_object_get(gpu, "transferred")), 2);
	ck_assert(json_is_true(json_object_get(gpu, "inside")));
	json_decref(root);
	scenario_free(sc);
	sc = load(plain, ONE_GPU, DENSE, "");
	root = trust_of_run(sc, &done);
	ck_assert(json_is_false(json_object_get(root, "calibrated")));
	gpu = json_object_get(json_object_get(root, "gpus"), "h100-sxm");
	ck_assert(json_is_null(json_object_get(gpu, "calibration")));
	json_decref(root);
	scenario_free(sc);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("trust");
	TCase *t = tcase_create("trust");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_calibration_is_the_same_as_its_constants);
	tcase_add_test(t, every_gpu_has_its_own_constants);
	tcase_add_test(t, every_constant_says_where_it_is_from);
	tcase_add_test(t, the_engine_version_picks_a_set);
	tcase_add_test(t, reasons_to_be_outside);
	tcase_add_test(t, who_is_not_calibrated_says_why);
	tcase_add_test(t, the_same_as_json);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);

	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);

	srunner_free(r);
	return failed != 0;
}
