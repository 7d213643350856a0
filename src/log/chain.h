/*
 * The chain of events: each carries its number and the SHA-256 of the whole event before it, so
 * that a changed, removed or inserted event is found, with its place.
 *
 * What a chain alone cannot tell: that its end was cut off, or that all of it was written anew by
 * somebody who can compute hashes. For that there is an anchor, a head that was noted elsewhere.
 */
#ifndef LOG_CHAIN_H
#define LOG_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "log/days.h"

#define CHAIN_HASH_LEN      32
#define CHAIN_HASH_HEX_SIZE (2 * CHAIN_HASH_LEN + 1)

/* How an event is joined to the one before. */
struct chain_link {
	uint64_t seq;                 /* from 1 */
	uint8_t prev[CHAIN_HASH_LEN]; /* zeros before the first */
};

/* The link of a log that is empty. */
struct chain_link chain_first(void);
/* The link of the event after this document, which itself has *link. */
struct chain_link chain_next(const struct chain_link *link, struct bytes document);
/* What the document says of itself, in its first two fields. -EBADMSG: nothing. */
int chain_link_read(struct chain_link *ret, struct bytes document) MUST_CHECK;
void chain_hash_hex(char ret[static CHAIN_HASH_HEX_SIZE],
                    const uint8_t hash[static CHAIN_HASH_LEN]);

enum chain_finding {
	CHAIN_WHOLE,
	CHAIN_UNFINISHED, /* whole, and a crash left half a document at the very end */
	CHAIN_CHANGED,    /* this event is not as it was written, or its hash in the next one */
	CHAIN_REMOVED,    /* events are missing before this one */
	CHAIN_INSERTED,   /* this one was not written by the guard */
	CHAIN_CUT,        /* the events behind this one are missing, says the anchor */
	CHAIN_REWRITTEN,  /* this one is another than the anchor says */
};

struct chain_report {
	enum chain_finding finding;
	/* The place of the first thing wrong, or of the unfinished end. "" where there is none. */
	char file[DAY_FILE_SIZE];
	uint64_t offset;
	uint64_t seq; /* of the event there, as it should be; removed: of the first missing one */
	/* The events up to there. first_seq above 1: older ones are not there. */
	uint64_t first_seq, last_seq;
	/* Events before that one were removed by the guard, as one of its events says; 0: none
	 * were.
	 */
	uint64_t kept_from;
	struct chain_link head; /* the link of an event that would follow: an anchor for later */
};

const char *chain_finding_name(enum chain_finding finding);

/* The link of the event after one of which seq and hash were noted, both as text. -EBADMSG: they
 * are none. */
int chain_link_after(struct chain_link *ret, const char *seq, const char *hash) MUST_CHECK;

/* Reads the day files below dir_fd and finds the first thing that is wrong. anchors: links of
 * events that would have followed others, as noted elsewhere, by their seq. 0, or the errno of
 * reading, with the file at fault in *ret, too. */
int chain_verify(struct chain_report *ret, int dir_fd, const struct chain_link *anchors,
                 size_t n_anchors) MUST_CHECK;

#endif
