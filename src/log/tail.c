#include "log/tail.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "log/doc.h"

/* No line within a document is "..." (log/doc.h). */
#define MARK     "\n" DOC_END
#define MARK_LEN (sizeof(MARK) - 1)
#define END_LEN  (EVENT_LEN_MAX + MARK_LEN)

static int read_exactly(int fd, uint8_t *data, size_t len, off_t at) {
	while (len > 0) {
		ssize_t got = pread(fd, data, len, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -EIO; /* it became shorter meanwhile */
		data += got;
		len -= (size_t)got;
		at += got;
	}
	return 0;
}

static bool mark_ends_at(const uint8_t *data, size_t end) {
	return memcmp(data + end - MARK_LEN, MARK, MARK_LEN) == 0;
}

/* The usual case, and the cheap one. */
static int is_whole(bool *ret, int fd, off_t size) {
	uint8_t end[MARK_LEN];
	int error = 0;

	*ret = size == 0;
	if (size < (off_t)sizeof(end))
		return 0;
	error = read_exactly(fd, end, sizeof(end), size - (off_t)sizeof(end));
	if (error == 0)
		*ret = mark_ends_at(end, sizeof(end));
	return error;
}

/* The last bytes before size, as many as len_max. */
static int read_end(uint8_t **ret, size_t *ret_len, int fd, off_t size, size_t len_max) {
	CLEANUP(free_pointer) uint8_t *data = NULL;
	size_t len = size < (off_t)len_max ? (size_t)size : len_max;
	int error;

	data = malloc(len + 1); /* never nothing */
	if (data == NULL)
		return -ENOMEM;
	error = read_exactly(fd, data, len, size - (off_t)len);
	if (error < 0)
		return error;
	*ret = TAKE(data);
	*ret_len = len;
	return 0;
}

/* Where the last mark within the data ends; 0 where there is none. */
static size_t last_mark(const uint8_t *data, size_t len) {
	for (size_t end = len; end >= MARK_LEN; end--)
		if (mark_ends_at(data, end))
			return end;
	return 0;
}

int tail_find(off_t *ret_whole, int fd, off_t size) {
	CLEANUP(free_pointer) uint8_t *data = NULL;
	size_t len = 0, end;
	bool whole;
	int error = is_whole(&whole, fd, size);

	if (error == 0 && whole) {
		*ret_whole = size;
		return 0;
	}
	if (error == 0)
		error = read_end(&data, &len, fd, size, TAIL_LEN_MAX + MARK_LEN);
	if (error < 0)
		return error;
	end = last_mark(data, len);
	if (end == 0 && size > TAIL_LEN_MAX)
		return -EBADMSG;
	*ret_whole = end > 0 ? size - (off_t)(len - end) : 0;
	return 0;
}

int tail_document(struct buffer *document, int fd, off_t size) {
	CLEANUP(free_pointer) uint8_t *data = NULL;
	size_t len = 0, begin;
	int error = read_end(&data, &len, fd, size, EVENT_LEN_MAX + MARK_LEN);

	if (error < 0)
		return error;
	begin = last_mark(data, len - 1);
	if (begin == 0 && size > EVENT_LEN_MAX)
		return -EBADMSG;
	buffer_put_raw(document, (struct bytes){data + begin, len - begin});
	return buffer_error(document);
}

/* Reads to the end, and keeps the last bytes: all there are of twice END_LEN at most. */
static int read_through(uint8_t *data, size_t *ret_len, struct day_file *file) {
	size_t len = 0, got;

	for (;;) {
		int error;

		if (len == 2 * END_LEN) {
			memmove(data, data + END_LEN, END_LEN);
			len = END_LEN;
		}
		got = 0;
		error = day_file_read(&got, file, data + len, 2 * END_LEN - len);
		if (error < 0)
			return error;
		if (got == 0)
			break;
		len += got;
	}
	*ret_len = len;
	return 0;
}

int tail_document_through(struct buffer *document, struct day_file *file) {
	CLEANUP(free_pointer) uint8_t *data = malloc(2 * END_LEN);
	size_t len = 0, begin, end;
	int error = data != NULL ? read_through(data, &len, file) : -ENOMEM;

	if (error < 0)
		return error;
	end = last_mark(data, len);
	if (end == 0)
		return -EBADMSG;
	begin = last_mark(data, end - 1);
	buffer_put_raw(document, (struct bytes){data + begin, end - begin});
	return buffer_error(document);
}
