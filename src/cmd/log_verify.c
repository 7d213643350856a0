/* log verify: whether the events are as they were written, and what could be told of that. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <langinfo.h>
#include <stdio.h>
#include <string.h>

#include "agent/control.h"
#include "base/diag.h"
#include "cmd/cmd.h"
#include "cmd/log.h"
#include "log/chain.h"
#include "log/days.h"
#include "log/display.h"
#include "log/head.h"

#define NO_ANCHOR                                                                  \
	" (so that a cut end, or a log that was written anew whole, would not be " \
	"seen)\n"

static void print_path(const char *path) {
	CLEANUP(buffer_deinit) struct buffer shown = {0};

	display_put(&shown, bytes_of_text(path), strcmp(nl_langinfo(CODESET), "UTF-8") == 0);
	fwrite(shown.data, 1, shown.len, stdout);
}

static const char *why_no_head(int result) {
	switch (result) {
	case 0: return "its answer is not understood";
	case 1: return "it does not tell (an older one?)";
	case -ENOENT:
	case -ECONNREFUSED: return "none is running there";
	case -EXDEV: return "it writes another log (--listen names another guard)";
	default: return strerror(-result);
	}
}

/* Asked before anything is read: what the guard writes meanwhile lies behind its answer. */
static bool ask_anchor(struct chain_link *ret, const struct log_request *request, int state_fd) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	int result = control_ask(&answer, request->places.control, "log-head", false);

	if (result == 0) {
		int error = head_read(ret, buffer_bytes(&answer), state_fd);

		if (error == 0) {
			printf("anchor:  the guard that runs, which wrote event %" PRIu64 " last\n",
			       ret->seq - 1);
			return true;
		}
		result = error == -EXDEV ? error : 0;
	}
	fputs("anchor:  none; the guard at ", stdout);
	print_path(request->places.socket);
	printf(": %s" NO_ANCHOR, why_no_head(result));
	return false;
}

/* The line that begins at the offset, from 1; 0: it cannot be told. */
static uint64_t line_at(int events_fd, const char *file, uint64_t offset) {
	CLEANUP(close_fd)
	int fd = openat(events_fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	uint8_t chunk[16384];
	uint64_t line = 1;

	while (fd >= 0 && offset > 0) {
		size_t wanted = offset < sizeof(chunk) ? (size_t)offset : sizeof(chunk);
		ssize_t len = read(fd, chunk, wanted);

		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return 0;
		for (ssize_t i = 0; i < len; i++)
			line += chunk[i] == '\n';
		offset -= (uint64_t)len;
	}
	return fd >= 0 ? line : 0;
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
	if (report->first_seq > 1)
		printf("older:   the %" PRIu64 " events before are not there: removed, or kept for "
		       "no longer\n",
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

int log_verify(const struct log_request *request) {
	CLEANUP(close_fd) int state_fd = -1;
	CLEANUP(close_fd) int events_fd = -1;
	CLEANUP(days_deinit) struct days days = {0};
	struct chain_report report = {0};
	struct chain_link anchor;
	bool has_anchor;
	int error = log_open(&state_fd, &events_fd, request);

	if (error < 0)
		return EXIT_USAGE;
	fputs("log:     ", stdout);
	print_path(request->places.state);
	puts("/" EVENTS_DIRECTORY);
	has_anchor = ask_anchor(&anchor, request, state_fd);
	error = chain_verify(&report, events_fd, has_anchor ? &anchor : NULL);
	if (error == 0)
		error = days_list(&days, events_fd);
	if (error < 0) {
		fflush(stdout);
		log_say_unreadable(request, report.file, error);
		return EXIT_USAGE;
	}
	print_checked(&report, &days);
	print_finding(&report, events_fd);
	if (fflush(stdout) != 0) {
		diag_error("log verify: writing: %s", strerror(errno));
		return EXIT_USAGE;
	}
	return is_fault(report.finding) ? EXIT_FAILED : EXIT_DONE;
}
