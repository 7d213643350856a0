/* Names of sockets in the file system: addresses of them, whether somebody answers there, binding.
 */
#ifndef AGENT_LOCAL_H
#define AGENT_LOCAL_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/cleanup.h"

/* -ENAMETOOLONG: with spare bytes more it is no address. */
int local_address(struct sockaddr_un *ret, const char *path, size_t spare) MUST_CHECK;

/* 0: nobody listens there, or nothing is there. -EADDRINUSE: somebody does. */
int local_try(const char *path) MUST_CHECK;

int local_bind(int fd, const struct sockaddr_un *address, mode_t mode) MUST_CHECK;

#endif
