#include "unit.h"

#include <string.h>

#include "agent/refusal.h"

static void assert_line(const struct event *event, const char *state, const char *wanted) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	refusal_put(&text, event, state);
	buffer_put_u8(&text, '\0');
	assert_int_equal(buffer_error(&text), 0);
	assert_string_equal((const char *)text.data, wanted);
}

static void it_says_what_by_which_rule_and_where_to_look(void **state) {
	const struct event event = {.trigger = "sign", .decision = "deny", .rule = "never"};

	(void)state;
	assert_line(&event, NULL,
	            "ssh-agent-guard: sign is refused by rule never "
	            "(see: ssh-agent-guard log --since 10m --decision deny)\r\n");
	assert_line(&event, "/home/u/state",
	            "ssh-agent-guard: sign is refused by rule never (see: ssh-agent-guard log "
	            "--since 10m --decision deny --state-dir /home/u/state)\r\n");
}

static void a_reason_is_told_in_words(void **state) {
	struct event event = {.trigger = "sign",
	                      .decision = "confirm-denied",
	                      .rule = "ask",
	                      .reason = "missing"};

	(void)state;
	assert_line(&event, NULL,
	            "ssh-agent-guard: sign is refused by rule ask: nothing is set up by which you "
	            "could say yes (ssh-agent-guard enroll pin, or enroll fido2) (see: "
	            "ssh-agent-guard log --since 10m --decision confirm-denied)\r\n");
	event.reason = "timeout";
	event.rule = NULL;
	assert_line(&event, NULL,
	            "ssh-agent-guard: sign is refused: nobody said yes in time (see: "
	            "ssh-agent-guard log --since 10m --decision confirm-denied)\r\n");
	event.reason = "another-word";
	assert_line(&event, NULL,
	            "ssh-agent-guard: sign is refused: another-word (see: ssh-agent-guard log "
	            "--since 10m --decision confirm-denied)\r\n");
}

static void nothing_in_it_is_for_a_terminal_or_a_shell_to_obey(void **state) {
	const struct event event = {.trigger = "sign", .decision = "deny", .rule = "a\x1b[2Jb"};

	(void)state;
	assert_line(&event, "/home/u/$(id)",
	            "ssh-agent-guard: sign is refused by rule a\\x1b[2Jb (see: ssh-agent-guard log "
	            "--since 10m --decision deny --state-dir DIRECTORY)\r\n");
	assert_line(&event, "/home/u/a\r\nb",
	            "ssh-agent-guard: sign is refused by rule a\\x1b[2Jb (see: ssh-agent-guard log "
	            "--since 10m --decision deny --state-dir DIRECTORY)\r\n");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_what_by_which_rule_and_where_to_look),
		cmocka_unit_test(a_reason_is_told_in_words),
		cmocka_unit_test(nothing_in_it_is_for_a_terminal_or_a_shell_to_obey),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
