/* Numbers and words for random scenarios, from one stream at a time. */
#ifndef ALIQUOT_TESTS_PROPERTY_DRAW_H
#define ALIQUOT_TESTS_PROPERTY_DRAW_H

#include <stdbool.h>
#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A stream of its own for this number and name; ended with draw_end(). */
void draw_begin(uint64_t number, const char *name);
void draw_end(void);

/* From low to high, both included. */
long long between(long long low, long long high);

/* True so often in a hundred. */
bool chance(long long percent);

/* One of `n` words. */
const char *pick(const char *const *words, uint64_t n);

/* One of the words of an array. */
#define PICK(array) pick(array, COUNT(array))

/* A list of JSON values with one more at its end; takes over both. */
char *join(char *list, char *more);

#endif
