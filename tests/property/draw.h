/* Numbers and words for random scenarios, from one stream at a time. */
#ifndef ALIQUOT_TESTS_PROPERTY_DRAW_H
#define ALIQUOT_TESTS_PROPERTY_DRAW_H

#include <stdint.h>

/* A stream of its own for this number and name; ended with draw_end(). */
void draw_begin(uint64_t number, const char *name);
void draw_end(void);

/* From low to high, both included. */
long long between(long long low, long long high);

/* One of `n` words. */
const char *pick(const char *const *words, uint64_t n);

#endif
