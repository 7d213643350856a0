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
	enum proof proof;

	if (error == -ENOTSUP)
		return PROOF_UNVERIFIABLE;
	if (error < 0)
		return PROOF_BAD;
	proof = host_key_verify(&key, bind->signature, bind->session_id);
	if (proof != PROOF_BAD && key.type->is_certificate) {
		enum proof by_ca = certificate_verify(&key);

		return by_ca == PROOF_GOOD ? proof : by_ca;
	}
	return proof;
}
