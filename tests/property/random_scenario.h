/* Whole scenarios drawn at random, small enough to run in a moment, odd enough to reach the
 * corners. */
#ifndef ALIQUOT_TESTS_PROPERTY_RANDOM_SCENARIO_H
#define ALIQUOT_TESTS_PROPERTY_RANDOM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

enum random_kind {
	RANDOM_ANY,     /* everything */
	RANDOM_LOSSLESS /* no queue limit and no end time: every request must finish */
};

/*
 * JSON text of scenario number `number`: the same for the same arguments, on every machine. Every
 * replica count is multiplied by `scale`, nothing else depends on it. Services fit; many have
 * little KV cache. Caller frees.
 */
char *random_scenario(uint64_t number, enum random_kind kind, int scale);

#endif
