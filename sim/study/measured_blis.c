/*
 * Reads what the BLIS project published: stages of open-loop vLLM runs, and the errors of other
 * simulators on such runs, whose `actual` column is a measurement.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "study/measured_private.h"

/* The version that all of these runs used: README of the data set. */
#define ENGINE_VERSION "0.15.1"

static const char *text(const struct measured_reader *r, size_t column)
{
	return column < r->n_fields ? r->fields[column] : "";
}

static bool columns(struct measured_reader *r, const char *const *names, size_t n)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		r->at[i] = measured_column(r, names[i]);
		if (r->at[i] == SIZE_MAX) {
			measured_missing(r, names[i]);
			ok = false;
		}
	}
	return ok;
}

static double number(const struct measured_reader *r, size_t column, const char *name)
{
	double v = 0.0;

	if (!str_to_real(text(r, column), &v)) {
		csv_fail(r->csv, column + 1, "%s: expected a number, got \"%s\"", name,
		         text(r, column));
	}
	return v;
}

static int64_t count(const struct measured_reader *r, size_t column, const char *name)
{
	const double v = number(r, column, name);

	if (!(v >= 0.0 && v <= MEASURED_MOST)) {
		csv_fail(r->csv, column + 1, "%s: expected a count, got \"%s\"", name,
		         text(r, column));
		return 0;
	}
	return (int64_t)v;
}

static void set_texts(struct measured_run *run, const char *source, const char *gpu,
                      const char *model, const char *precision)
{
	run->source = mem_strdup(source);
	run->gpu = mem_strdup(gpu);
	run->model = mem_strdup(model);
	run->precision = mem_strdup(precision);
	run->engine = mem_strdup("vllm");
	run->engine_version = mem_strdup(ENGINE_VERSION);
	run->load = mem_strdup("open");
	run->sharing = mem_strdup("");
	run->constant_rate = true;
}

enum stage_column {
	S_RUN,
	S_MODEL,
	S_GPU,
	S_TP,
	S_STAGE,
	S_BATCHED,
	S_SEQS,
	S_RATE,
	S_PREFIX,
	S_PREFIXES,
	S_PROMPTS_EACH,
	S_SENT,
	S_INPUT,
	S_OUTPUT,
	S_COUNT
};

static const char *const stage_names[S_COUNT] = {
	[S_RUN] = "run",
	[S_MODEL] = "model",
	[S_GPU] = "gpu",
	[S_TP] = "tp",
	[S_STAGE] = "stage",
	[S_BATCHED] = "max_num_batched_tokens",
	[S_SEQS] = "max_num_seqs",
	[S_RATE] = "rate_rps",
	[S_PREFIX] = "system_prompt_len",
	[S_PREFIXES] = "num_system_prompts",
	[S_PROMPTS_EACH] = "users_per_system_prompt",
	[S_SENT] = "requests_sent",
	[S_INPUT] = "prompt_tokens_mean",
	[S_OUTPUT] = "output_len",
};

/* Runs that answered minutes late, many not at all, are kept apart. */
static bool is_reasoning(const char *run)
{
	return strstr(run, "reasoning") != NULL;
}

/*
 * The client counted two chunks for every token: its gaps have a median of 0.04 ms, and its ITL is
 * half of (e2e - ttft) / (tokens - 1). That quotient is what is compared, as in the list of errors;
 * but over the tokens that were asked for. The client counted the tokens of the text it got: none
 * for 1 to 20 % of the answers of three models, which took as long as the others.
 */
static void add_stage_values(struct measured_reader *r, struct measured_run *run)
{
	static const struct {
		const char *column, *metric, *stat;
	} values[] = {
		{"e2e_s_mean", "e2e_latency", "mean"}, {"e2e_s_median", "e2e_latency", "p50"},
		{"e2e_s_p90", "e2e_latency", "p90"},   {"e2e_s_p99", "e2e_latency", "p99"},
		{"ttft_s_mean", "ttft", "mean"},       {"ttft_s_median", "ttft", "p50"},
		{"ttft_s_p90", "ttft", "p90"},         {"ttft_s_p99", "ttft", "p99"},
	};
	double mean[2] = {0.0, 0.0};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		double v;
		if (str_to_real(text(r, r->at[S_COUNT + i]), &v)) {
			measured_add(r, run, values[i].metric, values[i].stat, "s", v);
			mean[i / 4] = i % 4 == 0 ? v : mean[i / 4];
		}
	}
	if (mean[0] > mean[1] && run->osl > 1.0) {
		measured_add(r, run, "itl", "mean", "s", (mean[0] - mean[1]) / (run->osl - 1.0));
	}
}

static void read_stage(struct measured_reader *r)
{
	bool fresh;
	struct measured_run *const run = measured_run_of(
		r, mem_printf("%s %s", text(r, r->at[S_RUN]), text(r, r->at[S_STAGE])), &fresh);

	if (!fresh) {
		csv_fail(r->csv, r->at[S_RUN] + 1, "run %s, stage %s: listed twice",
		         text(r, r->at[S_RUN]), text(r, r->at[S_STAGE]));
		return;
	}
	set_texts(run, is_reasoning(text(r, r->at[S_RUN])) ? "blis-reasoning" : "blis",
	          text(r, r->at[S_GPU]), text(r, r->at[S_MODEL]), "fp16");
	run->workload = mem_strdup("");
	run->tp = count(r, r->at[S_TP], stage_names[S_TP]);
	run->batched_tokens = count(r, r->at[S_BATCHED], stage_names[S_BATCHED]);
	run->max_num_seqs = count(r, r->at[S_SEQS], stage_names[S_SEQS]);
	run->rate = number(r, r->at[S_RATE], stage_names[S_RATE]);
	run->prefix = number(r, r->at[S_PREFIX], stage_names[S_PREFIX]);
	run->prefixes = count(r, r->at[S_PREFIXES], stage_names[S_PREFIXES]);
	run->dataset_entries =
		run->prefixes * count(r, r->at[S_PROMPTS_EACH], stage_names[S_PROMPTS_EACH]);
	run->prompts = count(r, r->at[S_SENT], stage_names[S_SENT]);
	run->isl = number(r, r->at[S_INPUT], stage_names[S_INPUT]) - run->prefix;
	run->osl = number(r, r->at[S_OUTPUT], stage_names[S_OUTPUT]);
}

bool measured_read_stages(struct measured_reader *r)
{
	static const char *const values[] = {"e2e_s_mean", "e2e_s_median", "e2e_s_p90",
	                                     "e2e_s_p99",  "ttft_s_mean",  "ttft_s_median",
	                                     "ttft_s_p90", "ttft_s_p99"};

	if (!columns(r, stage_names, S_COUNT)) {
		return false;
	}
	for (size_t i = 0; i < 8; i++) {
		r->at[S_COUNT + i] = measured_column(r, values[i]);
	}
	while (csv_next(r->csv, &r->fields, &r->n_fields)) {
		read_stage(r);
		struct measured_run *const run = &r->table->runs[r->table->n_runs - 1];
		add_stage_values(r, run);
		if (run->n_values == 0) {
			csv_fail(r->csv, r->at[S_RUN] + 1,
			         "run %s, stage %s: no figure; e2e_s_mean or ttft_s_mean is wanted",
			         text(r, r->at[S_RUN]), text(r, r->at[S_STAGE]));
		}
	}
	return true;
}

enum error_column {
	E_SIMULATOR,
	E_MODEL,
	E_STAGE,
	E_METRIC,
	E_PREDICTED,
	E_ACTUAL,
	E_HARDWARE,
	E_UTILIZATION,
	E_PRECISION,
	E_TP,
	E_BATCHED,
	E_EXPERIMENT,
	E_COUNT
};

static const char *const error_names[E_COUNT] = {
	[E_SIMULATOR] = "simulator",
	[E_MODEL] = "model",
	[E_STAGE] = "stage_index",
	[E_METRIC] = "metric_name",
	[E_PREDICTED] = "predicted",
	[E_ACTUAL] = "actual",
	[E_HARDWARE] = "hardware",
	[E_UTILIZATION] = "gpu_mem_util",
	[E_PRECISION] = "precision",
	[E_TP] = "tp",
	[E_BATCHED] = "max_num_batched_tokens",
	[E_EXPERIMENT] = "experiment",
};

/* From its name: the column of that meaning repeats some runs under other workloads. */
static const char *workload_of(const char *experiment)
{
	static const char *const known[] = {"general", "codegen", "roleplay", "reasoning"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strstr(experiment, known[i]) != NULL) {
			return known[i];
		}
	}
	return "unnamed";
}

static bool said(const struct measured_value *v, const char *simulator)
{
	for (size_t i = 0; i < v->n_others; i++) {
		if (strcmp(v->others[i].simulator, simulator) == 0) {
			return true;
		}
	}
	return false;
}

static void read_experiment(struct measured_reader *r, struct measured_run *run)
{
	const char *const experiment = text(r, r->at[E_EXPERIMENT]);
	const bool lite = strstr(experiment, "-lite") != NULL;

	set_texts(run, is_reasoning(experiment) ? "blis-reasoning" : "blis",
	          text(r, r->at[E_HARDWARE]), text(r, r->at[E_MODEL]), text(r, r->at[E_PRECISION]));
	run->workload = mem_printf("%s%s %s", workload_of(experiment), lite ? "-lite" : "",
	                           text(r, r->at[E_STAGE]));
	run->tp = count(r, r->at[E_TP], error_names[E_TP]);
	run->batched_tokens = count(r, r->at[E_BATCHED], error_names[E_BATCHED]);
	if (!str_to_real(text(r, r->at[E_UTILIZATION]), &run->memory_utilization)) {
		run->memory_utilization = 0.0;
	}
}

/* "e2e_mean": the metric's name here and its statistic. */
static const char *split(const char *name, const char **stat)
{
	static const char *const heads[] = {"e2e_", "ttft_", "itl_"};
	static const char *const metrics[] = {"e2e_latency", "ttft", "itl"};

	for (size_t i = 0; i < 3; i++) {
		if (strncmp(name, heads[i], strlen(heads[i])) == 0) {
			*stat = name + strlen(heads[i]);
			return metrics[i];
		}
	}
	*stat = "";
	return name;
}

static void read_error(struct measured_reader *r)
{
	const char *stat;
	const char *const metric = split(text(r, r->at[E_METRIC]), &stat);
	bool fresh;

	if (strcmp(text(r, r->at[E_STAGE]), "-1") == 0) { /* the whole run: its stages are here */
		return;
	}
	struct measured_run *const run = measured_run_of(
		r, mem_printf("%s %s", text(r, r->at[E_EXPERIMENT]), text(r, r->at[E_STAGE])),
		&fresh);
	if (fresh) {
		read_experiment(r, run);
	}
	struct measured_value *v = NULL;
	for (size_t i = 0; i < run->n_values && v == NULL; i++) {
		v = strcmp(run->values[i].metric, metric) == 0 &&
		                    strcmp(run->values[i].stat, stat) == 0
		            ? &run->values[i]
		            : NULL;
	}
	if (v == NULL) {
		v = measured_add(r, run, metric, stat, "ms",
		                 number(r, r->at[E_ACTUAL], error_names[E_ACTUAL]));
	}
	double predicted;
	if (str_to_real(text(r, r->at[E_PREDICTED]), &predicted) &&
	    !said(v, text(r, r->at[E_SIMULATOR]))) {
		v->others = mem_resize(v->others, v->n_others + 1, sizeof(*v->others));
		v->others[v->n_others++] =
			(struct measured_other){mem_strdup(text(r, r->at[E_SIMULATOR])), predicted};
	}
}

bool measured_read_errors(struct measured_reader *r)
{
	if (!columns(r, error_names, E_COUNT)) {
		return false;
	}
	bool any = false;
	while (csv_next(r->csv, &r->fields, &r->n_fields)) {
		read_error(r);
		any = true;
	}
	if (any && r->table->n_runs == 0) {
		err_add(r->err, ERR_INPUT, r->file,
		        "whole runs alone (stage_index -1): of how many requests is not said");
		return false;
	}
	return true;
}
