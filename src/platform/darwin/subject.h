/* A process opened to be read; see platform.h. Shared by the files that read it. */
#ifndef PLATFORM_DARWIN_SUBJECT_H
#define PLATFORM_DARWIN_SUBJECT_H

#include <sys/stat.h>

#include "platform/darwin/lookup.h"
#include "platform/darwin/screen.h"
#include "platform/platform.h"

struct view {
	struct session_screen *screen;
};

struct subject {
	const struct view *view;
	pid_t pid;
	uint32_t version;            /* of the PID, when it was opened; one more after each exec */
	struct darwin_process facts; /* as last read */
	struct stat exe;             /* what is at the path of its executable */
	bool has_exe;
	struct buffer arguments; /* the bytes of KERN_PROCARGS2; empty: could not be read */
};

#endif
