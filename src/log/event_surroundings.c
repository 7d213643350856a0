#include "log/event_surroundings.h"

#include <string.h>

#include "log/secret.h"

#define ENV_LEN_MAX (4 * 1024) /* names and values, together */

/* A mapping with quoted names, because a variable may be called NO, or 1. */
static void put_env(struct doc *doc, const struct caller *caller) {
	size_t left = ENV_LEN_MAX;
	uint64_t len = 0;
	bool whole = true;

	if (caller->env == NULL || caller->n_env == 0)
		return;
	doc_key(doc, "env");
	doc_map_begin(doc);
	for (size_t i = 0; i < caller->n_env; i++) {
		const char *text = caller->env[i];
		const char *value = text + strcspn(text, "=") + 1;
		struct bytes name = {(const uint8_t *)text, (size_t)(value - text) - 1};
		struct bytes shown = bytes_of_text(value);
		size_t taken;

		len += name.len + shown.len + strlen("=");
		whole = whole && name.len < left;
		if (!whole)
			continue;
		left -= name.len + strlen("=");
		doc_quoted_key(doc, name);
		if (looks_secret(name, value))
			shown = bytes_of_text(SECRET_MASK);
		taken = doc_value(doc, shown, left);
		left -= taken;
		whole = taken == shown.len;
	}
	doc_map_end(doc);
	if (!whole)
		doc_shortened(doc, "env", len);
}

void event_put_surroundings(struct doc *doc, const struct caller *caller) {
	put_env(doc, caller);
}
