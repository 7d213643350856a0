/* A process opened to be read; see platform.h. Shared by the files that read it. */
#ifndef PLATFORM_LINUX_SUBJECT_H
#define PLATFORM_LINUX_SUBJECT_H

#include <sys/stat.h>

#include "platform/linux/namespaces.h"
#include "platform/linux/proc_read.h"
#include "platform/platform.h"

struct subject {
	const struct view *view;
	pid_t pid;
	int dir_fd;            /* /proc/PID */
	int stat_fd;           /* stat below it; read twice, and opening is what costs */
	int cmdline_fd;        /* -1: not opened yet, or it cannot be */
	struct proc_stat stat; /* as last read */
	struct statx exe;      /* the file behind the link exe; stx_mask 0: unknown */
	char text[STAT_SIZE];
};

#endif
