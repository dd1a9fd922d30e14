/* Groups rows into fits and runs them. */
#include "study/campaign.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const char *const campaign_metrics[] = {"tpot", "itl", "ttft", "e2e_latency", "output_throughput",
                                        NULL};

int64_t campaign_users(const char *metric)
{
	return strcmp(metric, "ttft") == 0 ? 32 : 8;
}

static bool wanted(const struct campaign_ask *ask, const struct study_case *c)
{
	const struct measured_run *const r = c->run;

	return c->skipped == NULL && !c->guessed && case_part(c) >= 1.0 &&
	       strcmp(c->gpu, ask->gpu) == 0 && strcmp(c->engine, ask->engine) == 0 &&
	       (ask->source == NULL || strcmp(r->source, ask->source) == 0) &&
	       (ask->tp == 0 || c->tp == ask->tp) &&
	       (ask->model == NULL || strcmp(c->model, ask->model) == 0) &&
	       (ask->engine_version == NULL ||
	        strcmp(c->engine_version, ask->engine_version) == 0) &&
	       (ask->precision == NULL ||
	        strcmp(precision_names[c->precision], ask->precision) == 0);
}

static bool is_moe(const struct study_case *c)
{
	return c->scenario->services[0].llm->experts > 0;
}

static bool belongs(const struct campaign_set *set, const struct study_case *c)
{
	return set->precision == c->precision && set->moe == is_moe(c) &&
	       strcmp(set->engine_version, c->engine_version) == 0 &&
	       strcmp(set->source, c->run->source) == 0;
}

static void add_case(struct campaign *out, const struct study_case *c)
{
	struct campaign_set *set = NULL;

	for (size_t i = 0; i < out->n_sets && set == NULL; i++) {
		set = belongs(&out->sets[i], c) ? &out->sets[i] : NULL;
	}
	if (set == NULL) {
		out->sets = mem_resize(out->sets, out->n_sets + 1, sizeof(*out->sets));
		set = &out->sets[out->n_sets++];
		memset(set, 0, sizeof(*set));
		set->precision = c->precision;
		set->moe = is_moe(c);
		set->engine_version = c->engine_version;
		set->source = c->run->source;
	}
	set->cases = mem_resize(set->cases, set->ask.n_cases + 1, sizeof(*set->cases));
	set->cases[set->ask.n_cases++] = c;
	set->ask.cases = set->cases;
}

/* Widen a range to hold a value; 0 says nothing. */
static void widen(struct trust_range *r, double v)
{
	if (v > 0.0) {
		r->low = r->low == 0.0 || v < r->low ? v : r->low;
		r->high = v > r->high ? v : r->high;
	}
}

/* Users at once: those of a closed loop, or the batch cap that a flood fills. */
static int64_t users_of(const struct measured_run *run)
{
	const bool flood = strcmp(run->load, "flood") == 0;

	return run->users > 0 ? run->users : flood ? run->max_num_seqs : 0;
}

static void note_region(struct campaign_set *set)
{
	for (size_t i = 0; i < set->ask.n_cases; i++) {
		const struct study_case *const c = set->ask.cases[i];
		bool known = false;
		const struct scenario_load *const load = &c->scenario->loads[0];
		widen(&set->isl, load->isl.mean + (double)load_text_before(&load->text));
		widen(&set->osl, load->osl.mean);
		widen(&set->users, (double)users_of(c->run));
		widen(&set->tensor_parallel, (double)c->tp);
		for (size_t k = 0; k < set->n_models; k++) {
			known = known || strcmp(set->models[k], c->model) == 0;
		}
		if (!known) {
			set->models = mem_resize(set->models, set->n_models + 1, sizeof(char *));
			set->models[set->n_models++] = c->model;
		}
	}
}

/* Does a row of the set have this metric? */
static bool has_metric(const struct campaign_set *set, const char *metric)
{
	for (size_t i = 0; i < set->ask.n_cases; i++) {
		const struct measured_run *const run = set->ask.cases[i]->run;
		for (size_t v = 0; v < run->n_values; v++) {
			if (strcmp(run->values[v].metric, metric) == 0) {
				return true;
			}
		}
	}
	return false;
}

/* Latency says more than a total: it is what a user of the calibration gets first. */
static bool has_latency(const struct campaign_set *set)
{
	return has_metric(set, "ttft") || has_metric(set, "tpot");
}

static int by_place(const void *a, const void *b)
{
	const struct campaign_set *const x = a, *const y = b;
	if (x->precision != y->precision) {
		return x->precision < y->precision ? -1 : 1;
	}
	if (x->moe != y->moe) {
		return x->moe ? 1 : -1;
	}
	if (has_latency(x) != has_latency(y)) {
		return has_latency(x) ? -1 : 1;
	}
	if (x->ask.n_cases != y->ask.n_cases) {
		return x->ask.n_cases > y->ask.n_cases ? -1 : 1;
	}
	const int version = strcmp(x->engine_version, y->engine_version);
	return version != 0 ? version : strcmp(x->source, y->source);
}

/*
 * What rows can tell apart. Experts hide in the time per layer what dense models show per sequence;
 * all-reduces, eager prompts and a front end at its limit show with several GPUs only; throughput
 * alone says nothing of single requests.
 */
static const struct {
	const char *names[FIT_MOST]; /* the first `n` show on one GPU, `several` on more */
	size_t n, several;
} usual[] = {
	{{"e_compute", "e_memory", "h_seq", "h_request", "t_eager", "t_stream", "t_link",
          "t_request"},
         4,
         8},
	{{"e_compute", "e_memory", "t_layer", "h_request", "t_link"}, 4, 5},
	{{"e_compute", "e_kv", "h_seq"}, 3, 3},
};
enum { USUAL_DENSE, USUAL_MOE, USUAL_TOTALS };

static void choose_free(const struct campaign_ask *ask, struct campaign_set *set)
{
	const bool single = has_latency(set);
	const int kind = !single ? USUAL_TOTALS : set->moe ? USUAL_MOE : USUAL_DENSE;
	const char *const *names = usual[kind].names;
	size_t n = set->tensor_parallel.high > 1.0 ? usual[kind].several : usual[kind].n;

	if (ask->n_free > 0) {
		names = ask->free;
		n = ask->n_free;
	}
	set->free = mem_new(n, sizeof(*set->free));
	memcpy(set->free, names, n * sizeof(*set->free));
	set->ask.free = set->free;
	set->ask.n_free = n;
}

/* Figures of a group that a fit may use. */
static size_t count_figures(const struct campaign_set *set)
{
	size_t n = 0;

	for (size_t i = 0; i < set->ask.n_cases; i++) {
		for (size_t v = 0; v < set->ask.cases[i]->run->n_values; v++) {
			n += calibrate_weight(&set->ask.cases[i]->run->values[v]) > 0.0;
		}
	}
	return n;
}

/* A group of few figures fits fewer of the usual constants. */
static void shorten(struct campaign_set *set)
{
	const size_t figures = count_figures(set);

	while (set->ask.n_free > 1 && figures < 2 * set->ask.n_free) {
		set->ask.n_free--;
	}
}

/* What the dense models of the same engine determined; NULL: nothing, or the set is theirs. */
static const struct cost_constants *costs_of_dense(const struct campaign *done,
                                                   const struct campaign_set *set)
{
	for (size_t i = 0; set->moe && i < done->n_sets; i++) {
		const struct campaign_set *const other = &done->sets[i];
		if (!other->moe && other->precision == set->precision &&
		    strcmp(other->engine_version, set->engine_version) == 0 &&
		    strcmp(other->source, set->source) == 0) {
			return &other->result.costs;
		}
	}
	return NULL;
}

/*
 * A mixture of experts runs in the same engine as dense models do: where its rows say nothing, it
 * keeps what those determined, unless the engine profile's constants explain its rows better.
 */
static bool fit_from_both(const struct campaign *done, struct campaign_set *set, struct err *err)
{
	const struct cost_constants *const dense = costs_of_dense(done, set);
	struct calibration_result other;

	set->ask.profile = &set->ask.cases[0]->scenario->services[0].engine->costs;
	if (!calibrate(&set->ask, &set->result, err)) {
		return false;
	}
	if (dense == NULL) {
		return true;
	}
	set->ask.profile = dense;
	set->ask.profile_name = "as for dense models";
	if (!calibrate(&set->ask, &other, err)) {
		return false;
	}
	const bool better = other.deviation <= set->result.deviation;
	calibration_result_fini(better ? &set->result : &other);
	set->result = better ? other : set->result;
	return true;
}

static bool fit_set(const struct campaign_ask *ask, const struct campaign *done,
                    struct campaign_set *set, const char *title, struct err *err)
{
	note_region(set);
	choose_free(ask, set);
	if (ask->n_free == 0) {
		shorten(set);
	}
	set->ask.title = title;
	set->ask.held = ask->held;
	set->ask.n_held = ask->n_held;
	set->ask.folds = ask->folds < set->ask.n_cases ? ask->folds : set->ask.n_cases;
	set->ask.folds = set->ask.folds < 2 ? 0 : set->ask.folds;
	set->ask.starts = ask->starts;
	set->ask.threads = ask->threads;
	const bool ok = fit_from_both(done, set, err);
	set->ask.title = NULL;
	return ok;
}

static void free_set(struct campaign_set *set)
{
	free(set->cases);
	free(set->free);
	free(set->models);
	calibration_result_fini(&set->result);
}

/* For messages; caller frees. */
static char *title_of(const struct campaign_set *set)
{
	return mem_printf("%s, %s models%s%s, %s", set->source, set->moe ? "moe" : "dense",
	                  set->engine_version[0] != '\0' ? ", version " : "", set->engine_version,
	                  precision_names[set->precision]);
}

/* Fit a group; *keep: its rows determine a constant, else a note says that they do not. */
static bool fit_one(const struct campaign_ask *ask, const struct campaign *done,
                    struct campaign_set *set, bool *keep, struct err *err)
{
	char *const title = title_of(set);
	const bool any = count_figures(set) > 0;
	const bool ok = !any || fit_set(ask, done, set, title, err);
	const size_t n = set->ask.n_cases;

	*keep = ok && any && calibrate_n_fitted(&set->result) > 0;
	if (ok && !*keep) {
		err_note(err, "%s: %zu configuration%s no constant", title, n,
		         n == 1 ? " determines" : "s determine");
	}
	free(title);
	return ok;
}

/* Fit the groups in turn; those that determine no constant leave the list. */
static bool fit_all(const struct campaign_ask *ask, struct campaign *out, struct err *err)
{
	const size_t n = out->n_sets;
	bool ok = true;

	out->n_sets = 0;
	for (size_t i = 0; i < n; i++) {
		struct campaign_set set = out->sets[i];
		bool keep = false;
		if (ok && ask->progress != NULL) {
			char *const what = mem_printf("fit %zu of %zu", i + 1, n);
			ask->progress(ask->progress_arg, what);
			free(what);
		}
		ok = ok && fit_one(ask, out, &set, &keep, err);
		if (keep) {
			out->sets[out->n_sets++] = set;
		} else {
			free_set(&set);
		}
	}
	return ok;
}

/* Why no case is wanted: the first of the GPU and engine that was skipped says it. */
static void fail_empty(const struct campaign_ask *ask, struct err *err)
{
	const char *why = NULL;
	size_t n = 0, skipped = 0;

	for (size_t i = 0; i < ask->cases->n; i++) {
		const struct study_case *const c = &ask->cases->at[i];
		if (strcmp(c->gpu, ask->gpu) == 0 && strcmp(c->engine, ask->engine) == 0) {
			n++;
			skipped += c->skipped != NULL;
			why = why != NULL ? why : c->skipped;
		}
	}
	if (n == 0) {
		err_add(err, ERR_INPUT, NULL, "no row names GPU %s and engine %s", ask->gpu,
		        ask->engine);
	} else if (n == skipped) {
		err_add(err, ERR_INPUT, NULL,
		        "none of %zu configurations of GPU %s and engine %s can be simulated: %s",
		        n, ask->gpu, ask->engine, why);
	} else {
		err_add(err, ERR_INPUT, NULL,
		        "none of %zu configurations of GPU %s and engine %s is of the precision, "
		        "model, engine version, width and source asked for",
		        n - skipped, ask->gpu, ask->engine);
	}
}

bool campaign_run(const struct campaign_ask *ask, struct campaign *out, struct err *err)
{
	*out = (struct campaign){.gpu = ask->gpu, .engine = ask->engine};
	for (size_t i = 0; i < ask->cases->n; i++) {
		if (wanted(ask, &ask->cases->at[i])) {
			add_case(out, &ask->cases->at[i]);
		}
	}
	if (out->n_sets == 0) {
		fail_empty(ask, err);
		return false;
	}
	qsort(out->sets, out->n_sets, sizeof(*out->sets), by_place);
	bool ok = fit_all(ask, out, err);
	if (ok && out->n_sets == 0) {
		err_add(err, ERR_INPUT, NULL, "the rows determine no constant at all");
		ok = false;
	}
	if (!ok) {
		campaign_fini(out);
	}
	return ok;
}

void campaign_fini(struct campaign *c)
{
	for (size_t i = 0; i < c->n_sets; i++) {
		free_set(&c->sets[i]);
	}
	free(c->sets);
	*c = (struct campaign){0};
}
