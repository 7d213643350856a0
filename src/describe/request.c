#include "describe/request.h"

#include <errno.h>
#include <string.h>

#include "caller/caller.h"
#include "caller/destination.h"
#include "describe/part.h"
#include "describe/slot.h"

static int read_foreign(struct target *target, struct reading *reading, const char *name,
                        const struct yaml_node *value) {
	enum tri foreign = TRI_NO;

	part_read_tri(&foreign, reading, name, value);
	target->process->foreign = foreign == TRI_YES;
	return 0;
}

/* Nobody can read the executable of another user's process; what it calls itself, everybody can. */
static int settle_foreign(struct target *target) {
	struct process *process = target->process;

	if (!process->foreign)
		return 0;
	if (process->name != NULL && *process->name != '\0') {
		free(process->title);
		process->title = process->name;
	} else {
		free(process->name);
	}
	free(process->exe);
	process->name = process->exe = NULL;
	return 0;
}

static const struct part ancestor_parts[] = {
	{"exe", MAY_BE_UNKNOWN, part_read_exe, part_settle_exe},
	{"name", MAY_BE_UNKNOWN, part_read_name, part_settle_name},
	{"title", MAY_BE_UNKNOWN, part_read_title, part_settle_title},
	{"command", MAY_BE_UNKNOWN, part_read_command, part_settle_command},
	{"foreign", ALWAYS_KNOWN, read_foreign, settle_foreign},
};

/* ---- of the caller ---- */

static int read_has_terminal(struct target *target, struct reading *reading, const char *name,
                             const struct yaml_node *value) {
	part_read_tri(&target->described->caller->has_terminal, reading, name, value);
	return 0;
}

static int settle_has_terminal(struct target *target) {
	struct caller *caller = target->described->caller;

	if (caller->has_terminal == TRI_UNKNOWN)
		caller->has_terminal = TRI_NO;
	return 0;
}

/* One mark, or a list of some. */
static int read_caller_integrity(struct target *target, struct reading *reading, const char *name,
                                 const struct yaml_node *value) {
	const struct yaml_node *item = value->kind == TREE_LIST ? value->first : value;

	for (; item != NULL; item = value->kind == TREE_LIST ? item->next : NULL) {
		unsigned mark = INTEGRITY_COUNT;

		part_read_word(&mark, reading, name, item, word_of_caller_integrity,
		               INTEGRITY_COUNT);
		if (mark < INTEGRITY_COUNT)
			target->described->caller->integrity |= 1U << mark;
	}
	return 0;
}

/* Each of them could be looked for; what was seen stays. */
static int settle_caller_integrity(struct target *target) {
	target->described->caller->integrity_unknown = 0;
	return 0;
}

/* What it says of where it goes is told once. */
static int settle_command(struct target *target) {
	int error = part_settle_command(target);

	return error < 0 ? error : ssh_argv_of(&target->described->claim, target->process);
}

static int read_cwd(struct target *target, struct reading *reading, const char *name,
                    const struct yaml_node *value) {
	return part_read_path(&target->described->caller->cwd, reading, name, value);
}

static int settle_cwd(struct target *target) {
	return part_settle_text(&target->described->caller->cwd, "");
}

static int read_cgroup(struct target *target, struct reading *reading, const char *name,
                       const struct yaml_node *value) {
	return slot_copy(&target->described->caller->cgroup, reading, name, value);
}

static int settle_cgroup(struct target *target) {
	return part_settle_text(&target->described->caller->cgroup, "");
}

static int read_ancestors(struct target *target, struct reading *reading, const char *name,
                          const struct yaml_node *value) {
	struct caller *caller = target->described->caller;

	if (value->kind == TREE_BROKEN)
		return 0;
	if (value->kind != TREE_LIST || value->count > ANCESTORS_MAX) {
		REPORT(reading, value, "%s: not a list of at most %d; write - {name: NAME}", name,
		       ANCESTORS_MAX);
		return 0;
	}
	caller->ancestors = calloc(value->count + 1, sizeof(*caller->ancestors));
	if (caller->ancestors == NULL)
		return -ENOMEM;
	for (const struct yaml_node *item = value->first; item != NULL; item = item->next) {
		struct target ancestor = {target->described,
		                          &caller->ancestors[caller->n_ancestors++]};
		int error = parts_read(ancestor_parts,
		                       sizeof(ancestor_parts) / sizeof(ancestor_parts[0]),
		                       &ancestor, reading, "an ancestor", item);

		if (error < 0)
			return error;
	}
	return 0;
}

static int settle_ancestors(struct target *target) {
	target->described->caller->ancestors_known = true;
	return 0;
}

static int read_caller(struct target *target, struct reading *reading, const char *name,
                       const struct yaml_node *value) {
	(void)target;
	REPORT(reading, value, "%s: is described by the other fields; it can only stand in unknown",
	       name);
	return 0;
}

static int settle_caller(struct target *target) {
	target->described->caller->state = CALLER_IDENTIFIED;
	target->described->caller->reason = NULL;
	return 0;
}

/* ---- of the request ---- */

static int read_operation(struct target *target, struct reading *reading, const char *name,
                          const struct yaml_node *value) {
	unsigned operation = OPERATION_SIGN;

	part_read_word(&operation, reading, name, value, word_of_operation, OPERATION_COUNT);
	target->described->request.operation = (enum operation)operation;
	return 0;
}

static int read_key(struct target *target, struct reading *reading, const char *name,
                    const struct yaml_node *value) {
	part_read_fingerprint(target->described->request.key.fingerprint, reading, name, value);
	return 0;
}

static int read_key_type(struct target *target, struct reading *reading, const char *name,
                         const struct yaml_node *value) {
	struct key_facts *key = &target->described->request.key;
	const char *text = read_text(reading, name, value);

	if (text == NULL)
		return 0;
	if (strlen(text) >= sizeof(key->type))
		REPORT(reading, value, "%s: %.60s...: no name of an algorithm is that long", name,
		       text);
	else
		strcpy(key->type, text);
	return 0;
}

static int read_key_comment(struct target *target, struct reading *reading, const char *name,
                            const struct yaml_node *value) {
	return slot_copy(&target->described->key_comment, reading, name, value);
}

static int settle_key_comment(struct target *target) {
	return part_settle_text(&target->described->key_comment, "");
}

static int read_exe_sha256(struct target *target, struct reading *reading, const char *name,
                           const struct yaml_node *value) {
	return slot_copy(&target->described->caller->exe_sha256, reading, name, value);
}

static int settle_exe_sha256(struct target *target) {
	return part_settle_text(&target->described->caller->exe_sha256, "");
}

static bool names_a_key(enum operation operation) {
	switch (operation) {
	case OPERATION_SIGN:
	case OPERATION_ADD:
	case OPERATION_REMOVE: return true;
	case OPERATION_LIST:
	case OPERATION_REMOVE_ALL:
	case OPERATION_LOCK:
	case OPERATION_UNLOCK:
	case OPERATION_ADD_SMARTCARD:
	case OPERATION_REMOVE_SMARTCARD:
	case OPERATION_EXTENSION:
	case OPERATION_UNKNOWN: break;
	}
	return false;
}

static int settle_key(struct target *target) {
	struct request *request = &target->described->request;

	if (*request->key.fingerprint == '\0' && names_a_key(request->operation))
		strcpy(request->key.fingerprint, ORDINARY_FINGERPRINT);
	return 0;
}

static int settle_key_type(struct target *target) {
	struct request *request = &target->described->request;

	if (*request->key.type == '\0' && names_a_key(request->operation))
		strcpy(request->key.type, ORDINARY_KEY_TYPE);
	return 0;
}

static int read_endpoint(struct target *target, struct reading *reading, const char *name,
                         const struct yaml_node *value) {
	return slot_copy(&target->described->endpoint, reading, name, value);
}

static int settle_endpoint(struct target *target) {
	return part_settle_text(&target->described->endpoint, "default");
}

static const struct part request_parts[] = {
	{"operation", ALWAYS_KNOWN, read_operation, NULL},
	{"key", MAY_BE_UNKNOWN, read_key, settle_key},
	{"key_type", MAY_BE_UNKNOWN, read_key_type, settle_key_type},
	{"key_comment", MAY_BE_UNKNOWN, read_key_comment, settle_key_comment},
	{"endpoint", ALWAYS_KNOWN, read_endpoint, settle_endpoint},
	{"caller", MAY_BE_UNKNOWN, read_caller, settle_caller},
	{"exe", MAY_BE_UNKNOWN, part_read_exe, part_settle_exe},
	{"exe_sha256", MAY_BE_UNKNOWN, read_exe_sha256, settle_exe_sha256},
	{"process_name", MAY_BE_UNKNOWN, part_read_name, part_settle_name},
	{"title", MAY_BE_UNKNOWN, part_read_title, part_settle_title},
	{"command", MAY_BE_UNKNOWN, part_read_command, settle_command},
	{"hops", MAY_BE_UNKNOWN, part_read_hops, part_settle_hops},
	{"forwarded_via", MAY_BE_UNKNOWN, part_read_forwarded_via, part_settle_forwarded_via},
	{"is_forwarded", MAY_BE_UNKNOWN, part_read_is_forwarded, part_settle_is_forwarded},
	/* The command line may tell of these. */
	{"ssh_dest", MAY_BE_UNKNOWN, part_read_ssh_dest, part_settle_ssh_dest},
	{"known_hosts", ALWAYS_KNOWN, part_read_known_hosts, NULL},
	{"is_in_known_hosts", MAY_BE_UNKNOWN, part_read_is_in_known_hosts,
         part_settle_is_in_known_hosts},
	{"git_operation", MAY_BE_UNKNOWN, part_read_git_operation, part_settle_git_operation},
	{"git_repo", MAY_BE_UNKNOWN, part_read_git_repo, part_settle_git_repo},
	{"namespace", ALWAYS_KNOWN, part_read_namespace, part_settle_namespace},
	{"ssh_user", ALWAYS_KNOWN, part_read_ssh_user, part_settle_ssh_user},
	{"dest_mismatch", MAY_BE_UNKNOWN, part_read_dest_mismatch, part_settle_dest_mismatch},
	{"sign_type", ALWAYS_KNOWN, part_read_sign_type, part_settle_sign_type},
	{"dest_key", MAY_BE_UNKNOWN, part_read_dest_key, part_settle_dest_key},
	{"dest_evidence", ALWAYS_KNOWN, part_read_dest_evidence, part_settle_dest_evidence},
	{"has_terminal", MAY_BE_UNKNOWN, read_has_terminal, settle_has_terminal},
	{"cwd", MAY_BE_UNKNOWN, read_cwd, settle_cwd},
	{"cgroup", MAY_BE_UNKNOWN, read_cgroup, settle_cgroup},
	{"tmux_window", MAY_BE_UNKNOWN, part_read_tmux_window, part_settle_tmux_window},
	{"env", MAY_BE_UNKNOWN, part_read_env, part_settle_env},
	{"uid", ALWAYS_KNOWN, part_read_uid, NULL},
	{"user_presence", MAY_BE_UNKNOWN, part_read_user_presence, part_settle_user_presence},
	{"is_in_container", MAY_BE_UNKNOWN, part_read_is_in_container, part_settle_is_in_container},
	{"time", ALWAYS_KNOWN, part_read_time, part_settle_time},
	{"is_coding_agent", MAY_BE_UNKNOWN, part_read_is_coding_agent, part_settle_is_coding_agent},
	{"coding_agent", ALWAYS_KNOWN, part_read_coding_agent, NULL},
	{"caller_integrity", MAY_BE_UNKNOWN, read_caller_integrity, settle_caller_integrity},
	{"ancestors", MAY_BE_UNKNOWN_IN_PART, read_ancestors, settle_ancestors},
	{"parent_process_name", ALWAYS_KNOWN, part_read_parent_process_name,
         part_settle_parent_process_name},
};
#define N_REQUEST_PARTS (sizeof(request_parts) / sizeof(request_parts[0]))
_Static_assert(N_REQUEST_PARTS < SLOTS_MAX, "there is room for unknown, too");

static void point(struct described *described) {
	struct request *request = &described->request;

	request->caller = described->caller;
	request->endpoint = described->endpoint;
	request->key_comment = described->key_comment;
	request->destination = &described->destination;
	if (request->operation == OPERATION_SIGN)
		request->payload = &described->payload;
	if (described->session.n_hops > 0)
		request->session = &described->session;
	if (request->meeting == MEETING_BOUND || request->meeting == MEETING_VERIFIED)
		request->dest_key = described->dest_key;
}

static void free_described(struct described **described) {
	described_free(*described);
}

int described_new(struct described **ret, struct reading *reading, const struct yaml_node *map) {
	CLEANUP(free_described) struct described *described = calloc(1, sizeof(*described));
	struct target target;
	int error;

	if (described == NULL)
		return -ENOMEM;
	described->request.operation = OPERATION_SIGN;
	described->payload.kind = PAYLOAD_SSH_LOGIN;
	error = caller_new_unknown(&described->caller, NULL, "caller-unknown");
	if (error < 0)
		return error;
	described->caller->uid = geteuid();
	/* Of marks alone, zero means that none is there, so what is not known must be said. */
	described->caller->integrity_unknown = (1U << INTEGRITY_COUNT) - 1;
	described->agent_is_unknown = true;
	described->caller->apart_unknown = (1U << APART_COUNT) - 1;
	target = (struct target){described, &described->caller->process};
	error = parts_read(request_parts, N_REQUEST_PARTS, &target, reading, "request", map);
	if (error < 0)
		return error;
	point(described);
	*ret = TAKE(described);
	return 0;
}

void described_free(struct described *described) {
	if (described == NULL)
		return;
	caller_free(described->caller);
	free(described->parent_name);
	free(described->agent_name);
	free(described->endpoint);
	free(described->key_comment);
	free(described->name_space);
	free(described->ssh_user);
	for (size_t i = 0; i < described->session.n_hops; i++)
		free(described->session.hops[i]);
	free(described->session.hops);
	destination_deinit(&described->destination);
	ssh_argv_deinit(&described->claim);
	free(described);
}
