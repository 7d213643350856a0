#include "log/by_lines.h"

#include <string.h>

bool by_lines_is_field(struct bytes text) {
	static const char *const names[] = {"decision", "timestamp", "confirm_method"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]);

		if (text.len >= len && memcmp(text.data + text.len - len, names[i], len) == 0)
			return true;
	}
	return false;
}
