/*
 * A command of the user's that tells whether he is at an unlocked screen, for what locks a screen
 * and does not tell the login manager: it prints one word, unlocked, locked or remote. It is a
 * child with a limit, and whatever else it does tells nothing.
 */
#ifndef CONFIRM_SCREEN_COMMAND_H
#define CONFIRM_SCREEN_COMMAND_H

#include <ev.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define SCREEN_COMMAND_S 2. /* a look at processes, or a question to a compositor */

enum screen_told {
	SCREEN_TOLD_NOTHING,
	SCREEN_TOLD_UNLOCKED,
	SCREEN_TOLD_LOCKED,
	SCREEN_TOLD_REMOTE, /* the person is not at this machine */
};

struct screen_command;

/* why is NULL where it has told; else what went wrong, for people, which holds for the call. Called
 * from the loop, never from within screen_command_run(), and at the latest when its time is over.
 */
typedef void screen_command_done(void *data, enum screen_told told, const char *why);

/* What it printed. Exactly one word, and perhaps the end of its line; SCREEN_TOLD_NOTHING: else. */
enum screen_told screen_told_of(struct bytes output);

/* loop must be the default one. */
int screen_command_new(struct screen_command **ret, struct ev_loop *loop, screen_command_done *done,
                       void *data) MUST_CHECK;
void screen_command_free(struct screen_command *command); /* ends it; NULL is fine */

/* words: the absolute path of a program, its arguments, and NULL. One that runs goes on. -EBUSY:
 * the last one was killed, and cannot die yet, because it waits for a file system that does not
 * answer. */
int screen_command_run(struct screen_command *command, char *const words[]) MUST_CHECK;
/* Whether done will be called. */
bool screen_command_runs(const struct screen_command *command);
/* What it will tell counts no more, and done is not called for it. Nor is one waited for that
 * cannot die. */
void screen_command_stop(struct screen_command *command);

#endif
