/* Reads a folder of LLMServingSim: one vLLM run, request by request. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/vec.h"
#include "study/measured.h"

typedef VEC(struct measured_request) requests_t;

static bool real(const struct json_at *row, const char *key, double *out)
{
	struct json_at at;

	if (!json_get(row, key, &at) || !json_is_number(at.value)) {
		json_fail(row, "no number \"%s\"", key);
		return false;
	}
	*out = json_number_value(at.value);
	return true;
}

static bool read_request(const char *line, size_t size, const char *file, size_t number,
                         requests_t *out, struct err *err)
{
	json_t *const json = json_parse_line(line, size, file, number, err);
	double queued, first, last, output;

	if (json == NULL) {
		return false;
	}
	char *const name = mem_printf("%s:%zu", file, number);
	const struct json_at row = json_root(json, name, err);
	const bool ok = json_want_object(&row) && real(&row, "queued_ts", &queued) &&
	                real(&row, "first_token_ts", &first) &&
	                real(&row, "last_token_ts", &last) && real(&row, "output_toks", &output);
	if (ok) {
		const struct measured_request q = {queued, first - queued, last - queued, output};
		vec_push(out, q);
	}
	json_decref(json);
	free(name);
	return ok;
}

static bool read_requests(const char *file, requests_t *out, struct err *err)
{
	FILE *const in = fopen(file, "r");
	char *line = NULL;
	size_t cap = 0, number = 0;
	bool ok = true;
	ssize_t n;

	if (in == NULL) {
		err_add(err, ERR_IO, file, "cannot read");
		return false;
	}
	while ((n = getline(&line, &cap, in)) > 0) {
		number++;
		if (n > 1) {
			ok = read_request(line, (size_t)n, file, number, out, err) && ok;
		}
	}
	free(line);
	fclose(in);
	if (ok && out->n == 0) {
		err_add(err, ERR_INPUT, file, "no requests");
		ok = false;
	}
	return ok;
}

static int64_t whole(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* The GPU is named by the folder: "RTX4090_Llama-3.1-8B". */
static char *gpu_of(const char *dir)
{
	size_t end = strlen(dir);

	while (end > 1 && dir[end - 1] == '/') {
		end--;
	}
	size_t begin = end;
	while (begin > 0 && dir[begin - 1] != '/') {
		begin--;
	}
	return mem_printf("%.*s", (int)strcspn(dir + begin, "_/"), dir + begin);
}

static void read_meta(const json_t *meta, struct measured_run *run)
{
	const json_t *const engine = json_object_get(meta, "engine_kwargs");
	const json_t *const cache = json_object_get(meta, "kv_cache");
	const char *const model = json_string_value(json_object_get(meta, "model"));
	const char *const version = json_string_value(json_object_get(meta, "vllm_version"));
	const char *const type = json_string_value(json_object_get(engine, "dtype"));

	run->model = mem_strdup(model != NULL ? model : "");
	run->engine_version = mem_strdup(version != NULL ? version : "");
	run->precision = mem_strdup(type != NULL ? type : "bfloat16");
	run->tp = whole(engine, "tensor_parallel_size");
	run->replicas = whole(engine, "data_parallel_size");
	run->max_num_seqs = whole(engine, "max_num_seqs");
	run->batched_tokens = whole(engine, "max_num_batched_tokens");
	run->kv_blocks = whole(cache, "num_gpu_blocks");
}

struct measured_table *measured_read_folder(const char *dir, struct err *err)
{
	char *const meta_file = mem_printf("%s/meta.json", dir);
	char *const log_file = mem_printf("%s/requests.jsonl", dir);
	json_t *const meta = json_read(meta_file, err);
	requests_t requests = {0};
	struct measured_table *table = NULL;

	if (meta != NULL && read_requests(log_file, &requests, err)) {
		struct measured_run *const run = mem_new(1, sizeof(*run));
		table = mem_new(1, sizeof(*table));
		table->file = mem_strdup(dir);
		table->runs = run;
		table->n_runs = 1;
		run->source = mem_strdup("llmservingsim");
		run->gpu = gpu_of(dir);
		run->engine = mem_strdup("vllm");
		run->load = mem_strdup("trace");
		run->workload = mem_strdup("");
		run->sharing = mem_strdup("");
		run->trace = mem_strdup(log_file);
		run->requests = requests.at;
		run->n_requests = requests.n;
		read_meta(meta, run);
	} else {
		free(requests.at);
	}
	json_decref(meta);
	free(meta_file);
	free(log_file);
	return table;
}
