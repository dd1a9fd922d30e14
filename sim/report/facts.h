/*
 * A list of named quantities with unit, meaning and source, as text for people or as JSON: what
 * `show` prints of a data sheet. Does not read files.
 */
#ifndef ALIQUOT_REPORT_FACTS_H
#define ALIQUOT_REPORT_FACTS_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "base/option.h"
#include "spec/sheet.h"

struct facts;

struct facts *facts_new(void);
void facts_free(struct facts *f);

/*
 * Add the values that `s` states in `section`, read from `self` by its table; defaults are left
 * out. `s` and `table` must outlive the list.
 */
void facts_add_section(struct facts *f, const struct sheet *s, const char *section,
                       const struct option *table, const void *self);

/* Add a figure that follows from the others. All text is borrowed. */
void facts_add_derived(struct facts *f, const char *field, double value, const char *unit,
                       const char *help);

/* A table of at most 100 columns, one block per section, and the sources below as numbered notes.
 */
void facts_print(const struct facts *f, FILE *out);

/* [{"section", "field", "value", "unit", "source", "meaning"}]; new reference. */
json_t *facts_json(const struct facts *f);

/* A value with its unit for people: "835 TFLOP/s", "3.900 TB/s", "40 us", "8,030,261,248
 * parameters". */
const char *facts_quantity(double value, const char *unit, char *buf, size_t size);

/* A double as a JSON integer when it is one; new reference. */
json_t *facts_number(double value);

/* Print `text` from column `from` on, folded at blanks before column 100; ends the line. */
void facts_fold(const char *text, int from, FILE *out);

#endif
