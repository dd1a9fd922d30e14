/* Data-sheet files: the field table is complete, and mistakes say where they are. */
#include "spec/sheet.h"

#include "base/mem.h"
#include "base/vec.h"
#include "spec/data_dir.h"
#include "spec/engine_spec.h"
#include "spec/gpu_spec.h"
#include "spec/llm_spec.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct data_dir *data;
static struct err *err;

static void set_up(void)
{
	err = err_new();
	data = data_dir_open(".", "aliquot", err);
	ck_assert_msg(data != NULL, "tests run in the root of the project");
}

static void tear_down(void)
{
	data_dir_close(data);
	err_free(err);
}

static const char *sheet_file(const char *kind, const char *name)
{
	const char *canonical;
	const char *file = data_dir_find(data, kind, name, &canonical);

	ck_assert_msg(file != NULL, "no %s sheet \"%s\"", kind, name);
	return file;
}

/* --- the field table ---------------------------------------------------------------------------
 */

struct field {
	char section[16]; /* "facts", ...; "" for the common keys */
	char name[40];
	bool optional;
	size_t used; /* sheets that hold it */
};

struct field_table {
	VEC(struct field) fields;
};

/* "## llm: `geometry`" names a section; rows are "| `field` | unit | meaning |". */
static void read_field_table(struct field_table *t)
{
	char line[1024], section[16] = "";
	bool known = false;
	FILE *f = fopen("models/README.md", "r");

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof line, f)) {
		struct field field = {"", "", false, 0};

		if (strncmp(line, "#", 1) == 0) {
			known = strncmp(line, "## Common keys", 14) == 0 ||
			        sscanf(line, "## %*[a-z]: `%15[a-z]`", section) == 1;
		}
		if (known && sscanf(line, "| `%39[a-z0-9_]`", field.name) == 1) {
			memcpy(field.section, section, sizeof section);
			field.optional = strstr(line, "optional") != NULL;
			vec_push(&t->fields, field);
		}
	}
	fclose(f);
}

static struct field *find_field(struct field_table *t, const char *section, const char *name)
{
	for (size_t i = 0; i < t->fields.n; i++) {
		struct field *f = &t->fields.at[i];

		if (strcmp(f->section, section) == 0 && strcmp(f->name, name) == 0) {
			return f;
		}
	}
	return NULL;
}

static void use_key(struct field_table *t, const char *file, const char *section, const char *key)
{
	struct field *f = find_field(t, section, key);

	if (!f) {
		f = find_field(t, "", key); /* "source" in groups */
	}
	ck_assert_msg(f != NULL, "%s: \"%s\" is not in models/README.md", file, key);
	f->used++;
}

static void use_sheet(struct field_table *t, const char *file)
{
	json_t *sheet = json_load_file(file, 0, NULL);
	const char *key, *name;
	json_t *value, *group, *fact;
	size_t i;

	ck_assert_ptr_nonnull(sheet);
	json_object_foreach(sheet, key, value) {
		if (!json_is_array(value) || strcmp(key, "aliases") == 0) {
			use_key(t, file, "", key);
			continue;
		}
		json_array_foreach(value, i, group) {
			json_object_foreach(group, name, fact) {
				use_key(t, file, key, name);
			}
		}
	}
	json_decref(sheet);
}

static void use_table(struct field_table *t, const char *section, const struct option *table)
{
	for (; table->name; table++) {
		struct field *f = find_field(t, section, table->name);

		ck_assert_msg(f != NULL, "%s.%s is not in models/README.md", section, table->name);
		ck_assert_msg(f->optional == (table->fallback != NULL) ||
		                      strcmp(section, "published") == 0,
		              "%s.%s: models/README.md is wrong about \"optional\"", section,
		              table->name);
		f->used += f->optional; /* known to the loader is enough */
	}
}

START_TEST(the_field_table_is_complete)
{
	static const char *const kinds[] = {"gpu", "llm", "engine"};
	struct field_table t = {{NULL, 0, 0}};

	read_field_table(&t);
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
		size_t n;
		const char *const *names = data_dir_names(data, kinds[k], &n);

		for (size_t i = 0; i < n; i++) {
			use_sheet(&t, sheet_file(kinds[k], names[i]));
		}
	}
	use_table(&t, "facts", gpu_fact_table);
	use_table(&t, "geometry", llm_geometry_table);
	use_table(&t, "published", llm_published_table);
	use_table(&t, "options", engine_option_table);
	use_table(&t, "costs", engine_cost_table);
	use_table(&t, "startup", engine_startup_table);
	for (size_t i = 0; i < t.fields.n; i++) {
		const struct field *f = &t.fields.at[i];

		ck_assert_msg(f->used > 0, "models/README.md: no sheet and no loader has %s.%s",
		              f->section, f->name);
	}
	ck_assert_uint_gt(t.fields.n, 80);
	free(t.fields.at);
}
END_TEST

/* --- mistakes ----------------------------------------------------------------------------------
 */

/* Change one value of a good sheet and write it to a file of the same name; caller frees the path.
 */
static char *broken_copy(const char *kind, const char *name, const char *path, const char *text)
{
	char folder[] = "/tmp/aliquot_sheet_XXXXXX";
	json_t *sheet = json_load_file(sheet_file(kind, name), 0, NULL);

	ck_assert_ptr_nonnull(sheet);
	ck_assert(json_set(sheet, path, text, err));
	ck_assert_ptr_nonnull(mkdtemp(folder));
	char *file = mem_printf("%s/%s.json", folder, name);

	ck_assert_int_eq(json_dump_file(sheet, file, 0), 0);
	json_decref(sheet);
	return file;
}

static void remove_copy(char *file)
{
	unlink(file);
	*strrchr(file, '/') = '\0';
	rmdir(file);
	free(file);
}

struct mistake {
	const char *kind, *name; /* the good sheet */
	const char *path, *text; /* what to break */
	const char *message;     /* its end, after "file: " */
};

static const struct mistake mistakes[] = {
	{"gpu", "b200", "facts.0.memory", "\"lots\"", "facts.memory: "},
	{"gpu", "b200", "facts.0.memory", "-1", "facts.memory: "},
	{"gpu", "b200", "facts.0.memorry", "1",
         "unknown key \"memorry\"; did you mean \"memory\"?"},
	{"gpu", "b200", "facts.0.source", "null", "facts.0: \"source\" is missing"},
	{"gpu", "b200", "facts.1.memory", "1", "facts.1: \"memory\" is given twice"},
	{"gpu", "b200", "facts", "[]", "\"memory\""},
	{"gpu", "b200", "facts", "{}", "facts: expected an array, got an object"},
	{"gpu", "b200", "facts.0", "1", "facts.0: expected an object, got "},
	{"gpu", "b200", "name", "\"b100\"", "name: \"b100\" is not the name of the file"},
	{"gpu", "b200", "title", "3", "title: expected a string, got "},
	{"gpu", "b200", "checked", "null", "\"checked\" is missing"},
	{"gpu", "b200", "geometry", "[]", "unknown key \"geometry\""},
	{"gpu", "b200", "aliases", "[1]", "aliases.0: expected a string, got "},
	{"gpu", "b200", "note", "[]", "note: expected a string, got an array"},
	{"llm", "qwen3-8b", "geometry.0.kv_heads", "7", "geometry.kv_heads: must divide heads"},
	{"llm", "qwen3-8b", "geometry.0.heads", "0",
         "geometry.heads: must be above 0: there are attention"},
	{"llm", "qwen3-8b", "geometry.0.ffn", "0",
         "geometry.ffn: must be above 0: there are MLP layers"},
	{"llm", "qwen3-8b", "geometry.0.experts", "8",
         "geometry.experts: must be 0 unless there are MoE"},
	{"llm", "qwen3-8b", "geometry.0.window", "8",
         "geometry.window: must be 0 unless there are windowed"},
	{"llm", "qwen3-8b", "geometry.0.layers_windowed", "99", "geometry.window: must be above 0"},
	{"llm", "gpt-oss-20b", "geometry.0.layers_windowed", "99", "exceeds layers_attention"},
	{"llm", "gpt-oss-20b", "geometry.0.experts_per_token", "99", "exceeds experts"},
	{"llm", "qwen3-8b", "geometry.0.quantized", "\"experts\"", "\"experts\" needs MoE layers"},
	{"llm", "qwen3-8b", "geometry.0.quantized", "\"all\"", "geometry.quantized: "},
	{"llm", "qwen3-8b", "geometry.0.image_tokens", "9",
         "must be 0 unless there is a vision encoder"},
	{"llm", "nemotron-nano-12b-v2-vl", "geometry.2.image_tokens", "70000",
         "geometry.image_tokens: must be at most 65536"},
	{"llm", "gpt-oss-20b", "geometry.0.layers_windowed", "24",
         "geometry.layers_attention: a model needs a full-attention layer"},
	{"llm", "qwen3-8b", "geometry.0.mamba_conv", "4",
         "must be 0 unless there are Mamba-2 layers"},
	{"llm", "qwen2.5-7b", "geometry.0.attention_bias", "true",
         "geometry.qkv_bias: is part of attention_bias"},
	{"llm", "gpt-j-6b", "geometry.0.layers_mlp", "27",
         "geometry.parallel: needs as many MLP layers"},
	{"llm", "opt-1.3b", "geometry.0.positions", "-1", "geometry.positions: must be at least 0"},
	{"llm", "qwen3-8b", "published.0.total", "4", "unknown key \"total\""},
	{"engine", "vllm", "options.0.batching", "\"chunked\"", "options.batching: "},
	{"engine", "vllm", "options.1.max_num_seqs", "16000", "is below max_num_seqs 16000"},
	{"engine", "vllm", "costs.0.e_compute", "0", "costs.e_compute: "},
	{"engine", "vllm", "costs.1.e_memory", "0.009", "costs.e_memory: must be at least 0.01"},
	{"engine", "vllm", "costs.5.t_layer", "0.2", "costs.t_layer: must be at most 0.1"},
	{"engine", "vllm", "startup.0.process", "\"soon\"", "startup.process: "},
};

static bool sheet_loads(const char *kind, const char *file)
{
	if (strcmp(kind, "gpu") == 0) {
		struct gpu_spec *g = gpu_spec_read(file, err);

		gpu_spec_free(g);
		return g != NULL;
	}
	if (strcmp(kind, "llm") == 0) {
		struct llm_spec *m = llm_spec_read(file, err);

		llm_spec_free(m);
		return m != NULL;
	}
	struct engine_spec *e = engine_spec_read(file, err);

	engine_spec_free(e);
	return e != NULL;
}

START_TEST(mistakes_say_where_they_are)
{
	const struct mistake *m = &mistakes[_i];
	char *file = broken_copy(m->kind, m->name, m->path, m->text);
	bool found = false;

	ck_assert_msg(!sheet_loads(m->kind, file), "%s with %s = %s loads", m->name, m->path,
	              m->text);
	ck_assert_uint_gt(err_count(err), 0);
	ck_assert_int_eq(err_exit_code(err), ERR_INPUT);
	for (size_t i = 0; i < err_count(err); i++) {
		const char *text = err_message(err, i);

		ck_assert_msg(strncmp(text, file, strlen(file)) == 0,
		              "\"%s\" does not name the file", text);
		found = found || strstr(text, m->message) != NULL;
	}
	ck_assert_msg(found, "%s = %s: \"%s\" lacks \"%s\"", m->path, m->text, err_message(err, 0),
	              m->message);
	remove_copy(file);
}
END_TEST

START_TEST(a_sheet_that_is_not_there)
{
	ck_assert_ptr_null(gpu_spec_read("models/gpu/none.json", err));
	ck_assert_int_eq(err_exit_code(err), ERR_IO);
}
END_TEST

START_TEST(every_value_has_a_source)
{
	struct sheet *s = gpu_spec_sheet(sheet_file("gpu", "h100-sxm"), err);

	ck_assert_ptr_nonnull(s);
	ck_assert_str_eq(sheet_name(s), "h100-sxm");
	ck_assert_str_eq(sheet_source(s, "facts", "memory"), "nvidia-smi");
	ck_assert_ptr_null(sheet_source(s, "facts", "price"));
	ck_assert_ptr_null(sheet_source(s, "geometry", "memory"));
	ck_assert_ptr_nonnull(sheet_note(s));
	ck_assert_ptr_nonnull(sheet_checked(s));
	sheet_free(s);
	sheet_free(NULL);
	gpu_spec_free(NULL);
	llm_spec_free(NULL);
	engine_spec_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sheets");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, the_field_table_is_complete);
	tcase_add_loop_test(tcase, mistakes_say_where_they_are, 0,
	                    (int)(sizeof mistakes / sizeof mistakes[0]));
	tcase_add_test(tcase, a_sheet_that_is_not_there);
	tcase_add_test(tcase, every_value_has_a_source);
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
