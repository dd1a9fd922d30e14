/*
 * Fuzzes the scenario loader with the project's own data sheets (run it in the project's root): a
 * scenario is refused with a message or taken, never both.
 */
#include "base/check.h"
#include "spec/scenario.h"

#include "input_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct scenario_override override = {"loads.0.users", "2k"};
	struct err *err = err_new();
	struct data_dir *sheets = data_dir_open(".", NULL, err);
	struct scenario *scenario;
	struct input_file file;

	sim_assert(sheets != NULL);
	input_file_write(&file, data, size);
	scenario = scenario_read(file.name, sheets, &override, size % 2, err);
	sim_assert((scenario == NULL) == (err_count(err) > 0));
	scenario_free(scenario);
	input_file_remove(&file);
	data_dir_close(sheets);
	err_free(err);
	return 0;
}
