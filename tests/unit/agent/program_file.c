#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/program_file.h"

#define DOCUMENT "---\nstate: \"idle\"\nprogram: \"%s\"\nprogram_file: \"%s\"\n...\n"

static enum program_file compare(const char *path, const char *mark) {
	char text[1024];

	snprintf(text, sizeof(text), DOCUMENT, path, mark);
	return program_file_compare(bytes_of_text(text));
}

static void the_same_file_is_told_from_another_at_its_place(void **state) {
	char path[] = "/tmp/program_file.XXXXXX", mark[PROGRAM_FILE_SIZE];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	program_file_mark(mark, path);
	assert_string_not_equal(mark, "");
	assert_int_equal(compare(path, mark), PROGRAM_FILE_SAME);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(compare(path, mark), PROGRAM_FILE_OTHER);
	program_file_mark(mark, path);
	assert_int_equal(compare(path, mark), PROGRAM_FILE_SAME);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(compare(path, mark), PROGRAM_FILE_OTHER);
}

static void a_status_that_tells_nothing_of_it_is_no_same_one(void **state) {
	(void)state;
	assert_int_equal(program_file_compare(bytes_of_text("---\nstate: \"idle\"\n...\n")),
	                 PROGRAM_FILE_UNKNOWN);
	assert_int_equal(program_file_compare(bytes_of_text("---\nprogram: \"/bin/sh\"\n...\n")),
	                 PROGRAM_FILE_UNKNOWN);
	assert_int_equal(program_file_compare(bytes_of_text("")), PROGRAM_FILE_UNKNOWN);
	assert_int_equal(compare("no/path", ""), PROGRAM_FILE_UNKNOWN);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_file_is_told_from_another_at_its_place),
		cmocka_unit_test(a_status_that_tells_nothing_of_it_is_no_same_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
