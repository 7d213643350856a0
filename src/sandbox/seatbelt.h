/*
 * What a program may do, as a profile of macOS's sandbox (Seatbelt), for sandbox-exec(1). A pure
 * function: paths in, text out, and nothing is looked at, so that it is tested where there is no
 * Mac.
 *
 * All is denied that is not allowed. Where several rules for one operation fit, the last one
 * counts; but a rule for a single operation (file-read-metadata) is looked for before one for a
 * group of them (file-read*), wherever they stand. So what denies names the same groups as what
 * allows, and single ones are used only where both ways of reading come to the same.
 */
#ifndef SANDBOX_SEATBELT_H
#define SANDBOX_SEATBELT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "sandbox/view.h"

#define SEATBELT_PROFILE_LEN_MAX \
	((size_t)256 * 1024) /* it is an argument, which all share 1 MiB of */

/* Paths are absolute and as the kernel calls the place: it compares what links lead to. */
struct seatbelt {
	const struct view *view;
	const char *socket;         /* the endpoint's */
	const char *scratch;        /* a directory of its own, for TMPDIR and the like */
	const char *program;        /* the guard's, which becomes what is run */
	const char *const *sockets; /* others that it may connect to */
	size_t n_sockets;
	const char *const *terminals; /* its own */
	size_t n_terminals;
	bool no_network;
};

/* Appends the profile. -EINVAL: a path cannot be written in one, and *ret_why, owned by the caller,
 * is a sentence on it. -E2BIG: it becomes too long, likewise. */
int seatbelt_profile(struct buffer *profile, char **ret_why,
                     const struct seatbelt *seatbelt) MUST_CHECK;

#endif
