/* Refusals of one kind are counted; nothing else is, and none is lost. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "agent/repeats.h"

#define SECOND UINT64_C(1000000000)

static struct repeats *new_repeats(void) {
	struct repeats *repeats = NULL;

	assert_int_equal(repeats_new(&repeats), 0);
	return repeats;
}

static struct event refusal(const struct request *request) {
	return (struct event){.real_us = 1000,
	                      .trigger = "sign",
	                      .decision = "deny",
	                      .rule = "r",
	                      .config_sha256 = "aa",
	                      .request = request};
}

static void the_first_are_told_and_the_rest_is_counted(void **state) {
	const struct caller caller = {.process = {.exe = (char[]){"/bin/a"}}};
	const struct request request = {.caller = &caller, .endpoint = "default"};
	struct event event = refusal(&request), told;
	struct repeats *repeats = new_repeats();

	(void)state;
	assert_int_equal(repeats_due_ns(repeats), 0);
	for (int i = 0; i < REPEATS_WHOLE; i++)
		assert_true(repeats_tell(repeats, &event, SECOND));
	for (int i = 0; i < 997; i++, event.real_us++)
		assert_false(repeats_tell(repeats, &event, 2 * SECOND));
	assert_int_equal(repeats_due_ns(repeats), SECOND + REPEATS_WINDOW_NS);
	assert_false(repeats_next(&told, repeats, SECOND + REPEATS_WINDOW_NS - 1));
	assert_true(repeats_next(&told, repeats, SECOND + REPEATS_WINDOW_NS));
	assert_int_equal(told.repeat->count, 997);
	assert_int_equal(told.repeat->first_us, 1000);
	assert_int_equal(told.repeat->last_us, 1996);
	assert_string_equal(told.repeat->exe, "/bin/a");
	assert_string_equal(told.repeat->endpoint, "default");
	assert_string_equal(told.rule, "r");
	assert_null(told.reason);
	/* Until it is written it is there, and one more is counted. */
	assert_false(repeats_tell(repeats, &event, 30 * SECOND));
	assert_true(repeats_next(&told, repeats, UINT64_MAX));
	assert_int_equal(told.repeat->count, 998);
	repeats_told(repeats);
	assert_false(repeats_next(&told, repeats, UINT64_MAX));
	assert_true(repeats_tell(repeats, &event, 31 * SECOND));
	repeats_free(repeats);
}

static void what_differs_is_another_kind(void **state) {
	const struct caller callers[] = {{.process = {.exe = (char[]){"/bin/a"}}},
	                                 {.process = {.exe = (char[]){"/bin/b"}}},
	                                 {.process = {.exe = NULL}}};
	struct request request = {.caller = &callers[0], .endpoint = "default"};
	struct event event = refusal(&request);
	struct repeats *repeats = new_repeats();

	(void)state;
	for (int i = 0; i < REPEATS_WHOLE; i++)
		assert_true(repeats_tell(repeats, &event, SECOND));
	assert_false(repeats_tell(repeats, &event, SECOND));
	request.caller = &callers[1];
	assert_true(repeats_tell(repeats, &event, SECOND));
	request.caller = &callers[2];
	assert_true(repeats_tell(repeats, &event, SECOND));
	request.caller = &callers[0];
	event.rule = "s";
	assert_true(repeats_tell(repeats, &event, SECOND));
	event.rule = "r";
	event.reason = "panic";
	assert_true(repeats_tell(repeats, &event, SECOND));
	event.reason = NULL;
	event.config_sha256 = "bb";
	assert_true(repeats_tell(repeats, &event, SECOND));
	event.config_sha256 = "aa";
	request.dest_key = "SHA256:host";
	assert_true(repeats_tell(repeats, &event, SECOND));
	request.dest_key = NULL;
	strcpy(request.key.fingerprint, "SHA256:key");
	assert_true(repeats_tell(repeats, &event, SECOND));
	request.key.fingerprint[0] = '\0';
	assert_false(repeats_tell(repeats, &event, SECOND));
	repeats_free(repeats);
}

static void signatures_confirmations_and_changes_are_always_told(void **state) {
	const struct caller caller = {0};
	const struct request request = {.caller = &caller};
	const struct event events[] = {
		{.trigger = "sign", .decision = "allow", .outcome = "success", .request = &request},
		{.trigger = "sign", .decision = "allow", .outcome = "failure", .request = &request},
		{.trigger = "sign", .decision = "confirmed", .request = &request},
		{.trigger = "sign",
	         .decision = "confirm-denied",
	         .reason = "denied",
	         .request = &request},
		{.trigger = "sign",
	         .decision = "confirm-denied",
	         .reason = "timeout",
	         .request = &request},
		{.trigger = "remove-all", .decision = "allow", .request = &request},
		{.trigger = "start"},
		{.trigger = "pin-wrong"},
	};
	struct repeats *repeats = new_repeats();

	(void)state;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		for (int times = 0; times < 100; times++)
			assert_true(repeats_tell(repeats, &events[i], SECOND));
	assert_int_equal(repeats_due_ns(repeats), 0);
	repeats_free(repeats);
}

static void kinds_beyond_all_room_are_counted_together_and_none_is_lost(void **state) {
	char exe[32];
	const struct caller caller = {.process = {.exe = exe}};
	const struct request request = {.caller = &caller};
	struct event event = refusal(&request), told;
	struct repeats *repeats = new_repeats();
	uint64_t asked = 0, whole = 0, counted = 0;
	size_t documents = 0;

	(void)state;
	for (int kind = 0; kind < 1000; kind++)
		for (int times = 0; times < 40; times++, asked++) {
			snprintf(exe, sizeof(exe), "/tmp/copy-%d", kind);
			whole += repeats_tell(repeats, &event, SECOND);
		}
	assert_int_equal(whole, REPEATS_WHOLE_ALL);
	for (; repeats_next(&told, repeats, UINT64_MAX); repeats_told(repeats), documents++) {
		counted += told.repeat->count;
		assert_int_equal(strcmp(told.trigger, "refusals") == 0,
		                 documents == REPEATS_KINDS_MAX);
	}
	assert_int_equal(documents, REPEATS_KINDS_MAX + 1);
	assert_int_equal(whole + counted, asked);
	repeats_free(repeats);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_are_told_and_the_rest_is_counted),
		cmocka_unit_test(what_differs_is_another_kind),
		cmocka_unit_test(signatures_confirmations_and_changes_are_always_told),
		cmocka_unit_test(kinds_beyond_all_room_are_counted_together_and_none_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
