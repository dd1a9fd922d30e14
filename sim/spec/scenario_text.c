/* What the requests of a load are made of: lengths, shared prefixes, conversations. */
#include "spec/scenario_private.h"

#include <inttypes.h>

struct length_keys {
	double mean, stddev;
	int64_t min, max;
	int shape;
};

struct prefix_keys {
	int64_t tokens, count;
};

struct turns_keys {
	double mean, stddev;
};

struct delay_keys {
	ns_t mean, stddev;
};

#define LENGTH(member) offsetof(struct length_keys, member)
#define PREFIX(member) offsetof(struct prefix_keys, member)
#define TURNS(member) offsetof(struct turns_keys, member)
#define DELAY(member) offsetof(struct delay_keys, member)
#define MOST_TOKENS SCENARIO_MOST_TOKENS
#define MOST_TURNS 1e6

static const char *const shapes[] = {"normal", "gamma", NULL};

/* clang-format off */
const struct option scenario_length_table[] = {
	{"mean", OPTION_REAL, LENGTH(mean), 1, MOST_TOKENS, NULL, NULL, "tokens",
	 "mean tokens of the distribution, rounded"},
	{"stddev", OPTION_REAL, LENGTH(stddev), 0, MOST_TOKENS, "0", NULL, "tokens",
	 "its deviation; 0: all the same"},
	{"min", OPTION_INT, LENGTH(min), 1, MOST_TOKENS, "1", NULL, "tokens",
	 "shorter draws become this"},
	{"max", OPTION_INT, LENGTH(max), 0, MOST_TOKENS, "0", NULL, "tokens",
	 "longer draws become this; 0: none"},
	{"shape", OPTION_CHOICE, LENGTH(shape), 0, 0, "normal", shapes, NULL,
	 "of the distribution; gamma has a long tail and no negative lengths"},
	SCENARIO_END,
};

const struct option scenario_prefix_table[] = {
	{"tokens", OPTION_INT, PREFIX(tokens), 0, MOST_TOKENS, NULL, NULL, "tokens",
	 "of each; in front of the isl"},
	{"count", OPTION_INT, PREFIX(count), 1, 1e6, "1", NULL, "prefixes",
	 "different ones, of which each prompt or conversation draws one"},
	SCENARIO_END,
};

const struct option scenario_turns_table[] = {
	{"mean", OPTION_REAL, TURNS(mean), 1, MOST_TURNS, NULL, NULL, "turns",
	 "of a conversation; normally distributed, rounded, at least 1"},
	{"stddev", OPTION_REAL, TURNS(stddev), 0, MOST_TURNS, "0", NULL, "turns", "its deviation"},
	SCENARIO_END,
};

const struct option scenario_delay_table[] = {
	{"mean", OPTION_DURATION, DELAY(mean), 0, 9e18, NULL, NULL, "s",
	 "from an answer to the next turn; normally distributed, not below 0"},
	{"stddev", OPTION_DURATION, DELAY(stddev), 0, 9e18, "0", NULL, "s", "its deviation"},
	SCENARIO_END,
};
/* clang-format on */

/* The object itself, or one with the bare value under `key`; *made is to be freed. */
static struct json_at as_object(const struct json_at *at, const char *key, json_t **made)
{
	struct json_at object = *at;

	*made = NULL;
	if (json_is_number(at->value) || json_is_string(at->value)) {
		*made = json_pack("{s:O}", key, at->value);
		object.value = *made;
	}
	return object;
}

void scenario_read_length(struct scenario_loader *l, struct length_dist *out,
                          const struct json_at *at)
{
	struct length_keys keys = {.min = 1};
	json_t *alone;
	struct json_at object = as_object(at, "mean", &alone);

	if (scenario_fill(l, scenario_length_table, &keys, &object)) {
		if (keys.max > 0 && keys.max < keys.min) {
			json_fail(at, "max %" PRId64 " is below min %" PRId64, keys.max, keys.min);
		} else if (keys.mean < (double)keys.min ||
		           (keys.max > 0 && keys.mean > (double)keys.max)) {
			json_fail(at, "the mean lies outside of min and max");
		}
	}
	*out = (struct length_dist){.mean = keys.mean,
	                            .stddev = keys.stddev,
	                            .min = keys.min,
	                            .max = keys.max,
	                            .gamma = keys.shape == 1};
	json_decref(alone);
}

static void read_prefix(struct scenario_loader *l, struct load_text *out, const struct json_at *at)
{
	struct prefix_keys keys = {.count = 1};
	json_t *alone;
	struct json_at object = as_object(at, "tokens", &alone);

	scenario_fill(l, scenario_prefix_table, &keys, &object);
	out->prefix_tokens = keys.tokens;
	out->prefixes = keys.count;
	json_decref(alone);
}

static void read_turns(struct scenario_loader *l, struct load_text *out, const struct json_at *at)
{
	struct turns_keys keys = {.mean = 1.0};
	json_t *alone;
	struct json_at object = as_object(at, "mean", &alone);

	scenario_fill(l, scenario_turns_table, &keys, &object);
	out->turns = (struct length_dist){.mean = keys.mean, .stddev = keys.stddev, .min = 1};
	json_decref(alone);
}

static void read_delay(struct scenario_loader *l, struct load_text *out, const struct json_at *at)
{
	struct delay_keys keys = {0};
	json_t *alone;
	struct json_at object = as_object(at, "mean", &alone);

	scenario_fill(l, scenario_delay_table, &keys, &object);
	out->delay = keys.mean;
	out->delay_stddev = keys.stddev;
	json_decref(alone);
}

void scenario_read_text(struct scenario_loader *l, struct load_text *out,
                        const struct load_text_keys *keys, const struct json_at *at)
{
	struct json_at member;

	out->context_tokens = keys->user_context;
	out->entries = keys->dataset_entries;
	out->sessions = keys->sessions;
	if (json_get(at, "prefix", &member)) {
		read_prefix(l, out, &member);
	}
	if (json_get(at, "turn_delay", &member)) {
		read_delay(l, out, &member);
	}
	if (json_get(at, "turns", &member)) {
		read_turns(l, out, &member);
		if (out->entries > 0 && json_get(at, "dataset_entries", &member)) {
			json_fail(&member, "does not go with \"turns\": every conversation is new");
		}
		return;
	}
	static const char *const of_turns[] = {"turn_delay", "sessions"};

	for (size_t i = 0; i < sizeof(of_turns) / sizeof(of_turns[0]); i++) {
		if (json_get(at, of_turns[i], &member)) {
			json_fail(&member, "only goes with \"turns\"");
		}
	}
}
