/* Paths in a profile for macOS's sandbox: whatever they are called, and however they lie over each
 * other. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"
#include "sandbox/plan.h"

static size_t count_rules(const struct seatbelt *seatbelt) {
	CLEANUP(sbpl_node_deinit) struct sbpl_node profile = {0};

	read_profile(&profile, seatbelt);
	return profile.count;
}

static void a_name_of_a_directory_is_no_rule(void **state) {
	static const char *const names[] = {
		"plain",
		"\") (allow default) (\"",
		"\\\") (allow default) (\\\"",
		"))(allow default)((",
		"; a comment",
		"#\"^.*$\"",
		"a\\",
		"\xe2\x80\x9c) (allow default) (\xe2\x80\x9d",
	};
	size_t rules = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CLEANUP(view_deinit) struct view view = {0};
		CLEANUP(sbpl_node_deinit) struct sbpl_node profile = {0};
		CLEANUP(free_pointer) char *work = NULL;
		CLEANUP(free_pointer) char *file = NULL;
		const struct seatbelt seatbelt = typical(&view);

		assert_true(asprintf(&work, HOME "/%s", names[i]) > 0);
		assert_true(asprintf(&file, "%s/x", work) > 0);
		view_add(&view, VIEW_READABLE, HOME);
		view_add(&view, VIEW_WRITABLE, work);
		view_add(&view, VIEW_EMPTY, HOME "/.ssh");
		if (i == 0)
			rules = count_rules(&seatbelt);
		assert_int_equal(count_rules(&seatbelt), rules);
		read_profile(&profile, &seatbelt);
		assert_true(writes(&profile, file));
		assert_false(reads(&profile, HOME "/.ssh/id"));
		assert_false(writes(&profile, "/etc/x"));
		assert_false(allows(&profile, "job-creation", (struct sbpl_object){0}));
	}
}

static void a_path_that_cannot_be_written_is_said(void **state) {
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(buffer_deinit) struct buffer profile = {0};
	CLEANUP(free_pointer) char *why = NULL;
	const struct seatbelt seatbelt = typical(&view);

	(void)state;
	view_add(&view, VIEW_READABLE, HOME);
	view_add(&view, VIEW_WRITABLE, HOME "/two\nlines");
	view_add(&view, VIEW_WRITABLE, HOME "/another\xff");
	assert_int_equal(seatbelt_profile(&profile, &why, &seatbelt), -EINVAL);
	assert_string_equal(why, HOME "/two\nlines: has a control character, so that no rule of a "
	                              "sandbox can name it (rename it)");
}

static void a_profile_that_is_too_long_is_refused(void **state) {
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(buffer_deinit) struct buffer profile = {0};
	CLEANUP(free_pointer) char *why = NULL;
	const struct seatbelt seatbelt = typical(&view);
	char path[64];

	(void)state;
	for (int i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), WORK "/.git/modules/%d", i);
		view_add(&view, VIEW_WRITABLE, path);
	}
	assert_int_equal(seatbelt_profile(&profile, &why, &seatbelt), -E2BIG);
	assert_non_null(strstr(why, "submodules"));
}

/* ---- any view ---- */

static uint32_t next(uint32_t *seed) {
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16;
}

static void random_path(char path[static 128], uint32_t *seed) {
	static const char *const names[] = {"a", "b", "ab", "\")(\"", "c\\"};
	unsigned depth = 1 + next(seed) % 4;

	strcpy(path, "/p");
	for (unsigned i = 0; i < depth; i++) {
		strcat(path, "/");
		strcat(path, names[next(seed) % 5]);
	}
}

/* What lies over a path in a file system that is mounted together like that. */
static const struct view_entry *on_top(const struct view *view, const char *path) {
	const struct view_entry *top = NULL;

	for (size_t i = 0; i < view->count; i++)
		if (path_is_below(path, view->entries[i].path))
			top = &view->entries[i];
	return top;
}

static bool is_in_reach(const struct view *view, const char *path) {
	for (size_t i = 0; i < view->count; i++)
		if (view->entries[i].kind == VIEW_WRITABLE &&
		    path_is_below(path, view->entries[i].path))
			return true;
	return false;
}

/* Whether a rule depends on the name of this directory. */
static bool leads_to_an_entry(const struct view *view, const char *path) {
	for (size_t i = 0; i < view->count; i++)
		if (path_is_below(view->entries[i].path, path))
			return true;
	return false;
}

static void assert_like_mounts(const struct view *view, const struct sbpl_node *profile,
                               const char *path) {
	const struct view_entry *top = on_top(view, path);
	bool is_held = is_in_reach(view, path) && leads_to_an_entry(view, path);

	assert_int_equal(reads(profile, path),
	                 top == NULL || top->kind == VIEW_READABLE || top->kind == VIEW_WRITABLE);
	assert_int_equal(writes(profile, path),
	                 top != NULL && top->kind == VIEW_WRITABLE && !is_held);
	if (is_held)
		assert_false(
			allows(profile, "file-write-unlink", (struct sbpl_object){.path = path}));
}

static void every_view_is_seen_as_if_it_were_mounted(void **state) {
	uint32_t seed = 8;

	(void)state;
	for (int round = 0; round < 300; round++) {
		CLEANUP(view_deinit) struct view view = {0};
		CLEANUP(sbpl_node_deinit) struct sbpl_node profile = {0};
		const struct seatbelt seatbelt = typical(&view);
		unsigned n = 1 + next(&seed) % 8;
		char path[128];

		for (unsigned i = 0; i < n; i++) {
			random_path(path, &seed);
			view_add(&view, (enum view_kind)(next(&seed) % 5), path);
		}
		read_profile(&profile, &seatbelt);
		for (int i = 0; i < 40; i++) {
			random_path(path, &seed);
			assert_like_mounts(&view, &profile, path);
		}
		for (size_t i = 0; i < view.count; i++)
			assert_like_mounts(&view, &profile, view.entries[i].path);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_of_a_directory_is_no_rule),
		cmocka_unit_test(a_path_that_cannot_be_written_is_said),
		cmocka_unit_test(a_profile_that_is_too_long_is_refused),
		cmocka_unit_test(every_view_is_seen_as_if_it_were_mounted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
