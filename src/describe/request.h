/*
 * A request as a file describes it. What is not stated is known and ordinary: empty, no, none, a
 * signature, the default endpoint. What a live request derives is derived here, too, unless it is
 * stated. A new field is a row in request.c.
 */
#ifndef DESCRIBE_REQUEST_H
#define DESCRIBE_REQUEST_H

#include "base/cleanup.h"
#include "caller/ssh_argv.h"
#include "facts/request.h"
#include "policy/policy.h"
#include "policy/reading.h"

/* Of keys that nobody stated: known, and such as no rule can name, because a fingerprint without
 * letters is not taken in a policy. */
#define ORDINARY_FINGERPRINT "SHA256:"
#define ORDINARY_KEY_TYPE    "none"

struct described {
	struct request
		request; /* its caller and what else it points to are below, so that none moves */
	struct caller *caller; /* owned, as are the texts */
	char *endpoint;
	char *key_comment;
	char *name_space;
	char *ssh_user;
	struct payload payload; /* the request's, where it is a signature */
	struct session session; /* without hops: the request has none */
	struct destination destination;
	struct ssh_argv claim; /* the caller's command line, when it is settled */
	bool states_ssh_dest, states_dest_key, states_mismatch;
	char dest_key[KEY_FINGERPRINT_SIZE];
	char *parent_name;     /* stated beside the ancestors, or in their place */
	enum tri states_agent; /* that there is one, or none; TRI_UNKNOWN: it is derived */
	bool agent_is_unknown;
	char *agent_name; /* stated */
	bool states_presence;
	bool states_sign_type;
	bool states_meeting;
};

/* From the map of a request; NULL: nothing is stated. What is wrong with it is reported, and leaves
 * a request that is not to be used. reading->context.home is what "~/" in a path means. -ENOMEM. */
int described_new(struct described **ret, struct reading *reading,
                  const struct yaml_node *map) MUST_CHECK;
/* What a live request derives by the policy: which coding agents are behind it. */
struct request described_request(const struct described *described, const struct policy *policy);

void described_free(struct described *described); /* NULL is fine */

#endif
