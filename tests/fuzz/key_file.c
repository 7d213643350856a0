/* Files of private keys, as somebody left them lying about. */
#include "wire/key_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	return key_file_look((struct bytes){data, len}) > KEY_FILE_PLAIN ? 1 : 0;
}
