#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "log/chain.h"
#include "log/event_yaml.h"
#include "log/journal.h"
#include "log/pack.h"
#include "log/read.h"

#define DAY_1    1578225600000000LL /* 2020-01-05T12:00:00Z */
#define DAY_US   (86400LL * 1000000)
#define FILE_1   "events/2020-01-05.yaml"
#define FILE_2   "events/2020-01-06.yaml"
#define FILE_3   "events/2020-01-07.yaml"
#define PER_DAY  4 /* events, in three days: numbers 1 to 12 */
#define READ_MAX (4 * 1024 * 1024)

static char directory[64];
static int state_fd = -1;

static void close_journal(struct journal **journal) {
	journal_free(*journal);
}

static void write_day(int day) {
	CLEANUP(close_journal) struct journal *journal = NULL;

	assert_int_equal(journal_new(&journal, state_fd), 0);
	for (int i = 0; i < PER_DAY; i++) {
		const struct event event = {
			.real_us = DAY_1 + day * DAY_US + i, .trigger = "sign", .decision = "deny"};

		assert_int_equal(journal_write(journal, &event), 0);
	}
}

/* A state directory with three days of events, each written by a guard of its own. */
static int enter(void **state) {
	(void)state;
	strcpy(directory, "/tmp/guard-unit-XXXXXX");
	if (mkdtemp(directory) == NULL || chdir(directory) < 0)
		return -1;
	state_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int day = 0; day < 3; day++)
		write_day(day);
	return 0;
}

static int leave(void **state) {
	char command[128];

	(void)state;
	close_fd(&state_fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return chdir("/") < 0 || system(command) != 0 ? -1 : 0;
}

static struct chain_report verify(const struct chain_link *anchor) {
	CLEANUP(close_fd) int fd = open("events", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct chain_report report;

	assert_int_equal(chain_verify(&report, fd, anchor, anchor != NULL), 0);
	return report;
}

static void assert_finding(enum chain_finding finding, const char *path, uint64_t seq) {
	struct chain_report report = verify(NULL);

	assert_string_equal(chain_finding_name(report.finding), chain_finding_name(finding));
	assert_string_equal(report.file, path + strlen("events/"));
	assert_int_equal(report.seq, seq);
}

/* Where the n-th document of the file, counted from 0, begins; for one behind the last, its end. */
static size_t place_of(const struct buffer *file, size_t n) {
	size_t at = 0;

	for (; n > 0; n--) {
		const uint8_t *end = memmem(file->data + at, file->len - at, "\n...\n", 5);

		assert_non_null(end);
		at = (size_t)(end - file->data) + 5;
	}
	return at;
}

static void read_file(struct buffer *buffer, const char *path) {
	assert_int_equal(file_read(buffer, AT_FDCWD, path, READ_MAX, NULL), 0);
}

static void put_file(const char *path, const struct buffer *text) {
	CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text->data, text->len), text->len);
}

/* Puts text in the place of the documents from n on, up to but without the one of number end. */
static void replace(const char *path, size_t n, size_t end, struct bytes text) {
	CLEANUP(buffer_deinit) struct buffer file = {0};
	CLEANUP(buffer_deinit) struct buffer made = {0};
	size_t from, to;

	read_file(&file, path);
	from = place_of(&file, n);
	to = place_of(&file, end);
	buffer_put_raw(&made, (struct bytes){file.data, from});
	buffer_put_raw(&made, text);
	buffer_put_raw(&made, (struct bytes){file.data + to, file.len - to});
	put_file(path, &made);
}

/* Puts "allow" in the place of "deny" in the n-th document. */
static void change(const char *path, size_t n) {
	CLEANUP(buffer_deinit) struct buffer file = {0};
	CLEANUP(buffer_deinit) struct buffer made = {0};
	size_t from, to, word;
	uint8_t *found;

	read_file(&file, path);
	from = place_of(&file, n);
	to = place_of(&file, n + 1);
	found = memmem(file.data + from, to - from, "deny", 4);
	assert_non_null(found);
	word = (size_t)(found - file.data);
	buffer_put_raw(&made, (struct bytes){file.data + from, word - from});
	buffer_put_raw(&made, bytes_of_text("allow"));
	buffer_put_raw(&made, (struct bytes){found + 4, to - word - 4});
	replace(path, n, n + 1, buffer_bytes(&made));
}

static void document_of(struct buffer *document, const char *path, size_t n) {
	CLEANUP(buffer_deinit) struct buffer file = {0};
	size_t from, to;

	read_file(&file, path);
	from = place_of(&file, n);
	to = place_of(&file, n + 1);
	buffer_put_raw(document, (struct bytes){file.data + from, to - from});
}

static void a_log_over_days_and_restarts_is_whole(void **state) {
	struct chain_report report = verify(NULL);

	(void)state;
	assert_int_equal(report.finding, CHAIN_WHOLE);
	assert_int_equal(report.first_seq, 1);
	assert_int_equal(report.last_seq, 3 * PER_DAY);
	assert_string_equal(report.file, "");
}

static void the_head_is_the_one_of_the_running_guard(void **state) {
	CLEANUP(close_journal) struct journal *journal = NULL;
	struct chain_report report;

	(void)state;
	assert_int_equal(journal_new(&journal, state_fd), 0);
	report = verify(journal_head(journal));
	assert_int_equal(report.finding, CHAIN_WHOLE);
	assert_int_equal(report.head.seq, journal_head(journal)->seq);
	assert_memory_equal(report.head.prev, journal_head(journal)->prev, CHAIN_HASH_LEN);
}

static void a_log_without_events_is_whole(void **state) {
	struct chain_report report;

	(void)state;
	assert_int_equal(system("rm events/*"), 0);
	report = verify(NULL);
	assert_int_equal(report.finding, CHAIN_WHOLE);
	assert_int_equal(report.last_seq, 0);
	assert_int_equal(report.head.seq, 1);
}

static void a_changed_event_is_found(void **state) {
	(void)state;
	for (size_t n = 0; n < PER_DAY; n++) {
		CLEANUP(buffer_deinit) struct buffer kept = {0};

		read_file(&kept, FILE_2);
		change(FILE_2, n);
		assert_finding(CHAIN_CHANGED, FILE_2, PER_DAY + n + 1);
		put_file(FILE_2, &kept);
	}
	change(FILE_1, 0);
	assert_finding(CHAIN_CHANGED, FILE_1, 1);
}

static void of_two_changed_events_the_first_is_named(void **state) {
	(void)state;
	change(FILE_2, 1);
	change(FILE_2, 2);
	assert_finding(CHAIN_CHANGED, FILE_2, PER_DAY + 2);
}

static void removed_events_are_found(void **state) {
	(void)state;
	for (size_t n = 0; n < PER_DAY; n++) {
		for (size_t end = n + 1; end <= PER_DAY; end++) {
			CLEANUP(buffer_deinit) struct buffer kept = {0};

			read_file(&kept, FILE_2);
			replace(FILE_2, n, end, bytes_of_text(""));
			/* The place is that of what stands there now. */
			assert_finding(CHAIN_REMOVED, end < PER_DAY ? FILE_2 : FILE_3,
			               PER_DAY + n + 1);
			put_file(FILE_2, &kept);
		}
	}
	assert_int_equal(unlink(FILE_2), 0);
	assert_finding(CHAIN_REMOVED, FILE_3, PER_DAY + 1);
}

static void an_event_that_was_written_by_another_is_found(void **state) {
	static const char foreign[] = "---\ntimestamp: \"2020-01-06T12:00:00.000000Z\"\n...\n";

	(void)state;
	for (size_t n = 0; n <= PER_DAY; n++) {
		CLEANUP(buffer_deinit) struct buffer kept = {0};

		read_file(&kept, FILE_2);
		replace(FILE_2, n, n, bytes_of_text(foreign));
		assert_finding(CHAIN_INSERTED, FILE_2, PER_DAY + n + 1);
		put_file(FILE_2, &kept);
	}
	replace(FILE_3, PER_DAY, PER_DAY, bytes_of_text(foreign));
	assert_finding(CHAIN_INSERTED, FILE_3, 3 * PER_DAY + 1);
}

static void an_event_that_is_there_twice_is_found(void **state) {
	CLEANUP(buffer_deinit) struct buffer old = {0};

	(void)state;
	document_of(&old, FILE_1, 2);
	replace(FILE_2, 2, 2, buffer_bytes(&old));
	assert_finding(CHAIN_INSERTED, FILE_2, PER_DAY + 3);
}

static void an_event_that_stands_where_another_stood_is_found(void **state) {
	(void)state;
	replace(FILE_2, 1, 2, bytes_of_text("---\ndecision: \"allow\"\n...\n"));
	assert_finding(CHAIN_CHANGED, FILE_2, PER_DAY + 2);
}

static void bytes_between_events_are_found(void **state) {
	(void)state;
	replace(FILE_2, 1, 1, bytes_of_text("garbage\n"));
	assert_finding(CHAIN_CHANGED, FILE_2, PER_DAY + 2);
}

static void a_crash_is_told_from_tampering(void **state) {
	CLEANUP(buffer_deinit) struct buffer half = {0};
	struct chain_report report;

	(void)state;
	document_of(&half, FILE_1, 1);
	half.len -= 3;
	replace(FILE_3, PER_DAY, PER_DAY, buffer_bytes(&half));
	assert_finding(CHAIN_UNFINISHED, FILE_3, 3 * PER_DAY + 1);
	report = verify(NULL);
	assert_int_equal(report.last_seq, 3 * PER_DAY);

	/* The next guard mends it and goes on, and the log is whole. */
	write_day(3);
	report = verify(NULL);
	assert_int_equal(report.finding, CHAIN_WHOLE);
	assert_int_equal(report.last_seq, 4 * PER_DAY + 1);
}

static void half_an_event_within_the_log_is_no_crash(void **state) {
	CLEANUP(buffer_deinit) struct buffer half = {0};

	(void)state;
	document_of(&half, FILE_2, 3);
	half.len -= 3;
	replace(FILE_2, 3, 4, buffer_bytes(&half));
	assert_finding(CHAIN_CHANGED, FILE_2, 2 * PER_DAY);
}

static void what_happened_to_the_file_of_a_running_guard_is_found_later(void **state) {
	CLEANUP(close_journal) struct journal *journal = NULL;
	const struct event event = {.real_us = DAY_1 + 2 * DAY_US, .trigger = "sign"};

	(void)state;
	assert_int_equal(journal_new(&journal, state_fd), 0);
	assert_int_equal(journal_write(journal, &event), 0);
	replace(FILE_3, PER_DAY - 1, PER_DAY + 1, bytes_of_text(""));
	assert_int_equal(journal_write(journal, &event), 0);
	assert_finding(CHAIN_REMOVED, FILE_3, 3 * PER_DAY);
}

/* As the guard tells before it removes them. */
static void write_expired(uint64_t kept_from) {
	CLEANUP(close_journal) struct journal *journal = NULL;
	const struct event event = {
		.real_us = DAY_1 + 2 * DAY_US, .trigger = "log-expired", .kept_from = kept_from};

	assert_int_equal(journal_new(&journal, state_fd), 0);
	assert_int_equal(journal_write(journal, &event), 0);
}

static void older_days_may_be_gone_where_an_event_says_so(void **state) {
	struct chain_report report;

	(void)state;
	write_expired(PER_DAY + 1);
	assert_int_equal(verify(NULL).finding, CHAIN_WHOLE); /* told, and not yet done */
	assert_int_equal(unlink(FILE_1), 0);
	report = verify(NULL);
	assert_int_equal(report.finding, CHAIN_WHOLE);
	assert_int_equal(report.first_seq, PER_DAY + 1);
	assert_int_equal(report.kept_from, PER_DAY + 1);
	/* More than that is somebody else's work. */
	assert_int_equal(unlink(FILE_2), 0);
	assert_finding(CHAIN_REMOVED, FILE_3, PER_DAY + 1);
}

static void older_days_that_are_gone_without_a_word_are_removed(void **state) {
	(void)state;
	assert_int_equal(unlink(FILE_1), 0);
	assert_finding(CHAIN_REMOVED, FILE_2, 1);
}

/* By a child of a running guard; here by itself. */
static void a_packed_log_is_whole_and_goes_on(void **state) {
	CLEANUP(close_fd) int fd = open("events", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	for (int i = 0; i < 30; i++)
		write_day(2);
	assert_int_equal(pack_closed(fd, "2020-01-08.yaml"), 0);
	assert_int_equal(access(FILE_3, F_OK), -1);
	assert_int_equal(access(FILE_3 ".zst", F_OK), 0);
	/* The newest file is packed: the next event is linked to what is in it. */
	write_day(2);
	assert_int_equal(access("events/2020-01-07p002.yaml", F_OK), 0);
	assert_int_equal(verify(NULL).finding, CHAIN_WHOLE);
	assert_int_equal(verify(NULL).last_seq, 34 * PER_DAY);
	/* And one that was damaged is found. */
	assert_int_equal(truncate(FILE_3 ".zst", 100), 0);
	assert_string_equal(chain_finding_name(verify(NULL).finding), "changed");
	assert_string_equal(verify(NULL).file, "2020-01-07.yaml.zst");
}

static void a_cut_end_is_found_with_an_anchor_only(void **state) {
	const struct chain_report before = verify(NULL);
	struct chain_report report;

	(void)state;
	replace(FILE_3, PER_DAY - 2, PER_DAY, bytes_of_text(""));
	assert_int_equal(verify(NULL).finding, CHAIN_WHOLE);
	report = verify(&before.head);
	assert_int_equal(report.finding, CHAIN_CUT);
	assert_int_equal(report.seq, 3 * PER_DAY - 1);
	assert_string_equal(report.file, "2020-01-07.yaml");
}

static void a_rewritten_log_is_found_with_an_anchor_only(void **state) {
	const struct chain_report before = verify(NULL);

	(void)state;
	assert_int_equal(system("rm events/*"), 0);
	/* As many events, with other times: a day more than there was. */
	for (int day = 1; day < 5; day++)
		write_day(day);
	assert_int_equal(verify(NULL).finding, CHAIN_WHOLE);
	assert_int_equal(verify(&before.head).finding, CHAIN_REWRITTEN);
	assert_int_equal(verify(&before.head).seq, 3 * PER_DAY);
}

static void an_old_anchor_holds_for_a_longer_log(void **state) {
	const struct chain_report before = verify(NULL);

	(void)state;
	write_day(3);
	assert_int_equal(verify(&before.head).finding, CHAIN_WHOLE);
}

/* Writes events for ever, and says of each that it is written. */
static void write_until_killed(int report_fd) {
	CLEANUP(close_journal) struct journal *journal = NULL;
	const struct event event = {.real_us = DAY_1 + 3 * DAY_US, .trigger = "sign"};

	if (journal_new(&journal, state_fd) < 0)
		_exit(1);
	for (;;) {
		uint64_t seq;

		if (journal_write(journal, &event) < 0)
			_exit(1);
		seq = journal_head(journal)->seq - 1;
		if (write(report_fd, &seq, sizeof(seq)) != sizeof(seq))
			_exit(1);
	}
}

/* Kills a writer after it reported some events; *ret is the number of the last one it reported. */
static void kill_a_writer(uint64_t *ret, int reports) {
	int fds[2];
	pid_t child;
	int status;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		write_until_killed(fds[1]);
	close(fds[1]);
	for (int i = 0; i < reports; i++)
		assert_int_equal(read(fds[0], ret, sizeof(*ret)), sizeof(*ret));
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(fds[0], ret, sizeof(*ret)) == sizeof(*ret))
		;
	close(fds[0]);
}

static void a_killed_guard_leaves_every_event_that_was_written(void **state) {
	(void)state;
	for (int round = 0; round < 40; round++) {
		uint64_t written = 0;
		struct chain_report report;

		kill_a_writer(&written, 1 + round % 7);
		report = verify(NULL);
		assert_true(report.finding == CHAIN_WHOLE || report.finding == CHAIN_UNFINISHED);
		assert_true(report.last_seq >= written);
	}
}

static void what_is_no_file_is_an_error(void **state) {
	CLEANUP(close_fd) int fd = open("events", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct chain_report report;

	(void)state;
	assert_int_equal(unlink(FILE_2), 0);
	assert_int_equal(mkfifo(FILE_2, 0600), 0);
	assert_int_equal(chain_verify(&report, fd, NULL, 0), -EINVAL);
	assert_string_equal(report.file, "2020-01-06.yaml");
	assert_int_equal(unlink(FILE_2), 0);
	assert_int_equal(symlink("2020-01-05.yaml", FILE_2), 0);
	assert_int_equal(chain_verify(&report, fd, NULL, 0), -ELOOP);
}

static void a_link_is_read_as_it_was_written(void **state) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	const struct event event = {.trigger = "sign"};
	struct chain_link link = {.seq = UINT64_MAX, .prev = {0xab, [31] = 0x01}};
	struct chain_link back = {0};

	(void)state;
	assert_int_equal(event_yaml_linked(&document, &event, &link), 0);
	assert_int_equal(chain_link_read(&back, buffer_bytes(&document)), 0);
	assert_int_equal(back.seq, UINT64_MAX);
	assert_memory_equal(back.prev, link.prev, CHAIN_HASH_LEN);
}

static void what_is_no_link_is_none(void **state) {
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
	static const char *const documents[] = {
		"---\nprev: \"" ZEROS "\"\n...\n",
		"---\nseq: 1\n...\n",
		"---\nseq: 0\nprev: \"" ZEROS "\"\n...\n",
		"---\nseq: -1\nprev: \"" ZEROS "\"\n...\n",
		"---\nseq: 18446744073709551616\nprev: \"" ZEROS "\"\n...\n",
		"---\nseq: 1\nprev: \"0" ZEROS "\"\n...\n",
		"---\nseq: 1\nprev: " ZEROS "00\n...\n",
		"---\nseq: 1\nprev: \"g" ZEROS "\n...\n",
		"",
	};
	struct chain_link link = {.seq = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++)
		assert_int_equal(chain_link_read(&link, bytes_of_text(documents[i])), -EBADMSG);
	assert_int_equal(link.seq, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(a_log_over_days_and_restarts_is_whole),
		TEST(the_head_is_the_one_of_the_running_guard),
		TEST(a_log_without_events_is_whole),
		TEST(a_changed_event_is_found),
		TEST(of_two_changed_events_the_first_is_named),
		TEST(removed_events_are_found),
		TEST(an_event_that_was_written_by_another_is_found),
		TEST(an_event_that_is_there_twice_is_found),
		TEST(an_event_that_stands_where_another_stood_is_found),
		TEST(bytes_between_events_are_found),
		TEST(a_crash_is_told_from_tampering),
		TEST(half_an_event_within_the_log_is_no_crash),
		TEST(what_happened_to_the_file_of_a_running_guard_is_found_later),
		TEST(older_days_may_be_gone_where_an_event_says_so),
		TEST(older_days_that_are_gone_without_a_word_are_removed),
		TEST(a_packed_log_is_whole_and_goes_on),
		TEST(a_cut_end_is_found_with_an_anchor_only),
		TEST(a_rewritten_log_is_found_with_an_anchor_only),
		TEST(an_old_anchor_holds_for_a_longer_log),
		TEST(a_killed_guard_leaves_every_event_that_was_written),
		TEST(what_is_no_file_is_an_error),
		cmocka_unit_test(a_link_is_read_as_it_was_written),
		cmocka_unit_test(what_is_no_link_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
