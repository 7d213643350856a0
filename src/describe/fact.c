#include "describe/fact.h"

#include <stdio.h>
#include <string.h>

static enum fact_state put(struct buffer *text, const char *value) {
	if (value == NULL)
		return FACT_UNKNOWN;
	buffer_put_raw(text, bytes_of_text(value));
	return *value != '\0' ? FACT_KNOWN : FACT_NONE;
}

static enum fact_state get_operation(struct buffer *text, const struct request *request) {
	return put(text, operation_name(request->operation));
}

/* A request may be about no key; policy/ thinks the same. */
static enum fact_state put_of_key(struct buffer *text, const struct request *request,
				  const char *value) {
	switch (request->operation) {
	case OPERATION_LIST:
	case OPERATION_LOCK:
	case OPERATION_UNLOCK:
		if (*value == '\0')
			return FACT_NONE;
		break;
	case OPERATION_SIGN:
	case OPERATION_ADD:
	case OPERATION_REMOVE:
	case OPERATION_REMOVE_ALL:
	case OPERATION_ADD_SMARTCARD:
	case OPERATION_REMOVE_SMARTCARD:
	case OPERATION_EXTENSION:
	case OPERATION_UNKNOWN: break;
	}
	return put(text, *value != '\0' ? value : NULL);
}

static enum fact_state get_key(struct buffer *text, const struct request *request) {
	return put_of_key(text, request, request->key.fingerprint);
}

static enum fact_state get_key_type(struct buffer *text, const struct request *request) {
	return put_of_key(text, request, request->key.type);
}

static enum fact_state get_endpoint(struct buffer *text, const struct request *request) {
	return put(text, request->endpoint);
}

static enum fact_state get_process_name(struct buffer *text, const struct request *request) {
	return put(text, request->caller->process.name);
}

static enum fact_state get_exe(struct buffer *text, const struct request *request) {
	return put(text, request->caller->process.exe);
}

static enum fact_state get_parent_process_name(struct buffer *text, const struct request *request) {
	const struct caller *caller = request->caller;

	if (caller->n_ancestors > 0)
		return put(text, caller->ancestors[0].name);
	return caller->ancestors_known ? FACT_NONE : FACT_UNKNOWN;
}

static enum fact_state get_title(struct buffer *text, const struct request *request) {
	return put(text, request->caller->process.title);
}

void fact_put_argv(struct buffer *text, const struct process *process) {
	for (size_t i = 0; i < process->argc; i++) {
		const char *argument = process->argv[i];
		bool plain = *argument != '\0' && strpbrk(argument, " \t\n\"") == NULL;

		if (i > 0)
			buffer_put_u8(text, ' ');
		if (!plain)
			buffer_put_u8(text, '"');
		buffer_put_raw(text, bytes_of_text(argument));
		if (!plain)
			buffer_put_u8(text, '"');
	}
}

static enum fact_state get_command(struct buffer *text, const struct request *request) {
	const struct process *process = &request->caller->process;

	if (process->argv == NULL)
		return FACT_UNKNOWN;
	fact_put_argv(text, process);
	return process->argc > 0 ? FACT_KNOWN : FACT_NONE;
}

static enum fact_state get_has_terminal(struct buffer *text, const struct request *request) {
	switch (request->caller->has_terminal) {
	case TRI_UNKNOWN: break;
	case TRI_NO: return put(text, "false");
	case TRI_YES: return put(text, "true");
	}
	return FACT_UNKNOWN;
}

static enum fact_state get_cwd(struct buffer *text, const struct request *request) {
	return put(text, request->caller->cwd);
}

static enum fact_state get_cgroup(struct buffer *text, const struct request *request) {
	return put(text, request->caller->cgroup);
}

static enum fact_state get_uid(struct buffer *text, const struct request *request) {
	char digits[24];

	snprintf(digits, sizeof(digits), "%lu", (unsigned long)request->caller->uid);
	return put(text, request->caller->uid != (uid_t)-1 ? digits : NULL);
}

static enum fact_state get_sign_type(struct buffer *text, const struct request *request) {
	if (request->operation != OPERATION_SIGN)
		return FACT_NONE;
	return put(text,
		   request->payload != NULL ? payload_kind_name(request->payload->kind) : NULL);
}

const struct fact facts[] = {
	{"operation", false, get_operation},
	{"sign_type", false, get_sign_type},
	{"key", false, get_key},
	{"key_type", false, get_key_type},
	{"endpoint", false, get_endpoint},
	{"process_name", true, get_process_name},
	{"exe", true, get_exe},
	{"parent_process_name", true, get_parent_process_name},
	{"title", true, get_title},
	{"command", true, get_command},
	{"has_terminal", true, get_has_terminal},
	{"cwd", true, get_cwd},
	{"cgroup", true, get_cgroup},
	{"uid", false, get_uid},
};
const size_t n_facts = sizeof(facts) / sizeof(facts[0]);

enum fact_state fact_get(struct buffer *text, const struct fact *fact,
			 const struct request *request) {
	if (fact->of_caller && request->caller->state != CALLER_IDENTIFIED)
		return FACT_UNKNOWN;
	return fact->get(text, request);
}
