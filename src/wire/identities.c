#include "wire/identities.h"

#include <errno.h>

#include "base/cursor.h"
#include "wire/message.h"

int identities_filter(struct buffer *ret, struct bytes answer, identity_keep *keep, void *data) {
	CLEANUP(buffer_deinit) struct buffer kept = {0};
	struct cursor cursor = cursor_over(answer);
	uint8_t type = cursor_u8(&cursor);
	uint32_t count = cursor_u32(&cursor);
	uint32_t n_kept = 0;

	if (cursor_check(&cursor) < 0 || type != AGENT_IDENTITIES_ANSWER)
		return -EBADMSG;
	for (uint32_t i = 0; i < count; i++) {
		struct bytes key_blob = cursor_string(&cursor);
		struct bytes comment = cursor_string(&cursor);

		if (cursor_check(&cursor) < 0)
			return -EBADMSG;
		if (!keep(data, key_blob))
			continue;
		buffer_put_string(&kept, key_blob);
		buffer_put_string(&kept, comment);
		n_kept++;
	}
	buffer_put_u8(ret, type);
	buffer_put_u32(ret, n_kept);
	buffer_put_raw(ret, buffer_bytes(&kept));
	buffer_put_raw(ret, cursor_rest(&cursor));
	return buffer_error(&kept) < 0 ? buffer_error(&kept) : buffer_error(ret);
}

void identities_each(struct bytes answer, identity_take *take, void *data) {
	struct cursor cursor = cursor_over(answer);
	uint8_t type = cursor_u8(&cursor);
	uint32_t count = cursor_u32(&cursor);

	if (type != AGENT_IDENTITIES_ANSWER)
		return;
	for (uint32_t i = 0; i < count; i++) {
		struct bytes key_blob = cursor_string(&cursor);
		struct bytes comment = cursor_string(&cursor);

		if (cursor_check(&cursor) < 0)
			return;
		take(data, key_blob, comment);
	}
}
