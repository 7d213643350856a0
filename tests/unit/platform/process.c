/* What is read of real processes, the hostile ones among them. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "caller/caller.h"
#include "children.h"
#include "platform/platform.h"

#define ARGV_BIG_LEN (1024 * 1024)

static char directory[64];

/* The functions of a subject, opened anew for each. */
static int process_of(struct process *ret, pid_t *ret_parent, pid_t pid) {
	struct subject *subject = NULL;
	struct view *view = NULL;
	int error = view_new(&view);

	if (error == 0)
		error = subject_open(&subject, view, pid);
	if (error == 0)
		error = subject_process(ret, ret_parent, subject);
	subject_close(subject);
	view_free(view);
	return error;
}

static int again(pid_t *ret_parent, const struct process *process) {
	struct subject *subject = NULL;
	int error = subject_open(&subject, NULL, process->pid);

	if (error == 0)
		error = subject_again(ret_parent, subject, process);
	subject_close(subject);
	return error;
}

static enum tri same_namespaces(pid_t pid) {
	struct subject *subject = NULL;
	struct view *view = NULL;
	enum tri same = TRI_UNKNOWN;

	if (view_new(&view) == 0 && subject_open(&subject, view, pid) == 0)
		same = subject_same_namespaces(subject);
	subject_close(subject);
	view_free(view);
	return same;
}

static int enter(void **state) {
	(void)state;
	strcpy(directory, "/tmp/guard-unit-XXXXXX");
	return mkdtemp(directory) == NULL || chdir(directory) < 0 ? -1 : 0;
}

static int leave(void **state) {
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return chdir("/") < 0 || system(command) != 0 ? -1 : 0;
}

/* Runs the program with its standard input from a pipe that stays open, and waits until it is
 * another image than ours. cat(1) waits for its input. */
static pid_t run(const char *program, char *const argv[]) {
	int ends[2], ready[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork_child();
	if (pid == 0) {
		dup2(ends[0], STDIN_FILENO);
		fcntl(ends[1], F_SETFD, 0); /* so that the input never ends */
		execv(program, argv);
		_exit(127);
	}
	close(ends[0]);
	close(ends[1]);
	close(ready[1]);
	wait_for_exec(pid, ready[0]);
	close(ready[0]);
	return pid;
}

static struct process read_process(pid_t pid) {
	struct process process = {0};
	pid_t parent;

	assert_int_equal(process_of(&process, &parent, pid), 0);
	return process;
}

static void we_know_ourselves(void **state) {
	struct process process;
	char own[4096];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	uint64_t ticks;
	pid_t parent;

	(void)state;
	assert_true(len > 0);
	own[len] = '\0';
	assert_int_equal(process_of(&process, &parent, getpid()), 0);
	assert_int_equal(process.pid, getpid());
	assert_int_equal(parent, getppid());
	assert_string_equal(process.exe, own);
	assert_string_equal(process.name, strrchr(own, '/') + 1);
	assert_true(process.argc >= 1);
	assert_int_equal(platform_start_ticks(&ticks, getpid()), 0);
	assert_true(ticks == process.start_ticks);
	/* After the machine's start, and not in the future. */
	assert_true(process.started_us > 0 && process.started_us <= clock_real_us());
	assert_int_equal(again(&parent, &process), 0);
	process.start_ticks++;
	assert_int_equal(again(&parent, &process), -ESRCH);
	process_deinit(&process);
}

static void a_hostile_title_stays_a_title(void **state) {
	const char *title = ") Z 1 1\n(x";
	struct process process;
	pid_t pid, parent;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid = fork_child();
	if (pid == 0) {
		prctl(PR_SET_NAME, title);
		tell(ends[1]);
		wait_forever();
	}
	assert_true(is_told(ends[0]));
	assert_int_equal(process_of(&process, &parent, pid), 0);
	assert_string_equal(process.title, title);
	assert_int_equal(parent, getpid());
	assert_string_not_equal(process.name, title);
	process_deinit(&process);
	end_child(pid);
	close(ends[0]);
	close(ends[1]);
}

static void the_name_is_the_executables_not_argv0(void **state) {
	char *const argv[] = {(char[]){"/usr/bin/ssh"}, NULL};
	pid_t pid = run("/usr/bin/cat", argv);
	struct process process = read_process(pid);

	(void)state;
	assert_string_equal(process.argv[0], "/usr/bin/ssh");
	assert_string_not_equal(process.name, "ssh");
	assert_non_null(strstr(process.exe, "cat"));
	process_deinit(&process);
	end_child(pid);
}

static void an_argv_of_megabytes_is_cut(void **state) {
	char *big = malloc(ARGV_BIG_LEN);
	char *argv[34] = {(char[]){"cat"}};
	struct process process;
	pid_t pid;

	(void)state;
	assert_non_null(big);
	memset(big, 'a', ARGV_BIG_LEN);
	/* One text may have 128 KiB. */
	big[100000] = '\0';
	for (size_t i = 1; i < 17; i++)
		argv[i] = big;
	argv[16] = (char[]){"-"};
	pid = run("/usr/bin/cat", argv);
	process = read_process(pid);
	assert_true(process.argv_cut);
	assert_int_equal(process.argc, 1);
	assert_string_equal(process.argv[0], "cat");
	process_deinit(&process);
	end_child(pid);
	free(big);
}

static void an_empty_argv_is_no_failure(void **state) {
	char *const argv[] = {NULL};
	pid_t pid = run("/usr/bin/cat", argv);
	struct process process = read_process(pid);

	(void)state;
	assert_non_null(process.argv); /* newer kernels put an empty text there */
	assert_true(process.argc <= 1);
	assert_false(process.argv_cut);
	process_deinit(&process);
	end_child(pid);
}

static void the_exited_are_gone_reaped_or_not(void **state) {
	struct process process = {.pid = 7};
	siginfo_t info;
	uint64_t ticks;
	pid_t parent;
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(process_of(&process, &parent, pid), -ESRCH);
	assert_int_equal(platform_start_ticks(&ticks, pid), -ESRCH);
	assert_int_equal(child_status(pid), 0);
	assert_int_equal(process_of(&process, &parent, pid), -ESRCH);
	assert_int_equal(platform_start_ticks(&ticks, pid), -ESRCH);
	assert_int_equal(process.pid, 7);
}

static void copy_program(const char *from, const char *to) {
	char command[256];

	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	assert_int_equal(system(command), 0);
}

static void a_deleted_or_replaced_executable_is_unknown(void **state) {
	char *const argv[] = {(char[]){"cat"}, NULL};
	struct process process;
	pid_t pid, parent;

	(void)state;
	copy_program("/usr/bin/cat", "mine");
	pid = run("./mine", argv);
	process = read_process(pid);
	assert_string_equal(process.name, "mine"); /* so far it is there */
	process_deinit(&process);
	assert_int_equal(unlink("mine"), 0);
	assert_int_equal(process_of(&process, &parent, pid), 0);
	assert_null(process.exe);
	assert_null(process.name);
	process_deinit(&process);
	copy_program("/usr/bin/cat", "mine");
	copy_program("/usr/bin/cat", "mine (deleted)");
	assert_int_equal(process_of(&process, &parent, pid), 0);
	assert_null(process.exe);
	process_deinit(&process);
	end_child(pid);
}

static void another_executable_is_noticed(void **state) {
	char *const argv[] = {(char[]){"cat"}, NULL};
	struct process process;
	pid_t pid, parent;

	(void)state;
	copy_program("/usr/bin/cat", "mine");
	pid = run("./mine", argv);
	process = read_process(pid);
	assert_int_equal(again(&parent, &process), 0);
	assert_int_equal(parent, getpid());
	assert_int_equal(rename("mine", "other"), 0); /* the same file: its path has changed */
	assert_int_equal(again(&parent, &process), -ESTALE);
	process_deinit(&process);
	end_child(pid);
}

static void cwd_terminal_cgroup_and_age_are_read(void **state) {
	struct caller caller = {0};
	struct subject *subject;
	struct view *view;
	char cwd[4096];
	pid_t parent;

	(void)state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(view_new(&view), 0);
	assert_int_equal(subject_open(&subject, view, getpid()), 0);
	assert_int_equal(subject_process(&caller.process, &parent, subject), 0);
	subject_caller_facts(&caller, subject);
	assert_string_equal(caller.cwd, cwd);
	assert_int_not_equal(caller.has_terminal, TRI_UNKNOWN);
	assert_true(caller.cgroup == NULL || caller.cgroup[0] == '/');
	assert_true(caller.age_ms < 600 * 1000);
	subject_close(subject);
	view_free(view);
	process_deinit(&caller.process);
	free(caller.cwd);
	free(caller.cgroup);
}

static void nothing_is_read_of_a_successor(void **state) {
	struct subject *subject;
	struct process process = {0};
	pid_t parent, successor;
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0)
		wait_forever();
	assert_int_equal(subject_open(&subject, NULL, pid), 0);
	end_child(pid);
	successor = fork_child_as(pid);
	if (successor == 0)
		wait_forever();
	/* Without the right to choose its number there is nobody in its place, which is as good. */
	assert_int_equal(subject_process(&process, &parent, subject), -ESRCH);
	assert_int_equal(subject_again(&parent, subject, &process), -ESRCH);
	assert_int_equal(process.pid, 0);
	subject_close(subject);
	if (successor > 0)
		end_child(successor);
}

/* As the guard and its reader are: nobody may look into them. They must still see others. */
static void one_who_cannot_be_seen_still_sees(void **state) {
	char *const argv[] = {(char[]){"cat"}, NULL};
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0) {
		struct process process;
		pid_t child, parent;

		if (getuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(1);
		child = run("/usr/bin/cat", argv);
		if (platform_harden_process() < 0)
			_exit(2);
		for (process = (struct process){0}; process.argc == 0;)
			if (process_of(&process, &parent, child) < 0)
				_exit(3);
		if (process.exe == NULL || strstr(process.exe, "cat") == NULL)
			_exit(4);
		process_deinit(&process);
		if (same_namespaces(child) != TRI_YES)
			_exit(5);
		/* Itself is what others see of it: identified, but of unknown executable. */
		end_child(child);
		_exit(0);
	}
	assert_int_equal(child_status(pid), 0);
}

/* Both have an executable that cannot be read; only one of them is none of ours. */
static void another_users_process_is_told_from_our_own_that_hides(void **state) {
	pid_t parent_pid = getpid(), pid;

	(void)state;
	if (getuid() != 0)
		skip();
	pid = fork_child();
	if (pid == 0) {
		struct process process;
		pid_t parent;

		if (setgid(65534) < 0 || setuid(65534) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
			_exit(1);
		if (process_of(&process, &parent, parent_pid) < 0 || process.exe != NULL ||
		    process.title == NULL || !process.foreign)
			_exit(2);
		process_deinit(&process);
		/* One that hides: its files in /proc are root's. */
		pid = fork();
		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (process_of(&process, &parent, pid) < 0 || process.foreign)
			_exit(3);
		process_deinit(&process);
		end_child(pid);
		_exit(0);
	}
	assert_int_equal(child_status(pid), 0);
}

static void one_who_cannot_be_seen_has_known_namespaces_all_the_same(void **state) {
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0) {
		struct process process;
		int ends[2];
		pid_t child, parent;

		if (getuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(1);
		if (pipe(ends) < 0)
			_exit(2);
		child = fork_child();
		if (child == 0) {
			if (platform_harden_process() < 0)
				_exit(1);
			tell(ends[1]);
			wait_forever();
		}
		if (!is_told(ends[0]) || process_of(&process, &parent, child) < 0)
			_exit(3);
		if (process.exe != NULL || process.title == NULL)
			_exit(4);
		process_deinit(&process);
		if (same_namespaces(child) != TRI_YES)
			_exit(5);
		end_child(child);
		_exit(0);
	}
	assert_int_equal(child_status(pid), 0);
}

static void a_process_can_be_looked_at_as_if_it_were_a_writer(void **state) {
	size_t before = count_descriptors();
	pid_t child = fork_child();
	struct peer peer = PEER_UNKNOWN;

	(void)state;
	if (child == 0)
		wait_forever();
	assert_true(child > 0);
	assert_int_equal(platform_peer_of(&peer, child), 0);
	assert_true(peer.known);
	assert_int_equal(peer.pid, child);
	assert_int_equal(peer.uid, geteuid());
	assert_true(platform_peer_alive(&peer));
	end_child(child);
	assert_false(platform_peer_alive(&peer));
	peer_deinit(&peer);
	assert_int_equal(platform_peer_of(&peer, child), -ESRCH);
	assert_false(peer.known);
	assert_int_equal(count_descriptors(), before);
}

static void what_a_child_does_with_its_time_is_known(void **state) {
	struct child_time busy = {0}, asleep = {0};
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0)
		for (;;)
			continue;
	while (busy.ran_ns == 0)
		assert_int_equal(platform_child_time(&busy, pid), 0);
	assert_true(busy.wants_processor);
	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
	assert_int_equal(platform_child_time(&asleep, pid), 0);
	assert_false(asleep.wants_processor);
	assert_true(asleep.ran_ns >= busy.ran_ns);
	end_child(pid);
	assert_int_equal(platform_child_time(&asleep, pid), -ESRCH);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_child_does_with_its_time_is_known),
		cmocka_unit_test(we_know_ourselves),
		cmocka_unit_test(a_hostile_title_stays_a_title),
		cmocka_unit_test(the_name_is_the_executables_not_argv0),
		cmocka_unit_test(an_argv_of_megabytes_is_cut),
		cmocka_unit_test(an_empty_argv_is_no_failure),
		cmocka_unit_test(the_exited_are_gone_reaped_or_not),
		cmocka_unit_test_setup_teardown(a_deleted_or_replaced_executable_is_unknown, enter,
	                                        leave),
		cmocka_unit_test_setup_teardown(another_executable_is_noticed, enter, leave),
		cmocka_unit_test(cwd_terminal_cgroup_and_age_are_read),
		cmocka_unit_test(a_process_can_be_looked_at_as_if_it_were_a_writer),
		cmocka_unit_test(nothing_is_read_of_a_successor),
		cmocka_unit_test(one_who_cannot_be_seen_still_sees),
		cmocka_unit_test(another_users_process_is_told_from_our_own_that_hides),
		cmocka_unit_test(one_who_cannot_be_seen_has_known_namespaces_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
