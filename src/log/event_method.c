#include "log/event_method.h"

#include <string.h>

static const char field[] = "confirm_method: ";

void event_method_set(struct buffer *event, const char *method) {
	CLEANUP(buffer_deinit) struct buffer changed = {0};
	struct bytes rest = buffer_bytes(event);
	bool is_there = false;

	while (rest.len > 0) {
		const uint8_t *end = memchr(rest.data, '\n', rest.len);
		size_t len = end != NULL ? (size_t)(end - rest.data) + 1 : rest.len;

		if (len > strlen(field) && memcmp(rest.data, field, strlen(field)) == 0) {
			is_there = true;
			buffer_put_raw(&changed, bytes_of_text(field));
			buffer_put_raw(&changed, bytes_of_text("\""));
			buffer_put_raw(&changed, bytes_of_text(method));
			buffer_put_raw(&changed, bytes_of_text("\"\n"));
		} else {
			buffer_put_raw(&changed, (struct bytes){rest.data, len});
		}
		rest.data += len;
		rest.len -= len;
	}
	if (!is_there || buffer_error(&changed) < 0)
		return;
	buffer_deinit(event);
	*event = changed;
	changed = (struct buffer){0};
}
