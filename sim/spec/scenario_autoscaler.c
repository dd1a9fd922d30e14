/*
 * The "autoscaler" of a service: what of it the scenario must know, as how many replicas there may
 * be. Other keys are the policy's own, which nobody knows here.
 */
#include "spec/scenario_private.h"

#include <inttypes.h>

struct autoscaler_keys {
	int64_t min, max, initial, hard_limit;
	ns_t timeout;
};

#define KEY(member) offsetof(struct autoscaler_keys, member)

/* clang-format off */
const struct option scenario_autoscaler_table[] = {
	{"min", OPTION_INT, KEY(min), 0, 1e6, "1", NULL, "replicas", "at least; 0 lets it scale to zero"},
	{"max", OPTION_INT, KEY(max), 1, 1e6, "", NULL, "replicas", "at most"},
	{"initial", OPTION_INT, KEY(initial), 0, 1e6, "", NULL, "replicas",
	 "there at the start; the service's replicas"},
	{"concurrency_hard_limit", OPTION_INT, KEY(hard_limit), 0, 1e7, "0", NULL, "requests",
	 "at one replica, further ones wait at the door; 0: none"},
	{"initialization_timeout", OPTION_DURATION, KEY(timeout), 1e9, 43200e9, "10m", NULL, "s",
	 "a replica that is not ready by then has failed"},
	SCENARIO_END,
};
/* clang-format on */

/* The members of a block that the table knows; a new object. */
static json_t *known_keys(const json_t *block)
{
	json_t *const known = json_object();

	for (const struct option *o = scenario_autoscaler_table; o->name != NULL; o++) {
		json_t *const value = json_object_get(block, o->name);

		if (value != NULL) {
			json_object_set(known, o->name, value);
		}
	}
	return known;
}

/* Complain at `key` of the block, or at the block where it is not written. */
static const struct json_at *place(const struct json_at *block, const char *key,
                                   struct json_at *member)
{
	return json_get(block, key, member) ? member : block;
}

static void check_bounds(const struct autoscaler_keys *keys, const struct json_at *block)
{
	struct json_at member;

	if (keys->min > keys->max) {
		json_fail(place(block, "min", &member),
		          "min, %" PRId64 ", is more than max, %" PRId64, keys->min, keys->max);
	} else if (keys->initial < keys->min || keys->initial > keys->max) {
		json_fail(place(block, "initial", &member),
		          "it begins with %" PRId64 " replicas, which is not from min, %" PRId64
		          ", to max, %" PRId64 "; set initial",
		          keys->initial, keys->min, keys->max);
	}
}

/* What is not written follows from the rest: without a max there is one number of replicas. */
static void fill_in(struct scenario_loader *l, struct autoscaler_keys *keys,
                    const struct scenario_service *service, const struct json_at *block)
{
	struct json_at member;
	char text[32];

	if (json_get(block, "scale_to_zero_after", &member)) {
		keys->min = 0;
		scenario_log(l, block, "min", "0", "scale_to_zero_after");
	}
	if (!json_get(block, "initial", &member)) {
		keys->initial = service->replicas;
		if (!json_get(block->up, "replicas", &member) && keys->initial < keys->min) {
			keys->initial = keys->min;
		}
		snprintf(text, sizeof(text), "%" PRId64, keys->initial);
		scenario_log(l, block, "initial", text, "default");
	}
	if (!json_get(block, "max", &member)) {
		keys->max = keys->initial > 0 ? keys->initial : 1;
	}
}

static void read_block(struct scenario_loader *l, struct scenario_service *service,
                       const struct json_at *block)
{
	json_t *const known = known_keys(block->value);
	struct json_at at = *block;
	struct autoscaler_keys keys;

	at.value = known;
	if (scenario_fill(l, scenario_autoscaler_table, &keys, &at)) {
		fill_in(l, &keys, service, block);
		check_bounds(&keys, block);
		service->autoscaler.min = keys.min;
		service->autoscaler.max = keys.max;
		service->autoscaler.hard_limit = keys.hard_limit;
		service->initial = keys.initial;
		service->places = keys.max;
		service->start_timeout = keys.timeout;
	}
	json_decref(known);
}

void scenario_read_autoscaler(struct scenario_loader *l, struct scenario_service *service,
                              const struct json_at *at)
{
	static const char *const others[] = {"start", "replicas_at"};
	struct json_at member, other;

	if (!json_get(at, "autoscaler", &member)) {
		scenario_log(l, at, "autoscaler", "none", "default");
		return;
	}
	scenario_read_policy(l, &service->autoscaler.policy, at, "autoscaler", "fixed");
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (json_get(at, others[i], &other)) {
			json_fail(&other, "an autoscaler says how many replicas there are");
		}
	}
	if (json_is_object(member.value)) {
		read_block(l, service, &member);
	} else {
		json_fail(&member, "an autoscaler has options: {\"policy\": NAME, \"max\": ...}");
	}
}
