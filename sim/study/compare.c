/* Finds the figures of two results, pairs them, and judges each pair. */
#include "study/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "study/compare_private.h"

#define UNDEFINED ((double)NAN)

static const struct {
	const char *name, *key;
	int direction;
} distributions[] = {
	{"ttft", "ttft_ms", -1},
	{"ttst", "ttst_ms", -1},
	{"tpot", "tpot_ms", -1},
	{"itl", "itl_ms", -1},
	{"latency", "latency_ms", -1},
	{"queue", "queue_ms", -1},
	{"tps_user", "output_tokens_per_s_per_user", 1},
};

static const char *const stats[] = {"avg", "p50", "p90", "p95", "p99", "max"};

static const struct {
	const char *name, *block, *key; /* block NULL: of the service itself */
	int direction;
} scalars[] = {
	{"tps", NULL, "output_tokens_per_s", 1},
	{"input_tps", NULL, "input_tokens_per_s", 1},
	{"rps", NULL, "requests_per_s", 1},
	{"goodput", NULL, "goodput_per_s", 1},
	{"finished", "requests", "finished", 1},
	{"rejected", "requests", "rejected", -1},
	{"lost", "requests", "lost", -1},
	{"unfinished", "requests", "unfinished", -1},
	{"preemptions", "kv", "preemptions", -1},
	{"cold_starts", NULL, "cold_starts", -1},
	{"swaps", NULL, "swaps", -1},
	{"oom_kills", NULL, "oom_kills", -1},
	{"moves", NULL, "moves", -1},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool compare_knows(const char *metric)
{
	const size_t length = strcspn(metric, ".");
	bool known = strcmp(metric, "all") == 0 || strcmp(metric, "ccu") == 0 ||
	             strcmp(metric, "limits_met") == 0;
	for (size_t i = 0; i < COUNT(scalars); i++) {
		known = known || strcmp(scalars[i].name, metric) == 0;
	}
	for (size_t i = 0; i < COUNT(distributions); i++) {
		bool stat = metric[length] == '\0';
		for (size_t k = 0; k < COUNT(stats) && !stat; k++) {
			stat = strcmp(stats[k], metric + length + 1) == 0;
		}
		known = known || (stat && strlen(distributions[i].name) == length &&
		                  strncmp(distributions[i].name, metric, length) == 0);
	}
	return known;
}

enum compare_verdict compare_judge(double base, double new, int direction, double tolerance_pct)
{
	if (!isfinite(base) || !isfinite(new)) {
		return isfinite(base)  ? COMPARE_WORSE
		       : isfinite(new) ? COMPARE_BETTER
		                       : COMPARE_SAME;
	}
	if (fabs(new - base) <= fabs(base) * tolerance_pct / 100.0) {
		return COMPARE_SAME;
	}
	return (new > base) == (direction > 0) ? COMPARE_BETTER : COMPARE_WORSE;
}

static double tolerance_of(const struct compare_ask *ask, const char *metric)
{
	const size_t family = strcspn(metric, ".");
	double pct = 0.0;
	for (size_t i = 0; i < ask->n_tolerances; i++) {
		const char *const name = ask->tolerances[i].metric;
		if (strcmp(name, "all") == 0 || strcmp(name, metric) == 0 ||
		    (strlen(name) == family && strncmp(name, metric, family) == 0)) {
			pct = ask->tolerances[i].pct;
		}
	}
	return pct;
}

/* A pair of figures as a row, unless neither is there; takes `metric` over. */
static void add(struct compare_build *b, const char *service, char *metric, double base, double new,
                int direction)
{
	struct comparison *const c = b->out;
	const double tolerance = tolerance_of(b->ask, metric);
	if (!isfinite(base) && !isfinite(new)) {
		free(metric);
		return;
	}
	c->rows = mem_resize(c->rows, c->n_rows + 1, sizeof(*c->rows));
	struct compare_row *const row = &c->rows[c->n_rows++];
	*row = (struct compare_row){
		.scenario = mem_strdup(b->scenario),
		.service = mem_strdup(service),
		.metric = metric,
		.base = base,
		.new = new,
		.delta_pct = fabs(base) > 0.0                       ? 100.0 * (new - base) / base
	                     : new > 0.0 || new < 0.0 || isnan(new) ? UNDEFINED
	                                                            : 0.0,
		.tolerance_pct = tolerance,
		.verdict = compare_judge(base, new, direction, tolerance),
	};
	if (row->verdict > c->verdict) {
		c->verdict = row->verdict;
	}
}

static double number(const json_t *object, const char *key)
{
	const json_t *const v = json_object_get(object, key);
	return json_is_number(v) ? json_number_value(v) : UNDEFINED;
}

/* A figure that the base does not have, of an older version, is nothing to compare with. */
static void compare_service(struct compare_build *b, const char *name, const json_t *base,
                            const json_t *new)
{
	for (size_t i = 0; i < COUNT(distributions); i++) {
		const json_t *const x = json_object_get(base, distributions[i].key);
		const json_t *const y = json_object_get(new, distributions[i].key);
		for (size_t k = 0; k < COUNT(stats) && x != NULL; k++) {
			add(b, name, mem_printf("%s.%s", distributions[i].name, stats[k]),
			    number(x, stats[k]), number(y, stats[k]), distributions[i].direction);
		}
	}
	for (size_t i = 0; i < COUNT(scalars); i++) {
		const char *const block = scalars[i].block, *const key = scalars[i].key;
		const json_t *const x = block != NULL ? json_object_get(base, block) : base;
		const json_t *const y = block != NULL ? json_object_get(new, block) : new;
		if (json_object_get(x, key) != NULL) {
			add(b, name, mem_strdup(scalars[i].name), number(x, key), number(y, key),
			    scalars[i].direction);
		}
	}
}

static double limits_met(const json_t *summary)
{
	const json_t *const limits = json_object_get(summary, "limits");
	double met = 0.0;
	for (size_t i = 0; i < json_array_size(limits); i++) {
		met += json_is_true(json_object_get(json_array_get(limits, i), "ok")) ? 1.0 : 0.0;
	}
	return met;
}

static void compare_summaries(struct compare_build *b, const json_t *base, const json_t *new)
{
	json_t *const services = json_object_get(base, "services");
	const json_t *const others = json_object_get(new, "services");
	void *at = json_object_iter(services);
	add(b, "", mem_strdup("limits_met"), limits_met(base), limits_met(new), 1);
	for (; at != NULL; at = json_object_iter_next(services, at)) {
		const char *const name = json_object_iter_key(at);
		const json_t *const other = json_object_get(others, name);
		if (other != NULL) {
			compare_service(b, name, json_object_iter_value(at), other);
		}
	}
}

void compare_pair(struct compare_build *b, const json_t *base, const json_t *new)
{
	const char *const schema = json_string_value(json_object_get(base, "schema"));
	b->out->n_scenarios++;
	if (strcmp(schema, COMPARE_CCU) != 0) {
		compare_summaries(b, base, new);
		return;
	}
	const double x = number(base, "ccu"), y = number(new, "ccu");
	add(b, "", mem_strdup("ccu"), x, y, 1);
	if (compare_judge(x, y, 1, 0.0) == COMPARE_SAME && x > 0.0) {
		compare_summaries(b, json_object_get(base, "summary"),
		                  json_object_get(new, "summary"));
	}
}

void comparison_fini(struct comparison *c)
{
	for (size_t i = 0; i < c->n_rows; i++) {
		free(c->rows[i].scenario);
		free(c->rows[i].service);
		free(c->rows[i].metric);
	}
	free(c->rows);
}
