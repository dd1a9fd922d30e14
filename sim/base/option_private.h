/* Between option.c and option_value.c: one key at a time. */
#ifndef ALIQUOT_BASE_OPTION_PRIVATE_H
#define ALIQUOT_BASE_OPTION_PRIVATE_H

#include "base/option.h"

/* Read a present value into its field; errors at `at`, then the field keeps what it had. */
void option_value_read(const struct option *o, void *self, const struct json_at *at);

/* Set the field to its fallback, or to zero when there is none. Does not free what it held. */
void option_value_default(const struct option *o, void *self);

/* The field as text a user would write; caller frees. */
char *option_value_text(const struct option *o, const void *self);

#endif
