/* Scales the users of a scenario, and judges one run per number of users. */
#include "study/ccu.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "flow/sim.h"

#define MOST_USERS 1000000     /* of a search that was not told where to end */
#define LARGEST_USERS 10000000 /* of a scenario */

/* A load whose users are scaled. */
struct scaled {
	size_t load;
	int64_t users; /* of the scenario: its weight */
};

/* A search as its probes see it. */
struct probing {
	const struct ccu_ask *ask;
	json_t *document; /* with all limits */
	struct scaled *loads;
	size_t n_loads;
	int64_t total; /* users of the scenario */
	size_t n_limits;
	pthread_mutex_t lock; /* around data sheets, errors and progress */
	struct err *err;
};

static size_t find_service(const struct scenario *sc, const char *name, struct err *err)
{
	const char **const names = mem_new(sc->n_services, sizeof(char *));
	size_t i = 0;
	while (i < sc->n_services && strcmp(sc->services[i].name, name) != 0) {
		names[i] = sc->services[i].name;
		i++;
	}
	if (i == sc->n_services) {
		const char *const near = str_nearest(name, names, i);
		err_add(err, ERR_USAGE, NULL, "no service named \"%.80s\"%s%s%s", name,
		        near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
		        near != NULL ? "\"?" : "");
	}
	free(names);
	return i;
}

/* Add a limit to the document's service i; one string becomes a list. */
static void append_limit(json_t *document, size_t i, const char *text)
{
	json_t *const service = json_array_get(json_object_get(document, "services"), i);
	json_t *const old = json_object_get(service, "slo");
	json_t *const list = json_is_array(old) ? json_incref(old) : json_array();
	if (json_is_string(old)) {
		json_array_append(list, old);
	}
	json_array_append_new(list, json_string(text));
	json_object_set_new(service, "slo", list);
}

/* A service that nobody asks meets no limit and breaks none. */
static bool has_load(const struct scenario *sc, size_t service)
{
	bool asked = false;
	for (size_t i = 0; i < sc->n_loads; i++) {
		asked = asked || sc->loads[i].service == service;
	}
	return asked;
}

static bool can_have(const struct scenario *sc, size_t service, const struct slo *slo)
{
	return has_load(sc, service) &&
	       (sc->services[service].llm->task != LLM_EMBED || !slo_needs_tokens(slo));
}

/* One --slo: for the service it names, else for `service`, else for all that can have it. */
static void add_limit(const struct scenario *base, json_t *document, const char *text,
                      const char *service, struct err *err)
{
	const char *why;
	char *named;
	char *const limit = slo_split(text, &named);
	const char *const only = named != NULL ? named : service;
	struct slo slo;
	if (!slo_parse(limit, &slo, &why)) {
		err_add(err, ERR_USAGE, NULL, "limit: %s", why);
	} else if (only != NULL) {
		const size_t i = find_service(base, only, err);
		if (i < base->n_services) {
			append_limit(document, i, slo.text);
		}
	} else {
		size_t added = 0;
		for (size_t i = 0; i < base->n_services; i++) {
			if (can_have(base, i, &slo)) {
				append_limit(document, i, slo.text);
				added++;
			}
		}
		if (added == 0) {
			err_add(err, ERR_USAGE, NULL,
			        "limit: \"%s\": an embedding model emits no tokens; use latency, "
			        "queue, rps or error_rate",
			        slo.text);
		}
	}
	free(limit);
	free(named);
}

json_t *ccu_with_limits(const struct scenario *base, const char *const *limits, size_t n,
                        const char *service, struct err *err)
{
	const size_t before = err_count(err);
	json_t *const document = json_deep_copy(base->json);
	for (size_t i = 0; i < n; i++) {
		add_limit(base, document, limits[i], service, err);
	}
	if (err_count(err) > before) {
		json_decref(document);
		return NULL;
	}
	return document;
}

/* The recorded line with another concurrency: the last option holds. Caller frees. */
static char *with_concurrency(const char *line, int64_t users)
{
	const char *const flag = strstr(line, "--session-concurrency") != NULL
	                                 ? "--session-concurrency"
	                                 : "--concurrency";
	const char *const rest = strstr(line, " -- "); /* options of perf_analyzer follow */
	const size_t head = rest != NULL ? (size_t)(rest - line) : strlen(line);
	return mem_printf("%.*s %s %" PRId64 "%s", (int)head, line, flag, users, line + head);
}

static void set_users(json_t *document, size_t load, int64_t users)
{
	json_t *const at = json_array_get(json_object_get(document, "loads"), load);
	const char *const line = json_string_value(json_object_get(at, "args"));
	if (line != NULL) {
		char *const text = with_concurrency(line, users);
		json_object_set_new(at, "args", json_string(text));
		free(text);
	} else {
		json_object_set_new(at, "users", json_integer(users));
	}
}

/* Users of the first n loads together, of `users` in all: shares add up without a rest. */
static int64_t users_before(const struct probing *p, size_t n, int64_t users)
{
	i128_t weight = 0;
	for (size_t i = 0; i < n; i++) {
		weight += p->loads[i].users;
	}
	return (int64_t)(weight * users / p->total);
}

static int64_t users_of(const struct probing *p, size_t i, int64_t users)
{
	return users_before(p, i + 1, users) - users_before(p, i, users);
}

/* The scenario with so many users; NULL with errors added to `err`. */
static struct scenario *scenario_for(const struct probing *p, int64_t users, struct err *err)
{
	json_t *const document = json_deep_copy(p->document);
	for (size_t i = 0; i < p->n_loads; i++) {
		set_users(document, p->loads[i].load, users_of(p, i, users));
	}
	struct scenario *const sc = scenario_build(p->ask->base->file, document, p->ask->data, err);
	for (size_t i = 0; sc != NULL && i < p->n_loads; i++) {
		sim_assert(sc->loads[p->loads[i].load].users == users_of(p, i, users));
	}
	return sc;
}

static bool is_searched(const struct probing *p, size_t service)
{
	const struct scenario *const base = p->ask->base;
	bool found = false;
	for (size_t i = 0; i < p->n_loads; i++) {
		found = found || base->loads[p->loads[i].load].service == service;
	}
	return found;
}

static struct ccu_run *judge(const struct probing *p, const struct summary *s)
{
	struct ccu_run *const run = mem_new(1, sizeof(*run) + p->n_limits * sizeof(run->limits[0]));
	sim_assert(s->n_limits == p->n_limits);
	for (size_t i = 0; i < s->n_limits; i++) {
		run->limits[i].observed = s->limits[i].observed;
		run->limits[i].ok = s->limits[i].ok;
	}
	for (size_t i = 0; i < s->n_services; i++) {
		const struct service_summary *const service = &s->services[i];
		if (is_searched(p, i) && service->finished > 0) {
			run->output_tokens_per_s +=
				service->generates ? service->output_tokens_per_s : 0.0;
			run->requests_per_s += service->requests_per_s;
		}
	}
	return run;
}

static void say(struct probing *p, int64_t users)
{
	char text[64], number[32];
	if (p->ask->progress != NULL) {
		snprintf(text, sizeof(text), "%s users",
		         str_thousands(users, number, sizeof(number)));
		p->ask->progress(p->ask->progress_arg, text);
	}
}

/* Run with so many users. */
static bool probe(void *arg, int64_t users, bool *pass, void **result)
{
	struct probing *const p = arg;
	const struct sim_options options = {.interrupt = p->ask->interrupt};
	struct err *const err = err_new();
	pthread_mutex_lock(&p->lock);
	say(p, users);
	struct scenario *const sc = scenario_for(p, users, err);
	struct sim *const sim = sc != NULL ? sim_new(sc, &options, err) : NULL;
	pthread_mutex_unlock(&p->lock);
	bool ok = sim != NULL && sim_run(sim);
	if (ok) {
		struct summary summary;
		sim_summary(sim, &summary);
		ok = !summary.incomplete;
		*pass = summary.pass;
		*result = ok ? judge(p, &summary) : NULL;
		summary_fini(&summary);
	} else {
		pthread_mutex_lock(&p->lock);
		if (err_count(p->err) == 0) {
			err_add(p->err, (enum err_kind)err_exit_code(err), NULL, "%s",
			        err_message(err, 0));
		}
		pthread_mutex_unlock(&p->lock);
	}
	sim_free(sim);
	scenario_free(sc);
	err_free(err);
	return ok;
}

/* The loads to scale; false with an error when there is none. */
static bool find_loads(struct probing *p)
{
	const struct scenario *const base = p->ask->base;
	const char *const only = p->ask->service;
	if (only != NULL && find_service(base, only, p->err) == base->n_services) {
		return false;
	}
	p->loads = mem_new(base->n_loads, sizeof(*p->loads));
	for (size_t i = 0; i < base->n_loads; i++) {
		const struct scenario_load *const load = &base->loads[i];
		if (load->kind == LOAD_CONCURRENCY &&
		    (only == NULL || strcmp(base->services[load->service].name, only) == 0)) {
			p->loads[p->n_loads++] = (struct scaled){i, load->users};
			p->total += load->users;
		}
	}
	if (p->n_loads == 0) {
		err_add(p->err, ERR_USAGE, NULL,
		        "%s has no load of kind \"concurrency\", so there are no users to search",
		        only != NULL ? only : base->name);
	}
	return p->n_loads > 0;
}

/*
 * The most users of which every one gets a request: of loads whose requests do not grow with
 * their users, as a scenario with twice the users shows.
 */
static int64_t users_with_requests(const struct probing *p)
{
	struct err *const err = err_new();
	struct scenario *const twice = scenario_for(p, 2 * p->total, err);
	int64_t most = MOST_USERS;
	for (size_t i = 0; twice != NULL && i < p->n_loads; i++) {
		const size_t load = p->loads[i].load;
		const int64_t requests = p->ask->base->loads[load].requests;
		const i128_t users = (i128_t)requests * p->total / p->loads[i].users;
		if (requests > 0 && twice->loads[load].requests == requests && users < most) {
			most = (int64_t)users;
		}
	}
	scenario_free(twice);
	err_free(err);
	return most;
}

static int64_t round_up(int64_t value, int64_t step)
{
	return (value + step - 1) / step * step;
}

/* The default step: an even load of the replicas, where so many users are searched. */
static int64_t even_step(const struct probing *p, int64_t to)
{
	const struct scenario *const base = p->ask->base;
	int64_t replicas = 0;
	for (size_t i = 0; i < base->n_services; i++) {
		replicas += is_searched(p, i) ? base->services[i].replicas : 0;
	}
	return replicas > 0 && replicas <= to ? replicas : 1;
}

/* The fewest users of which every load has one. */
static int64_t least_users(const struct probing *p)
{
	int64_t smallest = p->loads[0].users;
	for (size_t i = 1; i < p->n_loads; i++) {
		smallest = p->loads[i].users < smallest ? p->loads[i].users : smallest;
	}
	return (p->total + smallest - 1) / smallest;
}

/* The end of the search: what was asked for, unless requests end before. */
static int64_t last_users(const struct probing *p)
{
	const int64_t most = users_with_requests(p), asked = p->ask->grid.to;
	if (asked <= most || most == MOST_USERS) {
		return asked > 0 ? asked : most;
	}
	err_note(p->err,
	         "the loads have requests for %" PRId64 " users at most; more are not searched "
	         "(\"requests_per_user\" grows with users)",
	         most);
	return most;
}

/* Fill in what was not asked for; false with an error when nothing is left to search. */
static bool complete_grid(const struct probing *p, struct search_grid *g)
{
	const int64_t least = least_users(p);
	if (g->to > LARGEST_USERS || g->step > LARGEST_USERS) {
		err_add(p->err, ERR_USAGE, NULL, "a search ends at %d users at the latest",
		        LARGEST_USERS);
		return false;
	}
	g->to = last_users(p);
	g->step = g->step > 0 ? g->step : even_step(p, g->to);
	g->from = g->from > 0 ? g->from : round_up(least, g->step);
	if (g->from < least || g->from > g->to) {
		err_add(p->err, ERR_USAGE, NULL,
		        "nothing to search from %" PRId64 " to %" PRId64
		        " users in steps of %" PRId64 ": every load needs a user (%" PRId64
		        " in all) and a request",
		        g->from, g->to, g->step, least);
		return false;
	}
	return true;
}

static bool list_limits(struct ccu *c, struct err *err)
{
	const struct scenario *const sc = c->scenario;
	for (size_t i = 0; i < sc->n_services; i++) {
		c->n_limits += sc->services[i].n_slo;
	}
	c->limits = mem_new(c->n_limits, sizeof(*c->limits));
	for (size_t i = 0, n = 0; i < sc->n_services; i++) {
		for (size_t k = 0; k < sc->services[i].n_slo; k++) {
			c->limits[n++] = (struct ccu_limit){&sc->services[i].slo[k], i};
		}
	}
	if (c->n_limits == 0) {
		err_add(err, ERR_USAGE, NULL,
		        "there is no limit to meet: give --slo 'ttft.p95 <= 1s', or \"slo\" in the "
		        "scenario");
	}
	return c->n_limits > 0;
}

/* The scenario at `users` and its limits into *c; errors of the scenario itself show here. */
static bool prepare(struct probing *p, struct ccu *c, int64_t users)
{
	struct err *const err = err_new(); /* notes were shown when the scenario was read */
	const struct sim_options options = {.exact = false};
	scenario_free(c->scenario);
	free(c->limits);
	c->limits = NULL;
	c->n_limits = 0;
	c->scenario = scenario_for(p, users, err);
	struct sim *const sim = c->scenario != NULL ? sim_new(c->scenario, &options, err) : NULL;
	sim_free(sim);
	for (size_t i = 0; i < err_count(err); i++) {
		err_add(p->err, (enum err_kind)err_exit_code(err), NULL, "%s", err_message(err, i));
	}
	err_free(err);
	return sim != NULL && list_limits(c, p->err);
}

static void search(struct probing *p, struct ccu *c)
{
	p->n_limits = c->n_limits;
	pthread_mutex_init(&p->lock, NULL);
	search_run(&c->grid, p->ask->threads, probe, p, free, &c->found);
	pthread_mutex_destroy(&p->lock);
	c->users = mem_new(p->ask->base->n_services, sizeof(*c->users));
	for (size_t i = 0; i < p->n_loads; i++) {
		c->users[p->ask->base->loads[p->loads[i].load].service] +=
			users_of(p, i, c->found.best);
	}
	if (c->found.best > 0 && err_count(p->err) == 0) {
		prepare(p, c, c->found.best);
	}
}

/* Everything up to the first probe; p->document and p->loads are to be freed either way. */
static bool begin(struct probing *p, struct ccu *c)
{
	*c = (struct ccu){.grid = p->ask->grid};
	p->document = ccu_with_limits(p->ask->base, p->ask->limits, p->ask->n_limits,
	                              p->ask->service, p->err);
	return p->document != NULL && find_loads(p) && complete_grid(p, &c->grid) &&
	       prepare(p, c, c->grid.from);
}

static void end(struct probing *p)
{
	json_decref(p->document);
	free(p->loads);
}

bool ccu_check(const struct ccu_ask *ask, struct err *err)
{
	struct probing p = {.ask = ask, .err = err};
	struct ccu c;
	const bool ok = begin(&p, &c);
	end(&p);
	ccu_fini(&c);
	return ok;
}

bool ccu_search(const struct ccu_ask *ask, struct ccu *out, struct err *err)
{
	struct probing p = {.ask = ask, .err = err};
	if (begin(&p, out)) {
		search(&p, out);
	}
	end(&p);
	return err_count(err) == 0;
}

void ccu_fini(struct ccu *c)
{
	for (size_t i = 0; i < c->found.n_probes; i++) {
		free(c->found.probes[i].result);
	}
	free(c->found.probes);
	free(c->limits);
	free(c->users);
	scenario_free(c->scenario);
}

const struct ccu_limit *ccu_broken(const struct ccu *c, size_t probe)
{
	const struct ccu_run *const run = c->found.probes[probe].result;
	for (size_t i = 0; i < c->n_limits; i++) {
		if (!run->limits[i].ok) {
			return &c->limits[i];
		}
	}
	return NULL;
}

char *ccu_limit_name(const struct ccu *c, size_t limit)
{
	const struct ccu_limit *const l = &c->limits[limit];
	const int length = (int)strcspn(l->slo->text, " ");
	bool several = false;
	for (size_t i = 0; i < c->n_limits; i++) {
		several = several || c->limits[i].service != l->service;
	}
	return several ? mem_printf("%.*s@%s", length, l->slo->text,
	                            c->scenario->services[l->service].name)
	               : mem_printf("%.*s", length, l->slo->text);
}
