#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "monitor/model.h"

#define NOW_NS      (UINT64_C(100) * 1000 * 1000 * 1000)
#define SETTLED_NS  (NOW_NS + SETTLE_NS)
#define REQUEST(id) "request " id ", since x, for another 50 s\n  what: add\n"
#define GRANT(id)   "grant " id ", given x by pin, for another 50 s\n  what: add\n"
#define STATUS(pid) "---\nstate: \"idle\"\npid: " pid "\nsince: \"x\"\nrefusals: 3\n...\n"

static void list(struct model *model, enum pane pane, const char *text, uint64_t now_ns) {
	assert_int_equal(model_set_list(model, pane, bytes_of_text(text), now_ns), 0);
	for (size_t i = 0; i < model->lists[pane].count; i++)
		model_was_drawn(model, pane, model->lists[pane].items[i].id, now_ns);
}

static void start(struct model *model) {
	assert_int_equal(model_set_status(model, bytes_of_text(STATUS("7"))), 0);
}

static void expect(struct model *model, enum key key, uint64_t now_ns, enum act_kind kind,
                   uint64_t id) {
	struct act act = model_key(model, key, now_ns);

	assert_int_equal(act.kind, kind);
	assert_int_equal(act.id, id);
}

static bool says(const struct model *model, const char *text) {
	struct bytes said = buffer_bytes(&model->message);

	return said.len > 0 && memmem(said.data, said.len, text, strlen(text)) != NULL;
}

static void keys_are_for_the_chosen_request(void **state) {
	CLEANUP(model_deinit) struct model model = {0};

	(void)state;
	start(&model);
	list(&model, PANE_WAITING, REQUEST("3") REQUEST("5"), NOW_NS);
	expect(&model, KEY_PRESSED_ALLOW, SETTLED_NS, ACT_NONE, 0);
	assert_true(says(&model, "choose a request first"));
	expect(&model, KEY_PRESSED_DOWN, SETTLED_NS, ACT_NONE, 0);
	assert_int_equal(model.message.len, 0);
	expect(&model, KEY_PRESSED_ALLOW, SETTLED_NS, ACT_ALLOW, 3);
	expect(&model, KEY_PRESSED_DOWN, SETTLED_NS, ACT_NONE, 0);
	expect(&model, KEY_PRESSED_DENY, SETTLED_NS, ACT_DENY, 5);
	expect(&model, KEY_PRESSED_DOWN, SETTLED_NS, ACT_NONE, 0); /* the last one stays */
	expect(&model, KEY_PRESSED_DENY, SETTLED_NS, ACT_DENY, 5);
	expect(&model, KEY_PRESSED_UP, SETTLED_NS, ACT_NONE, 0);
	expect(&model, KEY_PRESSED_UP, SETTLED_NS, ACT_NONE, 0);
	expect(&model, KEY_PRESSED_DENY, SETTLED_NS, ACT_DENY, 3);
	expect(&model, KEY_PRESSED_REVOKE, SETTLED_NS, ACT_NONE, 0);
	expect(&model, KEY_PRESSED_QUIT, SETTLED_NS, ACT_QUIT, 0);
	expect(&model, KEY_PRESSED_REDRAW, SETTLED_NS, ACT_REDRAW, 0);
}

static void up_from_nothing_chooses_the_last_one(void **state) {
	CLEANUP(model_deinit) struct model model = {0};

	(void)state;
	start(&model);
	expect(&model, KEY_PRESSED_UP, NOW_NS, ACT_NONE, 0);
	assert_true(says(&model, "nothing waits"));
	list(&model, PANE_WAITING, REQUEST("3") REQUEST("5"), NOW_NS);
	model_key(&model, KEY_PRESSED_UP, SETTLED_NS);
	assert_int_equal(model.chosen[PANE_WAITING], 5);
}

static void a_request_takes_no_key_in_its_first_moments(void **state) {
	CLEANUP(model_deinit) struct model model = {0};

	(void)state;
	start(&model);
	list(&model, PANE_WAITING, REQUEST("3"), NOW_NS);
	model_key(&model, KEY_PRESSED_DOWN, NOW_NS);
	expect(&model, KEY_PRESSED_ALLOW, SETTLED_NS - 1, ACT_NONE, 0);
	assert_true(says(&model, "only just come"));
	expect(&model, KEY_PRESSED_DENY, SETTLED_NS - 1, ACT_NONE, 0);
	/* Nor before it stood on the screen, however long that took. */
	assert_int_equal(model_set_list(&model, PANE_WAITING, bytes_of_text(REQUEST("4")), NOW_NS),
	                 0);
	model_key(&model, KEY_PRESSED_DOWN, NOW_NS);
	expect(&model, KEY_PRESSED_DENY, 2 * SETTLED_NS, ACT_NONE, 0);
	list(&model, PANE_WAITING, REQUEST("3"), NOW_NS);
	model_key(&model, KEY_PRESSED_DOWN, NOW_NS);
	/* That it is told of again makes it no younger. */
	list(&model, PANE_WAITING, REQUEST("3"), SETTLED_NS - 1);
	expect(&model, KEY_PRESSED_ALLOW, SETTLED_NS, ACT_ALLOW, 3);
}

static void a_request_that_comes_takes_neither_place_nor_key(void **state) {
	CLEANUP(model_deinit) struct model model = {0};

	(void)state;
	start(&model);
	list(&model, PANE_WAITING, REQUEST("3"), NOW_NS);
	assert_int_equal(model.chosen[PANE_WAITING], 0);
	model_key(&model, KEY_PRESSED_DOWN, SETTLED_NS);
	list(&model, PANE_WAITING, REQUEST("2") REQUEST("3") REQUEST("4"), SETTLED_NS);
	expect(&model, KEY_PRESSED_DENY, SETTLED_NS, ACT_DENY, 3);
	/* With it gone, nothing is chosen. */
	list(&model, PANE_WAITING, REQUEST("2") REQUEST("4"), SETTLED_NS);
	expect(&model, KEY_PRESSED_DENY, 2 * SETTLED_NS, ACT_NONE, 0);
	/* Nor where one of that number is there again. */
	list(&model, PANE_WAITING, REQUEST("3"), SETTLED_NS);
	expect(&model, KEY_PRESSED_ALLOW, 2 * SETTLED_NS, ACT_NONE, 0);
}

static void another_guard_ends_what_was_chosen(void **state) {
	CLEANUP(model_deinit) struct model model = {0};

	(void)state;
	start(&model);
	list(&model, PANE_WAITING, REQUEST("1"), NOW_NS);
	list(&model, PANE_GRANTS, GRANT("1"), NOW_NS);
	model_key(&model, KEY_PRESSED_DOWN, SETTLED_NS);
	assert_int_equal(model_set_status(&model, bytes_of_text(STATUS("8"))), 0);
	assert_int_equal(model.lists[PANE_WAITING].count + model.lists[PANE_GRANTS].count, 0);
	list(&model, PANE_WAITING, REQUEST("1"), NOW_NS);
	expect(&model, KEY_PRESSED_DENY, SETTLED_NS, ACT_NONE, 0);
	model_key(&model, KEY_PRESSED_DOWN, SETTLED_NS);
	model_set_absent(&model, "no guard is running");
	assert_false(model.is_here);
	assert_int_equal(model.chosen[PANE_WAITING], 0);
	assert_false(model_counts(&model));
}

static void an_answer_of_another_form_changes_nothing(void **state) {
	CLEANUP(model_deinit) struct model model = {0};

	(void)state;
	start(&model);
	list(&model, PANE_WAITING, REQUEST("1"), NOW_NS);
	model_key(&model, KEY_PRESSED_DOWN, SETTLED_NS);
	assert_int_equal(model_set_list(&model, PANE_WAITING, bytes_of_text("hello\n"), NOW_NS),
	                 -EBADMSG);
	assert_int_equal(model_set_status(&model, bytes_of_text("hello\n")), -EBADMSG);
	assert_int_equal(model.chosen[PANE_WAITING], 1);
	assert_true(model.is_here);
}

static void a_grant_is_taken_back_in_its_own_list(void **state) {
	CLEANUP(model_deinit) struct model model = {0};

	(void)state;
	start(&model);
	list(&model, PANE_WAITING, REQUEST("1"), NOW_NS);
	list(&model, PANE_GRANTS, GRANT("9"), NOW_NS);
	model_key(&model, KEY_PRESSED_DOWN, SETTLED_NS);
	model_key(&model, KEY_PRESSED_TAB, SETTLED_NS);
	expect(&model, KEY_PRESSED_REVOKE, SETTLED_NS, ACT_NONE, 0);
	assert_true(says(&model, "choose a grant first"));
	model_key(&model, KEY_PRESSED_DOWN, SETTLED_NS);
	expect(&model, KEY_PRESSED_REVOKE, SETTLED_NS, ACT_REVOKE, 9);
	/* The request that is chosen in the other list is not meant here. */
	expect(&model, KEY_PRESSED_ALLOW, SETTLED_NS, ACT_NONE, 0);
	expect(&model, KEY_PRESSED_DENY, SETTLED_NS, ACT_NONE, 0);
}

static void below_the_help_no_key_does_anything(void **state) {
	CLEANUP(model_deinit) struct model model = {0};

	(void)state;
	start(&model);
	list(&model, PANE_WAITING, REQUEST("1"), NOW_NS);
	model_key(&model, KEY_PRESSED_DOWN, SETTLED_NS);
	model_key(&model, KEY_PRESSED_HELP, SETTLED_NS);
	assert_true(model.shows_help);
	expect(&model, KEY_PRESSED_DENY, SETTLED_NS, ACT_NONE, 0);
	assert_false(model.shows_help);
	expect(&model, KEY_PRESSED_DENY, SETTLED_NS, ACT_DENY, 1);
}

static void say(struct model *model, const char *text) {
	model_dialog_text(model, bytes_of_text(text));
}

static void what_is_said_after_the_pin_is_the_message(void **state) {
	CLEANUP(model_deinit) struct model model = {0};

	(void)state;
	start(&model);
	list(&model, PANE_WAITING, REQUEST("1") REQUEST("2"), NOW_NS);
	model_open_dialog(&model, 1);
	assert_int_equal(model.dialog.stage, DIALOG_OPENING);
	say(&model, "request 1\n  prog");
	say(&model, "ram: \033[2J\n");
	model_dialog_asks(&model, bytes_of_text("PIN: "));
	assert_int_equal(model.dialog.stage, DIALOG_ASKING);
	assert_true(bytes_equal_text(buffer_bytes(&model.dialog.text),
	                             "request 1\n  program: \\x1b[2J\nPIN: "));
	assert_false(model_dialog_is_void(&model));
	say(&model, "ssh-agent-guard: confirm: wrong PIN; 4 more\n");
	model_dialog_is_sent(&model);
	/* One is answered at a time. */
	model_key(&model, KEY_PRESSED_DOWN, SETTLED_NS);
	expect(&model, KEY_PRESSED_ALLOW, SETTLED_NS, ACT_NONE, 0);
	assert_true(says(&model, "another request is being answered"));
	expect(&model, KEY_PRESSED_DENY, SETTLED_NS, ACT_DENY, 1);
	/* Once the PIN is sent, its request goes by it. */
	list(&model, PANE_WAITING, "", SETTLED_NS);
	assert_false(model_dialog_is_void(&model));
	model_close_dialog(&model, false, SETTLED_NS);
	assert_true(bytes_equal_text(buffer_bytes(&model.message), "wrong PIN; 4 more"));
	assert_int_equal(model.dialog.stage, DIALOG_NONE);
}

static void what_is_typed_for_a_request_that_went_does_nothing(void **state) {
	static const enum key keys[] = {KEY_PRESSED_QUIT, KEY_PRESSED_DENY,   KEY_PRESSED_ALLOW,
	                                KEY_PRESSED_HELP, KEY_PRESSED_REVOKE, KEY_PRESSED_DOWN,
	                                KEY_NONE,         KEY_PRESSED_ENTER};
	CLEANUP(model_deinit) struct model model = {0};

	(void)state;
	start(&model);
	list(&model, PANE_WAITING, REQUEST("1") REQUEST("2"), NOW_NS);
	model_key(&model, KEY_PRESSED_DOWN, SETTLED_NS);
	model_open_dialog(&model, 1);
	model_dialog_asks(&model, bytes_of_text("PIN: "));
	list(&model, PANE_WAITING, REQUEST("2"), SETTLED_NS);
	assert_true(model_dialog_is_void(&model));
	model_close_dialog(&model, true, SETTLED_NS);
	assert_int_equal(model.dialog.stage, DIALOG_OVER);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		expect(&model, keys[i], SETTLED_NS + SETTLE_NS - 1, ACT_NONE, 0);
	assert_int_equal(model.dialog.stage, DIALOG_OVER);
	assert_int_equal(model.chosen[PANE_WAITING], 0);
	assert_false(model.shows_help);
	/* Later it is dismissed, by Enter alone. */
	expect(&model, KEY_PRESSED_DENY, SETTLED_NS + SETTLE_NS, ACT_NONE, 0);
	assert_int_equal(model.dialog.stage, DIALOG_OVER);
	expect(&model, KEY_PRESSED_ENTER, SETTLED_NS + SETTLE_NS, ACT_NONE, 0);
	assert_int_equal(model.dialog.stage, DIALOG_NONE);
}

static void events_are_kept_up_to_a_number(void **state) {
	CLEANUP(model_deinit) struct model model = {0};
	char document[64];

	(void)state;
	for (int i = 0; i < PAST_MAX + 10; i++) {
		snprintf(document, sizeof(document), "---\nseq: %d\n...\n", i);
		assert_int_equal(model_add_event(&model, bytes_of_text(document)), 0);
	}
	assert_int_equal(model.past.count, PAST_MAX);
	assert_true(bytes_equal_text(past_document(&model.past, 0), document));
	assert_true(
		bytes_equal_text(past_document(&model.past, PAST_MAX - 1), "---\nseq: 10\n...\n"));
	assert_int_equal(past_document(&model.past, PAST_MAX).len, 0);
	past_clear(&model.past);
	assert_int_equal(past_document(&model.past, 0).len, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_for_the_chosen_request),
		cmocka_unit_test(up_from_nothing_chooses_the_last_one),
		cmocka_unit_test(a_request_takes_no_key_in_its_first_moments),
		cmocka_unit_test(a_request_that_comes_takes_neither_place_nor_key),
		cmocka_unit_test(another_guard_ends_what_was_chosen),
		cmocka_unit_test(an_answer_of_another_form_changes_nothing),
		cmocka_unit_test(a_grant_is_taken_back_in_its_own_list),
		cmocka_unit_test(below_the_help_no_key_does_anything),
		cmocka_unit_test(what_is_said_after_the_pin_is_the_message),
		cmocka_unit_test(what_is_typed_for_a_request_that_went_does_nothing),
		cmocka_unit_test(events_are_kept_up_to_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
