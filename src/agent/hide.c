#include "agent/hide.h"

#include "policy/hopeless.h"
#include "wire/identities.h"
#include "wire/key.h"
#include "wire/session.h"

struct hide {
	const struct request *list;
	const struct comments *comments;
	const struct policy *floor, *policy;
	size_t n_asked, n_hidden;
};

static bool is_hopeless_for(const struct policy *policy, struct request request) {
	request.coding_agents = policy_coding_agents(policy, &request);
	return policy_is_hopeless(policy, &request);
}

/* The login that may follow proves its host or it does not, as client and host agree; the key is of
 * use if it is in either case. */
static bool is_hopeless(const struct hide *hide, const struct key_facts *key) {
	const struct session_hop *hop = session_login_hop(hide->list->session);
	bool is_local = hide->list->is_forwarded == TRI_NO;
	const enum meeting meetings[] = {MEETING_VERIFIED, is_local ? MEETING_BOUND : MEETING_NONE};
	static const struct payload login = {.kind = PAYLOAD_SSH_LOGIN};

	for (size_t i = 0; i < sizeof(meetings) / sizeof(meetings[0]); i++) {
		struct request request = *hide->list;

		request.operation = OPERATION_SIGN;
		request.key = *key;
		request.key_comment = comments_find(hide->comments, key->fingerprint);
		request.payload = &login;
		request.meeting = meetings[i];
		request.dest_key = meetings[i] != MEETING_NONE ? hop->fingerprint : NULL;
		if (!is_hopeless_for(hide->policy, request) &&
		    (hide->floor == NULL || !is_hopeless_for(hide->floor, request)))
			return false;
	}
	return true;
}

static bool keep(void *data, struct bytes key_blob) {
	struct hide *hide = data;
	struct key_facts key;

	if (hide->n_asked++ >= HIDE_KEYS_MAX || key_facts_of_blob(&key, key_blob) < 0)
		return true;
	if (!is_hopeless(hide, &key))
		return true;
	hide->n_hidden++;
	return false;
}

int hide_hopeless_keys(struct buffer *ret, bool *ret_none, struct bytes answer,
                       const struct request *list, const struct comments *comments,
                       const struct policy *floor, const struct policy *policy) {
	struct hide hide = {.list = list, .comments = comments, .floor = floor, .policy = policy};
	int error = identities_filter(ret, answer, keep, &hide);

	if (error == 0)
		*ret_none = hide.n_hidden > 0 && hide.n_hidden == hide.n_asked;
	return error;
}
