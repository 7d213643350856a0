/*
 * Memory for what must not be written anywhere: never swapped, left out of core dumps, wiped. A
 * child that is forked finds zeros there, or nothing, because no lock is inherited, and nobody
 * would wipe its copy.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stddef.h>

#include "base/cleanup.h"

/* Zeroed, in pages of its own. NULL where the system does not let us lock them. */
void *secret_new(size_t size);
void secret_free(void *secret, size_t size); /* NULL is fine */
/* For children that are forked from now on because of it; each then locks what it was left. */
void secret_bequeath(void *secret, size_t size);
int secret_inherit(const void *secret, size_t size) MUST_CHECK; /* -ENOMEM: it may be swapped */
void secret_wipe(void *secret, size_t size);

#endif
