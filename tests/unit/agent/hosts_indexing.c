/* known_hosts indexed piece by piece: as if all at once, and never longer than a piece takes. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/hosts_indexing.h"
#include "agent/hosts_list.h"

#define KEY_A "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
#define KEY_B "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC"

struct told {
	struct ev_loop *loop;
	struct hosts_indexing *indexing;
	size_t times, turns;
	int error;
	struct hosts_indexed indexed;
};

static void on_done(void *data, int error, struct hosts_indexed *indexed) {
	struct told *told = data;

	assert_false(hosts_indexing_is_at_work(told->indexing));
	told->times++;
	told->error = error;
	hosts_indexed_deinit(&told->indexed);
	told->indexed = *indexed;
	*indexed = (struct hosts_indexed){0};
}

static int set_up(void **state) {
	struct told *told = calloc(1, sizeof(*told));

	assert_non_null(told);
	told->loop = ev_loop_new(0);
	assert_non_null(told->loop);
	assert_int_equal(hosts_indexing_new(&told->indexing, told->loop, on_done, told), 0);
	assert_int_equal(hosts_indexing_begin(told->indexing), 0);
	*state = told;
	return 0;
}

static int tear_down(void **state) {
	struct told *told = *state;

	hosts_indexing_free(told->indexing);
	hosts_indexed_deinit(&told->indexed);
	ev_loop_destroy(told->loop);
	free(told);
	return 0;
}

static void add(struct told *told, const char *text, bool is_systems) {
	assert_int_equal(hosts_indexing_add(told->indexing, bytes_of_text(text), is_systems), 0);
}

/* Until nothing is to be done any more. */
static void go(struct told *told) {
	hosts_indexing_go(told->indexing);
	assert_int_equal(told->times, 0);
	while (hosts_indexing_is_at_work(told->indexing)) {
		ev_run(told->loop, EVRUN_ONCE);
		told->turns++;
	}
	assert_int_equal(told->times, 1);
	assert_int_equal(told->error, 0);
}

static size_t used(const struct known_hosts *hosts) {
	return known_hosts_counts(hosts).used;
}

static enum tri knows(const struct known_hosts *hosts, const char *name) {
	return known_hosts_knows_name(hosts, name, 0);
}

static void nothing_at_all_is_an_empty_index(void **state) {
	struct told *told = *state;

	go(told);
	assert_int_equal(used(told->indexed.now), 0);
	assert_null(told->indexed.accepted);
	assert_int_equal(told->indexed.n_files, 0);
	assert_int_equal(told->indexed.listed.len, 0);
}

static void files_of_root_and_of_users_become_one_index(void **state) {
	struct told *told = *state;

	add(told, "root.example " KEY_A "\n", true);
	add(told, "", false);
	add(told, "one.example " KEY_A, false);
	add(told, "two.example " KEY_B "\n", false);
	go(told);
	assert_int_equal(used(told->indexed.now), 3);
	assert_null(told->indexed.accepted);
	assert_int_equal(told->indexed.n_files, 4);
	assert_true(bytes_equal_text(buffer_bytes(&told->indexed.listed),
	                             "one.example " KEY_A "\ntwo.example " KEY_B "\n"));
}

static void what_was_accepted_stands_beside_with_roots(void **state) {
	struct told *told = *state;

	add(told, "root.example " KEY_A "\n", true);
	add(told, "new.example " KEY_A "\n", false);
	assert_int_equal(
		hosts_indexing_accept(told->indexing, bytes_of_text("old.example " KEY_A "\n")), 0);
	go(told);
	assert_int_equal(told->indexed.n_files, 2);
	assert_int_equal(used(told->indexed.now), 2);
	assert_int_equal(knows(told->indexed.now, "new.example"), TRI_YES);
	assert_int_equal(knows(told->indexed.now, "old.example"), TRI_NO);
	assert_int_equal(used(told->indexed.accepted), 2);
	assert_int_equal(knows(told->indexed.accepted, "root.example"), TRI_YES);
	assert_int_equal(knows(told->indexed.accepted, "old.example"), TRI_YES);
	assert_int_equal(knows(told->indexed.accepted, "new.example"), TRI_NO);
}

static void what_was_accepted_and_is_the_same_costs_nothing(void **state) {
	struct told *told = *state;

	add(told, "one.example " KEY_A, false);
	assert_int_equal(
		hosts_indexing_accept(told->indexing, bytes_of_text("one.example " KEY_A "\n")), 0);
	go(told);
	assert_null(told->indexed.accepted);
	assert_int_equal(used(told->indexed.now), 1);
}

static void a_large_file_takes_many_turns_and_loses_no_line(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct told *told = *state;
	const size_t lines = 12000; /* a megabyte */

	for (size_t i = 0; i < lines; i++) {
		char line[128];
		int len = snprintf(line, sizeof(line), "h%zu.example " KEY_A "\n", i);

		buffer_put_raw(&text, (struct bytes){(const uint8_t *)line, (size_t)len});
	}
	assert_int_equal(hosts_indexing_add(told->indexing, buffer_bytes(&text), false), 0);
	go(told);
	assert_int_equal(used(told->indexed.now), lines);
	assert_int_equal(known_hosts_counts(told->indexed.now).malformed, 0);
	assert_true(told->turns > text.len / (128 * 1024));
}

static void what_there_is_no_room_for_is_left_out_by_itself(void **state) {
	static char large[KNOWN_HOSTS_BYTES_MAX];
	struct told *told = *state;

	memset(large, '#', sizeof(large));
	add(told, "root.example " KEY_A "\n", true);
	assert_int_equal(hosts_indexing_add(told->indexing,
	                                    (struct bytes){(const uint8_t *)large, sizeof(large)},
	                                    false),
	                 -EFBIG);
	add(told, "one.example " KEY_A "\n", false);
	for (size_t i = 2; i < HOSTS_LIST_MAX; i++)
		add(told, "more.example " KEY_B "\n", false);
	assert_int_equal(hosts_indexing_add(told->indexing, bytes_of_text("x"), false), -EFBIG);
	go(told);
	assert_int_equal(used(told->indexed.now), HOSTS_LIST_MAX);
	assert_int_equal(told->indexed.n_files, HOSTS_LIST_MAX);
	assert_int_equal(knows(told->indexed.now, "one.example"), TRI_YES);
}

static void what_it_was_at_is_forgotten_when_it_begins_anew(void **state) {
	struct told *told = *state;

	add(told, "one.example " KEY_A "\n", false);
	hosts_indexing_go(told->indexing);
	ev_run(told->loop, EVRUN_ONCE);
	assert_true(hosts_indexing_is_at_work(told->indexing));
	assert_int_equal(hosts_indexing_begin(told->indexing), 0);
	add(told, "two.example " KEY_B "\n", false);
	go(told);
	assert_int_equal(used(told->indexed.now), 1);
	assert_int_equal(knows(told->indexed.now, "one.example"), TRI_NO);
	assert_true(
		bytes_equal_text(buffer_bytes(&told->indexed.listed), "two.example " KEY_B "\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(nothing_at_all_is_an_empty_index),
		TEST(files_of_root_and_of_users_become_one_index),
		TEST(what_was_accepted_stands_beside_with_roots),
		TEST(what_was_accepted_and_is_the_same_costs_nothing),
		TEST(a_large_file_takes_many_turns_and_loses_no_line),
		TEST(what_there_is_no_room_for_is_left_out_by_itself),
		TEST(what_it_was_at_is_forgotten_when_it_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
