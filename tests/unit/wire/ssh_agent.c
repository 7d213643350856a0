/*
 * Side by side with the real ssh-agent: what it accepts must not be malformed to us, and the key
 * that it acts on must be the key that we named. Messages are the fuzz corpus, bent at random but
 * by a fixed seed, so that a failure comes back.
 */
#include "keygen.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/file.h"
#include "wire/message.h"
#include "wire/session.h"

#define ROUNDS_EACH 200 /* two or three seconds in all */

static pid_t agent_pid;

/* ssh-agent goes into the background once it listens, so there is nothing to wait for. */
static int start_agent(void **state) {
	FILE *pipe;
	int pid = 0;

	if (keygen_enter(state) < 0)
		return -1;
	pipe = popen("ssh-agent -a agent", "r");
	if (pipe == NULL)
		return -1;
	if (fscanf(pipe, "%*[^\n] SSH_AGENT_PID=%d", &pid) != 1)
		pid = 0;
	pclose(pipe);
	agent_pid = pid;
	return pid > 0 ? 0 : -1;
}

static int stop_agent(void **state) {
	kill(agent_pid, SIGTERM);
	return keygen_leave(state);
}

static int connect_agent(void) {
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "agent"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void read_exactly(int fd, uint8_t *to, size_t len) {
	for (size_t got = 0; got < len;) {
		ssize_t count = read(fd, to + got, len - got);

		assert_true(count > 0);
		got += (size_t)count;
	}
}

/* The answer without its length; a view that holds until the next call. */
static struct bytes ask(int fd, struct bytes message) {
	static uint8_t answer[MESSAGE_HEADER + MESSAGE_LEN_MAX];
	CLEANUP(buffer_deinit) struct buffer framed = {0};
	size_t len;

	buffer_put_string(&framed, message);
	assert_int_equal(write(fd, framed.data, framed.len), framed.len);
	read_exactly(fd, answer, MESSAGE_HEADER);
	assert_int_equal(message_length(&len, (struct bytes){answer, MESSAGE_HEADER}), 0);
	read_exactly(fd, answer + MESSAGE_HEADER, len - MESSAGE_HEADER);
	return (struct bytes){answer + MESSAGE_HEADER, len - MESSAGE_HEADER};
}

static struct bytes ask_type(int fd, uint8_t type) {
	return ask(fd, (struct bytes){&type, 1});
}

static bool is_answer(struct bytes answer, uint8_t type) {
	return answer.len > 0 && answer.data[0] == type;
}

static uint32_t random_state;

static uint32_t random_below(uint32_t limit) {
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % limit;
}

/* Some bytes changed, taken out or put in; mostly a few, so that much stays well-formed. */
static void bend(struct buffer *ret, struct bytes message) {
	static uint8_t bent[8192];
	size_t len = message.len;

	assert_true(len > 1 && len + 8 < sizeof(bent));
	memcpy(bent, message.data, len);
	for (uint32_t left = random_below(4); left > 0 && len > 2; left--) {
		size_t at = 1 + random_below((uint32_t)len - 1);

		switch (random_below(6)) {
		case 0: bent[at] ^= (uint8_t)(1u << random_below(8)); break;
		case 1: bent[at] = 0; break;
		case 2: bent[at] = (uint8_t)random_below(256); break;
		case 3:
			memmove(bent + at, bent + at + 1, len - at - 1);
			len--;
			break;
		case 4: /* a zero before it: a number or a name written another way */
			memmove(bent + at + 1, bent + at, len - at);
			bent[at] = 0;
			if (at > 1)
				bent[at - 1]++;
			len++;
			break;
		case 5: bent[len++] = (uint8_t)random_below(256); break;
		}
	}
	buffer_clear(ret);
	buffer_put_raw(ret, (struct bytes){bent, len});
}

/* The agent has one key now: it must be the one that we read in the add. */
static void assert_added(int fd, const struct message *message) {
	struct bytes answer = ask_type(fd, AGENT_REQUEST_IDENTITIES);
	struct cursor cursor = cursor_over(answer);
	struct key_facts facts;

	assert_true(answer_fits(answer, AGENT_REQUEST_IDENTITIES));
	assert_int_equal(cursor_u8(&cursor), AGENT_IDENTITIES_ANSWER);
	if (cursor_u32(&cursor) == 0) {
		assert_true(message->constrained); /* to a lifetime that is over already */
		return;
	}
	assert_int_equal(key_facts_of_blob(&facts, cursor_string(&cursor)), 0);
	assert_string_equal(message->key.fingerprint, facts.fingerprint);
	assert_string_equal(message->key.type, facts.type);
}

static void try_add(int fd, struct bytes seed) {
	CLEANUP(buffer_deinit) struct buffer bent = {0};
	size_t accepted = 0;

	for (int i = 0; i < ROUNDS_EACH; i++) {
		struct message message;
		int error;

		bend(&bent, seed);
		assert_true(is_answer(ask_type(fd, AGENT_REMOVE_ALL), AGENT_SUCCESS));
		error = message_parse(&message, buffer_bytes(&bent));
		if (!is_answer(ask(fd, buffer_bytes(&bent)), AGENT_SUCCESS))
			continue;
		accepted++;
		assert_int_equal(error, 0);
		assert_added(fd, &message);
	}
	assert_true(accepted > 0);
}

static void read_seed(struct buffer *ret, const char *name) {
	const char *source = getenv("GUARD_SOURCE");
	char path[4096];

	if (source == NULL)
		fail_msg("run it by meson test, which says in GUARD_SOURCE where the sources are");
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/message/%s", source, name);
	assert_int_equal(file_read(ret, AT_FDCWD, path, 64 * 1024, NULL), 0);
}

static void the_key_that_it_adds_is_the_key_that_we_named(void **state) {
	/* Ed25519, RSA, ECDSA and their certificates; with constraints. */
	static const char *const seeds[] = {"17-131", "17-153", "17-501", "17-613",
	                                    "17-619", "17-949", "25-137", "25-625"};
	CLEANUP(close_fd) int fd = connect_agent();

	(void)state;
	random_state = 1;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++) {
		CLEANUP(buffer_deinit) struct buffer seed = {0};

		read_seed(&seed, seeds[i]);
		try_add(fd, buffer_bytes(&seed));
	}
}

static void the_key_that_it_signs_with_is_the_key_that_we_named(void **state) {
	CLEANUP(close_fd) int fd = connect_agent();
	CLEANUP(buffer_deinit) struct buffer blob = {0};
	CLEANUP(buffer_deinit) struct buffer sign = {0};
	CLEANUP(buffer_deinit) struct buffer bent = {0};
	struct key_facts facts;
	size_t by_another_name = 0;

	(void)state;
	random_state = 2;
	assert_true(keygen_make("key", "-t rsa -b 1024"));
	keygen_run("SSH_AUTH_SOCK=./agent ssh-add -q key");
	keygen_read_blob(&blob, "key.pub");
	assert_int_equal(key_facts_of_blob(&facts, buffer_bytes(&blob)), 0);
	for (int i = 0; i < 4 * ROUNDS_EACH; i++) {
		static const char *const names[] = {"ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"};
		CLEANUP(buffer_deinit) struct buffer renamed = {0};
		struct message message;
		int error;

		buffer_put_string(&renamed, bytes_of_text(names[i % 3]));
		buffer_put_raw(&renamed, (struct bytes){blob.data + 11, blob.len - 11});
		buffer_clear(&sign);
		buffer_put_u8(&sign, AGENT_SIGN_REQUEST);
		buffer_put_string(&sign, buffer_bytes(&renamed));
		buffer_put_string(&sign, bytes_of_text("data"));
		buffer_put_u32(&sign, 2);
		bend(&bent, buffer_bytes(&sign));
		error = message_parse(&message, buffer_bytes(&bent));
		if (!is_answer(ask(fd, buffer_bytes(&bent)), AGENT_SIGN_RESPONSE))
			continue;
		assert_int_equal(error, 0);
		assert_string_equal(message.key.fingerprint, facts.fingerprint);
		by_another_name += i % 3 != 0;
	}
	assert_true(by_another_name > 0); /* this is what canonical forms are for */
}

static void a_bind_that_it_takes_is_one_to_us(void **state) {
	static const char *const seeds[] = {"27-bind-ed25519",  "27-bind-ed25519-cert",
	                                    "27-bind-ecdsa256", "27-bind-ecdsa521-cert",
	                                    "27-bind-rsa2048",  "27-bind-rsa2048-cert"};

	(void)state;
	random_state = 3;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++) {
		CLEANUP(buffer_deinit) struct buffer seed = {0};
		CLEANUP(buffer_deinit) struct buffer bent = {0};
		size_t taken = 0;

		read_seed(&seed, seeds[i]);
		for (int round = 0; round < ROUNDS_EACH / 2; round++) {
			CLEANUP(close_fd) int fd = connect_agent();
			CLEANUP(session_deinit) struct session session = {0};
			struct message message;

			bend(&bent, buffer_bytes(&seed));
			/* Twice, because a repeat has an answer of its own. */
			for (int twice = 0; twice < 2; twice++) {
				bool yes = is_answer(ask(fd, buffer_bytes(&bent)), AGENT_SUCCESS);
				enum bind_outcome outcome = BIND_MALFORMED;

				if (message_parse(&message, buffer_bytes(&bent)) == 0 &&
				    message.kind == MESSAGE_SESSION_BIND)
					outcome = session_bind(&session, message.extension_body);
				taken += yes;
				assert_int_equal(
					outcome == BIND_RECORDED || outcome == BIND_REPEATED, yes);
			}
		}
		assert_true(taken > 0);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_key_that_it_adds_is_the_key_that_we_named,
	                                        start_agent, stop_agent),
		cmocka_unit_test_setup_teardown(the_key_that_it_signs_with_is_the_key_that_we_named,
	                                        start_agent, stop_agent),
		cmocka_unit_test_setup_teardown(a_bind_that_it_takes_is_one_to_us, start_agent,
	                                        stop_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
