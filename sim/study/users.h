/* The users of a scenario, scaled: each load keeps its part of them. */
#ifndef ALIQUOT_STUDY_USERS_H
#define ALIQUOT_STUDY_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "spec/scenario.h"

struct users_load {
	size_t load;   /* of the scenario */
	int64_t users; /* there: its weight */
};

struct users {
	struct users_load *loads; /* freed by whoever asked for them */
	size_t n;
	int64_t total;
};

/*
 * The loads of kind concurrency, of one service where `only` names it. False with an error when
 * there is none, or no such service; out->loads is to be freed either way.
 */
bool users_find(const struct scenario *base, const char *only, struct users *out, struct err *err);

/* Users of load i of them when there are `users` in all. */
int64_t users_of(const struct users *u, size_t i, int64_t users);

/* Write so many into a document of that scenario; of a recorded line into its options. */
void users_set(const struct users *u, json_t *document, int64_t users);

#endif
