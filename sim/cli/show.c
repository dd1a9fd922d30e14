/* `aliquot show`: every value of one data sheet with its source, and what follows from it. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "spec/engine_spec.h"
#include "spec/gpu_spec.h"
#include "spec/llm_spec.h"
#include "report/facts.h"
#include "cli/cli.h"

/* Fills *facts from the sheet in `file`; NULL with errors added. The caller frees the sheet. */
typedef struct sheet *collect_fn(const char *file, struct facts *facts, struct err *err);

static struct sheet *collect_gpu(const char *file, struct facts *facts, struct err *err)
{
	struct gpu_spec *g = gpu_spec_read(file, err);
	struct sheet *s = g ? gpu_spec_sheet(file, err) : NULL;

	if (s) {
		facts_add_section(facts, s, "facts", gpu_fact_table, g);
	}
	gpu_spec_free(g);
	return s;
}

static struct sheet *collect_engine(const char *file, struct facts *facts, struct err *err)
{
	struct engine_spec *e = engine_spec_read(file, err);
	struct sheet *s = e ? engine_spec_sheet(file, err) : NULL;

	if (s) {
		facts_add_section(facts, s, "options", engine_option_table, &e->options);
		facts_add_section(facts, s, "costs", engine_cost_table, &e->costs);
		facts_add_section(facts, s, "startup", engine_startup_table, &e->startup);
	}
	engine_spec_free(e);
	return s;
}

static void derive_sizes(const struct llm_spec *m, const struct llm_shape *bf16, struct facts *f)
{
	struct llm_shape fp8, fp4;

	llm_spec_shape(m, PRECISION_FP8, PRECISION_FP8, &fp8);
	llm_spec_shape(m, PRECISION_NVFP4, PRECISION_NVFP4, &fp4);
	facts_add_derived(f, "parameters", bf16->parameters, "parameters",
	                  "all, vision encoder included");
	facts_add_derived(f, "active_parameters", bf16->active_parameters, "parameters",
	                  "used for one text token, both embeddings included");
	facts_add_derived(f, "weights_bf16", bf16->weight_bytes, "bytes", "in GPU memory");
	facts_add_derived(f, "weights_fp8", fp8.weight_bytes, "bytes", "in GPU memory");
	facts_add_derived(f, "weights_nvfp4", fp4.weight_bytes, "bytes", "in GPU memory");
	facts_add_derived(f, "kv_token_bf16", bf16->kv_bytes_per_token, "bytes",
	                  "KV cache of one token, layers that see every token");
	facts_add_derived(f, "kv_token_fp8", fp8.kv_bytes_per_token, "bytes", "the same in fp8");
	facts_add_derived(
		f, "state", bf16->state_bytes_per_sequence, "bytes",
		"per sequence whatever its length: Mamba-2 state and windowed attention, bf16 KV");
}

static void derive_work(const struct llm_shape *bf16, struct facts *f)
{
	facts_add_derived(f, "step_weights_bf16", bf16->dense_bytes + bf16->head_bytes, "bytes",
	                  "read by every decode step, routed experts excluded");
	if (bf16->layers_moe > 0) {
		facts_add_derived(f, "expert_bf16", bf16->expert_bytes, "bytes",
		                  "one routed expert of one layer");
	}
	facts_add_derived(f, "token_work", bf16->f_token, "FLOP",
	                  "per token, output head excluded");
	facts_add_derived(f, "head_work", bf16->f_head, "FLOP", "more per sampled token");
	facts_add_derived(f, "pair_work", bf16->attn_flops, "FLOP", "attention per query and key");
}

static struct sheet *collect_model(const char *file, struct facts *facts, struct err *err)
{
	struct llm_spec *m = llm_spec_read(file, err);
	struct sheet *s = m ? llm_spec_sheet(file, err) : NULL;
	struct llm_published published;

	if (s && llm_published_read(s, &published)) {
		struct llm_shape bf16;

		llm_spec_shape(m, PRECISION_BF16, PRECISION_BF16, &bf16);
		facts_add_section(facts, s, "geometry", llm_geometry_table, m);
		facts_add_section(facts, s, "published", llm_published_table, &published);
		derive_sizes(m, &bf16, facts);
		derive_work(&bf16, facts);
	}
	llm_spec_free(m);
	return s;
}

static void print_sheet(const struct sheet *s, const struct facts *facts)
{
	printf("%s: %s\nchecked %s\n", sheet_name(s), sheet_title(s), sheet_checked(s));
	if (sheet_note(s)) {
		printf("note: ");
		facts_fold(sheet_note(s), 6, stdout);
	}
	facts_print(facts, stdout);
}

static void print_json(const char *kind, const struct sheet *s, const struct facts *facts)
{
	json_t *doc =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:o}", "schema", "aliquot/show/1",
	                  "kind", kind, "name", sheet_name(s), "title", sheet_title(s), "checked",
	                  sheet_checked(s), "note", sheet_note(s), "values", facts_json(facts));

	json_dumpf(doc, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(doc);
}

static const struct kind {
	const char *name, *folder;
	collect_fn *collect;
} kinds[] = {
	{"gpu", "gpu", collect_gpu},
	{"model", "llm", collect_model},
	{"engine", "engine", collect_engine},
	{"calibration", "calibration", NULL}, /* no sheet: calibration.c shows it */
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

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

	err_add(c->err, ERR_USAGE, NULL, "nothing to show of kind \"%s\"; %s \"%s\"%s", name,
	        near ? "did you mean" : "there are", near ? near : "gpu",
	        near ? "?" : ", \"model\", \"engine\", \"calibration\"");
	return NULL;
}

static const char *find_sheet(struct cli *c, const struct kind *kind, const char *name)
{
	const char *canonical;
	const char *file = data_dir_find(c->data, kind->folder, name, &canonical);
	size_t n;

	if (!file) {
		const char *const *names = data_dir_names(c->data, kind->folder, &n);
		const char *near = str_nearest(name, names, n);

		err_add(c->err, ERR_USAGE, NULL, "unknown %s \"%s\"; %s%s%s", kind->name, name,
		        near ? "did you mean \"" : "see aliquot list ", near ? near : kind->name,
		        near ? "\"?" : "s");
	}
	return file;
}

int cli_show(struct cli *c)
{
	const struct kind *kind = find_kind(c, c->args[0]);
	const char *file = NULL;
	struct facts *facts;
	struct sheet *s;

	if (kind) {
		c->data = data_dir_open(c->data_flag, c->program, c->err);
	}
	if (kind && c->data) {
		file = find_sheet(c, kind, c->args[1]);
	}
	if (!file) {
		return err_exit_code(c->err);
	}
	if (!kind->collect) {
		return cli_show_calibration(c, file);
	}
	facts = facts_new();
	s = kind->collect(file, facts, c->err);
	if (s && c->json) {
		print_json(kind->name, s, facts);
	} else if (s) {
		print_sheet(s, facts);
	}
	sheet_free(s);
	facts_free(facts);
	return err_exit_code(c->err);
}
