#include "log/tail.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "log/doc.h"

/* No line within a document is "..." (log/doc.h). */
#define MARK	 "\n" DOC_END
#define MARK_LEN (sizeof(MARK) - 1)

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

int tail_find(off_t *ret_whole, int fd, off_t size) {
	CLEANUP(free_pointer) uint8_t *data = NULL;
	size_t len = TAIL_LEN_MAX + MARK_LEN;
	bool whole;
	int error = is_whole(&whole, fd, size);

	if (error < 0)
		return error;
	if (whole) {
		*ret_whole = size;
		return 0;
	}
	if (size < (off_t)len)
		len = (size_t)size;
	data = malloc(len);
	if (data == NULL)
		return -ENOMEM;
	error = read_exactly(fd, data, len, size - (off_t)len);
	if (error < 0)
		return error;
	for (size_t end = len; end >= MARK_LEN; end--) {
		if (mark_ends_at(data, end)) {
			*ret_whole = size - (off_t)(len - end);
			return 0;
		}
	}
	if (size > TAIL_LEN_MAX)
		return -EUCLEAN;
	*ret_whole = 0;
	return 0;
}
