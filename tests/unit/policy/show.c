/* A policy shown is a policy: it loads, and is shown the same again. That it decides the same is
 * shown by property.c. */
#include "fixture.h"

#include "policy/show.h"

static char *shown(const char *text) {
	CLEANUP(free_policy) struct policy *policy = must_parse(text);
	CLEANUP(buffer_deinit) struct buffer yaml = {0};

	policy_show(&yaml, policy);
	buffer_put_u8(&yaml, '\0');
	assert_int_equal(buffer_error(&yaml), 0);
	return strdup((const char *)yaml.data);
}

/* Without its beginning, which says from which file it is. */
static const char *body(const char *yaml) {
	const char *version = strstr(yaml, "version:");

	assert_non_null(version);
	return version;
}

static void assert_shown(const char *text, const char *expected) {
	CLEANUP(free_pointer) char *once = shown(text);
	CLEANUP(free_pointer) char *twice = shown(once);

	assert_string_equal(body(once), expected);
	assert_string_equal(body(twice), expected);
}

#define CONFIRM                     \
	"confirm:\n"                \
	"  methods: [touch, pin]\n" \
	"  timeout: 120s\n"         \
	"  max_pending: 3\n"        \
	"  pause: 300s\n"

#define KEEPING                                                                                   \
	"  keep_size: unlimited\n  file_size: 64M\n  compress: true\n  detail: full\n  journal: " \
	"auto\n"

#define HEAD                                             \
	"version: 1\n"                                   \
	"default_action: deny\n"                         \
	"default_change_action: deny\n" CONFIRM "log:\n" \
	"  on_error: deny\n  sync: none\n  keep: forever\n" KEEPING "hide_denied_keys: true\n"

static void defaults_are_put_in(void **state) {
	(void)state;
	assert_shown("default_action: deny\n", HEAD "rules: []\n");
	assert_shown(
		"default_change_action: confirm\ndefault_action: allow\n"
		"log: {on_error: allow, sync: always, keep: 90d, keep_size: 2048M,\n"
		"      file_size: 100K, compress: no, journal: off,\n"
		"      sign_heads: {key: SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE}}\n",
		"version: 1\ndefault_action: allow\ndefault_change_action: confirm\n" CONFIRM
		"log:\n  on_error: allow\n  sync: always\n  keep: 90d\n  keep_size: 2G\n"
		"  file_size: 100K\n  compress: false\n  detail: full\n  journal: off\n"
		"  sign_heads: {key: \"SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE\", "
		"every: 1000}\n"
		"hide_denied_keys: true\nrules: []\n");
}

static void how_a_person_is_asked_is_written_out(void **state) {
	(void)state;
	assert_shown("default_action: deny\n"
	             "confirm: {methods: [askpass, pin], timeout: 1m, max_pending: 5, pause: 1h, "
	             "tmux_popup: true, screen_state: [/bin/x, a b]}\n"
	             "rules:\n"
	             "- {match: {}, action: confirm,\n"
	             "   confirm: {method: pin, remember: 10m, scope: [session, cwd]}}\n",
	             "version: 1\ndefault_action: deny\ndefault_change_action: deny\n"
	             "confirm:\n  methods: [askpass, pin]\n  timeout: 60s\n  max_pending: 5\n"
	             "  pause: 3600s\n  tmux_popup: true\n  screen_state: [\"/bin/x\", \"a b\"]\n"
	             "log:\n  on_error: deny\n  sync: none\n  keep: forever\n" KEEPING
	             "hide_denied_keys: true\n"
	             "rules:\n"
	             "  - # rule-1\n"
	             "    match:\n"
	             "      operation: [sign]\n"
	             "    action: confirm\n"
	             "    confirm:\n      method: [pin]\n      remember: 600s\n"
	             "      scope: [session, cwd]\n");
}

static void the_real_agent_is_written_out(void **state) {
	(void)state;
	assert_shown("default_action: deny\nupstream: managed:ssh-agent\n",
	             "version: 1\ndefault_action: deny\ndefault_change_action: deny\n" CONFIRM
	             "upstream: \"managed\"\n"
	             "log:\n  on_error: deny\n  sync: none\n  keep: forever\n" KEEPING
	             "hide_denied_keys: true\nrules: []\n");
	assert_shown("default_action: deny\nupstream: /run/a b.sock\n",
	             "version: 1\ndefault_action: deny\ndefault_change_action: deny\n" CONFIRM
	             "upstream: \"/run/a b.sock\"\n"
	             "log:\n  on_error: deny\n  sync: none\n  keep: forever\n" KEEPING
	             "hide_denied_keys: true\nrules: []\n");
}

static void renderers_are_written_out(void **state) {
	(void)state;
	assert_shown("default_action: deny\n"
	             "status: {renderers: [/a, i3status-rust, [/b, 'x y'], tmux, tmux,\n"
	             "         {writes: [/w, /v], command: [/c]}]}\n",
	             "version: 1\ndefault_action: deny\ndefault_change_action: deny\n" CONFIRM
	             "status:\n  renderers:\n    - tmux\n    - i3status-rust\n"
	             "    - {command: [\"/a\"]}\n    - {command: [\"/b\", \"x y\"]}\n"
	             "    - {command: [\"/c\"], writes: [\"/w\", \"/v\"]}\n"
	             "log:\n  on_error: deny\n  sync: none\n  keep: forever\n" KEEPING
	             "hide_denied_keys: true\nrules: []\n");
}

static void what_is_said_of_events_and_endpoints_is_written_out(void **state) {
	(void)state;
	assert_shown("default_action: deny\n"
	             "log: {detail: brief}\n"
	             "endpoints:\n  a: {path: /run/a, mode: 0660, from: container}\n"
	             "  b: {path: /run/b, from: anywhere}\n"
	             "rules:\n- {match: {}, action: deny, notify: no, log: brief}\n"
	             "- {match: {operation: add}, action: deny, notify: true, log: full}\n",
	             "version: 1\ndefault_action: deny\ndefault_change_action: deny\n" CONFIRM
	             "log:\n  on_error: deny\n  sync: none\n  keep: forever\n"
	             "  keep_size: unlimited\n  file_size: 64M\n  compress: true\n"
	             "  detail: brief\n  journal: auto\n"
	             "endpoints:\n"
	             "  \"a\": {path: \"/run/a\", mode: \"0660\", from: container}\n"
	             "  \"b\": {path: \"/run/b\", mode: \"0600\"}\n"
	             "hide_denied_keys: true\n"
	             "rules:\n"
	             "  - # rule-1\n    match:\n      operation: [sign]\n    action: deny\n"
	             "    notify: false\n    log: brief\n"
	             "  - # rule-2\n    match:\n      operation: [add]\n    action: deny\n"
	             "    notify: true\n    log: full\n");
}

static void rules_are_written_out(void **state) {
	(void)state;
	assert_shown("default_action: deny\n"
	             "define: {tools: [/usr/bin/ssh, '/opt/*']}\n"
	             "rules:\n"
	             "- {match: {exe: $tools, has_terminal: [yes, no]}, action: allow}\n"
	             "- {name: b, match: {operation: [add, sign]},\n"
	             "   unless: {process_name: '~^x'}, action: confirm}\n"
	             "- {match: {}, action: deny}\n",
	             HEAD "rules:\n"
	                  "  - # rule-1\n"
	                  "    match:\n"
	                  "      exe:\n"
	                  "        - \"/usr/bin/ssh\"\n"
	                  "        - \"/opt/*\"\n"
	                  "      has_terminal: [false, true]\n"
	                  "      operation: [sign]\n"
	                  "      # sign_type: [ssh-login, sshsig]\n"
	                  "    action: allow\n"
	                  "  - name: \"b\"\n"
	                  "    match:\n"
	                  "      operation: [sign, add]\n"
	                  "    unless:\n"
	                  "      process_name:\n"
	                  "        - \"~^x\"\n"
	                  "    action: confirm\n"
	                  "  - # rule-3\n"
	                  "    match:\n"
	                  "      operation: [sign]\n"
	                  "    action: deny\n");
}

static void every_field_of_words_is_written_as_it_is_read(void **state) {
	CLEANUP(free_pointer)
	char *yaml = shown("default_action: deny\n"
	                   "rules:\n"
	                   "- match: {sign_type: [sshsig, unknown], caller_integrity: [fd-passed, "
	                   "traced],\n"
	                   "          dest_evidence: bound, is_forwarded: no, hops: [0, 16]}\n"
	                   "  action: allow\n");
	CLEANUP(free_pointer) char *again = shown(yaml);

	(void)state;
	assert_string_equal(body(yaml), body(again));
	assert_non_null(strstr(yaml, "sign_type: [unknown, sshsig]\n"));
	assert_non_null(strstr(yaml, "caller_integrity: [traced, fd-passed]\n"));
	assert_non_null(strstr(yaml, "dest_evidence: [bound]\n"));
	assert_non_null(strstr(yaml, "is_forwarded: [false]\n"));
	assert_non_null(strstr(yaml, "hops: [0, 16]\n"));
}

static void home_is_told_behind_what_it_means(void **state) {
	CLEANUP(free_pointer)
	char *yaml = shown("default_action: deny\n"
	                   "rules: [{match: {exe: ~/bin/a*}, action: deny}]\n");

	(void)state;
	assert_non_null(strstr(yaml, "        - \"~/bin/a*\" # \"/home/a/bin/a\"\n"));
}

static void no_text_is_taken_for_anything_else(void **state) {
	static const char text[] =
		"default_action: deny\n"
		"rules:\n"
		"- {name: \"no\", match: {process_name: [\"7\", \"a\\\"b\", \"~\\\\d\", "
		"\"\\e[2J\\n\", \"\xc3\xa4\", \"\xe2\x80\xae\", \"\xf0\x9f\x98\x80\"]}, "
		"action: deny}\n";
	CLEANUP(free_pointer) char *once = shown(text);
	CLEANUP(free_pointer) char *twice = shown(once);

	(void)state;
	assert_string_equal(body(once), body(twice));
	assert_non_null(strstr(once, "name: \"no\"\n"));
	assert_non_null(strstr(once, "- \"7\"\n"));
	assert_non_null(strstr(once, "- \"a\\\"b\"\n"));
	assert_non_null(strstr(once, "- \"~\\\\d\"\n"));
	assert_non_null(strstr(once, "- \"\\x1b[2J\\x0a\"\n"));
	assert_non_null(strstr(once, "- \"\\xe4\"\n"));
	assert_non_null(strstr(once, "- \"\\u202e\"\n"));
	assert_non_null(strstr(once, "- \"\\U0001f600\"\n"));
	for (const char *byte = once; *byte != '\0'; byte++)
		assert_true(*byte == '\n' || (*byte >= 0x20 && *byte < 0x7f));
}

static void what_holds_without_a_policy_is_shown_too(void **state) {
	CLEANUP(free_policy) struct policy *policy = NULL;
	CLEANUP(buffer_deinit) struct buffer yaml = {0};

	(void)state;
	assert_int_equal(policy_new_default(&policy), 0);
	policy_show(&yaml, policy);
	buffer_put_u8(&yaml, '\0');
	assert_int_equal(buffer_error(&yaml), 0);
	assert_non_null(strstr((const char *)yaml.data, "# There is no policy file"));
	assert_non_null(strstr((const char *)yaml.data, "default_action: confirm\n"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_put_in),
		cmocka_unit_test(how_a_person_is_asked_is_written_out),
		cmocka_unit_test(the_real_agent_is_written_out),
		cmocka_unit_test(renderers_are_written_out),
		cmocka_unit_test(what_is_said_of_events_and_endpoints_is_written_out),
		cmocka_unit_test(rules_are_written_out),
		cmocka_unit_test(every_field_of_words_is_written_as_it_is_read),
		cmocka_unit_test(home_is_told_behind_what_it_means),
		cmocka_unit_test(no_text_is_taken_for_anything_else),
		cmocka_unit_test(what_holds_without_a_policy_is_shown_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
