/* The signed heads that a log holds, or a file of saved ones: anchors for the chain, as good as the
 * key that signed them. */
#ifndef LOG_HEADS_H
#define LOG_HEADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "facts/key.h"
#include "log/anchor.h"
#include "log/days.h"

struct heads {
	size_t good;                    /* signed by the key that was asked for */
	uint64_t last_seq;              /* of the newest event that one of them covers */
	char key[KEY_FINGERPRINT_SIZE]; /* which signed that */
	size_t others; /* signed by other keys, or by one that cannot be verified */
	bool has_bad;  /* one is not signed by the key that it names: the first */
	char bad_file[DAY_FILE_SIZE];
	uint64_t bad_offset, bad_seq; /* the event itself */
};

/* Adds the good ones to *anchors. signed_by: a fingerprint; "": any key. Each reads on from what
 * the one before has found, so that *ret must be zeroed first. Or the errno of reading. */
int heads_of_log(struct heads *ret, struct anchors *anchors, int dir_fd,
                 const char *signed_by) MUST_CHECK;
/* The same of a file of such events, as `log --yaml` shows them. -EBADMSG: there is none in it. */
int heads_of_file(struct heads *ret, struct anchors *anchors, const char *path,
                  const char *signed_by) MUST_CHECK;

#endif
