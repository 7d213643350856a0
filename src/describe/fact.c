#include "describe/fact_text.h"

#include <stdio.h>
#include <string.h>

#include "describe/request.h"
#include "policy/field_word.h"
#include "policy/hours.h"

enum fact_state fact_put(struct buffer *text, const char *value) {
	if (value == NULL)
		return FACT_UNKNOWN;
	buffer_put_raw(text, bytes_of_text(value));
	return *value != '\0' ? FACT_KNOWN : FACT_NONE;
}

static enum fact_state get_operation(struct buffer *text, const struct request *request) {
	return fact_put(text, operation_name(request->operation));
}

/* A request may be about no key; policy/ thinks the same. value is what is known of one. */
static bool has_no_key(const struct request *request, const char *value) {
	switch (request->operation) {
	case OPERATION_LIST:
	case OPERATION_LOCK:
	case OPERATION_UNLOCK:
		if (*value == '\0')
			return true;
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
	/* Nobody stated one. */
	return strcmp(value, ORDINARY_FINGERPRINT) == 0 || strcmp(value, ORDINARY_KEY_TYPE) == 0;
}

static enum fact_state put_of_key(struct buffer *text, const struct request *request,
                                  const char *value) {
	if (has_no_key(request, value))
		return FACT_NONE;
	return fact_put(text, *value != '\0' ? value : NULL);
}

static enum fact_state get_key(struct buffer *text, const struct request *request) {
	return put_of_key(text, request, request->key.fingerprint);
}

static enum fact_state get_key_type(struct buffer *text, const struct request *request) {
	return put_of_key(text, request, request->key.type);
}

/* Whatever has no key has none of that, either. */
static enum fact_state get_key_comment(struct buffer *text, const struct request *request) {
	if (request->key_comment == NULL && has_no_key(request, request->key.fingerprint))
		return FACT_NONE;
	return fact_put(text, request->key_comment);
}

static enum fact_state get_exe_sha256(struct buffer *text, const struct request *request) {
	return fact_put(text, request->caller->exe_sha256);
}

static enum fact_state get_endpoint(struct buffer *text, const struct request *request) {
	return fact_put(text, request->endpoint);
}

static enum fact_state get_process_name(struct buffer *text, const struct request *request) {
	return fact_put(text, request->caller->process.name);
}

static enum fact_state get_exe(struct buffer *text, const struct request *request) {
	return fact_put(text, request->caller->process.exe);
}

static enum fact_state get_parent_process_name(struct buffer *text, const struct request *request) {
	const struct caller *caller = request->caller;

	if (caller->n_ancestors > 0)
		return fact_put(text, caller->ancestors[0].name);
	return caller->ancestors_known ? FACT_NONE : FACT_UNKNOWN;
}

static enum fact_state get_title(struct buffer *text, const struct request *request) {
	return fact_put(text, request->caller->process.title);
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

enum fact_state fact_put_tri(struct buffer *text, enum tri tri) {
	switch (tri) {
	case TRI_UNKNOWN: break;
	case TRI_NO: return fact_put(text, "false");
	case TRI_YES: return fact_put(text, "true");
	}
	return FACT_UNKNOWN;
}

static enum fact_state get_has_terminal(struct buffer *text, const struct request *request) {
	return fact_put_tri(text, request->caller->has_terminal);
}

/* What was seen, with commas between; unknown where nothing was, and not all could be looked for.
 */
static enum fact_state get_caller_integrity(struct buffer *text, const struct request *request) {
	const struct caller *caller = request->caller;
	const char *join = "";

	for (unsigned i = 0; i < INTEGRITY_COUNT; i++) {
		if ((caller->integrity & 1U << i) == 0)
			continue;
		fact_put(text, join);
		fact_put(text, word_of_caller_integrity(i));
		join = ", ";
	}
	if (caller->integrity != 0)
		return FACT_KNOWN;
	return caller->integrity_unknown != 0 ? FACT_UNKNOWN : FACT_NONE;
}

static enum fact_state get_cwd(struct buffer *text, const struct request *request) {
	return fact_put(text, request->caller->cwd);
}

static enum fact_state get_cgroup(struct buffer *text, const struct request *request) {
	return fact_put(text, request->caller->cgroup);
}

static enum fact_state get_tmux_window(struct buffer *text, const struct request *request) {
	return fact_put(text, request->caller->tmux_window);
}

/* Those that were asked for, each as NAME=VALUE. */
static enum fact_state get_env(struct buffer *text, const struct request *request) {
	const struct caller *caller = request->caller;

	if (caller->env == NULL)
		return FACT_UNKNOWN;
	for (size_t i = 0; i < caller->n_env; i++) {
		fact_put(text, i > 0 ? " " : "");
		fact_put(text, caller->env[i]);
	}
	return caller->n_env > 0 ? FACT_KNOWN : FACT_NONE;
}

static enum fact_state get_user_presence(struct buffer *text, const struct request *request) {
	enum presence presence = request->caller->presence;

	return fact_put(text, presence != PRESENCE_UNKNOWN ? presence_name(presence) : NULL);
}

static enum fact_state get_is_in_container(struct buffer *text, const struct request *request) {
	return fact_put_tri(text, caller_is_in_container(request->caller));
}

static enum fact_state get_is_coding_agent(struct buffer *text, const struct request *request) {
	return fact_put_tri(text, coding_agents_any(&request->coding_agents));
}

static enum fact_state get_coding_agent(struct buffer *text, const struct request *request) {
	const struct coding_agents *agents = &request->coding_agents;

	for (size_t i = 0; i < agents->count; i++) {
		fact_put(text, i > 0 ? ", " : "");
		fact_put(text, agents->items[i].name);
	}
	if (agents->count == 0 && !agents->complete)
		return FACT_UNKNOWN;
	return agents->count > 0 && *agents->items[0].name != '\0' ? FACT_KNOWN : FACT_NONE;
}

static enum fact_state get_coding_agent_evidence(struct buffer *text,
                                                 const struct request *request) {
	const struct coding_agents *agents = &request->coding_agents;
	size_t n_told = 0;

	for (size_t i = 0; i < agents->count; i++) {
		if (agents->items[i].kind == NULL)
			continue;
		fact_put(text, n_told++ > 0 ? ", " : "");
		fact_put(text, agents->items[i].kind);
		fact_put(text, " ");
		fact_put(text, agents->items[i].sign);
	}
	return n_told > 0 ? FACT_KNOWN : FACT_NONE;
}

static enum fact_state get_time(struct buffer *text, const struct request *request) {
	char moment[HOURS_MOMENT_SIZE];

	if (!request->time.known)
		return FACT_UNKNOWN;
	hours_moment_text(moment, &request->time);
	return fact_put(text, moment);
}

static enum fact_state get_uid(struct buffer *text, const struct request *request) {
	char digits[24];

	snprintf(digits, sizeof(digits), "%lu", (unsigned long)request->caller->uid);
	return fact_put(text, request->caller->uid != (uid_t)-1 ? digits : NULL);
}

static enum fact_state get_sign_type(struct buffer *text, const struct request *request) {
	if (request->operation != OPERATION_SIGN)
		return FACT_NONE;
	return fact_put(text, request->payload != NULL ? payload_kind_name(request->payload->kind)
	                                               : NULL);
}

static enum fact_state put_of_payload(struct buffer *text, const struct request *request,
                                      enum payload_kind kind, struct bytes value) {
	if (request->operation != OPERATION_SIGN)
		return FACT_NONE;
	if (request->payload == NULL || request->payload->kind == PAYLOAD_UNKNOWN)
		return FACT_UNKNOWN;
	if (request->payload->kind != kind)
		return FACT_NONE;
	if (value.data == NULL)
		return FACT_UNKNOWN;
	buffer_put_raw(text, value);
	return value.len > 0 ? FACT_KNOWN : FACT_NONE;
}

static enum fact_state get_namespace(struct buffer *text, const struct request *request) {
	return put_of_payload(text, request, PAYLOAD_SSHSIG,
	                      request->payload != NULL ? request->payload->sshsig.name_space
	                                               : (struct bytes){0});
}

static enum fact_state get_ssh_user(struct buffer *text, const struct request *request) {
	return put_of_payload(text, request, PAYLOAD_SSH_LOGIN,
	                      request->payload != NULL ? request->payload->login.user
	                                               : (struct bytes){0});
}

const struct fact facts[] = {
	{"operation", false, get_operation},
	{"sign_type", false, get_sign_type},
	{"namespace", false, get_namespace},
	{"ssh_user", false, get_ssh_user},
	{"ssh_dest", false, fact_get_ssh_dest},
	{"dest_key", false, fact_get_dest_key},
	{"dest_evidence", false, fact_get_dest_evidence},
	{"dest_mismatch", false, fact_get_dest_mismatch},
	{"is_in_known_hosts", false, fact_get_is_in_known_hosts},
	{"known_hosts", false, fact_get_known_hosts},
	{"git_operation", true, fact_get_git_operation},
	{"git_repo", true, fact_get_git_repo},
	{"is_forwarded", false, fact_get_is_forwarded},
	{"hops", false, fact_get_hops},
	{"forwarded_via", false, fact_get_forwarded_via},
	{"key", false, get_key},
	{"key_type", false, get_key_type},
	{"key_comment", false, get_key_comment},
	{"endpoint", false, get_endpoint},
	{"process_name", true, get_process_name},
	{"exe", true, get_exe},
	{"exe_sha256", true, get_exe_sha256},
	{"parent_process_name", true, get_parent_process_name},
	{"title", true, get_title},
	{"command", true, get_command},
	{"has_terminal", true, get_has_terminal},
	{"caller_integrity", true, get_caller_integrity},
	{"cwd", true, get_cwd},
	{"cgroup", true, get_cgroup},
	{"tmux_window", true, get_tmux_window},
	{"env", true, get_env},
	{"is_coding_agent", true, get_is_coding_agent},
	{"coding_agent", true, get_coding_agent},
	{"coding_agent_evidence", true, get_coding_agent_evidence},
	{"user_presence", true, get_user_presence},
	{"is_in_container", true, get_is_in_container},
	{"uid", false, get_uid},
	{"time", false, get_time},
};
const size_t n_facts = sizeof(facts) / sizeof(facts[0]);

enum fact_state fact_get(struct buffer *text, const struct fact *fact,
                         const struct request *request) {
	if (fact->of_caller && request->caller->state != CALLER_IDENTIFIED)
		return FACT_UNKNOWN;
	return fact->get(text, request);
}
