#include "agent/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/asker.h"
#include "agent/hosts.h"
#include "agent/keeper.h"
#include "agent/renderers.h"
#include "agent/repeats.h"
#include "agent/service.h"
#include "agent/signer.h"
#include "agent/teller.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/file.h"
#include "config.h"
#include "log/read.h"
#include "log/system_log.h"
#include "policy/floor.h"

#define STATUS_DELAY_S \
	0.1 /* a burst of signatures rewrites the status ten times a second at most */
#define COPIES_TOLD_S   60.
#define REPEATS_AGAIN_S 1. /* after counts could not be written */

static struct log_settings guard_log(const struct guard *guard) {
	return floor_log(guard->floor, guard->policy);
}

bool guard_log_must(const struct guard *guard) {
	return guard_log(guard).on_error == ON_LOG_ERROR_DENY;
}

void guard_look_at_log(struct guard *guard) {
	int error = journal_look(guard->journal);
	const char *change = journal_take_change(guard->journal);

	(void)error; /* the next event finds it, too */
	if (change != NULL)
		guard_note(guard, "log-replaced", NULL, change);
}

/* Why what is written does not count as written; NULL: it does. */
static const char *why_not_written(const struct guard *guard, int error) {
	return error < 0 ? strerror(-error) : journal_astray(guard->journal);
}

static void say_log_error(struct guard *guard, const char *why) {
	if (why == NULL && guard->sync_failed)
		why = "it could not be written through to the disk";
	if (why != NULL && !guard->log_error)
		diag_error("event log: %s (%s until that is mended)", why,
		           guard_log_must(guard) ? "signatures are refused"
		                                 : "signatures are given all the same");
	if (why == NULL && guard->log_error)
		diag_info("event log: can be written again");
	guard->log_error = why != NULL;
	guard_status_changed(guard);
}

/* Once there is room again, the log itself says that it is not whole. */
static void tell_gap(struct guard *guard) {
	char detail[128];

	snprintf(detail, sizeof(detail), "%llu events could not be written before: %s",
	         (unsigned long long)guard->events_lost, strerror(-guard->lost_error));
	guard->events_lost = 0;
	guard_note(guard, "log-gap", NULL, detail);
}

/* What status bars show of it. A document that there is no room for is none. */
static void keep_previous(struct guard *guard, struct bytes document) {
	if (event_field(document, "decision").data == NULL)
		return;
	buffer_clear(&guard->previous);
	buffer_put_raw(&guard->previous, document);
	guard->previous_us = guard->written_us;
	if (buffer_error(&guard->previous) < 0)
		buffer_deinit(&guard->previous);
}

static void on_written(void *data, struct bytes document) {
	struct guard *guard = data;

	keep_previous(guard, document);
	if (!guard_log(guard).no_journal)
		system_log_send(guard->system_log, document);
}

int guard_copy_log(struct guard *guard) {
	const char *state = journal_path(guard->journal);
	int error = system_log_new(&guard->system_log, state != NULL ? state : "",
	                           SYSTEM_LOG_JOURNAL, SYSTEM_LOG_SYSLOG);

	if (error == 0)
		journal_set_copy(guard->journal, on_written, guard);
	return error;
}

/* Now and then: where much is dropped, to tell of each would drop more. */
static void tell_dropped_copies(struct guard *guard) {
	uint64_t dropped = system_log_dropped(guard->system_log);
	char detail[128];

	if (dropped == guard->copies_lost ||
	    (guard->copies_told_at != 0. &&
	     ev_now(guard->loop) - guard->copies_told_at < COPIES_TOLD_S))
		return;
	guard->copies_told_at = ev_now(guard->loop);
	snprintf(detail, sizeof(detail), "%llu events did not get into the system's log",
	         (unsigned long long)(dropped - guard->copies_lost));
	guard->copies_lost = dropped;
	guard_note(guard, "log-copies-dropped", NULL, detail);
}

static int guard_write(struct guard *guard, const struct event *event) {
	const char *why;
	int error;

	guard_look_at_log(guard);
	journal_set_file_len(guard->journal, guard_log(guard).file_len);
	guard->written_us = event->real_us;
	error = journal_write(guard->journal, event);
	why = why_not_written(guard, error);
	say_log_error(guard, why);
	if (error < 0) {
		guard->events_lost++;
		guard->lost_error = error;
		return error;
	}
	if (guard->events_lost > 0)
		tell_gap(guard);
	tell_dropped_copies(guard);
	keeper_written(guard->keeper);
	if (guard->signer != NULL)
		signer_written(guard->signer);
	return why != NULL ? -ESTALE : 0;
}

bool guard_log_is_lost(struct guard *guard) {
	guard_look_at_log(guard);
	return guard->log_error || journal_astray(guard->journal) != NULL;
}

void guard_synced(struct guard *guard, bool good) {
	bool failed_before = guard->sync_failed;

	guard->sync_failed = !good;
	/* What else may be wrong, the next event finds out. */
	if (!good || failed_before)
		say_log_error(guard, journal_astray(guard->journal));
	if (!good && !failed_before)
		guard_note(guard, "log-sync-failed", NULL,
		           "what was written last may be missing after a crash of the machine");
}

bool guard_waits_for_disk(const struct guard *guard) {
	return guard_log(guard).sync == LOG_SYNC_ALWAYS;
}

/* From the oldest on. One that cannot be written stays, and goes on counting. */
static void tell_repeats(struct guard *guard, uint64_t until_ns) {
	struct event event;

	while (repeats_next(&event, guard->repeats, until_ns)) {
		event.real_us = clock_real_us();
		if (guard_write(guard, &event) < 0)
			return;
		repeats_told(guard->repeats);
	}
}

void guard_tell_repeats(struct guard *guard) {
	tell_repeats(guard, UINT64_MAX);
}

static void wait_for_repeats(struct guard *guard) {
	uint64_t due_ns = repeats_due_ns(guard->repeats), now_ns = clock_mono_ns();
	double after_s = due_ns > now_ns ? (double)(due_ns - now_ns) / 1e9 : REPEATS_AGAIN_S;

	if (due_ns == 0 || ev_is_active(&guard->repeats_soon))
		return;
	ev_timer_set(&guard->repeats_soon, after_s, 0.);
	ev_timer_start(guard->loop, &guard->repeats_soon);
}

static void on_repeats_soon(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct guard *guard = watcher->data;

	(void)loop, (void)revents;
	tell_repeats(guard, clock_mono_ns());
	wait_for_repeats(guard);
}

int guard_event(struct guard *guard, const struct event *event) {
	/* What finds out whether the log can be written again is always tried. */
	bool told = guard->log_error || repeats_tell(guard->repeats, event, clock_mono_ns());

	wait_for_repeats(guard);
	if (event->decision != NULL && event->request != NULL)
		summary_of(guard->summary, event);
	if (guard->renderers != NULL)
		renderers_event(guard->renderers, event);
	if (told) {
		if (guard->teller != NULL)
			teller_event(guard->teller, event);
		return guard_write(guard, event);
	}
	guard_status_changed(guard);
	return 0;
}

int guard_own_event(struct guard *guard, struct event *event) {
	event->real_us = clock_real_us();
	event->config_sha256 = policy_sha256(guard->policy);
	event->floor_sha256 = guard->floor != NULL ? policy_sha256(guard->floor) : NULL;
	return guard_event(guard, event);
}

void guard_note(struct guard *guard, const char *trigger, const char *reason, const char *detail) {
	struct event event = {.trigger = trigger, .reason = reason, .detail = detail};
	/* guard_event() has shown the failure where a user looks; nothing was asked here. */
	int error = guard_own_event(guard, &event);

	(void)error;
}

int guard_ask_env(struct guard *guard, const struct policy *floor, const struct policy *policy) {
	CLEANUP(free_pointer) const char **names = NULL;
	size_t n_names;
	int error = floor_env_names(&names, &n_names, floor, policy);

	return error == 0 ? reader_set_env_names(guard->reader, names, n_names) : error;
}

int guard_use_policy(struct guard *guard, struct policy *policy) {
	/* First: a variable that was not asked for would look as if it were not set. */
	int error = guard_ask_env(guard, guard->floor, policy);
	struct policy *before = guard->policy;

	if (error < 0)
		return error;
	guard->policy = policy;
	guard->policy_since_us = clock_real_us();
	asker_policy_changed(guard->asker);
	policy_unref(before);
	return 0;
}

void guard_loop_seen(struct guard *guard) {
	if (guard->loop_told == guard->upstream.loops)
		return;
	guard->loop_told = guard->upstream.loops;
	guard_status_changed(guard);
}

void guard_upstream_seen(struct guard *guard, int error) {
	bool away = error == -ECONNREFUSED || error == -ECONNRESET || error == -ETIMEDOUT ||
	            error == -ELOOP;

	guard_loop_seen(guard);
	if (guard->upstream_away == away)
		return;
	guard->upstream_away = away;
	/* Of one that we run ourselves, its end and start have told more than this can. */
	if (!guard->upstream.managed)
		guard_note(guard, away ? "upstream-lost" : "upstream-back", NULL,
		           !away             ? NULL
		           : error == -ELOOP ? "it is this guard itself"
		                             : strerror(-error));
	guard_status_changed(guard);
}

void guard_notice(struct guard *guard, const char *notice) {
	free(guard->notice);
	guard->notice = notice != NULL ? strdup(notice) : NULL;
	guard_status_changed(guard);
}

/* What a person can do depends on it. */
static const char *log_trouble(const struct guard *guard) {
	const char *astray = journal_astray(guard->journal);

	if (astray != NULL)
		return astray;
	if (guard->events_lost == 0)
		return "events could not be written through to the disk: see what the system says of it";
	switch (guard->lost_error) {
	case -ENOSPC:
	case -EDQUOT: return "events cannot be written: the disk is full";
	case -EROFS: return "events cannot be written: the state directory is read-only";
	case -ENOENT:
		return "events cannot be written: the state directory was removed; start the guard "
		       "again";
	case -EACCES:
	case -EPERM:
		return "events cannot be written: the state directory, or what is in it, is not the "
		       "user's to write any more";
	default: return "events cannot be written: see what the guard has said";
	}
}

static enum status_state guard_state(const struct guard *guard, const char **ret_text) {
	if (guard->log_error) {
		*ret_text = log_trouble(guard);
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
	if (guard->upstream.loops) {
		*ret_text = "requests go round: the real agent that --upstream names is this guard, or "
			    "a guard that has this one for its real agent (name the real one's "
			    "socket)";
		return STATUS_UPSTREAM_DOWN;
	}
	if (guard->upstream.down || guard->upstream_away) {
		*ret_text = "the real agent is away";
		return STATUS_UPSTREAM_DOWN;
	}
	/* Somebody waits, and not for long: before what stays until it is settled. */
	if (guard->asker != NULL && broker_count(guard->asker->broker) > 0)
		return STATUS_CONFIRMING; /* its text is that request's */
	switch (guard->reload_state) {
	case RELOAD_NONE: break;
	case RELOAD_DONE: *ret_text = "the policy was loaded anew"; return STATUS_RELOADED;
	case RELOAD_HELD:
		*ret_text = "a changed policy waits for your yes (ssh-agent-guard policy accept)";
		return STATUS_POLICY_LOCKED;
	case RELOAD_FAILED:
		*ret_text = "the changed policy is not used, the old one is in force (see notice)";
		return STATUS_RELOAD_ERROR;
	}
	*ret_text = guard->summary[0] != '\0' ? guard->summary : "serving";
	return STATUS_IDLE;
}

/* How a status begins that tells of a request which waits, by how it may be answered. Scripts for
 * the older ssh-agent-guard look for these words. */
#define TEXT_SIZE (sizeof("TOUCH YK: ") + SUMMARY_SIZE)

/* The oldest one. */
static void put_pending(struct status *status, char text[static TEXT_SIZE],
                        const struct prompt *prompt) {
	const struct question *question = prompt->question;
	const char *summary = question->summary[0] != '\0' ? question->summary : question->rule;
	char plain[SUMMARY_SIZE];

	summary_plain(plain, sizeof(plain), summary);
	snprintf(text, TEXT_SIZE, "%s%s",
	         turns_asks(&prompt->turns) == CONFIRM_TOUCH ? "TOUCH YK: " : "CONFIRM: ", plain);
	status->asking = text;
	status->pending = buffer_bytes(&question->event);
	status->pending_us = question->event_us;
}

/* text is what the status may borrow. */
static struct status guard_status(struct guard *guard, char text[static TEXT_SIZE]) {
	struct status status = {
		.pid = getpid(),
		.since_us = guard->since_us,
		.version = VERSION,
		.program = guard->asker != NULL ? guard->asker->own_program : NULL,
		.program_file = guard->asker != NULL ? guard->asker->program_file : NULL,
		.socket = guard->socket_path,
		.upstream = guard->upstream_name,
		.upstream_reachable = guard->upstream_reachable,
		.policy = policy_path(guard->policy)[0] != '\0' ? policy_path(guard->policy)
	                                                        : "none",
		.policy_since_us = guard->policy_since_us != 0 ? guard->policy_since_us
	                                                       : guard->since_us,
		.policy_is_old = guard->reload_state == RELOAD_FAILED ||
	                         guard->reload_state == RELOAD_HELD,
		.previous = buffer_bytes(&guard->previous),
		.previous_us = guard->previous_us,
		.config_sha256 = policy_sha256(guard->policy),
		.rules = policy_rule_count(guard->policy),
		.connections = guard->n_connections,
		.waiting = guard->asker != NULL ? broker_count(guard->asker->broker) : 0,
		.signatures = guard->signatures,
		.refusals = guard->refusals,
		.upstream_restarts = guard->upstream_restarts,
		.notice = guard->notice != NULL ? guard->notice : hosts_notice(guard->hosts),
		.renderer_failed = guard->renderers != NULL ? renderers_failure(guard->renderers)
	                                                    : NULL,
	};

	/* What is wrong with the policy is news until it is settled, and may be long. */
	if (guard->reload_state == RELOAD_FAILED || guard->reload_state == RELOAD_HELD)
		status.notice = guard->reload_error;

	status.state = guard_state(guard, &status.text);
	if (status.waiting > 0)
		put_pending(&status, text, broker_prompts(guard->asker->broker));
	/* Something worse is told first. */
	if (status.state == STATUS_CONFIRMING)
		status.text = status.asking;
	return status;
}

int guard_status_yaml(struct guard *guard, struct buffer *document) {
	char text[TEXT_SIZE];
	struct status status = guard_status(guard, text);

	return status_yaml(document, &status);
}

/* What a caller asks for is no matter of the service's. */
static void tell_service(const struct guard *guard, const struct status *status) {
	char text[TEXT_SIZE];

	if (status->state == STATUS_IDLE)
		snprintf(text, sizeof(text), "serving %s", guard->socket_path);
	else if (status->state == STATUS_CONFIRMING)
		snprintf(text, sizeof(text), "a person is asked");
	else
		snprintf(text, sizeof(text), "%s%s%s", status_state_name(status->state),
		         status->text != NULL ? ": " : "",
		         status->text != NULL ? status->text : "");
	service_status(guard->service, text);
}

void guard_status_write(struct guard *guard, bool stopped) {
	char text[TEXT_SIZE];
	struct status status = guard_status(guard, text);
	int error;

	ev_timer_stop(guard->loop, &guard->status_soon);
	if (stopped) {
		status.state = STATUS_STOPPED;
		status.text = "the guard is not running";
		status.pid = 0;
	}
	tell_service(guard, &status);
	error = status_write(guard->state_fd, &status);
	if (error < 0)
		diag_debug("status: %s", strerror(-error));
	if (guard->renderers == NULL)
		return;
	if (stopped)
		renderers_stop(guard->renderers, &status);
	else
		renderers_status(guard->renderers, &status);
}

static void on_status_soon(struct ev_loop *loop, ev_timer *watcher, int revents) {
	(void)loop, (void)revents;
	guard_status_write(watcher->data, false);
}

void guard_status_init(struct guard *guard) {
	ev_timer_init(&guard->status_soon, on_status_soon, STATUS_DELAY_S, 0.);
	guard->status_soon.data = guard;
	ev_init(&guard->repeats_soon, on_repeats_soon);
	guard->repeats_soon.data = guard;
}

void guard_status_changed(struct guard *guard) {
	if (ev_is_active(&guard->status_soon))
		return;
	ev_timer_set(&guard->status_soon, STATUS_DELAY_S, 0.);
	ev_timer_start(guard->loop, &guard->status_soon);
}
