/*
 * Fuzzes the loaders of data sheets: a sheet is refused with a message or taken, and what follows
 * from a model that was taken is finite.
 */
#include "base/check.h"
#include "spec/calibration.h"
#include "spec/engine_spec.h"
#include "spec/gpu_spec.h"
#include "spec/llm_spec.h"

#include "input_file.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_size(double value)
{
	sim_assert(isfinite(value) && value >= 0);
}

static void check_shape(const struct llm_spec *llm)
{
	struct llm_shape shape;

	for (int weights = 0; weights < PRECISION_COUNT; weights++) {
		for (int kv = 0; kv < PRECISION_COUNT; kv++) {
			llm_spec_shape(llm, (enum precision)weights, (enum precision)kv, &shape);
			check_size(shape.parameters);
			check_size(shape.active_parameters);
			check_size(shape.weight_bytes);
			check_size(shape.dense_bytes);
			check_size(shape.f_token);
			check_size(shape.attn_flops);
			check_size(shape.kv_bytes_per_token);
			check_size(shape.state_bytes_per_sequence);
			sim_assert(shape.layers >= 1);
		}
	}
}

static void read_llm(const char *file)
{
	struct err *err = err_new();
	struct llm_spec *llm = llm_spec_read(file, err);

	sim_assert((llm == NULL) == (err_count(err) > 0));
	if (llm != NULL) {
		check_shape(llm);
	}
	llm_spec_free(llm);
	err_free(err);
}

static void read_gpu(const char *file)
{
	struct err *err = err_new();
	struct gpu_spec *gpu = gpu_spec_read(file, err);

	sim_assert((gpu == NULL) == (err_count(err) > 0));
	for (int p = 0; gpu != NULL && p < PRECISION_COUNT; p++) {
		check_size(gpu_spec_flops(gpu, (enum precision)p));
	}
	gpu_spec_free(gpu);
	err_free(err);
}

static void read_engine(const char *file)
{
	struct err *err = err_new();
	struct engine_spec *engine = engine_spec_read(file, err);

	sim_assert((engine == NULL) == (err_count(err) > 0));
	engine_spec_free(engine);
	err_free(err);
}

static void read_calibration(const char *file)
{
	struct err *err = err_new();
	struct calibration *calibration = calibration_read(file, NULL, err);

	sim_assert((calibration == NULL) == (err_count(err) > 0));
	calibration_free(calibration);
	err_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input_file file;

	input_file_write(&file, data, size);
	read_llm(file.name);
	read_gpu(file.name);
	read_engine(file.name);
	read_calibration(file.name);
	input_file_remove(&file);
	return 0;
}
