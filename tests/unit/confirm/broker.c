/* The life of questions, with a clock that the tests set. */
#include "confirm/fixture.h"

#include "confirm/broker.h"
#include "confirm/proof.h"

#define WAITING 99 /* of an asker: not told yet */

static const struct broker_terms terms = {
	.max_pending = 3, .timeout_ns = 60 * SECOND_NS, .pause_ns = 300 * SECOND_NS};

/* Somebody who asks, and what became of it. */
struct asker {
	struct waiter *waiter;
	int state;
	struct broker *broker; /* to ask again as soon as there is an answer; NULL: not */
	const struct scene *scene;
	struct asker *drags; /* leaves when this one is told */
};

struct desk {
	struct broker *broker;
	struct scene scene;
	int opened, closed, turned;
};

static void on_opened(void *data, struct prompt *prompt) {
	assert_int_equal(prompt->state, PROMPT_PENDING);
	((struct desk *)data)->opened++;
}

static void on_closed(void *data, struct prompt *prompt) {
	assert_int_not_equal(prompt->state, PROMPT_PENDING);
	((struct desk *)data)->closed++;
}

static void on_turned(void *data, struct prompt *prompt) {
	assert_int_equal(prompt->state, PROMPT_PENDING);
	((struct desk *)data)->turned++;
}

static int set_up(void **state) {
	static struct desk desk;
	const struct broker_calls calls = {on_opened, on_closed, on_turned, &desk};

	desk = (struct desk){0};
	scene_init(&desk.scene);
	*state = &desk;
	return broker_new(&desk.broker, &calls);
}

static int tear_down(void **state) {
	struct desk *desk = *state;

	broker_free(desk->broker);
	assert_int_equal(desk->opened, desk->closed);
	return 0;
}

static int n_cancelled;

static void on_answered(void *data, const struct prompt *prompt) {
	struct asker *asker = data;

	/* In the end of a test, which the asker has not outlived. */
	if (prompt->state == PROMPT_CANCELLED) {
		n_cancelled++;
		return;
	}
	asker->waiter = NULL;
	asker->state = (int)prompt->state;
	if (asker->drags != NULL)
		broker_leave(asker->broker, TAKE(asker->drags->waiter), 0);
	else if (asker->broker != NULL)
		assert_int_equal(broker_ask(&asker->waiter, asker->broker, ask_about(asker->scene),
		                            &terms, 0, on_answered, asker),
		                 BROKER_WAITS);
}

static enum broker_reply ask(struct desk *desk, struct asker *asker, uint64_t now_s) {
	asker->state = WAITING;
	return broker_ask(&asker->waiter, desk->broker, ask_about(&desk->scene), &terms,
	                  now_s * SECOND_NS, on_answered, asker);
}

/* The next question is about another host. */
static void ask_elsewhere(struct desk *desk, int number) {
	static char hosts[64][KEY_FINGERPRINT_SIZE];

	snprintf(hosts[number], sizeof(hosts[0]), "SHA256:host-%d", number);
	desk->scene.request.dest_key = hosts[number];
}

/* The next question comes from another login session and another shell. */
static void ask_as(struct desk *desk, char *cgroup, pid_t shell) {
	desk->scene.caller.cgroup = cgroup;
	desk->scene.ancestors[2].pid = shell;
	desk->scene.ancestors[2].start_ticks = (uint64_t)shell;
}

static void each_answer_reaches_whoever_waits(void **state) {
	struct desk *desk = *state;
	struct asker yes = {0}, no = {0}, late = {0};

	assert_int_equal(ask(desk, &yes, 0), BROKER_WAITS);
	ask_elsewhere(desk, 1);
	assert_int_equal(ask(desk, &no, 1), BROKER_WAITS);
	ask_elsewhere(desk, 2);
	assert_int_equal(ask(desk, &late, 2), BROKER_WAITS);
	assert_int_equal(broker_count(desk->broker), 3);
	assert_int_equal(broker_prompts(desk->broker)->id, 1);
	assert_int_equal(broker_due(desk->broker), 60 * SECOND_NS);

	assert_true(broker_grant(desk->broker, 1, CONFIRM_PIN, "control"));
	assert_int_equal(yes.state, PROMPT_GRANTED);
	assert_int_equal(no.state, WAITING);
	assert_true(broker_deny(desk->broker, 2, CONFIRM_PIN, "control", 0));
	assert_int_equal(no.state, PROMPT_DENIED);
	assert_int_equal(broker_tick(desk->broker, 61 * SECOND_NS), 62 * SECOND_NS);
	assert_int_equal(late.state, WAITING);
	assert_int_equal(broker_tick(desk->broker, 62 * SECOND_NS), 0);
	assert_int_equal(late.state, PROMPT_TIMED_OUT);
	/* An answer is good once, and a number for one question. */
	assert_false(broker_grant(desk->broker, 1, CONFIRM_PIN, "control"));
	assert_false(broker_deny(desk->broker, 3, CONFIRM_PIN, "control", 0));
	assert_false(broker_grant(desk->broker, 4, CONFIRM_PIN, "control"));
}

static void a_method_that_is_not_listed_cannot_say_yes(void **state) {
	struct desk *desk = *state;
	struct asker asker = {0};

	assert_int_equal(ask(desk, &asker, 0), BROKER_WAITS);
	assert_false(broker_grant(desk->broker, 1, CONFIRM_ASKPASS, NULL));
	assert_int_equal(asker.state, WAITING);
	assert_true(broker_grant(desk->broker, 1, CONFIRM_PIN, NULL));
}

static enum broker_reply ask_either(struct desk *desk, struct asker *asker) {
	asker->state = WAITING;
	return broker_ask(&asker->waiter, desk->broker,
	                  ask_by(&desk->scene, CONFIRM_TOUCH | CONFIRM_PIN), &terms, 0, on_answered,
	                  asker);
}

static void a_method_says_yes_in_its_turn_alone(void **state) {
	struct desk *desk = *state;
	struct asker asker = {0}, other = {0};
	struct touch_proof *proof = NULL;

	assert_int_equal(ask_either(desk, &asker), BROKER_WAITS);
	assert_false(broker_grant(desk->broker, 1, CONFIRM_PIN, "control"));
	/* That the PIN is of no use is nothing yet; that no key is there is. */
	broker_lack(desk->broker, CONFIRM_PIN, LACK_FAILED);
	assert_int_equal(desk->turned, 0);
	broker_lack(desk->broker, CONFIRM_TOUCH, LACK_NO_KEY);
	broker_lack(desk->broker, CONFIRM_TOUCH, LACK_NO_KEY);
	assert_int_equal(desk->turned, 1);
	assert_int_equal(turns_asks(&broker_find(desk->broker, 1)->turns), CONFIRM_PIN);
	/* Of another prompt, which has come since, nothing is known. */
	ask_elsewhere(desk, 1);
	assert_int_equal(ask_either(desk, &other), BROKER_WAITS);
	assert_false(broker_grant(desk->broker, 2, CONFIRM_PIN, "control"));
	broker_lack(desk->broker, CONFIRM_TOUCH, LACK_NONE);
	assert_int_equal(desk->turned, 1);
	assert_true(broker_grant(desk->broker, 1, CONFIRM_PIN, "control"));
	assert_int_equal(proof_new(&proof), 0);
	assert_true(broker_grant_proved(desk->broker, 2, "touch", proof));
	proof_unref(proof);
	assert_int_equal(other.state, PROMPT_GRANTED);
}

static void where_none_is_left_it_is_denied_if_that_is_meant(void **state) {
	struct desk *desk = *state;
	struct asker asker = {0}, other = {0};

	assert_int_equal(ask_either(desk, &asker), BROKER_WAITS);
	broker_spend(desk->broker, 1, CONFIRM_TOUCH, LACK_FAILED, "touch-failed", 0);
	assert_int_equal(desk->turned, 1);
	assert_int_equal(asker.state, WAITING);
	broker_spend(desk->broker, 1, CONFIRM_PIN, LACK_PIN_LOCKED, "pin-locked", 0);
	assert_int_equal(asker.state, PROMPT_DENIED);
	assert_int_equal(desk->turned, 1);
	ask_elsewhere(desk, 1);
	assert_int_equal(ask(desk, &other, 0), BROKER_WAITS);
	broker_spend(desk->broker, 2, CONFIRM_PIN, LACK_FAILED, NULL, 0);
	assert_int_equal(other.state, WAITING);
	assert_false(broker_grant(desk->broker, 2, CONFIRM_PIN, "control"));
	/* Anybody may say no, whoever's turn it is. */
	assert_true(broker_deny(desk->broker, 2, CONFIRM_PIN, "control", 0));
	broker_spend(desk->broker, 2, CONFIRM_PIN, LACK_FAILED, NULL, 0);
}

static void who_comes_after_the_seal_asks_anew(void **state) {
	struct desk *desk = *state;
	struct asker first = {0}, second = {0}, late = {0};
	char digests[PROOF_REQUESTS_MAX][DIGEST_HEX];
	struct touch_proof *proof = NULL;

	assert_int_equal(ask(desk, &first, 0), BROKER_WAITS);
	assert_int_equal(ask(desk, &second, 0), BROKER_WAITS);
	assert_int_equal(broker_count(desk->broker), 1);
	assert_int_equal(broker_seal(desk->broker, 1, digests, PROOF_REQUESTS_MAX), 2);
	assert_int_equal(ask(desk, &late, 0), BROKER_WAITS);
	assert_int_equal(broker_count(desk->broker), 2);
	/* Nor does a proof say yes where a touch is not asked for. */
	assert_int_equal(proof_new(&proof), 0);
	assert_false(broker_grant_proved(desk->broker, 1, "touch", proof));
	assert_int_equal(proof->references, 1);
	proof_unref(proof);
	assert_true(broker_grant(desk->broker, 1, CONFIRM_PIN, "control"));
	assert_int_equal(first.state, PROMPT_GRANTED);
	assert_int_equal(second.state, PROMPT_GRANTED);
	assert_int_equal(late.state, WAITING);
	assert_int_equal(broker_seal(desk->broker, 1, digests, PROOF_REQUESTS_MAX), 0);
}

static void one_yes_is_for_all_who_ask_the_same(void **state) {
	struct desk *desk = *state;
	struct asker askers[BROKER_WAITERS_MAX + 1] = {0};

	for (int i = 0; i < BROKER_WAITERS_MAX; i++)
		assert_int_equal(ask(desk, &askers[i], 0), BROKER_WAITS);
	assert_int_equal(ask(desk, &askers[BROKER_WAITERS_MAX], 0), BROKER_RATE_LIMITED);
	assert_int_equal(desk->opened, 1);
	/* The prompt stays for as long as anybody waits. */
	broker_leave(desk->broker, TAKE(askers[0].waiter), 0);
	assert_int_equal(broker_count(desk->broker), 1);
	assert_true(broker_grant(desk->broker, 1, CONFIRM_PIN, NULL));
	assert_int_equal(askers[0].state, WAITING);
	for (int i = 1; i < BROKER_WAITERS_MAX; i++)
		assert_int_equal(askers[i].state, PROMPT_GRANTED);
}

static void whoever_asks_after_the_answer_is_a_new_question(void **state) {
	struct desk *desk = *state;
	struct asker asker = {.broker = desk->broker, .scene = &desk->scene};
	struct asker again = {0};

	assert_int_equal(ask(desk, &asker, 0), BROKER_WAITS);
	/* From within the answer, too. */
	assert_true(broker_grant(desk->broker, 1, CONFIRM_PIN, NULL));
	assert_int_equal(asker.state, PROMPT_GRANTED);
	assert_non_null(asker.waiter);
	assert_int_equal(broker_prompts(desk->broker)->id, 2);
	assert_int_equal(ask(desk, &again, 0), BROKER_WAITS);
	asker.broker = NULL;
	assert_true(broker_deny(desk->broker, 2, CONFIRM_PIN, NULL, 0));
	assert_int_equal(again.state, PROMPT_DENIED);
}

static void whoever_is_told_may_take_another_one_along(void **state) {
	struct desk *desk = *state;
	struct asker first = {0}, second = {.broker = desk->broker, .drags = &first};

	assert_int_equal(ask(desk, &first, 0), BROKER_WAITS);
	assert_int_equal(ask(desk, &second, 0), BROKER_WAITS);
	assert_true(broker_grant(desk->broker, 1, CONFIRM_PIN, NULL));
	assert_int_equal(second.state, PROMPT_GRANTED);
	assert_int_equal(first.state, WAITING);
}

static void the_last_one_to_leave_ends_the_question(void **state) {
	struct desk *desk = *state;
	struct asker first = {0}, second = {0};

	assert_int_equal(ask(desk, &first, 0), BROKER_WAITS);
	assert_int_equal(ask(desk, &second, 0), BROKER_WAITS);
	broker_leave(desk->broker, TAKE(first.waiter), 0);
	assert_int_equal(desk->closed, 0);
	broker_leave(desk->broker, TAKE(second.waiter), 0);
	assert_int_equal(desk->closed, 1);
	assert_int_equal(broker_count(desk->broker), 0);
	assert_false(broker_grant(desk->broker, 1, CONFIRM_PIN, NULL));
	assert_int_equal(second.state, WAITING);
	broker_leave(desk->broker, NULL, 0);
}

static void one_question_too_many_is_refused_at_once(void **state) {
	struct desk *desk = *state;
	struct asker askers[5] = {0};

	for (int i = 0; i < 3; i++) {
		ask_elsewhere(desk, i);
		assert_int_equal(ask(desk, &askers[i], 0), BROKER_WAITS);
	}
	ask_elsewhere(desk, 3);
	assert_int_equal(ask(desk, &askers[3], 0), BROKER_RATE_LIMITED);
	assert_null(askers[3].waiter);
	/* What waits already may be joined, and a place that is free is given again. */
	ask_elsewhere(desk, 2);
	assert_int_equal(ask(desk, &askers[3], 0), BROKER_WAITS);
	assert_true(broker_deny(desk->broker, 1, CONFIRM_PIN, NULL, 0));
	ask_elsewhere(desk, 4);
	assert_int_equal(ask(desk, &askers[4], 0), BROKER_WAITS);
}

static void another_login_session_always_has_one_place(void **state) {
	static char other[] = "/u/session-4.scope", more[] = "/u/session-5.scope",
		    no_session[] = "";
	struct desk *desk = *state;
	struct asker askers[8] = {0};

	for (int i = 0; i < 3; i++) {
		ask_elsewhere(desk, i);
		assert_int_equal(ask(desk, &askers[i], 0), BROKER_WAITS);
	}
	ask_as(desk, other, 70);
	ask_elsewhere(desk, 3);
	assert_int_equal(ask(desk, &askers[3], 0), BROKER_WAITS);
	ask_elsewhere(desk, 4);
	assert_int_equal(ask(desk, &askers[4], 0), BROKER_RATE_LIMITED);
	ask_as(desk, no_session, 71);
	assert_int_equal(ask(desk, &askers[4], 0), BROKER_RATE_LIMITED);
	/* But groups can be made at will, so there is an end to it. */
	ask_as(desk, more, 72);
	assert_int_equal(ask(desk, &askers[5], 0), BROKER_WAITS);
	desk->scene.caller.cgroup = (char[]){"/u/session-6.scope"};
	ask_elsewhere(desk, 6);
	assert_int_equal(ask(desk, &askers[6], 0), BROKER_WAITS);
	desk->scene.caller.cgroup = (char[]){"/u/session-7.scope"};
	ask_elsewhere(desk, 7);
	assert_int_equal(ask(desk, &askers[7], 0), BROKER_RATE_LIMITED);
}

static void a_caller_that_nobody_answered_twice_is_not_asked_for(void **state) {
	struct desk *desk = *state;
	struct asker asker = {0};

	assert_int_equal(ask(desk, &asker, 0), BROKER_WAITS);
	broker_tick(desk->broker, 60 * SECOND_NS);
	assert_int_equal(ask(desk, &asker, 100), BROKER_WAITS);
	broker_tick(desk->broker, 160 * SECOND_NS);
	assert_int_equal(asker.state, PROMPT_TIMED_OUT);
	assert_int_equal(ask(desk, &asker, 161), BROKER_UNANSWERED);
	/* What is started by somebody else is. */
	ask_as(desk, desk->scene.caller.cgroup, 70);
	assert_int_equal(ask(desk, &asker, 161), BROKER_WAITS);
	broker_leave(desk->broker, TAKE(asker.waiter), 161 * SECOND_NS);
	ask_as(desk, desk->scene.caller.cgroup, 41);
	assert_int_equal(ask(desk, &asker, 459), BROKER_UNANSWERED);
	assert_int_equal(ask(desk, &asker, 460), BROKER_WAITS);
}

static void an_answer_in_between_begins_the_count_anew(void **state) {
	struct desk *desk = *state;
	struct asker asker = {0};

	for (uint64_t i = 0; i < 10; i++) {
		assert_int_equal(ask(desk, &asker, i * 200), BROKER_WAITS);
		broker_tick(desk->broker, (i * 200 + 60) * SECOND_NS);
		assert_int_equal(ask(desk, &asker, i * 200 + 100), BROKER_WAITS);
		assert_true(broker_grant(desk->broker, broker_prompts(desk->broker)->id,
		                         CONFIRM_PIN, NULL));
	}
}

static void new_callers_gain_nothing_where_nobody_is_there(void **state) {
	struct desk *desk = *state;
	struct asker asker = {0};

	for (int i = 0; i < UNANSWERED_ALL_MAX; i++) {
		ask_as(desk, desk->scene.caller.cgroup, 70 + i);
		assert_int_equal(ask(desk, &asker, 0), BROKER_WAITS);
		broker_tick(desk->broker, 60 * SECOND_NS);
	}
	ask_as(desk, desk->scene.caller.cgroup, 100);
	assert_int_equal(ask(desk, &asker, 61), BROKER_UNANSWERED);
	assert_int_equal(ask(desk, &asker, 360), BROKER_WAITS);
}

static void asking_and_leaving_again_and_again_ends(void **state) {
	struct desk *desk = *state;
	struct asker asker = {0};

	for (int i = 0; i < LEFT_MAX; i++) {
		assert_int_equal(ask(desk, &asker, 0), BROKER_WAITS);
		broker_leave(desk->broker, TAKE(asker.waiter), 0);
	}
	assert_int_equal(ask(desk, &asker, 1), BROKER_UNANSWERED);
	assert_int_equal(ask(desk, &asker, 300), BROKER_WAITS);
}

static void who_denies_its_own_questions_keeps_nobody_busy(void **state) {
	struct desk *desk = *state;
	struct asker asker = {0};

	for (uint64_t i = 0; i < LEFT_MAX; i++) {
		assert_int_equal(ask(desk, &asker, 0), BROKER_WAITS);
		assert_true(broker_deny(desk->broker, i + 1, 0, NULL, 0));
	}
	assert_int_equal(ask(desk, &asker, 1), BROKER_UNANSWERED);
	assert_int_equal(ask(desk, &asker, 300), BROKER_WAITS);
}

static void a_flood_of_callers_does_not_make_one_forgotten_that_is_paused(void **state) {
	struct desk *desk = *state;
	struct asker asker = {0};

	for (int i = 0; i < LEFT_MAX; i++) {
		assert_int_equal(ask(desk, &asker, 0), BROKER_WAITS);
		broker_leave(desk->broker, TAKE(asker.waiter), 0);
	}
	for (int i = 0; i < 200; i++) {
		ask_as(desk, desk->scene.caller.cgroup, 1000 + i);
		if (ask(desk, &asker, 1) == BROKER_WAITS)
			broker_leave(desk->broker, TAKE(asker.waiter), SECOND_NS);
	}
	ask_as(desk, desk->scene.caller.cgroup, 41);
	assert_int_equal(ask(desk, &asker, 2), BROKER_UNANSWERED);
}

/* A service has no starter that is known, and neither has a program in a container. */
static void who_is_unseen_and_floods_takes_no_question_from_a_service(void **state) {
	struct desk *desk = *state;
	struct asker asker = {0};
	struct caller service;

	desk->scene.caller.n_ancestors = 0;
	service = desk->scene.caller;
	desk->scene.caller = (struct caller){.state = CALLER_UNKNOWN, .uid = 1000};
	for (int i = 0; i < LEFT_MAX; i++) {
		assert_int_equal(ask(desk, &asker, 0), BROKER_WAITS);
		broker_leave(desk->broker, TAKE(asker.waiter), 0);
	}
	assert_int_equal(ask(desk, &asker, 1), BROKER_UNANSWERED);
	desk->scene.caller = service;
	assert_int_equal(ask(desk, &asker, 1), BROKER_WAITS);
}

static void the_end_of_the_guard_cancels_what_waits(void **state) {
	struct desk *desk = *state;
	struct asker asker = {0};

	assert_int_equal(ask(desk, &asker, 0), BROKER_WAITS);
	n_cancelled = 0;
	broker_free(TAKE(desk->broker));
	assert_int_equal(n_cancelled, 1);
	broker_free(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(each_answer_reaches_whoever_waits),
		TEST(a_method_that_is_not_listed_cannot_say_yes),
		TEST(a_method_says_yes_in_its_turn_alone),
		TEST(where_none_is_left_it_is_denied_if_that_is_meant),
		TEST(who_comes_after_the_seal_asks_anew),
		TEST(one_yes_is_for_all_who_ask_the_same),
		TEST(whoever_asks_after_the_answer_is_a_new_question),
		TEST(whoever_is_told_may_take_another_one_along),
		TEST(the_last_one_to_leave_ends_the_question),
		TEST(one_question_too_many_is_refused_at_once),
		TEST(another_login_session_always_has_one_place),
		TEST(a_caller_that_nobody_answered_twice_is_not_asked_for),
		TEST(an_answer_in_between_begins_the_count_anew),
		TEST(new_callers_gain_nothing_where_nobody_is_there),
		TEST(asking_and_leaving_again_and_again_ends),
		TEST(who_denies_its_own_questions_keeps_nobody_busy),
		TEST(a_flood_of_callers_does_not_make_one_forgotten_that_is_paused),
		TEST(who_is_unseen_and_floods_takes_no_question_from_a_service),
		TEST(the_end_of_the_guard_cancels_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
