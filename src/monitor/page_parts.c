#include "monitor/page_parts.h"

#include <stdio.h>
#include <string.h>

#include "log/display.h"

#define DETAIL_ROWS_MAX 64 /* of one request: it has fewer lines, and few are wrapped */
#define DETAIL_INDENT   6
#define DIALOG_ROWS_MAX 8192 /* of a question: each has some characters of 32 KiB */

/* ---- requests and grants ---- */

static void put_head(struct lines *lines, const struct model *model, enum pane pane) {
	size_t count = model->lists[pane].count;
	const char *mark = model->pane == pane ? "*" : " ";

	if (pane == PANE_WAITING && count == 0)
		lines_print(lines, STYLE_HEAD, "%sNothing waits for you", mark);
	else if (pane == PANE_WAITING)
		lines_print(lines, STYLE_WARNING, "%sWaiting for you: %zu", mark, count);
	else if (count == 0)
		lines_print(lines, STYLE_HEAD, "%sNo grants", mark);
	else
		lines_print(lines, STYLE_HEAD, "%sGrants: %zu", mark, count);
}

/* "> 3    58 s  log in as root, near (verified), ..., /usr/bin/ssh (pid 1)" */
static void put_row(struct lines *lines, const struct listed *item, enum pane pane, bool is_chosen,
                    uint64_t now_ns) {
	static const char *const labels[] = {"what", "where", "git", "program"};
	CLEANUP(buffer_deinit) struct buffer row = {0};
	char head[64];
	const char *before = "";

	snprintf(head, sizeof(head), "%s%-3llu %4llu s  ", is_chosen ? "> " : "  ",
	         (unsigned long long)item->id, (unsigned long long)listed_seconds(item, now_ns));
	buffer_put_raw(&row, bytes_of_text(head));
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		struct bytes line = listed_line(item, labels[i]);

		if (line.len == 0)
			continue;
		buffer_put_raw(&row, bytes_of_text(before));
		buffer_put_raw(&row, line);
		before = ", ";
	}
	if (lines->count == lines->rows_max)
		return;
	lines->items[lines->count].id = item->id;
	lines->items[lines->count].pane = pane;
	lines_put(lines, is_chosen ? STYLE_CHOSEN : STYLE_PLAIN, buffer_bytes(&row));
}

static void put_details(struct lines *lines, const struct listed *item) {
	struct bytes text = buffer_bytes(&item->text), line;

	while (text_line(&line, &text))
		lines_wrap(lines, STYLE_PLAIN, line, DETAIL_INDENT);
}

int part_list(struct lines *ret, const struct page *page, const struct model *model, enum pane pane,
              uint64_t now_ns) {
	const struct listing *list = &model->lists[pane];
	int error = lines_init(ret, 1 + list->count + DETAIL_ROWS_MAX, page, model->utf8);

	if (error < 0)
		return error;
	if (!model->is_here)
		return 0;
	put_head(ret, model, pane);
	for (size_t i = 0; i < list->count; i++) {
		bool is_chosen = list->items[i].id == model->chosen[pane];

		put_row(ret, &list->items[i], pane, is_chosen, now_ns);
		if (is_chosen)
			ret->chosen = ret->count;
		if (is_chosen && model->pane == pane)
			put_details(ret, &list->items[i]);
	}
	return 0;
}

void part_scroll(struct lines *lines, size_t rows) {
	static const char more[] = " (not all of it fits)";
	size_t room = rows > 0 ? rows - 1 : 0;
	size_t body = lines->count > 0 ? lines->count - 1 : 0;
	size_t from = lines->chosen > 1 ? lines->chosen - 2 : 0;
	struct buffer *head = &lines->items[0].text;

	if (body <= room)
		return;
	if (display_width(buffer_bytes(head)) + strlen(more) <= lines->columns)
		buffer_put_raw(head, bytes_of_text(more));
	if (from > body - room)
		from = body - room;
	/* Turned by that much, so that each line is still owned once. */
	for (size_t i = 0; i < room && from > 0; i++) {
		struct page_line line = lines->items[1 + i];

		lines->items[1 + i] = lines->items[1 + from + i];
		lines->items[1 + from + i] = line;
	}
}

/* ---- what lies above ---- */

bool part_is_covered(const struct model *model) {
	return model->shows_help ||
	       (model->dialog.stage != DIALOG_NONE && model->dialog.stage != DIALOG_SENT);
}

#define HELP_ROWS    18
#define HELP_COLUMNS 60

static const struct {
	const char *key, *short_text, *text;
} keys[] = {
	{"up, down, k, j", "choose", "choose a request, or a grant"},
	{"Tab", "the other list", "the other list"},
	{"a", "yes, with PIN", "say yes to the chosen request: asks your PIN"},
	{"d", "no", "say no to it"},
	{"r", "take grant back", "take the chosen grant back"},
	{"Ctrl-L", "draw anew", "draw all anew"},
	{"q, Ctrl-C", "quit", "quit; what waits goes on waiting"},
};

static void put_help(struct lines *lines) {
	bool is_short = lines->columns < HELP_COLUMNS || lines->rows_max < HELP_ROWS;

	lines_print(lines, STYLE_HEAD, "Keys (any key goes back)");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		lines_print(lines, STYLE_PLAIN, "%-*s %s", is_short ? 14 : 16, keys[i].key,
		            is_short ? keys[i].short_text : keys[i].text);
	lines_print(lines, STYLE_PLAIN, "%s", "");
	lines_wrap(lines, STYLE_PLAIN,
	           bytes_of_text("Keys are for what is chosen. A request that comes is never "
	                         "chosen by itself, and takes no key in its first moments. Where "
	                         "a security key is to be touched, touch it: no key here does "
	                         "that."),
	           0);
}

/* The question is the last line; what stands above it and does not fit is said to be missing, not
 * silently left out. */
static void put_question(struct lines *lines, const struct lines *all) {
	size_t room = lines->rows_max - lines->count;
	size_t kept = all->count;

	if (all->count > room)
		kept = room > 2 ? room - 2 : 0;
	for (size_t i = 0; i < kept && i + 1 < all->count; i++)
		lines_put(lines, all->items[i].style, buffer_bytes(&all->items[i].text));
	if (all->count > room && room > 1)
		lines_print(lines, STYLE_WARNING, "%zu more lines: enlarge the window",
		            all->count - 1 - kept);
	lines_put(lines, STYLE_HEAD, buffer_bytes(&all->items[all->count - 1].text));
}

static void put_dialog(struct lines *lines, const struct model *model) {
	CLEANUP(lines_deinit) struct lines all = {0};
	const struct page page = {.columns = lines->columns};
	struct bytes text = buffer_bytes(&model->dialog.text), line;

	lines_print(lines, STYLE_HEAD, "Request %llu (what you type is not shown)",
	            (unsigned long long)model->dialog.id);
	if (lines_init(&all, DIALOG_ROWS_MAX, &page, model->utf8) < 0)
		return;
	while (text_line(&line, &text))
		lines_wrap(&all, STYLE_PLAIN, line, DETAIL_INDENT);
	if (all.count > 0)
		put_question(lines, &all);
}

void part_cover(struct lines *lines, const struct model *model) {
	char head[64];

	if (model->dialog.stage == DIALOG_OPENING || model->dialog.stage == DIALOG_ASKING) {
		put_dialog(lines, model);
		return;
	}
	if (model->dialog.stage != DIALOG_OVER) {
		put_help(lines);
		return;
	}
	snprintf(head, sizeof(head), "Request %llu is gone.", (unsigned long long)model->dialog.id);
	lines_print(lines, STYLE_WARNING, "%s", head);
	lines_wrap(lines, STYLE_PLAIN,
	           bytes_of_text("It was answered elsewhere, ran out of time, or nobody waits for "
	                         "it any more. What you type counts for nothing until you press "
	                         "Enter."),
	           0);
}
