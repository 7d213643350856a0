#include "wire/session_bind.h"

#include <errno.h>

#include "base/cursor.h"

int session_bind_parse(struct session_bind *ret, struct bytes body) {
	struct cursor cursor = cursor_over(body);
	struct session_bind bind = {0};

	bind.host_key = cursor_string(&cursor);
	bind.session_id = cursor_string(&cursor);
	bind.signature = cursor_string(&cursor);
	bind.is_forwarding = cursor_u8(&cursor) != 0;
	if (cursor_check(&cursor) < 0 || bind.session_id.len > SESSION_ID_LEN_MAX)
		return -EBADMSG;
	*ret = bind;
	return 0;
}

enum proof session_bind_verify(const struct session_bind *bind) {
	struct public_key key;
	int error = public_key_parse(&key, bind->host_key);

	if (error == -ENOTSUP)
		return PROOF_UNVERIFIABLE;
	if (error < 0)
		return PROOF_BAD;
	if (key.type->is_certificate && certificate_verify(&key) == PROOF_BAD)
		return PROOF_BAD;
	return host_key_verify(&key, bind->signature, bind->session_id);
}
