/*
 * A program whose sandbox is put on by the process that becomes it. In place of what puts one on
 * stands this test itself, which goes on to run the program as sandbox-exec would.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/platform.h"
#include "sandbox/direct.h"

#define INSIDE "inside"

static char self[4096];

/* Ends like the program, as `exec` does; 200 and more: there was none. */
static _Noreturn void run(const char *script) {
	struct launch_result result = {LAUNCH_NO_SANDBOX, 0};
	char number[16], inside[] = INSIDE, dashes[] = "--", sh[] = "/bin/sh", c[] = "-c";
	int channel[2];
	char *argv[8];

	if (platform_message_pair(channel) < 0)
		_exit(250);
	snprintf(number, sizeof(number), "%d", channel[1]);
	memcpy(argv, ((char *[]){self, inside, number, dashes, sh, c, strdup(script), NULL}),
	       sizeof(argv));
	if (script[0] == '/') { /* to be run as it is */
		argv[4] = argv[6];
		argv[5] = NULL;
	}
	if (direct_run(&result, argv, channel) < 0)
		_exit(251);
	switch (result.end) {
	case LAUNCH_EXITED: _exit(result.number);
	case LAUNCH_KILLED:
		signal(result.number, SIG_DFL);
		raise(result.number);
		_exit(252);
	case LAUNCH_NO_PROGRAM: _exit(result.number == ENOENT ? 201 : 202);
	case LAUNCH_NO_SANDBOX: _exit(200);
	case LAUNCH_EXCHANGED:
	case LAUNCH_NO_LANDLOCK: break;
	}
	_exit(253);
}

/* In a process group of its own, as a shell would. */
static pid_t start(const char *script) {
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		setpgid(0, 0);
		run(script);
	}
	setpgid(child, child);
	return child;
}

static int wait_status(pid_t child, int options) {
	int status = 0;

	assert_int_equal(waitpid(child, &status, options), child);
	return status;
}

static int exit_status(const char *script) {
	int status = wait_status(start(script), 0);

	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void the_exit_status_is_the_programs(void **state) {
	(void)state;
	assert_int_equal(exit_status("exit 0"), 0);
	assert_int_equal(exit_status("exit 77"), 77);
}

static void a_signal_that_ends_it_is_passed_on(void **state) {
	int status = wait_status(start("kill -KILL $$"), 0);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void a_program_that_cannot_be_run_is_told_from_one_that_fails(void **state) {
	(void)state;
	assert_int_equal(exit_status("/no/such/program"), 201);
	assert_int_equal(exit_status("/etc/passwd"), 202);
	assert_int_equal(exit_status("exit 127"), 127);
}

/* What is to put the sandbox on ends, as sandbox-exec does with a profile that it does not take. */
static void no_sandbox_is_told_from_a_program_that_fails(void **state) {
	static const struct {
		const char *script;
		enum launch_end end;
	} cases[] = {{"exit 65", LAUNCH_NO_SANDBOX},
	             {"kill -ABRT $$", LAUNCH_NO_SANDBOX},
	             {"kill -INT $$", LAUNCH_KILLED}};
	char sh[] = "/bin/sh", c[] = "-c";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(free_pointer) char *script = strdup(cases[i].script);
		char *const argv[] = {sh, c, script, NULL};
		struct launch_result result = {LAUNCH_EXITED, 0};
		int channel[2];

		assert_int_equal(platform_message_pair(channel), 0);
		assert_int_equal(direct_run(&result, argv, channel), 0);
		assert_int_equal(result.end, cases[i].end);
		assert_int_equal(channel[1], -1);
		close(channel[0]);
	}
}

static void what_is_sent_to_it_goes_to_the_program(void **state) {
	char ready[] = "/tmp/sag-direct-XXXXXX", script[128];
	int fd = mkstemp(ready);
	struct stat status;
	pid_t child;

	(void)state;
	assert_true(fd >= 0);
	snprintf(script, sizeof(script), "trap 'exit 9' TERM; rm %s; while :; do sleep 0.02; done",
	         ready);
	child = start(script);
	while (stat(ready, &status) == 0)
		usleep(1000);
	assert_int_equal(kill(child, SIGTERM), 0);
	assert_int_equal(wait_status(child, 0), 9 << 8);
	close(fd);
}

static void signals_are_its_own_again_when_the_program_has_ended(void **state) {
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		struct launch_result result;
		char number[16], inside[] = INSIDE, dashes[] = "--", program[] = "/bin/true";
		char *argv[] = {self, inside, number, dashes, program, NULL};
		int channel[2];

		signal(SIGHUP, SIG_IGN);
		if (platform_message_pair(channel) < 0)
			_exit(250);
		snprintf(number, sizeof(number), "%d", channel[1]);
		if (direct_run(&result, argv, channel) < 0)
			_exit(251);
		raise(SIGHUP);
		raise(SIGTERM);
		_exit(252);
	}
	assert_int_equal(wait_status(child, 0), SIGTERM);
}

/* Stopped by itself or by the terminal, the whole job is, and goes on when it is told to. */
static void a_stop_is_the_jobs_and_it_can_be_continued(void **state) {
	static const char *const scripts[] = {"kill -STOP $$; exit 5", "kill -TSTP $$; exit 5",
	                                      "kill -TSTP 0; exit 5",
	                                      "kill -TSTP $$; kill -STOP $$; exit 5"};

	(void)state;
	for (int round = 0; round < 25; round++)
		for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
			pid_t child = start(scripts[i]);
			int status = wait_status(child, WUNTRACED);

			while (WIFSTOPPED(status)) {
				assert_int_equal(WSTOPSIG(status), SIGTSTP);
				assert_int_equal(kill(-child, SIGCONT), 0);
				status = wait_status(child, WUNTRACED);
			}
			assert_int_equal(status, 5 << 8);
		}
}

static void it_gets_no_descriptor_that_is_not_meant(void **state) {
	int open_here = open("/etc/passwd", O_RDONLY); /* not close-on-exec */

	(void)state;
	assert_true(open_here > STDERR_FILENO);
	assert_int_equal(exit_status("for fd in /dev/fd/*; do case ${fd##*/} in [012]) ;; "
	                             "*) readlink $fd | grep -q '^/proc/.*/fd$' || "
	                             "{ [ -e $fd ] && exit 1; } ;; esac; done; exit 0"),
	                 0);
	close(open_here);
}

static void nobody_else_can_be_what_is_inside(void **state) {
	char name[] = "exec-inside", no[] = "2", dashes[] = "--", program[] = "/bin/true";
	char *few[] = {name, NULL}, *standard[] = {name, no, dashes, program, NULL};

	(void)state;
	assert_int_equal(direct_inside(1, few), 2);
	assert_int_equal(direct_inside(4, standard), 2);
}

int main(int argc, char **argv) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_exit_status_is_the_programs),
		cmocka_unit_test(a_signal_that_ends_it_is_passed_on),
		cmocka_unit_test(a_program_that_cannot_be_run_is_told_from_one_that_fails),
		cmocka_unit_test(no_sandbox_is_told_from_a_program_that_fails),
		cmocka_unit_test(what_is_sent_to_it_goes_to_the_program),
		cmocka_unit_test(signals_are_its_own_again_when_the_program_has_ended),
		cmocka_unit_test(a_stop_is_the_jobs_and_it_can_be_continued),
		cmocka_unit_test(it_gets_no_descriptor_that_is_not_meant),
		cmocka_unit_test(nobody_else_can_be_what_is_inside),
	};

	if (argc > 1 && strcmp(argv[1], INSIDE) == 0)
		return direct_inside(argc - 1, argv + 1);
	if (realpath(argv[0], self) == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
