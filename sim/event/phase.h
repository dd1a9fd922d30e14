/* The order of events that share a nanosecond, with the reason for each place. */
#ifndef ALIQUOT_EVENT_PHASE_H
#define ALIQUOT_EVENT_PHASE_H

enum phase {
	PHASE_STEP_DONE, /* first: what a step frees is visible to every decision of this nanosecond
	                  */
	PHASE_LIFE,      /* then replicas start, leave and fail: arrivals see who is there */
	PHASE_ARRIVAL,   /* then who arrives, an answered user's next request included */
	PHASE_SCHEDULE,  /* then the scheduler looks at who came and who has gone */
	PHASE_ENGINE_START, /* then batches are composed: they see all arrivals of this nanosecond
	                     */
	PHASE_SAMPLE,       /* samples see the settled state */
	PHASE_STOP,         /* the end of the run comes after everything of its nanosecond */
};

#endif
