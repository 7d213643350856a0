/* The real agent: what it is sent, and what becomes of its answer. */
#include <errno.h>

#include "agent/comments.h"
#include "agent/exchange_parts.h"
#include "agent/hide.h"
#include "base/clock.h"
#include "policy/hopeless.h"

/* What no person is asked for is answered at once by a healthy agent. */
#define PROMPT_ANSWER_S 30.

static const char *upstream_reason(int error) {
	switch (error) {
	case -ETIMEDOUT: return "upstream-timeout";
	case -EPROTO: return "upstream-nonsense";
	case -EACCES: return "bind-refused";
	case -ELOOP: return "upstream-loop";
	default: return "upstream-down";
	}
}

static void exchange_signed(struct exchange *exchange, struct bytes answer) {
	bool success = answer.data[0] == AGENT_SIGN_RESPONSE;
	int error;

	/* It was switched on while the agent signed, or asked its user. */
	if (exchange->in.guard->panic) {
		exchange_refuse(exchange, "deny", "panic");
		return;
	}
	error = exchange_event(exchange, exchange_done_by(exchange), NULL,
	                       success ? "success" : "failure");

	if (error < 0 && guard_log_must(exchange->in.guard)) {
		exchange->in.guard->refusals++;
		exchange_answer_failure(exchange);
		return;
	}
	if (success)
		exchange->in.guard->signatures++;
	exchange->grants = true;
	exchange_answer(exchange, answer);
}

/* The client is told what we proved. What the real agent says to a bind counts for its own
 * constraints alone: gpg-agent refuses them all, and OpenSSH's one while it is locked. */
static void exchange_bind_answered(struct exchange *exchange, int error, struct bytes answer) {
	static const uint8_t success[] = {AGENT_SUCCESS};
	static const uint8_t failure[] = {AGENT_EXTENSION_FAILURE};
	bool accepted = error == 0 && answer.data[0] == AGENT_SUCCESS;

	if (accepted || error < 0)
		upstream_link_keep_bind(exchange->in.link, exchange->in.message, accepted);
	if (exchange_bind_is_proved(exchange->bind))
		exchange_answer(exchange, BYTES(success));
	else if (error < 0)
		exchange_answer_failure(exchange);
	else if (accepted && exchange->bind != BIND_UNVERIFIABLE)
		exchange_answer(exchange, BYTES(failure));
	else
		exchange_answer(exchange, answer);
}

/* On a connection of which it is proved where it logs in to. */
static bool hides_keys(const struct exchange *exchange) {
	return exchange_is_operation(exchange, OPERATION_LIST) && exchange->policy != NULL &&
	       session_login_hop(exchange->in.session) != NULL &&
	       policy_hides_denied_keys(exchange->policy);
}

/* What is no list is the client's to make sense of. */
static void exchange_listed(struct exchange *exchange, struct bytes answer) {
	CLEANUP(buffer_deinit) struct buffer shorter = {0};
	struct request request = exchange_request(exchange);
	bool none = false;

	if (hide_hopeless_keys(&shorter, &none, answer, &request, exchange->in.guard->comments,
	                       exchange->floor, exchange->policy) == 0)
		answer = buffer_bytes(&shorter);
	/* There will be no request for a signature to tell of. */
	if (none) {
		exchange->verdict = (struct verdict){0};
		exchange_refused(exchange, "deny", "keys-hidden");
	}
	exchange_answer(exchange, answer);
}

/* A person is told which key it is by its comment, too. */
static bool wants_comments(const struct guard *guard) {
	return guard_asks(guard, "key_comment") || policy_may_ask_a_person(guard->policy) ||
	       (guard->floor != NULL && policy_may_ask_a_person(guard->floor));
}

static void learn_comments(const struct exchange *exchange, struct bytes answer) {
	struct comments *comments = exchange->in.guard->comments;
	const struct message *message = &exchange->message;

	if (exchange_is_operation(exchange, OPERATION_LIST) && wants_comments(exchange->in.guard))
		comments_learn_list(comments, answer);
	else if (exchange_is_operation(exchange, OPERATION_ADD) && answer.data[0] == AGENT_SUCCESS)
		comments_learn(comments, message->key.fingerprint, message->comment);
}

static void on_answer(void *data, int error, struct bytes answer) {
	struct exchange *exchange = data;

	exchange->forwarding = false;
	exchange->upstream_ns = clock_mono_ns() - exchange->asked_ns;
	guard_upstream_seen(exchange->in.guard, error);
	/* On a link that is lost for good, a bind fails as all else does. */
	if (exchange_is_bind(exchange) && error != -EACCES) {
		exchange_bind_answered(exchange, error, answer);
		return;
	}
	if (error < 0) {
		exchange_refused(exchange, "deny", upstream_reason(error));
		exchange_answer_failure(exchange);
		return;
	}
	if (exchange_is_operation(exchange, OPERATION_SIGN)) {
		exchange_signed(exchange, answer);
		return;
	}
	learn_comments(exchange, answer);
	/* The restarted agent is no longer empty. */
	if (exchange_is_operation(exchange, OPERATION_ADD) && answer.data[0] == AGENT_SUCCESS)
		guard_notice(exchange->in.guard, NULL);
	if (hides_keys(exchange))
		exchange_listed(exchange, answer);
	else
		exchange_answer(exchange, answer);
}

/* A person may be asked before a signature (ssh-add -c, a touch), for a smartcard's PIN, and by
 * extensions that we do not know. */
static bool may_ask_a_person(const struct message *message) {
	if (message->kind != MESSAGE_OPERATION)
		return false;
	switch (message->operation) {
	case OPERATION_UNKNOWN:
	case OPERATION_SIGN:
	case OPERATION_ADD:
	case OPERATION_ADD_SMARTCARD:
	case OPERATION_EXTENSION: return true;
	case OPERATION_LIST:
	case OPERATION_REMOVE:
	case OPERATION_REMOVE_ALL:
	case OPERATION_LOCK:
	case OPERATION_UNLOCK:
	case OPERATION_REMOVE_SMARTCARD: return false;
	}
	return false;
}

static void exchange_forward_now(struct exchange *exchange) {
	double answer_s = exchange->in.guard->upstream.answer_s;

	if (answer_s > PROMPT_ANSWER_S && !may_ask_a_person(&exchange->message))
		answer_s = PROMPT_ANSWER_S;
	exchange->forwarding = true;
	exchange->asked_ns = clock_mono_ns();
	upstream_link_request(exchange->in.link, exchange->in.message, answer_s, on_answer,
	                      exchange);
}

/* Add, remove, lock and their like: what leaves the agent changed. */
static bool is_change(const struct exchange *exchange) {
	return exchange->message.kind == MESSAGE_OPERATION &&
	       !exchange_is_operation(exchange, OPERATION_SIGN) &&
	       !exchange_is_operation(exchange, OPERATION_LIST);
}

static void on_change_kept(void *data, int error) {
	struct exchange *exchange = data;

	exchange->unsynced = false;
	if (error < 0 && guard_log_must(exchange->in.guard)) {
		exchange->in.guard->refusals++;
		exchange_answer_failure(exchange);
	} else if (exchange->gone) {
		exchange_refuse(exchange, "deny", "cancelled");
	} else {
		exchange_forward_now(exchange);
	}
}

/* What changes the agent cannot be taken back where its event fails, so that comes first. */
void exchange_forward(struct exchange *exchange) {
	if (is_change(exchange) && exchange_event(exchange, exchange_done_by(exchange), NULL, NULL) < 0 &&
	    guard_log_must(exchange->in.guard)) {
		exchange->in.guard->refusals++;
		exchange_answer_failure(exchange);
	} else if (is_change(exchange) && exchange->unsynced) {
		keeper_wait(exchange->in.guard->keeper, &exchange->wait, on_change_kept, exchange);
	} else {
		exchange_forward_now(exchange);
	}
}

static void on_probed(void *data, int error) {
	struct exchange *exchange = data;

	probe_free(exchange->probe);
	exchange->probe = NULL;
	if (error == 0) {
		exchange_forward(exchange);
	} else if (error == -ENOTSUP) {
		error = exchange_event_with(exchange, "deny", "constraint-unenforced", NULL,
		                            "the real agent takes no session-bind, so it cannot "
		                            "keep to the key's constraint (use OpenSSH's "
		                            "ssh-agent, unlocked)");
		(void)error; /* refused already */
		exchange->in.guard->refusals++;
		exchange_answer_failure(exchange);
	} else {
		exchange_refuse(exchange, "deny", upstream_reason(error));
	}
}

/* A constraint that the agent drops while it says that it took the key, as gpg-agent does, would
 * leave a key without one. We cannot keep it ourselves: the agent may outlive us. */
static void exchange_probe(struct exchange *exchange) {
	struct guard *guard = exchange->in.guard;

	if (probe_new(&exchange->probe, guard->loop, &guard->upstream) < 0)
		exchange_refuse(exchange, "deny", "upstream-down");
	else
		probe_start(exchange->probe, on_probed, exchange);
}

void exchange_allowed(struct exchange *exchange) {
	struct guard *guard = exchange->in.guard;

	/* The event of this refusal finds out whether the log can be written again. */
	if (!exchange_is_operation(exchange, OPERATION_LIST) && guard_log_must(guard) &&
	    guard_log_is_lost(guard))
		exchange_refuse(exchange, "deny", "log-error");
	else if (exchange->message.extended)
		exchange_probe(exchange);
	else
		exchange_forward(exchange);
}
