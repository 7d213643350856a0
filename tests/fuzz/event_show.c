/* Any bytes as an event that is shown: JSON must be JSON, a table must not touch the terminal and
 * must fit, and every text must come back from what is shown of it. */
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/bar.h"
#include "log/display.h"
#include "log/escape.h"
#include "log/filter.h"
#include "log/json.h"
#include "log/table.h"
#include "log/tally.h"
#include "log/when.h"

#define WIDTHS 160

static void check(bool holds) {
	if (!holds)
		abort();
}

/* ---- RFC 8259, as far as there is any of it in a line ---- */

static const uint8_t *skip_value(const uint8_t *at, const uint8_t *end);

static const uint8_t *skip_string(const uint8_t *at, const uint8_t *end) {
	check(at < end && *at++ == '"');
	for (; at < end && *at != '"'; at++) {
		check(*at >= 0x20 && *at < 0x7f);
		if (*at != '\\')
			continue;
		check(++at < end && strchr("\"\\/bfnrtu", *at) != NULL);
		for (int i = 0; *at == 'u' && i < 4; i++)
			check(at + 1 + i < end &&
			      strchr("0123456789abcdefABCDEF", at[1 + i]) != NULL);
		at += *at == 'u' ? 4 : 0;
	}
	check(at < end);
	return at + 1;
}

static const uint8_t *skip_items(const uint8_t *at, const uint8_t *end, bool list) {
	uint8_t close = list ? ']' : '}';

	check(at < end);
	if (*at == close)
		return at + 1;
	for (;;) {
		if (!list) {
			at = skip_string(at, end);
			check(at < end && *at++ == ':');
		}
		at = skip_value(at, end);
		check(at < end && (*at == ',' || *at == close));
		if (*at++ == close)
			return at;
	}
}

static const uint8_t *skip_value(const uint8_t *at, const uint8_t *end) {
	const uint8_t *start = at;

	check(at < end);
	if (*at == '"')
		return skip_string(at, end);
	if (*at == '[' || *at == '{')
		return skip_items(at + 1, end, *at == '[');
	if (end - at >= 4 && memcmp(at, "true", 4) == 0)
		return at + 4;
	if (end - at >= 5 && memcmp(at, "false", 5) == 0)
		return at + 5;
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	check(at > start && (*start != '0' || at == start + 1));
	return at;
}

static void check_json(struct bytes document) {
	CLEANUP(buffer_deinit) struct buffer line = {0};

	if (event_json(&line, document) < 0) {
		check(line.len == 0);
		return;
	}
	check(skip_value(line.data, line.data + line.len - 1) == line.data + line.len - 1);
	check(line.data[line.len - 1] == '\n');
}

/* ---- the table ---- */

static void check_lines(struct bytes text, size_t width) {
	while (text.len > 0) {
		const uint8_t *end = memchr(text.data, '\n', text.len);
		struct bytes line = {text.data, end != NULL ? (size_t)(end - text.data) : 0};

		check(end != NULL && display_width(line) <= width);
		for (size_t i = 0; i < line.len; i++)
			check(line.data[i] >= 0x20 && line.data[i] != 0x7f);
		text = (struct bytes){end + 1, text.len - line.len - 1};
	}
}

static void check_table(struct bytes document, size_t width, bool utf8) {
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	struct table *table;

	check(table_new(&table, (struct table_options){.width = width, .utf8 = utf8}) == 0);
	check(table_add(&shown, table, document) == 0);
	check(table_flush(&shown, table) == 0);
	table_set_width(table, width / 2 + 1);
	check(table_add(&shown, table, document) == 0);
	check_lines(buffer_bytes(&shown), width);
	table_free(table);
}

static void check_tally(struct bytes document, size_t width, bool utf8) {
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	struct tally *tally;

	check(tally_new(&tally) == 0);
	check(tally_add(tally, document) == 0 && tally_add(tally, document) == 0);
	check(tally_show(&shown, tally, (struct tally_options){.width = width, .utf8 = utf8}) == 0);
	check_lines(buffer_bytes(&shown), width > TALLY_WIDTH_MIN ? width : TALLY_WIDTH_MIN);
	tally_free(tally);
}

static void check_bar(struct bytes document) {
	for (int format = BAR_TEXT; format <= BAR_I3STATUS; format++) {
		CLEANUP(buffer_deinit) struct buffer line = {0};

		check(bar_line(&line, (enum bar_format)format, document) == 0);
		check_lines(buffer_bytes(&line), SIZE_MAX);
		check(memchr(line.data, '\n', line.len) == line.data + line.len - 1);
		check(format != BAR_WAYBAR || memchr(line.data, '<', line.len) == NULL);
		if (format == BAR_WAYBAR || format == BAR_I3STATUS)
			check(skip_value(line.data, line.data + line.len - 1) ==
			      line.data + line.len - 1);
	}
}

static void check_display(struct bytes original, bool utf8) {
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	CLEANUP(buffer_deinit) struct buffer again = {0};

	display_put(&shown, original, utf8);
	escape_undo(&again, buffer_bytes(&shown));
	check(bytes_equal(buffer_bytes(&again), original));
	check(display_fit(buffer_bytes(&shown), display_width(buffer_bytes(&shown))) == shown.len);
}

static void check_filter(struct bytes document) {
	CLEANUP(filter_deinit) struct filter filter = {0};

	check(filter_add(&filter, "local_proc_tree.exe=/usr/bin/ssh") == 0);
	check(filter_add(&filter, "command=ssh") == 0);
	filter_wants(&filter, document);
	filter.terms[0].name = "detail";
	filter.terms[0].name_len = strlen("detail");
	filter_wants(&filter, document);
}

static void check_when(struct bytes bytes) {
	struct when when;
	char text[64];
	int64_t real_us;

	if (bytes.len >= sizeof(text))
		return;
	snprintf(text, sizeof(text), "%.*s", (int)bytes.len, (const char *)bytes.data);
	if (when_parse(&when, text, 1795413623000000) == 0)
		check(when.first_us <= when.last_us);
	if (when_stamp(&real_us, bytes) == 0)
		check(when_parse(&when, text, 0) == 0 && when.first_us == real_us);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	(void)argc, (void)argv;
	check(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	struct bytes document = {data, len};
	size_t width = len > 0 ? data[len - 1] % WIDTHS + 1 : 1;

	check_json(document);
	check_table(document, width, len % 2 == 0);
	check_tally(document, width, len % 2 == 0);
	check_bar(document);
	check_display(document, true);
	check_display(document, false);
	check_filter(document);
	if (len > 0)
		check_when(document);
	return 0;
}
