/* Copies for the system's log: journald's protocol, syslog's line, and nothing that waits. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log/event_yaml.h"
#include "log/system_log.h"

static char directory[64];

static int enter(void **state) {
	(void)state;
	strcpy(directory, "/tmp/guard-unit-XXXXXX");
	return mkdtemp(directory) == NULL || chdir(directory) < 0 ? -1 : 0;
}

static int leave(void **state) {
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return chdir("/") < 0 || system(command) != 0 ? -1 : 0;
}

static int listen_at(const char *path) {
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static struct system_log *new_log(void) {
	struct system_log *log = NULL;

	assert_int_equal(system_log_new(&log, "/home/a\nb", "journal", "syslog"), 0);
	return log;
}

static void make(struct buffer *document, const char *decision, const char *detail) {
	const struct caller caller = {
		.process = {.pid = 42, .exe = (char[]){"/bin/e\nv\x1b[2Jil\xff"}}};
	const struct request request = {.operation = OPERATION_LIST,
	                                .caller = &caller,
	                                .dest_key = "SHA256:host",
	                                .meeting = MEETING_VERIFIED};
	const struct event event = {.trigger = "sign",
	                            .decision = decision,
	                            .rule = "r",
	                            .detail = detail,
	                            .request = &request};
	const struct chain_link link = {.seq = 7};

	assert_int_equal(event_yaml_linked(document, &event, &link), 0);
}

static bool has(struct bytes datagram, const char *text) {
	return memmem(datagram.data, datagram.len, text, strlen(text)) != NULL;
}

static void journald_gets_fields_and_the_whole_document(void **state) {
	static uint8_t room[300000];
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(close_fd) int fd = listen_at("journal");
	CLEANUP(close_fd) int syslog_fd = listen_at("syslog");
	struct system_log *log = new_log();
	struct chain_link after = {.seq = 7};
	char hash[CHAIN_HASH_HEX_SIZE];
	struct bytes datagram = {room, 0};

	(void)state;
	make(&document, "deny", "no\nMESSAGE_ID=forged");
	system_log_send(log, buffer_bytes(&document));
	datagram.len = (size_t)recv(fd, room, sizeof(room), 0);
	after = chain_next(&after, buffer_bytes(&document));
	chain_hash_hex(hash, after.prev);
	assert_true(has(datagram, "\nMESSAGE_ID=a75394ef97924904a7879ecbf25cfa51\n"));
	assert_true(has(datagram, "\nPRIORITY=4\n"));
	assert_true(has(datagram, "\nSYSLOG_IDENTIFIER=ssh-agent-guard\n"));
	assert_true(has(datagram, "\nSSH_GUARD_DECISION=deny\n"));
	assert_true(has(datagram, "\nSSH_GUARD_RULE=r\n"));
	assert_true(has(datagram, "\nSSH_GUARD_SEQ=7\n"));
	assert_true(has(datagram, "\nSSH_GUARD_PID=42\n"));
	assert_true(has(datagram, "\nSSH_GUARD_DEST=SHA256:host\n"));
	assert_true(has(datagram, "\nSSH_GUARD_EXE=/bin/e\\x0av\\x1b[2Jil\\xff\n"));
	assert_true(has(datagram, hash));
	/* A value of several lines cannot make a field. */
	assert_false(has(datagram, "\nMESSAGE_ID=forged"));
	assert_true(has(datagram, "\nSSH_GUARD_STATE\n\x09"));
	assert_true(memmem(room, datagram.len, document.data, document.len) != NULL);
	assert_int_equal(recv(syslog_fd, room, sizeof(room), 0), -1);
	assert_int_equal(system_log_dropped(log), 0);
	system_log_free(log);
}

/* As journald takes it: no bytes, and a sealed file. */
static void what_is_too_long_for_a_datagram_goes_as_a_file(void **state) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(close_fd) int fd = listen_at("journal");
	CLEANUP(close_fd) int file_fd = -1;
	struct system_log *log = new_log();
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	static char text[500001], found[600000];
	uint8_t byte;
	struct iovec iov = {&byte, 1};
	struct msghdr message = {.msg_iov = &iov,
	                         .msg_iovlen = 1,
	                         .msg_control = &control,
	                         .msg_controllen = sizeof(control)};
	ssize_t len;

	(void)state;
	make(&document, "allow", NULL);
	memset(text, 'x', sizeof(text) - 1);
	buffer_put_raw(&document, bytes_of_text(text)); /* longer than any is */
	system_log_send(log, buffer_bytes(&document));
	assert_int_equal(recvmsg(fd, &message, MSG_CMSG_CLOEXEC), 0);
	assert_int_equal(message.msg_controllen, CMSG_SPACE(sizeof(int)));
	memcpy(&file_fd, CMSG_DATA(&control.header), sizeof(file_fd));
	len = pread(file_fd, found, sizeof(found), 0);
	assert_true(len > 500000);
	assert_true(memmem(found, (size_t)len, document.data, document.len) != NULL);
	assert_true(fcntl(file_fd, F_GET_SEALS) > 0);
	assert_int_equal(system_log_dropped(log), 0);
	system_log_free(log);
}

static void syslog_gets_a_line_where_there_is_no_journald(void **state) {
	char line[4096] = "";
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(close_fd) int fd = listen_at("syslog");
	struct system_log *log = new_log();

	(void)state;
	make(&document, "allow", "a detail");
	system_log_send(log, buffer_bytes(&document));
	assert_true(recv(fd, line, sizeof(line) - 1, 0) > 0);
	assert_memory_equal(line, "<86>", 4);
	assert_non_null(strstr(line, " ssh-agent-guard["));
	assert_non_null(strstr(line,
	                       "]: allow sign by /bin/e\\x0av\\x1b[2Jil\\xff: r: a detail seq=7 "
	                       "hash="));
	assert_null(strchr(line, '\n'));
	assert_true(strlen(line) < 1024);
	system_log_free(log);
}

static void where_there_is_no_log_nothing_is_missed(void **state) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	struct system_log *log = new_log();

	(void)state;
	make(&document, "allow", NULL);
	system_log_send(log, buffer_bytes(&document));
	assert_int_equal(system_log_dropped(log), 0);
	system_log_free(log);
	close(listen_at("journal")); /* nobody behind it */
	log = new_log();
	system_log_send(log, buffer_bytes(&document));
	assert_int_equal(system_log_dropped(log), 0);
	system_log_free(log);
}

static void a_log_that_takes_nothing_keeps_nobody_waiting_and_drops_are_counted(void **state) {
	static uint8_t room[300000];
	CLEANUP(buffer_deinit) struct buffer document = {0};
	CLEANUP(close_fd) int fd = listen_at("journal");
	struct system_log *log = new_log();
	uint64_t sent = 0, received = 0;

	(void)state;
	make(&document, "allow", NULL);
	while (system_log_dropped(log) < 10 && sent++ < 100000)
		system_log_send(log, buffer_bytes(&document));
	assert_int_equal(system_log_dropped(log), 10);
	while (recv(fd, room, sizeof(room), 0) > 0)
		received++;
	assert_int_equal(received, sent - 10);
	system_log_send(log, buffer_bytes(&document));
	assert_true(recv(fd, room, sizeof(room), 0) > 0);
	system_log_free(log);
}

static void each_kind_has_its_message_id(void **state) {
	static const struct {
		const char *trigger, *decision;
		enum system_log_kind kind;
	} cases[] = {
		{"sign", "allow", SYSTEM_LOG_SIGNATURE},
		{"sign", "confirmed", SYSTEM_LOG_SIGNATURE},
		{"sign", "deny", SYSTEM_LOG_REFUSAL},
		{"add", "confirm-denied", SYSTEM_LOG_REFUSAL},
		{"add", "allow", SYSTEM_LOG_CHANGE},
		{"log-replaced", NULL, SYSTEM_LOG_TRAIL},
		{"start", NULL, SYSTEM_LOG_GUARD},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(buffer_deinit) struct buffer document = {0};
		const struct event event = {.trigger = cases[i].trigger,
		                            .decision = cases[i].decision};

		assert_int_equal(event_yaml(&document, &event), 0);
		assert_int_equal(system_log_kind_of(buffer_bytes(&document)), cases[i].kind);
		for (size_t j = 0; j < i; j++)
			assert_int_equal(strcmp(system_log_message_id(cases[i].kind),
			                        system_log_message_id(cases[j].kind)) == 0,
			                 cases[i].kind == cases[j].kind);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(journald_gets_fields_and_the_whole_document),
		TEST(what_is_too_long_for_a_datagram_goes_as_a_file),
		TEST(syslog_gets_a_line_where_there_is_no_journald),
		TEST(where_there_is_no_log_nothing_is_missed),
		TEST(a_log_that_takes_nothing_keeps_nobody_waiting_and_drops_are_counted),
		TEST(each_kind_has_its_message_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
