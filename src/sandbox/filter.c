#include "sandbox/filter.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "platform/linux/calls.h"

#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif
#define LOW_BITS UINT64_C(0xffffffff)

int filter_make(int *ret_fd) {
	static const uint64_t forbidden[] = {TIOCSTI, TIOCLINUX};
	CLEANUP(calls_free) scmp_filter_ctx filter = NULL;
	CLEANUP(close_fd) int fd = memfd_create("filter", MFD_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	error = calls_new(&filter);
	for (size_t i = 0; error == 0 && i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
		                         SCMP_A1(SCMP_CMP_MASKED_EQ, LOW_BITS, forbidden[i]));
	if (error == 0)
		error = seccomp_export_bpf(filter, fd);
	if (error == 0 && lseek(fd, 0, SEEK_SET) < 0)
		error = -errno;
	if (error < 0)
		return error;
	*ret_fd = take_fd(&fd);
	return 0;
}
