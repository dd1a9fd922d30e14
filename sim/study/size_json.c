/* What a search of a fleet's size found as JSON. */
#include "study/size_report.h"

#include <math.h>

#include "report/json_writer.h"
#include "report/out.h"
#include "study/sweep_private.h"

static const char *const ends[] = {
	[SIZE_FOUND] = "found",
	[SIZE_NONE] = "none_passes",
	[SIZE_INFEASIBLE] = "infeasible",
	[SIZE_STOPPED] = "interrupted",
};

static void put_values(struct json_writer *w, const struct size_ask *ask, size_t cell)
{
	json_begin_object_flat(w, "values");
	for (size_t i = 0; i < ask->cells.n_axes; i++) {
		json_put_string(w, ask->cells.axes[i].key, sweep_value(&ask->cells, cell, i));
	}
	json_end(w);
}

static void put_replicas(struct json_writer *w, const struct size_cell *c, int64_t units)
{
	json_begin_object_flat(w, "replicas");
	for (size_t i = 0; i < c->n_sized; i++) {
		const struct size_service *const s = &c->sized[i];
		json_put_int(w, c->scenario->services[s->service].name, units * s->per_unit);
	}
	json_end(w);
}

/* A limit and what a run showed of it; null where there is none. */
static void put_limit(struct json_writer *w, const char *key, const struct size_cell *c,
                      const struct size_run *run, size_t i)
{
	if (i == c->limits.n) {
		json_put_null(w, key);
		return;
	}
	const struct limit *const l = &c->limits.at[i];
	json_begin_object_flat(w, key);
	json_put_string(w, "limit", l->slo->text);
	json_put_string(w, "service", c->scenario->services[l->service].name);
	json_put_real(w, "observed", run->limits[i].observed);
	json_put_real(w, "margin", limit_margin(l->slo, run->limits[i].observed));
	json_end(w);
}

static void put_smaller(struct json_writer *w, const struct size_cell *c)
{
	const struct search_probe *const p = size_smaller(c);
	if (p == NULL) {
		json_put_null(w, "next_smaller");
		return;
	}
	const struct size_run *const run = p->result;
	const struct limit *const broken = limits_broken(&c->limits, run->limits);
	json_begin_object(w, "next_smaller");
	put_replicas(w, c, p->value);
	json_put_int(w, "gpus", run->gpus);
	put_limit(w, "broken", c, run, (size_t)(broken - c->limits.at));
	json_end(w);
}

static void put_probes(struct json_writer *w, const struct size_cell *c)
{
	json_begin_array(w, "probes");
	for (size_t i = 0; i < c->found.n_probes; i++) {
		const struct search_probe *const p = &c->found.probes[i];
		const struct size_run *const run = p->result;
		json_begin_object_flat(w, NULL);
		json_put_int(w, "replicas", p->value * c->per_unit);
		json_put_int(w, "gpus", run->gpus);
		json_put_bool(w, "pass", !p->pass); /* see struct size_cell */
		json_put_real(w, "output_tokens_per_s", run->output_tokens_per_s);
		json_put_real(w, "requests_per_s", run->requests_per_s);
		limits_json(w, "observed", &c->limits, run->limits);
		json_end(w);
	}
	json_end(w);
}

/* Of what was found; nulls where nothing was. */
static void put_answer(struct json_writer *w, const struct size_cell *c)
{
	const struct search_probe *const p = size_answer(c);
	if (p == NULL) {
		json_put_null(w, "gpus");
		return;
	}
	const struct size_run *const run = p->result;
	json_put_int(w, "gpus", c->gpus);
	json_put_int(w, "nodes", c->nodes);
	json_put_real(w, "gpu_share", c->share);
	put_replicas(w, c, p->value);
	json_put_real(w, "cost_per_hour", c->cost_per_hour);
	json_put_real(w, "cost_per_million_output_tokens", size_token_cost(c, run));
	put_limit(w, "tightest", c, run, size_tightest(c, run));
}

static void put_search(struct json_writer *w, const struct size_cell *c)
{
	put_smaller(w, c);
	json_put_bool(w, "monotone", c->found.passes_above == 0);
	if (c->found.passes_above > 0) {
		json_put_int(w, "fails_above", c->found.passes_above * c->per_unit);
	} else {
		json_put_null(w, "fails_above");
	}
	json_begin_object_flat(w, "range");
	json_put_int(w, "from", c->grid.from * c->per_unit);
	json_put_int(w, "to", c->grid.to * c->per_unit);
	json_put_int(w, "step", c->per_unit);
	json_put_bool(w, "exhaustive", c->grid.exhaustive);
	json_end(w);
	put_probes(w, c);
}

static void put_cell(struct json_writer *w, const struct size_ask *ask, const struct size *s,
                     size_t i)
{
	const struct size_cell *const c = &s->cells[i];
	json_begin_object(w, NULL);
	put_values(w, ask, i);
	json_put_string(w, "end", ends[c->end]);
	put_answer(w, c);
	if (c->end == SIZE_INFEASIBLE) {
		json_put_string(w, "reason", err_message(c->err, 0));
	} else {
		put_search(w, c);
	}
	json_end(w);
}

static void put_prices(struct json_writer *w, const struct size_ask *ask)
{
	json_begin_object_flat(w, "prices_per_gpu_hour");
	for (size_t i = 0; i < ask->n_prices; i++) {
		json_put_real(w, ask->prices[i].gpu, ask->prices[i].per_hour);
	}
	json_end(w);
}

static void put_limits(struct json_writer *w, const struct limits *l)
{
	json_begin_array(w, "limits");
	for (size_t i = 0; i < l->n; i++) {
		json_begin_object_flat(w, NULL);
		json_put_string(w, "limit", l->at[i].slo->text);
		json_put_string(w, "service", l->scenario->services[l->at[i].service].name);
		json_end(w);
	}
	json_end(w);
}

/* The first cell that could be searched; there is one. */
static const struct size_cell *any_cell(const struct size *s)
{
	size_t i = 0;
	while (s->cells[i].scenario == NULL) {
		i++;
	}
	return &s->cells[i];
}

void size_json(FILE *out, const struct size_ask *ask, const struct size *s,
               const struct report *best)
{
	struct json_writer w;
	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_put_string(&w, "schema", "aliquot/size/1");
	json_put_string(&w, "scenario", any_cell(s)->scenario->name);
	if (s->best < s->n_cells) {
		json_put_int(&w, "gpus", s->cells[s->best].gpus);
		json_put_real(&w, "cost_per_hour", s->cells[s->best].cost_per_hour);
		json_put_int(&w, "best", (int64_t)s->best);
	} else {
		json_put_null(&w, "gpus");
		json_put_null(&w, "cost_per_hour");
		json_put_null(&w, "best");
	}
	json_put_bool(&w, "incomplete", s->interrupted);
	put_prices(&w, ask);
	put_limits(&w, &any_cell(s)->limits);
	json_begin_array(&w, "cells");
	for (size_t i = 0; i < s->n_cells; i++) {
		put_cell(&w, ask, s, i);
	}
	json_end(&w);
	if (best != NULL) {
		report_json_value(&w, "summary", best);
	} else {
		json_put_null(&w, "summary");
	}
	json_end(&w);
}

bool size_folder(const char *dir, const struct size_ask *ask, const struct size *s,
                 const struct report *best, struct err *err)
{
	struct out *const o = out_open(dir, "size.json", err);
	if (o == NULL) {
		return false;
	}
	size_json(out_file(o), ask, s, best);
	return out_commit(o);
}
