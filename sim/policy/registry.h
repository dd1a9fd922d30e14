/* Find policies by name, list them, suggest the nearest. Built from policies.def. */
#ifndef ALIQUOT_POLICY_REGISTRY_H
#define ALIQUOT_POLICY_REGISTRY_H

#include <stddef.h>

#include "policy/autoscaler.h"
#include "policy/compute_share.h"
#include "policy/oom_victim.h"
#include "policy/placement.h"
#include "policy/policy.h"
#include "policy/priority.h"
#include "policy/routing.h"
#include "policy/swap.h"

/* NULL-terminated, in the order of policies.def. */
extern const struct routing_policy *const routing_policies[];
extern const struct placement_policy *const placement_policies[];
extern const struct compute_share_policy *const compute_share_policies[];
extern const struct oom_victim_policy *const oom_victim_policies[];
extern const struct swap_policy *const swap_policies[];
extern const struct autoscaler_policy *const autoscaler_policies[];
extern const struct priority_policy *const priority_policies[];

/* By name, or NULL. */
const struct routing_policy *routing_find(const char *name);
const struct placement_policy *placement_find(const char *name);
const struct compute_share_policy *compute_share_find(const char *name);
const struct oom_victim_policy *oom_victim_find(const char *name);
const struct swap_policy *swap_find(const char *name);
const struct autoscaler_policy *autoscaler_find(const char *name);
const struct priority_policy *priority_find(const char *name);

/* Kinds and their policies, for `list`: i from 0; NULL when past the end. */
const struct policy_head *registry_head(size_t i, const char **kind);

/* Names of the policies of a kind ("routing", "placement", ...); *n of them, static. */
const char *const *registry_names(const char *kind, size_t *n);

#endif
