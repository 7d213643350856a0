/*
 * Where a login goes and what is done there, by name: from the verified host key's names in
 * known_hosts, else from the command line. Made by agent/ with what wire/ and caller/ tell. A
 * zeroed one knows nothing; a NULL text is unknown, "" means that there is none.
 */
#ifndef FACTS_DESTINATION_H
#define FACTS_DESTINATION_H

#include <stddef.h>

#include "facts/tri.h"

/* What ssh_dest rests on, the strongest last. */
enum dest_evidence {
	DEST_EVIDENCE_NONE,
	DEST_EVIDENCE_COMMAND_LINE, /* a claim of the caller */
	DEST_EVIDENCE_BOUND,        /* MEETING_BOUND, and known_hosts has the key */
	DEST_EVIDENCE_VERIFIED,     /* MEETING_VERIFIED */
};

static inline const char *dest_evidence_name(enum dest_evidence evidence) {
	switch (evidence) {
	case DEST_EVIDENCE_NONE: return "none";
	case DEST_EVIDENCE_COMMAND_LINE: return "command-line";
	case DEST_EVIDENCE_BOUND: return "bound";
	case DEST_EVIDENCE_VERIFIED: return "verified";
	}
	return "invalid";
}

/* Which files know a host key. Each is a bit. */
enum known_by {
	KNOWN_BY_USER = 1 << 0,
	KNOWN_BY_SYSTEM = 1 << 1,
};

struct destination {
	char *ssh_dest; /* user@host, or the host alone; NULL: unknown */
	char *ssh_user; /* "" or NULL as above; of a login, the one that is signed */
	/* Every name that known_hosts has for the proved key, and ssh_dest's host; a deny fits any.
	 */
	char **names;
	size_t n_names;
	enum dest_evidence evidence;
	enum tri mismatch; /* whether the command line contradicts what is proved */
	enum tri is_known; /* whether known_hosts has the host key */
	unsigned known_by; /* an OR of enum known_by */
	enum tri is_revoked;
	char **forwarded_via; /* the hops by name, the fingerprint where there is none */
	size_t n_forwarded_via;
	char *git_repo;      /* a claim */
	char *git_operation; /* a claim: "fetch", "push", "archive" */
};

#endif
