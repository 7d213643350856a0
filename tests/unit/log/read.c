#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "log/directory.h"
#include "log/event_yaml.h"
#include "log/hostile.h"
#include "log/read.h"

#define DAY_1  1578225600000000LL /* 2020-01-05T12:00:00Z */
#define DAY_US (86400LL * 1000000)

static void append(const char *name, struct bytes bytes) {
	CLEANUP(close_fd) int fd = open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.data, bytes.len), bytes.len);
}

static void append_event(const char *name, int64_t real_us, const char *detail) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	const struct event event = {.real_us = real_us, .trigger = "sign", .detail = detail};

	assert_int_equal(event_yaml(&document, &event), 0);
	append(name, buffer_bytes(&document));
}

static void clean_reader(struct event_reader **reader) {
	event_reader_free(*reader);
}

static struct event_reader *open_reader(int64_t since_us, int64_t until_us) {
	struct event_reader *reader = NULL;

	assert_int_equal(event_reader_new(&reader, dir_fd, since_us, until_us), 0);
	return reader;
}

static void assert_next(struct event_reader *reader, const char *detail) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct piece piece;

	assert_int_equal(event_reader_next(&piece, reader), 1);
	assert_int_equal(piece.kind, PIECE_DOCUMENT);
	assert_int_equal(event_text(&text, event_field(piece.bytes, "detail")), 0);
	assert_true(bytes_equal_text(buffer_bytes(&text), detail));
}

static void assert_end(struct event_reader *reader) {
	struct piece piece;

	assert_int_equal(event_reader_next(&piece, reader), 0);
	assert_int_equal(event_reader_next(&piece, reader), 0);
}

static void events_come_in_the_order_of_days(void **state) {
	CLEANUP(clean_reader) struct event_reader *reader = NULL;

	(void)state;
	append_event("2020-01-06.yaml", DAY_1 + DAY_US, "third");
	append_event("2020-01-05.yaml", DAY_1, "first");
	append_event("2020-01-05.yaml", DAY_1, "second");
	append("2020-01-07.yaml", bytes_of_text(""));
	append("2020-01-05.yaml.old", bytes_of_text("no day file"));
	reader = open_reader(TIME_MIN, TIME_MAX);
	assert_next(reader, "first");
	assert_next(reader, "second");
	assert_next(reader, "third");
	assert_end(reader);
}

static void only_the_wanted_time_is_read(void **state) {
	CLEANUP(clean_reader) struct event_reader *reader = NULL;

	(void)state;
	append_event("2020-01-04.yaml", DAY_1 - DAY_US, "before");
	append_event("2020-01-05.yaml", DAY_1 - 1, "just before");
	append_event("2020-01-05.yaml", DAY_1, "since");
	append_event("2020-01-05.yaml", DAY_1 + 10, "until");
	append_event("2020-01-05.yaml", DAY_1 + 11, "just after");
	/* The clock was set back over midnight. */
	append_event("2020-01-06.yaml", DAY_1 + 5, "set back");
	append_event("2020-01-06.yaml", DAY_1 + DAY_US, "after");
	reader = open_reader(DAY_1, DAY_1 + 10);
	assert_next(reader, "since");
	assert_next(reader, "until");
	assert_next(reader, "set back");
	assert_end(reader);
}

static void again(struct event_reader *reader) {
	assert_int_equal(event_reader_again(reader), 0);
}

static void reading_goes_on_with_what_was_written_since(void **state) {
	CLEANUP(clean_reader) struct event_reader *reader = open_reader(DAY_1, TIME_MAX);

	(void)state;
	assert_end(reader);
	again(reader);
	assert_end(reader);
	append_event("2020-01-05.yaml", DAY_1 - 1, "not wanted");
	append_event("2020-01-05.yaml", DAY_1, "first");
	again(reader);
	assert_next(reader, "first");
	assert_end(reader);
	again(reader);
	assert_end(reader);
	append_event("2020-01-05.yaml", DAY_1, "second");
	append_event("2020-01-06.yaml", DAY_1 + DAY_US, "third");
	again(reader);
	assert_next(reader, "second");
	assert_next(reader, "third");
	assert_end(reader);
	/* What is behind us is not looked at any more. */
	append_event("2020-01-04.yaml", DAY_1, "too late");
	append_event("2020-01-06.yaml", DAY_1 + DAY_US, "fourth");
	again(reader);
	assert_next(reader, "fourth");
	assert_end(reader);
}

static void an_unfinished_end_is_read_anew(void **state) {
	CLEANUP(clean_reader) struct event_reader *reader = NULL;
	struct piece piece;

	(void)state;
	append_event("2020-01-05.yaml", DAY_1, "first");
	append("2020-01-05.yaml", bytes_of_text("---\ndetail: \"sec"));
	reader = open_reader(TIME_MIN, TIME_MAX);
	assert_next(reader, "first");
	assert_int_equal(event_reader_next(&piece, reader), 1);
	assert_int_equal(piece.kind, PIECE_UNFINISHED);
	assert_end(reader);
	append("2020-01-05.yaml", bytes_of_text("ond\"\n...\n"));
	again(reader);
	assert_next(reader, "second");
	assert_end(reader);
}

static void a_file_made_anew_is_read_from_its_beginning(void **state) {
	CLEANUP(clean_reader) struct event_reader *reader = NULL;

	(void)state;
	append_event("2020-01-05.yaml", DAY_1, "first");
	append_event("2020-01-05.yaml", DAY_1, "second");
	reader = open_reader(TIME_MIN, TIME_MAX);
	assert_next(reader, "first");
	assert_next(reader, "second");
	assert_end(reader);
	/* Kept, so that its inode is not given to the new one. */
	assert_int_equal(rename("2020-01-05.yaml", "away"), 0);
	append_event("2020-01-05.yaml", DAY_1, "anew");
	again(reader);
	assert_next(reader, "anew");
	assert_end(reader);
	/* The same one, and shorter than before: nothing is shown twice. */
	assert_int_equal(truncate("2020-01-05.yaml", 0), 0);
	again(reader);
	assert_end(reader);
	append_event("2020-01-05.yaml", DAY_1, "after all");
	again(reader);
	assert_next(reader, "after all");
	assert_end(reader);
}

static void behind_a_file_that_cannot_be_read_come_the_others(void **state) {
	CLEANUP(clean_reader) struct event_reader *reader = NULL;
	struct piece piece;

	(void)state;
	append_event("2020-01-04.yaml", DAY_1, "first");
	assert_int_equal(mkfifo("2020-01-05.yaml", 0600), 0);
	append_event("2020-01-06.yaml", DAY_1, "second");
	reader = open_reader(TIME_MIN, TIME_MAX);
	assert_next(reader, "first");
	assert_int_equal(event_reader_next(&piece, reader), -EINVAL);
	assert_string_equal(event_reader_file(reader), "2020-01-05.yaml");
	assert_next(reader, "second");
	assert_end(reader);
}

static void files_of_other_days_are_not_opened(void **state) {
	CLEANUP(clean_reader) struct event_reader *reader = NULL;

	(void)state;
	assert_int_equal(mkfifo("2020-01-03.yaml", 0600), 0);
	append_event("2020-01-05.yaml", DAY_1, "wanted");
	assert_int_equal(mkfifo("2020-01-07.yaml", 0600), 0);
	reader = open_reader(DAY_1, DAY_1);
	assert_next(reader, "wanted");
	assert_end(reader);
}

static void an_unfinished_end_is_told_from_damage(void **state) {
	CLEANUP(clean_reader) struct event_reader *reader = open_reader(TIME_MIN, TIME_MAX);
	struct piece piece;

	(void)state;
	assert_end(reader);
	event_reader_free(reader);
	append("2020-01-05.yaml", bytes_of_text("garbage\n...\n"));
	append_event("2020-01-05.yaml", DAY_1, "one");
	append("2020-01-05.yaml", bytes_of_text("---\nhalf: \"a"));
	append_event("2020-01-06.yaml", DAY_1 + DAY_US, "two");
	append("2020-01-06.yaml", bytes_of_text("-"));
	reader = open_reader(TIME_MIN, TIME_MAX);
	assert_int_equal(event_reader_next(&piece, reader), 1);
	assert_int_equal(piece.kind, PIECE_DAMAGED);
	assert_int_equal(piece.offset, 0);
	assert_next(reader, "one");
	assert_int_equal(event_reader_next(&piece, reader), 1);
	assert_int_equal(piece.kind, PIECE_UNFINISHED);
	assert_false(piece.last_file);
	assert_true(bytes_equal_text(piece.bytes, "---\nhalf: \"a"));
	assert_next(reader, "two");
	assert_int_equal(event_reader_next(&piece, reader), 1);
	assert_int_equal(piece.kind, PIECE_UNFINISHED);
	assert_true(piece.last_file);
	assert_string_equal(piece.file, "2020-01-06.yaml");
	assert_end(reader);
}

static void a_document_without_end_costs_no_more_memory(void **state) {
	CLEANUP(clean_reader) struct event_reader *reader = NULL;
	struct piece piece = {0};
	uint64_t len = 0;
	int found;

	(void)state;
	append("2020-01-05.yaml", bytes_of_text("---\n"));
	assert_int_equal(truncate("2020-01-05.yaml", (off_t)64 * 1024 * 1024), 0);
	append("2020-01-05.yaml", bytes_of_text("\n...\n"));
	append_event("2020-01-05.yaml", DAY_1, "behind it");
	reader = open_reader(TIME_MIN, TIME_MAX);
	while ((found = event_reader_next(&piece, reader)) == 1 && piece.kind == PIECE_DAMAGED) {
		assert_int_equal(piece.offset, len);
		len += piece.bytes.len;
	}
	assert_int_equal(found, 1);
	assert_int_equal(piece.kind, PIECE_DOCUMENT);
	assert_int_equal(len, 64 * 1024 * 1024 + 5);
	assert_end(reader);
}

static void a_file_that_is_one_long_hole_is_given_up(void **state) {
	CLEANUP(clean_reader) struct event_reader *reader = NULL;
	struct piece piece;
	uint64_t len = 0;
	int found;

	(void)state;
	append_event("2020-01-05.yaml", DAY_1, "first");
	append_event("2020-01-06.yaml", DAY_1 + DAY_US, "second");
	append_event("2020-01-07.yaml", DAY_1 + 2 * DAY_US, "third");
	/* Of a size that nobody reads through. */
	assert_int_equal(truncate("2020-01-06.yaml", (off_t)1 << 40), 0);
	reader = open_reader(TIME_MIN, TIME_MAX);
	assert_next(reader, "first");
	assert_next(reader, "second");
	while ((found = event_reader_next(&piece, reader)) == 1) {
		assert_int_equal(piece.kind, PIECE_DAMAGED);
		len += piece.bytes.len;
		assert_true(len < 65 * 1024 * 1024);
	}
	assert_int_equal(found, -EFBIG);
	assert_string_equal(event_reader_file(reader), "2020-01-06.yaml");
	assert_next(reader, "third");
	assert_end(reader);
}

static void events_are_found_wherever_reading_stops(void **state) {
	CLEANUP(clean_reader) struct event_reader *reader = NULL;
	char detail[900];

	(void)state;
	for (size_t i = 0; i < 2000; i++) {
		memset(detail, 'a', sizeof(detail));
		detail[i % (sizeof(detail) - 1)] = '\0';
		append_event("2020-01-05.yaml", DAY_1, detail);
	}
	reader = open_reader(TIME_MIN, TIME_MAX);
	for (size_t i = 0; i < 2000; i++) {
		memset(detail, 'a', sizeof(detail));
		detail[i % (sizeof(detail) - 1)] = '\0';
		assert_next(reader, detail);
	}
	assert_end(reader);
}

static void what_is_no_file_is_refused_at_once(void **state) {
	CLEANUP(clean_reader) struct event_reader *reader = NULL;
	struct piece piece;

	(void)state;
	assert_int_equal(mkfifo("2020-01-05.yaml", 0600), 0);
	reader = open_reader(TIME_MIN, TIME_MAX);
	assert_int_equal(event_reader_next(&piece, reader), -EINVAL);
	assert_string_equal(event_reader_file(reader), "2020-01-05.yaml");
}

static void hostile_texts_come_back_byte_for_byte(void **state) {
	(void)state;
	for (size_t i = 0; i < N_HOSTILE; i++) {
		CLEANUP(buffer_deinit) struct buffer document = {0};
		CLEANUP(buffer_deinit) struct buffer text = {0};
		const struct event event = {.trigger = "sign", .detail = hostile_values[i]};

		assert_int_equal(event_yaml(&document, &event), 0);
		assert_int_equal(event_text(&text, event_field(buffer_bytes(&document), "detail")),
		                 0);
		assert_true(bytes_equal_text(buffer_bytes(&text), hostile_values[i]));
	}
}

static void a_field_is_found_by_its_whole_name(void **state) {
	const struct bytes document = bytes_of_text("---\nrule_trace: 1\nrule: 2\nuid:\n...\n");

	(void)state;
	assert_true(bytes_equal_text(event_field(document, "rule"), "2"));
	assert_null(event_field(document, "ule").data);
	assert_null(event_field(document, "uid").data);
	assert_null(event_field(document, "gid").data);
	assert_null(event_field((struct bytes){0}, "gid").data);
}

static void a_text_that_the_guard_does_not_write_is_refused(void **state) {
	static const char *const texts[] = {
		"",
		"\"",
		"a",
		"\"a",
		"a\"",
		"\"\\\"",
		"\"a\"b\"",
		"\"\\q\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"\\u0000\"",
		"\"\\U00110000\"",
		"\"\\Uffffffff\"",
		"\"\\\\\\\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CLEANUP(buffer_deinit) struct buffer text = {0};

		assert_int_equal(event_text(&text, bytes_of_text(texts[i])), -EBADMSG);
		assert_int_equal(text.len, 0);
	}
}

static void count_read(void *data) {
	++*(size_t *)data;
}

static void how_far_it_is_counts_the_files_that_are_wanted(void **state) {
	CLEANUP(clean_reader) struct event_reader *reader = NULL;
	uint64_t done, total;
	struct stat first, second;
	size_t n_reads = 0;

	(void)state;
	append_event("2020-01-01.yaml", DAY_1 - 4 * DAY_US, "not wanted");
	append_event("2020-01-05.yaml", DAY_1, "one");
	append_event("2020-01-06.yaml", DAY_1 + DAY_US, "two");
	append_event("2020-01-06.yaml", DAY_1 + DAY_US, "three");
	assert_int_equal(fstatat(dir_fd, "2020-01-05.yaml", &first, 0), 0);
	assert_int_equal(fstatat(dir_fd, "2020-01-06.yaml", &second, 0), 0);
	reader = open_reader(DAY_1, TIME_MAX);
	event_reader_on_read(reader, count_read, &n_reads);
	event_reader_progress(&done, &total, reader);
	assert_int_equal(done, 0);
	assert_int_equal(total, first.st_size + second.st_size);
	assert_next(reader, "one");
	event_reader_progress(&done, &total, reader);
	assert_int_equal(done, first.st_size);
	assert_true(n_reads > 0);
	assert_next(reader, "two");
	assert_next(reader, "three");
	/* A file that is packed or removed meanwhile counts for nothing, and is no failure. */
	assert_int_equal(unlinkat(dir_fd, "2020-01-05.yaml", 0), 0);
	event_reader_progress(&done, &total, reader);
	assert_int_equal(done, second.st_size);
	assert_int_equal(total, second.st_size);
	n_reads = 0;
	event_reader_on_read(reader, NULL, NULL);
	assert_end(reader);
	assert_int_equal(n_reads, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(events_come_in_the_order_of_days),
		TEST(only_the_wanted_time_is_read),
		TEST(reading_goes_on_with_what_was_written_since),
		TEST(an_unfinished_end_is_read_anew),
		TEST(a_file_made_anew_is_read_from_its_beginning),
		TEST(behind_a_file_that_cannot_be_read_come_the_others),
		TEST(files_of_other_days_are_not_opened),
		TEST(an_unfinished_end_is_told_from_damage),
		TEST(a_document_without_end_costs_no_more_memory),
		TEST(a_file_that_is_one_long_hole_is_given_up),
		TEST(events_are_found_wherever_reading_stops),
		TEST(what_is_no_file_is_refused_at_once),
		TEST(how_far_it_is_counts_the_files_that_are_wanted),
		cmocka_unit_test(hostile_texts_come_back_byte_for_byte),
		cmocka_unit_test(a_field_is_found_by_its_whole_name),
		cmocka_unit_test(a_text_that_the_guard_does_not_write_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
