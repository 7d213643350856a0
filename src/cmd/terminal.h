/* The terminal of the person: what is typed there and must not be seen. */
#ifndef CMD_TERMINAL_H
#define CMD_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

/* Something that may make an answer needless while it is typed. */
struct terminal_end {
	int fd;                      /* can be read when something came */
	bool (*is_over)(void *data); /* whether that is the end; else fd may be another one now */
	void *data;
};

/* Asks for a line, without showing it, on the controlling terminal, else on standard input where
 * that is a terminal. What was typed before the question does not count. -ENOTTY: there is none.
 * -EINTR: broken off (Ctrl-C, Ctrl-D). -EMSGSIZE: longer than size takes. */
int terminal_ask_secret(char *ret, size_t size, const char *question) MUST_CHECK;
/* The same on a terminal whose screen another process draws: the question is written to screen_fd,
 * once nothing is shown any more and what was typed before is gone, and nothing to the terminal. */
int terminal_ask_secret_within(char *ret, size_t size, const char *question,
                               int screen_fd) MUST_CHECK;
/* As terminal_ask_secret(), for as long as the answer is wanted. -ECANCELED: it is not any more,
 * and what was typed is gone. */
int terminal_ask_secret_until(char *ret, size_t size, const char *question,
                              const struct terminal_end *end) MUST_CHECK;
/* What was typed and not read is gone, so that no shell takes the rest of a PIN for a command. */
void terminal_forget_typed(void);

/* Whether a terminal is to get colours, as its user says. */
bool terminal_wants_colour(void);
/* Whether what is shown may be UTF-8, by the locale of this process (LC_CTYPE). */
bool terminal_expects_utf8(void);

#endif
