/* Makes scenarios of measured rows. */
#include "study/case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "spec/calibration.h"
#include "study/case_private.h"
#include "study/protocol.h"

#define MOST_SEQUENCES 16384 /* of a step: as many as an engine may run */

bool case_is_step(const struct study_case *c)
{
	return strcmp(c->run->load, "step") == 0;
}

bool case_is_start(const struct study_case *c)
{
	return strcmp(c->run->load, MEASURED_START) == 0;
}

bool case_is_load(const struct study_case *c)
{
	return !case_is_step(c) && !case_is_start(c);
}

double case_part(const struct study_case *c)
{
	return c->run->fraction > 0.0 && c->run->fraction < 1.0 ? c->run->fraction : 1.0;
}

/* What a load needs of its row, where no protocol knows it by name. */
static void check_numbers(struct study_case *c)
{
	const struct measured_run *const r = c->run;
	const bool closed = strcmp(r->load, "closed") == 0, step = case_is_step(c);

	if (step && r->users > MOST_SEQUENCES) {
		case_skip(c, "a step of %lld sequences", (long long)r->users);
	}
	if (r->isl < 1.0 || (!step && r->osl < 1.0)) {
		case_skip(c, "input and output lengths are not given as numbers");
	}
	if ((closed || step) && r->users < 1) {
		case_skip(c, "the number of users is not given");
	}
	if (strcmp(r->load, "open") == 0 && !(r->rate > 0.0)) {
		case_skip(c, "the rate is not given");
	}
}

/* Loads that can be simulated. */
static void check_load(struct study_case *c)
{
	static const char *const known[] = {"closed", "open", "flood", "step"};
	const char *const load = c->run->load;

	if (c->run->trace != NULL || case_is_start(c)) { /* the trace, or the metric, says all */
		return;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(load, known[i]) == 0) {
			if (c->run->workload[0] == '\0') {
				check_numbers(c);
			}
			return;
		}
	}
	case_skip(c, load[0] == '\0' ? "the load is not described" : "load \"%s\" is unknown",
	          load);
}

/* Does the row measure replicas that share GPUs? */
static bool shares_gpus(const struct study_case *c)
{
	return case_part(c) < 1.0 && !case_is_step(c);
}

/* What is known of replicas that share GPUs. */
static void check_sharing(struct study_case *c)
{
	const struct measured_run *const r = c->run;

	if (r->replicas > 1 && !shares_gpus(c)) {
		case_skip(c, "several replicas, but no fraction of a GPU for each");
	}
	if (shares_gpus(c) && (r->sharing[0] == '\0' || strcmp(r->sharing, "exclusive") == 0)) {
		case_skip(c, "a fraction of a GPU, but sharing is not said");
	}
}

static void check_row(struct study_case *c)
{
	const struct measured_run *const r = c->run;

	if (r->odd != NULL) {
		case_skip(c, "%s", r->odd);
	}
	if (r->speculative) {
		case_skip(c, "speculative decoding is not modelled");
	}
	if (r->trace != NULL && r->replicas > 1) {
		case_skip(c, "experts spread over data-parallel replicas are not modelled");
	}
	check_sharing(c);
	check_load(c);
	if (r->tp == 0 && r->gpu_count > 1 && !case_is_start(c)) {
		case_skip(c, "tp is not given: several GPUs as one replica, or as several?");
	}
}

static int64_t seqs_of(const struct protocol_terms *t, const struct measured_run *r)
{
	switch ((enum seqs_rule)t->seqs) {
	case SEQS_NUMBER:
		return t->max_num_seqs;
	case SEQS_USERS:
		return r->users;
	case SEQS_USERS_LESS_ONE:
		return r->users > 1 ? r->users - 1 : r->users;
	case SEQS_PROFILE:
		break;
	}
	return 0;
}

static json_t *lengths(double tokens, const struct protocol_terms *t)
{
	const double share = t->length_share;

	if (share >= 1.0 && !(t->length_spread > 0.0)) {
		return json_pack("{s:f}", "mean", tokens);
	}
	if (share >= 1.0) {
		return json_pack("{s:f, s:f, s:s}", "mean", tokens, "stddev",
		                 tokens * t->length_spread, "shape", "gamma");
	}
	return json_pack("{s:f, s:f, s:i, s:i}", "mean", tokens * (1.0 + share) / 2.0, "stddev",
	                 tokens * (1.0 - share) / sqrt(12.0), "min", (int)floor(tokens * share),
	                 "max", (int)tokens);
}

/* What its prompts have in common. */
static void add_texts(json_t *load, const struct measured_run *r)
{
	if (r->prefix >= 1.0) {
		const int64_t n = r->prefixes > 0 ? r->prefixes : 1;
		json_object_set_new(load, "prefix",
		                    json_pack("{s:I, s:I}", "tokens", (json_int_t)(r->prefix + 0.5),
		                              "count", (json_int_t)n));
	}
	if (r->dataset_entries > 0) {
		json_object_set_new(load, "dataset_entries", json_integer(r->dataset_entries));
	}
}

/* What an open load has besides lengths and texts. */
static json_t *open_load(const struct measured_run *r, const struct protocol_terms *t)
{
	const int64_t n = r->prompts > 0 ? r->prompts : t->prompts;

	return json_pack("{s:s, s:s, s:f, s:I}", "kind", "rate", "arrivals",
	                 r->constant_rate ? "constant" : "poisson", "rate", r->rate, "requests",
	                 (json_int_t)n);
}

/* The same of a closed load: users and rounds. */
static json_t *closed_load(const struct measured_run *r, const struct protocol_terms *t)
{
	const bool rounds = t->requests == 0;
	json_t *const load =
		json_pack("{s:s, s:I, s:I}", "kind", "concurrency", "users", (json_int_t)r->users,
	                  rounds ? "requests_per_user" : "requests",
	                  (json_int_t)(rounds ? t->requests_per_user : t->requests));

	if (t->warmup_requests_per_user > 0) {
		json_object_set_new(load, "warmup_requests_per_user",
		                    json_integer(t->warmup_requests_per_user));
	}
	return load;
}

/* The same of a flood: as many users as prompts, each with one. */
static json_t *flood_load(int64_t prompts)
{
	return json_pack("{s:s, s:I, s:i}", "kind", "concurrency", "users", (json_int_t)prompts,
	                 "requests_per_user", 1);
}

static json_t *load_of(const struct study_case *c, const struct protocol_terms *t)
{
	const struct measured_run *const r = c->run;
	const bool step = case_is_step(c);

	if (case_is_start(c)) { /* nobody asks; a scenario needs somebody who does */
		return json_pack("{s:s, s:s, s:i, s:i, s:i, s:i}", "service", "measured", "kind",
		                 "concurrency", "users", 1, "requests_per_user", 1, "isl", 1, "osl",
		                 2);
	}

	if (r->trace != NULL) {
		return json_pack("{s:s, s:s, s:s, s:s}", "service", "measured", "kind", "trace",
		                 "format", "vllm-log", "file", r->trace);
	}
	json_t *const load = json_pack("{s:s, s:o, s:o}", "service", "measured", "isl",
	                               lengths(r->isl, t), "osl", lengths(step ? 2.0 : r->osl, t));

	add_texts(load, r);
	if (strcmp(r->load, "open") == 0) { /* the protocol may know its rate better */
		json_object_update_new(load, open_load(r, t));
		json_object_update(load, t->load);
		return load;
	}
	json_object_update(load, t->load);
	if (strcmp(r->load, "closed") == 0) {
		json_object_update_new(load, closed_load(r, t));
	} else {
		json_object_update_new(load, flood_load(step             ? r->users
		                                        : r->prompts > 0 ? r->prompts
		                                                         : t->prompts));
	}
	return load;
}

/* Does the calibration that this run would get know the row's engine version? */
static bool version_known(const struct study_case *c, struct data_dir *data)
{
	char *const name = calibration_name(c->gpu, c->engine, c->precision);
	const char *const file = data_dir_find(data, "calibration", name, NULL);
	const char *const sheet = data_dir_find(data, "llm", c->model, NULL);
	struct err *const err = err_new(); /* what is wrong with them the scenario says */
	struct calibration *const k = file != NULL ? calibration_read(file, NULL, err) : NULL;
	struct llm_spec *const llm = k != NULL ? llm_spec_read(sheet, err) : NULL;
	const bool known = llm != NULL && calibration_find(k, llm, c->engine_version) != NULL;

	llm_spec_free(llm);
	calibration_free(k);
	err_free(err);
	free(name);
	return known;
}

static json_t *service_of(const struct study_case *c, const struct protocol_terms *t,
                          struct data_dir *data)
{
	const struct measured_run *const r = c->run;
	json_t *const options = json_copy(t->engine_options);
	json_t *const service = json_copy(t->service);

	if (seqs_of(t, r) > 0) {
		json_object_set_new(options, "max_num_seqs", json_integer(seqs_of(t, r)));
	}
	if (r->kv_blocks > 0) {
		json_object_set_new(options, "kv_blocks", json_integer(r->kv_blocks));
	}
	if (r->batched_tokens > 0) {
		json_object_set_new(options, "max_num_batched_tokens",
		                    json_integer(r->batched_tokens));
	}
	if (r->memory_utilization > 0.0) {
		json_object_set_new(options, "gpu_memory_utilization",
		                    json_real(r->memory_utilization));
	}
	if (r->max_num_seqs > 0) {
		json_object_set_new(options, "max_num_seqs", json_integer(r->max_num_seqs));
	}
	json_object_update_new(service,
	                       json_pack("{s:s, s:s, s:s, s:s, s:I, s:o}", "name", "measured",
	                                 "model", c->model, "engine", c->engine, "precision",
	                                 precision_names[c->precision], "gpus_per_replica",
	                                 (json_int_t)c->tp, "engine_options", options));
	if (c->engine_version[0] != '\0' && version_known(c, data)) {
		json_object_set_new(service, "engine_version", json_string(c->engine_version));
	}
	if (shares_gpus(c)) {
		json_object_set_new(service, "fraction", json_real(r->fraction));
		json_object_set_new(service, "replicas",
		                    json_integer(r->replicas > 0 ? r->replicas : 1));
	}
	return service;
}

/* The row under its protocol, as a user would have written it. */
static json_t *scenario_of(const struct study_case *c, const struct protocol_terms *t,
                           struct data_dir *data)
{
	const bool shared = shares_gpus(c);
	const int64_t gpus = shared && c->run->gpu_count > c->tp ? c->run->gpu_count : c->tp;
	json_t *const scenario =
		json_pack("{s:i, s:{s:[{s:s, s:I}]}, s:[o], s:[o]}", "aliquot", 1, "cluster",
	                  "nodes", "gpu", c->gpu, "gpus", (json_int_t)gpus, "services",
	                  service_of(c, t, data), "loads", load_of(c, t));

	json_object_update(
		json_array_get(json_object_get(json_object_get(scenario, "cluster"), "nodes"), 0),
		t->node);
	if (shared) {
		json_object_set_new(scenario, "scheduler",
		                    json_pack("{s:s}", "compute_share", c->run->sharing));
	}
	return scenario;
}

static struct protocol_ask ask_of(const struct study_case *c)
{
	return (struct protocol_ask){.gpu = c->gpu,
	                             .model = c->model,
	                             .engine = c->engine,
	                             .engine_version = c->run->engine_version,
	                             .precision = precision_names[c->precision],
	                             .load = c->run->load,
	                             .workload = c->run->workload,
	                             .tp = c->tp,
	                             .isl = c->run->isl,
	                             .osl = c->run->osl,
	                             .sharing = c->run->sharing,
	                             .note = c->run->note != NULL ? c->run->note : ""};
}

/* Everything that a case is called by: in its row, or in the protocol where the row does not say.
 */
static void name_case(struct study_case *c, const struct protocol *protocol, struct data_dir *data)
{
	struct protocol_terms terms = {.engine = "", .precision = ""};

	c->gpu = case_sheet(c, data, "gpu", "GPU", c->run->gpu);
	c->model = case_sheet(c, data, "llm", "model", c->run->model);
	c->engine = c->run->engine;
	if (protocol != NULL) {
		const struct protocol_ask ask = ask_of(c);
		protocol_apply(protocol, &ask, &terms);
		protocol_terms_fini(&terms);
	}
	c->engine = case_sheet(c, data, "engine", "engine",
	                       c->run->engine[0] != '\0' ? c->run->engine : terms.engine);
	if (c->skipped != NULL) {
		c->engine = c->run->engine; /* the protocol's text does not last */
	}
	c->precision = case_precision(c, c->run->precision[0] != '\0' ? c->run->precision
	                                                              : terms.precision);
}

static void make_scenario(struct study_case *c, const struct protocol *protocol,
                          struct data_dir *data)
{
	const struct protocol_ask ask = ask_of(c);
	struct protocol_terms terms;
	struct err *const err = err_new(); /* a row that makes no scenario is skipped */

	protocol_apply(protocol, &ask, &terms);
	if (terms.skip[0] != '\0') {
		case_skip(c, "%s", terms.skip);
		protocol_terms_fini(&terms);
		err_free(err);
		return;
	}
	c->engine_version = mem_strdup(c->run->engine_version[0] != '\0' ? c->run->engine_version
	                                                                 : terms.engine_version);
	if (c->run->workload[0] != '\0' && json_object_get(terms.load, "rate") == NULL) {
		case_skip(c, "workload \"%s\" is not described", c->run->workload);
		protocol_terms_fini(&terms);
		err_free(err);
		return;
	}
	c->scenario =
		scenario_build(protocol_name(protocol), scenario_of(c, &terms, data), data, err);
	c->guessed = shares_gpus(c) || case_is_start(c) || terms.length_spread > 0.0;
	c->fitted = terms.fitted;
	protocol_terms_fini(&terms);
	if (c->scenario == NULL) {
		case_skip(c, "%s", err_message(err, 0));
	}
	err_free(err);
}

/* The protocols of the table's sources, each read once. */
struct protocols {
	struct protocol **at;
	const char **sources;
	size_t n;
};

static const struct protocol *find_protocol(struct protocols *p, const char *source,
                                            struct data_dir *data, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->sources[i], source) == 0) {
			return p->at[i];
		}
	}
	p->at = mem_resize(p->at, p->n + 1, sizeof(struct protocol *));
	p->sources = mem_resize(p->sources, p->n + 1, sizeof(char *));
	p->sources[p->n] = source;
	p->at[p->n] = protocol_read(source, data, err);
	return p->at[p->n++];
}

bool case_list_make(struct case_list *out, const struct measured_table *table,
                    struct data_dir *data, struct err *err)
{
	struct protocols protocols = {0};
	const size_t before = err_count(err);

	out->n = table->n_runs;
	out->at = mem_new(out->n, sizeof(*out->at));
	for (size_t i = 0; i < out->n; i++) {
		struct study_case *const c = &out->at[i];
		c->run = &table->runs[i];
		const struct protocol *const p =
			find_protocol(&protocols, c->run->source, data, err);
		c->tp = c->run->tp > 0 ? c->run->tp : 1;
		if (case_is_start(c) && c->run->gpu_count > 1) {
			c->tp = c->run->gpu_count;
		}
		check_row(c);
		name_case(c, p, data);
		if (c->skipped == NULL && p != NULL) {
			make_scenario(c, p, data);
		}
	}
	for (size_t i = 0; i < protocols.n; i++) {
		protocol_free(protocols.at[i]);
	}
	free(protocols.at);
	free(protocols.sources);
	if (err_count(err) > before) {
		case_list_fini(out);
		return false;
	}
	return true;
}

void case_list_fini(struct case_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		scenario_free(list->at[i].scenario);
		free(list->at[i].skipped);
		free(list->at[i].engine_version);
	}
	free(list->at);
	*list = (struct case_list){NULL, 0};
}
