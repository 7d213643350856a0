/* The facts of a request by name: known, none, and not known are three things. */
#include "unit.h"

#include "../policy/fixture.h"

#include "describe/fact.h"

static enum fact_state get(struct buffer *text, const char *name, const struct request *request) {
	for (size_t i = 0; i < n_facts; i++)
		if (strcmp(facts[i].name, name) == 0)
			return fact_get(text, &facts[i], request);
	fail_msg("there is no fact %s", name);
	return FACT_UNKNOWN;
}

static void assert_known(const char *name, const struct request *request, const char *expected) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	assert_int_equal(get(&text, name, request), FACT_KNOWN);
	assert_int_equal(buffer_error(&text), 0);
	assert_true(bytes_equal_text(buffer_bytes(&text), expected));
}

static void assert_state(const char *name, const struct request *request, enum fact_state state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	assert_int_equal(get(&text, name, request), state);
	assert_int_equal(text.len, 0);
}

static void what_is_known_is_told(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	assert_known("operation", &request, "sign");
	assert_known("key", &request, FINGERPRINT);
	assert_known("key_type", &request, "ssh-ed25519");
	assert_known("endpoint", &request, "default");
	assert_known("process_name", &request, "ssh");
	assert_known("exe", &request, "/usr/bin/ssh");
	assert_known("parent_process_name", &request, "git");
	assert_known("command", &request, "ssh host");
	assert_known("has_terminal", &request, "true");
	assert_known("uid", &request, "1000");
	caller.has_terminal = TRI_NO;
	assert_known("has_terminal", &request, "false");
}

static void what_could_not_be_learned_is_unknown(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.process = (struct process){.pid = 42};
	caller.has_terminal = TRI_UNKNOWN;
	caller.n_ancestors = 0;
	caller.ancestors_known = false;
	caller.uid = (uid_t)-1;
	request.key = (struct key_facts){0};
	assert_state("process_name", &request, FACT_UNKNOWN);
	assert_state("exe", &request, FACT_UNKNOWN);
	assert_state("title", &request, FACT_UNKNOWN);
	assert_state("command", &request, FACT_UNKNOWN);
	assert_state("cwd", &request, FACT_UNKNOWN);
	assert_state("cgroup", &request, FACT_UNKNOWN);
	assert_state("has_terminal", &request, FACT_UNKNOWN);
	assert_state("parent_process_name", &request, FACT_UNKNOWN);
	assert_state("uid", &request, FACT_UNKNOWN);
	assert_state("key", &request, FACT_UNKNOWN);
	assert_state("key_type", &request, FACT_UNKNOWN);
}

static void what_there_is_not_is_none(void **state) {
	static char *no_argv[] = {NULL};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.n_ancestors = 0;
	caller.process.argv = no_argv;
	caller.process.argc = 0;
	request.operation = OPERATION_LIST;
	request.key = (struct key_facts){0};
	assert_state("parent_process_name", &request, FACT_NONE);
	assert_state("command", &request, FACT_NONE);
	assert_state("key", &request, FACT_NONE);
	assert_state("key_type", &request, FACT_NONE);
}

static void nothing_about_a_caller_counts_that_is_not_identified(void **state) {
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.state = CALLER_UNKNOWN;
	for (size_t i = 0; i < n_facts; i++)
		if (facts[i].of_caller)
			assert_state(facts[i].name, &request, FACT_UNKNOWN);
	assert_known("key", &request, FINGERPRINT);
	assert_known("uid", &request, "1000");
}

static void arguments_with_blanks_are_told_apart(void **state) {
	char *argv[] = {(char[]){"a b"}, (char[]){""}, (char[]){"c"}, NULL};
	struct caller caller = known_caller();
	struct request request = known_request(&caller);

	(void)state;
	caller.process.argv = argv;
	caller.process.argc = 3;
	assert_known("command", &request, "\"a b\" \"\" c");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_known_is_told),
		cmocka_unit_test(what_could_not_be_learned_is_unknown),
		cmocka_unit_test(what_there_is_not_is_none),
		cmocka_unit_test(nothing_about_a_caller_counts_that_is_not_identified),
		cmocka_unit_test(arguments_with_blanks_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
