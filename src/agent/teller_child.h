/* What the teller's children do. They are forked from the guard, and may block. */
#ifndef AGENT_TELLER_CHILD_H
#define AGENT_TELLER_CHILD_H

#include <sys/types.h>

#include "base/bytes.h"

#define HOOK_NOT_RUN 127 /* the exit status where the program cannot be run, as a shell's */

/* One try to write the line to that terminal (struct caller, terminal). */
_Noreturn void teller_child_write(unsigned terminal, struct bytes line, pid_t parent);

/* Runs the command with the document on its standard input, and ends as it does. */
_Noreturn void teller_child_run(char *const words[], struct bytes document, pid_t parent);

#endif
