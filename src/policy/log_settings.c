#include "policy/log_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_DAYS_MAX 36500

static const char *const on_error_words[] = {"deny", "allow"};
static const char *const sync_words[] = {"none", "interval", "always"};

static void read_on_error(struct log_settings *log, struct reading *reading,
                          const struct yaml_node *value) {
	int index = read_word(reading, "on_error", value, on_error_words, 2);

	if (index >= 0)
		log->on_error = index == 1 ? ON_LOG_ERROR_ALLOW : ON_LOG_ERROR_DENY;
	log->says |= LOG_SAYS_ON_ERROR;
}

static void read_sync(struct log_settings *log, struct reading *reading,
                      const struct yaml_node *value) {
	int index = read_word(reading, "sync", value, sync_words, LOG_SYNC_COUNT);

	if (index >= 0)
		log->sync = (enum log_sync)index;
	log->says |= LOG_SAYS_SYNC;
}

/* "90d", or forever. */
static void read_keep(struct log_settings *log, struct reading *reading,
                      const struct yaml_node *value) {
	const char *text = read_text(reading, "keep", value);
	size_t digits;
	unsigned long days;

	log->says |= LOG_SAYS_KEEP;
	if (text == NULL)
		return;
	if (strcmp(text, "forever") == 0) {
		log->keep_days = 0;
		return;
	}
	digits = strspn(text, "0123456789");
	days = digits > 0 && digits < 8 ? strtoul(text, NULL, 10) : 0;
	if (days == 0 || days > KEEP_DAYS_MAX || strcmp(text + digits, "d") != 0)
		REPORT(reading, value,
		       "keep: %.60s: no number of days; write 90d, at most %dd, or forever", text,
		       KEEP_DAYS_MAX);
	else
		log->keep_days = (unsigned)days;
}

static const struct {
	const char *name;
	void (*read)(struct log_settings *log, struct reading *reading,
	             const struct yaml_node *value);
} keys[] = {
	{"on_error", read_on_error},
	{"sync", read_sync},
	{"keep", read_keep},
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

void log_settings_read(struct log_settings *log, struct reading *reading,
                       const struct yaml_node *map) {
	const char *names[KEYS];

	for (size_t i = 0; i < KEYS; i++)
		names[i] = keys[i].name;
	if (!read_map(reading, "log", map, "write on_error: deny or allow, sync: or keep:"))
		return;
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		size_t i = 0;

		if (key->kind == TREE_BROKEN)
			continue;
		while (i < KEYS && strcmp(names[i], key->text) != 0)
			i++;
		if (i < KEYS)
			keys[i].read(log, reading, key->next);
		else
			report_unknown_field(reading, key, names, KEYS);
	}
}

static void put(struct buffer *yaml, const char *text) {
	buffer_put_raw(yaml, bytes_of_text(text));
}

void log_settings_show(struct buffer *yaml, const struct log_settings *log, bool is_floor) {
	unsigned shown = is_floor ? log->says : LOG_SAYS_ON_ERROR | LOG_SAYS_SYNC | LOG_SAYS_KEEP;
	char days[sizeof("4294967295d")];

	if (shown == 0)
		return;
	put(yaml, "\nlog:");
	if ((shown & LOG_SAYS_ON_ERROR) != 0) {
		put(yaml, "\n  on_error: ");
		put(yaml, on_error_words[log->on_error == ON_LOG_ERROR_ALLOW]);
	}
	if ((shown & LOG_SAYS_SYNC) != 0) {
		put(yaml, "\n  sync: ");
		put(yaml, sync_words[log->sync]);
	}
	if ((shown & LOG_SAYS_KEEP) != 0) {
		snprintf(days, sizeof(days), "%ud", log->keep_days);
		put(yaml, "\n  keep: ");
		put(yaml, log->keep_days > 0 ? days : "forever");
	}
}
