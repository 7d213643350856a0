#include "caller/unit.h"

#include <stdbool.h>
#include <stddef.h>

static bool ends_with(struct bytes text, const char *end) {
	size_t len = strlen(end);

	return text.len > len && memcmp(text.data + text.len - len, end, len) == 0;
}

static bool begins_with(struct bytes text, const char *beginning) {
	size_t len = strlen(beginning);

	return text.len > len && memcmp(text.data, beginning, len) == 0;
}

/* The kinds that can have processes; systemd.unit(5). */
static bool is_unit(struct bytes name) {
	return ends_with(name, ".service") || ends_with(name, ".scope") ||
	       ends_with(name, ".socket") || ends_with(name, ".mount") || ends_with(name, ".swap");
}

/* The next part of the path, without the slashes around it. */
static struct bytes take_part(const char **path) {
	struct bytes part;

	*path += strspn(*path, "/");
	part = (struct bytes){(const uint8_t *)*path, strcspn(*path, "/")};
	*path += part.len;
	return part;
}

/* systemd puts a '_' before names that the kernel could take for its own files. */
static struct bytes unescape(struct bytes part) {
	if (part.len > 0 && part.data[0] == '_')
		part = (struct bytes){part.data + 1, part.len - 1};
	return part;
}

struct bytes unit_of_cgroup(const char *cgroup) {
	struct bytes unit = {(const uint8_t *)cgroup, 0};

	for (struct bytes part = take_part(&cgroup); part.len > 0; part = take_part(&cgroup)) {
		bool has_manager = unit.len > 0;

		if (bytes_equal_text(part, ".."))
			return (struct bytes){0};
		part = unescape(part);
		if (ends_with(part, ".slice"))
			continue;
		if (!is_unit(part))
			break;
		unit = part;
		/* Each user's manager has a tree of its own below its service. */
		if (has_manager || !begins_with(part, "user@") || !ends_with(part, ".service"))
			break;
	}
	return unit;
}
