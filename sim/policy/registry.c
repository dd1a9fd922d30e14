/* The arrays built from policies.def. */
#include "policy/registry.h"

#include <string.h>

#define ROUTING(name) &routing_##name,
const struct routing_policy *const routing_policies[] = {
#include "policy/policies.def"
	NULL,
};

#define PLACEMENT(name) &placement_##name,
const struct placement_policy *const placement_policies[] = {
#include "policy/policies.def"
	NULL,
};

#define COMPUTE_SHARE(name) &compute_share_##name,
const struct compute_share_policy *const compute_share_policies[] = {
#include "policy/policies.def"
	NULL,
};

#define SWAP(name) &swap_##name,
const struct swap_policy *const swap_policies[] = {
#include "policy/policies.def"
	NULL,
};

#define OOM_VICTIM(name) &oom_victim_##name,
const struct oom_victim_policy *const oom_victim_policies[] = {
#include "policy/policies.def"
	NULL,
};

#define AUTOSCALER(name) &autoscaler_##name,
const struct autoscaler_policy *const autoscaler_policies[] = {
#include "policy/policies.def"
	NULL,
};

#define PRIORITY(name) &priority_##name,
const struct priority_policy *const priority_policies[] = {
#include "policy/policies.def"
	NULL,
};

#define ROUTING(name) #name,
static const char *const routing_names[] = {
#include "policy/policies.def"
};

#define PLACEMENT(name) #name,
static const char *const placement_names[] = {
#include "policy/policies.def"
};

#define COMPUTE_SHARE(name) #name,
static const char *const compute_share_names[] = {
#include "policy/policies.def"
};

#define OOM_VICTIM(name) #name,
static const char *const oom_victim_names[] = {
#include "policy/policies.def"
};

#define SWAP(name) #name,
static const char *const swap_names[] = {
#include "policy/policies.def"
};

#define AUTOSCALER(name) #name,
static const char *const autoscaler_names[] = {
#include "policy/policies.def"
};

#define PRIORITY(name) #name,
static const char *const priority_names[] = {
#include "policy/policies.def"
};

#define ROUTING(name) {"routing", &routing_##name.head},
#define PLACEMENT(name) {"placement", &placement_##name.head},
#define COMPUTE_SHARE(name) {"compute_share", &compute_share_##name.head},
#define OOM_VICTIM(name) {"oom_victim", &oom_victim_##name.head},
#define SWAP(name) {"swap", &swap_##name.head},
#define AUTOSCALER(name) {"autoscaler", &autoscaler_##name.head},
#define PRIORITY(name) {"priority", &priority_##name.head},
static const struct {
	const char *kind;
	const struct policy_head *head;
} heads[] = {
#include "policy/policies.def"
};
#define N_HEADS (sizeof(heads) / sizeof(heads[0]))

#define COUNT(names) (sizeof(names) / sizeof((names)[0]))
static const struct {
	const char *kind;
	const char *const *names;
	size_t n;
} kinds[] = {
	{"routing", routing_names, COUNT(routing_names)},
	{"placement", placement_names, COUNT(placement_names)},
	{"compute_share", compute_share_names, COUNT(compute_share_names)},
	{"oom_victim", oom_victim_names, COUNT(oom_victim_names)},
	{"swap", swap_names, COUNT(swap_names)},
	{"autoscaler", autoscaler_names, COUNT(autoscaler_names)},
	{"priority", priority_names, COUNT(priority_names)},
};

static size_t place_of(const char *const *names, size_t n, const char *name)
{
	size_t i = 0;
	while (i < n && strcmp(names[i], name) != 0) {
		i++;
	}
	return i; /* n: the NULL at the end */
}

const struct routing_policy *routing_find(const char *name)
{
	return routing_policies[place_of(routing_names, COUNT(routing_names), name)];
}

const struct placement_policy *placement_find(const char *name)
{
	return placement_policies[place_of(placement_names, COUNT(placement_names), name)];
}

const struct compute_share_policy *compute_share_find(const char *name)
{
	return compute_share_policies[place_of(compute_share_names, COUNT(compute_share_names),
	                                       name)];
}

const struct oom_victim_policy *oom_victim_find(const char *name)
{
	return oom_victim_policies[place_of(oom_victim_names, COUNT(oom_victim_names), name)];
}

const struct swap_policy *swap_find(const char *name)
{
	return swap_policies[place_of(swap_names, COUNT(swap_names), name)];
}

const struct autoscaler_policy *autoscaler_find(const char *name)
{
	return autoscaler_policies[place_of(autoscaler_names, COUNT(autoscaler_names), name)];
}

const struct priority_policy *priority_find(const char *name)
{
	return priority_policies[place_of(priority_names, COUNT(priority_names), name)];
}

const struct policy_head *registry_head(size_t i, const char **kind)
{
	if (i >= N_HEADS) {
		return NULL;
	}
	*kind = heads[i].kind;
	return heads[i].head;
}

const char *const *registry_names(const char *kind, size_t *n)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].kind, kind) == 0) {
			*n = kinds[i].n;
			return kinds[i].names;
		}
	}
	*n = 0;
	return NULL;
}
