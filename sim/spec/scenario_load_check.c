/* What a load needs beside its keys: files that are there, lengths that the model takes. */
#include "spec/scenario_private.h"

#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void scenario_note_short_round(struct scenario_loader *l, const struct scenario_load *load,
                               const struct json_at *at)
{
	char path[512];

	if (load->users > 0 && load->requests > 0 && load->requests < load->users) {
		err_note(l->err,
		         "%s: %s: %" PRId64 " requests for %" PRId64
		         " users are less than one round",
		         at->file, json_path(at, path, sizeof(path)), load->requests, load->users);
	}
}

static void check_lengths(const struct scenario_load *load, const struct llm_spec *llm,
                          const struct json_at *at)
{
	bool given = load_has_lengths(load);
	double longest = (double)load_text_before(&load->text) + load->isl.mean + load->osl.mean;

	if (given && load->isl.mean <= 0.0) {
		json_fail(
			at,
			"missing key \"isl\": prompt lengths, like {\"mean\": 1024, \"stddev\": 0}");
	}
	if (given && llm->task == LLM_GENERATE && load->osl.mean <= 0.0) {
		json_fail(
			at,
			"missing key \"osl\": answer lengths, like {\"mean\": 128, \"stddev\": 0}");
	}
	if (llm->task == LLM_EMBED && load->osl.mean > 0.0) {
		json_fail(at, "model \"%s\" makes embeddings and writes no tokens; remove \"osl\"",
		          llm->name);
	}
	if (longest > (double)llm->context) {
		json_fail(at,
		          "mean isl + osl%s of %.0f tokens is more than the %" PRId64
		          " that model \"%s\" takes",
		          load_text_before(&load->text) > 0 ? " behind prefix and user_context"
		                                            : "",
		          longest, llm->context, llm->name);
	}
	if (load->images > 0 && !llm_spec_sees(llm)) {
		json_fail(at, "model \"%s\" sees no images", llm->name);
	}
}

/* Can it be read? */
static void check_file(struct scenario_loader *l, const char *file, const struct json_at *at)
{
	static const char *const keys[] = {"file", "folder", "args"};
	char path[512];
	struct json_at named = *at;

	if (access(file, R_OK) == 0) {
		return;
	}
	const int why = errno;
	for (size_t i = 0; i < 3 && !json_get(at, keys[i], &named); i++) {
	}
	char *where = mem_printf("%s: %s", at->file, json_path(&named, path, sizeof(path)));

	err_add(l->err, ERR_IO, where, "cannot open \"%s\": %s", file, strerror(why));
	free(where);
}

static int by_number(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

void scenario_read_clients(struct scenario_load *load, const struct json_at *at)
{
	struct json_at list;

	if (!json_get(at, "clients", &list) || !json_want_array(&list)) {
		return;
	}
	const size_t n = json_array_size(list.value);
	if (n == 0) {
		json_fail(&list, "needs at least one client");
	}
	load->clients = mem_new(n, sizeof(*load->clients));
	for (size_t i = 0; i < n; i++) {
		const struct json_at item = json_item(&list, i);
		const int64_t number =
			json_is_integer(item.value) ? json_integer_value(item.value) : -1;

		if (number < 0) {
			json_fail(&item, "expected the number of a client, like 4");
		}
		load->clients[load->n_clients++] = number;
	}
	qsort(load->clients, n, sizeof(*load->clients), by_number);
	for (size_t i = 1; i < n; i++) {
		if (load->clients[i] == load->clients[i - 1] && load->clients[i] >= 0) {
			json_fail(&list, "client %" PRId64 " twice", load->clients[i]);
		}
	}
}

void scenario_check_load(struct scenario_loader *l, const struct scenario_load *load,
                         const struct json_at *at)
{
	const struct llm_spec *llm = l->sc->services[load->service].llm;
	bool endless = load->kind == LOAD_CONCURRENCY || load->kind == LOAD_RATE;

	if (endless && load->requests == 0 && load->text.sessions == 0 &&
	    l->sc->stop_after == NS_NEVER) {
		json_fail(
			at,
			"never ends: give \"requests\"%s, or \"stop\": {\"after\": ...} for the run",
			load->kind == LOAD_CONCURRENCY ? " or \"requests_per_user\"" : "");
	}
	if (load->file != NULL && strcmp(load->file, "-") != 0) {
		check_file(l, load->file, at);
	}
	if (load->folder != NULL) {
		check_file(l, load->folder, at);
	}
	if (llm != NULL) {
		check_lengths(load, llm, at);
	}
}

bool scenario_is_asked(const struct scenario *sc, size_t service)
{
	bool asked = false;
	for (size_t i = 0; i < sc->n_loads; i++) {
		asked = asked || sc->loads[i].service == service;
	}
	return asked;
}
