/* A list of identities, filtered by the bits of its first byte: what comes out is a list again, and
 * filtering it once more changes nothing. */
#include <stdlib.h>

#include "base/cursor.h"
#include "wire/identities.h"
#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool keep(void *data, struct bytes key_blob) {
	const uint8_t *mask = data;

	return key_blob.len == 0 || (key_blob.data[0] & *mask) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	CLEANUP(buffer_deinit) struct buffer once = {0};
	CLEANUP(buffer_deinit) struct buffer twice = {0};
	uint8_t mask = len > 0 ? data[0] : 0;
	struct bytes answer = {data + (len > 0), len - (len > 0)};

	if (identities_filter(&once, answer, keep, &mask) < 0)
		return 0;
	if (once.len > answer.len || !answer_fits(buffer_bytes(&once), AGENT_REQUEST_IDENTITIES))
		abort();
	if (identities_filter(&twice, buffer_bytes(&once), keep, &mask) < 0 ||
	    !bytes_equal(buffer_bytes(&once), buffer_bytes(&twice)))
		abort();
	return 0;
}
