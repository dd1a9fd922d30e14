/* Puts measured tables together: the same measurement in two of them is found by its figures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "study/measured.h"

/* Published figures of one measurement agree but for rounding; two measurements never do so twice.
 */
#define SAME 1e-4
#define ENOUGH 2

/* Seconds in the unit of a value; 0 when it is no time. */
static double seconds_in(const char *unit)
{
	return strcmp(unit, "s") == 0 ? 1.0 : strcmp(unit, "ms") == 0 ? 1e-3 : 0.0;
}

/*
 * What a figure of the unit of `b` is in the unit of `a`, as a factor; 0 when they are not the same
 * kind of figure.
 */
static double factor(const struct measured_value *a, const struct measured_value *b)
{
	if (strcmp(a->metric, b->metric) != 0 || strcmp(a->stat, b->stat) != 0) {
		return 0.0;
	}
	if (strcmp(a->unit, b->unit) == 0) {
		return 1.0;
	}
	return seconds_in(a->unit) > 0.0 ? seconds_in(b->unit) / seconds_in(a->unit) : 0.0;
}

static bool same_run(const struct measured_run *a, const struct measured_run *b)
{
	size_t agree = 0;

	if (strcmp(a->gpu, b->gpu) != 0 || strcmp(a->model, b->model) != 0 || a->tp != b->tp) {
		return false;
	}
	for (size_t i = 0; i < a->n_values; i++) {
		for (size_t k = 0; k < b->n_values; k++) {
			const double there =
				b->values[k].value * factor(&a->values[i], &b->values[k]);
			agree += there > 0.0 && fabs(a->values[i].value / there - 1.0) < SAME;
		}
	}
	return agree >= ENOUGH;
}

/* Copy what other simulators said of the figures of `from` to the same figures of `to`. */
static void give_over(struct measured_run *to, const struct measured_run *from)
{
	for (size_t i = 0; i < to->n_values; i++) {
		struct measured_value *const v = &to->values[i];
		for (size_t k = 0; k < from->n_values; k++) {
			const struct measured_value *const w = &from->values[k];
			const double f = factor(v, w);
			for (size_t j = 0; f > 0.0 && j < w->n_others; j++) {
				v->others =
					mem_resize(v->others, v->n_others + 1, sizeof(*v->others));
				v->others[v->n_others++] = (struct measured_other){
					mem_strdup(w->others[j].simulator), w->others[j].value * f};
			}
		}
	}
}

static void add_run(struct measured_table *t, struct measured_run *run)
{
	t->runs = mem_resize(t->runs, t->n_runs + 1, sizeof(*t->runs));
	t->runs[t->n_runs++] = *run;
	t->n_values += run->n_values;
	memset(run, 0, sizeof(*run));
}

size_t measured_join(struct measured_table *t, struct measured_table *other, bool add)
{
	const size_t n = t->n_runs;
	size_t known = 0;

	for (size_t i = 0; i < other->n_runs; i++) {
		struct measured_run *const run = &other->runs[i];
		bool found = false;
		for (size_t k = 0; k < n; k++) {
			if (same_run(&t->runs[k], run)) {
				give_over(&t->runs[k], run);
				found = true;
			}
		}
		known += found;
		if (add && !found) {
			add_run(t, run);
		}
	}
	measured_free(other);
	return known;
}
