/* Measured tables, protocols and the cases made of them, from text, in a data folder of their own.
 */
#ifndef ALIQUOT_TESTS_SUPPORT_STUDY_H
#define ALIQUOT_TESTS_SUPPORT_STUDY_H

#include "study/case.h"
#include "study/measured.h"

/* The columns that the rows of the tests have. */
#define STUDY_HEADER                                                                                   \
	"source,gpu,model,precision,isl,osl,concurrency,metric,stat,value,unit,engine,engine_version," \
	"tp,load,rate,prompts,max_num_seqs,speculative,replicas,fraction_request,gpu_count,note,sharing\n"

struct test_study {
	char folder[40]; /* models/ with the bundled GPUs, models and engines; no calibrations */
	struct data_dir *data;
	struct err *err;
	struct measured_table *table; /* NULL until there are rows, or when they are wrong */
	struct case_list cases;
};

/* Make the folder; ends with test_study_end, which removes it. */
void test_study_begin(struct test_study *t);
void test_study_end(struct test_study *t);

/* Write a file of the folder ("models/protocol/mine.json"); before the first rows. */
void test_study_file(const struct test_study *t, const char *name, const char *text);

/* The whole name of a file in the folder; caller frees. */
char *test_study_path(const struct test_study *t, const char *name);

/* Read a table; false with t->err filled. */
bool test_study_table(struct test_study *t, const char *csv);

/* Read a table and make its cases; prints what is wrong and aborts when it cannot. */
void test_study_rows(struct test_study *t, const char *csv);

/* Names and contents of all files below a folder but pictures, for comparisons. Caller frees. */
char *test_study_contents(const char *folder);

#endif
