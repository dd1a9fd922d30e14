/* Compares a run with the region of its calibrations, and says so. */
#include "report/trust.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/*
 * A load within this share of a bound counts as inside: averages of drawn lengths and of users who
 * come and go never meet the figures of a benchmark, whose neighbours are a factor of two away.
 */
#define SLACK 0.1

__attribute__((format(printf, 2, 3))) static void add_reason(struct trust *t, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	sim_assert(t->n_outside < TRUST_REASONS);
	t->outside[t->n_outside++] = mem_strdup(text);
}

static void check_range(struct trust *t, const char *before, double is, const char *after,
                        const struct trust_range *r)
{
	char value[40], bound[40];
	const bool below = is<r->low *(1.0 - SLACK), above = is> r->high * (1.0 + SLACK);

	if (r->high > 0.0 && (below || above)) {
		add_reason(t, "%s %s%s is %s %s", before, str_human(is, value, sizeof(value)),
		           after, below ? "below" : "above",
		           str_human(below ? r->low : r->high, bound, sizeof(bound)));
	}
}

static void check_model(struct trust *t)
{
	const struct calibration_set *const set = t->costs->set;
	const char *const model = t->service->llm->name;

	for (size_t i = 0; i < set->n_models; i++) {
		if (strcmp(set->models[i], model) == 0) {
			return;
		}
	}
	add_reason(t, "model %s was not fitted", model);
}

/* Constants are fitted together: with one of them replaced the others are no longer right. */
static void check_own_costs(struct trust *t)
{
	for (const struct option *o = engine_cost_table; o->name != NULL; o++) {
		if (calibration_has(t->costs->set, o->name) &&
		    service_sets_cost(t->service, o->name)) {
			add_reason(t, "%s was replaced by the scenario", o->name);
		}
	}
}

static void check_load(struct trust *t, const struct service_summary *done)
{
	const struct calibration_set *const set = t->costs->set;

	if (done->finished == 0) { /* lengths and users of nothing */
		add_reason(t, "nothing finished");
		return;
	}
	check_range(t, "ISL", done->input_tokens.avg, "", &set->isl);
	if (done->generates) {
		check_range(t, "OSL", done->output_tokens.avg, "", &set->osl);
	}
	check_range(t, "load of", done->running_avg + done->waiting_avg, " users per replica",
	            &set->users);
}

/* Whether the kind of GPU of group k was met in a group before it. */
static bool met_before(const struct scenario *sc, size_t k)
{
	for (size_t i = 0; i < k; i++) {
		if (sc->nodes[i].gpu == sc->nodes[k].gpu) {
			return true;
		}
	}
	return false;
}

/* Replicas on all groups with the GPU of group k. */
static int64_t replicas_on(const struct scenario *sc, size_t k, const struct service_summary *done)
{
	int64_t n = 0;

	for (size_t i = k; i < sc->n_nodes; i++) {
		n += sc->nodes[i].gpu == sc->nodes[k].gpu ? done->placed[i] : 0;
	}
	return n;
}

size_t trust_of(const struct scenario *sc, size_t service, const struct service_summary *done,
                struct trust *out)
{
	const struct scenario_service *const s = &sc->services[service];
	size_t n = 0;

	for (size_t k = 0; k < sc->n_nodes; k++) {
		if (met_before(sc, k) || (done != NULL && replicas_on(sc, k, done) == 0)) {
			continue;
		}
		struct trust *const t = &out[n++];

		*t = (struct trust){.service = s,
		                    .gpu = sc->nodes[k].gpu_name,
		                    .costs = &s->costs[k],
		                    .ran = done != NULL};
		if (t->costs->set == NULL) {
			continue;
		}
		check_model(t);
		check_range(t, "tensor parallel", (double)s->tensor_parallel, "",
		            &t->costs->set->tensor_parallel);
		if (done != NULL) {
			check_load(t, done);
		}
		check_own_costs(t);
		t->inside = t->n_outside == 0;
	}
	return n;
}

void trust_fini(struct trust *t)
{
	for (size_t i = 0; i < t->n_outside; i++) {
		free(t->outside[i]);
	}
}

const char *trust_metric(const char *metric)
{
	static const char *const names[][2] = {
		{"tpot", "TPOT"},        {"itl", "ITL"},
		{"ttft", "TTFT"},        {"e2e_latency", "latency"},
		{"latency", "latency"},  {"output_throughput", "tok/s out"},
		{"throughput", "tok/s"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i][0], metric) == 0) {
			return names[i][1];
		}
	}
	return metric;
}

/* Constants of a role, "a, b, c"; NULL when there are none. */
static void list_role(FILE *out, const struct calibration_set *set, int role, const char *what,
                      const char **between)
{
	bool any = false;

	for (size_t i = 0; i < set->n_constants; i++) {
		if (set->constants[i].role == role) {
			fprintf(out, "%s%s", any ? ", " : *between, set->constants[i].name);
			any = true;
		}
	}
	if (any) {
		fprintf(out, " %s", what);
		*between = "; ";
	}
}

const char *trust_percent(double percent, char *buf, size_t size)
{
	snprintf(buf, size, percent < 9.95 ? "%.1f" : "%.0f", percent);
	return buf;
}

static void put_range(FILE *out, const char **between, const char *before, const char *after,
                      const struct trust_range *r)
{
	char low[40], high[40];

	if (!(r->high > 0.0)) {
		return;
	}
	str_human(r->low, low, sizeof(low));
	str_human(r->high, high, sizeof(high));
	fprintf(out, "%s%s%s%s%s%s", *between, before, low, r->low < r->high ? " to " : "",
	        r->low < r->high ? high : "", after);
	*between = ", ";
}

void trust_region(FILE *out, const struct calibration_set *set)
{
	const char *between = "";

	put_range(out, &between, "ISL ", "", &set->isl);
	put_range(out, &between, "OSL ", "", &set->osl);
	put_range(out, &between, "", " users per replica", &set->users);
	put_range(out, &between, "tensor parallel ", "", &set->tensor_parallel);
	fputs(between[0] == '\0' ? "loads that are not stated" : "", out);
}

/* " (mean error on rows held out: TPOT 1.6 %, TTFT 7 %)" of what users feel, else of the first. */
static void put_errors(FILE *out, const struct calibration_set *set)
{
	static const char *const felt[] = {"tpot", "ttft"};
	const char *between = " (mean error on rows held out: ";
	char text[40];

	for (size_t f = 0; f < 2; f++) {
		for (size_t i = 0; i < set->n_errors; i++) {
			if (strcmp(set->errors[i].metric, felt[f]) == 0) {
				fprintf(out, "%s%s %s %%", between, trust_metric(felt[f]),
				        trust_percent(set->errors[i].held_out_mean, text,
				                      sizeof(text)));
				between = ", ";
			}
		}
	}
	if (between[0] == ' ' && set->n_errors > 0) {
		fprintf(out, "%s%s %s %%", between, trust_metric(set->errors[0].metric),
		        trust_percent(set->errors[0].held_out_mean, text, sizeof(text)));
		between = ", ";
	}
	fputs(between[0] == ',' ? ")" : "", out);
}

static void put_calibrated(FILE *out, const struct trust *t)
{
	const struct calibration_set *const set = t->costs->set;
	const char *between = ": ";
	char text[40];

	fputs(t->costs->calibration->name, out);
	if (set->engine_version[0] != '\0') {
		fprintf(out, ", version %s", set->engine_version);
	}
	list_role(out, set, CONSTANT_FITTED, "fitted", &between);
	if (set->configurations > 0) {
		fprintf(out, " on %s configuration%s of %s",
		        str_thousands(set->configurations, text, sizeof(text)),
		        set->configurations == 1 ? "" : "s", set->source);
		put_errors(out, set);
	}
	list_role(out, set, CONSTANT_TRANSFERRED, "transferred from another GPU", &between);
	if (!t->ran) {
		fputs("; measured at ", out);
		trust_region(out, set);
	} else if (t->inside) {
		fputs("; inside its region", out);
	}
	for (size_t i = 0; i < t->n_outside; i++) {
		fprintf(out, "%s%s", i > 0 ? "; " : "; outside its region: ", t->outside[i]);
	}
}

/* Why a calibration that exists does not apply. */
static void put_refusal(FILE *out, const struct trust *t)
{
	const struct calibration *const c = t->costs->calibration;
	const struct llm_spec *const llm = t->service->llm;

	if (t->service->calibration == CALIBRATION_NONE) {
		fprintf(out, "%s is switched off; ", c->name);
	} else if (calibration_find(c, llm, NULL) == NULL) {
		fprintf(out, "%s has no fit for %s; ", c->name,
		        llm->experts > 0 ? "mixtures of experts" : "dense models");
	} else {
		fprintf(out, "%s has no fit for engine version %s; ", c->name,
		        t->service->engine_version);
	}
}

static bool has_own_costs(const struct scenario_service *s)
{
	for (const struct option *o = engine_cost_table; o->name != NULL; o++) {
		if (service_sets_cost(s, o->name)) {
			return true;
		}
	}
	return false;
}

char *trust_text(const struct trust *t)
{
	char *text = NULL;
	size_t size;
	FILE *const out = open_memstream(&text, &size);

	sim_assert(out != NULL);
	if (t->costs->set != NULL) {
		put_calibrated(out, t);
	} else {
		fputs("uncalibrated: ", out);
		if (t->costs->calibration != NULL) {
			put_refusal(out, t);
		}
		fprintf(out, "engine profile %s on %s, constants set by hand%s",
		        t->service->engine_name, t->gpu,
		        has_own_costs(t->service) ? ", some by this scenario" : "");
	}
	fclose(out);
	return text;
}

static void put_role(struct json_writer *w, const char *key, const struct calibration_set *set,
                     int role)
{
	json_begin_array_flat(w, key);
	for (size_t i = 0; i < set->n_constants; i++) {
		if (set->constants[i].role == role) {
			json_put_string(w, NULL, set->constants[i].name);
		}
	}
	json_end(w);
}

static void put_set(struct json_writer *w, const struct calibration_set *set)
{
	json_put_string(w, "engine_version", set->engine_version);
	put_role(w, "fitted", set, CONSTANT_FITTED);
	put_role(w, "transferred", set, CONSTANT_TRANSFERRED);
	json_begin_object_flat(w, "rows");
	json_put_string(w, "source", set->source);
	json_put_int(w, "configurations", set->configurations);
	json_end(w);
	json_begin_object(w, "held_out");
	for (size_t i = 0; i < set->n_errors; i++) {
		const struct calibrated_error *const e = &set->errors[i];

		json_begin_object_flat(w, e->metric);
		json_put_int(w, "n", e->n);
		json_put_real(w, "mean_pct", e->held_out_mean);
		json_put_real(w, "median_pct", e->held_out_median);
		json_put_real(w, "worst_pct", e->held_out_worst);
		json_end(w);
	}
	json_end(w);
}

static void put_gpu(struct json_writer *w, const struct trust *t)
{
	char *const text = trust_text(t);

	json_begin_object(w, t->gpu);
	json_put_string(w, "calibration",
	                t->costs->set != NULL ? t->costs->calibration->name : NULL);
	json_put_string(w, "text", text);
	if (t->costs->set != NULL) {
		put_set(w, t->costs->set);
		json_put_bool(w, "inside", t->inside);
		json_begin_array(w, "outside");
		for (size_t i = 0; i < t->n_outside; i++) {
			json_put_string(w, NULL, t->outside[i]);
		}
		json_end(w);
	}
	json_end(w);
	free(text);
}

void trust_json(struct json_writer *w, const char *key, const struct scenario *sc, size_t service,
                const struct service_summary *done)
{
	struct trust *const list = mem_new(sc->n_nodes, sizeof(*list));
	const size_t n = trust_of(sc, service, done, list);
	bool calibrated = true, inside = true;

	for (size_t i = 0; i < n; i++) {
		calibrated = calibrated && list[i].costs->set != NULL;
		inside = inside && list[i].inside;
	}
	json_begin_object(w, key);
	json_put_bool(w, "calibrated", calibrated);
	json_put_bool(w, "inside", inside);
	json_begin_object(w, "gpus");
	for (size_t i = 0; i < n; i++) {
		put_gpu(w, &list[i]);
		trust_fini(&list[i]);
	}
	json_end(w);
	json_end(w);
	free(list);
}
