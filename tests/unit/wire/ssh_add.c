/* Adds as the real ssh-add sends them, to a socket behind which this test plays the agent. */
#include "keygen.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "wire/message.h"

#define DEADLINE_MS 20000 /* for a machine that is busy; ssh-add itself takes some milliseconds */

static void read_exactly(int fd, uint8_t *to, size_t len) {
	for (size_t got = 0; got < len;) {
		ssize_t count = read(fd, to + got, len - got);

		assert_true(count > 0);
		got += (size_t)count;
	}
}

/* Answers ssh-add, and keeps what it asks to add, each with its length. */
static void serve(int listener, struct buffer *adds) {
	static uint8_t body[MESSAGE_LEN_MAX];
	const uint8_t success[] = {0, 0, 0, 1, AGENT_SUCCESS};
	struct pollfd poll_fd = {.fd = listener, .events = POLLIN};
	CLEANUP(close_fd) int fd = -1;
	uint8_t header[MESSAGE_HEADER];

	assert_int_equal(poll(&poll_fd, 1, DEADLINE_MS), 1);
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	while (read(fd, header, 1) == 1) {
		size_t len;

		read_exactly(fd, header + 1, sizeof(header) - 1);
		assert_int_equal(message_length(&len, BYTES(header)), 0);
		assert_true(len > MESSAGE_HEADER);
		read_exactly(fd, body, len - MESSAGE_HEADER);
		buffer_put_string(adds, (struct bytes){body, len - MESSAGE_HEADER});
		assert_int_equal(write(fd, success, sizeof(success)), sizeof(success));
	}
}

static void ssh_add(struct buffer *adds, const char *options) {
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "agent"};
	CLEANUP(close_fd) int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int status;
	pid_t pid;

	unlink("agent");
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char command[256];

		snprintf(command, sizeof(command),
		         "exec env SSH_AUTH_SOCK=./agent ssh-add -q %s 2>ssh-add.err", options);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	serve(listener, adds);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The next add in *adds must be of the key in that file. */
static void assert_next_add(struct cursor *adds, const char *path, const char *type,
                            bool constrained) {
	struct message message;
	char expected[128];

	keygen_fingerprint(expected, path);
	assert_int_equal(message_parse(&message, cursor_string(adds)), 0);
	assert_int_equal(message.operation, OPERATION_ADD);
	assert_true(message.has_key);
	assert_string_equal(message.key.fingerprint, expected);
	assert_string_equal(message.key.type, type);
	assert_true(bytes_equal_text(message.comment, "me@here"));
	assert_int_equal(message.constrained, constrained);
}

static void every_key_and_its_certificate_are_told_as_ssh_add_sends_them(void **state) {
	static const struct {
		const char *options;
		const char *type;
	} kinds[] = {
		{"-t ed25519", "ssh-ed25519"},
		{"-t rsa -b 2048", "ssh-rsa"},
		{"-t ecdsa -b 256", "ecdsa-sha2-nistp256"},
		{"-t ecdsa -b 384", "ecdsa-sha2-nistp384"},
		{"-t ecdsa -b 521", "ecdsa-sha2-nistp521"},
		{"-t dsa", "ssh-dss"},
	};

	(void)state;
	assert_true(keygen_make("ca", "-t ed25519"));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		CLEANUP(buffer_deinit) struct buffer adds = {0};
		char type[KEY_TYPE_SIZE];
		struct cursor cursor;

		unlink("key");
		unlink("key.pub");
		if (!keygen_make("key", kinds[i].options))
			continue; /* DSA, with a newer ssh-keygen */
		keygen_run("ssh-keygen -q -s ca -I id -n me key.pub");
		ssh_add(&adds, i % 2 == 0 ? "key" : "-t 60 -c key");
		cursor = cursor_over(buffer_bytes(&adds));
		assert_next_add(&cursor, "key.pub", kinds[i].type, i % 2 == 1);
		snprintf(type, sizeof(type), "%s-cert-v01@openssh.com", kinds[i].type);
		assert_next_add(&cursor, "key-cert.pub", type, i % 2 == 1);
		assert_int_equal(cursor_finish(&cursor), 0);
	}
}

static void put_text(struct buffer *buffer, const char *text) {
	buffer_put_string(buffer, bytes_of_text(text));
}

/* The private key file of a security key (PROTOCOL.key), which needs no such device to be written
 * or added. public holds the fields of the key between its type and its application. */
static void write_security_key(const char *type, struct bytes public) {
	static uint8_t base64[4096];
	const uint8_t zeros[64] = {0};
	CLEANUP(buffer_deinit) struct buffer blob = {0};
	CLEANUP(buffer_deinit) struct buffer secret = {0};
	CLEANUP(buffer_deinit) struct buffer whole = {0};
	FILE *file;

	put_text(&blob, type);
	buffer_put_raw(&blob, public);
	put_text(&blob, "ssh:");

	buffer_put_u64(&secret, 0); /* twice the check number */
	buffer_put_raw(&secret, buffer_bytes(&blob));
	buffer_put_u8(&secret, 1);                /* flags: touch */
	buffer_put_string(&secret, BYTES(zeros)); /* key handle */
	put_text(&secret, "");
	put_text(&secret, "me@here");
	for (uint8_t pad = 1; secret.len % 8 != 0; pad++)
		buffer_put_u8(&secret, pad);

	buffer_put_raw(&whole, (struct bytes){(const uint8_t *)"openssh-key-v1", 15});
	put_text(&whole, "none");
	put_text(&whole, "none");
	put_text(&whole, "");
	buffer_put_u32(&whole, 1);
	buffer_put_string(&whole, buffer_bytes(&blob));
	buffer_put_string(&whole, buffer_bytes(&secret));
	assert_int_equal(buffer_error(&whole), 0);

	unlink("key");
	file = fopen("key", "w");
	assert_non_null(file);
	EVP_EncodeBlock(base64, whole.data, (int)whole.len);
	fprintf(file, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
	for (const char *line = (const char *)base64; *line != '\0'; line += strnlen(line, 70))
		fprintf(file, "%.70s\n", line);
	fprintf(file, "-----END OPENSSH PRIVATE KEY-----\n");
	fclose(file);
	keygen_run("chmod 600 key && ssh-keygen -y -f key > key.pub && "
	           "ssh-keygen -q -s ca -I id -n me key.pub");
}

static void security_keys_and_their_certificates_are_told_too(void **state) {
	CLEANUP(buffer_deinit) struct buffer ed25519 = {0};
	CLEANUP(buffer_deinit) struct buffer ecdsa = {0};
	CLEANUP(buffer_deinit) struct buffer software = {0};
	CLEANUP(buffer_deinit) struct buffer adds = {0};
	struct public_key key;
	struct cursor cursor;

	(void)state;
	assert_true(keygen_make("ca", "-t ed25519") && keygen_make("point", "-t ecdsa -b 256"));
	keygen_read_blob(&software, "ca.pub");
	assert_int_equal(public_key_parse(&key, buffer_bytes(&software)), 0);
	buffer_put_string(&ed25519, key.fields[0]);
	write_security_key("sk-ssh-ed25519@openssh.com", buffer_bytes(&ed25519));
	ssh_add(&adds, "-S internal key");
	cursor = cursor_over(buffer_bytes(&adds));
	assert_next_add(&cursor, "key.pub", "sk-ssh-ed25519@openssh.com", true);
	assert_next_add(&cursor, "key-cert.pub", "sk-ssh-ed25519-cert-v01@openssh.com", true);
	assert_int_equal(cursor_finish(&cursor), 0);

	buffer_clear(&software);
	buffer_clear(&adds);
	keygen_read_blob(&software, "point.pub");
	assert_int_equal(public_key_parse(&key, buffer_bytes(&software)), 0);
	buffer_put_string(&ecdsa, key.fields[0]);
	buffer_put_string(&ecdsa, key.fields[1]);
	write_security_key("sk-ecdsa-sha2-nistp256@openssh.com", buffer_bytes(&ecdsa));
	ssh_add(&adds, "-S internal key");
	cursor = cursor_over(buffer_bytes(&adds));
	assert_next_add(&cursor, "key.pub", "sk-ecdsa-sha2-nistp256@openssh.com", true);
	assert_next_add(&cursor, "key-cert.pub", "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
	                true);
	assert_int_equal(cursor_finish(&cursor), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, keygen_enter, keygen_leave)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(every_key_and_its_certificate_are_told_as_ssh_add_sends_them),
		TEST(security_keys_and_their_certificates_are_told_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
