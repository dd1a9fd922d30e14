/* Loads calibration files and checks them. Does not know how they were fitted: that is study. */
#include "spec/calibration.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define MOST_ROWS 1e9
#define MOST_PERCENT 1e9 /* of an error: more is a typing mistake */

struct file_keys {
	char *name, *gpu, *engine, *checked, *note;
	int precision;
	const json_t *sets;
};

struct set_keys {
	int models;
	char *engine_version;
	const json_t *constants, *rows, *errors, *trust;
};

struct trust_keys {
	const json_t *models, *isl, *osl, *users, *tensor_parallel;
};

static const char *const kinds[] = {"dense", "moe", NULL};

#define FILE_KEY(member) offsetof(struct file_keys, member)
#define SET(member) offsetof(struct set_keys, member)
#define CONSTANT(member) offsetof(struct calibrated_constant, member)
#define ROWS(member) offsetof(struct calibration_set, member)
#define ERROR(member) offsetof(struct calibrated_error, member)
#define TRUST(member) offsetof(struct trust_keys, member)
#define END                                                        \
	{                                                          \
		NULL, OPTION_BOOL, 0, 0, 0, NULL, NULL, NULL, NULL \
	}

/* clang-format off */
static const struct option file_table[] = {
	{"name", OPTION_TEXT, FILE_KEY(name), 0, 0, NULL, NULL, NULL, "the file name without .json"},
	{"gpu", OPTION_TEXT, FILE_KEY(gpu), 0, 0, NULL, NULL, NULL, "a GPU data sheet"},
	{"engine", OPTION_TEXT, FILE_KEY(engine), 0, 0, NULL, NULL, NULL, "an engine profile"},
	{"precision", OPTION_CHOICE, FILE_KEY(precision), 0, 0, NULL, precision_names, NULL,
	 "of the weights"},
	{"checked", OPTION_TEXT, FILE_KEY(checked), 0, 0, "", NULL, NULL, "date of the fit"},
	{"note", OPTION_TEXT, FILE_KEY(note), 0, 0, "", NULL, NULL,
	 "what a reader must know, such as how to make it again"},
	{"sets", OPTION_NODE, FILE_KEY(sets), 0, 0, NULL, NULL, NULL,
	 "list of fits, the one to prefer first"},
	END,
};

static const struct option set_table[] = {
	{"models", OPTION_CHOICE, SET(models), 0, 0, NULL, kinds, NULL,
	 "dense models or mixtures of experts"},
	{"engine_version", OPTION_TEXT, SET(engine_version), 0, 0, "", NULL, NULL,
	 "of the engine that was measured"},
	{"constants", OPTION_NODE, SET(constants), 0, 0, NULL, NULL, NULL, "list of cost constants"},
	{"rows", OPTION_NODE, SET(rows), 0, 0, "", NULL, NULL, "what was fitted"},
	{"errors", OPTION_NODE, SET(errors), 0, 0, "", NULL, NULL,
	 "list of errors against measurements, one per metric"},
	{"trust", OPTION_NODE, SET(trust), 0, 0, NULL, NULL, NULL, "where the constants hold"},
	END,
};

static const struct option constant_table[] = {
	{"name", OPTION_TEXT, CONSTANT(name), 0, 0, NULL, NULL, NULL, "of the engine profile's costs"},
	{"value", OPTION_REAL, CONSTANT(value), 0, 0, NULL, NULL, NULL, "in the unit of that cost"},
	{"low", OPTION_REAL, CONSTANT(low), 0, 0, "", NULL, NULL, "begin of the 95 % interval"},
	{"high", OPTION_REAL, CONSTANT(high), 0, 0, "", NULL, NULL, "end of the 95 % interval"},
	{"role", OPTION_CHOICE, CONSTANT(role), 0, 0, NULL, constant_roles, NULL,
	 "fitted here, held while others were fitted, or from another GPU"},
	{"why", OPTION_TEXT, CONSTANT(why), 0, 0, "", NULL, NULL,
	 "where a value that was not fitted comes from"},
	END,
};

static const struct option rows_table[] = {
	{"source", OPTION_TEXT, ROWS(source), 0, 0, NULL, NULL, NULL, "of the measurements"},
	{"configurations", OPTION_INT, ROWS(configurations), 1, MOST_ROWS, NULL, NULL, NULL,
	 "measured configurations"},
	END,
};

static const struct option error_table[] = {
	{"metric", OPTION_TEXT, ERROR(metric), 0, 0, NULL, NULL, NULL, "what was compared"},
	{"n", OPTION_INT, ERROR(n), 1, MOST_ROWS, NULL, NULL, NULL, "measured values"},
	{"fitted_mean_pct", OPTION_REAL, ERROR(fitted_mean), 0, MOST_PERCENT, NULL, NULL, "%",
	 "mean error on the rows fitted"},
	{"fitted_worst_pct", OPTION_REAL, ERROR(fitted_worst), 0, MOST_PERCENT, NULL, NULL, "%",
	 "worst error on the rows fitted"},
	{"held_out_mean_pct", OPTION_REAL, ERROR(held_out_mean), 0, MOST_PERCENT, NULL, NULL, "%",
	 "mean error on rows held out"},
	{"held_out_median_pct", OPTION_REAL, ERROR(held_out_median), 0, MOST_PERCENT, NULL, NULL, "%",
	 "median error on rows held out"},
	{"held_out_worst_pct", OPTION_REAL, ERROR(held_out_worst), 0, MOST_PERCENT, NULL, NULL, "%",
	 "worst error on rows held out"},
	END,
};

static const struct option trust_table[] = {
	{"models", OPTION_NODE, TRUST(models), 0, 0, NULL, NULL, NULL, "model data sheets"},
	{"isl", OPTION_NODE, TRUST(isl), 0, 0, "", NULL, "tokens", "prompt lengths"},
	{"osl", OPTION_NODE, TRUST(osl), 0, 0, "", NULL, "tokens", "answer lengths"},
	{"users", OPTION_NODE, TRUST(users), 0, 0, "", NULL, "users", "of one replica"},
	{"tensor_parallel", OPTION_NODE, TRUST(tensor_parallel), 0, 0, "", NULL, "GPUs",
	 "of one replica"},
	END,
};
/* clang-format on */

const struct calibration_section calibration_sections[] = {
	{"calibration", file_table},
	{"sets[]", set_table},
	{"sets[].constants[]", constant_table},
	{"sets[].rows", rows_table},
	{"sets[].errors[]", error_table},
	{"sets[].trust", trust_table},
	{NULL, NULL},
};

static bool fill(const struct option *table, void *self, const struct json_at *at)
{
	return option_fill(table, self, at, "calibration", NULL);
}

/* Length of the array `key`, into *list; 0 when it is absent or no array. */
static size_t open_list(const struct json_at *at, const char *key, struct json_at *list)
{
	const bool ok = json_get(at, key, list) && json_want_array(list);

	return ok ? json_array_size(list->value) : 0;
}

/* A required array; one without elements is an error. */
static size_t open_filled_list(const struct json_at *at, const char *key, struct json_at *list)
{
	const size_t n = open_list(at, key, list);

	if (n == 0 && json_get(at, key, list) && json_is_array(list->value)) {
		json_fail(list, "needs at least one element");
	}
	return n;
}

/* Whether a constant of that name exists; else an error. */
static bool is_cost(const struct json_at *at, const char *name)
{
	const char *names[32];
	size_t n = 0;
	struct json_at member;

	for (const struct option *o = engine_cost_table; o->name != NULL; o++) {
		if (strcmp(o->name, name) == 0) {
			return true;
		}
		names[n++] = o->name;
	}
	if (json_get(at, "name", &member)) {
		json_fail_name(&member, "constant", name, names, n);
	}
	return false;
}

/* Whether the value may be one of the profile's, said as if it were there. */
static void check_value(const struct calibrated_constant *c, const struct json_at *at)
{
	struct cost_constants scratch;
	json_t *const object = json_pack("{s:f}", c->name, c->value);
	struct json_at as_cost = *at;

	as_cost.value = object;
	option_override(engine_cost_table, &scratch, &as_cost, "calibration", NULL);
	json_decref(object);
}

static void check_interval(struct calibrated_constant *c, const struct json_at *at)
{
	struct json_at member;
	const bool low = json_get(at, "low", &member), high = json_get(at, "high", &member);

	if (low != high) {
		json_fail(at, "\"%s\" is missing: an interval has two ends", low ? "high" : "low");
	} else if (low && !(c->low <= c->value && c->value <= c->high)) {
		json_fail(at, "the value %g is not between low %g and high %g", c->value, c->low,
		          c->high);
	}
	if (!low) {
		c->low = c->high = c->value;
	}
}

static void read_constant(struct calibration_set *set, size_t i, const struct json_at *at)
{
	struct calibrated_constant *const c = &set->constants[i];

	if (!fill(constant_table, c, at) || !is_cost(at, c->name)) {
		return;
	}
	check_value(c, at);
	check_interval(c, at);
	if (c->role != CONSTANT_FITTED && c->why == NULL) {
		json_fail(at, "\"why\" is missing: where the value of a constant that was not "
		              "fitted comes from");
	}
	for (size_t k = 0; k < i; k++) {
		if (set->constants[k].name != NULL &&
		    strcmp(set->constants[k].name, c->name) == 0) {
			json_fail(at, "\"%s\" is given twice", c->name);
			break;
		}
	}
}

static void read_constants(struct calibration_set *set, const struct json_at *at)
{
	struct json_at list;

	set->n_constants = open_filled_list(at, "constants", &list);
	set->constants = mem_new(set->n_constants, sizeof(*set->constants));
	for (size_t i = 0; i < set->n_constants; i++) {
		const struct json_at item = json_item(&list, i);

		read_constant(set, i, &item);
	}
}

static void read_rows(struct calibration_set *set, const struct json_at *at)
{
	struct json_at rows;
	bool fitted = false;

	for (size_t i = 0; i < set->n_constants; i++) {
		const struct calibrated_constant *const c = &set->constants[i];

		fitted = fitted || (c->name != NULL && c->role == CONSTANT_FITTED);
	}
	if (json_get(at, "rows", &rows)) {
		fill(rows_table, set, &rows);
	} else if (fitted) {
		json_fail(at, "\"rows\" is missing: what the constants were fitted to");
	}
}

static void read_errors(struct calibration_set *set, const struct json_at *at)
{
	struct json_at list;

	set->n_errors = open_list(at, "errors", &list);
	set->errors = mem_new(set->n_errors, sizeof(*set->errors));
	for (size_t i = 0; i < set->n_errors; i++) {
		const struct json_at item = json_item(&list, i);

		fill(error_table, &set->errors[i], &item);
	}
}

/* [low, high]; absent: nothing is known. */
static void read_range(struct trust_range *range, const struct json_at *trust, const char *key)
{
	struct json_at at;
	double ends[2] = {0.0, 0.0};

	if (!json_get(trust, key, &at) || !json_want_array(&at)) {
		return;
	}
	const size_t n = json_array_size(at.value);

	for (size_t i = 0; i < n && i < 2; i++) {
		const json_t *const end = json_array_get(at.value, i);

		ends[i] = json_is_number(end) ? json_number_value(end) : -1.0;
	}
	if (n != 2 || !(ends[0] >= 0.0 && ends[0] <= ends[1])) {
		json_fail(&at, "expected two numbers, the least and the largest");
		return;
	}
	*range = (struct trust_range){ends[0], ends[1]};
}

/* Whether `name` is a sheet's own name, of the `kind` of data_dir_find. */
static void check_sheet(struct data_dir *data, const char *kind, const char *what, const char *name,
                        const struct json_at *at)
{
	const char *canonical;
	size_t n;

	if (data == NULL) {
		return;
	}
	if (data_dir_find(data, kind, name, &canonical) == NULL) {
		const char *const *const names = data_dir_names(data, kind, &n);

		json_fail_name(at, what, name, names, n);
	} else if (strcmp(canonical, name) != 0) {
		json_fail(at, "\"%s\" stands for \"%s\": write that", name, canonical);
	}
}

static void read_trust(struct calibration_set *set, struct data_dir *data, const struct json_at *at)
{
	struct trust_keys keys;
	struct json_at trust, list;

	if (!json_get(at, "trust", &trust) || !fill(trust_table, &keys, &trust)) {
		return;
	}
	set->n_models = open_filled_list(&trust, "models", &list);
	set->models = mem_new(set->n_models, sizeof(*set->models));
	for (size_t i = 0; i < set->n_models; i++) {
		const struct json_at item = json_item(&list, i);
		const char *name;

		if (json_want_string(&item, &name)) {
			set->models[i] = mem_strdup(name);
			check_sheet(data, "llm", "model", name, &item);
		}
	}
	read_range(&set->isl, &trust, "isl");
	read_range(&set->osl, &trust, "osl");
	read_range(&set->users, &trust, "users");
	read_range(&set->tensor_parallel, &trust, "tensor_parallel");
}

static void read_set(struct calibration_set *set, struct data_dir *data, const struct json_at *at)
{
	struct set_keys keys;

	fill(set_table, &keys, at);
	set->moe = keys.models == 1;
	set->engine_version = keys.engine_version != NULL ? keys.engine_version : mem_strdup("");
	if (json_is_object(at->value)) {
		read_constants(set, at);
		read_rows(set, at);
		read_errors(set, at);
		read_trust(set, data, at);
	}
}

/* The name must be that of the file, and made of what is calibrated. */
static void check_name(const struct calibration *c, const char *file, const struct json_at *root)
{
	const char *const slash = strrchr(file, '/');
	char *const own = mem_printf("%s.json", c->name);
	char *const made = calibration_name(c->gpu, c->engine, c->precision);
	struct json_at at = *root;

	json_get(root, "name", &at);
	if (strcmp(own, slash != NULL ? slash + 1 : file) != 0) {
		json_fail(&at, "\"%s\" is not the name of the file", c->name);
	} else if (strcmp(made, c->name) != 0) {
		json_fail(&at, "GPU, engine and precision make it \"%s\", got \"%s\"", made,
		          c->name);
	}
	free(own);
	free(made);
}

static void read_file(struct calibration *c, const char *file, struct data_dir *data,
                      const struct json_at *root)
{
	struct file_keys keys;
	struct json_at at;
	const bool ok = fill(file_table, &keys, root);

	*c = (struct calibration){.name = keys.name,
	                          .gpu = keys.gpu,
	                          .engine = keys.engine,
	                          .precision = keys.precision,
	                          .checked = keys.checked,
	                          .note = keys.note};
	if (ok) {
		check_name(c, file, root);
	}
	if (c->gpu != NULL && json_get(root, "gpu", &at)) {
		check_sheet(data, "gpu", "GPU", c->gpu, &at);
	}
	if (c->engine != NULL && json_get(root, "engine", &at)) {
		check_sheet(data, "engine", "engine", c->engine, &at);
	}
	c->n_sets = open_filled_list(root, "sets", &at);
	c->sets = mem_new(c->n_sets, sizeof(*c->sets));
	for (size_t i = 0; i < c->n_sets; i++) {
		const struct json_at item = json_item(&at, i);

		read_set(&c->sets[i], data, &item);
	}
}

struct calibration *calibration_read(const char *file, struct data_dir *data, struct err *err)
{
	const size_t before = err_count(err);
	json_t *const json = json_read(file, err);
	const struct json_at root = json_root(json, file, err);
	struct calibration *c = NULL;

	if (json != NULL && json_want_object(&root)) {
		c = mem_new(1, sizeof(*c));
		read_file(c, file, data, &root);
	}
	if (err_count(err) > before) {
		calibration_free(c);
		c = NULL;
	}
	json_decref(json);
	return c;
}
