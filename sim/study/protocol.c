/* Reads protocols and applies their rules in order, later ones over earlier ones. */
#include "study/protocol.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/option.h"
#include "base/str.h"

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

struct rule_keys {
	int64_t requests_per_user, requests, warmup, prompts;
	double length_share;
	char *source;
	const json_t *when, *seqs, *engine_options, *service, *load;
	char *engine_version;
};

#define KEY(member) offsetof(struct rule_keys, member)

/* clang-format off */
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
	{"engine_options", OPTION_NODE, KEY(engine_options), 0, 0, "", NULL, NULL, "over the profile's"},
	{"services", OPTION_NODE, KEY(service), 0, 0, "", NULL, NULL, "further keys of the service"},
	{"engine_version", OPTION_TEXT, KEY(engine_version), 0, 0, "", NULL, NULL,
	 "of rows that do not say"},
	{"loads", OPTION_NODE, KEY(load), 0, 0, "", NULL, NULL, "further keys of the load"},
	{NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL},
};
/* clang-format on */

static const char *const conditions[] = {"gpu",       "model", "engine",   "engine_version",
                                         "precision", "load",  "workload", "tp",
                                         "isl",       "osl"};

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

static void read_when(const struct json_at *at)
{
	const char *key;
	json_t *value;

	if (!json_want_object(at)) {
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)at->value, key, value) {
		bool known = false;

		for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
			known = known || strcmp(key, conditions[i]) == 0;
		}
		if (!known) {
			json_fail_name(at, "condition", key, conditions,
			               sizeof(conditions) / sizeof(conditions[0]));
		}
	}
}

static void read_rule(struct rule *rule, const struct json_at *at)
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
		if (json_get(at, "max_num_seqs", &member)) {
			read_seqs(&member, &rule->terms);
		}
		if (json_get(at, "when", &member)) {
			read_when(&member);
		}
	}
	option_fini(rule_table, &keys);
}

struct protocol *protocol_read(const char *source, struct data_dir *data, struct err *err)
{
	const size_t before = err_count(err);
	const char *file = data_dir_find(data, "protocol", source, NULL);

	if (file == NULL) {
		file = data_dir_find(data, "protocol", "default", NULL);
		source = "default";
	}
	if (file == NULL) {
		err_add(err, ERR_IO, data_dir_path(data),
		        "models/protocol/default.json is missing");
		return NULL;
	}
	json_t *const json = json_read(file, err);
	if (json == NULL) {
		return NULL;
	}
	struct protocol *const p = mem_new(1, sizeof(*p));
	const struct json_at root = json_root(json, file, err);
	struct json_at rules;

	p->json = json;
	p->name = mem_strdup(source);
	if (json_want_object(&root) && !json_get(&root, "rules", &rules)) {
		json_fail(&root, "missing key \"rules\"");
	} else if (err_count(err) == before && json_want_array(&rules)) {
		p->n_rules = json_array_size(rules.value);
		p->rules = mem_new(p->n_rules, sizeof(*p->rules));
		for (size_t i = 0; i < p->n_rules; i++) {
			const struct json_at item = json_item(&rules, i);
			read_rule(&p->rules[i], &item);
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

static bool is_one_of(const json_t *wanted, const char *is)
{
	size_t i;
	json_t *item;

	if (json_is_string(wanted)) {
		return strcmp(json_string_value(wanted), is) == 0;
	}
	json_array_foreach(wanted, i, item) {
		if (json_is_string(item) && strcmp(json_string_value(item), is) == 0) {
			return true;
		}
	}
	return false;
}

static bool applies(const struct rule *rule, const struct protocol_ask *ask)
{
	char tp[24], isl[24], osl[24];
	const char *const is[] = {ask->gpu,
	                          ask->model,
	                          ask->engine,
	                          ask->engine_version,
	                          ask->precision,
	                          ask->load,
	                          ask->workload,
	                          tp,
	                          isl,
	                          osl};
	snprintf(isl, sizeof(isl), "%g", ask->isl);
	snprintf(osl, sizeof(osl), "%g", ask->osl);
	snprintf(tp, sizeof(tp), "%lld", (long long)ask->tp);
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		const json_t *const wanted = json_object_get(rule->when, conditions[i]);
		if (wanted != NULL && !is_one_of(wanted, is[i])) {
			return false;
		}
	}
	return true;
}

static void overlay(struct protocol_terms *t, const struct rule *rule)
{
	if (json_object_get(rule->keys, "requests_per_user") != NULL) {
		t->requests_per_user = rule->terms.requests_per_user;
		t->requests = 0;
	}
	if (json_object_get(rule->keys, "requests") != NULL) {
		t->requests = rule->terms.requests;
	}
	if (json_object_get(rule->keys, "warmup_requests_per_user") != NULL) {
		t->warmup_requests_per_user = rule->terms.warmup_requests_per_user;
	}
	if (json_object_get(rule->keys, "prompts") != NULL) {
		t->prompts = rule->terms.prompts;
	}
	if (json_object_get(rule->keys, "length_share") != NULL) {
		t->length_share = rule->terms.length_share;
	}
	if (rule->terms.seqs != SEQS_PROFILE) {
		t->seqs = rule->terms.seqs;
		t->max_num_seqs = rule->terms.max_num_seqs;
	}
	json_object_update(t->engine_options, json_object_get(rule->keys, "engine_options"));
	json_object_update(t->service, json_object_get(rule->keys, "services"));
	const json_t *const version = json_object_get(rule->keys, "engine_version");
	t->engine_version = version != NULL ? json_string_value(version) : t->engine_version;
	json_object_update(t->load, json_object_get(rule->keys, "loads"));
}

void protocol_apply(const struct protocol *p, const struct protocol_ask *ask,
                    struct protocol_terms *out)
{
	*out = (struct protocol_terms){
		.requests_per_user = 10,
		.prompts = 1000,
		.length_share = 1.0,
		.engine_version = "",
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
}
