#include "unit.h"

#include <errno.h>
#include <string.h>

#include "log/filter.h"

static const char document[] = "---\n"
			       "seq: 7\n"
			       "trigger: \"sign\"\n"
			       "process_name: \"a\\\\xffb\\u001b\"\n"
			       "command: [\"ssh\", \"host\"]\n"
			       "has_terminal: true\n"
			       "local_proc_tree:\n"
			       "- {pid: 12, exe: \"/usr/bin/ssh\"}\n"
			       "- {pid: 11, exe: \"/usr/bin/bash\"}\n"
			       "forensics: {sign_request_num: 3}\n"
			       "...\n";

static bool wants(const char *const *terms, size_t count) {
	CLEANUP(filter_deinit) struct filter filter = {0};

	for (size_t i = 0; i < count; i++)
		assert_int_equal(filter_add(&filter, terms[i]), 0);
	return filter_wants(&filter, bytes_of_text(document));
}

#define WANTS(...)                                \
	wants((const char *const[]){__VA_ARGS__}, \
	      sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void without_terms_every_event_is_wanted(void **state) {
	struct filter filter = {0};

	(void)state;
	assert_true(filter_wants(&filter, bytes_of_text(document)));
	assert_true(filter_wants(&filter, bytes_of_text("garbage")));
}

static void a_value_is_compared_whole(void **state) {
	(void)state;
	assert_true(WANTS("trigger=sign"));
	assert_false(WANTS("trigger=sig"));
	assert_false(WANTS("trigger=signs"));
	assert_false(WANTS("trigger="));
	assert_false(WANTS("trigger=\"sign\""));
	assert_false(WANTS("trig=sign"));
	assert_true(WANTS("seq=7"));
	assert_false(WANTS("seq=07"));
	assert_true(WANTS("has_terminal=true"));
}

static void a_byte_is_written_itself_or_in_the_escape(void **state) {
	(void)state;
	assert_true(WANTS("process_name=a\xff"
	                  "b\x1b"));
	assert_true(WANTS("process_name=a\\xffb\\x1b"));
	assert_false(WANTS("process_name=a\\\\xffb\\x1b"));
}

static void an_element_of_a_list_is_enough(void **state) {
	(void)state;
	assert_true(WANTS("command=ssh"));
	assert_true(WANTS("command=host"));
	assert_false(WANTS("command=ssh host"));
}

static void a_field_within_another_is_found_by_its_path(void **state) {
	(void)state;
	assert_true(WANTS("local_proc_tree.exe=/usr/bin/bash"));
	assert_true(WANTS("local_proc_tree.pid=12"));
	assert_true(WANTS("forensics.sign_request_num=3"));
	assert_false(WANTS("local_proc_tree.exe=/usr/bin/git"));
	assert_false(WANTS("local_proc_tree=/usr/bin/bash"));
	assert_false(WANTS("exe=/usr/bin/bash"));
	assert_false(WANTS("forensics.pid=12"));
	assert_false(WANTS("forensics.sign_request_num.x=3"));
}

static void of_one_name_one_must_hold_and_of_each_name_one(void **state) {
	(void)state;
	assert_true(WANTS("trigger=list", "trigger=sign"));
	assert_true(WANTS("trigger=sign", "seq=7"));
	assert_false(WANTS("trigger=sign", "seq=8"));
	assert_true(WANTS("seq=8", "trigger=sign", "seq=7"));
}

static void it_is_known_which_fields_were_never_seen(void **state) {
	CLEANUP(filter_deinit) struct filter filter = {0};

	(void)state;
	assert_int_equal(filter_add(&filter, "command=x"), 0);
	assert_int_equal(filter_add(&filter, "exepath=x"), 0);
	assert_false(filter_wants(&filter, bytes_of_text(document)));
	assert_true(filter.terms[0].asked && filter.terms[0].seen);
	assert_false(filter.terms[1].asked); /* the first was enough */
	filter.terms[0].name = "local_proc_tree.exe";
	filter.terms[0].name_len = strlen(filter.terms[0].name);
	filter.terms[0].seen = false;
	assert_false(filter_wants(&filter, bytes_of_text(document)));
	assert_true(filter.terms[0].seen);
}

static void what_is_no_term_is_refused(void **state) {
	static const char *const wrong[] = {"", "=", "rule", "=x", "a b=x", ".a=x", "a.=x", "A=x"};
	struct filter filter = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(filter_add(&filter, wrong[i]), -EINVAL);
	assert_int_equal(filter.count, 0);
	for (size_t i = 0; i < FILTER_TERMS_MAX; i++)
		assert_int_equal(filter_add(&filter, "a=x"), 0);
	assert_int_equal(filter_add(&filter, "a=x"), -E2BIG);
	filter_deinit(&filter);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_terms_every_event_is_wanted),
		cmocka_unit_test(a_value_is_compared_whole),
		cmocka_unit_test(a_byte_is_written_itself_or_in_the_escape),
		cmocka_unit_test(an_element_of_a_list_is_enough),
		cmocka_unit_test(a_field_within_another_is_found_by_its_path),
		cmocka_unit_test(of_one_name_one_must_hold_and_of_each_name_one),
		cmocka_unit_test(it_is_known_which_fields_were_never_seen),
		cmocka_unit_test(what_is_no_term_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
