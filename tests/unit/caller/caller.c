/* The whole identity of one writer, read from real processes. */
#include "unit.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "caller/caller.h"
#include "children.h"

static struct view *view;
static struct env_names *names;

static int look(void **state) {
	(void)state;
	return env_names_new(&names, NULL, 0) < 0 ? -1 : view_new(&view);
}

static int look_away(void **state) {
	(void)state;
	view_free(view);
	env_names_free(names);
	return 0;
}

static struct peer peer_of(pid_t pid) {
	return (struct peer){
		.known = true, .pid = pid, .uid = geteuid(), .gid = getegid(), .pidfd = -1};
}

static void we_are_identified_with_our_ancestors(void **state) {
	struct peer peer = peer_of(getpid());
	struct caller *caller;

	(void)state;
	assert_int_equal(caller_read(&caller, view, &peer, names), 0);
	assert_int_equal(caller->state, CALLER_IDENTIFIED);
	assert_null(caller->reason);
	assert_int_equal(caller->process.pid, getpid());
	assert_int_equal(caller->uid, geteuid());
	assert_true(caller->ancestors_known);
	assert_true(caller->n_ancestors >= 1);
	assert_int_equal(caller->ancestors[0].pid, getppid());
	assert_int_equal(caller->apart, 0);
	assert_int_equal(caller->apart_unknown, 0);
	if (caller->n_ancestors < ANCESTORS_MAX)
		assert_int_equal(caller->ancestors[caller->n_ancestors - 1].pid, 1);
	caller_free(caller);
}

static void a_descendant_has_its_line_and_not_more_than_the_limit(void **state) {
	enum { DEPTH = 40 };
	int ends[2];
	pid_t top, bottom = 0;
	struct peer peer;
	struct caller *caller;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	top = fork_child();
	if (top == 0) {
		pid_t self;

		for (int i = 1; i < DEPTH; i++)
			if (fork_child() != 0)
				wait_forever();
		self = getpid();
		if (write(ends[1], &self, sizeof(self)) != sizeof(self))
			_exit(1);
		wait_forever();
	}
	assert_int_equal(read(ends[0], &bottom, sizeof(bottom)), sizeof(bottom));
	peer = peer_of(bottom);
	assert_int_equal(caller_read(&caller, view, &peer, names), 0);
	assert_int_equal(caller->state, CALLER_IDENTIFIED);
	assert_int_equal(caller->n_ancestors, ANCESTORS_MAX);
	assert_true(caller->ancestors_known);
	for (size_t i = 1; i < caller->n_ancestors; i++)
		assert_true(caller->ancestors[i].start_ticks <=
		            caller->ancestors[i - 1].start_ticks);
	caller_free(caller);
	end_child(top);
	close(ends[0]);
	close(ends[1]);
}

static void the_unknown_stay_unknown(void **state) {
	struct peer peer = PEER_UNKNOWN;
	struct caller *caller;

	(void)state;
	assert_int_equal(caller_read(&caller, view, &peer, names), 0);
	assert_int_equal(caller->state, CALLER_UNKNOWN);
	assert_string_equal(caller->reason, "caller-unknown");
	assert_int_equal(caller->uid, (uid_t)-1);
	assert_int_equal(caller->process.pid, 0);
	assert_int_equal(caller_is_in_container(caller), TRI_YES); /* it has no PID here */
	caller_free(caller);
}

static void one_that_has_exited_has_changed(void **state) {
	struct peer peer;
	struct caller *caller;
	siginfo_t info;
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	peer = peer_of(pid);
	for (int i = 0; i < 2; i++) { /* a zombie, and then nobody */
		assert_int_equal(caller_read(&caller, view, &peer, names), 0);
		assert_int_equal(caller->state, CALLER_UNKNOWN);
		assert_string_equal(caller->reason, "caller-changed");
		assert_int_equal(caller->process.pid, pid);
		caller_free(caller);
		waitpid(pid, NULL, 0);
	}
}

static void another_uid_is_not_identified(void **state) {
	struct peer peer = peer_of(getpid());
	struct caller *caller;

	(void)state;
	peer.uid++;
	assert_int_equal(caller_read(&caller, view, &peer, names), 0);
	assert_int_equal(caller->state, CALLER_UNKNOWN);
	assert_string_equal(caller->reason, "other-uid");
	caller_free(caller);
}

static void one_in_a_namespace_of_its_own_is_not_identified(void **state) {
	const int kinds[] = {CLONE_NEWUSER, CLONE_NEWUSER | CLONE_NEWPID};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct caller *caller;
		struct peer peer;
		pid_t outer, pid = 0;
		int ends[2];

		assert_int_equal(pipe(ends), 0);
		outer = fork_child();
		if (outer == 0) {
			int ready[2];
			pid_t inner;

			if (pipe(ready) < 0 || unshare(kinds[i]) < 0)
				_exit(77);
			inner = fork(); /* its parent has no number in there */
			if (inner == 0) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				tell(ready[1]);
				wait_forever();
			}
			if (!is_told(ready[0]) ||
			    write(ends[1], &inner, sizeof(inner)) != sizeof(inner))
				_exit(1);
			wait_forever();
		}
		close(ends[1]);
		if (read(ends[0], &pid, sizeof(pid)) != sizeof(pid)) {
			assert_int_equal(child_status(outer), 77);
			skip();
		}
		peer = peer_of(pid);
		assert_int_equal(caller_read(&caller, view, &peer, names), 0);
		assert_int_equal(caller->state, CALLER_UNKNOWN);
		assert_string_equal(caller->reason, "caller-unknown");
		assert_int_equal(caller->apart, i == 0 ? APART_USER : APART_USER | APART_PID);
		assert_int_equal(caller_is_in_container(caller), i == 0 ? TRI_UNKNOWN : TRI_YES);
		caller_free(caller);
		end_child(outer);
		close(ends[0]);
	}
}

/* A program with this environment and one more argument, which does nothing. */
static pid_t run_with(char *const env[], char *argument) {
	char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){"kill -STOP $$"}, argument,
	                      NULL};
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork_child();
	if (pid == 0) {
		execve("/bin/sh", argv, env);
		_exit(1);
	}
	close(ends[1]);
	wait_for_exec(pid, ends[0]);
	close(ends[0]);
	return pid;
}

static struct caller *read_image(pid_t pid) {
	struct peer peer = peer_of(pid);
	struct caller *caller;

	assert_int_equal(caller_read(&caller, view, &peer, names), 0);
	return caller;
}

static void the_environment_is_what_was_asked_of_it(void **state) {
	char *const env[] = {(char[]){"HOME=/root"}, (char[]){"TERM=x\n y"},
	                     (char[]){"TMUX_PANE=%3"}, NULL};
	pid_t pid = run_with(env, NULL);
	struct caller *caller = read_image(pid);

	(void)state;
	assert_int_equal(caller->n_env, 2);
	assert_string_equal(caller->env[0], env[1]);
	assert_string_equal(caller->env[1], env[2]);
	assert_int_equal(caller->integrity & INTEGRITY_PRELOADED, 0);
	assert_int_equal(caller->integrity_unknown & INTEGRITY_PRELOADED, 0);
	caller_free(caller);
	end_child(pid);
}

static void an_environment_of_a_megabyte_is_unknown(void **state) {
	char *big = malloc(ENVIRON_LEN_MAX);
	char *env[] = {(char[]){"TERM=x"}, big, big, NULL};
	struct caller *caller;
	pid_t pid;

	(void)state;
	assert_non_null(big);
	memset(big, 'a', ENVIRON_LEN_MAX - 1000);
	big[1] = '=';
	big[ENVIRON_LEN_MAX - 1000] = '\0';
	pid = run_with(env, NULL);
	caller = read_image(pid);
	assert_int_equal(caller->state, CALLER_IDENTIFIED);
	assert_null(caller->env);
	assert_int_equal(caller->integrity_unknown & INTEGRITY_PRELOADED, INTEGRITY_PRELOADED);
	caller_free(caller);
	end_child(pid);
	free(big);
}

static void no_environment_is_known_to_be_none(void **state) {
	char *const env[] = {NULL};
	pid_t pid = run_with(env, NULL);
	struct caller *caller = read_image(pid);

	(void)state;
	assert_non_null(caller->env);
	assert_int_equal(caller->n_env, 0);
	caller_free(caller);
	end_child(pid);
}

static void foreign_code_is_marked(void **state) {
	char *const preload[] = {(char[]){"LD_LIBRARY_PATH=/tmp"}, NULL};
	char *const none[] = {NULL};
	pid_t pids[] = {run_with(preload, NULL),
	                run_with(none, (char[]){"-opkcs11provider=/tmp/x.so"})};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct caller *caller = read_image(pids[i]);

		assert_int_equal(caller->integrity & INTEGRITY_PRELOADED, INTEGRITY_PRELOADED);
		caller_free(caller);
		end_child(pids[i]);
	}
}

/* Started in there, it is of a file that we may see differently; its paths are not ours. */
static void one_in_its_own_mount_namespace_has_no_executable(void **state) {
	struct caller *caller;
	struct peer peer;
	int ends[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork_child();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0)
			_exit(77);
		tell(ends[1]);
		execl("/bin/sleep", "sleep", "1000", (char *)NULL);
		_exit(1);
	}
	close(ends[1]);
	if (!is_told(ends[0])) {
		assert_int_equal(child_status(pid), 77);
		skip();
	}
	wait_for_exec(pid, ends[0]);
	peer = peer_of(pid);
	assert_int_equal(caller_read(&caller, view, &peer, names), 0);
	assert_int_equal(caller->state, CALLER_IDENTIFIED);
	assert_null(caller->process.exe);
	assert_null(caller->process.name);
	assert_null(caller->cwd);
	assert_int_equal(caller->apart, APART_MNT);
	assert_int_equal(caller->apart_unknown, 0);
	caller_free(caller);
	end_child(pid);
	close(ends[0]);
}

static void the_orphan_of_a_parent_that_exited_has_another_line(void **state) {
	struct caller *caller;
	struct peer peer;
	pid_t parent, orphan = 0;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	parent = fork_child();
	if (parent == 0) {
		orphan = fork();
		if (orphan == 0)
			wait_forever();
		if (write(ends[1], &orphan, sizeof(orphan)) != sizeof(orphan))
			_exit(1);
		_exit(0);
	}
	assert_int_equal(read(ends[0], &orphan, sizeof(orphan)), sizeof(orphan));
	assert_int_equal(child_status(parent), 0);
	peer = peer_of(orphan);
	assert_int_equal(caller_read(&caller, view, &peer, names), 0);
	assert_int_equal(caller->state, CALLER_IDENTIFIED);
	assert_int_equal(caller->ancestors[0].pid, getpid());
	caller_free(caller);
	end_child(orphan);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	close(ends[0]);
	close(ends[1]);
}

static void reading_leaves_no_descriptor_behind(void **state) {
	size_t before = count_descriptors();
	struct peer peer = peer_of(getpid());
	struct peer gone = peer_of(1 << 30);
	struct caller *caller;

	(void)state;
	assert_int_equal(caller_read(&caller, view, &peer, names), 0);
	caller_free(caller);
	assert_int_equal(caller_read(&caller, view, &gone, names), 0);
	caller_free(caller);
	assert_int_equal(count_descriptors(), before);
}

/* ssh <- bash <- sshd's session <- sshd <- the first process, as a user sees them. */
static void the_session_of_a_remote_login_is_not_one_that_hides(void **state) {
	char bash[] = "/usr/bin/bash";
	struct process ancestors[] = {
		{.pid = 40, .exe = bash},
		{.pid = 30, .exe = NULL},
		{.pid = 20, .exe = NULL, .foreign = true},
		{.pid = 1, .exe = NULL, .foreign = true},
	};
	struct process orphan[] = {
		{.pid = 40, .exe = NULL},
		{.pid = 30, .exe = NULL},
		{.pid = 1, .exe = NULL, .foreign = true},
	};
	struct caller caller = {.ancestors = ancestors, .n_ancestors = 4};

	(void)state;
	caller_mark_sessions(&caller);
	assert_false(ancestors[0].foreign);
	assert_true(ancestors[1].foreign);
	/* Whoever leaves his parents behind is the child of the first process, too. */
	caller = (struct caller){.ancestors = orphan, .n_ancestors = 3};
	caller_mark_sessions(&caller);
	assert_false(orphan[0].foreign);
	assert_false(orphan[1].foreign);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_session_of_a_remote_login_is_not_one_that_hides),
		cmocka_unit_test(we_are_identified_with_our_ancestors),
		cmocka_unit_test(a_descendant_has_its_line_and_not_more_than_the_limit),
		cmocka_unit_test(the_unknown_stay_unknown),
		cmocka_unit_test(one_that_has_exited_has_changed),
		cmocka_unit_test(another_uid_is_not_identified),
		cmocka_unit_test(one_in_a_namespace_of_its_own_is_not_identified),
		cmocka_unit_test(the_environment_is_what_was_asked_of_it),
		cmocka_unit_test(an_environment_of_a_megabyte_is_unknown),
		cmocka_unit_test(no_environment_is_known_to_be_none),
		cmocka_unit_test(foreign_code_is_marked),
		cmocka_unit_test(one_in_its_own_mount_namespace_has_no_executable),
		cmocka_unit_test(the_orphan_of_a_parent_that_exited_has_another_line),
		cmocka_unit_test(reading_leaves_no_descriptor_behind),
	};

	return cmocka_run_group_tests(tests, look, look_away);
}
