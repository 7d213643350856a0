/* log verify: whether the events are as they were written, and what could be told of that. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/log.h"
#include "log/anchor.h"
#include "log/chain.h"
#include "log/day_file.h"
#include "log/days.h"

static void close_file(struct day_file **file) {
	day_file_close(*file);
}

/* The line that begins at the offset, from 1; 0: it cannot be told. */
static uint64_t line_at(int events_fd, const char *name, uint64_t offset) {
	CLEANUP(close_file) struct day_file *file = NULL;
	uint8_t chunk[16384];
	uint64_t line = 1;

	if (day_file_open(&file, events_fd, name) < 0)
		return 0;
	while (offset > 0) {
		size_t wanted = offset < sizeof(chunk) ? (size_t)offset : sizeof(chunk);
		size_t len = 0;

		if (day_file_read(&len, file, chunk, wanted) < 0 || len == 0)
			return 0;
		for (size_t i = 0; i < len; i++)
			line += chunk[i] == '\n';
		offset -= len;
	}
	return line;
}

static void print_checked(const struct chain_report *report, const struct days *days) {
	uint64_t count = report->last_seq > 0 ? report->last_seq - report->first_seq + 1 : 0;

	printf("checked: %" PRIu64 " event%s", count, count == 1 ? "" : "s");
	if (count > 0)
		printf(", seq %" PRIu64 " to %" PRIu64, report->first_seq, report->last_seq);
	if (days->count == 1)
		printf("; 1 day file, %s", days->names[0]);
	else if (days->count > 1)
		printf("; %zu day files, %s to %s", days->count, days->names[0],
		       days->names[days->count - 1]);
	putchar('\n');
	if (report->first_seq > 1 && report->first_seq <= report->kept_from)
		printf("older:   the %" PRIu64 " events before were removed by the guard, as the "
		       "policy's log: says\n",
		       report->first_seq - 1);
}

static const char *meaning(enum chain_finding finding) {
	switch (finding) {
	case CHAIN_WHOLE: return "every event is as it was written";
	case CHAIN_UNFINISHED:
		return "every event is as it was written; behind them lies a part of one, which a "
		       "crash left, or which is being written";
	case CHAIN_CHANGED:
		return "this event is not as it was written, or its hash in the next one is not";
	case CHAIN_REMOVED: return "events are missing here, from this one on";
	case CHAIN_INSERTED: return "what stands here as this event was not written by the guard";
	case CHAIN_CUT: return "this event and those behind it are missing";
	case CHAIN_REWRITTEN: return "this event is another one than the guard wrote";
	}
	return "invalid";
}

static bool is_fault(enum chain_finding finding) {
	return finding != CHAIN_WHOLE && finding != CHAIN_UNFINISHED;
}

static void print_finding(const struct chain_report *report, int events_fd) {
	printf("%s %s: %s\n", is_fault(report->finding) ? "FAULT:  " : "result: ",
	       chain_finding_name(report->finding), meaning(report->finding));
	if (report->finding == CHAIN_WHOLE)
		return;
	fputs("place:   ", stdout);
	if (report->file[0] != '\0')
		printf("%s, line %" PRIu64 ", ", report->file,
		       line_at(events_fd, report->file, report->offset));
	printf("event %" PRIu64 "\n", report->seq);
	if (is_fault(report->finding))
		puts("         Nothing behind this place was checked.");
}

/* Its signature is not one by the key that it names: the guard writes none like that. */
static void find_bad_head(struct chain_report *report, const struct heads *heads) {
	report->finding = CHAIN_CHANGED;
	memcpy(report->file, heads->bad_file, sizeof(report->file));
	report->offset = heads->bad_offset;
	report->seq = heads->bad_seq;
}

/* Whether a signed head was asked for, and there is none. */
static bool print_signed(const struct chain_report *report, const struct heads *heads,
                         const struct log_request *request) {
	if (request->signed_by != NULL && heads->good == 0) {
		puts("FAULT:   unsigned: no head in this log is signed by the key that was named");
		return true;
	}
	if (heads->good > 0 && heads->last_seq < report->last_seq)
		printf("signed:  up to event %" PRIu64 "; the %" PRIu64
		       " behind it by no head yet\n",
		       heads->last_seq, report->last_seq - heads->last_seq);
	return false;
}

int log_verify(const struct log_request *request) {
	CLEANUP(close_fd) int state_fd = -1;
	CLEANUP(close_fd) int events_fd = -1;
	CLEANUP(days_deinit) struct days days = {0};
	struct chain_report report = {0};
	struct heads heads = {0};
	bool unsigned_log;
	CLEANUP(anchors_deinit) struct anchors anchors = {0};
	int error = log_open(&state_fd, &events_fd, request);

	if (error < 0)
		return EXIT_USAGE;
	fputs("log:     ", stdout);
	log_print_path(request->places.state);
	puts("/" EVENTS_DIRECTORY);
	if (!log_anchors(&anchors, &heads, request, state_fd, events_fd))
		return EXIT_USAGE;
	error = chain_verify(&report, events_fd, anchors.links, anchors.count);
	if (error == 0)
		error = days_list(&days, events_fd);
	if (error < 0) {
		fflush(stdout);
		log_say_unreadable(request, report.file, error);
		return EXIT_USAGE;
	}
	if (!is_fault(report.finding) && heads.has_bad)
		find_bad_head(&report, &heads);
	print_checked(&report, &days);
	print_finding(&report, events_fd);
	unsigned_log = print_signed(&report, &heads, request);
	if (fflush(stdout) != 0) {
		diag_error("log verify: writing: %s", strerror(errno));
		return EXIT_USAGE;
	}
	return is_fault(report.finding) || unsigned_log ? EXIT_FAILED : EXIT_DONE;
}
