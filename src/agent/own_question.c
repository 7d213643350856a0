#include "agent/own_question.h"

#include <errno.h>
#include <string.h>

#include "agent/asker.h"
#include "policy/method_order.h"

#define SECOND_NS UINT64_C(1000000000)

static struct confirm_terms terms_for(const struct guard *guard) {
	const struct confirm_settings *settings = policy_confirm(guard->policy);
	struct confirm_terms terms = {.methods = settings->methods & ~(unsigned)CONFIRM_ASKPASS,
	                              .order = settings->order};

	/* Nobody's program asks, so it cannot be told where he is. */
	terms.methods &= ~CONFIRM_AUTO;
	if (terms.methods == 0)
		terms.methods = CONFIRM_PIN;
	if (guard->floor == NULL || policy_confirm(guard->floor)->methods_named == 0)
		return terms;
	terms.methods &= policy_confirm(guard->floor)->methods;
	terms.order = method_order_of_both(&terms.order, &policy_confirm(guard->floor)->order);
	return terms;
}

const char *own_question_turns(struct turns *ret, const struct guard *guard) {
	const struct confirm_terms terms = terms_for(guard);

	return asker_turns(ret, guard->asker, &terms, PRESENCE_UNKNOWN);
}

struct broker_terms own_question_terms(const struct guard *guard, unsigned least_s) {
	const struct confirm_settings *settings = policy_confirm(guard->policy);

	return (struct broker_terms){
		.max_pending = settings->max_pending,
		.timeout_ns = SECOND_NS *
	                      (settings->timeout_s > least_s ? settings->timeout_s : least_s),
		.pause_ns = SECOND_NS * settings->pause_s,
	};
}

void own_question_say(struct guard *guard, const char *trigger, const char *reason,
                      const struct prompt *prompt, const char *detail) {
	struct confirm_passed passed[CONFIRM_METHOD_COUNT];
	struct event event = {.trigger = trigger, .reason = reason, .detail = detail};
	int error;

	if (prompt != NULL && prompt->state == PROMPT_GRANTED) {
		event.confirm_method = confirm_method_name(prompt->method);
		event.confirm_via = prompt->via;
		event.confirm_weak = confirm_method_is_weak(prompt->method);
		event.confirm_passed = passed;
		event.n_confirm_passed = turns_passed(passed, &prompt->turns, prompt->method);
		event.proof = prompt->proof;
	}
	if (prompt != NULL && prompt->state == PROMPT_DENIED) {
		event.denied_via = prompt->via;
		event.denied_by = (uint64_t)prompt->denied_by;
	}
	/* guard_event() has shown the failure where a user looks. */
	error = guard_own_event(guard, &event);
	(void)error;
}

const char *own_question_no_method(const char *reason) {
	return strcmp(reason, "pin-locked") == 0
	               ? "the PIN is locked, because it was wrong too often; wait"
	       : strcmp(reason, "key-not-pinned") == 0
	               ? "the system floor names the security keys that may say yes, and none of "
	                 "them is enrolled (ssh-agent-guard enroll --list)"
	               : "nobody can say yes: enroll a method first (ssh-agent-guard enroll)";
}

const char *own_question_not_asked(enum broker_reply reply) {
	switch (reply) {
	case BROKER_WAITS: break;
	case BROKER_RATE_LIMITED:
		return "too many requests wait; answer them first "
		       "(ssh-agent-guard pending)";
	case BROKER_UNANSWERED: return "too many requests went unanswered; wait some minutes";
	case BROKER_NO_MEMORY: return strerror(ENOMEM);
	}
	return "nobody can be asked";
}
