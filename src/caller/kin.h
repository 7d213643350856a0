/*
 * Ancestors that were read before: the same shell and the same terminal are above most callers.
 * What is known of one is used again only where cheap reads prove that all of it still holds
 * (subject_unchanged()); a caller itself is always read anew. Blocks: only for the reader process.
 */
#ifndef CALLER_KIN_H
#define CALLER_KIN_H

#include "base/cleanup.h"
#include "facts/caller.h"
#include "platform/platform.h"

struct kin;

/* The view must outlive it. */
int kin_new(struct kin **ret, const struct view *view) MUST_CHECK;
void kin_free(struct kin *kin);

/* As subject_process(), of the process with this PID. *ret_subject stays the kin's, and open until
 * the call after the next. */
int kin_read(struct process *ret, pid_t *ret_parent, struct subject **ret_subject, struct kin *kin,
             pid_t pid) MUST_CHECK;

#endif
