/*
 * libcsv behind one callback per row, with physical line numbers. Streams: memory does not grow
 * with the file. Accepts LF and CRLF, a missing final newline, blank lines, quoted fields.
 */
#ifndef ALIQUOT_BASE_CSV_H
#define ALIQUOT_BASE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

struct csv_reader;

/* Open `file` ("-" is stdin); NULL with an ERR_IO error added. `err` must outlive the reader. */
struct csv_reader *csv_open(const char *file, struct err *err);
void csv_close(struct csv_reader *r);

/*
 * Next row: true and *fields (n of them, NUL-terminated, valid until the next call).
 * False at the end or after an error (err_count grew): binary (NUL byte), a line over 1 MiB,
 * an unclosed quote, a read failure.
 */
bool csv_next(struct csv_reader *r, const char *const **fields, size_t *n);

/* Physical line on which the current row starts, from 1. */
size_t csv_line(const struct csv_reader *r);

/* Add an ERR_INPUT error at "file:line:column", column = field number from 1, message prefixed. */
__attribute__((format(printf, 3, 4))) void csv_fail(const struct csv_reader *r, size_t field,
                                                    const char *fmt, ...);

#endif
