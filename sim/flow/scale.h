/*
 * Private to flow: autoscalers at work. Where a scenario has none, sim.scalers is NULL; where it
 * has one, replicas come and go (life.h).
 */
#ifndef ALIQUOT_FLOW_SCALE_H
#define ALIQUOT_FLOW_SCALE_H

#include "base/vec.h"
#include "policy/registry.h"
#include "flow/life.h"

struct scaler {                                 /* of a service */
	const struct autoscaler_policy *policy; /* NULL: it has none */
	void *self, *room;
	struct autoscale_ask seen; /* totals up to now */
	struct autoscale_answer answer;
	VEC(struct scale_change) changes;
	bool poked;    /* a request came that its policy wanted to hear of */
	bool relieved; /* a request left a replica that had as many as it may */
};

/* Whose cost model a policy asks. */
struct scale_model {
	const struct sim *sim;
	uint32_t service;
};

/* scale_predict.c: autoscale_ask.predict. */
bool scale_predict(const void *arg, const struct autoscale_load *one, ns_t *ttft, ns_t *itl);

/* scale.c: look the policies up and fill their options. False with errors added. */
bool scale_bind(struct sim *s);
void scale_free(struct sim *s);

/* scale.c: after the lives. */
void scale_begin(struct sim *s);

/* scale.c: the event of the entity of all autoscalers. */
void scale_event(struct sim *s);

/* scale.c: a request came; it is where it belongs. */
void scale_arrived(struct sim *s, uint32_t service, const struct arrival *a);

/* scale.c: a request was answered. */
void scale_answered(struct sim *s, uint32_t service, const struct request_record *record);

/* scale.c: do requests beyond the hard limit of a service wait at its door? Not while there is no
 * activator in the path; then they wait at the replica that they were sent to. */
bool scale_holds_back(const struct sim *s, uint32_t service);

/* scale.c: a request was sent to a replica, or left it. */
void scale_sent(struct sim *s, struct replica *r);
void scale_left(struct sim *s, const struct replica *r);

#endif
