/*
 * Where a request goes, by name: what its session proves, what known_hosts says of that, and what
 * the command line claims, put together.
 */
#ifndef AGENT_DESTINATION_H
#define AGENT_DESTINATION_H

#include <stdint.h>

#include "agent/ssh_files.h"
#include "base/cleanup.h"
#include "caller/destination.h"
#include "facts/caller.h"
#include "facts/payload.h"
#include "facts/session.h"
#include "policy/policy.h"
#include "wire/known_hosts.h"

struct destination_input {
	const struct known_hosts *index; /* NULL: nothing is known of names */
	bool index_is_complete;          /* what is not in it is in no file */
	/* Under a lock, where that differs: known_hosts as it was accepted, and the system's files
	 * as they are. NULL: all that the index has is accepted. */
	const struct known_hosts *accepted;
	const struct policy *policy; /* whose names hashed ones are compared with */
	const struct policy *floor;  /* may be NULL */
	const struct caller *caller;
	/* What ssh's configuration makes of the host of its command line; NULL: nobody has asked, or
	 * there is no answer. */
	const struct ssh_alias *alias;
	const struct session *session;
	enum meeting meeting;
	const struct ssh_login *login; /* NULL: it is none */
	bool is_for_login;             /* it is one, or listing for one */
	int64_t now_s;                 /* since 1970, for certificates */
};

/* *ret_is_forwarded: what the session says, and what the command line lacks (fact 15 of the
 * design): where a login goes to another host than it names, nobody here has asked for it, and where
 * that cannot be told, somebody else may have. -ENOMEM: *ret is untouched. */
int destination_make(struct destination *ret, enum tri *ret_is_forwarded,
                     const struct destination_input *input) MUST_CHECK;

/* Whether the host that the request is for is in no known_hosts as they were read: it may have been
 * written there a moment ago. */
bool destination_is_news(const struct destination *destination,
                         const struct destination_input *input);

#endif
