/* The "loads" of a scenario as written by hand; recorded command lines are scenario_genai.c. */
#include "spec/scenario_private.h"

#include "base/mem.h"
#include "base/str.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct load_keys {
	char *name, *service, *file, *folder, *args;
	int kind, arrivals, format;
	int64_t hash_block, images, users, requests, requests_per_user, warmup_requests,
		warmup_requests_per_user;
	ns_t think, retry, stagger;
	double rate, smoothness, speedup, scale;
	ns_t from;
	bool spread;
	const json_t *isl, *osl, *stages, *clients, *elsewhere;
	struct load_text_keys text;
};

struct stage_keys {
	int64_t users;
	double rate;
	ns_t span;
};

enum { KIND_GENAI = LOAD_SERVEGEN + 1 };
static const char *const kinds[] = {"concurrency", "rate",       "stages", "trace",
                                    "servegen",    "genai-perf", NULL};
static const char *const arrivals[] = {"poisson", "constant", "gamma", NULL};
static const char *const formats[] = {"guess",      "azure", "burstgpt", "mooncake", "aiperf",
                                      "genai-perf", "csv",   "vllm-log", NULL};
static_assert(LOAD_CONCURRENCY == 0 && LOAD_SERVEGEN == 4, "kinds[] follows enum load_kind");
static_assert(ARRIVALS_GAMMA == 2, "arrivals[] follows enum arrivals");
static_assert(TRACE_GUESS == 0 && TRACE_VLLM_LOG == 7, "formats[] follows enum trace_format");

#define KEY(member) offsetof(struct load_keys, member)
#define STAGE(member) offsetof(struct stage_keys, member)
#define MOST_REQUESTS SCENARIO_MOST_REQUESTS
#define MOST_TOKENS SCENARIO_MOST_TOKENS
#define MOST_USERS SCENARIO_MOST_USERS
#define HASH_BLOCK "512" /* as text: SCENARIO_HASH_BLOCK */
#define SMALLEST 1e-12   /* shown as "greater than 0" */

/* clang-format off */
const struct option scenario_load_table[] = {
	{"name", OPTION_TEXT, KEY(name), 0, 0, "", NULL, NULL, "for messages; its place when absent"},
	{"service", OPTION_TEXT, KEY(service), 0, 0, NULL, NULL, NULL, "the name of a service"},
	{"kind", OPTION_CHOICE, KEY(kind), 0, 0, NULL, kinds, NULL, "how requests come"},
	{"isl", OPTION_NODE, KEY(isl), 0, 0, "", NULL, "tokens", "prompt lengths"},
	{"osl", OPTION_NODE, KEY(osl), 0, 0, "", NULL, "tokens", "answer lengths; none for embeddings"},
	{"prefix", OPTION_NODE, KEY(text.prefix), 0, 0, "", NULL, "tokens",
	 "text before every prompt, the same for many: a system prompt"},
	{"user_context", OPTION_INT, KEY(text.user_context), 1, MOST_TOKENS, "", NULL, "tokens",
	 "text behind the prefix, each conversation's own"},
	{"dataset_entries", OPTION_INT, KEY(text.dataset_entries), 1, 1e6, "", NULL, "prompts",
	 "distinct prompts, sent again in turn"},
	{"turns", OPTION_NODE, KEY(text.turns), 0, 0, "", NULL, "turns",
	 "requests of one conversation, each with all that was said before"},
	{"turn_delay", OPTION_NODE, KEY(text.turn_delay), 0, 0, "", NULL, "s",
	 "from an answer to the next turn"},
	{"sessions", OPTION_INT, KEY(text.sessions), 1, MOST_REQUESTS, "", NULL, "conversations",
	 "of the whole load; then it ends"},
	{"images", OPTION_INT, KEY(images), 0, 1000, "0", NULL, "images", "of each request"},
	{"users", OPTION_INT, KEY(users), 1, MOST_USERS, "", NULL, "users",
	 "each waits for the answer before asking again"},
	{"think", OPTION_DURATION, KEY(think), 0, 9e18, "0", NULL, "s", "between answer and next request"},
	{"retry", OPTION_DURATION, KEY(retry), 1e6, 9e18, "1s", NULL, "s",
	 "wait of a user whose request was refused"},
	{"stagger", OPTION_DURATION, KEY(stagger), 0, 9e18, "0", NULL, "s",
	 "users start evenly over this time; 0: all at once"},
	{"rate", OPTION_REAL, KEY(rate), SMALLEST, 1e9, "", NULL, "requests/s", "mean arrival rate"},
	{"arrivals", OPTION_CHOICE, KEY(arrivals), 0, 0, "poisson", arrivals, NULL,
	 "gaps between arrivals"},
	{"smoothness", OPTION_REAL, KEY(smoothness), 1e-3, 1e6, "1", NULL, NULL,
	 "shape of gamma gaps; below 1 bursty, above 1 even"},
	{"requests", OPTION_INT, KEY(requests), 1, MOST_REQUESTS, "", NULL, "requests",
	 "measured, of the whole load; then it ends"},
	{"requests_per_user", OPTION_INT, KEY(requests_per_user), 1, 1e6, "", NULL, "requests",
	 "the same, times users"},
	{"warmup_requests", OPTION_INT, KEY(warmup_requests), 0, MOST_REQUESTS, "0", NULL,
	 "requests", "first so many are sent but not measured"},
	{"warmup_requests_per_user", OPTION_INT, KEY(warmup_requests_per_user), 0, 1e6, "", NULL,
	 "requests", "the same, times users"},
	{"stages", OPTION_NODE, KEY(stages), 0, 0, "", NULL, NULL, "list of loads one after the other"},
	{"file", OPTION_TEXT, KEY(file), 0, 0, "", NULL, NULL, "the trace, from the scenario's folder"},
	{"format", OPTION_CHOICE, KEY(format), 0, 0, "guess", formats, NULL, "of the trace"},
	{"speedup", OPTION_REAL, KEY(speedup), 1e-6, 1e9, "1", NULL, NULL, "arrival times divided by this"},
	{"hash_block", OPTION_INT, KEY(hash_block), 1, MOST_TOKENS, HASH_BLOCK, NULL, "tokens",
	 "of one block id of the trace (hash_ids)"},
	{"spread", OPTION_BOOL, KEY(spread), 0, 0, "false", NULL, NULL,
	 "spread equal timestamps evenly up to the next"},
	{"folder", OPTION_TEXT, KEY(folder), 0, 0, "", NULL, NULL,
	 "of ServeGen's clients, from the scenario's folder"},
	{"clients", OPTION_NODE, KEY(clients), 0, 0, "", NULL, NULL, "numbers of clients; all when absent"},
	{"from", OPTION_DURATION, KEY(from), 0, 9e18, "0", NULL, "s",
	 "time of the profile at which the load begins"},
	{"scale", OPTION_REAL, KEY(scale), 1e-6, 1e6, "1", NULL, NULL, "times which the rates are"},
	{"args", OPTION_TEXT, KEY(args), 0, 0, "", NULL, NULL,
	 "a recorded genai-perf or aiperf command line"},
	SCENARIO_END,
};

const struct option scenario_stage_table[] = {
	{"users", OPTION_INT, STAGE(users), 1, MOST_USERS, "", NULL, "users",
	 "of a closed stage"},
	{"rate", OPTION_REAL, STAGE(rate), SMALLEST, 1e9, "", NULL, "requests/s",
	 "of an open stage"},
	{"for", OPTION_DURATION, STAGE(span), 1, 9e18, NULL, NULL, "s", "how long"},
	SCENARIO_END,
};
/* clang-format on */

#define CLOSED (1u << LOAD_CONCURRENCY)
#define OPEN (1u << LOAD_RATE)
#define STAGED (1u << LOAD_STAGES)
#define TRACE (1u << LOAD_TRACE)
#define SERVEGEN (1u << LOAD_SERVEGEN)
#define RECORDED (1u << KIND_GENAI)
#define EVERY (CLOSED | OPEN | STAGED | TRACE | SERVEGEN | RECORDED)

/* Which keys go with which kinds. */
static const struct {
	const char *key;
	unsigned kinds;
} uses[] = {
	{"name", EVERY},
	{"service", EVERY},
	{"kind", EVERY},
	{"isl", CLOSED | OPEN | STAGED | TRACE},
	{"osl", CLOSED | OPEN | STAGED | TRACE},
	{"prefix", CLOSED | OPEN | STAGED},
	{"user_context", CLOSED | OPEN | STAGED},
	{"dataset_entries", CLOSED | OPEN | STAGED},
	{"turns", CLOSED | OPEN | STAGED},
	{"turn_delay", CLOSED | OPEN | STAGED},
	{"sessions", CLOSED | OPEN},
	{"images", CLOSED | OPEN | STAGED | RECORDED},
	{"users", CLOSED},
	{"think", CLOSED | STAGED},
	{"retry", CLOSED | STAGED},
	{"stagger", CLOSED},
	{"rate", OPEN},
	{"arrivals", OPEN | STAGED},
	{"smoothness", OPEN | STAGED},
	{"requests", CLOSED | OPEN | STAGED | TRACE | SERVEGEN},
	{"requests_per_user", CLOSED},
	{"warmup_requests", CLOSED | OPEN | STAGED | TRACE | SERVEGEN},
	{"warmup_requests_per_user", CLOSED},
	{"stages", STAGED},
	{"file", TRACE},
	{"format", TRACE},
	{"speedup", TRACE},
	{"hash_block", TRACE},
	{"spread", TRACE},
	{"folder", SERVEGEN},
	{"clients", SERVEGEN},
	{"from", SERVEGEN},
	{"scale", SERVEGEN},
	{"args", RECORDED},
};
enum { N_LOAD_KEYS = sizeof(uses) / sizeof(uses[0]) };
static_assert(sizeof(scenario_load_table) / sizeof(scenario_load_table[0]) == N_LOAD_KEYS + 1,
              "uses[] follows the table");

/* The kind, before the rest can be read; -1 when it is missing or unknown (the table says so). */
static int find_kind(const struct json_at *at)
{
	const char *text = json_string_value(json_object_get(at->value, "kind"));

	for (int i = 0; text != NULL && kinds[i] != NULL; i++) {
		if (strcmp(kinds[i], text) == 0) {
			return i;
		}
	}
	return -1;
}

/* The table with keys of other kinds set aside, and an error for each of those that is present. */
static void table_of_kind(int kind, const struct json_at *at, struct option *out)
{
	for (size_t i = 0; i <= N_LOAD_KEYS; i++) {
		struct json_at member;

		out[i] = scenario_load_table[i];
		if (i == N_LOAD_KEYS || (kind >= 0 && (uses[i].kinds & (1u << kind)) != 0)) {
			continue;
		}
		if (kind < 0 && strcmp(out[i].name, "kind") == 0) {
			continue;
		}
		out[i].type = OPTION_NODE;
		out[i].offset = KEY(elsewhere);
		out[i].fallback = "";
		if (kind >= 0 && json_is_object(at->value) && json_get(at, out[i].name, &member)) {
			json_fail(&member, "does not go with kind \"%s\"", kinds[kind]);
		}
	}
}

static void read_stage(struct scenario_loader *l, struct load_stage *out, const struct json_at *at)
{
	struct stage_keys keys;

	if (scenario_fill(l, scenario_stage_table, &keys, at) &&
	    (keys.users > 0) == (keys.rate > 0.0)) {
		json_fail(at, "needs either \"users\" (closed) or \"rate\" (open)");
	}
	*out = (struct load_stage){.users = keys.users, .rate = keys.rate, .span = keys.span};
}

static void read_stages(struct scenario_loader *l, struct scenario_load *load,
                        const struct json_at *at)
{
	struct json_at list;

	if (!json_get(at, "stages", &list)) {
		json_fail(
			at,
			"missing key \"stages\": a list like [{\"users\": 64, \"for\": \"60s\"}]");
		return;
	}
	if (!json_want_array(&list)) {
		return;
	}
	load->n_stages = json_array_size(list.value);
	if (load->n_stages == 0) {
		json_fail(&list, "needs at least one stage");
	}
	load->stages = mem_new(load->n_stages, sizeof(*load->stages));
	for (size_t i = 0; i < load->n_stages; i++) {
		struct json_at item = json_item(&list, i);

		read_stage(l, &load->stages[i], &item);
	}
}

/* requests or requests_per_user, not both; `per_user` is times users. */
static int64_t read_count(struct scenario_loader *l, const struct load_keys *keys,
                          const struct json_at *at, bool warmup)
{
	const char *plain = warmup ? "warmup_requests" : "requests";
	const char *times = warmup ? "warmup_requests_per_user" : "requests_per_user";
	int64_t count = warmup ? keys->warmup_requests : keys->requests;
	int64_t per_user = warmup ? keys->warmup_requests_per_user : keys->requests_per_user;
	struct json_at member, other;
	char text[32];

	if (!json_get(at, times, &member)) {
		return count;
	}
	if (json_get(at, plain, &other)) {
		json_fail(&member, "give either \"%s\" or \"%s\"", plain, times);
		return count;
	}
	if (per_user > 0 && keys->users > (int64_t)MOST_REQUESTS / per_user) {
		json_fail(&member, "times %" PRId64 " users is more than %.0f requests",
		          keys->users, MOST_REQUESTS);
		return count;
	}
	count = per_user * keys->users;
	snprintf(text, sizeof(text), "%" PRId64, count);
	scenario_log(l, at, plain, text, times);
	return count;
}

static void want_key(const struct json_at *at, const char *key, const char *example)
{
	struct json_at member;

	if (!json_get(at, key, &member)) {
		json_fail(at, "missing key \"%s\": %s", key, example);
	}
}

/* The keys of one kind, copied into the load, with what the kind needs. */
static void read_kind(struct scenario_loader *l, struct scenario_load *load,
                      const struct load_keys *keys, const struct json_at *at)
{
	struct json_at member;

	load->users = keys->users;
	load->rate = keys->rate;
	load->think = keys->think;
	load->stagger = keys->stagger;
	load->retry = keys->retry;
	load->images = keys->images;
	load->arrivals = keys->arrivals;
	load->smoothness = keys->smoothness;
	load->requests = read_count(l, keys, at, false);
	load->warmup_requests = read_count(l, keys, at, true);
	scenario_note_short_round(l, load, at);
	load->format = keys->format;
	load->speedup = keys->speedup;
	load->hash_block = keys->hash_block;
	load->spread = keys->spread;
	if (keys->kind == LOAD_CONCURRENCY) {
		want_key(at, "users", "how many ask at a time");
	} else if (keys->kind == LOAD_RATE) {
		want_key(at, "rate", "requests per second");
	} else if (keys->kind == LOAD_STAGES) {
		read_stages(l, load, at);
	} else if (keys->kind == LOAD_TRACE) {
		want_key(at, "file", "the trace");
		load->file = keys->file != NULL ? scenario_resolve(l->sc, keys->file) : NULL;
	} else if (keys->kind == LOAD_SERVEGEN) {
		want_key(at, "folder", "of ServeGen's clients");
		load->folder = keys->folder != NULL ? scenario_resolve(l->sc, keys->folder) : NULL;
		load->from = keys->from;
		load->scale = keys->scale;
		scenario_read_clients(load, at);
	}
	scenario_read_text(l, &load->text, &keys->text, at);
	if (json_get(at, "isl", &member)) {
		scenario_read_length(l, &load->isl, &member);
	}
	if (json_get(at, "osl", &member)) {
		scenario_read_length(l, &load->osl, &member);
	}
	if (keys->arrivals != ARRIVALS_GAMMA && json_get(at, "smoothness", &member)) {
		json_fail(&member, "only goes with \"arrivals\": \"gamma\"");
	}
}

/* Index of the service named; the number of services when there is none. */
static size_t find_service(struct scenario_loader *l, const char *name, const struct json_at *at)
{
	const struct scenario *sc = l->sc;
	const char **names = mem_new(sc->n_services, sizeof(*names));
	struct json_at member;
	size_t found = sc->n_services, n = 0;

	for (size_t i = 0; i < sc->n_services; i++) {
		if (sc->services[i].name != NULL) {
			found = strcmp(sc->services[i].name, name) == 0 && found == sc->n_services
			                ? i
			                : found;
			names[n++] = sc->services[i].name;
		}
	}
	if (n > 0 && found == sc->n_services && json_get(at, "service", &member)) {
		json_fail_name(&member, "service", name, names, n);
	}
	free(names);
	return found;
}

static void name_load(struct scenario_loader *l, struct scenario_load *load, const char *given,
                      size_t index, const struct json_at *at)
{
	load->name = given != NULL ? mem_strdup(given) : mem_printf("loads.%zu", index);
	if (given == NULL) {
		scenario_log(l, at, "name", load->name, "default");
	} else if (scenario_check_name(at, given)) {
		for (size_t i = 0; i < index; i++) {
			if (l->sc->loads[i].name != NULL &&
			    strcmp(l->sc->loads[i].name, given) == 0) {
				json_fail(at, "a second load named \"%s\"", given);
			}
		}
	}
}

static void read_load(struct scenario_loader *l, size_t index, const struct json_at *at)
{
	struct scenario_load *load = &l->sc->loads[index];
	size_t before = err_count(l->err);
	struct option table[N_LOAD_KEYS + 1];
	struct load_keys keys = {0};
	struct json_at member;
	int kind = find_kind(at);

	table_of_kind(kind, at, table);
	scenario_fill(l, table, &keys, at);
	if (json_is_object(at->value) && kind >= 0) {
		size_t service = keys.service != NULL ? find_service(l, keys.service, at)
		                                      : l->sc->n_services;

		name_load(l, load, keys.name, index, at);
		load->service = service < l->sc->n_services ? service : 0;
		load->kind = kind;
		load->streaming = true;
		if (kind != KIND_GENAI) {
			read_kind(l, load, &keys, at);
		} else if (!json_get(at, "args", &member)) {
			json_fail(
				at,
				"missing key \"args\": a recorded genai-perf or aiperf command line");
		} else if (keys.args != NULL && service < l->sc->n_services) {
			load->images = keys.images;
			scenario_read_genai(l, load, &member);
		}
		if (err_count(l->err) == before && service < l->sc->n_services) {
			scenario_check_load(l, load, at);
		}
	}
	option_fini(table, &keys);
}

void scenario_read_loads(struct scenario_loader *l, const struct json_at *at)
{
	if (!json_want_array(at)) {
		return;
	}
	size_t n = json_array_size(at->value);

	if (n == 0) {
		json_fail(at, "needs at least one load");
	}
	l->sc->loads = mem_new(n, sizeof(*l->sc->loads));
	l->sc->n_loads = n;
	for (size_t i = 0; i < n; i++) {
		struct json_at item = json_item(at, i);

		read_load(l, i, &item);
	}
}
