/* What a fetch finds, and that nothing that may lie at a path keeps it longer than its deadline. */
#include "agent/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/fetch_child.h"
#include "platform/platform.h"

#define LEN_MAX 100000

struct found {
	struct fetcher *fetcher;
	char directory[64];
	bool is_done;
	int error;
	struct fetched file; /* the first; bytes is void */
	size_t n_files;      /* 0: one */
	int errors[3];       /* of each, where there are more */
	char text[LEN_MAX + 1];
};

static void on_fetched(void *data, int error, const struct fetched *files) {
	struct found *found = data;

	found->is_done = true;
	found->error = error;
	if (files == NULL)
		return;
	found->file = files[0];
	for (size_t i = 0; i < found->n_files; i++)
		found->errors[i] = files[i].error;
	memcpy(found->text, files[0].bytes.data != NULL ? files[0].bytes.data : (const uint8_t *)"",
	       files[0].bytes.len);
	found->text[files[0].bytes.len] = '\0';
}

static int set_up(void **state) {
	struct found *found = calloc(1, sizeof(*found));

	assert_non_null(found);
	strcpy(found->directory, "/tmp/guard-fetch-XXXXXX");
	assert_non_null(mkdtemp(found->directory));
	assert_int_equal(fetcher_new(&found->fetcher, ev_default_loop(0), on_fetched, found), 0);
	*state = found;
	return 0;
}

static int tear_down(void **state) {
	struct found *found = *state;
	char command[128];

	fetcher_free(found->fetcher);
	snprintf(command, sizeof(command), "rm -r %s", found->directory);
	assert_int_equal(system(command), 0);
	free(found);
	return 0;
}

static const char *path_of(const struct found *found, const char *name) {
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", found->directory, name);
	return path;
}

static void write_file(const struct found *found, const char *name, size_t len) {
	FILE *file = fopen(path_of(found, name), "w");

	assert_non_null(file);
	for (size_t i = 0; i < len; i++)
		putc('a' + (int)(i % 26), file);
	assert_int_equal(fclose(file), 0);
}

static void wait_for_it(struct found *found) {
	found->is_done = false;
	while (!found->is_done)
		ev_run(ev_default_loop(0), EVRUN_ONCE);
}

/* However slow this machine is: what a deadline does is seen elsewhere. */
static void fetch_in_time(struct found *found, const struct fetch_plan *plan) {
	do {
		while (fetcher_start(found->fetcher, plan) == -EBUSY)
			ev_run(ev_default_loop(0), EVRUN_ONCE);
		wait_for_it(found);
	} while (found->error == -ETIMEDOUT);
}

static void fetch_path(struct found *found, const char *path) {
	const char *const paths[] = {path};
	struct fetch_plan plan = {.paths = paths,
	                          .n_paths = 1,
	                          .len_max = LEN_MAX,
	                          .room = LEN_MAX,
	                          .watch_fd = -1};

	fetch_in_time(found, &plan);
}

static void a_file_comes_whole_with_its_owner_and_mode(void **state) {
	struct found *found = *state;

	/* More than a pipe holds, and exactly as much as may be. */
	write_file(found, "file", LEN_MAX);
	chmod(path_of(found, "file"), 0640);
	fetch_path(found, path_of(found, "file"));
	assert_int_equal(found->error, 0);
	assert_int_equal(found->file.error, 0);
	assert_int_equal(found->file.bytes.len, LEN_MAX);
	assert_int_equal(found->text[LEN_MAX - 1], 'a' + (LEN_MAX - 1) % 26);
	assert_int_equal(found->file.status.st_uid, geteuid());
	assert_int_equal(found->file.status.st_mode & 0777, 0640);
	assert_false(found->file.busy);
}

/* Whoever fills one file keeps nobody from reading the others. */
static void files_that_are_too_large_together_come_as_far_as_there_is_room(void **state) {
	struct found *found = *state;
	char first[512], second[512], third[512];
	const char *const paths[] = {first, second, third};
	struct fetch_plan plan = {
		.paths = paths, .n_paths = 3, .len_max = LEN_MAX, .room = LEN_MAX, .watch_fd = -1};

	write_file(found, "first", 10);
	write_file(found, "second", 0);
	write_file(found, "third", 7);
	snprintf(first, sizeof(first), "%s", path_of(found, "first"));
	snprintf(second, sizeof(second), "%s", path_of(found, "second"));
	snprintf(third, sizeof(third), "%s", path_of(found, "third"));
	assert_int_equal(truncate(second, LEN_MAX - 9), 0);
	found->n_files = 3;
	fetch_in_time(found, &plan);
	assert_int_equal(found->error, 0);
	assert_int_equal(found->errors[0], 0);
	assert_int_equal(found->errors[1], -EFBIG);
	assert_int_equal(found->errors[2], 0);
	assert_int_equal(truncate(second, LEN_MAX - 17), 0);
	fetch_in_time(found, &plan);
	assert_int_equal(found->error, 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(found->errors[i], 0);
}

static void what_is_no_file_of_a_bounded_size_is_told_apart(void **state) {
	struct found *found = *state;
	static const struct {
		const char *path;
		int error;
	} cases[] = {{"/dev/zero", -EINVAL}, {"/", -EINVAL}, {"/proc/self/mem", -EIO}};

	write_file(found, "long", LEN_MAX + 1);
	fetch_path(found, path_of(found, "long"));
	assert_int_equal(found->file.error, -EFBIG);
	assert_int_equal(found->file.bytes.len, 0);
	assert_int_equal(mkfifo(path_of(found, "fifo"), 0600), 0);
	fetch_path(found, path_of(found, "fifo"));
	assert_int_equal(found->file.error, -EINVAL);
	fetch_path(found, path_of(found, "missing"));
	assert_int_equal(found->file.error, -ENOENT);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fetch_path(found, cases[i].path);
		assert_int_equal(found->error, 0);
		assert_int_equal(found->file.error, cases[i].error);
	}
}

static void a_file_that_is_open_to_write_is_busy(void **state) {
	struct found *found = *state;
	int fd;

	write_file(found, "file", 10);
	fd = open(path_of(found, "file"), O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	fetch_path(found, path_of(found, "file"));
	assert_int_equal(found->file.error, 0);
	assert_true(found->file.busy);
	assert_int_equal(found->file.bytes.len, 10);
	close(fd);
	fetch_path(found, path_of(found, "file"));
	assert_false(found->file.busy);
}

/* The youngest child of this process: one before it may have ended, and still be there. */
static pid_t child(void) {
	FILE *file = fopen("/proc/thread-self/children", "r");
	int pid = 0;

	assert_non_null(file);
	while (fscanf(file, "%d", &pid) == 1)
		;
	fclose(file);
	assert_true(pid > 0);
	return pid;
}

static void a_child_that_does_not_answer_is_ended_at_its_deadline(void **state) {
	struct found *found = *state;
	const char *const paths[] = {path_of(found, "file")};
	struct fetch_plan plan = {.paths = paths,
	                          .n_paths = 1,
	                          .len_max = LEN_MAX,
	                          .room = LEN_MAX,
	                          .watch_fd = -1};

	/* More than a pipe holds, so that it cannot end before we read. */
	write_file(found, "file", LEN_MAX);
	assert_int_equal(fetcher_start(found->fetcher, &plan), 0);
	assert_int_equal(kill(child(), SIGSTOP), 0);
	assert_int_equal(fetcher_start(found->fetcher, &plan), -EBUSY);
	wait_for_it(found);
	assert_int_equal(found->error, -ETIMEDOUT);
	fetch_in_time(found, &plan);
	assert_int_equal(found->error, 0);
	assert_int_equal(found->file.error, 0);
}

static void a_child_that_dies_is_an_error(void **state) {
	struct found *found = *state;
	const char *const paths[] = {path_of(found, "file")};
	struct fetch_plan plan = {.paths = paths,
	                          .n_paths = 1,
	                          .len_max = LEN_MAX,
	                          .room = LEN_MAX,
	                          .watch_fd = -1};

	/* More than a pipe holds, so that it cannot end before we read. */
	write_file(found, "file", LEN_MAX);
	assert_int_equal(fetcher_start(found->fetcher, &plan), 0);
	assert_int_equal(kill(child(), SIGSTOP), 0);
	assert_int_equal(kill(child(), SIGKILL), 0);
	wait_for_it(found);
	assert_int_equal(found->error, -EIO);
}

static void what_a_child_says_is_checked(void **state) {
	static const uint8_t nonsense[3 * FETCHED_OVERHEAD] = {0xff};
	struct fetched files[2];

	(void)state;
	for (size_t len = 0; len < sizeof(nonsense); len++) {
		int error = fetched_decode(files, 2, (struct bytes){nonsense, len});

		if (len != 2 * (4 + 1 + sizeof(struct stat) + FETCHED_DIGEST_LEN + 4))
			assert_int_equal(error, -EBADMSG);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_comes_whole_with_its_owner_and_mode, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_file_of_a_bounded_size_is_told_apart,
	                                        set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			files_that_are_too_large_together_come_as_far_as_there_is_room, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_is_open_to_write_is_busy, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(
			a_child_that_does_not_answer_is_ended_at_its_deadline, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_child_that_dies_is_an_error, set_up, tear_down),
		cmocka_unit_test(what_a_child_says_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
