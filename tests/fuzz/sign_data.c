/* A sign request's data, whose first string is taken for the key that is asked to sign. */
#include <stdlib.h>

#include "base/cursor.h"
#include "wire/sign_data.h"

static volatile uint8_t sink;

/* Each view is read whole, and must lie within the data. */
static void consume(struct bytes view, struct bytes data) {
	if (view.len > 0 && (view.data < data.data || view.data + view.len > data.data + data.len))
		abort();
	for (size_t i = 0; i < view.len; i++)
		sink ^= view.data[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
	struct cursor cursor = cursor_over((struct bytes){input, size});
	struct bytes key_blob = cursor_string(&cursor);
	struct bytes data = cursor_rest(&cursor);
	struct payload payload;

	sign_data_parse(&payload, data, key_blob);
	if (payload.len != data.len)
		abort();
	switch (payload.kind) {
	case PAYLOAD_UNKNOWN:
		if (strlen(payload.sha256) != PAYLOAD_SHA256_SIZE - 1)
			abort();
		break;
	case PAYLOAD_SSH_LOGIN:
		if (payload.login.session_id.len == 0)
			abort();
		if (payload.login.hostbound != (payload.login.host_key.len > 0))
			abort();
		consume(payload.login.session_id, data);
		consume(payload.login.user, data);
		consume(payload.login.algorithm, data);
		consume(payload.login.key_blob, data);
		consume(payload.login.host_key, data);
		break;
	case PAYLOAD_SSHSIG:
		consume(payload.sshsig.name_space, data);
		consume(payload.sshsig.hash_algorithm, data);
		break;
	}
	return 0;
}
