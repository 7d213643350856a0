/* What gpgconf says, and what a program says in its place that is broken, or another one. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/gpg_conf.h"

/* What it finds where the program is a shell script with this body. */
static int ask(char **ret_path, const char *body) {
	char directory[] = "/tmp/gpg_conf-XXXXXX", path[64];
	CLEANUP(close_fd) int fd = -1;
	int error;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/gpgconf", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "#!/bin/sh\n%s\n", body) > 0);
	close_fd(&fd); /* who has it open to write keeps it from being executed */
	error = gpg_conf_agent_socket(ret_path, path);
	unlink(path);
	rmdir(directory);
	return error;
}

static void the_path_that_it_prints_is_taken(void **state) {
	CLEANUP(free_pointer) char *path = NULL;

	(void)state;
	assert_int_equal(ask(&path, "[ \"$*\" = '--list-dirs agent-socket' ] && "
	                            "echo '/a b:c%d/S.gpg-agent'"),
	                 0);
	assert_string_equal(path, "/a b:c%d/S.gpg-agent");
}

static void it_is_told_which_gnupg_is_meant_and_nothing_else(void **state) {
	CLEANUP(free_pointer) char *path = NULL;

	(void)state;
	setenv("GNUPGHOME", "/some/where", 1);
	setenv("LD_AUDIT_OR_ELSE", "x", 1);
	assert_int_equal(ask(&path, "echo \"$GNUPGHOME$LD_AUDIT_OR_ELSE\""), 0);
	assert_string_equal(path, "/some/where");
}

static void it_has_none_of_our_descriptors(void **state) {
	CLEANUP(free_pointer) char *path = NULL;
	int fd = open("/dev/null", O_RDONLY); /* not close-on-exec */

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ask(&path, "for fd in 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$fd ] && "
	                            "readlink /proc/self/fd/$fd | grep -q null && echo /leaked; "
	                            "done; echo /done"),
	                 0);
	assert_string_equal(path, "/done");
	close(fd);
}

static void what_is_no_path_is_no_answer(void **state) {
	char before[] = "as before", *path = before;

	(void)state;
	assert_int_equal(ask(&path, "echo relative/S.gpg-agent"), -EPROTO);
	assert_int_equal(ask(&path, "echo"), -EPROTO);
	assert_int_equal(ask(&path, "exit 1"), -EPROTO);
	assert_int_equal(ask(&path, "printf /without-an-end"), -EPROTO);
	assert_int_equal(ask(&path, "while :; do printf /a; done"), -EPROTO);
	assert_ptr_equal(path, before);
}

static void where_there_is_no_gnupg_that_is_said(void **state) {
	char before[] = "as before", *path = before;

	(void)state;
	assert_int_equal(gpg_conf_agent_socket(&path, "/nowhere/gpgconf"), -ENOENT);
	assert_ptr_equal(path, before);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_that_it_prints_is_taken),
		cmocka_unit_test(it_is_told_which_gnupg_is_meant_and_nothing_else),
		cmocka_unit_test(it_has_none_of_our_descriptors),
		cmocka_unit_test(what_is_no_path_is_no_answer),
		cmocka_unit_test(where_there_is_no_gnupg_that_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
