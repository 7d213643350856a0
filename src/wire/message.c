#include "wire/message.h"

#include <errno.h>

#include "wire/cstring.h"

/* RFC 9987 section 5.2.7; 3 is of OpenSSH. */
#define CONSTRAIN_LIFETIME  1
#define CONSTRAIN_CONFIRM   2
#define CONSTRAIN_MAXSIGN   3
#define CONSTRAIN_EXTENSION 255

int message_length(size_t *ret, struct bytes stream) {
	struct cursor cursor = cursor_over(stream);
	uint32_t len = cursor_u32(&cursor);

	if (cursor_check(&cursor) < 0) {
		*ret = 0;
		return 0;
	}
	if (len == 0 || len > MESSAGE_LEN_MAX)
		return -EMSGSIZE;
	*ret = MESSAGE_HEADER + (size_t)len;
	return 0;
}

static enum operation operation_of(uint8_t type) {
	switch (type) {
	case AGENT_REQUEST_IDENTITIES: return OPERATION_LIST;
	case AGENT_SIGN_REQUEST: return OPERATION_SIGN;
	case AGENT_ADD_IDENTITY:
	case AGENT_ADD_IDENTITY_CONSTRAINED: return OPERATION_ADD;
	case AGENT_REMOVE_IDENTITY: return OPERATION_REMOVE;
	case AGENT_REMOVE_ALL_V1: /* OpenSSH's agent removes all keys on it, of SSH 2, too */
	case AGENT_REMOVE_ALL: return OPERATION_REMOVE_ALL;
	case AGENT_ADD_SMARTCARD:
	case AGENT_ADD_SMARTCARD_CONSTRAINED: return OPERATION_ADD_SMARTCARD;
	case AGENT_REMOVE_SMARTCARD: return OPERATION_REMOVE_SMARTCARD;
	case AGENT_LOCK: return OPERATION_LOCK;
	case AGENT_UNLOCK: return OPERATION_UNLOCK;
	case AGENT_EXTENSION: return OPERATION_EXTENSION;
	default: return OPERATION_UNKNOWN;
	}
}

static int parse_key_blob(struct message *message, struct cursor *cursor) {
	message->key_blob = cursor_string(cursor);
	message->has_key = true;
	return key_facts_of_blob(&message->key, message->key_blob);
}

/* Whether there is anything but a lifetime (1), a question before each use (2), a number of
 * signatures (3), and where a key's security key library is: what cannot be read may be anything.
 */
static bool constraints_extended(struct cursor cursor) {
	while (cursor.rest.len > 0) {
		switch (cursor_u8(&cursor)) {
		case CONSTRAIN_LIFETIME:
		case CONSTRAIN_MAXSIGN: cursor_u32(&cursor); break;
		case CONSTRAIN_CONFIRM: break;
		case CONSTRAIN_EXTENSION:
			if (!bytes_equal_text(cursor_cstring(&cursor), "sk-provider@openssh.com"))
				return true;
			cursor_cstring(&cursor);
			break;
		default: return true;
		}
	}
	return cursor_check(&cursor) < 0;
}

static int parse_add(struct message *message, struct cursor *cursor) {
	int error = key_facts_of_private(&message->key, cursor);

	message->has_key = true;
	/* Where an unknown key ends, and so whether anything follows it, nobody can tell. */
	if (error == -ENOTSUP) {
		message->extended = message->type == AGENT_ADD_IDENTITY_CONSTRAINED;
		return 0;
	}
	if (error < 0)
		return error;
	message->comment = cursor_string(cursor);
	message->constrained = message->type == AGENT_ADD_IDENTITY_CONSTRAINED &&
	                       cursor->rest.len > 0;
	message->extended = constraints_extended(*cursor);
	return 0;
}

static void parse_smartcard(struct message *message, struct cursor *cursor) {
	message->provider = cursor_cstring(cursor);
	cursor_string(cursor); /* PIN */
	message->constrained = message->type == AGENT_ADD_SMARTCARD_CONSTRAINED &&
	                       cursor->rest.len > 0;
	message->extended = constraints_extended(*cursor);
}

static void parse_extension(struct message *message, struct cursor *cursor) {
	message->extension_name = cursor_cstring(cursor);
	message->extension_body = cursor_rest(cursor);
	if (bytes_equal_text(message->extension_name, "session-bind@openssh.com"))
		message->kind = MESSAGE_SESSION_BIND;
	else if (bytes_equal_text(message->extension_name, "query"))
		message->kind = MESSAGE_QUERY;
}

static int parse_operation(struct message *message, struct cursor *cursor) {
	int error = 0;

	switch (message->operation) {
	case OPERATION_SIGN:
		error = parse_key_blob(message, cursor);
		message->data = cursor_string(cursor);
		message->flags = cursor_u32(cursor);
		return error;
	case OPERATION_REMOVE: return parse_key_blob(message, cursor);
	case OPERATION_ADD: return parse_add(message, cursor);
	case OPERATION_ADD_SMARTCARD:
	case OPERATION_REMOVE_SMARTCARD: parse_smartcard(message, cursor); return 0;
	case OPERATION_LOCK:
	case OPERATION_UNLOCK:
		cursor_cstring(cursor); /* a NUL inside would end OpenSSH's agent, too */
		return 0;
	case OPERATION_EXTENSION: parse_extension(message, cursor); return 0;
	case OPERATION_LIST:
	case OPERATION_REMOVE_ALL:
	case OPERATION_UNKNOWN: return 0;
	}
	return -EBADMSG;
}

int message_parse(struct message *ret, struct bytes bytes) {
	struct cursor cursor = cursor_over(bytes);
	struct message message = {.type = cursor_u8(&cursor)};
	int error;

	message.operation = operation_of(message.type);
	error = parse_operation(&message, &cursor);
	if (error == 0)
		error = cursor_check(&cursor);
	if (error == 0)
		*ret = message;
	else
		*ret = (struct message){.type = message.type, .operation = message.operation};
	return error;
}
