#include "agent/renderers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/renderers_parts.h"
#include "base/clock.h"
#include "base/diag.h"

#define NAME_SIZE 256

const struct renderers_settings *renderers_settings_of(const struct renderers *renderers) {
	return policy_renderers(renderers->policy);
}

/* ---- failures ---- */

void renderers_complain(struct renderers *renderers, struct complaint *complaint, const char *name,
                        const char *why) {
	bool is_news = !complaint->holds || renderers->failed != complaint;

	complaint->holds = true;
	renderers->failed = complaint;
	snprintf(renderers->failure, sizeof(renderers->failure), "%.*s: %s", NAME_SIZE, name, why);
	if (!complaint->was_made) {
		complaint->was_made = true;
		diag_error("renderer %s", renderers->failure);
		guard_note(renderers->guard, "renderer-failed", NULL, renderers->failure);
	}
	/* A status that is written anew is rendered anew, and may fail anew. */
	if (is_news)
		guard_status_changed(renderers->guard);
}

void renderers_render_well(struct renderers *renderers, struct complaint *complaint) {
	if (!complaint->holds)
		return;
	complaint->holds = false;
	if (renderers->failed == complaint)
		renderers->failed = NULL;
	guard_status_changed(renderers->guard);
}

const char *renderers_failure(const struct renderers *renderers) {
	return renderers->failed != NULL ? renderers->failure : NULL;
}

/* ---- the guard's news ---- */

void renderers_event(struct renderers *renderers, const struct event *event) {
	if (event->decision == NULL || event->request == NULL)
		return;
	renderers->n_events++;
	badge_event(&renderers->badge, event, renderers->guard->summary, clock_mono_ns());
}

static bool is_other(struct renderers *renderers, const struct status *status) {
	struct seen seen = {
		.state = status->state,
		.n_events = renderers->n_events,
		.pending_us = status->pending_us,
	};
	bool other;

	snprintf(seen.text, sizeof(seen.text), "%s", status->text != NULL ? status->text : "");
	other = !renderers->has_status || seen.state != renderers->seen.state ||
	        seen.n_events != renderers->seen.n_events ||
	        seen.pending_us != renderers->seen.pending_us ||
	        strcmp(seen.text, renderers->seen.text) != 0;
	renderers->seen = seen;
	renderers->has_status = true;
	return other;
}

void renderers_status(struct renderers *renderers, const struct status *status) {
	bool is_new_wait = status->state == STATUS_CONFIRMING &&
	                   (!renderers->has_status || renderers->seen.state != STATUS_CONFIRMING ||
	                    renderers->seen.pending_us != status->pending_us);

	badge_status(&renderers->badge, status, clock_mono_ns());
	renderers_badge_show(renderers);
	if (is_other(renderers, status))
		renderers_commands_due(renderers, is_new_wait);
}

void renderers_stop(struct renderers *renderers, const struct status *status) {
	renderers_commands_end(renderers);
	renderers_badge_stop(renderers, status);
}

/* ---- policies ---- */

void renderers_policy_changed(struct renderers *renderers) {
	struct policy *before = renderers->policy;

	renderers->policy = policy_ref(renderers->guard->policy);
	renderers->tmux_complaint.was_made = renderers->i3status_complaint.was_made = false;
	for (size_t i = 0; i < renderers->n_commands; i++)
		renderers->commands[i].complaint.was_made = false;
	if (!renderers_same_commands(policy_renderers(before), renderers_settings_of(renderers))) {
		renderers_commands_end(renderers);
		if (renderers_commands_begin(renderers) < 0)
			diag_error("renderers: %s", strerror(ENOMEM));
		renderers->has_status = false;
	}
	renderers_badge_leave(renderers, policy_renderers(before));
	policy_unref(before);
	guard_status_changed(renderers->guard);
}

/* ---- from first to last ---- */

int renderers_new(struct renderers **ret, struct guard *guard) {
	struct renderers *renderers = calloc(1, sizeof(*renderers));
	int error;

	if (renderers == NULL)
		return -ENOMEM;
	renderers->guard = guard;
	renderers->policy = policy_ref(guard->policy);
	error = renderers_badge_begin(renderers);
	if (error == 0)
		error = renderers_commands_begin(renderers);
	if (error < 0) {
		renderers_free(renderers);
		return error;
	}
	*ret = renderers;
	return 0;
}

void renderers_free(struct renderers *renderers) {
	if (renderers == NULL)
		return;
	renderers_badge_end(renderers);
	renderers_commands_end(renderers);
	policy_unref(renderers->policy);
	free(renderers);
}
