/* The inside of struct renderers, for the files that make it up: tmux and i3status-rust, which show
 * the badge, and the programs of the policy. Not a door for other modules. */
#ifndef AGENT_RENDERERS_PARTS_H
#define AGENT_RENDERERS_PARTS_H

#include "agent/guard.h"
#include "agent/renderer.h"
#include "agent/renderer_tmux.h"
#include "agent/renderers.h"
#include "log/badge.h"

#define RENDERERS_FAILURE_SIZE 512

/* What it says of a failure, once until another policy is in force. */
struct complaint {
	bool was_made;
	bool holds; /* it has not rendered since */
};

struct renderers_command {
	struct renderers *renderers;
	size_t index; /* in the policy's list */
	struct renderer *renderer;
	struct complaint complaint;
};

/* By what a program is told that the status is another one. */
struct seen {
	enum status_state state;
	uint64_t n_events;
	int64_t pending_us;
	char text[SUMMARY_SIZE * 2];
};

struct renderers {
	struct guard *guard;
	struct policy *policy; /* whose settings these are */
	struct badge badge;
	struct seen seen;
	uint64_t n_events;
	bool has_status; /* one was seen */
	ev_timer decay;

	struct tmux_directories directories;
	struct renderer *tmux;
	struct buffer tmux_value;
	bool tmux_was_set; /* by us, to something; or nobody knows */
	struct complaint tmux_complaint;
	uint64_t hung[TMUX_SERVERS_MAX];
	size_t n_hung;
	ev_timer again; /* those are asked again */

	struct buffer i3status;
	bool i3status_was_written;
	struct complaint i3status_complaint;

	struct renderers_command commands[COMMANDS_MAX];
	size_t n_commands;

	char failure[RENDERERS_FAILURE_SIZE];
	const struct complaint *failed; /* whose it is */
};

const struct renderers_settings *renderers_settings_of(const struct renderers *renderers);
/* It did not render, or does now. */
void renderers_complain(struct renderers *renderers, struct complaint *complaint, const char *name,
                        const char *why);
void renderers_render_well(struct renderers *renderers, struct complaint *complaint);

/* renderers_badge.c: what tmux and i3status-rust show. */
int renderers_badge_begin(struct renderers *renderers) MUST_CHECK;
void renderers_badge_end(struct renderers *renderers);
void renderers_badge_show(struct renderers *renderers);
/* For the last time; the guard ends, so nothing is left that waits for its children. */
void renderers_badge_stop(struct renderers *renderers, const struct status *status);
/* Where the settings before had one that is none any more: what we have shown there is nobody's. */
void renderers_badge_leave(struct renderers *renderers, const struct renderers_settings *before);

/* renderers_commands.c: programs of the policy. */
int renderers_commands_begin(struct renderers *renderers) MUST_CHECK;
void renderers_commands_end(struct renderers *renderers);
void renderers_commands_due(struct renderers *renderers, bool urgent);
bool renderers_same_commands(const struct renderers_settings *a,
                             const struct renderers_settings *b);

#endif
