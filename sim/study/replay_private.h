/* What the parts of a replay share: replay.c, replay_curve.c. */
#ifndef ALIQUOT_STUDY_REPLAY_PRIVATE_H
#define ALIQUOT_STUDY_REPLAY_PRIVATE_H

#include "flow/sim.h"
#include "study/case.h"
#include "study/replay.h"

struct compared { /* one metric over all requests */
	const char *name;
	double measured_mean_s, simulated_mean_s;
	double median_pct, p90_pct; /* of |simulated / measured - 1| */
	double peer_pct;            /* error of LLMServingSim's mean; NaN when not said */
};

struct curve_point { /* measured, once per second */
	double t_s, running, waiting;
};

struct replay {
	char *dir;
	struct measured_table *table;
	struct case_list cases;
	struct sim *sim;
	bool simulated; /* there is a summary */
	struct summary summary;
	struct compared ttft, e2e;
	double measured_tps, simulated_tps; /* output tokens per second over the whole run */
	size_t n;                           /* requests compared */
	struct curve_point *curve;          /* timeseries.csv, n_curve rows; NULL when not there */
	size_t n_curve;
	double running_off, waiting_off; /* mean of |simulated - measured|, requests */
};

/* Read the measured curve, where there is one, and how far the simulated one is from it. */
void replay_read_curve(struct replay *r);

#endif
