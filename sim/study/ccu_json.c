/* What a search found as JSON: our own document, and the two files in AIPerf's shape. */
#include "study/ccu_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/json_writer.h"
#include "report/out.h"

static const char *const ends[] = {"found", "max_reached", "none_passes", "interrupted"};

static void put_count(struct json_writer *w, const char *key, int64_t users)
{
	if (users > 0) {
		json_put_int(w, key, users);
	} else {
		json_put_null(w, key);
	}
}

static void put_probes(struct json_writer *w, const struct ccu *c)
{
	json_begin_array(w, "probes");
	for (size_t i = 0; i < c->found.n_probes; i++) {
		const struct search_probe *const p = &c->found.probes[i];
		const struct ccu_run *const run = p->result;
		json_begin_object_flat(w, NULL);
		json_put_int(w, "users", p->value);
		json_put_bool(w, "pass", p->pass);
		json_put_real(w, "output_tokens_per_s", run->output_tokens_per_s);
		limits_json(w, "observed", &c->limits, run->limits);
		json_end(w);
	}
	json_end(w);
}

static void put_limits(struct json_writer *w, const struct ccu *c)
{
	json_begin_array(w, "limits");
	for (size_t i = 0; i < c->limits.n; i++) {
		json_begin_object_flat(w, NULL);
		json_put_string(w, "limit", c->limits.at[i].slo->text);
		json_put_string(w, "service", c->scenario->services[c->limits.at[i].service].name);
		json_end(w);
	}
	json_end(w);
}

static const char *broken(const struct ccu *c)
{
	const int64_t fails_at = c->found.fails_at;
	return fails_at > 0 ? ccu_broken(c, search_index(&c->found, fails_at))->slo->text : NULL;
}

void ccu_json(FILE *out, const struct ccu *c, const struct report *best)
{
	struct json_writer w;
	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_put_string(&w, "schema", "aliquot/ccu/1");
	json_put_string(&w, "scenario", c->scenario->name);
	json_put_int(&w, "ccu", c->found.best);
	put_count(&w, "fails_at", c->found.fails_at);
	json_put_string(&w, "broken", broken(c));
	json_put_string(&w, "end", ends[c->found.end]);
	json_put_bool(&w, "monotone", c->found.passes_above == 0);
	put_count(&w, "passes_above", c->found.passes_above);
	json_begin_object_flat(&w, "range");
	json_put_int(&w, "from", c->grid.from);
	json_put_int(&w, "to", c->grid.to);
	json_put_int(&w, "step", c->grid.step);
	json_put_bool(&w, "exhaustive", c->grid.exhaustive);
	json_end(&w);
	put_limits(&w, c);
	json_begin_object_flat(&w, "users");
	for (size_t i = 0; i < c->scenario->n_services; i++) {
		if (c->users[i] > 0) {
			json_put_int(&w, c->scenario->services[i].name, c->users[i]);
		}
	}
	json_end(&w);
	put_probes(&w, c);
	if (best != NULL) {
		report_json_value(&w, "summary", best);
	} else {
		json_put_null(&w, "summary");
	}
	json_end(&w);
}

/* A limit as AIPerf writes its filters: tag, stat, op, threshold. */
static void put_filter(struct json_writer *w, const char *key, const struct slo *slo,
                       const double *observed)
{
	static const char *const words[] = {[SLO_LT] = "lt",
	                                    [SLO_LE] = "le",
	                                    [SLO_GT] = "gt",
	                                    [SLO_GE] = "ge",
	                                    [SLO_EQ] = "eq"};
	char stat[16] = "avg";
	const char *const dot = strchr(slo->text, '.');
	if (slo->stat != SLO_NONE && dot != NULL) {
		snprintf(stat, sizeof(stat), "%.*s", (int)strcspn(dot + 1, " "), dot + 1);
	}
	json_begin_object_flat(w, key);
	json_put_string(w, "metric_tag", slo_long_name(slo));
	json_put_string(w, "stat", stat);
	json_put_string(w, "op", words[slo->op]);
	json_put_real(w, "threshold", slo->value);
	if (observed != NULL) {
		json_put_real(w, "observed", *observed);
	}
	json_end(w);
}

static void put_filters(struct json_writer *w, const char *key, const struct ccu *c)
{
	json_begin_array(w, key);
	for (size_t i = 0; i < c->limits.n; i++) {
		put_filter(w, NULL, c->limits.at[i].slo, NULL);
	}
	json_end(w);
}

static void put_boundary(struct json_writer *w, const struct ccu *c)
{
	json_begin_object(w, "boundary_summary");
	json_put_string(w, "swept_dim_path", "phases.profiling.concurrency");
	if (c->found.best > 0) {
		const size_t i = search_index(&c->found, c->found.best);
		const struct ccu_run *const run = c->found.probes[i].result;
		json_begin_object_flat(w, "feasible_max");
		json_put_int(w, "value", c->found.best);
		json_put_int(w, "iteration_idx", (int64_t)i);
		json_put_real(w, "objective_value", run->output_tokens_per_s);
		json_end(w);
	} else {
		json_put_null(w, "feasible_max");
	}
	if (c->found.fails_at > 0) {
		const size_t i = search_index(&c->found, c->found.fails_at);
		const struct ccu_run *const run = c->found.probes[i].result;
		const struct limit *const l = ccu_broken(c, i);
		json_begin_object(w, "infeasible_min");
		json_put_int(w, "value", c->found.fails_at);
		json_put_int(w, "iteration_idx", (int64_t)i);
		put_filter(w, "first_breach", l->slo, &run->limits[l - c->limits.at].observed);
		json_end(w);
	} else {
		json_put_null(w, "infeasible_min");
	}
	json_end(w);
}

static void search_history(FILE *out, const struct ccu *c)
{
	struct json_writer w;
	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_begin_object(&w, "config");
	json_begin_array(&w, "search_space");
	json_begin_object_flat(&w, NULL);
	json_put_string(&w, "path", "phases.profiling.concurrency");
	json_put_int(&w, "lo", c->grid.from);
	json_put_int(&w, "hi", c->grid.to);
	json_put_string(&w, "kind", "int");
	json_end(&w);
	json_end(&w);
	put_filters(&w, "sla_filters", c);
	json_end(&w);
	json_begin_array(&w, "iterations");
	for (size_t i = 0; i < c->found.n_probes; i++) {
		const struct search_probe *const p = &c->found.probes[i];
		const struct ccu_run *const run = p->result;
		json_begin_object_flat(&w, NULL);
		json_put_int(&w, "iteration_idx", (int64_t)i);
		json_begin_object_flat(&w, "variation_values");
		json_put_int(&w, "phases.profiling.concurrency", p->value);
		json_end(&w);
		json_put_real(&w, "objective_value", run->output_tokens_per_s);
		json_put_bool(&w, "feasible", p->pass);
		json_end(&w);
	}
	json_end(&w);
	json_put_string(&w, "convergence_reason", ends[c->found.end]);
	put_boundary(&w, c);
	json_end(&w);
}

static void sla_breach(FILE *out, const struct ccu *c)
{
	struct json_writer w;
	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_put_string(&w, "swept_param", "phases.profiling.concurrency");
	put_count(&w, "max_passing_concurrency", c->found.best);
	put_count(&w, "first_failing_concurrency", c->found.fails_at);
	json_begin_array(&w, "all_points");
	for (size_t i = 0; i < c->found.n_probes; i++) {
		json_begin_object_flat(&w, NULL);
		json_put_int(&w, "concurrency", c->found.probes[i].value);
		json_put_bool(&w, "pass", c->found.probes[i].pass);
		const struct ccu_run *const run = c->found.probes[i].result;
		limits_json(&w, "observed", &c->limits, run->limits);
		json_end(&w);
	}
	json_end(&w);
	json_begin_object_flat(&w, "monotonicity_check");
	json_put_bool(&w, "monotone", c->found.passes_above == 0);
	put_count(&w, "passes_above", c->found.passes_above);
	json_end(&w);
	put_filters(&w, "filters", c);
	json_end(&w);
}

static bool write(const char *dir, const char *name, const struct ccu *c,
                  void (*put)(FILE *out, const struct ccu *c), struct err *err)
{
	struct out *const o = out_open(dir, name, err);
	if (o == NULL) {
		return false;
	}
	put(out_file(o), c);
	return out_commit(o);
}

bool ccu_folder(const char *dir, const struct ccu *c, const struct report *best, struct err *err)
{
	struct out *const o = out_open(dir, "ccu.json", err);
	if (o == NULL) {
		return false;
	}
	ccu_json(out_file(o), c, best);
	return out_commit(o) && write(dir, "search_history.json", c, search_history, err) &&
	       write(dir, "sla_breach.json", c, sla_breach, err);
}
