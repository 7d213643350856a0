/* Growing arrays. */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stddef.h>
#include <stdlib.h>

/* realloc() for n elements of that size. NULL: there is no memory for so many, and the array is as
 * it was. */
static inline void *array_resize(void *array, size_t n, size_t size) {
	size_t len;

	return __builtin_mul_overflow(n, size, &len) ? NULL : realloc(array, len);
}

#endif
