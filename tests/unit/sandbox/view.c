/* What is seen under another spelling of the system's, and what is only made to look like one. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/platform.h"
#include "sandbox/view.h"

#define GIT "/Users/a/src/app/.git"

static char root[] = "/tmp/sag-view-XXXXXX";

/* As a file system that has kept ".GIT" for what is asked for as ".git". */
static char *in_other_case(const char *path) {
	char *real = strdup(path);
	char *name = real != NULL ? strstr(real, "/.git") : NULL;

	if (name != NULL)
		memcpy(name, "/.GIT", 5);
	return real;
}

/* As one that takes U+212A, the sign of Kelvin, for a k. */
static char *in_other_letters(const char *path) {
	const char *end = strrchr(path, 'k');
	char *real = NULL;

	if (end == NULL)
		return strdup(path);
	return asprintf(&real, "%.*s\xe2\x84\xaa%s", (int)(end - path), path, end + 1) < 0 ? NULL
	                                                                                 : real;
}

static void an_other_case_counts_as_well_in_the_same_order(void **state) {
	static const struct {
		enum view_kind kind;
		const char *path;
	} expected[] = {
		{VIEW_READABLE, "/Users/a"},
		{VIEW_WRITABLE, GIT},
		{VIEW_READABLE, GIT "/hooks"},
		{VIEW_EMPTY, "/Users/a/.ssh"},
		{VIEW_ABSENT, "/Users/a/.gitless"},
		{VIEW_WRITABLE, "/Users/a/src/app/.GIT"},
		{VIEW_READABLE, "/Users/a/src/app/.GIT/hooks"},
	};
	CLEANUP(view_deinit) struct view view = {0};
	char *why = NULL;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		view_add(&view, expected[i].kind, expected[i].path);
	assert_int_equal(view_add_spellings(&view, &why, in_other_case), 0);
	assert_null(why);
	assert_int_equal(view.count, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < view.count; i++) {
		assert_int_equal(view.entries[i].kind, expected[i].kind);
		assert_string_equal(view.entries[i].path, expected[i].path);
	}
}

static void assert_refused(enum view_kind kind, const char *path, char *(*spell)(const char *path),
                           const char *expected) {
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(free_pointer) char *why = NULL;

	view_add(&view, kind, path);
	assert_int_equal(view_add_spellings(&view, &why, spell), -EPERM);
	assert_non_null(why);
	assert_non_null(strstr(why, expected));
	assert_int_equal(view.count, 1);
}

/* What it leads to would be laid over the covers of keys, which come before. */
static void a_link_that_was_put_there_meanwhile_opens_nothing(void **state) {
	CLEANUP(free_pointer) char *keys = NULL;
	CLEANUP(free_pointer) char *hooks = NULL;

	(void)state;
	assert_true(asprintf(&keys, "%s/keys", root) > 0 &&
	            asprintf(&hooks, "%s/hooks", root) > 0);
	assert_refused(VIEW_READABLE, hooks, platform_real_path, "nothing any more");
	assert_int_equal(symlink(keys, hooks), 0);
	assert_refused(VIEW_READABLE, hooks, platform_real_path, "nothing any more");
	assert_int_equal(mkdir(keys, 0700), 0);
	assert_refused(VIEW_READABLE, hooks, platform_real_path, keys);
	assert_refused(VIEW_WRITABLE, hooks, platform_real_path, keys);
	assert_int_equal(unlink(hooks), 0);
	assert_int_equal(rmdir(keys), 0);
}

static void a_name_of_other_letters_is_refused(void **state) {
	(void)state;
	assert_refused(VIEW_READABLE, GIT "/hooks", in_other_letters, "/hoo\xe2\x84\xaas");
}

/* More is hidden by it, never less. */
static void what_is_hidden_is_hidden_by_its_other_name_too(void **state) {
	CLEANUP(view_deinit) struct view view = {0};
	char *why = NULL;

	(void)state;
	view_add(&view, VIEW_BLANK, "/Users/a/key");
	assert_int_equal(view_add_spellings(&view, &why, in_other_letters), 0);
	assert_int_equal(view.count, 2);
	assert_int_equal(view.entries[1].kind, VIEW_BLANK);
	assert_string_equal(view.entries[1].path, "/Users/a/\xe2\x84\xaa" "ey");
}

static int make_root(void **state) {
	(void)state;
	return mkdtemp(root) == NULL ? -1 : 0;
}

static int remove_root(void **state) {
	(void)state;
	return rmdir(root);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_other_case_counts_as_well_in_the_same_order),
		cmocka_unit_test(a_link_that_was_put_there_meanwhile_opens_nothing),
		cmocka_unit_test(a_name_of_other_letters_is_refused),
		cmocka_unit_test(what_is_hidden_is_hidden_by_its_other_name_too),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
