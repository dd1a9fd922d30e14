/*
 * Where data sheets and bundled scenarios live: --data DIR, $ALIQUOT_DATA, share/aliquot beside the
 * binary's folder, then the source tree the binary was built in. Finds and lists; does not parse.
 */
#ifndef ALIQUOT_SPEC_DATA_DIR_H
#define ALIQUOT_SPEC_DATA_DIR_H

#include <stddef.h>

#include "base/err.h"

struct data_dir;

/* `flag` is the value of --data or NULL; `argv0` the program as called. ERR_IO when none is found.
 */
struct data_dir *data_dir_open(const char *flag, const char *argv0, struct err *err);
void data_dir_close(struct data_dir *d);

/* The folder itself; borrowed. */
const char *data_dir_path(const struct data_dir *d);

/*
 * Names of the sheets of one kind ("gpu", "llm", "engine", "calibration", "protocol"), sorted,
 * without ".json"; *n of them, borrowed until close. "scenarios" lists the bundled scenarios.
 */
const char *const *data_dir_names(const struct data_dir *d, const char *kind, size_t *n);

/*
 * The file of a sheet by its name or one of its "aliases" (case, '_' and '-' are not
 * distinguished); NULL when unknown. *canonical gets the sheet's own name. Both borrowed until
 * close.
 */
const char *data_dir_find(struct data_dir *d, const char *kind, const char *name,
                          const char **canonical);

/* Read the aliases of all sheets now, so that threads may look names up at once. */
void data_dir_index(struct data_dir *d);

#endif
