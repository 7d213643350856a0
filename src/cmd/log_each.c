/* The events of a time, for commands that make something of them. */
#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/log.h"
#include "log/days.h"
#include "log/read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct reading_log {
	const struct log_request *request;
	int state_fd, events_fd;
	struct event_reader *reader;
	char said_of[DAY_FILE_SIZE]; /* the file that was last complained about */
	int status;
};

static void reading_deinit(struct reading_log *reading) {
	event_reader_free(reading->reader);
	close_fd(&reading->events_fd);
	close_fd(&reading->state_fd);
}

/* Once for each file. */
static void on_bad(struct reading_log *reading, const char *file, int error) {
	reading->status = EXIT_USAGE;
	if (strcmp(reading->said_of, file) == 0)
		return;
	snprintf(reading->said_of, sizeof(reading->said_of), "%s", file);
	if (error == -EBADMSG)
		diag_error("%s: something in it is no event of the guard, and is left out (see "
		           "`ssh-agent-guard log verify`)",
		           file);
	else
		log_say_unreadable(reading->request, file, error);
}

static int take_piece(struct reading_log *reading, const struct piece *piece, log_taker *take,
                      void *data) {
	int error = -EBADMSG;

	/* What a crash leaves, or what is being written right now. */
	if (piece->kind == PIECE_UNFINISHED && piece->last_file)
		return 0;
	if (piece->kind == PIECE_DOCUMENT)
		error = take(data, piece->bytes);
	if (error != -EBADMSG)
		return error;
	on_bad(reading, piece->file, error);
	return 0;
}

int log_each(const struct log_request *request, log_taker *take, void *data) {
	CLEANUP(reading_deinit)
	struct reading_log reading = {.request = request, .state_fd = -1, .events_fd = -1};
	struct piece piece;
	int found, error = 0;

	if (log_open(&reading.state_fd, &reading.events_fd, request) < 0)
		return EXIT_USAGE;
	error = event_reader_new(&reading.reader, reading.events_fd, request->since_us,
	                         request->until_us);
	if (error < 0) {
		log_say_unreadable(request, "", error);
		return EXIT_USAGE;
	}
	while (error == 0 && (found = event_reader_next(&piece, reading.reader)) != 0)
		if (found < 0)
			on_bad(&reading, event_reader_file(reading.reader), found);
		else
			error = take_piece(&reading, &piece, take, data);
	if (error == 0)
		return reading.status;
	diag_error("the events cannot be looked at: %s", strerror(-error));
	return EXIT_USAGE;
}
