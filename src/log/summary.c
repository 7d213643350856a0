#include "log/summary.h"

#include <stdbool.h>
#include <string.h>

#include "log/by_lines.h"

/* Each part has its share, so that a long name of a window hides no destination. */
#define WINDOW_SHOWN 16
#define AGENT_SHOWN  12
#define NAME_SHOWN   20
#define PLACE_SHOWN  40

struct line {
	char *text;
	size_t size, len;
};

static bool may_stand(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr(" .:@/+=_-[]", c) != NULL;
}

static void put_part(struct line *line, struct bytes text, size_t len_max) {
	for (size_t i = 0; i < text.len && i < len_max && line->len + 1 < line->size; i++) {
		char c = (char)text.data[i];
		bool is_option = c == '-' && line->len == 0; /* to what it is handed to */
		bool is_field =
			c == ':' &&
			by_lines_is_field((struct bytes){(const uint8_t *)line->text, line->len});
		bool stands = c != '\0' && may_stand(c) && !is_option && !is_field;

		line->text[line->len++] = stands ? c : '_';
	}
	line->text[line->len] = '\0';
}

static void put(struct line *line, const char *text) {
	put_part(line, bytes_of_text(text), strlen(text));
}

/* What is signed: for which host, or else in which namespace. */
static void put_purpose(struct line *line, const struct request *request) {
	const struct payload *payload = request->payload;
	const struct destination *destination = request->destination;

	put(line, operation_name(request->operation));
	if (payload == NULL)
		return;
	put(line, " ");
	switch (payload->kind) {
	case PAYLOAD_SSH_LOGIN:
		if (destination != NULL && destination->ssh_dest != NULL &&
		    *destination->ssh_dest != '\0')
			put_part(line, bytes_of_text(destination->ssh_dest), PLACE_SHOWN);
		else
			put(line, "unknown");
		break;
	case PAYLOAD_SSHSIG:
		put(line, "for ");
		put_part(line, payload->sshsig.name_space, PLACE_SHOWN);
		break;
	case PAYLOAD_UNKNOWN: put(line, "unknown"); break;
	}
}

static void put_caller(struct line *line, const struct request *request) {
	const struct caller *caller = request->caller;
	const struct process *process = &caller->process;

	if (request->coding_agents.count > 0) {
		put_part(line, bytes_of_text(request->coding_agents.items[0].name), AGENT_SHOWN);
		put(line, ":");
	}
	if (caller->tmux_window != NULL && *caller->tmux_window != '\0') {
		put(line, "[");
		put_part(line, bytes_of_text(caller->tmux_window), WINDOW_SHOWN);
		put(line, "] ");
	}
	put_part(line, bytes_of_text(process->name != NULL ? process->name : "unknown"),
	         NAME_SHOWN);
	put(line, ": ");
}

/* The hop that is nearest to us. */
static void put_way(struct line *line, const struct request *request) {
	const struct destination *destination = request->destination;

	if (request->is_forwarded != TRI_YES)
		return;
	put(line, " via ");
	if (destination != NULL && destination->n_hops > 0 && destination->hops[0].n_names > 0)
		put_part(line, bytes_of_text(destination->hops[0].names[0]), PLACE_SHOWN);
	else
		put(line, "a forwarded agent");
}

void summary_of(char ret[static SUMMARY_SIZE], const struct event *event) {
	/* What says that it was refused is never cut off. */
	static const char denied[] = " DENIED";
	bool is_refused = event->decision != NULL &&
	                  (strcmp(event->decision, "deny") == 0 ||
	                   strcmp(event->decision, "confirm-denied") == 0);
	struct line line = {ret, SUMMARY_SIZE - sizeof(denied), 0};

	ret[0] = '\0';
	if (event->request == NULL)
		return;
	put_caller(&line, event->request);
	put_purpose(&line, event->request);
	put_way(&line, event->request);
	line.size = SUMMARY_SIZE;
	if (is_refused)
		put(&line, denied);
}

void summary_plain(char *ret, size_t size, const char *text) {
	struct line line = {ret, size, 0};

	ret[0] = '\0';
	put(&line, text);
}
