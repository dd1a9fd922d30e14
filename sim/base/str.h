/*
 * Parse and print quantities, and suggest the nearest right name. Locale-independent: uses
 * the "C" locale's decimal point whatever the environment says (main.c never calls setlocale).
 */
#ifndef ALIQUOT_BASE_STR_H
#define ALIQUOT_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/units.h"

/*
 * The name in `names` (n of them) that `word` most likely means, case ignored, or NULL: one edit
 * away (neighbours swapped count as one); else the longest common beginning (three letters at
 * least, more than half of the word); else the least edit distance (at most a third of the longer
 * one, or 2). Ties: the first.
 */
const char *str_nearest(const char *word, const char *const *names, size_t n);

/*
 * Parsers: the whole text must be used; return false and leave *out alone otherwise, also on
 * overflow and NaN. Blanks between number and unit are allowed.
 */
bool str_to_duration(const char *s, ns_t *out); /* "250ms", "2m30s", "1h", "1.5s", "7d"; needs a
                                                   unit (ns us ms s m h d) unless zero */
bool str_to_bytes(const char *s, double *out);  /* "80GiB", "94GB", "1.5TiB", "512": bytes */
bool str_to_count(const char *s, double *out);  /* "10k", "1.5M", "2G", "12", "1e6" */
bool str_to_share(const char *s, double *out);  /* "50%" -> 0.5, "0.25" -> 0.25 */
bool str_to_int(const char *s, int64_t *out);   /* plain decimal integer with optional sign */
bool str_to_real(const char *s, double *out);   /* plain decimal number, finite */

/*
 * Shortest decimal text that reads back as the same double; an exponent only from 1e15 up and below
 * 1e-7. "nan", "inf" when not finite.
 */
const char *str_real(double v, char *buf, size_t size);

/* "1,234,567" */
const char *str_thousands(int64_t v, char *buf, size_t size);

/* For people: four significant figures with thousands commas, "8,768", "943.1", "0.01234". */
const char *str_human(double v, char *buf, size_t size);

/* "250 ms", "2m30s", "1.5 s"; exact, and read back by str_to_duration unless negative or NS_NEVER.
 */
const char *str_duration(ns_t t, char *buf, size_t size);

/* For people: "85.90 GB", four significant figures in powers of 1000. */
const char *str_bytes(bytes_t b, char *buf, size_t size);

/* Exact, in the largest whole unit, of 1000 or 1024: "80 GiB", "94 GB", "1537 B"; str_to_bytes
 * reads it back. */
const char *str_bytes_exact(bytes_t b, char *buf, size_t size);

#endif
