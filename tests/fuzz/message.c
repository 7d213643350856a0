/* A client's message: its length, its parts, the facts of its key, and whether it would do as an
 * answer, too. */
#include <stdlib.h>

#include "wire/message.h"

static volatile uint8_t sink;

/* Reads every byte of a view, so that a bad one is seen. */
static void consume(struct bytes view) {
	for (size_t i = 0; i < view.len; i++)
		sink ^= view.data[i];
}

static void check_facts(const struct key_facts *facts) {
	if (memchr(facts->type, '\0', sizeof(facts->type)) == NULL)
		abort();
	if (facts->fingerprint[0] != '\0' && strlen(facts->fingerprint) != KEY_FINGERPRINT_SIZE - 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = {data, size};
	struct message message;
	struct key_facts facts;
	size_t len;

	if (message_length(&len, input) == 0 && len > MESSAGE_HEADER + MESSAGE_LEN_MAX)
		abort();
	for (unsigned type = 0; type <= UINT8_MAX; type++)
		answer_fits(input, (uint8_t)type);
	if (key_facts_of_blob(&facts, input) == 0)
		check_facts(&facts);
	key_blobs_equal(input, input);
	if (size == 0)
		return 0;
	if (message_parse(&message, input) < 0 && message.has_key)
		abort();
	check_facts(&message.key);
	consume(message.key_blob);
	consume(message.data);
	consume(message.comment);
	consume(message.provider);
	consume(message.extension_name);
	consume(message.extension_body);
	return 0;
}
