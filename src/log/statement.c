#include "log/statement.h"

#include <stdbool.h>

/* In docs/events.md, too. */
static const char *const covered[] = {
	"trigger",       "process_name",
	"local_pid",     "uid",
	"exe_path",      "key_fingerprint",
	"key_type",      "sign_type",
	"ssh_user",      "namespace",
	"payload_len",   "payload_sha256",
	"signed_sha256", "dest_key_fingerprint",
	"is_forwarded",  "endpoint",
};

static bool is_covered(struct bytes line) {
	for (size_t i = 0; i < sizeof(covered) / sizeof(covered[0]); i++) {
		struct bytes name = bytes_of_text(covered[i]);

		if (line.len > name.len + 2 && memcmp(line.data, name.data, name.len) == 0 &&
		    memcmp(line.data + name.len, ": ", 2) == 0)
			return true;
	}
	return false;
}

void statement_put(struct buffer *statement, struct bytes document) {
	while (document.len > 0) {
		const uint8_t *end = memchr(document.data, '\n', document.len);
		size_t len = end != NULL ? (size_t)(end - document.data) + 1 : document.len;
		struct bytes line = {document.data, len};

		if (is_covered(line))
			buffer_put_raw(statement, line);
		document.data += len;
		document.len -= len;
	}
}
