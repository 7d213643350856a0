/*
 * A question in a window: the program of SSH_ASKPASS, asked to confirm, as ssh-add -c has it. Weak:
 * another program of the account can press its button. It runs confined (confirm/window), where the
 * system can do that.
 */
#ifndef CONFIRM_ASKPASS_H
#define CONFIRM_ASKPASS_H

#include <ev.h>

#include "base/cleanup.h"

enum askpass_answer { ASKPASS_FAILED, ASKPASS_NO, ASKPASS_YES };

struct askpass;

/* The askpass has ended. It may be freed in the call. */
typedef void askpass_done(void *data, enum askpass_answer answer);

/* The program that would be asked, of the environment; NULL: none. */
const char *askpass_program(void);

/* loop must be the default one. */
int askpass_start(struct askpass **ret, struct ev_loop *loop, const char *program, const char *text,
                  askpass_done *done, void *data) MUST_CHECK;
void askpass_free(struct askpass *askpass); /* ends it, and what it started; NULL is fine */

#endif
