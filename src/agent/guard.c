#include "agent/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/asker.h"
#include "agent/keeper.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/file.h"
#include "policy/floor.h"

#define STATUS_DELAY_S \
	0.1 /* a burst of signatures rewrites the status ten times a second at most */
#define PANIC_FILE "panic"

static struct log_settings guard_log(const struct guard *guard) {
	return floor_log(guard->floor, guard->policy);
}

bool guard_log_must(const struct guard *guard) {
	return guard_log(guard).on_error == ON_LOG_ERROR_DENY;
}

int guard_event(struct guard *guard, const struct event *event) {
	int error;

	journal_set_through(guard->journal, guard_log(guard).sync == LOG_SYNC_ALWAYS);
	error = journal_write(guard->journal, event);
	if (error < 0 && !guard->log_error)
		diag_error("event log: %s (%s until it can be written again)", strerror(-error),
		           guard_log_must(guard) ? "signatures are refused" : "events are lost");
	if (error == 0 && guard->log_error)
		diag_info("event log: can be written again");
	guard->log_error = error < 0;
	guard_status_changed(guard);
	if (error == 0)
		keeper_written(guard->keeper);
	return error;
}

void guard_note(struct guard *guard, const char *trigger, const char *reason, const char *detail) {
	struct event event = {
		.real_us = clock_real_us(),
		.trigger = trigger,
		.reason = reason,
		.detail = detail,
		.config_sha256 = policy_sha256(guard->policy),
		.floor_sha256 = guard->floor != NULL ? policy_sha256(guard->floor) : NULL,
	};
	/* guard_event() has shown the failure where a user looks; nothing was asked here. */
	int error = guard_event(guard, &event);

	(void)error;
}

int guard_ask_env(struct guard *guard, const struct policy *floor, const struct policy *policy) {
	CLEANUP(free_pointer) const char **names = NULL;
	size_t n_names;
	int error = floor_env_names(&names, &n_names, floor, policy);

	return error == 0 ? reader_set_env_names(guard->reader, names, n_names) : error;
}

bool guard_panic_was_left_on(int state_fd) {
	/* Anything by that name counts, and so does a directory that cannot be searched. */
	return faccessat(state_fd, PANIC_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

int guard_panic(struct guard *guard, bool on) {
	static const char why[] = "Every signature is refused while this file exists.\n"
				  "`ssh-agent-guard panic off` ends that.\n";
	int error = 0;

	if (on)
		error = file_replace(guard->state_fd, PANIC_FILE, bytes_of_text(why));
	else if (unlinkat(guard->state_fd, PANIC_FILE, 0) < 0 && errno != ENOENT)
		error = -errno;
	/* Not switched off where the file stays: a restart would switch it on again, unasked. */
	if (on || error == 0)
		guard->panic = on;
	guard_note(guard, on ? "panic" : "panic-off", NULL,
	           error < 0 ? "could not be kept for the next start" : NULL);
	return error;
}

void guard_upstream_seen(struct guard *guard, int error) {
	bool away = error == -ECONNREFUSED || error == -ECONNRESET || error == -ETIMEDOUT;

	if (guard->upstream_away == away)
		return;
	guard->upstream_away = away;
	/* Of one that we run ourselves, its end and start have told more than this can. */
	if (!guard->upstream.managed)
		guard_note(guard, away ? "upstream-lost" : "upstream-back", NULL,
		           away ? strerror(-error) : NULL);
	guard_status_changed(guard);
}

void guard_notice(struct guard *guard, const char *notice) {
	free(guard->notice);
	guard->notice = notice != NULL ? strdup(notice) : NULL;
	guard_status_changed(guard);
}

static enum status_state guard_state(const struct guard *guard, const char **ret_text) {
	if (guard->log_error) {
		*ret_text = "events cannot be written: see whether the disk is full";
		return STATUS_LOG_ERROR;
	}
	if (guard->socket_lost) {
		*ret_text = "another program sits at the place of the guard's socket";
		return STATUS_SOCKET_LOST;
	}
	if (guard->panic) {
		*ret_text = "every signature is refused (ssh-agent-guard panic off)";
		return STATUS_LOCKED;
	}
	if (guard->upstream.down || guard->upstream_away) {
		*ret_text = "the real agent is away";
		return STATUS_UPSTREAM_DOWN;
	}
	switch (guard->reload_state) {
	case RELOAD_NONE: break;
	case RELOAD_DONE: *ret_text = "the policy was loaded anew"; return STATUS_RELOADED;
	case RELOAD_FAILED:
		*ret_text = "the changed policy is not used, the old one is in force (see notice)";
		return STATUS_RELOAD_ERROR;
	}
	if (guard->asker != NULL && broker_count(guard->asker->broker) > 0) {
		*ret_text = "a request waits for your yes (ssh-agent-guard confirm)";
		return STATUS_CONFIRMING;
	}
	*ret_text = "serving";
	return STATUS_IDLE;
}

static struct status guard_status(struct guard *guard) {
	struct status status = {
		.pid = getpid(),
		.since_us = guard->since_us,
		.socket = guard->socket_path,
		.upstream = guard->upstream_name,
		.upstream_reachable = guard->upstream_reachable,
		.policy = policy_path(guard->policy)[0] != '\0' ? policy_path(guard->policy)
	                                                        : "none",
		.config_sha256 = policy_sha256(guard->policy),
		.rules = policy_rule_count(guard->policy),
		.connections = guard->n_connections,
		.pending = guard->asker != NULL ? broker_count(guard->asker->broker) : 0,
		.signatures = guard->signatures,
		.refusals = guard->refusals,
		.upstream_restarts = guard->upstream_restarts,
		.notice = guard->notice,
	};

	/* What is wrong with the policy is news until it is settled, and may be long. */
	if (guard->reload_state == RELOAD_FAILED)
		status.notice = guard->reload_error;

	status.state = guard_state(guard, &status.text);
	return status;
}

int guard_status_yaml(struct guard *guard, struct buffer *document) {
	struct status status = guard_status(guard);

	return status_yaml(document, &status);
}

void guard_status_write(struct guard *guard, bool stopped) {
	struct status status = guard_status(guard);
	int error;

	ev_timer_stop(guard->loop, &guard->status_soon);
	if (stopped) {
		status.state = STATUS_STOPPED;
		status.text = "the guard is not running";
		status.pid = 0;
	}
	error = status_write(guard->state_fd, &status);
	if (error < 0)
		diag_debug("status: %s", strerror(-error));
}

static void on_status_soon(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	guard_status_write(watcher->data, false);
}

void guard_status_init(struct guard *guard) {
	ev_timer_init(&guard->status_soon, on_status_soon, STATUS_DELAY_S, 0.);
	guard->status_soon.data = guard;
}

void guard_status_changed(struct guard *guard) {
	if (ev_is_active(&guard->status_soon))
		return;
	ev_timer_set(&guard->status_soon, STATUS_DELAY_S, 0.);
	ev_timer_start(guard->loop, &guard->status_soon);
}
