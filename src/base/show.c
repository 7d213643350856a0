#include "base/show.h"

size_t show_bytes(FILE *stream, struct bytes bytes, size_t width) {
	size_t columns = 0;

	for (size_t i = 0; i < bytes.len; i++) {
		uint8_t byte = bytes.data[i];

		if (byte >= 0x20 && byte < 0x7f) {
			putc(byte, stream);
			columns++;
		} else {
			fprintf(stream, "\\x%02x", byte);
			columns += 4;
		}
	}
	for (; columns < width; columns++)
		putc(' ', stream);
	return columns;
}

size_t show(FILE *stream, const char *text, size_t width) {
	return show_bytes(stream, bytes_of_text(text), width);
}
