/* The terminal of the person: what is typed there and must not be seen. */
#ifndef CMD_TERMINAL_H
#define CMD_TERMINAL_H

#include <stddef.h>

#include "base/cleanup.h"

/* Asks for a line, without showing it, on the controlling terminal, else on standard input where
 * that is a terminal. What was typed before the question does not count. -ENOTTY: there is none.
 * -EINTR: broken off (Ctrl-C, Ctrl-D). -EMSGSIZE: longer than size takes. */
int terminal_ask_secret(char *ret, size_t size, const char *question) MUST_CHECK;

#endif
