/* What is read to say yes: the file of the PIN, a line of a FIFO; and what is shown to be decided.
 */
#include <stdlib.h>

#include "base/plain.h"
#include "confirm/pin.h"
#include "confirm/postbox.h"
#include "confirm/screen_command.h"

/* What was read is written in one way only, and read again. */
static void check_pin(struct bytes input) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct pin pin, again;

	if (pin_parse(&pin, input) < 0)
		return;
	pin_put(&text, &pin);
	if (pin_parse(&again, buffer_bytes(&text)) < 0 || strcmp(pin.hash, again.hash) != 0 ||
	    pin.failures != again.failures || pin.locked_until_us != again.locked_until_us)
		abort();
}

static void check_line(struct bytes input) {
	static const char nonce[] = "00ff";
	char *line = calloc(input.len + 1, 1);
	const char *pin = NULL;

	if (line == NULL)
		return;
	if (input.len > 0)
		memcpy(line, input.data, input.len);
	if (postbox_parse(&pin, line, nonce) &&
	    (strstr(line, nonce) == NULL || (pin != NULL && !pin_is_fit(pin))))
		abort();
	free(line);
}

static void check_screen(struct bytes input) {
	if (screen_told_of(input) != SCREEN_TOLD_NOTHING && input.len > strlen("unlocked\n"))
		abort();
}

static void check_plain(struct bytes input, size_t len_max) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	plain_put(&text, input, len_max);
	if (len_max > 3 && text.len > len_max)
		abort();
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] > 0x7e)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = {data, size};

	check_pin(input);
	check_line(input);
	check_screen(input);
	check_plain(input, 0);
	check_plain(input, 48);
	return 0;
}
