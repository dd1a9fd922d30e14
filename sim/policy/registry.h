/* Find policies by name, list them, suggest the nearest. Built from policies.def. */
#ifndef ALIQUOT_POLICY_REGISTRY_H
#define ALIQUOT_POLICY_REGISTRY_H

#include <stddef.h>

#include "policy/policy.h"
#include "policy/routing.h"

/* NULL-terminated, in the order of policies.def. */
extern const struct routing_policy *const routing_policies[];

/* By name, or NULL. */
const struct routing_policy *routing_find(const char *name);

/* Kinds and their policies, for `list`: i from 0; NULL when past the end. */
const struct policy_head *registry_head(size_t i, const char **kind);

/* Names of the routing policies; *n of them, static. */
const char *const *routing_names(size_t *n);

#endif
