/* What is remembered, for whom, and for how long. */
#include "confirm/fixture.h"

#include <errno.h>

#include "children.h"
#include "confirm/grants.h"
#include "platform/platform.h"

static void free_grants(struct grants **grants) {
	grants_free(*grants);
}

static struct grants *no_grants(void) {
	struct grants *grants = NULL;

	assert_int_equal(grants_new(&grants), 0);
	return grants;
}

static uint64_t add(struct grants *grants, const struct question *question, uint64_t prompt,
                    int starter) {
	struct grant_watch watch = {.starter = starter, .session = -1};
	uint64_t id = 77;

	assert_int_equal(
		grants_add(&id, grants, question, prompt, CONFIRM_PIN, &watch, 0, 5 * SECOND_NS),
		0);
	grant_watch_close(&watch);
	return id;
}

static void a_yes_holds_for_its_time_and_no_longer(void **state) {
	CLEANUP(free_grants) struct grants *grants = no_grants();
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.terms.scope = SCOPE_EXE;
	CLEANUP(free_question) struct question *question = ask_about(&scene);

	assert_null(grants_find(grants, question, 5 * SECOND_NS));
	assert_int_equal(add(grants, question, 1, -1), 1);
	assert_int_equal(grants_find(grants, question, 604 * SECOND_NS)->id, 1);
	assert_null(grants_find(grants, question, 605 * SECOND_NS));
	assert_null(grants_next(grants, NULL, 605 * SECOND_NS));
}

static void a_yes_ends_with_the_process_of_its_scope(void **state) {
	CLEANUP(free_grants) struct grants *grants = no_grants();
	struct scene scene;
	pid_t shell = fork_child();
	int watch = -1;

	(void)state;
	if (shell == 0)
		wait_forever();
	scene_init(&scene);
	scene.ancestors[2].pid = shell;
	CLEANUP(free_question) struct question *question = ask_about(&scene);

	{
		struct grant_watch opened;

		assert_int_equal(grant_watch_open(&opened, question), 0);
		assert_int_equal(opened.session, -1);
		watch = opened.starter;
	}
	assert_int_equal(add(grants, question, 1, watch), 1);
	assert_non_null(grants_find(grants, question, 6 * SECOND_NS));
	end_child(shell);
	assert_null(grants_find(grants, question, 6 * SECOND_NS));
	{
		struct grant_watch gone;

		assert_int_equal(grant_watch_open(&gone, question), -ESRCH);
	}
}

static void without_a_watch_on_its_process_nothing_is_remembered(void **state) {
	CLEANUP(free_grants) struct grants *grants = no_grants();
	struct scene scene;

	(void)state;
	scene_init(&scene);
	CLEANUP(free_question) struct question *question = ask_about(&scene);

	assert_int_equal(add(grants, question, 1, -1), 0);
	assert_null(grants_find(grants, question, 6 * SECOND_NS));
}

static void nothing_is_remembered_where_it_must_not_be(void **state) {
	CLEANUP(free_grants) struct grants *grants = no_grants();
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.terms.scope = SCOPE_EXE;
	scene.caller.integrity = INTEGRITY_TRACED;
	CLEANUP(free_question) struct question *question = ask_about(&scene);

	assert_int_equal(add(grants, question, 1, -1), 0);
}

static void a_grant_helps_no_other_request_and_no_stricter_method(void **state) {
	CLEANUP(free_grants) struct grants *grants = no_grants();
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.terms.scope = SCOPE_EXE;
	CLEANUP(free_question) struct question *question = ask_about(&scene);

	assert_int_equal(add(grants, question, 1, -1), 1);
	scene.payload.login.user = bytes_of_text("root");
	CLEANUP(free_question) struct question *other = ask_about(&scene);

	assert_null(grants_find(grants, other, 6 * SECOND_NS));
	question->methods = CONFIRM_ASKPASS;
	assert_null(grants_find(grants, question, 6 * SECOND_NS));
}

static void a_grant_is_no_answer_to_stricter_terms(void **state) {
	CLEANUP(free_grants) struct grants *grants = no_grants();
	struct grant_watch watch = GRANT_WATCH_NONE;
	struct scene scene;
	uint64_t id;

	(void)state;
	scene_init(&scene);
	scene.terms.scope = SCOPE_EXE;
	CLEANUP(free_question) struct question *question = ask_by(&scene, CONFIRM_TOUCH);

	assert_int_equal(
		grants_add(&id, grants, question, 1, CONFIRM_TOUCH, &watch, 0, 5 * SECOND_NS), 0);
	assert_non_null(grants_find(grants, question, 64 * SECOND_NS));
	/* As the system floor says of some of its requests: for a minute, with the key's PIN, or
	 * where it was given. */
	scene.terms.remember_s = 60;
	CLEANUP(free_question) struct question *shorter = ask_by(&scene, CONFIRM_TOUCH);

	assert_non_null(grants_find(grants, shorter, 64 * SECOND_NS));
	assert_null(grants_find(grants, shorter, 65 * SECOND_NS));
	scene.terms.remember_s = 600;
	scene.terms.pin = true;
	CLEANUP(free_question) struct question *with_pin = ask_by(&scene, CONFIRM_TOUCH);

	assert_null(grants_find(grants, with_pin, 64 * SECOND_NS));
	scene.terms.pin = false;
	scene.terms.scope |= SCOPE_CWD;
	scene.caller.cwd = (char[]){"/tmp"};
	CLEANUP(free_question) struct question *elsewhere = ask_by(&scene, CONFIRM_TOUCH);

	assert_null(grants_find(grants, elsewhere, 64 * SECOND_NS));
	assert_non_null(grants_find(grants, question, 65 * SECOND_NS));
}

static void requests_of_one_prompt_share_its_grant(void **state) {
	CLEANUP(free_grants) struct grants *grants = no_grants();
	const struct grant *grant;
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.terms.scope = SCOPE_EXE;
	CLEANUP(free_question) struct question *question = ask_about(&scene);

	assert_int_equal(add(grants, question, 7, -1), 1);
	assert_int_equal(add(grants, question, 7, -1), 1);
	assert_int_equal(add(grants, question, 8, -1), 2);
	grant = grants_next(grants, NULL, 6 * SECOND_NS);
	assert_int_equal(grant->id, 1);
	grant = grants_next(grants, grant, 6 * SECOND_NS);
	assert_int_equal(grant->id, 2);
	assert_null(grants_next(grants, grant, 6 * SECOND_NS));
}

static void what_is_revoked_is_asked_again(void **state) {
	CLEANUP(free_grants) struct grants *grants = no_grants();
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.terms.scope = SCOPE_EXE;
	CLEANUP(free_question) struct question *question = ask_about(&scene);

	add(grants, question, 1, -1);
	assert_true(grants_revoke(grants, 1));
	assert_false(grants_revoke(grants, 1));
	assert_null(grants_find(grants, question, 6 * SECOND_NS));
	add(grants, question, 2, -1);
	add(grants, question, 3, -1);
	assert_int_equal(grants_revoke_all(grants), 2);
	assert_null(grants_find(grants, question, 6 * SECOND_NS));
}

static void a_sleep_of_the_machine_ends_what_was_given_before(void **state) {
	CLEANUP(free_grants) struct grants *grants = no_grants();
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.terms.scope = SCOPE_EXE;
	CLEANUP(free_question) struct question *question = ask_about(&scene);

	/* It has slept before, too. */
	assert_false(grants_slept(grants, 3600 * SECOND_NS));
	assert_int_equal(add(grants, question, 1, -1), 1);
	/* The clocks are not read at the same time. */
	assert_false(grants_slept(grants, 3600 * SECOND_NS + 1000000));
	assert_false(grants_slept(grants, 3600 * SECOND_NS - 1000000));
	assert_non_null(grants_find(grants, question, 6 * SECOND_NS));
	assert_true(grants_slept(grants, 3602 * SECOND_NS));
	assert_null(grants_find(grants, question, 6 * SECOND_NS));
	assert_int_equal(add(grants, question, 2, -1), 2);
	assert_false(grants_slept(grants, 3602 * SECOND_NS));
	assert_non_null(grants_find(grants, question, 6 * SECOND_NS));
}

static void there_is_an_end_to_grants(void **state) {
	CLEANUP(free_grants) struct grants *grants = no_grants();
	struct grant_watch watch = GRANT_WATCH_NONE;
	struct scene scene;
	uint64_t id;

	(void)state;
	scene_init(&scene);
	scene.terms.scope = SCOPE_EXE;
	CLEANUP(free_question) struct question *question = ask_about(&scene);

	for (uint64_t i = 0; i < GRANTS_MAX; i++)
		assert_int_equal(add(grants, question, i + 1, -1), i + 1);
	assert_int_equal(grants_add(&id, grants, question, 9999, CONFIRM_PIN, &watch, 0, 0),
	                 -ENOSPC);
	assert_int_equal(id, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_yes_holds_for_its_time_and_no_longer),
		cmocka_unit_test(a_yes_ends_with_the_process_of_its_scope),
		cmocka_unit_test(without_a_watch_on_its_process_nothing_is_remembered),
		cmocka_unit_test(nothing_is_remembered_where_it_must_not_be),
		cmocka_unit_test(a_grant_helps_no_other_request_and_no_stricter_method),
		cmocka_unit_test(a_grant_is_no_answer_to_stricter_terms),
		cmocka_unit_test(requests_of_one_prompt_share_its_grant),
		cmocka_unit_test(what_is_revoked_is_asked_again),
		cmocka_unit_test(a_sleep_of_the_machine_ends_what_was_given_before),
		cmocka_unit_test(there_is_an_end_to_grants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
