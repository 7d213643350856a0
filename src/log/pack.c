#include "log/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include "log/day_file.h"
#include "log/days.h"
#include "platform/platform.h"

#define LEVEL      6
#define WINDOW_LOG 21 /* 2 MiB: below what a reader allows */
#define CHUNK_LEN  ((size_t)128 * 1024)

static void free_packer(ZSTD_CCtx **packer) {
	ZSTD_freeCCtx(*packer);
}

static void close_file(struct day_file **file) {
	day_file_close(*file);
}

static int write_all(int fd, const uint8_t *data, size_t len) {
	while (len > 0) {
		ssize_t written = write(fd, data, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -EIO;
		data += written;
		len -= (size_t)written;
	}
	return 0;
}

/* Packs one chunk; where it is empty, ends the frame. */
static int put_chunk(int fd, ZSTD_CCtx *packer, const uint8_t *data, size_t len) {
	ZSTD_EndDirective how = len > 0 ? ZSTD_e_continue : ZSTD_e_end;
	ZSTD_inBuffer in = {.src = data, .size = len};
	uint8_t packed[16 * 1024];
	size_t left;
	int error;

	do {
		ZSTD_outBuffer out = {.dst = packed, .size = sizeof(packed)};

		left = ZSTD_compressStream2(packer, &out, &in, how);
		if (ZSTD_isError(left))
			return -EIO;
		error = write_all(fd, packed, out.pos);
	} while (error == 0 && (how == ZSTD_e_end ? left > 0 : in.pos < in.size));
	return error;
}

static int pack(int to_fd, struct day_file *from) {
	CLEANUP(free_packer) ZSTD_CCtx *packer = ZSTD_createCCtx();
	CLEANUP(free_pointer) uint8_t *chunk = malloc(CHUNK_LEN);
	size_t len = 0;
	int error = 0;

	if (packer == NULL || chunk == NULL)
		return -ENOMEM;
	ZSTD_CCtx_setParameter(packer, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(packer, ZSTD_c_windowLog, WINDOW_LOG);
	ZSTD_CCtx_setParameter(packer, ZSTD_c_checksumFlag, 1);
	do {
		error = day_file_read(&len, from, chunk, CHUNK_LEN);
		if (error == 0)
			error = put_chunk(to_fd, packer, chunk, len);
	} while (error == 0 && len > 0);
	return error;
}

/* As many bytes as there are, up to size. */
static int read_full(size_t *ret_len, struct day_file *file, uint8_t *data, size_t size) {
	size_t len = 0, got;
	int error = 0;

	do {
		got = 0;
		error = day_file_read(&got, file, data + len, size - len);
		len += got;
	} while (error == 0 && got > 0 && len < size);
	*ret_len = len;
	return error;
}

/* -EBADMSG: the two do not hold the same bytes. */
static int compare(struct day_file *a, struct day_file *b) {
	CLEANUP(free_pointer) uint8_t *chunk_a = malloc(CHUNK_LEN);
	CLEANUP(free_pointer) uint8_t *chunk_b = malloc(CHUNK_LEN);
	size_t len_a = 0, len_b = 0;
	int error;

	if (chunk_a == NULL || chunk_b == NULL)
		return -ENOMEM;
	do {
		error = read_full(&len_a, a, chunk_a, CHUNK_LEN);
		if (error == 0)
			error = read_full(&len_b, b, chunk_b, CHUNK_LEN);
		if (error < 0)
			return error;
		if (len_a != len_b || memcmp(chunk_a, chunk_b, len_a) != 0)
			return -EBADMSG;
	} while (len_a > 0);
	return 0;
}

static int compare_files(int dir_fd, const char *name, int packed_fd) {
	CLEANUP(close_file) struct day_file *plain = NULL;
	CLEANUP(close_file) struct day_file *packed = NULL;
	int fd = fcntl(packed_fd, F_DUPFD_CLOEXEC, 0);
	int error;

	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	error = day_file_take(&packed, fd, true);
	if (error == 0)
		error = day_file_open(&plain, dir_fd, name);
	return error == 0 ? compare(plain, packed) : error;
}

/* A file that got its name before a crash is whole, or somebody else's work and no good. */
static int link_packed(int dir_fd, const char *name, const char *packed_name, int packed_fd) {
	CLEANUP(close_fd) int there = -1;
	int error = platform_name_file(packed_fd, dir_fd, packed_name);

	if (error != -EEXIST)
		return error;
	there = openat(dir_fd, packed_name,
	               O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (there >= 0 && compare_files(dir_fd, name, there) == 0)
		return platform_flush(there) < 0 ? -errno : 0;
	if (unlinkat(dir_fd, packed_name, 0) < 0)
		return -errno;
	return platform_name_file(packed_fd, dir_fd, packed_name);
}

static bool is_unchanged(int dir_fd, const char *name, const struct stat *before) {
	struct stat now;

	return fstatat(dir_fd, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       now.st_dev == before->st_dev && now.st_ino == before->st_ino &&
	       now.st_size == before->st_size && now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == before->st_mtim.tv_nsec;
}

static int pack_file(int dir_fd, const char *name, struct day_file *from) {
	char packed_name[DAY_FILE_SIZE];
	CLEANUP(close_fd) int fd = -1;
	int error = platform_unnamed_file(&fd, dir_fd);

	if (error < 0)
		return error;
	if (snprintf(packed_name, sizeof(packed_name), "%s" PACKED_SUFFIX, name) >=
	    (int)sizeof(packed_name))
		return -EINVAL;
	error = pack(fd, from);
	if (error == 0 && platform_flush(fd) < 0)
		error = -errno;
	if (error == 0)
		error = compare_files(dir_fd, name, fd);
	if (error == 0)
		error = link_packed(dir_fd, name, packed_name, fd);
	if (error == 0 && platform_flush(dir_fd) < 0)
		error = -errno;
	if (error < 0 || !is_unchanged(dir_fd, name, day_file_stat(from)))
		return error;
	return unlinkat(dir_fd, name, 0) < 0 ? -errno : 0;
}

static int consider(int dir_fd, const char *name) {
	CLEANUP(close_file) struct day_file *from = NULL;
	const struct stat *status;
	int error = day_file_open(&from, dir_fd, name);

	if (error == -EINVAL || error == -ELOOP)
		return 0; /* whoever reads the log says so */
	if (error < 0)
		return error;
	status = day_file_stat(from);
	if (day_file_unpacks(from) || status->st_uid != geteuid() || status->st_nlink != 1 ||
	    status->st_size < PACK_LEN_MIN || (uint64_t)status->st_size > PACK_LEN_MAX)
		return 0;
	return pack_file(dir_fd, name, from);
}

int pack_closed(int dir_fd, const char *open_name) {
	CLEANUP(days_deinit) struct days days = {0};
	int error = days_list(&days, dir_fd), failed = 0;

	if (error < 0)
		return error;
	for (size_t i = 0; i < days.count; i++) {
		const char *name = days.names[i];

		/* A last part is never packed: it would be begun again beside that. */
		if (day_file_compare(name, open_name) >= 0 || day_file_is_packed(name) ||
		    day_file_part(name) >= DAY_PART_MAX)
			continue;
		error = consider(dir_fd, name);
		failed = failed < 0 ? failed : error;
	}
	return failed;
}
