/* Base64 as OpenSSH reads it in its files (b64_pton() of the C library). */
#ifndef WIRE_BASE64_H
#define WIRE_BASE64_H

#include "base/bytes.h"
#include "base/cleanup.h"

/* Writes the decoded bytes to ret, which has room for size, and their number to *ret_len. White
 * space anywhere is passed over; the padding must be there, and bits that are left over must be
 * zero. -EBADMSG: not base64. -EMSGSIZE: more than size bytes. */
int base64_decode(uint8_t *ret, size_t size, size_t *ret_len, struct bytes text) MUST_CHECK;

#endif
