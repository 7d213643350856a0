/* The other ends of real connections, as the kernel tells them. */
#include "unit.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/linux/far_end.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

#define MANY 5000 /* more than are kept, so that some have the place of others */

static struct connection_id id_of(int fd) {
	struct connection_id id = {0};
	socklen_t len = sizeof(id.cookie);
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &id.cookie, &len), 0);
	id.inode = (uint32_t)status.st_ino;
	return id;
}

static void make_pair(int pair[2]) {
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void close_pair(int pair[2]) {
	close(pair[0]);
	close(pair[1]);
}

static struct far_ends *ends_new(void) {
	struct far_ends *ends;

	if (far_ends_are_told() != TRI_YES)
		skip();
	assert_int_equal(far_ends_new(&ends), 0);
	return ends;
}

static void each_end_is_the_others_other_end(void **state) {
	struct far_ends *ends = ends_new();
	int pair[2];

	(void)state;
	make_pair(pair);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(far_end_inode(ends, id_of(pair[0])), id_of(pair[1]).inode);
		assert_int_equal(far_end_inode(ends, id_of(pair[1])), id_of(pair[0]).inode);
	}
	close_pair(pair);
	far_ends_free(ends);
}

static void a_connection_never_gets_the_answer_for_another(void **state) {
	struct far_ends *ends = ends_new();
	int first[2];

	(void)state;
	make_pair(first);
	for (int i = 0; i < MANY; i++) {
		int pair[2];

		make_pair(pair);
		assert_int_equal(far_end_inode(ends, id_of(pair[0])), id_of(pair[1]).inode);
		if (i % 100 == 0)
			assert_int_equal(far_end_inode(ends, id_of(first[0])),
			                 id_of(first[1]).inode);
		close_pair(pair);
	}
	close_pair(first);
	far_ends_free(ends);
}

/* The kernel compares the cookie, and so do we. */
static void an_inode_with_anothers_cookie_is_unknown(void **state) {
	struct far_ends *ends = ends_new();
	struct connection_id false_id;
	int pair[2], other[2];

	(void)state;
	make_pair(pair);
	make_pair(other);
	false_id = id_of(pair[0]);
	false_id.cookie = id_of(other[0]).cookie;
	assert_int_equal(far_end_inode(ends, false_id), 0);
	/* What was not learned is not kept. */
	assert_int_equal(far_end_inode(ends, id_of(other[0])), id_of(other[1]).inode);
	assert_int_equal(far_end_inode(ends, id_of(pair[0])), id_of(pair[1]).inode);
	assert_int_equal(far_end_inode(ends, (struct connection_id){0}), 0);
	close_pair(pair);
	close_pair(other);
	far_ends_free(ends);
}

/* Seen by what the kernel has forgotten. */
static void a_known_connection_is_not_asked_for_again(void **state) {
	struct far_ends *ends = ends_new(), *others = ends_new();
	struct connection_id id;
	uint32_t far;
	int pair[2];

	(void)state;
	make_pair(pair);
	id = id_of(pair[0]);
	far = id_of(pair[1]).inode;
	assert_int_equal(far_end_inode(ends, id), far);
	close(pair[1]);
	assert_int_equal(far_end_inode(ends, id), far);
	assert_int_equal(far_end_inode(others, id), 0);
	close(pair[0]);
	far_ends_free(ends);
	far_ends_free(others);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_end_is_the_others_other_end),
		cmocka_unit_test(a_connection_never_gets_the_answer_for_another),
		cmocka_unit_test(an_inode_with_anothers_cookie_is_unknown),
		cmocka_unit_test(a_known_connection_is_not_asked_for_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
