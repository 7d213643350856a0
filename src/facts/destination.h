/*
 * Where a login goes and what is done there, by name: from the names that known_hosts has for the
 * proved host key, else from the command line. Made by agent/ with what wire/ and caller/ tell. A
 * zeroed one knows nothing; a NULL text is unknown, "" means that there is none.
 */
#ifndef FACTS_DESTINATION_H
#define FACTS_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>

#include "facts/tri.h"

/* What is known of where a login goes, the strongest last. */
enum dest_evidence {
	DEST_EVIDENCE_NONE,
	DEST_EVIDENCE_COMMAND_LINE, /* a claim of the caller */
	DEST_EVIDENCE_BOUND,        /* MEETING_BOUND */
	DEST_EVIDENCE_VERIFIED,     /* MEETING_VERIFIED */
};
#define DEST_EVIDENCE_COUNT 4

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
#define KNOWN_BY_COUNT 2

static inline const char *known_by_name(enum known_by by) {
	switch (by) {
	case KNOWN_BY_USER: return "user";
	case KNOWN_BY_SYSTEM: return "system";
	}
	return "invalid";
}

/* Whether a host has names besides those that are listed. */
enum more_names {
	MORE_NAMES_UNKNOWN, /* nobody can tell: known_hosts does not have the key, or was not asked
	                     */
	MORE_NAMES_HIDDEN,  /* hashed ones, or patterns. Those without wildcards that policies
	                     * write were tried. */
	MORE_NAMES_NONE,
};

/* In lower case; where the port is not 22, "[host]:port" stands behind "host". */
struct host_names {
	char **names; /* the first is the one to show; owned, and each of them */
	size_t n_names;
	enum more_names more;
	/* The last of them, which the host may have: the policy is locked, and known_hosts says
	 * something else of them now than it did when that was accepted. */
	size_t n_doubtful;
};

struct destination {
	char *ssh_dest; /* user@host, or the host alone where the user is not known */
	/* All names of the proved host; without a proof, what the command line says. */
	struct host_names host;
	/* Where nothing is proved: DEST_EVIDENCE_COMMAND_LINE, or none. Else what it is. */
	enum dest_evidence evidence;
	/* The host of the command line, where the host that is proved is not known by that name: it
	 * may be an alias of ssh's configuration. Owned; NULL: there is no such doubt. */
	char *typed;
	enum tri mismatch; /* whether the command line contradicts what is proved */
	enum tri is_known; /* whether known_hosts has the host key */
	unsigned known_by; /* an OR of enum known_by */
	bool is_revoked;
	/* Whether known_hosts says the same of it as when the locked policy was accepted; where it
	 * does not, what differs is unknown. TRI_UNKNOWN: nobody had to compare. */
	enum tri is_accepted;
	enum tri is_listed;      /* is_known, whatever was accepted */
	unsigned doubted_by;     /* of enum known_by: those that say so either now or then */
	struct host_names *hops; /* those that the agent is forwarded by; owned */
	size_t n_hops;
	bool hops_known;
	char *git_repo;      /* a claim */
	char *git_operation; /* a claim: "fetch", "push", "archive" */
};

#endif
