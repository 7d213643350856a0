#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "children.h"
#include "platform/platform.h"

static int make_pair(int pair[2]) {
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
}

static bool is_readable(const struct hangups *hangups) {
	struct pollfd ready = {.fd = hangups_fd(hangups), .events = POLLIN};

	return poll(&ready, 1, 0) == 1;
}

static void who_hangs_up_is_told_once(void **state) {
	struct hangups *hangups = NULL;
	int first[2], second[2], a, b;

	(void)state;
	assert_int_equal(hangups_new(&hangups), 0);
	assert_int_equal(make_pair(first), 0);
	assert_int_equal(make_pair(second), 0);
	assert_int_equal(hangups_add(hangups, first[0], &a), 0);
	assert_int_equal(hangups_add(hangups, second[0], &b), 0);
	assert_false(is_readable(hangups));
	assert_null(hangups_next(hangups));
	close(second[1]);
	assert_true(is_readable(hangups));
	assert_ptr_equal(hangups_next(hangups), &b);
	assert_null(hangups_next(hangups));
	assert_false(is_readable(hangups));
	close(first[1]);
	assert_ptr_equal(hangups_next(hangups), &a);
	close(first[0]);
	close(second[0]);
	hangups_free(hangups);
}

static void data_that_nobody_reads_is_no_hangup_and_hides_none(void **state) {
	struct hangups *hangups = NULL;
	int pair[2], data;

	(void)state;
	assert_int_equal(hangups_new(&hangups), 0);
	assert_int_equal(make_pair(pair), 0);
	assert_int_equal(hangups_add(hangups, pair[0], &data), 0);
	tell(pair[1]);
	assert_false(is_readable(hangups));
	assert_null(hangups_next(hangups));
	close(pair[1]);
	assert_ptr_equal(hangups_next(hangups), &data);
	close(pair[0]);
	hangups_free(hangups);
}

static void a_half_closed_client_has_not_hung_up(void **state) {
	struct hangups *hangups = NULL;
	int pair[2], data;

	(void)state;
	assert_int_equal(hangups_new(&hangups), 0);
	assert_int_equal(make_pair(pair), 0);
	assert_int_equal(hangups_add(hangups, pair[0], &data), 0);
	assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
	assert_null(hangups_next(hangups));
	close(pair[1]);
	assert_ptr_equal(hangups_next(hangups), &data);
	close(pair[0]);
	hangups_free(hangups);
}

static void one_that_was_gone_before_it_was_added_is_told(void **state) {
	struct hangups *hangups = NULL;
	int pair[2], data;

	(void)state;
	assert_int_equal(hangups_new(&hangups), 0);
	assert_int_equal(make_pair(pair), 0);
	close(pair[1]);
	assert_int_equal(hangups_add(hangups, pair[0], &data), 0);
	assert_ptr_equal(hangups_next(hangups), &data);
	close(pair[0]);
	hangups_free(hangups);
}

static void a_closed_connection_is_never_given_out(void **state) {
	struct hangups *hangups = NULL;
	int pair[2], data;

	(void)state;
	assert_int_equal(hangups_new(&hangups), 0);
	assert_int_equal(make_pair(pair), 0);
	assert_int_equal(hangups_add(hangups, pair[0], &data), 0);
	close(pair[1]);
	close(pair[0]);
	assert_null(hangups_next(hangups));
	hangups_free(hangups);
}

/* As a child does that was forked meanwhile: the kernel keeps a socket in the set as long as any
 * descriptor of it is open, and its old number may be another connection's by then. */
static void a_socket_that_lives_on_elsewhere_is_not_given_out(void **state) {
	struct hangups *hangups = NULL;
	int pair[2], other[2], elsewhere, old, new;

	(void)state;
	assert_int_equal(hangups_new(&hangups), 0);
	assert_int_equal(make_pair(pair), 0);
	elsewhere = fcntl(pair[0], F_DUPFD_CLOEXEC, 100);
	assert_int_equal(hangups_add(hangups, pair[0], &old), 0);
	close(pair[0]);
	close(pair[1]);
	assert_null(hangups_next(hangups)); /* closed, nothing in its place */

	assert_int_equal(make_pair(other), 0);
	assert_int_equal(other[0], pair[0]); /* the same number */
	close(elsewhere);
	elsewhere = fcntl(other[0], F_DUPFD_CLOEXEC, 100);
	assert_int_equal(hangups_add(hangups, other[0], &old), 0);
	close(other[0]);
	assert_int_equal(make_pair(pair), 0);
	assert_int_equal(pair[0], other[0]);
	assert_int_equal(hangups_add(hangups, pair[0], &new), 0);
	close(other[1]);
	assert_null(hangups_next(hangups)); /* neither the old one nor its successor */
	close(pair[1]);
	assert_ptr_equal(hangups_next(hangups), &new);
	close(pair[0]);
	close(elsewhere);
	hangups_free(hangups);
}

static void what_is_no_socket_is_refused(void **state) {
	struct hangups *hangups = NULL;
	int data;

	(void)state;
	assert_int_equal(hangups_new(&hangups), 0);
	assert_int_equal(hangups_add(hangups, hangups_fd(hangups), &data), -ENOTSOCK);
	assert_int_equal(hangups_add(hangups, 9999, &data), -EBADF);
	assert_int_equal(hangups_add(hangups, -1, &data), -EBADF);
	hangups_free(hangups);
}

static void many_are_told_and_nothing_leaks(void **state) {
	enum { PAIRS = 200 };
	size_t before = count_descriptors();
	struct hangups *hangups = NULL;
	int pairs[PAIRS][2];
	bool told[PAIRS] = {0};

	(void)state;
	assert_int_equal(hangups_new(&hangups), 0);
	for (int i = 0; i < PAIRS; i++) {
		assert_int_equal(make_pair(pairs[i]), 0);
		assert_int_equal(hangups_add(hangups, pairs[i][0], &told[i]), 0);
	}
	for (int i = 0; i < PAIRS; i++)
		close(pairs[i][1]);
	for (bool *one = hangups_next(hangups); one != NULL; one = hangups_next(hangups)) {
		assert_false(*one);
		*one = true;
	}
	for (int i = 0; i < PAIRS; i++) {
		assert_true(told[i]);
		close(pairs[i][0]);
	}
	hangups_free(hangups);
	assert_int_equal(count_descriptors(), before);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_hangs_up_is_told_once),
		cmocka_unit_test(data_that_nobody_reads_is_no_hangup_and_hides_none),
		cmocka_unit_test(a_half_closed_client_has_not_hung_up),
		cmocka_unit_test(one_that_was_gone_before_it_was_added_is_told),
		cmocka_unit_test(a_closed_connection_is_never_given_out),
		cmocka_unit_test(a_socket_that_lives_on_elsewhere_is_not_given_out),
		cmocka_unit_test(what_is_no_socket_is_refused),
		cmocka_unit_test(many_are_told_and_nothing_leaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
