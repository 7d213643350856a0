/*
 * What of this process goes to the program that it runs in its place: the signals that others send
 * it, and of its descriptors those that are meant. One program at a time.
 */
#ifndef SANDBOX_HANDOVER_H
#define SANDBOX_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* The signals that a person or a shell sends to a job, as bits of a mask: which are ignored. */
unsigned long handover_signals_ignored(void);
/* In the program's process: all as they are meant, but for those. */
void handover_signals_restore(unsigned long ignored);
/* Whether it is one of them. */
bool handover_is_signal(int number);

/* From here on they are kept for the program. */
void handover_signals_keep(void);
/* It runs: they go to it, also the last one that came before. 0: it has ended. */
void handover_signals_to(pid_t program);

/* In a forked child: closes all but the standard descriptors and those of kept, which its program
 * gets. */
int handover_descriptors(const int *kept, size_t n_kept) MUST_CHECK;

#endif
