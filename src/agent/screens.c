#include "agent/screens.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/asker.h"
#include "base/clock.h"
#include "base/diag.h"
#include "caller/presence.h"
#include "confirm/screen.h"
#include "confirm/screen_command.h"

#define SECOND_NS UINT64_C(1000000000)
#define FRESH_NS  (2 * SECOND_NS)
#define FAILED_NS (10 * SECOND_NS) /* one that hangs does not keep each request waiting */
#define AGAIN_S   5.

struct screens {
	struct asker *asker;
	struct screen *hint;
	struct screen_command *command;
	enum screen_told told;
	bool has_failed;   /* the command, last time */
	bool is_of_before; /* what it will tell is asked by another policy */
	uint64_t until_ns; /* what it told is fresh; 0: it was not asked */
	ev_timer again;
	struct screens_wait *waiting;
};

static char *const *words_of(const struct screens *screens) {
	return policy_screen_state(screens->asker->guard->policy);
}

static bool is_locked(const struct screens *screens) {
	return screen_is_locked(screens->hint) == TRI_YES || screens->told == SCREEN_TOLD_LOCKED;
}

bool screens_is_away(const struct screens *screens) {
	return is_locked(screens) || screens->told == SCREEN_TOLD_REMOTE;
}

void screens_tell_hint(const struct screens *screens, struct caller *caller) {
	if (screen_is_locked(screens->hint) == TRI_YES)
		presence_lock(caller);
}

void screens_tell(const struct screens *screens, struct caller *caller) {
	if (is_locked(screens))
		presence_lock(caller);
	else if (screens->told == SCREEN_TOLD_REMOTE)
		presence_leave(caller);
	else if (screens->has_failed ||
	         (words_of(screens) != NULL && screens->told == SCREEN_TOLD_NOTHING))
		presence_forget(caller); /* it failed, or was not asked yet for this policy */
}

/* ---- the command ---- */

/* Something hangs on it that nobody would ask about. */
static bool is_wanted(const struct screens *screens) {
	const struct asker *asker = screens->asker;

	return words_of(screens) != NULL &&
	       (broker_count(asker->broker) > 0 ||
	        grants_next(asker->grants, NULL, clock_mono_ns()) != NULL);
}

static void tell_waiting(struct screens *screens) {
	/* Each may end others, so that the list is looked at anew each time. */
	while (screens->waiting != NULL) {
		struct screens_wait *wait = screens->waiting;

		screens->waiting = wait->next;
		wait->screens = NULL;
		wait->told(wait->data);
	}
}

static void end_grants(const struct screens *screens, const char *why) {
	if (grants_revoke_all(screens->asker->grants) > 0)
		guard_note(screens->asker->guard, "grants-revoked", NULL, why);
}

static void say_failure(const struct screens *screens, const char *why) {
	char detail[128];

	snprintf(detail, sizeof(detail), "confirm.screen_state: %s", why);
	diag_error("%s (where the person is, is then unknown)", detail);
	guard_note(screens->asker->guard, "screen-unknown", NULL, detail);
}

static void look_again(struct screens *screens) {
	struct ev_loop *loop = screens->asker->guard->loop;

	ev_timer_stop(loop, &screens->again);
	if (!is_wanted(screens))
		return;
	ev_timer_set(&screens->again, AGAIN_S, 0.);
	ev_timer_start(loop, &screens->again);
}

static void settle(struct screens *screens, enum screen_told told, const char *why) {
	enum screen_told before = screens->told;
	bool had_failed = screens->has_failed;

	screens->told = told;
	screens->has_failed = why != NULL;
	screens->until_ns = clock_mono_ns() + (why != NULL ? FAILED_NS : FRESH_NS);
	if (why != NULL && !had_failed)
		say_failure(screens, why);
	if (told == SCREEN_TOLD_LOCKED && before != SCREEN_TOLD_LOCKED)
		end_grants(screens, "the screen was locked");
	else if (told == SCREEN_TOLD_REMOTE && before != SCREEN_TOLD_REMOTE)
		end_grants(screens, "the person is not at this machine");
	else if (why != NULL)
		end_grants(screens, "whether the screen is locked cannot be told");
	look_again(screens);
	tell_waiting(screens);
}

/* false: nothing will come of it, and that is settled. */
static bool run(struct screens *screens) {
	int error = screen_command_run(screens->command, words_of(screens));

	if (error == -EBUSY)
		settle(screens, SCREEN_TOLD_NOTHING,
		       "it took longer than 2 s the last time, and cannot be ended");
	else if (error < 0)
		settle(screens, SCREEN_TOLD_NOTHING, "it cannot be started");
	return error == 0;
}

static void on_told(void *data, enum screen_told told, const char *why) {
	struct screens *screens = data;

	if (!screens->is_of_before) {
		settle(screens, told, why);
		return;
	}
	screens->is_of_before = false;
	screen_command_stop(screens->command);
	/* Whoever waits, waits on. */
	if (words_of(screens) == NULL)
		settle(screens, SCREEN_TOLD_NOTHING, NULL);
	else
		run(screens);
}

static void on_again(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct screens *screens = watcher->data;

	(void)loop, (void)revents;
	if (is_wanted(screens))
		run(screens);
}

bool screens_wait(struct screens *screens, struct screens_wait *wait, screens_told *told,
                  void *data) {
	if (words_of(screens) == NULL || clock_mono_ns() < screens->until_ns)
		return false;
	if (!run(screens))
		return false;
	*wait = (struct screens_wait){screens->waiting, screens, told, data};
	screens->waiting = wait;
	return true;
}

void screens_wait_end(struct screens_wait *wait) {
	struct screens_wait **link;

	if (wait->screens == NULL)
		return;
	for (link = &wait->screens->waiting; *link != wait;)
		link = &(*link)->next;
	*link = wait->next;
	wait->screens = NULL;
}

void screens_look(struct screens *screens) {
	screen_look(screens->hint, clock_mono_ns());
	if (!screen_command_runs(screens->command) && !ev_is_active(&screens->again))
		look_again(screens);
}

void screens_policy_changed(struct screens *screens) {
	screens->is_of_before = screen_command_runs(screens->command);
	screens->told = SCREEN_TOLD_NOTHING;
	screens->has_failed = false;
	screens->until_ns = 0;
	if (screens->is_of_before)
		return;
	screen_command_stop(screens->command);
	if (is_wanted(screens))
		run(screens);
}

/* ---- from first to last ---- */

static void on_locked(void *data) {
	end_grants(data, "the screen was locked");
}

int screens_new(struct screens **ret, struct asker *asker) {
	struct screens *screens = calloc(1, sizeof(*screens));
	int error;

	if (screens == NULL)
		return -ENOMEM;
	screens->asker = asker;
	ev_init(&screens->again, on_again);
	screens->again.data = screens;
	error = screen_new(&screens->hint, asker->guard->loop, on_locked, screens);
	if (error == 0)
		error = screen_command_new(&screens->command, asker->guard->loop, on_told, screens);
	if (error < 0) {
		screens_free(screens);
		return error;
	}
	*ret = screens;
	return 0;
}

void screens_free(struct screens *screens) {
	if (screens == NULL)
		return;
	ev_timer_stop(screens->asker->guard->loop, &screens->again);
	screen_command_free(screens->command);
	screen_free(screens->hint);
	free(screens);
}
