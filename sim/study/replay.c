/* Runs a logged run again and holds every request against its log. */
#include "study/replay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "report/json_writer.h"
#include "study/replay_private.h"

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* False: no request finished. */
static bool compare(struct replay *r, struct compared *out, bool whole)
{
	const struct measured_run *const run = &r->table->runs[0];
	size_t n;
	const struct request_record *const records = request_log_records(sim_log(r->sim), &n);
	double *const errors = mem_new(n, sizeof(*errors));

	r->n = 0;
	for (size_t i = 0; i < n; i++) {
		const struct request_record *const q = &records[i];
		if (q->outcome != REQUEST_FINISHED || q->id >= run->n_requests) {
			continue;
		}
		const struct measured_request *const m = &run->requests[q->id];
		const double measured = whole ? m->e2e_s : m->ttft_s;
		const double simulated = ns_to_seconds((whole ? q->end : q->first) - q->arrival);
		out->measured_mean_s += measured;
		out->simulated_mean_s += simulated;
		errors[r->n++] = fabs(simulated / measured - 1.0);
	}
	if (r->n == 0) {
		free(errors);
		return false;
	}
	qsort(errors, r->n, sizeof(*errors), by_value);
	out->name = whole ? "E2E" : "TTFT";
	out->measured_mean_s /= (double)r->n;
	out->simulated_mean_s /= (double)r->n;
	out->median_pct = 100.0 * errors[r->n / 2];
	out->p90_pct = 100.0 * errors[r->n * 9 / 10];
	free(errors);
	return true;
}

/* Output tokens per second from the first arrival to the last token. */
static double measured_tps(const struct measured_run *run)
{
	double from = run->requests[0].arrival_s, until = from, tokens = 0.0;

	for (size_t i = 0; i < run->n_requests; i++) {
		const struct measured_request *const q = &run->requests[i];
		const double last = q->arrival_s + q->e2e_s;
		from = q->arrival_s < from ? q->arrival_s : from;
		until = last > until ? last : until;
		tokens += q->output;
	}
	return tokens / (until - from);
}

/* The number that stands at *at, which moves behind it; NaN when it is none. */
static double next_number(const char **at)
{
	const char *const from = *at + strspn(*at, " ");
	const size_t length = strcspn(from, " \r\n");
	char *const word = mem_printf("%.*s", (int)length, from);
	double value;

	if (!str_to_real(word, &value)) {
		value = (double)NAN;
	}
	free(word);
	*at = from + length;
	return value;
}

/* "TTFT Mean   7097.2   6815.7   -4.0%": measured, and what LLMServingSim says, in ms. */
static double peer_error(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	if (at == NULL) {
		return (double)NAN;
	}
	at += strlen(name);
	const double measured = next_number(&at);
	const double simulated = next_number(&at);
	return 100.0 * (simulated / measured - 1.0);
}

static void read_peer(struct replay *r)
{
	char *const file = mem_printf("%s/summary.txt", r->dir);
	FILE *const in = fopen(file, "r");
	char text[4096] = "";

	if (in != NULL) {
		text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
		fclose(in);
	}
	r->ttft.peer_pct = peer_error(text, "TTFT Mean");
	r->e2e.peer_pct = peer_error(text, "Latency Mean");
	free(file);
}

/* Simulate the folder's run; false with errors added. */
static bool simulate(struct replay *r, struct data_dir *data, struct err *err)
{
	static const struct sim_options options = {.keep_records = true, .keep_series = true};

	r->table = measured_read_folder(r->dir, err);
	if (r->table == NULL || !case_list_make(&r->cases, r->table, data, err)) {
		return false;
	}
	if (r->cases.at[0].skipped != NULL) {
		err_add(err, ERR_INPUT, r->dir, "%s", r->cases.at[0].skipped);
		return false;
	}
	r->sim = sim_new(r->cases.at[0].scenario, &options, err);
	if (r->sim == NULL || !sim_run(r->sim)) {
		return false;
	}
	sim_summary(r->sim, &r->summary);
	r->simulated = true;
	if (r->summary.services[0].finished == 0) {
		err_add(err, ERR_INPUT, r->dir, "no request finishes: all are longer than fits");
		return false;
	}
	return true;
}

struct replay *replay_run(const char *dir, struct data_dir *data, struct err *err)
{
	struct replay *const r = mem_new(1, sizeof(*r));

	r->dir = mem_strdup(dir);
	if (!simulate(r, data, err)) {
		replay_free(r);
		return NULL;
	}
	if (!compare(r, &r->ttft, false) || !compare(r, &r->e2e, true)) {
		err_add(err, ERR_INFEASIBLE, dir, "not one of its requests finished");
		replay_free(r);
		return NULL;
	}
	r->measured_tps = measured_tps(&r->table->runs[0]);
	r->simulated_tps = r->summary.services[0].output_tokens_per_s;
	read_peer(r);
	replay_read_curve(r);
	return r;
}

void replay_free(struct replay *r)
{
	if (r == NULL) {
		return;
	}
	if (r->simulated) {
		summary_fini(&r->summary);
	}
	sim_free(r->sim);
	case_list_fini(&r->cases);
	measured_free(r->table);
	free(r->curve);
	free(r->dir);
	free(r);
}

static void print_compared(const struct compared *c, FILE *out)
{
	fprintf(out, "  %-10s %12.3f %12.3f %+9.1f", c->name, c->measured_mean_s,
	        c->simulated_mean_s, 100.0 * (c->simulated_mean_s / c->measured_mean_s - 1.0));
	if (isfinite(c->peer_pct)) {
		fprintf(out, " %+14.1f", c->peer_pct);
	} else {
		fprintf(out, " %14s", "-");
	}
	fprintf(out, " %16.1f %8.1f\n", c->median_pct, c->p90_pct);
}

void replay_print(const struct replay *r, FILE *out)
{
	const struct study_case *const c = &r->cases.at[0];
	const struct service_summary *const s = &r->summary.services[0];

	fprintf(out, "%s: %zu of %zu requests replayed; %s on %lld %s, %s %s\n\n", r->dir, r->n,
	        c->run->n_requests, c->model, (long long)c->tp, c->gpu, c->engine,
	        c->run->engine_version);
	fprintf(out, "  mean           measured    simulated   error %%  LLMServingSim"
	             "   request: median     p90\n");
	print_compared(&r->ttft, out);
	print_compared(&r->e2e, out);
	fprintf(out, "  %-10s %12.1f %12.1f %+9.1f\n", "tok/s", r->measured_tps, r->simulated_tps,
	        100.0 * (r->simulated_tps / r->measured_tps - 1.0));
	if (r->n_curve > 0) {
		fprintf(out,
		        "\n  over time, %zu s: running off by %.1f requests in the mean, waiting by "
		        "%.1f\n",
		        r->n_curve, r->running_off, r->waiting_off);
	}
	fprintf(out, "%s  KV cache %lld tokens, peak %.0f %%; at most %lld running, %lld waiting\n",
	        r->n_curve > 0 ? "" : "\n", (long long)s->kv_capacity_tokens,
	        100.0 * (double)s->kv_peak_tokens / (double)s->kv_capacity_tokens,
	        (long long)s->running_max, (long long)s->waiting_max);
}

static void put_compared(struct json_writer *w, const char *key, const struct compared *c)
{
	json_begin_object_flat(w, key);
	json_put_real(w, "measured_mean_s", c->measured_mean_s);
	json_put_real(w, "simulated_mean_s", c->simulated_mean_s);
	json_put_real(w, "median_error_pct", c->median_pct);
	json_put_real(w, "p90_error_pct", c->p90_pct);
	json_put_real(w, "llmservingsim_mean_error_pct", c->peer_pct);
	json_end(w);
}

void replay_json(const struct replay *r, FILE *out)
{
	const struct study_case *const c = &r->cases.at[0];
	struct json_writer w;

	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_put_string(&w, "schema", "aliquot/replay/1");
	json_put_string(&w, "source", r->dir);
	json_put_string(&w, "gpu", c->gpu);
	json_put_string(&w, "model", c->model);
	json_put_string(&w, "engine", c->engine);
	json_put_string(&w, "engine_version", c->run->engine_version);
	json_put_int(&w, "requests", (int64_t)r->n);
	put_compared(&w, "ttft", &r->ttft);
	put_compared(&w, "e2e", &r->e2e);
	json_begin_object_flat(&w, "output_throughput");
	json_put_real(&w, "measured_tps", r->measured_tps);
	json_put_real(&w, "simulated_tps", r->simulated_tps);
	json_end(&w);
	json_begin_object_flat(&w, "over_time");
	json_put_int(&w, "seconds", (int64_t)r->n_curve);
	json_put_real(&w, "running_off", r->running_off);
	json_put_real(&w, "waiting_off", r->waiting_off);
	json_end(&w);
	json_end(&w);
}
