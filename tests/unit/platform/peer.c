#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/platform.h"

struct pair {
	int guard, client;
};

static size_t open_descriptors(void) {
	DIR *directory = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		n++;
	closedir(directory);
	return n;
}

static struct pair make_pair(void) {
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(platform_identify_writers(fds[0]), 0);
	return (struct pair){fds[0], fds[1]};
}

static void close_pair(struct pair *pair) {
	close(pair->guard);
	close(pair->client);
}

/* Writes one byte from a child that then waits for us to let it go, and returns its PID. */
static pid_t child_writes(int fd, const int release[2]) {
	pid_t pid = fork();

	if (pid == 0) {
		char byte;

		close(release[1]);
		if (write(fd, "c", 1) != 1)
			_exit(1);
		_exit(read(release[0], &byte, 1) < 0);
	}
	assert_true(pid > 0);
	return pid;
}

static void read_one(struct peer *writer, int fd, char expected) {
	char bytes[16];
	size_t len = 0;

	/* The child may not have written yet. */
	while (platform_read(writer, fd, bytes, sizeof(bytes), &len) == -EAGAIN)
		;
	assert_int_equal(len, 1);
	assert_int_equal(bytes[0], expected);
}

static void the_writer_is_named_and_not_who_connected(void **state) {
	CLEANUP(close_pair) struct pair pair = make_pair();
	CLEANUP(peer_deinit) struct peer writer = {.pidfd = -1}, own = {.pidfd = -1};
	int release[2];
	pid_t child;

	(void)state;
	assert_int_equal(pipe(release), 0);
	child = child_writes(pair.client, release);
	read_one(&writer, pair.guard, 'c');
	assert_true(writer.known);
	assert_int_equal(writer.pid, child);
	assert_int_equal(writer.uid, geteuid());
	assert_true(platform_peer_alive(&writer));
	assert_int_equal(write(pair.client, "p", 1), 1);
	read_one(&own, pair.guard, 'p');
	assert_int_equal(own.pid, getpid());
	assert_false(peer_same(&writer, &own));
	assert_true(peer_same(&own, &own));
	close(release[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	/* A pidfd tells; without one (Linux before 6.5) the start time must. */
	assert_int_equal(platform_peer_alive(&writer), writer.pidfd < 0);
	close(release[0]);
}

static void two_writers_never_come_in_one_piece(void **state) {
	CLEANUP(close_pair) struct pair pair = make_pair();
	CLEANUP(peer_deinit) struct peer first = {.pidfd = -1}, second = {.pidfd = -1};
	int release[2];
	pid_t child;
	char bytes[16];
	size_t len;

	(void)state;
	assert_int_equal(pipe(release), 0);
	assert_int_equal(write(pair.client, "pp", 2), 2);
	child = child_writes(pair.client, release);
	close(release[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(platform_read(&first, pair.guard, bytes, sizeof(bytes), &len), 0);
	assert_int_equal(len, 2);
	assert_int_equal(first.pid, getpid());
	assert_int_equal(platform_read(&second, pair.guard, bytes, sizeof(bytes), &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(second.pid, child);
	close(release[0]);
}

static void an_unknown_writer_is_like_no_other(void **state) {
	const struct peer unknown = {.pidfd = -1};

	(void)state;
	assert_false(peer_same(&unknown, &unknown));
	assert_false(platform_peer_alive(&unknown));
}

static void descriptors_that_come_along_are_closed(void **state) {
	CLEANUP(close_pair) struct pair pair = make_pair();
	size_t before = open_descriptors();

	(void)state;
	for (int round = 0; round < 50; round++) {
		CLEANUP(peer_deinit) struct peer writer = {.pidfd = -1};
		union {
			struct cmsghdr align;
			char space[CMSG_SPACE(3 * sizeof(int))];
		} control = {0};
		int fds[3] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
		struct iovec from = {.iov_base = (char[]){"x"}, .iov_len = 1};
		struct msghdr message = {.msg_iov = &from,
					 .msg_iovlen = 1,
					 .msg_control = &control,
					 .msg_controllen = sizeof(control)};
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(fds));
		memcpy(CMSG_DATA(header), fds, sizeof(fds));
		assert_int_equal(sendmsg(pair.client, &message, 0), 1);
		read_one(&writer, pair.guard, 'x');
		assert_int_equal(writer.pid, getpid());
	}
	assert_int_equal(open_descriptors(), before);
}

static void a_read_never_waits_and_tells_the_end(void **state) {
	CLEANUP(close_pair) struct pair pair = make_pair();
	CLEANUP(peer_deinit) struct peer writer = {.pidfd = -1};
	char byte;
	size_t len = 7;

	(void)state;
	assert_int_equal(platform_read(&writer, pair.guard, &byte, 1, &len), -EAGAIN);
	assert_int_equal(len, 7);
	assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
	assert_int_equal(platform_read(&writer, pair.guard, &byte, 1, &len), 0);
	assert_int_equal(len, 0);
}

static void bytes_from_before_the_option_are_of_nobody(void **state) {
	struct pair pair;
	int fds[2];
	CLEANUP(peer_deinit) struct peer writer = {.pidfd = -1};
	char byte;
	size_t len;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	pair = (struct pair){fds[0], fds[1]};
	assert_int_equal(write(pair.client, "x", 1), 1);
	assert_int_equal(platform_read(&writer, pair.guard, &byte, 1, &len), 0);
	assert_false(writer.known);
	close_pair(&pair);
}

static void a_hang_up_is_told_once_and_a_half_close_is_none(void **state) {
	struct hangups *hangups;
	struct pair whole = make_pair(), half = make_pair();

	(void)state;
	assert_int_equal(hangups_new(&hangups), 0);
	assert_int_equal(hangups_add(hangups, whole.guard, &whole), 0);
	assert_int_equal(hangups_add(hangups, half.guard, &half), 0);
	assert_null(hangups_next(hangups));
	assert_int_equal(shutdown(half.client, SHUT_WR), 0);
	assert_null(hangups_next(hangups));
	/* Also with bytes that nobody has read. */
	assert_int_equal(write(whole.client, "x", 1), 1);
	close(whole.client);
	assert_ptr_equal(hangups_next(hangups), &whole);
	assert_null(hangups_next(hangups));
	close(half.client);
	assert_ptr_equal(hangups_next(hangups), &half);
	close(whole.guard);
	close(half.guard);
	hangups_free(hangups);
}

static void who_is_closed_is_never_told_of(void **state) {
	struct hangups *hangups;

	(void)state;
	assert_int_equal(hangups_new(&hangups), 0);
	for (int round = 0; round < 20; round++) {
		struct pair a = make_pair(), b = make_pair();

		assert_int_equal(hangups_add(hangups, a.guard, &a), 0);
		assert_int_equal(hangups_add(hangups, b.guard, &b), 0);
		close(a.client);
		close(b.client);
		close(a.guard);
		assert_ptr_equal(hangups_next(hangups), &b);
		assert_null(hangups_next(hangups));
		close(b.guard);
	}
	hangups_free(hangups);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_writer_is_named_and_not_who_connected),
		cmocka_unit_test(two_writers_never_come_in_one_piece),
		cmocka_unit_test(an_unknown_writer_is_like_no_other),
		cmocka_unit_test(descriptors_that_come_along_are_closed),
		cmocka_unit_test(a_read_never_waits_and_tells_the_end),
		cmocka_unit_test(bytes_from_before_the_option_are_of_nobody),
		cmocka_unit_test(a_hang_up_is_told_once_and_a_half_close_is_none),
		cmocka_unit_test(who_is_closed_is_never_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
