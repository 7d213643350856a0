/* Files, as platform.h wants them told apart. */
#ifndef PLATFORM_DARWIN_FILES_H
#define PLATFORM_DARWIN_FILES_H

#include <sys/stat.h>

#include "facts/caller.h"

struct file_state files_state_of(const struct stat *file);

#endif
