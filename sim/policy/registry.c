/* The arrays built from policies.def. */
#include "policy/registry.h"

#include <string.h>

#define ROUTING(name) &routing_##name,
const struct routing_policy *const routing_policies[] = {
#include "policy/policies.def"
	NULL,
};

#define ROUTING(name) #name,
static const char *const names[] = {
#include "policy/policies.def"
};

const struct routing_policy *routing_find(const char *name)
{
	for (size_t i = 0; routing_policies[i] != NULL; i++) {
		if (strcmp(routing_policies[i]->head.name, name) == 0) {
			return routing_policies[i];
		}
	}
	return NULL;
}

const struct policy_head *registry_head(size_t i, const char **kind)
{
	*kind = "routing";
	return i < sizeof(names) / sizeof(names[0]) ? &routing_policies[i]->head : NULL;
}

const char *const *routing_names(size_t *n)
{
	*n = sizeof(names) / sizeof(names[0]);
	return names;
}
