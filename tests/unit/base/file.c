#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* Each test has a directory of its own, and works in it. */
static char directory[64];

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

static void a_replaced_file_is_private_and_read_back(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct stat status;

	(void)state;
	assert_int_equal(file_replace(AT_FDCWD, "file", bytes_of_text("old")), 0);
	assert_int_equal(file_replace(AT_FDCWD, "file", bytes_of_text("new")), 0);
	assert_int_equal(file_read(&buffer, AT_FDCWD, "file", 3, &status), 0);
	assert_true(bytes_equal_text(buffer_bytes(&buffer), "new"));
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void a_replaced_link_is_not_written_through(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};

	(void)state;
	assert_int_equal(file_replace(AT_FDCWD, "target", bytes_of_text("precious")), 0);
	assert_int_equal(symlink("target", "link"), 0);
	assert_int_equal(file_replace(AT_FDCWD, "link", bytes_of_text("new")), 0);
	assert_int_equal(file_read(&buffer, AT_FDCWD, "target", 100, NULL), 0);
	assert_true(bytes_equal_text(buffer_bytes(&buffer), "precious"));
}

static void what_lies_beside_keeps_no_file_from_being_replaced(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	char bait[64];

	(void)state;
	snprintf(bait, sizeof(bait), ".file.%ld", (long)getpid());
	assert_int_equal(mkdir(bait, 0700), 0);
	assert_int_equal(mkdir(".file", 0700), 0);
	assert_int_equal(file_replace(AT_FDCWD, "file", bytes_of_text("new")), 0);
	assert_int_equal(file_read(&buffer, AT_FDCWD, "file", 3, NULL), 0);
	assert_true(bytes_equal_text(buffer_bytes(&buffer), "new"));
	/* And one that cannot be replaced leaves nothing behind. */
	assert_int_equal(mkdir("taken", 0700), 0);
	assert_int_equal(file_replace(AT_FDCWD, "taken", bytes_of_text("new")), -EISDIR);
	assert_int_equal(system("test -z \"$(find . -name '.taken*')\""), 0);
}

static void a_file_above_its_limit_is_refused(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};

	(void)state;
	assert_int_equal(file_replace(AT_FDCWD, "file", bytes_of_text("four")), 0);
	assert_int_equal(file_read(&buffer, AT_FDCWD, "file", 3, NULL), -EFBIG);
	assert_int_equal(file_read(&buffer, AT_FDCWD, "/dev/zero", 3, NULL), -EINVAL);
}

static void a_fifo_in_its_place_stalls_nobody(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(file_read(&buffer, AT_FDCWD, "fifo", 3, NULL), -EINVAL);
}

static void a_private_directory_is_made_with_its_parents(void **state) {
	CLEANUP(close_fd) int fd = -1;
	char path[128];
	struct stat status;

	(void)state;
	snprintf(path, sizeof(path), "%s/a/b", directory);
	assert_int_equal(directory_make_private(&fd, path), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
}

static void a_private_directory_is_refused_where_it_is_open_or_a_link(void **state) {
	CLEANUP(close_fd) int fd = -1;

	(void)state;
	assert_int_equal(mkdir("open", 0700), 0);
	assert_int_equal(chmod("open", 0750), 0);
	assert_int_equal(directory_make_private(&fd, "open"), -EACCES);
	assert_int_equal(symlink("open", "link"), 0);
	assert_int_equal(directory_make_private(&fd, "link"), -ENOTDIR);
	assert_int_equal(fd, -1);
}

static void a_directory_that_others_can_write_is_named(void **state) {
	CLEANUP(free_pointer) char *bad = NULL;
	CLEANUP(close_fd) int fd = -1;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/a/b", directory);
	assert_int_equal(directory_make_private(&fd, path), 0);
	close_fd(&fd);
	assert_int_equal(directory_check(&fd, &bad, path), 0);
	close_fd(&fd);
	assert_int_equal(chmod("a", 0777), 0);
	assert_int_equal(directory_check(&fd, &bad, path), -EACCES);
	*strrchr(path, '/') = '\0';
	assert_string_equal(bad, path);
	assert_int_equal(fd, -1);
}

static void the_shared_tmp_is_no_directory_for_a_socket(void **state) {
	CLEANUP(free_pointer) char *bad = NULL;
	CLEANUP(close_fd) int fd = -1;

	(void)state;
	assert_true(directory_check(&fd, &bad, "/tmp") < 0);
	assert_string_equal(bad, "/tmp");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_replaced_file_is_private_and_read_back, enter,
	                                        leave),
		cmocka_unit_test_setup_teardown(a_replaced_link_is_not_written_through, enter,
	                                        leave),
		cmocka_unit_test_setup_teardown(what_lies_beside_keeps_no_file_from_being_replaced,
	                                        enter, leave),
		cmocka_unit_test_setup_teardown(a_file_above_its_limit_is_refused, enter, leave),
		cmocka_unit_test_setup_teardown(a_fifo_in_its_place_stalls_nobody, enter, leave),
		cmocka_unit_test_setup_teardown(a_private_directory_is_made_with_its_parents, enter,
	                                        leave),
		cmocka_unit_test_setup_teardown(
			a_private_directory_is_refused_where_it_is_open_or_a_link, enter, leave),
		cmocka_unit_test_setup_teardown(a_directory_that_others_can_write_is_named, enter,
	                                        leave),
		cmocka_unit_test_setup_teardown(the_shared_tmp_is_no_directory_for_a_socket, enter,
	                                        leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
