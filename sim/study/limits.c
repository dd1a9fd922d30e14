/* Adds limits to a scenario, lists them and says what runs showed of them. */
#include "study/limits.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"

size_t limits_service(const struct scenario *sc, const char *name, struct err *err)
{
	const char **const names = mem_new(sc->n_services, sizeof(char *));
	size_t i = 0;
	while (i < sc->n_services && strcmp(sc->services[i].name, name) != 0) {
		names[i] = sc->services[i].name;
		i++;
	}
	if (i == sc->n_services) {
		const char *const near = str_nearest(name, names, i);
		err_add(err, ERR_USAGE, NULL, "no service named \"%.80s\"%s%s%s", name,
		        near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
		        near != NULL ? "\"?" : "");
	}
	free(names);
	return i;
}

/* Add a limit to the document's service i; one string becomes a list. */
static void append_limit(json_t *document, size_t i, const char *text)
{
	json_t *const service = json_array_get(json_object_get(document, "services"), i);
	json_t *const old = json_object_get(service, "slo");
	json_t *const list = json_is_array(old) ? json_incref(old) : json_array();
	if (json_is_string(old)) {
		json_array_append(list, old);
	}
	json_array_append_new(list, json_string(text));
	json_object_set_new(service, "slo", list);
}

static bool can_have(const struct scenario *sc, size_t service, const struct slo *slo)
{
	return scenario_is_asked(sc, service) &&
	       (sc->services[service].llm->task != LLM_EMBED || !slo_needs_tokens(slo));
}

/* One --slo: for the service it names, else for `service`, else for all that can have it. */
static void add_limit(const struct scenario *base, json_t *document, const char *text,
                      const char *service, struct err *err)
{
	const char *why;
	char *named;
	char *const limit = slo_split(text, &named);
	const char *const only = named != NULL ? named : service;
	struct slo slo;
	if (!slo_parse(limit, &slo, &why)) {
		err_add(err, ERR_USAGE, NULL, "limit: %s", why);
	} else if (only != NULL) {
		const size_t i = limits_service(base, only, err);
		if (i < base->n_services) {
			append_limit(document, i, slo.text);
		}
	} else {
		size_t added = 0;
		for (size_t i = 0; i < base->n_services; i++) {
			if (can_have(base, i, &slo)) {
				append_limit(document, i, slo.text);
				added++;
			}
		}
		if (added == 0) {
			err_add(err, ERR_USAGE, NULL,
			        "limit: \"%s\": an embedding model emits no tokens; use latency, "
			        "queue, rps or error_rate",
			        slo.text);
		}
	}
	free(limit);
	free(named);
}

json_t *limits_with(const struct scenario *base, const char *const *limits, size_t n,
                    const char *service, struct err *err)
{
	const size_t before = err_count(err);
	json_t *const document = json_deep_copy(base->json);
	if (base->n_services == 0) {
		err_add(err, ERR_USAGE, base->file, "limits are for services, and it has none");
	}
	for (size_t i = 0; i < n && base->n_services > 0; i++) {
		add_limit(base, document, limits[i], service, err);
	}
	if (err_count(err) > before) {
		json_decref(document);
		return NULL;
	}
	return document;
}

bool limits_list(const struct scenario *sc, struct limits *out, struct err *err)
{
	*out = (struct limits){.scenario = sc};
	for (size_t i = 0; i < sc->n_services; i++) {
		const size_t n = scenario_is_asked(sc, i) ? sc->services[i].n_slo : 0;
		out->at = mem_resize(out->at, out->n + n, sizeof(*out->at));
		for (size_t k = 0; k < n; k++) {
			out->at[out->n++] = (struct limit){&sc->services[i].slo[k], i};
		}
	}
	if (out->n == 0) {
		err_add(err, ERR_USAGE, NULL,
		        "there is no limit to meet: give --slo 'ttft.p95 <= 1s', or \"slo\" in the "
		        "scenario");
	}
	return out->n > 0;
}

void limits_observe(const struct summary *s, struct limit_seen *seen)
{
	for (size_t i = 0; i < s->n_limits; i++) {
		seen[i] = (struct limit_seen){s->limits[i].observed, s->limits[i].ok};
	}
}

const struct limit *limits_broken(const struct limits *l, const struct limit_seen *seen)
{
	for (size_t i = 0; i < l->n; i++) {
		if (!seen[i].ok) {
			return &l->at[i];
		}
	}
	return NULL;
}

char *limits_name(const struct limits *l, size_t i)
{
	const struct limit *const limit = &l->at[i];
	const int length = (int)strcspn(limit->slo->text, " ");
	bool several = false;
	for (size_t k = 0; k < l->n; k++) {
		several = several || l->at[k].service != limit->service;
	}
	return several ? mem_printf("%.*s@%s", length, limit->slo->text,
	                            l->scenario->services[limit->service].name)
	               : mem_printf("%.*s", length, limit->slo->text);
}

bool limits_again(const struct limits *l, size_t i)
{
	char *const name = limits_name(l, i);
	bool again = false;
	for (size_t k = 0; k < i && !again; k++) {
		char *const earlier = limits_name(l, k);
		again = strcmp(earlier, name) == 0;
		free(earlier);
	}
	free(name);
	return again;
}

void limits_json(struct json_writer *w, const char *key, const struct limits *l,
                 const struct limit_seen *seen)
{
	json_begin_object_flat(w, key);
	for (size_t i = 0; i < l->n; i++) {
		if (!limits_again(l, i)) {
			char *const name = limits_name(l, i);
			json_put_real(w, name, seen[i].observed);
			free(name);
		}
	}
	json_end(w);
}

int limit_column(const char *name)
{
	const int n = (int)strlen(name);
	return (n > 9 ? n : 9) + 2;
}
