/* The directory of a program goes away with all that is in it, and with nothing else. */
#include "unit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/scratch.h"

static char root[] = "/tmp/sag-scratch-XXXXXX";

__attribute__((format(printf, 1, 2))) static void sh(const char *format, ...) {
	char command[2048];
	va_list arguments;

	va_start(arguments, format);
	assert_in_range(vsnprintf(command, sizeof(command), format, arguments), 1,
	                sizeof(command) - 1);
	va_end(arguments);
	assert_int_equal(system(command), 0);
}

static bool there_is(const char *path) {
	struct stat status;

	return lstat(path, &status) == 0;
}

static void it_is_private_and_goes_with_what_is_in_it(void **state) {
	CLEANUP(free_pointer) char *path = NULL;
	struct stat status;

	(void)state;
	assert_int_equal(scratch_new(&path, root), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	sh("cd %s && mkdir -p a/b/c .d && touch a/b/c/x .d/y z && mkfifo f && chmod 400 a/b/c/x",
	   path);
	assert_int_equal(scratch_remove(path), 0);
	assert_false(there_is(path));
}

static void links_are_removed_and_not_followed(void **state) {
	CLEANUP(free_pointer) char *path = NULL;
	char kept[64], file[80];

	(void)state;
	snprintf(kept, sizeof(kept), "%s/kept", root);
	snprintf(file, sizeof(file), "%s/kept/file", root);
	sh("mkdir %s && touch %s", kept, file);
	assert_int_equal(scratch_new(&path, root), 0);
	sh("cd %s && mkdir a && ln -s %s a/directory && ln -s ../../kept/file l", path, kept);
	assert_int_equal(scratch_remove(path), 0);
	assert_false(there_is(path));
	assert_true(there_is(file));
	/* Nor is one at the place itself. */
	sh("ln -s %s %s", kept, path);
	assert_true(scratch_remove(path) < 0);
	assert_true(there_is(file));
	sh("rm %s", path);
}

static void what_cannot_be_removed_stays_and_is_told(void **state) {
	CLEANUP(free_pointer) char *path = NULL;
	char deep[8 * (SCRATCH_DEPTH_MAX + 8)] = "";

	(void)state;
	assert_int_equal(scratch_new(&path, root), 0);
	for (int i = 0; i < SCRATCH_DEPTH_MAX + 4; i++)
		strcat(deep, "d/");
	sh("cd %s && mkdir -p %s && touch x", path, deep);
	assert_int_equal(scratch_remove(path), -ELOOP);
	assert_true(there_is(path));
	sh("rm -r %s", path);
	assert_int_equal(scratch_remove(path), -ENOENT);
}

static int make_root(void **state) {
	(void)state;
	return mkdtemp(root) != NULL ? 0 : -1;
}

static int remove_root(void **state) {
	(void)state;
	sh("rm -r %s", root);
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_private_and_goes_with_what_is_in_it),
		cmocka_unit_test(links_are_removed_and_not_followed),
		cmocka_unit_test(what_cannot_be_removed_stays_and_is_told),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
