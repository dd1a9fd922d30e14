/* Growable arrays: VEC(type) declares one; zero-initialise it; free(v.at) ends it. */
#ifndef ALIQUOT_BASE_VEC_H
#define ALIQUOT_BASE_VEC_H

#include <stddef.h>

#include "base/mem.h"

#define VEC(type)           \
	struct {            \
		type *at;   \
		size_t n;   \
		size_t cap; \
	}

/* Append a value; amortised constant. */
#define vec_push(v, value)                                                         \
	do {                                                                       \
		if ((v)->n == (v)->cap) {                                          \
			(v)->cap = (v)->cap == 0 ? 16 : 2 * (v)->cap;              \
			(v)->at = mem_resize((v)->at, (v)->cap, sizeof(*(v)->at)); \
		}                                                                  \
		(v)->at[(v)->n++] = (value);                                       \
	} while (0)

#endif
