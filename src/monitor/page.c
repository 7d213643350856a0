#include "monitor/page.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/display.h"
#include "log/read.h"
#include "monitor/page_parts.h"

#define EVENTS_LEAST 4 /* a head and three rows, where there is room for all */
#define ROOMY_ROWS   16
#define NOTICE_ROWS  8

static size_t smaller(size_t a, size_t b) {
	return a < b ? a : b;
}

static size_t larger(size_t a, size_t b) {
	return a > b ? a : b;
}

/* ---- lines ---- */

void lines_put(struct lines *lines, enum style style, struct bytes text) {
	size_t width = lines->columns;
	struct buffer *line;

	if (lines->count == lines->rows_max)
		return;
	line = &lines->items[lines->count].text;
	lines->items[lines->count++].style = style;
	if (display_width(text) <= width) {
		buffer_put_raw(line, text);
		return;
	}
	text.len = display_fit(text, width - 1);
	buffer_put_raw(line, text);
	buffer_put_raw(line, bytes_of_text(lines->utf8 ? "\u2026" : ">"));
}

void lines_print(struct lines *lines, enum style style, const char *format, ...) {
	char text[PAGE_COLUMNS_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	lines_put(lines, style, bytes_of_text(text));
}

/* Where a line that is too long is best cut: behind a blank, if that is not too far back. */
static size_t wrap_at(struct bytes text, size_t width) {
	size_t fit = display_fit(text, width);
	size_t at = fit;

	if (fit == text.len)
		return fit;
	while (at > fit / 2 && text.data[at - 1] != ' ')
		at--;
	return at > fit / 2 ? at : fit;
}

void lines_wrap(struct lines *lines, enum style style, struct bytes text, size_t indent) {
	CLEANUP(buffer_deinit) struct buffer part = {0};
	size_t before = 0;

	do {
		size_t len = lines->columns > before + 1 ? wrap_at(text, lines->columns - before)
		                                         : text.len;

		/* Not even one character of two columns. */
		if (len == 0)
			len = text.len;
		buffer_clear(&part);
		for (size_t i = 0; i < before; i++)
			buffer_put_u8(&part, ' ');
		buffer_put_raw(&part, (struct bytes){text.data, len});
		lines_put(lines, style, buffer_bytes(&part));
		text = (struct bytes){text.data + len, text.len - len};
		before = smaller(indent, lines->columns / 4);
	} while (text.len > 0);
}

int lines_init(struct lines *lines, size_t rows_max, const struct page *page, bool utf8) {
	*lines = (struct lines){.rows_max = rows_max, .columns = page->columns, .utf8 = utf8};
	lines->items = calloc(rows_max > 0 ? rows_max : 1, sizeof(*lines->items));
	return lines->items != NULL ? 0 : -ENOMEM;
}

void lines_deinit(struct lines *lines) {
	for (size_t i = 0; i < lines->rows_max && lines->items != NULL; i++)
		buffer_deinit(&lines->items[i].text);
	free(lines->items);
	*lines = (struct lines){0};
}

/* Hands lines over to the page, from that row on. */
static void move_lines(struct page *page, size_t row, struct lines *lines, size_t from,
                       size_t count) {
	for (size_t i = 0; i < count && row + i < page->rows && from + i < lines->count; i++) {
		buffer_deinit(&page->lines[row + i].text);
		page->lines[row + i] = lines->items[from + i];
		lines->items[from + i] = (struct page_line){0};
	}
}

/* ---- the first lines, and the last ---- */

/* What is at the left, and at the right where both fit. */
static void put_bar(struct lines *lines, struct bytes left, const char *right) {
	CLEANUP(buffer_deinit) struct buffer bar = {0};
	size_t taken = display_width(left) + strlen(right);

	buffer_put_raw(&bar, left);
	if (taken < lines->columns) {
		for (size_t i = taken; i < lines->columns; i++)
			buffer_put_u8(&bar, ' ');
		buffer_put_raw(&bar, bytes_of_text(right));
	}
	lines_put(lines, STYLE_BAR, buffer_bytes(&bar));
}

static void put_field(struct buffer *text, const struct model *model, const char *before,
                      const char *field) {
	buffer_put_raw(text, bytes_of_text(before));
	model_status_field(text, model, field);
}

static void put_title(struct lines *lines, const struct model *model) {
	CLEANUP(buffer_deinit) struct buffer title = {0};

	if (model->is_here) {
		put_field(&title, model, " ssh-agent-guard: ", "state");
		put_field(&title, model, ": ", "text");
	} else {
		buffer_put_raw(&title, bytes_of_text(" ssh-agent-guard: "));
		buffer_put_raw(&title, buffer_bytes(&model->absence));
	}
	put_bar(lines, buffer_bytes(&title), " ? help  q quit ");
}

static void put_counters(struct lines *lines, const struct model *model, bool roomy) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(buffer_deinit) struct buffer notice = {0};

	if (!model->is_here) {
		lines_print(lines, STYLE_WARNING,
		            " Waiting for a guard (start one: "
		            "ssh-agent-guard start)");
		return;
	}
	put_field(&text, model, " signed ", "signatures");
	put_field(&text, model, "  refused ", "refusals");
	put_field(&text, model, "  connections ", "connections");
	put_field(&text, model, "  rules ", "rules");
	put_field(&text, model, "  agent restarts ", "upstream_restarts");
	lines_put(lines, STYLE_PLAIN, buffer_bytes(&text));
	if (!roomy)
		return;
	model_status_field(&notice, model, "notice");
	if (notice.len == 0)
		return;
	buffer_clear(&text);
	buffer_put_raw(&text, bytes_of_text(" note: "));
	buffer_put_raw(&text, buffer_bytes(&notice));
	lines_put(lines, STYLE_WARNING, buffer_bytes(&text));
}

static const char *key_line(const struct model *model) {
	if (model->pane == PANE_GRANTS)
		return " up/down choose  r revoke  Tab requests  ? help  q quit";
	if (model->chosen[PANE_WAITING] != 0)
		return " a allow (asks the PIN)  d deny  up/down choose  Tab grants  ? help  q "
		       "quit";
	return " up/down choose a request  Tab grants  ? help  q quit";
}

/* What became of the last key, or which ones there are. */
static void put_last(struct lines *lines, const struct model *model) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct bytes said = buffer_bytes(&model->message);

	if (said.len == 0 && model->dialog.stage == DIALOG_SENT) {
		said = model_dialog_words(model);
		if (said.len == 0)
			said = bytes_of_text("the guard looks at the PIN");
	}
	if (said.len == 0) {
		lines_print(lines, STYLE_FAINT, "%s", key_line(model));
		return;
	}
	buffer_put_u8(&text, ' ');
	buffer_put_raw(&text, said);
	lines_wrap(lines, STYLE_HEAD, buffer_bytes(&text), 1);
}

/* ---- events ---- */

static enum style style_of(struct bytes document) {
	struct bytes decision = event_field(document, "decision");

	if (bytes_equal_text(decision, "\"allow\"") || bytes_equal_text(decision, "\"confirmed\""))
		return STYLE_GOOD;
	if (bytes_equal_text(decision, "\"deny\"") ||
	    bytes_equal_text(decision, "\"confirm-denied\""))
		return STYLE_BAD;
	return STYLE_PLAIN;
}

/* A table's head takes a line, and one that grew a column halfway another. The newest rows are what
 * is wanted. */
static int put_events(struct lines *lines, const struct model *model, size_t rows) {
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	size_t n_rows = rows > 0 ? rows - 1 : 0, count = 0;
	struct bytes text, line;
	int error = past_show(&shown, &model->past, n_rows, lines->columns, model->utf8);

	if (error < 0)
		return error;
	text = buffer_bytes(&shown);
	if (n_rows > model->past.count)
		n_rows = model->past.count;
	while (text_line(&line, &text)) {
		bool is_head = lines->count == 0;

		lines_put(lines,
		          is_head ? STYLE_HEAD
		                  : style_of(past_document(&model->past, n_rows - 1 - count)),
		          line);
		count += !is_head;
	}
	if (lines->count == 0 && rows > 0)
		lines_print(lines, STYLE_FAINT, "No event in the last 24 hours.");
	return 0;
}

/* ---- all of it ---- */

struct shares {
	size_t lists[PANES], events;
};

/* How many lines each part gets. The list that the keys are for comes first, then the other one;
 * events have what is left, and a few lines in any case where there are enough. */
static struct shares share(size_t rows, const size_t wanted[PANES], enum pane first) {
	enum pane second = first == PANE_WAITING ? PANE_GRANTS : PANE_WAITING;
	struct shares shares = {0};
	size_t events = rows >= ROOMY_ROWS ? EVENTS_LEAST : rows >= NOTICE_ROWS ? 2 : 0;
	size_t other = smaller(wanted[second], rows >= ROOMY_ROWS ? rows / 4 : 1);

	shares.lists[first] = smaller(wanted[first], rows - smaller(rows, events + other));
	rows -= shares.lists[first];
	shares.lists[second] = smaller(wanted[second], rows - smaller(rows, events));
	shares.events = rows - shares.lists[second];
	return shares;
}

static int put_lists(struct page *page, const struct model *model, size_t row, size_t end,
                     uint64_t now_ns) {
	CLEANUP(lines_deinit) struct lines waiting = {0};
	CLEANUP(lines_deinit) struct lines grants = {0};
	CLEANUP(lines_deinit) struct lines events = {0};
	struct lines *lists[PANES] = {&waiting, &grants};
	size_t wanted[PANES];
	struct shares shares;
	int error = 0;

	for (int pane = 0; pane < PANES && error == 0; pane++) {
		error = part_list(lists[pane], page, model, (enum pane)pane, now_ns);
		wanted[pane] = lists[pane]->count;
	}
	if (error < 0)
		return error;
	shares = share(end - row, wanted, model->pane);
	error = lines_init(&events, shares.events, page, model->utf8);
	if (error == 0)
		error = put_events(&events, model, shares.events);
	if (error < 0)
		return error;
	for (int pane = 0; pane < PANES; pane++) {
		part_scroll(lists[pane], shares.lists[pane]);
		move_lines(page, row, lists[pane], 0, shares.lists[pane]);
		row += shares.lists[pane];
	}
	move_lines(page, row, &events, 0, shares.events);
	return 0;
}

static int put_all(struct page *page, const struct model *model, uint64_t now_ns) {
	CLEANUP(lines_deinit) struct lines first = {0};
	CLEANUP(lines_deinit) struct lines last = {0};
	bool roomy = page->rows >= ROOMY_ROWS;
	int error = lines_init(&first, 3, page, model->utf8);
	size_t row, end;

	if (error == 0)
		error = lines_init(&last, roomy ? 3 : 1, page, model->utf8);
	if (error < 0)
		return error;
	put_title(&first, model);
	if (page->rows > 3)
		put_counters(&first, model, roomy);
	put_last(&last, model);
	row = first.count;
	end = page->rows > row + last.count ? page->rows - last.count : row;
	move_lines(page, 0, &first, 0, first.count);
	if (page->rows > 1)
		move_lines(page, end, &last, 0, last.count);
	return end > row ? put_lists(page, model, row, end, now_ns) : 0;
}

/* Over all else, but for the first line and the last. */
static int put_above(struct page *page, const struct model *model) {
	CLEANUP(lines_deinit) struct lines lines = {0};
	size_t top = page->rows > 2 ? 1 : 0;
	size_t room = page->rows > 2 ? page->rows - 2 : page->rows;
	int error;

	if (!part_is_covered(model))
		return 0;
	error = lines_init(&lines, room, page, model->utf8);
	if (error < 0)
		return error;
	part_cover(&lines, model);
	for (size_t i = 0; i < room; i++) {
		buffer_deinit(&page->lines[top + i].text);
		page->lines[top + i] = (struct page_line){0};
	}
	if (model->dialog.stage == DIALOG_ASKING && lines.count > 0) {
		struct bytes last = buffer_bytes(&lines.items[lines.count - 1].text);

		page->cursor_row = top + lines.count - 1;
		page->cursor_column = smaller(display_width(last), page->columns - 1);
	}
	move_lines(page, top, &lines, 0, lines.count);
	return 0;
}

int page_compose(struct page *ret, const struct model *model, size_t rows, size_t columns,
                 uint64_t now_ns) {
	CLEANUP(page_deinit)
	struct page page = {.rows = smaller(larger(rows, 1), PAGE_ROWS_MAX),
	                    .columns = smaller(larger(columns, 2), PAGE_COLUMNS_MAX)};
	int error;

	page.lines = calloc(page.rows, sizeof(*page.lines));
	page.cursor_row = page.rows;
	if (page.lines == NULL)
		return -ENOMEM;
	error = put_all(&page, model, now_ns);
	if (error == 0)
		error = put_above(&page, model);
	for (size_t i = 0; i < page.rows && error == 0; i++)
		error = buffer_error(&page.lines[i].text);
	if (error < 0)
		return error;
	*ret = page;
	page.lines = NULL;
	return 0;
}

void page_deinit(struct page *page) {
	for (size_t i = 0; i < page->rows && page->lines != NULL; i++)
		buffer_deinit(&page->lines[i].text);
	free(page->lines);
	page->lines = NULL;
}
