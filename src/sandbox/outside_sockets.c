#include "sandbox/outside_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIELDS_BEFORE 7                         /* Num RefCount Protocol Flags Type St Inode */
#define TEXT_MAX      ((size_t)4 * 1024 * 1024) /* some 30,000 sockets */

static void take_line(const char *line, size_t len, outside_socket_taker *take, void *data) {
	char path[PATH_MAX];
	const char *space = memchr(line, ' ', len);
	size_t at = 0, path_len;

	/* The table's head has no number, nor has the rest of a name with a line end. */
	if (space == NULL || space == line || space[-1] != ':')
		return;
	for (int field = 0; field < FIELDS_BEFORE; field++) {
		while (at < len && line[at] != ' ')
			at++;
		while (at < len && line[at] == ' ')
			at++;
	}
	path_len = len - at;
	if (path_len == 0 || path_len >= sizeof(path) || line[at] == '@' ||
	    memchr(line + at, '\0', path_len) != NULL)
		return;
	memcpy(path, line + at, path_len);
	path[path_len] = '\0';
	take(data, path);
}

void outside_sockets_parse(struct bytes text, outside_socket_taker *take, void *data) {
	const char *at = (const char *)text.data;
	size_t left = text.len;

	while (left > 0) {
		const char *end = memchr(at, '\n', left);
		size_t len = end != NULL ? (size_t)(end - at) : left;

		take_line(at, len, take, data);
		left -= end != NULL ? len + 1 : len;
		at += end != NULL ? len + 1 : len;
	}
}

int outside_sockets(outside_socket_taker *take, void *data) {
	CLEANUP(close_fd) int fd = open("/proc/net/unix", O_RDONLY | O_CLOEXEC);
	CLEANUP(free_pointer) uint8_t *text = malloc(TEXT_MAX);
	size_t len = 0;

	if (fd < 0)
		return -errno;
	if (text == NULL)
		return -ENOMEM;
	for (;;) {
		ssize_t got = read(fd, text + len, TEXT_MAX - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		len += (size_t)got;
		if (len == TEXT_MAX)
			return -E2BIG;
	}
	outside_sockets_parse((struct bytes){text, len}, take, data);
	return 0;
}
