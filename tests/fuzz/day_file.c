/* Any bytes as a packed day file: it takes no more memory than it may, and ends. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "log/day_file.h"

#define ENOUGH (16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	CLEANUP(close_fd) int fd = memfd_create("day", MFD_CLOEXEC);
	struct day_file *file = NULL;
	static uint8_t chunk[65536];
	size_t got = 1, all = 0;

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if (day_file_take(&file, take_fd(&fd), true) < 0)
		return 0;
	for (int error = 0; error == 0 && got > 0 && all < ENOUGH; all += got) {
		got = 0;
		error = day_file_read(&got, file, chunk, 1 + all % sizeof(chunk));
		if (got > sizeof(chunk))
			abort();
	}
	day_file_close(file);
	return 0;
}
