#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/renderers_parts.h"
#include "base/clock.h"
#include "base/file.h"
#include "platform/child.h"

#define I3STATUS_FILE "i3status"

#define TMUX_LIMIT_S 5.  /* all of its servers together have less */
#define TMUX_PAUSE_S 0.2 /* in a burst, a person sees no more of it */
#define TMUX_AGAIN_S 10. /* until a server is asked again that did not answer */
#define STOP_MS      500 /* for tmux, when the guard ends */
#define STOP_LOOK_MS 5

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
		renderers_complain(renderers, &renderers->tmux_complaint, "tmux",
		                   killed ? "its sockets could not be looked at in time"
		                          : "could not be run");
		return;
	}
	memcpy(&report, bytes, sizeof(report));
	if (report.n_hung > 0) {
		remember_hung(renderers, &report);
		renderers_complain(renderers, &renderers->tmux_complaint, "tmux",
		                   "a server does not answer; it is tried again now and then");
	} else if (report.n_failed > 0) {
		renderers_complain(renderers, &renderers->tmux_complaint, "tmux",
		                   "its client fails, or cannot be kept from files (Landlock)");
	} else if (renderers->n_hung == 0) {
		renderers_render_well(renderers, &renderers->tmux_complaint);
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
		renderers_complain(renderers, &renderers->i3status_complaint, "i3status-rust",
		                   strerror(-error));
		return;
	}
	renderers_render_well(renderers, &renderers->i3status_complaint);
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

void renderers_badge_show(struct renderers *renderers) {
	const struct renderers_settings *settings = renderers_settings_of(renderers);
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
	renderers_badge_show(watcher->data);
}

/* ---- from first to last ---- */

int renderers_badge_begin(struct renderers *renderers) {
	struct renderer_calls calls = {
		.run = run_tmux,
		.reported = on_tmux,
		.data = renderers,
		.limit_s = TMUX_LIMIT_S,
		.pause_s = TMUX_PAUSE_S,
		.linger_s = TMUX_LIMIT_S,
	};
	int error;

	ev_init(&renderers->decay, on_decay);
	ev_init(&renderers->again, on_again);
	renderers->decay.data = renderers->again.data = renderers;
	error = tmux_directories_init(&renderers->directories);
	return error < 0 ? error : renderer_new(&renderers->tmux, renderers->guard->loop, &calls);
}

void renderers_badge_end(struct renderers *renderers) {
	ev_timer_stop(renderers->guard->loop, &renderers->decay);
	ev_timer_stop(renderers->guard->loop, &renderers->again);
	renderer_free(renderers->tmux);
	tmux_directories_deinit(&renderers->directories);
	buffer_deinit(&renderers->tmux_value);
	buffer_deinit(&renderers->i3status);
}

void renderers_badge_leave(struct renderers *renderers, const struct renderers_settings *before) {
	const struct renderers_settings *settings = renderers_settings_of(renderers);

	if (before->tmux && !settings->tmux && renderers->tmux_was_set) {
		show_in_tmux(renderers, (struct bytes){0}, false);
		renderers->tmux_was_set = false;
		renderers_render_well(renderers, &renderers->tmux_complaint);
	}
	if (before->i3status && !settings->i3status && renderers->i3status_was_written) {
		show_in_file(renderers, (struct bytes){0});
		renderers->i3status_was_written = false;
		renderers_render_well(renderers, &renderers->i3status_complaint);
	}
	if (!settings->tmux && !settings->i3status)
		ev_timer_stop(renderers->guard->loop, &renderers->decay);
}

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

void renderers_badge_stop(struct renderers *renderers, const struct status *status) {
	const struct renderers_settings *settings = renderers_settings_of(renderers);
	CLEANUP(buffer_deinit) struct buffer pango = {0};
	uint64_t now_ns = clock_mono_ns();

	renderer_free(TAKE(renderers->tmux));
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
