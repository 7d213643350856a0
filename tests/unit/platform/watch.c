/* Every way in which a path may come to lead to another file wakes its watch. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/platform.h"

static int set_up(void **state) {
	char *directory = strdup("/tmp/guard-watch-XXXXXX");

	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	*state = directory;
	return 0;
}

static int tear_down(void **state) {
	char command[128];

	assert_int_equal(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -r %s", (const char *)*state);
	assert_int_equal(system(command), 0);
	free(*state);
	return 0;
}

static bool tells(int fd) {
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	return poll(&ready, 1, 0) == 1;
}

/* Does the change, which must wake a watch over the path; before it there must be silence. */
static void wakes(const char *directory, const char *name, const char *change) {
	CLEANUP(close_fd) int fd = -1;
	CLEANUP(close_fd) int fill_fd = -1;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	assert_int_equal(platform_watch_new(&fd, &fill_fd), 0);
	assert_int_equal(platform_watch_path(fill_fd, path), 0);
	assert_false(tells(fd));
	if (system(change) != 0 || !tells(fd))
		fail_msg("not seen: %s", change);
}

static void do_it(const char *command) {
	assert_int_equal(system(command), 0);
}

static void a_file_that_is_replaced_or_rewritten(void **state) {
	do_it("echo 1 >f");
	wakes(*state, "f", "echo 2 >f");
	wakes(*state, "f", "echo 3 >>f");
	wakes(*state, "f", "echo 4 >g && mv g f");
	wakes(*state, "f", "ln f backup && echo 5 >g && mv g f");
	wakes(*state, "f", "mv f f~ && cp f~ f");
	wakes(*state, "f", "chmod 666 f");
	wakes(*state, "f", "rm f");
	wakes(*state, "f", "echo 6 >f");
	wakes(*state, "f", "rm f && mkfifo f");
}

static void a_link_that_leads_elsewhere(void **state) {
	do_it("mkdir store farm && echo 1 >store/1 && echo 2 >store/2 && ln -s ../store/1 farm/f");
	wakes(*state, "farm/f", "echo 1b >store/1");
	wakes(*state, "farm/f", "ln -s ../store/2 farm/new && mv -T farm/new farm/f");
	wakes(*state, "farm/f", "ln -sfn ../store/1 farm/f");
	wakes(*state, "farm/f", "rm store/1");
	wakes(*state, "farm/f", "echo 1c >store/1");
}

static void a_directory_of_links_that_is_swapped(void **state) {
	do_it("mkdir ..1 ..2 && echo 1 >..1/f && echo 2 >..2/f && ln -s ..1 ..data && "
	      "ln -s ..data/f f");
	wakes(*state, "f", "ln -s ..2 ..tmp && mv -T ..tmp ..data");
	wakes(*state, "f", "echo 3 >..2/f");
}

static void a_directory_on_the_way_that_is_moved(void **state) {
	do_it("mkdir -p a/b other/b && echo 1 >a/b/f && echo 2 >other/b/f");
	wakes(*state, "a/b/f", "mv a gone && mv other a");
	wakes(*state, "a/b/f", "mv a/b a/c");
	wakes(*state, "a/b/f", "mkdir a/b");
	wakes(*state, "a/b/f", "echo 3 >a/b/f");
	wakes(*state, "not/there/yet", "mkdir not");
}

static void what_happens_beside_it_wakes_nobody(void **state) {
	CLEANUP(close_fd) int fd = -1;
	CLEANUP(close_fd) int fill_fd = -1;
	char path[256];

	do_it("mkdir d && echo 1 >d/f && echo 1 >d/other");
	snprintf(path, sizeof(path), "%s/d/f", (const char *)*state);
	assert_int_equal(platform_watch_new(&fd, &fill_fd), 0);
	assert_int_equal(platform_watch_path(fill_fd, path), 0);
	do_it("cat d/f >/dev/null; echo 2 >d/other; touch d/new; rm d/other; mkdir d/sub; ls d "
	      ">/dev/null");
	assert_false(tells(fd));
}

static void a_way_that_has_no_end_is_not_watched(void **state) {
	CLEANUP(close_fd) int fd = -1;
	CLEANUP(close_fd) int fill_fd = -1;
	char path[256];

	do_it("ln -s loop loop");
	snprintf(path, sizeof(path), "%s/loop", (const char *)*state);
	assert_int_equal(platform_watch_new(&fd, &fill_fd), 0);
	assert_int_equal(platform_watch_path(fill_fd, path), -ELOOP);
	assert_int_equal(platform_watch_path(fill_fd, "relative"), -EINVAL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_that_is_replaced_or_rewritten, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(a_link_that_leads_elsewhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_directory_of_links_that_is_swapped, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(a_directory_on_the_way_that_is_moved, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(what_happens_beside_it_wakes_nobody, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(a_way_that_has_no_end_is_not_watched, set_up,
	                                        tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
