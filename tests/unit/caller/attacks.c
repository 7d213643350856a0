/* Processes that want to be taken for another program. Each has a positive control beside it: what
 * an honest program does must pass. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "caller/caller.h"
#include "children.h"

#define TRIES   200
#define ALLOWED "/bin/sleep"

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

struct attacked {
	int guard_fd;  /* our end */
	int client_fd; /* theirs, closed here once they have it */
};

static struct attacked make_connection(void) {
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(platform_identify_writers(pair[0]), 0);
	return (struct attacked){pair[0], pair[1]};
}

/* The writer of one message, as it is read just then. */
static struct caller *read_caller(int guard_fd) {
	struct pollfd ready = {.fd = guard_fd, .events = POLLIN};
	struct peer writer;
	struct caller *caller;
	char message[64];
	size_t len;

	assert_int_equal(poll(&ready, 1, 10000), 1);
	assert_int_equal(platform_read(&writer, guard_fd, message, sizeof(message), &len), 0);
	assert_true(writer.known);
	assert_int_equal(caller_read(&caller, view, &writer, names), 0);
	peer_deinit(&writer);
	return caller;
}

static bool is_named(const struct caller *caller, const char *name) {
	return caller->state == CALLER_IDENTIFIED && caller->process.name != NULL &&
	       strcmp(caller->process.name, name) == 0;
}

static void keep_open_in_exec(int fd) {
	if (fcntl(fd, F_SETFD, 0) < 0)
		_exit(1);
}

static _Noreturn void exec_allowed(void) {
	execl(ALLOWED, "sleep", "1000", (char *)NULL);
	_exit(1);
}

static void an_honest_writer_has_no_mark(void **state) {
	struct attacked attacked = make_connection();
	struct caller *caller;
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0) {
		tell(attacked.client_fd);
		wait_forever();
	}
	close(attacked.client_fd);
	caller = read_caller(attacked.guard_fd);
	assert_int_equal(caller->state, CALLER_IDENTIFIED);
	assert_int_equal(caller->integrity & ~(unsigned)INTEGRITY_WRITABLE_EXE, 0);
	assert_int_equal(caller->integrity_unknown, 0);
	caller_free(caller);
	end_child(pid);
	close(attacked.guard_fd);
}

/* The real thing: what ssh-add does is what ssh and ssh-keygen do. */
static void openssh_has_no_mark(void **state) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char directory[] = "/tmp/guard-unit-XXXXXX";
	struct caller *caller;
	int listener, fd;
	pid_t pid;

	(void)state;
	if (access("/usr/bin/ssh-add", X_OK) < 0)
		skip();
	assert_non_null(mkdtemp(directory));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", directory);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(platform_identify_writers(listener), 0);
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	pid = fork_child();
	if (pid == 0) {
		setenv("SSH_AUTH_SOCK", address.sun_path, 1);
		execl("/usr/bin/ssh-add", "ssh-add", "-l", (char *)NULL);
		_exit(1);
	}
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(platform_identify_writers(fd), 0);
	caller = read_caller(fd);
	assert_true(is_named(caller, "ssh-add"));
	assert_int_equal(caller->integrity, 0);
	caller_free(caller);
	end_child(pid);
	close(fd);
	close(listener);
	unlink(address.sun_path);
	rmdir(directory);
}

/* Its request is read only after it is the allowed program, as by a guard that was stopped. */
static void one_that_writes_and_then_becomes_another_is_marked(void **state) {
	(void)state;
	for (int cloexec = 0; cloexec < 2; cloexec++) {
		struct attacked attacked = make_connection();
		struct caller *caller;
		int exec[2];
		pid_t pid;

		assert_int_equal(pipe2(exec, O_CLOEXEC), 0);
		pid = fork_child();
		if (pid == 0) {
			tell(attacked.client_fd);
			if (!cloexec)
				keep_open_in_exec(attacked.client_fd);
			exec_allowed();
		}
		close(exec[1]);
		wait_for_exec(pid, exec[0]);
		close(exec[0]);
		/* Where exec closed it, we still hold it here. */
		caller = read_caller(attacked.guard_fd);
		assert_true(is_named(caller, "sleep"));
		assert_int_equal(caller->integrity, INTEGRITY_FD_INHERITED);
		assert_int_equal(caller->integrity_unknown, 0);
		caller_free(caller);
		end_child(pid);
		close(attacked.client_fd);
		close(attacked.guard_fd);
	}
}

/* As ssh does with its standard input. */
static void a_copy_that_is_close_on_exec_does_not_hide_the_inherited_one(void **state) {
	struct attacked attacked = make_connection();
	struct caller *caller;
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0) {
		keep_open_in_exec(attacked.client_fd);
		if (fcntl(attacked.client_fd, F_DUPFD_CLOEXEC, 3) < 0)
			_exit(1);
		tell(attacked.client_fd);
		wait_forever();
	}
	close(attacked.client_fd);
	caller = read_caller(attacked.guard_fd);
	assert_int_equal(caller->integrity & INTEGRITY_FD_INHERITED, INTEGRITY_FD_INHERITED);
	caller_free(caller);
	end_child(pid);
	close(attacked.guard_fd);
}

/* As fast as it can, at fixed addresses or not, with the connection kept open or not. It may be
 * named as itself, or not at all; where it is named as the allowed program it is marked. */
static void one_that_becomes_another_meanwhile_is_never_named_as_it(void **state) {
	size_t marked = 0;

	(void)state;
	for (int i = 0; i < TRIES; i++) {
		struct attacked attacked = make_connection();
		struct caller *caller;
		pid_t pid = fork_child();

		if (pid == 0) {
			if (i % 2 == 0)
				personality(ADDR_NO_RANDOMIZE);
			if (i % 4 < 2)
				keep_open_in_exec(attacked.client_fd);
			tell(attacked.client_fd);
			exec_allowed();
		}
		caller = read_caller(attacked.guard_fd);
		if (is_named(caller, "sleep")) {
			assert_int_equal(caller->integrity & INTEGRITY_FD_INHERITED,
			                 INTEGRITY_FD_INHERITED);
			marked++;
		}
		caller_free(caller);
		end_child(pid);
		close(attacked.client_fd);
		close(attacked.guard_fd);
	}
	print_message("# %zu of %d had become another by then\n", marked, TRIES);
}

/* The connecting child is gone, or is another program, when its parent writes. */
static void one_whose_child_connected_is_named_as_itself(void **state) {
	struct attacked attacked = make_connection();
	struct caller *caller;
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0) {
		pid_t inner = fork_child();

		if (inner == 0) {
			keep_open_in_exec(attacked.client_fd);
			exec_allowed();
		}
		tell(attacked.client_fd);
		wait_forever();
	}
	close(attacked.client_fd);
	caller = read_caller(attacked.guard_fd);
	assert_int_equal(caller->process.pid, pid);
	assert_false(is_named(caller, "sleep"));
	caller_free(caller);
	end_child(pid);
	close(attacked.guard_fd);
}

static void a_double_with_another_argv0_is_named_by_its_executable(void **state) {
	struct attacked attacked = make_connection();
	struct caller *caller;
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0) {
		dup2(attacked.client_fd, STDOUT_FILENO);
		execl("/bin/sh", "/usr/bin/ssh", "-c", "echo; kill -STOP $$", (char *)NULL);
		_exit(1);
	}
	close(attacked.client_fd);
	caller = read_caller(attacked.guard_fd);
	assert_int_equal(caller->process.pid, pid);
	assert_string_equal(caller->process.argv[0], "/usr/bin/ssh");
	assert_string_not_equal(caller->process.name, "ssh");
	if (access("/usr/bin/ssh", X_OK) == 0)
		assert_int_equal(caller->integrity & INTEGRITY_ARGV_MISMATCH,
		                 INTEGRITY_ARGV_MISMATCH);
	caller_free(caller);
	end_child(pid);
	close(attacked.guard_fd);
}

/* As scripts are started that say #!/bin/sh, which is a link. */
static void one_that_is_started_by_a_link_has_the_links_name(void **state) {
	struct attacked attacked = make_connection();
	struct caller *caller;
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0) {
		dup2(attacked.client_fd, STDOUT_FILENO);
		execl("/bin/sh", "/bin/sh", "-c", "echo; kill -STOP $$", (char *)NULL);
		_exit(1);
	}
	close(attacked.client_fd);
	caller = read_caller(attacked.guard_fd);
	assert_true(is_named(caller, "sh"));
	assert_int_equal(caller->integrity & INTEGRITY_ARGV_MISMATCH, 0);
	caller_free(caller);
	end_child(pid);
	close(attacked.guard_fd);
}

static void one_that_is_traced_is_marked(void **state) {
	struct attacked attacked = make_connection();
	struct caller *caller;
	pid_t pid = fork_child();

	(void)state;
	if (pid == 0) {
		tell(attacked.client_fd);
		wait_forever();
	}
	close(attacked.client_fd);
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0) {
		end_child(pid);
		skip();
	}
	caller = read_caller(attacked.guard_fd);
	assert_int_equal(caller->integrity & INTEGRITY_TRACED, INTEGRITY_TRACED);
	caller_free(caller);
	end_child(pid);
	close(attacked.guard_fd);
}

/* A copy of an allowed program at a place of one's own: it has another path, and a mark. */
static void a_copy_of_a_program_is_named_by_its_place_and_marked(void **state) {
	char directory[] = "/tmp/guard-unit-XXXXXX";
	char path[64], command[256];

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/sh", directory);
	snprintf(command, sizeof(command), "cp /bin/sh %s && chmod 777 %s", path, path);
	assert_int_equal(system(command), 0);
	for (int deleted = 0; deleted < 2; deleted++) {
		struct attacked attacked = make_connection();
		struct caller *caller;
		pid_t pid = fork_child();

		if (pid == 0) {
			dup2(attacked.client_fd, STDOUT_FILENO);
			execl(path, "sh", "-c", "echo; kill -STOP $$", (char *)NULL);
			_exit(1);
		}
		close(attacked.client_fd);
		assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
		if (deleted)
			unlink(path);
		caller = read_caller(attacked.guard_fd);
		assert_int_equal(caller->state, CALLER_IDENTIFIED);
		if (deleted) {
			assert_null(caller->process.exe);
			assert_int_equal(caller->integrity & INTEGRITY_DELETED_EXE,
			                 INTEGRITY_DELETED_EXE);
		} else {
			assert_string_equal(caller->process.exe, path);
			assert_int_equal(caller->integrity & INTEGRITY_WRITABLE_EXE,
			                 INTEGRITY_WRITABLE_EXE);
			assert_int_equal(caller->integrity & INTEGRITY_DELETED_EXE, 0);
		}
		caller_free(caller);
		end_child(pid);
		close(attacked.guard_fd);
	}
	rmdir(directory);
}

static void the_connector_is_told_where_it_is_another(void **state) {
	struct peer writer = {.known = true, .pid = 7, .pidfd = -1};
	struct peer connector = {.known = true, .pid = 8, .pidfd = -1};
	struct peer unknown = PEER_UNKNOWN;
	struct caller caller = {0};

	(void)state;
	caller_set_connector(&caller, &writer, &writer);
	assert_int_equal(caller.integrity, 0);
	assert_int_equal(caller.connector_pid, 0);
	caller_set_connector(&caller, &writer, &connector);
	assert_int_equal(caller.integrity, INTEGRITY_FD_PASSED);
	assert_int_equal(caller.connector_pid, 8);
	caller = (struct caller){0};
	caller_set_connector(&caller, &writer, &unknown);
	assert_int_equal(caller.integrity_unknown, INTEGRITY_FD_PASSED);
	assert_null(caller.evidence);
}

static void a_writer_known_by_its_connection_may_be_another(void **state) {
	struct peer writer = {.known = true, .pid = 7, .pidfd = -1, .by_connection = true};
	struct caller caller = {0};

	(void)state;
	caller_set_connector(&caller, &writer, &writer);
	assert_string_equal(caller.evidence, "connect");
	assert_int_equal(caller.integrity, 0);
	assert_int_equal(caller.integrity_unknown, INTEGRITY_FD_PASSED);
	assert_int_equal(caller.connector_pid, 0);
}

static void a_connection_that_is_not_named_is_unknown_not_clean(void **state) {
	struct peer self = {
		.known = true, .pid = getpid(), .uid = geteuid(), .gid = getegid(), .pidfd = -1};
	struct caller *caller;

	(void)state;
	assert_int_equal(caller_read(&caller, view, &self, names), 0);
	assert_int_equal(caller->integrity & INTEGRITY_FD_INHERITED, INTEGRITY_FD_INHERITED);
	assert_int_equal(caller->integrity_unknown & INTEGRITY_FD_INHERITED,
	                 INTEGRITY_FD_INHERITED);
	caller_free(caller);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_honest_writer_has_no_mark),
		cmocka_unit_test(openssh_has_no_mark),
		cmocka_unit_test(one_that_writes_and_then_becomes_another_is_marked),
		cmocka_unit_test(a_copy_that_is_close_on_exec_does_not_hide_the_inherited_one),
		cmocka_unit_test(one_that_becomes_another_meanwhile_is_never_named_as_it),
		cmocka_unit_test(one_whose_child_connected_is_named_as_itself),
		cmocka_unit_test(a_double_with_another_argv0_is_named_by_its_executable),
		cmocka_unit_test(one_that_is_started_by_a_link_has_the_links_name),
		cmocka_unit_test(one_that_is_traced_is_marked),
		cmocka_unit_test(a_copy_of_a_program_is_named_by_its_place_and_marked),
		cmocka_unit_test(the_connector_is_told_where_it_is_another),
		cmocka_unit_test(a_writer_known_by_its_connection_may_be_another),
		cmocka_unit_test(a_connection_that_is_not_named_is_unknown_not_clean),
	};

	return cmocka_run_group_tests(tests, look, look_away);
}
