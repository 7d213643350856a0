/* log: shows events, as they were and as they happen. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/log.h"
#include "cmd/log_progress.h"
#include "cmd/terminal.h"
#include "log/days.h"
#include "log/follow.h"
#include "log/json.h"
#include "log/read.h"
#include "log/table.h"
#include "log/tally.h"

#define SHOWN_AT_ONCE ((size_t)64 * 1024)
#define WIDTH_UNKNOWN 80 /* of a terminal that does not know its own: a serial line */

struct show {
	struct log_request *request;
	int state_fd, events_fd;
	struct event_reader *reader;
	struct table *table; /* NULL: documents, or JSON */
	struct tally *tally; /* NULL: they are shown, not counted */
	struct buffer shown; /* not yet written */
	bool terminal;
	struct progress progress;
	uint64_t count; /* of events that were wanted */
	int status;
	bool ended; /* nobody reads on */
	/* What was said of a file, once. */
	char said_file[DAY_FILE_SIZE];
	int said_error;
};

static void show_deinit(struct show *show) {
	event_reader_free(show->reader);
	table_free(show->table);
	tally_free(show->tally);
	buffer_deinit(&show->shown);
	close_fd(&show->events_fd);
	close_fd(&show->state_fd);
}

/* ---- to the outside ---- */

static size_t terminal_width(void) {
	struct winsize size = {0};
	const char *columns = getenv("COLUMNS");
	long number = columns != NULL ? strtol(columns, NULL, 10) : 0;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return number > 0 && number <= 10000 ? (size_t)number : WIDTH_UNKNOWN;
}

static void end(struct show *show, int error) {
	show->ended = true;
	if (error == -EPIPE) /* who reads has seen enough */
		return;
	diag_error("log: writing: %s", strerror(-error));
	show->status = EXIT_FAILED;
}

static void write_shown(struct show *show) {
	size_t at = 0;

	if (show->terminal && show->shown.len > 0)
		progress_hide(&show->progress);
	while (at < show->shown.len && !show->ended) {
		ssize_t len = write(STDOUT_FILENO, show->shown.data + at, show->shown.len - at);
		struct pollfd room = {.fd = STDOUT_FILENO, .events = POLLOUT};

		if (len >= 0)
			at += (size_t)len;
		else if (errno == EAGAIN) /* somebody else made it so */
			poll(&room, 1, -1);
		else if (errno != EINTR)
			end(show, -errno);
	}
	show->shown.len = 0;
}

/* ---- events ---- */

static void say_once(struct show *show, const char *file, int error) {
	if (strcmp(show->said_file, file) == 0 && show->said_error == error)
		return;
	snprintf(show->said_file, sizeof(show->said_file), "%s", file);
	show->said_error = error;
	progress_hide(&show->progress);
	if (error == -EBADMSG)
		diag_error("%s: something in it is no event of the guard (see `ssh-agent-guard log "
		           "verify`)",
		           file);
	else
		log_say_unreadable(show->request, file, error);
}

static void on_bad(struct show *show, const char *file, int error) {
	int status = error == -EBADMSG ? EXIT_FAILED : EXIT_USAGE;

	say_once(show, file, error);
	if (show->status < status)
		show->status = status;
}

/* The guard writes ASCII only. A file may hold what the guard never wrote, and a terminal must not
 * obey it. */
static void put_document(struct show *show, struct bytes document) {
	char escape[sizeof("\\xff")];

	if (!show->terminal) {
		buffer_put_raw(&show->shown, document);
		return;
	}
	for (size_t i = 0; i < document.len; i++) {
		uint8_t c = document.data[i];

		if ((c >= 0x20 && c < 0x7f) || c == '\n') {
			buffer_put_u8(&show->shown, c);
			continue;
		}
		snprintf(escape, sizeof(escape), "\\x%02x", c);
		buffer_put_raw(&show->shown, bytes_of_text(escape));
	}
}

static int show_document(struct show *show, const struct piece *piece) {
	int error = 0;

	switch (show->request->form) {
	case LOG_TABLE: return table_add(&show->shown, show->table, piece->bytes);
	case LOG_JSON:
		error = event_json(&show->shown, piece->bytes);
		if (error == -EBADMSG) {
			on_bad(show, piece->file, error);
			error = 0;
		}
		return error;
	case LOG_STATS: return tally_add(show->tally, piece->bytes);
	case LOG_YAML: put_document(show, piece->bytes); return buffer_error(&show->shown);
	}
	return -EINVAL;
}

static int show_piece(struct show *show, const struct piece *piece) {
	bool is_document = piece->kind == PIECE_DOCUMENT;
	int error = 0;

	/* What is unfinished at the very end is a crash's, or being written right now. */
	if (!is_document && !(piece->kind == PIECE_UNFINISHED && piece->last_file))
		on_bad(show, piece->file, -EBADMSG);
	if (is_document && filter_wants(&show->request->filter, piece->bytes)) {
		show->count++;
		error = show_document(show, piece);
	}
	if (show->shown.len > SHOWN_AT_ONCE)
		write_shown(show);
	return error;
}

/* All there is by now. An unreadable file does not hide the others. */
static int show_new(struct show *show) {
	struct piece piece;
	int found = 0, error = 0;

	progress_begin(&show->progress, show->reader);
	while (!show->ended && error == 0 && (found = event_reader_next(&piece, show->reader)) != 0)
		if (found < 0)
			on_bad(show, event_reader_file(show->reader), found);
		else
			error = show_piece(show, &piece);
	progress_end(&show->progress, show->reader);
	/* A table says nothing of no events, unless more are to come. */
	if (error == 0 && show->table != NULL && (show->count > 0 || show->request->follow))
		error = table_flush(&show->shown, show->table);
	write_shown(show);
	return error;
}

/* ---- going on ---- */

static bool directory_replaced(const struct show *show) {
	struct stat here, there;

	return fstatat(show->state_fd, EVENTS_DIRECTORY, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstat(show->events_fd, &here) == 0 && S_ISDIR(there.st_mode) &&
	       (here.st_ino != there.st_ino || here.st_dev != there.st_dev);
}

/* The guard makes its directory anew if somebody removes it. */
static int enter_again(struct show *show, struct follow *follow) {
	CLEANUP(close_fd)
	int fd = openat(show->state_fd, EVENTS_DIRECTORY,
	                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct event_reader *reader = NULL;
	int error;

	if (fd < 0)
		return -errno;
	error = event_reader_new(&reader, fd, show->request->since_us, show->request->until_us);
	if (error < 0)
		return error;
	diag_info("%s/" EVENTS_DIRECTORY ": was replaced by another directory",
	          show->request->places.state);
	event_reader_free(show->reader);
	close_fd(&show->events_fd);
	follow_deinit(follow);
	show->reader = reader;
	show->events_fd = take_fd(&fd);
	follow_init(follow, show->events_fd);
	return 0;
}

static int show_as_they_happen(struct show *show) {
	CLEANUP(follow_deinit) struct follow follow = {.fd = -1};
	int error;

	follow_init(&follow, show->events_fd);
	error = show_new(show);
	while (error == 0 && !show->ended) {
		int more = follow_wait(&follow, STDOUT_FILENO);

		if (more == -EINTR)
			continue;
		if (more <= 0)
			return more;
		if (show->table != NULL && show->terminal)
			table_set_width(show->table, terminal_width());
		if (directory_replaced(show))
			error = enter_again(show, &follow);
		else
			error = event_reader_again(show->reader);
		if (error == 0)
			error = show_new(show);
	}
	return error;
}

/* A field's name that no event has is most often a wrong one. */
static void say_unknown_fields(const struct show *show) {
	const struct filter *filter = &show->request->filter;

	for (size_t i = 0; i < filter->count; i++) {
		const struct filter_term *term = &filter->terms[i];

		if (term->asked && !term->seen)
			diag_info("none of the events that were looked at has a field %.*s",
			          (int)term->name_len, term->name);
	}
	if (show->count == 0 && show->terminal && show->status == EXIT_DONE)
		diag_info("there are no such events");
}

static int show_stats(struct show *show) {
	const struct tally_options options = {
		.width = show->terminal ? terminal_width() : WIDTH_UNKNOWN,
		.utf8 = terminal_expects_utf8(),
		.colour = show->terminal && terminal_wants_colour(),
	};
	int error = tally_show(&show->shown, show->tally, options);

	write_shown(show);
	return error;
}

static int show_init(struct show *show) {
	struct table_options options = {.utf8 = terminal_expects_utf8()};
	int error = log_open(&show->state_fd, &show->events_fd, show->request);

	if (error < 0)
		return EXIT_USAGE;
	show->terminal = isatty(STDOUT_FILENO) == 1;
	if (show->terminal)
		options.width = terminal_width();
	options.colour = show->terminal && terminal_wants_colour();
	error = event_reader_new(&show->reader, show->events_fd, show->request->since_us,
	                         show->request->until_us);
	if (error < 0) {
		log_say_unreadable(show->request, "", error);
		return EXIT_USAGE;
	}
	if (show->request->form == LOG_TABLE)
		error = table_new(&show->table, options);
	if (show->request->form == LOG_STATS)
		error = tally_new(&show->tally);
	if (error < 0)
		diag_error("log: %s", strerror(-error));
	return error < 0 ? EXIT_FAILED : EXIT_DONE;
}

int log_show(struct log_request *request) {
	CLEANUP(show_deinit)
	struct show show = {.request = request, .state_fd = -1, .events_fd = -1};
	int error;

	show.status = show_init(&show);
	if (show.status != EXIT_DONE)
		return show.status;
	error = request->follow ? show_as_they_happen(&show) : show_new(&show);
	if (error == 0 && show.tally != NULL)
		error = show_stats(&show);
	if (error < 0) {
		diag_error("log: %s", strerror(-error));
		return EXIT_FAILED;
	}
	if (!show.ended)
		say_unknown_fields(&show);
	return show.status;
}
