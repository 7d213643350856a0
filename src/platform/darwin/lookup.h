/*
 * What the kernel tells of a process with a PID, by sysctl() and libproc. Each asks once, and is
 * told of whoever has the number then: what was read holds for one process only if its version is
 * the same before and after.
 */
#ifndef PLATFORM_DARWIN_LOOKUP_H
#define PLATFORM_DARWIN_LOOKUP_H

#include <sys/param.h>

#include "base/buffer.h"
#include "platform/darwin/kernel_bytes.h"

/* -ESRCH: there is none, or it is a zombie. */
int lookup_process(struct darwin_process *ret, pid_t pid) MUST_CHECK;

/* Of the PID; see darwin_version_parse(). Looks at no file, so it never waits. -ESRCH. */
int lookup_version(uint32_t *ret, pid_t pid) MUST_CHECK;

/* The path of its executable, as the kernel finds it now. Of any user's process. -ENOENT: it has
 * none any more. -ESRCH. */
int lookup_executable(char ret[static MAXPATHLEN], pid_t pid) MUST_CHECK;

/* The bytes of KERN_PROCARGS2, appended to *buffer. For processes of our own user. -E2BIG: more
 * than len_max. */
int lookup_arguments(struct buffer *buffer, pid_t pid, size_t len_max) MUST_CHECK;

/* A descriptor of a process of our own user. -ENOTSOCK: no socket of the local kind. */
int lookup_socket(struct darwin_socket *ret, pid_t pid, int fd) MUST_CHECK;

/* The bytes of struct proc_vnodepathinfo: see darwin_directory_parse(). */
int lookup_directories(uint8_t ret[static DARWIN_DIRECTORIES_SIZE], pid_t pid) MUST_CHECK;

#endif
