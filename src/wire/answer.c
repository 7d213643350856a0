#include "wire/message.h"

/* What agents before OpenSSH answered instead of AGENT_FAILURE; its clients still know them. */
#define FAILURE_SSH2    30
#define FAILURE_SSH_COM 102

static bool identities_fit(struct cursor *cursor) {
	uint32_t count = cursor_u32(cursor);

	for (uint32_t i = 0; i < count && cursor_check(cursor) == 0; i++) {
		cursor_string(cursor); /* key */
		cursor_string(cursor); /* comment */
	}
	return cursor_check(cursor) == 0;
}

static bool signature_fits(struct cursor *cursor) {
	cursor_string(cursor);
	return cursor_check(cursor) == 0;
}

/* Bytes behind the end are let be, as clients do. */
bool answer_fits(struct bytes answer, uint8_t request_type) {
	struct cursor cursor = cursor_over(answer);
	uint8_t type = cursor_u8(&cursor);

	if (cursor_check(&cursor) < 0)
		return false;
	if (type == AGENT_FAILURE || type == FAILURE_SSH2 || type == FAILURE_SSH_COM)
		return true;
	switch (request_type) {
	case AGENT_REQUEST_IDENTITIES:
		return type == AGENT_IDENTITIES_ANSWER && identities_fit(&cursor);
	case AGENT_SIGN_REQUEST: return type == AGENT_SIGN_RESPONSE && signature_fits(&cursor);
	case AGENT_ADD_IDENTITY:
	case AGENT_ADD_IDENTITY_CONSTRAINED:
	case AGENT_REMOVE_IDENTITY:
	case AGENT_REMOVE_ALL_V1:
	case AGENT_REMOVE_ALL:
	case AGENT_ADD_SMARTCARD:
	case AGENT_ADD_SMARTCARD_CONSTRAINED:
	case AGENT_REMOVE_SMARTCARD:
	case AGENT_LOCK:
	case AGENT_UNLOCK: return type == AGENT_SUCCESS;
	case AGENT_EXTENSION:
		return type == AGENT_SUCCESS || type == AGENT_EXTENSION_FAILURE ||
		       type == AGENT_EXTENSION_RESPONSE;
	default: return true;
	}
}
