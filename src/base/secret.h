/* Memory for what must not be written anywhere: never swapped, left out of core dumps, wiped. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stddef.h>

/* Zeroed, in pages of its own. NULL where the system does not let us lock them. */
void *secret_new(size_t size);
void secret_free(void *secret, size_t size); /* NULL is fine */
void secret_wipe(void *secret, size_t size);

#endif
