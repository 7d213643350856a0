/*
 * Names inside a message, read as OpenSSH's sshbuf_get_cstring() reads them: one NUL at the end is
 * dropped, one before it makes the message malformed. The agent behind us reads them so, and a name
 * that it takes for another one than we do would walk around a rule.
 */
#ifndef WIRE_CSTRING_H
#define WIRE_CSTRING_H

#include "base/cursor.h"

static inline struct bytes cursor_cstring(struct cursor *cursor) {
	struct bytes text = cursor_string(cursor);

	if (text.len > 0 && text.data[text.len - 1] == '\0')
		text.len--;
	if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL) {
		*cursor = (struct cursor){.failed = true};
		return (struct bytes){0};
	}
	return text;
}

#endif
