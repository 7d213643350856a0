/* What comes by the control socket, for which the daemon is answerable itself. */
#include "agent/daemon_parts.h"

#include <ev.h>
#include <stdio.h>
#include <string.h>

#include "agent/asker_control.h"
#include "agent/lock.h"
#include "agent/panic.h"
#include "log/head.h"

/* Whether the call is one of `policy accept`, which ends the waiting. */
static bool was_accepting(struct daemon *daemon, uint64_t call) {
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (daemon->accepting[i] == call) {
			daemon->accepting[i] = 0;
			return true;
		}
	return false;
}

/* known_hosts was read; now the policy is, for all who wait for both. */
static void on_hosts_read(void *data) {
	struct daemon *daemon = data;

	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (daemon->accepting[i] != 0)
			daemon_reload(daemon, daemon->accepting[i]);
}

/* Both files are read first, so that a person is asked about what stands in them. */
static void accept_soon(struct daemon *daemon, uint64_t call) {
	daemon->accepting[daemon->next_accepting++ % CONTROL_CLIENTS_MAX] = call;
	hosts_wait_end(&daemon->hosts_wait);
	hosts_wait(daemon->guard.hosts, &daemon->hosts_wait, on_hosts_read, daemon);
}

/* The file was read just now, so that a person agrees to what stands in it. */
static enum control_result accept_read(struct daemon *daemon, bool good, struct bytes text,
                                       struct buffer *answer) {
	if (good || daemon->guard.reload_state == RELOAD_HELD)
		return lock_accept(daemon->guard.lock, answer);
	buffer_put_raw(answer, text);
	return CONTROL_FAILED;
}

void daemon_on_reloaded(void *data, uint64_t call, bool good, struct bytes text) {
	struct daemon *daemon = data;
	CLEANUP(buffer_deinit) struct buffer answer = {0};

	if (was_accepting(daemon, call)) {
		enum control_result result = accept_read(daemon, good, text, &answer);

		control_answer(daemon->control, call, result, buffer_bytes(&answer));
		return;
	}
	control_answer(daemon->control, call, good ? CONTROL_OK : CONTROL_FAILED, text);
}

enum control_result daemon_on_control(void *data, const struct control_call *call,
                                      struct buffer *answer) {
	struct daemon *daemon = data;
	struct guard *guard = &daemon->guard;
	const char *request = call->request;
	enum control_result result;

	if (strcmp(request, "stop") == 0) {
		char who[CONTROL_WHO_SIZE], why[CONTROL_WHO_SIZE + 16];

		control_tell_who(who, call);
		snprintf(why, sizeof(why), "asked for %s", who);
		ending_ask(&daemon->ending, why);
		return CONTROL_OK_STAY;
	}
	if (strcmp(request, "reload") == 0) {
		daemon_reload(daemon, call->id);
		return CONTROL_LATER;
	}
	if (strcmp(request, "policy-accept") == 0) {
		accept_soon(daemon, call->id);
		return CONTROL_LATER;
	}
	if (strcmp(request, "log-head") == 0)
		return head_put(answer, journal_head(guard->journal), guard->state_fd) == 0
		               ? CONTROL_OK
		               : CONTROL_FAILED;
	if (strcmp(request, "status") == 0)
		return guard_status_yaml(guard, answer) == 0 ? CONTROL_OK : CONTROL_FAILED;
	if (strcmp(request, "panic") == 0)
		return panic_begin(daemon->panic, call, answer);
	if (strcmp(request, "panic off") == 0)
		return panic_end(daemon->panic, call, answer);
	if (asker_control(guard->asker, call, answer, &result) ||
	    guests_control(daemon->guests, call, answer, &result))
		return result;
	buffer_put_raw(answer, bytes_of_text("this guard does not know that request"));
	return CONTROL_FAILED;
}
