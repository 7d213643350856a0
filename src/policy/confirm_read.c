#include "policy/confirm_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/command_read.h"
#include "policy/confirm_old.h"
#include "policy/method_order.h"

#define DURATION_MAX_S 86400
#define PENDING_MAX    16 /* more is nothing that a person would answer */

struct confirm_settings confirm_defaults(void) {
	return (struct confirm_settings){.older = {"deadbeef", 2, 1},
	                                 .methods = CONFIRM_TOUCH | CONFIRM_PIN,
	                                 .timeout_s = CONFIRM_TIMEOUT_S,
	                                 .max_pending = CONFIRM_MAX_PENDING,
	                                 .pause_s = CONFIRM_PAUSE_S};
}

/* ---- values ---- */

static bool is_text(struct reading *reading, const char *what, const struct yaml_node *value) {
	if (value->kind != TREE_TEXT && value->kind != TREE_BROKEN)
		REPORT(reading, value, "%s: not one value", what);
	return value->kind == TREE_TEXT;
}

/* "30s", "10m", "2h"; leaves *ret alone where it is none. */
static void read_duration(unsigned *ret, struct reading *reading, const char *what,
                          const struct yaml_node *value) {
	unsigned long unit = 0;
	unsigned long count;
	char *end;

	if (!is_text(reading, what, value))
		return;
	count = strtoul(value->text, &end, 10);
	if (strcmp(end, "s") == 0)
		unit = 1;
	else if (strcmp(end, "m") == 0)
		unit = 60;
	else if (strcmp(end, "h") == 0)
		unit = 3600;
	if (value->text[0] < '0' || value->text[0] > '9' || unit == 0 || count == 0 ||
	    count > DURATION_MAX_S / unit) {
		REPORT(reading, value,
		       "%s: %.60s: not a time from 1s to 24h; write such as 30s, %s", what,
		       value->text, "10m or 2h");
		return;
	}
	*ret = (unsigned)(count * unit);
}

static void read_count(unsigned *ret, struct reading *reading, const char *what,
                       const struct yaml_node *value) {
	unsigned long count;
	char *end;

	if (!is_text(reading, what, value))
		return;
	count = strtoul(value->text, &end, 10);
	/* There any number could stand. */
	if (reading->context.old && count > PENDING_MAX)
		count = PENDING_MAX;
	if (value->text[0] < '0' || value->text[0] > '9' || *end != '\0' || count == 0 ||
	    count > PENDING_MAX) {
		REPORT(reading, value, "%s: %.60s: not a number from 1 to %d", what, value->text,
		       PENDING_MAX);
		return;
	}
	*ret = (unsigned)count;
}

/* A word or a list of words, each the bit of its place in the table. */
static void read_bits(unsigned *ret, struct reading *reading, const char *what,
                      const struct yaml_node *value, const char *const *words, size_t n_words) {
	const struct yaml_node *item = value->kind == TREE_LIST ? value->first : value;
	unsigned bits = 0;

	if (value->kind == TREE_LIST && value->count == 0)
		REPORT(reading, value, "%s: an empty list; write a value or leave the field out",
		       what);
	while (item != NULL) {
		int index = read_word(reading, what, item, words, n_words);

		if (index >= 0)
			bits |= 1U << index;
		item = item != value ? item->next : NULL;
	}
	*ret = bits;
}

/* What is no method has been reported by then. */
static struct confirm_order order_of(const struct yaml_node *value) {
	const struct yaml_node *item = value->kind == TREE_LIST ? value->first : value;
	struct confirm_order order = {0};

	for (; item != NULL; item = item != value ? item->next : NULL)
		for (unsigned i = 0; item->kind == TREE_TEXT && i < CONFIRM_METHOD_COUNT; i++)
			if (strcmp(item->text, confirm_method_name((enum confirm_method)(1U << i))) == 0)
				method_order_add(&order, (enum confirm_method)(1U << i));
	return order;
}

static unsigned read_methods(struct confirm_order *ret, struct reading *reading, const char *what,
                             const struct yaml_node *value) {
	const char *words[CONFIRM_METHOD_COUNT];
	unsigned methods = 0;

	if (value->kind == TREE_TEXT && strcmp(value->text, "auto") == 0) {
		*ret = (struct confirm_order){.is_any = true};
		return CONFIRM_AUTO | CONFIRM_TOUCH | CONFIRM_PIN | CONFIRM_OTP | CONFIRM_OTP_PIN;
	}
	for (unsigned i = 0; i < CONFIRM_METHOD_COUNT; i++)
		words[i] = confirm_method_name((enum confirm_method)(1U << i));
	read_bits(&methods, reading, what, value, words, CONFIRM_METHOD_COUNT);
	*ret = order_of(value);
	return methods;
}

/* Of a field of the map. */
static void read_methods_of(unsigned *ret, struct confirm_order *order, struct reading *reading,
                            const char *what, const struct yaml_node *map) {
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next)
		if (key->kind == TREE_TEXT && strcmp(key->text, what) == 0 &&
		    key->next->kind != TREE_BROKEN)
			*ret = read_methods(order, reading, what, key->next);
}

static void read_flag(unsigned *ret, struct reading *reading, const char *what,
                      const struct yaml_node *value) {
	*ret = read_boolean_of(reading, what, value);
}

static void read_scope(unsigned *ret, struct reading *reading, const char *what,
                       const struct yaml_node *value) {
	const char *words[CONFIRM_SCOPE_COUNT];

	for (unsigned i = 0; i < CONFIRM_SCOPE_COUNT; i++)
		words[i] = confirm_scope_name((enum confirm_scope)(1U << i));
	read_bits(ret, reading, what, value, words, CONFIRM_SCOPE_COUNT);
}

/* By pinned.c or below, because it takes memory or two places, or by confirm_old.c. */
static void read_elsewhere(unsigned *ret, struct reading *reading, const char *what,
                           const struct yaml_node *value) {
	(void)ret, (void)reading, (void)what, (void)value;
}

/* ---- maps ---- */

/* A field of a map, and where its value goes. */
struct part {
	const char *name;
	void (*read)(unsigned *ret, struct reading *reading, const char *what,
	             const struct yaml_node *value);
	unsigned *target;
};

static void read_parts(struct reading *reading, const struct yaml_node *map,
                       const struct part *parts, size_t n_parts) {
	const char *names[16];

	if (map->kind != TREE_MAP) {
		if (map->kind != TREE_BROKEN)
			REPORT(reading, map, "confirm: not a map of fields");
		return;
	}
	for (size_t i = 0; i < n_parts; i++)
		names[i] = parts[i].name;
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		size_t i = 0;

		if (key->kind == TREE_BROKEN)
			continue;
		while (i < n_parts && strcmp(parts[i].name, key->text) != 0)
			i++;
		if (i == n_parts)
			report_unknown_field(reading, key, names, n_parts);
		else if (key->next->kind != TREE_BROKEN)
			parts[i].read(parts[i].target, reading, parts[i].name, key->next);
	}
}

/* What only files of version 0 hold. */
static void read_old(struct confirm_settings *settings, struct reading *reading,
                     const struct yaml_node *map) {
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		if (key->kind == TREE_BROKEN || key->next->kind == TREE_BROKEN)
			continue;
		if (strcmp(key->text, "touch") == 0)
			confirm_read_old_touch(settings, reading, key->text, key->next);
		else if (strcmp(key->text, "pin") == 0)
			confirm_read_old_pin(settings, reading, key->text, key->next);
	}
}

void confirm_read_settings(struct confirm_settings *settings, struct reading *reading,
                           const struct yaml_node *value) {
	const struct part parts[] = {
		{"methods", read_elsewhere, NULL},
		{"timeout", read_duration, &settings->timeout_s},
		{"max_pending", read_count, &settings->max_pending},
		{"pause", read_duration, &settings->pause_s},
		{"credentials", read_elsewhere, NULL},
		{"screen_state", read_elsewhere, NULL},
		{"tmux_popup", read_flag, &settings->tmux_popup},
		{"touch", read_elsewhere, NULL},
		{"pin", read_elsewhere, NULL},
	};

	read_parts(reading, value, parts, sizeof(parts) / sizeof(parts[0]));
	if (value->kind == TREE_MAP) {
		read_methods_of(&settings->methods_named, &settings->order, reading, "methods",
		                value);
		read_old(settings, reading, value);
	}
	if (settings->methods_named != 0)
		settings->methods = settings->methods_named;
}

int confirm_read_screen_state(char ***ret, struct reading *reading, const struct yaml_node *value) {
	const struct yaml_node *key = value->kind == TREE_MAP ? value->first : NULL;

	while (key != NULL && (key->kind != TREE_TEXT || strcmp(key->text, "screen_state") != 0))
		key = key->next->next;
	return key != NULL ? command_read(ret, reading, "screen_state", key->next) : 0;
}

void confirm_read_terms(struct confirm_terms *terms, struct reading *reading,
                        const struct yaml_node *value) {
	const struct part parts[] = {
		{"method", read_elsewhere, NULL},
		{"pin", read_flag, &terms->pin},
		{"remember", read_duration, &terms->remember_s},
		{"scope", read_scope, &terms->scope},
	};

	/* `confirm: touch` stands for `confirm: {method: touch}`. */
	if (value->kind == TREE_TEXT || value->kind == TREE_LIST)
		terms->methods = read_methods(&terms->order, reading, "confirm", value);
	else
		read_parts(reading, value, parts, sizeof(parts) / sizeof(parts[0]));
	if (value->kind == TREE_MAP)
		read_methods_of(&terms->methods, &terms->order, reading, "method", value);
	if (value->kind == TREE_MAP && terms->scope != 0 && terms->remember_s == 0)
		REPORT(reading, value, "scope: nothing is remembered; write remember: 10m, too");
	if (terms->scope == 0)
		terms->scope = SCOPE_EXE | SCOPE_ANCESTOR;
}

/* ---- written out ---- */

static void put(struct buffer *yaml, const char *text) {
	buffer_put_raw(yaml, bytes_of_text(text));
}

static void put_number(struct buffer *yaml, const char *before, unsigned number,
                       const char *after) {
	char text[32];

	put(yaml, before);
	snprintf(text, sizeof(text), "%u", number);
	put(yaml, text);
	put(yaml, after);
}

static void put_methods(struct buffer *yaml, unsigned methods, const struct confirm_order *order) {
	enum confirm_method list[CONFIRM_METHOD_COUNT];
	size_t count = method_order_list(list, methods, order);

	if ((methods & CONFIRM_AUTO) != 0) {
		put(yaml, "auto");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		put(yaml, i > 0 ? ", " : "[");
		put(yaml, confirm_method_name(list[i]));
	}
	put(yaml, "]");
}

static void put_scope(struct buffer *yaml, unsigned scope) {
	const char *join = "[";

	for (unsigned i = 0; i < CONFIRM_SCOPE_COUNT; i++) {
		if ((scope & 1U << i) == 0)
			continue;
		put(yaml, join);
		put(yaml, confirm_scope_name((enum confirm_scope)(1U << i)));
		join = ", ";
	}
	put(yaml, "]");
}

void confirm_show_settings(struct buffer *yaml, const struct confirm_settings *settings) {
	put(yaml, "\nconfirm:\n  methods: ");
	put_methods(yaml, settings->methods, &settings->order);
	put_number(yaml, "\n  timeout: ", settings->timeout_s, "s\n");
	put_number(yaml, "  max_pending: ", settings->max_pending, "\n");
	put_number(yaml, "  pause: ", settings->pause_s, "s");
	if (settings->tmux_popup != 0)
		put(yaml, "\n  tmux_popup: true");
}

void confirm_show_terms(struct buffer *yaml, const struct confirm_terms *terms) {
	if (terms->methods == 0 && terms->pin == 0 && terms->remember_s == 0)
		return;
	put(yaml, "    confirm:\n");
	if (terms->methods != 0) {
		put(yaml, "      method: ");
		put_methods(yaml, terms->methods, &terms->order);
		put(yaml, "\n");
	}
	if (terms->pin != 0)
		put(yaml, "      pin: true\n");
	if (terms->remember_s == 0)
		return;
	put_number(yaml, "      remember: ", terms->remember_s, "s\n");
	put(yaml, "      scope: ");
	put_scope(yaml, terms->scope);
	put(yaml, "\n");
}
