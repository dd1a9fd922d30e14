/*
 * The door of a service (Knative's activator): requests that find no replica wait here, in order of
 * arrival, and go in when one is ready. They count as waiting requests of the service.
 */
#include "base/check.h"
#include "flow/life.h"

/* A request is about to come to a door, or to leave it. */
static void note(struct sim *s, uint32_t service)
{
	life_account(s, service, s->events.now);
	s->life->moved = s->events.now;
}

void door_wait(struct sim *s, uint32_t service, uint32_t request)
{
	struct service *const v = &s->cluster.services[service];
	note(s, service);
	s->life->services[service].waited++;
	request_list_push_back(&v->door, &s->cluster.requests, request);
	service_count(v, s->events.now, 0, 1);
}

void door_open(struct sim *s, uint32_t service)
{
	struct service *const v = &s->cluster.services[service];
	while (v->door.n > 0 && v->n_open > 0) {
		const uint32_t request = v->door.head;
		note(s, service);
		request_list_remove(&v->door, &s->cluster.requests, request);
		service_count(v, s->events.now, 0, -1);
		send_in(s, service, request);
	}
}

/* A request that a replica has not begun goes to the door; its prompt will be computed elsewhere.
 */
static void put_back(struct sim *s, const struct replica *r, uint32_t request)
{
	struct service *const v = &s->cluster.services[r->service];
	const struct request *const q = &s->cluster.requests.at[request];
	note(s, r->service);
	service_load_remove(v, r->index, (int64_t)q->input + q->output);
	request_list_insert(&v->door, &s->cluster.requests, request);
}

void door_return(struct sim *s, uint32_t replica)
{
	struct replica *const r = &s->cluster.replicas[replica];
	while (r->waiting.n > 0) {
		const uint32_t request = r->waiting.head;
		request_list_remove(&r->waiting, &s->cluster.requests, request);
		if (s->cluster.requests.at[request].preemptions > 0) {
			lose_waiting(s, r, request);
		} else {
			put_back(s, r, request);
		}
	}
}
