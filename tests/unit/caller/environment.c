#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "caller/environment.h"

/* An environment as the kernel gives it, but for the last NUL. */
#define ENVIRON(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})

static struct env_names *names;

static int name(void **state) {
	static const char *const more[] = {"EDITOR", "BUILD_*"};

	(void)state;
	return env_names_new(&names, more, 2);
}

static int forget(void **state) {
	(void)state;
	env_names_free(names);
	return 0;
}

static struct caller take(struct bytes texts) {
	struct caller caller = {0};

	environment_take(&caller, texts, names);
	return caller;
}

static void what_was_asked_for_is_kept_in_its_order(void **state) {
	struct caller caller = take(
		ENVIRON("HOME=/home/a\0TERM=xterm\0EDITOR=\0SSH_TTY=/dev/pts/3\0"
	                "BUILD_ID=1\0BUILD=2\0TERMINAL=x\0EDITO=y\0\0junk\0"
	                "DISPLAY=:0=\0"));
	const char *const expected[] = {"TERM=xterm", "EDITOR=", "SSH_TTY=/dev/pts/3", "BUILD_ID=1",
	                                "DISPLAY=:0="};

	(void)state;
	assert_int_equal(caller.n_env, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(caller.env[i], expected[i]);
	assert_null(caller.env[5]);
	assert_string_equal(caller_env(&caller, "DISPLAY"), ":0=");
	assert_string_equal(caller_env(&caller, "EDITOR"), "");
	assert_null(caller_env(&caller, "HOME"));
	assert_null(caller_env(&caller, "EDIT"));
	free(caller.env);
}

static void an_empty_environment_is_known(void **state) {
	struct caller caller = take(ENVIRON(""));

	(void)state;
	assert_non_null(caller.env);
	assert_int_equal(caller.n_env, 0);
	free(caller.env);
}

static void the_last_text_may_lack_its_end(void **state) {
	struct caller caller = take(ENVIRON("TERM=a\0TMUX"));

	(void)state;
	assert_int_equal(caller.n_env, 1);
	free(caller.env);
	caller = take(ENVIRON("TERM=a\0TMUX=b"));
	assert_string_equal(caller_env(&caller, "TMUX"), "b");
	free(caller.env);
}

static void a_name_that_is_none_does_not_fit_a_beginning(void **state) {
	struct caller caller = take(ENVIRON("BUILD_A B=1\0BUILD_\nX=1\0BUILD_-=1\0BUILD_=1\0"));

	(void)state;
	assert_int_equal(caller.n_env, 1);
	assert_string_equal(caller.env[0], "BUILD_=1");
	free(caller.env);
}

static void of_two_that_differ_nothing_is_known(void **state) {
	struct caller caller = take(ENVIRON("TERM=a\0EDITOR=x\0TERM=a\0"));

	(void)state;
	assert_int_equal(caller.n_env, 2); /* the same twice is one */
	free(caller.env);
	caller = take(ENVIRON("TERM=a\0EDITOR=x\0EDITOR=y\0"));
	assert_null(caller.env);
	assert_int_equal(caller.n_env, 0);
	caller = take(ENVIRON("HOME=a\0HOME=b\0TERM=a\0")); /* nobody asks for it */
	assert_int_equal(caller.n_env, 1);
	free(caller.env);
}

static void too_much_is_unknown_not_cut(void **state) {
	CLEANUP(free_pointer) char *text = malloc(ENV_LEN_MAX + 1);
	CLEANUP(buffer_deinit) struct buffer many = {0};
	struct caller caller;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', ENV_LEN_MAX);
	memcpy(text, "TERM=", 5);
	text[ENV_LEN_MAX - 1] = '\0';
	caller = take((struct bytes){(uint8_t *)text, ENV_LEN_MAX});
	assert_int_equal(caller.n_env, 1);
	free(caller.env);
	text[ENV_LEN_MAX - 1] = 'a';
	caller = take((struct bytes){(uint8_t *)text, ENV_LEN_MAX});
	assert_null(caller.env);

	for (int i = 0; i <= ENV_COUNT_MAX; i++) {
		char variable[] = "SSH_aa=";

		variable[4] = (char)('a' + i / 26);
		variable[5] = (char)('a' + i % 26);
		buffer_put_raw(&many, BYTES(variable));
	}
	caller = take(buffer_bytes(&many));
	assert_null(caller.env);
}

static void only_names_can_be_asked_for(void **state) {
	static const char *const bad[] = {"", "*", "A=B", "A B", "A*B", "A**", "a-b", "\xc3\xa4"};
	static const char *const good[] = {"a", "_", "NO", "x1*"};
	struct env_names *made = NULL, *other = NULL;
	const char *many[ENV_NAMES_MAX + 1];
	char longest[ENV_NAME_LEN_MAX + 2];
	const char *too_long = longest;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(env_names_new(&made, &bad[i], 1), -EINVAL);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(env_names_new(&made, &too_long, 1), -EINVAL);
	for (size_t i = 0; i <= ENV_NAMES_MAX; i++)
		many[i] = "A";
	assert_int_equal(env_names_new(&made, many, ENV_NAMES_MAX + 1), -E2BIG);
	assert_null(made);
	assert_int_equal(env_names_new(&made, good, 4), 0);
	assert_int_equal(env_names_new(&other, good, 3), 0);
	assert_true(env_names_equal(made, made));
	assert_false(env_names_equal(made, other));
	env_names_free(made);
	env_names_free(other);
}

static void what_puts_foreign_code_into_a_program_is_seen(void **state) {
	(void)state;
	assert_true(environment_preloads(ENVIRON("A=b\0LD_PRELOAD=/tmp/x.so\0")));
	assert_true(environment_preloads(ENVIRON("LD_AUDIT=x")));
	assert_true(environment_preloads(ENVIRON("LD_LIBRARY_PATH=.")));
	assert_true(environment_preloads(ENVIRON("OPENSSL_CONF=x")));
	assert_true(environment_preloads(ENVIRON("OPENSSL_MODULES=x")));
	assert_true(environment_preloads(ENVIRON("OPENSSL_ENGINES=x")));
	assert_true(environment_preloads(ENVIRON("GCONV_PATH=x")));
	assert_true(environment_preloads(ENVIRON("GLIBC_TUNABLES=x")));
	assert_true(environment_preloads(ENVIRON("DYLD_INSERT_LIBRARIES=x")));
	/* A second one counts as the first one does. */
	assert_true(environment_preloads(ENVIRON("LD_PRELOAD=\0LD_PRELOAD=x\0")));
	assert_false(environment_preloads(ENVIRON("LD_PRELOAD=\0XLD_PRELOAD=x\0LD_PRELOADX=x\0")));
	assert_false(environment_preloads(ENVIRON("A=LD_PRELOAD=x\0")));
	assert_false(environment_preloads(ENVIRON("")));
}

static void the_first_value_is_given(void **state) {
	(void)state;
	assert_true(
		bytes_equal_text(environment_get(ENVIRON("PATHS=a\0PATH=b\0PATH=c"), "PATH"), "b"));
	assert_non_null(environment_get(ENVIRON("PATH=\0A=b\0"), "PATH").data);
	assert_null(environment_get(ENVIRON("PATH\0A=b\0"), "PATH").data);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_asked_for_is_kept_in_its_order),
		cmocka_unit_test(an_empty_environment_is_known),
		cmocka_unit_test(the_last_text_may_lack_its_end),
		cmocka_unit_test(a_name_that_is_none_does_not_fit_a_beginning),
		cmocka_unit_test(of_two_that_differ_nothing_is_known),
		cmocka_unit_test(too_much_is_unknown_not_cut),
		cmocka_unit_test(only_names_can_be_asked_for),
		cmocka_unit_test(what_puts_foreign_code_into_a_program_is_seen),
		cmocka_unit_test(the_first_value_is_given),
	};

	return cmocka_run_group_tests(tests, name, forget);
}
