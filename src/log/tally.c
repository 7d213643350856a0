#include "log/tally.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "log/display.h"
#include "log/read.h"
#include "log/when.h"

#define HOURS        24
#define HOUR_AT      11 /* in WHEN_LOCAL_SIZE's form */
#define NUMBER_WIDTH 20 /* of the greatest number */
#define NAME_PARTS   2  /* names take at most one of so many parts of a line */
#define NOT_KNOWN    "(not known)"
#define OTHERS       "(others)"

enum kind { KIND_DECISION, KIND_PROGRAM, KIND_DESTINATION };
#define KINDS (KIND_DESTINATION + 1)

static const char *const heads[KINDS] = {
	[KIND_DECISION] = "DECISION",
	[KIND_PROGRAM] = "PROGRAM",
	[KIND_DESTINATION] = "DESTINATION",
};

struct named {
	uint8_t *name; /* owned */
	size_t len;
	uint64_t count;
};

struct group {
	struct named **items; /* ordered by name */
	size_t n_items;
	uint64_t others; /* that found no place */
};

struct tally {
	struct group groups[KINDS];
	uint64_t hours[HOURS];
	uint64_t total;
	struct buffer text; /* a value at hand */
};

int tally_new(struct tally **ret) {
	struct tally *tally = calloc(1, sizeof(*tally));

	if (tally == NULL)
		return -ENOMEM;
	*ret = tally;
	return 0;
}

static void free_named(struct named *named) {
	if (named != NULL)
		free(named->name);
	free(named);
}

void tally_free(struct tally *tally) {
	if (tally == NULL)
		return;
	for (size_t i = 0; i < KINDS; i++) {
		for (size_t j = 0; j < tally->groups[i].n_items; j++)
			free_named(tally->groups[i].items[j]);
		free(tally->groups[i].items);
	}
	buffer_deinit(&tally->text);
	free(tally);
}

/* ---- counting ---- */

static void add_to(uint64_t *sum, uint64_t count) {
	if (__builtin_add_overflow(*sum, count, sum))
		*sum = UINT64_MAX;
}

static int compare(const struct named *named, struct bytes name) {
	size_t len = named->len < name.len ? named->len : name.len;
	int order = len > 0 ? memcmp(named->name, name.data, len) : 0;

	return order != 0 ? order : (named->len > name.len) - (named->len < name.len);
}

/* Where the name is, or would have to be. */
static size_t find_place(const struct group *group, struct bytes name, bool *ret_found) {
	size_t low = 0, high = group->n_items;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(group->items[middle], name);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct named *make_named(struct bytes name) {
	struct named *named = calloc(1, sizeof(*named));
	uint8_t *copy = malloc(name.len + 1);

	if (named == NULL || copy == NULL) {
		free(named);
		free(copy);
		return NULL;
	}
	if (name.len > 0)
		memcpy(copy, name.data, name.len);
	*named = (struct named){.name = copy, .len = name.len};
	return named;
}

static int count_name(struct group *group, struct bytes name, uint64_t count) {
	bool found;
	size_t at = find_place(group, name, &found);
	struct named **grown;
	struct named *named;

	if (found) {
		add_to(&group->items[at]->count, count);
		return 0;
	}
	if (group->n_items == TALLY_NAMES_MAX) {
		add_to(&group->others, count);
		return 0;
	}
	grown = array_resize(group->items, group->n_items + 1, sizeof(struct named *));
	if (grown == NULL)
		return -ENOMEM;
	group->items = grown;
	named = make_named(name);
	if (named == NULL)
		return -ENOMEM;
	memmove(grown + at + 1, grown + at, (group->n_items - at) * sizeof(struct named *));
	grown[at] = named;
	group->n_items++;
	named->count = count;
	return 0;
}

/* The field's original bytes; NOT_KNOWN where there is none. Holds until the next call. */
static struct bytes field_text(struct tally *tally, struct bytes document, const char *name) {
	struct bytes field = event_field(document, name);

	tally->text.len = 0;
	if (field.len == 0 || event_text(&tally->text, field) < 0 || tally->text.len == 0)
		return bytes_of_text(NOT_KNOWN);
	return buffer_bytes(&tally->text);
}

/* How many requests the event stands for. */
static uint64_t weight(struct bytes document) {
	struct bytes field = event_field(document, "repeated");
	char number[NUMBER_WIDTH + 1];
	unsigned long long count;

	if (field.len == 0 || field.len > NUMBER_WIDTH || field.data[0] < '1' ||
	    field.data[0] > '9')
		return 1;
	memcpy(number, field.data, field.len);
	number[field.len] = '\0';
	count = strtoull(number, NULL, 10); /* ULLONG_MAX where it is too great */
	return count;
}

static void count_hour(struct tally *tally, struct bytes stamp, uint64_t count) {
	char local[WHEN_LOCAL_SIZE];
	int64_t real_us;
	size_t hour;

	if (when_stamp(&real_us, stamp) < 0)
		return;
	when_local(local, real_us);
	hour = (size_t)(local[HOUR_AT] - '0') * 10 + (size_t)(local[HOUR_AT + 1] - '0');
	if (hour < HOURS)
		add_to(&tally->hours[hour], count);
}

int tally_add(struct tally *tally, struct bytes document) {
	static const char *const fields[KINDS] = {
		[KIND_DECISION] = "decision",
		[KIND_PROGRAM] = "exe_path",
		[KIND_DESTINATION] = "ssh_dest",
	};
	uint64_t count = weight(document);
	int error = 0;

	if (event_field(document, "decision").len == 0)
		return 0;
	for (size_t i = 0; i < KINDS && error == 0; i++)
		error = count_name(&tally->groups[i], field_text(tally, document, fields[i]),
		                   count);
	count_hour(tally, field_text(tally, document, "timestamp"), count);
	add_to(&tally->total, count);
	return error < 0 ? error : buffer_error(&tally->text);
}

/* ---- showing ---- */

struct sheet {
	struct buffer *shown;
	struct tally_options options;
	size_t name_width, number_width;
	uint64_t most; /* of the numbers; a whole bar */
};

static void put(struct sheet *sheet, const char *text) {
	buffer_put_raw(sheet->shown, bytes_of_text(text));
}

static void put_head(struct sheet *sheet, const char *head) {
	put(sheet, sheet->options.colour ? "\n\033[1m" : "\n");
	put(sheet, head);
	put(sheet, sheet->options.colour ? "\033[0m\n" : "\n");
}

static void put_bar(struct sheet *sheet, uint64_t count) {
	size_t taken = sheet->name_width + sheet->number_width + 4; /* with two gaps */
	size_t room = sheet->options.width > taken ? sheet->options.width - taken : 0;
	double share = sheet->most > 0 ? (double)count / (double)sheet->most : 0;
	size_t len = (size_t)(share * (double)room + 0.5);

	if (len == 0 && count > 0 && room > 0)
		len = 1; /* a little is not nothing */
	if (len > 0)
		put(sheet, "  ");
	for (size_t i = 0; i < len; i++)
		put(sheet, sheet->options.utf8 ? "\xe2\x96\x88" : "#");
}

/* name: as it may be shown. */
static void put_row(struct sheet *sheet, struct bytes name, uint64_t count) {
	char number[NUMBER_WIDTH + 1 + sizeof("  ")];
	size_t width;

	name.len = display_fit(name, sheet->name_width);
	width = display_width(name);
	buffer_put_raw(sheet->shown, name);
	for (; width < sheet->name_width; width++)
		put(sheet, " ");
	snprintf(number, sizeof(number), "  %*llu", (int)sheet->number_width,
	         (unsigned long long)count);
	put(sheet, number);
	put_bar(sheet, count);
	put(sheet, "\n");
}

static int by_count(const void *a, const void *b) {
	const struct named *const *left = a;
	const struct named *const *right = b;

	if ((*left)->count != (*right)->count)
		return (*left)->count < (*right)->count ? 1 : -1;
	return compare(*left, (struct bytes){(*right)->name, (*right)->len});
}

static int put_group(struct sheet *sheet, const struct group *group, const char *head) {
	struct named **sorted = calloc(group->n_items + 1, sizeof(struct named *));
	CLEANUP(buffer_deinit) struct buffer name = {0};
	uint64_t others = group->others;

	if (sorted == NULL)
		return -ENOMEM;
	if (group->n_items > 0)
		memcpy(sorted, group->items, group->n_items * sizeof(struct named *));
	qsort(sorted, group->n_items, sizeof(struct named *), by_count);
	put_head(sheet, head);
	for (size_t i = 0; i < group->n_items; i++) {
		if (i >= TALLY_SHOWN_MAX) {
			add_to(&others, sorted[i]->count);
			continue;
		}
		name.len = 0;
		display_put(&name, (struct bytes){sorted[i]->name, sorted[i]->len},
		            sheet->options.utf8);
		put_row(sheet, buffer_bytes(&name), sorted[i]->count);
	}
	if (others > 0)
		put_row(sheet, bytes_of_text(OTHERS), others);
	free(sorted);
	return buffer_error(&name);
}

static void put_hours(struct sheet *sheet, const struct tally *tally) {
	char name[sizeof("00:00")];

	sheet->most = 0;
	for (size_t i = 0; i < HOURS; i++)
		if (tally->hours[i] > sheet->most)
			sheet->most = tally->hours[i];
	put_head(sheet, "HOUR OF THE DAY");
	for (unsigned i = 0; i < HOURS; i++) {
		snprintf(name, sizeof(name), "%02u:00", i % HOURS);
		put_row(sheet, bytes_of_text(name), tally->hours[i]);
	}
}

/* The widest name: all columns are of one width, so that bars can be compared. */
static int widest_name(size_t *ret, const struct tally *tally, bool utf8) {
	CLEANUP(buffer_deinit) struct buffer name = {0};
	size_t widest = strlen(NOT_KNOWN);

	for (size_t i = 0; i < KINDS; i++)
		for (size_t j = 0; j < tally->groups[i].n_items; j++) {
			const struct named *named = tally->groups[i].items[j];
			size_t width;

			name.len = 0;
			display_put(&name, (struct bytes){named->name, named->len}, utf8);
			width = display_width(buffer_bytes(&name));
			if (width > widest)
				widest = width;
		}
	*ret = widest;
	return buffer_error(&name);
}

int tally_show(struct buffer *shown, const struct tally *tally, struct tally_options options) {
	struct sheet sheet = {.shown = shown, .options = options, .most = tally->total};
	char line[NUMBER_WIDTH + sizeof(" requests\n")];
	int error = widest_name(&sheet.name_width, tally, options.utf8);

	if (sheet.options.width < TALLY_WIDTH_MIN)
		sheet.options.width = TALLY_WIDTH_MIN;
	if (sheet.name_width > sheet.options.width / NAME_PARTS)
		sheet.name_width = sheet.options.width / NAME_PARTS;
	sheet.number_width = (size_t)snprintf(line, sizeof(line), "%llu",
	                                      (unsigned long long)tally->total);
	snprintf(line, sizeof(line), "%llu request%s\n", (unsigned long long)tally->total,
	         tally->total == 1 ? "" : "s");
	put(&sheet, line);
	if (tally->total == 0)
		return buffer_error(shown);
	for (size_t i = 0; i < KINDS && error == 0; i++)
		error = put_group(&sheet, &tally->groups[i], heads[i]);
	put_hours(&sheet, tally);
	return error < 0 ? error : buffer_error(shown);
}
