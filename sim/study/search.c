/* The search as a function of what is known: search_next names the value to ask, or says done. */
#include "study/search.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "study/jobs.h"

#define BELOW_SHARE 8 /* a probe this part of the boundary below it */

/* Answers by place in the grid, ascending. */
struct answer {
	int64_t place;
	bool pass;
	void *result;
};

struct answers {
	struct answer *at;
	size_t n;
};

struct search {
	const struct search_grid *grid;
	int64_t places;
	struct answers known; /* everything that was tested */
	size_t threads;
	search_test *test;
	void *arg;
	atomic_bool stopped;
};

/* A value to test, and what came out. */
struct ask {
	struct search *s;
	struct answer answer;
	bool answered;
};

static int64_t value_at(const struct search_grid *g, int64_t place)
{
	return g->from + place * g->step;
}

/* The place of an answer, or where it belongs. */
static size_t lower(const struct answers *a, int64_t place)
{
	size_t from = 0, to = a->n;
	while (from < to) {
		const size_t middle = from + (to - from) / 2;
		if (a->at[middle].place < place) {
			from = middle + 1;
		} else {
			to = middle;
		}
	}
	return from;
}

static const struct answer *find(const struct answers *a, int64_t place)
{
	const size_t i = lower(a, place);
	return i < a->n && a->at[i].place == place ? &a->at[i] : NULL;
}

static void insert(struct answers *a, struct answer answer)
{
	const size_t i = lower(a, answer.place);
	a->at = mem_resize(a->at, a->n + 1, sizeof(*a->at));
	memmove(&a->at[i + 1], &a->at[i], (a->n - i) * sizeof(*a->at));
	a->at[i] = answer;
	a->n++;
}

/* Smallest failing place (the number of places when none) and the largest passing one below it. */
static void boundary(const struct answers *a, int64_t places, int64_t *pass, int64_t *fail)
{
	*pass = -1;
	*fail = places;
	for (size_t i = 0; i < a->n && *fail == places; i++) {
		if (a->at[i].pass) {
			*pass = a->at[i].place;
		} else {
			*fail = a->at[i].place;
		}
	}
}

/* The place whose value is twice that of `place`, at most the last. */
static int64_t doubled(const struct search *s, int64_t place)
{
	const int64_t more = value_at(s->grid, place) / s->grid->step;
	const int64_t next = place + (more > 0 ? more : 1);
	return next < s->places - 1 ? next : s->places - 1;
}

/* The place of the next question; -1 when everything is asked. */
static int64_t next_place(const struct search *s, const struct answers *a)
{
	int64_t pass, fail;
	if (s->grid->exhaustive) {
		return (int64_t)a->n < s->places ? (int64_t)a->n : -1;
	}
	boundary(a, s->places, &pass, &fail);
	if (a->n == 0) {
		return 0;
	}
	if (fail == s->places && pass < s->places - 1) {
		return doubled(s, pass);
	}
	if (fail - pass > 1) {
		return pass + (fail - pass) / 2;
	}
	/* around the boundary: one step further up, one down, and an eighth down */
	const int64_t around[] = {fail + 1, pass - 1, pass - pass / BELOW_SHARE};
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		if (around[i] >= 0 && around[i] < s->places && find(a, around[i]) == NULL) {
			return around[i];
		}
	}
	return -1;
}

static struct answers copy(const struct answers *a)
{
	struct answers twin = {mem_new(a->n + 1, sizeof(*twin.at)), a->n};
	if (a->n > 0) {
		memcpy(twin.at, a->at, a->n * sizeof(*a->at));
	}
	return twin;
}

static bool asked(const struct ask *asks, size_t n, int64_t place)
{
	bool found = false;
	for (size_t i = 0; i < n; i++) {
		found = found || asks[i].answer.place == place;
	}
	return found;
}

/* Answers that there may be. */
struct futures {
	struct answers *at;
	size_t n, most;
};

/* What comes after an answer at `place`: the one that is known, or either. */
static void add_futures(struct futures *f, size_t from, int64_t place, const struct answer *known)
{
	for (int pass = 1; pass >= 0 && f->n < f->most; pass--) {
		if (known == NULL || known->pass == (pass == 1)) {
			f->at[f->n] = copy(&f->at[from]);
			insert(&f->at[f->n++], (struct answer){place, pass == 1, NULL});
		}
	}
}

/*
 * What to test at once: the next question, then those that come after either answer, breadth
 * first. Returns how many; asks[0] is the next question itself.
 */
static size_t look_ahead(struct search *s, const struct answers *now, struct ask *asks)
{
	struct futures f = {.n = 1, .most = 4 * s->threads + 4};
	size_t n = 0;
	f.at = mem_new(f.most, sizeof(*f.at));
	f.at[0] = copy(now);
	for (size_t i = 0; i < f.n && n < s->threads; i++) {
		const int64_t place = next_place(s, &f.at[i]);
		if (place < 0) {
			continue;
		}
		const struct answer *const known = find(&s->known, place);
		if (known == NULL && !asked(asks, n, place)) {
			asks[n++] = (struct ask){s, {place, false, NULL}, false};
		}
		add_futures(&f, i, place, known);
	}
	for (size_t i = 0; i < f.n; i++) {
		free(f.at[i].at);
	}
	free(f.at);
	return n;
}

static void test_one(void *arg, size_t i)
{
	struct ask *const ask = (struct ask *)arg + i;
	struct search *const s = ask->s;
	if (atomic_load(&s->stopped)) {
		return;
	}
	ask->answered = s->test(s->arg, value_at(s->grid, ask->answer.place), &ask->answer.pass,
	                        &ask->answer.result);
	if (!ask->answered) {
		atomic_store(&s->stopped, true);
	}
}

/* Test what `now` needs next, and as much ahead as there are threads. */
static void test_ahead(struct search *s, const struct answers *now)
{
	struct ask *const asks = mem_new(s->threads, sizeof(*asks));
	const size_t n = look_ahead(s, now, asks);
	jobs_run(n, s->threads, test_one, asks);
	for (size_t i = 0; i < n; i++) {
		if (asks[i].answered) {
			insert(&s->known, asks[i].answer);
		}
	}
	free(asks);
}

static enum search_end how_ended(const struct search *s, const struct answers *a, int64_t fail)
{
	if (next_place(s, a) >= 0) {
		return SEARCH_STOPPED;
	}
	if (fail == 0) {
		return SEARCH_NONE;
	}
	return fail == s->places ? SEARCH_MAX_REACHED : SEARCH_FOUND;
}

static void report(const struct search *s, const struct answers *a, struct search_result *out)
{
	int64_t pass, fail;
	boundary(a, s->places, &pass, &fail);
	*out = (struct search_result){
		.end = how_ended(s, a, fail),
		.best = pass >= 0 ? value_at(s->grid, pass) : 0,
		.fails_at = fail < s->places ? value_at(s->grid, fail) : 0,
		.probes = mem_new(a->n, sizeof(*out->probes)),
		.n_probes = a->n,
	};
	for (size_t i = 0; i < a->n; i++) {
		const int64_t value = value_at(s->grid, a->at[i].place);
		out->probes[i] = (struct search_probe){value, a->at[i].pass, a->at[i].result};
		if (a->at[i].pass && a->at[i].place > fail) {
			out->passes_above = value;
		}
	}
}

void search_run(const struct search_grid *grid, size_t threads, search_test *test, void *arg,
                void (*drop)(void *result), struct search_result *out)
{
	struct search s = {
		.grid = grid,
		.places = (grid->to - grid->from) / grid->step + 1,
		.threads = threads,
		.test = test,
		.arg = arg,
	};
	struct answers now = {NULL, 0};
	int64_t place;

	sim_assert(grid->from >= 1 && grid->to >= grid->from && grid->step >= 1 && threads >= 1);
	atomic_init(&s.stopped, false);
	while ((place = next_place(&s, &now)) >= 0) {
		if (find(&s.known, place) == NULL) {
			test_ahead(&s, &now);
		}
		const struct answer *const answer = find(&s.known, place);
		if (answer == NULL) {
			break; /* stopped */
		}
		insert(&now, *answer);
	}
	report(&s, &now, out);
	for (size_t i = 0; i < s.known.n; i++) {
		if (find(&now, s.known.at[i].place) == NULL) {
			drop(s.known.at[i].result);
		}
	}
	free(s.known.at);
	free(now.at);
}

size_t search_index(const struct search_result *r, int64_t value)
{
	size_t i = 0;
	while (i < r->n_probes && r->probes[i].value != value) {
		i++;
	}
	sim_assert(i < r->n_probes);
	return i;
}

bool search_range(const char *text, struct search_grid *out)
{
	const char *const dots = strstr(text, "..");
	const char *const plus = dots != NULL ? strchr(dots, '+') : NULL;
	struct search_grid grid = {.step = 0};
	if (dots == NULL) {
		return false;
	}
	char *const from = mem_printf("%.*s", (int)(dots - text), text);
	char *const to = plus != NULL ? mem_printf("%.*s", (int)(plus - dots - 2), dots + 2)
	                              : mem_strdup(dots + 2);
	const bool ok = str_to_int(from, &grid.from) && str_to_int(to, &grid.to) &&
	                (plus == NULL || (str_to_int(plus + 1, &grid.step) && grid.step >= 1)) &&
	                grid.from >= 1 && grid.to >= grid.from;
	free(from);
	free(to);
	if (ok) {
		*out = grid;
	}
	return ok;
}
