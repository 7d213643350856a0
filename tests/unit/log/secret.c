#include "unit.h"

#include "log/secret.h"

static bool is_hidden(const char *name, const char *value) {
	return looks_secret(bytes_of_text(name), value);
}

static void what_a_name_calls_a_secret_is_hidden(void **state) {
	static const char *const names[] = {
		"GITHUB_TOKEN",       "client_secret",     "PGPASSWORD",     "RESTIC_PASSPHRASE",
		"OPENAI_API_KEY",     "AWS_ACCESS_KEY_ID", "GH_PAT",         "SSH_PRIVATE",
		"GOOGLE_CREDENTIALS", "MYSQL_PWD_FILE",    "SESSION_COOKIE", "SUDO_ASKPASS_PASSWD",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!is_hidden(names[i], "x"))
			fail_msg("shown: %s", names[i]);
}

static void what_looks_like_key_material_is_hidden(void **state) {
	static const char *const values[] = {
		"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
		"ghp_x",
		"sk-ant-api",
		"AKIAIOSFODNN7EXAMPLE",
		"eyJhbGciOi",
		"https://user:hunter2@example.org/path",
		"0123456789abcdef0123456789abcdef",
		"prefix QWxhZGRpbjpvcGVuIHNlc2FtZSBhbmQgbW9yZQ1== suffix",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (!is_hidden("TERM", values[i]))
			fail_msg("shown: %s", values[i]);
}

static void what_tells_where_somebody_is_is_shown(void **state) {
	static const char *const variables[][2] = {
		{"SSH_AUTH_SOCK", "/run/user/1000/ssh-agent-guard.sock"},
		{"SSH_CONNECTION", "2001:db8::1 50022 2001:db8::2 22"},
		{"SSH_TTY", "/dev/pts/12"},
		{"TMUX", "/tmp/tmux-1000/default,4711,0"},
		{"XDG_SESSION_ID", "c2"},
		{"DISPLAY", ":0"},
		{"CLAUDECODE", "1"},
		{"GIT_DIR", "https://example.org/a@b"},
		{"TERM", ""},
		{"CURSOR_ID", "123e4567-e89b-12d3-a456-426614174000"},
		{"SSH_LONG", "/home/alice/a/very/long/path/with/1/digit/and/many/letters"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		if (is_hidden(variables[i][0], variables[i][1]))
			fail_msg("hidden: %s", variables[i][0]);
}

static void a_name_that_is_too_long_hides_its_value(void **state) {
	char name[300];

	(void)state;
	memset(name, 'A', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_true(is_hidden(name, "x"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_name_calls_a_secret_is_hidden),
		cmocka_unit_test(what_looks_like_key_material_is_hidden),
		cmocka_unit_test(what_tells_where_somebody_is_is_shown),
		cmocka_unit_test(a_name_that_is_too_long_hides_its_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
