/* The helper for security keys, with keys in software, and what the guard makes of its replies. */
#include "unit.h"

#include <stdbool.h>

#include "confirm/touch.h"
#include "softkey_child.h"

#define DEADLINE_S 60.

static char directory[] = "/tmp/touch-XXXXXX";

struct heard {
	struct ev_loop *loop;
	ev_timer deadline;
	struct touch *touch;
	enum touch_note notes[32];
	size_t n_notes;
	bool replied, ended, too_late;
	enum touch_reply_kind kind;
	enum touch_failure failure;
	uint32_t retries, counter;
	struct enrolled_key made;
	enum assertion_fault fault;
	/* To be checked with. */
	const struct touch_request *request;
	struct enrolled_key *key;
	bool verified;
	/* Once a note of that kind has come, the loop is left. */
	bool break_at_note;
	enum touch_note note;
};

static void on_replied(void *data, const struct touch_reply *reply) {
	struct heard *heard = data;

	if (reply->kind == TOUCH_NOTE) {
		assert_true(heard->n_notes < 32);
		heard->notes[heard->n_notes++] = reply->note;
		if (heard->break_at_note && reply->note == heard->note)
			ev_break(heard->loop, EVBREAK_ONE);
		return;
	}
	assert_false(heard->replied);
	heard->replied = true;
	heard->kind = reply->kind;
	heard->failure = reply->failure;
	heard->retries = reply->retries;
	if (reply->kind == TOUCH_MADE) {
		memcpy(heard->made.id, reply->id.data, reply->id.len);
		heard->made.id_len = reply->id.len;
		heard->made.verifies = reply->verified;
		memcpy(heard->made.point, reply->point.data, POINT_LEN);
	} else if (reply->kind == TOUCH_SIGNED) {
		const struct assertion assertion = {reply->auth_data, reply->signature};
		const struct assertion_demand demand = {heard->request->challenge,
		                                        heard->key->point, heard->verified,
		                                        heard->key->counter};

		assert_true(
			bytes_equal(reply->id, (struct bytes){heard->key->id, heard->key->id_len}));
		heard->fault = assertion_check(&heard->counter, &assertion, &demand);
	}
}

static void on_ended(void *data) {
	struct heard *heard = data;

	heard->ended = true;
	heard->touch = NULL;
	ev_break(heard->loop, EVBREAK_ONE);
}

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct heard *heard = watcher->data;

	(void)revents;
	heard->too_late = true;
	ev_break(loop, EVBREAK_ALL);
}

static void run(struct heard *heard) {
	ev_timer_init(&heard->deadline, on_deadline, DEADLINE_S, 0.);
	heard->deadline.data = heard;
	ev_now_update(heard->loop);
	ev_timer_start(heard->loop, &heard->deadline);
	ev_run(heard->loop, 0);
	ev_timer_stop(heard->loop, &heard->deadline);
	assert_false(heard->too_late);
}

static void start(struct heard *heard, const struct touch_request *request, const char *pin) {
	const struct touch_calls calls = {on_replied, on_ended, heard};

	heard->loop = ev_default_loop(0);
	heard->request = request;
	assert_int_equal(touch_start(&heard->touch, heard->loop, request, pin, &calls), 0);
}

/* Runs until the touch has ended. */
static void touch(struct heard *heard, const struct touch_request *request, const char *pin) {
	start(heard, request, pin);
	run(heard);
	assert_true(heard->ended);
}

static void run_to_note(struct heard *heard, enum touch_note note) {
	heard->break_at_note = true;
	heard->note = note;
	run(heard);
	heard->break_at_note = false;
	assert_false(heard->ended);
}

static void softkey(struct softkey_child *child, const char *name, struct softkey_options options) {
	sha256(options.secret, bytes_of_text(name));
	options.ctap21 = true;
	softkey_start(child, directory, name, options);
	softkey_wait(child, "ready");
}

static void plug(const char *paths[], size_t count) {
	char text[512] = "";

	for (size_t i = 0; i < count; i++) {
		strcat(text, i > 0 ? ",ctaphid+unix:" : "ctaphid+unix:");
		strcat(text, paths[i]);
	}
	setenv("SSH_AGENT_GUARD_SOFTKEYS", text, 1);
}

static struct enrolled_key enrol(const struct softkey_child *child, const char *pin) {
	const struct touch_request request = {.task = TOUCH_MAKE};
	struct heard heard = {0};

	plug((const char *[]){child->path}, 1);
	softkey_say(child, "touch");
	touch(&heard, &request, pin);
	assert_true(heard.replied);
	assert_int_equal(heard.kind, TOUCH_MADE);
	assert_true(point_is_valid(heard.made.point));
	assert_int_equal(heard.made.verifies, pin != NULL);
	return heard.made;
}

static struct touch_request request_for(const struct enrolled_key *keys, size_t count) {
	struct touch_request request = {.task = TOUCH_GET, .n_credentials = count};

	memset(request.challenge, 3, sizeof(request.challenge));
	for (size_t i = 0; i < count; i++)
		request.credentials[i] = (struct bytes){keys[i].id, keys[i].id_len};
	return request;
}

/* One that is enrolled, and what is asked of it. */
static void enrolled_softkey(struct softkey_child *child, struct enrolled_key *key,
                             struct touch_request *request) {
	softkey(child, "one", (struct softkey_options){0});
	*key = enrol(child, NULL);
	*request = request_for(key, 1);
}

static void assert_failed(const struct heard *heard, enum touch_failure failure) {
	assert_int_equal(heard->kind, TOUCH_FAILED);
	assert_int_equal(heard->failure, failure);
}

static void a_touch_is_a_good_assertion_of_the_key(void **state) {
	struct softkey_child child;
	struct enrolled_key key;
	struct touch_request request;
	struct heard heard = {0};

	(void)state;
	enrolled_softkey(&child, &key, &request);
	heard.key = &key;
	start(&heard, &request, NULL);
	softkey_wait(&child, "waiting get");
	softkey_say(&child, "touch");
	run(&heard);
	assert_int_equal(heard.kind, TOUCH_SIGNED);
	assert_int_equal(heard.fault, ASSERTION_GOOD);
	assert_true(heard.counter > 0);
	softkey_end(&child);
}

static void the_same_key_is_not_enrolled_twice(void **state) {
	struct softkey_child child;
	struct enrolled_key key;
	struct touch_request request;
	struct heard heard = {0};

	(void)state;
	enrolled_softkey(&child, &key, &request);
	request.task = TOUCH_MAKE;
	touch(&heard, &request, NULL);
	assert_failed(&heard, TOUCH_ENROLLED);
	softkey_end(&child);
}

static void any_of_several_keys_may_answer_and_the_other_is_called_off(void **state) {
	struct softkey_child first, second;
	struct enrolled_key keys[2];
	struct touch_request request;
	struct heard heard = {0};

	(void)state;
	softkey(&first, "first", (struct softkey_options){0});
	softkey(&second, "second", (struct softkey_options){0});
	keys[0] = enrol(&first, NULL);
	keys[1] = enrol(&second, NULL);
	plug((const char *[]){first.path, second.path}, 2);
	request = request_for(keys, 2);
	heard.key = &keys[1];
	start(&heard, &request, NULL);
	softkey_wait(&first, "waiting get");
	softkey_wait(&second, "waiting get");
	softkey_say(&second, "touch");
	run(&heard);
	assert_int_equal(heard.kind, TOUCH_SIGNED);
	assert_int_equal(heard.fault, ASSERTION_GOOD);
	softkey_wait(&first, "cancelled");
	softkey_end(&first);
	softkey_end(&second);
}

static void a_key_that_is_plugged_in_while_waiting_is_found(void **state) {
	struct softkey_child child, stranger;
	struct enrolled_key key;
	struct touch_request request;
	struct heard heard = {0};

	(void)state;
	softkey(&child, "one", (struct softkey_options){0});
	softkey(&stranger, "stranger", (struct softkey_options){0});
	key = enrol(&child, NULL);
	softkey_say(&child, "vanish");
	softkey_wait(&child, "gone");
	plug((const char *[]){stranger.path, child.path}, 2);
	request = request_for(&key, 1);
	heard.key = &key;
	start(&heard, &request, NULL);
	run_to_note(&heard, TOUCH_NOTE_NO_KEY);
	softkey_say(&child, "appear");
	softkey_wait(&child, "waiting get");
	/* And pulled out, and in again. */
	softkey_say(&child, "vanish");
	run_to_note(&heard, TOUCH_NOTE_GONE);
	softkey_say(&child, "appear");
	softkey_wait(&child, "waiting get");
	softkey_say(&child, "touch");
	run(&heard);
	assert_int_equal(heard.kind, TOUCH_SIGNED);
	assert_int_equal(heard.fault, ASSERTION_GOOD);
	softkey_end(&stranger);
	softkey_end(&child);
}

static void only_the_last_one_that_leaves_is_missed(void **state) {
	struct softkey_child one, two;
	struct enrolled_key keys[2];
	struct touch_request request;
	struct heard heard = {0};

	(void)state;
	softkey(&one, "one", (struct softkey_options){0});
	softkey(&two, "two", (struct softkey_options){0});
	keys[0] = enrol(&one, NULL);
	keys[1] = enrol(&two, NULL);
	plug((const char *[]){one.path, two.path}, 2);
	request = request_for(keys, 2);
	heard.key = &keys[1];
	start(&heard, &request, NULL);
	softkey_wait(&one, "waiting get");
	softkey_wait(&two, "waiting get");
	softkey_say(&one, "vanish");
	softkey_wait(&one, "gone");
	softkey_say(&two, "vanish");
	softkey_wait(&two, "gone");
	run_to_note(&heard, TOUCH_NOTE_GONE);
	/* Once, and nothing that says so came before. */
	assert_int_equal(heard.n_notes, 2);
	assert_int_equal(heard.notes[0], TOUCH_NOTE_READY);
	softkey_say(&two, "appear");
	softkey_wait(&two, "waiting get");
	softkey_say(&two, "touch");
	run(&heard);
	assert_int_equal(heard.kind, TOUCH_SIGNED);
	softkey_end(&one);
	softkey_end(&two);
}

static void one_that_makes_no_sense_is_told_from_none(void **state) {
	struct softkey_child child;
	struct enrolled_key key;
	struct touch_request request;
	struct heard heard = {0};

	(void)state;
	softkey(&child, "one", (struct softkey_options){0});
	key = enrol(&child, NULL);
	softkey_say(&child, "lie garbage");
	plug((const char *[]){child.path}, 1);
	request = request_for(&key, 1);
	heard.key = &key;
	start(&heard, &request, NULL);
	softkey_wait(&child, "waiting get");
	softkey_say(&child, "touch");
	run_to_note(&heard, TOUCH_NOTE_NO_USE);
	touch_free(heard.touch);
	softkey_end(&child);
}

static void the_pin_is_checked_by_the_key(void **state) {
	static const char *const pins[] = {"54321", "54321", "54321", "12345"};
	static const enum touch_failure failures[] = {TOUCH_WRONG_PIN, TOUCH_WRONG_PIN,
	                                              TOUCH_PIN_PAUSED, TOUCH_PIN_PAUSED};
	struct softkey_child child;
	struct enrolled_key key;
	struct touch_request request;
	struct heard heard;

	(void)state;
	softkey(&child, "one", (struct softkey_options){.pin = "12345"});
	key = enrol(&child, "12345");
	request = request_for(&key, 1);
	heard = (struct heard){.key = &key, .verified = true};
	softkey_say(&child, "touch");
	touch(&heard, &request, "12345");
	assert_int_equal(heard.kind, TOUCH_SIGNED);
	assert_int_equal(heard.fault, ASSERTION_GOOD);
	for (size_t i = 0; i < 4; i++) {
		heard = (struct heard){.key = &key};
		touch(&heard, &request, pins[i]);
		assert_int_equal(heard.kind, TOUCH_FAILED);
		assert_int_equal(heard.failure, failures[i]);
		if (failures[i] == TOUCH_WRONG_PIN)
			assert_int_equal(heard.retries, 7 - i);
	}
	softkey_end(&child);
}

static void a_pin_is_given_to_one_key_alone(void **state) {
	struct softkey_child first, second, plain;
	struct enrolled_key keys[3];
	struct touch_request request;
	struct heard heard = {0};

	(void)state;
	softkey(&first, "first", (struct softkey_options){.pin = "12345"});
	softkey(&second, "second", (struct softkey_options){.pin = "67890"});
	softkey(&plain, "plain", (struct softkey_options){0});
	keys[0] = enrol(&first, "12345");
	keys[1] = enrol(&second, "67890");
	keys[2] = enrol(&plain, NULL);
	request = request_for(keys, 3);
	plug((const char *[]){first.path, second.path}, 2);
	touch(&heard, &request, "12345");
	assert_int_equal(heard.failure, TOUCH_SEVERAL);
	heard = (struct heard){0};
	plug((const char *[]){plain.path}, 1);
	touch(&heard, &request, "12345");
	assert_int_equal(heard.failure, TOUCH_PIN_NOT_SET);
	heard = (struct heard){0};
	plug(NULL, 0);
	touch(&heard, &request, "12345");
	assert_int_equal(heard.failure, TOUCH_NO_KEY);
	softkey_end(&first);
	softkey_end(&second);
	softkey_end(&plain);
}

static void a_refusal_on_the_key_is_told(void **state) {
	struct softkey_child child;
	struct enrolled_key key;
	struct touch_request request;
	struct heard heard = {0};

	(void)state;
	enrolled_softkey(&child, &key, &request);
	softkey_say(&child, "refuse");
	touch(&heard, &request, NULL);
	assert_failed(&heard, TOUCH_REFUSED);
	softkey_end(&child);
}

static void whoever_lies_on_the_way_is_found_out(void **state) {
	static const struct {
		const char *lie;
		enum assertion_fault fault;
	} lies[] = {
		{"lie self", ASSERTION_BAD_SIGNATURE},
		{"lie hash", ASSERTION_BAD_SIGNATURE},
		{"lie rp", ASSERTION_OTHER_PARTY},
		{"lie no-touch", ASSERTION_NOT_TOUCHED},
	};
	struct softkey_child child;
	struct enrolled_key key;
	struct touch_request request;
	struct heard heard;

	(void)state;
	enrolled_softkey(&child, &key, &request);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		heard = (struct heard){.key = &key};
		softkey_say(&child, lies[i].lie);
		softkey_say(&child, "touch");
		touch(&heard, &request, NULL);
		/* libfido2 finds some of them itself. */
		if (heard.kind == TOUCH_SIGNED)
			assert_int_equal(heard.fault, lies[i].fault);
	}
	/* One of before, for what is asked now. */
	heard = (struct heard){.key = &key};
	softkey_say(&child, "lie");
	softkey_say(&child, "touch");
	touch(&heard, &request, NULL);
	assert_int_equal(heard.fault, ASSERTION_GOOD);
	heard = (struct heard){.key = &key};
	softkey_say(&child, "lie replay");
	softkey_say(&child, "touch");
	request.challenge[0]++;
	touch(&heard, &request, NULL);
	assert_int_equal(heard.kind, TOUCH_SIGNED);
	assert_int_equal(heard.fault, ASSERTION_BAD_SIGNATURE);
	softkey_end(&child);
}

static void a_device_that_makes_no_sense_keeps_no_other_from_answering(void **state) {
	static const char *const lies[] = {"lie garbage", "lie big"};
	struct softkey_child child, odd;
	struct enrolled_key keys[2];
	struct touch_request request;

	(void)state;
	softkey(&child, "one", (struct softkey_options){0});
	softkey(&odd, "odd", (struct softkey_options){0});
	keys[0] = enrol(&child, NULL);
	keys[1] = enrol(&odd, NULL);
	request = request_for(keys, 2);
	plug((const char *[]){odd.path, child.path}, 2);
	for (size_t i = 0; i < 2; i++) {
		struct heard heard = {.key = &keys[0]};

		softkey_say(&odd, lies[i]);
		softkey_say(&odd, "touch");
		start(&heard, &request, NULL);
		softkey_wait(&odd, "lied");
		softkey_wait(&child, "waiting get");
		softkey_say(&child, "touch");
		run(&heard);
		assert_int_equal(heard.kind, TOUCH_SIGNED);
		assert_int_equal(heard.fault, ASSERTION_GOOD);
		keys[0].counter = heard.counter;
	}
	softkey_end(&child);
	softkey_end(&odd);
}

static void one_that_is_called_off_ends_and_the_key_blinks_no_more(void **state) {
	struct softkey_child child;
	struct enrolled_key key;
	struct touch_request request;
	struct heard heard = {0};

	(void)state;
	enrolled_softkey(&child, &key, &request);
	start(&heard, &request, NULL);
	run_to_note(&heard, TOUCH_NOTE_READY);
	softkey_wait(&child, "waiting get");
	touch_stop(heard.touch);
	run(&heard);
	assert_true(heard.ended);
	assert_false(heard.replied);
	softkey_wait(&child, "cancelled");
	/* At once, too. */
	heard = (struct heard){0};
	start(&heard, &request, NULL);
	touch_free(heard.touch);
	assert_false(heard.ended);
	softkey_end(&child);
}

static int set_up(void **state) {
	(void)state;
	return mkdtemp(directory) != NULL ? 0 : -1;
}

static int tear_down(void **state) {
	(void)state;
	return rmdir(directory);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_touch_is_a_good_assertion_of_the_key),
		cmocka_unit_test(the_same_key_is_not_enrolled_twice),
		cmocka_unit_test(any_of_several_keys_may_answer_and_the_other_is_called_off),
		cmocka_unit_test(a_key_that_is_plugged_in_while_waiting_is_found),
		cmocka_unit_test(only_the_last_one_that_leaves_is_missed),
		cmocka_unit_test(one_that_makes_no_sense_is_told_from_none),
		cmocka_unit_test(the_pin_is_checked_by_the_key),
		cmocka_unit_test(a_pin_is_given_to_one_key_alone),
		cmocka_unit_test(a_refusal_on_the_key_is_told),
		cmocka_unit_test(whoever_lies_on_the_way_is_found_out),
		cmocka_unit_test(a_device_that_makes_no_sense_keeps_no_other_from_answering),
		cmocka_unit_test(one_that_is_called_off_ends_and_the_key_blinks_no_more),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
