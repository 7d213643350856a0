#include "agent/approval.h"

#include <string.h>

#include "agent/asker.h"
#include "base/clock.h"

#define SECOND_NS UINT64_C(1000000000)

static void free_question(struct question **question) {
	question_free(*question);
}

/* The session by number; who leads it must then be among the ancestors. */
static int make_question(struct question **ret, const struct request *request, const char *rule,
                         const struct confirm_terms *terms, unsigned methods) {
	return question_new(ret, request, rule, terms, methods,
	                    getsid(request->caller->process.pid));
}

static bool is_granted(struct approval *approval, const struct question *question) {
	const struct grant *grant = grants_find(approval->asker->grants, question, clock_mono_ns());

	if (grant == NULL)
		return false;
	approval->granted = true;
	approval->method = grant->method;
	approval->via = "grant";
	approval->grant = grant->id;
	return true;
}

static const char *refusal_of(enum broker_reply reply) {
	switch (reply) {
	case BROKER_WAITS: return NULL;
	case BROKER_RATE_LIMITED: return "rate-limited";
	case BROKER_UNANSWERED: return "unanswered";
	case BROKER_NO_MEMORY: return "missing";
	}
	return "missing";
}

/* Where the user's policy asks, and the floor would, too, both say how: the stricter of each. */
static struct confirm_terms terms_of(const struct approval_law *law,
                                     const struct request *request) {
	const struct policy *decider = law->verdict->by_floor ? law->floor : law->policy;
	struct confirm_terms terms = policy_confirm_terms(decider, law->verdict->rule);
	struct request seen = *request;
	struct confirm_terms above;
	struct verdict verdict;

	if (terms.methods == 0)
		terms.methods = policy_confirm(decider)->methods;
	if (law->floor == NULL || law->verdict->by_floor)
		return terms;
	seen.coding_agents = policy_coding_agents(law->floor, &seen);
	verdict = policy_decide(law->floor, &seen);
	if (verdict.action != ACTION_CONFIRM)
		return terms;
	above = policy_confirm_terms(law->floor, verdict.rule);
	terms.methods &= above.methods != 0 ? above.methods : policy_confirm(law->floor)->methods;
	if (above.remember_s < terms.remember_s)
		terms.remember_s = above.remember_s;
	terms.scope |= above.scope;
	return terms;
}

const char *approval_ask(struct approval *approval, struct asker *asker,
                         const struct approval_law *law, const struct request *request,
                         broker_answered *answered, void *data) {
	const struct confirm_settings *settings = policy_confirm(law->policy);
	const struct broker_terms broker_terms = {
		.max_pending = settings->max_pending,
		.timeout_ns = settings->timeout_s * SECOND_NS,
		.pause_ns = settings->pause_s * SECOND_NS,
	};
	struct confirm_terms terms = terms_of(law, request);
	CLEANUP(free_question) struct question *question = NULL;
	const char *reason;
	unsigned methods = asker_methods(asker, terms.methods, &reason);

	approval->asker = asker;
	if (methods == 0)
		return reason;
	if (make_question(&question, request, law->verdict->rule, &terms, methods) < 0)
		return "missing";
	if (is_granted(approval, question))
		return NULL;
	approval->asked_ns = clock_mono_ns();
	reason = refusal_of(broker_ask(&approval->waiter, asker->broker, TAKE(question),
	                               &broker_terms, approval->asked_ns, answered, data));
	asker_watch_clock(asker);
	return reason;
}

bool approval_same_caller(const struct caller *now, const struct caller *before) {
	const struct process *a = &now->process, *b = &before->process;

	return now->state == CALLER_IDENTIFIED && a->pid == b->pid &&
	       a->start_ticks == b->start_ticks && (a->exe == NULL) == (b->exe == NULL) &&
	       (a->exe == NULL || strcmp(a->exe, b->exe) == 0) &&
	       (now->integrity & ~before->integrity) == 0;
}

const char *approval_answered(struct approval *approval, const struct prompt *prompt) {
	approval->waiter = NULL;
	approval->waited_ns = clock_mono_ns() - approval->asked_ns;
	switch (prompt->state) {
	case PROMPT_GRANTED: break;
	case PROMPT_DENIED:
		return prompt->via != NULL && strcmp(prompt->via, "pin-locked") == 0 ? "pin-locked"
		                                                                     : "denied";
	case PROMPT_TIMED_OUT: return "timeout";
	case PROMPT_PENDING:
	case PROMPT_CANCELLED: return "cancelled";
	}
	approval->granted = true;
	approval->method = prompt->method;
	approval->via = prompt->via;
	approval->prompt = prompt->id;
	/* Where it cannot be watched, the yes is for this request alone. */
	if (prompt->question->may_remember &&
	    grant_watch_open(&approval->watch, prompt->question) < 0)
		approval->watch = GRANT_WATCH_NONE;
	return NULL;
}

const char *approval_settle(struct approval *approval, const struct approval_law *law,
                            const struct request *request) {
	struct confirm_terms terms = terms_of(law, request);
	CLEANUP(free_question) struct question *question = NULL;
	int error;

	if ((terms.methods & approval->method) == 0)
		return "missing";
	if (approval->grant != 0 ||
	    make_question(&question, request, law->verdict->rule, &terms, terms.methods) < 0)
		return NULL;
	error = grants_add(&approval->grant, approval->asker->grants, question, approval->prompt,
	                   approval->method, &approval->watch, clock_real_us(), clock_mono_ns());
	/* Not remembered: the next one is asked anew. */
	(void)error;
	return NULL;
}

void approval_end(struct approval *approval) {
	struct waiter *waiter = TAKE(approval->waiter);

	if (waiter != NULL) {
		approval->waited_ns = clock_mono_ns() - approval->asked_ns;
		broker_leave(approval->asker->broker, waiter, clock_mono_ns());
		asker_watch_clock(approval->asker);
	}
	grant_watch_close(&approval->watch);
}
