/* Reads protocols and applies their rules in order, later ones over earlier ones. */
#include "study/protocol.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/option.h"
#include "base/str.h"
#include "spec/llm_spec.h"
#include "study/measured.h"

struct rule {
	struct protocol_terms terms; /* its nodes are borrowed from the file */
	const json_t *keys;          /* which of the terms it sets */
	const json_t *when;
};

struct protocol {
	char *name;
	json_t *json;
	struct rule *rules;
	size_t n_rules;
};

struct file_keys {
	char *name, *title, *checked, *note;
	const json_t *aliases, *rules;
};

struct rule_keys {
	int64_t requests_per_user, requests, warmup, prompts;
	double length_share, length_spread;
	bool fitted;
	char *source;
	const json_t *when, *seqs, *engine_options, *service, *load, *node;
	char *engine, *precision, *engine_version, *skip;
};

#define FILE_KEY(member) offsetof(struct file_keys, member)
#define KEY(member) offsetof(struct rule_keys, member)

/* clang-format off */
static const struct option file_table[] = {
	{"name", OPTION_TEXT, FILE_KEY(name), 0, 0, NULL, NULL, NULL, "the file name without .json"},
	{"title", OPTION_TEXT, FILE_KEY(title), 0, 0, NULL, NULL, NULL, "for people"},
	{"aliases", OPTION_NODE, FILE_KEY(aliases), 0, 0, "", NULL, NULL, "other sources like it"},
	{"checked", OPTION_TEXT, FILE_KEY(checked), 0, 0, "", NULL, NULL, "date"},
	{"note", OPTION_TEXT, FILE_KEY(note), 0, 0, "", NULL, NULL, "what a reader must know"},
	{"rules", OPTION_NODE, FILE_KEY(rules), 0, 0, NULL, NULL, NULL, "applied in order"},
	{NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL},
};

static const struct option rule_table[] = {
	{"source", OPTION_TEXT, KEY(source), 0, 0, NULL, NULL, NULL, "where the rule comes from"},
	{"when", OPTION_NODE, KEY(when), 0, 0, "", NULL, NULL, "which runs it is for"},
	{"requests_per_user", OPTION_INT, KEY(requests_per_user), 1, 1e6, "10", NULL, "requests", "rounds"},
	{"requests", OPTION_INT, KEY(requests), 1, 1e7, "1", NULL, "requests", "of all users, instead of rounds"},
	{"warmup_requests_per_user", OPTION_INT, KEY(warmup), 0, 1e6, "0", NULL, "requests", "dropped"},
	{"prompts", OPTION_INT, KEY(prompts), 1, 1e7, "1000", NULL, "requests", "of a flood"},
	{"max_num_seqs", OPTION_NODE, KEY(seqs), 0, 0, "", NULL, NULL, "a number, users or users-1"},
	{"length_share", OPTION_SHARE, KEY(length_share), 0.01, 1, "1", NULL, NULL,
	 "shortest request over the nominal one"},
	{"length_spread", OPTION_REAL, KEY(length_spread), 0, 4, "0", NULL, NULL,
	 "standard deviation of lengths over their mean"},
	{"fitted", OPTION_BOOL, KEY(fitted), 0, 0, "false", NULL, NULL,
	 "its numbers were chosen by these rows"},
	{"engine_options", OPTION_NODE, KEY(engine_options), 0, 0, "", NULL, NULL, "over the profile's"},
	{"services", OPTION_NODE, KEY(service), 0, 0, "", NULL, NULL, "further keys of the service"},
	{"engine", OPTION_TEXT, KEY(engine), 0, 0, "", NULL, NULL, "of rows that do not say"},
	{"precision", OPTION_TEXT, KEY(precision), 0, 0, "", NULL, NULL, "of rows that do not say"},
	{"engine_version", OPTION_TEXT, KEY(engine_version), 0, 0, "", NULL, NULL,
	 "of rows that do not say"},
	{"loads", OPTION_NODE, KEY(load), 0, 0, "", NULL, NULL, "further keys of the load"},
	{"nodes", OPTION_NODE, KEY(node), 0, 0, "", NULL, NULL, "further keys of the node"},
	{"skip", OPTION_TEXT, KEY(skip), 0, 0, "", NULL, NULL, "why these rows are not simulated"},
	{NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL},
};
/* clang-format on */

/* What a rule may ask for, in the order of condition_values. */
static const char *const conditions[] = {"gpu",       "model", "engine",   "engine_version",
                                         "precision", "load",  "workload", "tp",
                                         "isl",       "osl",   "sharing",  "note"};
#define N_CONDITIONS (sizeof(conditions) / sizeof(conditions[0]))

static const char *const loads[] = {"closed", "open",         "flood", "step",
                                    "trace",  MEASURED_START, NULL};
static const char *const sharings[] = {"",     "exclusive", "time_slicing", "sm_sharing", "strict",
                                       "fair", NULL};

static void read_seqs(const struct json_at *at, struct protocol_terms *t)
{
	const char *text = "";

	if (json_is_integer(at->value) && json_integer_value(at->value) > 0) {
		t->seqs = SEQS_NUMBER;
		t->max_num_seqs = json_integer_value(at->value);
		return;
	}
	if (json_is_string(at->value)) {
		text = json_string_value(at->value);
	}
	if (strcmp(text, "users") == 0) {
		t->seqs = SEQS_USERS;
	} else if (strcmp(text, "users-1") == 0) {
		t->seqs = SEQS_USERS_LESS_ONE;
	} else {
		json_fail(at, "expected a number, \"users\" or \"users-1\"");
	}
}

/* A name that no data sheet has would never hold; `at` is it. */
static void check_sheet(const struct json_at *at, const char *kind, const char *text,
                        struct data_dir *data)
{
	const char *own = NULL;
	size_t n;

	if (data_dir_find(data, kind, text, &own) == NULL) {
		const char *const *const names = data_dir_names(data, kind, &n);
		json_fail_name(at, "name", text, names, n);
	} else if (strcmp(own, text) != 0) {
		json_fail(at, "\"%s\" is an alias; the data sheet's own name is \"%s\"", text, own);
	}
}

static void check_choice(const struct json_at *at, const char *text, const char *const *names)
{
	size_t n = 0;

	while (names[n] != NULL) {
		if (strcmp(names[n++], text) == 0) {
			return;
		}
	}
	json_fail_name(at, "name", text, names, n);
}

/* One text that a condition is compared with. */
static void check_text(const struct json_at *at, const char *condition, struct data_dir *data)
{
	const char *text;
	double number;

	if (!json_want_string(at, &text)) {
		return;
	}
	if (strcmp(condition, "gpu") == 0 || strcmp(condition, "engine") == 0) {
		check_sheet(at, condition, text, data);
	} else if (strcmp(condition, "model") == 0) {
		check_sheet(at, "llm", text, data);
	} else if (strcmp(condition, "precision") == 0) {
		check_choice(at, text, precision_names);
	} else if (strcmp(condition, "load") == 0) {
		check_choice(at, text, loads);
	} else if (strcmp(condition, "sharing") == 0) {
		check_choice(at, text, sharings);
	} else if ((strcmp(condition, "tp") == 0 || strcmp(condition, "isl") == 0 ||
	            strcmp(condition, "osl") == 0) &&
	           !str_to_real(text, &number)) {
		json_fail(at, "expected a number as text, got \"%s\"", text);
	}
}

static bool is_condition(const char *key)
{
	for (size_t i = 0; i < N_CONDITIONS; i++) {
		if (strcmp(key, conditions[i]) == 0) {
			return true;
		}
	}
	return false;
}

static void read_when(const struct json_at *at, struct data_dir *data)
{
	const char *key;
	json_t *value;

	if (!json_want_object(at)) {
		return;
	}
	/* the iteration macro wants a pointer that is not const, though it only reads */
	json_t *const object = json_deep_copy(at->value);

	json_object_foreach(object, key, value) {
		const struct json_at member = {value, at, key, 0, at->file, at->err};
		if (!is_condition(key)) {
			json_fail_name(at, "condition", key, conditions, N_CONDITIONS);
		} else if (!json_is_array(value)) {
			check_text(&member, key, data);
		}
		for (size_t i = 0; i < json_array_size(value); i++) {
			const struct json_at item = json_item(&member, i);
			check_text(&item, key, data);
		}
	}
	json_decref(object);
}

/* Objects that are laid over a scenario's; what is in them the scenario checks. */
static void read_object(const struct json_at *at, const char *key, const char *elsewhere)
{
	struct json_at member, inner;

	if (json_get(at, key, &member) && json_want_object(&member) && elsewhere != NULL &&
	    json_get(&member, elsewhere, &inner)) {
		json_fail(&inner, "is a key of the rule itself");
	}
}

static void read_rule(struct rule *rule, const struct json_at *at, struct data_dir *data)
{
	struct rule_keys keys;
	struct json_at member;

	if (option_fill(rule_table, &keys, at, "protocol", NULL)) {
		rule->keys = at->value;
		rule->when = keys.when;
		rule->terms.requests_per_user = keys.requests_per_user;
		rule->terms.requests = keys.requests;
		rule->terms.warmup_requests_per_user = keys.warmup;
		rule->terms.prompts = keys.prompts;
		rule->terms.length_share = keys.length_share;
		rule->terms.length_spread = keys.length_spread;
		rule->terms.fitted = keys.fitted;
		if (json_get(at, "max_num_seqs", &member)) {
			read_seqs(&member, &rule->terms);
		}
		if (json_get(at, "when", &member)) {
			read_when(&member, data);
		}
		read_object(at, "engine_options", NULL);
		read_object(at, "services", "engine_options");
		read_object(at, "loads", NULL);
		read_object(at, "nodes", NULL);
	}
	option_fini(rule_table, &keys);
}

/* The keys of the file; its rules into *rules. */
static bool read_file(const struct json_at *root, const char *sheet, struct json_at *rules)
{
	struct file_keys keys;
	struct json_at member;

	if (!json_want_object(root)) {
		return false;
	}
	bool ok = option_fill(file_table, &keys, root, "protocol", NULL);
	if (ok && strcmp(keys.name, sheet) != 0 && json_get(root, "name", &member)) {
		json_fail(&member, "\"%s\" is not the file's name, \"%s\"", keys.name, sheet);
		ok = false;
	}
	option_fini(file_table, &keys);
	return ok && json_get(root, "rules", rules) && json_want_array(rules);
}

/* The file of a source's protocol, and the name it has. */
static const char *find_file(const char *source, struct data_dir *data, const char **sheet,
                             struct err *err)
{
	const char *file = data_dir_find(data, "protocol", source, sheet);

	file = file != NULL ? file : data_dir_find(data, "protocol", "default", sheet);
	if (file == NULL) {
		err_add(err, ERR_IO, data_dir_path(data),
		        "models/protocol/default.json is missing");
	}
	return file;
}

struct protocol *protocol_read(const char *source, struct data_dir *data, struct err *err)
{
	const size_t before = err_count(err);
	const char *sheet = NULL;
	const char *const file = find_file(source, data, &sheet, err);
	json_t *const json = file != NULL ? json_read(file, err) : NULL;

	if (json == NULL) {
		return NULL;
	}
	struct protocol *const p = mem_new(1, sizeof(*p));
	const struct json_at root = json_root(json, file, err);
	struct json_at rules;

	p->json = json;
	p->name = mem_strdup(sheet);
	if (read_file(&root, sheet, &rules)) {
		p->n_rules = json_array_size(rules.value);
		p->rules = mem_new(p->n_rules, sizeof(*p->rules));
		for (size_t i = 0; i < p->n_rules; i++) {
			const struct json_at item = json_item(&rules, i);
			read_rule(&p->rules[i], &item, data);
		}
	}
	if (err_count(err) > before) {
		protocol_free(p);
		return NULL;
	}
	return p;
}

void protocol_free(struct protocol *p)
{
	if (p != NULL) {
		json_decref(p->json);
		free(p->rules);
		free(p->name);
		free(p);
	}
}

const char *protocol_name(const struct protocol *p)
{
	return p->name;
}

/* A note is free text, in which the wanted one occurs. */
static bool is_text(const json_t *wanted, const char *is, bool note)
{
	const char *const text = json_string_value(wanted);

	return text != NULL && (note ? strstr(is, text) != NULL : strcmp(text, is) == 0);
}

static bool is_one_of(const json_t *wanted, const char *is, bool note)
{
	size_t i;
	json_t *item;

	if (json_is_string(wanted)) {
		return is_text(wanted, is, note);
	}
	json_array_foreach(wanted, i, item) {
		if (is_text(item, is, note)) {
			return true;
		}
	}
	return false;
}

static bool applies(const struct rule *rule, const struct protocol_ask *ask)
{
	char tp[40], isl[40], osl[40];
	const char *const is[] = {ask->gpu,
	                          ask->model,
	                          ask->engine,
	                          ask->engine_version,
	                          ask->precision,
	                          ask->load,
	                          ask->workload,
	                          tp,
	                          isl,
	                          osl,
	                          ask->sharing,
	                          ask->note};
	str_real(ask->isl, isl, sizeof(isl));
	str_real(ask->osl, osl, sizeof(osl));
	str_real((double)ask->tp, tp, sizeof(tp));
	for (size_t i = 0; i < N_CONDITIONS; i++) {
		const json_t *const wanted = json_object_get(rule->when, conditions[i]);
		if (wanted != NULL && !is_one_of(wanted, is[i], is[i] == ask->note)) {
			return false;
		}
	}
	return true;
}

static const json_t *set_by(const struct rule *rule, const char *key)
{
	const json_t *const value = json_object_get(rule->keys, key);
	return json_is_null(value) ? NULL : value;
}

static void lay_text(const struct rule *rule, const char *key, const char **text)
{
	const json_t *const value = set_by(rule, key);

	*text = value != NULL ? json_string_value(value) : *text;
}

/* Of `startup` a rule may set a part; other keys it replaces. */
static void lay_service(struct protocol_terms *t, json_t *keys)
{
	json_t *const all = json_deep_copy(json_object_get(t->service, "startup"));
	json_t *const part = json_object_get(keys, "startup");

	json_object_update(t->service, keys);
	if (all != NULL && part != NULL) {
		json_object_update(all, part);
		json_object_set(t->service, "startup", all);
	}
	json_decref(all);
}

static void overlay(struct protocol_terms *t, const struct rule *rule)
{
	if (set_by(rule, "requests_per_user") != NULL) {
		t->requests_per_user = rule->terms.requests_per_user;
		t->requests = 0;
	}
	if (set_by(rule, "requests") != NULL) {
		t->requests = rule->terms.requests;
	}
	if (set_by(rule, "warmup_requests_per_user") != NULL) {
		t->warmup_requests_per_user = rule->terms.warmup_requests_per_user;
	}
	if (set_by(rule, "prompts") != NULL) {
		t->prompts = rule->terms.prompts;
	}
	if (set_by(rule, "length_share") != NULL) {
		t->length_share = rule->terms.length_share;
	}
	if (set_by(rule, "length_spread") != NULL) {
		t->length_spread = rule->terms.length_spread;
	}
	if (set_by(rule, "fitted") != NULL) {
		t->fitted = rule->terms.fitted;
	}
	if (rule->terms.seqs != SEQS_PROFILE) {
		t->seqs = rule->terms.seqs;
		t->max_num_seqs = rule->terms.max_num_seqs;
	}
	lay_text(rule, "engine", &t->engine);
	lay_text(rule, "precision", &t->precision);
	lay_text(rule, "engine_version", &t->engine_version);
	lay_text(rule, "skip", &t->skip);
	json_object_update(t->engine_options, json_object_get(rule->keys, "engine_options"));
	lay_service(t, json_object_get(rule->keys, "services"));
	json_object_update(t->load, json_object_get(rule->keys, "loads"));
	json_object_update(t->node, json_object_get(rule->keys, "nodes"));
}

void protocol_apply(const struct protocol *p, const struct protocol_ask *ask,
                    struct protocol_terms *out)
{
	*out = (struct protocol_terms){
		.requests_per_user = 10,
		.prompts = 1000,
		.length_share = 1.0,
		.skip = "",
		.engine = "",
		.precision = "",
		.engine_version = "",
		.node = json_object(),
		.engine_options = json_object(),
		.service = json_object(),
		.load = json_object(),
	};
	for (size_t i = 0; i < p->n_rules; i++) {
		if (applies(&p->rules[i], ask)) {
			overlay(out, &p->rules[i]);
		}
	}
}

void protocol_terms_fini(struct protocol_terms *t)
{
	json_decref(t->engine_options);
	json_decref(t->service);
	json_decref(t->load);
	json_decref(t->node);
}
