/* Makes a load of the options of a recorded genai-perf or aiperf line, with that tool's defaults.
 */
#include "spec/scenario_private.h"

#include "base/mem.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_ISL 550.0   /* both tools */
#define SMALLEST_SHOWN 1e-6 /* a lower limit below it reads as "greater than 0" */
#define DEFAULT_ENTRIES 100 /* distinct prompts; both tools */
#define DEFAULT_PREFIX 100  /* tokens; GenAI-Perf, AIPerf: none */
#define DEFAULT_REQUESTS 10 /* GenAI-Perf; AIPerf: at least this, or twice the concurrency */

/* What the conversion needs everywhere. */
struct recorded {
	struct scenario_loader *l;
	const struct genai_args *args;
	struct scenario_load *load;
	const struct json_at *at;   /* the "args" string */
	const struct json_at *line; /* the load, for the log */
};

static void note_value(const struct recorded *r, const char *key, double value, bool given)
{
	char text[40];

	scenario_log(r->l, r->line, key, str_real(value, text, sizeof(text)),
	             given             ? "scenario"
	             : r->args->aiperf ? "aiperf's default"
	                               : "genai-perf's default");
}

/* The option as a number in [min, max], or `fallback` when it was not given. */
static double number(const struct recorded *r, enum genai_field field, double fallback, double min,
                     double max)
{
	const char *text = r->args->value[field];
	double value;

	if (text == NULL) {
		return fallback;
	}
	if (!str_to_real(text, &value)) {
		json_fail(r->at, "%s: expected a number, got \"%.60s\"", r->args->flag[field],
		          text);
		return fallback;
	}
	if (value >= min && value <= max) {
		return value;
	}
	if (value < min && min > 0.0 && min < SMALLEST_SHOWN) {
		json_fail(r->at, "%s: must be greater than 0, got %.60s", r->args->flag[field],
		          text);
	} else {
		char limit[40];

		json_fail(r->at, "%s: must be at %s %s, got %.60s", r->args->flag[field],
		          value < min ? "least" : "most",
		          str_real(value < min ? min : max, limit, sizeof(limit)), text);
	}
	return fallback;
}

static int64_t integer(const struct recorded *r, enum genai_field field, int64_t fallback,
                       double min, double max)
{
	const char *text = r->args->value[field];
	int64_t value;

	if (text == NULL || str_to_int(text, &value)) {
		return (int64_t)number(r, field, (double)fallback, min, max);
	}
	if (strchr(text, ',') != NULL) {
		json_fail(r->at, "%s: \"%.60s\" is a sweep; give one value", r->args->flag[field],
		          text);
	} else {
		json_fail(r->at, "%s: expected an integer, got \"%.60s\"", r->args->flag[field],
		          text);
	}
	return fallback;
}

static void read_lengths(const struct recorded *r, bool embeds)
{
	const struct genai_args *args = r->args;
	struct scenario_load *load = r->load;
	double osl = number(r, GENAI_OSL, 0.0, -1.0, SCENARIO_MOST_TOKENS);

	load->isl.mean = number(r, GENAI_ISL, DEFAULT_ISL, 1.0, SCENARIO_MOST_TOKENS);
	load->isl.stddev = number(r, GENAI_ISL_STDDEV, 0.0, 0.0, SCENARIO_MOST_TOKENS);
	load->isl.min = 1;
	load->osl.mean = osl > 0.0 ? osl : 0.0; /* -1: the model decides */
	load->osl.stddev = number(r, GENAI_OSL_STDDEV, 0.0, 0.0, SCENARIO_MOST_TOKENS);
	load->osl.min = 1;
	note_value(r, "isl.mean", load->isl.mean, args->value[GENAI_ISL] != NULL);
	note_value(r, "isl.stddev", load->isl.stddev, args->value[GENAI_ISL_STDDEV] != NULL);
	if (load->osl.mean > 0.0) {
		note_value(r, "osl.mean", load->osl.mean, true);
		note_value(r, "osl.stddev", load->osl.stddev,
		           args->value[GENAI_OSL_STDDEV] != NULL);
	} else if (!embeds && load->kind != LOAD_TRACE) {
		json_fail(r->at,
		          "--osl is needed: without it the model decides how long its answers are");
	}
}

static void read_arrivals(const struct recorded *r)
{
	static const char *const names[] = {"poisson", "constant", "gamma"};
	const char *given = r->args->value[GENAI_PATTERN];
	const char *name = given != NULL ? given : r->args->aiperf ? "poisson" : "constant";
	struct scenario_load *load = r->load;
	size_t i = 0;

	while (i < 3 && strcmp(names[i], name) != 0) {
		i++;
	}
	if (i == 3) {
		json_fail(r->at, "%s: \"%.60s\" is not simulated; known: poisson, constant, gamma",
		          r->args->flag[GENAI_PATTERN], name);
		return;
	}
	load->arrivals = (int)i;
	load->smoothness = number(r, GENAI_SMOOTHNESS, 1.0, 1e-3, 1e6);
	scenario_log(r->l, r->line, "arrivals", name,
	             given != NULL     ? "scenario"
	             : r->args->aiperf ? "aiperf's default"
	                               : "genai-perf's default");
}

/* A load that stops by time is one stage. */
static void make_stage(const struct recorded *r, double seconds)
{
	struct scenario_load *load = r->load;

	load->stages = mem_new(1, sizeof(*load->stages));
	load->n_stages = 1;
	load->stages[0] = (struct load_stage){
		.users = load->kind == LOAD_CONCURRENCY ? load->users : 0,
		.rate = load->kind == LOAD_RATE ? load->rate : 0.0,
		.span = ns_from_seconds(seconds),
	};
	load->kind = LOAD_STAGES;
	note_value(r, "stages.0.for", seconds, true);
}

static void read_counts(const struct recorded *r)
{
	struct scenario_load *load = r->load;
	const struct genai_args *args = r->args;
	bool given = args->value[GENAI_REQUESTS] != NULL;
	double seconds = number(r, GENAI_DURATION, 0.0, 1e-3, 9e9);
	int64_t fallback = DEFAULT_REQUESTS;

	if (args->value[GENAI_INTERVAL] != NULL) {
		seconds = number(r, GENAI_INTERVAL, 0.0, 1.0, 9e12) / 1000.0;
	}
	if (args->aiperf && 2 * load->users > fallback) {
		fallback = 2 * load->users;
	}
	load->warmup_requests = integer(r, GENAI_WARMUP, 0, 0.0, SCENARIO_MOST_REQUESTS);
	note_value(r, "warmup_requests", (double)load->warmup_requests,
	           args->value[GENAI_WARMUP] != NULL);
	/* with conversations, how many of them says when it ends */
	if (given || !(seconds > 0.0 || load->text.sessions > 0)) {
		load->requests = integer(r, GENAI_REQUESTS, fallback, 1.0, SCENARIO_MOST_REQUESTS);
		note_value(r, "requests", (double)load->requests, given);
		scenario_note_short_round(r->l, load, r->line);
	}
	if (seconds > 0.0) {
		make_stage(r, seconds);
	}
}

/* Text in front of every prompt: one of a pool, or one for all and one for each conversation. */
static void read_prefix(const struct recorded *r)
{
	struct load_text *text = &r->load->text;
	int64_t pool = integer(r, GENAI_PREFIXES, 0, 0.0, 1e6);
	bool context = r->args->value[GENAI_SYSTEM_LENGTH] != NULL ||
	               r->args->value[GENAI_CONTEXT_LENGTH] != NULL;

	if (pool > 0 && context) {
		json_fail(r->at,
		          "%s does not go with --shared-system-prompt-length and "
		          "--user-context-prompt-length",
		          r->args->flag[GENAI_PREFIXES]);
	}
	text->prefix_tokens = integer(r, GENAI_SYSTEM_LENGTH, 0, 1.0, SCENARIO_MOST_TOKENS);
	text->context_tokens = integer(r, GENAI_CONTEXT_LENGTH, 0, 1.0, SCENARIO_MOST_TOKENS);
	text->prefixes = 1;
	if (pool > 0) {
		text->prefixes = pool;
		text->prefix_tokens =
			integer(r, GENAI_PREFIX_LENGTH, r->args->aiperf ? 0 : DEFAULT_PREFIX, 0.0,
		                SCENARIO_MOST_TOKENS);
	}
	if (text->prefix_tokens > 0) {
		note_value(r, "prefix.tokens", (double)text->prefix_tokens,
		           r->args->value[GENAI_PREFIX_LENGTH] != NULL || pool == 0);
		note_value(r, "prefix.count", (double)text->prefixes, true);
	}
	if (text->context_tokens > 0) {
		note_value(r, "user_context", (double)text->context_tokens, true);
	}
}

/* Conversations: GenAI-Perf's session mode, AIPerf's more than one turn. False: single requests. */
static bool read_sessions(const struct recorded *r)
{
	const struct genai_args *args = r->args;
	struct load_text *text = &r->load->text;
	double turns = number(r, GENAI_TURNS, 1.0, 1.0, 1e6);
	double stddev = number(r, GENAI_TURNS_STDDEV, 0.0, 0.0, 1e6);
	double ratio = number(r, GENAI_DELAY_RATIO, 1.0, 0.0, 1e6);
	int64_t sessions = integer(r, GENAI_SESSIONS, 0, 0.0, SCENARIO_MOST_REQUESTS);
	int64_t users = integer(r, GENAI_SESSION_CONCURRENCY, 0, 0.0, SCENARIO_MOST_USERS);

	if (sessions == 0 && users == 0 && turns <= 1.0 && !(stddev > 0.0)) {
		return false;
	}
	if (!args->aiperf && (users == 0 || sessions == 0)) {
		json_fail(r->at,
		          "conversations need --session-concurrency (how many at a time) and "
		          "--num-sessions (how many in all)");
	}
	text->turns = (struct length_dist){.mean = turns, .stddev = stddev, .min = 1};
	text->sessions = sessions;
	text->delay = ns_from_seconds(number(r, GENAI_DELAY, 0.0, 0.0, 9e9) / 1e3 * ratio);
	text->delay_stddev =
		ns_from_seconds(number(r, GENAI_DELAY_STDDEV, 0.0, 0.0, 9e9) / 1e3 * ratio);
	r->load->users = users;
	note_value(r, "turns.mean", turns, args->value[GENAI_TURNS] != NULL);
	note_value(r, "turns.stddev", stddev, args->value[GENAI_TURNS_STDDEV] != NULL);
	note_value(r, "turn_delay.mean", ns_to_seconds(text->delay),
	           args->value[GENAI_DELAY] != NULL);
	note_value(r, "turn_delay.stddev", ns_to_seconds(text->delay_stddev),
	           args->value[GENAI_DELAY_STDDEV] != NULL);
	if (sessions > 0) {
		note_value(r, "sessions", (double)sessions, true);
	}
	return true;
}

/* Both tools make so many prompts and send them again when they run out of them. */
static void read_entries(const struct recorded *r)
{
	struct scenario_load *load = r->load;
	int64_t entries = integer(r, GENAI_ENTRIES, DEFAULT_ENTRIES, 1.0, 1e6);

	if (load->requests == 0 || load->requests + load->warmup_requests > entries) {
		load->text.entries = entries;
		note_value(r, "dataset_entries", (double)entries,
		           r->args->value[GENAI_ENTRIES] != NULL);
	}
}

static void read_synthetic(const struct recorded *r)
{
	struct scenario_load *load = r->load;
	const struct genai_args *args = r->args;
	bool talks = read_sessions(r);

	read_prefix(r);
	if (args->value[GENAI_RATE] != NULL) {
		load->kind = LOAD_RATE;
		load->rate = number(r, GENAI_RATE, 1.0, 1e-9, 1e9);
		note_value(r, "rate", load->rate, true);
		read_arrivals(r);
		if (args->value[GENAI_CONCURRENCY] != NULL) {
			json_fail(r->at,
			          "--request-rate with --concurrency (a rate with a cap) is not "
			          "simulated; give one of them");
		}
	} else {
		bool sessions = load->users > 0;

		load->kind = LOAD_CONCURRENCY;
		if (!sessions) {
			load->users = integer(r, GENAI_CONCURRENCY, 1, 1.0, SCENARIO_MOST_USERS);
		}
		note_value(r, "users", (double)load->users,
		           sessions || args->value[GENAI_CONCURRENCY] != NULL);
	}
	read_counts(r);
	if (!talks) {
		read_entries(r);
	}
}

/* The trace format behind AIPerf's --custom-dataset-type; TRACE_GUESS with an error if unknown. */
static int dataset_format(const struct recorded *r)
{
	static const struct {
		const char *name;
		enum trace_format format;
	} types[] = {{"mooncake_trace", TRACE_MOONCAKE}, {"burst_gpt_trace", TRACE_BURSTGPT}};
	const char *type = r->args->value[GENAI_DATASET_TYPE];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i].name, type) == 0) {
			return (int)types[i].format;
		}
	}
	json_fail(r->at,
	          "--custom-dataset-type: \"%.60s\" is not simulated; known: mooncake_trace, "
	          "burst_gpt_trace",
	          type);
	return TRACE_GUESS;
}

static void read_trace(const struct recorded *r)
{
	static const char payload[] = "payload:";
	const char *file = r->args->value[GENAI_INPUT_FILE];
	struct scenario_load *load = r->load;
	bool is_payload = strncmp(file, payload, strlen(payload)) == 0;
	bool has_type = r->args->value[GENAI_DATASET_TYPE] != NULL;

	load->kind = LOAD_TRACE;
	load->speedup = number(r, GENAI_SPEEDUP, 1.0, 1e-6, 1e9);
	if (!is_payload && !has_type) {
		json_fail(r->at,
		          "--input-file: only payload:FILE with --fixed-schedule, or a trace with "
		          "--custom-dataset-type, says when requests come and how long they are");
		return;
	}
	if (is_payload && r->args->value[GENAI_FIXED_SCHEDULE] == NULL) {
		json_fail(
			r->at,
			"--input-file payload: needs --fixed-schedule; texts have no known length");
		return;
	}
	load->format =
		has_type ? dataset_format(r) : TRACE_MOONCAKE; /* payload is Mooncake's JSONL */
	load->file = scenario_resolve(r->l->sc, is_payload ? file + strlen(payload) : file);
	scenario_log(r->l, r->line, "file", load->file, "scenario");
	if (r->args->value[GENAI_REQUESTS] != NULL) {
		load->requests = integer(r, GENAI_REQUESTS, 0, 1.0, SCENARIO_MOST_REQUESTS);
		note_value(r, "requests", (double)load->requests, true);
	}
	load->warmup_requests = integer(r, GENAI_WARMUP, 0, 0.0, SCENARIO_MOST_REQUESTS);
	load->hash_block =
		integer(r, GENAI_HASH_BLOCK, SCENARIO_HASH_BLOCK, 1.0, SCENARIO_MOST_TOKENS);
}

/* --goodput "tag:value tag:value" becomes limits of the service. */
static void read_goodput(const struct recorded *r)
{
	const char *at = r->args->value[GENAI_GOODPUT];
	struct scenario_service *service = &r->l->sc->services[r->load->service];

	while (at != NULL && *at != '\0') {
		size_t length = strcspn(at, " ");
		char *pair = mem_printf("%.*s", (int)length, at);
		const char *why;
		struct slo slo;

		if (length > 0 && slo_parse(pair, &slo, &why)) {
			scenario_add_slo(service, &slo, r->at);
		} else if (length > 0) {
			json_fail(r->at, "--goodput: %s", why);
		}
		free(pair);
		at += length + (at[length] == ' ' ? 1 : 0);
	}
}

static bool is_embedding_type(const char *type)
{
	return type != NULL &&
	       (strcmp(type, "embeddings") == 0 || strcmp(type, "rankings") == 0 ||
	        strstr(type, "_embeddings") != NULL || strstr(type, "_rankings") != NULL);
}

static void read_seed(const struct recorded *r)
{
	char text[32];

	if (r->args->value[GENAI_SEED] == NULL || r->l->seed_given) {
		return; /* the scenario's own seed wins */
	}
	r->l->sc->seed = (uint64_t)integer(r, GENAI_SEED, 1, 0.0, 9e15);
	snprintf(text, sizeof(text), "%" PRIu64, r->l->sc->seed);
	option_log_add(r->l->sc->log, "seed", text, "scenario");
}

static void read_recorded(const struct recorded *r)
{
	const struct genai_args *args = r->args;
	const struct llm_spec *llm = r->l->sc->services[r->load->service].llm;
	const char *type = args->value[GENAI_ENDPOINT_TYPE];
	bool embeds = is_embedding_type(type);
	bool streams = args->value[GENAI_STREAMING] != NULL;

	if (llm != NULL && type != NULL && embeds != (llm->task == LLM_EMBED)) {
		json_fail(r->at, "--endpoint-type %s does not go with model \"%s\", which %s", type,
		          llm->name, embeds ? "writes text" : "makes embeddings");
	}
	if (args->value[GENAI_INPUT_FILE] != NULL) {
		read_trace(r);
	} else {
		read_synthetic(r);
	}
	read_lengths(r, embeds || (llm != NULL && llm->task == LLM_EMBED));
	read_goodput(r);
	read_seed(r);
	r->load->streaming = streams;
	scenario_log(r->l, r->line, "streaming", streams ? "true" : "false",
	             streams ? "scenario" : "default");
}

void scenario_read_genai(struct scenario_loader *l, struct scenario_load *load,
                         const struct json_at *at)
{
	struct genai_args args;
	struct recorded r = {.l = l, .args = &args, .load = load, .at = at, .line = at->up};

	load->kind = LOAD_CONCURRENCY;
	load->smoothness = 1.0;
	load->speedup = 1.0;
	load->hash_block = SCENARIO_HASH_BLOCK;
	if (genai_args_read(json_string_value(at->value), at, &args)) {
		read_recorded(&r);
	}
	genai_args_free(&args);
}
