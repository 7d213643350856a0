/* Hashes of executables, made by a child, and kept while the file is the same. */
#include "unit.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/digests.h"
#include "platform/platform.h"

static char path[64];

struct told {
	struct ev_loop *loop;
	int count;
	bool made;
	char hex[DIGEST_HEX_SIZE];
};

static void on_done(void *data, const char *hex) {
	struct told *told = data;

	told->count++;
	told->made = hex != NULL;
	if (hex != NULL)
		strcpy(told->hex, hex);
	ev_break(told->loop, EVBREAK_ALL);
}

static void put(const char *text) {
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static struct file_state id_now(void) {
	struct file_state id;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	assert_int_equal(platform_file_state(&id, fd), 0);
	close(fd);
	return id;
}

static int begin(void **state) {
	(void)state;
	snprintf(path, sizeof(path), "/tmp/digests-test.XXXXXX");
	close(mkstemp(path));
	return 0;
}

static int end(void **state) {
	(void)state;
	return unlink(path);
}

static struct told ask(struct digests *digests, struct ev_loop *loop, const struct file_state *id) {
	struct told told = {.loop = loop};
	struct digest_wait wait = {0};

	assert_int_equal(digests_ask(&wait, digests, path, id, on_done, &told), 0);
	ev_run(loop, 0);
	assert_int_equal(told.count, 1);
	assert_null(wait.run);
	return told;
}

static void a_file_is_hashed_once_for_as_long_as_it_stays(void **state) {
	struct ev_loop *loop = ev_default_loop(0);
	struct digests *digests;
	struct file_state id;
	struct told told;

	(void)state;
	put("a program\n");
	id = id_now();
	assert_int_equal(digests_new(&digests, loop), 0);
	assert_null(digests_find(digests, &id));
	told = ask(digests, loop, &id);
	assert_true(told.made);
	assert_string_equal(told.hex,
	                    "8c304c3a2ac9924f351532af4cc90c1b6198e9cc578d70a6bca945c7300116a8");
	assert_string_equal(digests_find(digests, &id), told.hex);
	put("another program\n");
	id = id_now();
	assert_null(digests_find(digests, &id));
	assert_string_not_equal(ask(digests, loop, &id).hex, told.hex);
	digests_free(digests);
}

static void another_file_at_its_path_has_no_hash(void **state) {
	struct ev_loop *loop = ev_default_loop(0);
	struct digests *digests;
	struct file_state id;

	(void)state;
	put("a program\n");
	id = id_now();
	id.inode++;
	assert_int_equal(digests_new(&digests, loop), 0);
	assert_false(ask(digests, loop, &id).made);
	assert_null(digests_find(digests, &id));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0); /* nor does it make anybody wait */
	assert_false(ask(digests, loop, &id).made);
	id.size = DIGEST_FILE_LEN_MAX + 1;
	assert_int_equal(digests_ask(&(struct digest_wait){0}, digests, path, &id, on_done, NULL),
	                 -EFBIG);
	digests_free(digests);
}

static void whoever_asks_for_the_same_waits_for_the_same_child(void **state) {
	struct ev_loop *loop = ev_default_loop(0);
	struct told first = {.loop = loop}, second = {.loop = loop}, third = {.loop = loop};
	struct digest_wait waits[3] = {0};
	struct digests *digests;
	struct file_state id;

	(void)state;
	put("a program\n");
	id = id_now();
	assert_int_equal(digests_new(&digests, loop), 0);
	assert_int_equal(digests_ask(&waits[0], digests, path, &id, on_done, &first), 0);
	assert_int_equal(digests_ask(&waits[1], digests, path, &id, on_done, &second), 0);
	assert_int_equal(digests_ask(&waits[2], digests, path, &id, on_done, &third), 0);
	assert_ptr_equal(waits[0].run, waits[1].run);
	digests_cancel(&waits[1]);
	ev_run(loop, 0);
	assert_int_equal(first.count, 1);
	assert_int_equal(second.count, 0);
	assert_int_equal(third.count, 1);
	/* And with children at work it can be let go of. */
	id.inode++;
	assert_int_equal(digests_ask(&waits[0], digests, path, &id, on_done, &first), 0);
	digests_free(digests);
	assert_null(waits[0].run);
	assert_int_equal(first.count, 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_is_hashed_once_for_as_long_as_it_stays,
	                                        begin, end),
		cmocka_unit_test_setup_teardown(another_file_at_its_path_has_no_hash, begin, end),
		cmocka_unit_test_setup_teardown(whoever_asks_for_the_same_waits_for_the_same_child,
	                                        begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
