/* Each policy that ships loads, and the starter policy does what it says. The argument is the
 * directory of the policies. */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"

static const char *shipped;

static struct policy *load(const char *name) {
	static const struct surroundings surroundings = {.home = "/home/a"};
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct policy *policy = NULL;
	char path[4096];
	int error;

	snprintf(path, sizeof(path), "%s/%s", shipped, name);
	/* Not policy_load(): in a checkout they may belong to whoever cloned it. */
	assert_int_equal(file_read(&buffer, AT_FDCWD, path, POLICY_LEN_MAX, NULL), 0);
	error = policy_parse(&policy, buffer_bytes(&buffer), path, &surroundings, &problems);
	print_problems(&problems);
	assert_int_equal(error, 0);
	return policy;
}

static bool is_policy(const char *name) {
	size_t len = strlen(name);

	return len > 5 && strcmp(name + len - 5, ".yaml") == 0 &&
	       strstr(name, ".test.yaml") == NULL && strcmp(name, "coding-agents.yaml") != 0;
}

/* As part of a policy each name stands twice then, and nothing is wrong with any. */
static void the_definitions_of_coding_agents_have_no_mistake(void **state) {
	CLEANUP(problems_deinit) struct problems problems = {0};
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	CLEANUP(free_policy) struct policy *policy = NULL;
	char path[4096];
	int error;

	(void)state;
	snprintf(path, sizeof(path), "%s/coding-agents.yaml", shipped);
	assert_int_equal(file_read(&buffer, AT_FDCWD, path, POLICY_LEN_MAX, NULL), 0);
	buffer_put_raw(&buffer, bytes_of_text("\ndefault_action: deny\n"));
	error = policy_parse(&policy, buffer_bytes(&buffer), path, NULL, &problems);
	print_problems(&problems);
	assert_int_equal(error, 0);
}

/* ./dev check runs them all. */
static void assert_has_tests(const char *name) {
	char path[4096];

	snprintf(path, sizeof(path), "%s/%.*s.test.yaml", shipped,
	         (int)(strlen(name) - strlen(".yaml")), name);
	if (access(path, R_OK) < 0)
		fail_msg("%s is missing", path);
}

static void each_of_them_loads_and_has_tests(void **state) {
	DIR *stream = opendir(shipped);
	size_t n_policies = 0;

	(void)state;
	assert_non_null(stream);
	for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
		if (!is_policy(entry->d_name))
			continue;
		policy_unref(load(entry->d_name));
		assert_has_tests(entry->d_name);
		n_policies++;
	}
	closedir(stream);
	assert_true(n_policies > 0);
}

static enum action starter(const char *exe, enum operation operation, enum tri has_terminal) {
	CLEANUP(free_policy) struct policy *policy = load("starter.yaml");
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	char path[64];
	const char *name = strrchr(exe, '/') + 1;

	snprintf(path, sizeof(path), "%s", exe);
	caller.process.exe = path;
	caller.process.name = path + (name - exe);
	caller.has_terminal = has_terminal;
	request.operation = operation;
	return policy_decide(policy, &request).action;
}

static const struct payload random_bytes = {.kind = PAYLOAD_UNKNOWN, .len = 1024};

static enum action starter_for(const char *exe, enum tri has_terminal,
                               const struct payload *payload) {
	CLEANUP(free_policy) struct policy *policy = load("starter.yaml");
	struct caller caller = known_caller();
	struct request request = known_request(&caller);
	char path[64];

	snprintf(path, sizeof(path), "%s", exe);
	caller.process.exe = caller.process.name = path;
	caller.has_terminal = has_terminal;
	request.payload = payload;
	return policy_decide(policy, &request).action;
}

/* ssh-add -T, and the signatures of a CA: ssh-keygen -s -U. */
static void the_starter_policy_lets_ssh_add_alone_sign_what_is_no_login(void **state) {
	(void)state;
	assert_int_equal(starter_for("/usr/bin/ssh-add", TRI_YES, &random_bytes), ACTION_ALLOW);
	assert_int_equal(starter_for("/usr/bin/ssh-add", TRI_NO, &random_bytes), ACTION_CONFIRM);
	assert_int_equal(starter_for("/usr/bin/ssh-add", TRI_YES, &known_login), ACTION_CONFIRM);
	assert_int_equal(starter_for("/usr/bin/ssh", TRI_YES, &random_bytes), ACTION_CONFIRM);
	assert_int_equal(starter_for("/usr/bin/ssh-keygen", TRI_YES, &random_bytes),
	                 ACTION_CONFIRM);
}

static void the_starter_policy_lets_ssh_and_ssh_keygen_sign(void **state) {
	(void)state;
	for (int has_terminal = TRI_UNKNOWN; has_terminal <= TRI_YES; has_terminal++) {
		enum tri terminal = (enum tri)has_terminal;

		assert_int_equal(starter("/usr/bin/ssh", OPERATION_SIGN, terminal), ACTION_ALLOW);
		assert_int_equal(starter("/usr/bin/ssh-keygen", OPERATION_SIGN, terminal),
		                 ACTION_ALLOW);
		assert_int_equal(starter("/tmp/ssh", OPERATION_SIGN, terminal), ACTION_CONFIRM);
		assert_int_equal(starter("/usr/bin/python3", OPERATION_SIGN, terminal),
		                 ACTION_CONFIRM);
		assert_int_equal(starter("/usr/bin/python3", OPERATION_LIST, terminal),
		                 ACTION_ALLOW);
	}
}

static void the_starter_policy_lets_ssh_add_work_from_a_terminal_alone(void **state) {
	(void)state;
	for (int i = 0; i < OPERATION_COUNT; i++) {
		enum operation operation = (enum operation)i;
		bool unknown = operation == OPERATION_UNKNOWN || operation == OPERATION_EXTENSION;

		if (operation == OPERATION_SIGN || operation == OPERATION_LIST)
			continue;
		assert_int_equal(starter("/usr/bin/ssh-add", operation, TRI_YES),
		                 unknown ? ACTION_DENY : ACTION_ALLOW);
		assert_int_equal(starter("/usr/bin/ssh-add", operation, TRI_NO), ACTION_DENY);
		assert_int_equal(starter("/usr/bin/ssh-add", operation, TRI_UNKNOWN), ACTION_DENY);
		assert_int_equal(starter("/usr/bin/ssh", operation, TRI_YES), ACTION_DENY);
		assert_int_equal(starter("/tmp/ssh-add", operation, TRI_YES), ACTION_DENY);
	}
}

int main(int argc, char **argv) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_definitions_of_coding_agents_have_no_mistake),
		cmocka_unit_test(each_of_them_loads_and_has_tests),
		cmocka_unit_test(the_starter_policy_lets_ssh_and_ssh_keygen_sign),
		cmocka_unit_test(the_starter_policy_lets_ssh_add_alone_sign_what_is_no_login),
		cmocka_unit_test(the_starter_policy_lets_ssh_add_work_from_a_terminal_alone),
	};

	if (argc != 2)
		return 2;
	shipped = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
