/* The sockets at the other ends of our connections. */
#ifndef PLATFORM_LINUX_FAR_END_H
#define PLATFORM_LINUX_FAR_END_H

#include <stdint.h>

#include "facts/tri.h"
#include "platform/platform.h"

struct far_ends;
int far_ends_new(struct far_ends **ret) MUST_CHECK;
void far_ends_free(struct far_ends *ends); /* NULL is fine */

/* The inode of the other end; 0: unknown. */
uint32_t far_end_inode(struct far_ends *ends, struct connection_id connection);

/* Whether the kernel tells them at all, which takes a module that cannot always be loaded. */
enum tri far_ends_are_told(void);

#endif
