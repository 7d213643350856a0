#include "unit.h"

#include "caller/unit.h"

static void assert_unit(const char *cgroup, const char *expected) {
	struct bytes unit = unit_of_cgroup(cgroup);

	assert_non_null(unit.data);
	if (!bytes_equal_text(unit, expected))
		fail_msg("%s: %.*s, not %s", cgroup, (int)unit.len, (const char *)unit.data,
		         expected);
}

static void a_unit_of_the_system_is_named(void **state) {
	(void)state;
	assert_unit("/system.slice/ssh.service", "ssh.service");
	assert_unit("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service");
	assert_unit("/user.slice/user-1000.slice/session-3.scope", "session-3.scope");
	assert_unit("/init.scope", "init.scope");
	assert_unit("/system.slice/docker-0a1b.scope/init", "docker-0a1b.scope");
	assert_unit("/system.slice/_cgroup.service", "cgroup.service");
}

static void a_unit_of_the_users_manager_is_named_before_the_manager(void **state) {
	(void)state;
	assert_unit("/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-x-1.scope",
	            "app-gnome-x-1.scope");
	assert_unit("/user.slice/user-1000.slice/user@1000.service/init.scope", "init.scope");
	assert_unit("/user.slice/user-1000.slice/user@1000.service", "user@1000.service");
	assert_unit("/user.slice/user-1000.slice/user@1000.service/app.slice", "user@1000.service");
	assert_unit(
		"/user.slice/user-1000.slice/user@1000.service/a.service/user@1.service/b.scope",
		"a.service");
}

static void where_there_is_no_unit_it_is_empty(void **state) {
	(void)state;
	assert_unit("/", "");
	assert_unit("", "");
	assert_unit("/user.slice", "");
	assert_unit("/docker/0a1b", "");
	assert_unit("/docker/ssh.service", "");
	assert_unit("/.service", "");
	assert_unit("/_", "");
}

static void what_we_cannot_see_is_unknown(void **state) {
	(void)state;
	assert_null(unit_of_cgroup("/../../system.slice/ssh.service").data);
	assert_null(unit_of_cgroup("/..").data);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unit_of_the_system_is_named),
		cmocka_unit_test(a_unit_of_the_users_manager_is_named_before_the_manager),
		cmocka_unit_test(where_there_is_no_unit_it_is_empty),
		cmocka_unit_test(what_we_cannot_see_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
