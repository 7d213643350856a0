#include "log/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "log/doc.h"
#include "log/embed.h"

#define WORD_LEN_MAX     256
#define PATH_LEN_MAX     4096 /* PATH_MAX */
#define SENTENCE_LEN_MAX 4096 /* a notice may list what is wrong with a policy */
#define ERRORS_MAX       50   /* as many as a policy is told of */

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

/* As the older ssh-agent-guard has it. */
static void put_config(struct doc *doc, const struct status *status, enum embed_style style) {
	char loaded[CLOCK_WALL_SIZE];

	if (status->policy == NULL)
		return;
	clock_wall(loaded, status->policy_since_us);
	doc_key(doc, "config");
	if (style == EMBED_LINES)
		doc_map_begin_block(doc);
	else
		doc_map_begin(doc);
	doc_text(doc, "active_version", loaded, WORD_LEN_MAX);
	doc_text(doc, "config_sha256", status->config_sha256, WORD_LEN_MAX);
	doc_bool(doc, "is_current_version", !status->policy_is_old);
	doc_text(doc, "path", status->policy, PATH_LEN_MAX);
	doc_map_end(doc);
}

static void put_own(struct doc *doc, const struct status *status) {
	char since[CLOCK_STAMP_SIZE];

	clock_stamp(since, status->since_us);
	doc_number(doc, "pid", (uint64_t)status->pid);
	doc_text(doc, "since", since, WORD_LEN_MAX);
	doc_text(doc, "version", status->version, WORD_LEN_MAX);
	doc_text(doc, "program", status->program, PATH_LEN_MAX);
	doc_text(doc, "program_file", status->program_file, WORD_LEN_MAX);
	doc_text(doc, "socket", status->socket, PATH_LEN_MAX);
	doc_text(doc, "upstream", status->upstream, PATH_LEN_MAX);
	doc_bool(doc, "upstream_reachable", status->upstream_reachable != NULL);
	doc_text(doc, "upstream_reachable_why", status->upstream_reachable, SENTENCE_LEN_MAX);
	doc_text(doc, "policy", status->policy, PATH_LEN_MAX);
	doc_text(doc, "config_sha256", status->config_sha256, WORD_LEN_MAX);
	doc_number(doc, "rules", status->rules);
	doc_number(doc, "connections", status->connections);
	doc_number(doc, "waiting", status->waiting);
	doc_number(doc, "signatures", status->signatures);
	doc_number(doc, "refusals", status->refusals);
	doc_number(doc, "upstream_restarts", status->upstream_restarts);
	doc_text(doc, "renderer_failed", status->renderer_failed, SENTENCE_LEN_MAX);
	doc_text(doc, "notice", status->notice, SENTENCE_LEN_MAX);
}

static int put_status(struct buffer *document, const struct status *status,
                      enum embed_style style) {
	const char *state = status_state_name(status->state);
	CLEANUP(doc_deinit) struct doc doc;

	doc_begin(&doc, document);
	if (style == EMBED_LINES) {
		doc_guard_lines(&doc);
		doc_word(&doc, "state", state);
	} else {
		doc_text(&doc, "state", state, WORD_LEN_MAX);
	}
	doc_text(&doc, "text", status->text, SENTENCE_LEN_MAX);
	put_config(&doc, status, style);
	embed_event(&doc, "pending", status->pending, status->pending_us, style);
	embed_event(&doc, "previous", status->previous, status->previous_us, style);
	put_own(&doc, status);
	return doc_finish(&doc);
}

int status_yaml(struct buffer *document, const struct status *status) {
	return put_status(document, status, EMBED_FLOW);
}

int status_file_yaml(struct buffer *document, const struct status *status) {
	return put_status(document, status, EMBED_LINES);
}

int status_write(int state_fd, const struct status *status) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	int error = status_file_yaml(&document, status);

	if (error < 0)
		return error;
	error = file_replace(state_fd, STATUS_FILE, buffer_bytes(&document));
	if (error != -ENOSPC && error != -EDQUOT)
		return error;
	/* On a full disk, the old one would go on to say that all is well. It takes the room that the
	 * new one needs; where somebody else is quicker, no status is better than a false one. */
	if (unlinkat(state_fd, STATUS_FILE, 0) < 0)
		return error;
	return file_replace(state_fd, STATUS_FILE, buffer_bytes(&document));
}

/* One text for each line. */
static int put_errors(struct buffer *document, struct bytes errors) {
	CLEANUP(doc_deinit) struct doc doc;

	doc_begin(&doc, document);
	doc_key(&doc, "errors");
	doc_list_begin(&doc, DOC_BLOCK);
	for (size_t i = 0; i < ERRORS_MAX && (i == 0 || errors.len > 0); i++) {
		const uint8_t *end = errors.len > 0 ? memchr(errors.data, '\n', errors.len) : NULL;
		size_t len = end != NULL ? (size_t)(end - errors.data) : errors.len;
		size_t step = len + (end != NULL);

		doc_value(&doc, (struct bytes){errors.data, len}, SENTENCE_LEN_MAX);
		errors = (struct bytes){errors.data + step, errors.len - step};
	}
	doc_list_end(&doc);
	return doc_finish(&doc);
}

int status_write_errors(int state_fd, const char *errors) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	int error;

	if (errors == NULL)
		return unlinkat(state_fd, STATUS_ERRORS_FILE, 0) < 0 && errno != ENOENT ? -errno
		                                                                        : 0;
	error = put_errors(&document, bytes_of_text(errors));
	return error < 0 ? error
	                 : file_replace(state_fd, STATUS_ERRORS_FILE, buffer_bytes(&document));
}

/* ---- read again ---- */

void status_value(char *ret, size_t size, struct bytes status, const char *key) {
	size_t key_len = strlen(key);

	*ret = '\0';
	for (const uint8_t *line = status.data, *end = status.data + status.len; line < end;) {
		const uint8_t *stop = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)((stop != NULL ? stop : end) - line);

		if (len > key_len + 2 && memcmp(line, key, key_len) == 0 &&
		    memcmp(line + key_len, ": ", 2) == 0) {
			const char *value = (const char *)line + key_len + 2;

			len -= key_len + 2;
			if (len >= 2 && value[0] == '"') {
				value++;
				len -= 2;
			}
			snprintf(ret, size, "%.*s", (int)(len < size ? len : size - 1), value);
			return;
		}
		line += len + 1;
	}
}

/* Cut off, or with what is written otherwise, it is none that could be opened. */
bool status_path(char *ret, size_t size, struct bytes status, const char *key) {
	status_value(ret, size, status, key);
	return ret[0] == '/' && strlen(ret) + 1 < size && strchr(ret, '\\') == NULL;
}
