#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "log/doc.h"
#include "log/journal.h"
#include "log/read_back.h"
#include "log/tail.h"

#define DAY_1     1578225600000000LL /* 2020-01-05T12:00:00Z */
#define DAY_US    (86400LL * 1000000)
#define FILE_1    "events/2020-01-05.yaml"
#define FILE_2    "events/2020-01-06.yaml"
#define READ_MAX  (16 * 1024 * 1024)
#define TEST_SKIP 77

/* Each test has a state directory of its own, and works in it. */
static char directory[64];
static int state_fd = -1;

static int enter(void **state) {
	(void)state;
	strcpy(directory, "/tmp/guard-unit-XXXXXX");
	if (mkdtemp(directory) == NULL || chdir(directory) < 0)
		return -1;
	state_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return state_fd < 0 ? -1 : 0;
}

static int leave(void **state) {
	char command[128];

	(void)state;
	close_fd(&state_fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	return chdir("/") < 0 || system(command) != 0 ? -1 : 0;
}

static void close_journal(struct journal **journal) {
	journal_free(*journal);
}

static struct journal *open_journal(void) {
	struct journal *journal = NULL;

	assert_int_equal(journal_new(&journal, state_fd), 0);
	return journal;
}

static int write_event(struct journal *journal, int64_t real_us, const char *detail) {
	const struct event event = {.real_us = real_us, .trigger = "sign", .detail = detail};

	return journal_write(journal, &event);
}

static void read_file(struct buffer *buffer, const char *path) {
	buffer->len = 0;
	assert_int_equal(file_read(buffer, AT_FDCWD, path, READ_MAX, NULL), 0);
}

static void append_file(const char *path, struct bytes bytes) {
	CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.data, bytes.len), bytes.len);
}

/* How many whole documents the file has. Fails where it is not made of them from end to end. */
static size_t count_documents(const char *path) {
	CLEANUP(buffer_deinit) struct buffer file = {0};
	struct bytes rest;
	size_t count = 0;

	read_file(&file, path);
	rest = buffer_bytes(&file);
	while (rest.len > 0) {
		CLEANUP(read_back_deinit) struct read_back read;
		const uint8_t *end = memmem(rest.data, rest.len, "\n" DOC_END, 5);
		size_t len;

		assert_memory_equal(rest.data, DOC_BEGIN, 4);
		assert_non_null(end);
		len = (size_t)(end - rest.data) + 5;
		read_back_init(&read, (struct bytes){rest.data, len});
		assert_true(read.well_formed);
		rest = (struct bytes){rest.data + len, rest.len - len};
		count++;
	}
	return count;
}

static bool file_has(const char *path, const char *part) {
	CLEANUP(buffer_deinit) struct buffer file = {0};

	read_file(&file, path);
	return memmem(file.data, file.len, part, strlen(part)) != NULL;
}

static void events_are_private_and_one_document_each(void **state) {
	CLEANUP(close_journal) struct journal *journal = open_journal();
	struct stat status;

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(write_event(journal, DAY_1, "in one second"), 0);
	assert_int_equal(count_documents(FILE_1), 1000);
	assert_int_equal(stat("events", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(stat(FILE_1, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void a_later_start_appends(void **state) {
	(void)state;
	for (int i = 0; i < 2; i++) {
		CLEANUP(close_journal) struct journal *journal = open_journal();

		assert_int_equal(write_event(journal, DAY_1, "start"), 0);
	}
	assert_int_equal(count_documents(FILE_1), 2);
}

static void each_day_has_its_file(void **state) {
	CLEANUP(close_journal) struct journal *journal = open_journal();
	const int64_t midnight = DAY_1 + DAY_US / 2;

	(void)state;
	assert_int_equal(write_event(journal, midnight - 1, "last"), 0);
	assert_int_equal(write_event(journal, midnight, "first"), 0);
	assert_int_equal(count_documents(FILE_1), 1);
	assert_int_equal(count_documents(FILE_2), 1);
	assert_true(file_has(FILE_2, "first"));
}

static void a_clock_set_back_a_little_does_not_go_back_a_day(void **state) {
	CLEANUP(close_journal) struct journal *journal = open_journal();
	const int64_t midnight = DAY_1 + DAY_US / 2;

	(void)state;
	assert_int_equal(write_event(journal, midnight, "first"), 0);
	assert_int_equal(write_event(journal, midnight - 1, "set back"), 0);
	assert_int_equal(count_documents(FILE_2), 2);
	assert_int_equal(access(FILE_1, F_OK), -1);
	/* Set back for long, it is right to go where a person would look. */
	assert_int_equal(write_event(journal, midnight - 2 * DAY_US, "long ago"), 0);
	assert_int_equal(count_documents("events/2020-01-04.yaml"), 1);
}

static void a_removed_file_is_made_anew(void **state) {
	CLEANUP(close_journal) struct journal *journal = open_journal();

	(void)state;
	assert_int_equal(write_event(journal, DAY_1, "one"), 0);
	assert_int_equal(unlink(FILE_1), 0);
	assert_int_equal(write_event(journal, DAY_1, "two"), 0);
	assert_int_equal(count_documents(FILE_1), 1);
	assert_true(file_has(FILE_1, "two"));
}

static void a_replaced_file_is_the_one_that_is_written(void **state) {
	CLEANUP(close_journal) struct journal *journal = open_journal();

	(void)state;
	assert_int_equal(write_event(journal, DAY_1, "one"), 0);
	assert_int_equal(rename(FILE_1, "events/old"), 0);
	append_file(FILE_1, bytes_of_text("---\na: \"b\"\n...\n"));
	assert_int_equal(write_event(journal, DAY_1, "two"), 0);
	assert_int_equal(count_documents(FILE_1), 2);
	assert_int_equal(count_documents("events/old"), 1);
}

static void a_removed_directory_is_made_anew(void **state) {
	CLEANUP(close_journal) struct journal *journal = open_journal();

	(void)state;
	assert_int_equal(write_event(journal, DAY_1, "one"), 0);
	assert_int_equal(system("rm -r events"), 0);
	assert_int_equal(write_event(journal, DAY_1, "two"), 0);
	assert_int_equal(count_documents(FILE_1), 1);
	assert_int_equal(rename("events", "moved"), 0);
	assert_int_equal(write_event(journal, DAY_1, "three"), 0);
	assert_int_equal(count_documents(FILE_1), 1);
	assert_int_equal(count_documents("moved/2020-01-05.yaml"), 1);
}

static void a_removed_state_directory_is_an_error(void **state) {
	CLEANUP(close_journal) struct journal *journal = NULL;
	CLEANUP(close_fd) int fd = -1;

	(void)state;
	assert_int_equal(mkdir("state", 0700), 0);
	fd = open("state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(journal_new(&journal, fd), 0);
	assert_int_equal(write_event(journal, DAY_1, "one"), 0);
	assert_int_equal(system("rm -r state && mkdir state"), 0);
	assert_int_equal(write_event(journal, DAY_1, "two"), -ENOENT);
}

static void a_state_directory_that_was_moved_is_told(void **state) {
	CLEANUP(close_journal) struct journal *journal = NULL;
	CLEANUP(close_fd) int fd = -1;

	(void)state;
	assert_int_equal(mkdir("state", 0700), 0);
	fd = open("state", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(journal_new(&journal, fd), 0);
	assert_int_equal(write_event(journal, DAY_1, "one"), 0);
	assert_null(journal_astray(journal));
	assert_int_equal(rename("state", "moved"), 0);
	assert_int_equal(symlink("moved", "state"), 0);
	assert_int_equal(write_event(journal, DAY_1, "two"), 0);
	assert_non_null(journal_astray(journal));
	assert_int_equal(count_documents("moved/" FILE_1), 2);
	assert_int_equal(unlink("state"), 0);
	assert_int_equal(rename("moved", "state"), 0);
	assert_int_equal(write_event(journal, DAY_1, "three"), 0);
	assert_null(journal_astray(journal));
}

static void a_directory_that_is_a_link_or_a_file_is_refused(void **state) {
	CLEANUP(close_journal) struct journal *journal = NULL;
	CLEANUP(close_journal) struct journal *running = NULL;

	(void)state;
	assert_int_equal(mkdir("elsewhere", 0700), 0);
	assert_int_equal(symlink("elsewhere", "events"), 0);
	assert_int_equal(journal_new(&journal, state_fd), -ENOTDIR);
	assert_int_equal(unlink("events"), 0);
	append_file("events", bytes_of_text("a file"));
	assert_int_equal(journal_new(&journal, state_fd), -ENOTDIR);
	assert_null(journal);

	/* The same, while the journal is in use. */
	assert_int_equal(unlink("events"), 0);
	running = open_journal();
	assert_int_equal(write_event(running, DAY_1, "one"), 0);
	assert_int_equal(rename("events", "real"), 0);
	assert_int_equal(symlink("real", "events"), 0);
	assert_int_equal(write_event(running, DAY_1, "two"), 0);
	assert_string_equal(journal_astray(running), "events was replaced by a link or a file");
	assert_string_equal(journal_take_change(running), journal_astray(running));
	assert_null(journal_take_change(running));
	assert_int_equal(count_documents("real/2020-01-05.yaml"), 2);
	assert_int_equal(unlink("events"), 0);
	assert_int_equal(rename("real", "events"), 0);
	assert_int_equal(write_event(running, DAY_1, "three"), 0);
	assert_null(journal_astray(running));
	assert_non_null(journal_take_change(running));
	assert_int_equal(count_documents(FILE_1), 3);
	/* It has no name any more, so that nothing written there would be found. */
	assert_int_equal(system("rm -r events && ln -s elsewhere events"), 0);
	assert_int_equal(write_event(running, DAY_1, "four"), -ENOTDIR);
}

static void a_directory_open_to_others_is_refused(void **state) {
	CLEANUP(close_journal) struct journal *journal = NULL;

	(void)state;
	assert_int_equal(mkdir("events", 0700), 0);
	assert_int_equal(chmod("events", 0750), 0);
	assert_int_equal(journal_new(&journal, state_fd), -EACCES);
}

static void put_link(void) {
	append_file("precious", bytes_of_text("precious"));
	assert_int_equal(symlink("../precious", FILE_1), 0);
}

static void put_dangling_link(void) {
	assert_int_equal(symlink("../made", FILE_1), 0);
}

static void put_fifo(void) {
	assert_int_equal(mkfifo(FILE_1, 0600), 0);
}

static void put_directory(void) {
	assert_int_equal(mkdir(FILE_1, 0700), 0);
}

/* Each is refused at the start as well as later, waits for nobody, and is left as it is. */
static void what_is_no_file_is_refused(void **state) {
	static const struct {
		void (*put)(void);
		int error;
	} baits[] = {
		{put_link, -ELOOP},
		{put_dangling_link, -ELOOP},
		{put_fifo, -EINVAL},
		{put_directory, -EISDIR},
	};
	struct stat status;

	(void)state;
	for (size_t i = 0; i < sizeof(baits) / sizeof(baits[0]); i++) {
		CLEANUP(close_journal) struct journal *journal = open_journal();
		CLEANUP(close_journal) struct journal *other = NULL;

		assert_int_equal(write_event(journal, DAY_1, "before"), 0);
		assert_int_equal(unlink(FILE_1), 0);
		baits[i].put();
		assert_int_equal(write_event(journal, DAY_1, "refused"), baits[i].error);
		assert_int_equal(journal_new(&other, state_fd), baits[i].error);
		assert_int_equal(lstat(FILE_1, &status), 0);
		assert_false(S_ISREG(status.st_mode));
		assert_int_equal(remove(FILE_1), 0);
		assert_int_equal(write_event(journal, DAY_1, "after"), 0);
		assert_int_equal(count_documents(FILE_1), 1);
	}
	assert_int_equal(access("made", F_OK), -1);
	assert_int_equal(stat("precious", &status), 0);
	assert_int_equal(status.st_size, 8);
}

static void a_half_written_document_is_cut_off_at_the_next_start(void **state) {
	CLEANUP(buffer_deinit) struct buffer before = {0};
	CLEANUP(buffer_deinit) struct buffer after = {0};
	CLEANUP(close_journal) struct journal *journal = open_journal();

	(void)state;
	assert_int_equal(write_event(journal, DAY_1, "whole"), 0);
	read_file(&before, FILE_1);
	/* Cut wherever a crash could: everything but the whole of the second document. */
	for (size_t len = 1; len < before.len; len++) {
		CLEANUP(close_journal) struct journal *next = NULL;

		assert_int_equal(truncate(FILE_1, (off_t)before.len), 0);
		append_file(FILE_1, (struct bytes){before.data, len});
		next = open_journal();
		read_file(&after, FILE_1);
		assert_true(bytes_equal(buffer_bytes(&after), buffer_bytes(&before)));
		assert_int_equal(write_event(next, DAY_1, "next"), 0);
		assert_int_equal(count_documents(FILE_1), 3);
		read_file(&after, FILE_1);
		assert_memory_equal(after.data, before.data, before.len);
		assert_true(file_has(FILE_1, "trigger: \"log-mended\""));
	}
}

static void what_was_cut_off_is_said_in_an_event_of_the_day(void **state) {
	static const char tail[] =
		"---\ntimestamp: \"2020-01-05T12:00:00.000000Z\"\nexe_path: \"/a";
	CLEANUP(close_journal) struct journal *journal = open_journal();
	CLEANUP(close_journal) struct journal *next = NULL;

	(void)state;
	assert_int_equal(write_event(journal, DAY_1, "whole"), 0);
	append_file(FILE_1, bytes_of_text(tail));
	next = open_journal();
	assert_int_equal(count_documents(FILE_1), 1);
	assert_int_equal(write_event(next, DAY_1 + DAY_US, "the next day"), 0);
	assert_int_equal(count_documents(FILE_2), 2);
	assert_true(file_has(FILE_2, "bytes of an unfinished event were cut off "
	                             "2020-01-05.yaml: ---\\ntimestamp: "));
	assert_int_equal(write_event(next, DAY_1 + DAY_US, "said once"), 0);
	assert_int_equal(count_documents(FILE_2), 3);
}

static void blocks_that_were_never_written_are_cut_off(void **state) {
	CLEANUP(close_journal) struct journal *journal = open_journal();
	struct stat status;

	(void)state;
	assert_int_equal(write_event(journal, DAY_1, "whole"), 0);
	assert_int_equal(stat(FILE_1, &status), 0);
	assert_int_equal(truncate(FILE_1, status.st_size + TAIL_LEN_MAX), 0);
	assert_int_equal(write_event(journal, DAY_1, "next"), 0);
	assert_int_equal(count_documents(FILE_1), 3);
}

static void a_tail_that_no_crash_leaves_is_not_touched(void **state) {
	CLEANUP(close_journal) struct journal *journal = open_journal();
	CLEANUP(close_journal) struct journal *next = NULL;
	struct stat before, after;

	(void)state;
	assert_int_equal(write_event(journal, DAY_1, "whole"), 0);
	assert_int_equal(stat(FILE_1, &before), 0);
	assert_int_equal(truncate(FILE_1, before.st_size + TAIL_LEN_MAX + 1), 0);
	assert_int_equal(journal_new(&next, state_fd), -EBADMSG);
	assert_int_equal(write_event(journal, DAY_1, "next"), -EBADMSG);
	assert_int_equal(stat(FILE_1, &after), 0);
	assert_int_equal(after.st_size, before.st_size + TAIL_LEN_MAX + 1);
	/* What a person is told to do: put it aside. */
	assert_int_equal(rename(FILE_1, "events/damaged"), 0);
	assert_int_equal(write_event(journal, DAY_1, "next"), 0);
	assert_int_equal(count_documents(FILE_1), 1);
}

static void what_another_wrote_behind_ours_is_no_part_of_the_next_event(void **state) {
	CLEANUP(close_journal) struct journal *journal = open_journal();

	(void)state;
	assert_int_equal(write_event(journal, DAY_1, "one"), 0);
	append_file(FILE_1, bytes_of_text("garbage"));
	assert_int_equal(write_event(journal, DAY_1, "two"), 0);
	assert_int_equal(count_documents(FILE_1), 3);
	assert_int_equal(truncate(FILE_1, 10), 0);
	assert_int_equal(write_event(journal, DAY_1, "three"), 0);
	assert_int_equal(count_documents(FILE_1), 2);
}

static void other_files_are_left_alone(void **state) {
	CLEANUP(buffer_deinit) struct buffer file = {0};
	CLEANUP(close_journal) struct journal *journal = NULL;

	(void)state;
	assert_int_equal(mkdir("events", 0700), 0);
	append_file("events/2020-01-05.yaml.bak", bytes_of_text("half"));
	append_file("events/9999-12-31.yaml", bytes_of_text("half"));
	append_file("events/2019-12-31.yaml", bytes_of_text("half"));
	append_file(FILE_1, bytes_of_text("---\na: \"b\"\n...\n"));
	journal = open_journal();
	assert_int_equal(write_event(journal, DAY_1, "one"), 0);
	assert_int_equal(count_documents(FILE_1), 2);
	read_file(&file, "events/2020-01-05.yaml.bak");
	assert_int_equal(file.len, 4);
	read_file(&file, "events/9999-12-31.yaml");
	assert_int_equal(file.len, 4);
	read_file(&file, "events/2019-12-31.yaml");
	assert_int_equal(file.len, 4);
}

/* The file may not grow above size, for this process: a full disk that root has, too. */
static void limit_files(rlim_t size) {
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void what_does_not_fit_is_taken_back_whole(void **state) {
	CLEANUP(close_journal) struct journal *journal = open_journal();
	struct stat before, after;
	void (*was)(int) = signal(SIGXFSZ, SIG_IGN);

	(void)state;
	assert_int_equal(write_event(journal, DAY_1, "fits"), 0);
	assert_int_equal(stat(FILE_1, &before), 0);
	for (rlim_t more = 0; more < 40; more += 13) {
		limit_files((rlim_t)before.st_size + more);
		assert_int_equal(write_event(journal, DAY_1, "does not fit"), -EFBIG);
		assert_int_equal(stat(FILE_1, &after), 0);
		assert_int_equal(after.st_size, before.st_size);
	}
	limit_files(RLIM_INFINITY);
	assert_int_equal(write_event(journal, DAY_1, "fits again"), 0);
	assert_int_equal(count_documents(FILE_1), 2);
	signal(SIGXFSZ, was);
}

static bool write_text(const char *path, const char *text) {
	CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Root may mount as it is; others in a user namespace where they are root. */
static bool enter_namespaces(void) {
	char uids[64], gids[64];

	if (geteuid() == 0)
		return unshare(CLONE_NEWNS) == 0;
	snprintf(uids, sizeof(uids), "0 %u 1", (unsigned)geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", (unsigned)getegid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
	       write_text("/proc/self/uid_map", uids) &&
	       write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/gid_map", gids);
}

/* A tmpfs of four pages at "full", in a mount namespace of this process. */
static bool mount_small(void) {
	return enter_namespaces() && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mkdir("full", 0700) == 0 &&
	       mount("tmpfs", "full", "tmpfs", 0, "size=16k,mode=700") == 0;
}

/* Runs in a child: 0, TEST_SKIP, or the line that failed. */
static int fill_a_disk(void) {
	CLEANUP(close_journal) struct journal *journal = NULL;
	CLEANUP(close_fd) int fd = -1;
	size_t written = 0;
	int error = 0;

	if (!mount_small() || (fd = open("full", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return TEST_SKIP;
	append_file("full/ballast", bytes_of_text("a page"));
	if (journal_new(&journal, fd) < 0)
		return 1;
	for (; error == 0 && written < 1000; written += error == 0)
		error = write_event(journal, DAY_1, "until it is full");
	if (error != -ENOSPC || count_documents("full/" FILE_1) != written)
		return 2;
	if (write_event(journal, DAY_1, "still full") != -ENOSPC ||
	    count_documents("full/" FILE_1) != written)
		return 3;
	if (unlink("full/ballast") < 0 || write_event(journal, DAY_1, "space again") < 0)
		return 4;
	return count_documents("full/" FILE_1) == written + 1 ? 0 : 5;
}

static void a_full_disk_is_an_error_until_it_is_not_full(void **state) {
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0)
		_exit(fill_a_disk());
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == TEST_SKIP) {
		print_message("no tmpfs could be mounted: neither root nor user namespaces\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void what_a_caller_calls_itself_is_no_part_of_a_path(void **state) {
	CLEANUP(close_journal) struct journal *journal = open_journal();

	(void)state;
	assert_int_equal(write_event(journal, DAY_1, "/../../../../escaped"), 0);
	assert_int_equal(system("test \"$(find . -type f)\" = ./" FILE_1), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(events_are_private_and_one_document_each),
		TEST(a_later_start_appends),
		TEST(each_day_has_its_file),
		TEST(a_clock_set_back_a_little_does_not_go_back_a_day),
		TEST(a_removed_file_is_made_anew),
		TEST(a_replaced_file_is_the_one_that_is_written),
		TEST(a_removed_directory_is_made_anew),
		TEST(a_removed_state_directory_is_an_error),
		TEST(a_state_directory_that_was_moved_is_told),
		TEST(a_directory_that_is_a_link_or_a_file_is_refused),
		TEST(a_directory_open_to_others_is_refused),
		TEST(what_is_no_file_is_refused),
		TEST(a_half_written_document_is_cut_off_at_the_next_start),
		TEST(what_was_cut_off_is_said_in_an_event_of_the_day),
		TEST(blocks_that_were_never_written_are_cut_off),
		TEST(a_tail_that_no_crash_leaves_is_not_touched),
		TEST(what_another_wrote_behind_ours_is_no_part_of_the_next_event),
		TEST(other_files_are_left_alone),
		TEST(what_does_not_fit_is_taken_back_whole),
		TEST(a_full_disk_is_an_error_until_it_is_not_full),
		TEST(what_a_caller_calls_itself_is_no_part_of_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
