/*
 * Sorts the options of a recorded genai-perf or aiperf line: those that shape the load, those about
 * endpoints and files, which do not matter here, and those that would change the load in a way this
 * version cannot follow. What the values mean is scenario_genai.c. Option names: GenAI-Perf 0.0.16
 * (perf_analyzer 263c5f6e) and AIPerf (db4f6397 and later), their documentation.
 */
#include "spec/scenario_private.h"

#include "base/mem.h"
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum takes { TAKES_NONE, TAKES_ONE, TAKES_MANY };
enum role {
	ROLE_LOAD,        /* read into genai_args */
	ROLE_IGNORED,     /* about the endpoint, files or screens */
	ROLE_HARMLESS,    /* what it asks for is always so here */
	ROLE_UNSUPPORTED, /* an error unless it has the value that changes nothing */
};

struct flag {
	const char *name;
	enum takes takes;
	enum role role;
	int field;           /* enum genai_field of ROLE_LOAD */
	const char *neutral; /* of ROLE_UNSUPPORTED: the value that changes nothing; NULL: none */
};

#define LOAD(name, field)                               \
	{                                               \
		name, TAKES_ONE, ROLE_LOAD, field, NULL \
	}
#define SWITCH(name, field)                              \
	{                                                \
		name, TAKES_NONE, ROLE_LOAD, field, NULL \
	}
#define IGNORED(name)                                  \
	{                                              \
		name, TAKES_ONE, ROLE_IGNORED, 0, NULL \
	}
#define IGNORED_SWITCH(name)                            \
	{                                               \
		name, TAKES_NONE, ROLE_IGNORED, 0, NULL \
	}
#define IGNORED_MANY(name)                              \
	{                                               \
		name, TAKES_MANY, ROLE_IGNORED, 0, NULL \
	}
#define HARMLESS(name, takes)                       \
	{                                           \
		name, takes, ROLE_HARMLESS, 0, NULL \
	}
#define LACKING(name, neutral)                                \
	{                                                     \
		name, TAKES_ONE, ROLE_UNSUPPORTED, 0, neutral \
	}

/* clang-format off */
static const struct flag flags[] = {
	LOAD("--concurrency", GENAI_CONCURRENCY),
	LOAD("--request-rate", GENAI_RATE),
	LOAD("--isl", GENAI_ISL), LOAD("--isl-mean", GENAI_ISL),
	LOAD("--synthetic-input-tokens-mean", GENAI_ISL), LOAD("--prompt-input-tokens-mean", GENAI_ISL),
	LOAD("--isl-stddev", GENAI_ISL_STDDEV),
	LOAD("--synthetic-input-tokens-stddev", GENAI_ISL_STDDEV),
	LOAD("--prompt-input-tokens-stddev", GENAI_ISL_STDDEV),
	LOAD("--osl", GENAI_OSL), LOAD("--osl-mean", GENAI_OSL),
	LOAD("--output-tokens-mean", GENAI_OSL), LOAD("--prompt-output-tokens-mean", GENAI_OSL),
	LOAD("--osl-stddev", GENAI_OSL_STDDEV), LOAD("--output-tokens-stddev", GENAI_OSL_STDDEV),
	LOAD("--prompt-output-tokens-stddev", GENAI_OSL_STDDEV),
	LOAD("--request-count", GENAI_REQUESTS), LOAD("--num-requests", GENAI_REQUESTS),
	LOAD("--warmup-request-count", GENAI_WARMUP), LOAD("--num-warmup-requests", GENAI_WARMUP),
	LOAD("--random-seed", GENAI_SEED),
	LOAD("--measurement-interval", GENAI_INTERVAL), LOAD("-p", GENAI_INTERVAL),
	LOAD("--benchmark-duration", GENAI_DURATION),
	LOAD("--arrival-pattern", GENAI_PATTERN), LOAD("--request-rate-mode", GENAI_PATTERN),
	LOAD("--arrival-smoothness", GENAI_SMOOTHNESS), LOAD("--vllm-burstiness", GENAI_SMOOTHNESS),
	SWITCH("--streaming", GENAI_STREAMING),
	SWITCH("--fixed-schedule", GENAI_FIXED_SCHEDULE),
	LOAD("--input-file", GENAI_INPUT_FILE),
	LOAD("--custom-dataset-type", GENAI_DATASET_TYPE),
	LOAD("--synthesis-speedup-ratio", GENAI_SPEEDUP),
	{"--goodput", TAKES_MANY, ROLE_LOAD, GENAI_GOODPUT, NULL},
	LOAD("--endpoint-type", GENAI_ENDPOINT_TYPE),
	LOAD("--num-prefix-prompts", GENAI_PREFIXES),
	LOAD("--prefix-prompt-pool-size", GENAI_PREFIXES),
	LOAD("--prompt-prefix-pool-size", GENAI_PREFIXES),
	LOAD("--prefix-prompt-length", GENAI_PREFIX_LENGTH),
	LOAD("--prompt-prefix-length", GENAI_PREFIX_LENGTH),
	LOAD("--shared-system-prompt-length", GENAI_SYSTEM_LENGTH),
	LOAD("--user-context-prompt-length", GENAI_CONTEXT_LENGTH),
	LOAD("--num-dataset-entries", GENAI_ENTRIES), LOAD("--num-prompts", GENAI_ENTRIES),
	LOAD("--num-sessions", GENAI_SESSIONS), LOAD("--conversation-num", GENAI_SESSIONS),
	LOAD("--num-conversations", GENAI_SESSIONS),
	LOAD("--session-concurrency", GENAI_SESSION_CONCURRENCY),
	LOAD("--session-turns-mean", GENAI_TURNS), LOAD("--conversation-turn-mean", GENAI_TURNS),
	LOAD("--session-turns-stddev", GENAI_TURNS_STDDEV),
	LOAD("--conversation-turn-stddev", GENAI_TURNS_STDDEV),
	LOAD("--session-turn-delay-mean", GENAI_DELAY),
	LOAD("--conversation-turn-delay-mean", GENAI_DELAY),
	LOAD("--session-turn-delay-stddev", GENAI_DELAY_STDDEV),
	LOAD("--conversation-turn-delay-stddev", GENAI_DELAY_STDDEV),
	LOAD("--session-delay-ratio", GENAI_DELAY_RATIO),
	LOAD("--conversation-turn-delay-ratio", GENAI_DELAY_RATIO),
	LOAD("--isl-block-size", GENAI_HASH_BLOCK),
	LOAD("--synthetic-input-tokens-block-size", GENAI_HASH_BLOCK),
	LOAD("--prompt-input-tokens-block-size", GENAI_HASH_BLOCK),

	{"-m", TAKES_MANY, ROLE_IGNORED, 0, NULL}, IGNORED_MANY("--model"), IGNORED_MANY("--model-names"),
	IGNORED("--model-selection-strategy"), IGNORED("--tokenizer"), IGNORED("--tokenizer-revision"),
	IGNORED_SWITCH("--tokenizer-trust-remote-code"), IGNORED("--service-kind"), IGNORED("--backend"),
	IGNORED("--endpoint"), IGNORED("--custom-endpoint"), IGNORED_MANY("-u"), IGNORED_MANY("--url"),
	IGNORED_MANY("--server-metrics-url"), IGNORED_MANY("--server-metrics-urls"),
	IGNORED_MANY("--server-metrics"), IGNORED_MANY("--gpu-telemetry"), IGNORED_MANY("-H"),
	IGNORED_MANY("--header"), IGNORED_MANY("--headers"), IGNORED("--api-key"),
	IGNORED("--request-timeout-seconds"), IGNORED("--artifact-dir"), IGNORED("--output-artifact-dir"),
	IGNORED("--profile-export-file"), IGNORED("--profile-export-prefix"), IGNORED("--export-level"),
	IGNORED_SWITCH("--generate-plots"), IGNORED_SWITCH("--enable-checkpointing"),
	IGNORED("--checkpoint-dir"), IGNORED_SWITCH("-v"), IGNORED_SWITCH("--verbose"),
	IGNORED_SWITCH("-vv"), IGNORED("--log-level"), IGNORED("--ui"), IGNORED("--ui-type"),
	IGNORED("--stability-percentage"), IGNORED("-s"),
	IGNORED("--dataset-sampling-strategy"), IGNORED("--slice-duration"), IGNORED("--max-threads"),
	IGNORED("--workers-max"), IGNORED("--max-workers"),
	IGNORED("--confidence-level"), IGNORED("--profile-run-cooldown-seconds"),
	IGNORED("--failed-request-threshold"), IGNORED("--benchmark-grace-period"),
	IGNORED("--warmup-grace-period"), IGNORED("--grpc-method"), IGNORED("--transport"),
	IGNORED_SWITCH("--async"), IGNORED_SWITCH("--use-server-token-count"),
	IGNORED("--set-consistent-seed"), IGNORED_MANY("--extra-inputs"),

	/* answers have exactly the length drawn, and a trace starts with its first request */
	HARMLESS("--output-tokens-mean-deterministic", TAKES_NONE),
	HARMLESS("--fixed-schedule-auto-offset", TAKES_NONE),

	LACKING("--prefill-concurrency", NULL),
	LACKING("--user-centric-rate", NULL), LACKING("--num-users", NULL),
	LACKING("--request-rate-series", NULL), LACKING("--concurrency-ramp-duration", "0"),
	LACKING("--request-rate-ramp-duration", "0"), LACKING("--warmup-duration", "0"),
	LACKING("--warmup-concurrency", NULL), LACKING("--warmup-request-rate", NULL),
	LACKING("--num-warmup-sessions", "0"), LACKING("--sequence-distribution", NULL),
	LACKING("--fixed-schedule-start-offset", "0"), LACKING("--fixed-schedule-end-offset", NULL),
	LACKING("--synthesis-prompt-len-multiplier", "1"), LACKING("--synthesis-output-len-multiplier", "1"),
	LACKING("--synthesis-prefix-len-multiplier", "1"), LACKING("--synthesis-max-isl", NULL),
	LACKING("--synthesis-max-osl", NULL), LACKING("--request-cancellation-rate", "0"),
	LACKING("--num-profile-runs", "1"), LACKING("--batch-size", "1"), LACKING("-b", "1"),
	LACKING("--batch-size-text", "1"), LACKING("--batch-size-image", "1"),
	LACKING("--concurrency-range", NULL), LACKING("--request-rate-range", NULL),
	{"--ignore-trace-delays", TAKES_NONE, ROLE_UNSUPPORTED, 0, NULL},
	{"--no-fixed-schedule", TAKES_NONE, ROLE_UNSUPPORTED, 0, NULL},
	/* without cancelling, its delay says nothing */
	IGNORED("--request-cancellation-delay"),
};
/* clang-format on */
enum { N_FLAGS = sizeof(flags) / sizeof(flags[0]) };

struct reader {
	char **words;
	size_t n, at;
	const struct json_at *place;
	struct genai_args *out;
	char *ignored, *unknown; /* lists for the notes */
};

static void append(char **list, const char *name)
{
	char *longer = *list == NULL ? mem_strdup(name) : mem_printf("%s, %s", *list, name);

	free(*list);
	*list = longer;
}

static const struct flag *find_flag(const char *name)
{
	for (size_t i = 0; i < N_FLAGS; i++) {
		if (strcmp(flags[i].name, name) == 0) {
			return &flags[i];
		}
	}
	return NULL;
}

/* Whether a word is an option and not a value: "-1" and "-0.5" are values. */
static bool is_option(const char *word)
{
	double number;

	return word[0] == '-' && word[1] != '\0' && !str_to_real(word, &number);
}

/* The values that follow, joined by blanks; NULL when there is none. Caller frees. */
static char *take_values(struct reader *r, enum takes takes)
{
	char *joined = NULL;

	while (r->at < r->n && takes != TAKES_NONE && !is_option(r->words[r->at])) {
		char *longer = joined == NULL ? mem_strdup(r->words[r->at])
		                              : mem_printf("%s %s", joined, r->words[r->at]);

		free(joined);
		joined = longer;
		r->at++;
		if (takes == TAKES_ONE) {
			break;
		}
	}
	return joined;
}

static bool same_number(const char *a, const char *b)
{
	double x, y;

	return str_to_real(a, &x) && str_to_real(b, &y) && fabs(x - y) < 1e-12;
}

static void store(struct reader *r, const struct flag *flag, const char *value)
{
	size_t field = (size_t)flag->field;
	struct genai_args *out = r->out;

	if (field == GENAI_GOODPUT &&
	    out->value[field] != NULL) { /* adds up; others: the last holds */
		char *both = mem_printf("%s %s", out->value[field], value);

		free(out->value[field]);
		out->value[field] = both;
		return;
	}
	free(out->value[field]);
	free(out->flag[field]);
	out->value[field] = mem_strdup(value);
	out->flag[field] = mem_strdup(flag->name);
}

static void use_flag(struct reader *r, const struct flag *flag, const char *value)
{
	if (flag->takes != TAKES_NONE && value == NULL && flag->role != ROLE_IGNORED) {
		json_fail(r->place, "%s: needs a value", flag->name);
		return;
	}
	switch (flag->role) {
	case ROLE_LOAD:
		if (flag->takes != TAKES_NONE || value == NULL || strcmp(value, "true") == 0) {
			store(r, flag, value != NULL ? value : "true");
		}
		break;
	case ROLE_IGNORED:
		append(&r->ignored, flag->name);
		break;
	case ROLE_UNSUPPORTED:
		if (flag->neutral == NULL || value == NULL || !same_number(value, flag->neutral)) {
			json_fail(r->place,
			          "%s changes the load in a way this version does not simulate",
			          flag->name);
		}
		break;
	case ROLE_HARMLESS:
		break;
	}
}

/* One option with its values; "--name=value" holds its only value in itself. */
static void read_option(struct reader *r)
{
	char *name = mem_strdup(r->words[r->at++]);
	char *equals = strncmp(name, "--", 2) == 0 ? strchr(name, '=') : NULL;
	char *value = NULL;

	if (equals != NULL) {
		*equals = '\0';
		value = mem_strdup(equals + 1);
	}
	const struct flag *flag = find_flag(name);

	if (value == NULL) { /* an unknown option may have any number of values */
		value = take_values(r, flag != NULL ? flag->takes : TAKES_MANY);
	}
	if (flag != NULL) {
		use_flag(r, flag, value);
	} else {
		append(&r->unknown, name);
	}
	free(name);
	free(value);
}

/* A variable of the environment, as a shell takes it before a command. */
static bool is_assignment(const char *word)
{
	const char *equals = strchr(word, '=');

	return equals != NULL && equals > word && strcspn(word, "/-.") > (size_t)(equals - word);
}

/* The program's name and subcommand before the first option; false when they are not ours. */
static bool read_leading_words(struct reader *r)
{
	bool named = false;

	for (; r->at < r->n && !is_option(r->words[r->at]); r->at++) {
		const char *slash = strrchr(r->words[r->at], '/');
		const char *word = slash != NULL ? slash + 1 : r->words[r->at];

		if (!named && is_assignment(r->words[r->at])) {
			continue;
		}
		if (!named && (strcmp(word, "aiperf") == 0 || strcmp(word, "genai-perf") == 0)) {
			r->out->aiperf = strcmp(word, "aiperf") == 0;
			named = true;
		} else if (strcmp(word, "profile") == 0) {
			r->at++;
			return true;
		} else if (named) {
			json_fail(r->place, "only \"profile\" makes a load, got \"%.60s\"", word);
			return false;
		} else {
			json_fail(
				r->place,
				"expected a line of \"genai-perf profile\" or \"aiperf profile\", "
				"got one of \"%.60s\"",
				word);
			return false;
		}
	}
	return true;
}

bool genai_args_read(const char *line, const struct json_at *at, struct genai_args *out)
{
	const char *why = NULL;
	struct reader r = {.place = at, .out = out};
	size_t before = err_count(at->err);
	char path[512];

	memset(out, 0, sizeof(*out));
	r.words = genai_split(line, &r.n, &why);
	if (r.words == NULL) {
		json_fail(at, "%s", why);
		return false;
	}
	bool ours = read_leading_words(&r);

	while (ours && r.at < r.n) {
		if (strcmp(r.words[r.at], "--") == 0) { /* perf_analyzer's own options follow */
			r.at++;
		} else if (is_option(r.words[r.at])) {
			read_option(&r);
		} else {
			json_fail(at, "unexpected word \"%.60s\"", r.words[r.at]);
			r.at++;
		}
	}
	json_path(at, path, sizeof(path));
	if (r.ignored != NULL) {
		err_note(at->err, "%s: %s: ignored (transport): %s", at->file, path, r.ignored);
	}
	if (r.unknown != NULL) {
		err_note(at->err, "%s: %s: not known, ignored: %s", at->file, path, r.unknown);
	}
	for (size_t i = 0; i < r.n; i++) {
		free(r.words[i]);
	}
	free(r.words);
	free(r.ignored);
	free(r.unknown);
	return err_count(at->err) == before;
}

void genai_args_free(struct genai_args *args)
{
	for (size_t i = 0; i < GENAI_FIELDS; i++) {
		free(args->value[i]);
		free(args->flag[i]);
	}
}
