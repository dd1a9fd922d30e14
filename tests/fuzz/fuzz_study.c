/*
 * Fuzzes tables of measured figures and protocols (run it in the project's root): a table is
 * refused with a message or taken, and each row of one that was taken is a scenario or has a reason
 * why not; a protocol is refused, or makes either of a good row. What begins like JSON is a
 * protocol.
 */
#include "base/check.h"
#include "base/mem.h"
#include "study/case.h"

#include "input_file.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST_CASES 20 /* each of them reads data sheets */

static const char good_row[] =
	"source,gpu,model,metric,value,precision,isl,osl,concurrency,engine,tp,load\n"
	"input,h100-sxm,llama-3.1-8b-instruct,tpot,9,bf16,100,10,8,vllm,1,closed\n";

static void check_run(const struct measured_run *run)
{
	sim_assert(run->users >= 0 && run->tp >= 0 && run->prompts >= 0 && run->replicas >= 0);
	sim_assert(run->max_num_seqs >= 0 && run->gpu_count >= 0 && run->dataset_entries >= 0);
	sim_assert(run->n_values > 0 || run->n_requests > 0);
	for (size_t i = 0; i < run->n_values; i++) {
		sim_assert(isfinite(run->values[i].value) && run->values[i].line > 1);
	}
}

static void check_cases(const struct measured_table *table, struct data_dir *sheets)
{
	struct err *err = err_new();
	struct case_list cases;

	if (case_list_make(&cases, table, sheets, err)) {
		sim_assert(err_count(err) == 0);
		for (size_t i = 0; i < cases.n; i++) {
			const struct study_case *c = &cases.at[i];
			sim_assert((c->scenario == NULL) == (c->skipped != NULL));
		}
		case_list_fini(&cases);
	} else {
		sim_assert(err_count(err) > 0);
	}
	err_free(err);
}

static struct measured_table *read_table(const uint8_t *data, size_t size)
{
	struct err *err = err_new();
	struct input_file file;

	input_file_write(&file, data, size);
	struct measured_table *table = measured_read(file.name, err);
	sim_assert((table == NULL) == (err_count(err) > 0));
	input_file_remove(&file);
	err_free(err);
	return table;
}

static void fuzz_table(const uint8_t *data, size_t size)
{
	struct measured_table *table = read_table(data, size);

	if (table == NULL) {
		return;
	}
	for (size_t i = 0; i < table->n_runs; i++) {
		check_run(&table->runs[i]);
	}
	if (table->n_runs <= MOST_CASES) {
		struct err *err = err_new();
		struct data_dir *sheets = data_dir_open(".", NULL, err);
		sim_assert(sheets != NULL);
		check_cases(table, sheets);
		data_dir_close(sheets);
		err_free(err);
	}
	measured_free(table);
}

static void link_sheets(const char *folder, const char *kind)
{
	char *from = mem_printf("models/%s", kind), *to = mem_printf("%s/models/%s", folder, kind);
	char *real = realpath(from, NULL);

	if (real == NULL || symlink(real, to) != 0) {
		abort();
	}
	free(real);
	free(from);
	free(to);
}

static void fuzz_protocol(const uint8_t *data, size_t size)
{
	static const char *const made[] = {"models", "models/protocol"};
	static const char *const left[] = {"models/protocol/input.json", "models/gpu", "models/llm",
	                                   "models/engine"};
	char folder[] = "/tmp/aliquot-fuzz-XXXXXX";
	struct err *err = err_new();
	struct measured_table *table = read_table((const uint8_t *)good_row, sizeof(good_row) - 1);

	if (mkdtemp(folder) == NULL) {
		abort();
	}
	for (size_t i = 0; i < 2; i++) {
		char *path = mem_printf("%s/%s", folder, made[i]);
		sim_assert(mkdir(path, 0700) == 0);
		free(path);
	}
	link_sheets(folder, "gpu");
	link_sheets(folder, "llm");
	link_sheets(folder, "engine");
	char *file = mem_printf("%s/%s", folder, left[0]);
	FILE *stream = fopen(file, "wb");
	if (stream == NULL || fwrite(data, 1, size, stream) != size || fclose(stream) != 0) {
		abort();
	}
	free(file);
	struct data_dir *sheets = data_dir_open(folder, NULL, err);
	sim_assert(sheets != NULL && table != NULL);
	check_cases(table, sheets);
	data_dir_close(sheets);
	measured_free(table);
	err_free(err);
	for (size_t i = 0; i < 4; i++) {
		char *path = mem_printf("%s/%s", folder, left[i]);
		(void)unlink(path);
		free(path);
	}
	for (size_t i = 2; i > 0; i--) {
		char *path = mem_printf("%s/%s", folder, made[i - 1]);
		(void)rmdir(path);
		free(path);
	}
	(void)rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && (data[0] == '{' || data[0] == '[')) {
		fuzz_protocol(data, size);
	} else {
		fuzz_table(data, size);
	}
	return 0;
}
