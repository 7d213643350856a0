#include "agent/renderers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/guard.h"
#include "agent/renderer.h"
#include "agent/renderer_command.h"
#include "agent/renderer_tmux.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/file.h"
#include "log/badge.h"
#include "platform/child.h"

#define I3STATUS_FILE "i3status"

#define TMUX_LIMIT_S    5.  /* all of its servers together have less */
#define TMUX_PAUSE_S    0.2 /* in a burst, a person sees no more of it */
#define TMUX_AGAIN_S    10. /* until a server is asked again that did not answer */
#define COMMAND_LIMIT_S 10.
#define COMMAND_PAUSE_S 0.5  /* a shell script with what it runs takes some 50 ms of a processor */
#define LINGER_S        180. /* a script may clear after a minute what it has shown */
#define STOP_MS         500  /* for tmux, when the guard ends */
#define STOP_LOOK_MS    5

#define FAILURE_SIZE 512
#define NAME_SIZE    256

/* What it says of a failure, once until another policy is in force. */
struct complaint {
	bool was_made;
	bool holds; /* it has not rendered since */
};

struct command {
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

	struct command commands[COMMANDS_MAX];
	size_t n_commands;

	char failure[FAILURE_SIZE];
	const struct complaint *failed; /* whose it is */
};

static const struct renderers_settings *settings_of(const struct renderers *renderers) {
	return policy_renderers(renderers->policy);
}

/* ---- failures ---- */

static void complain(struct renderers *renderers, struct complaint *complaint, const char *name,
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

static void render_well(struct renderers *renderers, struct complaint *complaint) {
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

/* ---- tmux ---- */

static void run_tmux(void *data, int report_fd, pid_t parent) {
	const struct renderers *renderers = data;
	const struct tmux_task task = {
		.directories = &renderers->directories,
		.value = (const char *)renderers->tmux_value.data,
		.passed_over = renderers->hung,
		.n_passed_over = renderers->n_hung,
	};

	renderer_tmux_run(&task, report_fd, parent);
}

static void remember_hung(struct renderers *renderers, const struct tmux_report *report) {
	for (size_t i = 0; i < report->n_hung && i < TMUX_SERVERS_MAX; i++)
		if (renderers->n_hung < TMUX_SERVERS_MAX)
			renderers->hung[renderers->n_hung++] = report->hung[i];
	if (ev_is_active(&renderers->again))
		return;
	ev_timer_set(&renderers->again, TMUX_AGAIN_S, 0.);
	ev_timer_start(renderers->guard->loop, &renderers->again);
}

static void on_tmux(void *data, const uint8_t *bytes, size_t len, bool killed) {
	struct renderers *renderers = data;
	struct tmux_report report;

	if (killed || len != sizeof(report)) {
		complain(renderers, &renderers->tmux_complaint, "tmux",
		         killed ? "its sockets could not be looked at in time"
		                : "could not be run");
		return;
	}
	memcpy(&report, bytes, sizeof(report));
	if (report.n_hung > 0) {
		remember_hung(renderers, &report);
		complain(renderers, &renderers->tmux_complaint, "tmux",
		         "a server does not answer; it is tried again now and then");
	} else if (report.n_failed > 0) {
		complain(renderers, &renderers->tmux_complaint, "tmux",
		         "its client fails, or cannot be kept from files (Landlock)");
	} else if (renderers->n_hung == 0) {
		render_well(renderers, &renderers->tmux_complaint);
	}
}

static void on_again(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct renderers *renderers = watcher->data;

	(void)loop, (void)revents;
	renderers->n_hung = 0;
	renderer_due(renderers->tmux, false);
}

/* Until the first time nobody knows what another guard has left there. */
static void show_in_tmux(struct renderers *renderers, struct bytes text, bool urgent) {
	struct buffer *value = &renderers->tmux_value;

	if (renderers->tmux_was_set && value->len > 0 &&
	    bytes_equal((struct bytes){value->data, value->len - 1}, text))
		return;
	buffer_clear(value);
	buffer_put_raw(value, text);
	buffer_put_u8(value, 0);
	if (buffer_error(value) < 0) {
		buffer_deinit(value);
		return;
	}
	renderers->tmux_was_set = true;
	renderer_due(renderers->tmux, urgent);
}

/* ---- i3status-rust ---- */

static void show_in_file(struct renderers *renderers, struct bytes text) {
	struct buffer *written = &renderers->i3status;
	int error;

	if (renderers->i3status_was_written && bytes_equal(buffer_bytes(written), text))
		return;
	error = file_replace(renderers->guard->state_fd, I3STATUS_FILE, text);
	if (error < 0) {
		complain(renderers, &renderers->i3status_complaint, "i3status-rust",
		         strerror(-error));
		return;
	}
	render_well(renderers, &renderers->i3status_complaint);
	renderers->i3status_was_written = true;
	buffer_clear(written);
	buffer_put_raw(written, text);
	if (buffer_error(written) < 0) {
		buffer_deinit(written);
		renderers->i3status_was_written = false;
	}
}

/* ---- what both of them show ---- */

static void wait_for_decay(struct renderers *renderers, uint64_t now_ns) {
	uint64_t due_ns = badge_due_ns(&renderers->badge, now_ns);

	ev_timer_stop(renderers->guard->loop, &renderers->decay);
	if (due_ns == 0)
		return;
	ev_now_update(renderers->guard->loop);
	ev_timer_set(&renderers->decay, (double)(due_ns - now_ns) / 1e9 + 1e-3, 0.);
	ev_timer_start(renderers->guard->loop, &renderers->decay);
}

static void show_badge(struct renderers *renderers) {
	const struct renderers_settings *settings = settings_of(renderers);
	CLEANUP(buffer_deinit) struct buffer tmux = {0};
	CLEANUP(buffer_deinit) struct buffer pango = {0};
	uint64_t now_ns = clock_mono_ns();

	if (!settings->tmux && !settings->i3status)
		return;
	badge_tmux(&tmux, &renderers->badge, now_ns);
	badge_pango(&pango, &renderers->badge, now_ns);
	if (settings->tmux && buffer_error(&tmux) == 0)
		show_in_tmux(renderers, buffer_bytes(&tmux),
		             renderers->badge.state == STATUS_CONFIRMING);
	if (settings->i3status && buffer_error(&pango) == 0)
		show_in_file(renderers, buffer_bytes(&pango));
	wait_for_decay(renderers, now_ns);
}

static void on_decay(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	show_badge(watcher->data);
}

/* ---- commands ---- */

static const struct renderer_command *command_of(const struct command *command) {
	return &settings_of(command->renderers)->commands[command->index];
}

static void run_command(void *data, int report_fd, pid_t parent) {
	const struct command *command = data;

	renderer_command_run(command_of(command), command->renderers->guard->state_fd, report_fd,
	                     parent);
}

static const char *why_failed(char ret[static 64], int status) {
	if (!WIFEXITED(status)) {
		snprintf(ret, 64, "was ended by signal %d", WTERMSIG(status));
		return ret;
	}
	switch (WEXITSTATUS(status)) {
	case 0: return NULL;
	case COMMAND_NO_STATUS: return "the status cannot be put into ~/.local/state/ssh-ag";
	case COMMAND_NOT_RUN: return "cannot be run (see the policy)";
	default: snprintf(ret, 64, "ended with exit status %d", WEXITSTATUS(status)); return ret;
	}
}

static void on_command(void *data, const uint8_t *bytes, size_t len, bool killed) {
	struct command *command = data;
	const char *name = command_of(command)->words[0];
	char text[64];
	const char *why;
	int status;

	if (killed) {
		snprintf(text, sizeof(text), "is ended, because it took longer than %d s",
		         (int)COMMAND_LIMIT_S);
		why = text;
	} else if (len != sizeof(status)) {
		why = "could not be started";
	} else {
		memcpy(&status, bytes, sizeof(status));
		why = why_failed(text, status);
	}
	if (why != NULL)
		complain(command->renderers, &command->complaint, name, why);
	else
		render_well(command->renderers, &command->complaint);
}

static void commands_due(struct renderers *renderers, bool urgent) {
	for (size_t i = 0; i < renderers->n_commands; i++)
		renderer_due(renderers->commands[i].renderer, urgent);
}

static void commands_end(struct renderers *renderers) {
	for (size_t i = 0; i < renderers->n_commands; i++) {
		struct command *command = &renderers->commands[i];

		if (renderers->failed == &command->complaint)
			renderers->failed = NULL;
		renderer_free(command->renderer);
		*command = (struct command){0};
	}
	renderers->n_commands = 0;
}

static int commands_begin(struct renderers *renderers) {
	size_t n_commands = settings_of(renderers)->n_commands;

	for (size_t i = 0; i < n_commands; i++) {
		struct command *command = &renderers->commands[i];
		const struct renderer_calls calls = {
			.run = run_command,
			.reported = on_command,
			.data = command,
			.limit_s = COMMAND_LIMIT_S,
			.pause_s = COMMAND_PAUSE_S,
			.linger_s = LINGER_S,
		};
		int error;

		*command = (struct command){.renderers = renderers, .index = i};
		error = renderer_new(&command->renderer, renderers->guard->loop, &calls);
		if (error < 0)
			return error;
		renderers->n_commands++;
	}
	return 0;
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
	show_badge(renderers);
	if (is_other(renderers, status))
		commands_due(renderers, is_new_wait);
}

/* The guard ends, so nothing is left that waits for its children. */
static void stop_tmux(struct renderers *renderers) {
	const struct timespec again = {.tv_nsec = STOP_LOOK_MS * 1000000L};
	uint64_t end_ns = clock_mono_ns() + STOP_MS * UINT64_C(1000000);
	pid_t parent = getpid(), pid;
	int report[2];

	if (platform_pipe(report, true) < 0)
		return;
	pid = child_fork();
	if (pid == 0)
		run_tmux(renderers, report[1], parent);
	while (pid > 0 && waitpid(pid, NULL, WNOHANG) == 0) {
		if (clock_mono_ns() > end_ns) {
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			break;
		}
		nanosleep(&again, NULL);
	}
	close(report[0]);
	close(report[1]);
}

void renderers_stop(struct renderers *renderers, const struct status *status) {
	const struct renderers_settings *settings = settings_of(renderers);
	CLEANUP(buffer_deinit) struct buffer pango = {0};
	uint64_t now_ns = clock_mono_ns();

	renderer_free(TAKE(renderers->tmux));
	commands_end(renderers);
	/* What was decided last is no news beside that. */
	renderers->badge = (struct badge){0};
	badge_status(&renderers->badge, status, now_ns);
	badge_pango(&pango, &renderers->badge, now_ns);
	if (settings->i3status && buffer_error(&pango) == 0)
		show_in_file(renderers, buffer_bytes(&pango));
	buffer_clear(&renderers->tmux_value);
	badge_tmux(&renderers->tmux_value, &renderers->badge, now_ns);
	buffer_put_u8(&renderers->tmux_value, 0);
	if (settings->tmux && buffer_error(&renderers->tmux_value) == 0)
		stop_tmux(renderers);
}

/* ---- policies ---- */

static bool same_words(char *const *a, char *const *b) {
	size_t i = 0;

	if (a == NULL || b == NULL)
		return a == b;
	while (a[i] != NULL && b[i] != NULL && strcmp(a[i], b[i]) == 0)
		i++;
	return a[i] == NULL && b[i] == NULL;
}

static bool same_commands(const struct renderers_settings *a, const struct renderers_settings *b) {
	if (a->n_commands != b->n_commands)
		return false;
	for (size_t i = 0; i < a->n_commands; i++)
		if (!same_words(a->commands[i].words, b->commands[i].words) ||
		    !same_words(a->commands[i].writes, b->commands[i].writes))
			return false;
	return true;
}

/* What we have shown there is nobody's any more. */
static void leave_builtins(struct renderers *renderers, const struct renderers_settings *before) {
	const struct renderers_settings *settings = settings_of(renderers);

	if (before->tmux && !settings->tmux && renderers->tmux_was_set) {
		show_in_tmux(renderers, (struct bytes){0}, false);
		renderers->tmux_was_set = false;
		render_well(renderers, &renderers->tmux_complaint);
	}
	if (before->i3status && !settings->i3status && renderers->i3status_was_written) {
		show_in_file(renderers, (struct bytes){0});
		renderers->i3status_was_written = false;
		render_well(renderers, &renderers->i3status_complaint);
	}
	if (!settings->tmux && !settings->i3status)
		ev_timer_stop(renderers->guard->loop, &renderers->decay);
}

void renderers_policy_changed(struct renderers *renderers) {
	struct policy *before = renderers->policy;

	renderers->policy = policy_ref(renderers->guard->policy);
	renderers->tmux_complaint.was_made = renderers->i3status_complaint.was_made = false;
	for (size_t i = 0; i < renderers->n_commands; i++)
		renderers->commands[i].complaint.was_made = false;
	if (!same_commands(policy_renderers(before), settings_of(renderers))) {
		commands_end(renderers);
		if (commands_begin(renderers) < 0)
			diag_error("renderers: %s", strerror(ENOMEM));
		renderers->has_status = false;
	}
	leave_builtins(renderers, policy_renderers(before));
	policy_unref(before);
	guard_status_changed(renderers->guard);
}

/* ---- from first to last ---- */

int renderers_new(struct renderers **ret, struct guard *guard) {
	struct renderers *renderers = calloc(1, sizeof(*renderers));
	struct renderer_calls calls = {
		.run = run_tmux,
		.reported = on_tmux,
		.data = renderers,
		.limit_s = TMUX_LIMIT_S,
		.pause_s = TMUX_PAUSE_S,
		.linger_s = TMUX_LIMIT_S,
	};
	int error;

	if (renderers == NULL)
		return -ENOMEM;
	renderers->guard = guard;
	renderers->policy = policy_ref(guard->policy);
	ev_init(&renderers->decay, on_decay);
	ev_init(&renderers->again, on_again);
	renderers->decay.data = renderers->again.data = renderers;
	error = tmux_directories_init(&renderers->directories);
	if (error == 0)
		error = renderer_new(&renderers->tmux, guard->loop, &calls);
	if (error == 0)
		error = commands_begin(renderers);
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
	ev_timer_stop(renderers->guard->loop, &renderers->decay);
	ev_timer_stop(renderers->guard->loop, &renderers->again);
	renderer_free(renderers->tmux);
	commands_end(renderers);
	tmux_directories_deinit(&renderers->directories);
	buffer_deinit(&renderers->tmux_value);
	buffer_deinit(&renderers->i3status);
	policy_unref(renderers->policy);
	free(renderers);
}
