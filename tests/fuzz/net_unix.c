/* The kernel's table of sockets, whose names are whoever's made them. */
#include <stdlib.h>
#include <string.h>

#include "sandbox/outside_sockets.h"

static void take(void *data, const char *path) {
	const struct bytes *text = data;
	size_t len = strlen(path);

	if (len == 0 || path[0] == '@' || path[0] == ' ' || len >= text->len ||
	    strchr(path, '\n') != NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	struct bytes text = {data, len};

	outside_sockets_parse(text, take, &text);
	return 0;
}
