/* What may be written inside a sandbox, and what its command line keeps closed. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sandbox/plan.h"
#include "sandbox/repository.h"

static int check(const char *directory, char **ret_why) {
	struct plan plan = {
		.home = "/home/a",
		.cwd = directory,
		.policy = "/home/a/.config/ssh-agent-guard/policy.yaml",
		.state = "/home/a/.local/state/ssh-agent-guard",
		.runtime = "/run/user/1000/ssh-agent-guard",
		.program = "/home/a/opt/bin/ssh-agent-guard",
	};

	return plan_check(ret_why, &plan);
}

static void what_matters_cannot_be_written(void **state) {
	static const char *const refused[] = {
		"/",           "/home",       "/home/a",
		"/home/a/opt", "/home/a/.ssh", "/home/a/.ssh/keys",
		"/home/a/.gnupg/private-keys-v1.d", "/home/a/.config",
		"/home/a/.local/state/ssh-agent-guard/events", "/run/user/1000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		CLEANUP(free_pointer) char *why = NULL;

		assert_int_equal(check(refused[i], &why), -EPERM);
		assert_non_null(strstr(why, "is or holds"));
	}
}

static void other_directories_can(void **state) {
	static const char *const taken[] = {"/home/a/src", "/home/a/.sshfs", "/home/ab", "/srv/x",
	                                    "/home/a/opt/lib"};

	(void)state;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		CLEANUP(free_pointer) char *why = NULL;

		assert_int_equal(check(taken[i], &why), 0);
		assert_null(why);
	}
}

static void a_path_is_below_whole_names_alone(void **state) {
	(void)state;
	assert_true(path_is_below("/a/b", "/a"));
	assert_true(path_is_below("/a", "/a"));
	assert_true(path_is_below("/a/b", "/a/"));
	assert_true(path_is_below("/a", "/"));
	assert_false(path_is_below("/ab", "/a"));
	assert_false(path_is_below("/a", "/a/b"));
}

/* Its place in the view; the count where it is not there. */
static size_t find(const struct view *view, enum view_kind kind, const char *path) {
	for (size_t i = 0; i < view->count; i++)
		if (view->entries[i].kind == kind && strcmp(view->entries[i].path, path) == 0)
			return i;
	return view->count;
}

static void a_repository_is_closed_from_its_top_down(void **state) {
	char root[] = "/tmp/sag-plan-XXXXXX", command[512], path[64];
	CLEANUP(view_deinit) struct view view = {0};
	CLEANUP(free_pointer) char *why = NULL;
	size_t git, hooks;

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_int_equal(repository_protect(&view, &why, root), 0);
	assert_int_equal(view.count, 0);
	snprintf(command, sizeof(command),
	         "cd %s && mkdir -p .git/modules/a .git/modules/.b && touch .git/HEAD "
	         ".git/modules/a/HEAD .git/modules/a/config",
	         root);
	assert_int_equal(system(command), 0);
	assert_int_equal(repository_protect(&view, &why, root), 0);
	snprintf(path, sizeof(path), "%s/.git", root);
	git = find(&view, VIEW_WRITABLE, path);
	snprintf(path, sizeof(path), "%s/.git/hooks", root);
	hooks = find(&view, VIEW_READABLE, path);
	assert_true(git < hooks && hooks < view.count);
	snprintf(path, sizeof(path), "%s/.git/config", root); /* made, so that nobody else can */
	assert_true(find(&view, VIEW_READABLE, path) < view.count);
	snprintf(path, sizeof(path), "%s/.git/modules", root);
	assert_true(find(&view, VIEW_WRITABLE, path) < view.count);
	snprintf(path, sizeof(path), "%s/.git/modules/a/hooks", root);
	assert_true(find(&view, VIEW_READABLE, path) < view.count);
	snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_matters_cannot_be_written),
		cmocka_unit_test(other_directories_can),
		cmocka_unit_test(a_path_is_below_whole_names_alone),
		cmocka_unit_test(a_repository_is_closed_from_its_top_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
