#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include "monitor/listing.h"

#define SECOND_NS UINT64_C(1000000000)
#define NOW_NS    (100 * SECOND_NS)
#define HEAD(id, seconds) \
	"request " id ", since 2026-11-23T05:00:23.123456Z, for another " seconds " s\n"

static int read_text(struct listing *listing, const char *text, uint64_t now_ns) {
	return listing_read(listing, "request", bytes_of_text(text), now_ns);
}

static void requests_come_with_what_is_said_of_each(void **state) {
	CLEANUP(listing_deinit) struct listing listing = {0};

	(void)state;
	assert_int_equal(
		read_text(&listing,
	                  HEAD("3", "58") "  requests: 2 of the same command\n"
	                                  "  what: log in as root\n" HEAD("7", "0") "  what: add\n",
	                  NOW_NS),
		0);
	assert_int_equal(listing.count, 2);
	assert_int_equal(listing.items[0].id, 3);
	assert_int_equal(listed_seconds(&listing.items[0], NOW_NS), 58);
	assert_int_equal(listed_seconds(&listing.items[0], NOW_NS + 100 * SECOND_NS), 0);
	assert_true(bytes_equal_text(listed_line(&listing.items[0], "what"), "log in as root"));
	assert_int_equal(listed_line(&listing.items[0], "wha").len, 0);
	assert_int_equal(listed_line(&listing.items[0], "where").len, 0);
	assert_int_equal(listing.items[1].id, 7);
	assert_int_equal(listed_seconds(&listing.items[1], NOW_NS), 0);
	assert_int_equal(listing.items[0].seen_ns, 0);
	assert_ptr_equal(listing_find(&listing, 7), &listing.items[1]);
	assert_null(listing_find(&listing, 8));
}

static void nothing_is_an_empty_list(void **state) {
	CLEANUP(listing_deinit) struct listing listing = {0};

	(void)state;
	assert_int_equal(read_text(&listing, "", NOW_NS), 0);
	assert_int_equal(listing.count, 0);
}

static void what_has_another_form_is_refused_and_leaves_the_list(void **state) {
	static const char *const bad[] = {
		"  what: of nothing\n",
		"request\n",
		"request 0, since x, for another 1 s\n",
		"request -1, since x, for another 1 s\n",
		"request x, since x, for another 1 s\n",
		"request 1234567890123456789, since x, for another 1 s\n",
		"request 3, since x\n",
		"request 3, since x, for another s\n",
		"request 3, since x, for another 5 min\n",
		"request 3, since x, for another 5 s and more\n",
		"requests 3, since x, for another 5 s\n",
		"grant 3, given x by pin, for another 5 s\n",
		HEAD("3", "58") HEAD("3", "58"),
		HEAD("3", "58") "what: not indented\n",
		"\n",
	};
	struct listing listing = {.count = 77};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_text(&listing, bad[i], NOW_NS), -EBADMSG);
	assert_int_equal(listing.count, 77);
}

static void times_beyond_all_measure_do_not_overflow(void **state) {
	CLEANUP(listing_deinit) struct listing listing = {0};

	(void)state;
	assert_int_equal(read_text(&listing, HEAD("3", "999999999999999999"), NOW_NS), 0);
	assert_int_equal(listed_seconds(&listing.items[0], NOW_NS), 1000 * 86400);
}

static void what_no_terminal_may_see_is_escaped_once(void **state) {
	CLEANUP(listing_deinit) struct listing listing = {0};

	(void)state;
	assert_int_equal(read_text(&listing,
	                           HEAD("3", "58") "  program: \\x1b[2J\033[2J\u202e\xff\r\n",
	                           NOW_NS),
	                 0);
	assert_true(bytes_equal_text(listed_line(&listing.items[0], "program"),
	                             "\\x1b[2J\\x1b[2J\\xe2\\x80\\xae\\xff\\x0d"));
}

static void more_than_a_guard_has_is_refused(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct listing listing = {0};
	char head[80];

	(void)state;
	for (int i = 1; i <= LISTED_MAX + 1; i++) {
		snprintf(head, sizeof(head), "request %d, for another 1 s\n", i);
		buffer_put_raw(&text, bytes_of_text(head));
	}
	assert_int_equal(listing_read(&listing, "request", buffer_bytes(&text), NOW_NS), -EBADMSG);
}

static void an_end_that_is_told_in_whole_seconds_stays_where_it_is(void **state) {
	CLEANUP(listing_deinit) struct listing before = {0};
	CLEANUP(listing_deinit) struct listing now = {0};
	uint64_t later_ns = NOW_NS + SECOND_NS + SECOND_NS / 2;

	(void)state;
	assert_int_equal(read_text(&before, HEAD("3", "58"), NOW_NS), 0);
	before.items[0].seen_ns = NOW_NS;
	assert_int_equal(read_text(&now, HEAD("3", "56") HEAD("4", "60"), later_ns), 0);
	listing_inherit(&now, &before);
	assert_int_equal(now.items[0].until_ns, NOW_NS + 58 * SECOND_NS);
	assert_int_equal(now.items[0].seen_ns, NOW_NS);
	assert_int_equal(now.items[1].seen_ns, 0);
	/* One that was really put off, or ended earlier, is believed. */
	listing_deinit(&now);
	assert_int_equal(read_text(&now, HEAD("3", "20"), later_ns), 0);
	listing_inherit(&now, &before);
	assert_int_equal(now.items[0].until_ns, later_ns + 20 * SECOND_NS);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_come_with_what_is_said_of_each),
		cmocka_unit_test(nothing_is_an_empty_list),
		cmocka_unit_test(what_has_another_form_is_refused_and_leaves_the_list),
		cmocka_unit_test(times_beyond_all_measure_do_not_overflow),
		cmocka_unit_test(what_no_terminal_may_see_is_escaped_once),
		cmocka_unit_test(more_than_a_guard_has_is_refused),
		cmocka_unit_test(an_end_that_is_told_in_whole_seconds_stays_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
