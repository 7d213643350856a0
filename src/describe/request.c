#include "describe/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/argv.h"
#include "caller/caller.h"
#include "describe/slot.h"

#define TITLE_LEN_MAX 15 /* the kernel cuts what it derives from the executable's name */

/* What a field is read into. */
struct target {
	struct described *described;
	struct process *process; /* the caller's, or an ancestor's */
};

enum part_unknown { ALWAYS_KNOWN, MAY_BE_UNKNOWN, MAY_BE_UNKNOWN_IN_PART };

/*
 * One field. Zeroed memory is what is not known, in all our facts; so what stands in `unknown:` is
 * left alone, and everything else is settled: made ordinary where it was not stated. Fields are
 * settled in the order of their table, so that one may be derived from those above it.
 */
struct part {
	const char *name;
	enum part_unknown unknown;
	int (*read)(struct target *target, struct reading *reading, const char *name,
		    const struct yaml_node *value);
	int (*settle)(struct target *target); /* NULL: zeroed memory is ordinary */
};

static int parts_read(const struct part *parts, size_t n_parts, struct target *target,
		      struct reading *reading, const char *what, const struct yaml_node *map);

/* ---- values ---- */

static int copy(char **ret, const char *text) {
	*ret = strdup(text);
	return *ret != NULL ? 0 : -ENOMEM;
}

static int read_copy(char **ret, struct reading *reading, const char *name,
		     const struct yaml_node *value) {
	return slot_copy(ret, reading, name, value);
}

/* A path, where "~/" is home as in a policy. */
static int read_path_value(char **ret, struct reading *reading, const char *name,
			   const struct yaml_node *value) {
	const char *text = slot_text(reading, name, value);
	const char *home = reading->context.home;

	if (text == NULL)
		return 0;
	if (strncmp(text, "~/", 2) != 0)
		return copy(ret, text);
	if (home == NULL) {
		REPORT(reading, value, "%s: %.60s: HOME does not say what ~/ is", name, text);
		return 0;
	}
	if (asprintf(ret, "%s%s", home, text + 1) >= 0)
		return 0;
	*ret = NULL;
	return -ENOMEM;
}

static void put_argument(struct buffer *joined, struct bytes argument) {
	buffer_put_raw(joined, argument);
	buffer_put_u8(joined, '\0');
}

/* A list is an argument vector; one text is cut at its blanks. */
static int read_argv(struct process *process, struct reading *reading, const char *name,
		     const struct yaml_node *value) {
	static const char blanks[] = " \t\n";
	CLEANUP(buffer_deinit) struct buffer joined = {0};
	const char *text = "";
	int error;

	if (value->kind == TREE_LIST) {
		for (const struct yaml_node *item = value->first; item != NULL; item = item->next) {
			const char *argument = slot_text(reading, name, item);

			if (argument != NULL)
				put_argument(&joined, bytes_of_text(argument));
		}
	} else {
		text = slot_text(reading, name, value);
	}
	for (size_t len; text != NULL && *(text += strspn(text, blanks)) != '\0'; text += len) {
		len = strcspn(text, blanks);
		put_argument(&joined, (struct bytes){(const uint8_t *)text, len});
	}
	error = buffer_error(&joined);
	return error < 0 ? error
			 : argv_split(&process->argv, &process->argc, buffer_bytes(&joined));
}

/* ---- of a process ---- */

static int read_exe(struct target *target, struct reading *reading, const char *name,
		    const struct yaml_node *value) {
	return read_path_value(&target->process->exe, reading, name, value);
}

static int settle_exe(struct target *target) {
	return target->process->exe != NULL ? 0 : copy(&target->process->exe, "");
}

static int read_name(struct target *target, struct reading *reading, const char *name,
		     const struct yaml_node *value) {
	return read_copy(&target->process->name, reading, name, value);
}

/* As it is for a live one: the last part of exe, and not known where exe is not. */
static int settle_name(struct target *target) {
	struct process *process = target->process;
	const char *slash;

	if (process->name != NULL || process->exe == NULL)
		return 0;
	slash = strrchr(process->exe, '/');
	return copy(&process->name, slash != NULL ? slash + 1 : process->exe);
}

static int read_title(struct target *target, struct reading *reading, const char *name,
		      const struct yaml_node *value) {
	return read_copy(&target->process->title, reading, name, value);
}

static int settle_title(struct target *target) {
	struct process *process = target->process;

	if (process->title != NULL)
		return 0;
	process->title = strndup(process->name != NULL ? process->name : "", TITLE_LEN_MAX);
	return process->title != NULL ? 0 : -ENOMEM;
}

static int read_command(struct target *target, struct reading *reading, const char *name,
			const struct yaml_node *value) {
	return read_argv(target->process, reading, name, value);
}

static int settle_command(struct target *target) {
	struct process *process = target->process;

	return process->argv != NULL
		       ? 0
		       : argv_split(&process->argv, &process->argc, (struct bytes){0});
}

static const struct part ancestor_parts[] = {
	{"exe", MAY_BE_UNKNOWN, read_exe, settle_exe},
	{"name", MAY_BE_UNKNOWN, read_name, settle_name},
	{"title", MAY_BE_UNKNOWN, read_title, settle_title},
	{"command", MAY_BE_UNKNOWN, read_command, settle_command},
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
	return read_path_value(&target->described->caller->cwd, reading, name, value);
}

static int settle_cwd(struct target *target) {
	struct caller *caller = target->described->caller;

	return caller->cwd != NULL ? 0 : copy(&caller->cwd, "");
}

static int read_cgroup(struct target *target, struct reading *reading, const char *name,
		       const struct yaml_node *value) {
	return read_copy(&target->described->caller->cgroup, reading, name, value);
}

static int settle_cgroup(struct target *target) {
	struct caller *caller = target->described->caller;

	return caller->cgroup != NULL ? 0 : copy(&caller->cgroup, "");
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
	return read_copy(&target->described->endpoint, reading, name, value);
}

static int settle_endpoint(struct target *target) {
	struct described *described = target->described;

	return described->endpoint != NULL ? 0 : copy(&described->endpoint, "default");
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
	{"exe", MAY_BE_UNKNOWN, read_exe, settle_exe},
	{"process_name", MAY_BE_UNKNOWN, read_name, settle_name},
	{"title", MAY_BE_UNKNOWN, read_title, settle_title},
	{"command", MAY_BE_UNKNOWN, read_command, settle_command},
	{"has_terminal", MAY_BE_UNKNOWN, read_has_terminal, settle_has_terminal},
	{"cwd", MAY_BE_UNKNOWN, read_cwd, settle_cwd},
	{"cgroup", MAY_BE_UNKNOWN, read_cgroup, settle_cgroup},
	{"ancestors", MAY_BE_UNKNOWN_IN_PART, read_ancestors, settle_ancestors},
};
#define N_REQUEST_PARTS (sizeof(request_parts) / sizeof(request_parts[0]))
_Static_assert(N_REQUEST_PARTS < SLOTS_MAX, "there is room for unknown, too");

/* ---- the map ---- */

/* One name of unknown. */
static void mark_unknown(bool *unknown, const struct part *parts, size_t n_parts,
			 struct reading *reading, const struct slot *slots,
			 const struct yaml_node *item) {
	const char *names[SLOTS_MAX];
	size_t n_names = 0;
	int index;

	for (size_t i = 0; i < n_parts; i++)
		if (parts[i].unknown != ALWAYS_KNOWN)
			names[n_names++] = parts[i].name;
	index = read_word(reading, "unknown", item, names, n_names);
	for (size_t i = 0; i < n_parts && index >= 0; i++) {
		if (strcmp(parts[i].name, names[index]) != 0)
			continue;
		unknown[i] = true;
		if (slots[i].value != NULL && parts[i].unknown != MAY_BE_UNKNOWN_IN_PART)
			REPORT(reading, item, "unknown: %s: is stated, too; remove one",
			       parts[i].name);
	}
}

static void read_unknown(bool *unknown, const struct part *parts, size_t n_parts,
			 struct reading *reading, const struct slot *slots) {
	const struct yaml_node *value = slots[n_parts].value;

	if (value == NULL)
		return;
	if (value->kind != TREE_LIST) {
		mark_unknown(unknown, parts, n_parts, reading, slots, value);
		return;
	}
	for (const struct yaml_node *item = value->first; item != NULL; item = item->next)
		mark_unknown(unknown, parts, n_parts, reading, slots, item);
}

static int parts_read(const struct part *parts, size_t n_parts, struct target *target,
		      struct reading *reading, const char *what, const struct yaml_node *map) {
	struct slot slots[SLOTS_MAX] = {0};
	bool unknown[SLOTS_MAX] = {false};

	for (size_t i = 0; i < n_parts; i++)
		slots[i].name = parts[i].name;
	slots[n_parts].name = "unknown";
	if (map != NULL && slots_fill(slots, n_parts + 1, reading, what, map))
		read_unknown(unknown, parts, n_parts, reading, slots);
	for (size_t i = 0; i < n_parts; i++) {
		int error = 0;

		if (slots[i].value != NULL)
			error = parts[i].read(target, reading, parts[i].name, slots[i].value);
		if (error == 0 && !unknown[i] && parts[i].settle != NULL)
			error = parts[i].settle(target);
		if (error < 0)
			return error;
	}
	return 0;
}

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
