/* How fast clusters are scheduled and filled: CPU seconds of this thread, the best of three. */
#ifndef ALIQUOT_TESTS_BENCH_CLUSTERS_H
#define ALIQUOT_TESTS_BENCH_CLUSTERS_H

#include <stdbool.h>

struct cluster_speed {
	double allocate_s; /* a cycle of all actions: 10,000 GPUs, a tenth free, 1,000 jobs wait */
	double reclaim_s;  /* the same where half of the queues hold all, and the others want it */
	double settled_s;  /* the cycle after that one */
	bool has_trace;    /* the rest: the openb trace, 1,213 nodes, 8,152 pods */
	double fgd_s, binpack_s;
	double ns_per_pod[3]; /* binpack, 1, 4 and 16 times the cluster, as full */
};

void measure_clusters(struct cluster_speed *out);

#endif
