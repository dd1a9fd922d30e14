/* Routing policies: which replica gets a request. */
#ifndef ALIQUOT_POLICY_ROUTING_H
#define ALIQUOT_POLICY_ROUTING_H

#include <stdint.h>

#include "state/service.h"
#include "policy/policy.h"

struct route_ask {
	uint32_t service;
	tokens_t input, output; /* of the request */
};

struct routing_policy {
	struct policy_head head;
	enum load_measure measure; /* load index the state keeps for it; LOAD_NOT_KEPT: none */
	/*
	 * Choose a replica of the service, one that requests are sent to (service_open(); there is
	 * one): its number, from 0. Called by flow/arrive.c once per request. Ties go to the lowest
	 * number. Required.
	 */
	uint32_t (*route)(void *self, const struct view *v, const struct route_ask *ask);
};

#define ROUTING(name) extern const struct routing_policy routing_##name;
#include "policy/policies.def"

#endif
