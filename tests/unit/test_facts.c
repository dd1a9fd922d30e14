/* Sourced quantities: units for people, folding at 100 columns, numbered sources, JSON. */
#include "report/facts.h"

#include "base/mem.h"
#include "spec/gpu_spec.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SHEET "models/gpu/h100-nvl.json"

static const char *quantity(double value, const char *unit)
{
	static char buf[80];

	return facts_quantity(value, unit, buf, sizeof buf);
}

START_TEST(quantities_carry_their_unit)
{
	ck_assert_str_eq(quantity(835e12, "FLOP/s"), "835 TFLOP/s");
	ck_assert_str_eq(quantity(3.9e12, "bytes/s"), "3.900 TB/s");
	ck_assert_str_eq(quantity(0, "bytes/s"), "0 B/s");
	ck_assert_str_eq(quantity(131072, "bytes"), "131.1 kB");
	ck_assert_str_eq(quantity(999.95e9, "bytes"), "1.000 TB");
	ck_assert_str_eq(quantity(40e-6, "s"), "40 us");
	ck_assert_str_eq(quantity(0, "s"), "0 s");
	ck_assert_str_eq(quantity(0.76, "share"), "0.76");
	ck_assert_str_eq(quantity(8030261248, "parameters"), "8,030,261,248 parameters");
	ck_assert_str_eq(quantity(7, ""), "7");
}
END_TEST

/* What fn writes; caller frees. */
static char *folded(const char *text, int from)
{
	FILE *out = tmpfile();

	ck_assert_ptr_nonnull(out);
	facts_fold(text, from, out);
	const size_t size = (size_t)ftell(out);
	char *got = mem_new(size + 1, 1);

	rewind(out);
	ck_assert_uint_eq(fread(got, 1, size, out), size);
	fclose(out);
	return got;
}

START_TEST(long_text_folds_at_blanks)
{
	char *got = folded("aaaa bbbb cc", 91);

	ck_assert_str_eq(
		got, "aaaa bbbb\n                                                               "
		     "                            cc\n");
	free(got);
	got = folded("short", 10);
	ck_assert_str_eq(got, "short\n");
	free(got);
	got = folded("", 10);
	ck_assert_str_eq(got, "\n");
	free(got);
	got = folded("wider_than_the_room x", 95);
	ck_assert_ptr_nonnull(strstr(got, "wider_than_the_room\n"));
	free(got);
}
END_TEST

struct printed {
	struct err *err;
	struct gpu_spec *gpu;
	struct sheet *sheet;
	struct facts *facts;
};

static struct printed h100_nvl(void)
{
	struct printed p = {.err = err_new()};

	p.gpu = gpu_spec_read(SHEET, p.err);
	p.sheet = gpu_spec_sheet(SHEET, p.err);
	ck_assert_ptr_nonnull(p.gpu);
	ck_assert_ptr_nonnull(p.sheet);
	p.facts = facts_new();
	facts_add_section(p.facts, p.sheet, "facts", gpu_fact_table, p.gpu);
	facts_add_derived(p.facts, "balance", 214, "FLOP", "per byte read");
	return p;
}

static void done(struct printed *p)
{
	facts_free(p->facts);
	facts_free(NULL);
	sheet_free(p->sheet);
	gpu_spec_free(p->gpu);
	err_free(p->err);
}

START_TEST(every_value_points_to_its_source)
{
	struct printed p = h100_nvl();
	FILE *out = tmpfile();
	char line[512];
	int values = 0, notes = 0;

	ck_assert_ptr_nonnull(out);
	facts_print(p.facts, out);
	rewind(out);
	while (fgets(line, sizeof line, out)) {
		ck_assert_uint_le(strcspn(line, "\n"), 100);
		values += strncmp(line, "  memory", 8) == 0 &&
		          strstr(line, "100.5 GB (95,830 MiB)") && strstr(line, " [1] ");
		values += strncmp(line, "  flops_fp8", 11) == 0 && strstr(line, "1.670 PFLOP/s") &&
		          strstr(line, " [3] ");
		values += strncmp(line, "  balance", 9) == 0 && !strchr(line, '[');
		notes += strncmp(line, "  [", 3) == 0;
		ck_assert_ptr_null(strstr(line, "price"));
	}
	ck_assert_int_eq(values, 3);
	ck_assert_int_eq(notes, 12); /* bf16 and fp8 share one */
	fclose(out);
	done(&p);
}
END_TEST

START_TEST(json_has_numbers_units_and_sources)
{
	struct printed p = h100_nvl();
	json_t *list = facts_json(p.facts);
	const json_t *memory = json_array_get(list, 0);
	const json_t *derived = json_array_get(list, json_array_size(list) - 1);

	size_t fields = 0;
	while (gpu_fact_table[fields].name != NULL) {
		fields++;
	}
	ck_assert_uint_eq(json_array_size(list), fields); /* no price, but a derived one */
	ck_assert_str_eq(json_string_value(json_object_get(memory, "field")), "memory");
	ck_assert_int_eq(json_integer_value(json_object_get(memory, "value")), INT64_C(95830)
	                                                                               << 20);
	ck_assert_str_eq(json_string_value(json_object_get(memory, "unit")), "bytes");
	ck_assert_ptr_nonnull(
		strstr(json_string_value(json_object_get(memory, "source")), "nvidia-smi"));
	ck_assert_str_eq(json_string_value(json_object_get(derived, "section")), "derived");
	json_decref(list);
	json_t *number = facts_number(0.5);

	ck_assert(json_is_real(number));
	json_decref(number);
	number = facts_number(-3);
	ck_assert(json_is_integer(number));
	json_decref(number);
	done(&p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("facts");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, quantities_carry_their_unit);
	tcase_add_test(tcase, long_text_folds_at_blanks);
	tcase_add_test(tcase, every_value_points_to_its_source);
	tcase_add_test(tcase, json_has_numbers_units_and_sources);
	suite_add_tcase(suite, tcase);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
