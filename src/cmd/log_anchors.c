/* log verify: what is known of a log from elsewhere, where whoever can write it cannot reach. */
#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/control.h"
#include "base/diag.h"
#include "cmd/log.h"
#include "log/display.h"
#include "log/head.h"
#include "platform/platform.h"

#define UNSEEN " (so that a cut end, or a log that was written anew whole, would not be seen)\n"

void log_print_path(const char *path) {
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

/* NULL, or why there is none. */
static const char *ask_guard(struct chain_link *ret, const struct log_request *request,
                             int state_fd) {
	CLEANUP(buffer_deinit) struct buffer answer = {0};
	int result = control_ask(&answer, request->places.control, "log-head", false);
	int error;

	if (result != 0)
		return why_no_head(result);
	error = head_read(ret, buffer_bytes(&answer), state_fd);
	return error == 0 ? NULL : why_no_head(error == -EXDEV ? error : 0);
}

static const char *ask_journal(struct anchors *ret, int state_fd) {
	CLEANUP(free_pointer) char *state = NULL;
	struct stat status;
	int error = platform_path_of(&state, state_fd);

	if (error == 0 && fstat(state_fd, &status) < 0)
		error = -errno;
	if (error == 0)
		error = anchors_of_journal(ret, state, status.st_uid);
	if (error == -ENOSYS)
		return "this program was built without libsystemd";
	if (error < 0)
		return strerror(-error);
	return ret->count > 0 ? NULL : "nothing of this log that may be read";
}

static void print_heads(const struct heads *heads, const char *where) {
	printf("anchor:  %zu signed head%s %s, the newest of event %" PRIu64 ", by %s\n",
	       heads->good, heads->good == 1 ? "" : "s", where, heads->last_seq, heads->key);
}

static bool saved_heads(struct anchors *anchors, const struct log_request *request,
                        const char *signed_by) {
	struct heads saved = {0};
	int error;

	if (request->heads == NULL)
		return true;
	error = heads_of_file(&saved, anchors, request->heads, signed_by);
	if (error == -EBADMSG || (error == 0 && saved.has_bad))
		diag_error("--heads %s: %s", request->heads,
		           saved.has_bad      ? "one of them is not signed by the key that it names"
		           : saved.others > 0 ? "none of them is signed by that key"
		                              : "no signed head is in it");
	else if (error < 0)
		diag_error("--heads %s: %s", request->heads, strerror(-error));
	else
		print_heads(&saved, "that were saved");
	return error == 0 && !saved.has_bad;
}

/* The guard is asked before anything is read: what it writes meanwhile lies behind its answer. */
bool log_anchors(struct anchors *ret, struct heads *ret_heads, const struct log_request *request,
                 int state_fd, int events_fd) {
	const char *signed_by = request->signed_by != NULL ? request->signed_by : "";
	struct chain_link head = {0};
	const char *no_head = ask_guard(&head, request, state_fd);
	const char *no_journal = ask_journal(ret, state_fd);
	int error;

	if (no_journal == NULL)
		printf("anchor:  the system's journal, which has %zu of its events, up to event "
		       "%" PRIu64 "\n",
		       ret->count, ret->links[ret->count - 1].seq - 1);
	if (no_head == NULL && anchors_add(ret, &head) < 0)
		no_head = strerror(ENOMEM);
	if (no_head == NULL)
		printf("anchor:  the guard that runs, which wrote event %" PRIu64 " last\n",
		       head.seq - 1);
	if (!saved_heads(ret, request, signed_by))
		return false;
	error = heads_of_log(ret_heads, ret, events_fd, signed_by);
	if (error < 0) {
		log_say_unreadable(request, "", error);
		return false;
	}
	if (ret_heads->good > 0)
		print_heads(ret_heads, "in the log");
	if (ret->count > 0)
		return true;
	fputs("anchor:  none; the guard at ", stdout);
	log_print_path(request->places.socket);
	printf(": %s; the system's journal: %s; no signed head" UNSEEN, no_head, no_journal);
	return true;
}
