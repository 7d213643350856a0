/* Where a path leads that is not there yet. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/nearest.h"

static char root[] = "/tmp/sag-nearest-XXXXXX";

static void assert_leads(const char *path, const char *there, const char *rest) {
	char given[128], expected[128];
	CLEANUP(free_pointer) char *got = NULL;
	size_t len = 0;

	snprintf(given, sizeof(given), "%s%s", root, path);
	snprintf(expected, sizeof(expected), "%s%s%s", root, there, rest);
	got = nearest_path(given, &len);
	assert_non_null(got);
	assert_string_equal(got, expected);
	assert_int_equal(len, strlen(root) + strlen(there));
}

static void what_is_there_is_told_from_what_is_not(void **state) {
	(void)state;
	assert_leads("/a", "/a", "");
	assert_leads("/a/b", "/a", "/b");
	assert_leads("/a//b/c", "/a", "/b/c");
	assert_leads("/b/c", "", "/b/c");
}

static void links_are_followed_also_those_that_lead_to_nothing(void **state) {
	(void)state;
	assert_leads("/to-a/b", "/a", "/b");
	assert_leads("/to-none", "/a", "/none");
	assert_leads("/to-none/b/c", "/a", "/none/b/c");
	assert_leads("/to-to-none/b", "/a", "/none/b");
	assert_leads("/whole/b", "", "/x/b");
}

static void nonsense_leads_nowhere(void **state) {
	char path[128];
	size_t len = 7;

	(void)state;
	snprintf(path, sizeof(path), "%s/round/x", root);
	assert_null(nearest_path(path, &len));
	assert_null(nearest_path("a/b", &len));
	assert_null(nearest_path("", &len));
	assert_int_equal(len, 7);
}

static void the_root_itself_is_there(void **state) {
	CLEANUP(free_pointer) char *got = NULL;
	size_t len = 7;

	(void)state;
	got = nearest_path("/no-such-name/x", &len);
	assert_string_equal(got, "/no-such-name/x");
	assert_int_equal(len, 0);
}

static void link_to(const char *target, const char *name) {
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	assert_int_equal(symlink(target, path), 0);
}

static int set_up(void **state) {
	char path[128];

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/a", root);
	assert_int_equal(mkdir(path, 0700), 0);
	link_to("a", "to-a");
	link_to("a/none", "to-none");
	link_to("to-none", "to-to-none");
	link_to("round", "round");
	snprintf(path, sizeof(path), "%s/x", root);
	link_to(path, "whole");
	return 0;
}

static int tear_down(void **state) {
	static const char *const names[] = {"a",     "to-a",  "to-none", "to-to-none",
	                                    "round", "whole", "."};
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, names[i]);
		assert_int_equal(strcmp(names[i], ".") == 0 ? rmdir(root) : remove(path), 0);
	}
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_told_from_what_is_not),
		cmocka_unit_test(links_are_followed_also_those_that_lead_to_nothing),
		cmocka_unit_test(nonsense_leads_nowhere),
		cmocka_unit_test(the_root_itself_is_there),
	};

	return cmocka_run_group_tests_name("sandbox/nearest", tests, set_up, tear_down);
}
