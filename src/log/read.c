#include "log/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "log/day_file.h"
#include "log/days.h"
#include "log/doc.h"
#include "log/escape.h"
#include "log/event_yaml.h"

#define MARK       "\n" DOC_END
#define MARK_LEN   (sizeof(MARK) - 1)
#define WINDOW_LEN ((size_t)2 * EVENT_LEN_MAX) /* a document fits, wherever reading stopped */
#define DAY_US     (86400LL * 1000000)
/* Of what is no event, in a row: a file that is one long hole would keep its reader for hours. */
#define DAMAGED_LEN_MAX (64 * 1024 * 1024) /* what a day file grows to, unless told */

struct event_reader {
	int dir_fd;            /* borrowed */
	struct day_file *open; /* NULL: between files */
	struct days days;
	size_t first_wanted, next_day;
	void (*on_read)(void *data); /* NULL: nobody is called */
	void *on_read_data;
	char since[CLOCK_STAMP_SIZE], until[CLOCK_STAMP_SIZE];
	char first_day[CLOCK_DAY_SIZE], last_day[CLOCK_DAY_SIZE];
	uint8_t *window;
	size_t start, end;  /* of what was read and not yet given out */
	size_t searched;    /* no mark begins before */
	uint64_t offset;    /* of start, in the file */
	bool at_end;        /* of the file */
	uint64_t damaged;   /* how much, since the last mark */
	struct buffer text; /* a timestamp */
	/* Of the newest file that was read, behind its last whole piece: where to go on. */
	struct {
		char file[DAY_FILE_SIZE]; /* "": none was */
		ino_t inode;
		bool packed;
		uint64_t offset;
	} place;
};

/* TIME_MIN and TIME_MAX have no day before and after. */
static int64_t later_by(int64_t real_us, int64_t by_us) {
	int64_t sum;

	if (__builtin_add_overflow(real_us, by_us, &sum))
		return real_us;
	return sum;
}

static bool day_wanted(const char *name, const char *first, const char *last) {
	return strncmp(name, first, CLOCK_DAY_SIZE - 1) >= 0 &&
	       strncmp(name, last, CLOCK_DAY_SIZE - 1) <= 0;
}

/* An event is in the file of its day, or of the day after, where the clock was set back. */
static void choose_days(struct event_reader *reader) {
	const char *first = reader->first_day, *last = reader->last_day;

	while (reader->days.count > 0 &&
	       strncmp(reader->days.names[reader->days.count - 1], last, CLOCK_DAY_SIZE - 1) > 0)
		reader->days.count--;
	while (reader->next_day < reader->days.count &&
	       !day_wanted(reader->days.names[reader->next_day], first, last))
		reader->next_day++;
	reader->first_wanted = reader->next_day;
}

static void clean_reader(struct event_reader **reader) {
	event_reader_free(*reader);
}

int event_reader_new(struct event_reader **ret, int dir_fd, int64_t since_us, int64_t until_us) {
	CLEANUP(clean_reader) struct event_reader *reader = calloc(1, sizeof(*reader));
	int error;

	if (reader == NULL)
		return -ENOMEM;
	reader->dir_fd = dir_fd;
	reader->window = malloc(WINDOW_LEN);
	if (reader->window == NULL)
		return -ENOMEM;
	clock_stamp(reader->since, since_us);
	clock_stamp(reader->until, until_us);
	error = days_list(&reader->days, dir_fd);
	if (error < 0)
		return error;
	clock_day(reader->first_day, since_us);
	clock_day(reader->last_day, later_by(until_us, DAY_US));
	choose_days(reader);
	*ret = TAKE(reader);
	return 0;
}

void event_reader_free(struct event_reader *reader) {
	if (reader == NULL)
		return;
	day_file_close(reader->open);
	days_deinit(&reader->days);
	buffer_deinit(&reader->text);
	free(reader->window);
	free(reader);
}

const char *event_reader_file(const struct event_reader *reader) {
	return reader->next_day == 0 ? "" : reader->days.names[reader->next_day - 1];
}

void event_reader_on_read(struct event_reader *reader, void (*on_read)(void *data), void *data) {
	reader->on_read = on_read;
	reader->on_read_data = data;
}

/* What is gone by now counts for nothing. */
static uint64_t file_len(const struct event_reader *reader, size_t day) {
	struct stat status;

	if (fstatat(reader->dir_fd, reader->days.names[day], &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(status.st_mode) || status.st_size < 0)
		return 0;
	return (uint64_t)status.st_size;
}

void event_reader_progress(uint64_t *ret_done, uint64_t *ret_total,
                           const struct event_reader *reader) {
	uint64_t done = 0, total = 0;

	for (size_t i = reader->first_wanted; i < reader->days.count; i++) {
		uint64_t len = file_len(reader, i);

		total += len;
		if (reader->open != NULL && i + 1 == reader->next_day) {
			uint64_t position = day_file_position(reader->open);

			done += position < len ? position : len;
		} else if (i < reader->next_day) {
			done += len;
		}
	}
	*ret_done = done;
	*ret_total = total;
}

/* In the newest file that was read before, goes to where that ended; also if it was packed
 * meanwhile. */
static int find_place(struct event_reader *reader, struct day_file *file) {
	const char *name = event_reader_file(reader);
	const struct stat *status = day_file_stat(file);
	bool packed = day_file_unpacks(file);
	bool known = reader->place.file[0] != '\0' &&
	             day_file_compare(name, reader->place.file) == 0 &&
	             (reader->place.inode == status->st_ino || (packed && !reader->place.packed));
	uint64_t len = status->st_size > 0 ? (uint64_t)status->st_size : 0;

	reader->offset = 0;
	if (known)
		reader->offset = packed || reader->place.offset < len ? reader->place.offset : len;
	snprintf(reader->place.file, DAY_FILE_SIZE, "%s", name);
	reader->place.inode = status->st_ino;
	reader->place.packed = packed;
	reader->place.offset = reader->offset;
	return day_file_skip(file, reader->offset);
}

static int open_next(struct event_reader *reader) {
	int error;

	reader->next_day++;
	reader->start = reader->end = reader->searched = 0;
	reader->at_end = false;
	reader->damaged = 0;
	error = day_file_open(&reader->open, reader->dir_fd, event_reader_file(reader));
	return error < 0 ? error : find_place(reader, reader->open);
}

static void close_file(struct event_reader *reader) {
	day_file_close(reader->open);
	reader->open = NULL;
}

static int read_more(struct event_reader *reader) {
	size_t len = 0;
	int error;

	memmove(reader->window, reader->window + reader->start, reader->end - reader->start);
	reader->end -= reader->start;
	reader->searched -= reader->start;
	reader->start = 0;
	error = day_file_read(&len, reader->open, reader->window + reader->end,
	                      WINDOW_LEN - reader->end);
	if (error < 0)
		return error;
	reader->at_end = len == 0;
	reader->end += len;
	if (reader->on_read != NULL)
		reader->on_read(reader->on_read_data);
	return 0;
}

/* Gives out the next len bytes. */
static void take(struct piece *ret, struct event_reader *reader, enum piece_kind kind, size_t len) {
	ret->kind = kind;
	ret->bytes = (struct bytes){reader->window + reader->start, len};
	ret->file = event_reader_file(reader);
	ret->offset = reader->offset;
	ret->last_file = reader->next_day == reader->days.count;
	reader->start += len;
	reader->offset += len;
	reader->searched = reader->start;
	if (kind != PIECE_UNFINISHED)
		reader->place.offset = reader->offset;
}

static enum piece_kind kind_of(struct bytes bytes) {
	bool document = bytes.len <= EVENT_LEN_MAX && bytes.len >= strlen(DOC_BEGIN) &&
	                memcmp(bytes.data, DOC_BEGIN, strlen(DOC_BEGIN)) == 0;

	return document ? PIECE_DOCUMENT : PIECE_DAMAGED;
}

/* Up to the next mark. */
static bool find(struct piece *ret, struct event_reader *reader) {
	size_t unsearched = reader->end - reader->searched;
	const uint8_t *mark = memmem(reader->window + reader->searched, unsearched, MARK, MARK_LEN);
	size_t len;

	if (mark == NULL) {
		if (unsearched >= MARK_LEN)
			reader->searched = reader->end - (MARK_LEN - 1);
		return false;
	}
	reader->damaged = 0;
	len = (size_t)(mark - reader->window) + MARK_LEN - reader->start;
	take(ret, reader, kind_of((struct bytes){reader->window + reader->start, len}), len);
	return true;
}

/* Too long for a document. What may be the beginning of a mark stays. */
static int give_damaged(struct piece *ret, struct event_reader *reader) {
	size_t len = reader->end - reader->start - MARK_LEN;

	reader->damaged += len;
	take(ret, reader, PIECE_DAMAGED, len);
	return 1;
}

static int give_rest(struct piece *ret, struct event_reader *reader) {
	take(ret, reader, PIECE_UNFINISHED, reader->end - reader->start);
	return 1;
}

/* As event_reader_next(), whatever the time. */
static int next_piece(struct piece *ret, struct event_reader *reader) {
	for (;;) {
		int error = 0;

		if (reader->open == NULL && reader->next_day == reader->days.count)
			return 0;
		if (reader->open == NULL)
			error = open_next(reader);
		else if (find(ret, reader))
			return 1;
		else if (reader->at_end)
			close_file(reader);
		else if (reader->damaged > DAMAGED_LEN_MAX)
			error = -EFBIG;
		else if (reader->end - reader->start > EVENT_LEN_MAX + MARK_LEN)
			return give_damaged(ret, reader);
		else
			error = read_more(reader);
		if (error < 0) {
			close_file(reader);
			return error;
		}
		if (reader->open == NULL && reader->at_end && reader->end > reader->start)
			return give_rest(ret, reader);
	}
}

/* Stamps of one form and zone compare as text. A document without one is of any time. */
static bool time_wanted(struct event_reader *reader, struct bytes document) {
	char stamp[CLOCK_STAMP_SIZE] = "";

	reader->text.len = 0;
	if (event_text(&reader->text, event_field(document, "timestamp")) < 0 ||
	    reader->text.len != sizeof(stamp) - 1)
		return true;
	memcpy(stamp, reader->text.data, reader->text.len);
	return strcmp(stamp, reader->since) >= 0 && strcmp(stamp, reader->until) <= 0;
}

int event_reader_again(struct event_reader *reader) {
	struct days days;
	int error = days_list(&days, reader->dir_fd);

	if (error < 0)
		return error;
	days_deinit(&reader->days);
	reader->days = days;
	reader->next_day = 0;
	choose_days(reader);
	while (reader->next_day < reader->days.count &&
	       day_file_compare(reader->days.names[reader->next_day], reader->place.file) < 0)
		reader->next_day++;
	return 0;
}

int event_reader_next(struct piece *ret, struct event_reader *reader) {
	int found;

	do
		found = next_piece(ret, reader);
	while (found == 1 && ret->kind == PIECE_DOCUMENT && !time_wanted(reader, ret->bytes));
	return found;
}

struct bytes event_field(struct bytes document, const char *name) {
	size_t len = strlen(name);

	while (document.len > 0) {
		const uint8_t *newline = memchr(document.data, '\n', document.len);
		size_t line = newline != NULL ? (size_t)(newline - document.data) : document.len;

		if (line > len + 1 && memcmp(document.data, name, len) == 0 &&
		    memcmp(document.data + len, ": ", 2) == 0)
			return (struct bytes){document.data + len + 2, line - len - 2};
		line += newline != NULL;
		document = (struct bytes){document.data + line, document.len - line};
	}
	return (struct bytes){0};
}

static int hexadecimal(uint32_t *ret, struct bytes digits) {
	*ret = 0;
	for (size_t i = 0; i < digits.len; i++) {
		uint8_t c = digits.data[i];

		if (c >= '0' && c <= '9')
			*ret = *ret << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*ret = *ret << 4 | (uint32_t)(c - 'a' + 10);
		else
			return -EBADMSG;
	}
	return 0;
}

static void put_utf8(struct buffer *text, uint32_t character) {
	static const uint8_t leads[] = {0x00, 0xc0, 0xe0, 0xf0};
	size_t more = character < 0x80 ? 0 : character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;

	buffer_put_u8(text, (uint8_t)(leads[more] | character >> 6 * more));
	while (more-- > 0)
		buffer_put_u8(text, (uint8_t)(0x80 | (character >> 6 * more & 0x3f)));
}

/* One escape of those that log/doc.c writes; *at is behind its backslash. */
static int undo_one(struct buffer *text, struct bytes quoted, size_t *at) {
	uint8_t letter = quoted.data[(*at)++];
	size_t len = letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
	uint32_t character = letter == 'n' ? '\n' : letter == 't' ? '\t' : letter;

	if (len == 0 && strchr("\"\\nt", letter) == NULL)
		return -EBADMSG;
	if (quoted.len - *at < len)
		return -EBADMSG;
	if (len > 0 && hexadecimal(&character, (struct bytes){quoted.data + *at, len}) < 0)
		return -EBADMSG;
	if (character == 0 || character > 0x10ffff)
		return -EBADMSG;
	*at += len;
	put_utf8(text, character);
	return 0;
}

int event_text(struct buffer *original, struct bytes field) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	struct bytes quoted;
	size_t at = 0;

	if (field.len < 2 || field.data[0] != '"' || field.data[field.len - 1] != '"')
		return -EBADMSG;
	quoted = (struct bytes){field.data + 1, field.len - 2};
	while (at < quoted.len) {
		size_t plain = at;

		while (at < quoted.len && quoted.data[at] != '\\' && quoted.data[at] != '"')
			at++;
		buffer_put_raw(&text, (struct bytes){quoted.data + plain, at - plain});
		if (at == quoted.len)
			break;
		/* A quote within, or a backslash that would escape the last one. */
		if (quoted.data[at++] == '"' || at == quoted.len)
			return -EBADMSG;
		if (undo_one(&text, quoted, &at) < 0)
			return -EBADMSG;
	}
	escape_undo(original, buffer_bytes(&text));
	return buffer_error(&text) < 0 ? buffer_error(&text) : buffer_error(original);
}
