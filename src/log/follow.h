/* Waits for what is written into a directory. */
#ifndef LOG_FOLLOW_H
#define LOG_FOLLOW_H

#include "base/cleanup.h"

struct follow {
	int fd; /* readable when something was written; -1: looked at again and again instead */
};

/* dir_fd is the directory, and is not kept. Never fails: where the system does not tell,
 * waiting ends by itself from time to time. */
void follow_init(struct follow *follow, int dir_fd);
void follow_deinit(struct follow *follow);

/* 1: look again; something may have been written, or some time has passed. 0: nobody reads out_fd
 * any more. Or a negative errno; -EINTR: a signal. */
int follow_wait(struct follow *follow, int out_fd) MUST_CHECK;

#endif
