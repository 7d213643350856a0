/* By what it is known inside that what is mounted as itself is what was meant: bubblewrap finds it
 * by its name, which a program that can write above it may have exchanged for a link. */
#ifndef SANDBOX_SAME_H
#define SANDBOX_SAME_H

#include <stddef.h>

#include "base/cleanup.h"
#include "platform/platform.h"
#include "sandbox/words.h"

void same_put(struct words *words, const struct file_id *id, const char *path);
/* Of bubblewrap's words, the first count, each mount that lies below the directory, which fd is. No
 * link is followed on the way there. -ELOOP, -ENOENT: one is exchanged already. */
int same_put_below(struct words *words, size_t count, const char *directory, int fd) MUST_CHECK;

#endif
