/* Who wrote what, with real sockets and real processes. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "children.h"
#include "platform/platform.h"

static void make_pair(int pair[2]) {
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(platform_identify_writers(pair[0]), 0);
}

static void wait_readable(int fd) {
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&ready, 1, 10000), 1);
}

/* Up to size bytes and their writer. */
static struct peer read_some(int fd, size_t size, size_t *ret_len) {
	struct peer writer = PEER_UNKNOWN;
	char buffer[64];

	wait_readable(fd);
	assert_int_equal(platform_read(&writer, fd, buffer, size, ret_len), 0);
	return writer;
}

static pid_t fork_writer(int fd) {
	pid_t pid = fork_child();

	if (pid == 0) {
		tell(fd);
		wait_forever();
	}
	return pid;
}

static bool kernel_has_pidfds(void) {
	struct peer self = PEER_UNKNOWN;
	int pair[2];
	bool has;

	make_pair(pair);
	assert_int_equal(platform_connector(&self, pair[0]), 0);
	has = self.pidfd >= 0;
	peer_deinit(&self);
	close(pair[0]);
	close(pair[1]);
	return has;
}

static void the_writer_of_a_message_is_named(void **state) {
	struct peer writer;
	size_t len;
	int pair[2];

	(void)state;
	make_pair(pair);
	tell(pair[1]);
	writer = read_some(pair[0], 64, &len);
	assert_int_equal(len, 1);
	assert_true(writer.known);
	assert_int_equal(writer.pid, getpid());
	assert_int_equal(writer.uid, getuid());
	assert_int_equal(writer.gid, getgid());
	assert_true(platform_peer_alive(&writer));
	if (kernel_has_pidfds()) {
		assert_true(writer.pidfd >= 0);
		assert_int_equal(fcntl(writer.pidfd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	}
	peer_deinit(&writer);
	assert_false(writer.known);
	assert_int_equal(writer.pidfd, -1);
	close(pair[0]);
	close(pair[1]);
}

static void two_writers_on_one_socket_are_told_apart(void **state) {
	struct peer first, again, second;
	size_t len;
	pid_t child;
	int pair[2];

	(void)state;
	make_pair(pair);
	tell(pair[1]);
	child = fork_writer(pair[1]);
	/* Asked for 64 bytes, it still gives those of one writer. */
	first = read_some(pair[0], 64, &len);
	assert_int_equal(len, 1);
	second = read_some(pair[0], 64, &len);
	assert_int_equal(len, 1);
	tell(pair[1]);
	again = read_some(pair[0], 64, &len);
	assert_int_equal(first.pid, getpid());
	assert_int_equal(second.pid, child);
	assert_true(peer_same(&first, &again));
	assert_false(peer_same(&first, &second));
	/* Where processes have numbers of their own, those do. */
	close_fd(&first.pidfd);
	if (first.unique != 0)
		assert_true(peer_same(&first, &again));
	assert_false(peer_same(&first, &second));
	peer_deinit(&first);
	peer_deinit(&second);
	peer_deinit(&again);
	end_child(child);
	close(pair[0]);
	close(pair[1]);
}

/* Connected by one process, sent to another: what that one writes is its own. */
static void a_passed_descriptor_names_who_writes_into_it(void **state) {
	struct peer writer, connector;
	size_t len;
	pid_t child;
	int pair[2], way[2];

	(void)state;
	make_pair(pair);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, way), 0);
	child = fork_child();
	if (child == 0) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(int))];
		} control;
		char word;
		struct iovec data = {&word, 1};
		struct msghdr message = {.msg_iov = &data,
		                         .msg_iovlen = 1,
		                         .msg_control = &control,
		                         .msg_controllen = sizeof(control)};
		int passed;

		close(pair[1]);
		if (recvmsg(way[1], &message, 0) != 1 || CMSG_FIRSTHDR(&message) == NULL)
			_exit(1);
		memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(passed));
		tell(passed);
		wait_forever();
	} else {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(int))];
		} control = {0};
		struct iovec data = {(char[]){'x'}, 1};
		struct msghdr message = {.msg_iov = &data,
		                         .msg_iovlen = 1,
		                         .msg_control = &control,
		                         .msg_controllen = sizeof(control)};
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &pair[1], sizeof(int));
		assert_int_equal(sendmsg(way[0], &message, 0), 1);
	}
	writer = read_some(pair[0], 64, &len);
	assert_true(writer.known);
	assert_int_equal(writer.pid, child);
	assert_int_equal(platform_connector(&connector, pair[0]), 0);
	assert_int_equal(connector.pid, getpid());
	assert_false(peer_same(&writer, &connector));
	peer_deinit(&writer);
	peer_deinit(&connector);
	end_child(child);
	close(pair[0]);
	close(pair[1]);
	close(way[0]);
	close(way[1]);
}

static void descriptors_that_a_client_sends_are_not_kept(void **state) {
	size_t before = count_descriptors();
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(3 * sizeof(int))];
	} control = {0};
	const int fds[3] = {0, 1, 2};
	struct iovec data = {(char[]){'x'}, 1};
	struct msghdr message = {.msg_iov = &data,
	                         .msg_iovlen = 1,
	                         .msg_control = &control,
	                         .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int pair[2];

	(void)state;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(header), fds, sizeof(fds));
	/* Sent before the options were set, so that a newer kernel lets it through, too. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(sendmsg(pair[1], &message, 0), 1);
	assert_int_equal(platform_identify_writers(pair[0]), 0);
	for (int i = 0; i < 20; i++) {
		struct peer writer;
		size_t len;
		bool sent = sendmsg(pair[1], &message, 0) == 1;

		assert_true(sent || errno == EPERM);
		if (!sent && i > 0)
			break;
		writer = read_some(pair[0], 64, &len);
		assert_int_equal(count_descriptors(), before + 2 + (writer.pidfd >= 0));
		peer_deinit(&writer);
	}
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(count_descriptors(), before);
}

static void nobody_is_named_where_there_was_no_descriptor_left(void **state) {
	pid_t pid;

	(void)state;
	if (!kernel_has_pidfds())
		skip();
	pid = fork_child();
	if (pid == 0) {
		struct peer writer = PEER_UNKNOWN;
		char buffer[8];
		size_t len;
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
		    platform_identify_writers(pair[0]) < 0)
			_exit(1);
		tell(pair[1]);
		while (dup(0) >= 0)
			continue;
		if (errno != EMFILE ||
		    platform_read(&writer, pair[0], buffer, sizeof(buffer), &len) < 0)
			_exit(2);
		_exit(writer.known ? 3 : 0);
	}
	assert_int_equal(child_status(pid), 0);
}

static void an_empty_socket_and_an_ended_one_are_told_apart(void **state) {
	struct peer writer = PEER_UNKNOWN;
	char buffer[8];
	size_t len = 7;
	int pair[2];

	(void)state;
	make_pair(pair);
	assert_int_equal(platform_read(&writer, pair[0], buffer, sizeof(buffer), &len), -EAGAIN);
	assert_int_equal(len, 7);
	close(pair[1]);
	assert_int_equal(platform_read(&writer, pair[0], buffer, sizeof(buffer), &len), 0);
	assert_int_equal(len, 0);
	peer_deinit(&writer);
	close(pair[0]);
}

static void an_unknown_peer_equals_none(void **state) {
	struct peer unknown = PEER_UNKNOWN;
	struct peer known = {.known = true, .pid = getpid(), .pidfd = -1};
	struct peer other = known;

	(void)state;
	assert_false(peer_same(&unknown, &unknown));
	assert_false(peer_same(&unknown, &known));
	assert_true(peer_same(&known, &other));
	other.uid++;
	assert_false(peer_same(&known, &other));
	assert_false(platform_peer_alive(&unknown));
}

static void a_writer_that_is_gone_is_not_alive(void **state) {
	struct peer writer;
	size_t len;
	pid_t child;
	int pair[2];

	(void)state;
	make_pair(pair);
	child = fork_writer(pair[1]);
	writer = read_some(pair[0], 64, &len);
	assert_true(platform_peer_alive(&writer));
	end_child(child);
	assert_false(platform_peer_alive(&writer));
	peer_deinit(&writer);
	close(pair[0]);
	close(pair[1]);
}

static void a_successor_with_the_same_pid_is_another_writer(void **state) {
	struct peer first, second;
	size_t len;
	pid_t child, successor;
	int pair[2];

	(void)state;
	if (!kernel_has_pidfds())
		skip();
	make_pair(pair);
	child = fork_writer(pair[1]);
	first = read_some(pair[0], 64, &len);
	end_child(child);
	successor = fork_child_as(child);
	if (successor == 0) {
		tell(pair[1]);
		wait_forever();
	}
	if (successor < 0) {
		peer_deinit(&first);
		skip();
	}
	second = read_some(pair[0], 64, &len);
	assert_int_equal(second.pid, first.pid);
	assert_true(platform_peer_alive(&second));
	assert_false(platform_peer_alive(&first));
	assert_false(peer_same(&first, &second));
	peer_deinit(&first);
	peer_deinit(&second);
	end_child(successor);
	close(pair[0]);
	close(pair[1]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_writer_of_a_message_is_named),
		cmocka_unit_test(two_writers_on_one_socket_are_told_apart),
		cmocka_unit_test(a_passed_descriptor_names_who_writes_into_it),
		cmocka_unit_test(descriptors_that_a_client_sends_are_not_kept),
		cmocka_unit_test(nobody_is_named_where_there_was_no_descriptor_left),
		cmocka_unit_test(an_empty_socket_and_an_ended_one_are_told_apart),
		cmocka_unit_test(an_unknown_peer_equals_none),
		cmocka_unit_test(a_writer_that_is_gone_is_not_alive),
		cmocka_unit_test(a_successor_with_the_same_pid_is_another_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
