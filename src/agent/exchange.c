#include "agent/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/approval.h"
#include "agent/hide.h"
#include "agent/limits.h"
#include "agent/probe.h"
#include "base/clock.h"
#include "caller/caller.h"
#include "policy/floor.h"
#include "policy/hopeless.h"
#include "wire/message.h"
#include "wire/session.h"
#include "wire/session_bind.h"
#include "wire/sign_data.h"

/* What no person is asked for is answered at once by a healthy agent. */
#define PROMPT_ANSWER_S 30.

struct exchange {
	struct exchange_input in;
	exchange_done *done;
	void *data;

	struct message message;
	bool malformed;
	enum bind_outcome bind; /* what we make of a session-bind */
	struct payload payload; /* of a signature */
	enum meeting meeting;
	struct reader_job *job; /* NULL but while the caller is being identified */
	struct probe *probe;    /* NULL but while the real agent is found out about */
	struct caller *caller;
	struct policy *policy; /* which decided; NULL before */
	struct policy *floor;  /* likewise; NULL where there is none, too */
	struct verdict verdict;
	struct coding_agents coding_agents; /* as the policy that decided tells them */
	struct approval approval;
	bool forwarding;
	bool gone;

	uint64_t begun_ns;    /* the message was whole */
	uint64_t upstream_ns; /* the real agent's share */
	uint64_t asked_ns;    /* forwarded at */
	uint64_t number;      /* of the sign request */
};

static const char *exchange_trigger(const struct exchange *exchange) {
	switch (exchange->message.kind) {
	case MESSAGE_OPERATION: return operation_name(exchange->message.operation);
	case MESSAGE_SESSION_BIND: return "session-bind";
	case MESSAGE_QUERY: return "query";
	}
	return "invalid";
}

static bool is_operation(const struct exchange *exchange, enum operation operation) {
	return exchange->message.kind == MESSAGE_OPERATION &&
	       exchange->message.operation == operation;
}

/* Add, remove, lock and their like: what leaves the agent changed. */
static bool is_change(const struct exchange *exchange) {
	return exchange->message.kind == MESSAGE_OPERATION &&
	       !is_operation(exchange, OPERATION_SIGN) && !is_operation(exchange, OPERATION_LIST);
}

static bool has_payload(const struct exchange *exchange) {
	return is_operation(exchange, OPERATION_SIGN) && !exchange->malformed;
}

static struct request exchange_request(const struct exchange *exchange) {
	const struct session *session = exchange->in.session;
	const struct session_hop *hop = session_login_hop(session);
	bool is_met = exchange->meeting == MEETING_VERIFIED || exchange->meeting == MEETING_BOUND;

	return (struct request){
		.operation = exchange->message.operation,
		.key = exchange->message.key,
		.caller = exchange->caller,
		.endpoint = exchange->in.endpoint,
		.time = clock_moment(clock_real_us()),
		.payload = has_payload(exchange) ? &exchange->payload : NULL,
		.session = session,
		.is_forwarded = session_is_forwarded(session),
		.meeting = exchange->meeting,
		.dest_key = is_met ? hop->fingerprint : NULL,
		.coding_agents = exchange->coding_agents,
	};
}

/* The fields of the event that every way out shares. */
static int exchange_event_with(struct exchange *exchange, const char *decision, const char *reason,
                               const char *outcome, const char *detail) {
	struct guard *guard = exchange->in.guard;
	const struct policy *floor = exchange->policy != NULL ? exchange->floor : guard->floor;
	struct request request = exchange_request(exchange);
	uint64_t spent_ns = clock_mono_ns() - exchange->begun_ns;
	struct event event = {
		.real_us = clock_real_us(),
		.trigger = exchange_trigger(exchange),
		.decision = decision,
		.rule = exchange->verdict.rule,
		.by_floor = exchange->verdict.by_floor,
		.reason = reason,
		.detail = detail,
		/* A bind passes unidentified. */
		.request = exchange->caller != NULL ? &request : NULL,
		.missing_fact = exchange->verdict.missing,
		.confirm_method = exchange->approval.method != 0
	                                  ? confirm_method_name(exchange->approval.method)
	                                  : NULL,
		.confirm_via = exchange->approval.via,
		.grant = exchange->approval.grant,
		.waited_ms = exchange->approval.waited_ns / 1000000,
		.weak = exchange->verdict.weak && strcmp(decision, "allow") == 0,
		.outcome = outcome,
		.delivered = exchange->gone ? TRI_NO : TRI_UNKNOWN,
		.config_sha256 = policy_sha256(exchange->policy != NULL ? exchange->policy
	                                                                : guard->policy),
		.floor_sha256 = floor != NULL ? policy_sha256(floor) : NULL,
		.latency_us = (spent_ns - exchange->upstream_ns - exchange->approval.waited_ns) /
	                      1000,
		.upstream_us = exchange->upstream_ns / 1000,
		.sign_request_num = exchange->number,
	};

	return guard_event(guard, &event);
}

/* The decision of what is done. */
static const char *done_by(const struct exchange *exchange) {
	return exchange->approval.granted ? "confirmed" : "allow";
}

static int exchange_event(struct exchange *exchange, const char *decision, const char *reason,
                          const char *outcome) {
	return exchange_event_with(exchange, decision, reason, outcome, NULL);
}

static void exchange_answer(struct exchange *exchange, struct bytes answer) {
	exchange->done(exchange->data, exchange->gone ? (struct bytes){0} : answer);
}

static void exchange_answer_failure(struct exchange *exchange) {
	static const uint8_t failure[] = {AGENT_FAILURE};

	exchange_answer(exchange, BYTES(failure));
}

static void exchange_refused(struct exchange *exchange, const char *decision, const char *reason) {
	/* Refused already: an event that cannot be written changes nothing here. */
	int error = exchange_event(exchange, decision, reason, NULL);

	(void)error;
	exchange->in.guard->refusals++;
}

/* Whoever may not list sees an agent without keys, and one that is away for what it is. */
static void exchange_refuse(struct exchange *exchange, const char *decision, const char *reason) {
	static const uint8_t no_identities[] = {AGENT_IDENTITIES_ANSWER, 0, 0, 0, 0};

	exchange_refused(exchange, decision, reason);
	if (is_operation(exchange, OPERATION_LIST) && !exchange->malformed)
		exchange_answer(exchange, BYTES(no_identities));
	else
		exchange_answer_failure(exchange);
}

static const char *upstream_reason(int error) {
	switch (error) {
	case -ETIMEDOUT: return "upstream-timeout";
	case -EPROTO: return "upstream-nonsense";
	case -EACCES: return "bind-refused";
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
	error = exchange_event(exchange, done_by(exchange), NULL, success ? "success" : "failure");

	if (error < 0 && guard_log_must(exchange->in.guard)) {
		exchange->in.guard->refusals++;
		exchange_answer_failure(exchange);
		return;
	}
	if (success)
		exchange->in.guard->signatures++;
	exchange_answer(exchange, answer);
}

static bool bind_is_proved(enum bind_outcome outcome) {
	return outcome == BIND_RECORDED || outcome == BIND_REPEATED;
}

static bool is_bind(const struct exchange *exchange) {
	return exchange->message.kind == MESSAGE_SESSION_BIND && !exchange->malformed;
}

/* The client is told what we proved. What the real agent says to a bind counts for its own
 * constraints alone: gpg-agent refuses them all, and OpenSSH's one while it is locked. */
static void exchange_bind_answered(struct exchange *exchange, int error, struct bytes answer) {
	static const uint8_t success[] = {AGENT_SUCCESS};
	static const uint8_t failure[] = {AGENT_EXTENSION_FAILURE};
	bool accepted = error == 0 && answer.data[0] == AGENT_SUCCESS;

	if (accepted || error < 0)
		upstream_link_keep_bind(exchange->in.link, exchange->in.message, accepted);
	if (bind_is_proved(exchange->bind))
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
	return is_operation(exchange, OPERATION_LIST) && exchange->policy != NULL &&
	       session_login_hop(exchange->in.session) != NULL &&
	       policy_hides_denied_keys(exchange->policy);
}

/* What is no list is the client's to make sense of. */
static void exchange_listed(struct exchange *exchange, struct bytes answer) {
	CLEANUP(buffer_deinit) struct buffer shorter = {0};
	struct request request = exchange_request(exchange);
	bool none = false;

	if (hide_hopeless_keys(&shorter, &none, answer, &request, exchange->floor,
	                       exchange->policy) == 0)
		answer = buffer_bytes(&shorter);
	/* There will be no request for a signature to tell of. */
	if (none) {
		exchange->verdict = (struct verdict){0};
		exchange_refused(exchange, "deny", "keys-hidden");
	}
	exchange_answer(exchange, answer);
}

static void on_answer(void *data, int error, struct bytes answer) {
	struct exchange *exchange = data;

	exchange->forwarding = false;
	exchange->upstream_ns = clock_mono_ns() - exchange->asked_ns;
	guard_upstream_seen(exchange->in.guard, error);
	/* On a link that is lost for good, a bind fails as all else does. */
	if (is_bind(exchange) && error != -EACCES) {
		exchange_bind_answered(exchange, error, answer);
		return;
	}
	if (error < 0) {
		exchange_refused(exchange, "deny", upstream_reason(error));
		exchange_answer_failure(exchange);
		return;
	}
	if (is_operation(exchange, OPERATION_SIGN)) {
		exchange_signed(exchange, answer);
		return;
	}
	/* The restarted agent is no longer empty. */
	if (is_operation(exchange, OPERATION_ADD) && answer.data[0] == AGENT_SUCCESS)
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

static void exchange_forward(struct exchange *exchange) {
	double answer_s = exchange->in.guard->upstream.answer_s;

	/* What changes the agent cannot be taken back where its event fails, so that comes first.
	 */
	if (is_change(exchange) && exchange_event(exchange, done_by(exchange), NULL, NULL) < 0 &&
	    guard_log_must(exchange->in.guard)) {
		exchange->in.guard->refusals++;
		exchange_answer_failure(exchange);
		return;
	}
	if (answer_s > PROMPT_ANSWER_S && !may_ask_a_person(&exchange->message))
		answer_s = PROMPT_ANSWER_S;
	exchange->forwarding = true;
	exchange->asked_ns = clock_mono_ns();
	upstream_link_request(exchange->in.link, exchange->in.message, answer_s, on_answer,
	                      exchange);
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

/* Counted once the policy lets it through, and before anybody is asked. */
static bool is_within_limit(const struct exchange *exchange) {
	const struct verdict *verdict = &exchange->verdict;

	if (verdict->action == ACTION_DENY || verdict->by_floor)
		return true;
	return limits_take(exchange->in.guard->limits,
	                   policy_limit_of(exchange->policy, verdict->rule), verdict->rule,
	                   exchange->caller, clock_mono_ns());
}

static void exchange_allowed(struct exchange *exchange) {
	struct guard *guard = exchange->in.guard;

	/* The event of this refusal finds out whether the log can be written again. */
	if (guard->log_error && guard_log_must(guard) && !is_operation(exchange, OPERATION_LIST))
		exchange_refuse(exchange, "deny", "log-error");
	else if (exchange->message.extended)
		exchange_probe(exchange);
	else
		exchange_forward(exchange);
}

/* By the policies that are in force now. */
static struct approval_law exchange_judge(struct exchange *exchange, struct request *request) {
	struct guard *guard = exchange->in.guard;

	policy_unref(exchange->policy);
	policy_unref(exchange->floor);
	exchange->policy = policy_ref(guard->policy);
	exchange->floor = guard->floor != NULL ? policy_ref(guard->floor) : NULL;
	exchange->verdict = floor_decide(exchange->floor, exchange->policy, request);
	exchange->coding_agents = request->coding_agents;
	return (struct approval_law){exchange->policy, exchange->floor, &exchange->verdict};
}

/* On a socket of its own, of a name that the policy knows, somebody may come whom we cannot see,
 * such as out of a container. Who is seen to be another than he should be may not. */
static bool may_be_unknown(const struct exchange *exchange) {
	const char *reason = exchange->caller->reason;

	return strcmp(exchange->in.endpoint, "default") != 0 && reason != NULL &&
	       (strcmp(reason, "caller-unknown") == 0 || strcmp(reason, "caller-unreadable") == 0);
}

static void on_person_answered(void *data, const struct prompt *prompt);

static void exchange_decide(struct exchange *exchange) {
	struct request request = exchange_request(exchange);
	struct approval_law law;
	const char *reason;

	if (exchange->caller->state != CALLER_IDENTIFIED && !may_be_unknown(exchange)) {
		exchange_refuse(exchange, "deny", exchange->caller->reason);
		return;
	}
	law = exchange_judge(exchange, &request);
	if (!is_within_limit(exchange)) {
		exchange_refuse(exchange, "deny", "rate-limited");
		return;
	}
	switch (exchange->verdict.action) {
	case ACTION_DENY: exchange_refuse(exchange, "deny", NULL); return;
	case ACTION_CONFIRM:
		reason = approval_ask(&exchange->approval, exchange->in.guard->asker, &law,
		                      &request, on_person_answered, exchange);
		if (reason != NULL) {
			exchange_refuse(exchange, "confirm-denied", reason);
			return;
		}
		break;
	case ACTION_ALLOW: break;
	}
	if (exchange->approval.waiter == NULL)
		exchange_allowed(exchange);
}

/* A person took a while: meanwhile another policy may be in force, and it decides again. */
static void exchange_decide_again(struct exchange *exchange) {
	struct request request = exchange_request(exchange);
	bool is_counted = exchange->in.guard->policy == exchange->policy;
	struct approval_law law = exchange_judge(exchange, &request);
	const char *reason;

	if (!is_counted && !is_within_limit(exchange)) {
		exchange_refuse(exchange, "deny", "rate-limited");
		return;
	}
	switch (exchange->verdict.action) {
	case ACTION_DENY: exchange_refuse(exchange, "deny", NULL); return;
	case ACTION_CONFIRM:
		reason = approval_settle(&exchange->approval, &law, &request);
		if (reason != NULL) {
			exchange_refuse(exchange, "confirm-denied", reason);
			return;
		}
		break;
	case ACTION_ALLOW: break;
	}
	exchange_allowed(exchange);
}

static void on_identified_again(void *data, struct caller *caller) {
	struct exchange *exchange = data;
	bool same;

	exchange->job = NULL;
	caller_set_connector(caller, exchange->in.writer, exchange->in.connector);
	same = approval_same_caller(caller, exchange->caller);
	caller_free(exchange->caller);
	exchange->caller = caller;
	if (exchange->gone)
		exchange_refuse(exchange, "confirm-denied", "cancelled");
	else if (!same)
		exchange_refuse(exchange, "confirm-denied",
		                caller->reason != NULL ? caller->reason : "caller-changed");
	else if (is_operation(exchange, OPERATION_SIGN) && exchange->in.guard->panic)
		exchange_refuse(exchange, "deny", "panic");
	else
		exchange_decide_again(exchange);
}

static void on_person_answered(void *data, const struct prompt *prompt) {
	struct exchange *exchange = data;
	const char *reason = approval_answered(&exchange->approval, prompt);

	if (reason == NULL && reader_ask(&exchange->job, exchange->in.guard->reader,
	                                 exchange->in.writer, on_identified_again, exchange) < 0)
		reason = "caller-unknown";
	if (reason != NULL)
		exchange_refuse(exchange, "confirm-denied", reason);
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

/* The refusals that need no policy come first. */
static void exchange_identified(struct exchange *exchange) {
	caller_set_connector(exchange->caller, exchange->in.writer, exchange->in.connector);
	if (is_bind(exchange))
		exchange_bind_failed(exchange);
	else if (exchange->malformed)
		exchange_refuse(exchange, "deny", "malformed");
	else if (exchange->gone)
		exchange_refuse(exchange, "deny", "cancelled");
	else if (is_operation(exchange, OPERATION_SIGN) && exchange->in.guard->panic)
		exchange_refuse(exchange, "deny", "panic");
	else if (exchange->meeting == MEETING_MISMATCH)
		exchange_refuse(exchange, "deny", "bind-mismatch");
	else
		exchange_decide(exchange);
}

static void on_identified(void *data, struct caller *caller) {
	struct exchange *exchange = data;

	exchange->job = NULL;
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
	if (error == 0)
		exchange_identified(exchange);
	return error;
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

	if (is_bind(exchange))
		exchange->bind = session_bind(exchange->in.session, message->extension_body);
	if (has_payload(exchange))
		sign_data_parse(&exchange->payload, message->data, message->key_blob);
	if (exchange->payload.kind == PAYLOAD_SSH_LOGIN)
		exchange->meeting = session_meet(session, &exchange->payload.login);
	else if (is_operation(exchange, OPERATION_LIST) && session_login_hop(session) != NULL &&
	         session_is_forwarded(session) == TRI_NO)
		exchange->meeting = MEETING_BOUND;
}

/* A bind proves itself, whoever writes it; one that does not is an event, with its writer. */
static bool passes_unidentified(const struct exchange *exchange) {
	if (exchange->malformed)
		return false;
	switch (exchange->message.kind) {
	case MESSAGE_OPERATION: return false;
	case MESSAGE_SESSION_BIND: return bind_is_proved(exchange->bind);
	case MESSAGE_QUERY: return true;
	}
	return false;
}

void exchange_start(struct exchange *exchange) {
	struct bytes body = exchange->in.message;

	body.data += MESSAGE_HEADER;
	body.len -= MESSAGE_HEADER;
	exchange->malformed = message_parse(&exchange->message, body) < 0;
	if (is_operation(exchange, OPERATION_SIGN))
		exchange->number = ++exchange->in.guard->sign_requests;
	exchange_meet(exchange);
	if (passes_unidentified(exchange))
		exchange_forward(exchange);
	else if (exchange_identify(exchange) < 0)
		exchange_answer_failure(exchange); /* no memory: not even for the event */
}

void exchange_free(struct exchange *exchange) {
	if (exchange == NULL)
		return;
	approval_end(&exchange->approval);
	reader_cancel(exchange->job);
	probe_free(exchange->probe);
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

	exchange->gone = true;
	approval_end(&exchange->approval);
	exchange_refuse(exchange, asked ? "confirm-denied" : "deny", "cancelled");
}
