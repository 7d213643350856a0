#include "log/table.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "log/display.h"
#include "log/read.h"
#include "log/when.h"

#define SAMPLE_ROWS 256
#define GAP         2  /* between columns */
#define KEY_LEN     12 /* of a fingerprint: enough to tell keys apart, 72 bits */
#define KEY_PREFIX  "SHA256:"
#define YEAR_LEN    5 /* of a time, "2026-": the first to go */

enum column {
	COLUMN_TIME,
	COLUMN_DECISION,
	COLUMN_TRIGGER,
	COLUMN_PROGRAM,
	COLUMN_KEY,
	COLUMN_DESTINATION,
	COLUMN_WHY,
};
#define COLUMNS (COLUMN_WHY + 1)

/* least: what is left of it before a column goes. usual: its width before there are rows. most: on
 * a terminal. leaves: which column goes first where they do not fit (1), which never (0). */
static const struct {
	const char *head;
	size_t least, usual, most;
	unsigned leaves;
} columns[COLUMNS] = {
	[COLUMN_TIME] = {"TIME", 14, 19, 19, 0},
	[COLUMN_DECISION] = {"DECISION", 8, 9, 14, 6},
	[COLUMN_TRIGGER] = {"TRIGGER", 7, 7, 18, 2},
	[COLUMN_PROGRAM] = {"PROGRAM", 8, 10, 32, 4},
	[COLUMN_KEY] = {"KEY", KEY_LEN, KEY_LEN, KEY_LEN, 1},
	[COLUMN_DESTINATION] = {"DESTINATION", 12, 0, 48, 3},
	[COLUMN_WHY] = {"WHY", 12, 16, SIZE_MAX, 5},
};
#define LEAVERS 6

struct row {
	struct buffer cells[COLUMNS]; /* as they may be shown */
};

struct table {
	struct table_options options;
	struct row *rows; /* SAMPLE_ROWS of them */
	size_t n_rows;    /* held back */
	size_t natural[COLUMNS];
	size_t widths[COLUMNS]; /* 0: not shown */
	bool laid_out;
	struct buffer text; /* a value at hand */
};

int table_new(struct table **ret, struct table_options options) {
	struct table *table = calloc(1, sizeof(*table));
	struct row *rows = calloc(SAMPLE_ROWS, sizeof(*rows));

	if (table == NULL || rows == NULL) {
		free(table);
		free(rows);
		return -ENOMEM;
	}
	table->options = options;
	table->rows = rows;
	for (size_t i = 0; i < COLUMNS; i++)
		table->natural[i] = columns[i].usual;
	*ret = table;
	return 0;
}

void table_free(struct table *table) {
	if (table == NULL)
		return;
	for (size_t i = 0; i < SAMPLE_ROWS; i++)
		for (size_t j = 0; j < COLUMNS; j++)
			buffer_deinit(&table->rows[i].cells[j]);
	buffer_deinit(&table->text);
	free(table->rows);
	free(table);
}

/* ---- a row ---- */

/* The field's bytes; empty where there is none. Holds until the next call. */
static struct bytes field_text(struct table *table, struct bytes document, const char *name) {
	struct bytes field = event_field(document, name);

	table->text.len = 0;
	if (field.len > 0 && field.data[0] != '"')
		return field;
	if (field.len == 0 || event_text(&table->text, field) < 0)
		return (struct bytes){0};
	return buffer_bytes(&table->text);
}

static void put(struct table *table, struct buffer *cell, struct bytes text) {
	display_put(cell, text, table->options.utf8);
}

static void put_field(struct table *table, struct buffer *cell, struct bytes document,
                      const char *name) {
	put(table, cell, field_text(table, document, name));
}

/* Words in a row: the rule, the guard's own reason, a sentence. */
static void add_field(struct table *table, struct buffer *cell, struct bytes document,
                      const char *name) {
	struct bytes text = field_text(table, document, name);

	if (text.len > 0 && cell->len > 0)
		buffer_put_raw(cell, bytes_of_text(": "));
	put(table, cell, text);
}

static void put_time(struct table *table, struct buffer *cell, struct bytes document) {
	struct bytes stamp = field_text(table, document, "timestamp");
	char local[WHEN_LOCAL_SIZE];
	int64_t real_us;

	if (when_stamp(&real_us, stamp) < 0) {
		put(table, cell, stamp);
		return;
	}
	when_local(local, real_us);
	buffer_put_raw(cell, bytes_of_text(local));
}

/* The beginning of a fingerprint, without what all of them begin with. */
static void put_key(struct table *table, struct buffer *cell, struct bytes key) {
	size_t prefix = strlen(KEY_PREFIX);

	if (key.len >= prefix && memcmp(key.data, KEY_PREFIX, prefix) == 0)
		key = (struct bytes){key.data + prefix, key.len - prefix};
	key.len = key.len < KEY_LEN ? key.len : KEY_LEN;
	put(table, cell, key);
}

/* The first one of a list, as it stands there. */
static struct bytes first_of(struct bytes list) {
	size_t end = 2;

	if (list.len < 2 || list.data[0] != '[' || list.data[1] != '"')
		return (struct bytes){0};
	while (end < list.len && list.data[end] != '"')
		end += list.data[end] == '\\' ? 2 : 1;
	return end < list.len ? (struct bytes){list.data + 1, end} : (struct bytes){0};
}

/* Over whose forwarded agent it came: the hop that is nearest to us, where it is known. */
static void put_way(struct table *table, struct buffer *cell, struct bytes document) {
	struct bytes hop = first_of(event_field(document, "forwarded_via"));

	if (!bytes_equal_text(event_field(document, "is_forwarded"), "true"))
		return;
	buffer_put_raw(cell, bytes_of_text(cell->len > 0 ? " via " : "via "));
	table->text.len = 0;
	if (hop.len > 0 && event_text(&table->text, hop) == 0)
		put(table, cell, buffer_bytes(&table->text));
	else
		buffer_put_raw(cell, bytes_of_text("a forwarded agent"));
}

/* user@host, or where the host has no name the beginning of its key. A question mark says that
 * the destination is not proved. */
static void put_destination(struct table *table, struct buffer *cell, struct bytes document) {
	bool named = event_field(document, "ssh_dest").len > 0;
	struct bytes evidence;

	if (!named && event_field(document, "dest_key_fingerprint").len == 0)
		return;
	if (named) {
		put_field(table, cell, document, "ssh_dest");
	} else {
		put_field(table, cell, document, "ssh_user");
		if (cell->len > 0)
			buffer_put_u8(cell, '@');
		put_key(table, cell, field_text(table, document, "dest_key_fingerprint"));
	}
	evidence = field_text(table, document, "dest_evidence");
	if (evidence.len > 0 && !bytes_equal_text(evidence, "verified"))
		buffer_put_u8(cell, '?');
}

static void put_repeated(struct table *table, struct buffer *cell, struct bytes document) {
	struct bytes count = event_field(document, "repeated");

	if (count.len == 0)
		return;
	buffer_put_raw(cell, bytes_of_text("again, times "));
	put(table, cell, count);
}

static int row_read(struct row *row, struct table *table, struct bytes document) {
	struct buffer *cells = row->cells;

	for (size_t i = 0; i < COLUMNS; i++)
		cells[i].len = 0;
	put_time(table, &cells[COLUMN_TIME], document);
	put_field(table, &cells[COLUMN_DECISION], document, "decision");
	put_field(table, &cells[COLUMN_TRIGGER], document, "trigger");
	put_field(table, &cells[COLUMN_PROGRAM], document, "process_name");
	put_key(table, &cells[COLUMN_KEY], field_text(table, document, "key_fingerprint"));
	put_destination(table, &cells[COLUMN_DESTINATION], document);
	put_way(table, &cells[COLUMN_DESTINATION], document);
	put_repeated(table, &cells[COLUMN_WHY], document);
	add_field(table, &cells[COLUMN_WHY], document, "rule");
	add_field(table, &cells[COLUMN_WHY], document, "reason");
	add_field(table, &cells[COLUMN_WHY], document, "missing_fact");
	add_field(table, &cells[COLUMN_WHY], document, "detail");
	for (size_t i = 0; i < COLUMNS; i++)
		if (buffer_error(&cells[i]) < 0)
			return buffer_error(&cells[i]);
	return 0;
}

/* ---- the layout ---- */

static size_t smaller(size_t a, size_t b) {
	return a < b ? a : b;
}

static size_t larger(size_t a, size_t b) {
	return a > b ? a : b;
}

/* A column with nothing in it is left out. */
static size_t wanted_width(const struct table *table, enum column column) {
	size_t width = larger(table->natural[column], strlen(columns[column].head));

	if (table->natural[column] == 0)
		return 0;
	return table->options.width > 0 ? smaller(width, columns[column].most) : width;
}

static size_t total(const size_t widths[static COLUMNS]) {
	size_t sum = 0;

	for (size_t i = 0; i < COLUMNS; i++)
		sum += widths[i] > 0 ? widths[i] + (i > 0 ? GAP : 0) : 0;
	return sum;
}

/* The next width of a column that is to be narrower: a time loses its year at once. */
static size_t narrower(enum column column, size_t width) {
	return column == COLUMN_TIME ? columns[column].least : width - 1;
}

/* Takes from the widest column until all fit. */
static bool shrink(size_t widths[static COLUMNS], size_t width) {
	while (total(widths) > width) {
		size_t widest = COLUMNS;

		for (size_t i = 0; i < COLUMNS; i++)
			if (widths[i] > columns[i].least &&
			    (widest == COLUMNS || widths[i] > widths[widest]))
				widest = i;
		if (widest == COLUMNS)
			return false;
		widths[widest] = narrower((enum column)widest, widths[widest]);
	}
	return true;
}

static void lay_out(struct table *table) {
	size_t width = table->options.width;

	table->laid_out = true;
	for (unsigned left = 0; left <= LEAVERS; left++) {
		for (size_t i = 0; i < COLUMNS; i++)
			table->widths[i] = columns[i].leaves > 0 && columns[i].leaves <= left
			                           ? 0
			                           : wanted_width(table, (enum column)i);
		if (width == 0 || shrink(table->widths, width))
			return;
	}
	table->widths[COLUMN_TIME] = width; /* a terminal narrower than a time */
}

static void measure(struct table *table, const struct row *row) {
	for (size_t i = 0; i < COLUMNS; i++)
		table->natural[i] = larger(table->natural[i],
		                           display_width(buffer_bytes(&row->cells[i])));
}

/* ---- showing ---- */

static void put_blanks(struct buffer *shown, size_t count) {
	for (size_t i = 0; i < count; i++)
		buffer_put_u8(shown, ' ');
}

static const char *colour_of(enum column column, struct bytes cell) {
	if (column != COLUMN_DECISION)
		return NULL;
	if (bytes_equal_text(cell, "deny") || bytes_equal_text(cell, "confirm-denied"))
		return "\033[31m";
	if (bytes_equal_text(cell, "allow") || bytes_equal_text(cell, "confirmed"))
		return "\033[32m";
	return NULL;
}

/* Returns the columns that it took. */
static size_t put_cut(struct buffer *shown, struct bytes cell, size_t width, bool utf8) {
	size_t columns_taken = display_width(cell);

	if (columns_taken > width) {
		cell.len = display_fit(cell, width - 1);
		columns_taken = display_width(cell) + 1;
		buffer_put_raw(shown, cell);
		buffer_put_raw(shown, bytes_of_text(utf8 ? "\u2026" : ">"));
	} else {
		buffer_put_raw(shown, cell);
	}
	return columns_taken;
}

static bool is_last(const struct table *table, size_t column) {
	for (size_t i = column + 1; i < COLUMNS; i++)
		if (table->widths[i] > 0)
			return false;
	return true;
}

/* A stamp that is no time is shown as it is, and may not be cut within a character. */
static struct bytes without_year(struct bytes cell) {
	if (cell.len != WHEN_LOCAL_SIZE - 1 || cell.data[YEAR_LEN - 1] != '-')
		return cell;
	return (struct bytes){cell.data + YEAR_LEN, cell.len - YEAR_LEN};
}

static void put_cell(struct buffer *shown, const struct table *table, enum column column,
                     struct bytes cell, const char *colour) {
	size_t width = table->widths[column], taken;
	size_t cut_at = table->options.width > 0 ? width : SIZE_MAX;

	if (column == COLUMN_TIME && width < columns[column].usual)
		cell = without_year(cell);
	if (table->options.colour && colour != NULL)
		buffer_put_raw(shown, bytes_of_text(colour));
	taken = put_cut(shown, cell, cut_at, table->options.utf8);
	if (table->options.colour && colour != NULL)
		buffer_put_raw(shown, bytes_of_text("\033[0m"));
	if (!is_last(table, column))
		put_blanks(shown, (taken < width ? width - taken : 0) + GAP);
}

static void put_head(struct buffer *shown, const struct table *table) {
	for (size_t i = 0; i < COLUMNS; i++)
		if (table->widths[i] > 0)
			put_cell(shown, table, (enum column)i, bytes_of_text(columns[i].head),
			         "\033[1m");
	buffer_put_u8(shown, '\n');
}

static void put_row(struct buffer *shown, const struct table *table, const struct row *row) {
	for (size_t i = 0; i < COLUMNS; i++) {
		struct bytes cell = buffer_bytes(&row->cells[i]);

		if (table->widths[i] > 0)
			put_cell(shown, table, (enum column)i, cell,
			         colour_of((enum column)i, cell));
	}
	buffer_put_u8(shown, '\n');
}

static void begin(struct buffer *shown, struct table *table) {
	lay_out(table);
	put_head(shown, table);
}

int table_flush(struct buffer *shown, struct table *table) {
	if (!table->laid_out)
		begin(shown, table);
	for (size_t i = 0; i < table->n_rows; i++)
		put_row(shown, table, &table->rows[i]);
	table->n_rows = 0;
	return buffer_error(shown);
}

/* Whether the row has something in a column that no row before had. */
static bool needs_column(const struct table *table, const struct row *row) {
	for (size_t i = 0; i < COLUMNS; i++)
		if (table->natural[i] == 0 && row->cells[i].len > 0)
			return true;
	return false;
}

int table_add(struct buffer *shown, struct table *table, struct bytes document) {
	struct row *row = &table->rows[table->n_rows];
	int error = row_read(row, table, document);

	if (error < 0)
		return error;
	if (!table->laid_out) {
		measure(table, row);
		if (++table->n_rows < SAMPLE_ROWS)
			return 0;
		return table_flush(shown, table);
	}
	if (needs_column(table, row)) {
		measure(table, row);
		begin(shown, table);
	}
	put_row(shown, table, row);
	return buffer_error(shown);
}

void table_set_width(struct table *table, size_t width) {
	if (width == table->options.width)
		return;
	table->options.width = width;
	if (table->laid_out)
		lay_out(table);
}
