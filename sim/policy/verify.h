/* Is this decision legal? Asked by flow before it applies one, and by the contract tests. */
#ifndef ALIQUOT_POLICY_VERIFY_H
#define ALIQUOT_POLICY_VERIFY_H

#include <stdbool.h>

#include "policy/routing.h"

/* The chosen replica is one of the service's. */
static inline bool verify_route(const struct cluster *c, const struct route_ask *ask,
                                uint32_t chosen)
{
	return ask->service < c->n_services && chosen < c->services[ask->service].n;
}

#endif
