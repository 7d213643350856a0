#include <stdio.h>
#include <string.h>

#include "describe/suggest_parts.h"

#define NAME_SHOWN 40

static const char *gap_text(enum gap gap) {
	switch (gap) {
	case GAP_PROGRAM: return "the program is not known";
	case GAP_MARKS: return "something speaks against the program (caller_integrity)";
	case GAP_KEY: return "the key is not known";
	case GAP_PAYLOAD: return "it is not known what was signed";
	case GAP_DESTINATION: return "it is not proved where the login went";
	case GAP_FORWARDED: return "they came over a forwarded agent";
	case GAP_TEXT: return "a name in them cannot be written as a plain value";
	case GAP_ROOM: return "there are too many kinds of them";
	}
	return "invalid";
}

/* ---- a rule ---- */

static void put(struct buffer *yaml, const char *text) {
	buffer_put_raw(yaml, bytes_of_text(text));
}

static void put_number(struct buffer *yaml, uint64_t number) {
	char digits[24];

	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
	put(yaml, digits);
}

static void put_events(struct buffer *yaml, const struct events *events) {
	size_t shown = events->count < SUGGEST_SEQS_SHOWN ? events->count : SUGGEST_SEQS_SHOWN;

	put_number(yaml, events->count);
	put(yaml, events->count == 1 ? " signature: event " : " signatures: events ");
	for (size_t i = 0; i < shown; i++) {
		put(yaml, i > 0 ? ", " : "");
		put_number(yaml, events->seqs[i]);
	}
	if (events->count > shown) {
		put(yaml, " ... ");
		put_number(yaml, events->last);
	}
}

static void put_field(struct buffer *yaml, const char *name, const char *value) {
	if (*value == '\0')
		return;
	put(yaml, "      ");
	put(yaml, name);
	put(yaml, ": ");
	put(yaml, value);
	put(yaml, "\n");
}

static void put_quoted_field(struct buffer *yaml, const char *name, const char *value) {
	if (*value == '\0')
		return;
	put(yaml, "      ");
	put(yaml, name);
	put(yaml, ": \"");
	put(yaml, value);
	put(yaml, "\"\n");
}

/* Of the program, so that a person sees what it is for; with a number, so that it is the only one.
 */
static void put_name(struct buffer *yaml, const char *exe, size_t number) {
	const char *base = strrchr(exe, '/') + 1;

	put(yaml, "  - name: \"");
	for (size_t i = 0; base[i] != '\0' && i < NAME_SHOWN; i++)
		buffer_put_u8(yaml, base[i] != ' ' ? (uint8_t)base[i] : '_');
	put(yaml, "-suggested-");
	put_number(yaml, number);
	put(yaml, "\"\n");
}

static void put_begin(struct buffer *yaml, const struct wish *wish, size_t number) {
	put_name(yaml, wish->parts[PART_EXE], number);
	put(yaml, "    match:\n");
	put_quoted_field(yaml, "exe", wish->parts[PART_EXE]);
	put_quoted_field(yaml, "key", wish->parts[PART_KEY]);
	put_quoted_field(yaml, "endpoint", wish->parts[PART_ENDPOINT]);
	put_field(yaml, "is_forwarded", wish->parts[PART_FORWARDED]);
	put_field(yaml, "is_coding_agent", wish->n_agents == 0 ? "false" : "");
	put_field(yaml, "sign_type", wish->parts[PART_SIGN_TYPE]);
	put_quoted_field(yaml, "ssh_user", wish->parts[PART_USER]);
	put_field(yaml, "dest_evidence", wish->parts[PART_EVIDENCE]);
	put(yaml, "      ");
	put(yaml, wish->parts[PART_FIELD]);
	put(yaml, ":\n");
}

static void put_value(struct buffer *yaml, const struct wish *wish) {
	put(yaml, "        - \"");
	put(yaml, wish->parts[PART_VALUE]);
	put(yaml, "\" # ");
	put_events(yaml, &wish->events);
	if (wish->n_agents > 0) {
		put(yaml, "; a coding agent is, or may be, behind ");
		put_number(yaml, wish->n_agents);
	}
	put(yaml, "\n");
}

static const char policy_head[] = "version: 1\ndefault_action: deny\nrules:";

int suggest_write_each(struct buffer *yaml, const struct suggest *suggest) {
	put(yaml, policy_head);
	put(yaml, suggest->count > 0 ? "\n" : " []\n");
	for (size_t i = 0; i < suggest->count; i++) {
		put_begin(yaml, &suggest->wishes[i], i + 1);
		put_value(yaml, &suggest->wishes[i]);
		put(yaml, "    action: allow\n");
	}
	return buffer_error(yaml);
}

/* ---- all of them ---- */

static void put_rules(struct buffer *yaml, const struct suggest *suggest) {
	const struct wish *last = NULL;
	size_t n_rules = 0;

	for (size_t i = 0; i < suggest->count; i++) {
		const struct wish *wish = &suggest->wishes[i];

		if (wish->is_void)
			continue;
		if (last == NULL || !suggest_same_rule(last, wish)) {
			put(yaml, last != NULL ? "    action: allow\n" : "");
			put_begin(yaml, wish, ++n_rules);
		}
		put_value(yaml, wish);
		last = wish;
	}
	put(yaml, last != NULL ? "    action: allow\n" : "");
}

/* What stands in it is plain (is_word(), is_plain_path()). */
static void put_void(struct buffer *yaml, const struct wish *wish) {
	put(yaml, "#   ");
	put(yaml, wish->parts[PART_EXE]);
	put(yaml, ", ");
	put(yaml, wish->parts[PART_FIELD]);
	put(yaml, " ");
	put(yaml, wish->parts[PART_VALUE]);
	put(yaml, ", key ");
	put(yaml, wish->parts[PART_KEY]);
	put(yaml, ": ");
	put_events(yaml, &wish->events);
	put(yaml, "; but denied: event ");
	put_number(yaml, wish->objected);
	put(yaml, "\n");
}

int suggest_write(struct buffer *yaml, const struct suggest *suggest) {
	size_t n_void = 0;

	put(yaml,
	    "# What was allowed or confirmed so far, as rules (ssh-agent-guard policy suggest).\n"
	    "# Look them through before you use them: whatever was done, they allow.\n"
	    "# They are for signatures alone. To load keys, keep the old policy's rules for ssh-add.\n");
	put(yaml, policy_head);
	put(yaml, suggest_count(suggest) > 0 ? "\n" : " []\n");
	put_rules(yaml, suggest);
	for (size_t i = 0; i < suggest->count; i++) {
		if (!suggest->wishes[i].is_void)
			continue;
		if (n_void++ == 0)
			put(yaml,
			    "\n# Left out, because a rule for it would allow what was denied\n"
			    "# (--since leaves out what is no longer meant):\n");
		put_void(yaml, &suggest->wishes[i]);
	}
	for (size_t i = 0; i < GAP_COUNT; i++) {
		if (suggest->gaps[i].count == 0)
			continue;
		put(yaml, "\n# Left out, because ");
		put(yaml, gap_text((enum gap)i));
		put(yaml, ":\n#   ");
		put_events(yaml, &suggest->gaps[i]);
		put(yaml, "\n");
	}
	return buffer_error(yaml);
}
