/* What is packed can be read again, and whatever cuts the packing off, nothing is lost. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "log/day_file.h"
#include "log/days.h"
#include "log/directory.h"
#include "log/pack.h"

#define OPEN "2026-11-25.yaml"
#define DAY  "2026-11-22.yaml"
#define LEN  300000

static void put(const char *name, struct bytes bytes) {
	CLEANUP(close_fd) int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.data, bytes.len), bytes.len);
}

/* Something between noise and repetition, as a log is. */
static void fill(struct buffer *buffer, size_t len) {
	uint32_t state = 1;

	while (buffer->len < len) {
		char line[64];

		state = state * 1103515245 + 12345;
		snprintf(line, sizeof(line), "prev: \"%08x\"\ntrigger: \"sign\"\n", state);
		buffer_put_raw(buffer, bytes_of_text(line));
	}
}

static int read_day(struct buffer *buffer, const char *name, size_t chunk) {
	struct day_file *file = NULL;
	int error = day_file_open(&file, dir_fd, name);
	uint8_t data[65536];
	size_t len = 1;

	while (error == 0 && len > 0) {
		error = day_file_read(&len, file, data, chunk);
		if (error == 0)
			buffer_put_raw(buffer, (struct bytes){data, len});
	}
	day_file_close(file);
	return error;
}

static void assert_holds(const char *name, const struct buffer *expected) {
	for (size_t chunk = 7; chunk <= 65536; chunk *= 97) {
		CLEANUP(buffer_deinit) struct buffer found = {0};

		assert_int_equal(read_day(&found, name, chunk), 0);
		assert_true(bytes_equal(buffer_bytes(&found), buffer_bytes(expected)));
	}
}

static bool is_there(const char *name) {
	return access(name, F_OK) == 0;
}

static void a_closed_file_is_packed_and_reads_the_same(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct stat status;

	(void)state;
	fill(&text, LEN);
	put(DAY, buffer_bytes(&text));
	put(OPEN, buffer_bytes(&text));
	put("2026-11-23.yaml", bytes_of_text("short"));
	assert_int_equal(pack_closed(dir_fd, OPEN), 0);
	assert_false(is_there(DAY));
	assert_true(is_there(OPEN));
	assert_true(is_there("2026-11-23.yaml"));
	assert_int_equal(stat(DAY ".zst", &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_true(status.st_size < LEN / 3);
	assert_holds(DAY ".zst", &text);
	assert_holds(DAY, &text); /* whoever has listed it before */
}

static void a_twin_that_a_crash_left_is_taken_and_a_false_one_is_not(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	(void)state;
	fill(&text, LEN);
	put(DAY, buffer_bytes(&text));
	assert_int_equal(pack_closed(dir_fd, OPEN), 0);
	put(DAY, buffer_bytes(&text)); /* as if it had not been removed yet */
	assert_int_equal(pack_closed(dir_fd, OPEN), 0);
	assert_false(is_there(DAY));
	assert_holds(DAY ".zst", &text);

	put(DAY ".zst", bytes_of_text("no packed file"));
	put(DAY, buffer_bytes(&text));
	assert_holds(DAY, &text);
	assert_int_equal(pack_closed(dir_fd, OPEN), 0);
	assert_false(is_there(DAY));
	assert_holds(DAY ".zst", &text);
}

static void what_is_no_file_of_ours_is_left_alone(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	(void)state;
	fill(&text, LEN);
	put("other", buffer_bytes(&text));
	assert_int_equal(symlink("other", DAY), 0);
	assert_int_equal(mkdir("2026-11-21.yaml", 0700), 0);
	assert_int_equal(mkfifo("2026-11-20.yaml", 0600), 0);
	assert_int_equal(link("other", "2026-11-19.yaml"), 0);
	assert_int_equal(pack_closed(dir_fd, OPEN), 0);
	assert_true(is_there(DAY));
	assert_true(is_there("2026-11-21.yaml"));
	assert_true(is_there("2026-11-20.yaml"));
	assert_true(is_there("2026-11-19.yaml"));
}

/* The disk may be full. */
static void what_cannot_be_written_leaves_the_file_as_it_was(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	(void)state;
	fill(&text, LEN);
	put(DAY, buffer_bytes(&text));
	assert_int_equal(mkdir(DAY ".zst", 0700), 0);
	assert_int_equal(pack_closed(dir_fd, OPEN), -EISDIR);
	assert_holds(DAY, &text);
}

static void a_packed_file_that_is_damaged_is_told(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(buffer_deinit) struct buffer packed = {0};

	(void)state;
	fill(&text, LEN);
	put(DAY, buffer_bytes(&text));
	assert_int_equal(pack_closed(dir_fd, OPEN), 0);
	assert_int_equal(file_read(&packed, dir_fd, DAY ".zst", LEN, NULL), 0);
	for (size_t cut = 0; cut < packed.len; cut += packed.len / 7) {
		CLEANUP(buffer_deinit) struct buffer found = {0};

		put(DAY ".zst", (struct bytes){packed.data, cut});
		assert_int_equal(read_day(&found, DAY ".zst", 4096), -EBADMSG);
	}
	for (size_t at = 0; at < packed.len; at += packed.len / 11) {
		CLEANUP(buffer_deinit) struct buffer found = {0};

		packed.data[at] ^= 0x10;
		put(DAY ".zst", buffer_bytes(&packed));
		assert_int_equal(read_day(&found, DAY ".zst", 4096), -EBADMSG);
		packed.data[at] ^= 0x10;
	}
	/* Neither one frame more, nor a single byte. */
	for (size_t more = 1; more <= packed.len; more += packed.len - 1) {
		CLEANUP(buffer_deinit) struct buffer found = {0};
		CLEANUP(buffer_deinit) struct buffer longer = {0};

		buffer_put_raw(&longer, buffer_bytes(&packed));
		buffer_put_raw(&longer, (struct bytes){packed.data, more});
		put(DAY ".zst", buffer_bytes(&longer));
		assert_int_equal(read_day(&found, DAY ".zst", 4096), -EBADMSG);
	}
}

/* Zeros, packed to less than 100 KB. */
static void a_bomb_is_refused(void **state) {
	CLEANUP(close_fd) int fd = open(DAY ".zst", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ZSTD_CCtx *packer = ZSTD_createCCtx();
	static const uint8_t zeros[1 << 20];
	static uint8_t chunk[1 << 20];
	struct day_file *file = NULL;
	size_t len = 1;
	int error = 0;

	(void)state;
	for (int i = 0; i <= 1026; i++) {
		ZSTD_inBuffer in = {zeros, i < 1026 ? sizeof(zeros) : 0, 0};
		ZSTD_outBuffer out = {chunk, sizeof(chunk), 0};

		ZSTD_compressStream2(packer, &out, &in, i < 1026 ? ZSTD_e_continue : ZSTD_e_end);
		assert_int_equal(write(fd, chunk, out.pos), out.pos);
	}
	ZSTD_freeCCtx(packer);
	assert_int_equal(day_file_open(&file, dir_fd, DAY), 0);
	while (error == 0 && len > 0)
		error = day_file_read(&len, file, chunk, sizeof(chunk));
	day_file_close(file);
	assert_int_equal(error, -EFBIG);
}

static void a_window_that_takes_much_memory_is_refused(void **state) {
	CLEANUP(buffer_deinit) struct buffer found = {0};
	/* A frame that says it needs 64 MiB to look back into. */
	static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x80, 0x01, 0x00, 0x00};

	(void)state;
	put(DAY ".zst", BYTES(frame));
	assert_int_equal(read_day(&found, DAY ".zst", 4096), -EBADMSG);
}

static void reading_can_begin_anywhere(void **state) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	static const char *const names[] = {OPEN, DAY};

	(void)state;
	fill(&text, LEN);
	put(DAY, buffer_bytes(&text));
	put(OPEN, buffer_bytes(&text));
	assert_int_equal(pack_closed(dir_fd, OPEN), 0);
	for (size_t i = 0; i < 2; i++)
		for (size_t at = 0; at < LEN + 200000; at += 99991) {
			struct day_file *file = NULL;
			uint8_t byte = 0;
			size_t len = 0;

			assert_int_equal(day_file_open(&file, dir_fd, names[i]), 0);
			assert_int_equal(day_file_skip(file, at), 0);
			assert_int_equal(day_file_read(&len, file, &byte, 1), 0);
			assert_int_equal(len, at < text.len);
			if (len > 0)
				assert_int_equal(byte, text.data[at]);
			day_file_close(file);
		}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(a_closed_file_is_packed_and_reads_the_same),
		TEST(a_twin_that_a_crash_left_is_taken_and_a_false_one_is_not),
		TEST(what_is_no_file_of_ours_is_left_alone),
		TEST(what_cannot_be_written_leaves_the_file_as_it_was),
		TEST(a_packed_file_that_is_damaged_is_told),
		TEST(a_bomb_is_refused),
		TEST(a_window_that_takes_much_memory_is_refused),
		TEST(reading_can_begin_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
