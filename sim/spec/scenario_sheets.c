/* The data sheets of one scenario, each loaded once however many services name it. */
#include "spec/scenario_private.h"

#include "base/mem.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

struct held_gpu {
	struct gpu_spec *spec;
};

struct held_llm {
	struct llm_spec *spec;
};

struct held_engine {
	struct engine_spec *spec;
};

struct held_calibration {
	struct calibration *calibration;
};

struct scenario_sheets {
	VEC(struct held_gpu) gpus;
	VEC(struct held_llm) llms;
	VEC(struct held_engine) engines;
	VEC(struct held_calibration) calibrations;
	VEC(char *) sources;
};

static struct scenario_sheets *sheets_of(struct scenario *sc)
{
	if (sc->sheets == NULL) {
		sc->sheets = mem_new(1, sizeof(*sc->sheets));
	}
	return sc->sheets;
}

void scenario_free_sheets(struct scenario_sheets *sheets)
{
	if (sheets == NULL) {
		return;
	}
	for (size_t i = 0; i < sheets->gpus.n; i++) {
		gpu_spec_free(sheets->gpus.at[i].spec);
	}
	for (size_t i = 0; i < sheets->llms.n; i++) {
		llm_spec_free(sheets->llms.at[i].spec);
	}
	for (size_t i = 0; i < sheets->engines.n; i++) {
		engine_spec_free(sheets->engines.at[i].spec);
	}
	for (size_t i = 0; i < sheets->calibrations.n; i++) {
		calibration_free(sheets->calibrations.at[i].calibration);
	}
	for (size_t i = 0; i < sheets->sources.n; i++) {
		free(sheets->sources.at[i]);
	}
	free(sheets->gpus.at);
	free(sheets->llms.at);
	free(sheets->engines.at);
	free(sheets->calibrations.at);
	free(sheets->sources.at);
	free(sheets);
}

const char *scenario_source(struct scenario *sc, const char *kind, const char *name)
{
	struct scenario_sheets *sheets = sheets_of(sc);

	vec_push(&sheets->sources, mem_printf("%s %s", kind, name));
	return sheets->sources.at[sheets->sources.n - 1];
}

/* The sheet's file, or NULL with an error that suggests a name. `what` is for the message. */
static const char *find_sheet(struct scenario_loader *l, const struct json_at *at, const char *kind,
                              const char *what, const char *name, const char **canonical)
{
	const char *file = data_dir_find(l->data, kind, name, canonical);

	if (file == NULL) {
		size_t n;
		const char *const *names = data_dir_names(l->data, kind, &n);

		json_fail_name(at, what, name, names, n);
	}
	return file;
}

const struct gpu_spec *scenario_gpu(struct scenario_loader *l, const struct json_at *at,
                                    const char *name)
{
	struct scenario_sheets *sheets = sheets_of(l->sc);
	const char *canonical;
	const char *file = find_sheet(l, at, "gpu", "GPU", name, &canonical);

	for (size_t i = 0; file != NULL && i < sheets->gpus.n; i++) {
		if (strcmp(sheets->gpus.at[i].spec->name, canonical) == 0) {
			return sheets->gpus.at[i].spec;
		}
	}
	struct gpu_spec *gpu = file != NULL ? gpu_spec_read(file, l->err) : NULL;

	if (gpu != NULL) {
		struct held_gpu held = {gpu};

		vec_push(&sheets->gpus, held);
	}
	return gpu;
}

const struct llm_spec *scenario_llm(struct scenario_loader *l, const struct json_at *at,
                                    const char *name)
{
	struct scenario_sheets *sheets = sheets_of(l->sc);
	const char *canonical;
	const char *file = find_sheet(l, at, "llm", "model", name, &canonical);

	for (size_t i = 0; file != NULL && i < sheets->llms.n; i++) {
		if (strcmp(sheets->llms.at[i].spec->name, canonical) == 0) {
			return sheets->llms.at[i].spec;
		}
	}
	struct llm_spec *llm = file != NULL ? llm_spec_read(file, l->err) : NULL;

	if (llm != NULL) {
		struct held_llm held = {llm};

		vec_push(&sheets->llms, held);
	}
	return llm;
}

const struct engine_spec *scenario_engine(struct scenario_loader *l, const struct json_at *at,
                                          const char *name)
{
	struct scenario_sheets *sheets = sheets_of(l->sc);
	const char *canonical;
	const char *file = find_sheet(l, at, "engine", "engine", name, &canonical);

	for (size_t i = 0; file != NULL && i < sheets->engines.n; i++) {
		if (strcmp(sheets->engines.at[i].spec->name, canonical) == 0) {
			return sheets->engines.at[i].spec;
		}
	}
	struct engine_spec *engine = file != NULL ? engine_spec_read(file, l->err) : NULL;

	if (engine != NULL) {
		struct held_engine held = {engine};

		vec_push(&sheets->engines, held);
	}
	return engine;
}

/* Whether the folder has a calibration of exactly this name; others are not opened. */
static bool has_calibration(const struct data_dir *data, const char *name)
{
	size_t n;
	const char *const *const names = data_dir_names(data, "calibration", &n);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0) {
			return true;
		}
	}
	return false;
}

const struct calibration *scenario_calibration(struct scenario_loader *l, const char *name)
{
	struct scenario_sheets *const sheets = sheets_of(l->sc);

	for (size_t i = 0; i < sheets->calibrations.n; i++) {
		if (strcmp(sheets->calibrations.at[i].calibration->name, name) == 0) {
			return sheets->calibrations.at[i].calibration;
		}
	}
	if (!has_calibration(l->data, name)) {
		return NULL;
	}
	struct held_calibration held = {calibration_read(
		data_dir_find(l->data, "calibration", name, NULL), l->data, l->err)};

	if (held.calibration != NULL) {
		vec_push(&sheets->calibrations, held);
	}
	return held.calibration;
}
