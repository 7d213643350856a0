/* Where a login goes, and over which hosts. */
#include <string.h>

#include "describe/fact_text.h"
#include "describe/request.h"
#include "policy/field_word.h"

static bool is_login_or_list(const struct request *request) {
	return request->operation == OPERATION_LIST ||
	       (request->operation == OPERATION_SIGN &&
	        (request->payload == NULL || request->payload->kind != PAYLOAD_SSHSIG));
}

enum fact_state fact_get_ssh_dest(struct buffer *text, const struct request *request) {
	if (!is_login_or_list(request))
		return FACT_NONE;
	if (request->destination == NULL || request_dest_evidence(request) == DEST_EVIDENCE_NONE)
		return FACT_UNKNOWN;
	return fact_put(text, request->destination->ssh_dest);
}

enum fact_state fact_get_dest_key(struct buffer *text, const struct request *request) {
	if (!is_login_or_list(request))
		return FACT_NONE;
	if (request->dest_key != NULL && strcmp(request->dest_key, ORDINARY_FINGERPRINT) == 0)
		return FACT_NONE;
	return fact_put(text, request->dest_key);
}

enum fact_state fact_get_dest_evidence(struct buffer *text, const struct request *request) {
	return is_login_or_list(request)
	               ? fact_put(text, dest_evidence_name(request_dest_evidence(request)))
	               : FACT_NONE;
}

/* NULL, with its state, where no host key is proved. */
static const struct destination *of_host_key(enum fact_state *ret, const struct request *request) {
	*ret = is_login_or_list(request) ? FACT_UNKNOWN : FACT_NONE;
	return *ret == FACT_UNKNOWN && request_dest_evidence(request) >= DEST_EVIDENCE_BOUND
	               ? request->destination
	               : NULL;
}

enum fact_state fact_get_dest_mismatch(struct buffer *text, const struct request *request) {
	enum fact_state state;
	const struct destination *destination = of_host_key(&state, request);

	return destination != NULL ? fact_put_tri(text, destination->mismatch) : state;
}

enum fact_state fact_get_is_in_known_hosts(struct buffer *text, const struct request *request) {
	enum fact_state state;
	const struct destination *destination = of_host_key(&state, request);

	return destination != NULL ? fact_put_tri(text, destination->is_known) : state;
}

enum fact_state fact_get_known_hosts(struct buffer *text, const struct request *request) {
	enum fact_state state;
	const struct destination *destination = of_host_key(&state, request);
	const char *join = "";

	if (destination == NULL)
		return state;
	for (unsigned i = 0; i < KNOWN_BY_COUNT; i++) {
		if ((destination->known_by & 1U << i) == 0)
			continue;
		fact_put(text, join);
		fact_put(text, word_of_known_hosts(i));
		join = ", ";
	}
	if (destination->known_by != 0)
		return FACT_KNOWN;
	return destination->is_known == TRI_UNKNOWN ? FACT_UNKNOWN : FACT_NONE;
}

static enum fact_state put_of_git(struct buffer *text, const struct request *request,
                                  const char *value) {
	return fact_put(text, request->is_forwarded == TRI_YES ? NULL : value);
}

enum fact_state fact_get_git_operation(struct buffer *text, const struct request *request) {
	return put_of_git(text, request,
	                  request->destination != NULL ? request->destination->git_operation
	                                               : NULL);
}

enum fact_state fact_get_git_repo(struct buffer *text, const struct request *request) {
	return put_of_git(text, request,
	                  request->destination != NULL ? request->destination->git_repo : NULL);
}

enum fact_state fact_get_is_forwarded(struct buffer *text, const struct request *request) {
	return fact_put_tri(text, request->is_forwarded);
}

enum fact_state fact_get_hops(struct buffer *text, const struct request *request) {
	const struct session *session = request->session;
	unsigned hops = 0;

	if (session == NULL || session->n_hops == 0 || session->is_tainted)
		return FACT_UNKNOWN;
	for (size_t i = 0; i < session->n_hops; i++)
		hops += session->hops[i]->is_forwarding;
	return fact_put(text, word_of_hops(hops));
}

/* With commas between them, a "?" for one without a name. */
enum fact_state fact_get_forwarded_via(struct buffer *text, const struct request *request) {
	const struct destination *destination = request->destination;

	if (request->is_forwarded == TRI_NO)
		return FACT_NONE;
	if (request->is_forwarded == TRI_UNKNOWN || destination == NULL ||
	    !destination->hops_known || destination->n_hops == 0)
		return FACT_UNKNOWN;
	for (size_t i = 0; i < destination->n_hops; i++) {
		const struct host_names *hop = &destination->hops[i];

		fact_put(text, i > 0 ? ", " : "");
		fact_put(text, hop->n_names > 0 ? hop->names[0] : "?");
	}
	return FACT_KNOWN;
}
