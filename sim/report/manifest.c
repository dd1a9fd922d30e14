/* run.json: what was run, with every key after defaults, and what the numbers rest on
 * (formats.md 6.7). */
#include "base/str.h"
#include "report/report.h"
#include "report/trust.h"

#include <inttypes.h>
#include <string.h>

/* 64-bit FNV-1a (Fowler, Noll, Vo): no secrets here, only "is it the same?". */
#define FNV_START UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		hash = (hash ^ (unsigned char)*p) * FNV_PRIME;
	}
	return (hash ^ '\n') * FNV_PRIME;
}

/* As text, so that every machine gives the same hash. */
static uint64_t hash_reals(uint64_t hash, const double *v, size_t n)
{
	char buf[40];

	for (size_t i = 0; i < n; i++) {
		hash = hash_text(hash, str_real(v[i], buf, sizeof(buf)));
	}
	return hash;
}

static uint64_t hash_table(uint64_t hash, const struct option *table, const void *self)
{
	char buf[256];

	for (const struct option *o = table; o->name != NULL; o++) {
		hash = hash_text(hash, o->name);
		hash = hash_text(hash, option_text(o, self, buf, sizeof(buf)));
	}
	return hash;
}

static uint64_t hash_model(uint64_t hash, const struct scenario_service *s)
{
	struct llm_shape m;

	llm_spec_shape(s->llm, (enum precision)s->precision, (enum precision)s->kv_precision, &m);
	const double facts[] = {
		m.parameters,
		m.active_parameters,
		m.weight_bytes,
		m.dense_bytes,
		m.head_bytes,
		m.expert_bytes,
		(double)m.layers_moe,
		(double)m.experts,
		(double)m.experts_per_token,
		(double)m.layers,
		m.f_token,
		m.f_head,
		m.logits,
		m.attn_flops,
		m.activation_bytes,
		m.allreduce_bytes,
		(double)m.allreduces,
		m.kv_bytes_per_token,
		m.kv_bytes_per_token_unwindowed,
		m.state_bytes_per_sequence,
		m.image_flops,
		(double)s->llm->context,
		(double)s->llm->image_tokens,
	};

	return hash_reals(hash_text(hash, s->llm->name), facts, sizeof(facts) / sizeof(facts[0]));
}

static uint64_t hash_gpu(uint64_t hash, const struct gpu_spec *g)
{
	const double facts[] = {
		(double)g->memory_bytes,  g->hbm_bytes_per_s,    (double)g->sms,
		g->host_link_bytes_per_s, g->nvlink_bytes_per_s,
	};

	hash = hash_reals(hash_text(hash, g->name), facts, sizeof(facts) / sizeof(facts[0]));
	return hash_reals(hash, g->flops_per_s, PRECISION_COUNT);
}

/* All parameters that came from data sheets: two runs with equal hashes had the same ones. */
static uint64_t hash_parameters(const struct scenario *sc)
{
	uint64_t hash = FNV_START;

	for (size_t i = 0; i < sc->n_nodes; i++) {
		hash = hash_gpu(hash, sc->nodes[i].gpu);
	}
	for (size_t i = 0; i < sc->n_services; i++) {
		hash = hash_model(hash, &sc->services[i]);
		hash = hash_table(hash, engine_option_table, &sc->services[i].options);
		for (size_t k = 0; k < sc->n_nodes; k++) {
			hash = hash_table(hash, engine_cost_table,
			                  &sc->services[i].costs[k].constants);
		}
	}
	return hash;
}

static void put_overrides(struct json_writer *w, const struct option_log *log)
{
	json_begin_array(w, "overrides");
	for (size_t i = 0; i < option_log_size(log); i++) {
		const struct option_seen *seen = option_log_at(log, i);

		if (seen->source[0] == '-') { /* a flag: "--set", "--seed" */
			json_begin_object_flat(w, NULL);
			json_put_string(w, "path", seen->path);
			json_put_string(w, "value", seen->value);
			json_put_string(w, "source", seen->source);
			json_end(w);
		}
	}
	json_end(w);
}

static void put_options(struct json_writer *w, const struct option_log *log)
{
	json_begin_object(w, "options");
	for (size_t i = 0; i < option_log_size(log); i++) {
		const struct option_seen *seen = option_log_at(log, i);

		json_begin_object_flat(w, seen->path);
		json_put_string(w, "value", seen->value);
		json_put_string(w, "source", seen->source);
		json_end(w);
	}
	json_end(w);
}

static void put_grounds(struct json_writer *w, const struct report *r)
{
	json_begin_array(w, "assumptions");
	for (size_t i = 0; i < r->scenario->n_assumptions; i++) {
		json_put_string(w, NULL, r->scenario->assumptions[i]);
	}
	json_end(w);
	json_begin_object(w, "trust");
	for (size_t i = 0; i < r->summary->n_services; i++) {
		trust_json(w, r->summary->services[i].name, r->scenario, i,
		           &r->summary->services[i]);
	}
	json_end(w);
}

void report_manifest(FILE *out, const struct report *r)
{
	const struct summary *s = r->summary;
	char hash[17];
	struct json_writer w;

	snprintf(hash, sizeof(hash), "%016" PRIx64, hash_parameters(r->scenario));
	json_writer_init(&w, out, false);
	json_begin_object(&w, NULL);
	json_put_string(&w, "schema", "aliquot/run/1");
	json_put_string(&w, "version", s->version);
	json_begin_object(&w, "scenario");
	json_put_string(&w, "name", s->scenario_name);
	json_put_string(&w, "about", r->scenario->about);
	json_put_string(&w, "hash", s->scenario_hash);
	json_end(&w);
	json_put_string(&w, "parameters_hash", hash);
	json_put_int(&w, "seed", (int64_t)s->seed);
	put_overrides(&w, r->scenario->log);
	json_put_real(&w, "simulated_s", ns_to_seconds(s->simulated));
	json_put_int(&w, "events", s->events);
	json_put_bool(&w, "incomplete", s->incomplete);
	json_put_string(&w, "clock", "simulated, from 0");
	put_options(&w, r->scenario->log);
	put_grounds(&w, r);
	json_end(&w);
}
