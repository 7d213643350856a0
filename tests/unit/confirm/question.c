/* What is shown, and when one yes is good for another request. */
#include "confirm/fixture.h"

#include <stdio.h>
#include <stdlib.h>

typedef bool compare(const struct question *a, const struct question *b);

static bool compared(compare *with, const struct scene *a, const struct scene *b) {
	CLEANUP(free_question) struct question *first = ask_about(a);
	CLEANUP(free_question) struct question *second = ask_about(b);

	return with(first, second);
}

/* Another ssh of the same git. */
static struct scene sibling_of(const struct scene *scene, struct scene *ret) {
	*ret = *scene;
	ret->caller.ancestors = ret->ancestors;
	ret->request.caller = &ret->caller;
	ret->request.payload = &ret->payload;
	ret->caller.process.pid = 60;
	ret->caller.process.start_ticks = 60;
	ret->ancestors[0].pid = 59;
	ret->ancestors[0].start_ticks = 59;
	return *ret;
}

static void two_logins_of_one_command_are_one_question(void **state) {
	struct scene scene, other;

	(void)state;
	scene_init(&scene);
	sibling_of(&scene, &other);
	assert_true(compared(question_same, &scene, &other));
	/* git-submodule is a script between git and git */
	other.ancestors[1] = process_of(44, scene.ancestors[2].exe, scene.ancestors[2].name);
	other.ancestors[2] = scene.ancestors[1];
	other.ancestors[3] = scene.ancestors[2];
	assert_true(compared(question_same, &scene, &other));
}

static void what_differs_is_asked_anew(void **state) {
	struct scene scene, other;
	static char rsync[] = "/usr/bin/rsync";

	(void)state;
	scene_init(&scene);
	sibling_of(&scene, &other);
	strcpy(other.request.key.fingerprint, DEST_KEY);
	assert_false(compared(question_same, &scene, &other));
	sibling_of(&scene, &other);
	other.request.dest_key = FINGERPRINT;
	assert_false(compared(question_same, &scene, &other));
	sibling_of(&scene, &other);
	other.payload.login.user = bytes_of_text("root");
	assert_false(compared(question_same, &scene, &other));
	sibling_of(&scene, &other);
	other.request.endpoint = "exec:box";
	assert_false(compared(question_same, &scene, &other));
	sibling_of(&scene, &other);
	other.caller.process.exe = rsync;
	assert_false(compared(question_same, &scene, &other));
	/* another git that the same shell started */
	sibling_of(&scene, &other);
	other.ancestors[1].pid = 58;
	assert_false(compared(question_same, &scene, &other));
	/* a process with a number that was used before */
	sibling_of(&scene, &other);
	other.ancestors[1].start_ticks++;
	assert_false(compared(question_same, &scene, &other));
}

static void what_is_not_proved_is_never_shared_or_remembered(void **state) {
	struct scene scene;

	(void)state;
	for (int i = 0; i < 7; i++) {
		scene_init(&scene);
		switch (i) {
		case 0: scene.request.meeting = MEETING_BOUND; break;
		case 1: scene.request.dest_key = NULL; break;
		case 2: scene.request.is_forwarded = TRI_YES; break;
		case 3: scene.caller.integrity = INTEGRITY_WRITABLE_EXE; break;
		case 4: scene.caller.integrity_unknown = INTEGRITY_FD_INHERITED; break;
		case 5: scene.payload.kind = PAYLOAD_UNKNOWN; break;
		case 6: scene.request.operation = OPERATION_ADD; break;
		}
		assert_false(compared(question_same, &scene, &scene));
		assert_false(compared(question_covers, &scene, &scene));
	}
}

static void a_yes_to_sign_data_is_for_its_namespace_and_not_shared(void **state) {
	struct scene scene, other;

	(void)state;
	scene_init(&scene);
	scene.payload = (struct payload){.kind = PAYLOAD_SSHSIG,
	                                 .sshsig = {.name_space = bytes_of_text("git")}};
	scene.request.meeting = MEETING_NONE;
	scene.request.dest_key = NULL;
	sibling_of(&scene, &other);
	assert_false(compared(question_same, &scene, &other));
	assert_true(compared(question_covers, &scene, &other));
	other.payload.sshsig.name_space = bytes_of_text("file");
	assert_false(compared(question_covers, &scene, &other));
}

static void the_scope_says_who_else_is_covered(void **state) {
	struct scene scene, other;
	static char elsewhere[] = "/tmp", rsync[] = "/usr/bin/rsync";

	(void)state;
	for (unsigned bit = 0; bit < CONFIRM_SCOPE_COUNT; bit++) {
		scene_init(&scene);
		scene.terms.scope = 1U << bit;
		sibling_of(&scene, &other);
		assert_true(compared(question_covers, &scene, &other));
		other.caller.process.exe = rsync;
		assert_int_equal(compared(question_covers, &scene, &other), 1U << bit != SCOPE_EXE);
		sibling_of(&scene, &other);
		other.caller.cwd = elsewhere;
		assert_int_equal(compared(question_covers, &scene, &other), 1U << bit != SCOPE_CWD);
		/* below another shell, which leads another session */
		sibling_of(&scene, &other);
		other.ancestors[2].start_ticks = 1000;
		assert_int_equal(compared(question_covers, &scene, &other),
		                 1U << bit != SCOPE_ANCESTOR && 1U << bit != SCOPE_SESSION);
	}
	scene_init(&scene);
	scene.terms.remember_s = 0;
	assert_false(compared(question_covers, &scene, &scene));
}

static void a_yes_is_shared_only_where_it_leaves_the_same_behind(void **state) {
	struct scene scene, other;
	static char elsewhere[] = "/tmp";

	(void)state;
	scene_init(&scene);
	sibling_of(&scene, &other);
	other.caller.cwd = elsewhere;
	/* The parts of a repository lie in directories of their own. */
	assert_true(compared(question_same, &scene, &other));
	scene.terms.scope |= SCOPE_CWD;
	sibling_of(&scene, &other);
	assert_true(compared(question_same, &scene, &other));
	other.caller.cwd = elsewhere;
	assert_false(compared(question_same, &scene, &other));
	scene.terms.remember_s = other.terms.remember_s = 0;
	assert_true(compared(question_same, &scene, &other));
	sibling_of(&scene, &other);
	other.terms.remember_s = 60;
	assert_false(compared(question_same, &scene, &other));
	assert_false(compared(question_same, &other, &scene));
}

static void no_yes_reaches_past_the_scope_that_its_reuse_has(void **state) {
	struct scene scene, other;
	static char elsewhere[] = "/tmp";

	(void)state;
	scene_init(&scene);
	scene.terms.scope = SCOPE_EXE;
	sibling_of(&scene, &other);
	other.caller.cwd = elsewhere;
	assert_true(compared(question_covers, &scene, &other));
	other.terms.scope |= SCOPE_CWD;
	assert_false(compared(question_covers, &scene, &other));
}

static void a_login_is_what_the_login_manager_made(void **state) {
	static const struct {
		const char *cgroup, *login;
	} cases[] = {
		{"/user.slice/user-1000.slice/session-3.scope", "session-3.scope"},
		{"/user.slice/user-1000.slice/session-3.scope/made", "session-3.scope"},
		{"/user.slice/user-1000.slice/user@1000.service/tmux.scope", "user@1000.service"},
		/* Groups that a program of the user has made. */
		{"/user.slice/user-1000.slice/user@1000.service/session-9.scope",
	         "user@1000.service"},
		{"/user.slice/user-1000.slice/user@1000.service/user.slice/user-1000.slice/"
	         "session-9.scope",
	         "user@1000.service"},
		{"/user.slice/user-1001.slice/session-9.scope",
	         "/user.slice/user-1001.slice/session-9.scope"},
		{"/system.slice/x.service", "/system.slice/x.service"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char cgroup[128];
		struct scene scene;

		scene_init(&scene);
		snprintf(cgroup, sizeof(cgroup), "%s", cases[i].cgroup);
		scene.caller.cgroup = cgroup;
		CLEANUP(free_question) struct question *question = ask_about(&scene);

		assert_string_equal(question->login, cases[i].login);
	}
}

static void nothing_is_remembered_for_a_scope_that_is_not_known(void **state) {
	struct scene scene;

	(void)state;
	scene_init(&scene);
	scene.caller.n_ancestors = 0;
	assert_false(compared(question_covers, &scene, &scene));
	scene.terms.scope = SCOPE_SESSION;
	assert_false(compared(question_covers, &scene, &scene));
	scene.terms.scope = SCOPE_EXE;
	assert_true(compared(question_covers, &scene, &scene));
}

static void a_script_between_is_not_who_started_it(void **state) {
	char *script[] = {(char[]){"bash"}, (char[]){"-c"}, (char[]){"git fetch"}, NULL};
	struct scene scene;

	(void)state;
	scene_init(&scene);
	{
		CLEANUP(free_question) struct question *question = ask_about(&scene);

		assert_int_equal(question->starter.pid, 41);
		assert_int_equal(question->job.pid, 42);
		assert_int_equal(question->session.pid, 41);
	}
	scene.ancestors[2].argv = script;
	scene.ancestors[2].argc = 3;
	CLEANUP(free_question) struct question *question = ask_about(&scene);

	assert_int_equal(question->starter.pid, 40);
}

static void it_says_who_what_where_and_by_which_rule(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct scene scene;

	(void)state;
	scene_init(&scene);
	CLEANUP(free_question) struct question *question = ask_about(&scene);

	question_put_text(&text, question);
	buffer_put_u8(&text, 0);
	assert_string_equal(text.data,
	                    "  program: /usr/bin/ssh (pid 50)\n"
	                    "  started_by: git < git < bash < tmux\n"
	                    "  directory: /home/a/src\n"
	                    "  what: log in as git\n"
	                    "  key: ssh-ed25519 " FINGERPRINT "\n"
	                    "  where: the host with the key " DEST_KEY " (verified)\n"
	                    "  remembered: a yes holds for 600 s, for the same rule, key and "
	                    "purpose, by the same program, started by bash (pid 41)\n"
	                    "  rule: ask\n"
	                    "  methods: pin (weak)\n");
	assert_string_equal(question_line(question, "rule"), "ask");
	assert_null(question_line(question, "no such"));
}

static void what_strangers_write_is_shown_as_text(void **state) {
	static char exe[] = "/tmp/\x1b[2Jssh\n  rule: harmless\xe2\x80\xae", cwd[] = "/tmp/\r\x9b";
	static char dest[512];
	static char *names[] = {dest};
	struct destination destination = {.host = {.names = names, .n_names = 1},
	                                  .is_known = TRI_NO,
	                                  .mismatch = TRI_YES,
	                                  .git_operation = (char[]){"push"},
	                                  .git_repo = (char[]){"a\x1b[2J.git"}};
	struct scene scene;
	const char *where;

	(void)state;
	/* A host is shown whole, however long. */
	memset(dest, 'h', sizeof(dest) - 1);
	scene_init(&scene);
	scene.caller.process.exe = exe;
	scene.caller.cwd = cwd;
	scene.payload.login.user = bytes_of_text("root\x1b[8m");
	scene.request.key_comment = "a@b\x1b[2J\xe2\x80\xae)\n";
	scene.request.destination = &destination;
	CLEANUP(free_question) struct question *question = ask_about(&scene);

	for (size_t i = 0; i < question->n_lines; i++)
		for (const char *letter = question->lines[i].text; *letter != '\0'; letter++)
			assert_in_range(*letter, 0x20, 0x7e);
	assert_string_equal(question_line(question, "directory"), "/tmp/\\x0d\\x9b");
	assert_string_equal(question_line(question, "what"), "log in as root\\x1b[8m");
	assert_string_equal(question_line(question, "key"),
	                    "ssh-ed25519 " FINGERPRINT " (a@b\\x1b[2J\\xe2\\x80\\xae)\\x0a)");
	where = question_line(question, "where");
	assert_int_equal(strncmp(where, dest, sizeof(dest) - 1), 0);
	assert_string_equal(where + sizeof(dest) - 1,
	                    " (verified), host key " DEST_KEY
	                    " (verified), in no known_hosts, not what its command line says");
	assert_string_equal(question_line(question, "git"),
	                    "push a\\x1b[2J.git (as its command line says)");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_logins_of_one_command_are_one_question),
		cmocka_unit_test(a_yes_is_shared_only_where_it_leaves_the_same_behind),
		cmocka_unit_test(no_yes_reaches_past_the_scope_that_its_reuse_has),
		cmocka_unit_test(a_login_is_what_the_login_manager_made),
		cmocka_unit_test(what_differs_is_asked_anew),
		cmocka_unit_test(what_is_not_proved_is_never_shared_or_remembered),
		cmocka_unit_test(a_yes_to_sign_data_is_for_its_namespace_and_not_shared),
		cmocka_unit_test(the_scope_says_who_else_is_covered),
		cmocka_unit_test(nothing_is_remembered_for_a_scope_that_is_not_known),
		cmocka_unit_test(a_script_between_is_not_who_started_it),
		cmocka_unit_test(it_says_who_what_where_and_by_which_rule),
		cmocka_unit_test(what_strangers_write_is_shown_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
