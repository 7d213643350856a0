#include "monitor/view.h"

#include <curses.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "monitor/input.h"

#define ESCAPE_MS 25 /* a terminal sends its sequences at once */

enum { PAIR_GOOD = 1, PAIR_BAD, PAIR_WARNING };

struct view {
	SCREEN *screen;
	bool colour;
};

static void set_colours(struct view *view) {
	if (!view->colour || !has_colors() || start_color() == ERR || use_default_colors() == ERR) {
		view->colour = false;
		return;
	}
	init_pair(PAIR_GOOD, COLOR_GREEN, -1);
	init_pair(PAIR_BAD, COLOR_RED, -1);
	init_pair(PAIR_WARNING, COLOR_YELLOW, -1);
}

static void set_mode(void) {
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	leaveok(stdscr, FALSE);
}

int view_open(struct view **ret, bool colour) {
	struct view *view;

	if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1)
		return -ENOTTY;
	view = calloc(1, sizeof(*view));
	if (view == NULL)
		return -ENOMEM;
	view->colour = colour;
	view->screen = newterm(NULL, stdout, stdin);
	if (view->screen == NULL) {
		free(view);
		return -ENODEV;
	}
	set_escdelay(ESCAPE_MS);
	set_mode();
	set_colours(view);
	view_resized(view); /* LINES and COLUMNS of the environment may be of another window */
	*ret = view;
	return 0;
}

void view_close(struct view *view) {
	if (view == NULL)
		return;
	if (!isendwin())
		endwin();
	delscreen(view->screen);
	free(view);
}

void view_size(const struct view *view, size_t *ret_rows, size_t *ret_columns) {
	(void)view;
	*ret_rows = LINES > 0 ? (size_t)LINES : 1;
	*ret_columns = COLS > 0 ? (size_t)COLS : 1;
}

void view_resized(struct view *view) {
	struct winsize size = {0};

	(void)view;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
}

static chtype attributes(const struct view *view, enum style style) {
	bool colour = view->colour;

	switch (style) {
	case STYLE_PLAIN: return A_NORMAL;
	case STYLE_BAR:
	case STYLE_CHOSEN: return A_REVERSE;
	case STYLE_HEAD: return A_BOLD;
	case STYLE_GOOD: return colour ? COLOR_PAIR(PAIR_GOOD) : A_NORMAL;
	case STYLE_BAD: return colour ? COLOR_PAIR(PAIR_BAD) : A_NORMAL;
	case STYLE_WARNING: return colour ? COLOR_PAIR(PAIR_WARNING) | A_BOLD : A_BOLD;
	case STYLE_FAINT: return A_DIM;
	}
	return A_NORMAL;
}

void view_draw(struct view *view, const struct page *page, bool all) {
	size_t rows, columns;

	view_size(view, &rows, &columns);
	erase();
	if (all)
		clearok(stdscr, TRUE);
	for (size_t i = 0; i < page->rows && i < rows; i++) {
		const struct page_line *line = &page->lines[i];

		attrset((int)attributes(view, line->style));
		if (line->text.len > 0)
			mvaddnstr((int)i, 0, (const char *)line->text.data, (int)line->text.len);
	}
	attrset(A_NORMAL);
	if (page->cursor_row < rows && page->cursor_column < columns) {
		move((int)page->cursor_row, (int)page->cursor_column);
		curs_set(1);
	} else {
		curs_set(0);
	}
	refresh();
}

bool view_is_gone(const struct view *view) {
	int waiting = 0;

	(void)view;
	return ioctl(STDIN_FILENO, FIONREAD, &waiting) < 0 || waiting == 0;
}

bool view_key(struct view *view, enum key *ret) {
	int code = getch();

	(void)view;
	if (code == ERR)
		return false;
	*ret = input_key(code);
	return true;
}

void view_drop_typed(struct view *view) {
	(void)view;
	flushinp();
}

void view_leave(struct view *view) {
	(void)view;
	if (!isendwin())
		endwin();
}

void view_enter(struct view *view) {
	view_resized(view);
	reset_prog_mode();
	clearok(stdscr, TRUE);
	refresh();
	view_restore_mode(view);
}

void view_restore_mode(struct view *view) {
	(void)view;
	reset_prog_mode();
	/* Else the arrow keys are known from the second one on. */
	keypad(stdscr, TRUE);
}
