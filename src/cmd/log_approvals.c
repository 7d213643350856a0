#include "cmd/log_approvals.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "log/chain.h"
#include "log/read.h"
#include "log/touched.h"

#define FAULTS_SHOWN 20

struct checking {
	struct enrolment keys;
	uint64_t counts[TOUCHED_BAD + 1];
	unsigned n_shown;
};

static bool is_fault(enum touched touched) {
	switch (touched) {
	case TOUCHED_NOT:
	case TOUCHED_GOOD:
	case TOUCHED_BEFORE: return false;
	case TOUCHED_STRANGER:
	case TOUCHED_LACKS:
	case TOUCHED_OTHER:
	case TOUCHED_BAD: break;
	}
	return true;
}

static int take(void *data, struct bytes document) {
	struct checking *checking = data;
	enum touched touched = touched_check(document, &checking->keys);
	struct chain_link link = {0};

	checking->counts[touched]++;
	if (!is_fault(touched) || checking->n_shown++ >= FAULTS_SHOWN)
		return 0;
	if (chain_link_read(&link, document) < 0)
		return -EBADMSG;
	printf("FAULT:   event %" PRIu64 ": %s\n", link.seq, touched_text(touched));
	return 0;
}

static int load_keys(struct enrolment *ret, const struct log_request *request, const char *keys) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	CLEANUP(close_fd) int state_fd = -1;
	int error;

	if (keys == NULL) {
		state_fd = open(request->places.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		error = state_fd >= 0 ? enrolment_load(ret, state_fd) : -errno;
	} else {
		error = file_read(&text, AT_FDCWD, keys, ENROLMENT_LEN_MAX, NULL);
		if (error == 0)
			error = enrolment_parse(ret, buffer_bytes(&text));
	}
	/* Nothing was ever enrolled. */
	return keys == NULL && error == -ENOENT ? 0 : error;
}

int log_verify_approvals(const struct log_request *request, const char *keys) {
	struct log_request all = *request;
	struct checking checking = {0};
	uint64_t faults = 0;
	int error = load_keys(&checking.keys, request, keys);
	int status;

	if (error < 0) {
		diag_error("%s: %s (no touch can be checked)",
		           keys != NULL ? keys : ENROLMENT_FILE " in the state directory",
		           error == -EBADMSG ? "no file of security keys" : strerror(-error));
		return EXIT_USAGE;
	}
	all.since_us = TIME_MIN;
	all.until_us = TIME_MAX;
	status = log_each(&all, take, &checking);
	for (unsigned i = 0; i <= TOUCHED_BAD; i++)
		faults += is_fault((enum touched)i) ? checking.counts[i] : 0;
	printf("touches: %" PRIu64 " good, %" PRIu64 " not; %" PRIu64
	       " requests by a yes from before; %zu keys\n",
	       checking.counts[TOUCHED_GOOD], faults, checking.counts[TOUCHED_BEFORE],
	       checking.keys.count);
	if (faults > FAULTS_SHOWN)
		puts("         More faults than are shown.");
	if (status != EXIT_DONE)
		return status;
	return faults > 0 ? EXIT_FAILED : EXIT_DONE;
}
