/* Names of GPUs and models: no spelling means two sheets, and what measured data calls them
 * resolves to a sheet or is on the list of those that have none. */
#include "base/csv.h"
#include "base/mem.h"
#include "base/vec.h"
#include "spec/data_dir.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define SHARED "../shared/"
#define PEERS SHARED "peer-data/"

static struct data_dir *data;
static struct err *err;

static void set_up(void)
{
	err = err_new();
	data = data_dir_open(".", "aliquot", err);
	ck_assert_msg(data != NULL, "tests run in the root of the project");
}

static void tear_down(void)
{
	err_print(err, stderr);
	ck_assert_uint_eq(err_count(err), 0);
	data_dir_close(data);
	err_free(err);
}

/* False, and a line that says so, where the measured data are not at hand. */
static bool at_hand(const char *file)
{
	FILE *there = fopen(file, "r");

	if (!there) {
		fprintf(stderr, "SKIPPED: %s is absent, its names of GPUs and models not tested\n",
		        file);
		return false;
	}
	fclose(there);
	return true;
}

/* --- one meaning each --------------------------------------------------------------------------
 */

struct spelling {
	const char *text;  /* owned by the sheet's JSON */
	const char *sheet; /* borrowed from the data folder */
};

struct spellings {
	VEC(struct spelling) all;
	VEC(json_t *) sheets;
};

static void add_spellings(struct spellings *s, const char *kind, const char *sheet)
{
	const char *canonical;
	json_t *root = json_load_file(data_dir_find(data, kind, sheet, &canonical), 0, NULL);
	const json_t *list = json_object_get(root, "aliases");
	struct spelling own = {sheet, sheet};

	ck_assert_ptr_nonnull(root);
	vec_push(&s->sheets, root);
	vec_push(&s->all, own);
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct spelling alias = {json_string_value(json_array_get(list, i)), sheet};

		vec_push(&s->all, alias);
	}
}

START_TEST(no_spelling_means_two_sheets)
{
	static const char *const kinds[] = {"gpu", "llm", "engine"};
	const char *kind = kinds[_i];
	struct spellings s = {{NULL, 0, 0}, {NULL, 0, 0}};
	size_t n;
	const char *const *names = data_dir_names(data, kind, &n);

	for (size_t i = 0; i < n; i++) {
		add_spellings(&s, kind, names[i]);
	}
	for (size_t i = 0; i < s.all.n; i++) {
		const struct spelling *one = &s.all.at[i];
		const char *canonical;

		/* The lookup takes the first match: another sheet with the same spelling hides. */
		ck_assert_msg(data_dir_find(data, kind, one->text, &canonical) != NULL,
		              "%s \"%s\" of %s is not found", kind, one->text, one->sheet);
		ck_assert_msg(strcmp(canonical, one->sheet) == 0, "%s \"%s\" of %s means %s", kind,
		              one->text, one->sheet, canonical);
	}
	ck_assert_uint_gt(s.all.n, n);
	for (size_t i = 0; i < s.sheets.n; i++) {
		json_decref(s.sheets.at[i]);
	}
	free(s.all.at);
	free(s.sheets.at);
}
END_TEST

/* --- names in measured data --------------------------------------------------------------------
 */

struct column {
	const char *file;
	const char *name;           /* of the column */
	const char *kind;           /* of the sheets */
	const char *const *foreign; /* names without a sheet; NULL-terminated */
};

static const char *const none[] = {NULL};

/* Other boards, or the row does not say which of two. */
static const char *const foreign_gpus[] = {
	"",
	"unstated",
	"HGX-B200 or H100-NVL (see note)",
	"H100-NVL (seed) / HGX-B200 (distilled note)",
	NULL,
};

/* Others, and several at once. */
static const char *const foreign_models[] = {
	"",
	"three NIMs",
	"Llama-3.1-8B-Instruct + DeepSeek-R1-Distill-Llama-8B",
	"mixed: Llama-3.1-8B 0.5 + Phi-4-mini 0.25 + Qwen3-Embedding-0.6B 0.125",
	"Llama-3.1-8B + Mistral-7B; Llama-3.1-8B + Falcon-11B",
	"pairs",
	"smaller models",
	"Falcon-11B class",
	"Falcon-11B vs Mistral-7B",
	NULL,
};

/* models/README.md says what their attention lacks here. */
static const char *const other_attention[] = {
	"deepseek-ai/DeepSeek-R1",  "deepseek-ai/DeepSeek-V3",
	"nvidia/DeepSeek-R1-NVFP4", "nvidia/DeepSeek-V3.1-NVFP4",
	"moonshotai/Kimi-K2.5",     "zhipuai/GLM-5",
	"Qwen/Qwen3.5-397B-A17B",   NULL,
};

static const char *const capped[] = {"h100-80gb-pcap", NULL};

static const struct column columns[] = {
	{SHARED "reference/rows.csv", "gpu", "gpu", foreign_gpus},
	{SHARED "reference/rows.csv", "model", "llm", foreign_models},
	{PEERS "aiconfigurator/silicon_serving_agg.csv", "system", "gpu", none},
	{PEERS "aiconfigurator/silicon_serving_agg.csv", "model_path", "llm", other_attention},
	{PEERS "blis/vllm_h100_runs.csv", "gpu", "gpu", none},
	{PEERS "blis/vllm_h100_runs.csv", "model", "llm", none},
	{PEERS "blis/sim_vs_vllm_errors_38exp.csv", "hardware", "gpu", none},
	{PEERS "blis/sim_vs_vllm_errors_38exp.csv", "model", "llm", none},
	{PEERS "blis/sim_vs_vllm_errors_trainval.csv", "hardware", "gpu", none},
	{PEERS "blis/sim_vs_vllm_errors_trainval.csv", "model", "llm", none},
	{PEERS "blis/llmservingsim_vs_vllm_errors.csv", "hardware", "gpu", none},
	{PEERS "blis/llmservingsim_vs_vllm_errors.csv", "model", "llm", none},
	{PEERS "blis/sim_runtimes.csv", "hardware", "gpu", none},
	{PEERS "blis/sim_runtimes.csv", "model", "llm", none},
	{PEERS "muxserve/llama_sm_share_latency.csv", "model", "llm", none},
	{PEERS "splitwise-sim/perf_model.csv", "hardware", "gpu", capped},
	{PEERS "splitwise-sim/perf_model.csv", "model", "llm", none},
};

static bool is_foreign(const struct column *c, const char *name)
{
	for (size_t i = 0; c->foreign[i]; i++) {
		if (strcmp(c->foreign[i], name) == 0) {
			return true;
		}
	}
	return false;
}

static size_t find_column(const struct column *c, const char *const *fields, size_t n)
{
	size_t i = 0;

	while (i < n && strcmp(fields[i], c->name) != 0) {
		i++;
	}
	ck_assert_msg(i < n, "%s has no column \"%s\"", c->file, c->name);
	return i;
}

START_TEST(names_in_measured_data_resolve)
{
	const struct column *c = &columns[_i];
	const char *const *fields;
	const char *canonical;
	char *last;
	size_t n, rows = 0;

	if (!at_hand(c->file)) {
		return;
	}
	struct csv_reader *r = csv_open(c->file, err);

	ck_assert_ptr_nonnull(r);
	ck_assert(csv_next(r, &fields, &n));
	const size_t column = find_column(c, fields, n);

	last = mem_strdup("never a name");
	for (; csv_next(r, &fields, &n); rows++) {
		ck_assert_uint_gt(n, column);
		if (strcmp(fields[column], last) == 0) {
			continue;
		}
		free(last);
		last = mem_strdup(fields[column]);
		const bool found = data_dir_find(data, c->kind, last, &canonical) != NULL;

		ck_assert_msg(found != is_foreign(c, last), "%s: %s \"%s\" %s", c->file, c->kind,
		              last, found ? "resolves but should not" : "is unknown");
	}
	ck_assert_uint_gt(rows, 0);
	free(last);
	csv_close(r);
}
END_TEST

/* --- runs of LLMServingSim ---------------------------------------------------------------------
 */

static const char *const runs[] = {
	"RTX4090_Llama-3.1-8B",
	"RTXPRO6000_Llama-3.1-8B",
	"RTXPRO6000_Qwen3-30B-A3B-Instruct-2507",
	"RTXPRO6000_Qwen3-32B",
};

START_TEST(names_in_cluster_files_resolve)
{
	char *file = mem_printf(PEERS "llmservingsim/%s/config.json", runs[_i]);
	json_t *root = at_hand(file) ? json_load_file(file, 0, NULL) : NULL;
	const json_t *nodes = json_object_get(root, "nodes");
	const json_t *list = json_object_get(json_array_get(nodes, 0), "instances");
	const char *canonical;

	ck_assert(!root || json_array_size(list) > 0);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *gpu = json_string_value(json_object_get(one, "hardware"));
		const char *model = json_string_value(json_object_get(one, "model_name"));

		ck_assert_msg(data_dir_find(data, "gpu", gpu, &canonical) != NULL, "%s", gpu);
		ck_assert_msg(data_dir_find(data, "llm", model, &canonical) != NULL, "%s", model);
	}
	json_decref(root);
	free(file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spellings");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, no_spelling_means_two_sheets, 0, 3);
	tcase_add_loop_test(tcase, names_in_measured_data_resolve, 0,
	                    (int)(sizeof columns / sizeof columns[0]));
	tcase_add_loop_test(tcase, names_in_cluster_files_resolve, 0,
	                    (int)(sizeof runs / sizeof runs[0]));
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
