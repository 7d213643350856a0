#include "agent/exchange_parts.h"

#include <string.h>

#include "agent/comments.h"
#include "base/clock.h"
#include "policy/floor.h"
#include "policy/trace.h"

static const char *exchange_trigger(const struct exchange *exchange) {
	switch (exchange->message.kind) {
	case MESSAGE_OPERATION: return operation_name(exchange->message.operation);
	case MESSAGE_SESSION_BIND: return "session-bind";
	case MESSAGE_QUERY: return "query";
	}
	return "invalid";
}

struct request exchange_request(const struct exchange *exchange) {
	const struct session *session = exchange->in.session;
	const struct session_hop *hop = session_login_hop(session);
	bool is_met = exchange->meeting == MEETING_VERIFIED || exchange->meeting == MEETING_BOUND;

	return (struct request){
		.operation = exchange->message.operation,
		.key = exchange->message.key,
		.key_comment = comments_find(exchange->in.guard->comments,
	                                     exchange->message.key.fingerprint),
		.caller = exchange->caller,
		.endpoint = exchange->in.endpoint,
		.time = clock_moment(clock_real_us()),
		.payload = exchange_has_payload(exchange) ? &exchange->payload : NULL,
		.session = session,
		.is_forwarded = exchange->is_located ? exchange->is_forwarded
	                                             : session_is_forwarded(session),
		.destination = exchange->is_located ? &exchange->destination : NULL,
		.meeting = exchange->meeting,
		.dest_key = is_met ? hop->fingerprint : NULL,
		.coding_agents = exchange->coding_agents,
	};
}

/* By the policy alone: where the floor was stricter, its rule is named. */
static bool is_denied_by_policy(const struct exchange *exchange, const char *decision,
                                const char *reason) {
	return strcmp(decision, "deny") == 0 && reason == NULL && exchange->policy != NULL &&
	       exchange->caller != NULL && !exchange->verdict.by_floor;
}

/* The fields of the event that every way out shares. */
int exchange_event_with(struct exchange *exchange, const char *decision, const char *reason,
                               const char *outcome, const char *detail) {
	struct guard *guard = exchange->in.guard;
	const struct policy *floor = exchange->policy != NULL ? exchange->floor : guard->floor;
	struct request request = exchange_request(exchange);
	uint64_t spent_ns = clock_mono_ns() - exchange->begun_ns;
	struct rule_trace trace;
	int error;
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
		.brief = exchange->policy != NULL &&
	                 floor_log_detail(exchange->floor, exchange->policy, &exchange->verdict) ==
	                         LOG_DETAIL_BRIEF,
		.notify = exchange->verdict.notify,
		.missing_fact = exchange->verdict.missing,
		.confirm_method = exchange->approval.method != 0
	                                  ? confirm_method_name(exchange->approval.method)
	                                  : NULL,
		.confirm_via = exchange->approval.via,
		.confirm_weak = exchange->approval.method != 0 &&
	                        confirm_method_is_weak(exchange->approval.method),
		.denied_via = exchange->approval.denied_via,
		.denied_by = (uint64_t)exchange->approval.denied_by,
		.confirm_passed = exchange->approval.passed,
		.n_confirm_passed = exchange->approval.n_passed,
		.proof = exchange->approval.proof,
		.signed_sha256 = exchange->approval.signed_sha256[0] != '\0'
	                                 ? exchange->approval.signed_sha256
	                                 : NULL,
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

	if (is_denied_by_policy(exchange, decision, reason)) {
		policy_trace(&trace, exchange->policy, &request);
		event.trace = &trace;
	}
	error = guard_event(guard, &event);
	exchange->unsynced = error == 0 && guard_waits_for_disk(guard);
	return error;
}

/* The decision of what is done. */
const char *exchange_done_by(const struct exchange *exchange) {
	return exchange->approval.granted ? "confirmed" : "allow";
}

int exchange_event(struct exchange *exchange, const char *decision, const char *reason,
                          const char *outcome) {
	return exchange_event_with(exchange, decision, reason, outcome, NULL);
}

void exchange_answer_now(struct exchange *exchange, struct bytes answer) {
	exchange->done(exchange->data, exchange->gone ? (struct bytes){0} : answer);
}

static void on_answer_kept(void *data, int error) {
	static const uint8_t failure[] = {AGENT_FAILURE};
	struct exchange *exchange = data;

	if (error < 0 && exchange->grants && guard_log_must(exchange->in.guard))
		exchange_answer_now(exchange, BYTES(failure));
	else
		exchange_answer_now(exchange, buffer_bytes(&exchange->answer));
}

/* Waits until its event is on the disk, where the policy wants that. Others do not wait. */
void exchange_answer(struct exchange *exchange, struct bytes answer) {
	static const uint8_t failure[] = {AGENT_FAILURE};

	if (!exchange->unsynced || exchange->ending) {
		exchange_answer_now(exchange, answer);
		return;
	}
	buffer_put_raw(&exchange->answer, answer);
	if (buffer_error(&exchange->answer) < 0)
		exchange_answer_now(exchange, BYTES(failure));
	else
		keeper_wait(exchange->in.guard->keeper, &exchange->wait, on_answer_kept, exchange);
}

void exchange_answer_failure(struct exchange *exchange) {
	static const uint8_t failure[] = {AGENT_FAILURE};

	exchange_answer(exchange, BYTES(failure));
}

void exchange_refused(struct exchange *exchange, const char *decision, const char *reason) {
	/* Refused already: an event that cannot be written changes nothing here. */
	int error = exchange_event(exchange, decision, reason, NULL);

	(void)error;
	exchange->in.guard->refusals++;
}

/* Whoever may not list sees an agent without keys, and one that is away for what it is. */
void exchange_refuse(struct exchange *exchange, const char *decision, const char *reason) {
	static const uint8_t no_identities[] = {AGENT_IDENTITIES_ANSWER, 0, 0, 0, 0};

	exchange_refused(exchange, decision, reason);
	if (exchange_is_operation(exchange, OPERATION_LIST) && !exchange->malformed)
		exchange_answer(exchange, BYTES(no_identities));
	else
		exchange_answer_failure(exchange);
}
