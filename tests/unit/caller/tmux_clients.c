/* Which tmux client a person looks at, by what a tmux server says. */
#include "unit.h"

#include "caller/tmux_clients.h"

static bool pick(struct tmux_client *ret, const char *answer) {
	return tmux_clients_pick(ret, bytes_of_text(answer));
}

static void the_one_that_was_used_last_is_asked(void **state) {
	struct tmux_client client;

	(void)state;
	assert_true(pick(&client, "100 $0 %3 00 /dev/pts/2\n"
	                          "300 $1 %14 00 /dev/pts/11\n"
	                          "200 $2 %0 00 /dev/pts/4\n"));
	assert_string_equal(client.name, "/dev/pts/11");
	assert_string_equal(client.session, "$1");
	assert_string_equal(client.pane, "%14");
	assert_int_equal(client.activity_s, 300);
	assert_false(client.is_callers);
}

static void the_one_that_shows_the_callers_session_goes_before(void **state) {
	struct tmux_client client, other;

	(void)state;
	assert_true(pick(&client, "100 $0 %3 00 /dev/pts/2\n"
	                          "300 $1 %14 00 /dev/pts/11\n"
	                          "90 $0 %3 00 /dev/pts/4\n"
	                          "pane $0\n"));
	assert_string_equal(client.name, "/dev/pts/2");
	assert_true(client.is_callers);
	assert_true(pick(&other, "300 $1 %14 00 /dev/pts/11\n"));
	assert_true(tmux_client_is_better(&client, &other));
	assert_false(tmux_client_is_better(&other, &client));
}

static void a_session_that_nobody_looks_at_changes_nothing(void **state) {
	struct tmux_client client;

	(void)state;
	assert_true(pick(&client, "100 $0 %3 00 /dev/pts/2\npane $7\n"));
	assert_false(client.is_callers);
	assert_true(pick(&client, "100 $0 %3 00 /dev/pts/2\npane \n"));
	assert_false(client.is_callers);
}

static void whoever_cannot_see_it_or_type_is_passed_over(void **state) {
	static const char *const answers[] = {
		"",
		"\n",
		"pane $0\n",
		"100 $0 %3 10 /dev/pts/2\n",  /* may only look */
		"100 $0 %3 01 client-4711\n", /* in control mode */
		"100 $0 %3 00 client-4711\n", /* no terminal */
		"100 $0 %3 00 \n",
		"100 $0 %3 00\n",
		"100 $0 %3 00 /dev/pts/2;\n",
		"100 $0 %3 00 /dev/pts 2\n",
		"100 $0 %3 00 -c\n",
		"100 $0 %3 00 /dev/pts/\x1b[2J\n",
		"100 0 %3 00 /dev/pts/2\n",
		"100 $0 3 00 /dev/pts/2\n",
		"100 $ %3 00 /dev/pts/2\n",
		"100 $0 %123456789012 00 /dev/pts/2\n",
		"-1 $0 %3 00 /dev/pts/2\n",
		"1000000000000000000000 $0 %3 00 /dev/pts/2\n",
		" $0 %3 00 /dev/pts/2\n",
		"no server running on /tmp/tmux-0/default\n",
	};
	struct tmux_client client;

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		assert_false(pick(&client, answers[i]));
}

static void a_line_that_is_cut_off_is_taken_for_what_it_says(void **state) {
	struct tmux_client client;

	(void)state;
	assert_true(pick(&client, "100 $0 %3 00 /dev/pts/2\n200 $1 %4 00"));
	assert_string_equal(client.name, "/dev/pts/2");
}

static void a_name_that_is_too_long_is_no_name(void **state) {
	char answer[256] = "100 $0 %3 00 /";
	struct tmux_client client;

	(void)state;
	memset(answer + strlen(answer), 'x', TMUX_CLIENT_SIZE - 2);
	assert_true(pick(&client, answer));
	strcat(answer, "x");
	assert_false(pick(&client, answer));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_one_that_was_used_last_is_asked),
		cmocka_unit_test(the_one_that_shows_the_callers_session_goes_before),
		cmocka_unit_test(a_session_that_nobody_looks_at_changes_nothing),
		cmocka_unit_test(whoever_cannot_see_it_or_type_is_passed_over),
		cmocka_unit_test(a_line_that_is_cut_off_is_taken_for_what_it_says),
		cmocka_unit_test(a_name_that_is_too_long_is_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
