/* What a client may ask of an agent, by the names that policies and events use. */
#ifndef FACTS_OPERATION_H
#define FACTS_OPERATION_H

enum operation {
	OPERATION_UNKNOWN, /* a message type that we do not know */
	OPERATION_SIGN,
	OPERATION_LIST,
	OPERATION_ADD,
	OPERATION_REMOVE,
	OPERATION_REMOVE_ALL,
	OPERATION_LOCK,
	OPERATION_UNLOCK,
	OPERATION_ADD_SMARTCARD,
	OPERATION_REMOVE_SMARTCARD,
	OPERATION_EXTENSION, /* any but session-bind and query, which pass */
};
#define OPERATION_COUNT 11

static inline const char *operation_name(enum operation operation) {
	switch (operation) {
	case OPERATION_UNKNOWN: return "unknown";
	case OPERATION_SIGN: return "sign";
	case OPERATION_LIST: return "list";
	case OPERATION_ADD: return "add";
	case OPERATION_REMOVE: return "remove";
	case OPERATION_REMOVE_ALL: return "remove-all";
	case OPERATION_LOCK: return "lock";
	case OPERATION_UNLOCK: return "unlock";
	case OPERATION_ADD_SMARTCARD: return "add-smartcard";
	case OPERATION_REMOVE_SMARTCARD: return "remove-smartcard";
	case OPERATION_EXTENSION: return "extension";
	}
	return "invalid";
}

#endif
