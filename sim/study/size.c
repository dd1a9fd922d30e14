/* Searches the fewest replicas of every cell, and picks the cell with the fewest GPUs. */
#include "study/size.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "flow/sim.h"
#include "study/jobs.h"
#include "study/size_fleet.h"
#include "study/sweep_private.h"
#include "study/users.h"

#define MOST_REPLICAS 16384 /* of a search that was not told where to end */
#define MOST_CELLS 10000

/* All cells on their way. */
struct sizing {
	const struct size_ask *ask;
	size_t threads;       /* of one cell */
	pthread_mutex_t lock; /* around progress and the errors of cells */
};

/* A cell as its probes see it. */
struct probing {
	struct sizing *all;
	struct size_cell *cell;
	struct scenario *base;
	json_t *document; /* with users and all limits */
};

/* The document with so many units of the sized services; new reference. */
static json_t *with_units(const struct probing *p, int64_t units)
{
	json_t *const document = json_deep_copy(p->document);
	json_t *const services = json_object_get(document, "services");
	for (size_t i = 0; i < p->cell->n_sized; i++) {
		const struct size_service *const s = &p->cell->sized[i];
		json_object_set_new(json_array_get(services, s->service), "replicas",
		                    json_integer(units * s->per_unit));
	}
	return document;
}

static bool fit_units(const struct probing *p, int64_t units, struct fleet *out, struct err *err)
{
	const struct sweep_ask *const cells = &p->all->ask->cells;
	const struct sim_options options = {.interrupt = cells->interrupt};
	json_t *const document = with_units(p, units);
	const bool ok = fleet_fit(document, p->base->file, cells->data, &options, out, err);
	json_decref(document);
	return ok;
}

static bool is_sized(const struct size_cell *cell, size_t service)
{
	bool found = false;
	for (size_t i = 0; i < cell->n_sized; i++) {
		found = found || cell->sized[i].service == service;
	}
	return found;
}

static struct size_run *judge(const struct probing *p, const struct fleet *f)
{
	struct summary s;
	sim_summary(f->sim, &s);
	struct size_run *run = NULL;
	if (!s.incomplete) {
		run = mem_new(1, sizeof(*run) + s.n_limits * sizeof(run->limits[0]));
		run->gpus = f->gpus;
		run->nodes = f->nodes;
		limits_observe(&s, run->limits);
	}
	for (size_t i = 0; run != NULL && i < s.n_services; i++) {
		const struct service_summary *const service = &s.services[i];
		if (is_sized(p->cell, i) && service->finished > 0) {
			run->output_tokens_per_s +=
				service->generates ? service->output_tokens_per_s : 0.0;
			run->requests_per_s += service->requests_per_s;
		}
	}
	summary_fini(&s);
	return run;
}

static void say(struct probing *p, int64_t units)
{
	const struct sweep_ask *const cells = &p->all->ask->cells;
	char text[64], number[32];
	if (cells->progress != NULL) {
		snprintf(text, sizeof(text), "%s replicas",
		         str_thousands(units * p->cell->per_unit, number, sizeof(number)));
		pthread_mutex_lock(&p->all->lock);
		cells->progress(cells->progress_arg, text);
		pthread_mutex_unlock(&p->all->lock);
	}
}

/* Does a limit break with so many units? */
static bool probe(void *arg, int64_t units, bool *breaks, void **result)
{
	struct probing *const p = arg;
	struct err *const err = err_new();
	struct fleet fleet;
	say(p, units);
	struct size_run *run = NULL;
	if (fit_units(p, units, &fleet, err) && sim_run(fleet.sim)) {
		run = judge(p, &fleet);
	} else {
		pthread_mutex_lock(&p->all->lock);
		if (err_count(p->cell->err) == 0) {
			err_add(p->cell->err, (enum err_kind)err_exit_code(err), NULL, "%s",
			        err_message(err, 0));
		}
		pthread_mutex_unlock(&p->all->lock);
	}
	fleet_fini(&fleet);
	err_free(err);
	if (run != NULL) {
		*breaks = limits_broken(&p->cell->limits, run->limits) != NULL;
		*result = run;
	}
	return run != NULL;
}

static int64_t divisor(int64_t a, int64_t b)
{
	while (b != 0) {
		const int64_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* Has the scenario a fleet of one size, that the services alone decide about? */
static bool is_constant(const struct probing *p)
{
	const struct scenario *const base = p->base;
	struct err *const err = p->cell->err;
	if (base->n_jobs > 0) {
		err_add(err, ERR_USAGE, NULL,
		        "%s has jobs, which take what GPUs there are; to size its services leave "
		        "them out with --set jobs=[]",
		        base->name);
	}
	const size_t turns = fleet_takes_turns(base);
	if (turns < base->n_services) {
		err_add(err, ERR_USAGE, NULL,
		        "%s requests less than its engine needs and takes turns on its GPUs: more "
		        "replicas do not make room; aliquot sweep with --vary "
		        "cluster.nodes.0.gpus=1,2,4 shows what more GPUs do",
		        base->services[turns].name);
	}
	for (size_t i = 0; i < base->n_services; i++) {
		if (base->services[i].n_changes > 0) {
			err_add(err, ERR_USAGE, NULL,
			        "%s has \"replicas_at\": a size is one number of replicas for "
			        "all the time; --set services.%s.replicas_at=null does without",
			        base->services[i].name, base->services[i].name);
		}
		if (base->services[i].autoscaler.policy.name != NULL) {
			err_add(err, ERR_USAGE, NULL,
			        "%s has an autoscaler, which says how many replicas there are; "
			        "--set services.%s.autoscaler=null does without",
			        base->services[i].name, base->services[i].name);
		}
	}
	return err_count(err) == 0;
}

/* The services whose replicas are searched, and how they grow together. */
static bool find_sized(struct probing *p)
{
	struct size_cell *const cell = p->cell;
	const struct scenario *const base = p->base;
	const char *const only = p->all->ask->cells.service;
	int64_t common = 0;
	cell->sized = mem_new(base->n_services, sizeof(*cell->sized));
	if (only != NULL) {
		const size_t i = limits_service(base, only, cell->err);
		if (i == base->n_services) {
			return false;
		}
		cell->sized[cell->n_sized++] = (struct size_service){i, 1};
	}
	for (size_t i = 0; only == NULL && i < base->n_services; i++) {
		if (scenario_is_asked(base, i)) {
			cell->sized[cell->n_sized++] =
				(struct size_service){i, base->services[i].replicas};
		}
	}
	for (size_t i = 0; i < cell->n_sized; i++) {
		common = divisor(cell->sized[i].per_unit, common);
	}
	for (size_t i = 0; i < cell->n_sized; i++) {
		cell->sized[i].per_unit /= common;
		cell->per_unit += cell->sized[i].per_unit;
	}
	if (cell->n_sized == 0) {
		err_add(cell->err, ERR_USAGE, NULL, "%s has no load, so there is nothing to size",
		        base->name);
	}
	return cell->n_sized > 0;
}

/* So many that each request has a replica of its own: more change nothing. */
static int64_t replicas_of_use(const struct probing *p)
{
	const struct scenario *const base = p->base;
	int64_t users = 0;
	for (size_t i = 0; i < base->n_loads; i++) {
		const struct scenario_load *const load = &base->loads[i];
		if (is_sized(p->cell, load->service)) {
			if (load->kind != LOAD_CONCURRENCY) {
				return MOST_REPLICAS;
			}
			users += load->users;
		}
	}
	users = p->all->ask->users > 0 ? p->all->ask->users : users;
	return users < MOST_REPLICAS ? users : MOST_REPLICAS;
}

static bool set_grid(struct probing *p)
{
	const struct size_ask *const ask = p->all->ask;
	const int64_t unit = p->cell->per_unit;
	const int64_t to = ask->to > 0 ? ask->to : replicas_of_use(p) + unit - 1;
	struct search_grid *const g = &p->cell->grid;
	*g = (struct search_grid){(ask->from + unit - 1) / unit, to / unit, 1, ask->exhaustive};
	g->from = g->from > 0 ? g->from : 1;
	if (g->from > g->to) {
		err_add(p->cell->err, ERR_USAGE, NULL,
		        "nothing to search from %" PRId64 " to %" PRId64
		        " replicas in steps of %" PRId64,
		        ask->from > 0 ? ask->from : 1, to, unit);
	}
	return g->from <= g->to;
}

/* Does a limit of the service say how many requests may fail? */
static bool limits_errors(const struct scenario_service *service)
{
	bool found = false;
	for (size_t i = 0; i < service->n_slo; i++) {
		found = found || service->slo[i].metric == SLO_ERROR_RATE;
	}
	return found;
}

/*
 * The limits that are implied: who sends requests away is quick with the others, so that nobody may
 * be refused unless a limit says how many. Where no limit is stated there is nothing to size by.
 * Returns how many; the caller frees the texts.
 */
static size_t implied_limits(const struct probing *p, char **texts)
{
	size_t n = 0;
	bool any = false;
	for (size_t i = 0; i < p->base->n_services; i++) {
		any = any || p->base->services[i].n_slo > 0;
	}
	for (size_t i = 0; any && i < p->cell->n_sized; i++) {
		const size_t service = p->cell->sized[i].service;
		const struct scenario_service *const s = &p->base->services[service];
		if (!limits_errors(s) && scenario_is_asked(p->base, service)) {
			texts[n++] = mem_printf("error_rate <= 0 @%s", s->name);
		}
	}
	return n;
}

/* The scenario with implied limits and the wanted load; false with errors added. */
static bool make_document(struct probing *p)
{
	const int64_t users = p->all->ask->users;
	struct users of = {.total = 0};
	char **const texts = mem_new(p->cell->n_sized, sizeof(*texts));
	const size_t n = implied_limits(p, texts);
	p->document = limits_with(p->base, (const char *const *)texts, n, NULL, p->cell->err);
	bool ok = p->document != NULL;
	if (ok && users > 0) {
		ok = users_find(p->base, p->all->ask->cells.service, &of, p->cell->err);
		if (ok) {
			users_set(&of, p->document, users);
		}
		free(of.loads);
	}
	for (size_t i = 0; i < n; i++) {
		free(texts[i]);
	}
	free(texts);
	return ok;
}

/* Scenario, limits and figures of so many units; false with errors added. */
static bool settle(struct probing *p, int64_t units)
{
	struct size_cell *const cell = p->cell;
	struct fleet fleet;
	if (!fit_units(p, units, &fleet, cell->err)) {
		return false;
	}
	scenario_free(cell->scenario);
	free(cell->limits.at);
	cell->scenario = fleet.scenario;
	cell->gpus = fleet.gpus;
	cell->nodes = fleet.nodes;
	cell->replicas = units * cell->per_unit;
	cell->share = fleet_share(fleet.scenario);
	fleet.scenario = NULL;
	fleet_fini(&fleet);
	return limits_list(cell->scenario, &cell->limits, cell->err);
}

static bool set_cost(const struct size_ask *ask, struct size_cell *cell)
{
	const struct scenario *const sc = cell->scenario;
	cell->cost_per_hour = ask->n_prices > 0 ? 0.0 : (double)NAN;
	for (size_t k = 0; ask->n_prices > 0 && k < sc->n_nodes; k++) {
		size_t i = 0;
		while (i < ask->n_prices &&
		       strcmp(ask->prices[i].gpu, sc->nodes[k].gpu_name) != 0) {
			i++;
		}
		if (i == ask->n_prices) {
			err_add(cell->err, ERR_USAGE, NULL,
			        "no price of %s: give --price %s=PRICE too", sc->nodes[k].gpu_name,
			        sc->nodes[k].gpu_name);
			return false;
		}
		cell->cost_per_hour +=
			ask->prices[i].per_hour * (double)(sc->nodes[k].count * sc->nodes[k].gpus);
	}
	return true;
}

/* Everything up to the first probe. */
static void prepare(void *arg, size_t i)
{
	struct probing *const p = (struct probing *)arg + i;
	struct size_cell *const cell = p->cell;
	p->base = sweep_scenario(&p->all->ask->cells, i, cell->err);
	if (p->base != NULL && is_constant(p) && find_sized(p) && set_grid(p) && make_document(p) &&
	    settle(p, cell->grid.from)) {
		set_cost(p->all->ask, cell);
	}
	if (err_exit_code(cell->err) == ERR_INFEASIBLE) {
		cell->end = SIZE_INFEASIBLE;
	}
}

static void search(void *arg, size_t i)
{
	static const enum size_end ends[] = {
		[SEARCH_FOUND] = SIZE_FOUND,
		[SEARCH_MAX_REACHED] = SIZE_NONE, /* everything breaks a limit */
		[SEARCH_NONE] = SIZE_FOUND,       /* the fewest already hold */
		[SEARCH_STOPPED] = SIZE_STOPPED,
	};
	struct probing *const p = (struct probing *)arg + i;
	struct size_cell *const cell = p->cell;
	if (cell->end == SIZE_INFEASIBLE) {
		return;
	}
	search_run(&cell->grid, p->all->threads, probe, p, free, &cell->found);
	cell->end = ends[cell->found.end];
	if (cell->end == SIZE_FOUND && settle(p, cell->found.fails_at)) {
		set_cost(p->all->ask, cell);
	}
}

/* Is the answer of a better than that of b? Both are found. */
static bool is_better(const struct size_cell *a, const struct size_cell *b)
{
	if (a->cost_per_hour < b->cost_per_hour || a->cost_per_hour > b->cost_per_hour) {
		return a->cost_per_hour < b->cost_per_hour;
	}
	return a->gpus != b->gpus ? a->gpus < b->gpus : a->share < b->share;
}

/* The best of the cells that have an answer. */
static void choose(struct size *s)
{
	s->best = s->n_cells;
	for (size_t i = 0; i < s->n_cells; i++) {
		const struct size_cell *const cell = &s->cells[i];
		s->interrupted = s->interrupted || cell->end == SIZE_STOPPED;
		if (cell->end == SIZE_FOUND &&
		    (s->best == s->n_cells || is_better(cell, &s->cells[s->best]))) {
			s->best = i;
		}
	}
}

/* All errors of a scenario that was asked for alone, else the first, with what was varied. */
static void blame(const struct size_ask *ask, size_t i, const struct err *from, struct err *err)
{
	if (ask->cells.n_axes > 0) {
		sweep_blame(&ask->cells, i, from, err);
		return;
	}
	err_add_all(err, from);
}

/*
 * Add the errors of the cells; that one fits no GPU is a result, unless none does. False when
 * there are any.
 */
static bool collect(const struct size_ask *ask, const struct size *s, struct err *err)
{
	size_t infeasible = 0;
	for (size_t i = 0; i < s->n_cells; i++) {
		infeasible += s->cells[i].end == SIZE_INFEASIBLE ? 1 : 0;
	}
	for (size_t i = 0; i < s->n_cells; i++) {
		const bool result = s->cells[i].end == SIZE_INFEASIBLE && infeasible < s->n_cells;
		if (err_count(s->cells[i].err) > 0 && !result) {
			blame(ask, i, s->cells[i].err, err);
		}
	}
	return err_count(err) == 0;
}

/* Prepare all cells before the first is searched, so that a wrong one does not cost the others. */
static bool search_cells(const struct size_ask *ask, struct size *out, struct err *err)
{
	const size_t n = out->n_cells, threads = ask->cells.threads;
	struct sizing all = {.ask = ask, .threads = threads > n ? threads / n : 1};
	struct probing *const cells = mem_new(n, sizeof(*cells));
	out->cells = mem_new(n, sizeof(*out->cells));
	for (size_t i = 0; i < n; i++) {
		out->cells[i] = (struct size_cell){.end = SIZE_STOPPED, .err = err_new()};
		cells[i] = (struct probing){.all = &all, .cell = &out->cells[i]};
	}
	data_dir_index(ask->cells.data);
	pthread_mutex_init(&all.lock, NULL);
	jobs_run(n, threads, prepare, cells);
	const bool ok = collect(ask, out, err);
	if (ok) {
		jobs_run(n, threads, search, cells);
	}
	pthread_mutex_destroy(&all.lock);
	for (size_t i = 0; i < n; i++) {
		json_decref(cells[i].document);
		scenario_free(cells[i].base);
	}
	free(cells);
	return ok && collect(ask, out, err);
}

bool size_search(const struct size_ask *ask, struct size *out, struct err *err)
{
	*out = (struct size){.n_cells = sweep_cells(&ask->cells, err)};
	if (out->n_cells > MOST_CELLS) {
		err_add(err, ERR_USAGE, NULL, "at most %d cells are sized at once", MOST_CELLS);
		out->n_cells = 0;
	}
	const bool ok = out->n_cells > 0 && search_cells(ask, out, err);
	choose(out);
	return ok;
}

void size_fini(struct size *s)
{
	for (size_t i = 0; i < s->n_cells; i++) {
		struct size_cell *const cell = &s->cells[i];
		for (size_t k = 0; k < cell->found.n_probes; k++) {
			free(cell->found.probes[k].result);
		}
		free(cell->found.probes);
		free(cell->sized);
		free(cell->limits.at);
		scenario_free(cell->scenario);
		err_free(cell->err);
	}
	free(s->cells);
}
