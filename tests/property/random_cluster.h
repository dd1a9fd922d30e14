/* Whole scenarios of everything that may happen to replicas at once: they are killed, swapped,
 * come, go and fail, beside training. */
#ifndef ALIQUOT_TESTS_PROPERTY_RANDOM_CLUSTER_H
#define ALIQUOT_TESTS_PROPERTY_RANDOM_CLUSTER_H

#include <stdint.h>

/*
 * The scenario of this number as JSON; caller frees. Where its replicas find no room at the start,
 * ask again with more `spare` GPUs on each node.
 */
char *random_cluster(uint64_t number, int spare);

#endif
