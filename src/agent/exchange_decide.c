/* What the policies say of a request whose caller and host are known, and what a person says. */
#include <stdlib.h>
#include <string.h>

#include "agent/asker.h"
#include "agent/exchange_parts.h"
#include "agent/limits.h"
#include "base/clock.h"
#include "caller/caller.h"
#include "policy/endpoint.h"
#include "policy/floor.h"

bool exchange_is_over(struct exchange *exchange) {
	if (exchange->gone)
		exchange_refuse(exchange, "deny", "cancelled");
	else if (exchange_is_operation(exchange, OPERATION_SIGN) && exchange->in.guard->panic)
		exchange_refuse(exchange, "deny", "panic");
	else
		return false;
	return true;
}

/* Counted once the policy lets it through, and before anybody is asked: also where it is the floor
 * that has a person asked, for over the limit the user's policy denies. */
static bool is_within_limit(struct exchange *exchange) {
	struct verdict *verdict = &exchange->verdict;
	const char *rule = verdict->by_floor ? verdict->rule_below : verdict->rule;

	if (verdict->action == ACTION_DENY ||
	    limits_take(exchange->in.guard->limits, policy_limit_of(exchange->policy, rule), rule,
	                exchange->caller, clock_mono_ns()))
		return true;
	/* That rule is the one that decides now. */
	verdict->rule = rule;
	verdict->by_floor = false;
	return false;
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

/* Of a socket that was made to be given to a container, whoever is not in one has found it. */
static bool is_out_of_place(const struct exchange *exchange) {
	const struct endpoint *endpoint = policy_endpoint_find(exchange->in.guard->policy,
	                                                       exchange->in.endpoint);

	return endpoint != NULL && endpoint->from_container &&
	       caller_is_apart(exchange->caller) != TRI_YES;
}

/* Whatever any rule says. */
static bool is_revoked(const struct exchange *exchange) {
	return exchange_is_login(exchange) && exchange->destination.is_revoked;
}

/* What is known already of its executable; false: nothing is, or nobody asks. */
static bool recall_digest(const struct exchange *exchange) {
	struct guard *guard = exchange->in.guard;
	struct caller *caller = exchange->caller;
	const char *hex;

	if (!guard_asks(guard, "exe_sha256") || caller->process.exe == NULL)
		return true;
	hex = digests_find(guard->digests, &caller->exe_id);
	if (hex != NULL)
		caller->exe_sha256 = strdup(hex);
	return hex != NULL;
}

/* A person took a while: meanwhile another policy may be in force, and it decides again. */
static void exchange_decide_again(struct exchange *exchange) {
	struct request request;
	bool is_counted = exchange->in.guard->policy == exchange->policy;
	struct approval_law law;
	const char *reason;

	exchange_locate(exchange);
	request = exchange_request(exchange);
	law = exchange_judge(exchange, &request);
	if (is_revoked(exchange)) {
		exchange_refuse(exchange, "deny", "host-revoked");
		return;
	}
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
	exchange_complete_caller(exchange, caller);
	screens_tell(exchange->in.guard->asker->screens, caller);
	same = approval_same_caller(caller, exchange->caller);
	caller_free(exchange->caller);
	exchange->caller = caller;
	(void)recall_digest(exchange); /* it was made before the question */
	if (exchange->gone)
		exchange_refuse(exchange, "confirm-denied", "cancelled");
	else if (!same)
		exchange_refuse(exchange, "confirm-denied",
		                caller->reason != NULL ? caller->reason : "caller-changed");
	else if (exchange_is_operation(exchange, OPERATION_SIGN) && exchange->in.guard->panic)
		exchange_refuse(exchange, "deny", "panic");
	else
		exchange_decide_again(exchange);
}

static void identify_again(void *data) {
	struct exchange *exchange = data;

	if (reader_ask(&exchange->job, exchange->in.guard->reader, exchange->in.writer,
	               on_identified_again, exchange) < 0)
		exchange_refuse(exchange, "confirm-denied", "caller-unknown");
}

static void on_person_answered(void *data, const struct prompt *prompt) {
	struct exchange *exchange = data;
	struct screens *screens = exchange->in.guard->asker->screens;
	const char *reason = approval_answered(&exchange->approval, prompt);

	if (reason != NULL)
		exchange_refuse(exchange, "confirm-denied", reason);
	/* What its command told is of a while ago, or another policy's command is to tell it. The
	 * caller is looked at last. */
	else if (!screens_wait(screens, &exchange->screens_wait, identify_again, exchange))
		identify_again(exchange);
}

static void exchange_decide(struct exchange *exchange) {
	struct request request = exchange_request(exchange);
	struct approval_law law;
	const char *reason;

	if (exchange->caller->state != CALLER_IDENTIFIED && !may_be_unknown(exchange)) {
		exchange_refuse(exchange, "deny", exchange->caller->reason);
		return;
	}
	if (is_out_of_place(exchange)) {
		exchange_refuse(exchange, "deny", "not-in-container");
		return;
	}
	if (is_revoked(exchange)) {
		exchange_refuse(exchange, "deny", "host-revoked");
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

/* Where it could not be made it is not known, and the rules say what that means. */
static void on_digest(void *data, const char *hex) {
	struct exchange *exchange = data;

	if (hex != NULL)
		exchange->caller->exe_sha256 = strdup(hex);
	if (exchange_is_over(exchange))
		return;
	/* Meanwhile another policy may be in force, whose names were not compared yet. */
	exchange_locate(exchange);
	exchange_decide(exchange);
}

/* Decides once what must be looked up is known. */
void exchange_look_up(struct exchange *exchange) {
	const struct caller *caller = exchange->caller;

	if (recall_digest(exchange) ||
	    digests_ask(&exchange->digest, exchange->in.guard->digests, caller->process.exe,
	                &caller->exe_id, on_digest, exchange) < 0)
		exchange_decide(exchange);
}
