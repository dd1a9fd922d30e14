/*
 * What holds at the end of every run, whatever happened to its replicas. What holds at every event
 * is asserted by flow/verify.c in builds with ALIQUOT_DEBUG.
 */
#ifndef ALIQUOT_TESTS_PROPERTY_LAWS_H
#define ALIQUOT_TESTS_PROPERTY_LAWS_H

#include "test_run.h"

/* What may happen in a run. */
enum met {
	MET_START, /* a replica became ready after a start */
	MET_GIVEN_UP,
	MET_DOOR, /* a request waited at a door */
	MET_SCALED,
	MET_KILL,
	MET_SWAP,
	MET_GPU_FAULT, /* that hit a replica */
	MET_NODE_FAULT,
	MET_SLOWED, /* a link, or starts */
	MET_RECOVERED,
	MET_LOST, /* a request */
	MET_JOB_DONE,
	MET_STOPPED,  /* a job */
	MET_HIT,      /* a job, by a fault */
	MET_EVICTED,  /* a replica */
	MET_KEPT_OUT, /* a replica, by a quota or a limit */
	MET_SHARED,   /* a step was slowed by neighbours */
	MET_PREEMPTED,
	MET_SPREAD, /* a replica sat on another GPU than it was booked on */
	MET_MOVED,  /* and went back */
	METS
};

extern const char *const met_names[METS];

/* Did it happen? A set of bits 1 << enum met. */
unsigned laws_met(const struct summary *sum);

/* Requests, tokens, time of GPUs, memory, faults, changes and jobs add up. Fails the running test.
 */
void laws_check(const struct test_run *r);

/* Everything that a run says of itself, as text but for its number of events; caller frees. */
char *laws_text(const struct test_run *r);

#endif
