/* Runs, means and tables of filling a cluster. */
#include "study/fill.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "report/json_writer.h"
#include "study/jobs.h"

struct job { /* a policy and a seed */
	struct inflate_look looks[INFLATE_MOST];
	size_t n;
};

struct work {
	const struct fill_ask *ask;
	struct job *jobs; /* [entry][seed] */
};

static void one(void *arg, size_t i)
{
	const struct work *const w = arg;
	const struct fill_ask *const ask = w->ask;
	const struct inflate_ask run = {
		.trace = ask->entries[i / ask->seeds].trace,
		.policy = ask->entries[i / ask->seeds].policy,
		.arrive = ask->arrive,
		.seed = FILL_FIRST_SEED + i % ask->seeds,
	};
	if (ask->interrupt == NULL || *ask->interrupt == 0) {
		inflate(&run, FILL_STEP, w->jobs[i].looks, &w->jobs[i].n);
	}
}

/* Means of the seeds of one policy. All looks are there in every run. */
static void average(const struct job *jobs, size_t seeds, struct fill_result *r)
{
	double squares = 0.0;
	r->n = jobs[0].n;
	for (size_t k = 1; k < seeds; k++) {
		r->n = jobs[k].n < r->n ? jobs[k].n : r->n;
	}
	for (size_t i = 0; i < r->n; i++) {
		for (size_t k = 0; k < seeds; k++) {
			r->looks[i].arrived += jobs[k].looks[i].arrived / (double)seeds;
			r->looks[i].allocated += jobs[k].looks[i].allocated / (double)seeds;
			r->looks[i].fragment += jobs[k].looks[i].fragment / (double)seeds;
		}
	}
	r->mean = r->n > 0 ? r->looks[r->n - 1].allocated : 0.0;
	for (size_t k = 0; k < seeds && r->n > 0; k++) {
		const double off = jobs[k].looks[r->n - 1].allocated - r->mean;
		squares += off * off;
	}
	r->sd = seeds > 1 ? sqrt(squares / (double)(seeds - 1)) : 0.0;
}

bool fill_run(const struct fill_ask *ask, struct fill *out)
{
	const size_t n = ask->n_entries * ask->seeds;
	struct work w = {.ask = ask, .jobs = mem_new(n, sizeof(*w.jobs))};
	jobs_run(n, ask->threads, one, &w);
	const bool done = ask->interrupt == NULL || *ask->interrupt == 0;
	*out = (struct fill){mem_new(ask->n_entries, sizeof(*out->results)), ask->n_entries,
	                     ask->seeds};
	for (size_t i = 0; i < ask->n_entries; i++) {
		out->results[i].policy = ask->entries[i].policy->head.name;
		out->results[i].whole = ask->entries[i].whole;
		average(&w.jobs[i * ask->seeds], ask->seeds, &out->results[i]);
	}
	free(w.jobs);
	return done;
}

void fill_fini(struct fill *f)
{
	free(f->results);
}

char *fill_name(const struct fill_result *r)
{
	return mem_printf("%s%s", r->policy, r->whole ? ", whole" : "");
}

/* The look when so much of the GPUs was asked for; NULL: the run ended before. */
static const struct inflate_look *at(const struct fill_result *r, double arrived)
{
	const size_t i = (size_t)(arrived / FILL_STEP + 0.5);
	return i >= 1 && i < r->n ? &r->looks[i - 1] : NULL;
}

static void put_share(FILE *out, const struct inflate_look *l, double share)
{
	if (l != NULL) {
		fprintf(out, "  %7.2f", 100.0 * share);
	} else {
		fprintf(out, "  %7s", "-");
	}
}

void fill_print(FILE *out, const struct openb *trace, const struct fill *f)
{
	static const double points[] = {0.8, 0.95, 1.0};
	fprintf(out,
	        "%u node%s, %lld GPUs; %u pods of %u kind%s, in %zu drawn orders\n\n"
	        "  %% of the GPUs           allocated when asked for     at the      fragments\n"
	        "  policy                  80 %%     95 %%    100 %%      end  +- sd     80 %%    100 "
	        "%%\n",
	        trace->n_nodes, trace->n_nodes == 1 ? "" : "s", (long long)trace->gpus,
	        trace->n_pods, trace->n_types, trace->n_types == 1 ? "" : "s", f->seeds);
	for (size_t i = 0; i < f->n; i++) {
		const struct fill_result *const r = &f->results[i];
		char *const name = fill_name(r);
		fprintf(out, "  %-19s", name);
		free(name);
		for (size_t k = 0; k < sizeof(points) / sizeof(*points); k++) {
			const struct inflate_look *const l = at(r, points[k]);
			put_share(out, l, l != NULL ? l->allocated : 0.0);
		}
		fprintf(out, "  %7.2f  %5.2f", 100.0 * r->mean, 100.0 * r->sd);
		for (size_t k = 0; k < sizeof(points) / sizeof(*points); k += 2) {
			const struct inflate_look *const l = at(r, points[k]);
			put_share(out, l, l != NULL ? l->fragment : 0.0);
		}
		putc('\n', out);
	}
}

static void put_result(struct json_writer *w, const struct fill_result *r)
{
	json_begin_object(w, NULL);
	json_put_string(w, "policy", r->policy);
	if (r->whole) {
		json_put_string(w, "parts", "whole");
	}
	json_begin_object_flat(w, "allocated_pct");
	json_put_real(w, "mean", 100.0 * r->mean);
	json_put_real(w, "sd", 100.0 * r->sd);
	json_end(w);
	json_begin_array(w, "at");
	for (size_t i = 0; i < r->n; i++) {
		json_begin_object_flat(w, NULL);
		json_put_real(w, "arrived_pct", 100.0 * r->looks[i].arrived);
		json_put_real(w, "allocated_pct", 100.0 * r->looks[i].allocated);
		json_put_real(w, "fragment_pct", 100.0 * r->looks[i].fragment);
		json_end(w);
	}
	json_end(w);
	json_end(w);
}

void fill_json(FILE *out, const struct fill *f)
{
	struct json_writer w;
	json_writer_init(&w, out, false);
	if (f->n == 1) {
		put_result(&w, &f->results[0]);
		return;
	}
	json_begin_object(&w, NULL);
	json_begin_array(&w, "policies");
	for (size_t i = 0; i < f->n; i++) {
		put_result(&w, &f->results[i]);
	}
	json_end(&w);
	json_end(&w);
}
