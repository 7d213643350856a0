/* Each attempt is made by a child: a filter cannot be taken off. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/child.h"
#include "platform/platform.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

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

/* As a child of the guard's has both. limits 0: no filter at all. */
static bool holds_limited(unsigned limits, bool (*attempt)(void)) {
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0 && limits != 0 && (platform_forbid_calls() < 0 || child_limit(limits) < 0))
		_exit(2);
	if (child == 0)
		_exit(attempt());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 2);
	return WEXITSTATUS(status) == 1;
}

static bool all_are_refused(const long *numbers, size_t count) {
	for (size_t i = 0; i < count; i++) {
		if (is_refused(numbers[i]))
			continue;
		fprintf(stderr, "system call %ld is not refused\n", numbers[i]);
		return false;
	}
	return true;
}

static bool no_program_starts(void) {
	static const long numbers[] = {SYS_execve, SYS_execveat};
	char *const argv[] = {(char[]){"true"}, NULL};

	execv("/bin/true", argv);
	return errno == EPERM && all_are_refused(numbers, N(numbers));
}

static bool no_namespace_is_made(void) {
	static const long numbers[] = {SYS_unshare, SYS_setns,   SYS_fsopen,
	                               SYS_fspick,  SYS_fsmount, SYS_fsconfig};
	static const int flags[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,   CLONE_NEWNET,
	                            CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};

	for (size_t i = 0; i < N(flags); i++) {
		long child = syscall(SYS_clone, flags[i] | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

		if (child == 0)
			_exit(0);
		if (child > 0 || errno != EPERM)
			return false;
		child = syscall(SYS_clone, flags[i] | SIGCHLD, 0, 0, 0, 0);
		if (child == 0)
			_exit(0);
		if (child > 0 || errno != EPERM)
			return false;
	}
	return syscall(SYS_clone3, 0, 0) < 0 && errno == ENOSYS &&
	       all_are_refused(numbers, N(numbers));
}

static bool no_socket_is_made(void) {
	static const long numbers[] = {SYS_socket, SYS_socketpair, SYS_connect, SYS_bind,
	                               SYS_listen, SYS_accept,     SYS_accept4};

	return socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM &&
	       all_are_refused(numbers, N(numbers));
}

/* At a file that is there, so that nothing but the filter refuses. */
static bool no_file_is_changed(void) {
	static const long numbers[] = {
		SYS_truncate,  SYS_ftruncate,   SYS_fallocate,    SYS_unlinkat,     SYS_renameat2,
		SYS_linkat,    SYS_symlinkat,   SYS_mkdirat,      SYS_mknodat,      SYS_fchmod,
		SYS_fchmodat,  SYS_fchown,      SYS_fchownat,     SYS_setxattr,     SYS_lsetxattr,
		SYS_fsetxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, SYS_utimensat,
		/* fchmodat2, setxattrat, removexattrat, file_setattr: newer than some headers */
		452,           463,             466,              469,
#ifdef SYS_open /* those that newer architectures do without */
		SYS_creat,     SYS_unlink,      SYS_rename,       SYS_renameat,     SYS_link,
		SYS_symlink,   SYS_mkdir,       SYS_rmdir,        SYS_mknod,        SYS_chmod,
		SYS_chown,     SYS_lchown,      SYS_utime,        SYS_utimes,       SYS_futimesat,
#endif
	};
	static const int writing[] = {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC,
	                              O_WRONLY | O_APPEND};

	for (size_t i = 0; i < N(writing); i++)
		if (openat(AT_FDCWD, "/dev/null", writing[i], 0600) >= 0 || errno != EPERM)
			return false;
	return all_are_refused(numbers, N(numbers));
}

static bool it_can_look(void) {
	pid_t child = fork();
	int status = -1, fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	char byte;

	if (child == 0)
		_exit(0);
	return fd >= 0 && read(fd, &byte, 1) == 1 && waitpid(child, &status, 0) == child &&
	       status == 0 && open("/proc", O_RDONLY | O_DIRECTORY) >= 0 && malloc(1 << 20) != NULL;
}

static void a_child_that_only_looks_cannot_do_more(void **state) {
	(void)state;
	assert_true(holds_limited(CHILD_LOOKS_ONLY, no_program_starts));
	assert_true(holds_limited(CHILD_LOOKS_ONLY, no_namespace_is_made));
	assert_true(holds_limited(CHILD_LOOKS_ONLY, no_socket_is_made));
	assert_true(holds_limited(CHILD_LOOKS_ONLY, no_file_is_changed));
	assert_true(holds_limited(CHILD_LOOKS_ONLY, other_processes_are_out_of_reach));
	assert_true(holds_limited(CHILD_LOOKS_ONLY, it_can_look));
	/* It is the filter that refuses. */
	assert_false(holds_limited(0, no_socket_is_made));
	assert_false(holds_limited(0, no_file_is_changed));
	assert_true(holds_limited(0, it_can_look));
}

static void what_a_child_needs_is_left_to_it(void **state) {
	(void)state;
	assert_true(holds_limited(CHILD_NO_PROGRAMS, no_program_starts));
	assert_true(holds_limited(CHILD_NO_PROGRAMS, no_namespace_is_made));
	assert_false(holds_limited(CHILD_NO_PROGRAMS, no_socket_is_made));
	assert_false(holds_limited(CHILD_NO_PROGRAMS, no_file_is_changed));
	assert_true(holds_limited(CHILD_NO_PROGRAMS | CHILD_NO_SOCKETS, no_socket_is_made));
	assert_false(holds_limited(CHILD_NO_PROGRAMS | CHILD_NO_SOCKETS, no_file_is_changed));
	assert_false(holds_limited(CHILD_NO_PROGRAMS | CHILD_NO_CHANGES, no_socket_is_made));
	assert_true(holds_limited(CHILD_NO_PROGRAMS | CHILD_NO_CHANGES, no_file_is_changed));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_guard_has_no_use_for_is_refused),
		cmocka_unit_test(what_it_does_use_is_not),
		cmocka_unit_test(a_child_that_only_looks_cannot_do_more),
		cmocka_unit_test(what_a_child_needs_is_left_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
