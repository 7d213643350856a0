#include "log/day_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>

#include "log/days.h"

#define WINDOW_LOG_MAX 23 /* 8 MiB; what is packed here needs 2 */
#define INPUT_LEN      ((size_t)64 * 1024)

struct day_file {
	int fd;
	struct stat status;
	ZSTD_DCtx *unpacker; /* NULL: not packed */
	uint8_t *input;      /* INPUT_LEN of it, where packed */
	ZSTD_inBuffer in;
	bool ended;        /* the packed frame is whole */
	uint64_t unpacked; /* so far */
};

static void clean(struct day_file **file) {
	day_file_close(*file);
}

static int unpacker_new(struct day_file *file) {
	file->unpacker = ZSTD_createDCtx();
	file->input = malloc(INPUT_LEN);
	if (file->unpacker == NULL || file->input == NULL)
		return -ENOMEM;
	file->in = (ZSTD_inBuffer){.src = file->input};
	return ZSTD_isError(
		       ZSTD_DCtx_setParameter(file->unpacker, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))
	               ? -ENOMEM
	               : 0;
}

int day_file_take(struct day_file **ret, int fd, bool packed) {
	CLEANUP(close_fd) int owned = fd;
	CLEANUP(clean) struct day_file *file = calloc(1, sizeof(*file));
	int error = 0;

	if (file == NULL)
		return -ENOMEM;
	file->fd = take_fd(&owned);
	if (fstat(file->fd, &file->status) < 0)
		return -errno;
	if (!S_ISREG(file->status.st_mode))
		return -EINVAL;
	if (packed)
		error = unpacker_new(file);
	if (error < 0)
		return error;
	*ret = TAKE(file);
	return 0;
}

static int open_name(int dir_fd, const char *name) {
	return openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int day_file_open(struct day_file **ret, int dir_fd, const char *name) {
	char packed[DAY_FILE_SIZE];
	int fd = open_name(dir_fd, name);

	if (fd >= 0)
		return day_file_take(ret, fd, day_file_is_packed(name));
	if (errno != ENOENT || day_file_is_packed(name))
		return -errno;
	/* It was packed since it was listed. */
	if (snprintf(packed, sizeof(packed), "%s" PACKED_SUFFIX, name) >= (int)sizeof(packed))
		return -ENOENT;
	fd = open_name(dir_fd, packed);
	return fd < 0 ? -errno : day_file_take(ret, fd, true);
}

void day_file_close(struct day_file *file) {
	if (file == NULL)
		return;
	close_fd(&file->fd);
	ZSTD_freeDCtx(file->unpacker);
	free(file->input);
	free(file);
}

const struct stat *day_file_stat(const struct day_file *file) {
	return &file->status;
}

bool day_file_unpacks(const struct day_file *file) {
	return file->unpacker != NULL;
}

uint64_t day_file_position(const struct day_file *file) {
	off_t position = lseek(file->fd, 0, SEEK_CUR);

	return position > 0 ? (uint64_t)position : 0;
}

static int read_some(size_t *ret_len, int fd, void *data, size_t size) {
	ssize_t len;

	do
		len = read(fd, data, size);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return -errno;
	*ret_len = (size_t)len;
	return 0;
}

/* One frame, and nothing behind it. */
static int unpack_end(struct day_file *file) {
	uint8_t more;
	size_t len = 0;
	int error = file->in.pos < file->in.size ? -EBADMSG : read_some(&len, file->fd, &more, 1);

	if (error == 0 && len > 0)
		error = -EBADMSG;
	file->ended = error == 0;
	return error;
}

static int refill(struct day_file *file) {
	int error = read_some(&file->in.size, file->fd, file->input, INPUT_LEN);

	file->in.pos = 0;
	return error == 0 && file->in.size == 0 ? -EBADMSG : error; /* cut short */
}

/* What the unpacker still holds comes before more is read. */
static int unpack_some(struct day_file *file, ZSTD_outBuffer *out) {
	size_t left = ZSTD_decompressStream(file->unpacker, out, &file->in);

	if (ZSTD_isError(left))
		return -EBADMSG;
	if (left == 0)
		return unpack_end(file);
	return out->pos > 0 || file->in.pos < file->in.size ? 0 : refill(file);
}

int day_file_read(size_t *ret_len, struct day_file *file, void *data, size_t size) {
	ZSTD_outBuffer out = {.dst = data, .size = size};
	int error = 0;

	if (file->unpacker == NULL)
		return read_some(ret_len, file->fd, data, size);
	while (error == 0 && !file->ended && out.pos == 0 && size > 0)
		error = unpack_some(file, &out);
	file->unpacked += out.pos;
	if (error == 0 && file->unpacked > PACK_LEN_MAX)
		error = -EFBIG;
	if (error < 0)
		return error;
	*ret_len = out.pos;
	return 0;
}

int day_file_skip(struct day_file *file, uint64_t len) {
	uint8_t passed[16 * 1024];

	if (file->unpacker == NULL) {
		uint64_t end = file->status.st_size > 0 ? (uint64_t)file->status.st_size : 0;

		return lseek(file->fd, (off_t)(len < end ? len : end), SEEK_SET) < 0 ? -errno : 0;
	}
	while (len > 0) {
		size_t got = 0;
		int error = day_file_read(&got, file, passed,
		                          len < sizeof(passed) ? (size_t)len : sizeof(passed));

		if (error < 0)
			return error;
		if (got == 0)
			break;
		len -= got;
	}
	return 0;
}
