#include "describe/request.h"

#include <errno.h>
#include <string.h>

#include "caller/caller.h"
#include "describe/part.h"
#include "describe/slot.h"

static const struct part ancestor_parts[] = {
	{"exe", MAY_BE_UNKNOWN, part_read_exe, part_settle_exe},
	{"name", MAY_BE_UNKNOWN, part_read_name, part_settle_name},
	{"title", MAY_BE_UNKNOWN, part_read_title, part_settle_title},
	{"command", MAY_BE_UNKNOWN, part_read_command, part_settle_command},
};

/* ---- of the caller ---- */

static int read_tri(enum tri *ret, struct reading *reading, const char *name,
		    const struct yaml_node *value) {
	enum yaml_scalar scalar = value->kind == TREE_TEXT ? yaml_scalar(value) : SCALAR_TEXT;

	if (scalar == SCALAR_TRUE)
		*ret = TRI_YES;
	else if (scalar == SCALAR_FALSE)
		*ret = TRI_NO;
	else if (value->kind != TREE_BROKEN)
		REPORT(reading, value, "%s: unknown value; write true or false", name);
	return 0;
}

static int read_has_terminal(struct target *target, struct reading *reading, const char *name,
			     const struct yaml_node *value) {
	return read_tri(&target->described->caller->has_terminal, reading, name, value);
}

static int settle_has_terminal(struct target *target) {
	struct caller *caller = target->described->caller;

	if (caller->has_terminal == TRI_UNKNOWN)
		caller->has_terminal = TRI_NO;
	return 0;
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
	const char *names[OPERATION_COUNT];
	int operation;

	for (int i = 0; i < OPERATION_COUNT; i++)
		names[i] = operation_name((enum operation)i);
	operation = read_word(reading, name, value, names, OPERATION_COUNT);
	if (operation >= 0)
		target->described->request.operation = (enum operation)operation;
	return 0;
}

static int read_key(struct target *target, struct reading *reading, const char *name,
		    const struct yaml_node *value) {
	struct key_facts *key = &target->described->request.key;
	const char *text = read_text(reading, name, value);

	if (text == NULL)
		return 0;
	if (strncmp(text, "SHA256:", 7) != 0 || strlen(text) >= sizeof(key->fingerprint))
		REPORT(reading, value,
		       "%s: %.60s: not a fingerprint as ssh-keygen -l prints it (SHA256: and 43 "
		       "letters at most)",
		       name, text);
	else
		strcpy(key->fingerprint, text);
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

/* A key that is known and that nobody stated: it fits what fits every key, and no rule that names
 * one, because a fingerprint without letters is not taken in a policy. */
static int settle_key(struct target *target) {
	struct request *request = &target->described->request;

	if (*request->key.fingerprint == '\0' && names_a_key(request->operation))
		strcpy(request->key.fingerprint, "SHA256:");
	return 0;
}

static int settle_key_type(struct target *target) {
	struct request *request = &target->described->request;

	if (*request->key.type == '\0' && names_a_key(request->operation))
		strcpy(request->key.type, "none");
	return 0;
}

static int read_endpoint(struct target *target, struct reading *reading, const char *name,
			 const struct yaml_node *value) {
	return slot_copy(&target->described->endpoint, reading, name, value);
}

static int settle_endpoint(struct target *target) {
	return part_settle_text(&target->described->endpoint, "default");
}

/* ---- of the signature and its session ---- */

static int read_sign_type(struct target *target, struct reading *reading, const char *name,
			  const struct yaml_node *value) {
	const char *names[PAYLOAD_SSHSIG + 1];
	int kind;

	for (int i = 0; i <= PAYLOAD_SSHSIG; i++)
		names[i] = payload_kind_name((enum payload_kind)i);
	kind = read_word(reading, name, value, names, PAYLOAD_SSHSIG + 1);
	if (kind >= 0)
		target->described->payload.kind = (enum payload_kind)kind;
	return 0;
}

static int read_is_forwarded(struct target *target, struct reading *reading, const char *name,
			     const struct yaml_node *value) {
	return read_tri(&target->described->request.is_forwarded, reading, name, value);
}

static int settle_is_forwarded(struct target *target) {
	struct request *request = &target->described->request;

	if (request->is_forwarded == TRI_UNKNOWN)
		request->is_forwarded = TRI_NO;
	return 0;
}

static const struct part request_parts[] = {
	{"operation", ALWAYS_KNOWN, read_operation, NULL},
	{"key", MAY_BE_UNKNOWN, read_key, settle_key},
	{"key_type", MAY_BE_UNKNOWN, read_key_type, settle_key_type},
	{"endpoint", ALWAYS_KNOWN, read_endpoint, settle_endpoint},
	{"sign_type", ALWAYS_KNOWN, read_sign_type, NULL},
	{"is_forwarded", MAY_BE_UNKNOWN, read_is_forwarded, settle_is_forwarded},
	{"caller", MAY_BE_UNKNOWN, read_caller, settle_caller},
	{"exe", MAY_BE_UNKNOWN, part_read_exe, part_settle_exe},
	{"process_name", MAY_BE_UNKNOWN, part_read_name, part_settle_name},
	{"title", MAY_BE_UNKNOWN, part_read_title, part_settle_title},
	{"command", MAY_BE_UNKNOWN, part_read_command, part_settle_command},
	{"has_terminal", MAY_BE_UNKNOWN, read_has_terminal, settle_has_terminal},
	{"cwd", MAY_BE_UNKNOWN, read_cwd, settle_cwd},
	{"cgroup", MAY_BE_UNKNOWN, read_cgroup, settle_cgroup},
	{"ancestors", MAY_BE_UNKNOWN_IN_PART, read_ancestors, settle_ancestors},
};
#define N_REQUEST_PARTS (sizeof(request_parts) / sizeof(request_parts[0]))
_Static_assert(N_REQUEST_PARTS < SLOTS_MAX, "there is room for unknown, too");

int described_read(struct described *ret, struct reading *reading, const struct yaml_node *map) {
	CLEANUP(described_deinit)
	struct described described = {.request = {.operation = OPERATION_SIGN},
				      .payload = {.kind = PAYLOAD_SSH_LOGIN}};
	struct target target;
	int error = caller_new_unknown(&described.caller, NULL, "caller-unknown");

	if (error < 0)
		return error;
	described.caller->uid = geteuid();
	target = (struct target){&described, &described.caller->process};
	error = parts_read(request_parts, N_REQUEST_PARTS, &target, reading, "request", map);
	if (error < 0)
		return error;
	described.request.caller = described.caller;
	described.request.endpoint = described.endpoint;
	*ret = described;
	described = (struct described){0};
	if (ret->request.operation == OPERATION_SIGN)
		ret->request.payload = &ret->payload;
	return 0;
}

void described_deinit(struct described *described) {
	caller_free(described->caller);
	free_pointer(&described->endpoint);
	*described = (struct described){0};
}
