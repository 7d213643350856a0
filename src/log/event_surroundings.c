#include "log/event_surroundings.h"

#include <string.h>

#include "log/secret.h"

#define ENV_LEN_MAX  (4 * 1024) /* names and values, together */
#define NAME_LEN_MAX 256        /* NAME_MAX, for a unit */

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

static void put_kinds(struct doc *doc, const char *key, unsigned kinds) {
	if (kinds == 0)
		return;
	doc_key(doc, key);
	doc_list_begin(doc, DOC_FLOW);
	for (unsigned i = 0; i < APART_COUNT; i++)
		if ((kinds & 1U << i) != 0)
			doc_value(doc, bytes_of_text(apart_name((enum apart)(1 << i))),
			          NAME_LEN_MAX);
	doc_list_end(doc);
}

static void put_namespaces(struct doc *doc, const struct caller *caller) {
	enum tri is_in_container = caller_is_in_container(caller);

	if (is_in_container != TRI_UNKNOWN)
		doc_bool(doc, "is_container", is_in_container == TRI_YES);
	put_kinds(doc, "namespace_mismatches", caller->apart);
	if (caller->state == CALLER_IDENTIFIED)
		put_kinds(doc, "namespaces_unknown", caller->apart_unknown);
}

void event_put_surroundings(struct doc *doc, const struct caller *caller) {
	if (caller->unit != NULL && *caller->unit != '\0')
		doc_text(doc, "unit", caller->unit, NAME_LEN_MAX);
	put_namespaces(doc, caller);
	if (caller->presence != PRESENCE_UNKNOWN)
		doc_text(doc, "user_presence", presence_name(caller->presence), NAME_LEN_MAX);
	doc_text(doc, "user_presence_evidence", caller->presence_evidence, NAME_LEN_MAX);
	if (caller->tmux_window != NULL && *caller->tmux_window != '\0')
		doc_text(doc, "tmux_window", caller->tmux_window, NAME_LEN_MAX);
	if (caller->tmux_pane != NULL && *caller->tmux_pane != '\0')
		doc_text(doc, "tmux_pane", caller->tmux_pane, NAME_LEN_MAX);
	put_env(doc, caller);
}
