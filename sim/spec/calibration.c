/* What a loaded calibration is asked for: the set for a model, and its constants over a profile's.
 */
#include "spec/calibration.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *const constant_roles[] = {"fitted", "held", "transferred", NULL};
static_assert(CONSTANT_TRANSFERRED == 2, "the names are those of enum constant_role");

char *calibration_name(const char *gpu, const char *engine, int precision)
{
	return mem_printf("%s__%s__%s", gpu, engine, precision_names[precision]);
}

static void free_set(struct calibration_set *set)
{
	for (size_t i = 0; i < set->n_constants; i++) {
		free(set->constants[i].name);
		free(set->constants[i].why);
	}
	for (size_t i = 0; i < set->n_errors; i++) {
		free(set->errors[i].metric);
	}
	for (size_t i = 0; i < set->n_models; i++) {
		free(set->models[i]);
	}
	free(set->engine_version);
	free(set->constants);
	free(set->source);
	free(set->errors);
	free(set->models);
}

void calibration_free(struct calibration *c)
{
	if (c == NULL) {
		return;
	}
	for (size_t i = 0; i < c->n_sets; i++) {
		free_set(&c->sets[i]);
	}
	free(c->sets);
	free(c->name);
	free(c->gpu);
	free(c->engine);
	free(c->checked);
	free(c->note);
	free(c);
}

const struct calibration_set *calibration_find(const struct calibration *c,
                                               const struct llm_spec *llm,
                                               const char *engine_version)
{
	for (size_t i = 0; i < c->n_sets; i++) {
		const struct calibration_set *const set = &c->sets[i];

		if (set->moe == (llm->experts > 0) &&
		    (engine_version == NULL || strcmp(set->engine_version, engine_version) == 0)) {
			return set;
		}
	}
	return NULL;
}

bool calibration_has(const struct calibration_set *set, const char *constant)
{
	for (size_t i = 0; i < set->n_constants; i++) {
		if (strcmp(set->constants[i].name, constant) == 0) {
			return true;
		}
	}
	return false;
}

void calibration_apply(const struct calibration_set *set, struct cost_constants *costs)
{
	for (size_t i = 0; i < set->n_constants; i++) {
		for (const struct option *o = engine_cost_table; o->name != NULL; o++) {
			if (strcmp(o->name, set->constants[i].name) == 0) {
				memcpy((char *)costs + o->offset, &set->constants[i].value,
				       sizeof(double));
			}
		}
	}
}
