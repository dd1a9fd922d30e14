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
#include "study/users.h"

#define MOST_USERS 1000000     /* of a search that was not told where to end */
#define LARGEST_USERS 10000000 /* of a scenario */

/* A search as its probes see it. */
struct probing {
	const struct ccu_ask *ask;
	json_t *document;     /* with all limits */
	struct users users;   /* of the scenario */
	pthread_mutex_t lock; /* around data sheets, errors and progress */
	struct err *err;
};

/* The scenario with so many users; NULL with errors added to `err`. */
static struct scenario *scenario_for(const struct probing *p, int64_t users, struct err *err)
{
	json_t *const document = json_deep_copy(p->document);
	users_set(&p->users, document, users);
	struct scenario *const sc = scenario_build(p->ask->base->file, document, p->ask->data, err);
	for (size_t i = 0; sc != NULL && i < p->users.n; i++) {
		sim_assert(sc->loads[p->users.loads[i].load].users ==
		           users_of(&p->users, i, users));
	}
	return sc;
}

static bool is_searched(const struct probing *p, size_t service)
{
	const struct scenario *const base = p->ask->base;
	bool found = false;
	for (size_t i = 0; i < p->users.n; i++) {
		found = found || base->loads[p->users.loads[i].load].service == service;
	}
	return found;
}

static struct ccu_run *judge(const struct probing *p, const struct summary *s)
{
	struct ccu_run *const run = mem_new(1, sizeof(*run) + s->n_limits * sizeof(run->limits[0]));
	limits_observe(s, run->limits);
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

/*
 * The most users of which every one gets a request: of loads whose requests do not grow with
 * their users, as a scenario with twice the users shows.
 */
static int64_t users_with_requests(const struct probing *p)
{
	struct err *const err = err_new();
	struct scenario *const twice = scenario_for(p, 2 * p->users.total, err);
	int64_t most = MOST_USERS;
	for (size_t i = 0; twice != NULL && i < p->users.n; i++) {
		const size_t load = p->users.loads[i].load;
		const int64_t requests = p->ask->base->loads[load].requests;
		const i128_t users = (i128_t)requests * p->users.total / p->users.loads[i].users;
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
	int64_t smallest = p->users.loads[0].users;
	for (size_t i = 1; i < p->users.n; i++) {
		smallest = p->users.loads[i].users < smallest ? p->users.loads[i].users : smallest;
	}
	return (p->users.total + smallest - 1) / smallest;
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

/* The scenario at `users` and its limits into *c; errors of the scenario itself show here. */
static bool prepare(struct probing *p, struct ccu *c, int64_t users)
{
	struct err *const err = err_new(); /* notes were shown when the scenario was read */
	const struct sim_options options = {.exact = false};
	scenario_free(c->scenario);
	free(c->limits.at);
	c->limits = (struct limits){.n = 0};
	c->scenario = scenario_for(p, users, err);
	struct sim *const sim = c->scenario != NULL ? sim_new(c->scenario, &options, err) : NULL;
	sim_free(sim);
	err_add_all(p->err, err);
	err_free(err);
	return sim != NULL && limits_list(c->scenario, &c->limits, p->err);
}

static void search(struct probing *p, struct ccu *c)
{
	pthread_mutex_init(&p->lock, NULL);
	search_run(&c->grid, p->ask->threads, probe, p, free, &c->found);
	pthread_mutex_destroy(&p->lock);
	c->users = mem_new(p->ask->base->n_services, sizeof(*c->users));
	for (size_t i = 0; i < p->users.n; i++) {
		c->users[p->ask->base->loads[p->users.loads[i].load].service] +=
			users_of(&p->users, i, c->found.best);
	}
	if (c->found.best > 0 && err_count(p->err) == 0) {
		prepare(p, c, c->found.best);
	}
}

/* Everything up to the first probe; p->document and p->loads are to be freed either way. */
static bool begin(struct probing *p, struct ccu *c)
{
	*c = (struct ccu){.grid = p->ask->grid};
	p->document = limits_with(p->ask->base, p->ask->limits, p->ask->n_limits, p->ask->service,
	                          p->err);
	return p->document != NULL &&
	       users_find(p->ask->base, p->ask->service, &p->users, p->err) &&
	       complete_grid(p, &c->grid) && prepare(p, c, c->grid.from);
}

static void end(struct probing *p)
{
	json_decref(p->document);
	free(p->users.loads);
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
	free(c->limits.at);
	free(c->users);
	scenario_free(c->scenario);
}

const struct limit *ccu_broken(const struct ccu *c, size_t probe)
{
	const struct ccu_run *const run = c->found.probes[probe].result;
	return limits_broken(&c->limits, run->limits);
}
