#include "unit.h"

#include "log/mask.h"
#include "log/secret.h"

#define HIDDEN SECRET_MASK

static void assert_shown(const char *argument, const char *expected) {
	CLEANUP(buffer_deinit) struct buffer room = {0};
	bool is_secret = false;
	struct bytes shown = mask_argument(&room, bytes_of_text(argument), &is_secret);

	if (!bytes_equal(shown, bytes_of_text(expected)))
		fail_msg("%s is shown as %.*s", argument, (int)shown.len, shown.data);
	assert_false(is_secret);
}

static void a_password_in_a_url_is_hidden_and_the_rest_is_not(void **state) {
	(void)state;
	assert_shown("https://me:hunter2@example.org/a.git",
	             "https://me:" HIDDEN "@example.org/a.git");
	assert_shown("url=ftp://me:a@b@example.org:21/x",
	             "url=ftp://me:" HIDDEN "@example.org:21/x");
	assert_shown("https://0123456789abcdef0123456789abcdef01234567@example.org/",
	             "https://" HIDDEN "@example.org/");
	assert_shown("https://x-access-token:ghs_16C7e42F292c6912E7@github.com/a/b",
	             "https://x-access-token:" HIDDEN "@github.com/a/b");
}

static void what_a_name_calls_a_secret_is_hidden(void **state) {
	(void)state;
	assert_shown("--password=hunter2", "--password=" HIDDEN);
	assert_shown("export API_TOKEN=abc; git push", "export API_TOKEN=" HIDDEN "; git push");
	assert_shown("AWS_SECRET_ACCESS_KEY='a b' make && git push",
	             "AWS_SECRET_ACCESS_KEY=" HIDDEN " make && git push");
	assert_shown("curl -H \"Authorization: Bearer abc\" https://example.org",
	             "curl -H \"Authorization: " HIDDEN "\" https://example.org");
	assert_shown("tool --token abc --verbose", "tool --token " HIDDEN " --verbose");
	assert_shown("http.extraHeader=AUTHORIZATION: basic eDphYmM=",
	             "http.extraHeader=AUTHORIZATION: " HIDDEN);
	assert_shown("A_TOKEN=a B_TOKEN=b", "A_TOKEN=" HIDDEN " B_TOKEN=" HIDDEN);
}

static void a_token_of_a_known_form_is_hidden_wherever_it_stands(void **state) {
	(void)state;
	assert_shown("ghp_16C7e42F292c6912E7710c838347Ae178B4a", HIDDEN);
	assert_shown("echo ghp_16C7e42F292c6912E7710c838347Ae178B4a | gh auth",
	             "echo " HIDDEN " | gh auth");
	assert_shown("sk-ant-api03-abcdef0123456789", HIDDEN);
	assert_shown("key: -----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", "key: " HIDDEN);
}

static void the_value_of_an_option_may_be_the_next_argument(void **state) {
	static const char *const arguments[] = {"tool", "--api-key", "abc", "next", "-token"};
	static const char *const shown[] = {"tool", "--api-key", HIDDEN, "next", "-token"};
	CLEANUP(buffer_deinit) struct buffer room = {0};
	bool is_secret = false;

	(void)state;
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
		struct bytes bytes = mask_argument(&room, bytes_of_text(arguments[i]), &is_secret);

		assert_true(bytes_equal(bytes, bytes_of_text(shown[i])));
	}
	assert_true(is_secret);
}

static void what_tells_what_a_program_does_is_shown(void **state) {
	static const char *const arguments[] = {
		"",
		"ssh",
		"git@github.com",
		"git-upload-pack 'a/token.git'",
		"ssh://git@example.org:22/a",
		"https://example.org/a@b:c",
		"https://[2001:db8::1]:443/a@b",
		"-oPasswordAuthentication=no",
		"-oHostKeyAlias=a",
		"PubkeyAuthentication=yes",
		"NumberOfPasswordPrompts=3",
		"IdentityFile=/home/a/.ssh/id_ed25519",
		"0123456789abcdef0123456789abcdef01234567",
		"/nix/store/0123456789abcdef0123456789abcdef-openssh/bin/ssh",
		"sk-prod-1",
		"hf_x",
		"npm_config_cache",
		"--token=",
		"my token is gone",
		"://",
		"a://b",
		":",
		"-",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
		assert_shown(arguments[i], arguments[i]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password_in_a_url_is_hidden_and_the_rest_is_not),
		cmocka_unit_test(what_a_name_calls_a_secret_is_hidden),
		cmocka_unit_test(a_token_of_a_known_form_is_hidden_wherever_it_stands),
		cmocka_unit_test(the_value_of_an_option_may_be_the_next_argument),
		cmocka_unit_test(what_tells_what_a_program_does_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
