/* `aliquot list`: what there is, one line each with its key figures. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "spec/calibration.h"
#include "spec/engine_spec.h"
#include "spec/gpu_spec.h"
#include "spec/llm_spec.h"
#include "policy/registry.h"
#include "report/facts.h"
#include "report/trust.h"
#include "cli/cli.h"

enum { CELL_MAX = 64, COLUMNS_MAX = 10 };

struct column {
	const char *key; /* of the JSON item; NULL ends the list */
	const char *heading;
	const char *unit; /* of a number; NULL: text */
};

struct kind {
	const char *name;
	const struct column *columns;    /* the last one may be long and is folded */
	json_t *(*items)(struct cli *c); /* array of objects; new reference */
	bool needs_data;
};

static const struct column gpu_columns[] = {{"name", "gpu", NULL},
                                            {"memory", "memory", "bytes"},
                                            {"bandwidth", "bandwidth", "bytes/s"},
                                            {"flops_bf16", "bf16 TFLOP/s", "tera"},
                                            {"flops_fp8", "fp8", "tera"},
                                            {"flops_nvfp4", "fp4", "tera"},
                                            {"nvlink", "NVLink", "bytes/s"},
                                            {"host_link", "host link", "bytes/s"},
                                            {"power", "power", "W"},
                                            {NULL, NULL, NULL}};
static const struct column model_columns[] = {{"name", "model", NULL},
                                              {"parameters", "total", "billions"},
                                              {"active_parameters", "active", "billions"},
                                              {"weights_bf16", "bf16 weights", "bytes"},
                                              {"kv_token_bf16", "KV/token", "bytes"},
                                              {"state", "state/seq", "bytes"},
                                              {"context", "tokens", ""},
                                              {NULL, NULL, NULL}};
static const struct column engine_columns[] = {{"name", "engine", NULL},
                                               {"max_num_seqs", "sequences", ""},
                                               {"max_num_batched_tokens", "tokens/step", ""},
                                               {"kv_block_tokens", "KV block", ""},
                                               {"title", "what", NULL},
                                               {NULL, NULL, NULL}};
static const struct column calibration_columns[] = {
	{"name", "calibration", NULL},       {"models", "models", NULL},
	{"engine_version", "version", NULL}, {"configurations", "rows", ""},
	{"tpot_pct", "TPOT err", "%"},       {"ttft_pct", "TTFT err", "%"},
	{"fitted", "fitted", NULL},          {NULL, NULL, NULL}};
static const struct column scenario_columns[] = {
	{"name", "scenario", NULL}, {"about", "question", NULL}, {NULL, NULL, NULL}};
static const struct column policy_columns[] = {{"kind", "kind", NULL},
                                               {"name", "policy", NULL},
                                               {"about", "what it does", NULL},
                                               {NULL, NULL, NULL}};
static const struct column metric_columns[] = {{"name", "metric", NULL},
                                               {"unit", "unit", NULL},
                                               {"about", "meaning", NULL},
                                               {NULL, NULL, NULL}};

/* The file of sheet i; every listed sheet exists. */
static const char *sheet_file(struct cli *c, const char *folder, const char *name)
{
	const char *canonical;

	return data_dir_find(c->data, folder, name, &canonical);
}

static json_t *list_gpus(struct cli *c)
{
	json_t *list = json_array();
	size_t n;
	const char *const *names = data_dir_names(c->data, "gpu", &n);

	for (size_t i = 0; i < n; i++) {
		struct gpu_spec *g = gpu_spec_read(sheet_file(c, "gpu", names[i]), c->err);

		if (g) {
			json_array_append_new(
				list,
				json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			                  "name", g->name, "title", g->title, "memory",
			                  facts_number((double)g->memory_bytes), "bandwidth",
			                  facts_number(g->hbm_bytes_per_s), "flops_bf16",
			                  facts_number(g->flops_per_s[PRECISION_BF16]), "flops_fp8",
			                  facts_number(g->flops_per_s[PRECISION_FP8]),
			                  "flops_nvfp4",
			                  facts_number(g->flops_per_s[PRECISION_NVFP4]), "nvlink",
			                  facts_number(g->nvlink_bytes_per_s), "host_link",
			                  facts_number(g->host_link_bytes_per_s), "power",
			                  facts_number(g->power_w)));
		}
		gpu_spec_free(g);
	}
	return list;
}

static json_t *list_models(struct cli *c)
{
	json_t *list = json_array();
	size_t n;
	const char *const *names = data_dir_names(c->data, "llm", &n);

	for (size_t i = 0; i < n; i++) {
		struct llm_spec *m = llm_spec_read(sheet_file(c, "llm", names[i]), c->err);
		struct llm_shape s;

		if (m) {
			llm_spec_shape(m, PRECISION_BF16, PRECISION_BF16, &s);
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
			                        m->name, "title", m->title, "parameters",
			                        facts_number(s.parameters), "active_parameters",
			                        facts_number(s.active_parameters), "weights_bf16",
			                        facts_number(s.weight_bytes), "kv_token_bf16",
			                        facts_number(s.kv_bytes_per_token), "state",
			                        facts_number(s.state_bytes_per_sequence), "context",
			                        json_integer(m->context)));
		}
		llm_spec_free(m);
	}
	return list;
}

static json_t *list_engines(struct cli *c)
{
	json_t *list = json_array();
	size_t n;
	const char *const *names = data_dir_names(c->data, "engine", &n);

	for (size_t i = 0; i < n; i++) {
		struct engine_spec *e = engine_spec_read(sheet_file(c, "engine", names[i]), c->err);

		if (e) {
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", e->name,
			                        "title", e->title, "max_num_seqs",
			                        (json_int_t)e->options.max_num_seqs,
			                        "max_num_batched_tokens",
			                        (json_int_t)e->options.max_num_batched_tokens,
			                        "kv_block_tokens",
			                        (json_int_t)e->options.kv_block_tokens));
		}
		engine_spec_free(e);
	}
	return list;
}

/* Mean error on rows held out; -1: nobody knows. */
static double held_out(const struct calibration_set *set, const char *metric)
{
	for (size_t i = 0; i < set->n_errors; i++) {
		if (strcmp(set->errors[i].metric, metric) == 0) {
			return set->errors[i].held_out_mean;
		}
	}
	return -1.0;
}

/* Names of what does not come from the engine profile; caller frees. */
static char *determined(const struct calibration_set *set)
{
	char *names = mem_strdup("");
	bool any = false;

	for (size_t i = 0; i < set->n_constants; i++) {
		const struct calibrated_constant *const k = &set->constants[i];

		any = any || k->role == CONSTANT_FITTED;
		if (k->role != CONSTANT_HELD) {
			char *longer = mem_printf("%s%s%s", names, names[0] ? ", " : "", k->name);

			free(names);
			names = longer;
		}
	}
	char *const all = mem_printf("%s%s", names, any ? "" : " (transferred)");
	free(names);
	return all;
}

static json_t *set_item(const struct calibration *c, const struct calibration_set *set)
{
	const double tpot = held_out(set, "tpot"), ttft = held_out(set, "ttft");
	char *const fitted = determined(set);
	json_t *item;

	item = json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:s}", "name", c->name, "models",
	                 set->moe ? "moe" : "dense", "engine_version", set->engine_version,
	                 "configurations", (json_int_t)set->configurations, "tpot_pct",
	                 tpot < 0 ? json_null() : json_real(tpot), "ttft_pct",
	                 ttft < 0 ? json_null() : json_real(ttft), "fitted", fitted);
	free(fitted);
	return item;
}

static json_t *list_calibrations(struct cli *c)
{
	json_t *list = json_array();
	size_t n;
	const char *const *names = data_dir_names(c->data, "calibration", &n);

	for (size_t i = 0; i < n; i++) {
		struct calibration *k =
			calibration_read(sheet_file(c, "calibration", names[i]), c->data, c->err);

		for (size_t s = 0; k && s < k->n_sets; s++) {
			json_array_append_new(list, set_item(k, &k->sets[s]));
		}
		calibration_free(k);
	}
	return list;
}

static json_t *list_scenarios(struct cli *c)
{
	json_t *list = json_array();
	size_t n;
	const char *const *names = data_dir_names(c->data, "scenarios", &n);

	for (size_t i = 0; i < n; i++) {
		char *file = mem_printf("%s/scenarios/%s.json", data_dir_path(c->data), names[i]);
		json_t *scenario = json_read(file, c->err);
		const char *about = json_string_value(json_object_get(scenario, "about"));

		if (scenario) {
			json_array_append_new(list,
			                      json_pack("{s:s, s:s}", "name", names[i], "about",
			                                about ? about : "no \"about\""));
		}
		json_decref(scenario);
		free(file);
	}
	return list;
}

static json_t *list_policies(struct cli *c)
{
	json_t *list = json_array();
	const struct policy_head *head;
	const char *kind;

	(void)c;
	for (size_t i = 0; (head = registry_head(i, &kind)) != NULL; i++) {
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "kind", kind, "name",
		                                      head->name, "about", head->help));
	}
	return list;
}

static json_t *list_metrics(struct cli *c)
{
	static const char *const metrics[][3] = {
		{"ttft", "ms", "from sending a request to its first token"},
		{"ttst", "ms", "from the first token to the second"},
		{"tpot", "ms", "mean gap between the tokens of one request, the first excluded"},
		{"itl", "ms", "every gap between two tokens"},
		{"latency", "ms", "from sending a request to its last token"},
		{"queue", "ms", "from sending a request to its admission into the batch"},
		{"tps_user", "tok/s",
	         "output tokens per second of one request after its first token"},
		{"tps", "tok/s", "output tokens per second of the service"},
		{"rps", "req/s", "finished requests per second of the service"},
		{"goodput", "req/s",
	         "finished requests per second that keep every per-request limit"},
		{"error_rate", "share", "requests rejected or lost"},
	};
	json_t *list = json_array();

	(void)c;
	for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
		json_array_append_new(list,
		                      json_pack("{s:s, s:s, s:s}", "name", metrics[i][0], "unit",
		                                metrics[i][1], "about", metrics[i][2]));
	}
	return list;
}

static const struct kind kinds[] = {
	{"gpus", gpu_columns, list_gpus, true},
	{"models", model_columns, list_models, true},
	{"engines", engine_columns, list_engines, true},
	{"calibrations", calibration_columns, list_calibrations, true},
	{"scenarios", scenario_columns, list_scenarios, true},
	{"policies", policy_columns, list_policies, false},
	{"metrics", metric_columns, list_metrics, false},
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static const char *cell(const json_t *item, const struct column *column, char *buf, size_t size)
{
	const json_t *value = json_object_get(item, column->key);
	const double number = json_number_value(value);

	if (!column->unit) {
		return json_string_value(value);
	}
	if (!(number > 0)) {
		return "-";
	}
	if (strcmp(column->unit, "billions") == 0) {
		snprintf(buf, size, "%.2f B", number / 1e9);
		return buf;
	}
	if (strcmp(column->unit, "%") == 0) {
		char percent[16];

		snprintf(buf, size, "%s %%", trust_percent(number, percent, sizeof percent));
		return buf;
	}
	if (strcmp(column->unit, "tera") == 0) {
		return str_human(number / 1e12, buf, size);
	}
	return facts_quantity(number, column->unit, buf, size);
}

static void measure(const json_t *items, const struct column *columns, int *width)
{
	char buf[CELL_MAX];
	size_t i;
	json_t *item;

	for (size_t k = 0; columns[k].key; k++) {
		width[k] = (int)strlen(columns[k].heading);
		json_array_foreach(items, i, item) {
			int n = (int)strlen(cell(item, &columns[k], buf, sizeof buf));

			width[k] = n > width[k] ? n : width[k];
		}
	}
}

/* Text to the left, numbers to the right; the last column folds when it is text. */
static void print_row(const json_t *item, const struct column *columns, const int *width)
{
	char buf[CELL_MAX];
	int from = 2;

	printf("  ");
	for (size_t k = 0; columns[k].key; k++) {
		const char *text =
			item ? cell(item, &columns[k], buf, sizeof buf) : columns[k].heading;
		const bool last = columns[k + 1].key == NULL;

		if (last && !columns[k].unit) {
			facts_fold(text, from, stdout);
		} else {
			printf(columns[k].unit ? "%*s%s" : "%-*s%s", width[k], text,
			       last ? "\n" : "  ");
		}
		from += width[k] + 2;
	}
}

static void print_table(const struct kind *kind, const json_t *items)
{
	int width[COLUMNS_MAX] = {0};
	size_t i;
	json_t *item;

	measure(items, kind->columns, width);
	print_row(NULL, kind->columns, width);
	json_array_foreach(items, i, item) {
		print_row(item, kind->columns, width);
	}
}

static const struct kind *find_kind(struct cli *c, const char *name)
{
	const char *names[N_KINDS];

	for (size_t i = 0; i < N_KINDS; i++) {
		if (strcmp(kinds[i].name, name) == 0) {
			return &kinds[i];
		}
		names[i] = kinds[i].name;
	}
	const char *near = str_nearest(name, names, N_KINDS);

	err_add(c->err, ERR_USAGE, NULL, "nothing to list called \"%s\"; %s%s%s", name,
	        near ? "did you mean \"" : "there are ",
	        near ? near
	             : "gpus, models, engines, calibrations, scenarios, policies and metrics",
	        near ? "\"?" : "");
	return NULL;
}

int cli_list(struct cli *c)
{
	const struct kind *kind = find_kind(c, c->args[0]);
	json_t *items;

	if (kind && kind->needs_data) {
		c->data = data_dir_open(c->data_flag, c->program, c->err);
	}
	if (!kind || (kind->needs_data && !c->data)) {
		return err_exit_code(c->err);
	}
	items = kind->items(c);
	if (c->json) {
		json_t *doc = json_pack("{s:s, s:s, s:O}", "schema", "aliquot/list/1", "kind",
		                        kind->name, "items", items);

		json_dumpf(doc, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(doc);
	} else {
		print_table(kind, items);
	}
	json_decref(items);
	return err_exit_code(c->err);
}
