#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "log/head.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static int open_directory(const char *path) {
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void a_head_comes_back_as_it_was_told(void **state) {
	CLEANUP(close_fd) int fd = open_directory("/");
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	struct chain_link link = {.seq = 4711, .prev = {1, 2, 0xff}}, again = {0};

	(void)state;
	assert_int_equal(head_put(&answer, &link, fd), 0);
	assert_int_equal(head_read(&again, buffer_bytes(&answer), fd), 0);
	assert_int_equal(again.seq, 4711);
	assert_memory_equal(again.prev, link.prev, CHAIN_HASH_LEN);
}

static void the_head_of_another_directory_is_refused(void **state) {
	CLEANUP(close_fd) int fd = open_directory("/");
	CLEANUP(close_fd) int other_fd = open_directory("/tmp");
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	struct chain_link link = chain_first(), again = {.seq = 7};

	(void)state;
	assert_int_equal(head_put(&answer, &link, fd), 0);
	assert_int_equal(head_read(&again, buffer_bytes(&answer), other_fd), -EXDEV);
	assert_int_equal(again.seq, 7);
}

static void what_is_no_head_is_refused(void **state) {
	static const char *const wrong[] = {
		"",
		"ok\n",
		"---\nseq: 1\n...\n",
		"---\nseq: 1\nprev: \"00\"\nstate: \"1:1\"\n...\n",
		"---\nseq: 1\nprev: \"" ZEROS "\"\n...\n",
	};
	CLEANUP(close_fd) int fd = open_directory("/");
	struct chain_link link = {.seq = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(head_read(&link, bytes_of_text(wrong[i]), fd), -EBADMSG);
	assert_int_equal(link.seq, 7);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_comes_back_as_it_was_told),
		cmocka_unit_test(the_head_of_another_directory_is_refused),
		cmocka_unit_test(what_is_no_head_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
