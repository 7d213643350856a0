/* Each attempt is made by a child: a filter cannot be taken off. */
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/platform.h"

/* Whether it is true in a process with the filter. */
static bool holds_filtered(bool (*attempt)(void)) {
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(platform_forbid_calls() == 0 ? attempt() : 2);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 2);
	return WEXITSTATUS(status) == 1;
}

static bool is_refused(long number) {
	return syscall(number, 0, 0, 0, 0, 0, 0) < 0 && errno == EPERM;
}

static bool other_processes_are_out_of_reach(void) {
	return is_refused(SYS_process_vm_readv) && is_refused(SYS_process_vm_writev) &&
	       is_refused(SYS_pidfd_getfd);
}

static bool the_kernel_is_out_of_reach(void) {
	return is_refused(SYS_bpf) && is_refused(SYS_io_uring_setup) &&
	       is_refused(SYS_userfaultfd) && is_refused(SYS_keyctl) && is_refused(SYS_mount);
}

static bool nothing_gives_new_privileges(void) {
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static bool a_child_has_it_too(void) {
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(is_refused(SYS_process_vm_readv) ? 0 : 1);
	return waitpid(child, &status, 0) == child && status == 0;
}

static bool programs_and_sockets_work(void) {
	return system("exec 3>/dev/null && test -e /proc/self/stat") == 0 &&
	       socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static void what_the_guard_has_no_use_for_is_refused(void **state) {
	(void)state;
	assert_false(other_processes_are_out_of_reach()); /* it is the filter that refuses */
	assert_true(holds_filtered(other_processes_are_out_of_reach));
	assert_true(holds_filtered(the_kernel_is_out_of_reach));
	assert_true(holds_filtered(nothing_gives_new_privileges));
	assert_true(holds_filtered(a_child_has_it_too));
}

static void what_it_does_use_is_not(void **state) {
	(void)state;
	assert_true(holds_filtered(programs_and_sockets_work));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_guard_has_no_use_for_is_refused),
		cmocka_unit_test(what_it_does_use_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
