#include "agent/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/asker.h"
#include "agent/exchange_parts.h"
#include "base/clock.h"
#include "caller/caller.h"
#include "wire/session_bind.h"
#include "wire/sign_data.h"
#include "wire/sshsig.h"

/* What the reader cannot know of a caller. */
void exchange_complete_caller(const struct exchange *exchange, struct caller *caller) {
	caller_set_connector(caller, exchange->in.writer, exchange->in.connector);
	screens_tell_hint(exchange->in.guard->asker->screens, caller);
}

/* Nothing is proved on this connection from here on. The real agent hears of the bind all the same:
 * for its constraints, a hop too many is safer than one too few. */
static void exchange_bind_failed(struct exchange *exchange) {
	bool relayed = exchange->bind == BIND_UNVERIFIABLE;
	struct session_bind bind;
	struct key_facts key = {0};
	char detail[2 * KEY_TYPE_SIZE + KEY_FINGERPRINT_SIZE];
	int error;

	if (session_bind_parse(&bind, exchange->message.extension_body) == 0 &&
	    key_facts_of_blob(&key, bind.host_key) < 0)
		key = (struct key_facts){0};
	snprintf(detail, sizeof(detail), "it names the host key %s%s(%s)", key.fingerprint,
	         key.fingerprint[0] != '\0' ? " " : "", key.type);
	error = exchange_event_with(exchange, relayed ? "allow" : "deny",
	                            bind_outcome_name(exchange->bind), NULL,
	                            key.type[0] != '\0' ? detail : NULL);
	/* Not believed already, whether or not that could be written. */
	(void)error;
	if (!relayed)
		exchange->in.guard->refusals++;
	if (exchange->gone)
		exchange_answer_failure(exchange);
	else
		exchange_forward(exchange);
}

static void on_screens_told(void *data) {
	struct exchange *exchange = data;

	screens_tell(exchange->in.guard->asker->screens, exchange->caller);
	if (!exchange_is_over(exchange))
		exchange_find_host(exchange);
}

/* Where a command of the policy has to tell of it. */
static void exchange_find_person(struct exchange *exchange) {
	struct screens *screens = exchange->in.guard->asker->screens;

	if (!screens_wait(screens, &exchange->screens_wait, on_screens_told, exchange))
		on_screens_told(exchange);
}

/* The refusals that need no policy come first. */
static void exchange_identified(struct exchange *exchange) {
	if (exchange->loops)
		exchange_refuse(exchange, "deny", "upstream-loop");
	else if (exchange_is_bind(exchange))
		exchange_bind_failed(exchange);
	else if (exchange->malformed)
		exchange_refuse(exchange, "deny", "malformed");
	else if (exchange_is_over(exchange))
		return;
	else if (exchange_is_operation(exchange, OPERATION_SIGN) &&
	         sshsig_is_for(exchange->message.data, SSHSIG_LOG_NAMESPACE))
		/* The guard's own, by which its log is told from a false one. */
		exchange_refuse(exchange, "deny", "log-namespace");
	else if (exchange->meeting == MEETING_MISMATCH)
		exchange_refuse(exchange, "deny", "bind-mismatch");
	else if (hosts_has_started(exchange->in.guard->hosts, exchange->caller))
		exchange_refuse(exchange, "deny", "own-lookup");
	else
		exchange_find_person(exchange);
}

static void on_identified(void *data, struct caller *caller) {
	struct exchange *exchange = data;

	exchange->job = NULL;
	exchange_complete_caller(exchange, caller);
	exchange->caller = caller;
	exchange_identified(exchange);
}

static int exchange_identify(struct exchange *exchange) {
	const char *reason = exchange->in.mixed ? "mixed-writers" : "caller-unknown";
	int error;

	if (!exchange->in.mixed && exchange->in.writer->known)
		return reader_ask(&exchange->job, exchange->in.guard->reader, exchange->in.writer,
		                  on_identified, exchange);
	error = caller_new_unknown(&exchange->caller, exchange->in.writer, reason);
	if (error < 0)
		return error;
	exchange_complete_caller(exchange, exchange->caller);
	exchange_identified(exchange);
	return 0;
}

int exchange_new(struct exchange **ret, const struct exchange_input *input, exchange_done *done,
                 void *data) {
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (exchange == NULL)
		return -ENOMEM;
	exchange->in = *input;
	exchange->done = done;
	exchange->data = data;
	exchange->approval = APPROVAL_NONE;
	exchange->begun_ns = clock_mono_ns();
	*ret = exchange;
	return 0;
}

/* What the message and the connection's session say together. */
static void exchange_meet(struct exchange *exchange) {
	const struct message *message = &exchange->message;
	const struct session *session = exchange->in.session;

	if (exchange_is_bind(exchange))
		exchange->bind = session_bind(exchange->in.session, message->extension_body);
	if (exchange_has_payload(exchange))
		sign_data_parse(&exchange->payload, message->data, message->key_blob);
	if (exchange->payload.kind == PAYLOAD_SSH_LOGIN)
		exchange->met = session_meet(session, &exchange->payload.login);
	else if (exchange_is_operation(exchange, OPERATION_LIST) && session_login_hop(session) != NULL &&
	         session_is_forwarded(session) == TRI_NO)
		exchange->met = MEETING_BOUND;
	exchange->meeting = exchange->met;
}

/* A bind proves itself, whoever writes it; one that does not is an event, with its writer. */
static bool passes_unidentified(const struct exchange *exchange) {
	if (exchange->malformed)
		return false;
	switch (exchange->message.kind) {
	case MESSAGE_OPERATION: return false;
	case MESSAGE_SESSION_BIND: return exchange_bind_is_proved(exchange->bind);
	case MESSAGE_QUERY: return true;
	}
	return false;
}

void exchange_start(struct exchange *exchange) {
	struct bytes body = exchange->in.message;

	body.data += MESSAGE_HEADER;
	body.len -= MESSAGE_HEADER;
	exchange->malformed = message_parse(&exchange->message, body) < 0;
	if (exchange_is_operation(exchange, OPERATION_SIGN))
		exchange->number = ++exchange->in.guard->sign_requests;
	exchange_meet(exchange);
	exchange->loops = !exchange->in.mixed &&
	                  upstream_asks_us(&exchange->in.guard->upstream, exchange->in.writer,
	                                   exchange->in.message);
	if (exchange->loops)
		guard_loop_seen(exchange->in.guard);
	if (passes_unidentified(exchange) && !exchange->loops)
		exchange_forward(exchange);
	else if (exchange_identify(exchange) < 0)
		exchange_answer_failure(exchange); /* no memory: not even for the event */
}

void exchange_free(struct exchange *exchange) {
	if (exchange == NULL)
		return;
	approval_end(&exchange->approval);
	screens_wait_end(&exchange->screens_wait);
	hosts_wait_end(&exchange->hosts_wait);
	ssh_alias_wait_end(&exchange->alias_wait);
	ssh_alias_deinit(&exchange->alias);
	destination_deinit(&exchange->destination);
	reader_cancel(exchange->job);
	digests_cancel(&exchange->digest);
	probe_free(exchange->probe);
	keeper_wait_end(&exchange->wait);
	buffer_deinit(&exchange->answer);
	caller_free(exchange->caller);
	policy_unref(exchange->policy);
	policy_unref(exchange->floor);
	free(exchange);
}

void exchange_client_gone(struct exchange *exchange) {
	exchange->gone = true;
	/* While the caller is read the event still lacks it; what has been sent cannot be unsent.
	 */
	if (exchange->approval.waiter != NULL)
		exchange_cancel(exchange);
	else if (exchange->probe != NULL ||
	         (exchange->forwarding && !upstream_link_has_sent(exchange->in.link)))
		exchange_refuse(exchange, "deny", "cancelled");
}

void exchange_cancel(struct exchange *exchange) {
	bool asked = exchange->approval.waiter != NULL;
	bool told = exchange->wait.done != NULL;

	exchange->gone = true;
	keeper_wait_end(&exchange->wait);
	exchange->ending = true;
	if (told) {
		exchange_answer_now(exchange, (struct bytes){0});
		return;
	}
	approval_end(&exchange->approval);
	exchange_refuse(exchange, asked ? "confirm-denied" : "deny", "cancelled");
}
