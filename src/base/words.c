#include "base/words.h"

struct bytes words_take(struct bytes *rest, uint8_t end, bool *bad) {
	const uint8_t *found = rest->len > 0 ? memchr(rest->data, end, rest->len) : NULL;
	struct bytes word = {rest->data, found != NULL ? (size_t)(found - rest->data) : 0};

	if (found == NULL) {
		*bad = true;
		return (struct bytes){0};
	}
	rest->data += word.len + 1;
	rest->len -= word.len + 1;
	return word;
}

uint64_t words_number(struct bytes word, uint64_t max, bool *bad) {
	uint64_t number = 0;

	/* One way to write it. */
	if (word.len == 0 || word.len > 19 || (word.len > 1 && word.data[0] == '0'))
		*bad = true;
	for (size_t i = 0; !*bad && i < word.len; i++) {
		if (word.data[i] < '0' || word.data[i] > '9')
			*bad = true;
		else
			number = number * 10 + (uint64_t)(word.data[i] - '0');
	}
	if (number > max)
		*bad = true;
	return number;
}
