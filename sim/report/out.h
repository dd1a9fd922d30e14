/*
 * A file being written: under a temporary name in its own folder, renamed when complete, so that a
 * reader never sees half of one and a failure leaves nothing behind. Devices, pipes and "-"
 * (standard output) are written in place; a link stays one, what it leads to is replaced.
 */
#ifndef ALIQUOT_REPORT_OUT_H
#define ALIQUOT_REPORT_OUT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

struct out;

/*
 * Start writing `name` in folder `dir` (made with its parents when missing); `name` may hold
 * folders, `dir` NULL means that `name` is a path of its own. NULL with an ERR_IO error added.
 */
struct out *out_open(const char *dir, const char *name, struct err *err);

/* Where to write; borrowed until commit or abort. */
FILE *out_file(struct out *o);

/* Finish: false with an ERR_IO error added, and no file, when anything failed. Frees `o`. */
bool out_commit(struct out *o);

/* Throw the file away. Frees `o`. */
void out_abort(struct out *o);

/* Make a folder and its parents; false with an ERR_IO error added. */
bool out_make_folder(const char *dir, struct err *err);

#endif
