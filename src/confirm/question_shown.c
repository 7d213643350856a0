/* What of a question a person reads: lines, each a label and a text that no terminal obeys. */
#include "confirm/question_shown.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/plain.h"

/* Longer texts lose their middle; host names never do. */
#define PATH_SHOWN      96
#define NAME_SHOWN      48
#define ANCESTORS_SHOWN 6

/* ---- lines ---- */

/* Takes the text out of the buffer. */
static void add_line(struct question *question, const char *label, struct buffer *text) {
	buffer_put_u8(text, 0);
	if (buffer_error(text) == 0 && question->n_lines < QUESTION_LINES_MAX)
		question->lines[question->n_lines++] = (struct question_line){
			label, strdup((const char *)text->data)};
	buffer_clear(text);
}

static void put(struct buffer *text, const char *words) {
	buffer_put_raw(text, bytes_of_text(words));
}

static void put_plain(struct buffer *text, const char *value, size_t len_max) {
	plain_put(text, bytes_of_text(value != NULL ? value : "?"), len_max);
}

/* Of a process whose executable may not be seen, what it calls itself. */
static void put_name(struct buffer *text, const struct process *process) {
	if (process->name != NULL || process->title == NULL) {
		put_plain(text, process->name, NAME_SHOWN);
		return;
	}
	put_plain(text, process->title, NAME_SHOWN);
	put(text, "?");
}

static void put_pid(struct buffer *text, pid_t pid) {
	char number[32];

	snprintf(number, sizeof(number), " (pid %ld)", (long)pid);
	put(text, number);
}

static void show_caller(struct question *question, struct buffer *text,
                        const struct caller *caller) {
	put_plain(text, caller->process.exe, PATH_SHOWN);
	put_pid(text, caller->process.pid);
	add_line(question, "program", text);
	for (size_t i = 0; i < caller->n_ancestors && i < ANCESTORS_SHOWN; i++) {
		put(text, i > 0 ? " < " : "");
		put_name(text, &caller->ancestors[i]);
	}
	if (caller->n_ancestors > ANCESTORS_SHOWN)
		put(text, " < ...");
	if (text->len > 0)
		add_line(question, "started_by", text);
	for (unsigned i = 0; i < INTEGRITY_COUNT; i++) {
		if ((caller->integrity & 1U << i) == 0)
			continue;
		put(text, text->len > 0 ? ", " : "");
		put(text, integrity_name((enum integrity)(1U << i)));
	}
	if (text->len > 0)
		add_line(question, "against_it", text);
	put_plain(text, caller->cwd, PATH_SHOWN);
	add_line(question, "directory", text);
}

static void show_payload(struct question *question, struct buffer *text,
                         const struct request *request) {
	const struct payload *payload = request->payload;

	if (request->operation != OPERATION_SIGN || payload == NULL) {
		put(text, operation_name(request->operation));
	} else {
		switch (payload->kind) {
		case PAYLOAD_SSH_LOGIN:
			put(text, "log in as ");
			plain_put(text, payload->login.user, NAME_SHOWN);
			break;
		case PAYLOAD_SSHSIG:
			put(text, "sign data for the namespace ");
			plain_put(text, payload->sshsig.name_space, NAME_SHOWN);
			break;
		case PAYLOAD_UNKNOWN: put(text, "sign bytes of an unknown kind"); break;
		}
	}
	add_line(question, "what", text);
	if (request->key.fingerprint[0] == '\0')
		return;
	put(text, request->key.type);
	put(text, " ");
	put(text, request->key.fingerprint);
	if (request->key_comment != NULL && request->key_comment[0] != '\0') {
		put(text, " (");
		put_plain(text, request->key_comment, NAME_SHOWN);
		put(text, ")");
	}
	add_line(question, "key", text);
}

/* The name that is proved, or else claimed, and by what. It is written whole. */
static void put_where(struct buffer *text, const struct request *request) {
	const struct destination *destination = request->destination;
	bool has_name = destination != NULL && destination->host.n_names > 0;

	if (has_name) {
		put_plain(text, destination->host.names[0], 0);
		put(text, " (");
		put(text, dest_evidence_name(request_dest_evidence(request)));
		put(text, ")");
	}
	if (request->dest_key != NULL) {
		put(text, has_name ? ", host key " : "the host with the key ");
		put(text, request->dest_key);
		put(text, " (");
		put(text, meeting_name(request->meeting));
		put(text, ")");
	} else {
		put(text, has_name ? ", not proved" : "not known, not proved");
	}
}

static void show_destination(struct question *question, struct buffer *text,
                             const struct request *request) {
	const struct destination *destination = request->destination;

	if (request->payload == NULL || request->payload->kind != PAYLOAD_SSH_LOGIN)
		return;
	put_where(text, request);
	if (destination != NULL && request->dest_key != NULL && destination->is_known == TRI_NO)
		put(text, ", in no known_hosts");
	if (destination != NULL && request->dest_key != NULL && destination->is_accepted == TRI_NO)
		put(text, ", by a known_hosts that was changed since the policy was accepted");
	if (destination != NULL && destination->mismatch == TRI_YES)
		put(text, ", not what its command line says");
	add_line(question, "where", text);
	if (destination == NULL || destination->git_operation == NULL ||
	    *destination->git_operation == '\0' || request->is_forwarded == TRI_YES)
		return;
	put(text, destination->git_operation);
	put(text, " ");
	put_plain(text, destination->git_repo, PATH_SHOWN);
	put(text, " (as its command line says)");
	add_line(question, "git", text);
}

/* By name, and by key where there is none. */
static void put_hop(struct buffer *text, const struct destination *destination, size_t index,
                    const char *fingerprint) {
	put(text, ", ");
	if (destination != NULL && index < destination->n_hops &&
	    destination->hops[index].n_names > 0)
		put_plain(text, destination->hops[index].names[0], 0);
	else
		put(text, fingerprint);
}

static void show_way(struct question *question, struct buffer *text,
                     const struct request *request) {
	const struct session *session = request->session;

	if (request->is_forwarded == TRI_YES) {
		size_t n_hops = 0;

		put(text, "a forwarded agent");
		for (size_t i = 0; session != NULL && i < session->n_hops; i++)
			if (session->hops[i]->is_forwarding)
				put_hop(text, request->destination, n_hops++,
				        session->hops[i]->fingerprint);
		add_line(question, "through", text);
	}
	if (strcmp(request->endpoint, "default") != 0) {
		put_plain(text, request->endpoint, NAME_SHOWN);
		add_line(question, "endpoint", text);
	}
}

static void show_memory(struct question *question, struct buffer *text, const struct caller *caller,
                        const struct process *starter) {
	unsigned scope = question->terms.scope;
	char seconds[32];

	if (!question->may_remember)
		return;
	snprintf(seconds, sizeof(seconds), "%u s", question->terms.remember_s);
	put(text, "a yes holds for ");
	put(text, seconds);
	put(text, ", for the same rule, key and purpose");
	if ((scope & SCOPE_EXE) != 0)
		put(text, ", by the same program");
	if ((scope & SCOPE_ANCESTOR) != 0) {
		put(text, ", started by ");
		put_plain(text, starter->name, NAME_SHOWN);
		put_pid(text, starter->pid);
	}
	if ((scope & SCOPE_SESSION) != 0) {
		put(text, ", in the terminal session of");
		put_pid(text, question->session.pid);
	}
	if ((scope & SCOPE_CWD) != 0) {
		put(text, ", in ");
		put_plain(text, caller->cwd, PATH_SHOWN);
	}
	add_line(question, "remembered", text);
}

static void show_rest(struct question *question, struct buffer *text) {
	put_plain(text, question->rule, PATH_SHOWN);
	add_line(question, "rule", text);
	for (size_t i = 0; i < question->turns.count; i++) {
		enum confirm_method method = question->turns.list[i].method;

		if (question->turns.list[i].is_spent)
			continue;
		put(text, text->len > 0 ? ", " : "");
		put(text, confirm_method_name(method));
		if (confirm_method_is_weak(method))
			put(text, " (weak)");
		else if (question->terms.pin != 0)
			put(text, " with the security key's PIN");
	}
	add_line(question, "methods", text);
}

int question_show(struct question *question, const struct request *request,
                  const struct process *starter) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	show_caller(question, &text, request->caller);
	show_payload(question, &text, request);
	show_destination(question, &text, request);
	show_way(question, &text, request);
	show_memory(question, &text, request->caller, starter);
	show_rest(question, &text);
	for (size_t i = 0; i < question->n_lines; i++)
		if (question->lines[i].text == NULL)
			return -ENOMEM;
	return buffer_error(&text);
}

int question_add(struct question *question, const char *label, const char *text) {
	CLEANUP(buffer_deinit) struct buffer shown = {0};
	size_t n_lines = question->n_lines;

	put_plain(&shown, text, 0);
	add_line(question, label, &shown);
	return question->n_lines > n_lines && question->lines[n_lines].text != NULL ? 0 : -ENOMEM;
}

/* ---- as text ---- */

void question_put_text(struct buffer *text, const struct question *question) {
	for (size_t i = 0; i < question->n_lines; i++) {
		put(text, "  ");
		put(text, question->lines[i].label);
		put(text, ": ");
		put(text, question->lines[i].text);
		put(text, "\n");
	}
}

void question_put_body(struct buffer *text, const struct question *question) {
	const char *rest = question->body != NULL ? question->body : "";

	while (*rest != '\0') {
		size_t len = strcspn(rest, "\n");

		put(text, "    ");
		buffer_put_raw(text, (struct bytes){(const uint8_t *)rest, len});
		put(text, "\n");
		rest += len + (rest[len] == '\n');
	}
}

const char *question_line(const struct question *question, const char *label) {
	for (size_t i = 0; i < question->n_lines; i++)
		if (strcmp(question->lines[i].label, label) == 0)
			return question->lines[i].text;
	return NULL;
}
