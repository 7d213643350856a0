/*
 * The screens: whether the user is there to be asked, as the login manager has it (LockedHint), and
 * as a command of the policy tells where that one knows nothing (confirm.screen_state). Either can
 * only make us more careful. When a screen is locked, what was remembered ends.
 *
 * The command is asked when a request needs to know, which then waits for it, and every few seconds
 * while something waits for a yes or is remembered; never while nothing does.
 */
#ifndef AGENT_SCREENS_H
#define AGENT_SCREENS_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "facts/caller.h"

struct asker;
struct screens;

/* Called from the loop; it may end the wait of others. */
typedef void screens_told(void *data);

/* Whoever waits owns it, where it must not move. Zeroed, it waits for nothing. */
struct screens_wait {
	struct screens_wait *next;
	struct screens *screens;
	screens_told *told;
	void *data;
};

/* asker must outlive it. */
int screens_new(struct screens **ret, struct asker *asker) MUST_CHECK;
void screens_free(struct screens *screens); /* whoever waits is not called; NULL is fine */

/* Somebody is asked. */
void screens_look(struct screens *screens);
/* What the command told is that of another policy. */
void screens_policy_changed(struct screens *screens);

/* true: wait->told will be called once it is known, or cannot be. false: it is as known as it can
 * be. */
bool screens_wait(struct screens *screens, struct screens_wait *wait, screens_told *told,
                  void *data);
void screens_wait_end(struct screens_wait *wait);

/* Corrects where that caller's person is: by the login manager alone; and by all that is known,
 * once it was waited for. */
void screens_tell_hint(const struct screens *screens, struct caller *caller);
void screens_tell(const struct screens *screens, struct caller *caller);
/* Whether nobody sits at an unlocked screen of this machine. */
bool screens_is_away(const struct screens *screens);

#endif
