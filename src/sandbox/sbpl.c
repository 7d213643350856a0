#include "sandbox/sbpl.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* How long the character of RFC 3629 is that begins there; 0: it is none. The text ends in a NUL,
 * which continues no character, so nothing behind it is read. */
static size_t character_len(const uint8_t *at) {
	size_t len;

	if (at[0] < 0x80)
		return 1;
	if (at[0] < 0xc2 || at[0] > 0xf4)
		return 0;
	len = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	/* Too long for what they say, a surrogate, or above the last character. */
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
	    (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* U+0080 to U+009F as well: those that begin with 0xc2 and go on below 0xa0. */
static bool is_control(const uint8_t *at) {
	return at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0);
}

static const char *refusal(const char *text) {
	const uint8_t *at = (const uint8_t *)text;

	while (*at != '\0') {
		size_t len = character_len(at);

		if (len == 0)
			return "a byte that is no UTF-8";
		if (is_control(at))
			return "a control character";
		if (at[0] == '$' && at[1] == '{') /* newer systems put values in there */
			return "\"${\", which stands for a variable there";
		at += len;
	}
	return NULL;
}

const char *sbpl_put_string(struct buffer *profile, const char *text) {
	const char *why = refusal(text);

	if (why != NULL)
		return why;
	buffer_put_u8(profile, '"');
	for (const char *at = text; *at != '\0'; at++) {
		if (*at == '"' || *at == '\\')
			buffer_put_u8(profile, '\\');
		buffer_put_u8(profile, (uint8_t)*at);
	}
	buffer_put_u8(profile, '"');
	return NULL;
}
