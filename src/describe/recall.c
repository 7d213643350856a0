#include "describe/recall.h"

#include <errno.h>
#include <string.h>

#include "caller/caller.h"
#include "describe/recall_parts.h"
#include "policy/field.h"

/* Which fields are told is recalled field by field. One that is not named here, or will come
 * to be, is in doubt. */
static uint64_t fields_told(void) {
	static const char *const told[] = {
		"process_name",
		"parent_process_name",
		"exe",
		"ancestor",
		"command",
		"cwd",
		"cgroup",
		"env",
		"uid",
		"user_presence",
		"tmux_window",
		"is_in_container",
		"time",
		"is_coding_agent",
		"coding_agent",
		"has_terminal",
		"caller_integrity",
		"key",
		"key_type",
		"operation",
		"endpoint",
		"sign_type",
		"namespace",
		"ssh_user",
		"dest_key",
		"dest_evidence",
		"ssh_dest",
		"dest_mismatch",
		"is_in_known_hosts",
		"known_hosts",
		"git_repo",
		"git_operation",
		"forwarded_via",
		"is_forwarded",
		"hops",
	};
	uint64_t bits = 0;

	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		bits |= field_bit(field_find(told[i]));
	return bits;
}

void recall_doubt(struct recalled *recalled, const char *field) {
	recalled->doubtful |= field_bit(field_find(field));
}

void recall_doubt_if_cut(struct recalled *recalled, enum told which, const char *field) {
	if (told_of(recalled)->is_cut[which])
		recall_doubt(recalled, field);
}

int recall_copy(char **ret, const char *text) {
	*ret = text != NULL ? strdup(text) : NULL;
	return text != NULL && *ret == NULL ? -ENOMEM : 0;
}

uint64_t recall_number(const char *text) {
	return text != NULL ? strtoull(text, NULL, 10) : 0;
}

static bool recall_operation(enum operation *ret, const char *trigger) {
	for (int i = 0; i < OPERATION_COUNT && trigger != NULL; i++)
		if (strcmp(operation_name((enum operation)i), trigger) == 0) {
			*ret = (enum operation)i;
			return true;
		}
	return false;
}

static int recall_decision(struct recalled *recalled) {
	const struct told_event *told = told_of(recalled);
	const char *decision = told_text(told, TOLD_DECISION);

	if (decision == NULL ||
	    !recall_operation(&recalled->request.operation, told_text(told, TOLD_TRIGGER)))
		return -ENOENT;
	recalled->seq = recall_number(told_text(told, TOLD_SEQ));
	recalled->rule = told_text(told, TOLD_RULE);
	recalled->reason = told_text(told, TOLD_REASON);
	recalled->was_agent = told_tri(told, TOLD_IS_AGENT);
	recalled->repeated = recall_number(told_text(told, TOLD_REPEATED));
	recalled->sha256 = told_text(told, TOLD_SHA256);
	recalled->floor_sha256 = told_text(told, TOLD_FLOOR_SHA256);
	if (strcmp(decision, "allow") == 0) {
		recalled->was = ACTION_ALLOW;
		recalled->said_yes = true;
	} else if (strcmp(decision, "confirmed") == 0) {
		recalled->was = ACTION_CONFIRM;
		recalled->said_yes = true;
	} else if (strcmp(decision, "confirm-denied") == 0) {
		recalled->was = ACTION_CONFIRM;
	} else if (strcmp(decision, "deny") == 0) {
		recalled->was = ACTION_DENY;
		recalled->end = recalled->reason != NULL ? RECALLED_REFUSED : RECALLED_DECIDED;
	} else {
		return -EBADMSG;
	}
	return 0;
}

int recalled_new(struct recalled **ret, struct bytes document) {
	struct memory *memory = calloc(1, sizeof(*memory));
	struct recalled *recalled;
	int error;

	if (memory == NULL)
		return -ENOMEM;
	recalled = &memory->recalled;
	recalled->doubtful = ~fields_told();
	error = told_event_read(&memory->told, document);
	if (error == 0)
		error = recall_decision(recalled);
	if (error == 0 && memory->told.is_strange)
		error = -EBADMSG;
	if (error == 0)
		error = recall_caller(recalled);
	if (error == 0)
		error = recall_request(recalled);
	if (error < 0) {
		recalled_free(recalled);
		return error;
	}
	*ret = recalled;
	return 0;
}

void recalled_free(struct recalled *recalled) {
	if (recalled == NULL)
		return;
	told_event_deinit(told_of(recalled));
	caller_free(recalled->caller);
	for (size_t i = 0; i < recalled->session.n_hops; i++)
		free(recalled->session.hops[i]);
	free(recalled->session.hops);
	free(recalled->destination.ssh_dest);
	free(recalled->destination.host.names);
	free(recalled->destination.git_repo);
	free(recalled->destination.git_operation);
	free((struct memory *)recalled);
}
