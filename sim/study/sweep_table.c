/* The table of a sweep: its columns, as CSV and as JSON. */
#include "study/sweep_private.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"

/* Columns of struct dist.p. */
enum { P50 = 4, P95 = 7, P99 = 8, AVG = -1, MAX = -2 };

static const struct {
	const char *name;
	size_t offset; /* of a struct dist in struct service_summary */
	int stat;
} times[] = {
	{"ttft_avg_ms", offsetof(struct service_summary, ttft_ms), AVG},
	{"ttft_p50_ms", offsetof(struct service_summary, ttft_ms), P50},
	{"ttft_p95_ms", offsetof(struct service_summary, ttft_ms), P95},
	{"ttft_p99_ms", offsetof(struct service_summary, ttft_ms), P99},
	{"ttft_max_ms", offsetof(struct service_summary, ttft_ms), MAX},
	{"tpot_avg_ms", offsetof(struct service_summary, tpot_ms), AVG},
	{"tpot_p95_ms", offsetof(struct service_summary, tpot_ms), P95},
	{"itl_p95_ms", offsetof(struct service_summary, itl_ms), P95},
	{"itl_p99_ms", offsetof(struct service_summary, itl_ms), P99},
	{"latency_avg_ms", offsetof(struct service_summary, latency_ms), AVG},
	{"latency_p50_ms", offsetof(struct service_summary, latency_ms), P50},
	{"latency_p95_ms", offsetof(struct service_summary, latency_ms), P95},
	{"latency_p99_ms", offsetof(struct service_summary, latency_ms), P99},
	{"queue_p95_ms", offsetof(struct service_summary, queue_ms), P95},
	{"output_tokens_per_s_per_user", offsetof(struct service_summary, tps_user), AVG},
};
enum { N_TIMES = sizeof(times) / sizeof(times[0]) };

static const char *const others[] = {
	"users",
	"replicas",
	"gpus",
	"requests",
	"finished",
	"rejected",
	"lost",
	"output_tokens_per_s",
	"input_tokens_per_s",
	"requests_per_s",
	"goodput_per_s",
	"kv_peak_pct",
	"preemptions",
	"replica_busy_pct",
	"cluster_gpu_busy_pct",
	"cluster_memory_used_pct",
};
enum { N_OTHERS = sizeof(others) / sizeof(others[0]), N_FIGURES = N_OTHERS + N_TIMES };

static const char *const statuses[] = {
	[SWEEP_OK] = "ok",
	[SWEEP_PASS] = "pass",
	[SWEEP_FAIL] = "fail",
	[SWEEP_MAX_REACHED] = "max_reached",
	[SWEEP_NONE_PASSES] = "none_passes",
	[SWEEP_INFEASIBLE] = "infeasible",
	[SWEEP_INTERRUPTED] = "interrupted",
};

static const char *figure_name(size_t i)
{
	return i < N_OTHERS ? others[i] : times[i - N_OTHERS].name;
}

static double time_of(const struct service_summary *s, size_t i)
{
	const struct dist *const d =
		(const struct dist *)(const void *)((const char *)s + times[i].offset);
	if (d->count == 0) {
		return (double)NAN;
	}
	return times[i].stat == AVG ? d->avg : times[i].stat == MAX ? d->max : d->p[times[i].stat];
}

/* Users of a service; NaN for loads that have none. */
static double users_of(const struct scenario *sc, size_t service)
{
	double users = 0.0;
	for (size_t i = 0; i < sc->n_loads; i++) {
		if (sc->loads[i].service == service && sc->loads[i].kind == LOAD_CONCURRENCY) {
			users += (double)sc->loads[i].users;
		}
	}
	return users > 0.0 ? users : (double)NAN;
}

static void service_figures(double *f, const struct scenario *sc, const struct summary *s, size_t i)
{
	const struct service_summary *const v = &s->services[i];
	const double kv = (double)v->kv_capacity_tokens;
	const double values[N_OTHERS] = {
		users_of(sc, i),
		(double)v->replicas,
		(double)s->gpus,
		(double)v->submitted,
		(double)v->finished,
		(double)v->rejected,
		(double)v->lost,
		v->generates ? v->output_tokens_per_s : (double)NAN,
		v->input_tokens_per_s,
		v->requests_per_s,
		v->goodput_per_s,
		v->kv_capacity_tokens > 0 ? 100.0 * (double)v->kv_peak_tokens / kv : (double)NAN,
		(double)v->preemptions,
		100.0 * v->busy,
		100.0 * s->gpu_busy,
		100.0 * s->memory_used,
	};
	memcpy(f, values, sizeof(values));
	for (size_t k = 0; k < N_TIMES; k++) {
		f[N_OTHERS + k] = time_of(v, k);
	}
}

void sweep_figures(struct sweep_cell *cell, const struct scenario *sc, const struct summary *s)
{
	_Static_assert((int)N_FIGURES <= (int)SWEEP_FIGURES, "room for all columns");
	for (size_t i = 0; i < s->n_services; i++) {
		service_figures(cell->rows[i].figures, sc, s, i);
	}
	cell->has_figures = true;
}

/* A field of a CSV file, quoted where it must be. */
static void put_field(FILE *out, const char *text)
{
	if (strpbrk(text, ",\"\n\r") == NULL) {
		fputs(text, out);
		return;
	}
	putc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"') {
			putc('"', out);
		}
		putc(*text, out);
	}
	putc('"', out);
}

void sweep_begin(struct sweep_writer *w, const struct sweep_ask *ask, FILE *out, bool json)
{
	*w = (struct sweep_writer){.ask = ask, .out = out, .json = json};
	if (json) {
		json_writer_init(&w->w, out, false);
		json_begin_object(&w->w, NULL);
		json_put_string(&w->w, "schema", "aliquot/sweep/1");
		json_begin_array_flat(&w->w, "vary");
		for (size_t i = 0; i < ask->n_axes; i++) {
			json_put_string(&w->w, NULL, ask->axes[i].key);
		}
		json_end(&w->w);
		json_begin_array(&w->w, "rows");
		return;
	}
	fputs("cell", out);
	for (size_t i = 0; i < ask->n_axes; i++) {
		putc(',', out);
		put_field(out, ask->axes[i].key);
	}
	fputs(",service,status", out);
	fputs(ask->ccu ? ",ccu,fails_at,monotone,service_ccu" : "", out);
	for (size_t i = 0; i < N_FIGURES; i++) {
		fprintf(out, ",%s", figure_name(i));
	}
	fputs(",model,gpu\n", out);
}

static void write_json(struct sweep_writer *w, size_t index, const struct sweep_cell *cell,
                       const struct sweep_row *row)
{
	struct json_writer *const j = &w->w;
	json_begin_object_flat(j, NULL);
	json_put_int(j, "cell", (int64_t)index);
	for (size_t i = 0; i < w->ask->n_axes; i++) {
		json_put_string(j, w->ask->axes[i].key, sweep_value(w->ask, index, i));
	}
	json_put_string(j, "service", row->service);
	json_put_string(j, "status", statuses[cell->status]);
	if (w->ask->ccu) {
		json_put_int(j, "ccu", cell->ccu);
		json_put_int(j, "fails_at", cell->fails_at);
		json_put_bool(j, "monotone", cell->monotone);
		json_put_int(j, "service_ccu", row->ccu);
	}
	for (size_t i = 0; i < N_FIGURES; i++) {
		json_put_real(j, figure_name(i), cell->has_figures ? row->figures[i] : (double)NAN);
	}
	json_put_string(j, "model", row->model);
	json_put_string(j, "gpu", row->gpus);
	json_end(j);
}

static void write_csv(struct sweep_writer *w, size_t index, const struct sweep_cell *cell,
                      const struct sweep_row *row)
{
	char text[40];
	fprintf(w->out, "%zu", index);
	for (size_t i = 0; i < w->ask->n_axes; i++) {
		putc(',', w->out);
		put_field(w->out, sweep_value(w->ask, index, i));
	}
	putc(',', w->out);
	put_field(w->out, row->service);
	fprintf(w->out, ",%s", statuses[cell->status]);
	if (w->ask->ccu && cell->status != SWEEP_INFEASIBLE) {
		fprintf(w->out, ",%" PRId64 ",", cell->ccu);
		if (cell->fails_at > 0) {
			fprintf(w->out, "%" PRId64, cell->fails_at);
		}
		fprintf(w->out, ",%s,%" PRId64, cell->monotone ? "true" : "false", row->ccu);
	} else if (w->ask->ccu) {
		fputs(",,,,", w->out);
	}
	for (size_t i = 0; i < N_FIGURES; i++) {
		const bool known = cell->has_figures && isfinite(row->figures[i]);
		fprintf(w->out, ",%s", known ? str_real(row->figures[i], text, sizeof(text)) : "");
	}
	putc(',', w->out);
	put_field(w->out, row->model);
	putc(',', w->out);
	put_field(w->out, row->gpus);
	putc('\n', w->out);
}

void sweep_write(struct sweep_writer *w, size_t index, const struct sweep_cell *cell)
{
	for (size_t i = 0; i < cell->n_services; i++) {
		(w->json ? write_json : write_csv)(w, index, cell, &cell->rows[i]);
	}
}

void sweep_end(struct sweep_writer *w)
{
	if (w->json) {
		json_end(&w->w);
		json_put_bool(&w->w, "incomplete", w->interrupted);
		json_end(&w->w);
	}
}
