/*
 * One data-sheet file: who it is, and sections of facts that each name their source. A section is a
 * list of groups, {"source": "...", "key": value, ...}; it reads as one object. What the keys mean
 * is gpu_spec.h, llm_spec.h and engine_spec.h.
 */
#ifndef ALIQUOT_SPEC_SHEET_H
#define ALIQUOT_SPEC_SHEET_H

#include <stdbool.h>

#include "base/err.h"
#include "base/option.h"

struct sheet;

/*
 * Load a file that holds exactly `sections` (NULL-terminated names) besides the common keys; NULL
 * with errors added. `file` and `err` must outlive the sheet. Caller frees.
 */
struct sheet *sheet_read(const char *file, const char *const *sections, struct err *err);
void sheet_free(struct sheet *s);

/* All borrowed until sheet_free. */
const char *sheet_name(const struct sheet *s);    /* file name without folder and .json */
const char *sheet_title(const struct sheet *s);   /* for people */
const char *sheet_checked(const struct sheet *s); /* date of the last check, "2026-11-21" */
const char *sheet_note(const struct sheet *s);    /* what a reader must know, or NULL */

/* Where a value of a section comes from, or NULL when the sheet does not hold the key. */
const char *sheet_source(const struct sheet *s, const char *section, const char *key);

/* Fill `self` from a section by an option table; false with errors added. */
bool sheet_fill(const struct sheet *s, const char *section, const struct option *table, void *self);

/* Add an error at "file: section.key". */
__attribute__((format(printf, 4, 5))) void sheet_fail(const struct sheet *s, const char *section,
                                                      const char *key, const char *fmt, ...);

#endif
