#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "log/doc.h"
#include "log/event_method.h"
#include "log/event_yaml.h"
#include "log/hostile.h"
#include "log/read_back.h"

/* Facts are char * where caller/ owns them; nothing here writes to them. */
static char *text(const char *literal) {
	return (char *)(uintptr_t)literal;
}

static struct session_hop via = {.is_forwarding = true, .fingerprint = "SHA256:via"};
static struct session_hop at = {.fingerprint = "SHA256:at"};
static struct session_hop *hops[SESSION_HOPS_MAX] = {&via, &at};
static const struct session two_hops = {.hops = hops, .n_hops = 2};

/* An ordinary signature, for the tests to spoil. */
struct sample {
	char *argv[4];
	char *parent_argv[2];
	char *env[3];
	struct process parent;
	struct caller caller;
	struct payload payload;
	struct request request;
	struct event event;
};

static void sample_init(struct sample *sample) {
	*sample = (struct sample){
		.argv = {text("ssh"), text("git@github.com"), text("git-upload-pack 'r.git'")},
		.parent_argv = {text("-bash")},
		.env = {text("TERM=xterm"), text("NO=")},
		.parent = {.pid = 41,
	                   .started_us = 1795392001020000,
	                   .exe = text("/usr/bin/bash"),
	                   .name = text("bash"),
	                   .argc = 1},
		.caller = {.state = CALLER_IDENTIFIED,
	                   .uid = 0,
	                   .gid = 1000,
	                   .process = {.pid = 42,
	                               .exe = text("/usr/bin/ssh"),
	                               .name = text("ssh"),
	                               .title = text("ssh"),
	                               .argc = 3},
	                   .age_ms = 3012,
	                   .exe_id = {.device = 65024, .inode = 247101},
	                   .has_terminal = TRI_YES,
	                   .cwd = text("/home/a/src"),
	                   .cgroup = text("/user.slice"),
	                   .n_ancestors = 1,
	                   .ancestors_known = true,
	                   .connector_pid = 43,
	                   .evidence = "connect",
	                   .n_env = 2,
	                   .apart = APART_MNT | APART_NET,
	                   .apart_unknown = APART_UTS,
	                   .unit = text("a.service"),
	                   .presence = PRESENCE_LOCAL,
	                   .presence_evidence = "logind"},
		.request = {.operation = OPERATION_SIGN,
	                    .key = {"SHA256:abc", "ssh-ed25519"},
	                    .endpoint = "default",
	                    .session = &two_hops,
	                    .is_forwarded = TRI_YES,
	                    .meeting = MEETING_VERIFIED,
	                    .dest_key = "SHA256:at"},
		.payload = {.kind = PAYLOAD_SSH_LOGIN,
	                    .len = 228,
	                    .login = {.user = bytes_of_text("git")}},
		.event = {.real_us = 1795410023123456,
	                  .trigger = "sign",
	                  .decision = "deny",
	                  .rule = "rule-2",
	                  .reason = "missing",
	                  .detail = "a sentence",
	                  .missing_fact = "exe",
	                  .outcome = "failure",
	                  .delivered = TRI_NO,
	                  .config_sha256 = "1234567890",
	                  .latency_us = 60,
	                  .upstream_us = 100,
	                  .sign_request_num = 7},
	};
	sample->parent.argv = sample->parent_argv;
	sample->caller.process.argv = sample->argv;
	sample->caller.ancestors = &sample->parent;
	sample->caller.env = sample->env;
	sample->request.caller = &sample->caller;
	sample->request.payload = &sample->payload;
	sample->event.request = &sample->request;
}

static const char sample_document[] =
	"---\n"
	"timestamp: \"2026-11-23T05:00:23.123456Z\"\n"
	"trigger: \"sign\"\n"
	"decision: \"deny\"\n"
	"rule: \"rule-2\"\n"
	"reason: \"missing\"\n"
	"missing_fact: \"exe\"\n"
	"detail: \"a sentence\"\n"
	"process_name: \"ssh\"\n"
	"local_pid: 42\n"
	"uid: 0\n"
	"gid: 1000\n"
	"exe_path: \"/usr/bin/ssh\"\n"
	"command: [\"ssh\", \"git@github.com\", \"git-upload-pack 'r.git'\"]\n"
	"caller_evidence: \"connect\"\n"
	"key_fingerprint: \"SHA256:abc\"\n"
	"key_type: \"ssh-ed25519\"\n"
	"sign_type: \"ssh-login\"\n"
	"ssh_user: \"git\"\n"
	"dest_key_fingerprint: \"SHA256:at\"\n"
	"dest_evidence: \"verified\"\n"
	"is_forwarded: true\n"
	"forwarded_via: [\"SHA256:via\"]\n"
	"hops: 1\n"
	"local_cwd: \"/home/a/src\"\n"
	"cgroup: \"/user.slice\"\n"
	"has_terminal: true\n"
	"connector_pid: 43\n"
	"local_proc_tree:\n"
	"- {pid: 42, name: \"ssh\", exe: \"/usr/bin/ssh\", command: \"ssh git@github.com"
	" git-upload-pack 'r.git'\"}\n"
	"- {pid: 41, name: \"bash\", exe: \"/usr/bin/bash\", started: "
        "\"2026-11-23T00:00:01.020000Z\", command: \"-bash\"}\n"
	"unit: \"a.service\"\n"
	"is_container: false\n"
	"namespace_mismatches: [\"mnt\", \"net\"]\n"
	"namespaces_unknown: [\"uts\"]\n"
	"user_presence: \"local\"\n"
	"user_presence_evidence: \"logind\"\n"
	"env: {\"TERM\": \"xterm\", \"NO\": \"\"}\n"
	"endpoint: \"default\"\n"
	"config_sha256: \"1234567890\"\n"
	"forensics: {sign_request_num: 7, process_age: \"3.012s\", exe_device: 65024, "
	"exe_inode: 247101}\n"
	"outcome: \"failure\"\n"
	"delivered: false\n"
	"latency_us: 60\n"
	"upstream_us: 100\n"
	"...\n";

static void an_event_has_every_field_under_its_name(void **state) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	struct sample sample;

	(void)state;
	sample_init(&sample);
	assert_int_equal(event_yaml(&document, &sample.event), 0);
	buffer_put_u8(&document, 0);
	assert_string_equal(document.data, sample_document);
}

static void what_is_not_known_is_left_out(void **state) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	const struct caller nobody = {
		.reason = "mixed-writers", .uid = (uid_t)-1, .gid = (gid_t)-1};
	const struct request request = {.caller = &nobody};
	const struct event event = {.trigger = "list", .request = &request};

	(void)state;
	assert_int_equal(event_yaml(&document, &event), 0);
	buffer_put_u8(&document, 0);
	assert_string_equal(document.data, "---\n"
	                                   "timestamp: \"1970-01-01T00:00:00.000000Z\"\n"
	                                   "trigger: \"list\"\n"
	                                   "caller_reason: \"mixed-writers\"\n"
	                                   "...\n");
}

/* As anybody reads it; libyaml has copied what it holds. */
static void read_sample(struct read_back *ret, const struct sample *sample) {
	CLEANUP(buffer_deinit) struct buffer document = {0};

	assert_int_equal(event_yaml(&document, &sample->event), 0);
	read_back_init(ret, buffer_bytes(&document));
}

static void assert_field(struct read_back *read, const char *path, const char *expected) {
	CLEANUP(buffer_deinit) struct buffer value = {0};
	yaml_node_t *node = read_back_node(read, path);

	if (!read_back(read, path, &value))
		fail_msg("no %s", path);
	assert_true(bytes_equal_text(buffer_bytes(&value), expected));
	/* Quoted, so that no reader takes it for anything but text. */
	assert_int_equal(node->data.scalar.style, YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

/* A number, true or false, which is not quoted. */
static void assert_plain(struct read_back *read, const char *path, const char *expected) {
	CLEANUP(buffer_deinit) struct buffer value = {0};

	if (!read_back(read, path, &value))
		fail_msg("no %s", path);
	assert_true(bytes_equal_text(buffer_bytes(&value), expected));
	assert_int_equal(read_back_node(read, path)->data.scalar.style, YAML_PLAIN_SCALAR_STYLE);
}

static void an_ancestry_that_is_not_complete_says_so(void **state) {
	CLEANUP(read_back_deinit) struct read_back read;
	CLEANUP(buffer_deinit) struct buffer value = {0};
	struct sample sample;

	(void)state;
	sample_init(&sample);
	sample.caller.ancestors_known = false;
	read_sample(&read, &sample);
	assert_plain(&read, "local_proc_tree_complete", "false");
	assert_true(read_back(&read, "local_proc_tree/1/name", &value));
}

static void one_whose_ancestors_are_hidden_shows_itself(void **state) {
	CLEANUP(read_back_deinit) struct read_back read;
	CLEANUP(buffer_deinit) struct buffer value = {0};
	struct sample sample;

	(void)state;
	sample_init(&sample);
	sample.caller.ancestors_known = false;
	sample.caller.n_ancestors = 0;
	read_sample(&read, &sample);
	assert_true(read_back(&read, "local_proc_tree_complete", &value));
	assert_true(read_back(&read, "local_proc_tree/0/name", &value));
	assert_false(read_back(&read, "local_proc_tree/1/name", &value));
}

static void a_title_is_shown_where_it_is_not_the_name(void **state) {
	CLEANUP(read_back_deinit) struct read_back read;
	CLEANUP(buffer_deinit) struct buffer value = {0};
	struct sample sample;

	(void)state;
	sample_init(&sample);
	sample.caller.process.title = text("sshd");
	sample.parent.name = text("a-name-of-twenty-ch.");
	sample.parent.title = text("a-name-of-twent"); /* as the kernel cuts it */
	read_sample(&read, &sample);
	assert_field(&read, "process_title", "sshd");
	assert_false(read_back(&read, "local_proc_tree/1/title", &value));
}

static void assert_ascii_lines(struct bytes document) {
	for (size_t i = 0; i < document.len; i++)
		if (document.data[i] != '\n')
			assert_in_range(document.data[i], 0x20, 0x7e);
	assert_memory_equal(document.data, DOC_BEGIN, strlen(DOC_BEGIN));
	for (size_t i = 0; i + 5 < document.len; i++)
		assert_true(memcmp(document.data + i, "\n...\n", 5) != 0);
	assert_memory_equal(document.data + document.len - 5, "\n...\n", 5);
}

static void assert_survives(const char *hostile) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(free_pointer) char *variable = NULL;
	CLEANUP(read_back_deinit) struct read_back read;
	struct sample sample;

	sample_init(&sample);
	sample.event.detail = hostile;
	sample.event.rule = hostile;
	sample.caller.process.name = sample.caller.process.exe = text(hostile);
	sample.caller.process.title = NULL;
	sample.caller.cwd = sample.caller.cgroup = text(hostile);
	sample.argv[1] = sample.argv[2] = sample.parent_argv[0] = text(hostile);
	sample.payload.login.user = bytes_of_text(hostile);
	sample.parent.exe = text(hostile);
	assert_true(asprintf(&variable, "TMUX=%s", hostile) > 0);
	sample.env[1] = variable;
	assert_int_equal(event_yaml(&document, &sample.event), 0);
	assert_ascii_lines(buffer_bytes(&document));
	read_back_init(&read, buffer_bytes(&document));
	assert_true(read.well_formed);
	assert_field(&read, "detail", hostile);
	assert_field(&read, "rule", hostile);
	assert_field(&read, "process_name", hostile);
	assert_field(&read, "exe_path", hostile);
	assert_field(&read, "ssh_user", hostile);
	assert_field(&read, "command/0", "ssh");
	assert_field(&read, "command/1", hostile);
	assert_field(&read, "command/2", hostile);
	assert_null(read_back_node(&read, "command/3"));
	assert_field(&read, "local_cwd", hostile);
	assert_field(&read, "cgroup", hostile);
	assert_field(&read, "env/TMUX", hostile);
	assert_field(&read, "local_proc_tree/1/exe", hostile);
	assert_field(&read, "local_proc_tree/1/command", hostile);
	assert_field(&read, "decision", "deny");
	assert_field(&read, "outcome", "failure");
	assert_null(read_back_node(&read, "shortened"));
}

static void hostile_values_come_back_byte_for_byte(void **state) {
	(void)state;
	for (size_t i = 0; i < N_HOSTILE; i++)
		assert_survives(hostile_values[i]);
}

static void every_single_byte_comes_back(void **state) {
	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		const char alone[] = {(char)byte, '\0'};
		const char within[] = {'a', (char)byte, 'x', '\0'};

		assert_survives(alone);
		assert_survives(within);
	}
}

static void assert_no_field(struct read_back *read, const char *path) {
	if (read_back_node(read, path) != NULL)
		fail_msg("there is a %s", path);
}

static void what_is_signed_is_named(void **state) {
	CLEANUP(buffer_deinit) struct buffer sshsig = {0};
	CLEANUP(buffer_deinit) struct buffer unknown = {0};
	CLEANUP(read_back_deinit) struct read_back of_sshsig;
	CLEANUP(read_back_deinit) struct read_back of_unknown;
	struct sample sample;

	(void)state;
	sample_init(&sample);
	sample.request.meeting = MEETING_NONE;
	sample.request.dest_key = NULL;
	sample.payload = (struct payload){.kind = PAYLOAD_SSHSIG,
	                                  .sshsig = {.name_space = bytes_of_text("git\x1b\xff")}};
	assert_int_equal(event_yaml(&sshsig, &sample.event), 0);
	assert_ascii_lines(buffer_bytes(&sshsig));
	read_back_init(&of_sshsig, buffer_bytes(&sshsig));
	assert_field(&of_sshsig, "sign_type", "sshsig");
	assert_field(&of_sshsig, "namespace", "git\x1b\xff");
	assert_no_field(&of_sshsig, "ssh_user");
	assert_no_field(&of_sshsig, "dest_evidence");
	assert_no_field(&of_sshsig, "payload_len");

	sample.payload = (struct payload){.len = 700, .sha256 = "abcd"};
	assert_int_equal(event_yaml(&unknown, &sample.event), 0);
	read_back_init(&of_unknown, buffer_bytes(&unknown));
	assert_field(&of_unknown, "sign_type", "unknown");
	assert_field(&of_unknown, "payload_sha256", "abcd");
	assert_plain(&of_unknown, "payload_len", "700");
	assert_no_field(&of_unknown, "namespace");
	assert_no_field(&of_unknown, "dest_evidence");
}

static void a_brief_one_holds_who_what_and_where_alone(void **state) {
	static const char *const kept[] = {"process_name", "exe_path",  "key_fingerprint",
	                                   "ssh_user",     "local_cwd", "endpoint",
	                                   "rule",         "decision"};
	static const char *const left_out[] = {"command", "local_proc_tree",      "env",
	                                       "unit",    "namespace_mismatches", "forensics"};
	CLEANUP(read_back_deinit) struct read_back read;
	CLEANUP(buffer_deinit) struct buffer value = {0};
	struct sample sample;

	(void)state;
	sample_init(&sample);
	sample.event.brief = true;
	sample.event.notify = TRI_NO;
	read_sample(&read, &sample);
	assert_plain(&read, "brief", "true");
	assert_plain(&read, "notify", "false");
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		assert_true(read_back(&read, kept[i], &value));
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		assert_no_field(&read, left_out[i]);
}

static void a_login_whose_destination_is_not_proved_says_so(void **state) {
	static const enum meeting meetings[] = {MEETING_NONE, MEETING_MISMATCH, MEETING_BOUND};
	static const char *const evidence[] = {"none", "none", "bound"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		CLEANUP(read_back_deinit) struct read_back read;
		struct sample sample;

		sample_init(&sample);
		sample.request.meeting = meetings[i];
		read_sample(&read, &sample);
		assert_field(&read, "dest_evidence", evidence[i]);
	}
}

/* A text of len bytes, which the caller frees. */
static char *repeated(const char *what, size_t len) {
	char *made = malloc(len + 1);

	assert_non_null(made);
	for (size_t i = 0; i < len; i++)
		made[i] = what[i % strlen(what)];
	made[len] = '\0';
	return made;
}

static void a_value_of_a_megabyte_is_shortened_and_said_to_be(void **state) {
	CLEANUP(buffer_deinit) struct buffer value = {0};
	CLEANUP(free_pointer) char *huge = repeated("ab\u20ac", 1000000);
	CLEANUP(read_back_deinit) struct read_back read;
	struct sample sample;

	(void)state;
	sample_init(&sample);
	sample.caller.process.exe = huge;
	sample.argv[1] = huge;
	read_sample(&read, &sample);
	assert_true(read_back(&read, "exe_path", &value));
	assert_in_range(value.len, 4094, 4096); /* whole characters */
	assert_memory_equal(value.data, huge, value.len);
	assert_true(read_back(&read, "command/1", &value));
	assert_memory_equal(value.data, huge, value.len);
	assert_null(read_back_node(&read, "command/2"));
	assert_plain(&read, "shortened/exe_path", "1000000");
	assert_plain(&read, "shortened/command", "1000029");
	assert_true(read_back(&read, "shortened/local_proc_tree", &value));
	assert_null(read_back_node(&read, "shortened/local_cwd"));
}

static void what_looks_like_a_secret_is_not_written(void **state) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(read_back_deinit) struct read_back read;
	struct sample sample;

	(void)state;
	sample_init(&sample);
	sample.env[0] = text("SSH_API_TOKEN=hunter2");
	sample.env[1] = text("TERM=ghp_hunter2");
	assert_int_equal(event_yaml(&document, &sample.event), 0);
	read_back_init(&read, buffer_bytes(&document));
	assert_field(&read, "env/SSH_API_TOKEN", "(not shown)");
	assert_field(&read, "env/TERM", "(not shown)");
	assert_null(memmem(document.data, document.len, "hunter2", strlen("hunter2")));
}

static void a_long_environment_is_shortened_and_said_to_be(void **state) {
	CLEANUP(buffer_deinit) struct buffer value = {0};
	CLEANUP(free_pointer) char *huge = repeated("/usr/bin:", 100000);
	CLEANUP(read_back_deinit) struct read_back read;
	struct sample sample;

	(void)state;
	sample_init(&sample);
	memcpy(huge, "TERM=", 5);
	sample.env[0] = huge;
	read_sample(&read, &sample);
	assert_true(read_back(&read, "env/TERM", &value));
	assert_in_range(value.len, 4000, 4096);
	assert_memory_equal(value.data, huge + 5, value.len);
	assert_null(read_back_node(&read, "env/NO"));
	assert_plain(&read, "shortened/env", "100003");
}

static void a_command_line_that_was_cut_when_read_is_said_to_be(void **state) {
	CLEANUP(read_back_deinit) struct read_back read;
	struct sample sample;

	(void)state;
	sample_init(&sample);
	sample.caller.process.argv_cut = true;
	read_sample(&read, &sample);
	assert_non_null(read_back_node(&read, "command/2"));
	assert_non_null(read_back_node(&read, "shortened/command"));
}

/* The longest names, arguments and ancestry, of the bytes that take most when escaped. */
static void assert_bounded(const char *what, size_t argc) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(free_pointer) char *huge = repeated(what, 100000);
	CLEANUP(free_pointer) char *variable = repeated(what, 100000);
	CLEANUP(free_pointer) char **argv = calloc(argc + 1, sizeof(*argv));
	CLEANUP(read_back_deinit) struct read_back read;
	struct process ancestors[ANCESTORS_MAX];
	char *variables[2000];
	struct session_hop *many_hops[SESSION_HOPS_MAX];
	const struct session all_hops = {.hops = many_hops, .n_hops = SESSION_HOPS_MAX};
	struct sample sample;

	assert_non_null(argv);
	memcpy(variable, "A=", 2);
	for (size_t i = 0; i < argc; i++)
		argv[i] = argc > 1000 ? text("") : huge;
	sample_init(&sample);
	sample.caller.process = (struct process){.pid = 1,
	                                         .exe = huge,
	                                         .name = huge,
	                                         .title = text("t"),
	                                         .argv = argv,
	                                         .argc = argc};
	for (size_t i = 0; i < ANCESTORS_MAX; i++)
		ancestors[i] = sample.caller.process;
	sample.caller.ancestors = ancestors;
	sample.caller.n_ancestors = ANCESTORS_MAX;
	sample.caller.cwd = sample.caller.cgroup = huge;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		variables[i] = text(argc > 1000 ? "A=" : variable);
	sample.caller.env = variables;
	sample.caller.n_env = sizeof(variables) / sizeof(variables[0]);
	sample.caller.unit = huge;
	sample.caller.apart = sample.caller.apart_unknown = (1U << APART_COUNT) - 1;
	sample.caller.state = CALLER_UNKNOWN;
	sample.caller.reason = sample.request.endpoint = huge;
	for (size_t i = 0; i < SESSION_HOPS_MAX; i++)
		many_hops[i] = &via;
	sample.request.session = &all_hops;
	sample.request.dest_key = huge;
	sample.payload.login.user = bytes_of_text(huge);
	sample.event.trigger = sample.event.decision = sample.event.rule = huge;
	sample.event.reason = sample.event.detail = sample.event.missing_fact = huge;
	sample.event.outcome = sample.event.config_sha256 = huge;
	assert_int_equal(event_yaml(&document, &sample.event), 0);
	assert_in_range(document.len, 1, EVENT_LEN_MAX);
	assert_ascii_lines(buffer_bytes(&document));
	read_back_init(&read, buffer_bytes(&document));
	assert_true(read.well_formed);
}

static void no_document_is_longer_than_its_limit(void **state) {
	(void)state;
	assert_bounded("\x01", 3);
	assert_bounded("\xff", 3);
	assert_bounded("\u00e9", 3);
	assert_bounded("\u20ac", 3);
	assert_bounded("\\x", 3);
	assert_bounded("a", 3);
	assert_bounded("a", 100000);
}

static void a_document_is_appended_to_what_is_there(void **state) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	struct sample sample;

	(void)state;
	sample_init(&sample);
	buffer_put_raw(&document, bytes_of_text("before\n"));
	assert_int_equal(event_yaml(&document, &sample.event), 0);
	assert_memory_equal(document.data, "before\n---\n", 11);
}

static void what_was_passed_over_is_a_list(void **state) {
	static const struct confirm_passed passed[] = {{CONFIRM_TOUCH, "no-key"},
	                                               {CONFIRM_OTP, "not-enrolled"}};
	CLEANUP(buffer_deinit) struct buffer document = {0};
	const struct event none = {.trigger = "sign", .confirm_method = "touch"};
	const struct event two = {.trigger = "sign",
	                          .confirm_method = "pin",
	                          .confirm_passed = passed,
	                          .n_confirm_passed = 2};

	(void)state;
	assert_int_equal(event_yaml(&document, &none), 0);
	buffer_put_u8(&document, 0);
	assert_null(strstr((const char *)document.data, "confirm_passed_over"));
	buffer_clear(&document);
	assert_int_equal(event_yaml(&document, &two), 0);
	buffer_put_u8(&document, 0);
	assert_non_null(strstr((const char *)document.data,
	                       "\nconfirm_passed_over: [\"touch: no-key\", \"otp: not-enrolled\"]\n"));
}

/* Whoever has chosen a name writes no field. */
static void the_method_of_one_that_waits_is_put_in_the_place_of_the_other(void **state) {
	static const char before[] = "decision: \"confirm\"\nconfirm_method: \"touch\"\n"
				     "exe_path: \"/x/confirm_method: \\\"y\\\"\"\n";
	static const char after[] = "decision: \"confirm\"\nconfirm_method: \"pin\"\n"
				    "exe_path: \"/x/confirm_method: \\\"y\\\"\"\n";
	CLEANUP(buffer_deinit) struct buffer event = {0};

	(void)state;
	event_method_set(&event, "pin");
	assert_int_equal(event.len, 0);
	buffer_put_raw(&event, bytes_of_text("trigger: \"sign\"\n"));
	event_method_set(&event, "pin");
	assert_true(bytes_equal_text(buffer_bytes(&event), "trigger: \"sign\"\n"));
	buffer_clear(&event);
	buffer_put_raw(&event, bytes_of_text(before));
	event_method_set(&event, "pin");
	assert_true(bytes_equal_text(buffer_bytes(&event), after));
	event_method_set(&event, "touch");
	assert_true(bytes_equal_text(buffer_bytes(&event), before));
}

static void a_buffer_that_failed_stays_as_it_is(void **state) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	struct sample sample;

	(void)state;
	sample_init(&sample);
	buffer_put_raw(&document, bytes_of_text("before\n"));
	document.error = -ENOMEM;
	assert_int_equal(event_yaml(&document, &sample.event), -ENOMEM);
	assert_true(bytes_equal_text(buffer_bytes(&document), "before\n"));
	assert_int_equal(buffer_error(&document), -ENOMEM);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_has_every_field_under_its_name),
		cmocka_unit_test(what_is_not_known_is_left_out),
		cmocka_unit_test(an_ancestry_that_is_not_complete_says_so),
		cmocka_unit_test(one_whose_ancestors_are_hidden_shows_itself),
		cmocka_unit_test(a_title_is_shown_where_it_is_not_the_name),
		cmocka_unit_test(hostile_values_come_back_byte_for_byte),
		cmocka_unit_test(every_single_byte_comes_back),
		cmocka_unit_test(what_is_signed_is_named),
		cmocka_unit_test(a_brief_one_holds_who_what_and_where_alone),
		cmocka_unit_test(a_login_whose_destination_is_not_proved_says_so),
		cmocka_unit_test(a_value_of_a_megabyte_is_shortened_and_said_to_be),
		cmocka_unit_test(what_looks_like_a_secret_is_not_written),
		cmocka_unit_test(a_long_environment_is_shortened_and_said_to_be),
		cmocka_unit_test(a_command_line_that_was_cut_when_read_is_said_to_be),
		cmocka_unit_test(no_document_is_longer_than_its_limit),
		cmocka_unit_test(a_document_is_appended_to_what_is_there),
		cmocka_unit_test(what_was_passed_over_is_a_list),
		cmocka_unit_test(the_method_of_one_that_waits_is_put_in_the_place_of_the_other),
		cmocka_unit_test(a_buffer_that_failed_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
