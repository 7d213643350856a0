#include "log/status.h"

#include "base/clock.h"
#include "base/file.h"
#include "log/doc.h"

#define WORD_LEN_MAX     256
#define PATH_LEN_MAX     4096 /* PATH_MAX */
#define SENTENCE_LEN_MAX 4096 /* a notice may list what is wrong with a policy */

const char *status_state_name(enum status_state state) {
	switch (state) {
	case STATUS_IDLE: return "idle";
	case STATUS_RELOADED: return "reloaded";
	case STATUS_RELOAD_ERROR: return "reload-error";
	case STATUS_POLICY_LOCKED: return "policy-locked";
	case STATUS_UPSTREAM_DOWN: return "upstream-down";
	case STATUS_LOCKED: return "locked";
	case STATUS_SOCKET_LOST: return "socket-lost";
	case STATUS_CONFIRMING: return "confirming";
	case STATUS_LOG_ERROR: return "log-error";
	case STATUS_STOPPED: return "stopped";
	}
	return "invalid";
}

int status_yaml(struct buffer *document, const struct status *status) {
	CLEANUP(doc_deinit) struct doc doc;
	char since[CLOCK_STAMP_SIZE];

	clock_stamp(since, status->since_us);
	doc_begin(&doc, document);
	doc_text(&doc, "state", status_state_name(status->state), WORD_LEN_MAX);
	doc_text(&doc, "text", status->text, SENTENCE_LEN_MAX);
	doc_number(&doc, "pid", (uint64_t)status->pid);
	doc_text(&doc, "since", since, WORD_LEN_MAX);
	doc_text(&doc, "socket", status->socket, PATH_LEN_MAX);
	doc_text(&doc, "upstream", status->upstream, PATH_LEN_MAX);
	doc_bool(&doc, "upstream_reachable", status->upstream_reachable != NULL);
	doc_text(&doc, "upstream_reachable_why", status->upstream_reachable, SENTENCE_LEN_MAX);
	doc_text(&doc, "policy", status->policy, PATH_LEN_MAX);
	/* The same under the name by which renderer scripts of the older ssh-agent-guard know it.
	 */
	doc_text(&doc, "config", status->policy, PATH_LEN_MAX);
	doc_text(&doc, "config_sha256", status->config_sha256, WORD_LEN_MAX);
	doc_number(&doc, "rules", status->rules);
	doc_number(&doc, "connections", status->connections);
	doc_number(&doc, "pending", status->pending);
	doc_number(&doc, "signatures", status->signatures);
	doc_number(&doc, "refusals", status->refusals);
	doc_number(&doc, "upstream_restarts", status->upstream_restarts);
	doc_text(&doc, "notice", status->notice, SENTENCE_LEN_MAX);
	return doc_finish(&doc);
}

int status_write(int state_fd, const struct status *status) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	int error = status_yaml(&document, status);

	if (error < 0)
		return error;
	return file_replace(state_fd, "current.yaml", buffer_bytes(&document));
}
