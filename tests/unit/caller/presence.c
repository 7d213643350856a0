#include "unit.h"

#include "caller/presence.h"

/* Facts are char * where caller/ owns them; nothing here writes to them. */
static char *text(const char *literal) {
	return (char *)(uintptr_t)literal;
}

static char *env[4];
static struct process shell;

static struct caller caller_with(const char *variable) {
	env[0] = text("TERM=xterm");
	env[1] = text(variable);
	shell = (struct process){.title = text("bash"), .name = text("bash")};
	return (struct caller){.env = env,
	                       .n_env = 2,
	                       .ancestors = &shell,
	                       .n_ancestors = 1,
	                       .ancestors_known = true};
}

static void assert_presence(struct caller *caller, enum presence by_logind, enum presence expected,
                            const char *evidence) {
	presence_decide(caller, by_logind);
	assert_int_equal(caller->presence, expected);
	if (evidence == NULL)
		assert_null(caller->presence_evidence);
	else
		assert_string_equal(caller->presence_evidence, evidence);
}

static void the_login_manager_counts_first(void **state) {
	struct caller caller = caller_with("SSH_CONNECTION=::1 1 ::1 22");

	(void)state;
	assert_presence(&caller, PRESENCE_LOCAL, PRESENCE_LOCAL, "logind");
	caller = caller_with("DISPLAY=:0");
	assert_presence(&caller, PRESENCE_REMOTE, PRESENCE_REMOTE, "logind");
}

static void the_environment_tells_of_ssh(void **state) {
	static const char *const variables[] = {"SSH_CONNECTION=::1 1 ::1 22", "SSH_TTY=/dev/pts/1",
	                                        "SSH_CLIENT=::1 1 22"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct caller caller = caller_with(variables[i]);

		env[2] = text("DISPLAY=:0");
		caller.n_env = 3;
		assert_presence(&caller, PRESENCE_UNKNOWN, PRESENCE_REMOTE, "environment");
	}
}

static void an_ancestor_tells_of_ssh(void **state) {
	struct caller caller = caller_with("DISPLAY=:0");

	(void)state;
	shell = (struct process){.title = text("sshd-session"), .foreign = true};
	assert_presence(&caller, PRESENCE_UNKNOWN, PRESENCE_REMOTE, "ancestors");
	caller = caller_with("A=b");
	caller.env = NULL; /* which says nothing either way */
	caller.n_env = 0;
	shell = (struct process){.name = text("mosh-server"), .title = text("x")};
	assert_presence(&caller, PRESENCE_UNKNOWN, PRESENCE_REMOTE, "ancestors");
}

static void a_display_of_this_machine_tells_of_somebody_here(void **state) {
	struct caller caller = caller_with("DISPLAY=:0");

	(void)state;
	assert_presence(&caller, PRESENCE_UNKNOWN, PRESENCE_LOCAL, "environment");
	caller = caller_with("WAYLAND_DISPLAY=wayland-0");
	assert_presence(&caller, PRESENCE_UNKNOWN, PRESENCE_LOCAL, "environment");
	caller = caller_with("DISPLAY=localhost:10.0");
	assert_presence(&caller, PRESENCE_UNKNOWN, PRESENCE_UNKNOWN, NULL);
	caller = caller_with("DISPLAY=");
	assert_presence(&caller, PRESENCE_UNKNOWN, PRESENCE_UNKNOWN, NULL);
	caller = caller_with("DISPLAY=:0");
	caller.ancestors_known = false; /* there may be an sshd among them */
	assert_presence(&caller, PRESENCE_UNKNOWN, PRESENCE_UNKNOWN, NULL);
}

static void a_locked_screen_tells_of_who_did_not_come_by_ssh(void **state) {
	struct caller caller = caller_with("DISPLAY=:0");

	(void)state;
	assert_presence(&caller, PRESENCE_LOCKED, PRESENCE_LOCKED, "screen");
	caller = caller_with("SSH_TTY=/dev/ttys001");
	assert_presence(&caller, PRESENCE_LOCKED, PRESENCE_REMOTE, "environment");
	caller = caller_with("A=b");
	shell = (struct process){.title = text("sshd"), .foreign = true};
	assert_presence(&caller, PRESENCE_LOCKED, PRESENCE_REMOTE, "ancestors");
}

static void a_command_takes_only_who_seemed_local_away(void **state) {
	struct caller local = {.presence = PRESENCE_LOCAL, .presence_evidence = "logind"};
	struct caller away = local, unknown = local;
	struct caller remote = {.presence = PRESENCE_REMOTE, .presence_evidence = "environment"};

	(void)state;
	presence_leave(&away);
	assert_int_equal(away.presence, PRESENCE_REMOTE);
	assert_string_equal(away.presence_evidence, "screen");
	presence_forget(&unknown);
	assert_int_equal(unknown.presence, PRESENCE_UNKNOWN);
	assert_null(unknown.presence_evidence);
	presence_forget(&remote);
	presence_leave(&remote);
	assert_int_equal(remote.presence, PRESENCE_REMOTE);
	assert_string_equal(remote.presence_evidence, "environment");
	presence_leave(&unknown);
	assert_int_equal(unknown.presence, PRESENCE_UNKNOWN);
}

static void where_nothing_tells_nothing_is_known(void **state) {
	struct caller caller = caller_with("SSH_TTY=");

	(void)state;
	assert_presence(&caller, PRESENCE_UNKNOWN, PRESENCE_UNKNOWN, NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_login_manager_counts_first),
		cmocka_unit_test(the_environment_tells_of_ssh),
		cmocka_unit_test(an_ancestor_tells_of_ssh),
		cmocka_unit_test(a_display_of_this_machine_tells_of_somebody_here),
		cmocka_unit_test(a_locked_screen_tells_of_who_did_not_come_by_ssh),
		cmocka_unit_test(a_command_takes_only_who_seemed_local_away),
		cmocka_unit_test(where_nothing_tells_nothing_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
