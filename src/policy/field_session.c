/* What is signed, and where it is good: the facts that the signed bytes and session-binds prove. */
#include <string.h>

#include "policy/field_test.h"
#include "policy/rule.h"

/* FIT_YES: there is a payload of that kind. Whether a message that we do not know asks for a
 * signature, nobody can tell. */
static enum fit has_payload(const struct request *request, enum payload_kind kind) {
	switch (request->operation) {
	case OPERATION_SIGN: break;
	case OPERATION_EXTENSION:
	case OPERATION_UNKNOWN: return FIT_UNKNOWN;
	case OPERATION_LIST:
	case OPERATION_ADD:
	case OPERATION_REMOVE:
	case OPERATION_REMOVE_ALL:
	case OPERATION_LOCK:
	case OPERATION_UNLOCK:
	case OPERATION_ADD_SMARTCARD:
	case OPERATION_REMOVE_SMARTCARD: return FIT_NO;
	}
	if (request->payload == NULL || request->payload->kind == PAYLOAD_UNKNOWN)
		return FIT_UNKNOWN;
	return request->payload->kind == kind ? FIT_YES : FIT_NO;
}

static enum fit wants(const struct condition *condition, unsigned value) {
	return (condition->wanted & 1U << value) != 0 ? FIT_YES : FIT_NO;
}

/* Here "unknown" is no lack of a fact: it is what the bytes are, none of the others. */
enum fit test_sign_type(const struct condition *condition, struct subject *subject) {
	const struct request *request = subject->request;
	enum fit fit = has_payload(request, PAYLOAD_SSH_LOGIN);

	if (request->operation != OPERATION_SIGN)
		return fit;
	return wants(condition,
	             request->payload != NULL ? request->payload->kind : PAYLOAD_UNKNOWN);
}

/* Patterns are tried on text that ends; no fact of a payload has a NUL inside. */
static enum fit any_pattern_of_bytes(const struct condition *condition, struct bytes bytes) {
	char text[PATTERN_TEXT_MAX + 2]; /* one byte more than any pattern takes shows that */
	size_t len = bytes.len < sizeof(text) - 1 ? bytes.len : sizeof(text) - 1;

	if (len > 0)
		memcpy(text, bytes.data, len);
	text[len] = '\0';
	return any_pattern(condition, text);
}

enum fit test_namespace(const struct condition *condition, struct subject *subject) {
	const struct request *request = subject->request;
	enum fit fit = has_payload(request, PAYLOAD_SSHSIG);

	return fit == FIT_YES ? any_pattern_of_bytes(condition, request->payload->sshsig.name_space)
	                      : fit;
}

enum fit test_ssh_user(const struct condition *condition, struct subject *subject) {
	const struct request *request = subject->request;
	enum fit fit = has_payload(request, PAYLOAD_SSH_LOGIN);

	if (fit == FIT_YES && request->payload->login.user.data == NULL)
		return FIT_UNKNOWN;
	return fit == FIT_YES ? any_pattern_of_bytes(condition, request->payload->login.user) : fit;
}

enum fit has_destination(const struct request *request) {
	return request->operation == OPERATION_LIST ? FIT_YES
	                                            : has_payload(request, PAYLOAD_SSH_LOGIN);
}

/* Any host may sign the session of another: only a login that names its host is proved to go there,
 * and the rest is unknown unless the rule says that it is enough. Listing signs nothing, and so
 * there the bind alone must do. */
enum fit test_dest_key(const struct condition *condition, struct subject *subject) {
	const struct request *request = subject->request;
	enum fit fit = has_destination(request);

	if (fit != FIT_YES)
		return fit;
	switch (request->meeting) {
	case MEETING_NONE:
	case MEETING_MISMATCH: return FIT_UNKNOWN;
	case MEETING_BOUND:
		if (!condition->takes_bound && request->operation != OPERATION_LIST)
			return FIT_UNKNOWN;
		break;
	case MEETING_VERIFIED: break;
	}
	return request->dest_key == NULL ? FIT_UNKNOWN
	                                 : any_fingerprint(condition, request->dest_key);
}

enum fit test_dest_evidence(const struct condition *condition, struct subject *subject) {
	const struct request *request = subject->request;
	enum fit fit = has_destination(request);

	if (fit != FIT_YES)
		return fit;
	return wants(condition, request_dest_evidence(request));
}

enum fit test_is_forwarded(const struct condition *condition, struct subject *subject) {
	enum tri is_forwarded = subject->request->is_forwarded;

	return is_forwarded == TRI_UNKNOWN ? FIT_UNKNOWN : wants(condition, is_forwarded);
}

enum fit test_hops(const struct condition *condition, struct subject *subject) {
	const struct session *session = subject->request->session;
	unsigned hops = 0;

	if (session == NULL || session->n_hops == 0 || session->is_tainted)
		return FIT_UNKNOWN;
	for (size_t i = 0; i < session->n_hops; i++)
		hops += session->hops[i]->is_forwarding;
	return wants(condition, hops);
}
