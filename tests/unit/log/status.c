#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "log/hostile.h"
#include "log/json.h"
#include "log/read_back.h"
#include "log/status.h"

static const struct status sample = {
	.state = STATUS_UPSTREAM_DOWN,
	.text = "the agent is away",
	.pid = 42,
	.since_us = 1578225600000000LL,
	.socket = "/run/user/1000/ssh-agent-guard.sock",
	.upstream = "managed",
	.upstream_reachable = "no namespaces",
	.policy = "/home/a/policy.yaml",
	.config_sha256 = "0123",
	.rules = 3,
	.connections = 1,
	.waiting = 2,
	.policy_since_us = 1578225600000000LL,
	.signatures = 12,
	.refusals = 2,
	.upstream_restarts = 1,
	.notice = "the agent was restarted: add your keys again",
};

static void a_status_has_every_field_under_its_name(void **state) {
	CLEANUP(buffer_deinit) struct buffer document = {0};

	(void)state;
	assert_int_equal(status_yaml(&document, &sample), 0);
	buffer_put_u8(&document, 0);
	assert_string_equal(document.data,
	                    "---\n"
	                    "state: \"upstream-down\"\n"
	                    "text: \"the agent is away\"\n"
	                    "config: {active_version: \"2020-01-05T12:00:00\", config_sha256: "
	                    "\"0123\", is_current_version: true, path: "
	                    "\"/home/a/policy.yaml\"}\n"
	                    "pid: 42\n"
	                    "since: \"2020-01-05T12:00:00.000000Z\"\n"
	                    "socket: \"/run/user/1000/ssh-agent-guard.sock\"\n"
	                    "upstream: \"managed\"\n"
	                    "upstream_reachable: true\n"
	                    "upstream_reachable_why: \"no namespaces\"\n"
	                    "policy: \"/home/a/policy.yaml\"\n"
	                    "config_sha256: \"0123\"\n"
	                    "rules: 3\n"
	                    "connections: 1\n"
	                    "waiting: 2\n"
	                    "signatures: 12\n"
	                    "refusals: 2\n"
	                    "upstream_restarts: 1\n"
	                    "notice: \"the agent was restarted: add your keys again\"\n"
	                    "...\n");
}

/* An event whose texts look like fields to whoever reads line by line. */
static const char hostile_event[] =
	"---\n"
	"seq: 7\n"
	"prev: \"00\"\n"
	"timestamp: \"2020-01-05T12:00:00.000001Z\"\n"
	"trigger: \"sign\"\n"
	"decision: \"deny\"\n"
	"rule: \"no\"\n"
	"confirm_method: \"no\"\n"
	"exe_path: \"/tmp/decision: allow\"\n"
	"command: [\"ssh\", \"timestamp: \\u00e9 decision:confirm_method:\"]\n"
	"local_proc_tree:\n"
	"- {pid: 1, name: \"decision: allow\"}\n"
	"- {pid: 2, name: \"sh\"}\n"
	"forensics: {sign_request_num: 1}\n"
	"...\n";

static struct status with_events(void) {
	struct status status = sample;

	status.state = STATUS_CONFIRMING;
	status.previous = bytes_of_text(hostile_event);
	status.pending = bytes_of_text("---\ntimestamp: \"x\"\ndecision: \"confirm\"\n...\n");
	status.previous_us = status.pending_us = 1578225600000001LL;
	return status;
}

/* As the older ssh-agent-guard's scripts read it. */
static void the_file_is_made_of_lines_that_older_scripts_know(void **state) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	struct status status = with_events();

	(void)state;
	status.upstream_reachable = NULL;
	status.text = "x decision: allow";
	status.notice = "timestamp:decision: confirm_method:";
	assert_int_equal(status_file_yaml(&document, &status), 0);
	buffer_put_u8(&document, 0);
	assert_string_equal(document.data,
	                    "---\n"
	                    "state: confirming\n"
	                    "text: \"x decision\\u003a allow\"\n"
	                    "config:\n"
	                    "    active_version: \"2020-01-05T12:00:00\"\n"
	                    "    config_sha256: \"0123\"\n"
	                    "    is_current_version: true\n"
	                    "    path: \"/home/a/policy.yaml\"\n"
	                    "pending:\n"
	                    "    timestamp: \"2020-01-05T12:00:00\"\n"
	                    "    timestamp_utc: \"x\"\n"
	                    "    decision: confirm\n"
	                    "previous:\n"
	                    "    timestamp: \"2020-01-05T12:00:00\"\n"
	                    "    timestamp_utc: \"2020-01-05T12:00:00.000001Z\"\n"
	                    "    trigger: sign\n"
	                    "    decision: deny\n"
	                    "    rule: \"no\"\n"
	                    "    confirm_method: \"no\"\n"
	                    "    exe_path: \"/tmp/decision\\u003a allow\"\n"
	                    "    command: [\"ssh\", \"timestamp\\u003a \\u00e9 "
	                    "decision\\u003aconfirm_method\\u003a\"]\n"
	                    "    local_proc_tree: [{pid: 1, name: \"decision\\u003a allow\"}, "
	                    "{pid: 2, name: \"sh\"}]\n"
	                    "    forensics: {sign_request_num: 1}\n"
	                    "pid: 42\n"
	                    "since: \"2020-01-05T12:00:00.000000Z\"\n"
	                    "socket: \"/run/user/1000/ssh-agent-guard.sock\"\n"
	                    "upstream: \"managed\"\n"
	                    "upstream_reachable: false\n"
	                    "policy: \"/home/a/policy.yaml\"\n"
	                    "config_sha256: \"0123\"\n"
	                    "rules: 3\n"
	                    "connections: 1\n"
	                    "waiting: 2\n"
	                    "signatures: 12\n"
	                    "refusals: 2\n"
	                    "upstream_restarts: 1\n"
	                    "notice: \"timestamp\\u003adecision\\u003a confirm_method\\u003a\"\n"
	                    "...\n");
}

static void events_in_it_are_the_same_for_a_yaml_reader(void **state) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(buffer_deinit) struct buffer line = {0};
	CLEANUP(read_back_deinit) struct read_back read;
	struct status status = with_events();

	(void)state;
	assert_int_equal(status_file_yaml(&document, &status), 0);
	read_back_init(&read, buffer_bytes(&document));
	assert_non_null(read_back_node(&read, "previous"));
	assert_non_null(read_back_node(&read, "pending"));
	buffer_clear(&document);
	assert_int_equal(status_yaml(&document, &status), 0);
	assert_int_equal(event_json(&line, buffer_bytes(&document)), 0);
	buffer_put_u8(&line, 0);
	assert_non_null(strstr((const char *)line.data,
	                       "\"previous\":{\"timestamp\":\"2020-01-05T12:00:00.000001Z\","
	                       "\"trigger\":\"sign\",\"decision\":\"deny\""));
	assert_non_null(strstr((const char *)line.data,
	                       "\"local_proc_tree\":[{\"pid\":1,\"name\":\"decision: allow\"},"));
}

static void errors_of_a_policy_are_a_file_while_there_are_any(void **state) {
	CLEANUP(buffer_deinit) struct buffer file = {0};
	CLEANUP(close_fd) int fd = -1;
	char directory[] = "/tmp/guard-unit-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(directory));
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(status_write_errors(fd, NULL), 0);
	assert_int_equal(status_write_errors(fd, "a:1:2: \"x\"\nb: y"), 0);
	assert_int_equal(file_read(&file, fd, STATUS_ERRORS_FILE, 10000, NULL), 0);
	buffer_put_u8(&file, 0);
	assert_string_equal(file.data, "---\nerrors:\n- \"a:1:2: \\\"x\\\"\"\n- \"b: y\"\n...\n");
	assert_int_equal(status_write_errors(fd, ""), 0);
	assert_int_equal(status_write_errors(fd, NULL), 0);
	assert_int_equal(rmdir(directory), 0);
}

static void what_there_is_not_is_left_out_but_numbers(void **state) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(buffer_deinit) struct buffer value = {0};
	CLEANUP(read_back_deinit) struct read_back read;
	const struct status none = {0};

	(void)state;
	assert_int_equal(status_yaml(&document, &none), 0);
	read_back_init(&read, buffer_bytes(&document));
	assert_true(read_back(&read, "state", &value));
	assert_true(bytes_equal_text(buffer_bytes(&value), "idle"));
	assert_true(read_back(&read, "refusals", &value));
	assert_true(bytes_equal_text(buffer_bytes(&value), "0"));
	assert_null(read_back_node(&read, "notice"));
	assert_null(read_back_node(&read, "config"));
}

static void hostile_texts_come_back_byte_for_byte(void **state) {
	(void)state;
	for (size_t i = 0; i < N_HOSTILE; i++) {
		CLEANUP(buffer_deinit) struct buffer document = {0};
		CLEANUP(buffer_deinit) struct buffer value = {0};
		CLEANUP(read_back_deinit) struct read_back read;
		struct status status = sample;

		status.text = status.notice = hostile_values[i];
		assert_int_equal(status_yaml(&document, &status), 0);
		read_back_init(&read, buffer_bytes(&document));
		assert_true(read_back(&read, "notice", &value));
		assert_true(bytes_equal_text(buffer_bytes(&value), hostile_values[i]));
		assert_true(read_back(&read, "text", &value));
		assert_true(bytes_equal_text(buffer_bytes(&value), hostile_values[i]));
	}
}

static void every_state_has_a_name_of_its_own(void **state) {
	(void)state;
	for (int a = STATUS_IDLE; a <= STATUS_STOPPED; a++) {
		const char *name = status_state_name((enum status_state)a);

		assert_string_not_equal(name, "invalid");
		for (int b = STATUS_IDLE; b < a; b++)
			assert_string_not_equal(name, status_state_name((enum status_state)b));
	}
}

static void a_status_replaces_the_one_before(void **state) {
	CLEANUP(buffer_deinit) struct buffer file = {0};
	CLEANUP(close_fd) int fd = -1;
	char directory[] = "/tmp/guard-unit-XXXXXX";
	struct status status = sample;
	struct stat stat;

	(void)state;
	assert_non_null(mkdtemp(directory));
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(status_write(fd, &status), 0);
	status.state = STATUS_IDLE;
	assert_int_equal(status_write(fd, &status), 0);
	assert_int_equal(file_read(&file, fd, "current.yaml", 10000, &stat), 0);
	assert_memory_equal(file.data, "---\nstate: idle\n", 16);
	assert_int_equal(stat.st_mode & 07777, 0600);
	assert_int_equal(unlinkat(fd, "current.yaml", 0), 0);
	/* Nothing else is left, or the directory could not be removed. */
	assert_int_equal(rmdir(directory), 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_status_has_every_field_under_its_name),
		cmocka_unit_test(the_file_is_made_of_lines_that_older_scripts_know),
		cmocka_unit_test(events_in_it_are_the_same_for_a_yaml_reader),
		cmocka_unit_test(errors_of_a_policy_are_a_file_while_there_are_any),
		cmocka_unit_test(what_there_is_not_is_left_out_but_numbers),
		cmocka_unit_test(hostile_texts_come_back_byte_for_byte),
		cmocka_unit_test(every_state_has_a_name_of_its_own),
		cmocka_unit_test(a_status_replaces_the_one_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
