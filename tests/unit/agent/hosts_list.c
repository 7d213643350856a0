/* Whose known_hosts files are read, as the floor, the policy, and ssh's configuration say it. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "agent/hosts_list.h"

#define SSH_SAYS(user, system)          \
	"userknownhostsfile " user "\n" \
	"globalknownhostsfile " system "\n"
#define USUAL SSH_SAYS("/home/a/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")

static const struct stat roots = {.st_uid = 0, .st_mode = S_IFREG | 0644};

static struct policy *parse(const char *text, bool is_floor) {
	const struct surroundings surroundings = {.home = "/home/a", .is_floor = is_floor};
	CLEANUP(problems_deinit) struct problems problems = {0};
	struct policy *policy = NULL;

	if (text != NULL)
		assert_int_equal(policy_parse(&policy, bytes_of_text(text), "p.yaml", &surroundings,
		                              &problems),
		                 0);
	return policy;
}

/* floor may be NULL. */
static void make(struct hosts_list *ret, const char *floor_text, const char *policy_text,
                 const char *ssh_text) {
	CLEANUP(ssh_known_files_deinit) struct ssh_known_files configured = {0};
	struct policy *floor = parse(floor_text, true), *policy = parse(policy_text, false);

	assert_int_equal(ssh_known_files_read(&configured, bytes_of_text(ssh_text), "/home/a"), 0);
	assert_int_equal(hosts_list_make(ret, floor, policy, &configured), 0);
	policy_unref(floor);
	policy_unref(policy);
}

/* As "path system" or "path user", where the file is root's. */
static void assert_list(const char *floor, const char *policy, const char *ssh,
                        const char *expected) {
	CLEANUP(hosts_list_deinit) struct hosts_list list = {0};
	char found[2048] = "";

	make(&list, floor, policy, ssh);
	for (size_t i = 0; i < list.n_files; i++)
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s %s",
		         i > 0 ? "; " : "", list.paths[i],
		         hosts_list_is_systems(&list, i, &roots) ? "system" : "user");
	assert_string_equal(found, expected);
}

#define PLAIN "default_action: deny\nrules: []\n"

static void what_ssh_reads_is_read_the_systems_first(void **state) {
	(void)state;
	assert_list(NULL, PLAIN, USUAL,
	            "/etc/ssh/ssh_known_hosts system; /etc/ssh/ssh_known_hosts2 system; "
	            "/home/a/.ssh/known_hosts user");
}

static void no_configuration_of_the_users_takes_roots_files_away(void **state) {
	(void)state;
	assert_list(NULL, PLAIN, SSH_SAYS("none", "none"),
	            "/etc/ssh/ssh_known_hosts system; /etc/ssh/ssh_known_hosts2 system");
}

static void a_file_that_a_configuration_calls_the_systems_is_so_where_it_is_roots(void **state) {
	struct stat users = {.st_uid = 1000, .st_mode = S_IFREG | 0644};
	struct stat open = {.st_uid = 0, .st_mode = S_IFREG | 0664};
	CLEANUP(hosts_list_deinit) struct hosts_list list = {0};

	(void)state;
	assert_list(NULL, PLAIN,
	            SSH_SAYS("none", "/home/a/mine /etc/ssh/more /etc/../proc/1/environ"),
	            "/etc/ssh/ssh_known_hosts system; /etc/ssh/ssh_known_hosts2 system; "
	            "/home/a/mine user; /etc/ssh/more system; /etc/../proc/1/environ user");
	make(&list, NULL, PLAIN, USUAL);
	assert_true(hosts_list_is_systems(&list, 0, &roots));
	assert_false(hosts_list_is_systems(&list, 0, &users));
	assert_false(hosts_list_is_systems(&list, 0, &open));
	assert_false(hosts_list_is_systems(&list, 2, &roots));
}

static void a_policy_names_files_in_their_place(void **state) {
	(void)state;
	assert_list(NULL, PLAIN "known_hosts: {user: ~/hosts, system: /srv/hosts}\n", USUAL,
	            "/srv/hosts system; /home/a/hosts user");
	assert_list(NULL, PLAIN "known_hosts: {user: [], system: []}\n", USUAL, "");
}

static void what_the_floor_names_stands_above_the_policys(void **state) {
	(void)state;
	assert_list("known_hosts: {user: /srv/users, system: /srv/roots}\n",
	            PLAIN "known_hosts: {user: ~/hosts, system: ~/mine}\n", USUAL,
	            "/srv/roots system; /srv/users user");
	assert_list("known_hosts: {user: []}\n", PLAIN, USUAL,
	            "/etc/ssh/ssh_known_hosts system; /etc/ssh/ssh_known_hosts2 system");
}

/* Else a floor's rule that asks for root's files would be the user's to satisfy, and what root has
 * revoked the user's to take back. */
static void below_a_floor_a_policy_names_no_files_of_roots(void **state) {
	static const char floor[] =
		"rules: [{name: f, match: {known_hosts: user}, action: deny}]\n";

	(void)state;
	assert_list(floor, PLAIN "known_hosts: {system: [~/mine, /etc/ssh/more]}\n", USUAL,
	            "/etc/ssh/ssh_known_hosts system; /etc/ssh/ssh_known_hosts2 system; "
	            "/home/a/mine user; /etc/ssh/more system; /home/a/.ssh/known_hosts user");
	assert_list(floor, PLAIN "known_hosts: {user: [], system: []}\n", USUAL,
	            "/etc/ssh/ssh_known_hosts system; /etc/ssh/ssh_known_hosts2 system");
}

static bool needs_config(const char *floor_text, const char *policy_text) {
	struct policy *floor = parse(floor_text, true), *policy = parse(policy_text, false);
	bool needs = hosts_list_needs_config(floor, policy);

	policy_unref(floor);
	policy_unref(policy);
	return needs;
}

static void ssh_is_asked_unless_both_kinds_are_named(void **state) {
	(void)state;
	assert_true(needs_config(NULL, PLAIN));
	assert_true(needs_config(NULL, PLAIN "known_hosts: {user: ~/hosts}\n"));
	assert_false(needs_config(NULL, PLAIN "known_hosts: {user: ~/hosts, system: []}\n"));
	assert_false(needs_config("known_hosts: {system: /srv/hosts}\n",
	                          PLAIN "known_hosts: {user: ~/hosts}\n"));
}

static uint64_t list_state(const char *policy, const char *ssh) {
	CLEANUP(hosts_list_deinit) struct hosts_list list = {0};

	make(&list, NULL, policy, ssh);
	return hosts_list_state(&list);
}

static void another_name_or_another_owner_is_another_list(void **state) {
	uint64_t usual = list_state(PLAIN, USUAL);

	(void)state;
	assert_true(list_state(PLAIN, USUAL) == usual);
	assert_true(list_state(PLAIN, SSH_SAYS("/home/a/.ssh/known_hostz",
	                                       "/etc/ssh/ssh_known_hosts")) != usual);
	assert_true(list_state(PLAIN "known_hosts: {user: /srv/a, system: []}\n", USUAL) !=
	            list_state(PLAIN "known_hosts: {user: [], system: /srv/a}\n", USUAL));
}

static void sshs_defaults_are_roots_and_those_below_the_home(void **state) {
	CLEANUP(ssh_known_files_deinit) struct ssh_known_files files = {0}, homeless = {0};

	(void)state;
	assert_int_equal(hosts_list_defaults(&files, "/home/a"), 0);
	assert_int_equal(files.n_paths[0], 2);
	assert_string_equal(files.paths[0][0], "/home/a/.ssh/known_hosts");
	assert_string_equal(files.paths[0][1], "/home/a/.ssh/known_hosts2");
	assert_int_equal(files.n_paths[1], 2);
	assert_string_equal(files.paths[1][0], "/etc/ssh/ssh_known_hosts");
	assert_string_equal(files.paths[1][1], "/etc/ssh/ssh_known_hosts2");
	assert_int_equal(hosts_list_defaults(&homeless, NULL), 0);
	assert_int_equal(homeless.n_paths[0], 0);
	assert_int_equal(homeless.n_paths[1], 2);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ssh_reads_is_read_the_systems_first),
		cmocka_unit_test(no_configuration_of_the_users_takes_roots_files_away),
		cmocka_unit_test(
			a_file_that_a_configuration_calls_the_systems_is_so_where_it_is_roots),
		cmocka_unit_test(a_policy_names_files_in_their_place),
		cmocka_unit_test(what_the_floor_names_stands_above_the_policys),
		cmocka_unit_test(below_a_floor_a_policy_names_no_files_of_roots),
		cmocka_unit_test(ssh_is_asked_unless_both_kinds_are_named),
		cmocka_unit_test(another_name_or_another_owner_is_another_list),
		cmocka_unit_test(sshs_defaults_are_roots_and_those_below_the_home),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
