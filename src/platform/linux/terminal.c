/* Terminals, by the number that stat of proc(5) has for them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "platform/platform.h"

#define MAJOR_CONSOLE 4 /* tty1 ..., and from 64 on the serial ones */
#define MAJOR_PTS     136
#define CONSOLES      64
#define TERMINAL_SIZE 32

static int name_of(char ret[static TERMINAL_SIZE], unsigned in_major, unsigned in_minor) {
	if (in_major == MAJOR_PTS)
		snprintf(ret, TERMINAL_SIZE, "/dev/pts/%u", in_minor);
	else if (in_major == MAJOR_CONSOLE && in_minor < CONSOLES)
		snprintf(ret, TERMINAL_SIZE, "/dev/tty%u", in_minor);
	else if (in_major == MAJOR_CONSOLE)
		snprintf(ret, TERMINAL_SIZE, "/dev/ttyS%u", in_minor - CONSOLES);
	else
		return -ENODEV;
	return 0;
}

int platform_terminal_open(int *ret_fd, unsigned terminal) {
	/* As the kernel packs it: the minor's upper bits stand above the major. */
	unsigned in_major = (terminal >> 8) & 0xfff;
	unsigned in_minor = (terminal & 0xff) | ((terminal >> 12) & 0xfff00);
	CLEANUP(close_fd) int fd = -1;
	char name[TERMINAL_SIZE];
	struct stat status;
	int error = name_of(name, in_major, in_minor);

	if (error < 0)
		return error;
	fd = open(name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(in_major, in_minor))
		return -ENODEV;
	/* mesg(1) and who is logged in there say who may write; a line of ours is for us alone. */
	if (status.st_uid != geteuid())
		return -EPERM;
	*ret_fd = take_fd(&fd);
	return 0;
}
