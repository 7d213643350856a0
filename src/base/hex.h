/* Bytes as hexadecimal digits, in lower case. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/cleanup.h"

#define HEX_SIZE(len) (2 * (len) + 1)

/* ret has room for HEX_SIZE(bytes.len). */
void hex_put(char *ret, struct bytes bytes);
/* All of the text, into at most size bytes. -EBADMSG: other characters, or a half byte, or more. */
int hex_read(uint8_t *ret, size_t size, size_t *ret_len, struct bytes text) MUST_CHECK;

#endif
