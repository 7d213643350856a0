#include "transport.h"

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define REPORT_LEN 64

struct handle {
	int fd;
	bool has_mask;
	sigset_t mask;
};

static void *io_open(const char *path) {
	struct handle *handle = calloc(1, sizeof(*handle));
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEANUP(close_fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (handle == NULL || fd < 0 ||
	    strncmp(path, SOFTKEY_SCHEME, strlen(SOFTKEY_SCHEME)) != 0 ||
	    strlen(path + strlen(SOFTKEY_SCHEME)) >= sizeof(address.sun_path)) {
		free(handle);
		return NULL;
	}
	strcpy(address.sun_path, path + strlen(SOFTKEY_SCHEME));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		free(handle);
		return NULL;
	}
	handle->fd = take_fd(&fd);
	return handle;
}

static void io_close(void *data) {
	struct handle *handle = data;

	close(handle->fd);
	free(handle);
}

static int io_read(void *data, unsigned char *buffer, size_t len, int timeout_ms) {
	struct handle *handle = data;
	struct pollfd ready = {.fd = handle->fd, .events = POLLIN};
	struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
	ssize_t got;

	if (len != REPORT_LEN || ppoll(&ready, 1, timeout_ms >= 0 ? &timeout : NULL,
	                               handle->has_mask ? &handle->mask : NULL) != 1)
		return -1;
	got = recv(handle->fd, buffer, len, 0);
	return got == REPORT_LEN ? REPORT_LEN : -1;
}

/* The first byte is the number of the report, which there is none of. */
static int io_write(void *data, const unsigned char *buffer, size_t len) {
	const struct handle *handle = data;

	if (len != REPORT_LEN + 1 ||
	    send(handle->fd, buffer + 1, REPORT_LEN, MSG_NOSIGNAL) != REPORT_LEN)
		return -1;
	return (int)len;
}

const fido_dev_io_t softkey_io = {io_open, io_close, io_read, io_write};

void softkey_io_set_mask(fido_dev_t *device, const sigset_t *mask) {
	struct handle *handle = fido_dev_io_handle(device);

	handle->has_mask = mask != NULL;
	if (mask != NULL)
		handle->mask = *mask;
}
