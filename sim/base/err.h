/*
 * The list of the user's mistakes found so far: where in the user's files, and why. Loading goes on
 * where it can, so that all errors of a file are shown. Does not exit: main.c does.
 */
#ifndef ALIQUOT_BASE_ERR_H
#define ALIQUOT_BASE_ERR_H

#include <stddef.h>
#include <stdio.h>

/* The kinds are the exit codes of `aliquot help exit-codes`. */
enum err_kind {
	ERR_USAGE = 2,      /* bad flag or argument */
	ERR_INPUT = 3,      /* scenario, data sheet or trace invalid */
	ERR_INFEASIBLE = 4, /* the model does not fit, no capacity at all */
	ERR_IO = 5,         /* cannot read or write */
};

struct err;

struct err *err_new(void);
void err_free(struct err *e);

/*
 * Add one error. `where` is copied and printed before the message with ": " between; it is
 * "file: path.of.keys", "file:line:column", a file name, or NULL for none. Keeps the first 100
 * messages and counts the rest; what was said before is counted and not said again, as when ten
 * services read one data sheet.
 */
__attribute__((format(printf, 4, 5))) void err_add(struct err *e, enum err_kind kind,
                                                   const char *where, const char *fmt, ...);

/* Add what another list holds, with the exit code of its first. */
void err_add_all(struct err *e, const struct err *from);

/* Add a remark that does not stop anything ("ignored (transport): --url"); err_print shows it. */
__attribute__((format(printf, 2, 3))) void err_note(struct err *e, const char *fmt, ...);

/* Number of errors, repeated ones too (notes not counted). */
size_t err_count(const struct err *e);

/* 0 when there is no error, else the kind of the first one. */
int err_exit_code(const struct err *e);

/* Message i as printed, each once, or NULL where there are no more; borrowed until the list
 * changes. */
const char *err_message(const struct err *e, size_t i);

/* Print notes ("note: ...") then errors, one line each; then "... and N more errors" if any. */
void err_print(const struct err *e, FILE *out);

#endif
