/* What a reader process may answer, and what it may be asked. What is taken must be written again
 * as it was. */
#include <stdlib.h>

#include "caller/caller.h"
#include "caller/reader_child.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = {data, size};
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct reader_request request;
	struct caller *caller;

	if (reader_request_decode(&request, input) == 0 &&
	    (!request.peer.known || request.peer.pid <= 0))
		abort();
	if (size > CALLER_ENCODED_LEN_MAX || caller_decode(&caller, input) < 0)
		return 0;
	caller_encode(&buffer, caller);
	if (buffer_error(&buffer) == 0 && !bytes_equal(buffer_bytes(&buffer), input))
		abort();
	caller_free(caller);
	return 0;
}
