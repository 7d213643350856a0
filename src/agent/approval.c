#include "agent/approval.h"

#include <string.h>

#include "agent/asker.h"
#include "agent/screens.h"
#include "base/clock.h"
#include "log/event_yaml.h"
#include "log/statement.h"
#include "log/summary.h"
#include "policy/method_order.h"

#define SECOND_NS UINT64_C(1000000000)

static void free_question(struct question **question) {
	question_free(*question);
}

/* The session by number; who leads it must then be among the ancestors. Of one without a number
 * there is none: to the system, 0 means ourselves. */
static int make_question(struct question **ret, const struct request *request, const char *rule,
                         const struct confirm_terms *terms, const struct turns *turns) {
	pid_t pid = request->caller->process.pid;

	return question_new(ret, request, rule, terms, turns, pid > 0 ? getsid(pid) : 0);
}

static bool takes_pin(enum confirm_method method) {
	return method == CONFIRM_PIN || method == CONFIRM_OTP_PIN;
}

static bool is_granted(struct approval *approval, const struct question *question) {
	const struct grant *grant = grants_find(asker_grants(approval->asker), question,
	                                        clock_mono_ns());

	if (grant == NULL)
		return false;
	approval->granted = true;
	approval->method = grant->method;
	approval->via = "grant";
	approval->grant = grant->id;
	approval->with_pin = takes_pin(grant->method) || grant->question->terms.pin != 0;
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

/* What a touch will say yes to: made of the event, as it will be written. */
static int make_digest(struct approval *approval, struct question *question,
                       const struct request *request) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(buffer_deinit) struct buffer statement = {0};
	struct event event = {
		.trigger = operation_name(request->operation),
		.request = request,
	};
	int error = 0;

	if (request->payload != NULL) {
		error = digest_hex(approval->signed_sha256, request->payload->data);
		event.signed_sha256 = approval->signed_sha256;
	}
	if (error == 0)
		error = event_yaml(&document, &event);
	statement_put(&statement, buffer_bytes(&document));
	if (error == 0)
		error = buffer_error(&statement);
	return error < 0 ? error : digest_hex(question->digest, buffer_bytes(&statement));
}

/* Where the floor says something of them, too. */
static void narrow(struct confirm_terms *terms, unsigned methods,
                   const struct confirm_order *order) {
	terms->methods = (terms->methods & methods) | ((terms->methods | methods) & CONFIRM_AUTO);
	terms->order = method_order_of_both(&terms->order, order);
}

/* For whoever shows that it waits. Without it the person is asked all the same. */
static void describe(struct question *question, const struct request *request) {
	struct event event = {
		.real_us = clock_real_us(),
		.trigger = operation_name(request->operation),
		.decision = "confirm",
		.rule = question->rule,
		.confirm_method = confirm_method_name(turns_asks(&question->turns)),
		.request = request,
	};

	summary_of(question->summary, &event);
	question->event_us = event.real_us;
	if (event_yaml(&question->event, &event) < 0)
		buffer_deinit(&question->event);
}

static void take_settings(struct confirm_terms *terms, const struct policy *policy) {
	const struct confirm_settings *settings = policy_confirm(policy);

	if (terms->methods != 0)
		return;
	terms->methods = settings->methods;
	terms->order = settings->order;
}

/* Where the user's policy asks, and the floor would, too, both say how: the stricter of each. */
static struct confirm_terms terms_of(const struct approval_law *law,
                                     const struct request *request) {
	const struct policy *decider = law->verdict->by_floor ? law->floor : law->policy;
	struct confirm_terms terms = policy_confirm_terms(decider, law->verdict->rule);
	struct request seen = *request;
	struct confirm_terms above;
	struct verdict verdict;

	take_settings(&terms, decider);
	if (law->floor == NULL || law->verdict->by_floor)
		return terms;
	seen.coding_agents = policy_coding_agents(law->floor, &seen);
	verdict = policy_decide(law->floor, &seen);
	if (verdict.action != ACTION_CONFIRM) {
		/* What it says of all questions is for those of the user's rules, too. */
		if (policy_confirm(law->floor)->methods_named != 0)
			narrow(&terms, policy_confirm(law->floor)->methods,
			       &policy_confirm(law->floor)->order);
		return terms;
	}
	above = policy_confirm_terms(law->floor, verdict.rule);
	take_settings(&above, law->floor);
	narrow(&terms, above.methods, &above.order);
	terms.pin |= above.pin;
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
	struct turns turns;
	const char *reason = asker_turns(&turns, asker, &terms, request->caller->presence);

	approval->asker = asker;
	if (reason != NULL)
		return reason;
	if (make_question(&question, request, law->verdict->rule, &terms, &turns) < 0)
		return "missing";
	if (is_granted(approval, question))
		return NULL;
	if ((question->methods & CONFIRM_TOUCH) != 0 && make_digest(approval, question, request) < 0)
		return "missing";
	describe(question, request);
	approval->asked_ns = clock_mono_ns();
	reason = refusal_of(broker_ask(&approval->waiter, asker->broker, TAKE(question),
	                               &broker_terms, approval->asked_ns, answered, data));
	asker_watch_clock(asker);
	return reason;
}

/* Of one whom nobody can see there is nothing to be read again: his door is who he is, and that is
 * the connection's. */
static bool is_unseen_still(const struct caller *now, const struct caller *before) {
	return now->state == CALLER_UNKNOWN && now->uid == before->uid &&
	       now->process.pid == before->process.pid && now->reason != NULL &&
	       before->reason != NULL && strcmp(now->reason, before->reason) == 0;
}

bool approval_same_caller(const struct caller *now, const struct caller *before) {
	const struct process *a = &now->process, *b = &before->process;

	if (before->state == CALLER_UNKNOWN)
		return is_unseen_still(now, before);
	return now->state == CALLER_IDENTIFIED && a->pid == b->pid &&
	       a->start_ticks == b->start_ticks && (a->exe == NULL) == (b->exe == NULL) &&
	       (a->exe == NULL || strcmp(a->exe, b->exe) == 0) &&
	       (now->integrity & ~before->integrity) == 0;
}

#define DENIED "denied"

/* Denied because nothing could say yes any more, or by somebody. */
static const char *why_denied(const struct prompt *prompt) {
	static const char *const reasons[] = {"pin-locked", "touch-invalid", "touch-failed",
	                                      "otp-invalid", "otp-failed"};

	for (size_t i = 0; prompt->via != NULL && i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strcmp(prompt->via, reasons[i]) == 0)
			return reasons[i];
	return DENIED;
}

const char *approval_answered(struct approval *approval, const struct prompt *prompt) {
	const char *why_not;

	approval->waiter = NULL;
	approval->waited_ns = clock_mono_ns() - approval->asked_ns;
	approval->n_passed = turns_passed(approval->passed, &prompt->turns,
	                                  prompt->state == PROMPT_GRANTED
	                                          ? prompt->method
	                                          : (enum confirm_method)0);
	switch (prompt->state) {
	case PROMPT_GRANTED: break;
	case PROMPT_DENIED:
		why_not = why_denied(prompt);
		if (strcmp(why_not, DENIED) == 0)
			approval->denied_via = prompt->via;
		approval->denied_by = prompt->denied_by;
		return why_not;
	case PROMPT_TIMED_OUT: return "timeout";
	case PROMPT_PENDING:
	case PROMPT_CANCELLED: return "cancelled";
	}
	approval->granted = true;
	approval->method = prompt->method;
	approval->via = prompt->via;
	approval->with_pin = takes_pin(prompt->method) || prompt->question->terms.pin != 0;
	approval->prompt = prompt->id;
	if (prompt->proof != NULL)
		approval->proof = proof_ref(prompt->proof);
	/* Where it cannot be watched, or there is no memory, the yes is for this request alone. */
	if (prompt->question->may_remember &&
	    (grant_watch_open(&approval->watch, prompt->question) < 0 ||
	     question_copy(&approval->shown, prompt->question) < 0)) {
		grant_watch_close(&approval->watch);
		approval->watch = GRANT_WATCH_NONE;
	}
	return NULL;
}

const char *approval_settle(struct approval *approval, const struct approval_law *law,
                            const struct request *request) {
	struct confirm_terms terms = terms_of(law, request);
	const struct turns_lacks no_lacks = {0};
	CLEANUP(free_question) struct question *question = NULL;
	struct turns turns;
	int error;

	if ((terms.methods & approval->method) == 0)
		return "missing";
	/* A touch alone, where the key's PIN is wanted by now. */
	if (terms.pin != 0 && !approval->with_pin)
		return "missing";
	/* Another policy is in force by now, perhaps. */
	if (approval->shown == NULL)
		return NULL;
	if (approval->shown->terms.remember_s < terms.remember_s)
		terms.remember_s = approval->shown->terms.remember_s;
	terms.scope |= approval->shown->terms.scope;
	turns_begin(&turns, terms.methods, &terms.order, &no_lacks);
	if (approval->grant != 0 ||
	    make_question(&question, request, law->verdict->rule, &terms, &turns) < 0)
		return NULL;
	/* Nothing is remembered that was not shown: by now it may seem to be started by somebody
	 * else, because whoever had started it has gone. */
	if (!question_covers(approval->shown, question))
		return NULL;
	error = grants_add(&approval->grant, asker_grants(approval->asker), question,
	                   approval->prompt, approval->method, &approval->watch, clock_real_us(),
	                   clock_mono_ns());
	/* Else the next one is asked anew. Since the prompt has gone, nothing may have hung on where
	 * the person is, so that nobody would ask again. */
	if (error == 0)
		screens_look(approval->asker->screens);
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
	question_free(TAKE(approval->shown));
	proof_unref(TAKE(approval->proof));
}
