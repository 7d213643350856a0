#include "policy/log_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_DAYS_MAX  36500
#define SIGN_EVERY_MIN 10 /* a signature takes a log as many bytes as five events */
#define SIGN_EVERY_MAX 1000000

static const char *const on_error_words[] = {"deny", "allow"};
static const char *const journal_words[] = {"auto", "off"};
static const char *const sync_words[] = {"none", "interval", "always"};
static const char *const detail_words[] = {"full", "brief"};

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

/* "64M"; K, M and G are powers of 1024. 0: no such size. */
static uint64_t parse_size(const char *text) {
	static const char units[] = "KMG";
	size_t digits = strspn(text, "0123456789");
	const char *unit = text[digits] != '\0' ? strchr(units, text[digits]) : NULL;
	uint64_t number = digits > 0 && digits < 7 ? strtoul(text, NULL, 10) : 0;

	if (unit == NULL || text[digits + 1] != '\0')
		return 0;
	return number << (10 * (unit - units + 1));
}

static void read_keep_size(struct log_settings *log, struct reading *reading,
                           const struct yaml_node *value) {
	const char *text = read_text(reading, "keep_size", value);
	uint64_t len = text != NULL ? parse_size(text) : 0;

	log->says |= LOG_SAYS_KEEP_LEN;
	if (text == NULL)
		return;
	if (strcmp(text, "unlimited") != 0 && len == 0)
		REPORT(reading, value, "keep_size: %.60s: no size; write 500M, 2G, or unlimited",
		       text);
	else
		log->keep_len = len;
}

static void read_file_size(struct log_settings *log, struct reading *reading,
                           const struct yaml_node *value) {
	const char *text = read_text(reading, "file_size", value);
	uint64_t len = text != NULL ? parse_size(text) : 0;

	log->says |= LOG_SAYS_FILE_LEN;
	if (text == NULL)
		return;
	if (len < LOG_FILE_LEN_MIN || len > LOG_FILE_LEN_MAX)
		REPORT(reading, value, "file_size: %.60s: no size from 64K to 1G; write 64M", text);
	else
		log->file_len = len;
}

static void read_compress(struct log_settings *log, struct reading *reading,
                          const struct yaml_node *value) {
	log->no_compress = !read_boolean_of(reading, "compress", value);
	log->says |= LOG_SAYS_COMPRESS;
}

enum log_detail log_detail_read(struct reading *reading, const char *what,
                                const struct yaml_node *value) {
	switch (read_word(reading, what, value, detail_words, 2)) {
	case 0: return LOG_DETAIL_FULL;
	case 1: return LOG_DETAIL_BRIEF;
	default: return LOG_DETAIL_UNSAID;
	}
}

const char *log_detail_name(enum log_detail detail) {
	return detail_words[detail == LOG_DETAIL_BRIEF];
}

static void read_detail(struct log_settings *log, struct reading *reading,
                        const struct yaml_node *value) {
	log->detail = log_detail_read(reading, "detail", value);
	log->says |= LOG_SAYS_DETAIL;
}

static void read_journal(struct log_settings *log, struct reading *reading,
                         const struct yaml_node *value) {
	log->no_journal = read_word(reading, "journal", value, journal_words, 2) == 1;
	log->says |= LOG_SAYS_JOURNAL;
}

static void read_sign_key(struct log_settings *log, struct reading *reading,
                          const struct yaml_node *value) {
	const char *text = read_text(reading, "key", value);

	if (text == NULL)
		return;
	if (strlen(text) != KEY_FINGERPRINT_SIZE - 1 || strncmp(text, "SHA256:", 7) != 0)
		REPORT(reading, value,
		       "key: %.60s: no fingerprint; write SHA256: and the 43 letters that "
		       "`ssh-add -l` shows",
		       text);
	else
		strcpy(log->sign_key, text);
}

static void read_sign_every(struct log_settings *log, struct reading *reading,
                            const struct yaml_node *value) {
	const char *text = value->kind == TREE_TEXT ? value->text : "";
	size_t digits = strspn(text, "0123456789");
	unsigned long every = digits > 0 && digits < 8 ? strtoul(text, NULL, 10) : 0;

	if (text[digits] != '\0' || every < SIGN_EVERY_MIN || every > SIGN_EVERY_MAX)
		REPORT(reading, value, "every: write a number of events, from %d to %d",
		       SIGN_EVERY_MIN, SIGN_EVERY_MAX);
	else
		log->sign_every = (unsigned)every;
}

static void read_sign_heads(struct log_settings *log, struct reading *reading,
                            const struct yaml_node *map) {
	static const char *const names[] = {"key", "every"};
	const struct yaml_node *found = NULL;

	log->says |= LOG_SAYS_HEADS;
	if (!read_map(reading, "sign_heads", map, "write key: and, if you like, every:"))
		return;
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		if (key->kind == TREE_BROKEN)
			continue;
		if (strcmp(key->text, "key") == 0)
			read_sign_key(log, reading, found = key->next);
		else if (strcmp(key->text, "every") == 0)
			read_sign_every(log, reading, key->next);
		else
			report_unknown_field(reading, key, names, 2);
	}
	if (found == NULL)
		REPORT(reading, map, "sign_heads: names no key: that signs");
}

static const struct {
	const char *name;
	void (*read)(struct log_settings *log, struct reading *reading,
	             const struct yaml_node *value);
} keys[] = {
	{"on_error", read_on_error},
	{"sync", read_sync},
	{"keep", read_keep},
	{"keep_size", read_keep_size},
	{"file_size", read_file_size},
	{"compress", read_compress},
	{"detail", read_detail},
	{"journal", read_journal},
	{"sign_heads", read_sign_heads},
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

void log_settings_read(struct log_settings *log, struct reading *reading,
                       const struct yaml_node *map) {
	const char *names[KEYS];

	for (size_t i = 0; i < KEYS; i++)
		names[i] = keys[i].name;
	if (!read_map(reading, "log", map,
	              "write on_error: deny or allow, sync:, keep: or the like"))
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

static void put_size(struct buffer *yaml, const char *key, uint64_t len) {
	static const char units[] = "KMG";
	char text[sizeof("18446744073709551615K")];
	size_t unit = 0;

	len >>= 10; /* nothing smaller can be written */
	while (len > 0 && len % 1024 == 0 && units[unit + 1] != '\0') {
		len >>= 10;
		unit++;
	}
	snprintf(text, sizeof(text), "%llu%c", (unsigned long long)len, units[unit]);
	put(yaml, key);
	put(yaml, len > 0 ? text : "unlimited");
}

void log_settings_show(struct buffer *yaml, const struct log_settings *log, bool is_floor) {
	unsigned shown = is_floor ? log->says : LOG_SAYS_ALL;
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
	if ((shown & LOG_SAYS_KEEP_LEN) != 0)
		put_size(yaml, "\n  keep_size: ", log->keep_len);
	if ((shown & LOG_SAYS_FILE_LEN) != 0)
		put_size(yaml, "\n  file_size: ", log->file_len);
	if ((shown & LOG_SAYS_COMPRESS) != 0)
		put(yaml, log->no_compress ? "\n  compress: false" : "\n  compress: true");
	if ((shown & LOG_SAYS_DETAIL) != 0) {
		put(yaml, "\n  detail: ");
		put(yaml, log_detail_name(log->detail));
	}
	if ((shown & LOG_SAYS_JOURNAL) != 0) {
		put(yaml, "\n  journal: ");
		put(yaml, journal_words[log->no_journal]);
	}
	if ((shown & LOG_SAYS_HEADS) != 0 && log->sign_key[0] != '\0') {
		char every[sizeof("4294967295")];

		snprintf(every, sizeof(every), "%u", log->sign_every);
		put(yaml, "\n  sign_heads: {key: \"");
		put(yaml, log->sign_key);
		put(yaml, "\", every: ");
		put(yaml, every);
		put(yaml, "}");
	}
}
