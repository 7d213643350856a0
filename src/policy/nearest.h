/* "did you mean ...?": the right name that a wrong one was most likely meant to be. */
#ifndef POLICY_NEAREST_H
#define POLICY_NEAREST_H

#include <stddef.h>

/* One of the names, borrowed; NULL where none is near enough to be a help. */
const char *nearest(const char *word, const char *const *names, size_t n_names);

#endif
