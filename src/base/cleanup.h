/* One way out: a local that owns something says at its declaration how it is let go. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))
#define MUST_CHECK        __attribute__((warn_unused_result))

/* For locals of the form CLEANUP(close_fd) int fd = -1; a second close is harmless. */
static inline void close_fd(int *fd) {
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Hands the descriptor to the caller, so that CLEANUP lets it be. */
static inline int take_fd(int *fd) {
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* For locals of the form CLEANUP(free_pointer) char *text = NULL. The argument is a char **,
 * uint8_t ** or the like; void * spares a cast at each use. */
static inline void free_pointer(void *pointer) {
	void **owned = pointer;

	free(*owned);
	*owned = NULL;
}

/* Hands the pointer to the caller, so that CLEANUP lets it be. */
#define TAKE(pointer)                                   \
	__extension__({                                 \
		__typeof__(pointer) taken_ = (pointer); \
		(pointer) = NULL;                       \
		taken_;                                 \
	})

#endif
