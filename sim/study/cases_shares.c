/* Fair-share cases: how one resource is divided among queues. */
#include <stdlib.h>
#include <string.h>

#include "base/option.h"
#include "sched/fair_share.h"
#include "sched/snapshot.h"
#include "study/cases_private.h"

struct share_keys {
	char *id, *trust;
	int step, resource;
	double total, k;
	const json_t *source, *queues, *expect;
};

static const char *const steps[] = {"full", "over_quota_only", NULL};
static const char *const resources[] = {"gpu", "cpu", "memory", NULL};

#define SHARE(field) offsetof(struct share_keys, field)
static const struct option share_table[] = {
	{"id", OPTION_TEXT, SHARE(id), 0, 0, NULL, NULL, NULL, ""},
	{"trust", OPTION_TEXT, SHARE(trust), 0, 0, "", NULL, NULL, ""},
	{"step", OPTION_CHOICE, SHARE(step), 0, 0, "full", steps, NULL, ""},
	{"resource", OPTION_CHOICE, SHARE(resource), 0, 0, "gpu", resources, NULL, ""},
	{"total", OPTION_REAL, SHARE(total), 0, 1e9, NULL, NULL, NULL, ""},
	{"k", OPTION_REAL, SHARE(k), 0, 1000, "0", NULL, NULL, ""},
	{"source", OPTION_NODE, SHARE(source), 0, 0, "", NULL, NULL, ""},
	{"queues", OPTION_NODE, SHARE(queues), 0, 0, NULL, NULL, NULL, ""},
	{"expect", OPTION_NODE, SHARE(expect), 0, 0, NULL, NULL, NULL, ""},
	{0},
};

struct claim_keys {
	char *id;
	int64_t priority, created;
	double deserved, fair_share_in, weight, limit, request, usage;
};

#define CLAIM(field) offsetof(struct claim_keys, field)
static const struct option claim_table[] = {
	{"id", OPTION_TEXT, CLAIM(id), 0, 0, NULL, NULL, NULL, ""},
	{"priority", OPTION_INT, CLAIM(priority), -1e9, 1e9, "0", NULL, NULL, ""},
	{"created", OPTION_INT, CLAIM(created), 0, 1e15, "0", NULL, NULL, ""},
	{"deserved", OPTION_REAL, CLAIM(deserved), -1, 1e9, "0", NULL, NULL, ""},
	{"fair_share_in", OPTION_REAL, CLAIM(fair_share_in), 0, 1e9, "0", NULL, NULL, ""},
	{"weight", OPTION_REAL, CLAIM(weight), 0, 1e6, "1", NULL, NULL, ""},
	{"limit", OPTION_REAL, CLAIM(limit), -1, 1e9, "-1", NULL, NULL, ""},
	{"request", OPTION_REAL, CLAIM(request), 0, 1e9, NULL, NULL, NULL, ""},
	{"usage", OPTION_REAL, CLAIM(usage), 0, 1, "0", NULL, NULL, ""},
	{0},
};

static int64_t amount(double v, int64_t unit)
{
	return v < 0 ? SCHED_UNLIMITED : (int64_t)(v * (double)unit + 0.5);
}

static void read_claim(const struct json_at *at, int64_t unit, struct fair_claim *c, char **id)
{
	struct claim_keys k = {0};
	if (option_fill(claim_table, &k, at, "file", NULL)) {
		*id = mem_strdup(k.id);
		*c = (struct fair_claim){
			.quota = amount(k.deserved, unit),
			.limit = amount(k.limit, unit),
			.request = amount(k.request, unit),
			.weight = amount(k.weight, 1000),
			.used_ppm = amount(k.usage, 1000000),
			.priority = k.priority,
			.order = k.created,
			.share = amount(k.fair_share_in, unit),
		};
	}
	option_fini(claim_table, &k);
}

static char *differ(const json_t *expect, char *const *ids, const struct fair_claim *claims,
                    size_t n, int64_t unit)
{
	const json_t *const shares = json_object_get(expect, "share");
	for (size_t i = 0; i < n; i++) {
		const json_t *const want = json_object_get(shares, ids[i]);
		if (want != NULL && amount(json_number_value(want), unit) != claims[i].share) {
			return mem_printf("queue %s gets %g, expected %g", ids[i],
			                  (double)claims[i].share / (double)unit,
			                  json_number_value(want));
		}
	}
	return NULL;
}

/* Divide, and say what is not as expected. */
static char *run(const struct share_keys *k, const struct json_at *list)
{
	const size_t n = json_array_size(list->value);
	const int64_t unit = sched_unit[k->resource];
	struct fair_claim *const claims = mem_new(n, sizeof(*claims));
	char **const ids = mem_new(n, sizeof(*ids));
	char *why = NULL;
	for (size_t i = 0; i < n; i++) {
		const struct json_at at = json_item(list, i);
		read_claim(&at, unit, &claims[i], &ids[i]);
	}
	if (err_count(list->err) == 0) {
		int64_t left = amount(k->total, unit);
		if (k->step == 0) {
			left = fair_share_quota(claims, n, left);
		}
		left = fair_share_over_quota(claims, n, left, unit, amount(k->k, 1000));
		const json_t *const rest = json_object_get(k->expect, "remaining");
		why = differ(k->expect, ids, claims, n, unit);
		if (why == NULL && rest != NULL && amount(json_number_value(rest), unit) != left) {
			why = mem_printf("%g remain, expected %g", (double)left / (double)unit,
			                 json_number_value(rest));
		}
	}
	for (size_t i = 0; i < n; i++) {
		free(ids[i]);
	}
	free(ids);
	free(claims);
	return why;
}

void cases_share(const struct json_at *at, struct sched_case *out)
{
	struct share_keys k = {0};
	struct json_at list;
	if (option_fill(share_table, &k, at, "file", NULL) && json_get(at, "queues", &list) &&
	    json_want_array(&list)) {
		out->id = mem_strdup(k.id);
		out->trust = mem_strdup(k.trust);
		out->why = run(&k, &list);
		out->outcome = out->why != NULL ? CASE_FAIL : CASE_PASS;
	}
	option_fini(share_table, &k);
}
