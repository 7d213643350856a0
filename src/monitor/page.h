/* What stands on each line of the window: the model, composed for so many lines and columns. Pure;
 * whoever has the terminal only writes it down. */
#ifndef MONITOR_PAGE_H
#define MONITOR_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "monitor/model.h"

#define PAGE_ROWS_MAX    1000 /* of a window that says that it has more, the rest is empty */
#define PAGE_COLUMNS_MAX 1000

enum style {
	STYLE_PLAIN,
	STYLE_BAR,  /* the first line */
	STYLE_HEAD, /* of a part */
	STYLE_CHOSEN,
	STYLE_GOOD, /* allowed */
	STYLE_BAD,  /* denied */
	STYLE_WARNING,
	STYLE_FAINT,
};

struct page_line {
	struct buffer text; /* no wider than the window */
	enum style style;
	/* The request, or grant, whose row it is; 0: none's. */
	uint64_t id;
	enum pane pane;
};

struct page {
	struct page_line *lines; /* owned */
	size_t rows, columns;
	/* Where a PIN is being typed; cursor_row is rows where none is. */
	size_t cursor_row, cursor_column;
};

int page_compose(struct page *ret, const struct model *model, size_t rows, size_t columns,
                 uint64_t now_ns) MUST_CHECK; /* -ENOMEM */
void page_deinit(struct page *page);

#endif
