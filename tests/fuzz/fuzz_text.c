/*
 * Fuzzes the parsers of single texts: what is read is printed so that it reads back the same,
 * words of a command line never outgrow it, and a changed JSON document stays one.
 */
#include "base/check.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "spec/scenario_private.h"
#include "spec/slo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_numbers(const char *text)
{
	char buf[64];
	double real = 0.0, back = 0.0;
	ns_t ns = 0, again = 0;

	if (str_to_duration(text, &ns)) {
		sim_assert(ns >= 0);
		sim_assert(str_to_duration(str_duration(ns, buf, sizeof(buf)), &again) &&
		           again == ns);
	}
	if (str_to_real(text, &real) || str_to_count(text, &real) || str_to_bytes(text, &real) ||
	    str_to_share(text, &real)) {
		sim_assert(isfinite(real));
		sim_assert(str_to_real(str_real(real, buf, sizeof(buf)), &back));
		sim_assert(back >= real && back <= real);
		str_human(real, buf, sizeof(buf));
	}
}

static void check_limit(const char *text)
{
	struct slo slo, again;
	const char *why = NULL;

	if (!slo_parse(text, &slo, &why)) {
		sim_assert(why != NULL && why[0] != '\0');
		return;
	}
	sim_assert(slo_parse(slo.text, &again, &why));
	sim_assert(strcmp(slo.text, again.text) == 0);
}

static void check_words(const char *text)
{
	const char *why = NULL;
	size_t n = 0, characters = 0;
	char **words = genai_split(text, &n, &why);

	sim_assert((words == NULL) == (why != NULL));
	for (size_t i = 0; words != NULL && i < n; i++) {
		characters += strlen(words[i]);
		free(words[i]);
	}
	free(words);
	sim_assert(characters <= strlen(text));
}

static void check_set(const char *text)
{
	struct err *err = err_new();
	json_t *root = json_pack("{s:[{s:s},{s:i}],s:{}}", "l", "name", "a.b", "k", 1, "o");
	const char *equals = strchr(text, '=');
	char *path = mem_printf("%.*s", (int)(equals != NULL ? equals - text : 0), text);

	sim_assert(json_set(root, path, equals != NULL ? equals + 1 : text, err) ==
	           (err_count(err) == 0));
	sim_assert(json_is_object(root) && json_array_size(json_object_get(root, "l")) != 1);
	free(json_index_path(root, path));
	free(path);
	json_decref(root);
	err_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"ttft", "services", "h100-nvl", "max_num_seqs"};
	char *text = mem_new(size + 1, 1);

	if (size > 0) {
		memcpy(text, data, size);
	}
	check_numbers(text);
	check_limit(text);
	check_words(text);
	check_set(text);
	str_nearest(text, names, 4);
	free(text);
	return 0;
}
