/* Words of the files that we write ourselves, and read as strictly: the first failure sticks. */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* The text up to the next one of that byte, which is skipped; a missing one sets *bad. */
struct bytes words_take(struct bytes *rest, uint8_t end, bool *bad);
/* A number in the one way that it can be written; another, or one above max, sets *bad. */
uint64_t words_number(struct bytes word, uint64_t max, bool *bad);

#endif
