/* A page's parts, for the files that compose it: page.c (where each part stands), page_parts.c
 * (what is in it), and lines, which both write. Nobody else looks inside. */
#ifndef MONITOR_PAGE_PARTS_H
#define MONITOR_PAGE_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "monitor/page.h"

/* Lines of a part. What is above rows_max is left out. */
struct lines {
	struct page_line *items; /* owned */
	size_t count, rows_max, columns;
	bool utf8;
	size_t chosen; /* the row that must be seen, counted from 1; 0: none */
};

int lines_init(struct lines *lines, size_t rows_max, const struct page *page, bool utf8) MUST_CHECK;
void lines_deinit(struct lines *lines);
/* A line, cut where it is too long. */
void lines_put(struct lines *lines, enum style style, struct bytes text);
void lines_print(struct lines *lines, enum style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* As many lines as it takes, those after the first indented. */
void lines_wrap(struct lines *lines, enum style style, struct bytes text, size_t indent);

/* Requests or grants, a line each, and all that is known of the chosen one below it. */
int part_list(struct lines *ret, const struct page *page, const struct model *model, enum pane pane,
              uint64_t now_ns) MUST_CHECK;
/* Of its lines, as many as that, so that the chosen one is seen. The first one says what is
 * missing. */
void part_scroll(struct lines *lines, size_t rows);

/* Help, or the dialog. */
bool part_is_covered(const struct model *model);
void part_cover(struct lines *lines, const struct model *model);

#endif
